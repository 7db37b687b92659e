"""Names of files from titles, fit for Windows, macOS and Linux. Knows nothing of what is in the files."""

from __future__ import annotations

import re
import unicodedata

_FORBIDDEN = re.compile(r'[<>:"/\\|?*]+')
_DEVICES = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?", re.IGNORECASE)
_MOST_BYTES = 120
"""Of a name without its ending; some file systems take 143 for all of it."""


def safe_name(title: str, suffix: str = "") -> str:
    """A file name from a title; `suffix` is its ending, such as ".md". Never empty, a path or a device."""
    composed = unicodedata.normalize("NFC", title)
    # Signs that are not seen (category C) could make an ending look like another one.
    seen = "".join(" " if sign.isspace() else sign for sign in composed if sign.isspace() or _is_seen(sign))
    name = " ".join(_FORBIDDEN.sub(" ", seen).split()).lstrip(".-~ ")
    name = name.encode()[:_MOST_BYTES].decode(errors="ignore").rstrip(". ")
    if _DEVICES.fullmatch(name):
        name = f"_{name}"
    return f"{name or 'conversation'}{suffix}"


def _is_seen(sign: str) -> bool:
    return not unicodedata.category(sign).startswith("C")
