"""A text translated at once, for whoever waits for it: nothing is kept. Knows no page.

The same machines, memory and glossary as in a job; what is done is given piece by piece.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from playground.engine.lease import LeaseCancelled
from playground.engine.turns import Ticket
from playground.errors import ModelError, PlaygroundError
from playground.translate.files import read_pasted, stays
from playground.translate.formats.base import Segment
from playground.translate.formats.plain import read_plain_template
from playground.translate.glossary import Glossary
from playground.translate.judging import doubts_of
from playground.translate.machine import Draft, Machine, Order
from playground.translate.machines import machine_for
from playground.translate.options import TranslationOptions
from playground.translate.service import TranslationService, source_of
from playground.translate.tags import faults
from playground.translate.ways import Step, Way

_AT_ONCE = 4
"""Paragraphs that are given to a model together: with more, whoever reads along would wait for them."""
_OTHERS = 3


@dataclass(frozen=True)
class QuickText:
    """How far a text is translated."""

    text: str
    """From its beginning on, as far as it is done; its lines are those of the source."""
    done: int
    total: int
    """Segments."""
    source: str
    """Code of the language that it is translated from."""
    way: Way
    seconds: float
    others: tuple[str, ...] = ()
    """Other ways to say it, of a text that is one sentence."""
    doubts: tuple[Mapping[str, Any], ...] = ()
    """As `judging.doubts_of` gives them, their places being characters of `text`."""
    failed: tuple[str, ...] = ()
    """Why a segment stands in its own language, in words, one for each."""


def translate_text(
    service: TranslationService, text: str, options: TranslationOptions, stop: threading.Event, who: str = ""
) -> Iterator[QuickText]:
    """Translate `text`; the last one given is all of it. `who` is whose turns at the model it takes, see Ticket.

    Raises BadValueError and MissingError for what cannot be done, ModelError when nothing could be translated, and
    LeaseCancelled when `stop` ended it.
    """
    file = read_pasted(text)
    options = replace(options, source=source_of([file], options))
    quick = _Quick(service, file.data, options, service.way(options.source, options), stop, who)
    return quick.run()


class _Quick:
    """One text on its way."""

    def __init__(
        self,
        service: TranslationService,
        data: bytes,
        options: TranslationOptions,
        way: Way,
        stop: threading.Event,
        who: str,
    ) -> None:
        self._manager = service.manager
        self._who = who
        self._options = options
        self._way = way
        self._stop = stop
        self._began = time.monotonic()
        self._template = read_plain_template(data)
        none = Glossary((), options.source, options.target)
        self._glossary = service.glossary(options) if options.glossaries else none
        self._matches = service.matches(options)
        self._made: dict[int, Draft | str] = {}
        """By segment: what became of it, or why nothing did."""
        self._doubts: dict[int, tuple[Mapping[str, Any], ...]] = {}

    def run(self) -> Iterator[QuickText]:
        """See translate_text."""
        segments = self._template.segments
        todo = [at for at, one in enumerate(segments) if not self._is_known(at, one)]
        texts = {at: segments[at].text for at in todo}
        for step in self._way.steps[:-1]:
            for batch in _batches([at for at in todo if at not in self._made]):
                for at, draft in zip(batch, self._through(step, batch, texts), strict=True):
                    if isinstance(draft, str):
                        self._made[at] = draft
                    else:
                        texts[at] = draft.text
        for batch in _batches([at for at in todo if at not in self._made]):
            self._made |= zip(batch, self._through(self._way.steps[-1], batch, texts), strict=True)
            if len(self._made) < len(segments):
                yield self._now()
        failed = [made for made in self._made.values() if isinstance(made, str)]
        if failed and len(failed) == len(todo):
            raise ModelError(failed[0])
        yield self._now()

    def _is_known(self, at: int, segment: Segment) -> bool:
        """Whether no model is needed for a segment; what it becomes is then noted."""
        known = self._matches.exact(segment.text)
        if stays(segment.text, self._options.source, self._options.target):
            self._made[at] = Draft(segment.text)
        elif known is not None and not faults(known.target, segment.tags):
            self._made[at] = Draft(known.target)
        return at in self._made

    def _through(self, step: Step, batch: Sequence[int], texts: Mapping[int, str]) -> list[Draft | str]:
        if self._stop.is_set():
            raise LeaseCancelled
        orders = [self._order(step, texts[at]) for at in batch]
        whole = len(self._way.steps) == 1
        glossary = self._glossary if whole else Glossary((), step.source, step.target)
        with self._manager.lease(self._stop, step.model, ticket=Ticket(who=self._who)) as lease:
            machine = machine_for(step, lease, self._options)
            try:
                return machine.translate(orders, glossary, self._stop)
            except PlaygroundError as problem:
                if len(orders) == 1:
                    return [str(problem)]
            return [self._alone(machine, order, glossary) for order in orders]

    def _alone(self, machine: Machine, order: Order, glossary: Glossary) -> Draft | str:
        try:
            return machine.translate([order], glossary, self._stop)[0]
        except PlaygroundError as problem:
            return str(problem)

    def _order(self, step: Step, text: str) -> Order:
        near = self._matches.like(text, 1) if step.kind == "chat" else []
        return Order(text, hint=near[0].unit.target if near else "")

    def _now(self) -> QuickText:
        segments = self._template.segments
        done = next((at for at in range(len(segments)) if at not in self._made), len(segments))
        made = [self._made[at] for at in range(done)]
        said = [segments[at].text if isinstance(one, str) else one.text for at, one in enumerate(made)]
        text, places = self._template.whole([*said, *[""] * (len(segments) - done)])
        if done < len(segments):
            text = text[: places[done][0]].rstrip()
        doubts = [_moved(doubt, said[at], text, places[at]) for at in range(done) for doubt in self._doubts_of(at)]
        first = made[0] if len(segments) == 1 else None
        others = dict.fromkeys(one.strip() for one in first.others) if isinstance(first, Draft) else {}
        left = [one for one in others if one and one != text.strip()]
        failed = tuple(one for one in self._made.values() if isinstance(one, str))
        seconds = time.monotonic() - self._began
        return QuickText(
            text, len(self._made), len(segments), self._options.source, self._way, seconds,
            tuple(left[:_OTHERS]), tuple(doubts), failed,
        )  # fmt: skip

    def _doubts_of(self, at: int) -> tuple[Mapping[str, Any], ...]:
        if at not in self._doubts:
            one, made = self._template.segments[at], self._made[at]
            pair = self._options.source, self._options.target
            if isinstance(made, str) or stays(one.text, *pair):
                self._doubts[at] = ()
            else:
                self._doubts[at] = doubts_of(one.text, made.text, pair, one.tags, self._glossary)
        return self._doubts[at]


def _batches(places: Sequence[int]) -> Iterator[Sequence[int]]:
    return (places[at : at + _AT_ONCE] for at in range(0, len(places), _AT_ONCE))


def _moved(doubt: Mapping[str, Any], segment: str, text: str, place: tuple[int, int]) -> Mapping[str, Any]:
    """With its place in the whole text; without one where it was wrapped just there."""
    words, first = segment[doubt["start"] : doubt["end"]], place[0] + doubt["start"]
    if not words:
        return doubt
    if text[slice(*place)] != segment:
        first = text.find(words, *place)
    return {**doubt, "start": max(0, first), "end": first + len(words) if first >= 0 else 0}
