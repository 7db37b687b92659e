"""What the tests of the Summarize tab do again and again, as a person would, and the files that they summarize."""

from __future__ import annotations

import re
from io import BytesIO

import docx
import pypdf
from playwright.sync_api import FilePayload, Locator, Page, expect

from tests.conftest import App
from tests.documents.making import BOLD, column, pdf

KEEPERS = ("Hansen", "Moreau", "Okafor", "Lindgren", "Petrov")


def paragraphs(town: str, first: int, count: int = 5) -> list[str]:
    """Of the harbour of a town, year by year; some three sentences each."""
    return [
        f"In {first + n} the harbour of {town} took in {37 + first % 100 + n} ships from the north. Captain "
        f"{KEEPERS[n % 5]} kept the books of {town} that year. The wind tore down {n + 2} cranes in {town}."
        for n in range(count)
    ]


def report(pages: int = 8, town: str = "Marstal") -> bytes:
    """A PDF with a heading and five paragraphs a page."""
    made = []
    for page in range(pages):
        lines = [
            line for one in paragraphs(town, 1900 + 10 * page) for line in (*re.findall(r".{1,70}(?: |$)", one), "")
        ]
        made.append(column([f"Chapter {page + 1}"], 780, size=18.0, font=BOLD) + column(lines))
    return pdf(made)


def locked() -> bytes:
    """A PDF that asks for a password."""
    writer, out = pypdf.PdfWriter(BytesIO(report(1))), BytesIO()
    writer.encrypt("secret", algorithm="RC4-128")
    writer.write(out)
    return out.getvalue()


def word_file(*texts: str) -> bytes:
    """A DOCX."""
    made, out = docx.Document(), BytesIO()
    for one in texts:
        made.add_paragraph(one)
    made.save(out)
    return out.getvalue()


def file(name: str, data: bytes | str) -> FilePayload:
    """As a person chooses it."""
    return {
        "name": name,
        "mimeType": "application/octet-stream",
        "buffer": data.encode() if isinstance(data, str) else data,
    }


def visit(page: Page, app: App) -> None:
    """Open the page at the form of the Summarize tab."""
    page.goto(app.url)
    page.get_by_role("tab", name="Summarize").click()
    expect(page.get_by_role("heading", name="What shall be summarized?")).to_be_visible()


def add(page: Page, *files: FilePayload) -> None:
    """Choose files."""
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Drop files here, or choose them").click()
    chooser.value.set_files(list(files))


def drafted(page: Page) -> Locator:
    """The files of the draft."""
    return page.get_by_role("list", name="Document").get_by_role("listitem")


def begin(page: Page) -> None:
    """Press the button that begins."""
    page.locator("#ps-form").get_by_role("button", name="Summarize").click()


def paste(page: Page, app: App, text: str, instruction: str = "") -> None:
    """Summarize a text in one's own words, if there are any, to the end."""
    visit(page, app)
    page.get_by_label("Or paste a text").fill(text)
    page.get_by_label("Style").select_option("own" if instruction else "paragraph")
    if instruction:
        page.get_by_label("What to write").fill(instruction)
    begin(page)
    done(page)


def done(page: Page) -> None:
    """Wait until the summary is there."""
    expect(sentences(page).first).to_be_visible(timeout=60_000)


def sentences(page: Page) -> Locator:
    """Of the summary that is shown."""
    return page.locator("#ps-text").get_by_role("button")


def cells(page: Page, state: str) -> Locator:
    """Parts on the map, by what became of them."""
    return page.locator("#ps-map").get_by_role("button", name=re.compile(f": {state}$"))


def runs(page: Page, title: str) -> Locator:
    """Summaries in the list with this title."""
    return page.get_by_role("navigation", name="Summaries").get_by_role("link", name=title)


def source(page: Page) -> Locator:
    """The document beside the summary."""
    return page.get_by_role("complementary", name="Document")
