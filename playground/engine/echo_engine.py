"""The shipped fake: the same protocol, deterministic, no weights. It repeats what it is told, at a chosen pace.

Model names: `echo` answers at once, `echo@40` at 40 tokens a second, `echo-b+64` is another model that holds 64 MB of
memory. Tokens are words with the space before them, so that tests can count. Three messages are orders: `/tokens 300`
gives a reply of that many words, `/read 500` reads its prompt for that many milliseconds first, `/fail` fails after
three words. An adapter `shout` makes it say "You said (shout): ...".
"""

from __future__ import annotations

import math
import re
import threading
import time
import zlib
from collections.abc import Iterator, Sequence

from playground import __version__
from playground.engine.base import AdapterSource, ModelSource, StopText
from playground.engine.rewriting import Link, Rewriting
from playground.engine.told import Told
from playground.errors import BadValueError, ContextError, ModelError
from playground.records import Capabilities, Chunk, FinishReason, ModelInfo, Reading, Sampling, TokenScore, Turn

_NAME = re.compile(r"echo(?:-\w+)?(?:\+(?P<megabytes>\d{1,5}))?(?:@(?P<pace>\d+(?:\.\d+)?))?")
_WORD = re.compile(r"\s*\S+|\s+$")
_TEMPLATE_TOKENS = 3
"""What a real chat template adds to a message, roughly; here exactly."""


def echo_bytes(name: str) -> int:
    """Memory that the echo model of this name holds. Raises BadValueError when it is no such name."""
    found = _NAME.fullmatch(name)
    if found is None:
        raise BadValueError(f"The echo engine has no model {name!r}. Write echo, echo@40 (tokens/s) or echo-b+64 (MB).")
    return int(found["megabytes"] or 0) << 20


