"""A history of 10,000 conversations and 200,000 messages (`history_data.py` makes it, once). Four parts:

store  Search in the store: a list of queries of all kinds, each of them `--rounds` times on one connection; and the
       size of the file against the text in it, after what was searched has been written by the app's own means.
list   What the page's list needs from the store, and the time until the page's event stream sends the list.
page   Chromium, echo engine: from the page's question for its list until that is shown; from the last key typed into
       the search box until its results are shown.
open   Chromium: a conversation of 5,000 messages, from the click in the list until its last message is shown, in turn
       with another one; and a reply in it at 40 tokens/s, from Enter until it is complete, over the time that the
       words alone take.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from typing import Any

sys.path[0] = str(Path(__file__).resolve().parent.parent)

import httpx
from playwright.sync_api import Page, sync_playwright

from benchmarks.common import App, Row, chromium, running, show
from benchmarks.history_data import LAST, MESSAGES, Built, built
from playground.paths import DataFolder
from playground.store import Database, History

SEARCH_BAR, SIZE_BAR, LIST_BAR, TYPED_BAR, OPEN_BAR, REPLY_BAR = 0.05, 3.0, 0.3, 0.3, 1.5, 1.15
_PARTS = ("store", "list", "page", "open")
_WORDS, _PACE = 300, 40
_DAY = 86400.0
_NOW = 1_760_000_000.0
QUERIES: dict[str, tuple[str, ...]] = {
    "everywhere": ("the", "e", "的", "a", ".", "tion", "，", "一", "of the and", "ｔｈｅ"),
    "short": ("qz", "C#", "☂", "zx", "q", "x=1", "np.", "e.g", "%_", '"', "学", "龘", "가", "かな", "😀", "\\d"),
    "words": ("interest", "stringent", "ationally", "network_address", "def __init__", "self.assertEqual", "brou."),
    "several": ("stou the and network", "trou plou", "工作 学习", "学 写", "return self raise", "wholly absent words"),
    "phrases": ('"for it as"', '"of and the in"', '"to be or not to be"', '"return self"', '"inging the"'),
    "Chinese": ("我们", "一了", "一了不", "是我不在", "天气预报", "在不"),
    "absent": ("zzzzz", "xqxqxq", "notawordinhere", "龘龘"),
    "long": (LAST, "x" * 10_000, "the " * 2_500, " ".join(map(str, range(2_000))), "的" * 3_000),
}
FILTERED: tuple[tuple[str, dict[str, Any]], ...] = (
    ("the", {"model": "rare-model"}),
    ("network", {"model": "qwen3-8b-q4"}),
    ("the", {"tag": "rare-tag"}),
    ("th", {"tag": "work"}),
    ("zz", {"tag": "学习"}),
    ("network", {"role": "user"}),
    ("的", {"role": "assistant"}),
    ("e", {"starred": True}),
    ("", {"starred": True}),
    ("", {"tag": "music"}),
    ("", {"model": "rare-model"}),
    ("the", {"since": _NOW - 500 * _DAY, "until": _NOW - 499 * _DAY}),
    ("interest", {"until": _NOW - 400 * _DAY}),
    ("的", {"until": _NOW - 600 * _DAY}),
    ("ing", {"folder": "论文"}),
    ("ment", {"folder": "Taxes", "model": "mistral-7b-q5", "role": "assistant"}),
)
TYPED = ("the", "network", "interest", "我们", "的", "def __init__", "C", "trou plou")
"""Searches that find something; typed on the page."""
_WATCH = """
    window.asked = 0; window.listed = 0; window.typed = 0; window.changed = 0;
    const Native = window.EventSource;
    window.EventSource = class extends Native {
        constructor(...values) { window.asked ||= performance.now(); super(...values); }
    };
    document.addEventListener("DOMContentLoaded", () => {
        const seen = () => {
            const link = document.querySelector("#pg-list a");
            if (link && link.checkVisibility()) window.listed ||= performance.now();
            requestAnimationFrame(seen);
        };
        seen();
        document.addEventListener("input", () => { window.typed = performance.now(); }, true);
        const wait = setInterval(() => {
            const box = document.querySelector("#pg-results");
            if (!box) return;
            clearInterval(wait);
            new MutationObserver(() => requestAnimationFrame(() => { window.changed = performance.now(); }))
                .observe(box, { childList: true });
        }, 20);
    });
