"""A file that is to be translated: which format it is of, its template, and what the translated one is called."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from playground.documents import read_document
from playground.documents.kinds import ending_of, shown
from playground.documents.reading import LIMIT, opened
from playground.errors import BadValueError
from playground.languages import detect
from playground.store.translation_values import SourceFile
from playground.translate.foreign import already_in
from playground.translate.formats.base import Template
from playground.translate.formats.docx import read_docx_template
from playground.translate.formats.html import read_html_template
from playground.translate.formats.json_values import read_json_template
from playground.translate.formats.markdown import read_markdown_template
from playground.translate.formats.plain import read_plain_template
from playground.translate.formats.po import read_po_template
from playground.translate.formats.pptx import read_pptx_template
from playground.translate.formats.subtitles import read_subtitles_template
from playground.translate.formats.table import read_csv_template
from playground.translate.tags import without

_READERS: dict[str, Callable[[bytes, Sequence[str]], Template]] = {
    "text": lambda data, _: read_plain_template(data),
    "markdown": lambda data, _: read_markdown_template(data),
    "html": lambda data, _: read_html_template(data),
    "docx": lambda data, _: read_docx_template(data),
    "pptx": lambda data, _: read_pptx_template(data),
    "srt": lambda data, _: read_subtitles_template(data, "srt"),
    "vtt": lambda data, _: read_subtitles_template(data, "vtt"),
    "po": lambda data, _: read_po_template(data),
    "csv": read_csv_template,
    "json": read_json_template,
}
KINDS = tuple(_READERS)
_BY_ENDING = {
    **dict.fromkeys(("txt", "text"), "text"),
    **dict.fromkeys(("md", "markdown", "mdown", "mkd"), "markdown"),
    **dict.fromkeys(("html", "htm", "xhtml"), "html"),
    **dict.fromkeys(("po", "pot"), "po"),
    **dict.fromkeys(("csv", "tsv", "tab"), "csv"),
    **dict.fromkeys(("json", "jsonl", "ndjson"), "json"),
    **{kind: kind for kind in ("docx", "pptx", "srt", "vtt")},
}
MADE_WORD = ("pdf", "epub")
"""Endings of what becomes a Word document first, because it cannot be written back."""
ENDINGS = tuple(f".{ending}" for ending in (*_BY_ENDING, *MADE_WORD))
_SAMPLE = 20_000
"""Characters by which a language is told."""
_LETTER = re.compile(r"[^\W\d_]")


def read_source(file: Path, name: str, columns: Sequence[str] = ()) -> SourceFile:
    """Take a file that its owner calls `name`; of a table or JSON only `columns`, unless there are none.

    Raises as `read_document` does, and BadValueError when nothing in it can be translated.
    """
    ending = ending_of(name)
    if ending in MADE_WORD:
        from playground.documents.docx_writing import to_docx

        document = read_document(file, name)
        data = to_docx(document.text(), document.title or name, "", file.stat().st_mtime)
        return _checked(f"{name[: -len(ending) - 1]}.docx", "docx", data, ())
    kind = _BY_ENDING.get(ending, "")
    if not kind:
        raise BadValueError(
            f"{shown(name)} is of a kind that is not translated. Text, Markdown, HTML, DOCX, PPTX, PDF, EPUB, SRT, "
            "VTT, PO, CSV and JSON are."
        )
    with opened(file, name, LIMIT) as stream:
        return _checked(name, kind, stream.read(), tuple(columns))


def read_pasted(text: str, name: str = "text.txt") -> SourceFile:
    """Take a text that was pasted. Raises BadValueError when there is none."""
    if not _LETTER.search(text):
        raise BadValueError("There is nothing to translate. Write or paste a text.")
    return _checked(name, "text", text.encode("utf-8", "replace"), ())


def template_of(file: SourceFile) -> Template:
    """The file taken apart: the same each time."""
    return _READERS[file.kind](file.data, file.columns)


def name_for(file: SourceFile, language: str) -> str:
    """What the translated file is called: `guide.en.html` becomes `guide.fr.html`, `notes.md` `notes.fr.md`."""
    stem, dot, ending = file.name.rpartition(".")
    if not dot:
        return f"{file.name}.{language}"
    before, inner, was = stem.rpartition(".")
    if inner and file.language and was.lower() == file.language:
        stem = before
    return f"{stem}.{language}.{ending}"


def is_prose(text: str) -> bool:
    """Whether there is anything to translate in a segment: a letter outside of tags."""
    return _LETTER.search(without(text)) is not None


def stays(text: str, source: str, target: str) -> bool:
    """Whether a segment needs no translation: no words, or words of the target already, in a text of both."""
    return not is_prose(text) or already_in(without(text), source, target)


def _checked(name: str, kind: str, data: bytes, columns: tuple[str, ...]) -> SourceFile:
    """The file with its language; the template is made once, so that what cannot be read is told at once."""
    file = SourceFile(name, kind, data, hashlib.sha256(data).hexdigest(), "", columns)
    try:
        texts = [without(one.text) for one in template_of(file).segments if is_prose(one.text)]
    except BadValueError as error:
        raise BadValueError(f"{shown(name)}: {error}") from error
    if not texts:
        raise BadValueError(f"{shown(name)} holds no text that could be translated. Choose another file.")
    language = detect("\n".join(texts)[:_SAMPLE])
    return SourceFile(name, kind, data, file.sha256, language, columns)
