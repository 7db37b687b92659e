"""The Translate tab in a real browser: texts as they are typed, documents in, the list, memory, a phone in Chinese."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.conftest import App, launch, wait_for
from tests.ui.summarizing import file, locked
from tests.ui.talking import answer, choose
from tests.ui.talking import rows as stored
from tests.ui.translating import (
    GUIDE,
    TABLE,
    TERMS,
    add,
    begin,
    drafted,
    finished,
    listed,
    made,
    paragraphs,
    row,
    rows,
    source,
    target,
    translate,
    visit,
)

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """A model made for translation from English into French, which leaves every word as it is, 200 a second."""
    folder = tmp_path_factory.mktemp("translations 翻译")
    started = launch(folder, "--engine", "echo", "--model", "echo-opus_mt_en_fr@200")
    yield started
    started.kill()


@pytest.fixture(scope="module")
def talker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """A chat model alone, 40 words a second."""
    started = launch(tmp_path_factory.mktemp("talker"), "--engine", "echo", "--model", "echo@40")
    yield started
    started.kill()


# ---- texts -----------------------------------------------------------------------------------------------------------
def test_a_text_is_translated_while_it_is_typed_with_its_doubts(app: App, page: Page) -> None:
    visit(page, app)
    source(page).press_sequentially("The harbour was closed.", delay=10)
    expect(made(page)).to_have_text("The harbour was closed.")
    expect(page.get_by_label("From").locator("option").first).to_have_text("Detected: English")
    expect(page.get_by_label("Model")).to_contain_text("Automatic: echo-opus_mt_en_fr@200")
    doubt = page.get_by_role("button", name="Not translated, from “The” on")
    expect(doubt).to_be_visible()
    expect(made(page).locator("mark")).to_have_text("The harbour was closed")
    doubt.click()
    assert page.evaluate("getSelection().toString()") == "The harbour was closed"
    expect(page.get_by_role("button", name="Translate", exact=True)).to_be_hidden()
    # What was written and chosen is there after a reload, and after another tab.
    page.reload()
    expect(source(page)).to_have_value("The harbour was closed.")
    expect(page.get_by_label("Into")).to_have_value("fr")
    expect(made(page)).to_have_text("The harbour was closed.")
    page.get_by_role("tab", name="Chat").click()
    page.get_by_role("tab", name="Translate").click()
    expect(source(page)).to_have_value("The harbour was closed.")


def test_the_newest_text_wins_over_a_slower_one_before_it(app: App, page: Page) -> None:
    visit(page, app)
    source(page).fill(paragraphs(50))
    expect(made(page)).to_contain_text("Paragraph 4 tells")
    source(page).fill("A short text is enough.")
    expect(made(page)).to_have_text("A short text is enough.")
    expect(made(page)).to_have_attribute("aria-busy", "false")
    expect(made(page)).to_have_text("A short text is enough.")


def test_clear_undo_swap_and_what_no_model_can_do(app: App, page: Page) -> None:
    visit(page, app)
    source(page).fill("The ships were waiting there.")
    expect(made(page)).to_have_text("The ships were waiting there.")
    page.get_by_role("button", name="Clear the text").click()
    expect(source(page)).to_have_value("")
    expect(made(page)).to_have_text("")
    page.get_by_role("button", name="Undo").click()
    expect(made(page)).to_have_text("The ships were waiting there.")
    page.get_by_role("button", name="Swap the languages").click()
    expect(page.get_by_label("From")).to_have_value("fr")
    expect(page.get_by_label("Into")).to_have_value("en")
    expect(page.get_by_role("alert").get_by_text("No model here translates from French to English.")).to_be_visible()
    expect(source(page)).to_have_value("The ships were waiting there.")
    page.get_by_role("button", name="Get a model for this pair").click()
    expect(page.get_by_role("menuitem", name="OPUS-MT fr-en")).to_be_visible()
    page.get_by_role("menuitem", name="Open the Models tab").click()
    expect(page.locator("#pm-root")).to_be_visible()


def test_a_chat_model_is_asked_at_the_press_of_a_button_and_can_be_stopped(talker: App, page: Page) -> None:
    visit(page, talker)
    go = page.locator("#pt-panes").get_by_role("button", name="Translate", exact=True)
    source(page).fill(paragraphs(6))
    expect(go).to_be_visible()
    expect(page.get_by_text("A chat model translates slowly")).to_be_visible()
    expect(page.get_by_label("Form of address")).to_be_visible()
    expect(made(page)).to_have_text("")
    source(page).press("Control+Enter")
    expect(made(page)).to_contain_text("Paragraph 1 tells")
    expect(made(page)).not_to_contain_text("Paragraph 6 tells")
    page.locator("#pt-panes").get_by_role("button", name="Stop").click()
    expect(go).to_be_visible()
    said = made(page).inner_text()
    source(page).fill("One paragraph is quick.")
    expect(made(page)).to_have_text(said, use_inner_text=True)
    go.click()
    expect(made(page)).to_contain_text("One paragraph is quick.")
    expect(made(page)).not_to_contain_text("Paragraph 1 tells")


def test_a_long_text_waits_for_the_button_and_opens_in_the_editor(app: App, page: Page) -> None:
    visit(page, app)
    source(page).fill(paragraphs(64))
    expect(page.get_by_text(re.compile(r"3,\d+ characters; from 3,000 on"))).to_be_visible()
    expect(made(page)).to_have_text("")
    page.get_by_role("button", name="Open in the editor").click()
    finished(page)
    expect(page.get_by_role("heading", name="Paragraph 1 tells of the harbour and its 301 ships.")).to_be_visible()
    expect(rows(page)).to_have_count(64)


# ---- documents -------------------------------------------------------------------------------------------------------
def test_files_are_collected_with_language_kind_and_segments_and_translated_together(app: App, page: Page) -> None:
    visit(page, app)
    add(page, file("guide.md", GUIDE), file("table.csv", TABLE))
    expect(drafted(page)).to_have_count(2)
    expect(drafted(page).filter(has_text="guide.md")).to_contain_text("Markdown · English · 3 segments")
    table = drafted(page).filter(has_text="table.csv")
    expect(table).to_contain_text("Table · English · 4 segments")
    table.get_by_role("button", name="Choose columns").click()
    answer(page, "OK", Only_these_columns_or_keys="nothing")
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("The table has no column nothing.")
    answer(page, "OK", Only_these_columns_or_keys="text")
    expect(table).to_contain_text("2 segments · only text")
    page.reload()
    expect(drafted(page)).to_have_count(2)
    begin(page)
    finished(page)
    expect(rows(page)).to_have_count(5)
    expect(page.get_by_role("heading", name="guide.md, table.csv")).to_be_visible()
    # What failed is named, and can be tried again.
    expect(page.locator("#pt-progress")).to_contain_text("Segment 3 · guide.md: The echo engine failed")
    page.get_by_role("button", name="Try the failed again").click()
    expect(page.get_by_text("1 segment could not be translated")).to_be_visible()
    # Of several files, which one is given away is asked first.
    page.get_by_role("button", name="Export").click()
    page.get_by_role("menuitem", name="table.csv").click()
    with page.expect_download() as download:
        page.get_by_role("menuitem", name="The translated file").click()
    assert download.value.suggested_filename == "table.fr.csv"
    assert Path(download.value.path()).read_text(encoding="utf-8") == TABLE


def test_what_cannot_be_read_or_begun_is_told_in_place_and_nothing_is_lost(app: App, page: Page) -> None:
    visit(page, app)
    add(page, file("locked.pdf", locked()), file("numbers.txt", "12 34"), file("good.txt", "This can be read."))
    said = page.locator("#pt-coming").get_by_role("listitem")
    expect(said).to_have_count(2)
    expect(said.filter(has_text="locked.pdf")).to_contain_text("is protected with a password")
    expect(said.filter(has_text="numbers.txt")).to_contain_text("holds no text that could be translated")
    page.get_by_label("Into").select_option("de")
    begin(page)
    expect(page.get_by_role("alert").get_by_text("No model here translates from English to German.")).to_be_visible()
    expect(drafted(page)).to_have_count(1)
    page.get_by_role("button", name="Remove good.txt").click()
    expect(drafted(page)).to_have_count(0)
    expect(listed(page, "Draft: good.txt")).to_have_count(0)
    assert stored(app, "SELECT count(*) FROM translation_files WHERE name = 'good.txt'") == [(0,)]


def test_stop_go_on_and_a_row_that_is_edited_meanwhile_stays(app: App, page: Page) -> None:
    visit(page, app)
    add(page, file("long.txt", paragraphs(160)))
    begin(page)
    expect(rows(page)).to_have_count(100)
    target(page, 100).fill("Mine alone.")
    expect(page.get_by_text(re.compile(r"^\d+ of 160 segments"))).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("Stopped. What was done is kept.")).to_be_visible()
    page.get_by_role("button", name="Go on").click()
    finished(page)
    expect(target(page, 100)).to_have_value("Mine alone.")
    # The rest comes when one goes there.
    target(page, 100).scroll_into_view_if_needed()
    expect(rows(page)).to_have_count(160)


def test_another_text_is_noticed_where_nothing_is_translated_by_itself(app: App, page: Page) -> None:
    visit(page, app)
    language = page.get_by_label("From").locator("option").first
    source(page).fill("The harbour was closed because of the storm. " * 100)
    expect(language).to_have_text("Detected: English")
    page.get_by_role("button", name="Translate", exact=True).first.click()
    expect(made(page)).to_contain_text("because of the storm")
    page.get_by_role("button", name="Clear").click()
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    source(page).fill("Le port était fermé à cause de la tempête. " * 100)
    expect(language).to_have_text("Detected: Français")
    # What could be undone is an older text by now.
    expect(page.get_by_role("button", name="Undo")).to_be_hidden()


# ---- the list --------------------------------------------------------------------------------------------------------
def in_list(page: Page, title: str, item: str) -> None:
    listed(page, title).hover()
    choose(page, page.get_by_role("button", name=f"More: {title}"), item)


def test_rename_delete_undo_and_the_trash(app: App, page: Page) -> None:
    translate(page, app, file("renamed.txt", "To be renamed. It has two sentences."))
    in_list(page, "renamed.txt", "Rename")
    answer(page, "OK", New_title=" ")
    expect(page.get_by_role("dialog").get_by_text("The title is empty. Write one.")).to_be_visible()
    answer(page, "OK", New_title="Named by me")
    expect(page.get_by_role("heading", name="Named by me")).to_be_visible()
    in_list(page, "Named by me", "Delete")
    expect(page.get_by_role("heading", name="What shall be translated?")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(rows(page)).to_have_count(1)
    in_list(page, "Named by me", "Delete")
    page.locator("#pt-list").get_by_text("Trash").click()
    choose(page, page.get_by_role("button", name="Delete Named by me for good"), "Delete for good")
    expect(page.get_by_role("button", name="Restore Named by me")).to_have_count(0)
    assert stored(app, "SELECT count(*) FROM translations WHERE title = 'Named by me'") == [(0,)]


def test_the_search_of_the_chats_finds_a_segment_and_opens_its_translation(app: App, page: Page) -> None:
    translate(page, app, file("animals.txt", "The wombats of Maria dig at night. Nobody hears them."))
    page.goto(app.url)
    page.get_by_role("searchbox", name="Search all conversations").fill("wombats maria")
    found = page.get_by_role("region", name="Search results")
    expect(found.get_by_role("heading", name="In translations")).to_be_visible()
    found.get_by_role("link", name="wombats").click()
    expect(page.get_by_role("tab", name="Translate")).to_have_attribute("aria-selected", "true")
    expect(row(page, "wombats of Maria")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("tab", name="Chat")).to_have_attribute("aria-selected", "true")


def test_the_address_and_the_way_back(app: App, page: Page) -> None:
    translate(page, app, file("address.txt", "Reached by its address. It comes back."))
    address = page.url
    assert "?t=" in address
    page.reload()
    expect(rows(page)).to_have_count(1)
    page.get_by_role("button", name="New translation").click()
    expect(page.get_by_role("heading", name="What shall be translated?")).to_be_visible()
    page.go_back()
    expect(rows(page)).to_have_count(1)
    page.get_by_role("tab", name="Summarize").click()
    expect(page.get_by_role("heading", name="What shall be summarized?")).to_be_visible()
    page.get_by_role("tab", name="Translate").click()
    wait_for(lambda: page.evaluate("location.href") == address, what="its address")
    page.goto(f"{app.url}?t=nothing-of-the-kind")
    expect(page.get_by_text("This translation does not exist (any more).")).to_be_visible()


# ---- glossaries and the memory ---------------------------------------------------------------------------------------
def test_a_glossary_is_added_used_looked_at_and_deleted_with_a_way_back(app: App, page: Page) -> None:
    visit(page, app)
    source(page).fill("The harbour of Marstal was closed.")
    page.get_by_role("button", name="Glossaries").click()
    dialog = page.get_by_role("dialog", name="Glossaries")
    with page.expect_file_chooser() as chooser:
        dialog.get_by_role("button", name="Add a file (CSV, TBX)").click()
    chooser.value.set_files(file("bad.csv", "alone\n"))
    expect(dialog.get_by_text("bad.csv has rows that are no terms (row 1: only one column).")).to_be_visible()
    with page.expect_file_chooser() as chooser:
        dialog.get_by_role("button", name="Add a file (CSV, TBX)").click()
    chooser.value.set_files(file("ships.csv", TERMS))
    expect(dialog.get_by_role("checkbox", name="ships.csv 2 terms")).to_be_checked()
    dialog.get_by_role("button", name="Terms of ships.csv").click()
    expect(dialog.get_by_text("(stays as it is)")).to_be_visible()
    dialog.get_by_role("button", name="Close").click()
    expect(made(page)).to_have_text("The port of Marstal was closed.")
    page.get_by_role("button", name="Glossaries: 1").click()
    dialog.get_by_role("button", name="Delete the glossary ships.csv").click()
    expect(dialog.get_by_role("checkbox")).to_have_count(0)
    dialog.get_by_role("button", name="Undo").click()
    expect(dialog.get_by_role("checkbox", name="ships.csv 2 terms")).to_be_checked()


def test_the_memory_is_searched_given_away_and_taken_in_again(app: App, page: Page) -> None:
    translate(page, app, file("kept.txt", "Seven cranes were torn down."))
    target(page, 1).fill("Sept grues furent abattues.")
    target(page, 1).press("Control+Enter")
    expect(rows(page).get_by_text("confirmed", exact=True)).to_be_visible()
    page.get_by_role("button", name="New translation").click()
    source(page).fill("Seven cranes were torn down.")
    expect(made(page)).to_have_text("Sept grues furent abattues.")
    page.get_by_role("button", name="Memory: on").click()
    dialog = page.get_by_role("dialog", name="Memory")
    dialog.get_by_role("searchbox", name="Search the memory").fill("grues")
    with page.expect_download() as download:
        dialog.get_by_role("button", name="Export all (TMX)").click()
    tmx = Path(download.value.path()).read_bytes()
    dialog.get_by_role("button", name="Delete from the memory: Seven cranes were torn down.").click()
    expect(dialog.get_by_text("It was deleted from the memory.")).to_be_visible()
    expect(dialog.get_by_text("Sept grues furent abattues.")).to_have_count(0)
    dialog.get_by_role("button", name="Undo").click()
    expect(dialog.get_by_text("Sept grues furent abattues.")).to_be_visible()
    with page.expect_file_chooser() as chooser:
        dialog.get_by_role("button", name="Import TMX").click()
    chooser.value.set_files({"name": "memory.tmx", "mimeType": "text/xml", "buffer": tmx})
    expect(dialog.get_by_text(re.compile(r"^0 of \d+ pairs of texts are new\.$"))).to_be_visible()
    dialog.get_by_role("checkbox", name="Use the memory for new translations").uncheck()
    dialog.get_by_role("button", name="Close").click()
    expect(made(page)).to_have_text("Seven cranes were torn down.")


# ---- a phone in Chinese ----------------------------------------------------------------------------------------------
def test_everything_on_a_phone_in_chinese(app: App, phone: Page) -> None:
    def fits() -> None:
        assert phone.evaluate("document.documentElement.scrollWidth") == 390
        assert phone.locator("#pt-root").evaluate("(node) => node.scrollWidth") == 390
        said = phone.locator("#pt-root").inner_text()
        assert not re.search(r"\b(s|t|m|phase|tab)\.[a-z_]+\b", said), said

    phone.goto(app.url)
    for name in ("模型", "摘要", "翻译"):
        phone.get_by_role("tab", name=name).click()
    expect(phone.get_by_role("heading", name="要翻译什么？")).to_be_visible()
    fits()
    words = " ".join(phone.locator("#pt-root [data-t]").all_inner_texts())
    names = "Word|PowerPoint|PDF|EPUB|HTML|Markdown|PO|CSV|JSON|chrF"
    assert not re.search(r"[A-Za-z]", re.sub(names, "", words)), words
    expect(phone.get_by_label("译文语言")).to_have_value("zh")
    box = phone.get_by_role("textbox", name="要翻译的文字")
    box.fill("The harbour was closed.")
    expect(phone.get_by_role("alert").get_by_text("本机没有能把英语译成中文的模型。")).to_be_visible()
    phone.get_by_label("译文语言").select_option("fr")
    expect(phone.get_by_role("region", name="译文")).to_have_text("The harbour was closed.")
    expect(phone.get_by_role("button", name="从“The”起未翻译")).to_be_visible()
    fits()
    with phone.expect_file_chooser() as chooser:
        phone.get_by_role("button", name="选择文件").click()
    chooser.value.set_files([file("指南.md", GUIDE), file("坏.pdf", locked())])
    expect(phone.locator("#pt-coming")).to_contain_text("密码")
    expect(phone.locator("#pt-draft")).to_contain_text("Markdown · 英语 · 3 段")
    fits()
    phone.locator("#pt-documents").get_by_role("button", name="翻译").click()
    expect(phone.locator("#pt-rows").get_by_role("article")).to_have_count(3)
    expect(phone.get_by_text("有 1 段未能翻译，仍是原文。")).to_be_visible()
    box = phone.get_by_role("textbox", name="第 2 段的译文")
    box.fill("没有标签")
    box.press("Control+Enter")
    expect(phone.get_by_text("缺少标签 1。缺少标签 2。请改正后再确认。")).to_be_visible()
    fits()
    phone.get_by_role("button", name="对话列表").click()
    phone.get_by_role("button", name="新翻译").click()
    expect(phone.get_by_role("heading", name="要翻译什么？")).to_be_visible()
    expect(phone.get_by_role("button", name="新翻译")).to_be_hidden()
