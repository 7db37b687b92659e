"""What becomes of a reply when somebody ends it, leaves it or quits the app. Three parts, each on its own:

stop   Starter model in llama.cpp. Each round starts a reply in a new conversation and presses Stop at a random moment,
       in turn with the page's button and with a command from another session. Measured: from the press until SQLite
       says "stopped", which is written after the model is free again. What was on show at the press must be saved
       (compared by its letters, because Markdown is shown as HTML). The same while a prompt of about 3,000 tokens is
       read, in a tenth as many rounds; there, what the next message waits longer than usual is added.
leave  Echo engine at 40 tokens/s, in a browser: in mid-reply the page is reloaded, closed, or the browser killed with
       -9, in turn. A page opened then must show the text growing and at last whole; the reply must be saved whole.
quit   Echo engine: SIGTERM and SIGINT in turn in mid-reply, in a tenth as many rounds. The process must end within 3 s
       with exit code 0, and all that was shown must be saved.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

sys.path[0] = str(Path(__file__).resolve().parent.parent)

from playwright.sync_api import Error, Page, sync_playwright

from benchmarks.common import (
    Client,
    Row,
    Stream,
    chromium,
    letters,
    look,
    progress,
    running,
    show,
    starter,
    until_ended,
    wait_for,
)
from benchmarks.leave import LAST, leave, send_in_page

STOP_BAR, READING_BAR, QUIT_BAR = 0.3, 1.3, 3.0
_SUBJECTS = ("the sea", "a lighthouse", "tea", "the moon", "a long train journey", "bread", "an old library", "rain")
_NOTE_THE_PRESS = f"""document.addEventListener('click', (event) => {{
    if (!event.target.closest('#pg-stop')) return;
    const body = {LAST}.querySelector('.body').cloneNode(true);
    body.querySelectorAll('button').forEach((button) => button.remove());
    window.pressed = [Date.now() / 1000, body.textContent];
}}, true);"""


@dataclass
class Stops:
    """Seconds until each reply was stopped, and what was amiss."""

    seconds: list[float] = field(default_factory=list)
    too_late: int = 0
    """Replies that ended by themselves before Stop: not counted, done again."""
    missing: list[str] = field(default_factory=list)
    """Rounds in which something shown was not saved."""


def stop(rounds: int, chance: random.Random) -> list[Row]:
    """Part "stop"."""
    writing, reading = Stops(), Stops()
    after: list[float] = []
    usual: list[float] = []
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright, chromium(playwright) as browser:
        data = Path(place)
        with (
            running(data, "--engine", "llamacpp", "--offline", model=starter()) as app,
            contextlib.closing(look(data / "playground.db")) as db,
        ):
            wait_for(lambda: app.get("/health")["model"]["phase"] == "ready", 60, "the model")
            page = browser.new_page()
            page.add_init_script(_NOTE_THE_PRESS)
            page.goto(app.url)
            page.get_by_role("textbox", name="Message").wait_for()
            sessions = Client(app.url), Client(app.url)
            while len(writing.seconds) < rounds:
                text = f"Tell a long story about {chance.choice(_SUBJECTS)}, no. {chance.randrange(10**6)}."
                if len(writing.seconds) % 2:
                    _stop_in_page(page, db, text, chance.uniform(0, 2), writing)
                else:
                    _stop_by_command(sessions, db, text, chance.uniform(0, 2), writing)
                progress("stop", len(writing.seconds), rounds)
            while len(reading.seconds) < max(2, rounds // 10):
                text = " ".join(str(chance.randrange(10**5, 10**6)) for _ in range(430))
                if _stop_by_command(sessions, db, text, chance.uniform(0, 3), reading, reading=True):
                    after.append(_first_token(sessions[0], db, chance))
                    usual.append(_first_token(sessions[0], db, chance))
            rates = db.execute("SELECT tokens_per_second FROM replies WHERE tokens_per_second > 0").fetchall()
            token = 1 / median(rate for (rate,) in rates)
            page.close()
            for session in sessions:
                session.close()
    lost = writing.missing + reading.missing
    # llama.cpp may still be at its last batch when the reply has ended: the next message would have to wait for that.
    freed = [ended + max(0, one - median(usual)) for ended, one in zip(reading.seconds, after, strict=True)]
    bar = f"{STOP_BAR} s + a token ({token * 1000:.0f} ms)"
    return [
        *_within("Stop while writing", writing.seconds, STOP_BAR + token, bar),
        Row("  ended by themselves before Stop, done again", str(writing.too_late)),
        *_within("Stop while 3,000 tokens are read", freed, READING_BAR, f"{READING_BAR} s"),
        Row('  until "stopped", median, slowest', f"{median(reading.seconds):.3f} s, {max(reading.seconds):.3f} s"),
        Row("  next message's first token, and usually", f"{median(after):.3f} s, {median(usual):.3f} s"),
        Row("shown at Stop but not saved", str(len(lost)), "0", not lost),
        *(Row("  ", one) for one in lost[:5]),
    ]


def _within(what: str, seconds: list[float], bar: float, words: str) -> list[Row]:
    good, count = sum(one <= bar for one in seconds), len(seconds)
    return [
        Row(f"{what}: within the bar", f"{good} of {count}", words, good == count),
        Row("  median, slowest", f"{median(seconds):.3f} s, {max(seconds):.3f} s"),
    ]


def _stop_by_command(
    sessions: tuple[Client, Client],
    db: sqlite3.Connection,
    text: str,
    delay: float,
    stops: Stops,
    *,
    reading: bool = False,
) -> bool:
    """Returns whether it counts."""
    conversation = sessions[0].send(None, None, text)
    with contextlib.closing(Stream(sessions[0].url, conversation)) as stream:
        # A prompt that is being read shows no tokens yet.
        wait_for(lambda: (stream.shown and (reading or stream.tokens() >= 3)) or stream.ended.is_set(), 60, "the reply")
        stream.ended.wait(delay)
        pressed, too_late = time.time(), reading and stream.tokens() > 0
        sessions[1].stop(conversation)
        if not too_late:
            return _note(db, conversation, pressed, stream.text_at(pressed), stops)
        stops.too_late += 1
        until_ended(db, conversation)
        return False


def _first_token(session: Client, db: sqlite3.Connection, chance: random.Random) -> float:
    """Seconds to the first token of a short message in a new conversation, as its record says."""
    conversation = session.send(None, None, f"{chance.random()} is a number.", max_new_tokens=8)
    until_ended(db, conversation)
    question = "SELECT time_to_first_token FROM replies JOIN conversations ON leaf_id = message_id WHERE id = ?"
    return float(db.execute(question, [conversation]).fetchone()[0])


def _stop_in_page(page: Page, db: sqlite3.Connection, text: str, delay: float, stops: Stops) -> None:
    conversation = send_in_page(page, text)
    page.wait_for_function(f"() => {LAST}?.dataset.tokens >= 3 || !document.body.classList.contains('streaming')")
    page.wait_for_timeout(delay * 1000)
    with contextlib.suppress(Error):  # It is not there when the reply has ended by itself.
        page.get_by_role("button", name="Stop", exact=True).click(timeout=2000)
    pressed = page.evaluate("() => { const noted = window.pressed; window.pressed = null; return noted; }")
    if pressed is None:
        stops.too_late += 1
        until_ended(db, conversation)
    else:
        _note(db, conversation, pressed[0], pressed[1], stops)


def _note(db: sqlite3.Connection, conversation: str, pressed: float, shown: str, stops: Stops) -> bool:
    ended, status, content = until_ended(db, conversation)
    if status != "stopped":
        stops.too_late += 1
        return False
    stops.seconds.append(ended - pressed)
    if not letters(content).startswith(letters(shown)):
        stops.missing.append(f"shown …{shown[-40:]!r}, saved …{content[-40:]!r}")
    return True


def leaving_app(rounds: int, chance: random.Random) -> list[Row]:
    """Part "quit"."""
    seconds: list[float] = []
    wrong: list[str] = []
    for number in range(max(2, rounds // 10)):
        name = (signal.SIGTERM, signal.SIGINT)[number % 2]
        with tempfile.TemporaryDirectory() as place:
            with running(Path(place), "--engine", "echo", "--model", "echo@40", "--offline") as app:
                client = Client(app.url)
                stream = Stream(app.url, client.send(None, None, "/tokens 400"))
                wait_for(stream.tokens, 10, "the first words")
                time.sleep(chance.uniform(0, 1.5))
                began = time.monotonic()
                app.process.send_signal(name)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    app.process.wait(20)
                seconds.append(time.monotonic() - began)
                code = app.process.poll()
                stream.close()
                client.close()
            with contextlib.closing(sqlite3.connect(Path(place) / "playground.db")) as db:
                status, content = db.execute("SELECT status, content FROM messages WHERE role = 'assistant'").fetchone()
            if (status, code) != ("stopped", 0) or not content.startswith(stream.shown[-1].text):
                wrong.append(f"{name.name}: exit code {code}, {status}, saved …{content[-40:]!r}")
    return [
        *_within("quit in mid-reply", seconds, QUIT_BAR, f"{QUIT_BAR:.0f} s"),
        Row("  not ended well, or not saved as shown", str(len(wrong)), "0", not wrong),
        *(Row("  ", one) for one in wrong[:5]),
    ]


_PARTS = {"stop": stop, "leave": leave, "quit": leaving_app}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--only", choices=_PARTS, action="append", help="one part (can be repeated)")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    rows: list[Row] = []
    for part in options.only or _PARTS:
        rows += _PARTS[part](options.rounds, random.Random(options.seed))
    show(f"Stop, leave, quit (seed {options.seed})", rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
