"""The shape of a model in a folder, as transformers or CTranslate2 keep it. Knows nothing of GGUF and of engines."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from playground.engine.headers import SAFETENSORS, Tensor, read_safetensors
from playground.engine.hub_files import is_plain
from playground.engine.shape import Format, ModelShape, with_linear
from playground.engine.small_file import read_json
from playground.errors import ModelError
from playground.records import Kind

_NAMES = {
    "num_hidden_layers": ("decoder_layers", "num_decoder_layers", "num_hidden_layers", "n_layer", "num_layers"),
    "hidden_size": ("hidden_size", "d_model", "n_embd"),
    "intermediate_size": ("intermediate_size", "decoder_ffn_dim", "d_ff", "n_inner", "ffn_dim"),
    "num_attention_heads": ("num_attention_heads", "decoder_attention_heads", "n_head", "num_heads"),
    "num_key_value_heads": ("num_key_value_heads",),
    "head_dim": ("head_dim", "d_kv"),
    "vocab_size": ("vocab_size",),
    "max_position_embeddings": ("max_position_embeddings", "n_positions", "seq_length"),
    "encoder_layers": ("encoder_layers", "num_layers"),
    "num_experts": ("num_local_experts", "num_experts", "n_routed_experts"),
}
"""What the same thing is called in older configurations. The decoder's come first: it alone keeps keys and values."""
_DTYPES = {"BF16": "bf16", "F16": "fp16", "F32": "fp32", "bfloat16": "bf16", "float16": "fp16", "float32": "fp32"}
_BYTES = {"bf16": 2, "fp16": 2, "fp32": 4}
_NOT_LINEAR = re.compile(r"embed|wte|wpe|lm_head|(^|\.)shared\.|relative_attention_bias|norm|\bln|conv1d|\.experts\.")


def folder_shape(folder: Path) -> ModelShape:
    """See shape.read_shape."""
    if (folder / "adapter_config.json").exists() and not (folder / "config.json").exists():
        raise ModelError(f"{folder} is an adapter, not a model. Load the model that it was made for, and attach it.")
    if not (folder / "config.json").exists():
        if any(folder.glob("*.gguf")):
            raise ModelError(f"{folder} is a folder with GGUF files. Give one of the files instead of the folder.")
        raise ModelError(f"{folder} holds no model: config.json and *.safetensors are needed. Choose another folder.")
    config = _json(folder / "config.json")
    if (folder / "model.bin").exists() and "model_type" not in config:
        return _ctranslate2(folder)
    text = _text_config(config)
    form, size, tensors = _weights(folder)
    quantization = _quantization(folder, config)
    try:
        return _shape(folder, config, text, form, size, tensors, quantization)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise _damaged(folder / "config.json") from error


def _shape(
    folder: Path,
    config: Mapping[str, Any],
    text: Mapping[str, Any],
    form: Format,
    size: int,
    tensors: tuple[Tensor, ...],
    quantization: str,
) -> ModelShape:
    def get(name: str, default: int = 0) -> int:
        value = next((text[key] for key in _NAMES[name] if isinstance(text.get(key), int)), default)
        return int(value)

    for name in ("num_hidden_layers", "hidden_size", "num_attention_heads", "vocab_size"):
        if get(name) <= 0 or not config.get("model_type"):
            missing = name if config.get("model_type") else "model_type"
            raise ModelError(
                f"{folder / 'config.json'} does not say {missing}: it is of a kind that is not known here, or no "
                "language model. Choose another model."
            )
    seq2seq = bool(config.get("is_encoder_decoder"))
    heads, layers = get("num_attention_heads"), get("num_hidden_layers")
    head_dim = get("head_dim") or get("hidden_size") // heads
    kv_heads = get("num_key_value_heads") or heads
    tied = bool(config.get("tie_word_embeddings", text.get("tie_word_embeddings", False)))
    dtypes: Counter[str] = Counter()
    for tensor in tensors:
        dtypes[tensor.dtype] += tensor.bytes
    stored = dtypes.most_common(1)[0][0] if dtypes else str(config.get("dtype") or config.get("torch_dtype") or "")
    dtype = _DTYPES.get(stored, "fp32")
    linear = [tensor for tensor in tensors if _is_linear(tensor)]
    full, sliding, state = _kept(text, layers, kv_heads, head_dim, seq2seq)
    chat = _has_template(folder)
    kind: Kind = "seq2seq" if seq2seq else "chat" if chat else "base"
    shape = ModelShape(
        model_type=str(config["model_type"]),
        architecture=str((config.get("architectures") or [""])[0]),
        kind=kind,
        format=form,
        parameters=_parameters(tensors, tied) if tensors else size // _BYTES[dtype],
        weight_bytes=size,
        dtype=dtype,
        quantization=quantization,
        num_hidden_layers=layers,
        hidden_size=get("hidden_size"),
        intermediate_size=get("intermediate_size", 4 * get("hidden_size")),
        num_attention_heads=heads,
        num_key_value_heads=kv_heads,
        head_dim=head_dim,
        vocab_size=get("vocab_size"),
        max_position_embeddings=get("max_position_embeddings"),
        tie_word_embeddings=tied,
        has_chat_template=chat,
        num_experts=get("num_experts"),
        encoder_layers=get("encoder_layers", layers) if seq2seq else 0,
        sliding_window=int(text.get("sliding_window") or 0) if sliding else 0,
        kv_width=full,
        sliding_kv_width=sliding,
        state_width=state,
        linear_parameters=sum(tensor.values for tensor in linear),
        linear_rows=sum(tensor.shape[0] for tensor in linear),
        linear_count=len(linear),
    )
    return with_linear(shape) if not tensors or quantization else shape


