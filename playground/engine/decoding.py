"""Turns a model's scores into tokens, and tokens into text. Knows nothing of models, prompts and stop strings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from playground.records import Sampling

if TYPE_CHECKING:
    import torch

Chances = tuple[float, tuple[tuple[int, float], ...]]
"""The logarithm of a token's probability, and the likeliest tokens with theirs."""
_COLDEST = 1e-5
"""A temperature below this is greedy: dividing by it would only overflow."""


class Sampler:
    """Draws the next token as transformers' `generate` would, from its own processors in its own order."""

    def __init__(self, sampling: Sampling, prompt: Sequence[int], limit: int, device: torch.device) -> None:
        """`limit` is the most tokens that will be drawn; `sampling.seed` must be set."""
        import torch
        import transformers as tf

        self._tokens = torch.zeros((1, len(prompt) + limit), dtype=torch.long, device=device)
        self._tokens[0, : len(prompt)] = torch.tensor(prompt)
        self._length = len(prompt)
        self._process = tf.LogitsProcessorList()
        if sampling.repetition_penalty != 1:
            self._process.append(tf.RepetitionPenaltyLogitsProcessor(float(sampling.repetition_penalty)))
        self._generator: torch.Generator | None = None
        if sampling.temperature < _COLDEST:
            return
        assert sampling.seed is not None, "whoever asks for a reply chooses its seed"
        self._generator = torch.Generator(device).manual_seed(sampling.seed)
        self._process.append(tf.TemperatureLogitsWarper(float(sampling.temperature)))
        if sampling.top_k > 0:
            self._process.append(tf.TopKLogitsWarper(sampling.top_k))
        if sampling.top_p < 1:
            self._process.append(tf.TopPLogitsWarper(sampling.top_p))
        if sampling.min_p > 0:
            self._process.append(tf.MinPLogitsWarper(sampling.min_p))

    def draw(self, scores: torch.Tensor) -> int:
        """The next token for `scores` (1, vocabulary). Raises ValueError when they are not numbers."""
        import torch

        with torch.inference_mode():
            # Looked at here, because drawing from NaN on a GPU ends the whole process' use of it.
            if not torch.isfinite(scores.max()):
                raise ValueError("it computed values that are not numbers")
            so_far: Any = self._tokens[:, : self._length]
            scores = self._process(so_far, scores)
            if self._generator is None:
                token = int(scores.argmax())
            else:
                token = int(torch.multinomial(scores.softmax(-1), 1, generator=self._generator))
            if self._length < self._tokens.shape[1]:
                self._tokens[0, self._length] = token
                self._length += 1
            return token


def chances(scores: torch.Tensor, token: int, top: int) -> Chances:
    """What the model thinks of `token`, by its `scores` (vocabulary,), before any sampling."""
    import torch

    with torch.inference_mode():
        logs = scores.float().log_softmax(-1)
        values, tokens = logs.topk(min(top, len(logs)))
        return float(logs[token]), tuple(zip(tokens.tolist(), values.tolist(), strict=True))


class Detokenizer:
    """Turns tokens into text piece by piece, and holds back what is not a whole character yet.

    A piece is what decoding it after the piece before it adds, for decoders look at neighbours. Bytes that never become
    a character, which models do write at high temperatures, are left out.
    """

    def __init__(self, tokenizer: Any, special: set[int], before: Sequence[int] = ()) -> None:
        """`special` tokens have no text; `before` are the last tokens of a text that goes on."""
        self._tokenizer = tokenizer
        self._special = special
        self._tokens = list(before)
        self._shown = len(self._tokens)

    def push(self, token: int) -> str:
        """Take the next token; return the text that is now certain."""
        if token in self._special:
            return ""
        self._tokens.append(token)
        piece = self._rest()
        if not piece or piece.endswith("\ufffd"):
            return ""
        del self._tokens[: self._shown]
        self._shown = len(self._tokens)
        return piece.replace("\ufffd", "")

    def would(self, token: int) -> str:
        """The text that `token` would add as the next one; half a character is a replacement character."""
        if token in self._special:
            return ""
        return self._decode([*self._tokens, token])[len(self._decode(self._tokens)) :]

    def flush(self) -> str:
        """What was held back and is whole, at the end of the stream."""
        return self._rest().replace("\ufffd", "")

    def _rest(self) -> str:
        known = self._decode(self._tokens[: self._shown])
        return self._decode(self._tokens)[len(known) :]

    def _decode(self, tokens: list[int]) -> str:
        return str(self._tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False))
