"""HTML source as tags, text and the rest, each with its place; broken HTML as browsers read it. Builds no tree."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

BLANKS = " \t\n\f\r"
_NAME = re.compile(rf"[^{BLANKS}/>]+")
_GAP = re.compile(rf"[{BLANKS}/]*")
_ATTRIBUTE = re.compile(rf"=?[^{BLANKS}/>=]*")
_EQUALS = re.compile(rf"[{BLANKS}]*=[{BLANKS}]*")
_BARE = re.compile(rf"[^{BLANKS}>]*")
_START = re.compile(r"<(?=[a-zA-Z!?/])")
_RAW = frozenset({"script", "style", "xmp", "iframe", "noembed", "noframes", "textarea", "title"})
"""Their content is no HTML: it goes on until their own closing tag."""

TokenKind = Literal["text", "open", "close", "other"]


@dataclass(frozen=True)
class Attribute:
    """An attribute, and where its value stands (without quotes); `quote` is empty for a bare value."""

    name: str
    start: int
    end: int
    quote: str


@dataclass(frozen=True)
class Token:
    """A piece of the source; "other" are comments, declarations, scripts and what is left of a broken tag."""

    kind: TokenKind
    start: int
    end: int
    name: str = ""
    attributes: tuple[Attribute, ...] = ()
    closed: bool = False
    """An opening tag that ends with `/>`."""


def tokens(source: str) -> Iterator[Token]:
    """All of `source`, without a gap. A file that begins as XML may close any element at once, like `<title/>`."""
    is_xml = source.lstrip("\ufeff").startswith("<?xml")
    at = 0
    while at < len(source):
        found = _START.search(source, at)
        if found is None:
            yield Token("text", at, len(source))
            return
        if found.start() > at:
            yield Token("text", at, found.start())
        token = _markup(source, found.start())
        yield token
        at = token.end
        if token.kind == "open" and token.name in _RAW and not (is_xml and token.closed):
            ending = re.compile(rf"</{token.name}(?=[{BLANKS}/>])", re.IGNORECASE).search(source, at)
            stop = ending.start() if ending else len(source)
            if stop > at:
                yield Token("text" if token.name == "title" else "other", at, stop)
            at = stop


def value_of(token: Token, name: str, source: str) -> str | None:
    """An attribute's value with its entities read; None when the tag has none of that name."""
    for one in token.attributes:
        if one.name == name:
            return html.unescape(source[one.start : one.end])
    return None


def _markup(source: str, at: int) -> Token:
    """What begins with the `<` at `at`; what does not end goes on to the end of the file."""
    for start, end in (("<!--", "-->"), ("<![CDATA[", "]]>"), ("<?php", "?>"), ("<?=", "?>")):
        if source.startswith(start, at):
            if start == "<!--" and source.startswith((">", "->"), at + 4):
                return Token("other", at, source.index(">", at) + 1)
            return Token("other", at, _after(source, end, at + len(start)))
    closing = source.startswith("/", at + 1)
    name = _NAME.match(source, at + 1 + closing)
    if name is None or not (name[0][0].isascii() and name[0][0].isalpha()):
        return Token("other", at, _after(source, ">", at + 1))
    return _tag(source, at, name.end(), name[0].lower(), "close" if closing else "open")


def _after(source: str, end: str, at: int) -> int:
    found = source.find(end, at)
    return len(source) if found < 0 else found + len(end)


def _tag(source: str, start: int, at: int, name: str, kind: TokenKind) -> Token:
    attributes: list[Attribute] = []
    broken = Token("other", start, len(source))
    while True:
        gap = _GAP.match(source, at)
        assert gap is not None
        at = gap.end()
        if at >= len(source):
            return broken
        if source[at] == ">":
            return Token(kind, start, at + 1, name, tuple(attributes), closed=gap[0].endswith("/"))
        found = _ATTRIBUTE.match(source, at)
        assert found is not None
        equals = _EQUALS.match(source, found.end())
        if equals is None:
            at = found.end()
            continue
        at = equals.end()
        quote = source[at : at + 1] if source[at : at + 1] in ('"', "'") else ""
        if quote:
            end = source.find(quote, at + 1)
            if end < 0:
                return broken
            attributes.append(Attribute(found[0].lower(), at + 1, end, quote))
            at = end + 1
        else:
            bare = _BARE.match(source, at)
            assert bare is not None
            attributes.append(Attribute(found[0].lower(), at, bare.end(), ""))
            at = bare.end()
