"""Lines put together again to paragraphs: a blank between words, none between Chinese or Japanese characters."""

from __future__ import annotations

import re
from collections.abc import Iterable

_WIDE = "\u2e80-\u303f\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef"
"""Scripts that are written without blanks; Korean is written with them."""
_BREAKS = re.compile(rf"(?<=[{_WIDE}])\n(?=[{_WIDE}“‘（])|(?<=[”’）])\n(?=[{_WIDE}])")
_SPACES = re.compile(r"[ \t\n\r\f]+")
_UNWANTED = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
"""What is no text: a database, a page and a model could each stumble over it. Not ESC (0x1b) in texts of terminals."""


def joined(lines: Iterable[str]) -> str:
    """One paragraph out of its lines."""
    return flowed("\n".join(lines))


def flowed(text: str) -> str:
    """Text with its line breaks and runs of blanks taken away, as a browser shows it."""
    text = _SPACES.sub(lambda found: "\n" if "\n" in found.group() else " ", text)
    return _BREAKS.sub("", text).replace("\n", " ").strip(" ")


def is_wide(character: str) -> bool:
    """Whether this character belongs to a script written without blanks."""
    return bool(re.match(f"[{_WIDE}]", character))


def cleaned(text: str) -> tuple[str, int]:
    """Text without characters that are none, all line ends as \\n, and how many characters were taken out."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff")
    return _UNWANTED.subn("", text)
