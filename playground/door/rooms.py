"""The page of somebody who is in: the rooms they may use, over their own services. Of the others there is no route."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.types import ASGIApp

from playground.door.freeing import free_soon
from playground.services import Services
from playground.store.access_values import Person
from playground.ui.app import mount_ui


def build_page(services: Services, closing: asyncio.Event, uploads: Path, person: Person) -> ASGIApp:
    """See `people.Build`; called in a thread in which no event loop runs. It is freed some time after its lifespan."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    async def build() -> None:
        mount_ui(app, services, closing, uploads, person.rooms, leave=_leave(person))

    # Where no loop runs, Gradio makes some, and leaves them open.
    asyncio.run(build())
    within = app.router.lifespan_context

    @contextlib.asynccontextmanager
    async def living(app: FastAPI) -> AsyncIterator[Any]:
        try:
            async with within(app) as state:
                yield state
        finally:
            free_soon()

    app.router.lifespan_context = living
    return app


def _leave(person: Person) -> str:
    """What is asked before somebody leaves."""
    if person.kind == "guest":
        return "leave_kept" if person.kept else "leave_guest"
    return "leave_account"
