"""The whole page: tabs inside one Gradio app, the live routes beside it, our theme, words, styles and script."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Collection
from pathlib import Path
from typing import Any

import gradio as gr
from fastapi import FastAPI
from gradio.i18n import I18nData

from playground.access.sharing import Sharing
from playground.chat import ChatService
from playground.models import ModelsService
from playground.replay import Replays
from playground.services import Services
from playground.ui.document import Document
from playground.ui.file_routes import build_file_router
from playground.ui.live import build_router
from playground.ui.memory_routes import build_memory_router
from playground.ui.narrow import Narrow
from playground.ui.one_app import no_app, without_queue
from playground.ui.share_routes import build_share_router
from playground.ui.stateless import keep_no_state
from playground.ui.strings import all_words
from playground.ui.summary_routes import build_summary_router
from playground.ui.tabs.chat import build_chat_tab
from playground.ui.tabs.models import build_models_tab
from playground.ui.tabs.share import build_share_tab
from playground.ui.tabs.summaries import build_summaries_tab
from playground.ui.tabs.translate import build_translate_tab
from playground.ui.tabs.tune import build_tune_tab
from playground.ui.theme import build_theme
from playground.ui.training_run_routes import build_training_run_router
from playground.ui.translation_routes import build_translation_router
from playground.ui.tune_routes import build_tune_router

ROOMS = ("chat", "summaries", "translate", "tune", "models", "share")
"""All that there are; there is always a chat."""
_BUILDING = threading.Lock()
"""Gradio keeps the page that is being built in a global: of two at the same time each would get parts of the other."""
_TABS = {"summaries": build_summaries_tab, "translate": build_translate_tab, "tune": build_tune_tab}
_LIST_ICON = '<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M4 6h16M4 12h16M4 18h16"/></svg>'
_MOON_ICON = '<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M20 14A8 8 0 1 1 10 4a6 6 0 0 0 10 10z"/></svg>'
_HEADER = f"""
<header role="banner">
  <h1>Playground</h1>
  <button type="button" id="pg-past" class="ps-past" data-t="past_header"></button>
  <button type="button" id="pg-drawer" class="icon" data-label="conversations">{_LIST_ICON}</button>
  <div id="pg-status" role="status">
    <button type="button" data-title="m.to_models"><i></i><b></b><span></span></button>
  </div>
  <button type="button" id="pg-language" class="icon" data-label="language_name" data-t="language"></button>
  <button type="button" id="pg-theme" class="icon" data-label="theme">{_MOON_ICON}</button>
</header>"""


def mount_ui(
    app: FastAPI,
    services: Services,
    closing: asyncio.Event,
    uploads: Path,
    rooms: Collection[str] = ROOMS,
    sharing: Sharing | None = None,
    leave: str = "",
) -> None:
    """Put the page at `/` of `app`, and what it asks for under `/page`; `uploads` is for files on their way.

    Of rooms that are not among `rooms` there is neither a tab nor a route; without `sharing` there is none of sharing.
    `leave` is the key of what is asked before somebody who is not the owner leaves.
    """
    rooms = [room for room in rooms if room != "share" or sharing is not None]
    service, models, summaries, trainings = services.chat, services.models, services.summaries, services.trainings
    translations, replays = services.translations, Replays(service.history, service.manager, service.begins)
    stores = summaries.runs, translations.store, trainings.store
    routers = {
        "": build_router(service, models, replays, *stores, closing, models_tab="models" in rooms),
        "/": build_file_router(service, uploads),
    }
    if "summaries" in rooms:
        routers["/summaries"] = build_summary_router(summaries, services.asking, service, uploads, closing)
    if "translate" in rooms:
        routers["/translate"] = build_translation_router(translations, models, uploads, closing)
        routers["/memory"] = build_memory_router(translations.memory, uploads)
    if "tune" in rooms:
        routers["/tune"] = build_tune_router(trainings, models, service.history, uploads, closing)
        app.include_router(build_training_run_router(trainings), prefix="/page", include_in_schema=False)
    if "share" in rooms and sharing is not None:
        routers["/share"] = build_share_router(sharing, services.manager.states, closing)
    for place, router in routers.items():
        app.include_router(router, prefix=f"/page{place.rstrip('/')}", include_in_schema=False)
    with _BUILDING:
        with no_app():
            blocks = build_blocks(service, replays, models, rooms, leave)
        without_queue(blocks)

        @contextlib.asynccontextmanager
        async def living(_: FastAPI) -> AsyncIterator[None]:
            try:
                yield
            finally:  # Else tasks of its queue run on, and keep the page and all that it stands on.
                blocks.close(verbose=False)

        gr.mount_gradio_app(
            app,
            blocks,
            path="/",
            theme=build_theme(),
            i18n=gr.I18n(**{"en": all_words("en"), "zh-CN": all_words("zh")}),
            footer_links=[],
            run_history=False,
            enable_monitoring=False,
            show_error=False,
            ssr_mode=False,
            pwa=False,
            mcp_server=False,
            max_file_size="100mb",
            app_kwargs={"docs_url": None, "redoc_url": None, "openapi_url": None, "lifespan": living},
        )
        keep_no_state(app, blocks)
    damaged = services.database.kept_aside
    app.add_middleware(Narrow, commands=_commands(blocks))
    app.add_middleware(Document, damaged=damaged.name if damaged else "", others=bool(leave))


def build_blocks(
    service: ChatService, replays: Replays, models: ModelsService, rooms: Collection[str], leave: str = ""
) -> gr.Blocks:
    """The tabs of these rooms. Labels are keys that the browser puts into its own language."""

    def words(key: str) -> Any:
        return I18nData(key)

    with gr.Blocks(title="Playground", fill_width=True, fill_height=True, analytics_enabled=False) as blocks:
        room_for_six = ["six"] if "share" in rooms else []
        gr.HTML(_header(leave), elem_id="pg-header", elem_classes=room_for_six, apply_default_css=False)
        with gr.Tabs(elem_id="pg-tabs", elem_classes=room_for_six):
            with gr.Tab(words("tab.chat"), id="chat"):
                build_chat_tab(service, replays, words)
            for room, build in _TABS.items():
                if room in rooms:
                    with gr.Tab(words(f"tab.{room}"), id=room):
                        build()
            if "models" in rooms:
                with gr.Tab(words("tab.models"), id="models"):
                    build_models_tab(models)
            if "share" in rooms:
                with gr.Tab(words("tab.share"), id="share"):
                    build_share_tab()
    made: gr.Blocks = blocks
    return made


def _header(leave: str) -> str:
    if not leave:
        return _HEADER
    way_out = f'<button type="button" id="pg-leave" class="icon" data-t="leave" data-ask="{leave}"></button>'
    return _HEADER.replace("</header>", f"{way_out}</header>")


def _commands(blocks: gr.Blocks) -> dict[int, list[Any]]:
    """The numbers of Gradio's functions that are ours, and what each is given the values of."""
    return {number: list(one.inputs) for number, one in blocks.fns.items() if one.fn is not None}
