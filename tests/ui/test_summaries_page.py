"""The Summarize tab in a real browser: files in, what cannot be read, the list, a phone in Chinese."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import FilePayload, Page, Route, expect

from tests.conftest import App, launch, wait_for
from tests.documents.making import PICTURE, pdf
from tests.ui.summarizing import (
    add,
    begin,
    cells,
    done,
    drafted,
    file,
    locked,
    paragraphs,
    paste,
    report,
    runs,
    sentences,
    source,
    visit,
    word_file,
)
from tests.ui.talking import answer, choose, rows

pytestmark = pytest.mark.browser
BAD = "<img src=x onerror=document.title='bad'>.txt"
DROP = """(files) => {
  const all = new DataTransfer();
  const bytes = (data) => Uint8Array.from(atob(data), (one) => one.charCodeAt(0));
  for (const [name, data] of files) all.items.add(new File([bytes(data)], name));
  return all;
}"""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """A small context, so that small texts have several parts."""
    started = launch(tmp_path_factory.mktemp("summaries 摘要"), "--engine", "echo", "--context-length", "512")
    yield started
    started.kill()


def drafts_with(app: App, name: str) -> int:
    sql = "SELECT count(*) FROM runs JOIN run_documents ON run_id = runs.id WHERE status = 'draft' AND name LIKE ?"
    return int(rows(app, sql, f"{name}%")[0][0])


def drop(page: Page, *files: FilePayload) -> None:
    given = [[one["name"], base64.b64encode(one["buffer"]).decode()] for one in files]
    transfer = page.evaluate_handle(DROP, given)
    page.locator("#ps-main").dispatch_event("dragover", {"dataTransfer": transfer})
    page.locator("#ps-main").dispatch_event("drop", {"dataTransfer": transfer})


# ---- files in --------------------------------------------------------------------------------------------------------
def test_a_pdf_and_a_word_file_become_one_summary(app: App, page: Page) -> None:
    visit(page, app)
    drop(page, file("harbour.pdf", report(6)), file("yard.docx", word_file(*paragraphs("Svaneke", 1950))))
    add(page, file("not this.txt", "left out in the end"))
    expect(drafted(page)).to_have_count(3)
    expect(drafted(page).filter(has_text="harbour.pdf")).to_contain_text(re.compile(r"6 pages, [\d,]+ words"))
    expect(drafted(page).filter(has_text="yard.docx")).to_contain_text(re.compile(r"\d+ words"))
    page.get_by_role("button", name="Remove not this.txt").click()
    expect(drafted(page)).to_have_count(2)
    begin(page)
    done(page)
    expect(page.get_by_role("heading", name="harbour.pdf, yard.docx")).to_be_visible()
    expect(page.get_by_text(re.compile(r"^100 % of the text was read"))).to_be_visible()
    # The summary comes first; the notes are folded, and each says where its part stands.
    notes = page.get_by_role("heading", name=re.compile(r"Part \d+ · harbour.pdf \(p. 1"))
    expect(notes.first).to_be_hidden()
    page.get_by_text("Notes of the parts").click()
    expect(notes.first).to_be_visible()
    expect(page.locator("#ps-notes")).to_contain_text("Svaneke")
    # A place on the map leads to that part of the document.
    cells(page, "read").last.click()
    expect(source(page).locator("mark").first).to_contain_text("Svaneke")
    assert drafts_with(app, "yard.docx") == 0


def test_files_are_taken_away_in_any_order_and_nothing_is_left_of_an_empty_draft(app: App, page: Page) -> None:
    visit(page, app)
    add(page, file("one.txt", "The first."), file("two.txt", "The second."), file(BAD, "The third."))
    expect(drafted(page)).to_have_count(3)
    expect(drafted(page).get_by_text(BAD, exact=True)).to_be_visible()
    page.get_by_role("button", name="Remove one.txt").click()
    expect(drafted(page)).to_have_count(2)
    expect(runs(page, "Draft: two.txt")).to_be_visible()
    page.reload()
    expect(drafted(page)).to_have_count(2)
    page.get_by_role("button", name=f"Remove {BAD}").click()
    expect(drafted(page)).to_have_count(1)
    page.get_by_role("button", name="Remove two.txt").click()
    expect(drafted(page)).to_have_count(0)
    expect(runs(page, "Draft: two.txt")).to_have_count(0)
    assert page.locator("#ps-root img").count() == 0
    assert rows(app, "SELECT count(*) FROM run_documents WHERE name IN ('one.txt', 'two.txt')") == [(0,)]


def test_what_cannot_be_read_is_told_in_place_and_costs_nothing_else(app: App, page: Page) -> None:
    visit(page, app)
    page.get_by_label("Or paste a text").fill("Typed already. It stays.")
    page.get_by_label("For whom").fill("my boss")
    add(page, file("good.txt", "This can be read."), file("locked.pdf", locked()), file("empty.txt", ""))
    add(page, file("scan.pdf", pdf([PICTURE, PICTURE])), file("torn.docx", b"PK\x03\x04 nothing of the kind"))
    said = page.locator("#ps-coming").get_by_role("listitem")
    expect(said).to_have_count(4)
    for name, reason in (
        ("locked.pdf", "is protected with a password"),
        ("empty.txt", "is empty"),
        ("scan.pdf", "only pictures of its pages"),
        ("torn.docx", ""),
    ):
        expect(said.filter(has_text=name)).to_contain_text(reason)
    expect(drafted(page)).to_have_count(1)
    said.filter(has_text="scan.pdf").get_by_role("button").click()
    expect(said).to_have_count(3)
    page.get_by_role("textbox", name="Length", exact=True).fill("a lot")
    begin(page)
    wrong = page.get_by_role("alert").get_by_text("'a lot' is not a length.")
    expect(wrong).to_be_visible()
    page.get_by_label("Length").fill("500 %")
    begin(page)
    expect(wrong).to_be_hidden()
    expect(page.get_by_role("alert").get_by_text("'500 %' is not a length.")).to_be_visible()
    page.get_by_label("Style").select_option("own")
    page.get_by_label("Length").fill("")
    begin(page)
    expect(page.get_by_role("alert").get_by_text("The instruction is empty.")).to_be_visible()
    expect(page.get_by_label("Or paste a text")).to_have_value("Typed already. It stays.")
    expect(page.get_by_label("For whom")).to_have_value("my boss")
    expect(drafted(page)).to_have_count(1)
    page.get_by_label("What to write").fill("Be short.")
    begin(page)
    done(page)
    expect(page.get_by_role("heading", name="good.txt, Typed already. It stays.")).to_be_visible()
    page.get_by_role("button", name="New summary").click()
    expect(page.get_by_label("Or paste a text")).to_have_value("")
    expect(said).to_have_count(0)
    assert drafts_with(app, "Typed already") == 0


def test_an_empty_form_is_told_and_keeps_what_was_chosen(app: App, page: Page) -> None:
    visit(page, app)
    page.get_by_label("Style").select_option("key_points")
    begin(page)
    expect(page.get_by_role("alert").get_by_text("There is nothing to summarize.")).to_be_visible()
    page.reload()
    expect(page.get_by_label("Style")).to_have_value("key_points")
    page.get_by_label("Or paste a text").fill("A text that goes on.")
    page.reload()
    expect(page.get_by_label("Or paste a text")).to_have_value("A text that goes on.")


def test_begin_waits_for_files_on_their_way_and_not_without_one_that_fails(app: App, page: Page) -> None:
    visit(page, app)
    held: list[Route] = []
    page.route("**/page/summaries/attach**", lambda route: held.append(route))
    add(page, file("late.txt", "Arrived late."), file("bad.pdf", b"%PDF-1.7 nothing"))
    wait_for(lambda: page.evaluate("1") and held, what="the upload")
    begin(page)
    held[0].continue_()
    wait_for(lambda: page.evaluate("1") and len(held) == 2, what="the second upload")
    held[1].continue_()
    expect(page.get_by_role("alert").get_by_text("A file could not be added, so nothing was begun.")).to_be_visible()
    expect(drafted(page)).to_have_count(1)
    begin(page)
    done(page)
    expect(page.get_by_role("heading", name="late.txt")).to_be_visible()


def test_a_file_dropped_on_a_summary_begins_another(app: App, page: Page) -> None:
    paste(page, app, "Old words. They were read.")
    drop(page, file("fresh.txt", "New words."))
    expect(drafted(page)).to_have_count(1)
    page.go_back()
    page.go_back()
    expect(page.get_by_role("heading", name="Old words. They were read.")).to_be_visible()


# ---- the list --------------------------------------------------------------------------------------------------------
def in_list(page: Page, title: str, item: str) -> None:
    runs(page, title).hover()
    choose(page, page.get_by_role("button", name=f"More: {title}"), item)


def test_rename_delete_undo_and_the_trash(app: App, page: Page) -> None:
    paste(page, app, "To be renamed. It has two sentences.")
    in_list(page, "To be renamed. It has two sentences.", "Rename")
    expect(page.get_by_role("dialog").get_by_role("textbox")).to_have_value("To be renamed. It has two sentences.")
    answer(page, "OK", New_title=" ")
    expect(page.get_by_role("dialog").get_by_text("The title is empty. Write one.")).to_be_visible()
    answer(page, "OK", New_title="Named by me")
    expect(page.get_by_role("heading", name="Named by me")).to_be_visible()
    in_list(page, "Named by me", "Delete")
    expect(page.get_by_role("heading", name="What shall be summarized?")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("heading", name="Named by me")).to_be_visible()
    expect(sentences(page).first).to_be_visible()
    in_list(page, "Named by me", "Delete")
    expect(runs(page, "Named by me")).to_have_count(0)
    page.locator("#ps-list").get_by_text("Trash").click()
    page.get_by_role("button", name="Restore Named by me").click()
    expect(page.get_by_role("heading", name="Named by me")).to_be_visible()
    in_list(page, "Named by me", "Delete")
    page.locator("#ps-list").get_by_text("Trash").click()
    choose(page, page.get_by_role("button", name="Delete Named by me for good"), "Delete for good")
    expect(page.get_by_role("button", name="Restore Named by me")).to_have_count(0)
    assert rows(app, "SELECT count(*) FROM runs WHERE title = 'Named by me'") == [(0,)]


def test_tabs_and_the_way_back(app: App, page: Page) -> None:
    paste(page, app, "Reached by its address. It comes back.")
    address = page.url
    page.get_by_role("tab", name="Chat").click()
    expect(page).not_to_have_url(address)
    page.reload()
    expect(page.get_by_role("textbox", name="Message", exact=True)).to_be_visible()
    page.get_by_role("tab", name="Summarize").click()
    expect(page.get_by_role("heading", name="Reached by its address.")).to_be_visible()
    wait_for(lambda: page.evaluate("location.href") == address, what="its address")
    page.goto(f"{app.url}?s=nothing-of-the-kind")
    expect(page.get_by_text("This summary does not exist (any more).")).to_be_visible()
    expect(page.get_by_role("heading", name="What shall be summarized?")).to_be_visible()


# ---- a phone in Chinese ----------------------------------------------------------------------------------------------
def test_everything_on_a_phone_in_chinese(app: App, phone: Page) -> None:
    def fits() -> None:
        assert phone.evaluate("document.documentElement.scrollWidth") == 390
        assert phone.locator("#ps-root").evaluate("(node) => node.scrollWidth") == 390
        said = phone.locator("#ps-root").inner_text()
        assert not re.search(r"\b(s|m|phase|tab)\.[a-z_]+\b", said), said

    phone.goto(app.url)
    for name in ("模型", "对话", "摘要"):
        phone.get_by_role("tab", name=name).click()
    expect(phone.get_by_role("heading", name="要总结什么？")).to_be_visible()
    fits()
    words = " ".join(phone.locator("#ps-root [data-t]").all_inner_texts())
    assert not re.search(r"[A-Za-z]", re.sub("PDF|Word|EPUB|HTML|Markdown", "", words)), words
    name = "一个名字很长很长很长很长很长很长很长很长很长很长很长很长的文件.txt"
    text = "\n\n".join(f"第{n}年，港口来了{n + 300}艘船。船长记下了每一艘船的名字。" for n in range(1, 30))
    with phone.expect_file_chooser() as chooser:
        phone.get_by_role("button", name="选择文件").click()
    chooser.value.set_files([file(name, text), file("坏.pdf", locked())])
    expect(phone.locator("#ps-draft li")).to_have_count(1)
    expect(phone.locator("#ps-coming")).to_contain_text("坏.pdf")
    expect(phone.locator("#ps-coming")).to_contain_text("密码")
    fits()
    phone.locator("#ps-form").get_by_role("button", name="开始总结").click()
    done(phone)
    fits()
    expect(phone.locator("#ps-receipt")).to_contain_text("已读全文的 100 %")
    sentences(phone).last.click()
    expect(phone.locator("#ps-source mark").first).to_be_visible()
    # The sentence is still to be seen above its source.
    pressed = sentences(phone).last.bounding_box()
    panel = phone.locator("#ps-source").bounding_box()
    assert pressed
    assert panel
    assert 44 <= pressed["y"] < panel["y"]
    fits()
    phone.get_by_role("button", name="下一处出处").click()
    expect(phone.locator("#ps-source header")).to_contain_text("第 2 /")
    phone.get_by_role("button", name="关闭文件").click()
    phone.get_by_role("button", name="换个设置再做").click()
    assert phone.evaluate("document.documentElement.scrollWidth") == 390
    expect(phone.get_by_role("dialog").get_by_text("写什么")).to_be_hidden()
    phone.get_by_role("dialog").get_by_label("样式").select_option("own")
    expect(phone.get_by_role("dialog").get_by_text("写什么")).to_be_visible()
    phone.keyboard.press("Escape")
    # The list lies behind the button at the top, as that of the conversations does.
    expect(phone.get_by_role("button", name="新摘要")).to_be_hidden()
    phone.get_by_role("button", name="对话列表").click()
    phone.get_by_role("button", name="新摘要").click()
    expect(phone.get_by_role("heading", name="要总结什么？")).to_be_visible()
    expect(phone.get_by_role("button", name="新摘要")).to_be_hidden()
