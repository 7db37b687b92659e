"""Kills the server with -9 at a random moment of a streaming reply, many times over one growing data folder.

Each round starts the app (echo engine, 200 tokens/s), sends a unique message as the page does, reads the event stream,
and kills the process 0-2.5 s after the request went out (in one round of ten within the first 0.1 s, so that the saving
of the message itself is hit as well). Then a copy of the SQLite file, with its log, is read directly:
- every message acknowledged in this and all earlier rounds is there, letter for letter;
- the reply is the beginning of the true reply, and no more than 1 s behind what had been shown;
- replies of earlier rounds are as they were; integrity_check and foreign_key_check find nothing;
and the next start answers /health and has marked the cut-off reply as interrupted.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import shutil
import sqlite3
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)

import httpx

from benchmarks.common import App, Client, Row, Stream, look, running, show

LONGEST_LAG = 1.0
_WORDS = (
    "tea",
    "rain",
    "天气",
    "很好",
    "mañana",
    "straße",
    "雨",
    "boîte",
    "river",
    "Ωmega",
    "naïve",
    "🙂",
    "don't",
    "7,5",
)
_ENGINE = ("--engine", "echo", "--model", "echo@200", "--offline")


@dataclass
class Result:
    """What went wrong, counted; all but `rounds`, `acknowledged`, `shown` and `worst_lag` should be zero."""

    seed: int
    rounds: int = 0
    acknowledged: int = 0
    shown: int = 0
    """Rounds in which some of the reply was on show before the kill."""
    lost_turns: int = 0
    wrong_replies: int = 0
    replies_behind: int = 0
    worst_lag: float = 0.0
    changed_later: int = 0
    integrity: int = 0
    failed_starts: int = 0
    unmarked: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Nothing was lost, late, damaged or stuck."""
        counts = (self.lost_turns, self.wrong_replies, self.replies_behind, self.changed_later, self.integrity)
        return not any((*counts, self.failed_starts, self.unmarked))


@dataclass
class _Kept:
    """What the file must hold from now on."""

    acknowledged: set[str] = field(default_factory=set)
    replies: dict[str, str] = field(default_factory=dict)
    conversation: str | None = None
    leaf: str | None = None


def run(rounds: int, folder: Path, seed: int, *, progress: bool = False) -> Result:
    """Do that many rounds on `folder`, and one start after the last of them."""
    chance = random.Random(seed)
    result, kept = Result(seed), _Kept()
    for number in range(rounds):
        try:
            with running(folder, *_ENGINE) as app:
                _after_start(app, kept, result)
                text = f"Round {number}: {' '.join(chance.choices(_WORDS, k=700))} end {number}"
                anew = kept.leaf is None or chance.random() < 0.3
                delay = chance.uniform(0, 0.1 if chance.random() < 0.1 else 2.5)
                killed, acknowledged, stream = _send_and_kill(app, kept, text, delay, anew=anew)
        except AssertionError as error:
            result.failed_starts += 1
            result.notes.append(f"round {number}: {error}")
            continue
        result.rounds += 1
        if acknowledged:
            result.acknowledged += 1
            kept.acknowledged.add(text)
        _check(folder, kept, result, text, killed, stream, acknowledged=acknowledged)
        if progress and (number + 1) % 20 == 0:
            found = "nothing wrong" if result.clean else "; ".join(result.notes[-3:])
            print(f"{number + 1} of {rounds}: worst lag {result.worst_lag:.2f} s, {found}", flush=True)
    try:
        with running(folder, *_ENGINE) as app:
            _after_start(app, kept, result)
    except AssertionError as error:
        result.failed_starts += 1
        result.notes.append(f"last start: {error}")
    return result


def _after_start(app: App, kept: _Kept, result: Result) -> None:
    assert app.get("/health")["status"] == "ok", "/health is not ok"
    with contextlib.closing(look(app.data / "playground.db")) as db:
        still = db.execute("SELECT count(*) FROM messages WHERE status = 'streaming'").fetchone()[0]
        marked = dict(db.execute("SELECT id, status || ' ' || error FROM messages WHERE role = 'assistant'"))
    wrong = [reply for reply in kept.replies if marked.get(reply) != "failed interrupted"]
    if still or wrong:
        result.unmarked += still + len(wrong)
        result.notes.append(f"after a start {still} replies stream and {len(wrong)} are not marked interrupted")


