"""A causal model on a CPU, and keys and values of several sequences in memory that grows as they do.

Implements `runner.Runner`. Knows nothing of text, prompts and sampling, and nothing of who shares the rows.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from playground.engine import cpu_attention
from playground.engine.growing_cache import copy_beginning, growing_cache, plain
from playground.engine.peft_adapters import use_adapter
from playground.engine.runner import never

if TYPE_CHECKING:
    import torch


class CpuRunner:
    """See `runner.Runner`. It also runs where the CUDA one cannot, on whatever device the model is on."""

    def __init__(self, model: Any, rows: int, context_length: int, batch: int = 256) -> None:
        """Take `model`, in eval mode and on its device; no memory for rows yet."""
        self._model = model
        if model.device.type == "cpu":
            cpu_attention.use_in(model)
        self.rows, self.context_length, self.batch, self.alone = rows, context_length, batch, batch
        self._caches: list[Any] = [None] * rows
        parameters = inspect.signature(model.forward).parameters
        self._last_only = {"logits_to_keep": 1} if "logits_to_keep" in parameters else {}

    def length(self, row: int) -> int:
        """See Runner.length."""
        return 0 if self._caches[row] is None else int(self._caches[row].get_seq_length())

    def extend(self, row: int, tokens: Sequence[int], given_up: Callable[[], bool] = never) -> torch.Tensor:
        """See Runner.extend. After a failure the row holds nothing of use: truncate it to 0."""
        import torch

        if self._caches[row] is None:
            self._caches[row] = growing_cache(self._model.config)
        with torch.inference_mode():
            inputs = torch.tensor([list(tokens)], device=self._model.device)
            output = self._model(input_ids=inputs, past_key_values=self._caches[row], use_cache=True, **self._last_only)
            scores: torch.Tensor = output.logits[0, -1].float()
            return scores

    def step(self, tokens: Mapping[int, int], width: int = 0) -> Mapping[int, torch.Tensor]:
        """See Runner.step."""
        return {row: self.extend(row, [token]) for row, token in tokens.items()}

    def width(self, rows: int) -> int:
        """See Runner.width: one row after the other."""
        return 1

    def truncate(self, row: int, length: int) -> int:
        """See Runner.truncate. Sliding windows and recurrent states cannot go back."""
        cache, held = self._caches[row], self.length(row)
        if length <= 0 or cache is None:
            self._caches[row] = None
            return 0
        try:
            if held > length:
                cache.crop(length - held)
        except RuntimeError:
            self._caches[row] = None
        return self.length(row)

    def copy(self, source: int, target: int, length: int) -> int:
        """See Runner.copy."""
        import torch

        cache = self._caches[source]
        if source == target or cache is None or not plain(cache):
            return self.truncate(target, length if source == target else 0)
        length = min(length, self.length(source))
        self._caches[target] = None
        fresh = growing_cache(self._model.config)
        with torch.inference_mode():
            copy_beginning(cache, fresh, length)
        self._caches[target] = fresh
        return length

    def use_adapter(self, name: str) -> None:
        """See Runner.use_adapter."""
        use_adapter(self._model, name)

    def close(self) -> None:
        """See Runner.close."""
