"""A text without its tags' marks, and where its characters stand in the text with them. Knows nothing of checks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from playground.translate.tags import Mark, Tag, pieces


@dataclass(frozen=True)
class Plain:
    """`text` without marks; `places` says for each of its characters where it stands in the text with them."""

    text: str
    places: tuple[int, ...]
    """One more than characters: the last is the end."""
    marks: tuple[tuple[int, Mark], ...]
    """Where in `text` each mark was."""

    def place(self, start: int, end: int) -> tuple[int, int]:
        """A stretch of `text` as one of the text with marks."""
        return (self.places[start], self.places[end - 1] + 1) if end > start else (self.places[start],) * 2

    def kept(self, tags: Sequence[Tag]) -> dict[int, tuple[int, int]]:
        """The stretches of `text` inside of the tags that keep what they go around, by the tag's number."""
        keep = {tag.number for tag in tags if tag.keep and not tag.single}
        opened: dict[int, int] = {}
        found: dict[int, tuple[int, int]] = {}
        for at, mark in self.marks:
            if mark.number in keep and mark.kind == "open":
                opened[mark.number] = at
            elif mark.number in opened and mark.kind == "close":
                found[mark.number] = (opened.pop(mark.number), at)
        return found


def plain(text: str) -> Plain:
    """Takes the marks out; a tag that stands alone may be a break, so a blank is left for it."""
    out: list[str] = []
    places: list[int] = []
    marks: list[tuple[int, Mark]] = []
    at = 0
    for piece in pieces(text):
        if isinstance(piece, str):
            out.append(piece)
            places.extend(range(at, at + len(piece)))
            at += len(piece)
            continue
        marks.append((len(places), piece))
        if piece.kind == "single":
            out.append(" ")
            places.append(at)
        at = piece.end
    return Plain("".join(out), (*places, len(text)), tuple(marks))


def blanked(text: str, stretches: Iterable[tuple[int, int]]) -> str:
    """`text` with blanks in place of these stretches."""
    signs = list(text)
    for start, end in stretches:
        signs[start:end] = " " * (end - start)
    return "".join(signs)
