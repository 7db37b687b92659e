"""The whole page: tabs inside one Gradio app, the live routes beside it, our theme, words, styles and script."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import gradio as gr
from fastapi import FastAPI
from gradio.i18n import I18nData

from playground.chat import ChatService
from playground.models import ModelsService
from playground.replay import Replays
from playground.summarize.asking import Asking
from playground.summarize.service import SummaryService
from playground.translate.service import TranslationService
from playground.tuning.service import TuningService
from playground.ui.document import Document
from playground.ui.file_routes import build_file_router
from playground.ui.live import build_router
from playground.ui.memory_routes import build_memory_router
from playground.ui.strings import all_words
from playground.ui.summary_routes import build_summary_router
from playground.ui.tabs.chat import build_chat_tab
from playground.ui.tabs.models import build_models_tab
from playground.ui.tabs.summaries import build_summaries_tab
from playground.ui.tabs.translate import build_translate_tab
from playground.ui.tabs.tune import build_tune_tab
from playground.ui.theme import build_theme
from playground.ui.training_run_routes import build_training_run_router
from playground.ui.translation_routes import build_translation_router
from playground.ui.tune_routes import build_tune_router

_LIST_ICON = '<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M4 6h16M4 12h16M4 18h16"/></svg>'
_MOON_ICON = '<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M20 14A8 8 0 1 1 10 4a6 6 0 0 0 10 10z"/></svg>'
_HEADER = f"""
<header>
  <strong>Playground</strong>
  <button type="button" id="pg-drawer" class="icon" data-label="conversations">{_LIST_ICON}</button>
  <div id="pg-status" role="status">
    <button type="button" data-title="m.to_models"><i></i><b></b><span></span></button>
  </div>
  <button type="button" id="pg-language" class="icon" data-label="language_name" data-t="language"></button>
  <button type="button" id="pg-theme" class="icon" data-label="theme">{_MOON_ICON}</button>
</header>"""


def mount_ui(
    app: FastAPI,
    service: ChatService,
    models: ModelsService,
    summaries: SummaryService,
    asking: Asking,
    translations: TranslationService,
    trainings: TuningService,
    closing: asyncio.Event,
    damaged: Path | None,
    uploads: Path,
) -> None:
    """Put the page at `/` of `app`, and what it asks for under `/page`; `uploads` is for files on their way."""
    replays = Replays(service.history, service.manager)
    router = build_router(service, models, replays, summaries.runs, translations.store, trainings.store, closing)
    app.include_router(router, prefix="/page", include_in_schema=False)
    app.include_router(build_file_router(service, uploads), prefix="/page", include_in_schema=False)
    router = build_summary_router(summaries, asking, service, uploads, closing)
    app.include_router(router, prefix="/page/summaries", include_in_schema=False)
    router = build_translation_router(translations, models, uploads, closing)
    app.include_router(router, prefix="/page/translate", include_in_schema=False)
    router = build_tune_router(trainings, models, service.history, uploads, closing)
    app.include_router(router, prefix="/page/tune", include_in_schema=False)
    app.include_router(build_training_run_router(trainings), prefix="/page", include_in_schema=False)
    router = build_memory_router(translations.memory, uploads)
    app.include_router(router, prefix="/page/memory", include_in_schema=False)
    gr.mount_gradio_app(
        app,
        build_blocks(service, replays, models),
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
        app_kwargs={"docs_url": None, "redoc_url": None, "openapi_url": None},
    )
    app.add_middleware(Document, damaged=damaged.name if damaged else "")


def build_blocks(service: ChatService, replays: Replays, models: ModelsService) -> gr.Blocks:
    """All tabs. Labels are keys that the browser puts into its own language."""

    def words(key: str) -> Any:
        return I18nData(key)

    with gr.Blocks(title="Playground", fill_width=True, fill_height=True, analytics_enabled=False) as blocks:
        gr.HTML(_HEADER, elem_id="pg-header", apply_default_css=False)
        with gr.Tabs(elem_id="pg-tabs"):
            with gr.Tab(words("tab.chat"), id="chat"):
                build_chat_tab(service, replays, words)
            with gr.Tab(words("tab.summaries"), id="summaries"):
                build_summaries_tab()
            with gr.Tab(words("tab.translate"), id="translate"):
                build_translate_tab()
            with gr.Tab(words("tab.tune"), id="tune"):
                build_tune_tab()
            with gr.Tab(words("tab.models"), id="models"):
                build_models_tab(models)
    made: gr.Blocks = blocks
    return made
