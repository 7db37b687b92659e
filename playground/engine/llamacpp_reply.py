"""One reply of llama.cpp as it comes: its events become Chunks. Knows nothing of prompts, slots and adapters."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from playground.engine.base import StopText
from playground.engine.llamacpp_server import LlamaServer
from playground.errors import ModelError
from playground.records import Chunk, FinishReason

_REMEDY = "Try again, or load the model anew."


class Reply:
    """A reply and its counts, also after `run` broke off."""

    def __init__(self, prompt: int) -> None:
        """`prompt` is the prompt's length in tokens."""
        self.prompt = prompt
        self.done = 0
        """How many of them were read."""
        self._cached = self._completion = 0
        self._reason: str | None = None
        self._pieces: list[str] = []

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
            events.put(event)
            return stop.is_set() or abandoned.is_set()

        def work() -> None:
            try:
                server.complete(request, receive)
                events.put(None)
            except BaseException as error:  # noqa: BLE001 - handed to the consumer, who raises it
                events.put(error)

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
                    yield replace(chunk, text=cut.push(chunk.text)) if stops else chunk
            yield self._last(cut.flush(), cancelled=stop.is_set() and not cut.found)
        finally:
            abandoned.set()
            worker.join()

    def _take(self, event: dict[str, Any]) -> Chunk | None:
        if error := event.get("error"):
            raise ModelError(f"llama.cpp failed: {error.get('message')}. {_REMEDY}")
        if progress := event.get("prompt_progress"):
            self.prompt, self.done, self._cached = progress["total"], progress["processed"], progress["cache"]
            return self._chunk("")
        if usage := event.get("usage"):
            self._completion = usage["completion_tokens"]
        choice = event["choices"][0] if event.get("choices") else {}
        self._reason = choice.get("finish_reason") or self._reason
        if not (text := choice.get("text")):
            return None
        self.done = self.prompt
        self._completion += 1
        self._pieces.append(text)
        return self._chunk(text)

    def _last(self, rest: str, *, cancelled: bool) -> Chunk:
        reason: FinishReason = "cancelled" if cancelled else "length" if self._reason == "length" else "stop"
        return replace(self._chunk(rest), finish_reason=reason)

    def _chunk(self, text: str) -> Chunk:
        return Chunk(text, self.prompt, self.done, self._cached, self._completion)
