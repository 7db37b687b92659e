"""The routes of /v1 over the echo engine or a real one, on a free port of this machine, as programs meet them."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import openai
import uvicorn
from fastapi import APIRouter, FastAPI

from playground.access.hashing import hashed_secret, new_secret
from playground.access.quota import Quota, Quotas
from playground.access.throttle import Throttle
from playground.api.openai_routes import build_openai_router
from playground.engine.embedding import Embedders
from playground.paths import open_data_folder
from playground.services import Services, open_services
from playground.settings import load_settings
from playground.store.access import Access
from playground.store.access_values import SCOPES, ApiKey, Limits
from tests.conftest import wait_for

MANY = Limits(requests_per_hour=10**6, tokens_per_hour=10**9, concurrent=100)


@dataclass
class Api:
    """A running server and what it stands on."""

    url: str
    folder: Path
    services: Services
    access: Access
    throttle: Throttle
    closing: asyncio.Event
    router: APIRouter | None = None
    loop: asyncio.AbstractEventLoop | None = None
    quotas: Quotas = field(default_factory=Quotas)

    def key(self, *scopes: str, limits: Limits = MANY) -> str:
        """A new key."""
        secret = new_secret("pg-")
        self.access.add_key("a program", secret[:6], hashed_secret(secret), scopes or SCOPES, limits)
        return secret

    def kept(self, client: openai.OpenAI) -> ApiKey:
        """A client's key as it is kept."""
        found = self.access.key_of(hashed_secret(client.api_key))
        assert found is not None
        return found

    def quota(self, key: ApiKey) -> Quota:
        """The one of a key."""
        return self.quotas.of(key.id, key.limits)

    def client(self, *scopes: str, limits: Limits = MANY, **options: Any) -> openai.OpenAI:
        """OpenAI's own client; it does not try again by itself."""
        key = options.pop("api_key", None) or self.key(*scopes, limits=limits)
        return openai.OpenAI(base_url=f"{self.url}/v1", api_key=key, **{"max_retries": 0, "timeout": 60.0, **options})

    def http(self, key: str | None = None) -> httpx.Client:
        """Raw requests with a key that may do everything."""
        headers = {"Authorization": f"Bearer {key or self.key()}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=60.0)

    def end(self) -> None:
        """Say that the app closes."""
        assert self.loop is not None
        self.loop.call_soon_threadsafe(self.closing.set)

    def at_work(self) -> int:
        """Places for replies that are taken."""
        return sum(quota.used()[2] for quota in self.quotas.all())

    def idle(self) -> None:
        """Wait until nobody is served: no place taken, nobody in line, no thread left."""
        wait_for(lambda: not self.at_work() and not threads(), 60, "an idle server")
        state = self.services.manager.state
        assert (state.writing, state.waiting) == (0, 0)


def threads() -> int:
    """Of requests."""
    return sum(thread.name == "api-work" for thread in threading.enumerate())


@contextmanager
def served(folder: Path, model: str = "echo", *, load: bool = True, **more: Any) -> Iterator[Api]:
    """A server over a data folder; `more` are settings."""
    data = open_data_folder(str(folder))
    engine = "echo" if model.startswith("echo") else None
    settings = load_settings(data.settings, {"model": model, "engine": engine, **more})
    services, access = open_services(settings, data), Access(data.root / "access.db")
    app = FastAPI(openapi_url=None)
    api = Api("", folder, services, access, Throttle(most=10, seconds=60.0), asyncio.Event())
    embedders, place = Embedders(data, settings), data.cache / "api"
    api.router = build_openai_router(
        services.models, embedders, services.translations, access, api.quota, place, api.closing, api.throttle
    )
    app.include_router(api.router, prefix="/v1")
    # With its protocol named asyncio lets small answers go at once; without it, each takes 40 ms more.
    with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        api.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off", timeout_graceful_shutdown=2))

        async def run() -> None:
            api.loop = asyncio.get_running_loop()
            await server.serve(sockets=[listener])

        thread = threading.Thread(target=lambda: asyncio.run(run()), name="server")
        thread.start()
        try:
            wait_for(lambda: server.started, what="the server")
            if load:
                services.manager.load()
                wait_for(lambda: services.manager.state.phase == "ready", 120, "the model")
            yield api
        finally:
            server.should_exit = True
            thread.join(30)
            services.close()
            access.close()
            services.database.close()
    assert not thread.is_alive()
