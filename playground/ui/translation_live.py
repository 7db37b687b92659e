"""The event stream of the Translate tab: the list, and what changed about the shown translation.

Events (`data` is JSON):
  list {html}                                         the list of translations changed
  run  {id, title, status, counts, target, sections}  sections of the shown one did; at most twice a second
  draft {id, html, source}                            what a draft has collected
  rows {id, rows: {key: html}}                        rows that were written since the page opened it
  gone {}                                             it does not exist
A page that reconnects gets everything anew, but for rows: those it asks for.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

from playground.errors import MissingError
from playground.store.translation_values import SourceFile, StoredSegment, Translation
from playground.translate.files import template_of
from playground.translate.live import LiveTranslation
from playground.translate.service import TranslationService
from playground.ui.translation_list import draft_html, translations_html
from playground.ui.translation_rows import Sheet, counts, key_of, row_html
from playground.ui.translation_scores import Scored
from playground.ui.translation_view import ShownTranslation, sections
from playground.ui.watching import PING, Watcher, event

_OVERLAP = 5.0
"""Seconds that are looked back for rows: what is written now may be dated a little earlier."""


class TranslationWatcher(Watcher):
    """One page's stream."""

    def __init__(
        self,
        service: TranslationService,
        scored: Scored,
        run_id: str,
        listed: int,
        language: str,
        closing: asyncio.Event,
    ) -> None:
        super().__init__(service.listen, closing)
        self._service = service
        self._scored = scored
        self._run_id = run_id
        self._listed = listed
        self._language = language
        self._files: list[SourceFile] = []
        self._failed: tuple[int, list[StoredSegment]] = (0, [])
        self._looked = time.time()
        self._rows: dict[str, str] = {}
        self._sent: dict[str, str] = {}
        self._list = ""
        self._told: Any = None

    def patience(self) -> float:
        """While a model is loaded for it nothing else tells how far that is."""
        live = self._service.live(self._run_id) if self._run_id else None
        return 1.0 if live is not None and live.phase == "waiting" else PING

    def changes(self) -> list[str]:
        """See Watcher."""
        store, events = self._service.store, []
        listed, trashed = store.list(self._listed + 1), store.list(self._listed, place="trash")
        older = len(listed) > self._listed
        del listed[self._listed :]
        writing = [run.id for run in listed if self._service.live(run.id) is not None]
        drawn = translations_html(listed, trashed, self._run_id, writing, older, self._language)
        if drawn != self._list:
            self._list = drawn
            events.append(event("list", {"html": drawn}))
        if self._run_id:
            try:
                run = store.get(self._run_id)
                events += self._draft(run) if run.status == "draft" else self._run(run)
            except MissingError:
                events.append(event("gone", {}))
        return events

    def _draft(self, run: Translation) -> list[str]:
        files = list(self._service.store.files(run.id))
        if files == self._files and self._told == "draft":
            return []
        self._files, self._told = files, "draft"
        numbers = [len(template_of(one).segments) for one in files]
        source = files[0].language if files else ""
        drawn = draft_html(files, numbers, self._language)
        return [event("draft", {"id": run.id, "html": drawn, "source": source})]

    def _run(self, run: Translation) -> list[str]:
        live = self._service.live(run.id)
        if self._told in (None, "draft"):
            self._files = list(self._service.store.files(run.id))
        return [*self._facts(run, live), *self._changed_rows(run)]

    def _facts(self, run: Translation, live: LiveTranslation | None) -> list[str]:
        step = live.step if live is not None else 0
        state = self._service.manager.state_of(run.way[step]["model"])
        drawn = sections(ShownTranslation(run, self._files, self._failures(run), live, state), self._language)
        changed = {box: body for box, body in drawn.items() if self._sent.get(box) != body}
        told = (run.status, counts(run))
        if not changed and told == self._told:
            return []
        self._sent |= changed
        self._told = told
        about = {"id": run.id, "title": run.title, "status": run.status, "counts": told[1]}
        files = [one.name for one in self._files]
        return [event("run", {**about, "files": files, "target": run.way[-1]["target"], "sections": changed})]

    def _failures(self, run: Translation) -> list[StoredSegment]:
        if run.failed != self._failed[0]:
            every = self._service.store.segments(run.id) if run.failed else []
            self._failed = run.failed, [one for one in every if one.status == "failed"]
        return self._failed[1]

    def _changed_rows(self, run: Translation) -> list[str]:
        now = time.time()
        found = self._service.store.changed(run.id, self._looked - _OVERLAP)
        self._looked = now
        if not found:
            return []
        sheet = Sheet(run, self._files, self._service.parsed(run.id), self._scored.of(run.id))
        drawn = {key_of(one): row_html(sheet, one, self._language) for one in found}
        fresh = {key: row for key, row in drawn.items() if self._rows.get(key) != row}
        self._rows = drawn  # Those of the last seconds only: what changes later is new.
        return [event("rows", {"id": run.id, "rows": fresh})] if fresh else []