def _kept(text: Mapping[str, Any], layers: int, kv_heads: int, head_dim: int, seq2seq: bool) -> tuple[int, int, int]:
    """Numbers kept per token by layers that see all and by those that slide, and per conversation by others."""
    width = 2 * kv_heads * head_dim
    if "kv_lora_rank" in text and "v_head_dim" in text:  # transformers keeps latent attention's heads unfolded.
        nope, rope = int(text.get("qk_nope_head_dim", 0)), int(text.get("qk_rope_head_dim", 0))
        width = int(text["num_attention_heads"]) * (nope + rope + int(text["v_head_dim"]))
    if seq2seq:  # The decoder looks at its own words and at the encoder's.
        return 2 * layers * width, 0, 0
    kinds = text.get("layer_types")
    if not isinstance(kinds, list) or len(kinds) != layers:
        slides = bool(text.get("sliding_window")) and text.get("use_sliding_window", True)
        return (0, layers * width, 0) if slides else (layers * width, 0, 0)
    counts = Counter(str(kind) for kind in kinds)
    slide = counts["sliding_attention"] + counts["chunked_attention"]
    others = sum(number for kind, number in counts.items() if "linear" in kind or "mamba" in kind or "conv" in kind)
    state = int(text.get("linear_num_value_heads", 0)) * int(text.get("linear_value_head_dim", 0))
    state *= int(text.get("linear_key_head_dim", 0))
    return (layers - slide - others) * width, slide * width, others * state


def _weights(folder: Path) -> tuple[Format, int, tuple[Tensor, ...]]:
    """Format, bytes and tensors (of safetensors only) of the weights that transformers would load."""
    for form, single in (("safetensors", "model.safetensors"), ("pickle", "pytorch_model.bin")):
        index = folder / f"{single}.index.json"
        if index.exists():
            files = _named(folder, index)
            if missing := [file.name for file in files if not file.is_file()]:
                raise ModelError(
                    f"{folder} is half a download: {len(missing)} of {len(files)} files are missing ({missing[0]}). "
                    "Download it again; what is there is kept."
                )
        elif (folder / single).exists():
            files = [folder / single]
        elif form == "safetensors":
            files = sorted(file for file in folder.glob("*.safetensors") if not file.name.startswith("adapter_"))
        else:
            files = []
        if files and form == "safetensors":
            tensors = tuple(tensor for file in files for tensor in read_safetensors(file))
            return "safetensors", sum(tensor.bytes for tensor in tensors), tensors
        if files:
            return "pickle", sum(file.stat().st_size for file in files), ()
    raise ModelError(f"{folder} holds no weights: *.safetensors are needed. Download the rest of the model.")


def _named(folder: Path, index: Path) -> list[Path]:
    """The files that an index names, all of which lie in its folder."""
    places = _json(index).get("weight_map")
    names = list(places.values()) if isinstance(places, dict) else []
    if not names or not all(isinstance(name, str) and is_plain(name) for name in names):
        raise _damaged(index)
    return [folder / name for name in sorted(set(names))]


def _quantization(folder: Path, config: Mapping[str, Any]) -> str:
    table = config.get("quantization_config")
    if not isinstance(table, dict):
        return ""
    method = str(table.get("quant_method") or ("bitsandbytes" if "load_in_4bit" in table else "unknown"))
    if not method.startswith("bitsandbytes"):
        raise ModelError(
            f"{folder} is quantised in a way that cannot be used here ({method}). Take the model as it was before, in "
            "bf16, and load it in int8 or nf4; or take a GGUF file of it."
        )
    return "int8" if table.get("load_in_8bit") else str(table.get("bnb_4bit_quant_type") or "nf4")


def _parameters(tensors: tuple[Tensor, ...], tied: bool) -> int:
    return sum(
        tensor.values
        for tensor in tensors
        if not (tied and tensor.name.endswith("lm_head.weight")) and SAFETENSORS.get(tensor.dtype, 8) >= 8
    )


def _is_linear(tensor: Tensor) -> bool:
    return len(tensor.shape) == 2 and tensor.name.endswith("weight") and not _NOT_LINEAR.search(tensor.name)


def _has_template(folder: Path) -> bool:
    if (folder / "chat_template.jinja").exists() or (folder / "chat_template.json").exists():
        return True
    file = folder / "tokenizer_config.json"
    return file.exists() and bool(_json(file).get("chat_template"))


def _text_config(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """The part that speaks of the language model, where the model sees or hears, too."""
    inner = config.get("text_config")
    return inner if isinstance(inner, dict) and "hidden_size" not in config else config


def _ctranslate2(folder: Path) -> ModelShape:
    size = (folder / "model.bin").stat().st_size
    return ModelShape("", "seq2seq", "ctranslate2", size, size, 0, 0, 0, 0, 0, 0, 0, 0)


def _json(file: Path) -> dict[str, Any]:
    try:
        found = read_json(file)
    except (OSError, ValueError) as error:
        raise _damaged(file) from error
    if not isinstance(found, dict):
        raise _damaged(file)
    return found


def _damaged(file: Path) -> ModelError:
    return ModelError(f"{file} cannot be read: it is damaged or incomplete. Download it again.")
