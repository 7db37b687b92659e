"""Keys to servers: typed ones, in memory until the app ends, and the environment's. Each is for one server."""

from __future__ import annotations

import os

from playground.settings import Settings

_KEYS: dict[str, str] = {}


def remember_key(url: str, key: str) -> None:
    """Use `key` for the server at `url` from now on."""
    _KEYS[url.rstrip("/")] = key


def key_for(url: str, settings: Settings) -> str:
    """The key typed for this server; $PLAYGROUND_API_KEY for the one that the settings name; else "".

    No other server is given the environment's key: one wrong address would give it away.
    """
    url = url.rstrip("/")
    own = {settings.remote_url.rstrip("/"), (settings.model or "").partition("#")[0].rstrip("/")}
    return _KEYS.get(url) or (os.environ.get("PLAYGROUND_API_KEY", "") if url in own else "")
