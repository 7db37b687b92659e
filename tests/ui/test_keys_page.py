"""Keyboard shortcuts, their sheet, and what everybody must be able to reach, read and name, in a real browser."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.conftest import App
from tests.ui.talking import begin, box, conversation, message, more, put, said, send, stored, talk

pytestmark = pytest.mark.browser
Start = Callable[..., App]
NAMELESS = """() => [...document.querySelectorAll('#pg-header button, '
  + ':is(#pg-chat, .pg-menu, .pg-dialog) :is(button, input, select, textarea, a)')]
  .filter((one) => one.checkVisibility() && !(one.textContent.trim() || one.getAttribute('aria-label') || one.title
    || [...(one.labels || [])].some((label) => label.textContent.trim())))
  .map((one) => one.outerHTML.slice(0, 120))"""
# Every visible text's contrast with what is painted behind it; AA asks for 4.5 (3 where it is large).
PALE = """() => {
  const paint = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgba = (text) => {
    paint.clearRect(0, 0, 1, 1); paint.fillStyle = text; paint.fillRect(0, 0, 1, 1);
    return [...paint.getImageData(0, 0, 1, 1).data];
  };
  const over = ([r, g, b, a], under) => [r, g, b].map((one, at) => (one * a + under[at] * (255 - a)) / 255);
  const light = (colour) => colour.map((one) => one / 255)
    .map((one) => (one <= 0.03928 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4))
    .reduce((sum, one, at) => sum + one * [0.2126, 0.7152, 0.0722][at], 0);
  const behind = (node) => {
    const layers = [];
    for (let at = node; at; at = at.parentElement) layers.push(rgba(getComputedStyle(at).backgroundColor));
    return layers.reverse().reduce((under, layer) => over(layer, under), [255, 255, 255]);
  };
  const found = [];
  const look = (node, text) => {
    const back = behind(node), style = getComputedStyle(node), front = over(rgba(style.color), back);
    const [high, low] = [light(front), light(back)].sort((one, other) => other - one);
    const least = parseFloat(style.fontSize) >= 24 ? 3 : 4.5, ratio = (high + 0.05) / (low + 0.05);
    if (ratio < least) found.push(`${ratio.toFixed(2)} ${node.tagName}.${node.className}: ${text.slice(0, 40)}`);
  };
  const fields = ':is(#pg-chat, .pg-dialog) :is(textarea, select, input:not([type=checkbox]))';
  for (const node of document.querySelectorAll(fields)) if (node.checkVisibility()) look(node, node.name || 'a field');
  for (const box of document.querySelectorAll('#pg-header, #pg-chat, .pg-menu, .pg-dialog')) {
    const walker = document.createTreeWalker(box, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const node = walker.currentNode.parentElement;
      const text = walker.currentNode.data.trim();
      if (!text || !node.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
      if (node.closest('[aria-disabled=true], :disabled, .sr, script, style')) continue;
      look(node, text);
    }
  }
  return [...new Set(found)];
}"""


def test_the_sheet_lists_the_keys_and_gives_the_focus_back(app: App, page: Page) -> None:
    page.goto(app.url)
    expect(box(page)).to_be_focused()
    page.keyboard.press("Control+/")
    sheet = page.get_by_role("dialog", name="Keyboard shortcuts")
    for words in ("Search", "New chat", "Regenerate", "Edit your last message", "Previous version", "New line"):
        expect(sheet.get_by_role("row").filter(has_text=words).first).to_be_visible()
    page.keyboard.press("Escape")
    expect(sheet).to_have_count(0)
    expect(box(page)).to_be_focused()
    page.get_by_role("button", name="Keyboard shortcuts").click()
    expect(sheet).to_be_visible()
    sheet.get_by_role("button", name="Close").click()
    expect(page.get_by_role("button", name="Keyboard shortcuts")).to_be_focused()
    page.keyboard.press("?")
    expect(sheet).to_be_visible()


def test_tokens_are_one_stop_and_arrows_walk_them(app: App, page: Page) -> None:
    begin(page, app, "red green blue")
    more(page, "You said: red green blue", "Tokens")
    details = page.get_by_role("complementary", name="Details")
    details.get_by_role("button", name="Compute the tokens").click()
    tokens = details.locator(".tks").get_by_role("button")
    tokens.nth(0).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(tokens.nth(2)).to_be_focused()
    expect(details.locator(".tks [tabindex='0']")).to_have_count(1)
    page.keyboard.press("End")
    expect(tokens.last).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("menuitemradio", checked=True)).to_be_visible()
    page.keyboard.press("Escape")
    expect(tokens.last).to_be_focused()
    page.keyboard.press("Tab")
    expect(details.locator(".tks :focus")).to_have_count(0)


def test_a_question_mark_in_the_box_is_a_question_mark(app: App, page: Page) -> None:
    page.goto(app.url)
    expect(box(page)).to_be_focused()
    page.keyboard.type("/why?")
    expect(box(page)).to_have_value("/why?")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_turns_by_keyboard_alone(app: App, page: Page) -> None:
    page.goto(app.url)
    talk(page, "by keys")
    page.keyboard.press("Alt+r")
    expect(page.get_by_text("2/2")).to_be_visible()
    page.keyboard.press("Alt+BracketLeft")
    expect(page.get_by_text("1/2")).to_be_visible()
    page.keyboard.press("Alt+BracketRight")
    expect(page.get_by_text("2/2")).to_be_visible()
    box(page).focus()
    page.keyboard.press("ArrowUp")
    area = page.get_by_role("log").get_by_role("textbox", name="Edit")
    expect(area).to_be_focused()
    page.keyboard.press("End")
    page.keyboard.type(" and hands")
    page.keyboard.press("Control+Enter")
    expect(message(page, "You said: by keys and hands").get_by_role("button", name="Details")).to_be_visible()
    page.keyboard.press("Alt+e")
    expect(area).to_have_value("by keys and hands")
    page.keyboard.press("Escape")
    expect(area).to_have_count(0)
    page.keyboard.press("Alt+i")
    expect(page.get_by_role("tab", name="Record")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("complementary", name="Details")).to_be_hidden()
    page.keyboard.press("Control+Shift+o")
    expect(page.get_by_text("What would you like to talk about?")).to_be_visible()
    expect(box(page)).to_be_focused()
    page.get_by_role("button", name="New chat").focus()
    page.keyboard.press("/")
    expect(box(page)).to_be_focused()
    expect(box(page)).to_have_value("")


def test_escape_stops_a_reply_but_not_from_another_box(start_app: Start, page: Page) -> None:
    slow = start_app("--engine", "echo", "--model", "echo@40")
    page.goto(slow.url)
    send(page, "/tokens 2000")
    expect(page.get_by_role("log").get_by_text("word9 ")).to_be_visible()
    page.keyboard.press("Control+k")
    page.keyboard.type("word")
    page.keyboard.press("Escape")
    expect(page.get_by_role("searchbox")).to_have_value("")
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    message(page, "/tokens 2000").get_by_role("button", name="Edit").click()
    expect(page.get_by_role("log").get_by_role("textbox", name="Edit")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Send as a new branch")).to_have_count(0)
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    box(page).press("Escape")
    expect(page.get_by_text("Stopped.")).to_be_visible()


def test_keys_do_nothing_to_a_chat_that_is_not_shown(app: App, page: Page) -> None:
    begin(page, app, "stay as you are")
    page.get_by_role("tab", name="Models").click()
    expect(page.get_by_role("heading", name="In memory")).to_be_visible()
    page.keyboard.press("Alt+r")
    page.keyboard.press("Control+Shift+o")
    page.get_by_role("tab", name="Chat").click()
    expect(said(page, "You said: stay as you are")).to_be_visible()
    assert conversation(page)
    expect(page.get_by_text("2/2")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everything_has_a_name_and_can_be_read(app: App, page: Page, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
    with stored(app) as history:
        talk_id, _ = put(history, "a question", "<think>hm</think>An `answer` with [a link](http://x.y).", title="Read")
        history.set_tags(talk_id, ["tag"])
        history.move(talk_id, f"Folder {scheme}")
    page.goto(f"{app.url}?c={talk_id}")
    talk(page, "one more")
    page.get_by_role("log").get_by_text("Thoughts").click()
    page.get_by_role("button", name="System prompt and sampling").click()
    page.get_by_role("button", name="Good reply").last.click()
    message(page, "a question").get_by_role("button", name="Edit").click()
    expect(page.get_by_role("log").get_by_role("textbox", name="Edit")).to_be_visible()
    more(page, "You said: one more", "Tokens")
    details = page.get_by_role("complementary", name="Details")
    details.get_by_role("button", name="Compute the tokens").click()
    expect(details.get_by_text("Identical")).to_be_visible()
    colours = "(all) => new Set(all.map((one) => getComputedStyle(one).backgroundColor)).size"
    assert details.locator(".tks .tk").evaluate_all(colours) > 1
    assert page.evaluate(NAMELESS) == []
    assert page.evaluate(PALE) == []
    details.get_by_role("button", name="said").click()
    assert page.evaluate(NAMELESS) == []
    assert page.evaluate(PALE) == []
    page.keyboard.press("Escape")
    for tab in ("Record", "Tree"):
        page.get_by_role("tab", name=tab).click()
        expect(page.get_by_role("tab", name=tab, selected=True)).to_be_visible()
        expect(details.get_by_text("seed" if tab == "Record" else "one more").first).to_be_visible()
        assert page.evaluate(PALE) == []
    page.get_by_role("searchbox", name="Search all conversations").fill("answer")
    page.get_by_role("button", name="Filters").click()
    expect(page.get_by_role("region", name="Search results").get_by_role("link").first).to_be_visible()
    assert page.evaluate(NAMELESS) == []
    assert page.evaluate(PALE) == []
    message(page, "You said: one more").get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Retry with another model or sampling").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert page.evaluate(NAMELESS) == []
    assert page.evaluate(PALE) == []


def test_on_a_phone_nothing_scrolls_sideways(app: App, phone: Page) -> None:
    fits = "() => [...document.querySelectorAll('body, #pg-main, #pg-log, #pg-meter, #pg-info, #pg-side, .pg-menu, "
    fits += ".pg-dialog')].filter((one) => one.checkVisibility() && (one.scrollWidth > one.clientWidth + 1 "
    fits += "|| one.getBoundingClientRect().right > innerWidth))"
    fits += ".map((one) => one.id || one.className)"
    phone.goto(app.url)
    phone.get_by_role("textbox", name="消息").fill("x" * 200 + "\n\n| a | b |\n|---|---|\n| " + "y" * 200 + " | c |")
    phone.get_by_role("button", name="发送").click()
    expect(phone.get_by_role("button", name="详情")).to_be_visible()
    assert phone.evaluate(fits) == []
    for button in ("提示模板", "键盘快捷键"):
        phone.get_by_role("button", name=button).click()
        expect(phone.locator(".pg-menu, .pg-dialog")).to_be_visible()
        assert phone.evaluate(fits) == []
        phone.keyboard.press("Escape")
    phone.get_by_role("button", name="详情").click()
    expect(phone.get_by_role("complementary").get_by_text("seed", exact=True)).to_be_visible()
    for tab in ("记录", "词元", "树"):
        phone.get_by_role("tab", name=tab).click()
        expect(phone.get_by_role("tab", name=tab, selected=True)).to_be_visible()
        assert phone.evaluate(fits) == []
    phone.get_by_role("button", name="关闭").click()
    phone.get_by_role("button", name="对话列表").click()
    phone.get_by_role("button", name="筛选").click()
    assert phone.evaluate(fits) == []
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
