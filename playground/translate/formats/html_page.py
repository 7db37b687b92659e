"""A page as a template: its segments' tags may have texts of their own, like an image's description."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from playground.translate.formats.base import Hole, TextTemplate
from playground.translate.formats.sources import Source


@dataclass(frozen=True)
class Inside:
    """Where a hole lies in another one's tag."""

    outer: int
    """The other one's place among all holes."""
    tag: int
    start: int
    """Where the tag begins in the file."""


class Page(TextTemplate):
    """Holes that lie in another one's tag are written with it where that one has changed, else for themselves."""

    def __init__(self, source: Source, holes: Sequence[Hole], inside: Mapping[int, Inside]) -> None:
        super().__init__(source.text, holes, source.encoding, source.data, "xmlcharrefreplace")
        self._inside = inside

    def write(self, texts: Sequence[str]) -> bytes:
        """See Template.write."""
        same = [text == segment.text for text, segment in zip(texts, self.segments, strict=False)]
        if len(texts) != len(self.segments) or all(same):
            return super().write(texts)
        within = {at for at, where in self._inside.items() if not same[where.outer]}
        holes = list(self._holes)
        for at in sorted(within, reverse=True):
            where = self._inside[at]
            hole, outer = holes[at], holes[where.outer]
            if not same[at]:
                tags = list(outer.segment.tags)
                tag = tags[where.tag - 1]
                start, end = hole.start - where.start, hole.end - where.start
                opening = tag.opening[:start] + hole.raw(texts[at]) + tag.opening[end:]
                tags[where.tag - 1] = replace(tag, opening=opening)
                holes[where.outer] = replace(outer, segment=replace(outer.segment, tags=tuple(tags)))
        left = [at for at in range(len(holes)) if not same[at] and at not in within]
        page = TextTemplate(self._text, [holes[at] for at in left], self._encoding, self._data, self._errors)
        return page.write([texts[at] for at in left])
