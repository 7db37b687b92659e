"""Exports of adapters: the archive, the merged folder and GGUF files compute what base and adapter computed, or say why
not, and nothing half is left behind."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gguf import GGUFReader

from playground.engine import hardware, merging
from playground.engine.adapter_zip import zip_adapter
from playground.engine.base import AdapterSource, ModelSource
from playground.engine.export_check import agreement, reference
from playground.engine.gguf_export import to_gguf
from playground.engine.merging import merge
from playground.errors import BadValueError, ModelError, PlaygroundError, StorageError
from tests.conftest import ROOT, Disk
from tests.engine.test_adapters import make_adapter

pytestmark = [
    # Of PEFT, while an adapter is made, which only these tests do.
    pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing. is deprecated:FutureWarning"),
    pytest.mark.filterwarnings("ignore:::peft"),
]
TEXT = "the cat sat on 12 mats, and that was THAT! Über früh 早上好 🚀\n\n  don't I'LL  1234 ==-- \t x\r\n" * 8
TOKENS = 120
LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"  # noqa: E501
ADAPTERS: dict[str, dict[str, Any]] = {
    "lora": {},
    "rslora": {"use_rslora": True},
    "dora": {"use_dora": True},
    "output": {"target_modules": ["q_proj", "lm_head"]},
    "whole layer": {"target_modules": ["q_proj"], "modules_to_save": ["lm_head"]},
}


@pytest.fixture(scope="session")
def wide(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Random models of two layers whose rows are whole blocks of Q8_0, with the tiny model's tokenizer."""
    made: dict[tuple[str, bool], Path] = {}

    def make(kind: str = "llama", tied: bool = False) -> Path:
        import torch
        from transformers import AutoConfig, AutoModelForCausalLM

        if found := made.get((kind, tied)):
            return found
        torch.manual_seed(0)
        words = json.loads((tiny_model / "config.json").read_text())["vocab_size"]
        sizes = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4}
        sizes |= {"num_key_value_heads": 2, "head_dim": 128 if kind == "qwen3" else 16, "vocab_size": words}
        config = AutoConfig.for_model(
            kind, max_position_embeddings=512, initializer_range=0.2, tie_word_embeddings=tied,
            bos_token_id=0, eos_token_id=2, pad_token_id=0, **sizes,
        )  # fmt: skip
        model = AutoModelForCausalLM.from_config(config)
        for name, weight in model.named_parameters():
            if name.endswith(("norm.weight", "bias")):
                torch.nn.init.normal_(weight, mean=float("norm" in name), std=0.2)
        folder = tmp_path_factory.mktemp("wide") / f"{kind}{'-tied' if tied else ''}"
        model.save_pretrained(folder)
        for file in tiny_model.iterdir():
            if file.name.startswith(("tokenizer", "chat_template", "special")):
                (folder / file.name).write_bytes(file.read_bytes())
        made[kind, tied] = folder
        return folder

    return make


@pytest.fixture
def lora(wide: Callable[..., Path], tmp_path: Path) -> AdapterSource:
    """A plain adapter for the plain wide Llama."""
    return AdapterSource("poet", make_adapter(wide(), tmp_path / "poet", 1))


@pytest.mark.parametrize("tied", [False, True], ids=["own output", "tied"])
@pytest.mark.parametrize("kind", ADAPTERS)
def test_merged_and_written_it_computes_the_same(wide: Any, tmp_path: Path, kind: str, tied: bool) -> None:
    base = wide("llama", tied)
    adapter = AdapterSource(kind, adapted(base, tmp_path / "adapter", **ADAPTERS[kind]))
    source = ModelSource("tiny", base)
    expected = reference(source, adapter, TEXT, TOKENS)
    assert agreement(expected, base).share < 0.5, "the adapter changes what is said"
    folder = merge(source, adapter, tmp_path / "merged")
    for exported in (folder, to_gguf(folder, tmp_path / "f16.gguf", "f16")):
        found = agreement(expected, exported)
        assert found.share >= 0.95
        assert found.divergence < 1e-3
        assert found.words
    stored = "lm_head.weight" in (folder / "model.safetensors").read_bytes()[:20_000].decode(errors="ignore")
    assert stored == (not tied or kind in ("output", "whole layer"))


