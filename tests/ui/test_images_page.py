"""Images in a real browser: attached, shown, seen by a server that is played, refused by a model that cannot see."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import FilePayload, Locator, Page, expect

from tests.conftest import App
from tests.pictures import halves, written
from tests.playing_server import Script, playing, word
from tests.ui.talking import box, rows, said, send, told

pytestmark = pytest.mark.browser
Start = Callable[..., App]
PNG = written(halves(900, 600))


@pytest.fixture
def script() -> Iterator[Script]:
    """A llama-server that can see."""
    with playing() as server:
        server.models({"id": "tiny", "owned_by": "llamacpp", "meta": {"n_ctx": 8192}})
        server.answers["/props"] = lambda handler: handler.say(200, {"total_slots": 1, "modalities": {"vision": True}})
        server.answers["/apply-template"] = lambda handler: handler.say(200, {"prompt": "p"})
        server.answers["/tokenize"] = lambda handler: handler.say(200, {"tokens": [1] * 9})
        server.chat(lambda handler: handler.events(word("A flag in two colours."), word("", "stop")))
        yield server


def attach(page: Page, name: str, data: bytes = PNG) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Attach files").click()
    chooser.value.set_files(FilePayload(name=name, mimeType="image/png", buffer=data))


def chips(page: Page) -> Locator:
    return page.get_by_role("list", name="Attached files").get_by_role("listitem")


def is_drawn(image: Locator) -> None:
    """The browser has the image, not only a place for it."""
    expect(image).to_be_visible()
    assert image.evaluate("(node) => node.decode().then(() => node.naturalWidth)") == 900


def test_an_image_is_shown_and_seen(start_app: Start, page: Page, script: Script) -> None:
    app = start_app("--engine", "remote", "--remote-url", script.url, "--model", "tiny")
    page.goto(app.url)
    attach(page, "flag.png")
    expect(chips(page)).to_contain_text("flag.png")
    is_drawn(chips(page).locator("img"))
    send(page, "What is this?")
    expect(said(page, "A flag in two colours.")).to_be_visible()
    expect(chips(page)).to_have_count(0)
    picture = page.get_by_role("log").get_by_role("img", name="flag.png")
    is_drawn(picture)
    size = picture.bounding_box()
    assert size is not None
    assert (round(size["width"] / size["height"], 1), size["height"] <= 242) == (1.5, True)
    asked = next(body for body in script.sent() if "What is this?" in str(body))
    parts = asked["messages"][-1]["content"]
    assert base64.b64decode(parts[0]["image_url"]["url"].split(",")[1]).startswith(b"\x89PNG")
    picture.click()
    large = page.get_by_role("dialog", name="flag.png")
    is_drawn(large.get_by_role("img", name="flag.png"))
    page.keyboard.press("Escape")
    expect(large).to_be_hidden()
    page.reload()
    is_drawn(page.get_by_role("log").get_by_role("img", name="flag.png"))


def test_a_pasted_screenshot_is_attached(start_app: Start, page: Page, script: Script) -> None:
    app = start_app("--engine", "remote", "--remote-url", script.url, "--model", "tiny")
    page.goto(app.url)
    box(page).evaluate(
        """(node, data) => {
            const bytes = Uint8Array.from(atob(data), (sign) => sign.charCodeAt(0)), transfer = new DataTransfer();
            transfer.items.add(new File([bytes], "image.png", { type: "image/png" }));
            node.dispatchEvent(new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true }));
        }""",
        base64.b64encode(PNG).decode(),
    )
    is_drawn(chips(page).locator("img"))


def test_a_model_that_cannot_see_says_so_and_nothing_is_lost(app: App, page: Page) -> None:
    page.goto(app.url)
    expect(page.locator("#pg-status")).to_contain_text(re.compile("ready", re.IGNORECASE))
    box(page).fill("What is this?")
    attach(page, "flag.png")
    expect(told(page, "flag.png: echo cannot see images. Choose a model that can, or describe")).to_be_visible()
    expect(chips(page)).to_have_count(0)
    expect(box(page)).to_have_value("What is this?")
    assert rows(app, "SELECT count(*) FROM attachments") == [(0,)]
