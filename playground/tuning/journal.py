"""The journal of a training: one event a line, only ever added to. A line that was torn off is left out when read."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any


class Journal:
    """Adds events to a file; each is on its way to the disk when `add` returns."""

    def __init__(self, file: Path) -> None:
        """What a killed writer left of its last line is ended, so that the next event stands on a line of its own."""
        file.parent.mkdir(parents=True, exist_ok=True)
        self._out = file.open("ab")
        if self._out.tell() and not _ends_with_line(file):
            self._out.write(b"\n")

    def add(self, kind: str, **values: Any) -> None:
        """Note an event. Raises OSError when the disk does not take it."""
        line = json.dumps({"at": round(time.time(), 3), "kind": kind, **_finite(values)}, ensure_ascii=False)
        # Half a character, as in a file name that is no text, becomes what JSON writes for it.
        self._out.write(line.encode("utf-8", "backslashreplace") + b"\n")
        self._out.flush()

    def sync(self) -> None:
        """Return when all is on the disk."""
        os.fsync(self._out.fileno())

    def close(self) -> None:
        """Return when all is on the disk; nothing more is added."""
        with self._out:
            self.sync()


class JournalReader:
    """Reads what has been added since the last time."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._at = 0

    def news(self) -> list[dict[str, Any]]:
        """The events that came since; an unfinished line waits for the next time."""
        try:
            with self._file.open("rb") as lines:
                lines.seek(self._at)
                found = lines.read()
        except FileNotFoundError:
            return []
        whole, _, _ = found.rpartition(b"\n")
        self._at += len(whole) + 1 if whole else 0
        return list(_events(whole))


def read_journal(file: Path) -> list[dict[str, Any]]:
    """All events."""
    return JournalReader(file).news()


def _events(data: bytes) -> Iterator[dict[str, Any]]:
    for line in data.split(b"\n"):
        try:
            event = json.loads(line)
        except ValueError:
            continue  # Torn off by a kill.
        if isinstance(event, dict) and isinstance(event.get("kind"), str):
            yield event


def _finite(values: Mapping[str, Any]) -> dict[str, Any]:
    """JSON knows no NaN: such a number is told as a word."""
    return {key: str(one) if isinstance(one, float) and not math.isfinite(one) else one for key, one in values.items()}


def _ends_with_line(file: Path) -> bool:
    with file.open("rb") as end:
        end.seek(-1, os.SEEK_END)
        return end.read() == b"\n"
