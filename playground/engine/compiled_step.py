"""Hands a decoder's weights and rows to the compiled step (`decoder_step`), as soon as that is compiled.

Compiling takes some seconds once on a machine; until then, and where numba cannot be had, the caller computes the
step itself. Knows the arrays' shapes, nothing of text and sampling.
"""

from __future__ import annotations

import functools
import logging
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from playground.engine.cpu_rows import Place
from playground.engine.decoder_layers import head_norms
from playground.engine.numba_cache import available
from playground.engine.packed import BLOCK, KINDS, Packed, PackedModel, Packing, linears, room
from playground.engine.peft_adapters import bare, low_rank
from playground.engine.team import Team

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

FEW = 3
"""Rows up to which weights are better widened for each of them than once into memory; sums differ in the last digit."""
_WIDE = 16
"""Rows of weights that are widened at a time."""
log = logging.getLogger(__name__)
_ready: dict[Packing, threading.Event] = {}
"""What is compiled, or being compiled."""
_lock, _compiling = threading.Lock(), threading.Lock()


class CompiledStep:
    """The step of one model; for one thread at a time."""

    most = 40
    """Tokens that it reads at a time; torch reads more of them faster."""

    def __init__(self, model: Any, packed: PackedModel, threads: int) -> None:
        config, layers = model.config, model.model.layers
        self._model, self._team = model, Team(threads)
        self._eps, self._scale = config.rms_norm_eps, layers[0].self_attn.scaling
        blocks = (*packed.weights, packed.head)
        self._weights = tuple(_codes(block) for block in blocks)
        self._tables = tuple(_table(block) for block in blocks)
        self._ready = prepare("int8" if self._weights[0].dtype == np.uint8 else "fp16")
        self._biases = tuple(
            np.zeros(weights.shape[:2], np.float32) if block is None else _floats(block)
            for block, weights in zip(packed.biases, self._weights, strict=False)
        )
        self._norms = (
            np.stack([_floats(layer.input_layernorm.weight) for layer in layers]),
            np.stack([_floats(layer.post_attention_layernorm.weight) for layer in layers]),
            _floats(model.model.norm.weight),
        )
        heads, groups = config.num_attention_heads, config.num_key_value_heads
        self._width = layers[0].self_attn.head_dim
        of_heads = [norms for layer in layers if (norms := head_norms(model, layer)) is not None]
        none = np.zeros((len(layers), heads + groups, 0), np.float32)
        self._head_norms = np.stack(list(map(_floats, of_heads))) if of_heads else none
        widest = max(block.shape[-1] for block in self._weights)
        self._tools = [_tools(widest) for _ in range(self._team.size)]
        self._rooms: tuple[tuple[int, int, int], tuple[tuple[Floats, ...], list[tuple[Floats, ...]]]] | None = None
        self._low: tuple[Floats, ...] = ()
        self._high: tuple[Floats, ...] = ()
        self.adapt()

    @property
    def compiled(self) -> bool:
        """Whether it is compiled."""
        return self._ready.is_set()

    @property
    def ready(self) -> bool:
        """Whether it can be used: compiled, and the adapter in use is one that it knows how to compute."""
        return self.compiled and bool(self._low)

    def adapt(self) -> None:
        """Take over what the model's adapter layers compute now; without any, no low-rank products."""
        self._low = self._high = ()
        if bare(self._model.lm_head) is None:
            return
        found = [
            [[low_rank(one) for one in linears(layer, names)] for names in KINDS] for layer in self._model.model.layers
        ]
        flat = [pair for layer in found for kind in layer for pair in kind]
        if any(pair is None for pair in flat):
            log.info("this adapter is of a kind that the compiled step does not know; torch computes it, more slowly")
            return
        ranks = max(pair[0].shape[0] for pair in flat if pair is not None)
        low, high = [], []
        for kind, weights in enumerate(self._weights[: len(KINDS)]):
            layers, outputs, _ = weights.shape
            inputs = linears(self._model.model.layers[0], KINDS[kind])[0].in_features
            down = np.zeros((layers, len(KINDS[kind]) * ranks, inputs), np.float32)
            up = np.zeros((layers, outputs, ranks), np.float32)
            for at, layer in enumerate(found):
                begin = 0
                for number, (first, second) in enumerate(filter(None, layer[kind])):
                    rank, size = first.shape[0], second.shape[0]
                    down[at, number * ranks : number * ranks + rank] = first
                    up[at, begin : begin + size, :rank] = second
                    begin += size
            low.append(down)
            high.append(up)
        self._low, self._high = tuple(low), tuple(high)

    def run(
        self, states: torch.Tensor, cosine: torch.Tensor, sine: torch.Tensor, rows: Sequence[Place]
    ) -> torch.Tensor:
        """Read tokens into `rows`, as many into each as it says: `states` (B, features), `cosine`, `sine` (B, width).

        Returns the scores (rows, vocabulary) after the last token of each row.
        """
        import torch

        from playground.engine import decoder_step

        counts = [row.new for row in rows]
        held = _floats(states)
        turn = np.stack([_floats(cosine), _floats(sine)])
        last = np.cumsum(counts) - 1
        places = np.concatenate([[range(row.length, row.length + row.new), [row.room] * row.new] for row in rows], 1)
        caches = np.repeat(np.stack([row.addresses for row in rows]), counts, 0)
        shared, own = self._room(len(held), 1 << int(places[0].max()).bit_length())
        scores = np.empty((len(rows), self._weights[-1].shape[0]), np.float32)
        counter = np.zeros(8, np.int64)
        read = (held, last, places, turn, caches)
        model = (self._norms, self._head_norms, self._weights, self._tables, self._biases, self._low, self._high)
        numbers = (scores, np.float32(self._eps), np.float32(self._scale))
        address, way = counter.ctypes.data, _way()
        self._team.run(
            lambda part, parts: decoder_step.step(
                (part, parts, address, way), read, model, (shared, own[part], self._tools[part]), *numbers
            )
        )
        return torch.from_numpy(scores)

    def scores(self, states: torch.Tensor) -> torch.Tensor:
        """The vocabulary's scores (B, vocabulary) for normed states (B, features)."""
        import torch

        from playground.engine import decoder_step

        weights, table = self._weights[-1], self._tables[-1]
        given = _zeros(len(states), weights.shape[1])
        given[:, : states.shape[1]] = _floats(states)
        out = np.empty((len(given), weights.shape[0]), np.float32)
        self._team.run(
            lambda part, parts: decoder_step.product(part, parts, weights, table, given, self._tools[part], out)
        )
        return torch.from_numpy(out)

    def widen(self, weights: Packed, out: torch.Tensor) -> None:
        """As Packed.widen, by all threads; only when it is compiled."""
        from playground.engine import decoder_step

        codes, table, wide = _codes(weights), _table(weights), out.numpy()
        self._team.run(lambda part, parts: decoder_step.widen(part, parts, codes, table, self._tools[part], wide))

    def close(self) -> None:
        """End its threads."""
        self._team.close()

    def _room(self, rows: int, longest: int) -> tuple[tuple[Floats, ...], list[tuple[Floats, ...]]]:
        """What threads share, and what each has of its own, for so many rows of so many tokens; the last kept."""
        most = max(block.shape[1] for block in self._low)
        if self._rooms is not None and self._rooms[0] == (rows, longest, most):
            return self._rooms[1]
        qkv, out, both, down, _ = self._weights
        sizes = (qkv.shape[1], out.shape[2], both.shape[1], down.shape[2], qkv.shape[2])
        shared = tuple(_zeros(rows, size) for size in sizes)
        shapes = (rows, qkv.shape[2]), (rows, most), (longest,), (self._width,)
        own = [tuple(_zeros(*shape) for shape in shapes) for _ in range(self._team.size)]
        self._rooms = (rows, longest, most), (shared, own)
        return shared, own


