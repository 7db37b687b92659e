"""What the tests of the Translate tab do again and again, as a person would, and the files that they translate."""

from __future__ import annotations

import re

from playwright.sync_api import FilePayload, Locator, Page, expect

from tests.conftest import App

GUIDE = """# The harbour guide

The harbour of **Marstal** took in 37 ships. Use `git push` first.

- Another point that must /fail here
"""
TABLE = "id,name,text\n1,The old man,The captain kept the books.\n2,The young man,He tore down three cranes.\n"
TERMS = "source,target\nharbour,port\nMarstal,\n"


def paragraphs(count: int) -> str:
    """No two alike."""
    return "\n\n".join(f"Paragraph {n} tells of the harbour and its {n + 300} ships." for n in range(1, count + 1))


def visit(page: Page, app: App, target: str = "fr") -> None:
    """Open the page at the two panes of the Translate tab."""
    page.goto(app.url)
    page.get_by_role("tab", name="Translate").click()
    expect(page.get_by_role("heading", name="What shall be translated?")).to_be_visible()
    page.get_by_label("Into").select_option(target)


def source(page: Page) -> Locator:
    """Where a text is written."""
    return page.get_by_role("textbox", name="Text to translate")


def made(page: Page) -> Locator:
    """Its translation."""
    return page.get_by_role("region", name="Translation")


def add(page: Page, *files: FilePayload) -> None:
    """Choose files."""
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Drop files here, or choose them").click()
    chooser.value.set_files(list(files))


def drafted(page: Page) -> Locator:
    """The files of the draft."""
    return page.get_by_role("list", name="Files to translate").get_by_role("listitem")


def begin(page: Page) -> None:
    """Press the button that begins to translate the files."""
    page.locator("#pt-documents").get_by_role("button", name="Translate", exact=True).click()


def translate(page: Page, app: App, *files: FilePayload) -> None:
    """Translate files to the end."""
    visit(page, app)
    add(page, *files)
    expect(drafted(page)).to_have_count(len(files))
    begin(page)
    finished(page)


def finished(page: Page) -> None:
    """Wait until nothing waits any more."""
    expect(rows(page).first).to_be_visible()
    expect(page.locator("#pt-run")).to_have_attribute("data-status", "complete", timeout=60_000)
    expect(page.locator("#pt-rows").get_by_text("waits", exact=True)).to_have_count(0)


def rows(page: Page) -> Locator:
    """The segments that are shown."""
    return page.locator("#pt-rows").get_by_role("article")


def row(page: Page, text: str) -> Locator:
    """The segment with this in its source."""
    return rows(page).filter(has=page.locator(".pt-source", has_text=text))


def target(page: Page, number: int) -> Locator:
    """The box of a segment."""
    return page.get_by_role("textbox", name=re.compile(f"^Translation of segment {number}( |$)"))


def listed(page: Page, title: str) -> Locator:
    """Translations in the list with this title."""
    return page.get_by_role("navigation", name="Translations").get_by_role("link", name=title)


def shown(page: Page, name: str) -> Locator:
    """The button that shows these segments only, with their number."""
    return page.get_by_role("group", name="Which segments are shown").get_by_role("button", name=name)
