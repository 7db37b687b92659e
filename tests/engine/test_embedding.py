"""Texts as vectors: a small random model for the rules, the real one for the meaning."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from playground.engine import embedding
from playground.engine.download import model_file
from playground.engine.downloads import Downloads
from playground.engine.embedding import Embedder, Embedders
from playground.engine.library import KeptFile, write_manifest
from playground.engine.manager import ModelManager
from playground.errors import BadValueError, ModelError
from playground.models import ModelsService
from playground.paths import DataFolder, open_data_folder
from playground.presets import model_preset
from playground.settings import Settings
from playground.ui.models_get import offers_html
from playground.ui.models_view import local_html
from tests.conftest import CACHE, wait_for

ENGLISH, MANY = "all-minilm-l6-v2", "multilingual-e5-small"
TEXTS = ["the cat sat on the mat", "a dog", "", "the dog sat on the cat and the cat on the mat", "mat", "猫"]
SETTINGS = Settings(device="cpu", engine="echo", idle_unload_minutes=0.0)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a random BERT that reads single signs."""
    from transformers import BertConfig, BertModel, BertTokenizer

    folder = tmp_path_factory.mktemp("tiny-bert")
    signs = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghijklmnopqrstuvwxyz", *(f"##{n}" for n in "aeiost")]
    signs += ["the", "cat", "sat", "on", "mat", "dog", "and", "query", ":"]
    (folder / "vocab.txt").write_text("\n".join(signs))
    BertTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(signs), hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=64, initializer_range=0.5,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    return open_data_folder(str(tmp_path / "data"))


def put(name: str, tiny: Path, folder: DataFolder) -> Path:
    """The small model in the place of a curated one."""
    place = model_file(model_preset(name), folder)
    place.mkdir(parents=True)
    files = []
    for file in tiny.iterdir():
        (place / file.name).write_bytes(file.read_bytes())
        files.append(KeptFile(file.name, file.stat().st_size, ""))
    write_manifest(place, name, {"source": "", "revision": "", "license": ""}, files)
    return place


