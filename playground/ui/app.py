"""The whole page: tabs inside one Gradio app, the live routes beside it, our theme, words, styles and script."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import gradio as gr
from fastapi import FastAPI
from gradio.i18n import I18nData

from playground.chat import ChatService
from playground.ui.live import build_router
from playground.ui.strings import COOKIE, LANGUAGES, all_words
from playground.ui.tabs.chat import build_chat_tab
from playground.ui.theme import build_theme

_STATIC = Path(__file__).parent / "static"
_HEADER = """
<header>
  <strong>Playground</strong>
  <button type="button" id="pg-drawer" class="icon" data-label="conversations" aria-controls="pg-side"><svg viewBox="0 0 24 24" aria-hidden="true"><path d="M4 6h16M4 12h16M4 18h16"/></svg></button>
  <div id="pg-status" role="status"><i></i><b></b><span></span></div>
  <button type="button" id="pg-language" class="icon" data-label="language_name" data-t="language"></button>
  <button type="button" id="pg-theme" class="icon" data-label="theme"><svg viewBox="0 0 24 24" aria-hidden="true"><path d="M20 14A8 8 0 1 1 10 4a6 6 0 0 0 10 10z"/></svg></button>
</header>"""


def mount_ui(app: FastAPI, service: ChatService, closing: asyncio.Event, damaged: Path | None) -> None:
    """Put the page at `/` of `app`, and its stream and texts under `/page`."""
    app.include_router(build_router(service, closing), prefix="/page", include_in_schema=False)
    gr.mount_gradio_app(
        app,
        build_blocks(service),
        path="/",
        theme=build_theme(),
        head=_head(damaged.name if damaged else ""),
        i18n=gr.I18n(**{language: all_words(language) for language in LANGUAGES}),
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


def build_blocks(service: ChatService) -> gr.Blocks:
    """All tabs. Labels are keys that the browser puts into its own language."""

    def words(key: str) -> Any:
        return I18nData(key)

    with gr.Blocks(title="Playground", fill_width=True, fill_height=True, analytics_enabled=False) as blocks:
        gr.HTML(_HEADER, elem_id="pg-header", apply_default_css=False)
        with gr.Tabs(elem_id="pg-tabs"), gr.Tab(words("tab.chat"), id="chat"):
            build_chat_tab(service, words)
    return blocks


def _head(damaged: str) -> str:
    """Styles, words and script inline, so that the page needs no second request before it can work.

    Gradio's own `css` parameter repeats every rule with a longer selector, which then wins over the rules meant to.
    """
    words = json.dumps({language: all_words(language) for language in LANGUAGES}, ensure_ascii=False)
    settings = f"window.PLAYGROUND = {{cookie: {json.dumps(COOKIE)}, words: {words}, damaged: {json.dumps(damaged)}}};"
    script = (_STATIC / "app.js").read_text(encoding="utf-8")
    safe = (settings + "\n" + script).replace("</script", "<\\/script")
    style = (_STATIC / "app.css").read_text(encoding="utf-8")
    return f"<style>{style}</style><script>{safe}</script>"
