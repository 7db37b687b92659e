"""What a folder of safetensors says of itself, in GGUF's keys: sizes, and a byte-level BPE tokenizer.

Only what is certain to mean the same to llama.cpp is written; all else is refused. The keys and their values are those
of llama.cpp's own converter. Knows nothing of weights.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playground.engine.small_file import read_json
from playground.errors import ModelError

if TYPE_CHECKING:
    import numpy as np
    from gguf import GGUFWriter

ARCHITECTURES = {"LlamaForCausalLM": "llama", "Qwen2ForCausalLM": "qwen2", "Qwen3ForCausalLM": "qwen3"}
"""transformers' name of a model's class, and llama.cpp's."""
_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}%s| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_SPECIAL = re.compile(r"<\|.*\|>|<｜.*｜>")
"""Words that llama.cpp's converter takes for control tokens by their look."""
_REMEDY = "Export the merged folder instead, and convert that with llama.cpp's convert_hf_to_gguf.py."


def write_keys(writer: GGUFWriter, folder: Path) -> dict[str, np.ndarray[Any, Any]]:
    """Write the keys of the model in `folder`; return the tensors that GGUF has beside the weights.

    Raises ModelError for a model or tokenizer that is not certain to come out right.
    """
    config = read_config(folder)
    extra = _write_sizes(writer, folder, config)
    _write_tokenizer(writer, folder, int(config["vocab_size"]))
    return extra


def read_config(folder: Path) -> dict[str, Any]:
    """config.json of `folder`. Raises ModelError for one of a kind that is not written here."""
    config: dict[str, Any] = _json(folder / "config.json")
    name = str((config.get("architectures") or ["unknown"])[0])
    if name not in ARCHITECTURES:
        raise ModelError(f"Models of the kind {name} cannot be written as GGUF here. {_REMEDY}")
    return config


def _write_sizes(writer: GGUFWriter, folder: Path, config: Mapping[str, Any]) -> dict[str, np.ndarray[Any, Any]]:
    heads, hidden = int(config["num_attention_heads"]), int(config["hidden_size"])
    size = int(config.get("head_dim") or hidden // heads)
    # transformers 5 writes rope_parameters, older ones rope_theta and rope_scaling.
    rope = {**(config.get("rope_scaling") or {}), **(config.get("rope_parameters") or {})}
    kind = str(rope.get("rope_type") or rope.get("type") or "default")
    if kind not in ("default", "llama3") or config.get("use_sliding_window") or config.get("attention_bias"):
        what = kind if kind not in ("default", "llama3") else "its attention"
        raise ModelError(f"{folder} has settings that cannot be written as GGUF here ({what}). {_REMEDY}")
    writer.add_vocab_size(int(config["vocab_size"]))
    writer.add_context_length(int(config["max_position_embeddings"]))
    writer.add_embedding_length(hidden)
    writer.add_block_count(int(config["num_hidden_layers"]))
    writer.add_feed_forward_length(int(config["intermediate_size"]))
    writer.add_head_count(heads)
    writer.add_head_count_kv(int(config.get("num_key_value_heads") or heads))
    writer.add_key_length(size)
    writer.add_value_length(size)
    writer.add_rope_dimension_count(size)
    writer.add_rope_freq_base(float(rope.get("rope_theta") or config.get("rope_theta") or 10_000.0))
    writer.add_layer_norm_rms_eps(float(config["rms_norm_eps"]))
    return {"rope_freqs.weight": _llama3(rope, size)} if kind == "llama3" else {}


def _llama3(rope: Mapping[str, Any], size: int) -> np.ndarray[Any, Any]:
    """By how much each frequency is slowed down: those of long waves by `factor`, of short ones not at all."""
    import numpy as np

    factor, low, high = (float(rope[name]) for name in ("factor", "low_freq_factor", "high_freq_factor"))
    trained = float(rope["original_max_position_embeddings"])
    waves = 2 * math.pi * float(rope["rope_theta"]) ** (np.arange(0, size, 2) / size)
    smooth = np.clip((trained / waves - low) / (high - low), 0, 1)
    return (1 / ((1 - smooth) / factor + smooth)).astype(np.float32)


def _write_tokenizer(writer: GGUFWriter, folder: Path, count: int) -> None:
    from gguf import SpecialVocab, TokenType

    found = _json(folder / "tokenizer.json")
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(_pre(folder, found))
    tokens: list[str] = [f"[PAD{number}]" for number in range(count)]
    kinds = [TokenType.UNUSED] * count
    try:
        for token, number in found["model"]["vocab"].items():
            tokens[number], kinds[number] = token, TokenType.NORMAL
        for added in found.get("added_tokens", ()):
            control = added["special"] or _SPECIAL.fullmatch(added["content"])
            tokens[added["id"]] = added["content"]
            kinds[added["id"]] = TokenType.CONTROL if control else TokenType.USER_DEFINED
    except IndexError:
        raise ModelError(
            f"The tokenizer of {folder} knows more words than the model. Copy the folder's tokenizer anew."
        ) from None
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    special = SpecialVocab(folder, load_merges=True, n_vocab=count)
    # What the tokenizer does is asked of itself: its files can say it in several places that disagree.
    special.add_special_token = _added(folder, special.special_token_ids)
    special.add_to_gguf(writer, quiet=True)


def _pre(folder: Path, found: Mapping[str, Any]) -> str:
    """llama.cpp's name for the way in which the tokenizer cuts text before it looks words up. Raises ModelError."""
    model, normal = found.get("model") or {}, found.get("normalizer")
    cut = found.get("pre_tokenizer") or {}
    steps = cut.get("pretokenizers", [cut])
    kinds = [step.get("type") for step in steps]
    last = steps[-1]
    name = ""
    if last.get("type") == "ByteLevel" and not last.get("add_prefix_space"):
        own = bool(last.get("use_regex", True))
        if kinds == ["Split", "ByteLevel"] and not own and steps[0].get("behavior") == "Isolated":
            ways = {_SPLIT % "": "qwen2", _SPLIT % "{1,3}": "llama-bpe"}
            pattern = str((steps[0].get("pattern") or {}).get("Regex"))
            name = "" if steps[0].get("invert") else ways.get(pattern, "")
        elif kinds == ["Digits", "ByteLevel"] and own and steps[0].get("individual_digits"):
            name = "smollm"
        elif kinds == ["ByteLevel"] and own:
            name = "gpt-2"
    plain = normal is None or (name == "qwen2" and normal == {"type": "NFC"})
    if (
        not name
        or not plain
        or model.get("type") != "BPE"
        or model.get("byte_fallback")
        or bool(model.get("ignore_merges")) != (name == "llama-bpe")
    ):
        raise ModelError(f"The tokenizer of {folder} is of a kind that cannot be written as GGUF here. {_REMEDY}")
    return name


def _added(folder: Path, ids: Mapping[str, int]) -> dict[str, bool]:
    import transformers

    library: Any = transformers
    tokenizer = library.AutoTokenizer.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
    written = tokenizer("a")["input_ids"]
    return {"bos": written[0] == ids.get("bos"), "eos": written[-1] == ids.get("eos")}


def _json(file: Path) -> dict[str, Any]:
    try:
        return dict(read_json(file))
    except (OSError, ValueError, TypeError):
        raise ModelError(f"{file} is missing or damaged. Export or download the folder again.") from None
