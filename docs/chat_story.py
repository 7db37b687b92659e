"""What the pictures of the Chat tab show: a conversation with the starter model, branched, searched, replayed.

Used by make_screenshots.py. Each step waits for what a reader would wait for, so it fails where the app does.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.documents.making import Piece, pdf

QUESTIONS = ("What is the capital of France?", "Write a Python function that adds two numbers.")
EDITED = "What is the capital of Italy? Answer in one sentence."
CHINESE = "请用一句话介绍北京的天气。"
ON_FILE = "In which year was the lighthouse built?"
_LINES = (
    "The lighthouse of Cape Arkona",
    "It was built in the year 1827 and stands 19 metres tall.",
    "Its lamp was lit by rape oil, and could be seen for eight miles.",
)


def ask(page: Page, text: str) -> None:
    """Send a message, and wait for the end of its reply."""
    box = page.locator("#pg-message textarea")
    box.fill(text)
    box.press("Enter")
    expect(page.locator("#pg-items article.user").get_by_text(text, exact=True).last).to_be_visible(timeout=30_000)
    expect(page.locator("#pg-stop")).to_be_hidden(timeout=120_000)


def branches(page: Page, photograph: Callable[[Page, str], None]) -> None:
    """Edit the first turn, walk between the branches, show the tree."""
    page.locator("article.user [data-action=edit]").first.click()
    page.locator(".editing textarea").fill(EDITED)
    page.locator(".editing .primary").click()
    expect(page.locator("article.user").first.get_by_text("2/2")).to_be_visible(timeout=30_000)
    expect(page.locator("#pg-stop")).to_be_hidden(timeout=120_000)
    page.locator("article.user [data-action=previous]").first.click()
    expect(page.locator("#pg-items").get_by_text(QUESTIONS[1])).to_be_visible()
    page.locator("article.user [data-action=next]").first.click()
    expect(page.locator("#pg-items").get_by_text(EDITED)).to_be_visible()
    page.locator("article.assistant [data-action=details]").last.click()
    page.locator("[data-info=tree]").click()
    expect(page.locator("#pg-info .tree [aria-current]").first).to_be_visible()
    photograph(page, "chat-branches")


def replay(page: Page, photograph: Callable[[Page, str], None]) -> None:
    """Run the last reply again, see that it is identical, and each token's alternatives."""
    page.locator("[data-info=record]").click()
    page.locator("#pg-info [data-action=replay]").click()
    expect(page.locator("#pg-info .same")).to_be_visible(timeout=120_000)
    page.locator("[data-info=tokens]").click()
    page.locator("#pg-info .tks .tk").nth(2).click()
    expect(page.get_by_role("menu")).to_be_visible()
    photograph(page, "chat-tokens")
    page.keyboard.press("Escape")
    page.locator("[data-do=close_info]").click()


def with_a_file(page: Page, folder: Path, photograph: Callable[[Page, str], None]) -> None:
    """Attach a PDF to a new chat and ask about it."""
    file = folder / "lighthouse.pdf"
    file.write_bytes(pdf([[Piece(line, y=700 - 30 * at) for at, line in enumerate(_LINES)]], "Lighthouse"))
    page.locator("#pg-new").click()
    page.set_input_files("#pg-file", str(file))
    expect(page.locator("#pg-files").get_by_text("tokens")).to_be_visible(timeout=30_000)
    ask(page, ON_FILE)
    expect(page.locator("article.assistant").get_by_text(re.compile("1827"))).to_be_visible()
    photograph(page, "chat-file")


def search(page: Page, photograph: Callable[[Page, str], None]) -> None:
    """Ask something in Chinese, find it by two characters, open the hit."""
    page.locator("#pg-new").click()
    ask(page, CHINESE)
    page.keyboard.press("Control+k")
    page.keyboard.type("天气")
    expect(page.locator("#pg-results mark").first).to_be_visible()
    page.locator("#pg-results a").last.click()
    expect(page.locator("article.found")).to_be_visible()
    photograph(page, "chat-search")
