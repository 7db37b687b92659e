"""What a model is made of, as far as its need of memory goes: layers, widths, bytes. Read from headers, never weights.

Names are those of transformers' configurations. Knows nothing of engines and of this machine: `plan` does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from playground.errors import BadValueError, MissingError
from playground.records import Kind

if TYPE_CHECKING:
    from playground.presets import ModelPreset

_FILE_TYPE = re.compile(r"I?Q\d_\w+", re.IGNORECASE)
"""The type of its weights in the name of a GGUF file."""
Format = Literal["gguf", "safetensors", "pickle", "ctranslate2", "remote"]


@dataclass(frozen=True)
class ModelShape:
    """A model's dimensions. 0 and "" mean: unknown, or there is none."""

    model_type: str
    kind: Kind
    format: Format
    parameters: int
    weight_bytes: int
    """The weights as they lie on disk; of a half precision checkpoint 2 for each parameter."""
    num_hidden_layers: int
    """Of a seq2seq model, the decoder's."""
    hidden_size: int
    intermediate_size: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    vocab_size: int
    max_position_embeddings: int
    tie_word_embeddings: bool = False
    architecture: str = ""
    dtype: str = ""
    """What most weights are stored in: bf16, fp16, fp32; of a GGUF file its type, such as Q4_K."""
    quantization: str = ""
    """Empty for plain numbers; Q4_K and the like of a GGUF file; int8, nf4, fp4 of a folder bitsandbytes wrote."""
    has_chat_template: bool = False
    linear_parameters: int = 0
    """Those in matrices that bitsandbytes would quantise: not embeddings, output, norms, nor a mixture's experts."""
    linear_rows: int = 0
    linear_count: int = 0
    """How many such matrices there are, and their rows together."""
    num_experts: int = 0
    encoder_layers: int = 0
    sliding_window: int = 0
    kv_width: int = 0
    """Numbers kept for each token, keys and values of all layers together that look at the whole context."""
    sliding_kv_width: int = 0
    """The same for the layers that look back `sliding_window` tokens only."""
    state_width: int = 0
    """Numbers that layers without attention (recurrent ones) keep for each conversation, however long it is."""
    matrix_bytes: tuple[tuple[str, int], ...] = ()
    """Bytes of a GGUF's matrices by type, the embedding's left out."""
    name: str = ""
    ident: str = ""
    """Tells this model from others in what was measured: name, size and dimensions."""

    @property
    def embedding_parameters(self) -> int:
        """Those of the input embedding alone."""
        return self.vocab_size * self.hidden_size


def read_shape(path: Path) -> ModelShape:
    """The shape of the model at `path`: a GGUF file (of a split one any part), or a folder.

    Raises MissingError where nothing is, ModelError for what is no model, half a download, of an unknown kind or
    quantised in a way that cannot be used; the text says what to do.
    """
    from playground.engine.shape_folder import folder_shape
    from playground.engine.shape_gguf import gguf_shape

    if not path.exists():
        raise MissingError(f"There is no file or folder {path}. Check the path, or download the model.")
    shape = folder_shape(path) if path.is_dir() else gguf_shape(path)
    return named(shape, path.name if path.is_dir() else path.stem)


def named(shape: ModelShape, name: str) -> ModelShape:
    """`shape` with a name and with what tells it from others."""
    return replace(
        shape, name=name, ident=f"{name}|{shape.format}|{shape.weight_bytes}|{shape.parameters}|{shape.vocab_size}"
    )


def shape_from_table(values: Mapping[str, Any], name: str = "") -> ModelShape:
    """A shape from a preset's [shape] table, with this class' names; what follows from others may be left out.

    Raises BadValueError naming the key that is missing, unknown or of the wrong kind.
    """
    known = {field.name: field for field in fields(ModelShape)}
    where = f"{name} [shape]" if name else "[shape]"
    for key, value in values.items():
        if key not in known or key in ("name", "ident", "matrix_bytes"):
            raise BadValueError(f"{where}: unknown key {key!r}. Known are: {', '.join(sorted(known))}.")
        wanted = {"int": int, "bool": bool}.get(str(known[key].type), str)
        if type(value) is not wanted or (isinstance(value, int) and value < 0):
            raise BadValueError(f"{where}: {key} is {value!r}, which is of the wrong kind. Correct it.")
    for key in ("parameters", "num_hidden_layers", "hidden_size", "num_attention_heads", "vocab_size"):
        if not values.get(key):
            raise BadValueError(f"{where}: {key} is missing. Add it; it is in the model's config.json.")
    filled: dict[str, Any] = {
        "model_type": "",
        "kind": "chat",
        "format": "safetensors",
        "weight_bytes": 2 * values["parameters"],
        "intermediate_size": 4 * values["hidden_size"],
        "num_key_value_heads": values["num_attention_heads"],
        "head_dim": values["hidden_size"] // values["num_attention_heads"],
        "max_position_embeddings": 0,
        **values,
    }
    if not {"kv_width", "sliding_kv_width", "state_width"} & set(filled):
        filled["kv_width"] = filled["num_hidden_layers"] * 2 * filled["num_key_value_heads"] * filled["head_dim"]
    if filled["format"] == "gguf" and (kind := re.sub(r"_[SML]$", "", str(filled.get("quantization", "")))):
        # Of a mixture such as Q4_K_M about so much is of the type that it is named after.
        filled["matrix_bytes"] = ((kind, filled["weight_bytes"] * 3 // 4),)
        filled["quantization"] = kind
    shape = ModelShape(**filled)
    return named(shape if shape.linear_parameters else with_linear(shape), name)


def preset_shape(preset: ModelPreset) -> ModelShape:
    """What is known of a curated model before it is here."""
    found = _FILE_TYPE.search(preset.file)
    more = {
        "kind": preset.kind,
        "format": preset.format,
        "weight_bytes": preset.size,
        "max_position_embeddings": preset.context_length,
        "quantization": found[0].upper() if found else "",
    }
    return shape_from_table({**preset.shape, **more}, preset.id)


def with_linear(shape: ModelShape) -> ModelShape:
    """`shape` with its linear layers worked out from its dimensions, as Llama and most others are built."""
    heads, kv = shape.num_attention_heads * shape.head_dim, shape.num_key_value_heads * shape.head_dim
    hidden, inner, layers = shape.hidden_size, shape.intermediate_size, shape.num_hidden_layers + shape.encoder_layers
    attention = [(heads, hidden), (kv, hidden), (kv, hidden), (hidden, heads)]
    # A mixture's experts are one block of numbers in transformers 5, which bitsandbytes does not quantise.
    dense = [] if shape.num_experts else [(inner, hidden), (inner, hidden), (hidden, inner)]
    matrices = [*attention, *dense]
    most = max(shape.parameters - shape.embedding_parameters * (1 if shape.tie_word_embeddings else 2), 0)
    return replace(
        shape,
        linear_parameters=min(layers * sum(rows * columns for rows, columns in matrices), most),
        linear_rows=layers * sum(rows for rows, _ in matrices),
        linear_count=layers * len(matrices),
    )
