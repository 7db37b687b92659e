"""Files beside a message, and the meter that says what fits, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import docx
import pytest
from playwright.sync_api import FilePayload, Locator, Page, Route, expect

from tests.conftest import App, launch, wait_for
from tests.documents.making import column, pdf
from tests.ui.talking import begin, box, choose, message, more, rows, said, send, system, told

pytestmark = pytest.mark.browser
BAD = "<img src=x onerror=document.title='bad'>.txt"


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """A model that reads 256 tokens at most."""
    started = launch(tmp_path_factory.mktemp("narrow"), "--engine", "echo", "--context-length", "256")
    yield started
    started.kill()


def file(name: str, data: bytes | str, kind: str = "application/octet-stream") -> FilePayload:
    return {"name": name, "mimeType": kind, "buffer": data.encode() if isinstance(data, str) else data}


def word_file(*paragraphs: str) -> bytes:
    made, out = docx.Document(), BytesIO()
    for one in paragraphs:
        made.add_paragraph(one)
    made.save(out)
    return out.getvalue()


def attach(page: Page, *files: FilePayload) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Attach files").click()
    chooser.value.set_files(list(files))


def files(page: Page) -> Locator:
    return page.get_by_role("list", name="Attached files").get_by_role("listitem")


def test_text_pdf_and_word_go_with_a_message(app: App, page: Page) -> None:
    page.goto(app.url)
    attach(page, file("a.txt", "alpha text"), file("报告.pdf", pdf([column(["beta text"]), column(["two"])])))
    attach(page, file("c.docx", word_file("gamma text")))
    expect(files(page)).to_have_count(3)
    expect(files(page).filter(has_text="报告.pdf")).to_contain_text("pages: 2")
    expect(files(page).filter(has_text="a.txt")).to_contain_text("tokens")
    send(page, "what do they say?")
    reply = page.get_by_role("article").last
    for words in ("alpha text", "beta text", "gamma text", "what do they say?"):
        expect(reply).to_contain_text(words)
    expect(files(page)).to_have_count(0)
    asked = page.get_by_role("article").first
    for name in ("a.txt", "报告.pdf", "c.docx"):
        expect(asked.get_by_text(name, exact=True)).to_be_visible()
    sql = "SELECT name FROM attachments WHERE message_id IS NOT NULL ORDER BY name"
    assert [row[0] for row in rows(app, sql)] == ["a.txt", "c.docx", "报告.pdf"]
    # Another wording of the message has the files, too.
    asked.get_by_role("button", name="Edit").click()
    page.get_by_role("log").get_by_role("textbox", name="Edit").fill("say it shorter")
    page.get_by_role("button", name="Send as a new branch").click()
    expect(page.get_by_role("article").last).to_contain_text("gamma text")
    expect(page.get_by_role("article").first.get_by_text("c.docx", exact=True)).to_be_visible()


def test_a_file_alone_can_be_sent_and_names_the_conversation(app: App, page: Page) -> None:
    page.goto(app.url)
    attach(page, file("only this.txt", "lonely words"))
    expect(files(page)).to_contain_text("tokens")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("article").last).to_contain_text("lonely words")
    expect(page.get_by_role("link", name="only this.txt")).to_be_visible()


def test_a_broken_file_is_told_in_place_and_costs_nothing_else(app: App, page: Page) -> None:
    page.goto(app.url)
    box(page).fill("typed already")
    attach(page, file("good.txt", "fine"))
    expect(files(page)).to_have_count(1)
    attach(page, file("bad.pdf", b"%PDF-1.7 nothing of the kind"))
    expect(told(page, "bad.pdf")).to_be_visible()
    expect(files(page)).to_have_count(1)
    expect(box(page)).to_have_value("typed already")
    attach(page, file("empty.txt", ""), file("also fine.txt", "words"), file("worse.pdf", b"%PDF-1.7"))
    for name in ("empty.txt", "worse.pdf"):
        expect(told(page, name)).to_be_visible()
    expect(told(page, "bad.pdf")).to_have_count(0)
    expect(files(page).filter(has_text="tokens")).to_have_count(2)
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("article").last).to_contain_text("fine")


def test_a_file_that_is_too_large_is_refused_before_it_is_read(app: App, page: Page, tmp_path: Path) -> None:
    page.goto(app.url)
    large = tmp_path / "large.txt"
    with large.open("wb") as out:
        out.truncate(101_000_000)
    page.locator("#pg-file").set_input_files(large)
    expect(told(page, "large.txt: The file has 101 MB; at most 100 MB can be taken.")).to_be_visible()
    expect(files(page)).to_have_count(0)
    assert list((app.data / "cache" / "uploads").glob("upload-*")) == []


def test_files_that_are_chosen_while_the_page_is_being_drawn_are_taken(app: App, page: Page) -> None:
    page.add_init_script(
        "const find = Document.prototype.querySelector; window.held = true;"
        "Document.prototype.querySelector ="
        " function (part) { return window.held && part === '#pg-act' ? null : find.call(this, part); };"
    )
    page.goto(app.url)
    page.locator("#pg-file").set_input_files([file("early.txt", "soon")])
    page.locator("#pg-import").set_input_files([file("early.json", "{broken")])
    page.evaluate("window.held = false; document.body.append(document.createElement('i'))")
    expect(files(page).filter(has_text="early.txt")).to_contain_text("tokens")
    expect(told(page, "early.json: ")).to_be_visible()
    page.get_by_role("button", name="Remove early.txt").click()
    expect(files(page)).to_have_count(0)


def test_files_are_removed_and_outlive_a_reload(app: App, page: Page) -> None:
    page.goto(app.url)
    attach(page, file("one.txt", "1"), file("two.txt", "2"), file(BAD, "3"))
    expect(files(page).filter(has_text="tokens")).to_have_count(3)
    expect(files(page).get_by_text(BAD, exact=True)).to_be_visible()
    page.get_by_role("button", name="Remove one.txt").click()
    expect(page.get_by_role("button", name="Remove two.txt")).to_be_focused()
    page.reload()
    expect(files(page)).to_have_count(2)
    page.get_by_role("button", name="Remove two.txt").click()
    page.get_by_role("button", name="New chat").click()
    send(page, "with the last")
    expect(page.get_by_role("article").last).to_contain_text("3")
    expect(page.get_by_role("article").first.get_by_text(BAD, exact=True)).to_be_visible()
    assert page.locator("#pg-chat img").count() == 0


def test_files_are_dropped_and_pasted(app: App, page: Page) -> None:
    page.goto(app.url)
    expect(page.get_by_text("What would you like to talk about?")).to_be_visible()
    made = "(name) => { const all = new DataTransfer(); all.items.add(new File(['dropped words'], name)); return all; }"
    page.locator("#pg-main").dispatch_event("dragover", {"dataTransfer": page.evaluate_handle(made, "a.txt")})
    expect(page.locator("#pg-main.over")).to_have_count(1)
    page.locator("#pg-main").dispatch_event("drop", {"dataTransfer": page.evaluate_handle(made, "a.txt")})
    expect(files(page).filter(has_text="a.txt")).to_contain_text("tokens")
    box(page).evaluate(
        "(box) => { const all = new DataTransfer(); all.items.add(new File(['pasted'], 'b.txt')); "
        "box.dispatchEvent(new ClipboardEvent('paste', { clipboardData: all, bubbles: true, cancelable: true })); }"
    )
    expect(files(page).filter(has_text="b.txt")).to_contain_text("tokens")


def test_send_waits_for_a_file_on_its_way(app: App, page: Page) -> None:
    page.goto(app.url)
    held: list[Route] = []
    page.route("**/page/attach**", lambda route: held.append(route))
    attach(page, file("slow.txt", "arrived late"))
    wait_for(lambda: page.evaluate("1") and held, what="the upload")
    expect(files(page)).to_contain_text("%")
    send(page, "wait for it")
    expect(page.get_by_role("article")).to_have_count(0)
    held[0].continue_()
    expect(page.get_by_role("article").last).to_contain_text("arrived late")


def test_a_file_that_fails_on_its_way_holds_the_message_back(app: App, page: Page) -> None:
    page.goto(app.url)
    held: list[Route] = []
    page.route("**/page/attach**", lambda route: held.append(route))
    attach(page, file("bad.pdf", b"%PDF-1.7 nothing"))
    wait_for(lambda: page.evaluate("1") and held, what="the upload")
    send(page, "not without it")
    held[0].continue_()
    expect(told(page, "A file could not be attached, so nothing was sent.")).to_be_visible()
    expect(told(page, "bad.pdf")).to_be_visible()
    expect(box(page)).to_have_value("not without it")
    expect(page.get_by_role("article")).to_have_count(0)
    page.get_by_role("button", name="Send").click()
    expect(said(page, "You said: not without it")).to_be_visible()


# ---- the meter -------------------------------------------------------------------------------------------------------
def rule(page: Page, name: str) -> None:
    meter = page.locator("#pg-meter").get_by_role("button", name="tokens")
    meter.click()
    page.get_by_role("menuitemradio", name=name).click()
    expect(page.get_by_role("menu")).to_have_count(0)


def full(page: Page, app: App) -> str:
    """A conversation that nearly fills the context: 192 tokens may be asked, each turn takes 60."""
    return begin(page, app, *(f"turn {n} " + " ".join(["word"] * 24) for n in (1, 2, 3)))


def test_the_meter_shows_what_falls_out_and_marks_it_before_it_is_sent(narrow: App, page: Page) -> None:
    full(page, narrow)
    meter = page.locator("#pg-meter").get_by_role("button", name="/ 192 tokens")
    expect(meter).to_be_visible()
    expect(page.locator("article.out")).to_have_count(0)
    box(page).fill("more " * 40)
    expect(meter).to_contain_text("2 messages fall out")
    expect(page.locator("article.out")).to_have_count(2)
    expect(page.locator("article.out .who").first).to_have_attribute("data-out", "does not fit into the context")
    box(page).fill("")
    expect(page.locator("article.out")).to_have_count(0)
    send(page, "more " * 40)
    expect(page.locator(".note").get_by_text("The 2 oldest messages did not fit")).to_be_visible()


def test_by_hand_refuses_before_anything_is_written(narrow: App, page: Page) -> None:
    talk_id = full(page, narrow)
    rule(page, "I decide myself")
    expect(page.get_by_role("status").get_by_text("ready")).to_be_visible()
    text = "more " * 40
    send(page, text)
    expect(page.get_by_role("alert").get_by_text("Leave out some messages by hand")).to_have_count(1)
    expect(box(page)).to_have_value(text)
    counted = "SELECT count(*) FROM messages WHERE conversation_id = ?"
    assert rows(narrow, counted, talk_id) == [(6,)]
    choose(page, page.get_by_role("article").nth(0).get_by_role("button", name="More"), "Leave out of the context")
    expect(page.get_by_role("article").nth(0).get_by_text("not in the context")).to_be_visible()
    choose(page, page.get_by_role("article").nth(1).get_by_role("button", name="More"), "Leave out of the context")
    expect(page.locator("#pg-meter")).to_contain_text("2 left out by hand")
    expect(page.get_by_role("alert").get_by_text("Leave out some messages by hand")).to_have_count(0)
    box(page).press("Enter")
    wait_for(lambda: rows(narrow, counted, talk_id) == [(8,)])


def test_a_summary_stands_for_what_does_not_fit(narrow: App, page: Page) -> None:
    talk_id = full(page, narrow)
    rule(page, "Summarize the oldest")
    box(page).fill("more " * 40)
    expect(page.locator("#pg-meter")).to_contain_text("a summary stands for 2")
    box(page).press("Enter")
    expect(page.get_by_text("A summary stood for the")).to_be_visible()
    assert rows(narrow, "SELECT count(*) FROM summaries WHERE conversation_id = ?", talk_id) == [(1,)]


def test_the_rule_does_not_cost_what_is_typed_into_the_panel(narrow: App, page: Page) -> None:
    begin(page, narrow, "hello")
    system(page).fill("Not sent yet.")
    rule(page, "I decide myself")
    expect(page.locator("body:not(.panel-follows)")).to_have_count(1)
    more(page, "You said: hello", "Star")
    expect(message(page, "You said: hello").get_by_title("Starred")).to_be_visible()
    expect(page.get_by_role("textbox", name="System prompt")).to_have_value("Not sent yet.")


def test_files_and_meter_on_a_phone_in_chinese(app: App, phone: Page) -> None:
    phone.goto(app.url)
    with phone.expect_file_chooser() as chooser:
        phone.get_by_role("button", name="添加文件").click()
    chooser.value.set_files(
        [file("一个名字很长很长很长很长很长很长很长很长的文件.txt", "内容"), file("b.pdf", b"%PDF-1.7 no")]
    )
    expect(phone.get_by_role("list", name="已添加的文件")).to_contain_text("词元")
    expect(phone.locator("#pg-notice")).to_contain_text("b.pdf")
    expect(phone.locator("#pg-meter")).to_contain_text("词元")
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
    phone.get_by_role("textbox", name="消息").fill("读一下")
    phone.get_by_role("button", name="发送").click()
    expect(phone.get_by_role("article").last).to_contain_text("内容")
