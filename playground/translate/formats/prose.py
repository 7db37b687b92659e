"""Whether a cell or a value is written for people to read. Knows no format."""

from __future__ import annotations

import re

from playground.documents.joining import is_wide

_LETTER = re.compile(r"[^\W\d_]")
_WORD = re.compile(r"[^\W\d_]{2}")
_MONTHS = "jan feb mar apr may jun jul aug sep sept oct nov dec"
_LONG_MONTHS = "january february march april june july august september october november december"
_DAYS = "mon tue wed thu fri sat sun monday tuesday wednesday thursday friday saturday sunday"
_TIME_WORDS = frozenset(f"{_MONTHS} {_LONG_MONTHS} {_DAYS} am pm utc gmt cet cest est edt pst pdt t z".split())
_ADDRESS = re.compile(r"(?:[a-z][a-z\d+.-]*://|www\.)\S+|[^\s@]+@[^\s@]+\.\w+|[\w.~-]*[/\\][\w./\\~-]*", re.IGNORECASE)


def is_prose(text: str) -> bool:
    """Words with a blank between them, or in a script without blanks; no number, date or address."""
    if not _WORD.search(text):
        return False
    if any(map(is_wide, _LETTER.findall(text[:2000]))):
        return True
    words = text.split()
    return len(words) > 1 and not all(map(_says_nothing, words))


def _says_nothing(word: str) -> bool:
    """A number, a part of a date, or an address."""
    if not _LETTER.search(word) or _ADDRESS.fullmatch(word):
        return True
    letters = "".join(_LETTER.findall(word)).lower()
    ordinal = letters in ("st", "nd", "rd", "th") and word[0].isdigit()
    return ordinal or letters in _TIME_WORDS
