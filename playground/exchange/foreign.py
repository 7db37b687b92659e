"""Makes a tree of ours from messages of another program: in order, without what cannot be shown, nothing lost unsaid.

The readers of single formats (`chatgpt`, `openwebui`, `textgen`, `plain`) bring the messages. What they bring is data
of strangers: it is measured and cut here, and never interpreted.
"""

from __future__ import annotations

import html
import json
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from playground.errors import BadValueError
from playground.store.rows import sha256_of

_SPACE = uuid.UUID("0d6e2f0c-9b57-5e0e-8a44-3f1f6f8f6c11")
"""Makes the same ids of the same foreign ids each time, so that a file that is imported twice is known again."""
_LONGEST_TITLE = 80
_LONGEST_NAME = 200
_LATEST = 1e10
_NANOSECONDS = 1e19
NOT_THERE = "This file was not imported; only its name is known."
TEXT_ONLY = "Only the text of this file was imported."


@dataclass(frozen=True)
class File:
    """A file that goes with a message. `text` is None where the export does not hold it."""

    name: str
    media_type: str = ""
    size: int = 0
    text: str | None = None


@dataclass(frozen=True)
class Said:
    """One message of another program. Without a `role` it is left out, and what answers it answers its parent."""

    parent: str | None
    role: str = ""
    text: str = ""
    children: Sequence[str] = ()
    time: float | None = None
    model: str = ""
    files: Sequence[File] = ()
    status: str = "complete"
    error: str = ""
    vote: int = 0
    vote_reason: str = ""


@dataclass
class Notes:
    """What is to be told of an import besides what failed: how often a thing was left out, and which files."""

    counts: Counter[str] = field(default_factory=Counter)
    files: list[str] = field(default_factory=list)

    def sentences(self) -> list[str]:
        """One sentence a thing."""
        return [*(f"{_LEFT_OUT[what]}: {number}." for what, number in self.counts.items() if number), *self.files]


_LEFT_OUT = {
    "tools": "Messages between a model and its tools, left out",
    "hidden": "Hidden messages and instructions, left out",
    "thoughts": "Thoughts of a model that stand apart from its replies, left out",
    "system": "System messages in the middle of a conversation, left out",
    "empty": "Messages without a text, left out",
    "unknown": "Messages of an unknown kind, left out",
    "orphans": "Messages whose predecessor is missing, put at the beginning",
    "folders": "Conversations whose folder is not named in the file, put into none",
}


def build(
    key: str,
    title: Any,
    said: Mapping[str, Said],
    current: Any,
    notes: Notes,
    *,
    system: str = "",
    created: float | None = None,
    updated: float | None = None,
    **values: Any,
) -> dict[str, Any]:
    """What `History.load` takes. `key` tells this conversation from all others; `current` is the message shown last.

    Raises BadValueError when there is no message, or they go round in a circle.
    """
    rows, place, ends = _rows(key, said, notes)
    if not rows:
        raise BadValueError("It has no message of a user or of a model.")
    times = [row["created_at"] for row in rows if row["created_at"] is not None]
    created = created if created is not None else min(times, default=None)
    texts: dict[str, str] = {}
    by_id = {row["id"]: row for row in rows}
    for row, one in zip(rows, (said[name] for name in place if said[name].role), strict=True):
        above = by_id.get(row["parent_id"], {}).get("created_at")
        row["created_at"] = next((moment for moment in (row["created_at"], above, created) if moment is not None), None)
        row["updated_at"] = row["created_at"]
        row["attachments"] = [_attachment(row, number, file, texts) for number, file in enumerate(one.files)]
    name = clean_name(title)
    _note_files(name or _first_line(rows), said.values(), notes)
    chosen = place.get(current) if isinstance(current, str) else None
    leaf = chosen or str(next(row["id"] for row in reversed(rows) if row["parent_id"] is None))
    while leaf in ends:
        leaf = ends[leaf]
    return {
        "id": _id(key),
        "title": name or _first_line(rows),
        "title_by": "user" if name else "first_line",
        "system_prompt": clean(system),
        "leaf_id": leaf,
        "created_at": created,
        "updated_at": updated if updated is not None else max(times, default=created),
        "messages": rows,
        "texts": texts,
        **values,
    }


def _rows(
    key: str, said: Mapping[str, Said], notes: Notes
) -> tuple[list[dict[str, Any]], dict[str, str | None], dict[str, str]]:
    """Messages in the order of their tree; for each foreign id what stands in its place; and for each message the
    newest that answers it.
    """
    below: dict[str | None, list[str]] = {}
    for name, one in said.items():
        if one.parent is not None and one.parent not in said:
            notes.counts["orphans"] += bool(one.role)
        below.setdefault(one.parent if one.parent in said else None, []).append(name)
    for parent_name, children in below.items():
        listed = said[parent_name].children if parent_name is not None else ()
        order = {child: at for at, child in enumerate(listed)}
        children.sort(key=lambda child: order.get(child, len(order)))
    rows: list[dict[str, Any]] = []
    place: dict[str, str | None] = {}
    ends: dict[str, str] = {}
    waiting: list[tuple[str, str | None]] = [(name, None) for name in reversed(below.get(None, []))]
    while waiting:
        name, parent = waiting.pop()
        one = said[name]
        if one.role:
            rows.append(_row(_id(key, name), parent, one))
            if parent is not None:
                ends[parent] = rows[-1]["id"]
            parent = rows[-1]["id"]
        place[name] = parent
        waiting += [(child, parent) for child in reversed(below.get(name, []))]
    if len(place) < len(said):
        raise BadValueError("Its messages answer each other in a circle.")
    return rows, place, ends


