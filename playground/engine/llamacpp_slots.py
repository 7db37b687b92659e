"""Which conversation lies in which of llama.cpp's slots, so that a prompt pays only for what is new in it.

A prompt goes to the free slot that holds its longest beginning. Where that would cost another branch its tail, or where
nothing fits, it takes the slot that rested longest, and the beginning is copied there: from the other slot, or from
disk (`SlotStore`), where what was read is kept once the conversation rests. Knows nothing of texts and sampling.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from playground.engine.llamacpp_server import LlamaServer
from playground.engine.slot_store import Entry, SlotStore, common_prefix
from playground.errors import ModelError
from playground.records import Reading

log = logging.getLogger(__name__)
_WORTH = 128
"""Tokens that are worth a file, or a copy: reading them takes longer than that."""
_TAIL = 256
"""A branch that loses more than this gets a slot of its own."""
_REST = 1.0
"""Seconds that all must have been quiet before anything is written to disk: llama.cpp does nothing else meanwhile."""
_LAST = 0.5
"""Seconds that saving may take when the model is closed."""
_FIRST_GUESS = 64_000 / 300e6
"""Seconds to save a token, before the first time tells."""
Loras = Callable[[str], list[dict[str, Any]]]
"""The value of "lora" in a request that uses the adapter of that identity."""


@dataclass
class Slot:
    """What one of llama.cpp's slots holds. Whoever leased it sets `tokens` to what it holds in the end."""

    number: int
    tokens: list[int] = field(default_factory=list)
    adapter: str | None = None
    """Under which `tokens` were read; llama.cpp, too, throws them away for a request with another. None: unused."""
    reading: Reading = ()
    """How what it holds was computed; tokens after that were written one after the other."""
    writes: tuple[float, float] = (0.0, 0.0)
    """From when to when its last reply was written."""
    busy: bool = False
    used: float = 0.0
    keep: bool = True
    """Whether `tokens` may come onto the disk; whoever leased it says so each time."""
    kept: bool = True
    """`tokens` are on disk, or not worth it."""


