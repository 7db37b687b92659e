"""What the pictures of sharing show: a new link with its picture, guests who wait for their turn, what they use.

Used by make_screenshots.py. Each step waits for what a reader would wait for, so it fails where the app does.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import psutil
from playwright.sync_api import Browser, Page, expect

from tests.conftest import App

GUESTS = {"Ada": "Tell me a long story about a lighthouse.", "林": "What is the capital of France?"}


def share(browser: Browser, app: App, photograph: Callable[[Page, str], None], opened: Callable[..., Page]) -> None:
    """Make a link, let two in, and look at who uses what."""
    page = opened(browser, app.url, "en-US", "light", 1280)
    page.get_by_role("tab", name="Share").click()
    address = page.get_by_role("region", name="Address", exact=True)
    address.locator("summary").first.click()
    address.get_by_label("Its outside address").fill("https://chat.example.org")
    links = page.get_by_role("region", name="Links for guests", exact=True)
    links.locator("details", has=page.get_by_text("Make a link", exact=True)).first.locator("summary").first.click()
    links.get_by_label("Title").fill("Reading group")
    links.get_by_role("button", name="Make the link").click()
    made = page.locator("#px-made-link")
    made.get_by_role("button", name="Open", exact=True).click()
    whole = made.get_by_role("group", name="Address of the link")
    expect(whole).to_contain_text("https://chat.example.org/enter#")
    expect(made.get_by_role("img")).to_be_visible()
    made.scroll_into_view_if_needed()
    photograph(page, "share-en")
    listening = [one.laddr.port for one in psutil.Process(app.process.pid).net_connections() if one.status == "LISTEN"]
    door = next(port for port in listening if not app.url.endswith(f":{port}"))
    _guests(browser, f"http://127.0.0.1:{door}/enter#{whole.inner_text().partition('#')[2]}", photograph, opened)
    numbers = page.get_by_role("region", name="How much is used", exact=True)
    expect(numbers).to_contain_text("Reading group")
    numbers.scroll_into_view_if_needed()
    photograph(page, "share-numbers")


def _guests(browser: Browser, link: str, photograph: Callable[[Page, str], None], opened: Callable[..., Page]) -> None:
    for name, question in GUESTS.items():
        page = opened(browser, link, "zh-CN" if name == "林" else "en-US", "dark" if name == "林" else "light", 1280)
        page.locator("#name").fill(name)
        page.get_by_role("button", name="Come in").or_(page.get_by_role("button", name="进入")).click()
        expect(page.locator("#pg-leave")).to_be_visible(timeout=60_000)
        box = page.get_by_role("textbox", name=re.compile("^(Message|消息)"))
        box.fill(question)
        box.press("Enter")
        expect(page.locator("#pg-items")).to_contain_text(question)
    expect(page.locator("#pg-items")).to_contain_text("Paris", timeout=60_000)
    photograph(page, "share-guest")
