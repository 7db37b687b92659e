"""The way out of somebody else's page: who could not leave is told, and stays."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Dialog, expect

from playground.store.access_values import ROOMS, Limits
from tests.door.houses import House, house

pytestmark = pytest.mark.browser


def test_who_could_not_leave_is_told_and_stays(tmp_path: Path, browser: Browser) -> None:
    with house(tmp_path) as shared:
        leave(shared, browser)


def leave(shared: House, browser: Browser) -> None:
    """As a guest: twice in vain, then once."""
    secret = shared.sharing.invite("Leaving", ROOMS, Limits(), 3600)[1]
    page, said = browser.new_page(locale="en-US"), list[str]()

    def answer(dialog: Dialog) -> None:
        said.append(dialog.message)
        dialog.accept()

    page.on("dialog", answer)
    page.goto(f"{shared.sharing.url}/enter#{secret}")
    page.get_by_label("Name", exact=True).fill("Ada")
    page.get_by_role("button", name="Come in").click()
    expect(page.get_by_text("What would you like to talk about?")).to_be_visible()
    page.route("**/leave", lambda route: route.fulfill(status=503))
    for tries in (1, 2):
        page.locator("#pg-leave").click()
        for _ in range(200):
            if len(said) < 2 * tries:
                page.wait_for_timeout(50)
        assert len(said) == 2 * tries
        assert "You are still in" in said[-1]
        assert not page.url.endswith("/enter")
        page.unroute("**/leave")
        page.route("**/leave", lambda route: route.abort())
    page.unroute("**/leave")
    page.locator("#pg-leave").click()
    page.wait_for_url("**/enter")
    assert len(said) == 5
    page.close()
