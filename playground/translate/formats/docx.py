"""Word files (DOCX): their paragraphs as segments, also in tables, text boxes, notes, headers and footers.

Not translated: comments, deleted text, charts, diagrams, and properties such as the title.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from playground.documents.archive import Archive
from playground.documents.docx import main_part
from playground.documents.docx_styles import Styles
from playground.documents.kinds import kind_of, shown
from playground.errors import BadValueError
from playground.translate.formats.docx_nodes import WordReader, is_words
from playground.translate.formats.office_code import code_styles
from playground.translate.formats.ooxml_file import OfficeTemplate, Part, child, member, opened, tag

if TYPE_CHECKING:
    from lxml.etree import _Element

_OTHERS = re.compile(r"(header|footer|footnotes|endnotes)\d*\.xml")
_CALLED = {"header": "header", "footer": "footer", "footnotes": "footnote", "endnotes": "endnote"}
_MOST_CODE = 0.5
"""The share of a text that can be code by its font; a text that is all in such a font is a typewriter's."""


def read_docx_template(data: bytes, name: str = "The file") -> OfficeTemplate:
    """The paragraphs of a Word file; errors call it `name`.

    Raises BadValueError when it is no Word file, damaged, locked, or would unpack to far too much.
    """
    kind_of(name, data[:4096])
    name = shown(name)
    with opened(data, name) as archive:
        main = main_part(archive)
        folder = PurePosixPath(main or "").parent
        root = f"{folder}/" if str(folder) != "." else ""
        if main is None or not main.startswith("word/"):
            raise BadValueError(f"{name} is no Word file (DOCX), whatever its name says. Choose another file.")
        styles = Styles(archive, f"{root}styles.xml")
        parts = [Part(main, member(archive, main), _body(styles)), *_other_parts(archive, root)]
        code = code_styles(archive, f"{root}styles.xml")
    reader = WordReader(code, fonts=True)
    template = OfficeTemplate(data, name, parts, reader)
    if reader.code > _MOST_CODE * reader.all:
        template = OfficeTemplate(data, name, parts, WordReader(code, fonts=False))
    return template


def _other_parts(archive: Archive, root: str) -> list[Part]:
    found = []
    for name in archive.members:
        kind = _OTHERS.fullmatch(name.removeprefix(root)) if name.startswith(root) else None
        if kind:
            found.append((list(_CALLED).index(kind[1]), len(name), name, kind[1]))
    return [Part(name, member(archive, name), _always(_CALLED[kind])) for _, _, name, kind in sorted(found)]


def _always(context: str) -> Callable[[_Element], str]:
    return lambda element: context


def _body(styles: Styles) -> Callable[[_Element], str]:
    def context(element: _Element) -> str:
        level = styles.about(child(element, "pPr")).level
        if level:
            return f"heading {level}"
        above: Sequence[str] = [tag(one) for one in element.iterancestors() if is_words(one)]
        return "text box" if "txbxContent" in above else "table cell" if "tc" in above else ""

    return context
