"""Nothing that axe calls serious or critical, in any tab, in both languages, light and dark, wide and narrow."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.conftest import App, launch
from tests.tuning.finished import lay, services_in
from tests.tuning.tiny import tiny_base
from tests.ui.axe import AXE_SCRIPT, Report
from tests.ui.summarizing import file, paragraphs, paste
from tests.ui.talking import put, send, stored
from tests.ui.test_share_page import post
from tests.ui.translating import GUIDE, translate
from tests.ui.walks import WALKS, tab, unfold

pytestmark = pytest.mark.browser
REPLY = """<think>Let me see.</think>Of the harbour, with `code` and [a link](http://example.org):

```python
def harbour(ships: int) -> str:  # a comment that is as long as it takes to make the whole line wider than the column is
    return f"{ships} ships" + "and more" * 2
```

| ship | captain | cargo | year | tons | port of departure | port of destination | remarks |
|---|---|---|---|---|---|---|---|
| Aurora | Lind | horses and cattle | 1921 | 300 | Marstal on Ærø | Rønne on Bornholm | with a long remark |

$$\\sum_{n=1}^{\\infty} \\frac{1}{n^2} = \\frac{\\pi^2}{6}$$

> They say so.

1. one
2. two
"""
ENGLISH, CHINESE = "en", "zh-CN"
ROOTS = dict(summaries="#ps-root", translate="#pt-root", tune="#pn-root", models="#pm-root", share="#px-root")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A data folder with trainings; their ids."""
    place = tmp_path_factory.mktemp("app data 数据")
    with services_in(place) as services:
        services.models.add(str(tiny_base(tmp_path_factory.mktemp("base") / "tiny")))
        found = {"done": lay(services), "failed": lay(services, "Storm", 20, status="failed")}
    return {**found, "place": str(place)}


@pytest.fixture(scope="module")
def app(made: dict[str, str]) -> Iterator[App]:
    started = launch(Path(made["place"]), "--engine", "echo")
    yield started
    started.kill()


@pytest.fixture(scope="module")
def wide(browser: Browser) -> Iterator[Page]:
    """One page for all walks."""
    context = browser.new_context(locale="en-US", viewport={"width": 1280, "height": 800})
    context.set_default_timeout(20_000)
    yield context.new_page()
    context.close()


@pytest.fixture(scope="module")
def filled(app: App, made: dict[str, str], wide: Page) -> dict[str, str]:
    """With talks, a summary and a translation besides; all ids."""
    expect.set_options(timeout=30_000)
    page = wide
    with stored(app) as history:
        talk_id, ids = put(history, "Tell me of the harbour", REPLY, "and then", "It ended.", title="The harbour")
        put(history, "Tell me more", "It had cranes.", after=(talk_id, ids[1]))
        history.set_tags(talk_id, ["ships"])
        history.mark(ids[1], starred_at=1.0)
        history.save_prompt("template", "Mine", "Write of {{what}}.")
        places = {"Filed": lambda one: history.move(one, "Folder"), "Pinned": history.pin, "Archived": history.archive}
        for title, place in {**places, "Deleted": history.trash}.items():
            place(put(history, f"{title}?", f"{title}!", title=title)[0])
    page.goto(f"{app.url}?c={talk_id}")
    page.locator("#pg-file").set_input_files([file("list.txt", "Aurora, Lind")])
    expect(page.locator("#pg-files .file")).to_have_count(1)
    send(page, "and now")
    expect(page.locator("#pg-items article").last).to_contain_text("Aurora, Lind")
    for words in ("Mention 4711 crates and Zanzibar.", ""):
        paste(page, app, "\n\n".join(paragraphs("Marstal", 1900, 3)), instruction=words)
        summary = page.url.partition("?s=")[2]
        page.evaluate("sessionStorage.clear()")
    translate(page, app, file("guide.md", GUIDE))
    translation = page.url.partition("?t=")[2]
    return {**made, "talk": talk_id, "summary": summary, "translation": translation}


@pytest.fixture(params=[ENGLISH, CHINESE], scope="module")
def spoken(request: pytest.FixtureRequest, wide: Page, app: App, filled: dict[str, str]) -> str:
    """Chosen by the page's own button."""
    wide.goto(app.url)
    expect(tab(wide, "share")).to_be_visible()
    if wide.locator("html").get_attribute("lang") != request.param:
        wide.locator("#pg-language").click()
    expect(wide.locator("html")).to_have_attribute("lang", request.param)
    return str(request.param)


def begin(page: Page, app: App, room: str) -> None:
    """At a tab, with nobody who could come in."""
    with sqlite3.connect(app.data / "access.db") as db:
        for table in ("links", "api_keys"):
            db.execute(f"UPDATE {table} SET revoked_at = 1 WHERE revoked_at IS NULL")
        db.execute("DELETE FROM accounts")
    post(app, "close")
    page.goto(app.url)
    tab(page, room).click()
    expect(tab(page, room)).to_have_attribute("aria-selected", "true")


def test_the_axe_is_not_an_old_one() -> None:
    version = re.search(r"axe v(\d+)\.(\d+)", AXE_SCRIPT)
    assert version
    assert tuple(map(int, version.groups())) >= (4, 10)


@pytest.mark.parametrize("room", WALKS)
def test_a_tab_in_both_modes(app: App, wide: Page, filled: dict[str, str], spoken: str, room: str) -> None:
    begin(wide, app, room)
    report = Report()
    for state, part in WALKS[room](wide, filled):
        report.look(wide, state, part)
    assert report.grave() == []


@pytest.mark.parametrize(("locale", "mode"), [("en-US", "light"), ("zh-CN", "dark")])
def test_a_phone(app: App, browser: Browser, filled: dict[str, str], locale: str, mode: str) -> None:
    context = browser.new_context(locale=locale, viewport={"width": 390, "height": 780}, has_touch=True)
    page, report = context.new_page(), Report()
    pages = {
        f"?c={filled['talk']}": "#pg-items article",
        f"?s={filled['summary']}": "#ps-text .ps-s",
        f"?t={filled['translation']}": "#pt-rows article",
        f"?f={filled['done']}": "#pn-run .pr-root",
    }
    for address, shown in pages.items():
        page.goto(f"{app.url}/{address}")
        expect(page.locator(shown).first).to_be_visible()
        report.look(page, address[1], modes=[mode])
        page.locator("#pg-drawer").click()
        report.look(page, f"the list of {address[1]}", modes=[mode])
        page.keyboard.press("Escape")
        expect(page.locator("body.drawer")).to_have_count(0)
    for room, root in {"models": "#pm-root", "share": "#px-root"}.items():
        tab(page, room).click()
        expect(page.locator(f"{root} h2").first).to_be_visible()
        unfold(page, root)
        report.look(page, room, modes=[mode])
    # The button does what the scans did in its place.
    was = page.evaluate("document.body.classList.contains('dark')")
    page.locator("#pg-theme").click()
    assert page.evaluate("document.body.classList.contains('dark')") is not was
    context.close()
    assert report.grave() == []


@pytest.mark.parametrize(("locale", "scheme"), [("en-US", "dark"), ("zh-CN", "light")])
def test_the_door_and_a_guests_page(app: App, browser: Browser, locale: str, scheme: str) -> None:
    post(app, "close")
    secret = post(app, "link", title="Friends", hours="1", **{f"room.{room}": "on" for room in ROOTS})[1]["secret"]
    assert post(app, "open", reach="here")[0] == 200
    link = post(app, "whole", secret=secret)[1]["html"]
    address = re.search(r"http://[^\s<]+/enter#[\w-]+", link)
    assert address
    context = browser.new_context(locale=locale, color_scheme="dark" if scheme == "dark" else "light")
    page, report = context.new_page(), Report()
    page.goto(address[0].partition("#")[0])
    page.locator("[name=name]").fill("Grace")
    page.locator("button").click()
    expect(page.get_by_role("alert")).not_to_be_empty()
    report.look(page, "at the door", modes=[scheme])
    page.goto("about:blank")
    page.goto(address[0])
    page.locator("[name=name]").fill("Grace")
    page.locator("button").click()
    for room in ("chat", "summaries", "translate"):
        tab(page, room).click()
        expect(tab(page, room)).to_have_attribute("aria-selected", "true")
        report.look(page, f"a guest's {room}")
    expect(tab(page, "share")).to_have_count(0)
    context.close()
    post(app, "close")
    assert report.grave() == []


# ---- the keyboard ----------------------------------------------------------------------------------------------------
# What can be pressed or written into, numbered; of radio buttons that belong together one is a stop.
_STOPS = """() => {
  const groups = new Set();
  return [...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex]')].filter((one) =>
    one.checkVisibility({ visibilityProperty: true }) && one.getClientRects().length && !one.disabled
    && one.tabIndex >= 0 && !one.closest('[inert]')
    && (one.type !== 'radio' || (!groups.has(one.name) && groups.add(one.name))))
    .map((one, at) => { one.dataset.stop = at; return one.outerHTML.slice(0, 100); });
}"""
# Where the focus is, and whether that can be seen: by an outline of it or of what is around it.
_AT = """() => {
  const seen = (node) => {
    const { outlineStyle, outlineWidth } = getComputedStyle(node);
    return outlineStyle !== 'none' && parseFloat(outlineWidth) > 0;
  };
  const one = document.activeElement;
  return [one.dataset.stop ?? '', seen(one) || seen(one.parentElement ?? one), one.outerHTML.slice(0, 100)];
}"""


@pytest.mark.parametrize("room", WALKS)
def test_the_tab_key_reaches_everything_and_one_sees_where_it_is(
    app: App, wide: Page, filled: dict[str, str], room: str
) -> None:
    begin(wide, app, room)
    if room == "chat":
        wide.goto(f"{app.url}/?c={filled['talk']}")
        expect(wide.locator("#pg-items article").last).to_be_visible()
        wide.locator("#pg-settings > button").click()
        expect(wide.locator("#pg-system")).to_be_visible()
    else:
        unfold(wide, ROOTS[room])
    wide.wait_for_timeout(500)
    stops = wide.evaluate(_STOPS)
    wide.evaluate("document.activeElement.blur()")
    reached: dict[str, tuple[bool, str]] = {}
    wide.locator("#pg-past").focus()
    wide.keyboard.press("Shift+Tab")
    for _ in range(len(stops) + 5):
        wide.keyboard.press("Tab")
        at, seen, html = wide.evaluate(_AT)
        reached.setdefault(at, (seen, html))
    assert len(stops) > 20
    assert [html for at, html in enumerate(stops) if str(at) not in reached] == []
    assert [html for at, (seen, html) in reached.items() if at and not seen] == []


def test_the_header_and_the_tabs_can_be_skipped(app: App, wide: Page) -> None:
    begin(wide, app, "chat")
    for room in WALKS:
        tab(wide, room).click()
        wide.locator("#pg-past").focus()
        wide.keyboard.press("Enter")
        focused = wide.locator(":focus")
        expect(focused).to_have_js_property("tabIndex", -1)
        assert wide.evaluate(
            "document.activeElement.matches('main, [role=main]') && document.activeElement.checkVisibility()"
        )
