"""What the Models tab and the command line stand on: seeing, getting, converting, adding and deleting models."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from playground.engine.downloads import Downloads
from playground.engine.keys import key_for, remember_key
from playground.engine.manager import ModelManager
from playground.errors import BadValueError, BusyError, MissingError, PlaygroundError
from playground.models import ModelsService
from playground.overview import title_of
from playground.paths import DataFolder, open_data_folder
from playground.presets import STARTER, model_presets
from playground.settings import Settings
from tests.conftest import wait_for
from tests.hub_server import Repo, noise, serving


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    return open_data_folder(str(tmp_path / "data"))


def open_models(folder: DataFolder, **settings: object) -> ModelsService:
    made = Settings(**{"engine": "echo", "idle_unload_minutes": 0.0, **settings})  # type: ignore[arg-type]
    return ModelsService(ModelManager(made, folder), Downloads(folder, made.offline), made, folder)


@pytest.fixture
def models(folder: DataFolder) -> Iterator[ModelsService]:
    made = open_models(folder)
    yield made
    made.downloads.close()
    made.manager.close()


def put(folder: DataFolder, name: str, size: int = 100) -> str:
    file = folder.models / name
    file.write_bytes(b"GGUF" + bytes(size - 4))
    return str(file)


def test_memory_adds_up_and_names_the_model(models: ModelsService) -> None:
    models.manager.choose("echo-b+64")
    wait_for(lambda: models.manager.state.phase == "ready")
    overview, header = models.overview(), models.header()
    cpu = overview.devices[0]
    assert cpu.parts == (("echo-b+64", 64 << 20),)
    assert 0 <= cpu.other <= cpu.total - cpu.free
    assert (header.title, header.used, header.total) == ("echo-b+64", 64 << 20, cpu.total)
    assert overview.phase("echo-b+64") == "ready"
    assert overview.phase("nobody") == "idle"
    models.unload("echo-b+64")
    wait_for(lambda: models.header().used == 0)


def test_every_preset_is_offered_what_fits_first(models: ModelsService) -> None:
    offers = models.overview().offers
    assert {offer.preset.id for offer in offers} == set(model_presets())
    assert [offer.fits for offer in offers] == sorted((offer.fits for offer in offers), reverse=True)
    assert next(offer for offer in offers if offer.preset.id == STARTER).fits


def test_what_is_used_is_not_deleted(models: ModelsService, folder: DataFolder) -> None:
    name = put(folder, "mine.gguf")
    assert models.overview().is_here(name)
    with pytest.raises(MissingError):
        models.remove("nobody")
    assert models.remove(name) == 100
    assert not models.overview().is_here(name)
    with pytest.raises(MissingError):
        models.remove(name)


def test_a_chosen_model_is_not_deleted(folder: DataFolder) -> None:
    name = put(folder, "mine.gguf")
    models = open_models(folder, engine="auto", model=name)
    with pytest.raises(BusyError, match="Choose another"):
        models.remove(name)
    assert Path(name).exists()
    Path(name).unlink()
    assert models.manager.state.phase == "failed", "its files are gone, which must not break a page"
    assert name in models.manager.state.detail
    models.manager.close()


def test_own_models_are_kept_on_the_list_and_never_deleted(models: ModelsService, folder: DataFolder) -> None:
    told: list[str] = []
    end = models.listen(lambda: told.append("changed"))
    assert models.add(" echo-b+64 ") == "echo-b+64"
    assert told
    again = open_models(folder)
    (mine,) = [model for model in again.overview().local if model.own]
    assert (mine.name, mine.error) == ("echo-b+64", "")
    again.forget("echo-b+64")
    assert not models.overview().local
    end()
    count = len(told)
    models.refresh()
    assert len(told) == count
    for bad in ("", "  ", "gpt"):
        with pytest.raises((BadValueError, MissingError)):
            models.add(bad)


def test_a_pickle_that_was_agreed_to_is_converted_when_it_has_come(
    models: ModelsService, folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch = pytest.importorskip("torch")
    held = io.BytesIO()
    torch.save({"weight": torch.ones(300, 300)}, held)
    repo = Repo({"config.json": b'{"model_type": "marian"}', "pytorch_model.bin": held.getvalue()})
    with serving(repos={"org/old": repo}) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        models.download("org/old", allow_pickle=True)
        place = folder.models / "org--old"
        wait_for(lambda: any(m.name == "org/old" and not m.pickle for m in models.overview().local), 60, "converting")
    assert (place / "model.safetensors").stat().st_size > 4 * 300 * 300
    assert not (place / "pytorch_model.bin").exists(), "what was downloaded is there once, not twice"
    (model,) = [m for m in models.overview().local if m.name == "org/old"]
    assert (model.error, model.converting, model.license) == ("", False, "mit")


def test_a_pickle_that_cannot_be_converted_says_why(models: ModelsService, folder: DataFolder) -> None:
    bad = folder.models / "bad"
    bad.mkdir()
    (bad / "config.json").write_text("{}")
    (bad / "pytorch_model.bin").write_bytes(noise(5000))
    models.convert(str(bad))

    def reason() -> str:
        return next(model.error for model in models.overview().local if model.name == str(bad))

    assert "pytorch_model.bin" in wait_for(reason, 60)
    assert (bad / "pytorch_model.bin").exists()
    assert sorted(file.name for file in folder.models.iterdir()) == ["bad"], "nothing half is left behind"


def test_offline_asks_nobody(folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(repos={}) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        models = open_models(folder, offline=True)
        asks = (lambda: models.search("x"), lambda: models.files("org/x"), lambda: models.download("org/x"))
        for ask in asks:
            with pytest.raises(PlaygroundError, match="offline"):
                ask()
        assert hub.asked == []
        models.manager.close()


def test_a_key_is_for_its_own_server_only(monkeypatch: pytest.MonkeyPatch) -> None:
    remember_key("http://a.example/v1/", "secret-a")
    none, named = Settings(), Settings(remote_url="http://b.example/v1")
    assert key_for("http://a.example/v1", none) == "secret-a"
    assert key_for("http://b.example/v1", none) == ""
    monkeypatch.setenv("PLAYGROUND_API_KEY", "from-environment")
    assert key_for("http://b.example/v1", none) == ""
    assert key_for("http://b.example/v1/", named) == "from-environment"
    assert key_for("http://b.example/v1", Settings(model="http://b.example/v1#some")) == "from-environment"
    assert key_for("http://a.example/v1", named) == "secret-a"


@pytest.mark.parametrize(
    ("name", "title"),
    [
        (STARTER, "SmolLM2-135M-Instruct Q4_1"),
        ("/home/me/models/tiny.gguf", "tiny.gguf"),
        ("org/name", "org/name"),
        ("https://me:pw@host:8000/v1#llama-70b", "llama-70b @ host:8000"),
        ("echo", "echo"),
    ],
)
def test_titles(name: str, title: str) -> None:
    assert title_of(name) == title


def test_listeners_hear_from_other_threads_and_may_fail(models: ModelsService) -> None:
    heard = threading.Event()

    def bad() -> None:
        raise RuntimeError("a page that is gone")

    models.listen(bad)
    models.listen(heard.set)
    threading.Thread(target=models.refresh).start()
    assert heard.wait(10)
