"""The event stream of the Fine-tune tab: the list, and what changed about the shown training.

Events (`data` is JSON):
  list  {html}                       the list of trainings changed
  draft {id, title, samples, sections}   sections of the shown draft did, or its data
  run   {id, title, status, html}        the shown training, which has begun
  gone  {}                           it does not exist
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from playground.errors import MissingError
from playground.store.training_values import StoredTraining
from playground.ui.training_run_view import run_html
from playground.ui.tune_data import files_html, private_html, problems_html, sums_html
from playground.ui.tune_list import trainings_html
from playground.ui.tune_looking import Looked
from playground.ui.tune_recipe import form_html
from playground.ui.watching import Watcher, event


class TuneWatcher(Watcher):
    """One page's stream."""

    def __init__(
        self,
        looked: Looked,
        hidden: Mapping[str, Any],
        run_id: str,
        listed: int,
        whole: bool,
        language: str,
        closing: asyncio.Event,
    ) -> None:
        """`hidden`: drafts in which placeholders can be taken back; `whole`: all problems are asked for."""
        super().__init__(self._listen_to, closing)
        self._looked = looked
        self._hidden = hidden
        self._run_id = run_id
        self._listed = listed
        self._whole = whole
        self._language = language
        self._dirty = True
        self._list = ""
        self._sent: dict[str, str] = {}
        self._told = ""

    def _listen_to(self, listener: Callable[[str], None]) -> Callable[[], None]:
        def heard(run_id: str) -> None:
            self._dirty |= run_id == self._run_id
            listener(run_id)

        # A model that has come can be trained; the page of a draft offers it at once.
        ends = (
            self._looked.service.listen(heard),
            self._looked.models.listen(lambda: heard(self._run_id) if self._run_id else None),
        )

        def end() -> None:
            for one in ends:
                one()

        return end

    def changes(self) -> list[str]:
        """See Watcher."""
        store, events = self._looked.service.store, []
        listed, trashed = store.list(self._listed + 1), store.list(self._listed, place="trash")
        older = len(listed) > self._listed
        running = [run.id for run in listed if run.status == "running"]
        waiting = {one for one in running if (job := self._looked.service.live(one)) is not None and job.queued}
        drawn = trainings_html(listed[: self._listed], trashed, waiting, self._run_id, older, self._language)
        if drawn != self._list:
            self._list = drawn
            events.append(event("list", {"html": drawn}))
        if self._run_id and self._dirty:
            self._dirty = False
            try:
                run = store.get(self._run_id)
                events += self._draft(run) if run.status == "draft" else self._run(run)
            except MissingError:
                events.append(event("gone", {}))
        return events

    def _draft(self, run: StoredTraining) -> list[str]:
        looked, language = self._looked, self._language
        draft = looked.draft(run.id)
        kinds: Counter[str] = Counter()
        with_any = 0
        for item in draft.gathered.items:
            found = looked.private(item)
            kinds.update(found)
            with_any += bool(found)
        form = looked.form(draft)
        drawn = {
            "pn-files": files_html(draft, language),
            "pn-sums": sums_html(draft, language),
            "pn-problems": problems_html(draft, language, whole=self._whole),
            "pn-private": private_html(kinds, with_any, run.id in self._hidden, language),
            "pn-form": form_html(form, run.title, looked.bases(language), looked.devices(), language),
        }
        changed = {box: body for box, body in drawn.items() if self._sent.get(box) != body}
        self._sent |= changed
        if not changed and self._told == draft.version:
            return []
        self._told = draft.version
        about = {"id": run.id, "title": run.title, "samples": len(draft.everything())}
        return [event("draft", {**about, "sections": changed})]

    def _run(self, run: StoredTraining) -> list[str]:
        drawn = run_html(self._looked.service, run.id, self._language)
        if drawn == self._told:
            return []
        self._told = drawn
        return [event("run", {"id": run.id, "title": run.title, "status": run.status, "html": drawn})]
