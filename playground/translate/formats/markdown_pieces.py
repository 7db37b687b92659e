"""A Markdown block's text as pieces: words, and markup that goes around them or stands alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from playground.translate.formats.html_segments import Piece, trimmed
from playground.translate.formats.html_tokens import TokenKind
from playground.translate.formats.markdown_escapes import ADDRESS
from playground.translate.formats.markdown_parser import Span, spans
from playground.translate.formats.sources import has_letters

BLANKS = re.compile(r"[ \t\n\r\f\v\x1c-\x1e\x85\u2028\u2029]+")
_BOX = re.compile(r"\[[ xX]\][ \t]+")
"""Of a task in a list."""
_NOTE = re.compile(r"\[![\w-]+\][^\n]*(?:\n|\Z)")
"""The line that makes a quotation a box."""
_HTML_NAME = re.compile(r"</?([a-zA-Z][\w:-]*)")
_HTML_ALONE = frozenset({"br", "hr", "img", "input", "wbr", "source"})
_HTML_CODE = frozenset({"code", "kbd", "samp", "var", "tt"})
_FARTHEST = 100
"""Open HTML tags among which the one is looked for that is closed."""


@dataclass
class MarkdownPiece(Piece):
    """A piece; its place is in the block's text, not in the file."""

    words: str = ""
    """What a reader sees of a text."""
    address: bool = False
    """A text that is an address."""
    label: str | None = None
    """What a link's text refers by, where nothing else says it."""

    def raw(self, text: str) -> str:
        """The markup; of links that refer by their own words, such that these may change."""
        return text[self.start : self.end] if self.label is None else f"][{self.label}]"


@dataclass(frozen=True)
class Pieces:
    """All pieces of a text; those from `first` to `last` make the segment."""

    all: Sequence[MarkdownPiece]
    solid: Sequence[int]
    """How many of the pieces before each have words."""
    first: int
    last: int

    def lone(self, at: int) -> int:
        """The end of what stands alone at `at`: markup without other end, or both ends with no words between."""
        piece = self.all[at]
        if piece.mate > at and self.solid[piece.mate] == self.solid[at]:
            return piece.mate + 1
        return at + 1 if piece.mate < 0 and piece.kind != "text" else at

    def has_words(self) -> bool:
        """Whether there is anything to translate."""
        kept = 0
        for piece in self.all[self.first : self.last]:
            if piece.keep and piece.mate >= 0:
                kept += 1 if piece.kind == "open" else -1
            elif piece.kind == "text" and not piece.address and not kept and has_letters(piece.words):
                return True
        return False


def pieces_of(text: str, env: dict[str, Any], where: str) -> Pieces | None:
    """`text` taken apart; `where` is "li" or "blockquote" for the first block in one.

    None when the parser gives no sure places.
    """
    found = spans(text, env)
    if found is None:
        return None
    head = {"li": _BOX, "blockquote": _NOTE}.get(where)
    if head and (mark := head.match(text)):
        found = _with_head(found, mark.end())
    pieces = list(_pieces(text, found))
    _pair(pieces)
    _label(text, pieces)
    solid = list(accumulate((bool(piece.words.strip()) for piece in pieces), initial=0))
    first, last = trimmed(pieces, solid)
    return Pieces(pieces, solid, first, last)


def _with_head(found: list[Span], end: int) -> list[Span]:
    """The spans with all up to `end` as one, if none lies across it."""
    inside = [span for span in found if span.start < end]
    balance = sum((span.kind == "open") - (span.kind == "close") for span in inside)
    if balance or any(span.end > end and span.kind != "soft" for span in inside):
        return found
    end = max([end, *(span.end for span in inside)])
    return [Span(0, end, "single"), *found[len(inside) :]]


def _pieces(text: str, found: Sequence[Span]) -> Iterator[MarkdownPiece]:
    at = 0
    for span in found:
        end = span.start
        if span.kind in ("soft", "hard"):
            end = at + len(text[at:end].rstrip(" "))
        yield from _words(text, at, end)
        at = span.end
        if span.kind == "soft":
            yield MarkdownPiece("text", end, at, words=" ")
        elif span.kind == "sign":
            yield MarkdownPiece("text", end, at, words=span.words)
        elif span.kind == "code":
            yield from _code(text, end, at)
        elif span.kind == "html":
            yield _html(text, end, at)
        elif span.kind in ("open", "close"):
            yield MarkdownPiece("open" if span.kind == "open" else "close", end, at, span.name)
        else:
            yield MarkdownPiece("other", end, at, "br" if span.kind == "hard" else "")
    yield from _words(text, at, len(text))


def _words(text: str, at: int, end: int) -> Iterator[MarkdownPiece]:
    for address in ADDRESS.finditer(text, at, end):
        if address.start() > at:
            yield MarkdownPiece("text", at, address.start(), words=text[at : address.start()])
        yield MarkdownPiece("text", address.start(), address.end(), words=address[0], address=True)
        at = address.end()
    if at < end:
        yield MarkdownPiece("text", at, end, words=text[at:end])


def _code(text: str, start: int, end: int) -> Iterator[MarkdownPiece]:
    raw = text[start:end]
    marks = len(raw) - len(raw.lstrip("`"))
    inner = raw[marks:-marks].replace("\n", " ")
    marks += len(inner) > 1 and inner[0] == inner[-1] == " " and bool(inner.strip(" "))
    yield MarkdownPiece("open", start, start + marks, "`", keep=True)
    words = text[start + marks : end - marks].replace("\n", " ")
    yield MarkdownPiece("text", start + marks, end - marks, words=words)
    yield MarkdownPiece("close", end - marks, end, "`", keep=True)


def _html(text: str, start: int, end: int) -> MarkdownPiece:
    name = _HTML_NAME.match(text, start, end)
    if name is None:
        return MarkdownPiece("other", start, end)
    alone = name[1].lower() in _HTML_ALONE or text[end - 2] == "/"
    kind: TokenKind = "close" if text[start + 1] == "/" else "open"
    return MarkdownPiece(kind, start, end, "<" + name[1].lower(), alone=alone, keep=name[1].lower() in _HTML_CODE)


def _pair(pieces: Sequence[MarkdownPiece]) -> None:
    """Find each piece's other end; HTML tags have one only inside the same Markdown markup."""
    stack: list[int] = []
    for at, piece in enumerate(pieces):
        if piece.alone or piece.kind not in ("open", "close"):
            continue
        if piece.kind == "open":
            stack.append(at)
            continue
        is_html = piece.name.startswith("<")
        for back in range(1, min(len(stack), _FARTHEST if is_html else len(stack)) + 1):
            other = pieces[stack[-back]]
            if other.name == piece.name:
                other.mate, piece.mate = at, stack[-back]
                del stack[-back:]
                break
            if is_html and not other.name.startswith("<"):
                break


def _label(text: str, pieces: Sequence[MarkdownPiece]) -> None:
    """Links that refer by their own words."""
    for piece in pieces:
        if piece.kind == "open" and piece.name == "a" and piece.mate >= 0:
            end = pieces[piece.mate]
            if text[end.start : end.end] in ("]", "][]"):
                piece.bound = True
                end.label = BLANKS.sub(" ", text[piece.end : end.start])
