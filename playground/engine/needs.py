"""How much memory a model takes under each engine, in bytes: the rules behind `plan`, checked by benchmarks/memory.py.

What is meant is the growth of resident memory from just before loading to after a reply that filled the context in each
slot. Knows nothing of what is free, and decides nothing.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.util import find_spec

from playground.engine.packed import KNOWN, WIDENED, packing_of
from playground.engine.shape import ModelShape

MIB = 1 << 20
LLAMACPP_BATCH, CPU_BATCH, CUDA_BATCH = 128, 2048, 1024
"""Prompt tokens that an engine reads at a time."""
PAGE = 256
"""Caches on a GPU and in llama.cpp grow by so many tokens."""
BYTES = {"fp32": 4, "bf16": 2, "fp16": 2}
FOUR_BIT = ("nf4", "fp4")
_REPACKED = {"x86_64": {"Q4_0", "Q4_K", "IQ4_NL", "MXFP4"}, "arm64": {"Q4_0", "Q4_K", "Q5_K", "Q6_K", "Q8_0", "IQ4_NL"}}
"""Types that llama.cpp writes anew in another order (x86: seen with AVX2; arm: its table)."""
_LIBRARY = {"llamacpp": 12 * MIB, "ctranslate2": 60 * MIB, "transformers": 230 * MIB}
"""What importing an engine's libraries takes, with what they import when the first model is made; not their code."""
_COMPILED = 40 * MIB
"""numba, and the decode step from its cache."""
_MODULE = {"llamacpp": "xllamacpp", "ctranslate2": "ctranslate2", "transformers": "transformers.modeling_utils"}
_CUDA_CONTEXT = 560 * MIB
"""What CUDA itself and its libraries' code take on a GPU before the first tensor; with cuBLAS' workspace."""
_TOKENIZER = 900
"""Bytes for each word of the vocabulary: strings, numbers and the merges between them."""


@dataclass(frozen=True)
class Need:
    """Bytes on one device."""

    weights: int = 0
    kv_cache: int = 0
    activations: int = 0
    overhead: int = 0
    library: int = 0
    transient: int = 0
    """Taken while loading only, and free again before the first word: a file that is read and converted."""
    mapped: int = 0
    """Counted within `weights`: pages of a file that nobody needs any more and that the system takes back at need."""
    lazy: int = 0
    """Counted within `weights`: read from a mapped file only when the first word is computed."""
    grown: int = 0
    """Counted within `kv_cache`: what comes with the tokens."""

    @property
    def loading(self) -> int:
        """The part of `transient` that is above what later takes its place."""
        return max(self.transient - self.activations - self.grown - self.lazy, 0)

    @property
    def total(self) -> int:
        """The peak."""
        return sum(self.parts().values())

    @property
    def loaded(self) -> int:
        """The peak while loading, before the first word."""
        return self.total - self.loading - self.activations - self.grown - self.lazy + self.transient

    @property
    def started(self) -> int:
        """The peak from loading to after a short reply."""
        return max(self.loaded, self.total - self.loading - self.grown)

    @property
    def reclaimable(self) -> int:
        """What counts as ours in the peak, but is no obstacle where memory is short: unused pages of files."""
        return self.mapped + self.loading

    def parts(self) -> dict[str, int]:
        """The parts that add up to `total`, by name."""
        names = ("weights", "kv_cache", "activations", "overhead", "library", "loading")
        return {name: getattr(self, name) for name in names}

    def corrected(self, by: int) -> Need:
        """The same with `by` bytes more or fewer, taken from the parts that are known worst."""
        changed, left = {}, by
        for name in ("overhead", "activations", "library", "kv_cache", "weights"):
            value = max(getattr(self, name) + left, 0)
            left -= value - getattr(self, name)
            changed[name] = value
        return replace(self, **changed)


def imported(engine: str) -> bool:
    """True when the engine's libraries are in memory already."""
    return _MODULE.get(engine, "") in sys.modules


def library_of(engine: str) -> int:
    """Bytes that importing an engine's libraries takes."""
    return _LIBRARY.get(engine, 0)


def need(
    shape: ModelShape, engine: str, precision: str, device: str, context: int, slots: int, there: bool
) -> Mapping[str, Need]:
    """What the model takes, by device. `there`: the engine's libraries are in memory already."""
    library = 0 if there else library_of(engine)
    if shape.format == "remote" or engine in ("remote", "echo"):
        return {}
    if engine == "llamacpp":
        return {"cpu": _llamacpp(shape, context, slots, library)}
    if engine == "ctranslate2":
        return {"cpu": _ctranslate2(shape, precision, context, slots, library)}
    if device == "cpu":
        return {"cpu": _transformers_cpu(shape, precision, context, slots, library)}
    # Files are read straight onto the GPU, one tensor at a time; here only libraries and tokenizer stay.
    host = Need(overhead=_TOKENIZER * shape.vocab_size, library=2 * library)
    return {device: _transformers_cuda(shape, precision, context, slots), "cpu": host}


def _llamacpp(shape: ModelShape, context: int, slots: int, library: int) -> Need:
    """Measured: weights are mapped and all read; matrices of some types are written a second time in another order."""
    again = sum(size for name, size in shape.matrix_bytes if name in _REPACKED.get(_processor(), ()))
    full = _up(context, PAGE)
    sliding = _up(min(full, shape.sliding_window + LLAMACPP_BATCH), PAGE) if shape.sliding_window else 0
    kept = slots * 2 * (full * shape.kv_width + sliding * shape.sliding_kv_width) + slots * 4 * shape.state_width
    widest = 3 * shape.intermediate_size + 4 * shape.hidden_size
    mask = 2 * LLAMACPP_BATCH * full
    scores = 4 * shape.vocab_size * (1 + slots) + 4 * LLAMACPP_BATCH * full * shape.num_attention_heads
    return Need(
        weights=shape.weight_bytes + again,
        kv_cache=kept,
        activations=4 * LLAMACPP_BATCH * widest + mask + scores + 2 * MIB,
        # The file's header stays mapped; words and merges become maps of strings.
        overhead=14 * MIB + 440 * shape.vocab_size,
        library=library,
        mapped=again,
    )


