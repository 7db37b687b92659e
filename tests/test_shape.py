"""Shapes of models: from GGUF headers, from folders, from tables; and what is said of what is no model."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest

from playground.engine.shape import read_shape, shape_from_table
from playground.errors import BadValueError, MissingError, ModelError

LLAMA: dict[str, Any] = {
    "model_type": "llama", "architectures": ["LlamaForCausalLM"], "num_hidden_layers": 2, "hidden_size": 64,
    "intermediate_size": 128, "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 1000,
    "max_position_embeddings": 512, "tie_word_embeddings": True, "torch_dtype": "bfloat16",
}  # fmt: skip


def safetensors(file: Path, tensors: dict[str, tuple[str, list[int]]], cut: int = 0) -> None:
    """A safetensors file of zeros, less `cut` bytes at its end."""
    at, entries = 0, {}
    for name, (dtype, shape) in tensors.items():
        size = {"BF16": 2, "F32": 4, "U8": 1}[dtype]
        for side in shape:
            size *= side
        entries[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + size]}
        at += size
    head = json.dumps(entries).encode()
    file.write_bytes(struct.pack("<Q", len(head)) + head + bytes(at - cut))


def llama_tensors(layers: int = 2) -> dict[str, tuple[str, list[int]]]:
    """What a Llama like LLAMA has."""
    found = {"model.embed_tokens.weight": ("BF16", [1000, 64]), "model.norm.weight": ("BF16", [64])}
    for layer in range(layers):
        for name, shape in {
            "self_attn.q_proj": [64, 64], "self_attn.k_proj": [32, 64], "self_attn.v_proj": [32, 64],
            "self_attn.o_proj": [64, 64], "mlp.gate_proj": [128, 64], "mlp.up_proj": [128, 64],
            "mlp.down_proj": [64, 128], "input_layernorm": [64], "post_attention_layernorm": [64],
        }.items():  # fmt: skip
            found[f"model.layers.{layer}.{name}.weight"] = ("BF16", shape)
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "model"
    made.mkdir()
    (made / "config.json").write_text(json.dumps(LLAMA))
    safetensors(made / "model.safetensors", llama_tensors())
    return made


def change(folder: Path, **values: Any) -> None:
    (folder / "config.json").write_text(json.dumps({**LLAMA, **values}))


def gguf(file: Path, keys: dict[str, Any], tensors: dict[str, tuple[list[int], str]], cut: int = 0) -> Path:
    """A GGUF file of zeros, less `cut` bytes at its end; shapes rows first."""
    import numpy as np
    from gguf import GGUFWriter
    from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType

    writer = GGUFWriter(file, keys.get("general.architecture", "llama"))
    for name, value in keys.items():
        if name == "general.architecture":
            continue
        if isinstance(value, list):
            writer.add_array(name, value)
        elif isinstance(value, str):
            writer.add_string(name, value)
        else:
            writer.add_uint32(name, value)
    for name, (shape, kind) in tensors.items():
        block, size = GGML_QUANT_SIZES[GGMLQuantizationType[kind]]
        data = np.zeros((*shape[:-1], shape[-1] // block * size), np.uint8)
        writer.add_tensor(name, data, raw_dtype=GGMLQuantizationType[kind])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    if cut:
        file.write_bytes(file.read_bytes()[:-cut])
    return file


KEYS: dict[str, Any] = {
    "general.architecture": "llama", "llama.block_count": 2, "llama.embedding_length": 64,
    "llama.feed_forward_length": 128, "llama.attention.head_count": 4, "llama.attention.head_count_kv": 2,
    "llama.context_length": 512, "tokenizer.ggml.tokens": [f"word {n}" for n in range(96)],
}  # fmt: skip
TENSORS = {
    "token_embd.weight": ([96, 64], "F16"),
    "blk.0.attn_k.weight": ([32, 64], "Q4_0"),
    "blk.1.attn_k.weight": ([32, 64], "Q4_0"),
    "blk.1.attn_norm.weight": ([64], "F32"),
}


@pytest.mark.real_model
def test_the_starter_model(starter_gguf: Path) -> None:
    shape = read_shape(starter_gguf)
    assert (shape.model_type, shape.kind, shape.format, shape.quantization) == ("llama", "chat", "gguf", "Q4_1")
    assert (shape.parameters, shape.num_hidden_layers, shape.vocab_size) == (134515008, 30, 49152)
    assert shape.kv_width == 30 * 2 * 3 * 64
    assert shape.weight_bytes < starter_gguf.stat().st_size < shape.weight_bytes * 1.03
    assert shape.linear_parameters == shape.parameters - 49152 * 576 - 61 * 576


def test_gguf(tmp_path: Path) -> None:
    shape = read_shape(gguf(tmp_path / "m.gguf", KEYS, TENSORS))
    assert (shape.num_hidden_layers, shape.head_dim, shape.vocab_size, shape.kind) == (2, 16, 96, "base")
    assert shape.kv_width == 2 * 2 * 2 * 16
    assert shape.weight_bytes == 96 * 64 * 2 + 2 * 32 * 2 * 18 + 64 * 4
    assert dict(shape.matrix_bytes) == {"Q4_0": 2 * 32 * 2 * 18}
    assert shape.tie_word_embeddings


def test_gguf_with_a_template_chats(tmp_path: Path) -> None:
    keys = {**KEYS, "tokenizer.chat_template": "{{ messages }}"}
    assert read_shape(gguf(tmp_path / "m.gguf", keys, TENSORS)).kind == "chat"


def test_gguf_layers_that_slide_or_recur(tmp_path: Path) -> None:
    keys = {name.replace("llama", "gemma3"): value for name, value in KEYS.items()}
    keys |= {"general.architecture": "gemma3", "gemma3.attention.sliding_window": 128, "gemma3.block_count": 12}
    shape = read_shape(gguf(tmp_path / "g.gguf", keys, TENSORS))
    assert (shape.kv_width, shape.sliding_kv_width, shape.sliding_window) == (2 * 64, 10 * 64, 128)
    keys = {**KEYS, "llama.ssm.inner_size": 32, "llama.ssm.state_size": 16, "llama.ssm.conv_kernel": 4}
    recurrent = {**TENSORS, "blk.0.ssm_in.weight": ([64, 64], "F16")}
    del recurrent["blk.0.attn_k.weight"]
    shape = read_shape(gguf(tmp_path / "r.gguf", keys, recurrent))
    assert (shape.kv_width, shape.state_width) == (64, 32 * 16 + 32 * 3)


def test_a_gguf_in_parts_counts_all(tmp_path: Path) -> None:
    gguf(tmp_path / "m-00001-of-00002.gguf", KEYS, {"token_embd.weight": TENSORS["token_embd.weight"]})
    with pytest.raises(ModelError, match="00002-of-00002"):
        read_shape(tmp_path / "m-00001-of-00002.gguf")
    second = gguf(
        tmp_path / "m-00002-of-00002.gguf", {"general.architecture": "llama"}, {"blk.0.a.weight": ([32, 64], "F16")}
    )
    assert read_shape(second).weight_bytes == 96 * 64 * 2 + 32 * 64 * 2


@pytest.mark.parametrize(
    ("keys", "cut", "words"),
    [
        ({}, 10, "cut off.*Download it again"),
        ({}, 13000, "cut off|damaged"),
        ({"general.type": "adapter"}, 0, "adapter.*attach"),
        ({"general.architecture": "clip"}, 0, "cannot write text"),
        ({"general.architecture": "mamba9"}, 0, "lacks mamba9.block_count"),
    ],
)
def test_gguf_that_cannot_be_used(tmp_path: Path, keys: dict[str, Any], cut: int, words: str) -> None:
    file = gguf(tmp_path / "m.gguf", {**KEYS, **keys}, TENSORS, cut)
    with pytest.raises(ModelError, match=words):
        read_shape(file)


def test_a_folder(folder: Path) -> None:
    shape = read_shape(folder)
    linear = 2 * (2 * 64 * 64 + 2 * 32 * 64 + 3 * 128 * 64)
    assert (shape.format, shape.kind, shape.dtype, shape.head_dim) == ("safetensors", "base", "bf16", 16)
    assert shape.linear_parameters == linear
    assert shape.parameters == linear + 64 * 1000 + 5 * 64
    assert shape.weight_bytes == 2 * shape.parameters
    assert shape.kv_width == 2 * 2 * 2 * 16
    assert (shape.linear_count, shape.linear_rows) == (14, 2 * (64 + 32 + 32 + 64 + 128 + 128 + 64))
    (folder / "tokenizer_config.json").write_text('{"chat_template": "x"}')
    assert read_shape(folder).kind == "chat"


def test_a_table_says_the_same_as_the_folder(folder: Path) -> None:
    names = ("num_hidden_layers", "hidden_size", "intermediate_size", "num_attention_heads", "num_key_value_heads")
    table = {name: LLAMA[name] for name in (*names, "vocab_size", "tie_word_embeddings")}
    read = read_shape(folder)
    made = shape_from_table({**table, "parameters": read.parameters})
    for name in (*names, "parameters", "weight_bytes", "kv_width", "linear_parameters", "linear_rows", "linear_count"):
        assert getattr(made, name) == getattr(read, name), name


def test_a_table_of_a_gguf_file() -> None:
    good = {"parameters": 10, "num_hidden_layers": 1, "hidden_size": 8, "num_attention_heads": 2, "vocab_size": 5}
    made = shape_from_table({**good, "format": "gguf", "quantization": "Q4_K_M", "weight_bytes": 400})
    assert (made.quantization, made.matrix_bytes, made.weight_bytes) == ("Q4_K", (("Q4_K", 300),), 400)


def test_layers_that_slide(folder: Path) -> None:
    change(folder, layer_types=["sliding_attention", "full_attention"], sliding_window=100)
    shape = read_shape(folder)
    assert (shape.kv_width, shape.sliding_kv_width, shape.sliding_window) == (64, 64, 100)


def test_a_pickle_is_named_as_such(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(bytes(2000))
    shape = read_shape(folder)
    assert (shape.format, shape.weight_bytes, shape.parameters) == ("pickle", 2000, 1000)


def test_a_translator(folder: Path) -> None:
    change(folder, is_encoder_decoder=True, decoder_layers=1, encoder_layers=2, d_model=64, decoder_attention_heads=4)
    shape = read_shape(folder)
    assert (shape.kind, shape.num_hidden_layers, shape.encoder_layers) == ("seq2seq", 1, 2)


def test_half_a_download(folder: Path) -> None:
    safetensors(folder / "model.safetensors", llama_tensors(), cut=7)
    with pytest.raises(ModelError, match=r"cut off.*Download it again"):
        read_shape(folder)
    (folder / "model.safetensors").unlink()
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    safetensors(folder / "model-00001-of-00002.safetensors", {"a": ("BF16", [2, 2])})
    with pytest.raises(ModelError, match=r"half a download: 1 of 2 .*00002-of-00002"):
        read_shape(folder)


@pytest.mark.parametrize("method", ["gptq", "awq", "fp8", "compressed-tensors"])
def test_a_quantisation_that_cannot_be_used(folder: Path, method: str) -> None:
    change(folder, quantization_config={"quant_method": method})
    with pytest.raises(ModelError, match=rf"\({method}\).*GGUF"):
        read_shape(folder)


def test_bitsandbytes_is_known(folder: Path) -> None:
    change(folder, quantization_config={"load_in_4bit": True, "bnb_4bit_quant_type": "nf4"})
    assert read_shape(folder).quantization == "nf4"


def test_folders_that_are_no_models(folder: Path, tmp_path: Path) -> None:
    change(folder, hidden_size=None)
    with pytest.raises(ModelError, match="does not say hidden_size"):
        read_shape(folder)
    (folder / "config.json").write_text("{")
    with pytest.raises(ModelError, match="damaged or incomplete"):
        read_shape(folder)
    (folder / "config.json").unlink()
    with pytest.raises(ModelError, match="holds no model"):
        read_shape(folder)
    (folder / "adapter_config.json").write_text("{}")
    with pytest.raises(ModelError, match=r"adapter.*attach"):
        read_shape(folder)
    (tmp_path / "text.gguf").write_text("not a model")
    with pytest.raises(ModelError, match="not a GGUF"):
        read_shape(tmp_path / "text.gguf")
    with pytest.raises(MissingError):
        read_shape(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"colour": 1}, "unknown key 'colour'"),
        ({"hidden_size": "64"}, "wrong kind"),
        ({"hidden_size": True}, "wrong kind"),
        ({"vocab_size": 0}, "vocab_size is missing"),
    ],
)
def test_a_table_that_is_wrong(values: dict[str, Any], words: str) -> None:
    good = {"parameters": 10, "num_hidden_layers": 1, "hidden_size": 8, "num_attention_heads": 2, "vocab_size": 5}
    with pytest.raises(BadValueError, match=words):
        shape_from_table({**good, **values}, "a preset")
