"""Keys to servers that a person typed: in memory until the app ends, each for the one server it was given for."""

from __future__ import annotations

import os

_KEYS: dict[str, str] = {}


def remember_key(url: str, key: str) -> None:
    """Use `key` for the server at `url` from now on."""
    _KEYS[url.rstrip("/")] = key


def key_for(url: str) -> str:
    """The key typed for this server, else $PLAYGROUND_API_KEY, else ""."""
    return _KEYS.get(url.rstrip("/")) or os.environ.get("PLAYGROUND_API_KEY", "")
