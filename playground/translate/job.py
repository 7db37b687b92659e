"""One translation being made: a job that no page owns. Batches are kept as they come: a killed one goes on there.

What is in a batch depends on the whole document, not on what is left of it, so that the same comes out either way.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from playground.engine.manager import LeaseCancelled, ModelManager
from playground.engine.turns import Ticket
from playground.errors import PlaygroundError
from playground.jobs import Job
from playground.parallel import in_parallel
from playground.replies import made_by
from playground.store.run_values import RunStatus
from playground.store.translation_values import StoredSegment, Translation
from playground.store.translations import Translations
from playground.translate.files import template_of
from playground.translate.formats.base import Segment
from playground.translate.glossary import Glossary
from playground.translate.judging import doubts_of
from playground.translate.live import LiveTranslation, Phase
from playground.translate.machine import Draft, Machine, Order
from playground.translate.machines import machine_for
from playground.translate.matches import Matches
from playground.translate.options import TranslationOptions
from playground.translate.prompting import PromptingMachine
from playground.translate.rewriting import RewritingMachine
from playground.translate.ways import Step

_WINDOW = 256
"""Texts among which those of like lengths are put together: more would leave the beginning waiting for the end."""
_TRIES = 2
Place = tuple[int, int]
"""Document and position of a segment."""
log = logging.getLogger(__name__)


class TranslationJob(Job):
    """The job behind one translation."""

    def __init__(
        self,
        run: Translation,
        store: Translations,
        manager: ModelManager,
        glossary: Glossary,
        matches: Matches,
        locks: Path,
        on_change: Callable[[], None],
    ) -> None:
        super().__init__(run.id, "translation", locks, on_change)
        self._steps = [Step(**one) for one in run.way]  # type: ignore[arg-type]
        self._options = TranslationOptions.from_mapping(run.options)
        self._store = store
        self._manager = manager
        self._glossary = glossary
        self._matches = matches
        self._guard = threading.Lock()
        self._segments: dict[Place, StoredSegment] = {}
        self._parsed: dict[Place, Segment] = {}
        self._alike: dict[str, list[Place]] = {}
        """The places of each text that a model translates."""
        self._phase: Phase = "waiting"
        self._step = 0
        self._began = 0.0
        self._fresh = 0
        self._changed = 0

    def live(self) -> LiveTranslation:
        """The state now."""
        with self._guard:
            through = sum(self._is_through(one, self._step) for one in self._segments.values())
            seconds = time.monotonic() - self._began if self._began else 0.0
            total = len(self._segments)
            return LiveTranslation(
                self._phase, self._step, through, total, self._fresh, seconds, self._changed, self.notice
            )

    def set_status(self, status: RunStatus, error: str, seconds: float) -> None:
        """See Job."""
        self._store.set_status(self.run_id, status, error, seconds=seconds)

    def work(self) -> None:
        """See Job."""
        self._segments = {(one.document, one.position): one for one in self._store.segments(self.run_id)}
        for number, file in enumerate(self._store.files(self.run_id)):
            for position, segment in enumerate(template_of(file).segments):
                self._parsed[number, position] = segment
        for place, one in self._segments.items():
            if one.origin not in ("copied", "memory"):
                self._alike.setdefault(one.source, []).append(place)
        for number, step in enumerate(self._steps):
            self._step, self._phase, self._began, self._fresh = number, "waiting", 0.0, 0
            batches = [batch for batch in self._batches(step) if self._todo(batch)]
            if not batches:
                continue
            self.on_change()
            with self._manager.lease(self.stop, step.model) as lease:  # What keeps it from loading is told here.
                slots = lease.info.capabilities.slots
            self._phase, self._began = "translating", time.monotonic()
            in_parallel(batches, slots, self._translate, self.stop)
            if self.stop.is_set():
                raise LeaseCancelled

    def _batches(self, step: Step) -> list[list[str]]:
        """The texts that a model has to translate at this step, each once, however often it is there."""
        size = RewritingMachine.at_once if step.kind == "seq2seq" else PromptingMachine.at_once
        texts = list(self._alike)
        batches = []
        for start in range(0, len(texts), _WINDOW):
            window = texts[start : start + _WINDOW]
            if size > 1:
                window.sort(key=len, reverse=True)
            batches += [window[at : at + size] for at in range(0, len(window), size)]
        return batches

    def _todo(self, batch: Sequence[str]) -> list[str]:
        """Those of which a segment is not through this step."""
        return [text for text in batch if any(not self._through(place) for place in self._alike[text])]

    def _translate(self, batch: Sequence[str]) -> None:
        texts = self._todo(batch)
        step = self._steps[self._step]
        with self._manager.lease(self.stop, step.model, ticket=Ticket(who=self.run_id)) as lease:
            machine = machine_for(step, lease, self._options)
            try:
                drafts = self._drafts(machine, texts)
            except LeaseCancelled:
                raise
            except Exception:
                log.warning("a batch of a translation failed", exc_info=True)
                drafts = [draft for text in texts for draft in self._alone(machine, text)]
            record = made_by(lease) | {"sampling": {"beam_size": self._options.beam_size}}
        self._keep(texts, drafts, record)

    def _drafts(self, machine: Machine, texts: Sequence[str]) -> list[Draft | str]:
        last = self._step == len(self._steps) - 1
        glossary = self._glossary if last and not self._step else Glossary((), *self._pair)
        return machine.translate([self._order(text) for text in texts], glossary, self.stop)

    def _alone(self, machine: Machine, text: str) -> list[Draft | str]:
        """One text whose batch failed: tried again, then told as failed."""
        said = ""
        for _ in range(_TRIES):
            try:
                return self._drafts(machine, [text])
            except PlaygroundError as problem:
                said = str(problem)
            except LeaseCancelled:
                raise
            except Exception as problem:
                log.exception("a segment cannot be translated")
                said = f"It cannot be translated ({type(problem).__name__}). The log file says more."
        return [said]

    def _order(self, text: str) -> Order:
        place = next(place for place in self._alike[text] if not self._through(place))
        kept = tuple(tag.number for tag in self._parsed[place].tags if tag.keep)
        near = self._matches.like(text, 1) if self._steps[self._step].kind == "chat" else []
        return Order(self._segments[place].bridge if self._step else text, kept, near[0].unit.target if near else "")

    def _keep(self, texts: Sequence[str], drafts: Sequence[Draft | str], record: dict[str, object]) -> None:
        places = [(place, draft) for text, draft in zip(texts, drafts, strict=True) for place in self._alike[text]]
        kept = [self._written(self._segments[place], draft) for place, draft in places if not self._through(place)]
        self.saved(lambda: self._store.done(self.run_id, kept, record))
        with self._guard:
            self._segments |= {(one.document, one.position): one for one in kept}
            self._fresh += len(kept)
            self._changed += 1
        self.on_change()

    def _written(self, one: StoredSegment, draft: Draft | str) -> StoredSegment:
        if isinstance(draft, str):
            return replace(one, status="failed", error=draft, text=one.source, origin="")
        if self._step < len(self._steps) - 1:
            return replace(one, bridge=draft.text)
        tags = self._parsed[one.document, one.position].tags
        whole = self._steps[0].source, self._steps[-1].target
        doubts = doubts_of(one.source, draft.text, whole, tags, self._glossary)
        return replace(
            one,
            status="done",
            text=draft.text,
            machine=draft.text,
            origin="model",
            score=draft.score,
            doubts=doubts,
            others=draft.others,
        )

    def _through(self, place: Place) -> bool:
        return self._is_through(self._segments[place], self._step)

    def _is_through(self, one: StoredSegment, step: int) -> bool:
        return one.status != "waiting" or (step < len(self._steps) - 1 and bool(one.bridge))

    @property
    def _pair(self) -> tuple[str, str]:
        step = self._steps[self._step]
        return step.source, step.target
