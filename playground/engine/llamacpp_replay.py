"""Has llama.cpp read the beginning of a prompt in the same pieces as once before. Knows nothing of why.

Numbers depend on how many tokens are computed at one go. Each request here is for one piece: the prompt up to its end,
of which llama.cpp holds all but the piece.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Any

from playground.engine import readings
from playground.engine.llamacpp_server import PROMPT_BATCH, LlamaServer
from playground.engine.llamacpp_slots import Slot
from playground.engine.readings import Piece
from playground.errors import ModelError
from playground.records import Chunk


def read_again(
    server: LlamaServer, slot: Slot, request: dict[str, Any], pieces: Sequence[Piece], stop: threading.Event
) -> Iterator[Chunk]:
    """Read all of the request's prompt but the last piece, from its beginning, while nothing else is computed.

    Yields how far it is. Ends early when `stop` is set: the slot holds something else then. Raises ModelError.
    """
    prompt: list[int] = request["prompt"]
    done, begin = 0, 0
    slot.reading = ()
    for at, (read, kept) in enumerate(pieces[:-1]):
        done += kept
        # Whole batches that follow one another are one request: llama.cpp cuts it at the same places.
        if read == kept == PROMPT_BATCH and pieces[at + 1][0] == pieces[at + 1][1] and at < len(pieces) - 2:
            continue
        piece = readings.filled(prompt[:done], done - kept + read, prompt[done])
        _read(server, {**request, "prompt": piece, "cache_prompt": begin > 0}, begin, stop)
        begin = done
        if stop.is_set():
            return
        yield Chunk("", len(prompt), done)
    slot.reading = readings.joined((), pieces[:-1])


def _read(server: LlamaServer, request: dict[str, Any], known: int, stop: threading.Event) -> None:
    """Ends early on `stop`. Raises ModelError when it had to read more than what comes after the `known` tokens, or
    could not."""
    problems: list[str] = []

    def receive(event: dict[str, Any]) -> bool:
        if error := event.get("error"):
            problems.append(str(error.get("message")))
        if (progress := event.get("prompt_progress")) and progress["cache"] != known:
            problems.append(f"it held {progress['cache']} tokens instead of {known}")
        return stop.is_set()

    server.complete({**request, "max_tokens": 1, "n_probs": 0}, receive)
    if problems:
        raise ModelError(f"llama.cpp failed: {problems[0]}. Try again, or load the model anew.")
