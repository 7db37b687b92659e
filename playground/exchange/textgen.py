"""Reads a chat of text-generation-webui: rows of what user and model said, other versions of it in `metadata`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from playground.errors import BadValueError
from playground.exchange.foreign import (
    File,
    Notes,
    Said,
    build,
    key_of,
    list_or,
    moment,
    rows_of,
    table_or,
    text_or,
    unescaped,
)

_BEGIN = "<|BEGIN-VISIBLE-CHAT|>"
"""Stands in the place of the user's words before a greeting."""


def read(entry: Mapping[str, Any], notes: Notes) -> dict[str, Any]:
    """What `History.load` takes. Raises BadValueError."""
    inner = rows_of(entry.get("internal", entry.get("data")), "internal")
    visible = list_or(entry.get("visible", entry.get("data_visible")))
    metadata = table_or(entry.get("metadata"))
    said: dict[str, Said] = {}
    system: list[str] = []
    last: str | None = None
    for at, row in enumerate(inner):
        pair = _pair(row, visible[at] if at < len(visible) else None, at)
        for role, text in zip(("user", "assistant"), pair, strict=True):
            about = table_or(metadata.get(f"{role}_{at}"))
            if about.get("role") == "system":
                if said:
                    notes.counts["system"] += 1
                else:
                    system.append(text)
                continue
            name = f"{role}_{at}"
            last = _add(said, name, Said(last, role, text), about) or last
    return build(key_of("textgen", entry), None, said, last, notes, system="\n\n".join(filter(None, system)))


def _pair(row: Any, shown: Any, at: int) -> tuple[str, str]:
    if not isinstance(row, list) or len(row) != 2 or not all(isinstance(text, str) for text in row):
        raise BadValueError(f"Its row {at + 1} is not a pair of texts.")
    user, reply = row
    user = "" if user == _BEGIN else user
    if not reply and isinstance(shown, list) and len(shown) == 2:  # What is shown is escaped for a page.
        reply = unescaped(text_or(shown[1]))
    return user, reply


def _add(said: dict[str, Said], name: str, one: Said, about: Mapping[str, Any]) -> str | None:
    """Put a message in with its other versions beside it; returns what the next one answers."""
    files = [
        File(
            text_or(file.get("name"), "file"),
            text_or(file.get("type")),
            text=file["content"] if isinstance(file.get("content"), str) else None,
        )
        for file in list_or(about.get("attachments"))
        if isinstance(file, dict)
    ]
    versions = [one for one in list_or(about.get("versions")) if isinstance(one, dict)]
    current = about.get("current_version_index")
    shown = None
    for at, version in enumerate(versions):
        text = one.text if at == current else text_or(version.get("content"))
        if text.strip():
            said[f"{name}_{at}"] = Said(one.parent, one.role, text, time=_time(version.get("timestamp")), files=files)
            shown = f"{name}_{at}" if at == current else shown
    if shown is None and (one.text.strip() or files):
        shown = name
        said[name] = Said(one.parent, one.role, one.text, time=_time(about.get("timestamp")), files=files)
    if shown is not None:
        said[shown] = Said(
            one.parent,
            one.role,
            said[shown].text,
            time=_time(about.get("timestamp")) or said[shown].time,
            model=text_or(about.get("model_name")),
            files=files,
        )
    return shown


def _time(value: Any) -> float | None:
    """A time as it is written there, such as "Jan 05, 2026 14:03", where the user is."""
    try:
        return datetime.strptime(text_or(value), "%b %d, %Y %H:%M").timestamp()
    except (ValueError, OverflowError, OSError):
        return moment(value)
