"""The part "leave" of stop.py: a browser that reloads, closes its page or is killed while a reply is being written."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Error, Page, Playwright, sync_playwright

from benchmarks.common import Row, chromium, look, progress, running, until_ended

LAST = "document.querySelector('#pg-items article.assistant:last-child')"
_WORDS = 240
_REPLY = " ".join(f"word{n}" for n in range(_WORDS))


def leave(rounds: int, chance: random.Random) -> list[Row]:
    """Part "leave": one row a way of leaving, and one for each thing that went wrong."""
    ways = ("reload", "close", "kill")
    done: dict[str, list[str]] = {way: [] for way in ways}
    with (
        tempfile.TemporaryDirectory() as place,
        sync_playwright() as playwright,
        running(Path(place), "--engine", "echo", "--model", "echo@40", "--offline") as app,
        contextlib.closing(look(app.data / "playground.db")) as db,
    ):
        browser = chromium(playwright)
        page = browser.new_page()
        for number in range(rounds):
            way = ways[number % 3]
            page.goto(app.url)
            conversation = send_in_page(page, f"/tokens {_WORDS}")
            page.wait_for_timeout(chance.uniform(0, 1000))
            browser, page = _leave(playwright, browser, page, way)
            wrong = _seen_again(page)
            _, status, content = until_ended(db, conversation)
            if not wrong and (status, content) != ("complete", _REPLY):
                wrong = f"saved as {status}: …{content[-40:]!r}"
            done[way].append(wrong)
            progress("leave", number + 1, rounds)
        browser.close()
    rows = []
    for way, outcomes in done.items():
        good = outcomes.count("")
        what = f"{way} in mid-reply: shown live and whole, saved whole"
        rows.append(Row(what, f"{good} of {len(outcomes)}", "all", good == len(outcomes)))
        rows += [Row("  ", outcome) for outcome in sorted(set(outcomes)) if outcome]
    return rows


def _leave(playwright: Playwright, browser: Browser, page: Page, way: str) -> tuple[Browser, Page]:
    if way == "reload":
        page.reload(wait_until="commit")
        return browser, page
    address = page.url
    if way == "close":
        page.close()
    else:
        processes = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
        os.kill(next(one["id"] for one in processes if one["type"] == "browser"), signal.SIGKILL)
        with contextlib.suppress(Error):
            browser.close()
        browser = chromium(playwright)
    page = browser.new_page()
    page.goto(address, wait_until="commit")
    return browser, page


def _seen_again(page: Page) -> str:
    """Empty when a new page shows the reply growing and then whole; else what was wrong."""
    body = f"({LAST}?.querySelector('.body').innerText.trim() ?? '')"
    streaming = "document.body.classList.contains('streaming')"
    try:
        page.wait_for_function(f"() => {LAST}?.dataset.tokens >= 1 || ({body} && !{streaming})", timeout=30_000)
        before = page.evaluate(f"() => {body}")
        if not page.evaluate(f"() => {streaming}"):
            return "the page came when the reply was over (slow machine?)"
        if not before or not _REPLY.startswith(before):
            return f"shown anew: {before[:40]!r}…{before[-40:]!r}"
        page.wait_for_function(f"(length) => {streaming} && {body}.length > length", arg=len(before), timeout=5000)
        page.wait_for_function(f"(text) => !{streaming} && {body} === text", arg=_REPLY, timeout=30_000)
    except Error as error:
        text = page.evaluate(f"() => {body}")
        return f"{str(error).splitlines()[0]} Shown: …{text[-40:]!r}"
    return ""


def send_in_page(page: Page, text: str) -> str:
    """Send as the first message of a new chat; returns the conversation's id, once its reply has begun to be shown."""
    page.locator("#pg-new").click()
    page.wait_for_function("() => !location.search")
    box = page.get_by_role("textbox", name="Message")
    box.fill(text)
    box.press("Enter")
    page.wait_for_function(f"() => location.search && {LAST}?.dataset.tokens >= 1")
    return page.url.partition("?c=")[2]
