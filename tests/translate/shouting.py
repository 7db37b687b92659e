"""A translation that is easy to tell: every word in capitals, tags as they are."""

from __future__ import annotations

from playground.translate.formats.base import Segment, Template
from playground.translate.tags import Mark, pieces


def texts(template: Template) -> list[str]:
    """The texts of all segments."""
    return [segment.text for segment in template.segments]


def same(template: Template) -> bytes:
    """The file written with its own texts."""
    return template.write(texts(template))


def shouted(text: str) -> str:
    """A text in capitals, with its marks."""
    return "".join(text[one.start : one.end] if isinstance(one, Mark) else one.upper() for one in pieces(text))


def loud(template: Template) -> bytes:
    """The file written with all texts in capitals."""
    return template.write([shouted(text) for text in texts(template)])


def shouted_words(segment: Segment) -> str:
    """A segment's text in capitals, but for what its tags keep."""
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


def loud_words(template: Template) -> bytes:
    """The file written with all texts in capitals, but for what its tags keep."""
    return template.write([shouted_words(segment) for segment in template.segments])
