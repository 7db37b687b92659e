"""What the pictures of the Summarize tab show: a PDF and a DOCX, read with the starter model, stopped and gone on with.

Used by make_screenshots.py. Each step waits for what a reader would wait for, so it fails where the app does.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable
from pathlib import Path

import docx
from playwright.sync_api import Page, expect

from tests.documents.making import column, pdf

ROOT = Path(__file__).resolve().parent.parent
_LINES = 48


def summarize(page: Page, folder: Path, photograph: Callable[[Page, str], None]) -> None:
    """Give it this project's own pages, watch, stop, go on, look at a sentence's source, and take the summary home."""
    page.get_by_role("tab", name="Summarize").click()
    page.locator("#ps-file").set_input_files([_pdf(folder), _docx(folder)])
    expect(page.locator("#ps-draft li")).to_have_count(2, timeout=60_000)
    page.locator("#ps-form [name=length]").fill("120")
    page.locator("#ps-form [type=submit]").click()
    expect(page.locator(".ps-cell.done").first).to_be_visible(timeout=300_000)
    photograph(page, "summary-progress")
    page.locator("#ps-progress [data-do=stop]").click()
    page.locator("#ps-progress [data-do=resume]").click()
    expect(page.locator("#ps-run")).to_have_attribute("data-status", "complete", timeout=600_000)
    page.locator(".ps-s").nth(1).click()
    expect(page.locator("#ps-passages mark").first).to_be_visible()
    photograph(page, "summary-en")
    with page.expect_download() as taken:
        page.locator("#ps-tools [data-do=export]").click()
        page.get_by_role("menuitem", name=re.compile("DOCX")).click()
    taken.value.save_as(folder / "summary.docx")
    docx.Document(str(folder / "summary.docx"))


def _pdf(folder: Path) -> Path:
    """The README as a PDF of several pages."""
    lines = [
        part
        for line in (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
        for part in textwrap.wrap(line, 95)
    ]
    lines = [line.encode("latin-1", "replace").decode("latin-1") for line in lines]
    pages = [lines[at : at + _LINES] for at in range(0, len(lines), _LINES)]
    file = folder / "Overview.pdf"
    file.write_bytes(pdf([column(page, size=9.0) for page in pages]))
    return file


def _docx(folder: Path) -> Path:
    """The design as a Word document with headings."""
    made = docx.Document()
    for line in (ROOT / "docs" / "design.md").read_text(encoding="utf-8").split("\n\n"):
        head = re.fullmatch(r"(#+) (.+)", line.strip())
        if head:
            made.add_heading(head[2], len(head[1]))
        else:
            made.add_paragraph(" ".join(line.split()))
    file = folder / "Design.docx"
    made.save(str(file))
    return file
