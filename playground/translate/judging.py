"""All that is said about a translated segment: what the checks doubt, and which terms it misses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from playground.translate.checks import check
from playground.translate.glossary import Glossary
from playground.translate.tags import Tag

TERM = "term"
"""The kind of doubt that is not a check's: a term of a glossary is not there as it should be."""


def doubts_of(
    source: str, target: str, languages: tuple[str, str], tags: Sequence[Tag], glossary: Glossary
) -> tuple[Mapping[str, Any], ...]:
    """Ready for JSON: {kind, start, end, detail}; of a term, `detail` is "source → target"."""
    found: list[Mapping[str, Any]] = [dict(vars(one)) for one in check(source, target, *languages, tags)]
    for use in glossary.missed(source, target):
        found.append({"kind": TERM, "start": 0, "end": 0, "detail": f"{use.term.source} → {use.term.target}"})
    return tuple(found)
