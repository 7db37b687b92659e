"""What is sent, undone and marked stays with the conversation it belongs to, wherever the reader is by then."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import FilePayload, Page, Route, expect

from tests.conftest import App, wait_for
from tests.ui.talking import begin, box, conversation, listed, message, more, put, rows, said, send, stored, talk, told

pytestmark = pytest.mark.browser
Start = Callable[..., App]
TURNS = "SELECT content FROM messages WHERE conversation_id = ? AND role = 'user' AND deleted_at IS NULL ORDER BY seq"
FILES = (
    "SELECT a.name FROM attachments a JOIN messages m ON m.id = a.message_id WHERE m.conversation_id = ? ORDER BY name"
)
PASTE = """(box, types) => {
  const all = new DataTransfer();
  all.items.add(new File(['a picture of it'], 'picture.txt'));
  for (const type of types) all.setData(type, 'the text');
  const event = new ClipboardEvent('paste', { clipboardData: all, bubbles: true, cancelable: true });
  box.dispatchEvent(event);
  return event.defaultPrevented;
}"""


def hold_uploads(page: Page) -> list[Route]:
    """Files stay on their way until these go on."""
    held: list[Route] = []
    page.route("**/page/attach**", lambda route: held.append(route))
    return held


def attach(page: Page, name: str, text: str) -> None:
    payload: FilePayload = {"name": name, "mimeType": "text/plain", "buffer": text.encode()}
    page.locator("#pg-file").set_input_files(payload)


def test_a_message_that_waits_for_its_file_goes_where_it_was_written(app: App, page: Page) -> None:
    with stored(app) as history:
        other, _ = put(history, "another talk", "with its reply", title="Elsewhere")
    first = begin(page, app, "here it began")
    held = hold_uploads(page)
    attach(page, "late.txt", "the late words")
    wait_for(lambda: page.evaluate("1") and held, what="the upload")
    send(page, "meant for here")
    # Pressed again by somebody who does not know why nothing happens.
    box(page).press("Enter")
    listed(page, "Elsewhere").get_by_role("link").click()
    expect(said(page, "with its reply")).to_be_visible()
    # What is written here waits for no file of there.
    talk(page, "meant for elsewhere")
    box(page).fill("not sent yet")
    held[0].continue_()
    wait_for(lambda: [row[0] for row in rows(app, TURNS, first)] == ["here it began", "meant for here"])
    assert rows(app, FILES, first) == [("late.txt",)]
    assert [row[0] for row in rows(app, TURNS, other)] == ["another talk", "meant for elsewhere"]
    assert rows(app, FILES, other) == []
    expect(box(page)).to_have_value("not sent yet")
    assert conversation(page) == other
    listed(page, "here it began").get_by_role("link").click()
    expect(said(page, "meant for here")).to_be_visible()
    expect(box(page)).to_have_value("")
    expect(page.get_by_role("list", name="Attached files").get_by_role("listitem")).to_have_count(0)
    assert len(rows(app, TURNS, first)) == 2


def test_a_file_on_its_way_is_there_when_one_comes_back(app: App, page: Page) -> None:
    with stored(app) as history:
        put(history, "a third talk", "and its reply", title="Meanwhile")
    first = begin(page, app, "with a file soon")
    held = hold_uploads(page)
    attach(page, "slow.txt", "slow words")
    wait_for(lambda: page.evaluate("1") and held, what="the upload")
    listed(page, "Meanwhile").get_by_role("link").click()
    chips = page.get_by_role("list", name="Attached files").get_by_role("listitem")
    expect(said(page, "and its reply")).to_be_visible()
    expect(chips).to_have_count(0)
    listed(page, "with a file soon").get_by_role("link").click()
    expect(chips).to_contain_text("%")
    send(page, "take it along")
    held[0].continue_()
    expect(page.get_by_role("article").last).to_contain_text("slow words")
    assert rows(app, FILES, first) == [("slow.txt",)]


def test_what_is_pasted_with_a_picture_of_itself_is_text(app: App, page: Page) -> None:
    page.goto(app.url)
    expect(page.get_by_text("What would you like to talk about?")).to_be_visible()
    assert box(page).evaluate(PASTE, ["text/plain", "text/html"]) is False
    assert box(page).evaluate(PASTE, ["text/html"]) is True
    expect(page.get_by_role("list", name="Attached files").get_by_role("listitem")).to_have_count(1)


def test_a_deleted_message_comes_back_from_anywhere(app: App, page: Page) -> None:
    with stored(app) as history:
        put(history, "a fourth talk", "another place", title="Another place")
    talk_id = begin(page, app, "stays", "goes")
    more(page, "You said: goes", "Delete from here on")
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    listed(page, "Another place").get_by_role("link").click()
    expect(said(page, "another place")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(said(page, "You said: goes")).to_be_visible()
    assert conversation(page) == talk_id


def test_what_can_be_undone_stays_until_it_is_put_away_and_the_tree_has_it_still(app: App, page: Page) -> None:
    talk_id = begin(page, app, "the trunk", "the twig")
    page.clock.install()
    choose = message(page, "the twig")
    choose.get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Delete from here on").click()
    expect(told(page, "Deleted, with everything below it.")).to_be_visible()
    page.clock.run_for(60_000)
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    page.get_by_role("button", name="Dismiss").click()
    expect(page.get_by_role("button", name="Undo")).to_have_count(0)
    expect(box(page)).to_be_focused()
    page.reload()
    more(page, "You said: the trunk", "Tree")
    drawer = page.get_by_role("complementary", name="Details")
    expect(drawer.get_by_role("listitem")).to_have_count(3)
    expect(drawer.locator("s")).to_have_text("the twig")
    drawer.get_by_role("button", name="Restore: the twig").click()
    expect(said(page, "You said: the twig")).to_be_visible()
    expect(drawer.get_by_role("listitem")).to_have_count(4)
    expect(drawer.locator("s")).to_have_count(0)
    assert len(rows(app, TURNS, talk_id)) == 2


def test_an_earlier_message_shows_what_is_done_to_it(app: App, page: Page) -> None:
    with stored(app) as history:
        many = [f"{who} {n}" for n in range(40) for who in ("say", "hear")]
        talk_id, _ = put(history, *many, title="many of them")
    page.goto(f"{app.url}?c={talk_id}")
    page.get_by_role("button", name="earlier messages").click()
    more(page, "hear 3", "Star")
    expect(message(page, "hear 3").get_by_title("Starred")).to_be_visible()
    more(page, "hear 3", "Leave out of the context")
    expect(message(page, "hear 3").get_by_text("not in the context")).to_be_visible()
    message(page, "hear 3").get_by_role("button", name="Good reply").click()
    expect(message(page, "hear 3").get_by_role("button", name="Good reply", pressed=True)).to_be_focused()
    expect(page.get_by_role("article")).to_have_count(80)


def test_a_retry_with_another_model_names_it_while_it_writes(start_app: Start, page: Page) -> None:
    slow = start_app("--engine", "echo", "--model", "echo@40")
    page.route("**/page/choices", lambda route: route.fulfill(json={"models": [["echo@20", "The other"]]}))
    page.goto(slow.url)
    send(page, "/tokens 200")
    page.get_by_role("button", name="Stop").click()
    reply = page.get_by_role("article").last
    expect(reply.get_by_text("Stopped.")).to_be_visible()
    reply.get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Retry with another model or sampling").click()
    page.get_by_role("dialog").get_by_label("Model").select_option("The other")
    page.get_by_role("dialog").get_by_role("button", name="Retry", exact=True).click()
    expect(reply.get_by_text("2/2")).to_be_visible()
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    expect(reply.locator(".who")).to_have_text("echo@20")


def test_what_goes_wrong_beside_the_talk_is_told(app: App, page: Page) -> None:
    begin(page, app, "something to keep")
    for address in ("filters", "choices"):
        page.route(f"**/page/{address}", lambda route: route.abort())
    page.get_by_role("button", name="Filters").click()
    expect(told(page, "The app does not answer.")).to_be_visible()
    expect(page.locator("#pg-filters")).to_be_hidden()
    page.unroute("**/page/filters")
    page.get_by_role("button", name="Filters").click()
    expect(page.get_by_role("combobox", name="Any model")).to_be_visible()
    page.get_by_role("button", name="Filters").click()
    page.reload()
    more(page, "You said: something to keep", "Retry with another model or sampling")
    expect(told(page, "The app does not answer.")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_what_is_typed_and_pressed_before_the_page_is_whole_counts(app: App, page: Page) -> None:
    page.add_init_script("""new MutationObserver((_, watch) => {
      const box = document.querySelector("#pg-message textarea");
      const button = document.querySelector("[data-do=templates]");
      if (!box || !button) return;
      watch.disconnect();
      box.value = "typed at once";
      box.dispatchEvent(new Event("input", { bubbles: true }));
      button.click();
    }).observe(document, { childList: true, subtree: true });""")
    page.goto(app.url)
    expect(page.get_by_role("menu")).to_be_visible()
    expect(box(page)).to_have_value("typed at once")
