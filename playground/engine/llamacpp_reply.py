"""One reply of llama.cpp as it comes: its events become Chunks. Knows nothing of prompts and adapters."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from playground.engine import readings
from playground.engine.base import StopText
from playground.engine.llamacpp_server import PROMPT_BATCH, LlamaServer
from playground.engine.llamacpp_slots import Slot
from playground.engine.told import Told
from playground.errors import ModelError
from playground.records import Chunk, FinishReason, Reading, TokenScore

_REMEDY = "Try again, or load the model anew."


class Reply:
    """A reply and its counts, also after `run` broke off."""

    def __init__(self, prompt: int, slot: Slot, before: Slot | None, read: Sequence[Callable[[], None]]) -> None:
        """`prompt` is the prompt's length in tokens, `slot` where it goes; `read` are called once it is read.

        `before` is the slot with the number before. Where a token is being written there, llama.cpp computes the first
        token of each piece of our prompt with it, alone of its piece; that is noted.
        """
        self.prompt = prompt
        self.done = 0
        """How many of them were read."""
        self._slot, self._before, self._read = slot, before, read
        self._held, self._new, self._at = slot.reading, list[readings.Piece](), 0.0
        self._cached = self._completion = 0
        self._reason: str | None = None
        self._pieces: list[str] = []
        self._told = Told()

    @property
    def reading(self) -> Reading:
        """How the prompt was computed; for what of it is not read yet, how it would be."""
        left = self.prompt - sum(kept for _, kept in self._new) - self._cached
        rest = [PROMPT_BATCH] * (left // PROMPT_BATCH) + [left % PROMPT_BATCH] * bool(left % PROMPT_BATCH)
        return readings.joined(readings.cut(self._held, self._cached), [*self._new, *((size, size) for size in rest)])

    @property
    def text(self) -> str:
        """All that came, also what no Chunk has shown."""
        return "".join(self._pieces)

    def run(
        self, server: LlamaServer, request: dict[str, Any], stops: Sequence[str], stop: threading.Event
    ) -> Iterator[Chunk]:
        """Send the request; yield as Engine.stream does. Raises ModelError when llama.cpp fails."""
        events: queue.SimpleQueue[dict[str, Any] | BaseException | None] = queue.SimpleQueue()
        abandoned = threading.Event()

        def receive(event: dict[str, Any]) -> bool:
            self._note(event, time.monotonic())
            events.put(event)
            return stop.is_set() or abandoned.is_set()

        def work() -> None:
            try:
                server.complete(request, receive)
                events.put(None)
            except BaseException as error:  # noqa: BLE001 - handed to the consumer, who raises it
                events.put(error)
            finally:
                self._slot.writes = self._slot.writes[0], time.monotonic()
                self._is_read()

        worker = threading.Thread(target=work, name="llamacpp-stream", daemon=True)
        worker.start()
        # Stop strings are ours: llama.cpp loses the text it holds back when the reply reaches its limit.
        cut = StopText(stops)
        try:
            while not cut.found and (event := events.get()) is not None:
                if isinstance(event, BaseException):
                    raise ModelError(f"llama.cpp failed: {event}. {_REMEDY}") from event
                chunk = self._take(event)
                if chunk is not None:
                    shown = cut.push(chunk.text) if stops else chunk.text
                    yield replace(chunk, text=shown, tokens=self._told.shown(shown))
            yield self._last(cut.flush(), cancelled=stop.is_set() and not cut.found)
        finally:
            abandoned.set()
            worker.join()

    def _note(self, event: dict[str, Any], now: float) -> None:
        """Called as soon as it comes, which is right after the batch that it is about."""
        if not (progress := event.get("prompt_progress")):
            return
        done, new = progress["processed"], progress["processed"] - self._cached - sum(kept for _, kept in self._new)
        if not self._at:
            self._cached = progress["cache"]
        elif new > 0:
            middle = (self._at + now) / 2
            alone = self._before is None or not self._before.writes[0] < middle < self._before.writes[1]
            self._new += [(new, new)] if alone or new == 1 else [(1, 1), (new - 1, new - 1)]
        self._at = now
        if done == progress["total"]:
            self._slot.writes = now, float("inf")
            self._is_read()

    def _is_read(self) -> None:
        for call in self._read:
            call()

    def _take(self, event: dict[str, Any]) -> Chunk | None:
        if error := event.get("error"):
            raise ModelError(f"llama.cpp failed: {error.get('message')}. {_REMEDY}")
        if progress := event.get("prompt_progress"):
            self.prompt, self.done = progress["total"], progress["processed"]
            return self._chunk("")
        if usage := event.get("usage"):
            self._completion = usage["completion_tokens"]
        choice = event["choices"][0] if event.get("choices") else {}
        self._reason = choice.get("finish_reason") or self._reason
        self._told.push(*map(_score, (choice.get("logprobs") or {}).get("content") or ()))
        if not (text := choice.get("text")):
            return None
        self.done = self.prompt
        self._completion += 1
        self._pieces.append(text)
        return self._chunk(text)

    def _last(self, rest: str, *, cancelled: bool) -> Chunk:
        reason: FinishReason = "cancelled" if cancelled else "length" if self._reason == "length" else "stop"
        said = readings.joined(self.reading, [(1, 1)] * self._completion)
        return replace(self._chunk(rest), finish_reason=reason, tokens=self._told.last(rest), reading=said)

    def _chunk(self, text: str) -> Chunk:
        return Chunk(text, self.prompt, self.done, self._cached, self._completion)


def _score(found: dict[str, Any]) -> TokenScore:
    top = ((one["id"], bytes(one["bytes"]).decode(errors="replace"), one["logprob"]) for one in found["top_logprobs"])
    return TokenScore(found["token"], found["id"], found["logprob"], tuple(top))
