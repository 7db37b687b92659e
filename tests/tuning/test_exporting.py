"""Exports: whole files, measured against base and adapter, and nothing but them is handed out."""

from __future__ import annotations

import json
import shutil
import threading
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from playground.engine.lease import LeaseCancelled
from playground.errors import BadValueError, MissingError, ModelError
from playground.services import Services
from playground.tuning.exporting import KINDS, export, export_file, export_here, exported
from tests.tuning.finished import lay, services_in
from tests.tuning.tiny import tiny_base


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    with services_in(tmp_path / "data") as made:
        yield made


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_base(tmp_path_factory.mktemp("base") / "tiny")


@pytest.fixture(scope="module")
def adapter(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return taught(base, tmp_path_factory.mktemp("taught"))


def taught(base: Path, folder: Path, size: float = 0.1) -> Path:
    """An adapter that changes what is said."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(1)
    with warnings.catch_warnings(action="ignore"):  # PEFT is not up to date with transformers.
        model = get_peft_model(AutoModelForCausalLM.from_pretrained(base), LoraConfig(r=4, target_modules="all-linear"))
    for name, weight in model.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(weight, std=size)
    model.save_pretrained(str(folder))
    return folder


def nothing(step: str, done: int, total: int) -> None:
    """Who does not want to know how far it is."""


def test_the_adapter_alone(services: Services) -> None:
    run = lay(services, title="Sea & sand")
    told: list[str] = []
    made = export_here(services.trainings, run, "adapter", lambda step, *_: told.append(step), threading.Event())
    assert (made.kind, made.name, dict(made.check)) == ("adapter", "Sea---sand-adapter.zip", {})
    assert told == ["zip"]
    file = export_file(services.trainings, run, made.name)
    assert file.stat().st_size == made.size
    with zipfile.ZipFile(file) as archive:
        assert archive.testzip() is None
        names = {Path(one).name for one in archive.namelist()}
    assert names == {"adapter_config.json", "adapter_model.safetensors", "README.md"}
    assert [one.name for one in file.parent.iterdir()] == [made.name]


def test_the_merged_model_says_what_base_and_adapter_said(services: Services, base: Path, adapter: Path) -> None:
    run = lay(services, base=base, adapter=adapter)
    steps: list[str] = []
    made = export_here(services.trainings, run, "merged", lambda step, *_: steps.append(step), threading.Event())
    assert list(dict.fromkeys(steps)) == ["load", "merge", "compare", "write", "zip", "check"]
    assert made.check["tokens"] >= 100
    assert made.check["same"] == made.check["tokens"]
    assert made.check["words"] is True
    assert [one.check for one in exported(services.trainings, run)] == [made.check]
    with zipfile.ZipFile(export_file(services.trainings, run, made.name)) as archive:
        assert any(one.endswith(".safetensors") for one in archive.namelist())
        assert not any("adapter" in one for one in archive.namelist() if not one.startswith("Harbour"))


def test_into_a_folder_elsewhere_it_is_measured_but_not_handed_out(
    services: Services, base: Path, adapter: Path, tmp_path: Path
) -> None:
    run = lay(services, base=base, adapter=adapter)
    target = tmp_path / "out" / "model"
    own = tmp_path / "out" / ".export-notes"
    own.mkdir(parents=True)
    assert export(services.trainings, run, "merged", target)["same"] > 0
    assert (target / "config.json").is_file()
    assert not exported(services.trainings, run)
    assert sorted(one.name for one in target.parent.iterdir()) == [own.name, "model"]
    with pytest.raises(BadValueError, match="is there already"):
        export(services.trainings, run, "merged", target)


def test_a_base_that_is_gone_is_said_and_nothing_is_left(services: Services) -> None:
    run = lay(services)
    with pytest.raises(ModelError):
        export_here(services.trainings, run, "gguf-q8_0", nothing, threading.Event())
    assert not exported(services.trainings, run)
    assert not list((services.trainings.places(run).root / "exports").iterdir())


def test_a_stop_leaves_nothing_but_what_was_there(services: Services, base: Path, adapter: Path) -> None:
    run, stop = lay(services, base=base, adapter=adapter), threading.Event()
    export_here(services.trainings, run, "adapter", nothing, threading.Event())
    with pytest.raises(LeaseCancelled):
        export_here(services.trainings, run, "merged", lambda *_: stop.set(), stop)
    assert [one.kind for one in exported(services.trainings, run)] == ["adapter"]
    assert len(list((services.trainings.places(run).root / "exports").iterdir())) == 1


def test_what_a_killed_export_left_is_removed(services: Services) -> None:
    run = lay(services)
    left = services.trainings.places(run).root / "exports" / ".export-999999999-1"
    left.mkdir(parents=True)
    export_here(services.trainings, run, "adapter", nothing, threading.Event())
    assert not left.exists()


@pytest.mark.parametrize("name", ["", ".", "..", "../run.json", "run.json", "exports.json", "/etc/passwd", ".export-1"])
def test_no_other_file_is_handed_out(services: Services, name: str) -> None:
    run = lay(services)
    made = export_here(services.trainings, run, "adapter", nothing, threading.Event())
    with pytest.raises(MissingError, match="does not exist"):
        export_file(services.trainings, run, name)
    export_file(services.trainings, run, made.name).unlink()
    with pytest.raises(MissingError, match="Export it again"):
        export_file(services.trainings, run, made.name)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"adapter": 3}', '{"adapter": {"file": "/etc/passwd"}}', '{"x": {}}'])
def test_a_damaged_record_hands_nothing_out(services: Services, text: str) -> None:
    run = lay(services)
    (services.trainings.places(run).root / "exports.json").write_text(text, encoding="utf-8")
    assert not exported(services.trainings, run)


def test_other_kinds_and_trainings_without_an_adapter_are_refused(services: Services, tmp_path: Path) -> None:
    run = lay(services)
    for kind in ("", "onnx", "gguf-q4_0"):
        with pytest.raises(BadValueError, match=", ".join(KINDS)):
            export(services.trainings, run, kind, tmp_path / "x")
    shutil.rmtree(services.trainings.places(run).adapter)
    with pytest.raises(MissingError, match="no adapter yet"):
        export(services.trainings, run, "adapter", tmp_path / "x.zip")


@pytest.mark.real_model
def test_the_starter_model_as_gguf(services: Services, starter_gguf: Path, tmp_path: Path) -> None:
    from playground.engine.base import ModelSource
    from playground.engine.transformers_load import load

    cache = tmp_path / "converted"
    load(ModelSource("starter", starter_gguf, cache=cache, sha256="a" * 64))
    adapter = taught(next(cache.iterdir()), tmp_path / "taught", 0.02)
    run = lay(services, base=starter_gguf, adapter=adapter)
    file = services.trainings.places(run).run
    values = json.loads(file.read_text(encoding="utf-8"))
    values["base"] |= {"cache": str(cache), "sha256": "a" * 64}
    file.write_text(json.dumps(values), encoding="utf-8")
    made = export_here(services.trainings, run, "gguf-q8_0", nothing, threading.Event())
    assert made.name == "Harbour-gguf-q8_0.gguf"
    assert made.check["words"] is True
    assert made.check["same"] / made.check["tokens"] >= 0.9
