"""Where words stand in a text by themselves, not as a part of longer ones. Knows nothing of tags and languages."""

from __future__ import annotations

import re

_UNSPACED = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")


def places(words: str, text: str, start: int = 0, end: int | None = None) -> list[int]:
    """Where `words` begin between two characters of `text`; languages without blanks have no bounds of words."""
    left = r"(?<!\w)" if _bounded(words[:1]) else ""
    right = r"(?!\w)" if _bounded(words[-1:]) else ""
    pattern = re.compile(left + re.escape(words) + right)
    return [found.start() for found in pattern.finditer(text, start, len(text) if end is None else end)]


def unspaced(text: str) -> bool:
    """Whether there are signs in it of a language that has no blanks between words."""
    return _UNSPACED.search(text) is not None


def _bounded(character: str) -> bool:
    return character.isalnum() and not _UNSPACED.match(character)
