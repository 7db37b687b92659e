"""An Office file with translated paragraphs: its XML parts read safely, the changed ones written anew.

Knows no element; what a paragraph is and holds is told by who reads Word's or PowerPoint's files.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from playground.documents import archive
from playground.documents.archive import Archive, damaged
from playground.errors import BadValueError
from playground.translate.formats.base import Segment
from playground.translate.formats.ooxml import Paragraph
from playground.translate.formats.zipping import exchanged

if TYPE_CHECKING:
    from lxml.etree import _Element

_LARGEST_PART = 50_000_000
"""Bytes of one XML part: it becomes a tree in memory, which is many times larger."""


class Reader(Protocol):
    """Knows the elements of one kind of file."""

    def paragraphs(self, root: _Element) -> list[_Element]:
        """The paragraphs of a part, in its order, the same each time."""

    def taken_apart(self, element: _Element, context: str) -> Paragraph | None:
        """One of them; None when there is nothing to translate. May move elements inside it."""

    def rebuild(self, element: _Element, paragraph: Paragraph, text: str) -> None:
        """Write a translation into the paragraph that was taken apart."""


@dataclass(frozen=True)
class Part:
    """An XML member with text; `context` says where an element of it stands."""

    member: str
    data: bytes
    context: Callable[[_Element], str]


@dataclass(frozen=True)
class _Place:
    """Where a segment stands: a part, and the numbers of its paragraphs there."""

    part: int
    paragraphs: tuple[int, ...]


class OfficeTemplate:
    """A DOCX or PPTX file without its texts."""

    def __init__(self, data: bytes, name: str, parts: Sequence[Part], reader: Reader) -> None:
        """Raises BadValueError when a part is damaged; `name` is what errors call the file."""
        self._data, self._name, self._parts, self._reader = data, name, parts, reader
        self._places: list[_Place] = []
        found: list[Segment] = []
        for number, part in enumerate(parts):
            elements = reader.paragraphs(_root(part, name))
            twins = _twins(elements)
            contexts = [part.context(element) for element in elements]
            read = [reader.taken_apart(*one) for one in zip(elements, contexts, strict=True)]
            for at, paragraph in enumerate(read):
                if paragraph is None or at in twins:
                    continue
                same = [twin for twin, of in twins.items() if of == at and _alike(read[twin], paragraph)]
                found.append(paragraph.segment)
                self._places.append(_Place(number, (at, *same)))
        self.segments: Sequence[Segment] = found

    def write(self, texts: Sequence[str]) -> bytes:
        """See Template.write."""
        from lxml import etree

        if len(texts) != len(self.segments):
            raise BadValueError(f"There are {len(self.segments)} segments and {len(texts)} texts. Give one for each.")
        changed: dict[int, dict[int, str]] = {}
        for text, segment, place in zip(texts, self.segments, self._places, strict=True):
            if text != segment.text:
                changed.setdefault(place.part, {}).update(dict.fromkeys(place.paragraphs, text))
        if not changed:
            return self._data
        members: dict[str, bytes] = {}
        for number, wanted in changed.items():
            root = _root(self._parts[number], self._name)
            elements = self._reader.paragraphs(root)
            for at, text in wanted.items():
                if paragraph := self._reader.taken_apart(elements[at], ""):
                    self._reader.rebuild(elements[at], paragraph, text)
            tree = root.getroottree()
            # As Office writes it where the file does not say it.
            alone = tree.docinfo.standalone is not False
            written = etree.tostring(tree, encoding="UTF-8", xml_declaration=True, standalone=alone)
            members[self._parts[number].member] = bytes(written)
        try:
            return exchanged(self._data, members)
        except (zipfile.BadZipFile, ValueError) as error:
            raise damaged(self._name) from error


def _twins(elements: Sequence[_Element]) -> Mapping[int, int]:
    """Paragraphs that repeat another one for older programs, with the number of that one; -1: of none."""
    drawings: dict[_Element, tuple[list[int], list[int]]] = {}
    for number, element in enumerate(elements):
        above = [one for one in element.iterancestors("{*}Choice", "{*}Fallback")]
        drawing = above[-1].getparent() if above else None
        if drawing is not None:
            drawings.setdefault(drawing, ([], []))[any(tag(one) == "Fallback" for one in above)].append(number)
    found: dict[int, int] = {}
    for chosen, repeated in drawings.values():
        same = chosen if len(chosen) == len(repeated) else [-1] * len(repeated)
        found.update(zip(repeated, same, strict=True))
    return found


def _alike(one: Paragraph | None, other: Paragraph) -> bool:
    return one is not None and (one.segment.text, one.segment.tags) == (other.segment.text, other.segment.tags)


def _root(part: Part, name: str) -> _Element:
    """The tree of a part. Entities would be resolved by nobody, and Office files declare none."""
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, load_dtd=False, no_network=True, strip_cdata=False)
    try:
        root = etree.fromstring(part.data, parser)
    except (etree.LxmlError, ValueError) as error:
        raise damaged(name) from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise damaged(name)
    return root


@contextmanager
def opened(data: bytes, name: str) -> Iterator[Archive]:
    """The archive in `data`. Raises BadValueError when it is damaged, locked, or would unpack to far too much."""
    try:
        with archive.opened(data, name) as found:
            yield found
    except OSError as error:  # A member that says to be before the file's beginning.
        raise damaged(name) from error


def member(found: Archive, name: str) -> bytes:
    """An XML member's bytes. Raises BadValueError when it is larger than a document's."""
    with found.stream(name) as source:
        data = bytearray()
        while more := source.read():
            data += more
            if len(data) > _LARGEST_PART:
                raise BadValueError(
                    f"{found.name} holds more text than can be translated at once. Split it and translate its parts."
                )
    return bytes(data)


def value(element: _Element | None, name: str) -> str:
    """An attribute, in whichever namespace; empty where there is none."""
    if element is None:
        return ""
    return next((str(found) for key, found in element.attrib.items() if str(key).rpartition("}")[2] == name), "")


def tag(element: _Element) -> str:
    """An element's name without its namespace; empty for comments, which have none."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def child(element: _Element | None, *path: str) -> _Element | None:
    """The first element at the end of a path of names."""
    for name in path:
        element = next((one for one in element if tag(one) == name), None) if element is not None else None
    return element