class EchoEngine:
    """Repeats the last user message, word by word."""

    def __init__(self, source: ModelSource) -> None:
        """Raises BadValueError when it is no name of an echo model."""
        self._memory = bytearray(b"\x01") * echo_bytes(source.id)
        found = _NAME.fullmatch(source.id)
        pace = float(found["pace"] or 0) if found else 0.0
        self._seconds = 1 / pace if pace else 0.0
        self._adapters = {adapter.name: adapter for adapter in source.adapters}
        self._closed = False
        self.info = ModelInfo(
            model=source.id,
            engine="echo",
            context_length=source.context_length,
            versions={"playground": __version__},
            capabilities=Capabilities("chat", adapters=True, slots=source.slots or 1),
        )

    @property
    def adapters(self) -> tuple[str, ...]:
        """See Engine.adapters."""
        return tuple(self._adapters)

    def attach(self, adapter: AdapterSource) -> None:
        """See Engine.attach; any folder or file that exists will do."""
        if not adapter.path.exists():
            raise ModelError(f"There is no adapter at {adapter.path}. Check the path.")
        self._adapters[adapter.name] = adapter

    def detach(self, name: str) -> None:
        """See Engine.detach."""
        self._adapters.pop(name, None)

    def count_tokens(self, turns: Sequence[Turn]) -> int:
        """Words, and three more a message."""
        self._check()
        return sum(len(_WORD.findall(turn.content)) + _TEMPLATE_TOKENS for turn in turns)

    def stream(
        self,
        turns: Sequence[Turn],
        sampling: Sampling,
        stop: threading.Event,
        *,
        adapter: str = "",
        top_logprobs: int = 0,
        reading: Reading = (),
        keep: bool = True,
    ) -> Iterator[Chunk]:
        """See Engine.stream."""
        prompt_tokens = self.count_tokens(turns)
        room = self.info.context_length - prompt_tokens
        if room <= 0:
            raise ContextError(prompt_tokens, self.info.context_length)
        if adapter and adapter not in self._adapters:
            raise ModelError(f"The adapter {adapter} is not attached. Attach it, or choose none.")
        order = next((turn.content for turn in reversed(turns) if turn.role == "user"), "")
        words = _reply(order, adapter)
        already = turns[-1].content if turns and turns[-1].role == "assistant" else ""
        while already and words and already.startswith(words[0]):
            already = already[len(words[0]) :]
            words.pop(0)
        limit = min(room, sampling.max_new_tokens)
        yield from self._say(order, words, prompt_tokens, limit, sampling.stop, stop, top_logprobs)

    def _say(
        self,
        order: str,
        words: list[str],
        prompt_tokens: int,
        limit: int,
        stops: tuple[str, ...],
        stop: threading.Event,
        top: int,
    ) -> Iterator[Chunk]:
        yield Chunk(prompt_tokens=prompt_tokens)
        if order.startswith("/read "):
            stop.wait(float(order.split()[1]) / 1000)
        cut, told = StopText(stops), Told()
        started = time.perf_counter()
        said = 0
        for word in words[:limit]:
            # Paced against the start, not the last word, so that a slow consumer does not add up to a slower pace.
            wait = started + said * self._seconds - time.perf_counter()
            if (wait > 0 and stop.wait(wait)) or stop.is_set():
                break
            self._check()
            if order.startswith("/fail") and said == 3:
                raise ModelError("The echo engine failed, because it was told to. Send something else.")
            said += 1
            if top:
                told.push(_score(word, top))
            shown = cut.push(word)
            yield Chunk(shown, prompt_tokens, prompt_tokens, 0, said, tokens=told.shown(shown))
            if cut.found:
                break
        rest = "" if stop.is_set() else cut.flush()
        reason: FinishReason
        reason = "cancelled" if stop.is_set() else "length" if said == limit < len(words) and not cut.found else "stop"
        yield Chunk(rest, prompt_tokens, prompt_tokens, 0, said, reason, told.last(rest))

    def rewrite(
        self,
        texts: Sequence[str],
        languages: tuple[str, str],
        *,
        beam_size: int = 4,
        num_hypotheses: int = 1,
        align: bool = False,
    ) -> list[list[Rewriting]]:
        """See Rewriter.rewrite: texts come back as they are, word for word. One with `/fail` in it fails them all."""
        self._check()
        if any("/fail" in text for text in texts):
            raise ModelError("The echo engine failed, because it was told to. Send something else.")
        words = [list(_WORD.finditer(text)) for text in texts]
        time.sleep(self._seconds * sum(map(len, words)))
        places = [[(one.end() - len(one[0].lstrip()), one.end()) for one in row] for row in words]
        links = [tuple(Link(*place, *place) for place in row) if align else () for row in places]
        rows = zip(texts, words, links, strict=True)
        return [[Rewriting(text, 0.0, len(row), found)] for text, row, found in rows]

    def close(self) -> None:
        """See Engine.close; whoever uses it afterwards has broken the manager's promise, and is told so."""
        self._closed = True
        self._memory = bytearray()

    def _check(self) -> None:
        if self._closed:
            raise RuntimeError("a closed model was used")


def _score(word: str, top: int) -> TokenScore:
    """Made up from the word alone: it is as likely as its sum of bytes says, or a little less so than two others."""
    number = zlib.crc32(word.encode())
    share = 0.2 + 0.7 * (number % 1000) / 1000
    known = [(number, word, share), *((number + n, f"{word}{n}", (1 - share) / (n + 1)) for n in (1, 2))]
    ranked = sorted(((one, text, math.log(chance)) for one, text, chance in known), key=lambda each: -each[2])
    return TokenScore(word, number, math.log(share), tuple(ranked[:top]))


def _reply(order: str, adapter: str) -> list[str]:
    if match := re.fullmatch(r"/tokens (\d+)", order.strip()):
        return [f"{' ' if n else ''}word{n}" for n in range(int(match[1]))]
    return _WORD.findall(f"You said ({adapter}): {order}" if adapter else f"You said: {order}")
