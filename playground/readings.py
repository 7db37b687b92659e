"""How a reply's prompt was computed, kept short: it goes on from how the reply before it was, but for its last pieces.

Knows nothing of what the pieces mean (`records.Reading`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from playground.records import Reading
from playground.store import History


def packed(history: History, before: Sequence[str], reading: Reading) -> dict[str, Any]:
    """For a record: all of the reading, or what it has beyond that of the newest of the messages `before`."""
    if not reading:
        return {}
    for message in reversed(history.messages(before[-2:])):
        if message.record is None:
            continue
        last = unpacked(history, message.record["prompt"])
        same = next((at for at, (a, b) in enumerate(zip(last, reading, strict=False)) if a != b), len(last))
        if 1 < same <= len(reading):
            return {"reading": reading[same:], "reading_after": message.id, "reading_same": same}
    return {"reading": reading}


def unpacked(history: History, prompt: Mapping[str, Any]) -> Reading:
    """The whole reading that a record's prompt tells of; empty when a reply that it goes on from is gone."""
    pieces: list[tuple[Reading, int | None]] = []
    while True:
        after = prompt.get("reading_after")
        own = tuple((int(a), int(b), int(c)) for a, b, c in prompt.get("reading", ()))
        pieces.append((own, prompt["reading_same"] if after else None))
        if not after:
            break
        found = history.messages([after])
        if not found or found[0].record is None:
            return ()
        prompt = found[0].record["prompt"]
    whole: Reading = ()
    for own, same in reversed(pieces):
        whole = (*whole[:same], *own) if same is not None else own
    return whole
