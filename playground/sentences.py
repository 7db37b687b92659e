"""Where sentences end, and where a text may be cut when even one is too long. Knows nothing of models and files."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from sentencex import segment

_CLAUSE = re.compile(r"[,;:\u2014](?=\s)|[，；：、。！？…]+[”’」』）》]*|[|)\]}](?=\s)")
_ITEM = re.compile(r"\s*(?:[-*•–]|\d{1,3}[.)、])\s")
_SHORT = 0.6
"""A line that is so much shorter than the longest was not broken because there was no more room."""
_BLANK = re.compile(r"\s+")
_LINE = re.compile(r"\n\s*")
_JOINERS = "\u200d\ufe0e\ufe0f"


def sentence_ends(text: str, language: str) -> list[int]:
    """Where each sentence ends, blanks behind it included; the last is the end of the text.

    `language` is a code such as "en" or "zh"; one that is not known is taken as English.
    """
    pieces = segment(language, text)
    if "".join(pieces) != text:  # It promises this, but what stands on it must not rest on a promise.
        pieces = text.splitlines(keepends=True)
    ends: list[int] = []
    at = 0
    width = max(map(len, text.splitlines()), default=0)
    for piece in (part for whole in pieces for part in _lines(whole, width)):
        at += len(piece)
        if ends and not piece.strip():
            ends[-1] = at
        elif piece:
            ends.append(at)
    if len(ends) > 1 and not text[: ends[0]].strip():
        del ends[0]
    return ends


def clause_ends(text: str) -> list[int]:
    """Where parts of a sentence end, blanks behind them included."""
    return list(_followed_by_blanks(text, _CLAUSE))


def line_ends(text: str) -> list[int]:
    """Where lines end."""
    return [found.end() for found in _LINE.finditer(text)]


def word_ends(text: str) -> list[int]:
    """Where words end, blanks behind them included."""
    return [found.end() for found in _BLANK.finditer(text)]


def between_characters(text: str, at: int) -> int:
    """The last place up to `at` where no character is torn from its accents or an emoji from its parts; 0 if none."""
    while 0 < at < len(text) and _joined(text[at - 1], text[at]):
        at -= 1
    return at


def _lines(sentence: str, width: int) -> list[str]:
    """A sentence that goes over several lines of a text so wide, taken apart where a line was ended on purpose."""
    if "\n" not in sentence.rstrip():
        return [sentence]
    parts = [""]
    lines = sentence.splitlines(keepends=True)
    for line, after in zip(lines, [*lines[1:], ""], strict=True):
        parts[-1] += line
        if after and (len(line) < _SHORT * width or _ITEM.match(after)):
            parts.append("")
    return parts


def _followed_by_blanks(text: str, pattern: re.Pattern[str]) -> Iterator[int]:
    for found in pattern.finditer(text):
        blank = _BLANK.match(text, found.end())
        yield blank.end() if blank else found.end()


def _joined(before: str, after: str) -> bool:
    if after in _JOINERS or before == "\u200d" or unicodedata.combining(after):
        return True
    code = ord(after)
    return 0x1F3FB <= code <= 0x1F3FF or unicodedata.category(after) in ("Mn", "Me")
