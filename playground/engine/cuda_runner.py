"""A causal model on an NVIDIA GPU: keys and values in fixed memory, each decode step one launch (a CUDA graph).

Implements `runner.Runner` for every architecture whose attention goes through transformers' interface and is plain
(grouped, causal, full or sliding). That it computes what the model computes is checked when it is made, not assumed.
Knows nothing of text, prompts and sampling, and nothing of who shares the rows.
"""

from __future__ import annotations

import gc
import inspect
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from playground.engine.cuda_graphs import CaptureError, Graphs
from playground.engine.paged_cache import PAGE, Pages, attending, flash_reads, reading
from playground.engine.peft_adapters import use_adapter
from playground.engine.runner import UnsupportedModelError, never

if TYPE_CHECKING:
    import torch

_CLOSE = 0.1
"""How far scores may be from the model's own, relative to their size: bf16 differs by 0.01, a wrong mask by 1."""
log = logging.getLogger(__name__)


class CudaRunner:
    """See `runner.Runner`. It also runs on a CPU, slowly and unrecorded, which its tests use."""

    def __init__(self, model: Any, rows: int, context_length: int, compiled: bool = False) -> None:
        """Take `model`, in eval mode and on its device, and the memory for all rows at once.

        `compiled` puts the step through torch.compile, which takes a minute for each number of rows; off until it is
        measured to win on a GPU (benchmarks/gpu.py measures both).
        Raises UnsupportedModelError, or torch's out-of-memory error.
        """
        import torch

        self._model = model.get_base_model() if hasattr(model, "get_base_model") else model
        if not getattr(self._model, "_supports_attention_backend", False):
            raise UnsupportedModelError(f"{type(self._model).__name__} has an attention of its own")
        self.rows, self.context_length, self.batch, self.alone = rows, context_length, 1024, 1024
        self.device: torch.device = self._model.device
        self._pages = Pages(rows, context_length, self.device)
        self._lengths = [0] * rows
        self._adapter: tuple[str, tuple[int, ...]] = ("", ())
        self._last = "logits_to_keep" in inspect.signature(self._model.forward).parameters
        self._flash = flash_reads(self.device, self._model.dtype)
        self._forward: Callable[..., torch.Tensor] = torch.compile(self._scores) if compiled else self._scores
        self._graphs = Graphs(self.device) if self.device.type == "cuda" else None
        self._unrecorded = "" if self._graphs is not None else "not on a GPU"
        self._check()

    @property
    def mode(self) -> str:
        """How it computes, in words for a log."""
        how = f"no CUDA graphs ({self._unrecorded})" if self._unrecorded else "CUDA graphs"
        return f"{how}, {'flash' if self._flash else 'masked'} attention"

    def length(self, row: int) -> int:
        """See Runner.length."""
        return self._lengths[row]

    def extend(self, row: int, tokens: Sequence[int], given_up: Callable[[], bool] = never) -> torch.Tensor:
        """See Runner.extend. Raises ValueError for no tokens or more than fit; out of memory leaves the row as it was.

        `tokens` may be longer than `batch`.
        """
        done = self._lengths[row]
        if not tokens or done + len(tokens) > self.context_length:
            raise ValueError(f"{len(tokens)} tokens after {done} do not fit into {self.context_length}")
        scores = self._careful(lambda recorded: self._extend(row, done, list(tokens)))
        self._lengths[row] = done + len(tokens)
        return scores

    def step(self, tokens: Mapping[int, int], width: int = 0) -> Mapping[int, torch.Tensor]:
        """See Runner.step. Raises ValueError when a row is full; out of memory leaves all rows as they were."""
        if full := [row for row in tokens if self._lengths[row] >= self.context_length]:
            raise ValueError(f"rows {full} hold {self.context_length} tokens already")
        rows = sorted(tokens)
        if not rows:
            return {}
        scores = self._careful(lambda recorded: self._step(rows, [tokens[row] for row in rows], recorded, width))
        for row in rows:
            self._lengths[row] += 1
        return {row: scores[at] for at, row in enumerate(rows)}

    def width(self, rows: int) -> int:
        """See Runner.width: steps are recorded for powers of two."""
        return 1 << (rows - 1).bit_length()

    def truncate(self, row: int, length: int) -> int:
        """See Runner.truncate; it can always go back."""
        self._lengths[row] = min(self._lengths[row], length)
        return self._lengths[row]

    def copy(self, source: int, target: int, length: int) -> int:
        """See Runner.copy."""
        import torch

        length = min(length, self._lengths[source])
        if source != target:
            with torch.inference_mode():
                self._pages.copy(source, target, length)
        self._lengths[target] = length
        return length

    def use_adapter(self, name: str) -> None:
        """See Runner.use_adapter. Raises ValueError for one that the model does not have."""
        use_adapter(self._model, name)
        weights = [weight for key, weight in self._model.named_parameters() if name and name in key.split(".")]
        # A recording holds addresses: an adapter that was loaded anew under its old name lies elsewhere.
        self._adapter = name, tuple(weight.data_ptr() for weight in weights)
        if self._graphs is not None:
            self._graphs.forget(lambda key: key[0][0] != name or key[0] == self._adapter)

    def close(self) -> None:
        """See Runner.close."""

    def _extend(self, row: int, done: int, tokens: list[int]) -> torch.Tensor:
        import torch

        with torch.inference_mode():
            rows = torch.tensor([row], device=self.device)
            for start in range(0, len(tokens), self.batch):
                part = tokens[start : start + self.batch]
                end = done + start + len(part)
                places = torch.arange(done + start, end, device=self.device)[None]
                scores = self._scores(torch.tensor([part], device=self.device), rows, places, self._depth(end))
            return scores[0]

    def _step(self, rows: list[int], tokens: list[int], recorded: bool, width: int) -> torch.Tensor:
        """One token for each of `rows`; returns (rows, vocabulary)."""
        import torch

        size = self.width(max(len(rows), width))
        spare = size - len(rows)
        places = [self._lengths[row] for row in rows]
        depth = self._depth(max(places) + 1)
        idle = [self._pages.idle] * spare
        values = torch.tensor([tokens + [0] * spare, rows + idle, places + [0] * spare])
        with torch.inference_mode():
            if recorded and self._graphs is not None and not self._unrecorded:
                try:
                    return self._graphs.run((self._adapter, size, depth), lambda now: self._decode(now, depth), values)
                except CaptureError as error:
                    self._unrecorded = str(error)
                    log.warning("This model is decoded without CUDA graphs, more slowly: %s", error)
                self._graphs.forget()
            return self._decode(values.to(self.device), depth)

    def _decode(self, values: torch.Tensor, depth: int) -> torch.Tensor:
        tokens, rows, places = values.unbind()
        return self._forward(tokens[:, None], rows, places[:, None], depth)

    def _scores(self, tokens: torch.Tensor, rows: torch.Tensor, places: torch.Tensor, depth: int) -> torch.Tensor:
        """Read `tokens`, shaped (sequences, new), into `rows` at `places`; the last one's scores, float32."""
        output = self._model(
            input_ids=tokens,
            position_ids=places,
            use_cache=False,
            reading=reading(self._pages, rows, places, depth, self._flash),
            **({"logits_to_keep": 1} if self._last else {}),
        )
        scores: torch.Tensor = output.logits[:, -1].float()
        return scores

    def _depth(self, length: int) -> int:
        """Pages that hold `length` tokens, rounded up to powers of two (from 2), so that few steps are recorded."""
        return min(max(2, 1 << (-(-length // PAGE) - 1).bit_length()), self._pages.per_row)

    def _careful(self, work: Callable[[bool], torch.Tensor]) -> torch.Tensor:
        """Run `work`; when memory runs out give back all that can be spared and try once more, unrecorded."""
        import torch

        try:
            with attending(self._model.config):
                return work(True)
        except torch.OutOfMemoryError as error:
            log.warning("Out of memory on the GPU; trying once more without CUDA graphs: %s", error)
        # Outside of the except block, because the exception holds on to the tensors of the failed step.
        self._free()
        try:
            with attending(self._model.config):
                return work(False)
        except torch.OutOfMemoryError as error:
            words = str(error)
        self._free()
        raise torch.OutOfMemoryError(words)

    def _free(self) -> None:
        import torch

        if self._graphs is not None:
            self._graphs.forget()
        gc.collect()
        torch.cuda.empty_cache()

    def _check(self) -> None:
        """Compare with the model's own scores, for a prompt and the step after it; choose the attention that agrees."""
        import torch

        config = self._model.config
        size = min(16, self.context_length)
        tokens = [number * 37 % config.get_text_config().vocab_size for number in range(size)]
        with torch.inference_mode():
            inputs = torch.tensor([tokens], device=self.device)
            truth = self._model(input_ids=inputs, use_cache=False).logits[0, -1].float()
        why, without = "", self._unrecorded
        for flash in (True, False) if self._flash else (False,):
            self._flash, self._unrecorded = flash, without
            try:
                self.extend(0, tokens[:-1])
                apart = float((self.step({0: tokens[-1]})[0] - truth).norm() / truth.norm())
                why = "" if apart <= _CLOSE else f"scores are {apart:.2f} apart from the model's own"
            except torch.OutOfMemoryError:
                raise
            except Exception as error:
                log.debug("%s failed", self.mode, exc_info=True)
                why = str(error) or repr(error)
            self._lengths[0] = 0
            if not why:
                log.info("%s: apart from the model's own scores by %.4f", self.mode, apart)
                return
            log.warning("%s cannot be used for %s: %s", self.mode, type(self._model).__name__, why)
        raise UnsupportedModelError(f"{type(self._model).__name__}: {why}")
