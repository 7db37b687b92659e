"""PEFT adapters as GGUF LoRA files: the same numbers in llama.cpp's places, and a refusal for all that is not sure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gguf import GGUFReader, GGUFWriter

from playground.engine.base import AdapterSource
from playground.engine.lora_gguf import convert_lora, gguf_lora
from playground.errors import MissingError, ModelError, PlaygroundError

HIDDEN, HEADS, KV_HEADS, HEAD = 8, 4, 2, 2
Q = "base_model.model.model.layers.0.self_attn.q_proj"
K = "base_model.model.model.layers.0.self_attn.k_proj"
DOWN = "base_model.model.model.layers.0.mlp.down_proj"


def base(place: Path, architecture: str = "llama") -> Path:
    """A model file with the shapes of one tiny layer."""
    file = place / f"{architecture}.gguf"
    writer = GGUFWriter(file, architecture)
    writer.add_block_count(1)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    for name, shape in {"attn_q": (8, 8), "attn_k": (4, 8), "ffn_down": (8, 16)}.items():
        writer.add_tensor(f"blk.0.{name}.weight", np.zeros(shape, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return file


def numbers(*shape: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(np.float32)


def peft(place: Path, tensors: dict[str, np.ndarray[Any, Any]] | None = None, **config: Any) -> Path:
    from safetensors.numpy import save_file

    folder = place / "adapter"
    folder.mkdir()
    if tensors is None:
        tensors = {f"{Q}.lora_A.weight": numbers(2, 8), f"{Q}.lora_B.weight": numbers(8, 2)}
    save_file(tensors, folder / "adapter_model.safetensors")
    written = {"peft_type": "LORA", "r": 2, "lora_alpha": 4, "base_model_name_or_path": "org/other", **config}
    (folder / "adapter_config.json").write_text(json.dumps(written))
    return folder


def converted(place: Path, folder: Path, architecture: str = "llama") -> GGUFReader:
    convert_lora(folder, base(place, architecture), place / "out.gguf")
    return GGUFReader(place / "out.gguf")


def tensors_of(reader: GGUFReader) -> dict[str, np.ndarray[Any, Any]]:
    return {tensor.name: np.array(tensor.data) for tensor in reader.tensors}


def permuted_by_hand(weight: np.ndarray[Any, Any], heads: int) -> np.ndarray[Any, Any]:
    """Row i of the first half of a head goes to 2i, row i of its second half to 2i + 1."""
    rows = weight.shape[0] // heads
    order = [head * rows + half * (rows // 2) + i for head in range(heads) for i in range(rows // 2) for half in (0, 1)]
    return weight[order]


def test_the_factors_multiply_to_what_llamacpp_stores_for_the_whole_weight(tmp_path: Path) -> None:
    tensors = {
        f"{Q}.lora_A.weight": numbers(2, 8),
        f"{Q}.lora_B.weight": numbers(8, 2),
        f"{K}.lora_A.weight": numbers(2, 8),
        f"{K}.lora_B.weight": numbers(4, 2),
        f"{DOWN}.lora_A.weight": numbers(2, 16),
        f"{DOWN}.lora_B.weight": numbers(8, 2),
    }
    reader = converted(tmp_path, peft(tmp_path, tensors))
    found = tensors_of(reader)
    assert len(found) == 6
    for module, name, heads in ((Q, "attn_q", HEADS), (K, "attn_k", KV_HEADS), (DOWN, "ffn_down", 0)):
        whole = tensors[f"{module}.lora_B.weight"] @ tensors[f"{module}.lora_A.weight"]
        if heads:
            whole = permuted_by_hand(whole, heads)
        product = found[f"blk.0.{name}.weight.lora_b"] @ found[f"blk.0.{name}.weight.lora_a"]
        np.testing.assert_allclose(product, whole, rtol=1e-5)
    assert reader.fields["adapter.lora.alpha"].contents() == 4
    assert reader.fields["general.type"].contents() == "adapter"
    assert reader.fields["general.architecture"].contents() == "llama"


def test_other_families_keep_their_rows(tmp_path: Path) -> None:
    found = tensors_of(converted(tmp_path, peft(tmp_path), "qwen2"))
    np.testing.assert_array_equal(found["blk.0.attn_q.weight.lora_b"], numbers(8, 2))


def test_brain_floats_are_read(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import save_file

    folder = peft(tmp_path)
    a, b = (torch.from_numpy(numbers(*shape)).bfloat16() for shape in ((2, 16), (8, 2)))
    save_file({f"{DOWN}.lora_A.weight": a, f"{DOWN}.lora_B.weight": b}, folder / "adapter_model.safetensors")
    found = tensors_of(converted(tmp_path, folder))
    np.testing.assert_array_equal(found["blk.0.ffn_down.weight.lora_b"], b.float().numpy())


@pytest.mark.parametrize(
    ("config", "factor"),
    [
        ({"use_rslora": True}, (4 / 2**0.5) / (4 / 2)),
        ({"alpha_pattern": {"down_proj": 12}}, 3),
        ({"alpha_pattern": {"q_proj": 12}}, 1),
        ({"r": 64, "rank_pattern": {"down_proj": 2}}, 1),
    ],
)
def test_pefts_scale_is_kept(tmp_path: Path, config: dict[str, Any], factor: float) -> None:
    tensors = {f"{DOWN}.lora_A.weight": numbers(2, 16), f"{DOWN}.lora_B.weight": numbers(8, 2)}
    reader = converted(tmp_path, peft(tmp_path, tensors, **config))
    # llama.cpp multiplies with alpha / rank, the rank being the factors' own.
    assert reader.fields["adapter.lora.alpha"].contents() == 4
    np.testing.assert_allclose(tensors_of(reader)["blk.0.ffn_down.weight.lora_b"], factor * numbers(8, 2), rtol=1e-6)


@pytest.mark.parametrize(
    "config",
    [
        {"peft_type": "IA3"},
        {"use_dora": True},
        {"bias": "all"},
        {"modules_to_save": ["lm_head"]},
        {"fan_in_fan_out": True},
        {"alpha_pattern": {r"layers\.[01]\..*": 3}},
        {"alora_invocation_tokens": [1]},
    ],
)
def test_what_llamacpp_cannot_do_is_refused(tmp_path: Path, config: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match="transformers engine"):
        converted(tmp_path, peft(tmp_path, **config))
    assert not (tmp_path / "out.gguf").exists()


@pytest.mark.parametrize("name", [f"{Q}.lora_magnitude_vector", f"{Q}.base_layer.bias", "lm_head.weight"])
def test_tensors_beside_the_factors_are_refused(tmp_path: Path, name: str) -> None:
    tensors = {f"{Q}.lora_A.weight": numbers(2, 8), f"{Q}.lora_B.weight": numbers(8, 2), name: numbers(8)}
    with pytest.raises(ModelError, match="transformers engine"):
        converted(tmp_path, peft(tmp_path, tensors))


def test_an_unknown_architecture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"mamba.*transformers engine"):
        converted(tmp_path, peft(tmp_path), "mamba")


def test_an_adapter_for_another_base_names_its_base(tmp_path: Path) -> None:
    wrong = {f"{Q}.lora_A.weight": numbers(2, 16), f"{Q}.lora_B.weight": numbers(16, 2)}
    with pytest.raises(ModelError, match=r"another model.*16x16 there, 8x8 here.*org/other"):
        converted(tmp_path, peft(tmp_path, wrong))


def test_a_layer_that_is_not_there_is_named(tmp_path: Path) -> None:
    name = "base_model.model.model.layers.7.self_attn.q_proj"
    wrong = {f"{name}.lora_A.weight": numbers(2, 8), f"{name}.lora_B.weight": numbers(8, 2)}
    with pytest.raises(ModelError, match=r"layers\.7"):
        converted(tmp_path, peft(tmp_path, wrong))


def no_config(folder: Path) -> None:
    (folder / "adapter_config.json").unlink()


def no_weights(folder: Path) -> None:
    (folder / "adapter_model.safetensors").unlink()


def torn_weights(folder: Path) -> None:
    file = folder / "adapter_model.safetensors"
    file.write_bytes(file.read_bytes()[:-8])


def torn_config(folder: Path) -> None:
    (folder / "adapter_config.json").write_text('{"peft_type": "LO')


def empty(folder: Path) -> None:
    from safetensors.numpy import save_file

    save_file({}, folder / "adapter_model.safetensors")


@pytest.mark.parametrize("harm", [no_config, no_weights, torn_weights, torn_config, empty])
def test_a_folder_that_is_no_adapter(tmp_path: Path, harm) -> None:  # type: ignore[no-untyped-def]
    folder = peft(tmp_path)
    harm(folder)
    with pytest.raises(PlaygroundError, match="adapter"):
        gguf_lora(AdapterSource("poet", folder), base(tmp_path), tmp_path / "cache")
    assert list((tmp_path / "cache").glob("*")) == []


def test_it_is_converted_once_and_anew_when_it_changes(tmp_path: Path) -> None:
    folder, model, cache = peft(tmp_path), base(tmp_path), tmp_path / "cache"
    first = gguf_lora(AdapterSource("poet", folder), model, cache)
    status = first.stat()
    assert gguf_lora(AdapterSource("same", folder), model, cache) == first
    assert first.stat().st_mtime_ns == status.st_mtime_ns
    (folder / "adapter_config.json").write_text('{"peft_type": "LORA", "lora_alpha": 5}')
    assert gguf_lora(AdapterSource("poet", folder), model, cache) != first
    assert all(file.suffix == ".gguf" for file in cache.iterdir())


def test_a_gguf_lora_is_used_as_it_is_if_it_fits(tmp_path: Path) -> None:
    convert_lora(peft(tmp_path), base(tmp_path), tmp_path / "out.gguf")
    adapter = AdapterSource("poet", tmp_path / "out.gguf")
    assert gguf_lora(adapter, base(tmp_path), tmp_path) == adapter.path
    with pytest.raises(ModelError, match="another model"):
        gguf_lora(adapter, base(tmp_path, "qwen2"), tmp_path)
    with pytest.raises(ModelError, match="no LoRA adapter"):
        gguf_lora(AdapterSource("poet", base(tmp_path)), base(tmp_path), tmp_path)
    with pytest.raises(MissingError):
        gguf_lora(AdapterSource("poet", tmp_path / "absent.gguf"), base(tmp_path), tmp_path)
