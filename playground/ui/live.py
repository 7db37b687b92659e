"""The event stream a page watches: one server-sent stream for the open conversation, the list and the model's state.

Events (`data` is JSON):
  list   {html}                                            the conversation list changed
  model  {phase, name, text, error, note}                  the chosen model's state changed
  models {sections: {id: html}}                            sections of the Models tab did, where there is one
  view   {conversation, title, settings, leaf, streaming, earlier, later, items: [{id, v, html}]}   the messages did
  live   {id, from, blocks: [html], text, rate, notice, tokens}  the reply grew, from block `from` on; see `pace`
  warning {text}                                           what goes wrong behind the scenes; empty when all is well
  gone   {}                                                the conversation does not exist
Each is sent once at the start. A page that reconnects gets everything anew, so nothing has to be replayed.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from playground.chat import ChatService
from playground.errors import MissingError
from playground.models import ModelsService
from playground.replay import Replays
from playground.store import History
from playground.store.runs import Runs
from playground.store.trainings import Trainings
from playground.store.translations import Translations
from playground.ui.chat_routes import WINDOW, build_chat_router
from playground.ui.messages_view import GrowingReply, block_html, message_view, rate_text
from playground.ui.models_live import ModelsFeed, build_models_router
from playground.ui.pace import PACE
from playground.ui.reasons import reason_words
from playground.ui.strings import language_asked
from playground.ui.views import Listed, list_html, live_text, model_view, settings_version
from playground.ui.watching import PING, either, looked, steady

_TICK = 0.1
"""Seconds that a page rests after a look of its own; where replies grow, `PACE` says when it looks."""


def build_router(
    service: ChatService,
    models: ModelsService,
    replays: Replays,
    runs: Runs,
    translations: Translations,
    trainings: Trainings,
    closing: asyncio.Event,
    *,
    models_tab: bool,
) -> APIRouter:
    """Routes beside Gradio's: the stream, what a page asks about chats (`chat_routes`), and plans of models."""
    router = build_chat_router(service, replays, runs, translations, trainings)
    router.include_router(build_models_router(models), prefix="/models")

    @router.get("/choices")
    def choices() -> Response:
        """Models that a reply can be tried with."""
        found = [one for one in models.overview().local if one.writes and not one.error]
        return JSONResponse({"models": [[one.name, one.title] for one in found]})

    @router.get("/live")
    async def live(request: Request, c: str = "", listed: int = 100, at: str = "") -> Response:
        if models.manager.state.phase == "idle" and not models.manager.resting:
            service.manager.load()  # A page is visible now, so whatever is heavy may begin.
        language = language_asked(request)
        feed = ModelsFeed(models, language) if models_tab else None
        watcher = _Watcher(service, models, feed, c, at, max(1, min(listed, 10_000)), language, closing)
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(watcher.events(), media_type="text/event-stream", headers=headers)

    return router


