"""A paragraph of an Office file as a segment with tags, and made anew from a translation.

Knows neither Word's elements nor PowerPoint's: who reads those gives nodes, and makes runs of words. What a paragraph
begins and ends with (bookmarks, a footnote's number) is left out of its segment and stays where it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from playground.translate.formats.base import Builder, Segment, filled
from playground.translate.formats.sources import has_letters
from playground.translate.tags import Mark, pieces

if TYPE_CHECKING:
    from lxml.etree import _Element

_ILLEGAL = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML cannot hold."""


@dataclass(frozen=True)
class Style:
    """How words look: `key` is the same for the same looks, `label` says it in a word, `run` is a run to copy."""

    key: bytes
    label: str
    code: bool
    run: _Element


@dataclass(frozen=True)
class Words:
    """Text of one look. `elements` are the runs that hold it in the file."""

    text: str
    style: Style
    elements: tuple[_Element, ...]


@dataclass(frozen=True)
class Single:
    """What stands among the words and is none: an image, a field. `style` where it is part of a run."""

    label: str
    elements: tuple[_Element, ...]
    style: Style | None = None


@dataclass(frozen=True)
class Group:
    """What goes around words: a link. `around` makes its elements of those that are inside."""

    label: str
    children: Sequence[Node]
    around: Callable[[list[_Element]], list[_Element]]


@dataclass(frozen=True)
class _Looks:
    """Words that look other than those around them."""

    style: Style
    children: Sequence[Node]


Node = Words | Single | Group | _Looks
"""What a paragraph is made of."""
_Around = Group | _Looks
_Tagged = _Around | Single | str
"""What a tag stands for; a string is words that look like a mark."""
Runs = Callable[[Style, str], "list[_Element]"]
"""Makes the runs of words that look so."""


@dataclass(frozen=True)
class Paragraph:
    """The contents of a paragraph, taken apart."""

    segment: Segment
    _core: Sequence[Node]
    _layers: Sequence[tuple[Sequence[Node], Sequence[Node], Group | None]]
    """What stands before and behind the core, and the group that goes around that all; from the inside."""
    _tagged: Sequence[_Tagged]
    """In the order of their numbers."""

    def rebuilt(self, text: str, runs: Runs) -> list[_Element]:
        """The paragraph's contents with this translation. Raises BadValueError when its tags do not fit.

        The elements of the old contents are moved, not copied, so this can be done once.
        """
        filled(text, self.segment.tags, str)
        elements = _filled(_ILLEGAL.sub("", text), self._core, self._tagged, runs)
        for before, behind, group in self._layers:
            elements = [*_old(before, runs), *elements, *_old(behind, runs)]
            elements = group.around(elements) if group else elements
        return elements


def paragraph(nodes: Sequence[Node], context: str) -> Paragraph | None:
    """What is to be translated of a paragraph with these contents; None when nothing is."""
    layers: list[tuple[Sequence[Node], Sequence[Node], Group | None]] = []
    group: Group | None = None
    while True:
        start, end = 0, len(nodes)
        while start < end and _is_bare(nodes[start]):
            start += 1
        while start < end and _is_bare(nodes[end - 1]):
            end -= 1
        core = _joined(nodes[start:end])
        before, behind = [*nodes[:start]], [*nodes[end:]]
        if core and isinstance(first := core[0], Words) and (blanks := _leading(first.text)):
            before.append(Words(blanks, first.style, ()))
            core[0] = replace(first, text=first.text[len(blanks) :])
        if core and isinstance(last := core[-1], Words) and (blanks := _leading(last.text[::-1])):
            behind.insert(0, Words(blanks[::-1], last.style, ()))
            core[-1] = replace(last, text=last.text[: -len(blanks)])
        layers.insert(0, (before, behind, group))
        if len(core) != 1 or not isinstance(core[0], Group):
            break
        group, nodes = core[0], core[0].children
    words = list(_words(core))
    if not any(has_letters(one.text) and not one.style.code for one in words):
        return None
    emitting = _Emitting()
    emitting.emit(core)
    return Paragraph(emitting.builder.segment(context), core, layers, emitting.tagged)


def _is_bare(node: Node) -> bool:
    """Whether it says nothing, so that it can stay outside at the ends."""
    if isinstance(node, Words):
        return not node.text.strip()
    return isinstance(node, Single) or all(map(_is_bare, node.children))


def _leading(text: str) -> str:
    return text[: len(text) - len(text.lstrip())]


def _words(nodes: Sequence[Node]) -> Iterator[Words]:
    for node in nodes:
        if isinstance(node, Words):
            yield node
        elif not isinstance(node, Single):
            yield from _words(node.children)


