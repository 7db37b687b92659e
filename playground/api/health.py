"""`GET /health`: is the app up, what is its model doing, which heavy libraries are in the process."""

from __future__ import annotations

import sys
from typing import Any

from fastapi import APIRouter

from playground import __version__
from playground.chat import ChatService

_HEAVY = ("torch", "transformers", "peft", "bitsandbytes", "xllamacpp")


def build_health(service: ChatService) -> APIRouter:
    """The health route; it touches neither the model nor the history."""
    router = APIRouter()

    @router.get("/health")
    def health() -> dict[str, Any]:
        state = service.manager.state
        return {
            "status": "ok",
            "version": __version__,
            "model": {"name": state.model, "engine": state.engine, "phase": state.phase, "detail": state.detail},
            "imported": {name: name in sys.modules for name in _HEAVY},
        }

    return router
