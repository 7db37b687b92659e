"""The header with a long model and adapter name: nothing lies over anything, at every width and in both languages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.conftest import App, launch
from tests.tuning.finished import lay, services_in
from tests.ui.test_training_run import post

pytestmark = pytest.mark.browser
NAME = "SmolLM2-135M-Instruct Q4_1 and my own chats -starred only-"
PARTS = ["#pg-header h1", "#pg-drawer", "#pg-status", "#pg-language", "#pg-theme", "#pg-tabs [role=tab]"]
_BOXES = """(parts) => parts.flatMap((part) => [...document.querySelectorAll(part)])
    .filter((node) => node.checkVisibility({ visibilityProperty: true }) && !node.closest(".visually-hidden"))
    .map((node) => [node.id || node.innerText, node.getBoundingClientRect()]).filter(([, box]) => box.width)
    .map(([name, box]) => [name, box.left, box.right, box.top, box.bottom])"""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """A model that is used with an adapter of a long name."""
    place = tmp_path_factory.mktemp("long names")
    with services_in(place) as services:
        made = lay(services, NAME)
    started = launch(Path(place), "--engine", "echo")
    assert post(started, made, "use")[0] == 200
    yield started
    started.kill()


def over(page: Page) -> list[tuple[str, str]]:
    """What lies over what: by a pixel that can be seen."""
    boxes = page.evaluate(_BOXES, PARTS)
    return [
        (one[0], two[0])
        for number, one in enumerate(boxes)
        for two in boxes[number + 1 :]
        if min(one[2], two[2]) - max(one[1], two[1]) > 0.5 and min(one[4], two[4]) - max(one[3], two[3]) > 8
    ]


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
def test_a_long_name_is_shortened_and_lies_over_nothing(app: App, browser: Browser, locale: str) -> None:
    page = browser.new_page(locale=locale, viewport={"width": 1280, "height": 600})
    page.goto(app.url)
    name = page.locator("#pg-status b")
    expect(name).to_have_attribute("title", f"echo + {NAME}", timeout=20_000)
    expect(name).to_have_text(f"echo + {NAME}")
    for width in (1280, 1024, 960, 900, 841, 840, 768, 721, 720, 600, 481, 480, 390):
        page.set_viewport_size({"width": width, "height": 600})
        assert over(page) == [], width
        assert page.evaluate("document.documentElement.scrollWidth") == width
        expect(page.locator("#pg-status i")).to_be_visible()
        if width >= 1024:
            shown = name.evaluate("(node) => [node.clientWidth, node.scrollWidth, getComputedStyle(node).textOverflow]")
            assert shown[0] < shown[1]
            assert shown[0] > 40
            assert shown[2] == "ellipsis"
    page.set_viewport_size({"width": 1280, "height": 600})
    text = page.locator("#pg-status span").evaluate("(node) => [node.clientWidth, node.scrollWidth]")
    assert text[0] == text[1]  # The name alone gives way while there is room for the rest.
    page.close()
