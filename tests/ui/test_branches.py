"""Branches in a real browser: editing any turn, walking between versions, deleting with undo, two windows at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.conftest import App, wait_for
from tests.ui.talking import begin, box, choose, conversation, message, more, put, rows, said, send, stored, talk, told

pytestmark = pytest.mark.browser
Start = Callable[..., App]
CONTENT = "SELECT content FROM messages WHERE conversation_id = ? ORDER BY seq"


def edit(page: Page, text: str, into: str) -> None:
    message(page, text).get_by_role("button", name="Edit").click()
    area = page.get_by_role("log").get_by_role("textbox", name="Edit")
    expect(area).to_have_value(text)
    area.fill(into)
    page.get_by_role("button", name="Send as a new branch").click()


def hide(page: Page, hidden: bool) -> None:
    """A tab behind another one lets go of its stream, so it hears of nothing."""
    page.evaluate(
        "(hidden) => { Object.defineProperty(document, 'hidden', { configurable: true, get: () => hidden }); "
        "document.dispatchEvent(new Event('visibilitychange')); }",
        hidden,
    )


def test_an_early_turn_is_edited_and_arrows_walk_between_the_branches(app: App, page: Page) -> None:
    talk_id = begin(page, app, "apples", "pears", "plums")
    edit(page, "apples", "cherries")
    expect(said(page, "You said: cherries")).to_be_visible()
    expect(page.get_by_role("article")).to_have_count(2)
    first = page.get_by_role("article").first
    expect(first.get_by_text("2/2")).to_be_visible()
    first.get_by_role("button", name="Previous version").click()
    expect(said(page, "You said: plums")).to_be_visible()
    expect(page.get_by_role("article")).to_have_count(6)
    expect(first.get_by_role("button", name="Previous version")).to_be_focused()
    # At the end of the way the arrow stays, and does nothing.
    expect(first.get_by_role("button", name="Previous version")).to_be_disabled()
    first.get_by_role("button", name="Next version").press("Enter")
    expect(said(page, "You said: cherries")).to_be_visible()
    page.reload()
    expect(said(page, "You said: cherries")).to_be_visible()
    texts = [row[0] for row in rows(app, CONTENT, talk_id)]
    assert texts[::2] == ["apples", "pears", "plums", "cherries"]
    first_id, edited = rows(app, "SELECT id, edited_from FROM messages WHERE content IN ('apples', 'cherries')")
    assert edited[1] == first_id[0]


def test_a_reply_in_the_middle_is_written_anew_beside_the_old_one(app: App, page: Page) -> None:
    begin(page, app, "one", "two")
    message(page, "You said: one").get_by_role("button", name="Regenerate").click()
    expect(page.get_by_role("article")).to_have_count(2)
    expect(page.get_by_role("article").last.get_by_text("2/2")).to_be_visible()
    page.get_by_role("button", name="Previous version").last.click()
    expect(said(page, "You said: two")).to_be_visible()


def test_arrows_far_up_in_a_long_conversation_keep_their_place(app: App, page: Page) -> None:
    with stored(app) as history:
        many = [f"{who} {n}" for n in range(60) for who in ("ask", "tell")]
        talk_id, ids = put(history, *many, title="a long way")
        put(history, "ask otherwise", "tell otherwise", after=(talk_id, ids[7]))
        history.select(talk_id, ids[-1])
    page.goto(f"{app.url}?c={talk_id}")
    expect(page.get_by_role("article")).to_have_count(30)
    page.get_by_role("button", name="earlier messages").click()
    page.get_by_role("button", name="earlier messages").click()
    turn, other = message(page, "ask 4"), message(page, "ask otherwise")
    turn.get_by_role("button", name="Next version").click()
    expect(other.get_by_role("button", name="Next version")).to_be_focused()
    before = other.get_by_role("button", name="Previous version").bounding_box()
    other.get_by_role("button", name="Previous version").click()
    expect(turn.get_by_role("button", name="Previous version")).to_be_focused()
    after = turn.get_by_role("button", name="Previous version").bounding_box()
    assert before is not None
    assert after is not None
    assert abs(before["y"] - after["y"]) < 2
    expect(page.get_by_role("button", name="later messages")).to_be_visible()


def test_an_edited_reply_of_ones_own_stands_beside_the_models(app: App, page: Page) -> None:
    talk_id = begin(page, app, "say it")
    more(page, "You said: say it", "Edit")
    page.get_by_role("log").get_by_role("textbox", name="Edit").fill("**My** words")
    page.get_by_role("button", name="Save beside it").click()
    expect(said(page, "My words")).to_be_visible()
    expect(page.get_by_text("Edited by hand")).to_be_visible()
    expect(page.get_by_text("2/2")).to_be_visible()
    assert [row[0] for row in rows(app, CONTENT, talk_id)] == ["say it", "You said: say it", "**My** words"]


def test_an_edit_box_outlives_what_happens_around_it_and_a_reload(
    app: App, context: BrowserContext, page: Page
) -> None:
    begin(page, app, "first wording")
    message(page, "first wording").get_by_role("button", name="Edit").click()
    area = page.get_by_role("log").get_by_role("textbox", name="Edit")
    area.fill("half a new one")
    second = context.new_page()
    second.goto(page.url)
    talk(second, "from elsewhere")
    expect(said(page, "You said: from elsewhere")).to_be_visible()
    expect(area).to_have_value("half a new one")
    page.reload()
    expect(area).to_have_value("half a new one")
    expect(box(page)).to_have_value("")
    area.press("Control+Enter")
    expect(said(page, "You said: half a new one")).to_be_visible()
    page.reload()
    expect(said(page, "You said: half a new one")).to_be_visible()
    expect(area).to_have_count(0)


def test_an_edit_that_is_refused_is_there_again(app: App, page: Page) -> None:
    begin(page, app, "short")
    edit(page, "short", "word " * 9000)
    expect(page.get_by_role("alert").get_by_text("tokens, but the model reads at most")).to_be_visible()
    area = page.get_by_role("log").get_by_role("textbox", name="Edit")
    expect(area).to_have_value("word " * 9000)
    area.press("Escape")
    expect(area).to_have_count(0)
    expect(message(page, "short").get_by_role("button", name="Edit")).to_be_focused()


def test_a_stale_tab_makes_a_branch_says_so_and_loses_nothing(app: App, context: BrowserContext, page: Page) -> None:
    talk_id = begin(page, app, "shared")
    second = context.new_page()
    second.goto(page.url)
    expect(said(second, "You said: shared")).to_be_visible()
    hide(second, True)
    talk(page, "from the first")
    send(second, "from the second")
    expect(told(second, "The conversation had gone on in another window.")).to_be_visible()
    expect(box(second)).to_have_value("")
    hide(second, False)
    expect(said(second, "You said: from the second")).to_be_visible()
    branched = message(second, "from the second")
    branched.get_by_role("button", name="Previous version").click()
    expect(said(second, "You said: from the first")).to_be_visible()
    texts = [row[0] for row in rows(app, CONTENT, talk_id)]
    assert texts[2:] == ["from the first", "You said: from the first", "from the second", "You said: from the second"]


def test_a_stale_tab_regenerates_what_it_shows_as_a_branch(app: App, context: BrowserContext, page: Page) -> None:
    talk_id = begin(page, app, "base")
    second = context.new_page()
    second.goto(page.url)
    expect(said(second, "You said: base")).to_be_visible()
    hide(second, True)
    talk(page, "goes on")
    second.get_by_role("button", name="Regenerate").last.click()
    expect(told(second, "The conversation had gone on in another window.")).to_be_visible()
    wait_for(lambda: len(rows(app, CONTENT, talk_id)) == 5)
    assert rows(app, CONTENT, talk_id)[3][0] == "You said: goes on"


def test_a_reload_in_the_middle_of_a_reply_on_a_new_branch(start_app: Start, page: Page) -> None:
    slow = start_app("--engine", "echo", "--model", "echo@40")
    page.goto(slow.url)
    talk(page, "go")
    edit(page, "go", "/tokens 300")
    expect(page.get_by_role("log").get_by_text("word12 ")).to_be_visible()
    page.reload()
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    message(page, "/tokens 300").get_by_role("button", name="Previous version").click()
    expect(said(page, "You said: go")).to_be_visible()
    expect(page.get_by_role("button", name="Stop")).to_be_hidden()
    page.get_by_role("button", name="Next version").first.click()
    expect(page.get_by_role("log").get_by_text("word299")).to_be_visible()
    content = rows(slow, "SELECT content FROM messages WHERE content LIKE 'word0%'")[0][0]
    wait_for(lambda: rows(slow, "SELECT count(*) FROM messages WHERE status = 'streaming'") == [(0,)])
    assert len(str(content).split()) == 300


def test_delete_from_here_on_and_undo(app: App, page: Page) -> None:
    talk_id = begin(page, app, "keep", "drop", "drop too")
    choose(page, page.get_by_role("article").nth(2).get_by_role("button", name="More"), "Delete from here on")
    expect(page.get_by_role("article")).to_have_count(2)
    alive = "SELECT count(*) FROM messages WHERE conversation_id = ? AND deleted_at IS NULL"
    assert rows(app, alive, talk_id) == [(2,)]
    page.get_by_role("button", name="Undo").click()
    expect(said(page, "You said: drop too")).to_be_visible()
    assert rows(app, alive, talk_id) == [(6,)]
    assert conversation(page) == talk_id


def test_after_its_reply_was_deleted_a_message_can_be_answered_again(app: App, page: Page) -> None:
    begin(page, app, "answer me")
    more(page, "You said: answer me", "Delete from here on")
    expect(page.get_by_role("article")).to_have_count(1)
    page.get_by_role("button", name="Regenerate").click()
    expect(said(page, "You said: answer me")).to_be_visible()


def test_retry_with_another_seed_leaves_the_settings_alone(app: App, page: Page) -> None:
    talk_id = begin(page, app, "once more")
    more(page, "You said: once more", "Retry with another model or sampling")
    form = page.get_by_role("dialog")
    form.get_by_label("seed").fill("4711")
    form.get_by_label("temperature").fill("0")
    form.get_by_role("button", name="Retry", exact=True).click()
    expect(page.get_by_text("2/2")).to_be_visible()
    seeds = "SELECT seed FROM replies JOIN messages ON id = message_id WHERE conversation_id = ? ORDER BY seq"
    wait_for(lambda: len(rows(app, seeds, talk_id)) == 2)
    assert rows(app, seeds, talk_id)[1] == (4711,)
    assert '"seed": null' in rows(app, "SELECT sampling FROM conversations WHERE id = ?", talk_id)[0][0]


def test_on_a_phone_in_chinese_a_turn_is_edited(app: App, phone: Page) -> None:
    phone.goto(app.url)
    phone.get_by_role("textbox", name="消息").fill("第一句")
    phone.get_by_role("button", name="发送").click()
    expect(phone.get_by_role("log").get_by_text("You said: 第一句")).to_be_visible()
    phone.get_by_role("button", name="编辑").click()
    phone.get_by_role("log").get_by_role("textbox", name="编辑").fill("换一句")
    phone.get_by_role("button", name="作为新分支发送").click()
    expect(phone.get_by_role("log").get_by_text("You said: 换一句")).to_be_visible()
    phone.get_by_role("button", name="上一个版本").first.click()
    expect(phone.get_by_role("log").get_by_text("You said: 第一句")).to_be_visible()
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
