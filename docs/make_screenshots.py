"""Makes the pictures in this folder from the running app: `python docs/make_screenshots.py` in the environment.

Starts the app with the starter model on a scratch data folder, asks it a few things in Chromium, and photographs.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from docs import chat_story, share_story, summary_story, translate_story, tune_story  # noqa: E402 - not installed
from tests.conftest import CHROMIUM_FLAGS, find_chromium, launch  # noqa: E402

MODELS = (
    ("models-en", "en-US", "light", 1280),
    ("models-zh", "zh-CN", "dark", 1280),
    ("models-phone", "en-US", "light", 390),
)


def main() -> None:
    """Ask in English, then open the same conversation in Chinese and on a narrow screen."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        app = launch(Path(folder))
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_FLAGS)
        page = _open(browser, app.url, "en-US", "light", 1280)
        expect(page.get_by_role("status").get_by_text("ready")).to_be_visible(timeout=120_000)
        for question in chat_story.QUESTIONS:
            chat_story.ask(page, question)
        address = page.url
        _photograph(page, "chat-en")
        _photograph(_open(browser, address, "zh-CN", "dark", 1280), "chat-zh")
        _photograph(_open(browser, address, "en-US", "light", 390), "chat-phone")
        chat_story.branches(page, _photograph)
        chat_story.replay(page, _photograph)
        chat_story.with_a_file(page, Path(folder), _photograph)
        chat_story.search(page, _photograph)
        summary_story.summarize(page, Path(folder), _photograph)
        address = page.url
        _photograph(_open(browser, address, "zh-CN", "dark", 1280), "summary-zh")
        _photograph(_open(browser, address, "zh-CN", "light", 390), "summary-phone")
        for name, locale, scheme, width in MODELS:
            _photograph(_models(_open(browser, address, locale, scheme, width)), name)
        share_story.share(browser, app, _photograph, _open)
        address = tune_story.teach(browser, app.url, _photograph, _open)
        _photograph(_open(browser, address, "zh-CN", "dark", 1280), "tune-zh")
        _photograph(_open(browser, address, "zh-CN", "light", 390), "tune-phone")
        app.quit()
        with translate_story.translator(Path(folder) / "translations") as app:
            translate_story.translate(browser, app.url, _photograph, _open)
        browser.close()


def _open(browser: Browser, address: str, locale: str, scheme: str, width: int) -> Page:
    context = browser.new_context(
        locale=locale,
        color_scheme="dark" if scheme == "dark" else "light",
        viewport={"width": width, "height": 800},
    )
    page = context.new_page()
    page.goto(address)
    return page


def _models(page: Page) -> Page:
    """The Models tab, with the plan of the model in memory unfolded."""
    page.locator("#pg-status button").click()
    page.locator("#pm-memory form[data-plan]").first.evaluate("(form) => { form.parentElement.open = true; }")
    expect(page.locator("#pm-memory .pm-plan .pm-bar").first).to_be_visible(timeout=60_000)
    return page


def _photograph(page: Page, name: str) -> None:
    page.wait_for_timeout(2000)  # Fonts and the scrolled position settle.
    page.screenshot(path=HERE / f"{name}.png")


if __name__ == "__main__":
    main()
