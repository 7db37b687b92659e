"""Models that rewrite one text into another (Marian, T5, MADLAD, M2M100, NLLB) through CTranslate2: int8, for CPUs.

A text goes through line by line, so that its shape is kept and no model is asked for more than it can read at once;
T5 alone gets it whole, because its task stands at the head. Reading models from disk is in `ctranslate2_load`.
"""

from __future__ import annotations

import contextlib
import gc
import queue
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from playground import __version__
from playground.engine.base import ModelSource, NoAdapters, StopText
from playground.engine.ctranslate2_batch import rewrite_batch
from playground.engine.ctranslate2_load import load
from playground.engine.ctranslate2_sources import Cutter, Source
from playground.engine.decoding import Detokenizer, Sampler
from playground.engine.rewriting import Rewriting
from playground.errors import ContextError, ModelError
from playground.records import Capabilities, Chunk, FinishReason, ModelInfo, Reading, Sampling, Turn

if TYPE_CHECKING:
    import torch

_COLDEST = 1e-5
"""A temperature below this is greedy."""


class CTranslate2Engine(NoAdapters):
    """One sequence-to-sequence model; writes as many replies at once as it has workers, which share the weights."""

    def __init__(self, source: ModelSource) -> None:
        """Load `source.path`, a folder of transformers or of CTranslate2.

        A transformers folder is converted once, under `source.cache`. Raises ModelError, StorageError, MemoryError.
        """
        slots = source.slots or min(4, max(1, source.threads))
        held = load(source, slots)
        self._translator: Any = held.translator
        self._tokenizer: Any = held.tokenizer
        self._positions = held.positions
        self._vocabulary = held.vocabulary
        self._numbers = {token: number for number, token in enumerate(held.vocabulary)}
        special = {token for token, about in self._tokenizer.added_tokens_decoder.items() if about.special}
        languages = self._tokenizer.convert_tokens_to_ids(list(held.languages.values()))
        self._special = special | set(self._tokenizer.all_special_ids) | set(languages)
        self._end = str(self._tokenizer.eos_token)
        self._cutter = Cutter(self._tokenizer, held.family, held.languages)
        self.info = ModelInfo(
            model=source.id,
            engine="ctranslate2",
            revision=source.revision,
            file_sha256=source.sha256,
            quantization=self._translator.compute_type,
            context_length=source.context_length,
            versions={"playground": __version__, "ctranslate2": version("ctranslate2")},
            device=held.device,
            capabilities=Capabilities(kind="seq2seq", slots=slots),
        )

    def count_tokens(self, turns: Sequence[Turn]) -> int:
        """Tokens of the text to rewrite and of the half translation, if there is one. Raises ModelError."""
        return sum(len(segment.source) + len(segment.prefix) for segment in self._cutter.sources(turns))

    def rewrite(
        self,
        texts: Sequence[str],
        languages: tuple[str, str],
        *,
        beam_size: int = 4,
        num_hypotheses: int = 1,
        align: bool = False,
    ) -> list[list[Rewriting]]:
        """See Rewriter.rewrite. The languages of a model that knows one pair only are not looked at."""
        encoded, prefix = self._cutter.encoded(texts, languages)
        return rewrite_batch(
            self._translator,
            self._tokenizer,
            self._special,
            texts,
            encoded,
            prefix,
            self._positions,
            beam_size=beam_size,
            num_hypotheses=num_hypotheses,
            align=align,
        )

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
        """See Engine.stream. Above temperature 0 several times slower, see `_decode`. Tells no scores of tokens."""
        segments = self._cutter.sources(turns)
        total = sum(len(segment.source) + len(segment.prefix) for segment in segments)
        if total >= self.info.context_length:
            raise ContextError(total, self.info.context_length)
        for segment in segments:
            longest = max(len(segment.source), len(segment.prefix) + 1)
            if self._positions is not None and longest > self._positions:
                raise ContextError(longest, self._positions)
        yield Chunk("", total)
        limit = min(sampling.max_new_tokens, self.info.context_length - total)
        cut, said, waiting, short = StopText(sampling.stop), 0, "", False
        reason: FinishReason | None = "cancelled" if stop.is_set() else None
        last = max((at for at, segment in enumerate(segments) if segment.source), default=0)
        for at, segment in enumerate(segments if reason is None else ()):
            waiting += segment.before
            if not segment.source:
                continue
            # A translation that goes on needs the text before it: alone, a first " word" decodes without its space.
            known = self._tokenizer.convert_tokens_to_ids(list(segment.prefix[segment.forced :][-8:]))
            text, ended = Detokenizer(self._tokenizer, self._special, known), False
            now = replace(sampling, seed=((sampling.seed or 0) + at) % (2**32 - 1), max_new_tokens=limit - said)
            with contextlib.closing(self._rewrite(segment, now, stop)) as tokens:
                for token in tokens:
                    said += 1
                    ended = token == self._end
                    piece = text.flush() if ended else text.push(self._tokenizer.convert_tokens_to_ids(token))
                    yield Chunk(cut.push(waiting + piece), total, total, 0, said)
                    waiting = ""
                    if cut.found or stop.is_set() or (said == limit and not (ended and at == last)):
                        reason = "stop" if cut.found else "cancelled" if stop.is_set() else "length"
                        break
            if not ended:
                waiting += text.flush()
                reason = reason or ("cancelled" if stop.is_set() else None)
                short = True
            if reason is not None:
                break
        rest = cut.push(waiting) + cut.flush()
        reason = "stop" if cut.found else reason or ("length" if short else "stop")
        yield Chunk(rest, total, total if said or reason != "cancelled" else 0, 0, said, reason)

    def _rewrite(self, segment: Source, sampling: Sampling, stop: threading.Event) -> Generator[str]:
        """The tokens of one translation as they come, the end's included. Closing it ends the work."""
        events: queue.SimpleQueue[str | BaseException | None] = queue.SimpleQueue()
        abandoned = threading.Event()

        def work() -> None:
            try:
                self._decode(segment, sampling, events.put, lambda: stop.is_set() or abandoned.is_set())
                events.put(None)
            except BaseException as error:  # noqa: BLE001 - handed to the consumer, who raises it
                events.put(error)

        worker = threading.Thread(target=work, name="ctranslate2-stream", daemon=True)
        worker.start()
        try:
            while (event := events.get()) is not None:
                if isinstance(event, BaseException):
                    words = str(event).strip().partition("\n")[0][:200].rstrip(".")
                    raise ModelError(f"CTranslate2 failed: {words}. Try again, or load the model anew.") from event
                yield event
        finally:
            abandoned.set()
            worker.join()

    def _decode(
        self, segment: Source, sampling: Sampling, say: Callable[[str], None], ended: Callable[[], bool]
    ) -> None:
        """Write one translation, telling each token.

        CTranslate2 cannot repeat what it draws by chance (its seed counts only for a thread's first draw) and knows no
        min_p. So it always takes the likeliest token; we draw from the same scores, and where another one comes out, it
        starts again behind that one. This costs some tokens twice; at temperature 0 nothing.
        """
        room = self._positions - len(segment.prefix) if self._positions is not None else sampling.max_new_tokens
        most = min(room, sampling.max_new_tokens)
        sampler: Sampler | None = None
        said: list[str] = []
        problem: Exception | None = None
        begun, again = 0, True
        if sampling.temperature >= _COLDEST:
            known = [self._numbers[token] for token in segment.prefix[segment.forced :] if token in self._numbers]
            sampler = Sampler(sampling, known, most, _cpu())
        # CTranslate2's own thread is the last to let go of `take`. Held by it, the model would be freed in that thread,
        # which then waits for itself, and the process dies: so `take` must not know `self`.
        vocabulary, end, forced = self._vocabulary, self._end, len(segment.prefix)

        def take(step: Any) -> bool:
            nonlocal again, problem
            if step.step < forced + begun:
                return ended()
            token = step.token
            if sampler is not None:
                try:
                    token = vocabulary[sampler.draw(_scores(step.logits))]
                except Exception as error:  # noqa: BLE001 - must not travel through the library; raised below
                    problem = error
                    return True
            said.append(token)
            say(token)
            over = ended() or token == end or len(said) >= most
            again = token != step.token and not over
            return over or again

        while again:
            again, begun = False, len(said)
            prefix = [*segment.prefix, *said]
            self._translator.translate_batch(
                [list(segment.source)],
                [prefix] if prefix else None,
                beam_size=1,
                max_input_length=0,
                max_decoding_length=len(segment.prefix) + most,
                repetition_penalty=1 if sampler else sampling.repetition_penalty,
                return_logits_vocab=sampler is not None,
                callback=take,
            )
            if problem is not None:
                raise problem

    def close(self) -> None:
        """See Engine.close."""
        self._translator = self._tokenizer = None
        gc.collect()


def _cpu() -> torch.device:
    import torch

    return torch.device("cpu")


def _scores(view: Any) -> torch.Tensor:
    """A copy of CTranslate2's scores, float32, shaped (1, vocabulary)."""
    import ctranslate2
    import numpy
    import torch

    return torch.from_numpy(numpy.array(view.to(ctranslate2.DataType.float32).to_device(ctranslate2.Device.cpu)))