class Slots:
    """Lends slots to replies, one reply each; any thread may ask."""

    def __init__(self, server: LlamaServer, count: int, store: SlotStore | None, loras: Loras) -> None:
        self._server, self._store, self._loras = server, store, loras
        self._slots = [Slot(number) for number in range(count)]
        self._changed = threading.Condition()
        self._saving: Slot | None = None
        self._written: list[tuple[str, list[int], Reading, str]] = []
        """Files that still have to be taken into the store."""
        self._active = time.monotonic()
        self._cost = _FIRST_GUESS
        self._closing = self._paused = False
        self._keeper = threading.Thread(target=self._keep, name="llamacpp-keeper", daemon=True)
        if store is not None:
            self._keeper.start()

    @contextlib.contextmanager
    def lease(
        self, tokens: list[int], adapter: str, stop: threading.Event, *, fresh: bool = False
    ) -> Iterator[Slot | None]:
        """Wait for a slot and prepare it for a prompt; None when `stop` was set before there was one.

        `fresh`: any that can be spared, for a prompt that is read from its beginning."""
        taken = self._take(tokens, adapter, stop, fresh)
        if taken is None:
            yield None
            return
        slot, helper, entry = taken
        try:
            try:
                self._prepare(slot, helper, entry, adapter, fresh)
            finally:
                if helper is not None:
                    self._free(helper)
            yield slot
        finally:
            slot.used = time.monotonic()
            slot.kept = len(slot.tokens) < _WORTH or not slot.keep
            self._free(slot)

    def before(self, slot: Slot) -> Slot | None:
        """The neighbour with whose next token llama.cpp computes the first token of each piece read into `slot`."""
        return self._slots[slot.number - 1] if slot.number else None

    def reset(self, server: LlamaServer) -> None:
        """Another server took the place of the old one. Nothing is leased."""
        with self._changed:
            self._server, self._paused = server, False
            self._slots = [Slot(slot.number) for slot in self._slots]
            self._changed.notify_all()

    def save(self, seconds: float = _LAST) -> None:
        """Keep now what was not kept yet, the latest first, as far as time allows. Nothing is leased.

        The keeper rests from here until `reset`: the server may be closed.
        """
        with self._changed:
            self._paused = True
            self._changed.wait_for(lambda: self._saving is None)
        end = time.monotonic() + seconds
        for slot in sorted(self._slots, key=lambda slot: -slot.used):
            if not slot.kept and time.monotonic() + self._cost * len(slot.tokens) < end:
                self._write(slot)
                self._finish()

    def close(self) -> None:
        """Keep what can be kept within a moment. Nothing is leased."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._store is not None:
            self._keeper.join()
            self.save()

    def _take(
        self, tokens: list[int], adapter: str, stop: threading.Event, fresh: bool
    ) -> tuple[Slot, Slot | None, Entry | None] | None:
        """A slot, and a slot or an entry to copy from; both slots are the caller's then."""
        with self._changed:
            while not stop.is_set():
                free = [slot for slot in self._slots if not slot.busy]
                if free:
                    spare = min(free, key=_rested)
                    slot, helper, entry = (spare, None, None) if fresh else self._choose(free, tokens, adapter)
                    if self._saving not in (slot, helper) or self._saving is None:
                        for one in filter(None, (slot, helper)):
                            one.busy = True
                        return slot, helper, entry
                # A stop event cannot wake a condition; a look ten times a second is within what Stop promises.
                self._changed.wait(0.1)
        return None

    def _choose(self, free: list[Slot], tokens: list[int], adapter: str) -> tuple[Slot, Slot | None, Entry | None]:
        shares = {slot.number: common_prefix(slot.tokens, tokens) * (slot.adapter == adapter) for slot in free}
        best = max(free, key=lambda slot: (shares[slot.number], -slot.used))
        share, tail = shares[best.number], len(best.tokens) - shares[best.number]
        entry, kept = self._store.find(tokens, adapter) if self._store is not None else (None, 0)
        target = best if share >= tail and tail <= _TAIL else min(free, key=_rested)
        if entry is not None and kept >= max(_WORTH, share + _WORTH * (target is best)):
            return target, None, entry
        if target is best or share < _WORTH:
            return target, None, None
        return target, best, None

    def _prepare(self, slot: Slot, helper: Slot | None, entry: Entry | None, adapter: str, fresh: bool) -> None:
        """Put into `slot` what another slot or a file holds, after keeping what would be lost by that."""
        lost = fresh or entry is not None or helper is not None or slot.adapter != adapter
        if self._store is not None and lost and not slot.kept:
            self._write(slot)
        try:
            if entry is not None and self._store is not None:
                self._store.touch(entry)
                if self._restore(slot, f"{entry.name}.kv", entry.tokens, entry.reading, adapter):
                    slot.kept = True
                else:
                    self._store.remove(entry)
            elif helper is not None:
                # In the store as a state that was begun: if the app is killed, it goes at the next start.
                name = self._store.begin() if self._store is not None else f"copy-{slot.number}.kv"
                try:
                    if self._server.save(helper.number, name):
                        self._restore(slot, name, helper.tokens, helper.reading, adapter)
                finally:
                    (self._server.saves / name).unlink(missing_ok=True)
        except (ModelError, OSError):
            log.warning("slot %d could not be filled; the prompt is read anew", slot.number, exc_info=True)
            slot.tokens = []

    def _restore(self, slot: Slot, name: str, tokens: list[int], reading: Reading, adapter: str) -> bool:
        if slot.adapter != adapter:
            # llama.cpp believes that a slot was read under the adapter of its last request.
            request = {"prompt": tokens[:1], "max_tokens": 1, "id_slot": slot.number, "lora": self._loras(adapter)}
            self._server.complete({**request, "stream": True}, lambda event: False)
        done = self._server.restore(slot.number, name)
        slot.tokens, slot.reading, slot.adapter = list(tokens) if done else [], reading if done else (), adapter
        return done

    def _free(self, slot: Slot) -> None:
        with self._changed:
            slot.busy = False
            self._active = time.monotonic()
            self._changed.notify_all()

    def _write(self, slot: Slot) -> None:
        """Let llama.cpp write what `slot` holds; `_finish` takes it into the store."""
        if self._store is None:
            return
        part, began = self._store.begin(), time.monotonic()
        try:
            if self._server.save(slot.number, part):
                self._cost = (time.monotonic() - began) / len(slot.tokens)
                with self._changed:
                    self._written.append((part, slot.tokens, slot.reading, slot.adapter or ""))
                    self._changed.notify_all()
            else:
                self._store.drop(part)
        finally:
            slot.kept = True

    def _finish(self) -> None:
        """Take what was written into the store; waits for the disk."""
        while self._store is not None:
            with self._changed:
                if not self._written:
                    return
                part, tokens, reading, adapter = self._written.pop(0)
            self._store.finish(part, tokens, adapter, reading)

    def _keep(self) -> None:
        """The keeper's whole life: write what is not on disk yet, once all is quiet."""
        while True:
            with self._changed:
                while (slot := self._due()) is None and not self._written:
                    if self._closing:
                        return
                    self._changed.wait(self._rest() if self._unkept() else None)
                self._saving = slot
            if slot is not None:
                try:
                    self._write(slot)
                finally:
                    with self._changed:
                        self._saving = None
                        self._changed.notify_all()
            self._finish()

    def _unkept(self) -> list[Slot]:
        return [slot for slot in self._slots if not slot.kept and not slot.busy]

    def _due(self) -> Slot | None:
        resting = self._closing or self._paused
        quiet = not any(slot.busy for slot in self._slots) and time.monotonic() - self._active >= self._rest()
        return max(self._unkept(), key=lambda slot: slot.used, default=None) if quiet and not resting else None

    def _rest(self) -> float:
        """A large state takes longer to write, so that it must be surer that nobody asks meanwhile."""
        return max([_REST, *(10 * self._cost * len(slot.tokens) for slot in self._unkept())])


def _rested(slot: Slot) -> tuple[bool, float]:
    """Smallest for the slot that can be spared best."""
    return bool(slot.tokens), slot.used