def _send_and_kill(app: App, kept: _Kept, text: str, delay: float, *, anew: bool) -> tuple[float, bool, Stream | None]:
    """Returns when it was killed, whether the message had been acknowledged, and what the stream showed."""
    client = Client(app.url)
    killed = 0.0

    def kill() -> None:
        nonlocal killed
        killed = time.time()
        app.process.kill()

    timer = threading.Timer(delay, kill)
    conversation = None if anew else kept.conversation
    stream = Stream(app.url, conversation) if conversation else None
    acknowledged = False
    timer.start()
    try:
        conversation = client.send(conversation, None if anew else kept.leaf, text)
        acknowledged = True
        stream = stream or Stream(app.url, conversation)
    except httpx.HTTPError:
        pass  # Killed before it could answer.
    timer.join()
    app.process.wait(30)
    if stream is not None:
        stream.close()
    client.close()
    return killed, acknowledged, stream


def _check(
    folder: Path, kept: _Kept, result: Result, text: str, killed: float, stream: Stream | None, *, acknowledged: bool
) -> None:
    with _copy(folder) as db:
        problems = [row[0] for row in db.execute("PRAGMA integrity_check") if row[0] != "ok"]
        problems += [str(row) for row in db.execute("PRAGMA foreign_key_check")]
        users = {row[0] for row in db.execute("SELECT content FROM messages WHERE role = 'user'")}
        replies = dict(db.execute("SELECT id, content FROM messages WHERE role = 'assistant'"))
        newest = db.execute(
            """SELECT r.id, r.content, r.conversation_id FROM messages u JOIN messages r ON r.parent_id = u.id
               WHERE u.role = 'user' AND u.content = ?""",
            [text],
        ).fetchone()
    result.integrity += len(problems)
    lost = kept.acknowledged - users
    result.lost_turns += len(lost)
    changed = [reply for reply, content in kept.replies.items() if replies.get(reply) != content]
    result.changed_later += len(changed)
    if problems or lost or changed:
        result.notes.append(f"{problems[:3]}, lost {[turn[:12] for turn in lost][:3]}, changed {changed[:3]}")
    kept.acknowledged -= lost  # Each loss counts once.
    kept.leaf = kept.conversation = None
    if newest is None:
        return
    reply, stored, conversation = newest
    kept.replies[reply] = stored
    if stored:  # An empty reply joins two messages into one for the engine: the next one begins a new conversation.
        kept.leaf, kept.conversation = reply, conversation
    if not f"You said: {text}".startswith(stored):
        result.wrong_replies += 1
        result.notes.append(f"{text[:12]}: the reply is not what was said: …{stored[-40:]!r}")
    shown = stream.shown if stream is not None else []
    result.shown += bool(shown)
    if any(not f"You said: {text}".startswith(one.text) for one in shown):
        result.wrong_replies += 1
        result.notes.append(f"{text[:12]}: something else was shown: …{shown[-1].text[-40:]!r}")
    lag = next((killed - one.at for one in shown if len(one.text) > len(stored)), 0.0)
    result.worst_lag = max(result.worst_lag, lag)
    if lag > LONGEST_LAG:
        result.replies_behind += 1
        result.notes.append(f"{text[:12]}: the stored reply is {lag:.2f} s behind what was shown")


@contextlib.contextmanager
def _copy(folder: Path) -> Iterator[sqlite3.Connection]:
    """A copy of the history as the dead process left it: reading the file itself would already mend it."""
    with tempfile.TemporaryDirectory() as place:
        for ending in ("", "-wal"):
            file = folder / f"playground.db{ending}"
            if file.exists():
                shutil.copy(file, Path(place) / file.name)
        with contextlib.closing(sqlite3.connect(Path(place) / "playground.db")) as db:
            yield db


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    options = parser.parse_args()
    print(f"seed {options.seed}, {options.rounds} rounds", flush=True)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as place:
        result = run(options.rounds, Path(place) / "data", options.seed, progress=True)
        size = sum(file.stat().st_size for file in (Path(place) / "data").glob("playground.db*"))
    seconds = (time.monotonic() - started) / max(1, result.rounds)

    def none(what: str, count: int) -> Row:
        return Row(what, str(count), "0", count == 0)

    rows = [
        Row("rounds (s each; file at the end)", f"{result.rounds} ({seconds:.1f} s; {size >> 10} KB)"),
        Row("messages acknowledged before the kill", str(result.acknowledged)),
        Row("rounds in which some of the reply was shown", str(result.shown)),
        none("acknowledged messages lost", result.lost_turns),
        none("replies more than 1 s behind what was shown", result.replies_behind),
        Row("worst lag", f"{result.worst_lag:.2f} s", f"{LONGEST_LAG:.0f} s", result.worst_lag <= LONGEST_LAG),
        none("replies that say something else", result.wrong_replies),
        none("earlier replies that changed", result.changed_later),
        none("integrity and link problems", result.integrity),
        none("failed starts", result.failed_starts),
        none("replies not marked interrupted", result.unmarked),
    ]
    show(f"kill -9 in mid-reply (seed {result.seed})", rows)
    for note in result.notes:
        print(f"- {note}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
