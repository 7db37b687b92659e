"""What lies in the models folder: listed, measured, found broken, and deleted without touching anything else."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from playground.engine.catalog import file_sha256
from playground.engine.library import (
    MANIFEST,
    KeptFile,
    find,
    installed,
    is_present,
    model_file,
    remove,
    write_manifest,
)
from playground.errors import BadValueError, MissingError, PlaygroundError, StorageError
from playground.paths import DataFolder
from playground.presets import STARTER, model_preset
from tests.conftest import Disk


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    made = DataFolder(tmp_path / "数据 data")
    made.models.mkdir(parents=True)
    return made


def put(folder: DataFolder, name: str, **files: int) -> Path:
    """A downloaded model with files of these lengths."""
    place = folder.models / name.replace("/", "--")
    place.mkdir()
    kept = []
    for key, size in files.items():
        path = key.replace("__", ".")
        (place / path).write_bytes(b"x" * size)
        kept.append(KeptFile(path, size, "0" * 64))
    write_manifest(place, name, {"source": f"{name}@abc", "revision": "abc", "license": "mit"}, kept)
    return place


def test_empty(folder: DataFolder) -> None:
    assert installed(folder) == ()
    assert installed(DataFolder(folder.root / "nowhere")) == ()


def test_all_kinds(folder: DataFolder) -> None:
    put(folder, "o/safe", config__json=2, model__safetensors=100)
    put(folder, "o/pickle", config__json=2, pytorch_model__bin=100)
    gguf = put(folder, "o/g/x.gguf", x__gguf=50)
    own = folder.models / "my own"
    own.mkdir()
    (own / "a.gguf").write_bytes(b"GGUF")
    (own / "b.gguf").write_bytes(b"GGUF1")
    (folder.models / "c.gguf").write_bytes(b"GGUF")
    plain = folder.models / "plain"
    plain.mkdir()
    (plain / "config.json").write_text("{}")
    (plain / "model.safetensors").write_bytes(b"x")
    (folder.models / "notes.txt").write_text("mine")
    (folder.models / ".parts").mkdir()
    found = {model.name: model for model in installed(folder)}
    assert {name: (model.kind, model.complete) for name, model in found.items()} == {
        "o/safe": ("safetensors", True),
        "o/pickle": ("pickle", True),
        "o/g/x.gguf": ("gguf", True),
        str(own / "a.gguf"): ("gguf", True),
        str(own / "b.gguf"): ("gguf", True),
        str(folder.models / "c.gguf"): ("gguf", True),
        str(plain): ("safetensors", True),
    }
    assert found["o/g/x.gguf"].path == gguf / "x.gguf"
    assert (found["o/safe"].license, found["o/safe"].source, found["o/safe"].revision) == ("mit", "o/safe@abc", "abc")
    assert found["o/safe"].bytes == 102 + (found["o/safe"].path / MANIFEST).stat().st_size


def test_a_preset_without_a_manifest(folder: DataFolder) -> None:
    preset = model_preset(STARTER)
    file = model_file(preset, folder)
    file.parent.mkdir()
    assert not is_present(preset, folder)
    assert "is missing; fetch the model again" in installed(folder)[0].problem
    file.write_bytes(b"GGUF")
    assert f"has 4 bytes instead of {preset.size}" in installed(folder)[0].problem
    with file.open("r+b") as half:
        half.truncate(preset.size)
    assert is_present(preset, folder)
    (model,) = installed(folder)
    assert (model.name, model.path, model.complete, model.license) == (STARTER, file, True, "Apache-2.0")


def test_broken_ones_say_why(folder: DataFolder) -> None:
    place = put(folder, "o/n", config__json=2, model__safetensors=100)
    (place / "model.safetensors").write_bytes(b"x" * 99)
    assert "model.safetensors has 99 bytes instead of 100" in installed(folder)[0].problem
    (place / "model.safetensors").unlink()
    assert "model.safetensors is missing" in installed(folder)[0].problem
    for text in ("{", "[]", '{"name": "x"}', '{"files": [{"path": "../../x"}]}'):
        (place / MANIFEST).write_text(text)
        (model,) = installed(folder)
        assert (model.complete, model.kind) == (False, "unknown")
        assert f"{MANIFEST} cannot be read" in model.problem
        assert find(str(place), folder) == model
    (place / MANIFEST).unlink()
    assert "its weights are missing" in installed(folder)[0].problem
    (place / "config.json").unlink()
    assert installed(folder)[0].problem == "it holds no model"


def test_manifests_do_not_lead_elsewhere(folder: DataFolder) -> None:
    place = put(folder, "o/n", model__safetensors=1)
    facts = json.loads((place / MANIFEST).read_text(encoding="utf-8"))
    facts["files"] = [{"path": "../../secret.gguf", "size": 1, "sha256": ""}]
    (place / MANIFEST).write_text(json.dumps(facts), encoding="utf-8")
    assert installed(folder)[0].path == place


def test_names_are_compared_by_meaning(folder: DataFolder) -> None:
    put(folder, "o/n", model__safetensors=1)
    model = find("o/n@main", folder)
    assert model is not None
    assert model == find("o/n", folder)
    assert find("o/n@v1", folder) is None
    assert find("o/m", folder) is None


def test_removed_and_nothing_else(folder: DataFolder) -> None:
    first, second = put(folder, "o/a", model__safetensors=100), put(folder, "o/b", model__safetensors=7)
    (first / "mine.txt").write_text("beside")
    own = folder.models / "own"
    own.mkdir()
    for name in ("a.gguf", "b.gguf"):
        (own / name).write_bytes(b"GGUF")
    size = sum(file.stat().st_size for file in first.iterdir())
    assert remove("o/a@main", folder) == size
    assert not first.exists()
    assert remove(str(own / "a.gguf"), folder) == 4
    assert sorted(file.name for file in folder.models.rglob("*") if file.is_file()) == sorted(
        ["b.gguf", "model.safetensors", MANIFEST]
    )
    assert second.exists()
    with pytest.raises(MissingError, match=r"no model 'o/a'.*There are: .*o/b"):
        remove("o/a", folder)


@pytest.mark.parametrize("name", ["", ".", "..", "../outside", "{root}/outside", "o/../../outside", "/", "notes.txt"])
def test_refuses_what_is_no_model_of_ours(folder: DataFolder, name: str) -> None:
    outside = folder.root / "outside"
    outside.mkdir()
    (outside / "x.gguf").write_bytes(b"GGUF")
    (folder.models / "notes.txt").write_text("mine")
    with pytest.raises(MissingError, match="no model"):
        remove(name.replace("{root}", str(folder.root)), folder)
    assert (outside / "x.gguf").exists()
    assert (folder.models / "notes.txt").exists()


def test_refuses_links(folder: DataFolder, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "x.gguf").write_bytes(b"GGUF")
    (elsewhere / "y.gguf").write_bytes(b"GGUF")
    os.symlink(elsewhere, folder.models / "linked")
    os.symlink(elsewhere / "x.gguf", folder.models / "file.gguf")
    names = [model.name for model in installed(folder)]
    assert len(names) == 3
    for name in names:
        with pytest.raises(BadValueError, match=r"is a link.*yourself"):
            remove(name, folder)
    assert len(list(elsewhere.iterdir())) == 2


def test_links_inside_are_removed_not_followed(folder: DataFolder, tmp_path: Path) -> None:
    precious = tmp_path / "precious.bin"
    precious.write_bytes(b"p" * 1000)
    place = put(folder, "o/n", model__safetensors=100)
    os.symlink(precious, place / "link.bin")
    assert remove("o/n", folder) < 1000
    assert precious.exists()


def test_read_only_disk(disk: Disk) -> None:
    folder = DataFolder(disk.root)
    folder.models.mkdir()
    put(folder, "o/n", model__safetensors=100)
    disk.remount("ro")
    with pytest.raises(StorageError, match="cannot be written to") as caught:
        remove("o/n", folder)
    assert isinstance(caught.value, PlaygroundError)
    disk.remount("rw")
    assert remove("o/n", folder) > 100


def test_what_engines_made_of_a_model_goes_with_it(folder: DataFolder) -> None:
    file = folder.models / "mine.gguf"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"GGUF" + bytes(96))
    sha256 = file_sha256(file, folder.cache / "hashes.json")
    mine, other = (folder.cache / "converted" / name for name in (sha256, "0" * 64))
    for place in (mine, other):
        place.mkdir(parents=True)
        (place / "model.safetensors").write_bytes(bytes(50))
    assert remove(str(file), folder) == 150
    assert (mine.exists(), other.exists()) == (False, True)