def _ctranslate2(shape: ModelShape, precision: str, context: int, slots: int, library: int) -> Need:
    each = BYTES.get(precision, 1)
    weights = shape.weight_bytes if shape.format == "ctranslate2" else int(shape.parameters * each * 1.02)
    scratch = 4 * slots * min(context, 512) * (shape.vocab_size + 8 * shape.intermediate_size) // 8
    kept = 4 * slots * min(context, 512) * shape.kv_width
    return Need(weights, kept, scratch, 20 * MIB + _TOKENIZER * shape.vocab_size, library, grown=kept)


def _transformers_cpu(shape: ModelShape, precision: str, context: int, slots: int, library: int) -> Need:
    """Keys and values grow, in the type of the arithmetic; a file of another type is mapped while it is read."""
    packing = packing_of(shape, precision) if find_spec("numba") is not None else None
    fbgemm = packing is None and (precision == "fp16" or (precision == "auto" and _processor() == "x86_64"))
    # Computed by `cpu_decoder`.
    written_out = packing is not None or (shape.model_type in KNOWN and precision == "fp32")
    compiled = _COMPILED if packing and library else 0
    number = 2 if precision == "bf16" else 4
    rest = shape.parameters - shape.linear_parameters
    if packing:
        # Of bytes: one, and four for each 32.
        weights = (shape.parameters * 9 // 8 if packing == "int8" else 2 * shape.parameters) + WIDENED
    elif fbgemm:  # Its order has no place for shared matrices: tied embeddings are there twice.
        twice = shape.embedding_parameters if shape.tie_word_embeddings else 0
        weights = 2 * (shape.parameters + twice)
    elif precision in (*FOUR_BIT, "int8"):
        weights = weights_of(shape, precision) + 2 * rest
    else:
        weights = weights_of(shape, precision)
    same = not packing and not fbgemm and _stored_type(shape) == ("fp32" if precision == "auto" else precision)
    file = 0 if same else _stored(shape)
    # It is gone before the decode step comes; in other precisions before the tokenizer does.
    file = max(file - (0 if fbgemm else compiled if packing else _TOKENIZER * shape.vocab_size), 0)
    # While the largest matrix is packed it is there three times more: joined, clamped, and in half precision.
    turned = 10 * max(shape.embedding_parameters, shape.hidden_size * shape.intermediate_size) if fbgemm else 0
    kept = slots * number * context * (shape.kv_width + shape.sliding_kv_width) + slots * 4 * shape.state_width
    batch = min(CPU_BATCH if written_out else 512, context)
    work = 4 * batch * (3 * shape.intermediate_size + 6 * shape.hidden_size) + 4 * shape.vocab_size
    if not written_out:  # Growing a layer's cache holds the old and the new one for a moment; attention has scores.
        work += kept // max(slots * shape.num_hidden_layers, 1) + 4 * batch * context * shape.num_attention_heads
    overhead = 12 * MIB + _TOKENIZER * shape.vocab_size + compiled
    # A file of the same type is the weights: mapped, and read when they are first used.
    lazy = weights if same else 0
    return Need(weights, kept, work, overhead, library, transient=file + turned, lazy=lazy, grown=kept)


def _transformers_cuda(shape: ModelShape, precision: str, context: int, slots: int) -> Need:
    number = 4 if precision == "fp32" else 2
    width = shape.kv_width + shape.sliding_kv_width
    kept = number * PAGE * (slots * (_up(context, PAGE) // PAGE) + 1) * width + slots * 4 * shape.state_width
    batch = min(CUDA_BATCH, context)
    work = number * batch * (3 * shape.intermediate_size + 6 * shape.hidden_size) + 6 * shape.vocab_size * slots
    if precision in FOUR_BIT:  # A matrix is unfolded whole while a prompt is read.
        work += 2 * shape.intermediate_size * shape.hidden_size
    if precision == "int8":
        work += 3 * batch * max(shape.intermediate_size, shape.hidden_size)
    return Need(weights_of(shape, precision), kept, work, _CUDA_CONTEXT)


def weights_of(shape: ModelShape, precision: str) -> int:
    """Bytes of the weights alone, under transformers, on any device."""
    if shape.quantization and shape.format == "safetensors":
        return shape.weight_bytes
    linear, rest = shape.linear_parameters, shape.parameters - shape.linear_parameters
    if precision in FOUR_BIT:
        # A byte for two; for each 64 a scale, itself in a byte, and for each 256 of those a float32; 2 tables each.
        scales = linear // 64
        return linear // 2 + scales + 4 * (scales // 256) + shape.linear_count * 2560 + 2 * rest
    if precision == "int8":
        return linear + 4 * shape.linear_rows + 2 * rest
    return shape.parameters * BYTES.get(precision, 4)


def _stored(shape: ModelShape) -> int:
    """Bytes of the file transformers reads; of a GGUF its float32 copy."""
    return 4 * shape.parameters if shape.format == "gguf" else shape.weight_bytes


def _stored_type(shape: ModelShape) -> str:
    return "fp32" if shape.format == "gguf" else shape.dtype


def _processor() -> str:
    name = platform.machine().lower()
    return {"amd64": "x86_64", "aarch64": "arm64"}.get(name, name)


def _up(number: int, step: int) -> int:
    return -(-number // step) * step