"""
_COMPLETE = """
    (word) => {
        const body = document.querySelector('#pg-items article:last-child .body');
        const stop = document.querySelector('#pg-stop');
        return body && body.innerText.trim().endsWith(word) && !(stop && stop.checkVisibility());
    }"""


def store(made: Built, rounds: int) -> list[Row]:
    """Part "store"."""
    history = History(Database(made.file, made.file.parent / "backups"))
    kinds: dict[str, list[float]] = {}
    asked: list[tuple[str, str, dict[str, Any]]]
    asked = [(kind, text, {}) for kind, texts in QUERIES.items() for text in texts]
    asked += [("filtered", text, filters) for text, filters in FILTERED]
    slowest: list[tuple[float, str]] = []
    for kind, text, filters in asked:
        times = [_seconds(partial(history.search.find, text, **filters)) for _ in range(rounds)]
        kinds.setdefault(kind, []).extend(times)
        slowest.append((median(times), f"{text[:30]!r} {filters or ''}"))
    history.database.close()
    every = sorted(one for times in kinds.values() for one in times)
    p95 = _p95(every)
    rows = [
        Row(f"search, {len(asked)} queries: p50", _ms(median(every))),
        Row("search: p95", _ms(p95), f"<= {_ms(SEARCH_BAR)}", p95 <= SEARCH_BAR),
        Row("search: the slowest", _ms(every[-1])),
    ]
    rows += [
        Row(f"search, {kind}: p50 and p95", f"{_ms(median(times))}, {_ms(_p95(times))}")
        for kind, times in kinds.items()
    ]
    rows += [Row(f"slow: {text}", _ms(seconds)) for seconds, text in sorted(slowest, reverse=True)[:5]]
    share = made.file.stat().st_size / made.text_bytes
    rows.append(
        Row(f"file over text ({made.text_bytes / 1e6:.0f} MB)", f"{share:.2f}", f"<= {SIZE_BAR}", share <= SIZE_BAR)
    )
    rows.append(Row("indexing all of it", f"{made.index_seconds:.0f} s"))
    return rows


def listing(made: Built, app: App, rounds: int) -> list[Row]:
    """Part "list"."""
    history = History(Database(made.file, made.file.parent / "backups"))
    times = [_seconds(lambda: (history.conversations(101), history.counts())) for _ in range(5 * rounds)]
    history.database.close()
    sent = [_seconds(lambda: _first_list(app.url)) for _ in range(5 * rounds)]
    return [
        Row("conversations and counts in the store, p50 and p95", f"{_ms(median(times))}, {_ms(_p95(times))}"),
        Row(
            "stream asked until `list` is there, median",
            _ms(median(sent)),
            f"<= {_ms(LIST_BAR)}",
            median(sent) <= LIST_BAR,
        ),
        Row("the slowest", _ms(max(sent))),
    ]


def _first_list(url: str) -> None:
    with httpx.stream("GET", f"{url}/page/live", timeout=30) as answer:
        next(line for line in answer.iter_lines() if line == "event: list")


def page(app: App, browser_page: Page, rounds: int) -> list[Row]:
    """Part "page"."""
    shown = []
    for _ in range(rounds):
        browser_page.goto(app.url)
        browser_page.wait_for_function("() => window.listed", timeout=60_000)
        shown.append(browser_page.evaluate("() => window.listed - window.asked") / 1000)
    typed = [_typed(browser_page, text) for text in TYPED for _ in range(rounds)]
    p95 = _p95(typed)
    return [
        Row(
            "list asked until it is shown, median", _ms(median(shown)), f"<= {_ms(LIST_BAR)}", median(shown) <= LIST_BAR
        ),
        Row("last key until results are shown, median", _ms(median(typed))),
        Row("last key until results are shown, p95", _ms(p95), f"<= {_ms(TYPED_BAR)}", p95 <= TYPED_BAR),
    ]


def _typed(browser_page: Page, text: str) -> float:
    """Type a search; seconds from the last key until what it found is there, and nothing else comes after."""
    box = browser_page.locator("#pg-search input")
    box.fill("")
    browser_page.wait_for_function("() => !document.querySelector('#pg-results a[data-message]')")
    box.press_sequentially(text, delay=30)
    browser_page.wait_for_function(
        "() => window.changed > window.typed && performance.now() - window.changed > 400"
        " && document.querySelector('#pg-results a[data-message]')",
        timeout=30_000,
    )
    return float(browser_page.evaluate("() => window.changed - window.typed")) / 1000


def opening(app: App, browser_page: Page, made: Built, rounds: int) -> list[Row]:
    """Part "open"."""
    browser_page.goto(app.url)
    clicks = []
    other = browser_page.locator(f"#pg-list a[data-open]:not([data-open='{made.longest}'])").first
    for _ in range(rounds):
        other.click()
        browser_page.wait_for_function(
            "(text) => { const a = document.querySelectorAll('#pg-items article'); "
            "return a.length && !a[a.length - 1].innerText.includes(text); }",
            arg=LAST,
        )
        clicks.append(_seconds(lambda: _open(browser_page, made.longest)))
    replies = [_reply(browser_page) for _ in range(rounds)]
    ratio = median(replies) / (_WORDS / _PACE)
    return [
        Row(
            "click until the last of 5,000 messages is shown, median",
            f"{median(clicks):.2f} s",
            f"<= {OPEN_BAR} s",
            median(clicks) <= OPEN_BAR,
        ),
        Row("the slowest", f"{max(clicks):.2f} s"),
        Row(
            f"Enter until {_WORDS} words are shown, over their own time",
            f"{ratio:.3f}",
            f"<= {REPLY_BAR}",
            ratio <= REPLY_BAR,
        ),
    ]


def _open(browser_page: Page, conversation: str) -> None:
    browser_page.locator(f"#pg-list a[data-open='{conversation}']").click()
    browser_page.locator("#pg-items article").last.get_by_text(LAST).wait_for(timeout=60_000)


def _reply(browser_page: Page) -> float:
    box = browser_page.locator("#pg-message textarea")
    box.fill(f"/tokens {_WORDS}")
    began = time.perf_counter()
    box.press("Enter")
    # First that it has begun: the reply before it ends with the same word.
    browser_page.wait_for_function("() => document.body.classList.contains('streaming')", polling="raf")
    browser_page.wait_for_function(_COMPLETE, arg=f"word{_WORDS - 1}", polling="raf", timeout=120_000)
    return time.perf_counter() - began


@contextlib.contextmanager
def _app(made: Built) -> Iterator[App]:
    """The app on a copy of the history."""
    with tempfile.TemporaryDirectory() as place:
        folder = DataFolder(Path(place))
        shutil.copy(made.file, folder.database)
        with running(folder.root, "--engine", "echo", "--model", f"echo@{_PACE}", "--offline") as app:
            yield app


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _p95(times: list[float]) -> float:
    return quantiles(times, n=20, method="inclusive")[-1]


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=_PARTS, action="append", help="one part (can be repeated)")
    options = parser.parse_args()
    parts = options.only or _PARTS
    made = built()
    rows = store(made, options.rounds) if "store" in parts else []
    if set(parts) - {"store"}:
        with _app(made) as app, sync_playwright() as playwright, chromium(playwright) as browser:
            browser_page = browser.new_page()
            browser_page.add_init_script(_WATCH)
            rows += listing(made, app, options.rounds) if "list" in parts else []
            rows += page(app, browser_page, options.rounds) if "page" in parts else []
            rows += opening(app, browser_page, made, options.rounds) if "open" in parts else []
    show(f"a history of {MESSAGES:,} messages", rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