class _Watcher:
    """One page's stream. Wakes at changes, sends what differs from what it sent before."""

    def __init__(
        self,
        service: ChatService,
        models: ModelsService,
        feed: ModelsFeed | None,
        conversation_id: str,
        at: str,
        listed: int,
        language: str,
        closing: asyncio.Event,
    ) -> None:
        self._service = service
        self._models = models
        self._feed = feed
        self._language = language
        self._closing = closing
        self._conversation = conversation_id
        self._at = at
        self._listed = listed
        self._sent: dict[str, str] = {}
        self._model_dirty = self._list_dirty = self._view_dirty = True
        self._growing = GrowingReply(self._language)
        self._reply_id = ""

    def events(self) -> AsyncIterator[str]:
        """The stream, until the client leaves or the server closes."""
        return steady(self._events())

    async def _events(self) -> AsyncGenerator[str]:
        wake = asyncio.Event()
        loop = asyncio.get_running_loop()

        later = threading.Event()

        def on_change(conversation_id: str, structural: bool) -> None:
            mine = conversation_id == self._conversation
            if not conversation_id:
                for_all()
                return
            if structural:
                self._list_dirty = True
                self._view_dirty = self._view_dirty or mine
            if (structural or mine) and not wake.is_set():
                loop.call_soon_threadsafe(wake.set)

        def for_all() -> None:
            # Each turn of anybody is three changes for everybody.
            self._model_dirty = True
            if self._feed is not None:
                self._feed.touch()
            if not PACE.calm:
                if not wake.is_set():
                    loop.call_soon_threadsafe(wake.set)
            elif not later.is_set():
                later.set()
                loop.call_soon_threadsafe(loop.call_later, PACE.calm, calmly)

        def calmly() -> None:
            later.clear()
            wake.set()

        PACE.opened(self)
        ends = self._service.listen(on_change), self._models.listen(for_all)
        try:
            yield "retry: 1000\n\n"
            while not self._closing.is_set():
                wake.clear()
                # What is this page's own, a list or a conversation, may take long: the others do not wait for it.
                alone = self._list_dirty or self._view_dirty or not PACE.is_growing(self)
                if self._dirty or self._reply_id:
                    hop = asyncio.to_thread if alone else PACE.together
                    for event in await looked(self._changes, self._closing, hop) or ():
                        yield event
                feed = self._feed
                if feed is not None and not feed.due_in and (sections := await asyncio.to_thread(feed.changes)):
                    yield self._event("models", {"sections": sections})
                if alone:
                    await asyncio.sleep(_TICK)
                await either(wake, self._closing, PING if feed is None else min(PING, feed.due_in))
                yield ""
        finally:
            PACE.left(self)
            for end in ends:
                end()

    @property
    def _dirty(self) -> bool:
        return self._model_dirty or self._list_dirty or self._view_dirty

    def _changes(self) -> list[str]:
        events = self._structure() if self._dirty else []
        if self._reply_id:
            events.append(self._grow())
        return [event for event in events if event]

    def _structure(self) -> list[str]:
        events = []
        history = self._service.history
        if self._list_dirty:
            self._list_dirty = False
            listed = listing(history, self._listed)
            events.append(self._event("list", {"html": list_html(listed, self._language)}))
        self._model_dirty = False
        events.append(self._event("model", model_view(self._models.header(), self._language)))
        warning = reason_words(self._language, self._service.warning)
        events.append(self._event("warning", {"text": warning}))
        if self._conversation and self._view_dirty:
            self._view_dirty = False
            events.append(self._view())
        return events

    def _view(self) -> str:
        PACE.ended(self)
        self._reply_id = ""
        try:
            conversation = self._service.history.conversation(self._conversation)
            window = self._service.history.window(self._conversation, WINDOW)
            if self._at and self._at not in {message.id for message in window.messages}:
                window = self._service.history.window(self._conversation, WINDOW, around=self._at)
        except MissingError:
            return self._event("gone", {})
        live = self._service.live_reply(conversation.leaf_id)
        # A page that draws the view anew shows an empty live message: everything is sent to it again.
        self._growing = GrowingReply(self._language)
        self._sent.pop("live", None)
        self._reply_id = live.reply_id if live else ""
        last = conversation.leaf_id
        model = (live.model if live else "") or self._service.manager.chosen
        return self._event(
            "view",
            {
                "conversation": conversation.id,
                "title": conversation.title,
                "settings": settings_version(conversation),
                "leaf": conversation.leaf_id,
                "streaming": bool(live),
                "earlier": window.earlier,
                "later": window.later,
                "items": [message_view(m, self._language, last=m.id == last, model=model) for m in window.messages],
            },
        )

    def _grow(self) -> str:
        live = self._service.live_reply(self._reply_id)
        if live is None:
            return ""
        if live.phase == "writing":
            PACE.grows(self)
        first, blocks = self._growing.update(live.text)
        state, wait = self._models.manager.state, self._service.wait_of(live.reply_id)
        return self._event(
            "live",
            {
                "id": live.reply_id,
                "from": first,
                "blocks": [block_html(block) for block in blocks],
                "text": live_text(live, state, self._language, wait),
                "rate": rate_text(live.tokens_per_second, self._language),
                "notice": reason_words(self._language, live.notice),
                "tokens": live.completion_tokens,
            },
        )

    def _event(self, name: str, data: dict[str, Any]) -> str:
        body = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
        if self._sent.get(name) == body:
            return ""
        self._sent[name] = body
        return f"event: {name}\ndata: {body}\n\n"


def listing(history: History, limit: int) -> Listed:
    """The conversations that a list of this length shows."""
    counts, more = history.counts(), limit + 1  # One more than is shown tells whether there are older ones.
    return Listed(
        pinned=history.conversations(more, pinned=True),
        folders={name: history.conversations(more, folder=name, pinned=False) for name in counts.folders},
        others=history.conversations(more, folder="", pinned=False),
        archived=history.conversations(more, place="archive") if counts.archived else (),
        trashed=history.conversations(more, place="trash") if counts.trashed else (),
        counts=counts,
        limit=limit,
    )
