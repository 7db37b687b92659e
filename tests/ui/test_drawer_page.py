"""Votes, personas, templates, and the drawer with record, replay, tokens and tree, in a real browser."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.conftest import App, wait_for
from tests.ui.talking import (
    answer,
    begin,
    box,
    choose,
    conversation,
    message,
    more,
    put,
    rows,
    said,
    send,
    stored,
    system,
    talk,
    told,
)

pytestmark = pytest.mark.browser
Start = Callable[..., App]
BAD = "<img src=x onerror=document.title='bad'>"


def drawer(page: Page) -> Locator:
    return page.get_by_role("complementary", name="Details")


def personas(page: Page, *items: str) -> None:
    choose(page, page.locator("#pg-meter").get_by_role("button").filter(has=page.locator("#pg-persona")), *items)


def templates(page: Page, *items: str) -> None:
    page.get_by_role("button", name="Prompt templates").click()
    for item in items:
        page.get_by_role("menuitem", name=item).click()


# ---- votes -----------------------------------------------------------------------------------------------------------
def test_a_vote_has_a_reason_and_can_be_taken_back(app: App, page: Page) -> None:
    talk_id = begin(page, app, "judge me")
    reply = message(page, "You said: judge me")
    vote = "SELECT vote, vote_reason FROM messages WHERE role = 'assistant' AND conversation_id = ?"
    reply.get_by_role("button", name="Bad reply").click()
    expect(reply.get_by_role("button", name="Bad reply", pressed=True)).to_be_focused()
    page.get_by_role("button", name="Say why").click()
    answer(page, "OK", What_was_wrong=f"It only repeats. {BAD}")
    wait_for(lambda: rows(app, vote, talk_id) == [(-1, f"It only repeats. {BAD}")])
    reply.get_by_role("button", name="Details").click()
    expect(drawer(page)).to_contain_text(f"It only repeats. {BAD}")
    assert page.locator("#pg-info img").count() == 0
    more(page, "You said: judge me", "Say why")
    expect(page.get_by_role("dialog").get_by_label("What was wrong")).to_have_value(f"It only repeats. {BAD}")
    page.keyboard.press("Escape")
    reply.get_by_role("button", name="Good reply").click()
    expect(reply.get_by_role("button", name="Bad reply", pressed=False)).to_be_visible()
    reply.get_by_role("button", name="Good reply", pressed=True).click()
    expect(reply.get_by_role("button", name="Good reply", pressed=False)).to_be_visible()
    wait_for(lambda: rows(app, vote, talk_id) == [(0, "")])


# ---- personas --------------------------------------------------------------------------------------------------------
def test_a_persona_fills_the_panel_and_stays_with_its_conversation(app: App, page: Page) -> None:
    page.goto(app.url)
    personas(page, "Brief")
    expect(system(page)).to_have_value(
        "Answer as briefly as the question allows. No introduction, no repetition of the question."
    )
    expect(page.get_by_role("spinbutton", name="temperature")).to_have_value("0.3")
    talk(page, "as a persona")
    talk_id = conversation(page)
    assert rows(app, "SELECT persona FROM conversations WHERE id = ?", talk_id) == [("brief",)]
    page.get_by_role("button", name="New chat", exact=True).click()
    expect(page.get_by_role("button", name="No persona")).to_be_visible()
    expect(system(page)).to_have_value("")
    page.get_by_role("link", name="as a persona").click()
    expect(page.locator("#pg-meter").get_by_role("button", name="Brief")).to_be_visible()
    page.reload()
    expect(page.locator("#pg-meter").get_by_role("button", name="Brief")).to_be_visible()


def test_a_persona_of_ones_own_is_saved_used_deleted_and_brought_back(app: App, page: Page) -> None:
    page.goto(app.url)
    system(page).fill("Speak like a pirate.")
    page.get_by_role("textbox", name="seed").fill("11")
    personas(page, "Save these settings as a persona")
    form = page.get_by_role("dialog")
    expect(form.get_by_label("System prompt")).to_have_value("Speak like a pirate.")
    form.get_by_role("button", name="Save").click()
    expect(form.get_by_role("alert")).to_have_text("Write a name and a text.")
    answer(page, "Save", Name=f"Pirate {BAD}")
    expect(page.locator("#pg-persona")).to_have_text(f"Pirate {BAD}")
    personas(page, "No persona")
    expect(system(page)).to_have_value("")
    personas(page, f"Pirate {BAD}")
    expect(system(page)).to_have_value("Speak like a pirate.")
    expect(page.get_by_role("textbox", name="seed")).to_have_value("11")
    personas(page, "Delete a persona", f"Pirate {BAD}")
    saved = "SELECT count(*) FROM saved_prompts WHERE deleted_at IS NULL AND kind = 'persona'"
    wait_for(lambda: rows(app, saved) == [(0,)])
    page.get_by_role("button", name="Undo").click()
    wait_for(lambda: rows(app, saved) == [(1,)])
    assert page.locator("#pg-chat img, .pg-menu img").count() == 0


def test_a_persona_of_ones_own_is_edited_without_the_panels_sampling_unless_it_is_the_chosen_one(
    app: App, page: Page
) -> None:
    with stored(app) as history:
        saved = history.save_prompt("persona", "Poet", "Write in verse.", {"seed": 5})
    kept = "SELECT name, text, sampling FROM saved_prompts WHERE id = ?"
    page.goto(app.url)
    system(page)
    page.get_by_role("textbox", name="seed").fill("77")
    personas(page, "Edit a persona", "Poet")
    form = page.get_by_role("dialog", name="Edit a persona")
    expect(form.get_by_label("System prompt")).to_have_value("Write in verse.")
    expect(form.get_by_text("Its sampling stays.")).to_be_visible()
    answer(page, "Save", System_prompt="Write in rhymes.")
    wait_for(lambda: rows(app, kept, saved) == [("Poet", "Write in rhymes.", '{"seed": 5}')])
    expect(page.get_by_role("button", name="No persona")).to_be_visible()
    personas(page, "Poet")
    expect(page.get_by_role("textbox", name="seed")).to_have_value("5")
    page.get_by_role("textbox", name="seed").fill("6")
    personas(page, "Edit a persona", "Poet")
    answer(page, "Save", Name="Bard")
    expect(page.locator("#pg-persona")).to_have_text("Bard")
    assert '"seed": 6' in rows(app, kept, saved)[0][2]


def test_what_is_typed_into_the_panel_right_after_new_chat_is_not_overwritten(app: App, page: Page) -> None:
    begin(page, app, "an older chat")
    system(page).fill("Of the older chat.")
    page.get_by_role("button", name="New chat", exact=True).click()
    # The panel takes nothing until it shows what belongs to the new chat.
    assert page.evaluate("document.getElementById('pg-settings').inert") or system(page).input_value() == ""
    system(page).click()
    page.keyboard.insert_text("Of the new one.")
    expect(system(page)).to_have_value("Of the new one.")
    talk(page, "a new chat")
    sql = "SELECT system_prompt FROM conversations WHERE title IN ('an older chat', 'a new chat') ORDER BY created_at"
    assert rows(app, sql) == [("",), ("Of the new one.",)]


# ---- templates -------------------------------------------------------------------------------------------------------
def test_a_template_asks_for_its_variables_and_says_which_is_missing(app: App, page: Page) -> None:
    page.goto(app.url)
    box(page).fill("Before it.")
    templates(page, "Explain")
    form = page.get_by_role("dialog", name="Explain")
    form.get_by_label("topic").fill("{{audience}} and tides")
    form.get_by_role("button", name="Insert").click()
    expect(form.get_by_role("alert")).to_have_text("The template needs a value for: audience. Fill it in, then insert.")
    expect(form.get_by_label("topic")).to_have_value("{{audience}} and tides")
    form.get_by_label("audience").fill("children")
    form.get_by_role("button", name="Insert").click()
    expect(box(page)).to_have_value("Before it.\n\nExplain {{audience}} and tides to children, with an example.")
    expect(box(page)).to_be_focused()


def test_a_template_of_ones_own_is_saved_changed_and_deleted_with_undo(app: App, page: Page) -> None:
    page.goto(app.url)
    box(page).fill("Greet {{who}}")
    templates(page, "Save as a template")
    answer(page, "Save", Name="Greeting")
    expect(told(page, "Saved.")).to_be_visible()
    box(page).fill("")
    templates(page, "Edit a template", "Greeting")
    expect(page.get_by_role("dialog").get_by_label("Text")).to_have_value("Greet {{who}}")
    answer(page, "Save", Text="Greet {{who}} twice")
    twice = "SELECT count(*) FROM saved_prompts WHERE text = 'Greet {{who}} twice'"
    wait_for(lambda: rows(app, twice) == [(1,)])
    templates(page, "Greeting")
    answer(page, "Insert", who="Ada")
    expect(box(page)).to_have_value("Greet Ada twice")
    templates(page, "Delete a template", "Greeting")
    page.get_by_role("button", name="Undo").click()
    kept = "SELECT text FROM saved_prompts WHERE kind = 'template' AND deleted_at IS NULL"
    wait_for(lambda: rows(app, kept) == [("Greet {{who}} twice",)])


# ---- the drawer ------------------------------------------------------------------------------------------------------
def test_the_record_and_a_replay_that_is_identical(app: App, page: Page) -> None:
    begin(page, app, "repeat exactly")
    reply = message(page, "You said: repeat exactly")
    reply.get_by_role("button", name="Details").click()
    expect(page.get_by_role("tab", name="Record")).to_be_focused()
    expect(drawer(page).get_by_text("prompt_tokens", exact=True)).to_be_visible()
    page.get_by_role("tab", name="Record").press("ArrowRight")
    expect(page.get_by_role("tab", name="Tokens", selected=True)).to_be_focused()
    page.keyboard.press("ArrowLeft")
    drawer(page).get_by_role("button", name="Replay", exact=True).click()
    expect(drawer(page).get_by_text("Identical: all 4 tokens are the same.")).to_be_visible()
    page.reload()
    reply.get_by_role("button", name="Details").click()
    expect(drawer(page).get_by_text("Identical")).to_be_visible()
    drawer(page).get_by_role("button", name="Close").click()
    expect(drawer(page)).to_be_hidden()
    expect(reply.get_by_role("button", name="Details")).to_be_focused()
    assert rows(app, "SELECT count(*) FROM token_views") != [(0,)]


def test_a_replay_with_other_settings_says_what_is_other(app: App, page: Page) -> None:
    begin(page, app, "as it was")
    system(page).fill("Another prompt.")
    message(page, "You said: as it was").get_by_role("button", name="Details").click()
    drawer(page).get_by_role("button", name="Replay with the settings of now").click()
    expect(drawer(page).get_by_text("Identical")).to_be_visible()
    page.get_by_role("spinbutton", name="max_new_tokens").fill("2")
    page.get_by_role("spinbutton", name="max_new_tokens").press("Tab")
    drawer(page).get_by_role("button", name="Replay with the settings of now").click()
    expect(drawer(page).get_by_text("Diverges at token")).to_be_visible()
    expect(drawer(page).get_by_text("The setting max_new_tokens is another: 2 instead of")).to_be_visible()


def test_a_replay_can_be_stopped(start_app: Start, page: Page) -> None:
    slow = start_app("--engine", "echo", "--model", "echo@40")
    page.goto(slow.url)
    send(page, "/tokens 60")
    expect(page.get_by_role("button", name="Regenerate")).to_be_visible()
    page.get_by_role("button", name="Details").click()
    drawer(page).get_by_role("button", name="Replay", exact=True).click()
    expect(drawer(page).get_by_text("of 60")).to_be_visible()
    drawer(page).get_by_role("button", name="Stop").click()
    expect(drawer(page).get_by_text("The replay was stopped.")).to_be_visible()


def test_tokens_have_alternatives_and_one_begins_a_branch(app: App, page: Page) -> None:
    talk_id = begin(page, app, "red green blue")
    more(page, "You said: red green blue", "Tokens")
    drawer(page).get_by_role("button", name="Compute the tokens").click()
    token = drawer(page).get_by_role("button", name="green")
    other = next(text for text, _ in json.loads(token.get_attribute("data-top") or "") if text != " green")
    token.click()
    expect(page.get_by_role("menuitemradio", checked=True)).to_contain_text("green")
    page.get_by_role("menu").get_by_text("continue from here as a branch").first.click()
    expect(page.get_by_role("article").last.get_by_text("2/2")).to_be_visible()
    wait_for(lambda: rows(app, "SELECT count(*) FROM messages WHERE status = 'streaming'") == [(0,)])
    branch = rows(app, "SELECT content FROM messages WHERE conversation_id = ? ORDER BY seq DESC", talk_id)[0][0]
    assert branch.startswith(f"You said: red{other}")


def test_the_tree_shows_all_branches_and_leads_to_each(app: App, page: Page) -> None:
    with stored(app) as history:
        talk_id, ids = put(history, f"root {BAD}", "answer one", "down here", "the end of it", title="a tree")
        put(history, "another way", "the other end", after=(talk_id, ids[1]))
    page.goto(f"{app.url}?c={talk_id}")
    more(page, "answer one", "Tree")
    nodes = drawer(page).get_by_role("listitem")
    expect(nodes).to_have_count(6)
    expect(drawer(page).locator("[aria-current]")).to_have_count(4)
    drawer(page).get_by_role("button", name="the end of it").click()
    expect(said(page, "the end of it")).to_be_visible()
    expect(said(page, "the other end")).to_have_count(0)
    expect(drawer(page).get_by_role("button", name="the end of it")).to_have_attribute("aria-current", "true")
    talk(page, "and on")
    expect(nodes).to_have_count(8)
    assert page.locator("#pg-info img").count() == 0
    page.get_by_role("button", name="New chat", exact=True).click()
    expect(drawer(page).get_by_text("There are no messages yet.")).to_be_visible()


def test_a_thought_is_folded_and_what_is_said_stays_outside(app: App, page: Page) -> None:
    with stored(app) as history:
        talk_id, _ = put(history, "think", "<think>\nsecret **musing**\n</think>\n\nThe answer.", title="thinking")
    page.goto(f"{app.url}?c={talk_id}")
    expect(said(page, "The answer.")).to_be_visible()
    expect(page.get_by_text("secret musing")).to_be_hidden()
    page.get_by_role("log").get_by_text("Thoughts").click()
    expect(page.get_by_text("secret musing")).to_be_visible()


def test_on_a_phone_in_chinese_the_drawer_covers_the_page(app: App, phone: Page) -> None:
    phone.goto(app.url)
    phone.get_by_role("textbox", name="消息").fill("看看记录")
    phone.get_by_role("button", name="发送").click()
    phone.get_by_role("button", name="详情").click()
    phone.get_by_role("button", name="重放", exact=True).click()
    expect(phone.get_by_text("个词元全部一致")).to_be_visible()
    phone.get_by_role("tab", name="词元").click()
    expect(phone.locator(".tks")).to_be_visible()
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
    phone.get_by_role("button", name="关闭").click()
    expect(phone.get_by_role("textbox", name="消息")).to_be_visible()
