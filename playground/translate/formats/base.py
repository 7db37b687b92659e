"""What every format gives: segments to translate, and a template that they go back into. Knows no format."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from playground.errors import BadValueError
from playground.translate.tags import Mark, Tag, alone, closes, faults, looks_like_marks, marks, opens, pieces


@dataclass(frozen=True)
class Segment:
    """A paragraph, a heading, a cell: what is translated as one. Its `text` has no blanks at its ends."""

    text: str
    """With tags as marks, see `tags`."""
    tags: tuple[Tag, ...] = ()
    context: str = ""
    """Where it stands, in a few words: a heading's level, a key, a time; may be empty."""


class Template(Protocol):
    """A file without its texts."""

    @property
    def segments(self) -> Sequence[Segment]:
        """What is to be translated, in the file's order."""

    def write(self, texts: Sequence[str]) -> bytes:
        """The file with one text for each segment; given the segments' own texts, the very bytes that were read.

        Raises BadValueError when a text's tags do not fit (see `tags.faults`).
        """


Encode = Callable[[str], str]
"""Words of a translation as the file writes them, for example with `&` as `&amp;`."""
Fill = Callable[[str, Sequence[Tag]], str]
"""A whole translation as the file writes it; like `filled`."""


@dataclass(frozen=True)
class Hole:
    """Where a segment stands in a file that is a text: characters `start` to `end`."""

    start: int
    end: int
    segment: Segment
    encode: Encode
    finish: Encode | None = None
    """What makes of the whole text, its words encoded and its tags put back, what the file holds: quotes around it."""
    fill: Fill | None = None
    """Instead of `encode` and `finish`, for a format where it matters what stands next to words."""

    def raw(self, text: str) -> str:
        """A translation as the file holds it. Raises BadValueError when its tags do not fit."""
        if self.fill:
            return self.fill(text, self.segment.tags)
        whole = filled(text, self.segment.tags, self.encode)
        return self.finish(whole) if self.finish else whole


class TextTemplate:
    """A text file with holes; what is between them is never touched."""

    def __init__(self, text: str, holes: Sequence[Hole], encoding: str, data: bytes, errors: str = "strict") -> None:
        """`data` is the file; where `text` in `encoding` is not the same again, see `write`.

        `errors` says what becomes of characters that the encoding lacks, as for `str.encode`; "strict": the file
        becomes UTF-8.
        """
        self._text = text
        self._holes = holes
        self._encoding = encoding
        self._data = data
        self._errors = errors
        self.segments: Sequence[Segment] = [hole.segment for hole in holes]

    def write(self, texts: Sequence[str]) -> bytes:
        """See Template.write."""
        if len(texts) != len(self._holes):
            raise BadValueError(f"There are {len(self._holes)} segments and {len(texts)} texts. Give one for each.")
        if list(texts) == [segment.text for segment in self.segments]:
            return self._data
        whole = self.whole(texts)[0]
        try:
            return whole.encode(self._encoding, self._errors)
        except UnicodeEncodeError:
            return whole.encode("utf-8", "replace")  # Half a pair of surrogates is no character at all.

    def whole(self, texts: Sequence[str]) -> tuple[str, list[tuple[int, int]]]:
        """The file's text with one text for each segment, and where each of them stands in it. Raises as `write`."""
        out, places, at, length = [], list[tuple[int, int]](), 0, 0
        for hole, text in zip(self._holes, texts, strict=True):
            before = self._text[at : hole.start]
            same = text == hole.segment.text
            raw = self._text[hole.start : hole.end] if same else hole.raw(text)
            out += [before, raw]
            length += len(before) + len(raw)
            places.append((length - len(raw), length))
            at = hole.end
        out.append(self._text[at:])
        return "".join(out), places


class Builder:
    """Collects the text and the tags of one segment."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._tags: list[Tag] = []
        self._opened: dict[int, tuple[int, str]] = {}
        """Of each tag that goes around words, where its own begin in `_text`, and what the file has there."""

    def words(self, text: str) -> None:
        """Add words; what looks like a mark becomes a tag."""
        if looks_like_marks(text):
            for piece in pieces(text):
                if isinstance(piece, Mark):
                    self.single(text[piece.start : piece.end])
                else:
                    self._text.append(piece)
        else:
            self._text.append(text)

    def single(self, raw: str) -> int:
        """Add a tag that stands alone; returns its number."""
        number = len(self._tags) + 1
        self._tags.append(Tag(number, raw, single=True))
        self._text.append(alone(number))
        return number

    def open(self, raw: str, keep: bool = False, inside: str = "") -> int:
        """Begin a tag that goes around words; returns its number. `inside` is what the file has there."""
        number = len(self._tags) + 1
        self._tags.append(Tag(number, raw, keep=keep))
        self._text.append(opens(number))
        self._opened[number] = len(self._text), inside
        return number

    def close(self, number: int, raw: str) -> None:
        """End it. Tags are closed in the opposite order of their opening."""
        tag, (at, inside) = self._tags[number - 1], self._opened[number]
        words = "".join(self._text[at:]) if inside else ""
        self._tags[number - 1] = Tag(number, tag.opening, raw, False, tag.keep, words, inside)
        self._text.append(closes(number))

    def segment(self, context: str = "") -> Segment:
        """What was collected."""
        return Segment("".join(self._text), tuple(self._tags), context)


def filled(text: str, tags: Sequence[Tag], encode: Encode) -> str:
    """A translation as the file writes it. Raises BadValueError when its tags do not fit.

    What stands in a kept tag comes out as it is in the file, its blanks too.
    """
    if said := faults(text, tags):
        raise BadValueError(f"A translation does not keep its tags: {' '.join(said)}")
    known = {tag.number: tag for tag in tags}
    out, at = list[str](), 0
    for mark in marks(text):
        if mark.start < at:
            continue
        out.append(encode(text[at : mark.start]))
        tag, at = known[mark.number], mark.end
        out.append(tag.closing if mark.kind == "close" else tag.opening)
        if tag.raw and mark.kind == "open":
            end = text.index(closes(mark.number), at)
            if text[at:end].split() == tag.words.split():
                out.append(tag.raw)
                at = end
    return "".join([*out, encode(text[at:])])
