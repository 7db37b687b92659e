"""Spares a page what Gradio makes for it and nobody uses: two of three apps, and a queue that looks around all day."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import gradio as gr
from gradio.routes import App


@contextlib.contextmanager
def no_app() -> Iterator[None]:
    """While blocks are built: Gradio makes an app of some sixty routes at their beginning and their end, and uses only
    the one that is made when they are mounted. For one thread at a time."""
    kept = App.__dict__["create_app"]
    App.create_app = staticmethod(lambda *_, **__: None)  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        App.create_app = kept  # type: ignore[method-assign]


def without_queue(blocks: gr.Blocks) -> None:
    """Our commands go past the queue of Gradio (`narrow`), whose two loops would look for work twenty times a second,
    for each page that is in memory."""
    blocks._queue.start = lambda: None  # type: ignore[method-assign]
