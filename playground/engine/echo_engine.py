"""The shipped fake: the same protocol, deterministic, no weights. It repeats what it is told, at a chosen pace.

Model names: `echo` answers at once, `echo@40` at 40 tokens a second. Tokens are words with the space before them, so
that tests can count. Three messages are orders: `/tokens 300` gives a reply of that many words, `/read 500` reads its
prompt for that many milliseconds first, `/fail` fails after three words.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator, Sequence

from playground import __version__
from playground.engine.base import ModelSource, NoAdapters, StopText
from playground.errors import BadValueError, ContextError, ModelError
from playground.records import Chunk, FinishReason, ModelInfo, Sampling, Turn

_WORD = re.compile(r"\s*\S+|\s+$")
_TEMPLATE_TOKENS = 3
"""What a real chat template adds to a message, roughly; here exactly."""


class EchoEngine(NoAdapters):
    """Repeats the last user message, word by word."""

    def __init__(self, source: ModelSource) -> None:
        """Raises BadValueError when the pace in the model's name is not a number."""
        _, _, pace = source.id.partition("@")
        try:
            self._seconds = 1 / float(pace) if pace else 0.0
        except (ValueError, ZeroDivisionError):
            raise BadValueError(f"The pace in {source.id!r} is not a number. Write echo@40 for 40 tokens/s.") from None
        self._lock = threading.Lock()
        self.info = ModelInfo(
            model=source.id,
            engine="echo",
            context_length=source.context_length,
            versions={"playground": __version__},
        )

    def count_tokens(self, turns: Sequence[Turn]) -> int:
        """Words, and three more a message."""
        return sum(len(_WORD.findall(turn.content)) + _TEMPLATE_TOKENS for turn in turns)

    def stream(
        self, turns: Sequence[Turn], sampling: Sampling, stop: threading.Event, *, adapter: str = ""
    ) -> Iterator[Chunk]:
        """See Engine.stream."""
        prompt_tokens = self.count_tokens(turns)
        room = self.info.context_length - prompt_tokens
        if room <= 0:
            raise ContextError(prompt_tokens, self.info.context_length)
        order = next((turn.content for turn in reversed(turns) if turn.role == "user"), "")
        words = _reply(order)
        already = turns[-1].content if turns and turns[-1].role == "assistant" else ""
        while already and words and already.startswith(words[0]):
            already = already[len(words[0]) :]
            words.pop(0)
        with self._lock:
            yield from self._say(order, words, prompt_tokens, min(room, sampling.max_new_tokens), sampling.stop, stop)

    def _say(
        self,
        order: str,
        words: list[str],
        prompt_tokens: int,
        limit: int,
        stops: tuple[str, ...],
        stop: threading.Event,
    ) -> Iterator[Chunk]:
        yield Chunk(prompt_tokens=prompt_tokens)
        if order.startswith("/read "):
            stop.wait(float(order.split()[1]) / 1000)
        cut = StopText(stops)
        started = time.perf_counter()
        said = 0
        for word in words[:limit]:
            # Paced against the start, not the last word, so that a slow consumer does not add up to a slower pace.
            wait = started + said * self._seconds - time.perf_counter()
            if (wait > 0 and stop.wait(wait)) or stop.is_set():
                break
            if order.startswith("/fail") and said == 3:
                raise ModelError("The echo engine failed, because it was told to. Send something else.")
            said += 1
            yield Chunk(cut.push(word), prompt_tokens, prompt_tokens, 0, said)
            if cut.found:
                break
        rest = "" if stop.is_set() else cut.flush()
        reason: FinishReason
        reason = "cancelled" if stop.is_set() else "length" if said == limit < len(words) and not cut.found else "stop"
        yield Chunk(rest, prompt_tokens, prompt_tokens, 0, said, reason)

    def close(self) -> None:
        """Nothing to free."""


def _reply(order: str) -> list[str]:
    if match := re.fullmatch(r"/tokens (\d+)", order.strip()):
        return [f"{' ' if n else ''}word{n}" for n in range(int(match[1]))]
    return _WORD.findall(f"You said: {order}")
