"""Translations compared with references: kept while the app runs, for the rows to show. Knows no page."""

from __future__ import annotations

from playground.errors import BadValueError
from playground.store.translation_values import SourceFile, StoredSegment
from playground.translate.files import template_of
from playground.translate.scoring import Scores, score
from playground.translate.tags import without

_KEPT = 20
"""Documents whose scores are kept."""


class Scored:
    """The scores of documents, by translation and document."""

    def __init__(self) -> None:
        self._scores: dict[tuple[str, int], tuple[Scores, str]] = {}
        """With the reference's name."""

    def compare(
        self, run_id: str, document: int, segments: list[StoredSegment], reference: SourceFile, target: str
    ) -> Scores:
        """Compare a document with its reference. Raises BadValueError when they are not cut alike."""
        if any(one.status == "waiting" for one in segments):
            raise BadValueError("The translation is not finished. Go on with it, then compare it.")
        said = [without(one.text if one.status == "done" else one.source) for one in segments]
        found = score(said, [without(one.text) for one in template_of(reference).segments], target)
        kept = [one for one in self._scores.items() if one[0] != (run_id, document)]
        self._scores = dict([*kept, ((run_id, document), (found, reference.name))][-_KEPT:])
        return found

    def told(self, run_id: str) -> list[tuple[int, Scores, str]]:
        """What documents of a translation were compared with, the newest last."""
        return [(document, *found) for (owner, document), found in self._scores.items() if owner == run_id]

    def of(self, run_id: str) -> dict[tuple[int, int], float]:
        """chrF of each segment of a translation that was compared, by document and position."""
        return {
            (document, position): one
            for (owner, document), (scores, _) in self._scores.items()
            if owner == run_id
            for position, one in enumerate(scores.segments)
        }