def _row(message_id: str, parent: str | None, one: Said) -> dict[str, Any]:
    return {
        "id": message_id,
        "parent_id": parent,
        "role": one.role,
        "content": clean(one.text),
        "status": one.status,
        "error": clean(one.error),
        "created_at": one.time,
        "vote": one.vote,
        "vote_reason": clean(one.vote_reason),
        "parts": [{"model": clean_name(one.model)}] if one.model and one.role == "assistant" else [],
    }


def _attachment(row: Mapping[str, Any], number: int, file: File, texts: dict[str, str]) -> dict[str, Any]:
    text = clean(file.text or "")
    sha256 = sha256_of(text)
    texts[sha256] = text
    return {
        "id": _id(row["id"], f"file {number}"),
        "position": number,
        "name": clean_name(file.name) or "file",
        "media_type": clean_name(file.media_type),
        "size": file.size or len(text.encode()),
        "notes": [NOT_THERE if file.text is None else TEXT_ONLY],
        "characters": len(text),
        "text_sha256": sha256,
        "created_at": row["created_at"],
    }


def _note_files(title: str, said: Iterable[Said], notes: Notes) -> None:
    missing = [clean_name(file.name) or "file" for one in said if one.role for file in one.files if file.text is None]
    if missing:
        notes.files.append(f"Files of “{title}” that are not in the import: {', '.join(missing)}.")


def _first_line(rows: Sequence[Mapping[str, Any]]) -> str:
    texts = [row["content"] for row in sorted(rows, key=lambda row: row["role"] != "user")]
    return next((" ".join(text.split())[:_LONGEST_TITLE] for text in texts if text.strip()), "…")


def _id(*names: str) -> str:
    return uuid.uuid5(_SPACE, "\0".join(map(clean, names))).hex


def key_of(program: str, entry: Mapping[str, Any], *names: Any) -> str:
    """What tells a conversation from all others: its id in that program, else all that it says.

    Raises BadValueError where that goes too deep.
    """
    if known := next((name for name in names if isinstance(name, str) and name), None):
        return f"{program} {known}"
    try:
        return f"{program} {sha256_of(json.dumps(entry, sort_keys=True))}"
    except RecursionError:  # A parser goes down further than a writer.
        raise BadValueError("Its JSON has too many levels. Export it again.") from None


def chain(said: Sequence[Said]) -> dict[str, Said]:
    """Messages that follow one another."""
    return {str(at): replace(one, parent=str(at - 1) if at else None) for at, one in enumerate(said)}


def clean(text: str) -> str:
    """The text with halves of characters joined or replaced; a store cannot hold them."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def unescaped(text: str) -> str:
    """The text without a page's escapes; as it stands where it names a sign by a number that is no number any more."""
    try:
        return html.unescape(text)
    except ValueError:  # Python reads no number of more than 4,300 digits.
        return text


def clean_name(text: Any) -> str:
    """A title or a name: one line, not too long; empty for what is no text."""
    return " ".join(clean(text).split())[:_LONGEST_NAME] if isinstance(text, str) else ""


def moment(value: Any) -> float | None:
    """Seconds since the epoch, from seconds, milli-, micro- or nanoseconds, or an ISO date; else None."""
    if isinstance(value, str):
        try:
            return moment(datetime.fromisoformat(value).timestamp())
        except (ValueError, OverflowError, OSError):
            return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < _NANOSECONDS:
        return None
    seconds = float(value)
    while seconds >= _LATEST:
        seconds /= 1000
    return seconds


def table(value: Any, what: str) -> dict[str, Any]:
    """The value, if it is a table. Raises BadValueError that names it."""
    if not isinstance(value, dict):
        raise BadValueError(f"Its {what} is not a table.")
    return value


def rows_of(value: Any, what: str) -> list[Any]:
    """The value, if it is a list. Raises BadValueError that names it."""
    if not isinstance(value, list):
        raise BadValueError(f"Its {what} is not a list.")
    return value


def text_or(value: Any, otherwise: str = "") -> str:
    """The value, if it is a text."""
    return value if isinstance(value, str) else otherwise


def table_or(value: Any) -> dict[str, Any]:
    """The value, if it is a table; else an empty one."""
    return value if isinstance(value, dict) else {}


def links(node: Mapping[str, Any], where: str, parent: str, children: str) -> tuple[str | None, list[str]]:
    """What a message says of its place in a tree, under these keys. Raises BadValueError for a parent that is no id."""
    above = node.get(parent)
    if above is not None and not isinstance(above, str):
        raise BadValueError(f"The parent of its {where} is not an id.")
    return above, [child for child in list_or(node.get(children)) if isinstance(child, str)]


def list_or(value: Any) -> list[Any]:
    """The value, if it is a list; else an empty one."""
    return value if isinstance(value, list) else []
