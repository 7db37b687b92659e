"""The event stream of the Summarize tab: the list, and the sections of the shown run that changed.

Events (`data` is JSON):
  list {html}                                the list of summaries changed
  run  {id, status, sections: {id: html}}    sections of the shown run did; at most twice a second
  gone {}                                    the run does not exist
A page that reconnects gets everything anew.
"""

from __future__ import annotations

import asyncio

from playground.errors import MissingError
from playground.store.run_values import RunDocument
from playground.summarize.service import SummaryService
from playground.ui.summary_list import amount, draft_html, runs_html
from playground.ui.summary_view import Shown, sections
from playground.ui.watching import Watcher, event


class RunWatcher(Watcher):
    """One page's stream."""

    def __init__(
        self, service: SummaryService, run_id: str, listed: int, language: str, closing: asyncio.Event
    ) -> None:
        super().__init__(service.listen, closing)
        self._service = service
        self._run_id = run_id
        self._listed = listed
        self._language = language
        self._kept: list[tuple[int, str]] = []
        self._documents: list[RunDocument] = []
        self._amounts: list[str] = []
        self._sent: dict[str, str] = {}
        self._list = ""
        self._status = ""

    def changes(self) -> list[str]:
        """See Watcher."""
        runs, events = self._service.runs, []
        listed, trashed = runs.runs(self._listed + 1, texts=False), runs.runs(self._listed, place="trash", texts=False)
        older = len(listed) > self._listed
        del listed[self._listed :]
        writing = [run.id for run in listed if self._service.live(run.id) is not None]
        drawn = runs_html(listed, trashed, self._run_id, writing, older, self._language)
        if drawn != self._list:
            self._list = drawn
            events.append(event("list", {"html": drawn}))
        if self._run_id:
            try:
                events += self._run()
            except MissingError:
                events.append(event("gone", {}))
        return events

    def _run(self) -> list[str]:
        runs = self._service.runs
        live = self._service.live(self._run_id)
        run = runs.run(self._run_id)
        if (kept := runs.document_names(self._run_id)) != self._kept:
            self._kept, self._documents = kept, runs.documents(self._run_id)
            self._amounts = [amount(one, self._language) for one in self._documents]
        if run.status == "draft":
            drawn = {"ps-draft": draft_html(self._documents, self._language)}
        else:
            nodes = live.nodes if live is not None and live.nodes else runs.nodes(self._run_id)
            state = self._service.manager.state_of(run.model)
            drawn = sections(Shown(run, self._documents, self._amounts, nodes, live, state), self._language)
        changed = {box: body for box, body in drawn.items() if self._sent.get(box) != body}
        if not changed and run.status == self._status:
            return []
        self._sent |= changed
        self._status = run.status
        return [event("run", {"id": run.id, "title": run.title, "status": run.status, "sections": changed})]
