"""Stands before every request: only our own host name, no foreign page's requests, and a policy for ours.

Without it any web page could reach a server on loopback through DNS rebinding or a blind POST.
"""

from __future__ import annotations

import ipaddress
import logging
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


# What no page of another origin may do with ours, and what ours never asks a browser for.
_ALWAYS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    # Browsers look up the names in links before anybody follows one: a name can carry a secret.
    "X-DNS-Prefetch-Control": "off",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=(), serial=(), display-capture=()",
}
_SAME_FOR_ALL = ("/assets/", "/static/", "/theme.css", "/favicon.ico", "/robots.txt")
"""What a browser may keep: nothing in it is anybody's."""
_SAFE = ("GET", "HEAD")
log = logging.getLogger(__name__)


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
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":  # There is none.
            await send({"type": "websocket.close", "code": 1008})
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def send_with_policy(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                out = MutableHeaders(scope=message)
                for name, value in _ALWAYS.items():
                    out[name] = value
                if message["status"] >= 400 or not scope["path"].startswith(_SAME_FOR_ALL):
                    out["Cache-Control"] = "no-store"
            await send(message)

        try:
            await (self._refusal(scope) or self._app)(_without_claims(scope), receive, send_with_policy)
        except Exception:
            if begun:
                raise
            log.exception("a request failed")
            words = "Something went wrong. The log file says more."
            await PlainTextResponse(words, 500)(scope, receive, send_with_policy)

    def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        headers = Headers(scope=scope)
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        name = _name(hosts[0]) if len(hosts) == 1 else ""
        # A rebound name is always a name: an address may be any of this machine's.
        ours = name in self._hosts or name in self._names
        if not ours and not (self._all_addresses and _is_address(name)):
            return PlainTextResponse("This host name is not ours.", 400)
        # In front of a tunnel stands TLS that is not ours, and does not always say so.
        said = headers.get("x-forwarded-proto", scope["scheme"]).split(",")[0].strip()
        schemes = ("http", "https") if name in self._names else (said,)
        foreign = any(one not in [f"{scheme}://{hosts[0]}" for scheme in schemes] for one in origins)
        # Another port of the same machine is another origin, though of the same site.
        elsewhere = headers.get("sec-fetch-site") in ("cross-site", "same-site")
        followed = headers.get("sec-fetch-mode") == "navigate" and scope["method"] in _SAFE  # A link to us.
        if foreign or len(origins) > 1 or (elsewhere and not followed):
            return PlainTextResponse("Requests from other pages are refused.", 403)
        return None


def _without_claims(scope: Scope) -> Scope:
    """Without a name of ours that somebody else says: Gradio would write it into the page as its own address."""
    return {**scope, "headers": [one for one in scope["headers"] if one[0] != b"x-forwarded-host"]}


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
