"""Translations of programs, PO files: each msgid as a segment, its msgstr as the hole. Knows no plural rules.

The header, obsolete entries, comments and flags are never touched; an entry that is not written as it should be has
no segment. Placeholders such as %s are plain words here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from playground.translate.formats.base import Hole, TextTemplate
from playground.translate.formats.sources import Line, Source, has_letters, lines_of, plain_segment, source_of

_LINE = re.compile(
    r'\s*(?P<key>msg(?:ctxt|id_plural|id|str(?:\[\d{1,2}\])?))?\s*(?P<words>"[^"\\]*(?:\\.[^"\\]*)*")\s*'
)
_CHARSET = re.compile(r"(\"Content-Type:[^\"\r\n]{0,60}?charset=)([\w.:-]{1,40})")
_CHARSET_BYTES = re.compile(_CHARSET.pattern.encode())
_ESCAPE = re.compile(r"(?:\\[0-7]{1,3}|\\x[0-9a-fA-F]{1,2})+|\\(.)")
_BYTE = re.compile(r"\\x([0-9a-fA-F]{1,2})|\\([0-7]{1,3})")
_MEANT = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_WRITTEN = {sign: "\\" + letter for letter, sign in _MEANT.items()} | {"\\": "\\\\", '"': '\\"'}
_SPECIAL = re.compile(r'[\\"\x00-\x1f\x7f]')
_WIDTH = 79
"""Columns of a line as msgmerge writes it."""
_LINES = re.compile(r"[^\n]*\n|[^\n]+")
_PIECE = re.compile(r"\S*\s+|\S+")


def read_po_template(data: bytes) -> TextTemplate:
    """The entries of a PO or POT file; context is the msgctxt or the place in the program.

    Of plural forms the first is made of msgid, all others, and an only one, of msgid_plural. A translation that its
    encoding lacks makes the file UTF-8, and its header says so. Raises BadValueError when it is no text.
    """
    said = _CHARSET_BYTES.search(data[:20_000])
    source = source_of(data, said[2].decode("ascii", "ignore") if said else "")
    lines = lines_of(source)
    wraps = not any(len(line.text) > _WIDTH + 1 and line.text.startswith(("msgid", '"')) for line in lines)
    holes = [hole for entry in _entries(lines) for hole in _holes(source, entry, wraps)]
    return _PoTemplate(source.text, holes, source.encoding, data)


class _PoTemplate(TextTemplate):
    """Keeps what the header says of the encoding true."""

    def write(self, texts: Sequence[str]) -> bytes:
        """See Template.write."""
        written = super().write(texts)
        said = _CHARSET.search(self._text[:20_000])
        if written == self._data or written.isascii() or not said:
            return written
        try:
            text = written.decode("utf-8")
        except UnicodeError:
            text = written.decode(self._encoding, "replace")
        try:
            if written.decode(said[2]) == text:
                return written
        except (LookupError, UnicodeError):
            pass
        return _CHARSET.sub(lambda found: found[1] + "UTF-8", text, count=1).encode()


@dataclass
class _String:
    """A string over one or more lines: its characters as they are written, and their place in the file."""

    start: int
    end: int
    written: str


@dataclass
class _Entry:
    """What stands between two msgids."""

    reference: str = ""
    broken: bool = False
    strings: dict[str, _String] = field(default_factory=dict)
    flags: int = -1
    """Where the line of flags begins that says fuzzy; -1: there is none."""


def _entries(lines: Sequence[Line]) -> Iterator[_Entry]:
    entry, last = _Entry(), ""
    for line in lines:
        found, text = _LINE.fullmatch(line.text), line.text.strip()
        key = found["key"] if found else None
        begins = key in ("msgctxt", "msgid") or (not found and text.startswith(("msgctxt", "msgid ")))
        ended = any(one.startswith("msgstr") for one in entry.strings) and not found
        if ended or key in entry.strings or (begins and (entry.broken or entry.strings.keys() - {"msgctxt"})):
            yield entry
            entry = _Entry("" if entry.strings else entry.reference)
        if found:
            start, end = (line.start + place for place in found.span("words"))
            words = found["words"][1:-1]
            if key:
                entry.strings[key] = _String(start, end, words)
            elif last in entry.strings:
                entry.strings[last].end = end
                entry.strings[last].written += words
            else:
                entry.broken = True
            last = key or last
            continue
        last = ""
        entry.broken |= text.startswith(("msg", '"'))
        if text.startswith("#,") and "fuzzy" in text:
            entry.flags = line.start
        if text.startswith("#:") and not entry.reference:
            entry.reference = text[2:].strip()
    yield entry


def _holes(source: Source, entry: _Entry, wraps: bool) -> Iterator[Hole]:
    said = {key: _unescaped(one.written, source.encoding) for key, one in entry.strings.items()}
    if entry.broken or not said.get("msgid", "").strip():
        return
    context = " ".join(said.get("msgctxt", entry.reference).split())
    forms = [key for key in said if key.startswith("msgstr")]
    if entry.flags < 0 and all(said[key].strip() for key in forms):
        return  # Somebody has translated it, and nobody doubts that.
    for key in forms:
        first = key in ("msgstr", "msgstr[0]") and (len(forms) > 1 or "msgid_plural" not in said)
        text = said["msgid"] if first else said.get("msgid_plural", said["msgid"])
        if has_letters(text):
            before, after = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
            string = entry.strings[key]
            finish = _Writing(before, after, len(key) + 1 if wraps else -1, source.line_end)
            start = string.start
            if entry.flags >= 0 and key == forms[0]:  # What is translated now is fuzzy no more.
                start = entry.flags
                finish = replace(finish, ahead=_sure(source.text[start : string.start]))
            yield Hole(start, string.end, plain_segment(text.strip(), context), str, finish)


@dataclass(frozen=True)
class _Writing:
    """Makes of a translation a string of the file: between the blanks of its source, wrapped as the file is.

    `used` is how much of the first line is taken; -1: lines end where the text's lines do.
    """

    before: str
    after: str
    used: int
    line_end: str
    ahead: str = ""
    """What stands before the string in the hole."""

    def __call__(self, text: str) -> str:
        return self.ahead + self._string(text)

    def _string(self, text: str) -> str:
        text = text.strip().replace("\r\n", "\n")
        if not text:
            return '""'
        lines = [_escaped(line) for line in _LINES.findall(self.before + text + self.after)]
        if len(lines) == 1 and (self.used < 0 or len(lines[0]) + 2 + self.used <= _WIDTH):
            return f'"{lines[0]}"'
        if self.used >= 0:
            lines = [piece for line in lines for piece in _wrapped(line)]
        return self.line_end.join(['""', *(f'"{line}"' for line in lines)])


def _sure(lines: str) -> str:
    """Lines of an entry, the flag "fuzzy" taken out; a line with nothing but that goes."""
    flags, line_end, rest = lines.partition("\n")
    left = [one.strip() for one in flags[2:].split(",") if one.strip() not in ("fuzzy", "")]
    return (f"#, {', '.join(left)}{flags[len(flags.rstrip()) :]}{line_end}" if left else "") + rest


def _wrapped(line: str) -> Iterator[str]:
    piece = ""
    for word in _PIECE.findall(line):
        if piece and len(piece + word.rstrip()) > _WIDTH - 2:
            yield piece
            piece = ""
        piece += word
    yield piece


def _escaped(text: str) -> str:
    return _SPECIAL.sub(lambda found: _WRITTEN.get(found.group(), f"\\{ord(found.group()):03o}"), text)


def _unescaped(written: str, encoding: str) -> str:
    def meant(found: re.Match[str]) -> str:
        if found[1] is not None:
            return _MEANT.get(found[1], found[1])
        values = (int(hexed, 16) if hexed else int(octal, 8) for hexed, octal in _BYTE.findall(found.group()))
        return bytes(value & 255 for value in values).decode(encoding, "replace")

    return _ESCAPE.sub(meant, written)
