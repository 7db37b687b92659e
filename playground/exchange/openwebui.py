"""Reads a conversation of Open WebUI: `chat.history.messages` is a tree, in old ones `chat.messages` a list."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from playground.errors import BadValueError
from playground.exchange.foreign import (
    File,
    Notes,
    Said,
    build,
    chain,
    key_of,
    links,
    list_or,
    moment,
    rows_of,
    table,
    table_or,
    text_or,
    unescaped,
)

_THOUGHT, _END = '<details type="reasoning"', "</details>"
_SUMMARY = re.compile(r"\s*<summary>[^<]*</summary>")
_SPACE = re.compile(r"\s*")


def read(entry: Mapping[str, Any], notes: Notes) -> dict[str, Any]:
    """What `History.load` takes. Raises BadValueError."""
    chat = table(entry.get("chat", entry), "chat")
    history = table_or(chat.get("history"))
    nodes = table(history.get("messages", {}), "messages")
    if nodes:
        said = {name: _message(one, f"message {number}", notes) for number, (name, one) in enumerate(nodes.items(), 1)}
    else:
        rows = rows_of(chat.get("messages"), "messages")
        said = chain([_message(one, f"message {number}", notes) for number, one in enumerate(rows, 1)])
    meta = table_or(entry.get("meta"))
    updated = moment(entry.get("updated_at"))
    created = moment(entry.get("created_at"))
    created = created if created is not None else moment(chat.get("timestamp", entry.get("timestamp")))
    if text_or(entry.get("folder_id")):
        notes.counts["folders"] += 1
    marked = updated if updated is not None else created
    return build(
        key_of("openwebui", entry, entry.get("id"), chat.get("id")),
        entry.get("title") or chat.get("title"),
        said,
        history.get("currentId"),
        notes,
        system=text_or(chat.get("system")) or text_or(table_or(chat.get("params")).get("system")),
        created=created,
        updated=updated,
        tags=_tags(list_or(meta.get("tags")) or list_or(chat.get("tags"))),
        pinned_at=marked if entry.get("pinned") is True else None,
        archived_at=marked if entry.get("archived") is True else None,
    )


def _message(message: Any, where: str, notes: Notes) -> Said:
    message = table(message, where)
    parent, children = links(message, where, "parentId", "childrenIds")
    role = message.get("role")
    text, files = content_of(message.get("content"), where)
    files += [_file(one) for one in list_or(message.get("files")) if isinstance(one, dict)]
    error = message.get("error")
    error = text_or(error.get("content")) if isinstance(error, dict) else text_or(error)
    if role not in ("user", "assistant") or not (text.strip() or files or error):
        why = "empty" if role in ("user", "assistant") else "system" if role == "system" else "unknown"
        notes.counts[why] += 1
        return Said(parent, children=children)
    rated = table_or(message.get("annotation"))
    vote = rated.get("rating")
    return Said(
        parent,
        role,
        _with_thoughts(text) if role == "assistant" else text,
        children,
        moment(message.get("timestamp")),
        text_or(message.get("model")) or text_or(message.get("modelName")),
        files,
        "failed" if error else "stopped" if message.get("done") is False else "complete",
        error,
        vote if vote in (1, -1) and not isinstance(vote, bool | float) else 0,
        text_or(rated.get("comment")) or text_or(rated.get("reason")),
    )


def content_of(content: Any, where: str) -> tuple[str, list[File]]:
    """A message's text and pictures: a text, or parts as OpenAI writes them. Raises BadValueError."""
    if isinstance(content, str):
        return content, []
    if content is None:
        return "", []
    if not isinstance(content, list):
        raise BadValueError(f"The content of its {where} is not a text.")
    texts, files = [], []
    for part in content:
        if isinstance(part, dict) and isinstance(part.get("text"), str):
            texts.append(part["text"])
        elif isinstance(part, dict):
            files.append(File(text_or(part.get("type"), "file")))
        else:
            texts.append(text_or(part))
    return "\n\n".join(text for text in texts if text), files


def _file(one: Mapping[str, Any]) -> File:
    inner = table_or(one.get("file"))
    meta = table_or(inner.get("meta"))
    kind = text_or(one.get("type"), "file")
    name = next(filter(None, map(text_or, (one.get("name"), inner.get("filename"), meta.get("name")))), kind)
    text = table_or(inner.get("data")).get("content")
    size = meta.get("size", one.get("size"))
    return File(
        name,
        text_or(meta.get("content_type")) or kind,
        size if isinstance(size, int) and 0 <= size < 2**63 else 0,
        text if isinstance(text, str) and text else None,
    )


def _tags(tags: list[Any]) -> list[str]:
    names = [text_or(tag.get("name")) if isinstance(tag, dict) else text_or(tag) for tag in tags]
    return [" ".join(name.split())[:200] for name in names if name.strip()]


def _with_thoughts(text: str) -> str:
    """The text with what a model thought between the marks that models themselves use."""
    pieces, at = [], 0
    while (start := text.find(_THOUGHT, at)) >= 0:
        inside = text.find(">", start + len(_THOUGHT)) + 1
        end = text.find(_END, inside) if inside else -1
        if end < 0:  # Then none of those that follow ends, either: looking for it would take for ever.
            break
        pieces += [text[at:start], _thought(text[inside:end])]
        at = _behind(_SPACE, text, end + len(_END))
    return "".join([*pieces, text[at:]])


def _thought(inner: str) -> str:
    """Stands there as a quotation below a summary, escaped."""
    lines = unescaped(inner[_behind(_SUMMARY, inner, 0) :]).strip().splitlines()
    return "<think>\n" + "\n".join(re.sub(r"^> ?", "", line) for line in lines) + "\n</think>\n\n"


def _behind(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found else at
