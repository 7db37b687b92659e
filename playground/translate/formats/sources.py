"""A text file's bytes as a text of which every character can be written back. Knows no format."""

from __future__ import annotations

import re
from dataclasses import dataclass

from playground.documents import encodings
from playground.errors import BadValueError
from playground.translate.formats.base import Builder, Segment

_LINE_END = re.compile(r"\r\n|\r|\n")
_NAMES = re.compile(r"utf-?8|(?:us-)?ascii|(?:gb|big5|euc|shift|cp|iso|windows-|koi8|tis|mac)[\w-]{0,20}")
"""Encodings in which ASCII stays what it is; Python has codecs of other names that are none."""
_DIRTY = 0.005
"""The share of damaged characters up to which a file is text with some dirt in it."""


@dataclass(frozen=True)
class Source:
    """A text file. `text` begins with the mark of its encoding where the file has one."""

    text: str
    encoding: str
    data: bytes

    @property
    def start(self) -> int:
        """Where what was written begins: behind the mark."""
        return 1 if self.text.startswith("\ufeff") else 0

    @property
    def line_end(self) -> str:
        """How its lines end: as the first one does."""
        found = _LINE_END.search(self.text)
        return found.group() if found else "\n"


@dataclass(frozen=True)
class Line:
    """A line's place in a text, without its end."""

    start: int
    end: int
    text: str


def source_of(data: bytes, said: str = "") -> Source:
    """The text in `data`; `said` is the encoding that the file itself names, believed when all of it fits.

    Raises BadValueError when it is no text. Damaged characters, if there are few, become U+FFFD.
    """
    said = said.lower() if _NAMES.fullmatch(said.lower()) else ""
    guessed = encodings.encoding_of(data, said) or ""
    marked = guessed and data.decode(guessed, "replace").startswith("\ufeff")
    for codec in (guessed,) if marked else (said, guessed):
        try:
            text = data.decode(codec) if codec else ""
        except (UnicodeError, LookupError):
            continue
        if codec and text.encode(codec) == data:
            return Source(text, codec, data)
    text = data.decode(guessed, "replace") if guessed else ""
    if not guessed or text.count("\ufffd") > _DIRTY * len(text):
        raise BadValueError("The file holds no text, or much of it is damaged. Save it as UTF-8 and open that file.")
    return Source(text, guessed, data)


def lines_of(source: Source) -> list[Line]:
    """All lines; only \\n, \\r and \\r\\n end one."""
    lines, at = [], source.start
    for found in _LINE_END.finditer(source.text, at):
        lines.append(Line(at, found.start(), source.text[at : found.start()]))
        at = found.end()
    return [*lines, Line(at, len(source.text), source.text[at:])]


def plain_segment(text: str, context: str = "") -> Segment:
    """A segment of a format without markup."""
    builder = Builder()
    builder.words(text)
    return builder.segment(context)


def has_letters(text: str) -> bool:
    """Whether there is anything to translate in it."""
    return any(map(str.isalpha, text))


def line_ends_as(text: str, line_end: str) -> str:
    """`text` with all its line ends as the file has them."""
    return _LINE_END.sub(lambda _: line_end, text)
