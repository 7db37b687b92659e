"""The marks of tags as elements of TMX and XLIFF, and back. Knows neither format as a whole."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lxml import etree

from playground.translate.tags import Mark, alone, closes, opens, pieces

_ILLEGAL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
"""What no XML can hold."""


def clean(text: str) -> str:
    """`text` without what no XML can hold."""
    return _ILLEGAL.sub("", text)


def parser() -> etree.XMLParser:
    """One that asks nobody and unfolds nothing."""
    return etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)


def flat(element: etree._Element, text: str) -> None:
    """Fill an element as TMX does: where a tag begins is `bpt`, where it ends `ept`, one alone `ph`."""
    last: etree._Element | None = None
    for piece in pieces(text):
        if isinstance(piece, Mark):
            name = {"open": "bpt", "close": "ept", "single": "ph"}[piece.kind]
            last = etree.SubElement(element, name)
            last.set("x" if name == "ph" else "i", str(piece.number))
            last.text = text[piece.start : piece.end]
        else:
            _append(element, last, piece)


def nested(element: etree._Element, text: str) -> None:
    """Fill an element as XLIFF 1.2 does: `g` around words, `x` alone. Tags that do not nest stand as `bx` and `ex`."""
    space = etree.QName(element).namespace
    stack = [element]
    last: dict[int, etree._Element | None] = {0: None}
    pairs = _nest(text)
    for piece in pieces(text):
        if not isinstance(piece, Mark):
            _append(stack[-1], last[len(stack) - 1], piece)
            continue
        if piece.kind == "close" and pairs:
            stack.pop()
            continue
        name = "x" if piece.kind == "single" else "g" if pairs else "bx" if piece.kind == "open" else "ex"
        made = etree.SubElement(stack[-1], etree.QName(space, name), id=str(piece.number))
        last[len(stack) - 1] = made
        if name == "g":
            stack.append(made)
            last[len(stack) - 1] = None


def marked(element: etree._Element) -> str:
    """The text of an element of TMX or XLIFF, with marks. What stands inside of codes is left out."""
    return "".join(_marked(element))


def _marked(element: etree._Element) -> Iterator[str]:
    yield element.text or ""
    for child in element:
        name = etree.QName(child).localname if isinstance(child.tag, str) else ""
        number = _number(child)
        if name == "g":
            yield opens(number)
            yield from _marked(child)
            yield closes(number)
        elif name in ("bpt", "bx"):
            yield opens(number)
        elif name in ("ept", "ex"):
            yield closes(number)
        elif name in ("ph", "x", "it"):
            yield alone(number)
        elif name in ("hi", "mrk", "sub"):
            yield from _marked(child)
        yield child.tail or ""


def _number(element: etree._Element) -> int:
    said = element.get("i") or element.get("x") or element.get("id") or ""
    return int(said) if said.isdecimal() and len(said) < 5 else 1


def _nest(text: str) -> bool:
    stack = []
    for piece in pieces(text):
        if isinstance(piece, Mark) and piece.kind == "open":
            stack.append(piece.number)
        elif isinstance(piece, Mark) and piece.kind == "close" and (not stack or stack.pop() != piece.number):
            return False
    return not stack


def _append(element: etree._Element, last: etree._Element | None, words: str) -> None:
    words = clean(words)
    if last is None:
        element.text = (element.text or "") + words
    else:
        last.tail = (last.tail or "") + words
