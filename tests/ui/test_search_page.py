"""Searching in a real browser: Chinese, branches, long conversations, filters, the keyboard."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from playground.store.history import TurnSettings
from tests.conftest import App
from tests.histories import RECORD
from tests.ui.talking import conversation, message, put, said, stored

pytestmark = pytest.mark.browser
BAD = "<img src=x onerror=document.title='bad'>"


@pytest.fixture(scope="module")
def filled(app: App) -> dict[str, str]:
    """Conversations to find, by name; with ids of messages in them."""
    with stored(app) as history:
        weather, ids = put(history, "今天天气怎么样", "今天的天气很好，适合散步。", title="聊天")
        history.set_tags(weather, ["日常"])
        branched, twigs = put(history, "about trees", "an oak stands here", "and then", "nothing else", title="Forest")
        put(history, "about seas", "a hidden lagoon glitters", after=(branched, twigs[1]))
        history.select(branched, twigs[-1])
        many = [f"{who} number {n}" for n in range(150) for who in ("question", "answer")]
        many[41] = "here stands the zyzzyva, a beetle"
        long, deep = put(history, *many, title="A long one")
        turn = history.add_turn(None, "made by m", seen_leaf=None, title="Recorded", settings=TurnSettings("", {}))
        history.finish(turn.reply_id, "the model m wrote of quokkas", "complete", "", RECORD)
        history.mark(deep[100], starred_at=1.0)
        hostile, _ = put(history, f"{BAD} needle", '&lt;b&gt; & "quotes" needle', title=f"T {BAD}")
        history.set_tags(hostile, [BAD])
    return {"weather": weather, "branched": branched, "long": long, "star": deep[100], "today": ids[0]}


def search(page: Page, text: str) -> Locator:
    """Type it as a person does; the results."""
    page.get_by_role("searchbox", name="Search all conversations").fill(text)
    return page.get_by_role("region", name="Search results")


@pytest.mark.parametrize("text", ["气", "天气", "天 气"])
def test_one_and_two_chinese_characters_are_found(app: App, filled: dict[str, str], page: Page, text: str) -> None:
    page.goto(app.url)
    found = search(page, text)
    expect(found.get_by_role("link", name="怎么样")).to_be_visible()
    expect(found.locator("mark").first).to_be_visible()
    expect(page.get_by_role("navigation", name="Conversations")).to_be_hidden()
    found.get_by_role("link", name="适合散步").click()
    expect(said(page, "今天的天气很好，适合散步。")).to_be_visible()
    assert conversation(page) == filled["weather"]
    search(page, "")
    expect(page.get_by_role("navigation", name="Conversations")).to_be_visible()


def test_a_hit_on_another_branch_shows_that_branch(app: App, filled: dict[str, str], page: Page) -> None:
    page.goto(f"{app.url}?c={filled['branched']}")
    expect(said(page, "nothing else")).to_be_visible()
    search(page, "lagoon").get_by_role("link").click()
    expect(said(page, "a hidden lagoon glitters")).to_be_in_viewport()
    expect(said(page, "nothing else")).to_have_count(0)
    page.reload()
    expect(said(page, "a hidden lagoon glitters")).to_be_visible()
    message(page, "about seas").get_by_role("button", name="Previous version").click()
    expect(said(page, "nothing else")).to_be_visible()


def test_a_hit_far_up_opens_there_and_leads_on_to_the_latest(app: App, filled: dict[str, str], page: Page) -> None:
    page.goto(app.url)
    search(page, "zyzzyva").get_by_role("link").click()
    hit = said(page, "here stands the zyzzyva, a beetle")
    expect(hit).to_be_in_viewport()
    assert page.get_by_role("article").count() < 40
    assert page.evaluate("[...CSS.highlights.get('pg-found')].length") == 1
    above = page.get_by_role("button", name="earlier messages")
    above.click()
    expect(said(page, "question number 0")).to_have_count(1)
    expect(hit).to_have_count(1)
    page.get_by_role("button", name="later messages").click()
    expect(said(page, "answer number 149")).to_be_in_viewport()
    expect(hit).to_have_count(0)
    expect(page.get_by_role("button", name="later messages")).to_be_hidden()


def test_what_is_found_is_counted_aloud_and_marked_where_letters_change_length(app: App, page: Page) -> None:
    with stored(app) as history:
        put(history, "İİİİİİİİİİ wobbegong", "İstanbul", title="Letters")
    page.goto(app.url)
    found = search(page, "wobbegong")
    expect(found.get_by_role("link")).to_have_count(1)
    expect(page.get_by_role("status").get_by_text("Shown: 1", exact=True)).to_have_count(1)
    found.get_by_role("link").click()
    expect(said(page, "İstanbul")).to_be_visible()
    marked = "[...(CSS.highlights.get('pg-found') || [])].map((one) => one.toString())"
    page.wait_for_function(f"{marked}.length > 0")
    assert page.evaluate(marked) == ["wobbegong"]


def test_what_is_sent_from_an_old_place_is_shown(app: App, filled: dict[str, str], page: Page) -> None:
    page.goto(app.url)
    search(page, "zyzzyva").get_by_role("link").click()
    expect(page.get_by_role("button", name="later messages")).to_be_visible()
    page.get_by_role("textbox", name="Message").fill("from up here")
    page.get_by_role("button", name="Send").click()
    expect(said(page, "You said: from up here")).to_be_in_viewport()


def test_filters_narrow_alone_and_together(app: App, filled: dict[str, str], page: Page) -> None:
    page.goto(app.url)
    button = page.get_by_role("button", name="Filters")
    button.click()
    found = page.get_by_role("region", name="Search results")
    page.get_by_role("combobox", name="Any model").select_option("m")
    expect(found.get_by_role("link")).to_have_count(1)
    expect(found.get_by_text("quokkas")).to_be_visible()
    page.get_by_role("combobox", name="Any model").select_option("")
    page.get_by_role("combobox", name="Any tag").select_option("日常")
    expect(found.get_by_role("link", name="怎么样")).to_be_visible()
    page.get_by_role("combobox", name="Anyone").select_option("From the model")
    expect(found.get_by_role("link", name="怎么样")).to_have_count(0)
    expect(found.get_by_role("link", name="散步")).to_be_visible()
    page.get_by_role("combobox", name="Anyone").select_option("")
    page.get_by_role("combobox", name="Any tag").select_option("")
    page.get_by_role("checkbox", name="Starred").check()
    found.get_by_role("link", name="question number 50").click()
    expect(page.locator(f"#m-{filled['star']}")).to_be_in_viewport()
    page.get_by_label("Until").fill("2001-01-01")
    expect(found.get_by_text("Nothing was found.")).to_be_visible()
    button.click()
    expect(found).to_be_hidden()
    expect(button).to_have_attribute("aria-expanded", "false")


def test_hostile_titles_tags_and_texts_are_shown_as_text(app: App, filled: dict[str, str], page: Page) -> None:
    page.goto(app.url)
    expect(page.get_by_role("link", name=f"T {BAD}")).to_be_visible()
    found = search(page, "needle")
    expect(found.get_by_text("onerror=document.title='bad'> needle")).to_be_visible()
    search(page, "onerror")
    expect(found.get_by_role("heading", name="Titles and tags")).to_be_visible()
    expect(found.locator("img")).to_have_count(0)
    page.get_by_role("button", name="Filters").click()
    expect(page.get_by_role("combobox", name="Any tag").get_by_role("option", name=BAD)).to_have_count(1)
    found.get_by_role("link", name="T <img").first.click()
    expect(said(page, f"{BAD} needle")).to_be_visible()
    assert page.locator("#pg-chat img").count() == 0
    assert page.title() == f"T {BAD} · Playground"


def test_anything_can_be_searched_for(app: App, filled: dict[str, str], page: Page) -> None:
    page.goto(app.url)
    found = search(page, "zyzzyva")
    expect(found.get_by_role("link")).to_have_count(1)
    for text in ['"', "a AND", "NEAR(", "*", "%", "_" * 9000]:
        search(page, text)
        expect(found.get_by_role("link", name="zyzzyva")).to_have_count(0)
        expect(found.locator(".error")).to_have_count(0)


def test_the_keyboard_searches_walks_opens_and_goes_back(app: App, filled: dict[str, str], page: Page) -> None:
    page.goto(app.url)
    expect(page.get_by_role("link", name="Forest")).to_be_visible()
    page.keyboard.press("Control+k")
    field = page.get_by_role("searchbox", name="Search all conversations")
    expect(field).to_be_focused()
    page.keyboard.type("天气")
    found = page.get_by_role("region", name="Search results")
    expect(found.get_by_role("link").nth(1)).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(found.get_by_role("link").nth(1)).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(field).to_be_focused()
    page.keyboard.press("Enter")
    expect(said(page, "今天的天气很好，适合散步。")).to_be_visible()
    field.press("Escape")
    expect(field).to_have_value("")
    expect(found).to_be_hidden()
    expect(page.get_by_role("textbox", name="Message")).to_be_focused()


def test_on_a_phone_in_chinese(app: App, filled: dict[str, str], phone: Page) -> None:
    phone.goto(app.url)
    phone.get_by_role("button", name="对话列表").click()
    phone.get_by_role("searchbox", name="搜索所有对话").fill("散步")
    phone.get_by_role("button", name="筛选").click()
    phone.get_by_role("combobox", name="任何人").select_option("模型说的")
    phone.get_by_role("region", name="搜索结果").get_by_role("link").click()
    expect(said(phone, "今天的天气很好，适合散步。")).to_be_in_viewport()
    expect(phone.get_by_role("searchbox", name="搜索所有对话")).to_be_hidden()
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
