"""Stands before every request: only our own host name, no foreign page's requests, and a policy for ours.

Without it any web page could reach a server on loopback through DNS rebinding or a blind POST.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
# Gradio builds functions from strings, hence 'unsafe-eval'; nothing may be fetched from or sent to anywhere else.
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)


class Guard:
    """ASGI middleware. `host` is what the server was told to listen on, `names` others by which it is known,
    in small letters; they may become more."""

    def __init__(self, app: ASGIApp, host: str, names: Collection[str] = ()) -> None:
        self._app = app
        self._names = names
        self._all_addresses = host in ("", "0.0.0.0", "::")
        self._hosts = _LOOPBACK | {host.lower()}
        if self._all_addresses:
            self._hosts |= {socket.gethostname().lower(), f"{socket.gethostname().lower()}.local"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse with 400 or 403, or pass on."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        # A rebound name is always a name: an address may be any of this machine's.
        ours = _name(host) in self._hosts or _name(host) in self._names
        if not ours and not (self._all_addresses and _is_address(_name(host))):
            await PlainTextResponse("This host name is not ours.", 400)(scope, receive, send)
            return
        origin = headers.get("origin")
        foreign = origin is not None and _origin_host(origin) != host
        from_elsewhere = headers.get("sec-fetch-site") == "cross-site" and headers.get("sec-fetch-mode") != "navigate"
        if foreign or from_elsewhere:
            await PlainTextResponse("Requests from other pages are refused.", 403)(scope, receive, send)
            return

        async def send_with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                out = MutableHeaders(scope=message)
                out["Content-Security-Policy"] = _POLICY
                out["X-Content-Type-Options"] = "nosniff"
                out["Referrer-Policy"] = "no-referrer"
            await send(message)

        await self._app(scope, receive, send_with_policy)


def _name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:  # "[" without its "]"
        return ""


def _is_address(name: str) -> bool:
    try:
        return bool(ipaddress.ip_address(name))
    except ValueError:
        return False


def _origin_host(origin: str) -> str:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""
