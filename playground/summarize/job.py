"""One summary being made: a job that no page owns. What is done is kept at once, so that a killed one goes on there.

Parts are written as many at a time as the model has slots; each holds the model for itself, so that a chat comes in
between.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from playground.engine.manager import Lease, LeaseCancelled, ModelManager
from playground.engine.reading_choice import OTHER, plain
from playground.engine.turns import Ticket
from playground.errors import ModelError, PlaygroundError
from playground.jobs import Job
from playground.parallel import in_parallel
from playground.records import Chunk
from playground.store.run_values import Node, Run, RunDocument, RunStatus
from playground.store.runs import Runs
from playground.summarize.linking import Embed
from playground.summarize.live import LiveRun, Phase
from playground.summarize.options import SummaryOptions
from playground.summarize.picking import picked, planned
from playground.summarize.planning import Planner
from playground.summarize.receipt import make_receipt
from playground.summarize.stoppable import Stoppable
from playground.summarize.writing import TRIES, key_of, sampling_for, write

_ENOUGH = 2000
"""Tokens from which on a speed is worth remembering."""
log = logging.getLogger(__name__)


class SummaryJob(Job):
    """The job behind one run. `on_change` is called after every step, from the job's own threads."""

    def __init__(
        self,
        run: Run,
        runs: Runs,
        manager: ModelManager,
        embed_for: Callable[..., Embed | None],
        locks: Path,
        on_change: Callable[[], None],
        who: str = "",
    ) -> None:
        """`who` is whose turns at the model it takes, see Ticket; "" is a run of its own."""
        super().__init__(run.id, "summary", locks, on_change)
        self._who = who or run.id
        self.model = run.model
        """Under which name it is leased."""
        self.speed: tuple[str, float] | None = None
        """The engine, and its tokens per second at the parts; 0 when it cannot read this model."""
        self._run = run
        self._options = SummaryOptions.from_mapping(run.options)
        self._runs = runs
        self._manager = manager
        self._embed_for = embed_for
        self._guard = threading.Lock()
        self._nodes: dict[tuple[int, int], Node] = {}
        self._growing: dict[tuple[int, int], tuple[str, int]] = {}
        self._tokens = 0
        self._fresh = 0
        self._began = 0.0
        self._phase: Phase = "planning" if self._options.mode == "extractive" else "waiting"

    def live(self) -> LiveRun:
        """The state now."""
        with self._guard:
            nodes, growing, tokens = dict(self._nodes), dict(self._growing), self._tokens
        shown = [replace(node, text=growing[at][0]) if at in growing else node for at, node in sorted(nodes.items())]
        seconds = time.monotonic() - self._began if self._began else 0.0
        tokens += sum(count for _, count in growing.values())
        return LiveRun(self._phase, tuple(shown), frozenset(growing), tokens, self._fresh, seconds, self.notice)

    def set_status(self, status: RunStatus, error: str, seconds: float) -> None:
        """See Job."""
        self._runs.set_status(self.run_id, status, error, seconds=seconds)

    def work(self) -> None:
        """See Job."""
        documents = self._runs.documents(self.run_id)
        options = self._options
        self._keep(self._runs.nodes(self.run_id))
        if options.mode == "extractive":
            self._pick(documents, options)
            return
        with self._first_lease() as lease:
            self._to("planning")
            self._began = time.monotonic()
            planner = Planner(Stoppable(lease, self.stop), documents, options)
            slots, engine = lease.info.capabilities.slots, lease.info.engine
            if not self._nodes:
                self._plan(planner.parts())
        level = 0
        while True:
            self._to("reading")
            self._write_level(planner, level, 1 if options.mode == "refine" else slots)
            below = self._level(level)
            lost = next((node for node in below if node.status == "failed"), None)
            if lost is not None and (level or lost.step == "whole"):  # What stands for many parts must not be lost.
                told = "The parts were read, but not put together: {}" if level else "{}"
                raise PlaygroundError(told.format(lost.error))
            if self._tokens > _ENOUGH and self.speed is None:
                self.speed = engine, self._tokens / (time.monotonic() - self._began)
            if below[-1].step in ("whole", "final"):
                break
            level += 1
            if not self._level(level):
                with self._lease() as lease:
                    self._plan(planner.counting(Stoppable(lease, self.stop)).above(below))
        self._end(documents, below[-1].text, planner.sizes.language)

    def _pick(self, documents: Sequence[RunDocument], options: SummaryOptions) -> None:
        """Without a model: all is read at once, and the most telling sentences are the summary."""
        self._to("planning")
        self._began = time.monotonic()
        if not self._nodes:
            self._plan(planned(documents, options.pages))
        todo = [node for node in self._level(0) if node.status == "waiting"]
        if todo:
            languages = [one.language for one in documents]
            try:
                text, record = picked(documents, options, self._embed_for(*languages))
            except ModelError as problem:  # Picked by words alone they are worth something, too.
                log.warning("sentences are picked by words alone: %s", problem)
                text, record = picked(documents, options, None)
            for node in todo:  # One of them holds it for all.
                self._finish(node, text if node is todo[0] else "", "", record)
        said = next(node.text for node in self._level(0) if node.text)
        self._end(documents, said, documents[0].language)

    def _end(self, documents: Sequence[RunDocument], text: str, language: str) -> None:
        self.saved(lambda: self._runs.finish(self.run_id, text, {}))  # Whatever becomes of its receipt.
        self._to("linking")
        receipt = self._receipt(documents, text, language)
        if self.stop.is_set():
            raise LeaseCancelled
        self._to("saving")
        self.saved(lambda: self._runs.finish(self.run_id, text, receipt))

    def _receipt(self, documents: Sequence[RunDocument], text: str, language: str) -> Mapping[str, Any]:
        parts = self._level(0)
        try:
            embed = self._embed_for(language, *(one.language for one in documents))
            return make_receipt(documents, parts, text, language, self.stop, embed)
        except ModelError as problem:  # A receipt by words alone is better than none, and says so.
            log.warning("sentences are compared by words alone: %s", problem)
            return {**make_receipt(documents, parts, text, language, self.stop), "note": str(problem)}

    def _write_level(self, planner: Planner, level: int, workers: int) -> None:
        todo = [node for node in self._level(level) if node.status == "waiting"]
        in_parallel(todo, workers, lambda node: self._write(planner, node), self.stop)
        if self.stop.is_set():
            raise LeaseCancelled

    def _write(self, planner: Planner, node: Node) -> None:
        below = self._level(max(0, node.level - 1))
        prompt, most = planner.prompt(node, below), planner.max_new_tokens(node)
        error, grow, least = "", partial(self._grow, node), planner.least_words(node, prompt)
        # Killed between its last try and the verdict, it is tried once more.
        for tries in range(min(node.tries, TRIES - 1) + 1, TRIES + 1):
            sampling = sampling_for(most, self._options.seed, tries)
            problem, written = "", None
            with self._lease() as lease:
                key = key_of(lease, prompt, sampling)
                known = self._runs.known(key)
                if known is None:
                    try:
                        written = write(lease, prompt, sampling, planner.sizes.language, self.stop, grow, least)
                    except PlaygroundError as fault:
                        problem = str(fault)
            # What is kept is kept without the model: a full disk must not hold it.
            if known is not None:
                self._finish(node, known[0], key, known[1])
                return
            if problem:
                error = problem
                self._forget(node)
                self.saved(lambda: self._runs.tried(self.run_id, node))
                continue
            if written is None:
                self._forget(node)
                raise LeaseCancelled
            self._finish(node, written.text, key, written.record)
            return
        self.saved(lambda: self._runs.failed(self.run_id, node, error))
        self._keep([replace(node, status="failed", error=error, tries=TRIES)])
        self.on_change()

    def _finish(self, node: Node, text: str, key: str, record: Mapping[str, Any]) -> None:
        self.saved(lambda: self._runs.done(self.run_id, node, text, key, record))
        with self._guard:
            _, tokens = self._growing.pop((node.level, node.position), ("", 0))
            self._tokens += tokens
            self._nodes[node.level, node.position] = replace(node, status="done", text=text, record=record)
            self._fresh += 0 if node.level else node.last - node.first
        self.on_change()

    def _grow(self, node: Node, text: str, chunk: Chunk) -> None:
        done = chunk.prompt_done if not chunk.completion_tokens else chunk.prompt_tokens
        tokens = max(0, done - chunk.cached_tokens) + chunk.completion_tokens
        with self._guard:
            self._growing[node.level, node.position] = (text, tokens)
        self.on_change()

    def _forget(self, node: Node) -> None:
        with self._guard:
            self._growing.pop((node.level, node.position), None)

    def _plan(self, nodes: Sequence[Node]) -> None:
        self.saved(lambda: self._runs.plan(self.run_id, nodes))
        self._keep(nodes)
        self.on_change()

    def _level(self, level: int) -> list[Node]:
        with self._guard:
            return [node for (of, _), node in sorted(self._nodes.items()) if of == level]

    def _keep(self, nodes: Sequence[Node]) -> None:
        with self._guard:
            self._nodes |= {(node.level, node.position): node for node in nodes}

    @contextlib.contextmanager
    def _first_lease(self) -> Iterator[Lease]:
        """The model for the first time: where the engine that reads faster cannot read it, the usual one does."""
        with contextlib.ExitStack() as held:
            try:
                lease = held.enter_context(self._lease())
            except ModelError as problem:
                if plain(self.model) == self.model or self._nodes:
                    raise
                log.warning("%s cannot be used: %s", self.model, problem)
                self.speed = OTHER, 0.0
                self.model = plain(self.model)
                self.saved(lambda: self._runs.use_model(self.run_id, self.model))
                lease = held.enter_context(self._lease())
            yield lease

    def _lease(self) -> contextlib.AbstractContextManager[Lease]:
        return self._manager.lease(self.stop, self.model, self._run.adapter, Ticket(who=self._who))

    def _to(self, phase: Phase) -> None:
        self._phase = phase
        self.on_change()