def test_vectors_do_not_depend_on_what_they_are_computed_with(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = Embedder(tiny, device="cpu")
    together = model.encode(TEXTS)
    assert together.shape == (len(TEXTS), 16)
    assert together.dtype == np.float32
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    monkeypatch.setitem(embedding._TOKENS, "cpu", 12)
    monkeypatch.setattr(embedding, "_SLICE", 4)
    assert np.allclose(model.encode(TEXTS), together, atol=1e-5)
    assert np.allclose(np.concatenate([model.encode([text]) for text in TEXTS]), together, atol=1e-5)
    assert model.encode([]).shape == (0, 16)


def test_a_prefix_is_read_and_what_is_too_long_is_cut(tiny: Path) -> None:
    plain, marked = Embedder(tiny, device="cpu"), Embedder(tiny, device="cpu", prefix="query: ")
    assert np.allclose(marked.encode(["the cat"]), plain.encode(["query: the cat"]), atol=1e-6)
    short = Embedder(tiny, device="cpu", most_tokens=6)
    assert np.allclose(short.encode(["the cat sat on " + "mat " * 500]), plain.encode(["the cat sat on"]), atol=1e-5)


def test_damage_and_a_lack_of_memory_are_told(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelError, match=r"cannot be read|missing or damaged|is of a kind"):
        Embedder(tmp_path, device="cpu")
    model = Embedder(tiny, device="cpu")

    def full(**_: object) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(model._model, "forward", full)
    with pytest.raises(ModelError, match="not enough memory to compare texts"):
        model.encode(["the cat"])


def test_the_model_that_knows_the_language_is_chosen(tiny: Path, folder: DataFolder) -> None:
    embedders = Embedders(folder, SETTINGS)
    assert embedders.embed_for("en") is None
    assert embedders.name_for("en") == ""
    put(ENGLISH, tiny, folder)
    assert embedders.name_for("en") == embedders.name_for("") == "all-MiniLM-L6-v2"
    assert embedders.embed_for("zh") is None
    assert embedders.embed_for("en", "zh") is None
    put(MANY, tiny, folder)
    assert embedders.name_for("en") == "all-MiniLM-L6-v2"
    assert embedders.name_for("zh") == embedders.name_for("en", "zh") == "multilingual-e5-small"
    assert embedders.embed_for("tlh") is None
    assert embedders.held == ()
    embed = embedders.embed_for("zh")
    assert embed is not None
    assert np.allclose(embed(["the cat"]), Embedder(tiny, device="cpu").encode(["query: the cat"]), atol=1e-6)


def test_it_is_loaded_once_when_it_is_used_and_freed_when_it_rests(
    tiny: Path, folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(ENGLISH, tiny, folder)
    loads: list[Path] = []
    load = embedding._load

    def counted(path: Path, device: str) -> tuple[Any, Any]:
        loads.append(path)
        return load(path, device)

    monkeypatch.setattr(embedding, "_load", counted)
    embedders = Embedders(folder, SETTINGS, rest_seconds=0.2)
    embed = embedders.embed_for("en")
    assert embed is not None
    assert embedders.held == ()
    truth = Embedder(tiny, device="cpu").encode(TEXTS)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(embed, [TEXTS] * 12):
            assert np.allclose(found, truth, atol=1e-5)
    assert len(loads) == 2, "once by the test itself"
    wait_for(lambda: embedders.held == ())
    assert np.allclose(embed(TEXTS), truth, atol=1e-5)
    assert len(loads) == 3
    wait_for(lambda: embedders.held == ())


def test_a_damaged_one_is_told_each_time(tiny: Path, folder: DataFolder) -> None:
    place = put(ENGLISH, tiny, folder)
    weights = place / "model.safetensors"
    weights.write_bytes(b"x" * weights.stat().st_size)
    embed = Embedders(folder, SETTINGS).embed_for("en")
    assert embed is not None
    for _ in range(2):
        with pytest.raises(ModelError, match="damaged"):
            embed(["the cat"])


def test_it_is_got_and_deleted_like_others_but_never_chosen(tiny: Path, folder: DataFolder) -> None:
    models = ModelsService(ModelManager(SETTINGS, folder), Downloads(folder, True), SETTINGS, folder)
    plain = Settings(idle_unload_minutes=0.0)
    assert 'data-key="offer:all-minilm-l6-v2"' in offers_html(models.overview(), "en")
    put(ENGLISH, tiny, folder)
    models.refresh()
    (model,) = models.overview().local
    assert not model.writes
    shown = local_html(models.overview(), "en")
    assert "Not for chat" in shown
    assert [action in shown for action in ("choose", "load", "<form", "remove")] == [False, False, False, True]
    manager = ModelManager(plain, folder)
    for use in (manager.choose, manager.load):
        with pytest.raises(BadValueError, match="cannot write any"):
            use(ENGLISH)
    assert models.remove(ENGLISH) > 0
    assert models.overview().local == ()
    models.manager.close()
    manager.close()


@pytest.mark.real_model
@pytest.mark.usefixtures("minilm_folder")
def test_sentences_that_say_the_same_are_near() -> None:
    embed = Embedders(CACHE, SETTINGS).embed_for("en")
    assert embed is not None
    same = [
        ("Before you start, make a backup of every file on the disk.", "Save all your data elsewhere first."),
        ("The installer needs at least 350 MB of memory.", "With less RAM than that it will not run."),
        ("Partitions can be resized later.", "The size of a partition is not final."),
    ]
    vectors = embed([text for pair in same for text in pair])
    near = vectors @ vectors.T
    for number in range(0, 2 * len(same), 2):
        others = [near[number, other] for other in range(2 * len(same)) if other not in (number, number + 1)]
        assert near[number, number + 1] > max(others)
