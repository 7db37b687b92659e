"""What the tests of the places do again and again: send as a page does, open a tab, see that a text stands there."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Sequence
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.conftest import App
from tests.security.detector import Detector


def post(app: App, path: str, body: bytes | dict[str, Any]) -> dict[str, Any]:
    """As the page's script sends it; a refusal is an answer too."""
    kind = "application/json" if isinstance(body, dict) else "application/octet-stream"
    data = json.dumps(body).encode() if isinstance(body, dict) else body
    request = urllib.request.Request(f"{app.url}/page/{path}", data, {"Content-Type": kind})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return dict(json.load(answer))
    except urllib.error.HTTPError as error:
        return dict(json.load(error))


def visit(detector: Detector, app: App, tab: str = "", path: str = "/") -> Page:
    """The page, led to a tab."""
    page = detector.page(app.url)
    page.goto(f"{app.url}{path}")
    expect(page.get_by_role("tab", name="Chat")).to_be_visible()
    if tab:
        page.get_by_role("tab", name=tab).click()
    return page


def shows(where: Locator, texts: Sequence[str]) -> None:
    """Each text stands there as it was written."""
    for text in texts:
        expect(where.filter(has_text=text).first).to_be_visible()


def looked(detector: Detector, page: Page, inside: str = "") -> None:
    """Moved over all of the page, and nothing happened or is there."""
    detector.hover(page, "body")
    detector.check(page, inside)
    assert not detector.policy
