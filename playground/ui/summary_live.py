"""The event stream of the Summarize tab: the list, and the sections of the shown run that changed.

Events (`data` is JSON):
  list {html}                                the list of summaries changed
  run  {id, status, sections: {id: html}}    sections of the shown run did; at most twice a second
  gone {}                                    the run does not exist
A page that reconnects gets everything anew.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from playground.errors import MissingError
from playground.store.run_values import RunDocument
from playground.summarize.service import SummaryService
from playground.ui.summary_list import amount, draft_html, runs_html
from playground.ui.summary_view import Shown, sections

_TICK = 0.5
_PING = 15.0


class RunWatcher:
    """One page's stream."""

    def __init__(
        self, service: SummaryService, run_id: str, listed: int, language: str, closing: asyncio.Event
    ) -> None:
        self._service = service
        self._run_id = run_id
        self._listed = listed
        self._language = language
        self._closing = closing
        self._kept: list[tuple[int, str]] = []
        self._documents: list[RunDocument] = []
        self._amounts: list[str] = []
        self._sent: dict[str, str] = {}
        self._list = ""
        self._status = ""

    async def events(self) -> AsyncIterator[str]:
        """The stream, until the client leaves or the server closes."""
        wake = asyncio.Event()
        loop = asyncio.get_running_loop()

        def on_change(run_id: str) -> None:
            if not wake.is_set():
                loop.call_soon_threadsafe(wake.set)

        end = self._service.listen(on_change)
        try:
            yield "retry: 1000\n\n"
            while not self._closing.is_set():
                wake.clear()
                for event in await asyncio.to_thread(self._changes):
                    yield event
                await asyncio.sleep(_TICK)
                try:
                    await asyncio.wait_for(wake.wait(), _PING)
                except TimeoutError:
                    yield ": still here\n\n"
        finally:
            end()

    def _changes(self) -> list[str]:
        runs, events = self._service.runs, []
        listed, trashed = runs.runs(self._listed + 1, texts=False), runs.runs(self._listed, place="trash", texts=False)
        older = len(listed) > self._listed
        del listed[self._listed :]
        writing = [run.id for run in listed if self._service.live(run.id) is not None]
        drawn = runs_html(listed, trashed, self._run_id, writing, older, self._language)
        if drawn != self._list:
            self._list = drawn
            events.append(_event("list", {"html": drawn}))
        if self._run_id:
            try:
                events += self._run()
            except MissingError:
                events.append(_event("gone", {}))
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
        return [_event("run", {"id": run.id, "title": run.title, "status": run.status, "sections": changed})]


def _event(name: str, data: dict[str, Any]) -> str:
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False, separators=(',', ':'))}\n\n"
