"""A pickle becomes safetensors once, the same numbers; what a pickle can carry beside tensors is never run."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from playground.engine.base import ModelSource
from playground.engine.convert import convert_pickle, is_pickle
from playground.engine.ctranslate2_engine import CTranslate2Engine
from playground.errors import ModelError, StorageError
from tests.conftest import Disk


class Bomb:
    """Leaves a mark when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return os.mkdir, (str(self.mark),)


@pytest.fixture
def old(tiny_marian: Path, tmp_path: Path) -> Path:
    """The tiny Marian model as it was published of old: a pickle, with tied weights under several names."""
    import torch
    from safetensors.torch import load_file

    folder = tmp_path / "old model"
    folder.mkdir()
    for file in tiny_marian.iterdir():
        if file.suffix != ".safetensors":
            (folder / file.name).write_bytes(file.read_bytes())
    weights = load_file(tiny_marian / "model.safetensors")
    shared = weights["model.shared.weight"]
    names = ("model.encoder.embed_tokens.weight", "model.decoder.embed_tokens.weight", "lm_head.weight")
    torch.save({**weights, **dict.fromkeys(names, shared)}, folder / "pytorch_model.bin")
    (folder / "own_code.py").write_text("raise SystemExit", encoding="utf-8")
    return folder


def test_the_numbers_stay_and_the_code_does_not(old: Path, tiny_marian: Path, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file

    assert is_pickle(old)
    target = convert_pickle(old, tmp_path / "new")
    assert not is_pickle(target)
    before, after = load_file(tiny_marian / "model.safetensors"), load_file(target / "model.safetensors")
    assert before.keys() == after.keys(), "tied weights are there once"
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert {file.name for file in old.iterdir()} - {file.name for file in target.iterdir()} == {
        "pytorch_model.bin",
        "own_code.py",
    }
    CTranslate2Engine(ModelSource("new", target, cache=tmp_path)).close()


def test_it_is_done_once(old: Path, tmp_path: Path) -> None:
    target = convert_pickle(old, tmp_path / "new")
    made = (target / "model.safetensors").stat().st_mtime_ns
    assert convert_pickle(old, target) == target
    assert (target / "model.safetensors").stat().st_mtime_ns == made


def test_shards_and_views(old: Path, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file

    (old / "pytorch_model.bin").unlink()
    large = torch.arange(100.0).reshape(10, 10)
    torch.save({"part": large[:2], "turned": large.T}, old / "pytorch_model-00001-of-00002.bin")
    torch.save({"half": torch.ones(3, dtype=torch.bfloat16)}, old / "pytorch_model-00002-of-00002.bin")
    target = convert_pickle(old, tmp_path / "new")
    index = json.loads((target / "model.safetensors.index.json").read_text(encoding="utf-8"))
    loaded = {name: load_file(target / file)[name] for name, file in index["weight_map"].items()}
    assert torch.equal(loaded["part"], large[:2])
    assert torch.equal(loaded["turned"], large.T)
    assert loaded["half"].dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("code", "program code"),
        ("plain pickle", "program code"),
        ("not tensors", "not a table of weights"),
        ("a number", "not a table of weights"),
        ("cut", "damaged"),
        ("empty", "damaged"),
        ("text", "damaged|program code"),
        ("a missing shard", "lacks pytorch_model-2.bin"),
        ("nothing", "holds no"),
    ],
)
def test_what_is_no_table_of_weights_is_refused(old: Path, tmp_path: Path, what: str, words: str) -> None:
    import torch

    file, mark = old / "pytorch_model.bin", tmp_path / "it ran"
    if what == "code":
        torch.save({"a": torch.ones(1), "b": Bomb(mark)}, file)
    elif what == "plain pickle":
        file.write_bytes(pickle.dumps(Bomb(mark), protocol=2))
    elif what == "not tensors":
        torch.save({"a": torch.ones(1), "epoch": 3}, file)
    elif what == "a number":
        torch.save(3, file)
    elif what == "cut":
        file.write_bytes(file.read_bytes()[:-500])
    elif what == "empty":
        file.write_bytes(b"")
    elif what == "text":
        file.write_text("version https://git-lfs.github.com/spec/v1\n", encoding="utf-8")
    elif what == "a missing shard":
        index = {"weight_map": {"a": "pytorch_model.bin", "b": "pytorch_model-2.bin"}}
        (old / "pytorch_model.bin.index.json").write_text(json.dumps(index), encoding="utf-8")
    else:
        file.unlink()
    with pytest.raises(ModelError, match=words):
        convert_pickle(old, tmp_path / "new")
    assert not mark.exists(), "nothing in a pickle is run"
    assert not list(tmp_path.glob("new*"))


def test_what_a_kill_left_behind_is_not_mistaken_for_a_model(old: Path, tmp_path: Path) -> None:
    torn = tmp_path / "new.part"
    torn.mkdir()
    (torn / "model.safetensors").write_bytes(b"half")
    target = convert_pickle(old, tmp_path / "new")
    assert (target / "model.safetensors").stat().st_size > 1000
    assert not torn.exists()


def test_a_full_disk(old: Path, disk: Disk) -> None:
    disk.fill()
    with pytest.raises(StorageError, match="free"):
        convert_pickle(old, disk.root / "new")
    disk.clear()
    assert not list(disk.root.iterdir())