@pytest.mark.parametrize("tied", [False, True], ids=["own output", "tied"])
@pytest.mark.parametrize("kind", ADAPTERS)
def test_the_reference_is_what_peft_itself_computes(wide: Any, tmp_path: Path, kind: str, tied: bool) -> None:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    folder = adapted(wide("llama", tied), tmp_path / "adapter", **ADAPTERS[kind])
    mine = reference(ModelSource("tiny", wide("llama", tied)), AdapterSource(kind, folder), TEXT, TOKENS)
    plain = AutoModelForCausalLM.from_pretrained(wide("llama", tied), dtype=torch.float32)
    with torch.inference_mode():
        theirs = PeftModel.from_pretrained(plain, folder).eval()(input_ids=torch.tensor([mine.tokens])).logits[0]
    assert (mine.logits - theirs).norm() / theirs.norm() < 1e-5


@pytest.mark.parametrize("family", ["llama", "qwen2", "qwen3"])
def test_from_a_gguf_base_all_but_the_weights_is_the_bases(wide: Any, tmp_path: Path, family: str) -> None:
    base = wide(family)
    gguf = to_gguf(base, tmp_path / "base.gguf", "f16")
    adapter = AdapterSource("poet", make_adapter(base, tmp_path / "poet", 1))
    source = ModelSource("tiny", gguf, cache=tmp_path / "cache")
    expected = reference(source, adapter, TEXT, TOKENS)
    folder = merge(source, adapter, tmp_path / "merged")
    whole, packed = (to_gguf(folder, tmp_path / f"{kind}.gguf", kind, gguf) for kind in ("f16", "q8_0"))
    assert agreement(expected, whole).share >= 0.95
    assert agreement(expected, gguf).divergence > 5 * agreement(expected, packed).divergence
    assert packed.stat().st_size < 0.7 * whole.stat().st_size
    was, now = GGUFReader(gguf), GGUFReader(packed)
    changed = {"general.name", "general.file_type", "GGUF.kv_count", "GGUF.tensor_count"}
    assert set(was.fields) == set(now.fields)
    for key in set(was.fields) - changed:
        assert was.fields[key].contents() == now.fields[key].contents(), key
    assert {tensor.tensor_type.name for tensor in now.tensors} == {"F32", "Q8_0"}


@pytest.mark.parametrize("cut", ["gpt-2", "smollm", "qwen2", "llama-bpe"])
def test_llamacpp_cuts_text_as_the_tokenizer_does(wide: Any, tmp_path: Path, cut: str) -> None:
    own = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    pattern = {"Regex": LLAMA3.replace("{1,3}", "") if cut == "qwen2" else LLAMA3}
    first: dict[str, Any] = {"type": "Split", "pattern": pattern, "behavior": "Isolated", "invert": False}
    if cut == "smollm":
        first = {"type": "Digits", "individual_digits": True}
    steps = {"type": "Sequence", "pretokenizers": [first, {**own, "use_regex": cut == "smollm"}]}
    base = changed(wide(), tmp_path / "base", "tokenizer.json", pre_tokenizer=own if cut == "gpt-2" else steps)
    tokenizer = json.loads((base / "tokenizer.json").read_text())
    tokenizer["model"]["ignore_merges"] = cut == "llama-bpe"
    (base / "tokenizer.json").write_text(json.dumps(tokenizer))
    file = to_gguf(base, tmp_path / "out.gguf", "f16")
    assert GGUFReader(file).fields["tokenizer.ggml.pre"].contents() == cut
    assert agreement(reference(ModelSource("tiny", base), None, TEXT, TOKENS), file).words


