"""What the app costs on top of the model, in a conversation of 500 messages. Three parts, each on its own:

speed  Tokens a second of the starter model that a plain client receives on the app's event stream, against bare
       xllamacpp in this process with the same parameters, on the same prompt (all 500 messages and one more), greedy,
       equally many tokens, alternating. The message is sent by HTTP to the handler that the page's Send button calls.
       Rate: (last count - first count) / time between them, in both. The app gets a fresh copy of the conversation
       each round, so that the prompt stays the same; both have read it once before, and only one writes at a time.
page   Chromium, echo engine at 40 tokens/s: from Enter on "/tokens 300" until the last word is on the page and Stop is
       gone, over the 7.5 s that the words alone take.
open   Chromium: from the click on the conversation in the list until its last message is visible; alternating with
       another conversation.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

sys.path[0] = str(Path(__file__).resolve().parent.parent)

from playwright.sync_api import Page, sync_playwright

from benchmarks.common import Client, Row, Stream, chromium, give_starter, running, show, starter
from playground.context import as_turns
from playground.engine.catalog import resolve, source
from playground.engine.llamacpp_engine import LlamaCppEngine
from playground.paths import DataFolder
from playground.presets import STARTER, model_preset
from playground.records import Turn
from playground.settings import Settings
from playground.store import Database, History
from playground.store.history import TurnSettings

MESSAGES = 500
SPEED_BAR, PAGE_BAR, OPEN_BAR = 0.95, 1.15, 1.5
_PARTS = ("speed", "page", "open")
_TOKENS, _WORDS, _PACE = 300, 300, 40
_ORDER = "Write a long essay about the history of tea in ten paragraphs."
"""The starter model goes on for more than _TOKENS tokens after this, even below 250 times the same short reply."""
_GREEDY = {"temperature": 0, "top_p": 1, "top_k": 0, "min_p": 0, "repetition_penalty": 1, "max_new_tokens": _TOKENS}


def fill(history: History, title: str, messages: int = MESSAGES, last: str = "Noted.") -> tuple[str, str]:
    """Write a conversation of that many short messages, the way the app does; returns its id and its leaf's."""
    conversation, leaf = None, None
    for number in range(messages // 2):
        text = f"Note {number} on tea."
        turn = history.add_turn(conversation, text, seen_leaf=leaf, title=title, settings=TurnSettings("", {}))
        conversation, leaf = turn.conversation_id, turn.reply_id
        history.finish(leaf, last if number == messages // 2 - 1 else "Noted.", "complete", "", None)
    return conversation or "", leaf or ""


def bare_rate(server: Any, turns: Sequence[Turn]) -> tuple[float, int]:
    """Tokens a second out of xllamacpp's own callback, and how many tokens there were."""
    times: list[float] = []
    tokens = 0

    def count(event: dict[str, Any]) -> bool:
        nonlocal tokens
        if event.get("choices") and event["choices"][0].get("delta", {}).get("content"):
            times.append(time.perf_counter())
        tokens = (event.get("usage") or {}).get("completion_tokens", tokens)
        return False

    # As in engine/llamacpp_engine.py, where these names are translated.
    request = {
        "messages": [{"role": turn.role, "content": turn.content} for turn in turns],
        "temperature": 0,
        "max_tokens": _TOKENS,
        "samplers": ["penalties", "top_k", "top_p", "min_p", "temperature"],
        "stream": True,
        "stream_options": {"include_usage": True},
        "cache_prompt": True,
    }
    server.handle_chat_completions(request, count)
    return (len(times) - 1) / (times[-1] - times[0]), tokens


def speed(rounds: int) -> list[Row]:
    """Part "speed"."""
    with tempfile.TemporaryDirectory() as place:
        folder = DataFolder(Path(place))
        give_starter(starter(), folder.root)
        settings = Settings(engine="llamacpp", offline=True)
        # The engine's constructor makes the server, so that its parameters are the app's; all the rest goes past it.
        engine = LlamaCppEngine(source(resolve(settings, folder), settings, folder))
        history = History(Database(folder.database, folder.backups))
        copies = [fill(history, f"copy {number}") for number in range(rounds + 1)]
        stored = [Turn(one.role, one.content) for one in history.branch(copies[0][1])]
        turns = as_turns(model_preset(STARTER).system_prompt, [*stored, Turn("user", _ORDER)])
        pairs = []
        with running(folder.root, "--engine", "llamacpp", "--offline") as app:
            client = Client(app.url)
            for number, (conversation, leaf) in enumerate(copies):
                ours, reply = _app_rate(app.url, client, conversation, leaf)
                theirs, tokens = bare_rate(engine._server, turns)
                record = history.message(reply).record or {}
                kind = "warm-up" if number == 0 else f"round {number}"
                print(f"{kind}: app {ours:.2f}, bare {theirs:.2f} tokens/s, {ours / theirs:.3f}", flush=True)
                same = (record["completion_tokens"], record["prompt_tokens"]) == (tokens, engine.count_tokens(turns))
                if not same or tokens != _TOKENS or record["left_out"]:
                    raise SystemExit(f"not comparable: {tokens} tokens bare, in the app {record}")
                if number:
                    pairs.append((ours, theirs))
            client.close()
        engine.close()
    ratio = median(a / b for a, b in pairs)
    return [
        Row("prompt and reply", f"{record['prompt_tokens']} and {tokens} tokens"),
        Row("the app's stream, median", f"{median(a for a, _ in pairs):.2f} tokens/s"),
        Row("bare xllamacpp, median", f"{median(b for _, b in pairs):.2f} tokens/s"),
        Row("median ratio of the pairs", f"{ratio:.3f}", f">= {SPEED_BAR}", ratio >= SPEED_BAR),
    ]


def _app_rate(url: str, client: Client, conversation: str, leaf: str) -> tuple[float, str]:
    """Tokens a second on the stream, and the reply's id."""
    stream = Stream(url, conversation)
    client.send(conversation, leaf, _ORDER, **_GREEDY)
    if not stream.ended.wait(600):
        raise SystemExit("the reply did not end within ten minutes")
    stream.close()
    first, last = next(one for one in stream.shown if one.tokens), stream.shown[-1]
    return (last.tokens - first.tokens) / (last.at - first.at), stream.view["leaf"]


def page_and_open(parts: Sequence[str], rounds: int) -> list[Row]:
    """Parts "page" and "open"."""
    rows = []
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
        folder = DataFolder(Path(place))
        history = History(Database(folder.database, folder.backups))
        fill(history, "another one", 40, "End of another one.")
        long, _ = fill(history, "the long one", last="End of the long one.")
        arguments = ("--engine", "echo", "--model", f"echo@{_PACE}", "--offline")
        with running(folder.root, *arguments) as app, chromium(playwright) as browser:
            page = browser.new_page()
            page.goto(f"{app.url}/?c={long}")
            page.get_by_text("End of the long one.").wait_for(timeout=60_000)
            if "open" in parts:
                clicks = [_seconds_to_open(page) for _ in range(5)]
                worst, middle = max(clicks), median(clicks)
                shown = "click until the last message is visible, median"
                rows.append(Row(shown, f"{middle:.2f} s", f"<= {OPEN_BAR} s", middle <= OPEN_BAR))
                rows.append(Row("the slowest of the five", f"{worst:.2f} s"))
            if "page" in parts:
                times = [_seconds_to_reply(page) for _ in range(rounds)]
                alone = _WORDS / _PACE
                ratio = median(times) / alone
                rows.append(Row(f"Enter until {_WORDS} words are shown, median", f"{median(times):.2f} s"))
                rows.append(Row("over their own time", f"{ratio:.3f}", f"<= {PAGE_BAR}", ratio <= PAGE_BAR))
    return rows


def _seconds_to_open(page: Page) -> float:
    page.get_by_role("link", name="another one").click()
    page.get_by_text("End of another one.").wait_for()
    began = time.perf_counter()
    page.get_by_role("link", name="the long one").click()
    page.get_by_text("End of the long one.").wait_for()
    return time.perf_counter() - began


def _seconds_to_reply(page: Page) -> float:
    box = page.get_by_role("textbox", name="Message")
    box.fill(f"/tokens {_WORDS}")
    began = time.perf_counter()
    box.press("Enter")
    # First that it has begun: the earlier reply ends with the same word, and Stop is gone before the new one begins.
    page.wait_for_function("() => document.body.classList.contains('streaming')", polling="raf")
    page.wait_for_function(
        """(word) => {
            const bodies = document.querySelectorAll('#pg-items article:last-child .body');
            const stop = document.querySelector('#pg-stop');
            return bodies.length && bodies[0].innerText.trim().endsWith(word) && !(stop && stop.checkVisibility());
        }""",
        arg=f"word{_WORDS - 1}",
        polling="raf",
        timeout=60_000,
    )
    return time.perf_counter() - began


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=_PARTS, action="append", help="one part (can be repeated)")
    options = parser.parse_args()
    parts = options.only or _PARTS
    rows = speed(options.rounds) if "speed" in parts else []
    if set(parts) & {"page", "open"}:
        rows += page_and_open(parts, options.rounds)
    show(f"overhead in a conversation of {MESSAGES} messages", rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
