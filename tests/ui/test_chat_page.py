"""The Chat tab in a real browser, against the echo engine in a real server process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.conftest import App, launch, wait_for
from tests.ui.talking import answer, conversation, in_list, put, rows, send, stored, system

pytestmark = pytest.mark.browser
Start = Callable[..., App]
PROMPT = "SELECT system_prompt FROM conversations WHERE id = ?"


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """A server whose model writes 40 tokens per second."""
    started = launch(tmp_path_factory.mktemp("slow"), "--engine", "echo", "--model", "echo@40")
    yield started
    started.kill()


def kept(app: App, page: Page, what: str = "content", role: str = "%") -> list[tuple[Any, ...]]:
    """The stored messages of the conversation that a page shows."""
    sql = f"SELECT {what} FROM messages WHERE conversation_id = ? AND role LIKE ? ORDER BY seq"
    return rows(app, sql, conversation(page), role)


def test_a_message_is_answered_kept_and_there_after_a_reload(app: App, page: Page) -> None:
    page.goto(app.url)
    expect(page.get_by_role("tab", name="Chat")).to_be_visible()
    expect(page.get_by_text("What would you like to talk about?")).to_be_visible()
    send(page, "Hello **there**, 你好")
    log = page.get_by_role("log")
    expect(log.get_by_text("You said: Hello there, 你好")).to_be_visible()
    expect(page.get_by_role("textbox", name="Message")).to_have_value("")
    expect(page.get_by_role("link", name="Hello **there**, 你好")).to_be_visible()
    page.reload()
    expect(log.get_by_text("You said: Hello there, 你好")).to_be_visible()
    assert kept(app, page) == [("Hello **there**, 你好",), ("You said: Hello **there**, 你好",)]


def test_an_empty_message_is_not_sent_and_a_line_break_does_not_send(app: App, page: Page) -> None:
    page.goto(app.url)
    box = page.get_by_role("textbox", name="Message")
    box.press("Enter")
    expect(page.get_by_role("alert").get_by_text("The message is empty")).to_be_visible()
    box.fill("one")
    box.press("Shift+Enter")
    box.press_sequentially("two")
    assert conversation(page) == ""
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("log").get_by_text("You said: one")).to_be_visible()
    assert kept(app, page, role="user") == [("one\ntwo",)]


def test_stop_from_another_tab_keeps_what_was_shown(slow: App, context: BrowserContext, page: Page) -> None:
    page.goto(slow.url)
    send(page, "/tokens 2000")
    log = page.get_by_role("log")
    expect(log.get_by_text("word20 ")).to_be_visible(timeout=10_000)
    second = context.new_page()
    second.goto(page.url)
    expect(second.get_by_role("log").get_by_text("word40 ")).to_be_visible(timeout=10_000)
    expect(second.get_by_role("button", name="Send")).to_be_hidden()
    second.get_by_role("button", name="Stop").click()
    for tab in (page, second):
        expect(tab.get_by_role("button", name="Stop")).to_be_hidden()
        expect(tab.get_by_text("Stopped.")).to_be_visible()
    ((status, content),) = kept(slow, page, "status, content", role="assistant")
    assert status == "stopped"
    assert "word40" in str(content)
    assert len(str(content).split()) < 1000


def test_a_closed_tab_and_a_reload_do_not_end_a_reply(slow: App, context: BrowserContext, page: Page) -> None:
    page.goto(slow.url)
    send(page, "/tokens 400")
    expect(page.get_by_role("log").get_by_text("word9 ")).to_be_visible()
    page.reload()
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    address = page.url
    page.close()
    again = context.new_page()
    again.goto(address)
    expect(again.get_by_role("button", name="Stop")).to_be_visible()
    expect(again.get_by_role("log").get_by_text("word399")).to_be_visible(timeout=20_000)
    expect(again.get_by_role("button", name="Stop")).to_be_hidden()
    assert kept(slow, again, role="assistant") == [(" ".join(f"word{n}" for n in range(400)),)]


def test_regenerate_makes_a_second_version_and_arrows_switch(app: App, page: Page) -> None:
    page.goto(app.url)
    send(page, "again")
    page.get_by_role("button", name="Regenerate").click()
    log = page.get_by_role("log")
    expect(log.get_by_text("2/2")).to_be_visible()
    log.get_by_role("button", name="Previous version").click()
    expect(log.get_by_text("1/2")).to_be_visible()
    assert len(kept(app, page, role="assistant")) == 2


def test_rename_delete_and_undo(app: App, page: Page) -> None:
    page.goto(app.url)
    send(page, "first title")
    in_list(page, "first title", "Rename")
    answer(page, "OK", New_title="second title")
    link = page.get_by_role("link", name="second title")
    expect(link).to_be_visible()
    in_list(page, "second title", "Delete")
    expect(link).to_be_hidden()
    expect(page.get_by_text("What would you like to talk about?")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(link).to_be_visible()
    expect(page.get_by_role("log").get_by_text("You said: first title")).to_be_visible()


def test_a_too_long_message_is_refused_with_the_count_and_kept(app: App, page: Page) -> None:
    page.goto(app.url)
    expect(page.get_by_role("status").get_by_text("ready")).to_be_visible()
    text = "word " * 9000
    send(page, text)
    alert = page.get_by_role("alert")
    expect(alert.get_by_text("tokens, but the model reads at most")).to_be_visible()
    expect(page.get_by_role("textbox", name="Message")).to_have_value(text)
    assert conversation(page) == ""
    assert rows(app, "SELECT count(*) FROM messages WHERE content LIKE 'word word%'") == [(0,)]


def test_a_long_history_shows_its_end_and_more_on_request(app: App, page: Page) -> None:
    page.goto(app.url)
    for n in range(20):
        send(page, f"message number {n}.")
        expect(page.get_by_role("log").get_by_text(f"You said: message number {n}.")).to_be_visible()
        expect(page.get_by_role("button", name="Stop")).to_be_hidden()
    page.reload()
    expect(page.get_by_role("article")).to_have_count(30)
    page.get_by_role("button", name="Show 10 earlier messages").click()
    expect(page.get_by_role("article")).to_have_count(40)
    expect(page.get_by_role("button", name="earlier")).to_be_hidden()
    send(page, "one more")
    expect(page.get_by_role("log").get_by_text("You said: one more")).to_be_visible()
    expect(page.get_by_role("article")).to_have_count(42)


def test_after_a_crash_the_half_reply_is_there_and_goes_on(start_app: Start, page: Page) -> None:
    app = start_app("--engine", "echo", "--model", "echo@40")
    page.goto(app.url)
    send(page, "/tokens 120")
    expect(page.get_by_role("log").get_by_text("word40 ")).to_be_visible()
    app.kill()
    expect(page.get_by_role("alert").get_by_text("The app does not answer")).to_be_visible()
    port = app.url.rsplit(":", 1)[1]
    again = start_app("--engine", "echo", "--model", "echo@40", "--port", port, data=app.data)
    expect(page.get_by_text("Interrupted")).to_be_visible(timeout=15_000)
    expect(page.get_by_role("alert").get_by_text("The app does not answer")).to_be_hidden()
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("log").get_by_text("word119")).to_be_visible(timeout=15_000)
    wait_for(lambda: rows(again, "SELECT status FROM messages WHERE role='assistant'") == [("complete",)])
    content = rows(again, "SELECT content FROM messages WHERE role='assistant'")[0][0]
    assert content == " ".join(f"word{n}" for n in range(120))


def test_the_text_is_kept_when_the_app_is_gone(start_app: Start, page: Page) -> None:
    app = start_app()
    page.goto(app.url)
    expect(page.get_by_role("status").get_by_text("ready")).to_be_visible()
    app.kill()
    send(page, "do not lose me")
    expect(page.get_by_role("alert").first).to_be_visible()
    expect(page.get_by_role("textbox", name="Message")).to_have_value("do not lose me")


def test_a_draft_survives_a_reload(app: App, page: Page) -> None:
    page.goto(app.url)
    page.get_by_role("textbox", name="Message").press_sequentially("half a thought")
    page.reload()
    expect(page.get_by_role("textbox", name="Message")).to_have_value("half a thought")


def test_markup_in_a_reply_is_shown_and_not_run(app: App, page: Page) -> None:
    outside: list[str] = []
    page.on("request", lambda request: None if request.url.startswith(app.url) else outside.append(request.url))
    page.goto(app.url)
    send(
        page,
        "\n\n```python\nprint(1)\n```\n\n$x^2$ <img src=x onerror=document.title='bad'>"
        "![x](http://example.org/?d=secret)",
    )
    log = page.get_by_role("log")
    expect(log.get_by_role("button", name="Copy code")).to_be_visible()
    expect(log.locator("math")).to_have_count(1)
    expect(log.get_by_text("onerror").last).to_be_visible()
    assert "bad" not in page.title()
    assert [url for url in outside if not url.startswith(("data:", "blob:"))] == []


@pytest.mark.parametrize("locale", ["zh-CN", "en-US"])
def test_the_page_speaks_the_browsers_language_and_switches(app: App, page: Page, locale: str) -> None:
    browser = page.context.browser
    assert browser is not None
    context = browser.new_context(locale=locale)
    tab = context.new_page()
    tab.goto(app.url)
    names = {"zh-CN": ("消息", "发送", "新对话"), "en-US": ("Message", "Send", "New chat")}
    switches = {"zh-CN": "切换到英文", "en-US": "Switch to Chinese"}
    other = "en-US" if locale == "zh-CN" else "zh-CN"
    for language in (locale, other):
        message, button, new = names[language]
        expect(tab.get_by_role("textbox", name=message)).to_be_visible()
        expect(tab.get_by_role("button", name=button)).to_be_visible()
        expect(tab.get_by_role("button", name=new)).to_be_visible()
        tab.get_by_role("button", name=switches[language]).click()
    context.close()


def test_on_a_phone_the_list_is_a_drawer_and_nothing_scrolls_sideways(app: App, page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 780})
    page.goto(app.url)
    send(page, "x" * 300)
    expect(page.get_by_role("log").get_by_text("You said:")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    expect(page.get_by_role("button", name="New chat")).to_be_hidden()
    page.get_by_role("button", name="Conversations").click()
    expect(page.get_by_role("button", name="New chat")).to_be_visible()


def test_settings_of_a_conversation_come_back_when_it_is_opened(app: App, page: Page) -> None:
    page.goto(app.url)
    system(page).fill("Speak like a pirate.")
    page.get_by_role("textbox", name="seed").fill("7")
    send(page, "ahoy from the sea")
    expect(page.get_by_role("log").get_by_text("You said: ahoy")).to_be_visible()
    page.get_by_role("button", name="New chat").click()
    expect(page.get_by_role("textbox", name="System prompt")).to_have_value("")
    page.get_by_role("link", name="ahoy from the sea").click()
    expect(page.get_by_role("textbox", name="System prompt")).to_have_value("Speak like a pirate.")
    expect(page.get_by_role("textbox", name="seed")).to_have_value("7")
    sql = "SELECT seed FROM replies JOIN messages ON messages.id = message_id WHERE conversation_id = ?"
    assert rows(app, sql, conversation(page)) == [(7,)]


def test_a_failed_send_takes_nothing_from_the_text_that_resembles_the_last_one(start_app: Start, page: Page) -> None:
    app = start_app()
    page.goto(app.url)
    send(page, "hello")
    expect(page.get_by_role("log").get_by_text("You said: hello")).to_be_visible()
    app.kill()
    send(page, "hello again")
    expect(page.get_by_role("alert").get_by_text("The app does not answer")).to_be_visible()
    expect(page.get_by_role("textbox", name="Message")).to_have_value("hello again")


def test_a_message_sent_right_after_opening_waits_for_the_conversation(app: App, page: Page) -> None:
    page.goto(app.url)
    send(page, "first")
    expect(page.get_by_role("log").get_by_text("You said: first")).to_be_visible()
    page.goto("about:blank")
    page.go_back()
    send(page, "second")
    expect(page.get_by_role("log").get_by_text("You said: second")).to_be_visible()
    assert kept(app, page, role="user") == [("first",), ("second",)]


def test_older_conversations_are_shown_on_request(start_app: Start, page: Page) -> None:
    app = start_app()
    with stored(app) as history:
        for n in range(130):
            put(history, "x", "y", title=f"title {n}")
    page.goto(app.url)
    links = page.get_by_role("navigation").get_by_role("link")
    expect(links).to_have_count(100)
    page.get_by_role("button", name="Show older conversations").click()
    expect(links).to_have_count(130)


def test_what_is_typed_after_enter_belongs_to_the_next_message(slow: App, page: Page) -> None:
    page.goto(slow.url)
    box = page.get_by_role("textbox", name="Message")
    box.press_sequentially("first")
    box.press("Enter")
    box.press_sequentially("second", delay=5)
    expect(page.get_by_role("log").get_by_text("You said: first")).to_be_visible()
    expect(box).to_have_value("second")
    assert kept(slow, page, role="user") == [("first",)]


def test_an_edited_system_prompt_counts_for_regenerate(app: App, page: Page) -> None:
    page.goto(app.url)
    send(page, "ahoy")
    expect(page.get_by_role("log").get_by_text("You said: ahoy")).to_be_visible()
    system(page).fill("Speak like a pirate.")
    page.get_by_role("button", name="Regenerate").click()
    expect(page.get_by_role("log").get_by_text("2/2")).to_be_visible()
    assert rows(app, PROMPT, conversation(page)) == [("Speak like a pirate.",)]
    expect(page.get_by_role("textbox", name="System prompt")).to_have_value("Speak like a pirate.")


def test_another_tabs_settings_are_followed_and_not_overwritten(app: App, context: BrowserContext, page: Page) -> None:
    page.goto(app.url)
    system(page).fill("From the first tab.")
    send(page, "one")
    expect(page.get_by_role("log").get_by_text("You said: one")).to_be_visible()
    second = context.new_page()
    second.goto(page.url)
    prompt = system(second)
    expect(prompt).to_have_value("From the first tab.")
    expect(second.locator("body.panel-follows")).to_have_count(0)
    prompt.fill("From the second tab.")
    send(second, "two")
    expect(page.get_by_role("log").get_by_text("You said: two")).to_be_visible()
    expect(page.get_by_role("textbox", name="System prompt")).to_have_value("From the second tab.")
    send(page, "three")
    expect(page.get_by_role("log").get_by_text("You said: three")).to_be_visible()
    assert rows(app, PROMPT, conversation(page)) == [("From the second tab.",)]
