"""What one can do with summaries: collect documents, start, stop, go on, make another of the same. Knows no page.

A summary is a job of this service; pages and the command line only watch it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from playground.engine.manager import ModelManager
from playground.engine.reading_choice import Speeds, plain
from playground.errors import BadValueError, MissingError
from playground.jobs import JobService, title_for
from playground.store.run_values import Run, RunDocument
from playground.store.runs import Runs
from playground.summarize.instructions import check_style
from playground.summarize.job import SummaryJob
from playground.summarize.linking import Embed
from playground.summarize.live import LiveRun
from playground.summarize.options import SummaryOptions
from playground.summarize.stretches import check_pages

_NOTHING = "There is nothing to summarize. Add a file, or paste a text."
_SHORT = 6_000
"""Characters that the loaded model has read before another engine would be there."""
log = logging.getLogger(__name__)


class SummaryService(JobService[SummaryJob]):
    """The one way in and the one way out for summaries."""

    def __init__(
        self, runs: Runs, manager: ModelManager, place: Path, embed_for: Callable[..., Embed | None] = lambda *_: None
    ) -> None:
        """`place` is a folder for what may be lost: locks of runs against other processes, and speeds seen.

        `embed_for` gives what compares texts of some languages by their meaning, or None where there is no such model.
        """
        super().__init__()
        self.who = ""
        """Whose turns at a model its jobs take; "": each its own."""
        self._embed_for = embed_for
        self.runs = runs
        self.manager = manager
        self._place = place
        self._speeds = Speeds(place / "speeds.json")

    def collect(self, run_id: str, document: RunDocument) -> str:
        """Put a document to a draft, "" being a new one; returns the draft's id."""
        if run_id:
            self.runs.add_document(run_id, document)
        else:
            run_id = self.runs.add(document.name, SummaryOptions().to_dict(), [document])
        self.announce(run_id)
        return run_id

    def start(
        self, documents: Sequence[RunDocument], options: SummaryOptions, *, title: str = "", model: str = ""
    ) -> str:
        """Begin to summarize `documents` with `model`, "" being the chosen one; returns the run's id."""
        check_style(options)
        if not documents:
            raise BadValueError(_NOTHING)
        check_pages(documents, options.pages)
        run_id = self.runs.add(title, options.to_dict(), documents)
        self.begin(run_id, options, title=title, model=model)
        return run_id

    def begin(self, run_id: str, options: SummaryOptions, *, title: str = "", model: str = "") -> None:
        """Begin to summarize what a draft has collected."""
        check_style(options)
        documents = self.runs.documents(run_id)
        if not documents:
            raise BadValueError(_NOTHING)
        check_pages(documents, options.pages)
        names = [one.name for one in documents]
        chosen = model or self.manager.chosen
        adapter = self.manager.adapter if chosen == self.manager.chosen else ""
        if options.mode == "extractive":
            chosen = adapter = ""
        elif self.manager.state_of(chosen).phase != "ready" or sum(len(one.text) for one in documents) > _SHORT:
            chosen = self.reader(chosen, adapter)
        named = title_for(title, self.runs.run(run_id).title, names)
        self.runs.start(run_id, named, options.to_dict(), chosen, adapter)
        self._begin(run_id)

    def reader(self, model: str, adapter: str = "") -> str:
        """The name under which a model ("" is the chosen one) reads long texts fastest."""
        return self._speeds.reader(self.manager, model or self.manager.chosen, adapter)

    def again(self, run_id: str, options: SummaryOptions, *, model: str = "") -> str:
        """Summarize the documents of a run anew; what was written with the same words is not written again."""
        run = self.runs.run(run_id)
        return self.start(self.runs.documents(run_id), options, title=run.title, model=model or plain(run.model))

    def resume(self, run_id: str) -> None:
        """Go on with a run that was stopped, killed or failed; failed parts are tried again."""
        run = self.runs.run(run_id)
        if self.live(run_id) is not None:
            return
        if run.status in ("failed", "complete"):
            self.runs.again(run_id)
        self._begin(run_id)

    def resume_all(self) -> None:
        """Go on with what was being written when the app ended."""
        self._go_on([run.id for run in self.runs.runs(10_000) if run.status == "running"], self._begin)

    def live(self, run_id: str) -> LiveRun | None:
        """The state of a run that is being written here, else None."""
        job = self._at_work(run_id)
        return job.live() if job is not None else None

    def wait(self, run_id: str) -> Run:
        """Return when the run has ended, and how."""
        self._wait(run_id)
        return self.runs.run(run_id)

    def _begin(self, run_id: str) -> None:
        run = self.runs.run(run_id)
        if run.deleted_at is not None:
            raise MissingError("This summary is in the trash. Restore it, then go on.")
        told = partial(self.announce, run_id)
        self._set_to_work(SummaryJob(run, self.runs, self.manager, self._embed_for, self._place, told, self.who))

    def _ended(self, job: SummaryJob) -> None:
        if job.speed is not None:
            self._speeds.record(plain(job.model), *job.speed)
