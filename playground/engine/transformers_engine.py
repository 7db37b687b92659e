"""Models through Hugging Face transformers: the engine for NVIDIA GPUs, and the reference on the CPU.

It steps the model itself, one token a time in the caller's thread, so that stopping, progress and prefix reuse need no
second thread. Knows nothing of conversations; how models are read from disk is in `transformers_load`.
"""

from __future__ import annotations

import gc
import hashlib
import inspect
import threading
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from playground import __version__
from playground.engine.base import ModelSource, StopText
from playground.engine.decoding import Detokenizer, Sampler
from playground.engine.transformers_load import load, out_of_memory
from playground.errors import ContextError, ModelError
from playground.records import Chunk, FinishReason, ModelInfo, Sampling, Turn

if TYPE_CHECKING:
    import torch

_PROMPT_BATCH = 128
"""Tokens read between two looks at the stop event."""
_P = ParamSpec("_P")
_T = TypeVar("_T")


class TransformersEngine:
    """One causal language model, and the cache of the last conversation it read."""

    def __init__(self, source: ModelSource) -> None:
        """Load `source.path`, a GGUF or a folder. Raises ModelError, StorageError (converted copy) or MemoryError."""
        import torch

        torch.set_num_threads(source.threads)
        self._model, self._tokenizer = load(source)
        # The first call clears what truncation the tokenizer's file asks for; later ones change nothing in it, so that
        # prompts may be counted in one thread while another writes.
        self._tokenizer("")
        special = {token for token, about in self._tokenizer.added_tokens_decoder.items() if about.special}
        self._special = special | set(self._tokenizer.all_special_ids)
        self._ends = _as_set(self._model.generation_config.eos_token_id) | _as_set(self._tokenizer.eos_token_id)
        parameters = inspect.signature(self._model.forward).parameters
        self._last_only = {"logits_to_keep": 1} if "logits_to_keep" in parameters else {}
        self._lock = threading.Lock()
        self._cache: Any = None
        self._cached: list[int] = []
        """The tokens whose keys and values are in `_cache`, exactly."""
        self.info = self._describe(source)

    def _describe(self, source: ModelSource) -> ModelInfo:
        template = self._tokenizer.get_chat_template() if self._tokenizer.chat_template else ""
        trained = getattr(self._model.config.get_text_config(), "max_position_embeddings", None)
        return ModelInfo(
            model=source.id,
            engine="transformers",
            revision=source.revision,
            file_sha256=source.sha256,
            quantization=str(self._model.dtype).removeprefix("torch."),
            template_sha256=hashlib.sha256(template.encode()).hexdigest(),
            context_length=min(source.context_length, trained or source.context_length),
            versions={"playground": __version__, "torch": version("torch"), "transformers": version("transformers")},
        )

    def count_tokens(self, turns: Sequence[Turn]) -> int:
        """See Engine.count_tokens. Raises ModelError when the chat template refuses the turns."""
        return len(self._prompt(turns))

    def _prompt(self, turns: Sequence[Turn]) -> list[int]:
        from jinja2 import TemplateError

        if not self._tokenizer.chat_template:
            raise ModelError("This model has no chat template, so it cannot chat. Choose one made for instructions.")
        if turns and turns[-1] == Turn("assistant", ""):
            turns = turns[:-1]
        try:
            tokens = self._tokenizer.apply_chat_template(
                [{"role": turn.role, "content": turn.content} for turn in turns],
                add_generation_prompt=not _continues(turns),
                continue_final_message=_continues(turns),
                return_dict=False,
            )
        except (TemplateError, ValueError, TypeError) as error:
            raise ModelError(
                f"The model's chat template refuses these messages: {_first_line(error)}. "
                "Change the system prompt or the order of the messages, or choose another model."
            ) from error
        return [int(token) for token in tokens]

    def stream(self, turns: Sequence[Turn], sampling: Sampling, stop: threading.Event) -> Iterator[Chunk]:
        """See Engine.stream."""
        prompt = self._prompt(turns)
        if len(prompt) >= self.info.context_length:
            raise ContextError(len(prompt), self.info.context_length)
        # A reply that goes on needs the text before it: alone, a first " word" decodes without its space.
        text = Detokenizer(self._tokenizer, self._special, prompt[-8:] if _continues(turns) else [])
        with self._lock:
            yield from self._answer(prompt, sampling, stop, text)

    def _answer(
        self, prompt: list[int], sampling: Sampling, stop: threading.Event, text: Detokenizer
    ) -> Iterator[Chunk]:
        total, limit = len(prompt), min(sampling.max_new_tokens, self.info.context_length - len(prompt))
        cached = done = self._reuse(prompt)
        yield Chunk("", total, done, cached)
        while done < total and not stop.is_set():
            scores = self._guard(self._step, prompt[done : done + _PROMPT_BATCH])
            done = len(self._cached)
            yield Chunk("", total, done, cached)
        reason: FinishReason | None = "cancelled" if stop.is_set() else None
        sampler = Sampler(sampling, prompt, limit, self._model.device)
        cut = StopText(sampling.stop)
        said = 0
        while reason is None:
            token = self._guard(sampler.draw, scores)
            said += 1
            if token in self._ends:
                reason = "stop"
                break
            yield Chunk(cut.push(text.push(token)), total, total, cached, said)
            if cut.found:
                reason = "stop"
            elif said == limit:
                reason = "length"
            elif stop.is_set():
                reason = "cancelled"
            else:
                scores = self._guard(self._step, [token])
        rest = cut.push(text.flush()) + cut.flush()
        yield Chunk(rest, total, done, cached, said, "stop" if cut.found else reason)

    def _reuse(self, prompt: list[int]) -> int:
        """Cut the cache back to what it shares with `prompt`; return how many tokens need not be read again."""
        from transformers import DynamicCache

        # The last token is always read again: its scores were not kept.
        most = min(len(self._cached), len(prompt) - 1)
        same = next((at for at in range(most) if self._cached[at] != prompt[at]), most)
        surplus = len(self._cached) - same
        try:
            # The length tells, too, of a step that an interrupt broke off in the middle.
            usable = same > 0 and self._cache.get_seq_length() == len(self._cached)
            if usable and surplus:
                self._cache.crop(-surplus)
        except RuntimeError:  # Sliding windows and recurrent states cannot go back.
            usable = False
        if not usable:
            self._cache, self._cached = DynamicCache(config=self._model.config), []
            return 0
        del self._cached[same:]
        return same

    def _step(self, tokens: list[int]) -> torch.Tensor:
        """Read `tokens` after those in the cache; return the scores of the next one, shaped (1, vocabulary)."""
        import torch

        with torch.inference_mode():
            inputs = torch.tensor([tokens], device=self._model.device)
            output = self._model(input_ids=inputs, past_key_values=self._cache, use_cache=True, **self._last_only)
            self._cached.extend(tokens)
            scores: torch.Tensor = output.logits[:, -1].float()
            return scores

    def _guard(self, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Run a part of the model; put its failure into words and free what it held."""
        try:
            return work(*args, **kwargs)
        except (RuntimeError, ValueError, IndexError, TypeError, MemoryError) as error:
            if out_of_memory(error):
                words = "The memory is full. Shorten the conversation, or choose a smaller model."
            else:
                words = f"The model failed: {_first_line(error)}. Try again, or load the model anew."
        # Outside of the except block, because the exception holds on to the tensors of the failed step.
        self._free()
        raise ModelError(words)

    def _free(self) -> None:
        import torch

        self._cache, self._cached = None, []
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def close(self) -> None:
        """See Engine.close."""
        with self._lock:
            self._model = None
            self._free()


def _continues(turns: Sequence[Turn]) -> bool:
    return bool(turns) and turns[-1].role == "assistant"


def _as_set(tokens: int | list[int] | None) -> set[int]:
    return set() if tokens is None else {tokens} if isinstance(tokens, int) else set(tokens)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200].rstrip(".")
