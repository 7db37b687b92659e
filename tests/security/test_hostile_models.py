"""Hostile models, adapters, pickles, repositories and paths: nothing of them runs, is read without end, or goes out."""

from __future__ import annotations

import ast
import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from playground import cli
from playground.engine import transfer
from playground.engine.base import AdapterSource, ModelSource
from playground.engine.convert import convert_pickle
from playground.engine.download import pull
from playground.engine.headers import read_gguf, read_safetensors
from playground.engine.hub import list_repository
from playground.engine.peft_adapters import read_adapter
from playground.engine.transformers_load import load
from playground.errors import ModelError, PlaygroundError
from playground.paths import DataFolder
from playground.services import Services
from tests.conftest import ROOT
from tests.hub_server import HubServer, Repo, noise, serving
from tests.security import hostile
from tests.security.watching import watched
from tests.tuning.finished import services_in
from tests.tuning.tiny import tiny_base

pytestmark = pytest.mark.timeout(60)
LLAMA = {"model_type": "llama", "num_hidden_layers": 2, "hidden_size": 32, "num_attention_heads": 4, "vocab_size": 300}
WEIGHTS = hostile.safetensors({"a.weight": {"dtype": "F32", "shape": [4, 4], "data_offsets": [0, 64]}})
HOSTILE_NAMES = (
    *("../../slip.json", "../slip.txt", "/etc/slip.json", "C:\\slip.json", "C:slip.json", "\\\\host\\share\\slip.json"),
    *("//host/slip.json", "a/../../slip.json", "slip\0.json", "slip\n.json", "CON.json", "nul.txt", "aux.model"),
    *("slip..json.", "x" * 300 + ".json", "~/slip.json", "file:///etc/slip.json", "slip.json:stream", "slip?.json"),
)
CONFIGS = {
    "deep": hostile.deep(),
    "deep tables": hostile.deep('{"a":', "}"),
    "digits": b'{"num_hidden_layers":' + b"9" * 10_000 + b"}",
    "infinite": json.dumps(LLAMA | {"num_hidden_layers": float("inf")}).encode(),
    "negative": json.dumps(LLAMA | {"num_hidden_layers": -5, "vocab_size": -1}).encode(),
    "table": json.dumps(LLAMA | {"architectures": {"a": 1}}).encode(),
    "window": json.dumps(LLAMA | {"sliding_window": "x", "layer_types": ["sliding_attention"] * 2}).encode(),
    "latent": json.dumps(LLAMA | {"kv_lora_rank": 1, "v_head_dim": [2]}).encode(),
    "states": json.dumps(LLAMA | {"linear_num_value_heads": "q", "layer_types": ["a", "b"]}).encode(),
    "no text": b"\xff\xfe\xfd\x00",
    "list": b"[1]",
}


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    with services_in(tmp_path_factory.mktemp("models")) as made:
        yield made


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_base(tmp_path_factory.mktemp("base"))


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which nothing is to happen; temporary files lie beside it."""
    for name in ("outside", "temporary"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return tmp_path / "outside"


def refused(action: Any, what: str = "") -> str:
    with pytest.raises(PlaygroundError) as told:
        action()
    said = str(told.value)
    assert len(said) > 20, what
    return said


@pytest.mark.parametrize("path", [one for one in hostile.PLACES if one.strip()], ids=lambda path: ascii(path)[:20])
def test_a_path_that_is_none_is_refused(services: Services, outside: Path, path: str) -> None:
    with watched(outside):
        for action in (
            lambda: services.models.add(path),
            lambda: services.manager.attach("echo", path),
            lambda: services.models.remove(path),
            lambda: services.models.convert(path),
            lambda: services.models.server_models(path, ""),
            lambda: services.models.download(path),
        ):
            refused(action, path)


def test_lying_headers_are_refused(services: Services, tmp_path: Path, outside: Path) -> None:
    with watched(outside):
        for what, data in hostile.lying_safetensors().items():
            folder = tmp_path / what
            folder.mkdir()
            (folder / "config.json").write_text(json.dumps(LLAMA), encoding="utf-8")
            (folder / "model.safetensors").write_bytes(data)
            if what != "overlap":  # A header may say so; what reads the weights refuses it.
                refused(lambda folder=folder: read_safetensors(folder / "model.safetensors"), what)
                refused(lambda folder=folder: services.models.add(str(folder)), what)
        for what, data in hostile.lying_gguf(outside / "canary").items():
            file = tmp_path / f"{what}.gguf"
            file.write_bytes(data)
            if what not in ("alignment", "blank", "arrays"):
                refused(lambda file=file: read_gguf(file), what)
            refused(lambda file=file: services.models.add(str(file)), what)
        for what, data in CONFIGS.items():
            folder = tmp_path / f"config {what}"
            folder.mkdir()
            (folder / "config.json").write_bytes(data)
            (folder / "model.safetensors").write_bytes(WEIGHTS)
            refused(lambda folder=folder: services.models.add(str(folder)), what)
    assert not (outside / "canary").exists()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names on Windows")
@pytest.mark.parametrize("member", ["config.json", "model.safetensors", "tokenizer.json", "added.gguf"])
@pytest.mark.parametrize("kind", ["pipe", "/dev/zero", "/dev/stdin"])
def test_a_device_is_no_model(services: Services, tmp_path: Path, kind: str, member: str) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(LLAMA), encoding="utf-8")
    (folder / "model.safetensors").write_bytes(WEIGHTS)
    (folder / member).unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(folder / member)
    else:
        (folder / member).symlink_to(kind)
    for place in (folder, folder / member):
        refused(lambda place=place: services.models.add(str(place)))
        refused(lambda place=place: services.manager.attach("echo", str(place)))


@pytest.mark.parametrize("named", ["../../../etc/passwd", "/etc/passwd", "a\0b", 5, [1], None, {"x": 1}])
def test_an_index_leads_nowhere_else(services: Services, tmp_path: Path, named: Any) -> None:
    (tmp_path / "config.json").write_text(json.dumps(LLAMA), encoding="utf-8")
    for places in ({"a": named}, named):
        (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}), encoding="utf-8")
        refused(lambda: services.models.add(str(tmp_path)))


def test_code_beside_a_model_is_never_run(base: Path, tmp_path: Path, outside: Path) -> None:
    folder = Path(shutil.copytree(base, tmp_path / "model"))
    canary = outside / "canary"
    for name in ("modeling_x.py", "tokenization_x.py", "configuration_x.py", "custom_generate/generate.py"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(hostile.script(canary), encoding="utf-8")
    for name in ("pytorch_model.bin", "training_args.bin", "optimizer.pt"):
        (folder / name).write_bytes(hostile.checkpoint(canary))
    code = {"AutoConfig": "configuration_x.X", "AutoModelForCausalLM": "modeling_x.X", "AutoTokenizer": ["a.X", "b.X"]}
    for name in ("config.json", "tokenizer_config.json"):
        facts = json.loads((folder / name).read_text(encoding="utf-8"))
        (folder / name).write_text(json.dumps(facts | {"auto_map": code}), encoding="utf-8")
    with watched(outside):
        assert load(ModelSource("tiny", folder, threads=1, device="cpu")).model is not None
        facts = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        (folder / "config.json").write_text(json.dumps(facts | {"model_type": "made-up"}), encoding="utf-8")
        refused(lambda: load(ModelSource("tiny", folder, threads=1, device="cpu")))
    assert not canary.exists()


def test_a_model_does_not_lead_to_another(base: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(base, tmp_path / "model"))
    about = {"peft_type": "LORA", "base_model_name_or_path": str(base)}
    (folder / "adapter_config.json").write_text(json.dumps(about), encoding="utf-8")
    assert "adapter_config.json" in refused(lambda: load(ModelSource("tiny", folder, threads=1, device="cpu")))


@pytest.mark.parametrize(
    "change",
    [
        {"r": 10**9},
        {"rank_pattern": {"q_proj": 10**9}},
        {"target_modules": "(([a-z])+.)+[A-Z]([a-z])+$"},
        {"target_modules": ".*.*.*.*.*.*.*.*.*.*x"},
        {"rank_pattern": {"(a+)+$": 4}},
        {"peft_type": "IA3"},
        {"peft_type": ["LORA"]},
    ],
    ids=str,
)
def test_an_adapter_that_is_a_bomb_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    about = {"peft_type": "LORA", "r": 4, "lora_alpha": 8, "target_modules": ["q_proj"], **change}
    (tmp_path / "adapter_config.json").write_text(json.dumps(about), encoding="utf-8")
    (tmp_path / "adapter_model.safetensors").write_bytes(WEIGHTS)
    refused(lambda: read_adapter(AdapterSource("x", tmp_path)))


def test_what_an_adapter_names_is_not_asked_for(tmp_path: Path, outside: Path) -> None:
    code = {"parent_library": "canary", "base_model_class": "X"}
    about = {"peft_type": "LORA", "r": 4, "lora_alpha": 8, "target_modules": ["q_proj"], "auto_mapping": code}
    about |= {"base_model_name_or_path": "http://192.0.2.1/x", "megatron_config": {"a": 1}, "megatron_core": "canary"}
    (tmp_path / "adapter_config.json").write_text(json.dumps(about), encoding="utf-8")
    with watched(outside):
        (tmp_path / "adapter_model.bin").write_bytes(hostile.checkpoint(outside / "canary"))
        assert "pickle" in refused(lambda: read_adapter(AdapterSource("x", tmp_path)))
        (tmp_path / "adapter_model.safetensors").write_bytes(hostile.program(outside / "canary"))
        refused(lambda: read_adapter(AdapterSource("x", tmp_path)))
        (tmp_path / "adapter_model.safetensors").write_bytes(WEIGHTS)
        config, _ = read_adapter(AdapterSource("x", tmp_path))
    assert config.r == 4
    assert not (outside / "canary").exists()


def _bombs(canary: Path, place: Path) -> Iterator[tuple[str, bytes]]:
    """Pickles that run something, or are a thousand times larger than they look."""
    import torch

    yield "program", hostile.program(canary)
    yield "old program", hostile.program(canary, 0)
    yield "checkpoint", hostile.checkpoint(canary)
    torch.save({"a": torch.zeros(1).expand(1 << 40)}, place / "wide")
    yield "one number, very often", (place / "wide").read_bytes()
    whole = torch.zeros(1 << 16)
    torch.save({str(at): whole[at:] for at in range(3000)}, place / "views")
    yield "many views", (place / "views").read_bytes()
    torch.save({"a": torch.zeros(1 << 22)}, place / "plain")
    with zipfile.ZipFile(place / "plain") as archive:
        members = {one: archive.read(one) for one in archive.namelist()}
    yield "packed", hostile.zipped(members, zipfile.ZIP_DEFLATED)
    yield "numbers", hostile.array(canary)


def test_a_pickle_is_only_numbers(tmp_path: Path, outside: Path) -> None:
    found = list(_bombs(outside / "canary", tmp_path))
    with watched(outside) as watch:
        for what, data in found:
            folder = tmp_path / f"model {what}"
            folder.mkdir()
            (folder / "config.json").write_text("{}", encoding="utf-8")
            (folder / "pytorch_model.bin").write_bytes(data)
            refused(lambda folder=folder: convert_pickle(folder, tmp_path / "made"), what)
            assert not (tmp_path / "made").exists()
        # torch's own reader looks a class up by its list of harmless ones, and loads none of them.
        watch.seen = [one for one in watch.seen if not one.startswith("pickle.find_class")]
    assert not (outside / "canary").exists()


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    monkeypatch.setattr(transfer, "PAUSES", (0.01,) * 5)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with serving() as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        yield server


def test_a_repository_cannot_choose_where_its_files_go(hub: HubServer, tmp_path: Path, outside: Path) -> None:
    good = {"config.json": b'{"model_type": "llama"}', "model.safetensors": noise(20_000, 3)}
    bad = dict.fromkeys(HOSTILE_NAMES, b"{}")
    code = {"modeling_x.py": b"raise SystemExit", "custom_generate/generate.py": b"raise SystemExit"}
    hub.repos["evil/model"] = Repo({**good, **bad, **code})
    data = outside / "a" / "b" / "data"
    data.mkdir(parents=True)
    model = pull("evil/model", DataFolder(data), lambda what, done, total: None)
    kept = {str(file.relative_to(outside)) for file in outside.rglob("*") if file.is_file()}
    assert {Path(name).name for name in kept if name.startswith("a/b/data/models/evil--model/")} >= set(good)
    assert all(name.startswith("a/b/data/") for name in kept), kept
    assert not [name for name in kept if "slip" in name or name.endswith(".py")], kept
    assert model.complete
    assert not any(path in asked for asked in hub.asked for path in ("slip", "generate.py"))


@pytest.mark.parametrize("size", [-5, 1e999, 10**30, "x", None, [1], 1 << 62])
def test_a_size_is_not_believed(hub: HubServer, tmp_path: Path, size: Any) -> None:
    files = [{"rfilename": name, "size": size, "blobId": "0" * 40} for name in ("config.json", "model.safetensors")]
    hub.page = json.dumps({"sha": "../../x", "tags": ["license:" + "x" * 10**6], "siblings": files}).encode()
    refused(lambda: pull("evil/model", DataFolder(tmp_path / "data"), lambda what, done, total: None))
    assert not list(tmp_path.rglob("*.safetensors"))


@pytest.mark.parametrize("page", [hostile.deep(), hostile.deep('{"a":', "}"), b"9" * 10**5, b" " * 60_000_000, b"\xff"])
def test_an_answer_that_is_none_is_refused(hub: HubServer, page: bytes) -> None:
    hub.page = page
    assert "not the Hub" in refused(lambda: list_repository("evil/model"))


CLI = (
    *(["history", "import", "{}"], ["history", "restore", "{}"], ["history", "recover", "{}"]),
    *(["models", "plan", "{}"], ["models", "remove", "{}"], ["models", "convert", "{}"], ["models", "load-test", "{}"]),
    *(["tune", "check", "{}"], ["tune", "run", "{}"], ["summarize", "{}"], ["translate", "{}", "--to", "fr"]),
)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names and no such devices on Windows")
@pytest.mark.parametrize("command", CLI, ids=" ".join)
@pytest.mark.parametrize("path", ["/dev/zero", "/proc/self/environ", "../../x", "x" * 5000, "~nobody-here/x", "pipe"])
def test_a_command_refuses_what_is_no_file(
    tmp_path: Path, command: list[str], path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if path == "pipe":
        path = str(tmp_path / "pipe")
        os.mkfifo(path)
    engine = ["--engine", "echo"] if command[0] in ("summarize", "translate") else []
    code = cli.main([*(one.format(path) for one in command), "--data-dir", str(tmp_path / "data"), *engine])
    said = capsys.readouterr()
    if (command[0], path) == ("tune", "/proc/self/environ"):  # A text of its own, to learn from.
        return
    assert code in (1, 2, 3, 4, 5)
    assert len(said.err.strip()) > 20
    assert "Traceback" not in said.err


SETTINGS = ("a = " + "[" * 50_000, "port = 1" + "0" * 10_000, "\udcff", "[a]\n" * 9, "port=1e999")


@pytest.mark.parametrize("text", SETTINGS, ids=lambda text: ascii(text)[:12])
def test_settings_that_are_none_are_told(tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "settings.toml").write_bytes(text.encode("utf-8", "surrogateescape"))
    assert cli.main(["models", "list", "--data-dir", str(tmp_path)]) == 2
    assert "settings.toml" in capsys.readouterr().err


def _loads(text: str) -> list[ast.Call]:
    calls = [one for one in ast.walk(ast.parse(text)) if isinstance(one, ast.Call)] if "torch.load" in text else []
    return [one for one in calls if ast.unparse(one.func) == "torch.load"]


def test_a_checkpoint_is_read_as_numbers_alone() -> None:
    """By us, and by the trainer that goes on from one: its optimizer's and its generators' state are pickles."""
    found = find_spec("transformers.trainer")
    assert found is not None
    assert found.origin is not None
    files = [Path(found.origin), *(ROOT / "playground").rglob("*.py")]
    calls = [call for file in files for call in _loads(file.read_text(encoding="utf-8"))]
    assert len(calls) > 5
    for call in calls:
        assert [ast.unparse(one.value) for one in call.keywords if one.arg == "weights_only"] == ["True"]


def test_the_weights_are_read_by_what_checks_them(tmp_path: Path, base: Path) -> None:
    """Tensors that lie over each other are refused where they are read."""
    folder = Path(shutil.copytree(base, tmp_path / "model"))
    (folder / "model.safetensors").write_bytes(hostile.lying_safetensors()["overlap"])
    with pytest.raises(ModelError):
        load(ModelSource("tiny", folder, threads=1, device="cpu"))