def test_slowed_down_positions_come_out_right(wide: Any, tmp_path: Path) -> None:
    rope = {"rope_type": "llama3", "rope_theta": 10_000.0, "factor": 8.0, "low_freq_factor": 1.0}
    rope |= {"high_freq_factor": 4.0, "original_max_position_embeddings": 64}
    base = changed(wide(), tmp_path / "base", "config.json", rope_parameters=rope)
    expected = reference(ModelSource("tiny", base), None, TEXT, TOKENS)
    assert agreement(expected, to_gguf(base, tmp_path / "out.gguf", "f16")).share >= 0.95
    assert agreement(expected, to_gguf(wide(), tmp_path / "other.gguf", "f16")).share < 0.95


def test_nothing_of_this_machine_goes_along(wide: Any, lora: AdapterSource, tmp_path: Path) -> None:
    folder = merge(ModelSource("tiny", wide()), lora, tmp_path / "merged")
    for file in folder.iterdir():
        assert str(tmp_path.parent).encode() not in file.read_bytes(), file.name
    assert (folder / "tokenizer.json").read_bytes() == (wide() / "tokenizer.json").read_bytes()
    assert (folder / "chat_template.jinja").read_bytes() == (wide() / "chat_template.jinja").read_bytes()
    assert (folder / "generation_config.json").read_bytes() == (wide() / "generation_config.json").read_bytes()


def test_an_adapter_for_another_base_is_refused(wide: Any, tiny_model: Path, tmp_path: Path) -> None:
    adapter = AdapterSource("other", make_adapter(tiny_model, tmp_path / "other", 1))
    with pytest.raises(ModelError, match=r"does not fit this model.*made for tiny"):
        merge(ModelSource("tiny", wide()), adapter, tmp_path / "merged")
    assert [file.name for file in tmp_path.iterdir()] == ["other"]


@pytest.mark.parametrize("harm", ["lacks", "unknown", "not a number"])
def test_an_adapter_that_fits_only_in_part_is_refused(
    wide: Any, lora: AdapterSource, tmp_path: Path, harm: str
) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(lora.path / "adapter_model.safetensors")
    name, value = next(iter(weights.items()))
    if harm == "lacks":
        del weights[name]
    else:
        weights[name.replace("layers.0", "layers.9") if harm == "unknown" else name] = value * float("nan")
    save_file(weights, lora.path / "adapter_model.safetensors")
    with pytest.raises(ModelError, match="does not fit this model"):
        merge(ModelSource("tiny", wide()), lora, tmp_path / "merged")
    assert not list(tmp_path.glob("merged*"))


def test_a_quantised_base_is_refused(wide: Any, lora: AdapterSource, tmp_path: Path) -> None:
    about = {"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_quant_type": "nf4"}
    base = changed(wide(), tmp_path / "base", "config.json", quantization_config=about)
    with pytest.raises(ModelError, match=r"only as nf4.*original"):
        merge(ModelSource("tiny", base), lora, tmp_path / "merged")


def test_what_is_there_is_not_written_over(wide: Any, lora: AdapterSource, tmp_path: Path) -> None:
    (tmp_path / "merged").mkdir()
    with pytest.raises(BadValueError, match="there already"):
        merge(ModelSource("tiny", wide()), lora, tmp_path / "merged")


