"""The receipt of a summary: for each sentence the passages it rests on, and what in it no document contains.

What was read is not in it: the nodes say that themselves (see `coverage`).
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from playground.engine.lease import LeaseCancelled
from playground.sentences import sentence_ends
from playground.store.run_values import Node, RunDocument
from playground.summarize.claims import Facts
from playground.summarize.linking import Embed, Linker
from playground.summarize.stretches import Reach, read_of

_LABEL = re.compile(r"[\s#*\-•]*[^.!?。！？:：]{1,40}[:：][\s*]*")
"""Of a list, or a heading: it says nothing that could rest on anything."""


@dataclass(frozen=True)
class Coverage:
    """Characters of the documents by what became of them; parts by number."""

    read: int
    failed: int
    skipped: int
    waiting: int

    @property
    def total(self) -> int:
        """All characters."""
        return self.read + self.failed + self.skipped + self.waiting

    @property
    def percent(self) -> float:
        """Of all that was to be read, how much was; 100 only when nothing is missing."""
        if self.read == self.total - self.skipped:
            return 100.0
        return min(99.9, 100 * self.read / (self.total - self.skipped))


def coverage(nodes: Sequence[Node], lengths: Sequence[int]) -> Coverage:
    """What became of documents of these `lengths`, in characters."""
    counts = {"done": 0, "failed": 0, "skipped": 0, "waiting": 0}
    for node in nodes:
        if node.level == 0:
            counts[node.status] += sum(lengths) if node.document is None else node.last - node.first
    planned = sum(counts.values())
    return Coverage(
        counts["done"], counts["failed"], counts["skipped"], counts["waiting"] + max(0, sum(lengths) - planned)
    )


def make_receipt(
    documents: Sequence[RunDocument],
    parts: Sequence[Node],
    text: str,
    language: str,
    stop: threading.Event,
    embed: Embed | None = None,
) -> dict[str, Any]:
    """Link and check every sentence of `text`, against what was read of the documents. Ready for JSON:

    `sentences` are {start, end, links: [{document, start, end, score, strong}], marks: [{start, end, kind}]}, places in
    characters of the summary and of the documents.
    """
    read = read_of(documents, parts)
    linker = Linker(documents, parts, embed, read)
    facts = Facts(_texts(documents, read, stop))
    found: list[Mapping[str, Any]] = []
    start = 0
    for end in sentence_ends(text, language):
        if stop.is_set():
            break
        said = text[start:end]
        if said.strip() and not _LABEL.fullmatch(said):
            rests = linker.links(said)
            links = [asdict(link.passage) | {"score": link.score, "strong": link.strong} for link in rests]
            marks = [
                {"start": start + mark.start, "end": start + mark.end, "kind": mark.kind}
                for mark in facts.missing(said)
            ]
            found.append({"start": start, "end": end, "links": links, "marks": marks})
        start = end
    return {"sentences": found, "by_meaning": embed is not None}


def _texts(documents: Sequence[RunDocument], read: Reach, stop: threading.Event) -> Iterator[str]:
    """What was read, piece by piece. Raises LeaseCancelled once `stop` is set: a long text takes its time."""
    for number, document in enumerate(documents):
        yield document.name  # It may well be said what a file is called.
        for start, end in read.spans[number]:
            if stop.is_set():
                raise LeaseCancelled
            yield document.text[start:end]
