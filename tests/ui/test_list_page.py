"""The list of conversations in a real browser: folders, tags, pins, archive, trash; files in and out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import FilePayload, Locator, Page, expect

from tests.conftest import App
from tests.ui.talking import (
    answer,
    begin,
    choose,
    conversation,
    in_list,
    listed,
    message,
    more,
    put,
    rows,
    said,
    stored,
    talk,
    told,
)

pytestmark = pytest.mark.browser
BAD = "<img src=x onerror=document.title='bad'>"
FORMATS = {
    "Markdown": ".md",
    "HTML": ".html",
    "JSON (lossless)": ".json",
    "JSONL: OpenAI messages": ".jsonl",
    "JSONL: ShareGPT": ".jsonl",
    "JSONL: Alpaca": ".jsonl",
}


def group(page: Page, name: str) -> Locator:
    """A folding part of the list."""
    return page.get_by_role("navigation").get_by_role("group").filter(has=page.get_by_text(name, exact=True))


def fact(app: App, what: str, talk_id: str) -> object:
    return rows(app, f"SELECT {what} FROM conversations WHERE id = ?", talk_id)[0][0]


def unused(app: App, page: Page, title: str) -> str:
    """A conversation in the list that no other test touches."""
    with stored(app) as history:
        talk_id, _ = put(history, f"{title}?", f"{title}!", title=title)
    page.goto(app.url)
    expect(listed(page, title)).to_be_visible()
    return talk_id


def test_a_folder_is_made_renamed_and_dissolved_with_undo(app: App, page: Page) -> None:
    talk_id = unused(app, page, "to be filed")
    in_list(page, "to be filed", "Move to a folder")
    answer(page, "OK", Folder="Plans")
    expect(group(page, "Plans").get_by_role("link", name="to be filed")).to_be_visible()
    choose(page, page.get_by_role("button", name="More: Plans"), "Rename")
    answer(page, "OK", Folder=f"计划 {BAD}")
    renamed = group(page, f"计划 {BAD}")
    expect(renamed.get_by_role("link", name="to be filed")).to_be_visible()
    assert fact(app, "folder", talk_id) == f"计划 {BAD}"
    # A folder that was folded stays so.
    renamed.locator("summary").click(position={"x": 8, "y": 8})
    expect(renamed.get_by_role("link", name="to be filed")).to_be_hidden()
    page.reload()
    expect(renamed).to_be_visible()
    expect(renamed.get_by_role("link", name="to be filed")).to_be_hidden()
    choose(page, page.get_by_role("button", name=f"More: 计划 {BAD}"), "Dissolve the folder")
    expect(renamed).to_have_count(0)
    expect(listed(page, "to be filed")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(renamed).to_be_visible()
    assert fact(app, "folder", talk_id) == f"计划 {BAD}"
    assert page.locator("#pg-side img").count() == 0


def test_tags_are_given_shown_and_taken_away(app: App, page: Page) -> None:
    talk_id = unused(app, page, "to be tagged")
    in_list(page, "to be tagged", "Tags")
    answer(page, "OK", Tags=f"weekly, 报告，{BAD}")
    for tag in ("weekly", "报告", BAD):
        expect(listed(page, "to be tagged").get_by_text(tag, exact=True)).to_have_count(1)
    assert rows(app, "SELECT count(*) FROM tags WHERE conversation_id = ?", talk_id) == [(3,)]
    in_list(page, "to be tagged", "Tags")
    expect(page.get_by_role("dialog").get_by_label("Tags")).to_have_value(f"{BAD}, weekly, 报告")
    answer(page, "OK", Tags="")
    expect(listed(page, "to be tagged").locator("small")).to_have_count(0)
    assert page.locator("#pg-side img").count() == 0


def test_pinned_ones_stand_above_all(app: App, page: Page) -> None:
    talk_id = unused(app, page, "to be pinned")
    unused(app, page, "a newer one")
    in_list(page, "to be pinned", "Pin")
    expect(page.get_by_role("heading", name="Pinned")).to_be_visible()
    expect(page.get_by_role("navigation").get_by_role("link").first).to_have_text("to be pinned")
    in_list(page, "to be pinned", "Unpin")
    expect(page.get_by_role("heading", name="Pinned")).to_have_count(0)
    assert fact(app, "pinned_at", talk_id) is None


def test_archived_ones_are_out_of_sight_with_undo(app: App, page: Page) -> None:
    talk_id = unused(app, page, "to be archived")
    in_list(page, "to be archived", "Archive")
    expect(group(page, "Archive")).to_be_visible()
    expect(page.get_by_role("link", name="to be archived")).to_be_hidden()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("link", name="to be archived")).to_be_visible()
    in_list(page, "to be archived", "Archive")
    group(page, "Archive").locator("summary").click()
    in_list(page, "to be archived", "Take out of the archive")
    expect(group(page, "Archive")).to_have_count(0)
    assert fact(app, "archived_at", talk_id) is None


def test_a_copy_has_all_and_is_opened(app: App, page: Page) -> None:
    talk_id = begin(page, app, "an original")
    more(page, "You said: an original", "Star")
    expect(message(page, "You said: an original").get_by_title("Starred")).to_be_visible()
    in_list(page, "an original", "Duplicate")
    expect(page.get_by_role("link", name="Copy of an original")).to_have_attribute("aria-current", "page")
    expect(message(page, "You said: an original").get_by_title("Starred")).to_be_visible()
    assert conversation(page) != talk_id
    talk(page, "only in the copy")
    assert rows(app, "SELECT count(*) FROM messages WHERE conversation_id = ?", talk_id) == [(2,)]


def test_the_trash_gives_back_what_was_deleted_long_ago(app: App, page: Page) -> None:
    unused(app, page, "to be missed")
    in_list(page, "to be missed", "Delete")
    expect(page.get_by_role("link", name="to be missed")).to_have_count(0)
    page.reload()
    trash = group(page, "Trash")
    trash.locator("summary").click()
    trash.get_by_role("listitem").filter(has_text="to be missed").get_by_role("button", name="Restore").click()
    expect(page.get_by_role("link", name="to be missed")).to_be_visible()


def test_the_focus_returns_after_menus_and_dialogs(app: App, page: Page) -> None:
    unused(app, page, "to be walked")
    button = listed(page, "to be walked").get_by_role("button", name="More")
    button.focus()
    button.press("Enter")
    expect(page.get_by_role("menuitem", name="Rename")).to_be_focused()
    page.keyboard.press("End")
    expect(page.get_by_role("menuitem", name="Delete")).to_be_focused()
    page.keyboard.press("Escape")
    expect(button).to_be_focused()
    button.press("Enter")
    page.keyboard.press("Enter")
    field = page.get_by_role("dialog", name="Rename").get_by_label("New title")
    expect(field).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(button).to_be_focused()
    button.press("Enter")
    page.keyboard.press("Enter")
    field.fill(f"walked {BAD}")
    field.press("Enter")
    expect(listed(page, f"walked {BAD}").get_by_role("button", name="More")).to_be_focused()
    assert page.locator("#pg-side img").count() == 0


def test_several_at_once_are_moved_and_deleted_with_undo(app: App, page: Page) -> None:
    ids = [unused(app, page, f"one of several {n}") for n in (1, 2)]
    page.get_by_role("button", name="Select", exact=True).click()
    for n in (1, 2):
        page.get_by_role("checkbox", name=f"one of several {n}").check()
    chosen = page.get_by_role("group", name="Selected conversations")
    chosen.get_by_role("button", name="Move to a folder").click()
    answer(page, "OK", Folder="Several")
    expect(group(page, "Several").get_by_role("link")).to_have_count(2)
    page.get_by_role("button", name="Select", exact=True).click()
    for n in (1, 2):
        page.get_by_role("checkbox", name=f"one of several {n}").check()
    chosen.get_by_role("button", name="Delete").click()
    expect(group(page, "Several")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(group(page, "Several").get_by_role("link")).to_have_count(2)
    assert [fact(app, "deleted_at", one) for one in ids] == [None, None]


def test_the_open_one_among_many_that_are_deleted_is_left_and_gone_ones_do_no_harm(app: App, page: Page) -> None:
    gone = unused(app, page, "several: gone")
    begin(page, app, "several: open")
    page.get_by_role("button", name="Select", exact=True).click()
    for name in ("gone", "open"):
        page.get_by_role("checkbox", name=f"several: {name}").check()
    with stored(app) as history:
        history.trash(gone)
        history.empty_trash()
    page.get_by_role("group", name="Selected conversations").get_by_role("button", name="Delete").click()
    expect(told(page, "Done, for 1 conversations. 1 were gone already.")).to_be_visible()
    expect(page.get_by_text("What would you like to talk about?")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("link", name="several: open")).to_be_visible()


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_is_handed_to_the_browser(app: App, page: Page, name: str) -> None:
    unused(app, page, f"导出 {name}")
    listed(page, f"导出 {name}").hover()
    listed(page, f"导出 {name}").get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Export").click()
    with page.expect_download() as waiting:
        page.get_by_role("menuitem", name=name).click()
    assert waiting.value.suggested_filename.startswith("导出")
    assert waiting.value.suggested_filename.endswith(FORMATS[name])
    assert f"导出 {name}!" in Path(waiting.value.path()).read_text(encoding="utf-8")
    expect(told(page, "was handed to the browser")).to_be_visible()


def test_lossless_json_comes_back_and_a_branch_can_be_exported_up_to_a_message(app: App, page: Page) -> None:
    talk_id = begin(page, app, "there and back", "too far")
    message(page, "You said: there and back").get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Export up to here").click()
    with page.expect_download() as waiting:
        page.get_by_role("menuitem", name="Markdown").click()
    text = Path(waiting.value.path()).read_text(encoding="utf-8")
    assert "You said: there and back" in text
    assert "too far" not in text
    page.get_by_role("button", name="Export", exact=True).click()
    with page.expect_download() as waiting:
        page.get_by_role("menuitem", name="JSON (lossless)").click()
    whole = json.loads(Path(waiting.value.path()).read_text(encoding="utf-8"))
    kept = json.dumps(whole).encode()
    page.locator("#pg-import").set_input_files(FilePayload(name="all.json", mimeType="application/json", buffer=kept))
    sheet = page.get_by_role("dialog", name="Import")
    expect(sheet).to_contain_text("Here already, unchanged: ")
    sheet.get_by_role("button", name="Close").click()
    changed = kept.replace(talk_id.encode(), b"f" * len(talk_id)).replace(b"there and back", b"from elsewhere")
    page.locator("#pg-import").set_input_files(FilePayload(name="b.json", mimeType="application/json", buffer=changed))
    expect(sheet).to_be_visible()
    sheet.get_by_role("link", name="from elsewhere").click()
    expect(sheet).to_have_count(0)
    expect(said(page, "You said: from elsewhere").first).to_be_visible()


def test_a_broken_file_is_reported_with_its_hostile_name_as_text(app: App, page: Page) -> None:
    page.goto(app.url)
    before = rows(app, "SELECT count(*) FROM conversations")
    broken = FilePayload(name=f"{BAD}.json", mimeType="application/json", buffer=b'{"conversations": [{')
    page.locator("#pg-import").set_input_files(broken)
    expect(told(page, f"{BAD}.json: This file cannot be read.")).to_be_visible()
    assert rows(app, "SELECT count(*) FROM conversations") == before
    assert page.locator(".pg-dialog img, #pg-notice img").count() == 0
    half = {
        "messages": [{"role": "user", "content": "ok one"}, {"role": "assistant", "content": "fine"}],
    }
    lines = "\n".join([json.dumps(half), "{broken", json.dumps({"messages": "none"})])
    page.reload()
    page.locator("#pg-import").set_input_files(
        FilePayload(name="lines.jsonl", mimeType="application/jsonl", buffer=lines.encode())
    )
    sheet = page.get_by_role("dialog", name="Import")
    expect(sheet).to_contain_text("lines.jsonl: imported 1.")
    expect(sheet).to_contain_text("2 could not be taken")
    sheet.get_by_role("link", name="ok one").click()
    expect(said(page, "fine")).to_be_visible()


def test_on_a_phone_in_chinese_the_menu_fits(app: App, phone: Page) -> None:
    with stored(app) as history:
        put(history, "你好", "您好", title="一个标题很长很长很长很长很长很长很长很长很长很长的对话")
    phone.goto(app.url)
    phone.get_by_role("button", name="对话列表").click()
    phone.get_by_role("listitem").filter(has_text="一个标题").get_by_role("button", name="更多").click()
    menu = phone.get_by_role("menu")
    place = menu.bounding_box()
    assert place is not None
    assert place["x"] >= 0
    assert place["x"] + place["width"] <= 390
    menu.get_by_role("menuitem", name="标签").click()
    answer(phone, "确定", 标签="一，二")
    phone.get_by_role("button", name="对话列表").click()  # A click beside the list has closed it.
    expect(phone.get_by_role("navigation").get_by_text("二", exact=True)).to_be_visible()
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