def prepare(packing: Packing) -> threading.Event:
    """Begin to compile, or to read from numba's cache, in a thread of its own; once for all models. Set when done."""
    with _lock:
        if packing not in _ready:
            _ready[packing] = threading.Event()
            if available():
                threading.Thread(target=_compile, args=(packing,), name="compile-step", daemon=True).start()
        return _ready[packing]


def wait(seconds: float) -> bool:
    """Wait until all that was begun is compiled; False when one is not in that time."""
    return all(event.wait(seconds) for event in list(_ready.values()))


def _compile(packing: Packing) -> None:
    began = time.monotonic()
    try:
        from playground.engine import decoder_step

        # One run over a model of nothing; types, not sizes, are what it is compiled for.
        def full(*shape: int) -> Floats:
            return np.ones(shape, np.float32)

        shapes = (1, 12), (1, 4), (1, 8), (1, 4), (5,)
        blocks = [room(packing, BLOCK, *shape) for shape in shapes]
        weights, tables = tuple(map(_codes, blocks)), tuple(map(_table, blocks))
        cache = full(2, 1, 2, 4)
        caches = np.array([[[cache[0].ctypes.data, cache[1].ctypes.data]]], np.int64)
        counter, places = np.zeros(8, np.int64), np.array([[0], [2]], np.int64)
        biases = (full(1, 12), full(1, 4), full(1, 8), full(1, 4))
        low = (full(1, 0, 4), full(1, 0, 4), full(1, 0, 4), full(1, 0, 4))
        high = (full(1, 12, 0), full(1, 4, 0), full(1, 8, 0), full(1, 4, 0))
        shared = (full(1, 12), full(1, BLOCK), full(1, 8), full(1, BLOCK), full(1, BLOCK))
        own, tools = (full(1, BLOCK), full(1, 0), full(2), full(4)), _tools(BLOCK)
        functions = (decoder_step.step, decoder_step.product, decoder_step.widen)
        with _compiling:
            for function in functions:
                function.disable_compile(False)
            decoder_step.step(
                (0, 1, counter.ctypes.data, _way()),
                (full(1, 4), np.array([0]), places, full(2, 1, 4), caches),
                ((full(1, 4), full(1, 4), full(4)), full(1, 2, 0), weights, tables, biases, low, high),
                (shared, own, tools),
                full(1, 5),
                np.float32(1),
                np.float32(1),
            )
            decoder_step.product(0, 1, weights[-1], tables[-1], full(1, BLOCK), tools, full(1, 5))
            decoder_step.widen(0, 1, weights[-1], tables[-1], tools, full(5, 4))
            for function in functions:
                function.disable_compile()  # Other types would be a mistake of ours, and take seconds in a reply.
    except Exception:  # Whatever numba cannot do here, the step is computed without it.
        log.warning("the decode step could not be compiled; it is computed without that, more slowly", exc_info=True)
        return
    _ready[packing].set()
    log.info("the decode step was compiled, or read from numba's cache, in %.1f s", time.monotonic() - began)


@functools.cache
def _way() -> int:
    from playground.engine.llvm_words import give_way

    return give_way()


def _codes(block: Packed) -> NDArray[Any]:
    codes: NDArray[Any] = block.codes.numpy()
    return codes.view(np.uint16) if codes.dtype == np.float16 else codes


def _table(block: Packed) -> NDArray[np.uint16]:
    table: NDArray[np.uint16] = block.table.numpy().view(np.uint16)
    return table


def _tools(widest: int) -> tuple[Floats, ...]:
    """What a thread needs for products of so many inputs: rows of weights widened, 16 numbers, scales of four rows."""
    return _zeros(_WIDE, widest), _zeros(16), _zeros(8 * widest // BLOCK + 32)


def _zeros(*shape: int) -> Floats:
    """Begins where the processor likes to read, which numpy's own do not."""
    import torch

    values: Floats = torch.zeros(shape).numpy()
    return values


def _floats(values: torch.Tensor) -> Floats:
    numbers: Floats = values.detach().float().contiguous().numpy()
    return numbers
