"""A summary in a real browser: while it is made, stopped, gone on with; its sources, receipt, export, comparison."""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import docx
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.conftest import App, launch
from tests.ui.summarizing import (
    add,
    begin,
    cells,
    done,
    drafted,
    file,
    paragraphs,
    paste,
    report,
    runs,
    sentences,
    source,
    visit,
)
from tests.ui.talking import choose, rows, send

pytestmark = pytest.mark.browser
Start = Callable[..., App]
STORY = "\n\n".join(paragraphs("Marstal", 1900, 3))
PLANTED = "Mention 4711 crates and Zanzibar."
SLOW = ("--engine", "echo", "--model", "echo@100", "--context-length", "512")


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """A small context, so that small texts have several parts."""
    started = launch(tmp_path_factory.mktemp("runs"), "--engine", "echo", "--context-length", "512")
    yield started
    started.kill()


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The same at the pace of a model."""
    started = launch(tmp_path_factory.mktemp("slow runs"), *SLOW)
    yield started
    started.kill()


def under_way(page: Page, app: App, name: str, pages: int = 12) -> None:
    """Begin to summarize a PDF, and wait until its first part was read."""
    visit(page, app)
    add(page, file(name, report(pages)))
    expect(drafted(page)).to_have_count(1)
    begin(page)
    expect(cells(page, "read").first).to_be_visible()


def button(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


# ---- while it runs ---------------------------------------------------------------------------------------------------
def test_the_map_fills_and_the_notes_can_be_read_meanwhile(slow: App, page: Page) -> None:
    under_way(page, slow, "long.pdf")
    for state in ("being read", "waits"):
        expect(cells(page, state).first).to_be_visible()
    status = page.locator("#ps-progress").get_by_role("status")
    expect(status).to_contain_text(re.compile(r"\d+ of \d+ parts · \d+ tokens/s"))
    expect(status).to_contain_text(re.compile(r"about \d+ (s|min) left"))
    expect(page.get_by_role("heading", name=re.compile(r"Part 1 \(p\. 1"))).to_be_visible()
    expect(page.locator("#ps-notes")).to_contain_text("In 1900 the harbour of Marstal took in 37 ships")
    expect(runs(page, "long.pdf").get_by_role("img", name="being read")).to_be_visible()
    button(page, "Stop")
    expect(page.get_by_text("Stopped. What was done is kept.")).to_be_visible()
    # What is there can be read in the document already.
    cells(page, "read").first.click()
    expect(source(page).locator("mark").first).to_be_visible()


def test_stopped_reloaded_and_closed_it_goes_on_where_it_was(slow: App, context: BrowserContext, page: Page) -> None:
    under_way(page, slow, "stopped.pdf", pages=8)
    button(page, "Stop")
    expect(page.get_by_text("Stopped. What was done is kept.")).to_be_visible()
    run = page.url.partition("?s=")[2]
    kept = "SELECT position, text FROM run_nodes WHERE run_id = ? AND level = 0 AND status = 'done' ORDER BY position"
    before = rows(slow, kept, run)
    assert before
    expect(cells(page, "read")).to_have_count(len(before))
    page.reload()
    expect(cells(page, "read")).to_have_count(len(before))
    expect(cells(page, "waits").first).to_be_visible()
    button(page, "Go on")
    expect(page.get_by_role("button", name="Stop", exact=True)).to_be_visible()
    page.reload()
    expect(cells(page, "read").nth(len(before) - 1)).to_be_visible()
    address = page.url
    page.close()
    again = context.new_page()
    again.goto(address)
    done(again)
    expect(again.get_by_text(re.compile(r"^100 % of the text was read"))).to_be_visible()
    assert rows(slow, kept, run)[: len(before)] == before


def test_two_windows_watch_the_same_and_either_stops_it(slow: App, context: BrowserContext, page: Page) -> None:
    under_way(page, slow, "shared.pdf")
    second = context.new_page()
    second.goto(page.url)
    expect(cells(second, "read").first).to_be_visible()
    button(second, "Stop")
    for window in (page, second):
        expect(window.get_by_text("Stopped. What was done is kept.")).to_be_visible()
        expect(window.get_by_role("button", name="Stop", exact=True)).to_be_hidden()
    button(page, "Go on")
    expect(second.get_by_role("button", name="Stop", exact=True)).to_be_visible()
    button(page, "Stop")
    expect(second.get_by_role("button", name="Go on", exact=True)).to_be_visible()


def test_an_app_that_was_killed_goes_on_by_itself(start_app: Start, page: Page) -> None:
    app = start_app(*SLOW)
    under_way(page, app, "killed.pdf", pages=8)
    run = page.url.partition("?s=")[2]
    app.kill()
    again = start_app(*SLOW, data=app.data)
    page.goto(f"{again.url}?s={run}")
    expect(cells(page, "read").first).to_be_visible()
    done(page)
    expect(page.get_by_text(re.compile(r"^100 % of the text was read"))).to_be_visible()


# ---- sources and the receipt -----------------------------------------------------------------------------------------
def test_each_sentence_leads_to_its_passages_by_mouse_and_keyboard(app: App, page: Page) -> None:
    paste(page, app, f"{STORY}\n\nSo says the book: The wind tore down 2 cranes in Marstal.")
    said = page.locator("#ps-text").get_by_role("button", name="The wind tore down 2 cranes in Marstal.")
    said.click()
    panel = source(page)
    expect(panel.locator("mark")).to_have_text(re.compile(r"^The wind tore down 2 cranes in Marstal\.\s*$"))
    expect(panel.locator("header")).to_contain_text("Passage 1 of")
    expect(page.locator(".ps-s.open")).to_have_text(re.compile("The wind tore down 2 cranes"))
    said.click()
    expect(panel.locator("header")).to_contain_text("Passage 2 of")
    expect(panel.locator("p").last.locator("mark")).to_contain_text("The wind tore down 2 cranes")
    said.press("Enter")
    expect(panel.locator("p").last.locator("mark")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(page.locator(".ps-s.open")).to_have_count(0)
    expect(said).to_be_focused()
    said.press("Enter")
    expect(panel.locator("header")).to_contain_text("Passage 1 of")
    panel.get_by_role("button", name="Next passage").click()
    expect(panel.locator("header")).to_contain_text("Passage 2 of")
    panel.get_by_role("button", name="Close the document").click()
    expect(panel).to_be_hidden()
    expect(said).to_be_focused()
    # All of the text is sentences that can be pressed.
    whole = page.locator("#ps-text > :not(.ps-of)").all_inner_texts()
    assert "".join("".join(whole).split()) == "".join("".join(sentences(page).all_inner_texts()).split())


def test_what_no_document_contains_is_marked_and_listed(app: App, page: Page) -> None:
    paste(page, app, STORY, instruction=PLANTED)
    mark = page.locator("#ps-text mark").get_by_text("4711")
    expect(mark).to_have_attribute("title", "This number stands in no document")
    expect(page.locator("#ps-text mark").get_by_text("Zanzibar")).to_be_visible()
    expect(page.get_by_text(re.compile(r"^\d+ numbers, dates or names stand in no document"))).to_be_visible()
    page.locator("#ps-receipt").get_by_role("link", name="4711").click()
    expect(page.locator(".ps-s:focus")).to_contain_text("4711")
    for true in ("Marstal", "Hansen"):
        expect(page.locator("#ps-text")).to_contain_text(true)
        expect(page.locator("#ps-text mark").get_by_text(true)).to_have_count(0)


def test_a_summary_that_rests_on_nothing_is_doubted_above_it(app: App, page: Page) -> None:
    paste(page, app, STORY, instruction=PLANTED)
    doubt = page.locator("#ps-progress").get_by_text("No sentence of it rests on a passage")
    expect(page.locator("#ps-receipt")).to_contain_text("sentences rest on a passage")
    expect(doubt).to_have_count(0)
    with contextlib.closing(sqlite3.connect(app.data / "playground.db")) as db, db:
        run, text = db.execute("SELECT id, receipt FROM runs WHERE text LIKE '%4711%' ORDER BY rowid DESC").fetchone()
        receipt = json.loads(text)
        for sentence in receipt["sentences"]:
            for link in sentence["links"]:
                link["strong"] = False
        db.execute("UPDATE runs SET receipt = ? WHERE id = ?", [json.dumps(receipt), run])
    page.reload()
    expect(doubt).to_be_visible()


def test_a_part_that_failed_is_named_above_the_summary_and_tried_again(app: App, page: Page) -> None:
    visit(page, app)
    add(page, file("partly.pdf", report(6)))
    expect(drafted(page)).to_have_count(1)
    begin(page)
    done(page)
    reason = "The model wrote nothing for this part. Try again, or choose another model."
    with contextlib.closing(sqlite3.connect(app.data / "playground.db")) as db, db:
        fail = "UPDATE run_nodes SET status = 'failed', error = ? WHERE run_id = ? AND level = 0 AND position = 1"
        db.execute(fail, [reason, page.url.partition("?s=")[2]])
    page.reload()
    expect(page.get_by_text("This summary is not whole: 1 part could not be read.")).to_be_visible()
    expect(page.locator("#ps-progress").get_by_role("listitem")).to_have_text(
        re.compile(rf"^Part 2 \(p\. .*: {reason}$")
    )
    expect(cells(page, "failed")).to_have_count(1)
    expect(page.get_by_text(re.compile(r"^100 % of the text was read"))).to_have_count(0)
    button(page, "Try the failed parts again")
    expect(cells(page, "failed")).to_have_count(0)
    done(page)
    expect(page.get_by_text(re.compile(r"^100 % of the text was read"))).to_be_visible()


def test_sentences_can_be_picked_without_a_model(app: App, page: Page) -> None:
    visit(page, app)
    page.get_by_label("Or paste a text").fill(STORY)
    page.get_by_text("More settings").click()
    page.get_by_role("combobox", name="How", exact=True).select_option("extractive")
    begin(page)
    done(page)
    expect(page.locator("#ps-head")).to_contain_text("Sentences picked from the text")
    expect(page.get_by_text(re.compile(r"^All \d+ sentences rest on a passage\.$"))).to_be_visible()
    expect(page.get_by_text("No number, date or name was found that the document lacks.")).to_be_visible()
    words = sentences(page).first.inner_text().strip()
    sentences(page).first.click()
    expect(source(page).locator("mark").first).to_contain_text(words)


# ---- afterwards ------------------------------------------------------------------------------------------------------
def test_it_is_copied_and_exported_in_three_formats(app: App, context: BrowserContext, page: Page) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    paste(page, app, STORY, instruction=PLANTED)
    button(page, "Copy")
    expect(page.get_by_role("status").get_by_text("Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert "4711 crates" in copied
    got: dict[str, bytes] = {}
    for item in ("Markdown", "Word (DOCX)", "JSON"):
        with page.expect_download() as waiting:
            choose(page, page.get_by_role("button", name="Export", exact=True).and_(page.locator("#ps-tools *")), item)
        got[Path(waiting.value.suggested_filename).suffix] = Path(waiting.value.path()).read_bytes()
    expect(page.get_by_role("status").get_by_text("was handed to the browser")).to_be_visible()
    text = "Mention 4711 crates"
    assert text in got[".md"].decode()
    assert "100 %" in got[".md"].decode()
    assert text in "\n".join(one.text for one in docx.Document(BytesIO(got[".docx"])).paragraphs)
    assert text in json.dumps(json.loads(got[".json"]))


def test_with_other_settings_what_was_read_is_not_read_again_and_both_are_compared(slow: App, page: Page) -> None:
    under_way(page, slow, "twice.pdf", pages=6)
    done(page)
    first = page.url.partition("?s=")[2]
    button(page, "With other settings")
    form = page.get_by_role("dialog")
    form.get_by_label("Length").fill("many")
    form.get_by_role("button", name="Summarize").click()
    expect(form.get_by_text("'many' is not a length.")).to_be_visible()
    form.get_by_label("Length").fill("")
    form.get_by_label("Style").select_option("bullets")
    form.get_by_role("button", name="Summarize").click()
    expect(runs(page, "twice.pdf")).to_have_count(2)
    done(page)
    second = page.url.partition("?s=")[2]
    parts = "SELECT position, text, key FROM run_nodes WHERE run_id = ? AND level = 0 ORDER BY position"
    assert second != first
    assert rows(slow, parts, second) == rows(slow, parts, first)
    expect(runs(page, "twice.pdf").nth(0)).to_contain_text("Bullet points")
    button(page, "Compare")
    page.get_by_role("menuitem", name="twice.pdf").click()
    other = page.locator("#ps-other")
    expect(other).to_contain_text("Paragraphs · echo@100")
    expect(page.locator("#ps-text")).to_contain_text("Bullet points · echo@100")
    mine, its = page.locator("#ps-text").bounding_box(), other.bounding_box()
    assert mine
    assert its
    assert mine["y"] == its["y"]
    assert mine["x"] + mine["width"] <= its["x"]
    other.get_by_role("button").last.click()
    expect(source(page).locator("mark").first).to_be_visible()
    button(page, "End the comparison")
    expect(other).to_be_hidden()
    expect(source(page)).to_be_hidden()


def test_a_chat_about_the_document_pulls_passages_in(app: App, page: Page) -> None:
    paste(page, app, "The ferry Aurora sailed to Bornholm in 1921. Captain Lind steered it. It carried 12 horses.")
    button(page, "Ask about this document")
    expect(page.get_by_role("article")).to_have_count(2)
    expect(page.get_by_role("article").last).to_contain_text("Captain Lind steered it.")
    expect(page.get_by_role("tab", name="Chat")).to_have_attribute("aria-selected", "true")
    send(page, "Who steered the Aurora?")
    asked = page.get_by_role("article").nth(2)
    expect(asked).to_contain_text("Who steered the Aurora?")
    expect(asked.get_by_text("Pasted text", exact=True)).to_be_visible()
    expect(page.get_by_role("article").last).to_contain_text("Captain Lind steered it.")


def test_the_search_of_the_chats_finds_a_summary_and_opens_it(app: App, page: Page) -> None:
    paste(page, app, "The quokkas of Rottnest are small. They do not fear people.")
    page.goto(app.url)
    page.get_by_role("searchbox", name="Search all conversations").fill("quokkas rottnest")
    found = page.get_by_role("region", name="Search results")
    expect(found.get_by_role("heading", name="In summaries")).to_be_visible()
    found.get_by_role("link", name="quokkas").first.click()
    expect(page.get_by_role("tab", name="Summarize")).to_have_attribute("aria-selected", "true")
    expect(page.locator("#ps-text")).to_contain_text("They do not fear people.")
    page.go_back()
    expect(page.get_by_role("tab", name="Chat")).to_have_attribute("aria-selected", "true")
