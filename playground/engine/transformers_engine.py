"""Models through Hugging Face transformers: the engine for NVIDIA GPUs, and the reference on the CPU.

Turns become tokens here, and tokens text; a `Batcher` writes them, on a `Runner` for the device. Knows nothing of
conversations; how models are read from disk is in `transformers_load`.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.metadata import version
from itertools import count
from typing import Any

from playground import __version__
from playground.engine import lane, peft_adapters
from playground.engine.base import AdapterSource, ModelSource, StopText
from playground.engine.batcher import Batcher
from playground.engine.cpu_decoder import DecoderRunner
from playground.engine.cpu_runner import CpuRunner
from playground.engine.decoding import Detokenizer, Sampler
from playground.engine.load_errors import out_of_memory
from playground.engine.pending import Event
from playground.engine.runner import Runner, UnsupportedModelError
from playground.engine.told import Told
from playground.engine.transformers_load import BITSANDBYTES, load
from playground.errors import ContextError, ModelError
from playground.records import Capabilities, Chunk, FinishReason, ModelInfo, Reading, Sampling, TokenScore, Turn
from playground.time_limit import TEMPLATE_SECONDS, time_limit

_SLOTS = {"cpu": 4, "cuda": 8}
_SPARE_ROWS = 8
"""Rows on a CPU, beside those being written, for other conversations and branches; they share the same memory."""
log = logging.getLogger(__name__)


class TransformersEngine:
    """One causal language model, the conversations it has read, and its adapters."""

    def __init__(self, source: ModelSource) -> None:
        """Load `source.path`, a GGUF or a folder. Raises ModelError, StorageError (converted copy) or MemoryError."""

        lane.use(source.threads)
        loaded = lane.aside(lambda: load(source))
        self._model, self._tokenizer = loaded.model, loaded.tokenizer
        # The first call clears what truncation the tokenizer's file asks for; later ones change nothing in it, so that
        # prompts may be counted in one thread while another writes.
        self._tokenizer("")
        special = {token for token, about in self._tokenizer.added_tokens_decoder.items() if about.special}
        self._special = special | set(self._tokenizer.all_special_ids)
        ends = _as_set(self._model.generation_config.eos_token_id) | _as_set(self._tokenizer.eos_token_id)
        self._ends = frozenset(ends)
        trained = getattr(self._model.config.get_text_config(), "max_position_embeddings", None)
        context = min(source.context_length, trained or source.context_length)
        slots = source.slots or _SLOTS[loaded.device.partition(":")[0]]
        cpu = loaded.device == "cpu"
        where: Callable[[Callable[[], Any]], Any] = lane.run if cpu else lambda work: work()
        self._runner = where(lambda: _runner(self._model, slots, context, source.attn_implementation))
        self._batcher = Batcher(self._runner, slots, slots * context, _words_of, where)
        self._keys: dict[str, str] = {}
        """PEFT's names of the attached adapters: never used twice, so that nothing read under one serves another."""
        self._numbers = count(1)
        template = self._tokenizer.get_chat_template() if self._tokenizer.chat_template else ""
        packed = hasattr(self._model, "playground_packed")
        more = ["numba"] if packed else ["bitsandbytes"] if loaded.precision in BITSANDBYTES else []
        parts = ["torch", "transformers", *more]
        self.info = ModelInfo(
            model=source.id,
            engine="transformers",
            revision=source.revision,
            file_sha256=source.sha256,
            quantization=loaded.precision,
            template_sha256=hashlib.sha256(template.encode()).hexdigest(),
            context_length=context,
            versions={"playground": __version__, **{part: version(part) for part in parts}},
            device=loaded.device,
            capabilities=Capabilities("chat" if template else "base", adapters=True, slots=slots),
        )
        try:
            for adapter in source.adapters:
                self.attach(adapter)
        except BaseException:
            self.close()
            raise

    @property
    def adapters(self) -> tuple[str, ...]:
        """See Engine.adapters."""
        return tuple(self._keys)

    def attach(self, adapter: AdapterSource) -> None:
        """See Engine.attach."""
        key = f"adapter{next(self._numbers)}"

        def work() -> None:
            try:
                peft_adapters.attach(self._model, key, adapter)
            finally:
                self._batcher.forget_adapter(key)

        self._batcher.between(work)
        self.detach(adapter.name)
        self._keys[adapter.name] = key

    def detach(self, name: str) -> None:
        """See Engine.detach."""
        if key := self._keys.pop(name, ""):

            def work() -> None:
                peft_adapters.detach(self._model, key)
                self._batcher.forget_adapter(key)

            self._batcher.between(work)

    def count_tokens(self, turns: Sequence[Turn]) -> int:
        """See Engine.count_tokens. Raises ModelError when the chat template refuses the turns."""
        return len(self.prompt(turns))

    def prompt(self, turns: Sequence[Turn]) -> list[int]:
        """The tokens that `turns` become. Raises ModelError when the chat template refuses them."""
        from jinja2 import TemplateError

        if not self._tokenizer.chat_template:
            tokens = self._tokenizer("\n\n".join(turn.content for turn in turns if turn.content))["input_ids"]
            # A model needs something to go on from, even if it is nothing.
            return [int(token) for token in tokens] or [self._tokenizer.bos_token_id or 0]
        if turns and turns[-1] == Turn("assistant", ""):
            turns = turns[:-1]
        try:
            with time_limit(TEMPLATE_SECONDS):
                tokens = self._tokenizer.apply_chat_template(
                    [{"role": turn.role, "content": turn.content} for turn in turns],
                    add_generation_prompt=not _continues(turns),
                    continue_final_message=_continues(turns),
                    return_dict=False,
                )
        except (TemplateError, ValueError, TypeError, TimeoutError) as error:
            raise ModelError(
                f"The model's chat template refuses these messages: {_first_line(error)}. "
                "Change the system prompt or the order of the messages, or choose another model."
            ) from error
        return [int(token) for token in tokens]

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
        """See Engine.stream. Raises ModelError, too, when the adapter is not attached."""
        if adapter and adapter not in self._keys:
            raise ModelError(f"The adapter {adapter} is not attached to this model. Attach it first.")
        prompt = self.prompt(turns)
        if len(prompt) >= self.info.context_length:
            raise ContextError(len(prompt), self.info.context_length)
        goes_on = _continues(turns) or self.info.capabilities.kind == "base"
        # A reply that goes on needs the text before it: alone, a first " word" decodes without its space.
        text = Detokenizer(self._tokenizer, self._special, prompt[-8:] if goes_on else [])
        limit, device = min(sampling.max_new_tokens, self.info.context_length - len(prompt)), self._model.device
        with contextlib.closing(
            self._batcher.reply(
                prompt,
                limit,
                self._ends,
                lambda: Sampler(sampling, prompt, limit, device),
                stop,
                self._keys.get(adapter, ""),
                top_logprobs,
                reading,
            )
        ) as events:
            yield from self._chunks(events, len(prompt), StopText(sampling.stop), text)

    def _chunks(self, events: Iterable[Event], total: int, cut: StopText, text: Detokenizer) -> Iterator[Chunk]:
        cached: int | None = None
        told = Told()
        how: Reading = ()
        done = said = 0
        reason: FinishReason = "cancelled"
        for event in events:
            if event.what == "read":
                done = event.count
                cached = done if cached is None else cached
                yield Chunk("", total, done, cached)
                continue
            said, how = event.count, event.reading
            if event.what in ("stop", "length"):
                reason = event.what
            top = [(token, text.would(token), log) for token, log in event.chances[1]] if event.chances else []
            piece = text.push(event.token) if event.what == "token" else ""
            if event.chances:
                told.push(TokenScore(piece, event.token, event.chances[0], tuple(top)))
            if event.what == "token":
                shown = cut.push(piece)
                yield Chunk(shown, total, total, cached or 0, said, tokens=told.shown(shown))
            if cut.found:
                break
        rest = cut.push(text.flush()) + cut.flush()
        reason = "stop" if cut.found else reason
        yield Chunk(rest, total, done, cached or 0, said, reason, told.last(rest), how)

    def close(self) -> None:
        """See Engine.close."""
        if self._model is None:
            return
        self._batcher.close()
        self._runner.close()
        self._model = self._batcher = self._runner = None  # type: ignore[assignment]  # nothing may be asked any more
        lane.free_memory()


