"""The page of somebody who is in: the rooms they may use, over their own services. Of the others there is no route."""

from __future__ import annotations

import asyncio
from pathlib import Path

from fastapi import FastAPI
from starlette.types import ASGIApp

from playground.services import Services
from playground.ui.app import mount_ui


def build_page(services: Services, closing: asyncio.Event, uploads: Path, rooms: tuple[str, ...]) -> ASGIApp:
    """See `people.Build`; called in a thread in which no event loop runs."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    async def build() -> None:
        mount_ui(app, services, closing, uploads, rooms)

    # Where no loop runs, Gradio makes some, and leaves them open.
    asyncio.run(build())
    return app
