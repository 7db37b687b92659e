"""A translation that is easy to tell: all words in capitals, tags and what is kept as they are."""

from __future__ import annotations

from playground.translate.formats.base import Segment, Template
from playground.translate.tags import Mark, pieces


def shouted(segment: Segment) -> str:
    """The segment's text in capitals."""
    keeps = {tag.number for tag in segment.tags if tag.keep}
    out, kept = [], 0
    for piece in pieces(segment.text):
        if isinstance(piece, Mark):
            out.append(segment.text[piece.start : piece.end])
            if piece.number in keeps:
                kept += {"open": 1, "close": -1, "single": 0}[piece.kind]
        else:
            out.append(piece if kept else piece.upper())
    return "".join(out)


def all_shouted(template: Template) -> bytes:
    """The file with all its segments shouted."""
    return template.write([shouted(segment) for segment in template.segments])


def unchanged(template: Template) -> bytes:
    """The file with its own texts."""
    return template.write([segment.text for segment in template.segments])