def _runner(model: Any, slots: int, context: int, attention: str) -> Runner:
    """The fastest that can run this model where it is. The CUDA one brings its own attention."""
    words = ""
    if model.device.type == "cuda" and attention == "auto":
        from playground.engine.cuda_runner import CudaRunner

        try:
            return CudaRunner(model, slots, context)
        except UnsupportedModelError as error:
            log.warning("This model is run without CUDA graphs, more slowly: %s", error)
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
            words = f"There is not enough memory on the GPU for {slots} replies of {context} tokens at once."
    if words:  # Raised here, because the exception above holds on to what was allocated.
        lane.free_memory()
        raise ModelError(f"{words} Choose a shorter context, fewer slots, or a smaller precision.")
    rows = slots + _SPARE_ROWS
    if model.device.type == "cpu" and attention in ("auto", "sdpa"):
        try:
            return DecoderRunner(model, rows, context)
        except UnsupportedModelError as error:
            log.info("This model is computed by transformers' own code: %s", error)
    return CpuRunner(model, rows, context)


def _words_of(error: Exception) -> tuple[str, bool]:
    if out_of_memory(error):
        return "The memory is full. Shorten the conversation, or choose a smaller model.", True
    return f"The model failed: {_first_line(error)}. Try again, or load the model anew.", False


def _continues(turns: Sequence[Turn]) -> bool:
    return bool(turns) and turns[-1].role == "assistant"


def _as_set(tokens: int | list[int] | None) -> set[int]:
    return set() if tokens is None else {tokens} if isinstance(tokens, int) else set(tokens)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200].rstrip(".")
