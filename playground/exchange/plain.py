"""Reads a conversation that is a plain list of messages: ShareGPT (`from`, `value`) and OpenAI (`role`, `content`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from playground.errors import BadValueError
from playground.exchange.foreign import Notes, Said, build, chain, key_of, moment, rows_of, table, text_or
from playground.exchange.openwebui import content_of

KEYS = ("conversations", "conversation", "items", "messages")
_ROLES = {
    **dict.fromkeys(("user", "human", "prompter"), "user"),
    **dict.fromkeys(("assistant", "gpt", "chatgpt", "bot", "model", "bing", "bard"), "assistant"),
    **dict.fromkeys(("system", "developer"), "system"),
    **dict.fromkeys(("tool", "function", "function_call", "observation"), "tools"),
}


def read(entry: Mapping[str, Any], notes: Notes) -> dict[str, Any]:
    """What `History.load` takes. Raises BadValueError."""
    key = next(key for key in KEYS if key in entry)
    said: list[Said] = []
    system = [text_or(entry.get("system"))]
    model = text_or(entry.get("model"))
    for number, row in enumerate(rows_of(entry[key], key), 1):
        where = f"message {number}"
        row = table(row, where)
        speaker = row.get("from", row.get("role"))
        role = _ROLES.get(speaker.lower()) if isinstance(speaker, str) else None
        if role is None:
            raise BadValueError(f"It is not known who says its {where}.")
        text, files = content_of(row.get("value", row.get("content", row.get("text"))), where)
        if role == "system" and not said:
            system.append(text)
        elif role in ("system", "tools") or not (text.strip() or files):
            notes.counts["tools" if row.get("tool_calls") or role == "tools" else role if text else "empty"] += 1
        else:
            time = moment(row.get("timestamp", row.get("create_time")))
            said.append(Said(None, role, text, time=time, model=text_or(row.get("model")) or model, files=files))
    created = moment(entry.get("create_time", entry.get("created_at", entry.get("timestamp"))))
    return build(
        key_of("plain", entry),  # Data sets number their entries: an id means nothing outside of its file.
        entry.get("title"),
        chain(said),
        None,
        notes,
        system="\n\n".join(filter(None, system)),
        created=created,
    )