def _joined(nodes: Sequence[Node]) -> list[Node]:
    """Words of the same look as one, those of a look that is not the usual one here set apart."""
    inner = [replace(node, children=_joined(node.children)) if isinstance(node, Group) else node for node in nodes]
    usual = _usual_key(inner)
    merged = _merged(_blanks(_merged(inner), usual))
    out: list[Node] = []
    at = 0
    while at < len(merged):
        node, end = merged[at], at + 1
        if isinstance(node, Words) and node.style.key != usual:
            for further in range(at + 1, len(merged)):
                other = merged[further]
                if isinstance(other, Group) or not other.style or other.style.key != node.style.key:
                    break
                end = further + 1 if isinstance(other, Words) else end
            node = _Looks(node.style, merged[at:end])
        out.append(node)
        at = end
    return out


def _merged(nodes: Sequence[Node]) -> list[Node]:
    """Words side by side that look the same, as one."""
    merged: list[Node] = []
    for node in nodes:
        last = merged[-1] if merged else None
        if isinstance(node, Words) and not node.text:
            continue
        if isinstance(node, Words) and isinstance(last, Words) and last.style.key == node.style.key:
            merged[-1] = replace(last, text=last.text + node.text)
        else:
            merged.append(node)
    return merged


def _blanks(nodes: Sequence[Node], usual: bytes) -> list[Node]:
    """Blanks have no look: they go with the words around them where these look the same, else with the usual ones.

    But never into code, which must come through as it is.
    """
    out = list(nodes)
    like = next((node for node in nodes if isinstance(node, Words) and node.style.key == usual), None)
    for at, node in enumerate(nodes):
        if not isinstance(node, Words) or node.text.strip():
            continue
        around = [one.style for one in nodes[max(0, at - 1) : at + 2 : 2] if isinstance(one, Words)]
        if at and len(around) == 2 and around[0].key == around[1].key and not around[0].code:
            out[at] = replace(node, style=around[0])
        elif like is not None and not node.style.code:
            out[at] = replace(node, style=like.style)
    return out


def _usual_key(nodes: Sequence[Node]) -> bytes:
    """The look of most characters, not counting code where there is something else."""
    counts: dict[tuple[bool, bytes], int] = {}
    for node in nodes:
        if isinstance(node, Words):
            kind = (not node.style.code, node.style.key)
            counts[kind] = counts.get(kind, 0) + len(node.text)
    return max(counts, key=lambda kind: (kind[0], counts[kind]), default=(True, b""))[1]


class _Emitting:
    """Writes nodes as words and marks, and keeps what each tag stands for."""

    def __init__(self) -> None:
        self.builder = Builder()
        self.tagged: list[_Tagged] = []

    def emit(self, nodes: Sequence[Node]) -> None:
        """Add these."""
        for node in nodes:
            if isinstance(node, Words):
                for piece in pieces(node.text):
                    if isinstance(piece, Mark):
                        self.tagged.append(node.text[piece.start : piece.end])
                        self.builder.single(node.text[piece.start : piece.end])
                    else:
                        self.builder.words(piece)
                continue
            self.tagged.append(node)
            if isinstance(node, Single):
                self.builder.single(f"<{node.label}>")
                continue
            inside = list(_words(node.children))
            label = node.label if isinstance(node, Group) else node.style.label
            number = self.builder.open(f"<{label}>", keep=bool(inside) and all(one.style.code for one in inside))
            self.emit(node.children)
            self.builder.close(number, f"</{label}>")


@dataclass
class _Frame:
    """What is open while a translation is taken apart."""

    node: _Around | None
    style: Style
    elements: list[_Element]
    pending: str = ""

    def flush(self, runs: Runs) -> list[_Element]:
        """All elements, those of the last words too."""
        if self.pending:
            self.elements += runs(self.style, self.pending)
            self.pending = ""
        return self.elements


def _filled(text: str, core: Sequence[Node], tagged: Sequence[_Tagged], runs: Runs) -> list[_Element]:
    """The elements that hold a translation, whose tags fit."""
    frames = [_Frame(None, _usual_style(core, next(_words(core)).style), [])]
    for piece in pieces(text):
        frame = frames[-1]
        if isinstance(piece, str):
            frame.pending += piece
            continue
        meant = tagged[piece.number - 1]
        if isinstance(meant, str):
            frame.pending += meant
        elif isinstance(meant, Single):
            frame.flush(runs).extend(meant.elements)
        elif piece.kind == "open":
            frame.flush(runs)
            frames.append(_Frame(meant, _usual_style(meant.children, frame.style), []))
        else:
            inside = frames.pop().flush(runs)
            frames[-1].flush(runs).extend(meant.around(inside) if isinstance(meant, Group) else inside)
    return frames[0].flush(runs)


def _usual_style(nodes: Sequence[Node], other: Style) -> Style:
    """How words look that no further tag goes around; `other` where there are none yet."""
    return next((node.style for node in nodes if isinstance(node, Words)), other)


def _old(nodes: Sequence[Node], runs: Runs) -> list[_Element]:
    """The elements that nodes had."""
    out: list[_Element] = []
    for node in nodes:
        if isinstance(node, Words) and not node.elements:
            out += runs(node.style, node.text)
        elif isinstance(node, Words | Single):
            out += node.elements
        else:
            inside = _old(node.children, runs)
            out += node.around(inside) if isinstance(node, Group) else inside
    return out
