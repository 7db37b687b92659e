"""Looks through a conversation that comes from outside, before any of it is written: types, links, ids, texts.

Knows the shape that `transfer` reads and writes, and nothing of SQL.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from playground.documents.pictures import picture_facts
from playground.errors import BadValueError
from playground.store.rows import sha256_of
from playground.store.transfer_fields import (
    ATTACHMENT,
    CONVERSATION,
    MESSAGE,
    MOMENT,
    PART,
    REQUIRED,
    SHA256,
    SUMMARY,
    Fields,
    Wrong,
    text,
)

_SHOWN = 60
_INSIDE: Mapping[str, tuple[str, Fields]] = {
    "parts": ("part", PART),
    "attachments": ("attachment", ATTACHMENT),
}


def checked(dumped: Mapping[str, Any], moment: float) -> dict[str, Any]:
    """A conversation as `Transfer.load` may write it: all keys there, none unknown, links whole, nothing streaming.

    Times that are missing become `moment`. Raises BadValueError that says what is wrong and where.
    """
    found = _taken(dumped, CONVERSATION, "the conversation", moment)
    found["messages"] = [
        _message(one, f"message {number}", moment)
        for number, one in enumerate(_rows(dumped, "messages", "the conversation", required=True), 1)
    ]
    found["summaries"] = [
        _taken(one, SUMMARY, f"summary {number}", moment)
        for number, one in enumerate(_rows(dumped, "summaries", "the conversation"), 1)
    ]
    found["summaries"].sort(key=lambda summary: summary["upto_id"])
    _check_links(found)
    found["texts"] = _checked_texts(dumped.get("texts", {}), found)
    return found


def unknown_keys(dumped: Mapping[str, Any]) -> set[str]:
    """Keys that mean nothing here, such as "mood" or "messages.mood"; asked of what `checked` has let through."""
    extra = set(dumped) - {*CONVERSATION, "messages", "summaries", "texts"}
    for message in dumped["messages"]:
        extra |= {f"messages.{key}" for key in message.keys() - MESSAGE.keys() - _INSIDE.keys()}
        for inside, (_, table) in _INSIDE.items():
            rows = message.get(inside, ())
            extra |= {f"messages.{inside}.{key}" for row in rows for key in row.keys() - table.keys()}
    return extra | {f"summaries.{key}" for one in dumped.get("summaries", ()) for key in one.keys() - SUMMARY.keys()}


def _message(source: Mapping[str, Any], where: str, moment: float) -> dict[str, Any]:
    message = _taken(source, MESSAGE, where, moment)
    if message["status"] == "streaming":  # Whoever wrote it is not here.
        message["status"] = "stopped"
    for key, (name, table) in _INSIDE.items():
        message[key] = [
            _taken(one, table, f"{name} {number} of {where}", moment)
            for number, one in enumerate(_rows(source, key, where), 1)
        ]
    message["parts"].sort(key=lambda part: part["part"])
    for number, file in enumerate(message["attachments"], 1):
        _check_image(file, f"Attachment {number} of {where}")
    return message


def _check_image(file: Mapping[str, Any], where: str) -> None:
    """What will be shown to pages and models has to be what it says, and small."""
    said = tuple(file[key] for key in ("media_type", "width", "height"))
    if file["data"] is None:
        if said[1:] != (None, None):
            raise BadValueError(f"{where} has the size of an image, but no image.")
    elif picture_facts(base64.b64decode(file["data"])) != said:
        raise BadValueError(f"{where} is not the image that it says it is, or a damaged one.")


def _rows(source: Mapping[str, Any], key: str, where: str, *, required: bool = False) -> Sequence[Mapping[str, Any]]:
    rows = source.get(key) if required else source.get(key, [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise BadValueError(f"{key} of {where} is {_shown(rows)}, but has to be {'a list of tables'}.")
    return rows


def _taken(source: Mapping[str, Any], table: Fields, where: str, moment: float) -> dict[str, Any]:
    taken: dict[str, Any] = {}
    for key, (check, default) in table.items():
        if default is MOMENT:
            value = source.get(key)
            value = moment if value is None else value
        elif key not in source:
            if default is REQUIRED:
                raise BadValueError(f"{key} of {where} is missing in the file.")
            value = list(default) if default == () else default
        else:
            value = source[key]
        try:
            taken[key] = check(value)
        except Wrong as wrong:
            raise BadValueError(f"{key} of {where} is {_shown(value)}, but has to be {wrong}.") from None
    return taken


def _check_links(found: Mapping[str, Any]) -> None:
    messages = found["messages"]
    every = {message["id"] for message in messages}
    seen: set[str] = set()
    for number, message in enumerate(messages, 1):
        parent = message["parent_id"]
        if message["id"] in seen:
            raise BadValueError(f"The id of message {number} was given to another one before it.")
        if parent is not None and parent not in every:
            raise BadValueError(f"The message that message {number} answers is not in the file.")
        if parent is not None and parent not in seen:
            raise BadValueError(
                f"Message {number} stands before the one that it answers, or they go round in a circle."
            )
        if len({part["part"] for part in message["parts"]}) < len(message["parts"]):
            raise BadValueError(f"Message {number} has two records of the same part.")
        seen.add(message["id"])
    if found["leaf_id"] is not None and found["leaf_id"] not in every:
        raise BadValueError("The message that the conversation shows last is not in the file.")
    files = [file["id"] for message in messages for file in message["attachments"]]
    ends = [summary["upto_id"] for summary in found["summaries"]]
    if len(set(files)) < len(files):
        raise BadValueError("Two attached files have the same id in this conversation.")
    if len(set(ends)) < len(ends) or not set(ends) <= every:
        raise BadValueError("A summary belongs to a message that is not in the file, or to one that has another.")


def _checked_texts(texts: Any, found: Mapping[str, Any]) -> dict[str, str]:
    """The texts that something here refers to; no others are kept."""
    if not isinstance(texts, dict):
        raise BadValueError(f"texts of the conversation is {_shown(texts)}, but has to be {'a table'}.")
    needed = {file["text_sha256"] for message in found["messages"] for file in message["attachments"]}
    needed |= {summary["text_sha256"] for summary in found["summaries"]}
    if not needed <= texts.keys():
        raise BadValueError("The text of an attached file or a summary is not in the file.")
    needed |= texts.keys() & shared_texts(part for message in found["messages"] for part in message["parts"])
    for sha256 in needed:
        try:
            found_text = text(texts[sha256])
        except Wrong as wrong:
            raise BadValueError(f"A kept text of the conversation is {_shown(texts[sha256])}, not {wrong}.") from None
        if sha256_of(found_text) != sha256:
            raise BadValueError("A kept text was changed: it does not have the SHA-256 that it is known by.")
    return {sha256: texts[sha256] for sha256 in sorted(needed)}


def shared_texts(parts: Any) -> set[str]:
    """SHA-256 of the texts that the records of replies refer to."""
    prompts = [part["prompt"] for part in parts]
    return {prompt[key] for prompt in prompts for key in ("system", "summary") if _is_sha256(prompt.get(key))}


def _is_sha256(value: Any) -> bool:
    return isinstance(value, str) and SHA256.fullmatch(value) is not None


def _shown(value: Any) -> str:
    if isinstance(value, dict | list):
        return "a table" if isinstance(value, dict) else "a list"
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
