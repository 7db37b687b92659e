"""Lets through what our page asks of Gradio, and nothing else of it: no files, no proxy, no uploads, no monitoring."""

from __future__ import annotations

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

OURS = ("/page/", "/v1/", "/health")
"""What is not Gradio's."""
READ = ("/assets/", "/static/", "/svelte/")
PAGES = ("/", "/config", "/theme.css", "/favicon.ico", "/robots.txt")
COMMAND = "/gradio_api/run/predict"
"""By which the page presses Gradio's buttons."""


class Narrow:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on, or answer 404."""
        if scope["type"] == "http" and not allowed(scope["method"], scope["path"]):
            await PlainTextResponse("Not found.", 404)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def allowed(method: str, path: str) -> bool:
    """Whether a request is of those that our page makes, or is not Gradio's."""
    if path.startswith(OURS):
        return True
    if method in ("GET", "HEAD"):
        return path in PAGES or path.startswith(READ)
    return method == "POST" and path == COMMAND