def test_too_little_memory_is_said_before(
    wide: Any, lora: AdapterSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = hardware.Hardware((hardware.Device("cpu", "CPU", 1 << 30, 1 << 20),))
    monkeypatch.setattr(merging, "hardware", lambda **_: small)
    with pytest.raises(ModelError, match=r"GB of memory, but 0\.0 GB are free"):
        merge(ModelSource("tiny", wide()), lora, tmp_path / "merged")


def test_a_full_disk_is_said_before(wide: Any, lora: AdapterSource, tmp_path: Path, disk: Disk) -> None:
    with pytest.raises(StorageError, match="merged model needs"):
        merge(ModelSource("tiny", wide()), lora, disk.root / "merged")
    disk.fill()
    with pytest.raises(StorageError, match="GGUF needs"):
        to_gguf(wide(), disk.root / "out.gguf", "f16")
    with pytest.raises(StorageError, match="Packing this adapter needs"):
        zip_adapter(lora.path, disk.root / "poet.zip")
    assert [file.name for file in disk.root.iterdir()] == ["filler"]


class Cancel(Exception):
    """Raised by who watches."""


@pytest.mark.parametrize("step", ["loading the base", "merging", "comparing", "writing"])
def test_cancelled_it_leaves_nothing(wide: Any, lora: AdapterSource, tmp_path: Path, step: str) -> None:
    def watch(what: str, done: int, total: int) -> None:
        if what == step:
            raise Cancel

    with pytest.raises(Cancel):
        merge(ModelSource("tiny", wide()), lora, tmp_path / "merged", watch)
    assert [file.name for file in tmp_path.iterdir()] == ["poet"]


def test_a_cancelled_file_leaves_the_old_one(wide: Any, tmp_path: Path) -> None:
    (tmp_path / "out.gguf").write_bytes(b"old")

    def watch(what: str, done: int, total: int) -> None:
        if done == total // 2:
            raise Cancel

    with pytest.raises(Cancel):
        to_gguf(wide(), tmp_path / "out.gguf", "q8_0", progress=watch)
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [b"old"]


def test_killed_while_it_writes_it_begins_anew(wide: Any, lora: AdapterSource, tmp_path: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path; from playground.engine.base import ModelSource;"
        "from playground.engine.merging import merge; import transformers;"
        "keep = transformers.PreTrainedModel.save_pretrained;"
        "transformers.PreTrainedModel.save_pretrained = lambda *given: (keep(*given), os.kill(os.getpid(), 9));"
        "merge(ModelSource('tiny', Path(sys.argv[1])), Path(sys.argv[2]), Path(sys.argv[3]))"
    )
    target = tmp_path / "merged"
    done = subprocess.run([sys.executable, "-c", program, wide(), lora.path, target], cwd=ROOT, capture_output=True)
    assert done.returncode != 0
    assert not target.exists()
    assert (tmp_path / "merged.part" / "model.safetensors").exists(), "it was killed in the middle"
    merge(ModelSource("tiny", wide()), lora, target)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["merged", "poet"]


@pytest.mark.parametrize(
    ("file", "change", "words"),
    [
        ("config.json", {"architectures": ["MambaForCausalLM"]}, "MambaForCausalLM"),
        ("config.json", {"rope_parameters": {"rope_type": "yarn", "factor": 2.0}}, "yarn"),
        ("tokenizer.json", {"pre_tokenizer": {"type": "Whitespace"}}, "tokenizer"),
        ("tokenizer.json", {"normalizer": {"type": "Lowercase"}}, "tokenizer"),
        ("config.json", {"vocab_size": 100}, "more words than the model"),
    ],
)
def test_what_is_not_sure_to_come_out_right_is_refused(
    wide: Any, tmp_path: Path, file: str, change: dict[str, Any], words: str
) -> None:
    base = changed(wide(), tmp_path / "base", file, **change)
    with pytest.raises(ModelError, match=words):
        to_gguf(base, tmp_path / "out.gguf", "f16")
    assert [found.name for found in tmp_path.iterdir()] == ["base"]


def test_another_base_file_and_another_quantization_are_refused(wide: Any, tmp_path: Path) -> None:
    other = to_gguf(wide("llama", True), tmp_path / "tied.gguf", "f16")
    to_gguf(wide(), tmp_path / "fits.gguf", "f16", other)
    with pytest.raises(ModelError, match="was not made from this GGUF"):
        to_gguf(wide("qwen2"), tmp_path / "out.gguf", "f16", other)
    with pytest.raises(BadValueError, match="f16, q8_0"):
        to_gguf(wide(), tmp_path / "out.gguf", "q3_k")
    assert not (tmp_path / "out.gguf").exists()


def test_the_archive_is_the_adapter_without_paths(wide: Any, lora: AdapterSource, tmp_path: Path) -> None:
    card = (lora.path / "README.md").read_text()
    (lora.path / "README.md").write_text(f"{card}\nMade in {wide()} and C:\\Users\\me\\x.bin, see https://a.org/b/c.\n")
    (lora.path / "optimizer.pt").write_bytes(b"never packed")
    packed = zip_adapter(lora.path, tmp_path / "gift.zip")
    first = packed.read_bytes()
    assert zip_adapter(lora.path, packed).read_bytes() == first
    with zipfile.ZipFile(packed) as archive:
        names = {"adapter_config.json", "adapter_model.safetensors", "README.md"}
        assert set(archive.namelist()) == {f"gift/{name}" for name in names}
        for name in archive.namelist():
            assert str(wide().parent).encode() not in archive.read(name)
            assert b"C:" not in archive.read(name)
        assert b"https://a.org/b/c" in archive.read("gift/README.md")
        archive.extractall(tmp_path)
    source = ModelSource("tiny", wide())
    expected = reference(source, lora, TEXT, 20)
    unpacked = AdapterSource("gift", tmp_path / "gift")
    assert (reference(source, unpacked, TEXT, 20).logits == expected.logits).all()


def test_what_is_no_adapter_is_not_packed(lora: AdapterSource, tmp_path: Path) -> None:
    file = lora.path / "adapter_model.safetensors"
    file.write_bytes(file.read_bytes()[:-8])
    for folder in (lora.path, tmp_path):
        with pytest.raises(PlaygroundError, match=r"cut off|no adapter"):
            zip_adapter(folder, tmp_path / "gift.zip")
    assert not (tmp_path / "gift.zip").exists()


@pytest.mark.real_model
def test_the_starter_model_with_an_adapter(starter_gguf: Path, conversion_cache: Path, tmp_path: Path) -> None:
    source = ModelSource("starter", starter_gguf, cache=conversion_cache)
    merging_base = next(conversion_cache.iterdir(), None) or unpacked(source)
    adapter = AdapterSource("poet", adapted(merging_base, tmp_path / "poet", 0.1, target_modules=["q_proj", "v_proj"]))
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    expected = reference(source, adapter, text, 64)
    assert agreement(expected, starter_gguf).share < 0.9
    folder = merge(source, adapter, tmp_path / "merged")
    found = agreement(expected, to_gguf(folder, tmp_path / "f16.gguf", "f16", starter_gguf))
    assert found.share >= 0.95
    assert found.words


def unpacked(source: ModelSource) -> Path:
    """The folder that the loader makes of a GGUF."""
    from playground.engine.transformers_load import load

    load(source)
    assert source.cache is not None
    return next(source.cache.iterdir())


def adapted(base: Path, folder: Path, size: float = 0.2, **changes: Any) -> Path:
    """An adapter with numbers of this size that changes what is said; whole layers too. DoRA's lengths stay."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(1)
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    peft_model = get_peft_model(model, LoraConfig(**{"r": 4, "target_modules": "all-linear", **changes}))
    for name, weight in peft_model.named_parameters():
        if ("lora_" in name and "magnitude" not in name) or "modules_to_save.default" in name:
            torch.nn.init.normal_(weight, std=size)
    peft_model.save_pretrained(folder)
    return folder


def changed(base: Path, folder: Path, file: str, **changes: Any) -> Path:
    """A copy of `base` with other values in one of its JSON files."""
    folder.mkdir()
    for found in base.iterdir():
        (folder / found.name).write_bytes(found.read_bytes())
    held = json.loads((folder / file).read_text(encoding="utf-8"))
    (folder / file).write_text(json.dumps({**held, **changes}), encoding="utf-8")
    return folder
