"""The shape of a model in a GGUF file, whole or split into parts. Knows nothing of folders and of engines."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from playground.engine.headers import Header, Tensor, read_gguf
from playground.engine.shape import ModelShape
from playground.errors import ModelError

_PART = re.compile(r"-(\d{5})-of-(\d{5})\.gguf$")
_SLIDING_EVERY = {"gemma2": 2, "gemma3": 6, "gemma3n": 5, "gpt-oss": 2, "cohere2": 4, "exaone4": 4}
"""Where the file does not say it: every so many layers, one looks at the whole context (llama.cpp's own table)."""
_NO_TEXT = {"bert", "nomic-bert", "nomic-bert-moe", "jina-bert-v2", "jina-bert-v3", "modern-bert", "neo-bert"}


def gguf_shape(file: Path) -> ModelShape:
    """See shape.read_shape."""
    parts = _parts(file)
    headers = [read_gguf(part) for part in parts]
    keys = headers[0].keys
    kind = keys.get("general.architecture")
    if not kind:
        raise ModelError(f"{file} does not say what kind of model it is. Download it again, or choose another.")
    if keys.get("general.type") == "adapter":
        raise ModelError(f"{file} is an adapter, not a model. Load the model that it was made for, and attach it.")
    if kind == "clip" or keys.get("general.type") == "mmproj" or kind in _NO_TEXT:
        raise ModelError(f"{file} ({kind}) cannot write text. Choose a language model.")
    tensors = [tensor for header in headers for tensor in header.tensors]
    if not tensors:
        raise ModelError(f"{file} holds a vocabulary and no weights. Choose another file of this model.")
    return _shape(file, str(kind), headers[0], tensors)


def _parts(file: Path) -> list[Path]:
    found = _PART.search(file.name)
    if not found:
        return [file]
    count = int(found[2])
    parts = [file.with_name(f"{file.name[: found.start()]}-{n:05}-of-{count:05}.gguf") for n in range(1, count + 1)]
    if missing := [part.name for part in parts if not part.exists()]:
        raise ModelError(
            f"{file} is one of {count} parts, and {len(missing)} are not there ({missing[0]}). Download the rest."
        )
    return parts


def _shape(file: Path, kind: str, header: Header, tensors: Sequence[Tensor]) -> ModelShape:
    def get(name: str, default: Any = None) -> Any:
        value = header.keys.get(f"{kind}.{name}", default)
        if value is None:
            raise ModelError(f"{file} lacks {kind}.{name}, so it cannot be loaded. Choose another file of this model.")
        return value

    layers, hidden, heads = int(get("block_count")), int(get("embedding_length")), _most(get("attention.head_count", 0))
    head_dim = int(get("attention.key_length", hidden // heads if heads else 0))
    value_dim = int(get("attention.value_length", head_dim))
    kv_heads = _each(get("attention.head_count_kv", heads), layers)
    rank = int(get("attention.kv_lora_rank", 0))
    if rank:  # Multi-head latent attention: one narrow row is kept for all heads.
        widths = [rank + int(get("rope.dimension_count", 64))] * layers
    else:
        widths = [int(number) * (head_dim + value_dim) for number in kv_heads]
    plain, recurrent = _kinds_of_layers(tensors, layers)
    widths = [width if number in plain else 0 for number, width in enumerate(widths)]
    window = int(_most(get("attention.sliding_window", 0)))
    sliding = _sliding(kind, get("attention.sliding_window_pattern", 0), layers) if window else set()
    inner, state = int(get("ssm.inner_size", 0)), int(get("ssm.state_size", 0))
    linear = [tensor for tensor in tensors if tensor.name.startswith("blk.") and _is_linear(tensor)]
    by_type: Counter[str] = Counter()
    for tensor in tensors:
        by_type[tensor.dtype] += tensor.bytes if len(tensor.shape) > 1 and "token_embd" not in tensor.name else 0
    top = by_type.most_common(1)[0][0]
    plain_type = {"F32": "fp32", "F16": "fp16", "BF16": "bf16"}.get(top, "")
    chat = bool(header.keys.get("tokenizer.chat_template"))
    embedding = next((tensor for tensor in tensors if tensor.name == "token_embd.weight"), None)
    words = header.lengths.get("tokenizer.ggml.tokens", 0) or (embedding.shape[0] if embedding else 0)
    return ModelShape(
        model_type=kind,
        kind="seq2seq" if kind.startswith("t5") else "chat" if chat else "base",
        format="gguf",
        parameters=sum(tensor.values for tensor in tensors),
        weight_bytes=sum(tensor.bytes for tensor in tensors),
        num_hidden_layers=layers,
        hidden_size=hidden,
        intermediate_size=_most(get("feed_forward_length", 4 * hidden)),
        num_attention_heads=heads,
        num_key_value_heads=_most(kv_heads),
        head_dim=head_dim,
        vocab_size=words,
        max_position_embeddings=int(get("context_length", 0)),
        tie_word_embeddings=not any(tensor.name == "output.weight" for tensor in tensors),
        architecture=kind,
        dtype=plain_type or top,
        quantization="" if plain_type else top,
        has_chat_template=chat,
        linear_parameters=sum(tensor.values for tensor in linear),
        linear_rows=sum(tensor.shape[0] for tensor in linear),
        linear_count=len(linear),
        num_experts=int(get("expert_count", 0)),
        sliding_window=window if sliding else 0,
        kv_width=sum(width for number, width in enumerate(widths) if number not in sliding),
        sliding_kv_width=sum(width for number, width in enumerate(widths) if number in sliding),
        state_width=len(recurrent) * (inner * state + inner * max(int(get("ssm.conv_kernel", 0)) - 1, 0)),
        matrix_bytes=tuple((name, size) for name, size in sorted(by_type.items()) if size),
    )


def _kinds_of_layers(tensors: Sequence[Tensor], layers: int) -> tuple[set[int], set[int]]:
    """Numbers of the layers with attention, and of those with a recurrent state, by the tensors they have."""
    named: dict[int, set[str]] = {}
    for tensor in tensors:
        if tensor.name.startswith("blk."):
            _, number, name = tensor.name.split(".", 2)
            named.setdefault(int(number), set()).add(name.split(".")[0])
    recurrent = {number for number, names in named.items() if any(name.startswith("ssm_") for name in names)}
    plain = {
        number
        for number in range(layers)
        if number not in recurrent or {"attn_k", "attn_kv_a_mqa"} & named.get(number, set())
    }
    return plain, recurrent


def _sliding(kind: str, pattern: Any, layers: int) -> set[int]:
    if isinstance(pattern, list):
        return {number for number, slides in enumerate(_each(pattern, layers)) if slides}
    every = int(pattern) or _SLIDING_EVERY.get(kind, 0)
    return {number for number in range(layers) if (number + 1) % every} if every > 1 else set()


def _is_linear(tensor: Tensor) -> bool:
    return len(tensor.shape) == 2 and tensor.name.endswith(".weight") and "norm" not in tensor.name


def _each(value: Any, layers: int) -> list[int]:
    """One number for each layer, from one for all or from a list."""
    numbers = [int(number) for number in value] if isinstance(value, list) else [int(value)] * layers
    return (numbers + numbers[-1:] * layers)[:layers]


def _most(value: Any) -> int:
    return max((int(number) for number in value), default=0) if isinstance(value, list) else int(value)
