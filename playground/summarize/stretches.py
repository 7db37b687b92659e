"""Which stretches of documents are wanted, by their pages, and which were read. Knows nothing of models."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from playground.errors import BadValueError
from playground.languages import count_words
from playground.store.run_values import Node, RunDocument
from playground.summarize.options import read_pages


def stretches(document: RunDocument, pages: str) -> list[tuple[int, int, bool]]:
    """Start and end of what is to be read of a document, and of what is not; without pages all of it is."""
    if not pages or not document.pages:
        return [(0, len(document.text), True)]
    ranges = read_pages(pages)
    found: list[tuple[int, int, bool]] = []
    for (_, _, page, _), (start, end) in zip(document.blocks, document.extents(), strict=True):
        wanted = any(first <= (page or 0) <= last for first, last in ranges)
        if found and found[-1][2] == wanted:
            found[-1] = (found[-1][0], end, wanted)
        else:
            found.append((start, end, wanted))
    return found


def check_pages(documents: Sequence[RunDocument], pages: str) -> None:
    """Raise BadValueError when `pages` leave nothing of a document that has pages, or none has any."""
    if not pages:
        return
    paged = [one for one in documents if one.pages]
    if not paged:
        raise BadValueError("None of the documents has pages. Leave the pages empty.")
    for one in paged:
        if not any(wanted for _, _, wanted in stretches(one, pages)):
            raise BadValueError(
                f"{one.name} has {one.pages} pages, none of which is among {pages}. Choose others, or leave it out."
            )


def words_to_read(documents: Sequence[RunDocument], pages: str) -> int:
    """Words of all that is wanted."""
    return sum(
        count_words(one.text[start:end], one.language)
        for one in documents
        for start, end, wanted in stretches(one, pages)
        if wanted
    )


class Reach:
    """Places of documents that lie in some of their stretches."""

    def __init__(self, spans: Sequence[Sequence[tuple[int, int]]]) -> None:
        """For each document the starts and ends, in order."""
        self.spans = spans
        self._starts = [[start for start, _ in one] for one in spans]

    def has(self, document: int, at: int) -> bool:
        """Whether this character of the document lies in one."""
        behind = bisect_right(self._starts[document], at)
        return behind > 0 and at < self.spans[document][behind - 1][1]


def read_of(documents: Sequence[RunDocument], parts: Sequence[Node]) -> Reach:
    """What was read, by the nodes of level 0."""
    spans: list[list[tuple[int, int]]] = [[] for _ in documents]
    for part in parts:
        if part.status == "done" and part.document is None:
            spans = [[(0, len(one.text))] for one in documents]
        elif part.status == "done" and part.document is not None:
            spans[part.document].append((part.first, part.last))
    return Reach([sorted(one) for one in spans])


def wanted_of(documents: Sequence[RunDocument], pages: str) -> Reach:
    """What is to be read."""
    return Reach([[(start, end) for start, end, wanted in stretches(one, pages) if wanted] for one in documents])
