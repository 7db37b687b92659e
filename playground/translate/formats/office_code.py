"""What in an Office file is written as code: by the names of fonts and of Word's styles. Knows no paragraphs."""

from __future__ import annotations

import re

from playground.documents.archive import Archive, elements
from playground.translate.formats.ooxml_file import child, value

_FONT = re.compile(
    r"courier|consolas|menlo|monaco|mono(?!type)|lucida console|inconsolata|source code|fira code|fixedsys|cascadia",
    re.IGNORECASE,
)
_STYLE = re.compile(
    r"(?:^|[^a-z]|source|inline|html|program)code(?:char|block|text|[^a-z]|$)|verbatim|preformatted"
    r"|html (?:keyboard|sample|typewriter)|(?:^|[^a-z])listing(?:[^a-z]|$)",
    re.IGNORECASE,
)


def is_code_font(name: str) -> bool:
    """Whether all letters of a font have one width."""
    return bool(_FONT.search(name))


def code_styles(archive: Archive, member: str) -> frozenset[str]:
    """The ids of the styles that are for code, by their names, their fonts, or a style that they are based on."""
    if member not in archive.members:
        return frozenset()
    bases: dict[str, str] = {}
    code: set[str] = set()
    for style in elements(archive, member, "{*}style"):
        own = value(style, "styleId")
        bases[own] = value(child(style, "basedOn"), "val")
        font = value(child(style, "rPr", "rFonts"), "ascii")
        # What all texts are made of is no sign.
        usual = value(style, "default") in ("1", "true", "on")
        if not usual and (_STYLE.search(value(child(style, "name"), "val")) or is_code_font(font)):
            code.add(own)
        style.clear()
    return frozenset(own for own in bases if any(one in code for one in _line(own, bases)))


def _line(style: str, bases: dict[str, str]) -> list[str]:
    """A style and those that it is based on."""
    line: list[str] = []
    while style in bases and style not in line:
        line.append(style)
        style = bases[style]
    return line
