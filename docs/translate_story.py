"""What the pictures of the Translate tab show: a text as one types, and a document in the editor, with terms.

Used by make_screenshots.py. Each step waits for what a reader would wait for, so it fails where the app does.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, FilePayload, Page, expect

from benchmarks.translate import CACHE, fetch
from tests.conftest import App, launch
from tests.ui.translating import add, begin, drafted, finished, made, row, source, target

TEXT = (
    "The package manager downloads 3 packages and installs them together with everything that they need to run.\n\n"
    "Read the manual at https://www.debian.org/doc before you start: it explains {name} and the shell."
)
GUIDE = """# Getting started

Install the **package manager** with `apt-get install apt`, and read the [manual](https://www.debian.org/doc).

1. Open *the terminal*.
2. Type `ls -l /etc/fstab` and press Enter.

The shell shows {count} files. It takes 3.5 seconds. Each directory holds files and other directories.

| Name | Meaning |
|---|---|
| shell | The program that reads your commands |
| kernel | The part of the system that talks to the hardware |
"""
TERMS = "en,fr\nshell,interpréteur de commandes\ndirectory,répertoire\nkernel,noyau\n"


@contextmanager
def translator(folder: Path) -> Iterator[App]:
    """The app over a folder with the model, which is fetched the first time."""
    fetch("opus-mt-en-fr", str(CACHE))
    folder.mkdir()
    os.symlink(CACHE / "models", folder / "models")
    app = launch(folder, "--model", "opus-mt-en-fr")
    try:
        yield app
    finally:
        app.quit()


def translate(browser: Browser, url: str, photograph: Callable[[Page, str], None], opened: Callable[..., Page]) -> None:
    """Type a text; then translate a document with a glossary, and correct what is doubted."""
    page = opened(browser, url, "en-US", "light", 1280)
    page.get_by_role("tab", name="Translate").click()
    page.get_by_label("Into").select_option("fr")
    source(page).fill(TEXT)
    expect(made(page)).to_contain_text("https://www.debian.org/doc", timeout=120_000)
    expect(made(page)).to_contain_text("{name}")
    photograph(page, "translate-text")
    page.get_by_role("button", name="Glossaries").click()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Add a file (CSV, TBX)").click()
    chooser.value.set_files([FilePayload(name="terms.csv", mimeType="text/csv", buffer=TERMS.encode())])
    expect(page.get_by_role("checkbox", name="terms.csv")).to_be_checked()
    page.keyboard.press("Escape")
    add(page, FilePayload(name="guide.md", mimeType="text/markdown", buffer=GUIDE.encode()))
    expect(drafted(page)).to_have_count(1, timeout=60_000)
    begin(page)
    finished(page)
    target(page, 2).click()
    expect(row(page, "The shell shows")).to_be_visible()
    photograph(page, "translate-en")
    address = page.url
    for name, locale, scheme, width in (
        ("translate-zh", "zh-CN", "dark", 1280),
        ("translate-phone", "zh-CN", "light", 390),
    ):
        other = opened(browser, address, locale, scheme, width)
        expect(other.locator("#pt-rows article").first).to_be_visible(timeout=60_000)
        photograph(other, name)
