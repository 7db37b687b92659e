"""Records a step of work on a CUDA device once, and runs it again as one launch. Knows nothing of models.

A step of a language model is a thousand small kernels; launching them one by one from Python takes longer than running
them, on any GPU that is fast enough for the model.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

_MOST = 48
"""Recordings kept; each takes some megabytes. The one not used for longest goes first."""
_AGREE = 0.05
"""How far a recording's first result may be from that of the step itself, relative to its size (2-norm)."""
log = logging.getLogger(__name__)


class CaptureError(Exception):
    """The step cannot be recorded, or the recording computes something else."""


class Graphs:
    """Recordings by key. All share memory for what they compute on the way, as only one runs at a time."""

    def __init__(self, device: torch.device) -> None:
        import torch

        self._device = device
        self._stream: torch.cuda.Stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._memory = torch.cuda.graph_pool_handle()
        self._recorded: OrderedDict[Hashable, tuple[torch.cuda.CUDAGraph, torch.Tensor]] = OrderedDict()
        self._inputs: dict[tuple[int, ...], torch.Tensor] = {}
        self._results: dict[tuple[int, ...], torch.Tensor] = {}

    @property
    def count(self) -> int:
        """How many recordings there are."""
        return len(self._recorded)

    def run(self, key: Hashable, step: Callable[[torch.Tensor], torch.Tensor], values: torch.Tensor) -> torch.Tensor:
        """Return `step(values)`, recorded under `key` when it is new; `values` lies on the CPU, the result is a copy.

        `step` must compute from its argument and fixed memory alone, and may run twice with one argument.
        Raises CaptureError, or what the step itself raises (running out of memory, too).
        """
        shape = tuple(values.shape)
        if shape not in self._inputs:
            self._inputs[shape] = values.to(self._device)
        inputs = self._inputs[shape]
        inputs.copy_(values)
        if key not in self._recorded:
            return self._record(key, step, inputs)
        self._recorded.move_to_end(key)
        graph, result = self._recorded[key]
        graph.replay()
        return result.clone()

    def _record(
        self, key: Hashable, step: Callable[[torch.Tensor], torch.Tensor], inputs: torch.Tensor
    ) -> torch.Tensor:
        import torch

        while len(self._recorded) >= _MOST:
            self._recorded.popitem(last=False)
        # Libraries set themselves up in their first call, which must not happen while recording.
        now = torch.cuda.current_stream(self._device)
        self._stream.wait_stream(now)
        with torch.cuda.stream(self._stream):
            truth = step(inputs)
        now.wait_stream(self._stream)
        result = self._results.setdefault(tuple(truth.shape), torch.empty_like(truth))
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph, pool=self._memory, stream=self._stream, capture_error_mode="thread_local"):
                result.copy_(step(inputs))
        except torch.OutOfMemoryError:
            raise
        except (RuntimeError, NotImplementedError) as error:
            raise CaptureError((str(error).strip() or repr(error)).splitlines()[0]) from error
        finally:
            # torch stays on the stream of a recording that failed.
            torch.cuda.set_stream(now)
        graph.replay()
        if not torch.linalg.vector_norm(result - truth) <= _AGREE * torch.linalg.vector_norm(truth):
            raise CaptureError("the recording does not compute what the step computes")
        self._recorded[key] = graph, result
        log.debug("recorded step %s", key)
        return truth

    def forget(self, wanted: Callable[[Any], bool] = lambda key: False) -> None:
        """Drop all recordings but those whose key is `wanted`."""
        for key in [key for key in self._recorded if not wanted(key)]:
            del self._recorded[key]
        if not self._recorded:
            self._results.clear()
