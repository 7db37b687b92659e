"""Keeps on disk what a model has read of conversations, so that after a restart it need not read them again.

Each state is a file written by the engine (`<key>-<id>.kv`) and a small JSON file beside it, which says for which
tokens and which model it is. Both hold the user's conversations: the folder is closed to other users, and all of it is
deleted, least recently used first, once it exceeds a cap. Knows nothing of models and of who writes.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import secrets
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from playground.errors import StorageError
from playground.records import Reading

log = logging.getLogger(__name__)
MOST_BYTES = 2_000_000_000
"""The folder's cap: some 40 conversations of 2,000 tokens with the starter model, a few with a large one."""
_STATE, _PART, _CARD = ".kv", ".kv.part", ".json"


@dataclass
class Entry:
    """One state on disk: what reading `tokens` with `adapter` left behind."""

    name: str
    tokens: list[int]
    adapter: str
    size: int
    used: float
    reading: Reading = ()
    """How they were computed."""


class SlotStore:
    """The states of one model in a folder that models share. Any thread may use it; a found one may be gone."""

    def __init__(self, folder: Path, key: str, most_bytes: int = MOST_BYTES) -> None:
        """`key` says all that a state depends on: weights, library, types. Torn files of that key are removed.

        Raises StorageError when the folder cannot be made private.
        """
        self.folder, self._most = folder, most_bytes
        self._key = hashlib.sha256(key.encode()).hexdigest()[:16]
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)
        except OSError as error:
            raise StorageError(f"{folder} cannot be used for the models' memory: {error}. Check the folder.") from error
        self._entries: dict[str, Entry] = {}
        self._sweep()

    def find(self, tokens: Sequence[int], adapter: str) -> tuple[Entry | None, int]:
        """The state that shares the longest beginning with `tokens`, and how many tokens that is."""
        best: tuple[Entry | None, int] = (None, 0)
        for entry in list(self._entries.values()):
            if entry.adapter == adapter and (shared := common_prefix(entry.tokens, tokens)) > best[1]:
                best = (entry, shared)
        return best

    def touch(self, entry: Entry) -> None:
        """It was used now."""
        with contextlib.suppress(OSError):
            os.utime(self.folder / f"{entry.name}{_CARD}")
            entry.used = (self.folder / f"{entry.name}{_CARD}").stat().st_mtime

    def begin(self) -> str:
        """The name of a file in the folder to write a state to; `finish` or `drop` must follow."""
        return f"{self._key}-{secrets.token_hex(8)}{_PART}"

    def finish(self, part: str, tokens: Sequence[int], adapter: str, reading: Reading) -> None:
        """Take the written file in, for good: it replaces the states of beginnings of `tokens`. Never raises OSError:
        a state that cannot be kept costs time at the next start, nothing else."""
        name = part.removesuffix(_PART)
        try:
            file = self.folder / part
            file.chmod(0o600)
            with file.open("r+b") as content:
                os.fsync(content.fileno())
            size = file.stat().st_size
            if size > self._most:  # It would push out all others, and then itself.
                return self._remove(name)
            card = {"key": self._key, "adapter": adapter, "size": size, "tokens": list(tokens), "reading": reading}
            os.replace(file, self.folder / f"{name}{_STATE}")
            # The card comes last: a state without one is swept away.
            new = self.folder / f"{name}{_CARD}.part"
            with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as content:
                json.dump(card, content)
                content.flush()
                os.fsync(content.fileno())
            os.replace(new, self.folder / f"{name}{_CARD}")
        except OSError as error:
            log.warning("what the model read could not be kept in %s: %s", self.folder, error)
            return self._remove(name)
        entry = Entry(name, list(tokens), adapter, size, (self.folder / f"{name}{_CARD}").stat().st_mtime, reading)
        for old in list(self._entries.values()):
            if old.adapter == adapter and common_prefix(old.tokens, tokens) == len(old.tokens):
                self.remove(old)
        self._entries[name] = entry
        self._cap()

    def drop(self, part: str) -> None:
        """Forget a state that was begun."""
        self._remove(part.removesuffix(_PART))

    def remove(self, entry: Entry) -> None:
        """Delete a state."""
        self._entries.pop(entry.name, None)
        self._remove(entry.name)

    def _remove(self, name: str) -> None:
        for ending in (_CARD, f"{_CARD}.part", _STATE, _PART):
            with contextlib.suppress(OSError):
                (self.folder / f"{name}{ending}").unlink(missing_ok=True)

    def _sweep(self) -> None:
        """Learn what is there; remove what a kill or a full disk left half done."""
        for file in self.folder.glob(f"{self._key}-*"):
            name = file.name.partition(".")[0]
            if name not in self._entries and (entry := self._read(name)) is not None:
                self._entries[name] = entry
        for file in self.folder.glob(f"{self._key}-*"):
            name, _, ending = file.name.partition(".")
            if name not in self._entries:
                self._remove(name)
            elif f".{ending}" not in (_CARD, _STATE):
                file.unlink(missing_ok=True)
        self._cap()

    def _read(self, name: str) -> Entry | None:
        try:
            place = self.folder / f"{name}{_CARD}"
            card = json.loads(place.read_text())
            size, tokens = int(card["size"]), [int(token) for token in card["tokens"]]
            if card["key"] != self._key or (self.folder / f"{name}{_STATE}").stat().st_size != size:
                return None
            reading = tuple((int(read), int(kept), int(times)) for read, kept, times in card["reading"])
            return Entry(name, tokens, str(card["adapter"]), size, place.stat().st_mtime, reading)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _cap(self) -> None:
        """Delete what was not used for longest, of whichever model, until the folder is below its cap."""
        there = []
        for state in self.folder.glob(f"*{_STATE}"):
            with contextlib.suppress(OSError):
                size, card = state.stat().st_size, state.with_suffix(_CARD)
                there.append((card.stat().st_mtime if card.exists() else state.stat().st_mtime, size, state.stem))
        total = sum(size for _, size, _ in there)
        for _, size, name in sorted(there):
            if total <= self._most:
                return
            self._entries.pop(name, None)
            self._remove(name)
            total -= size


def common_prefix(one: Sequence[int], other: Sequence[int]) -> int:
    """Length of the longest beginning that both share."""
    most = min(len(one), len(other))
    if one[:most] == other[:most]:
        return most
    # Comparing slices is C's work; a loop over each token would take a hundred times as long.
    return bisect_left(range(1, most + 1), True, key=lambda n: one[:n] != other[:n])
