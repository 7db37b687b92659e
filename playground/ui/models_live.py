"""The Models tab's part of the event stream: its sections, each sent when it has changed; and plans on request."""

from __future__ import annotations

import html
import time
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from playground.errors import PlaygroundError
from playground.models import ModelsService
from playground.ui.models_form import options_from, plan_html
from playground.ui.models_get import jobs_html, offers_html
from playground.ui.models_view import local_html, memory_html
from playground.ui.reasons import reason_words
from playground.ui.strings import language_asked

REFRESH = 5.0
"""Seconds after which free memory is looked at again, though nothing of ours has changed."""
_SPACING = 0.4
"""Seconds between two drawings: a download changes more often than anybody reads."""
_DRAW = {"pm-memory": memory_html, "pm-here": local_html, "pm-jobs": jobs_html, "pm-offers": offers_html}


class ModelsFeed:
    """One page's view of the models: remembers what it was sent."""

    def __init__(self, models: ModelsService, language: str) -> None:
        self._models = models
        self._language = language
        self._sent: dict[str, str] = {}
        self._drawn = 0.0
        self._dirty = True

    def touch(self) -> None:
        """Something has changed."""
        self._dirty = True

    @property
    def due_in(self) -> float:
        """Seconds until it is worth asking for `changes`; 0: now."""
        age = time.monotonic() - self._drawn
        return max(0.0, (_SPACING if self._dirty else REFRESH) - age)

    def changes(self) -> dict[str, str]:
        """HTML of the sections that differ from what was sent, by the id of their box."""
        self._drawn, self._dirty = time.monotonic(), False
        try:
            overview = self._models.overview()
        except (PlaygroundError, OSError) as error:  # The rest of the page lives by the same stream.
            words = reason_words(self._language, str(error))
            drawn = {"pm-memory": f'<p class="error">{html.escape(words)}</p>'}
        else:
            drawn = {box: draw(overview, self._language) for box, draw in _DRAW.items()}
        changed = {box: body for box, body in drawn.items() if self._sent.get(box) != body}
        self._sent |= changed
        return changed


def build_models_router(models: ModelsService) -> APIRouter:
    """The route beside the stream: what a model would take if it were loaded as a form says."""
    router = APIRouter()

    @router.get("/plan")
    def plan(request: Request, model: str) -> Response:
        language = language_asked(request)
        values: dict[str, Any] = dict(request.query_params)
        try:
            options = options_from(values, models.manager.options_of(model))
            found = models.manager.plan(model, options)
        except PlaygroundError as error:
            return JSONResponse({"error": reason_words(language, str(error))})
        return JSONResponse({"html": plan_html(found, language)})

    return router
