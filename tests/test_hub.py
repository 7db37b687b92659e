"""Names on the Hub, search, lists of files and the choice among them, against a server that speaks its protocol."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from playground.engine import transfer
from playground.engine.hub import list_repository, search_hub
from playground.engine.hub_files import (
    HubFile,
    HubName,
    PickleRefused,
    Repository,
    choose,
    is_hub_name,
    parse_name,
    quantizations,
)
from playground.errors import BadValueError, MissingError, ModelError
from tests.hub_server import HubServer, Repo, noise, serving

COMMIT = "ab810cf68114990406fdf996510dd3d3c6adbdf5"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """A mirror named by HF_ENDPOINT while the app is already running."""
    monkeypatch.setattr(transfer, "PAUSES", (0.01,) * 5)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with serving() as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url + "/")
        yield server


@pytest.mark.parametrize(
    ("name", "parsed"),
    [
        ("Qwen/Qwen3-0.6B", HubName("Qwen/Qwen3-0.6B")),
        ("Qwen/Qwen3-0.6B@main", HubName("Qwen/Qwen3-0.6B")),
        (f"a_b/c.d@{COMMIT}", HubName("a_b/c.d", COMMIT)),
        ("o/n@refs/pr/1", HubName("o/n", "refs/pr/1")),
        ("o/n/x-Q4_K_M.gguf", HubName("o/n", "main", "x-Q4_K_M.gguf")),
        ("o/n/Q8_0/x-00001-of-00002.gguf@v1", HubName("o/n", "v1", "Q8_0/x-00001-of-00002.gguf")),
    ],
)
def test_names(name: str, parsed: HubName) -> None:
    assert parse_name(name) == parsed
    assert parse_name(str(parsed)) == parsed
    assert "/" not in parsed.folder
    assert is_hub_name(name)


@pytest.mark.parametrize(
    "name",
    ["", "x", "/x", "x/", "a/b/", "../x", "a/..", "a/b@", "a/b@..", "a/b@x/../y", "a/b@-x", "a b/c", "a--b/c",
     "a/b/c.bin", "a/b/../c.gguf", "a/b//c.gguf", "a/b/.gguf/../../x.gguf", "a/b\\c", "https://huggingface.co/a/b",
     "-a/b", "a/b.", "a/b/x:y.gguf", "a/" + "b" * 200, "a/b@" + "c" * 200, "a/b/x\n.gguf", "模型/x"],
)  # fmt: skip
def test_bad_names(name: str) -> None:
    with pytest.raises(BadValueError, match="organisation/name"):
        parse_name(name)
    assert not is_hub_name(name)


def test_search(hub: HubServer) -> None:
    hub.repos["Qwen/Qwen3-0.6B"] = Repo({}, ("license:apache-2.0", "safetensors"), downloads=5)
    hub.repos["Qwen/Qwen3-0.6B-GGUF"] = Repo({}, ("gguf",), downloads=9, gated=True)
    hub.repos["Helsinki-NLP/opus-mt-zh-en"] = Repo({}, ("license:cc-by-4.0",), pipeline_tag="translation")
    first, second = search_hub("qwen3")
    assert (first.id, first.downloads, first.has_gguf, first.gated) == ("Qwen/Qwen3-0.6B-GGUF", 9, True, True)
    assert (second.license, second.has_safetensors, second.has_gguf) == ("apache-2.0", True, False)
    assert [model.id for model in search_hub("", kind="seq2seq")] == ["Helsinki-NLP/opus-mt-zh-en"]
    assert [model.id for model in search_hub("", kind="gguf")] == ["Qwen/Qwen3-0.6B-GGUF"]
    assert len(search_hub("", limit=1)) == 1
    assert search_hub("nothing of that name") == ()
    assert {headers["User-Agent"] for headers in hub.headers} == {"playground"}


@pytest.mark.parametrize("bad", [{"kind": "cat"}, {"limit": 0}, {"limit": 1000}])
def test_search_refuses(hub: HubServer, bad: dict[str, Any]) -> None:
    with pytest.raises(BadValueError, match=r"kind|limit"):
        search_hub("x", **bad)
    assert hub.asked == []


def test_offline_asks_nobody(hub: HubServer) -> None:
    with pytest.raises(MissingError, match="--offline"):
        search_hub("x", offline=True)
    with pytest.raises(MissingError, match="--offline"):
        list_repository("a/b", offline=True)
    assert hub.asked == []


def test_server_trouble_passes(hub: HubServer) -> None:
    hub.api_statuses = [500, 503, 429]
    assert search_hub("x") == ()
    hub.api_statuses = [500] * 6
    with pytest.raises(MissingError, match=r"The Hub answers with error 500, also after 5 more tries.*try again"):
        search_hub("x")


def test_nobody_or_somebody_else_there(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for address, words in (("http://127.0.0.1:9", "cannot be reached"), (hub.url + "/nowhere", "error 404")):
        monkeypatch.setenv("HF_ENDPOINT", address)
        with pytest.raises(MissingError, match=f"{words}.*HF_ENDPOINT"):
            search_hub("x")
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    hub.page = b"<html>log in to the hotel's wifi</html>"
    with pytest.raises(MissingError, match="is not the Hub or a mirror"):
        search_hub("x")


def test_list_of_files(hub: HubServer) -> None:
    repo = hub.repos["org/name"] = Repo({"config.json": b"{}", "model.safetensors": noise(20_000), "../evil": b"x"})
    found = list_repository("org/name")
    assert (found.commit, found.license) == (repo.commit, "mit")
    small, large = found.files
    assert (small.path, small.size, small.sha256, len(small.git_sha1)) == ("config.json", 2, "", 40)
    assert (large.path, large.size, len(large.sha256)) == ("model.safetensors", 20_000, 64)
    assert list_repository(f"org/name@{repo.commit}").commit == repo.commit


def test_repositories_that_are_not_there(hub: HubServer) -> None:
    hub.repos["org/name"] = Repo({})
    with pytest.raises(MissingError, match=r"gated or private, or does not exist.*HF_TOKEN"):
        list_repository("org/other")
    with pytest.raises(MissingError, match=r"no org/name with the revision v9.*Check the name"):
        list_repository("org/name@v9")


def repository(*paths: str, file: str = "") -> Repository:
    return Repository(HubName("o/n", "main", file), COMMIT, "mit", tuple(HubFile(path, 7) for path in paths))


def paths(found: tuple[HubFile, ...]) -> set[str]:
    return {file.path for file in found}


def test_choice_of_safetensors() -> None:
    wanted = {
        "config.json", "generation_config.json", "tokenizer.json", "merges.txt", "chat_template.jinja",
        "tokenizer.model", "model.safetensors.index.json", "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors", "LICENSE",
    }  # fmt: skip
    others = {
        "pytorch_model.bin", "pytorch_model.bin.index.json", "modeling_x.py", "consolidated.safetensors", "tf_model.h5",
        "original/model.safetensors", "onnx/model.onnx", "README.md", "x-Q4_K_M.gguf", ".gitattributes",
        "model.fp16.safetensors",
    }  # fmt: skip
    assert paths(choose(repository(*wanted, *others), allow_pickle=True)) == wanted
    assert paths(choose(repository("config.json", "w.safetensors"), allow_pickle=False)) == {
        "config.json",
        "w.safetensors",
    }


def test_choice_of_a_pickle_needs_consent() -> None:
    marian = {"config.json", "pytorch_model.bin", "source.spm", "target.spm", "vocab.json", "tokenizer_config.json"}
    found = repository(*marian, "rust_model.ot", "tf_model.h5", "training_args.bin")
    with pytest.raises(PickleRefused, match=r"o/n has its weights only as a pickle.*--allow-pickle"):
        choose(found, allow_pickle=False)
    assert paths(choose(found, allow_pickle=True)) == marian


def test_choice_of_a_gguf_file() -> None:
    files = [
        "x-Q4_K_M.gguf",
        "x-Q8_0.gguf",
        "mmproj-x.gguf",
        "b/x-BF16-00001-of-00002.gguf",
        "b/x-BF16-00002-of-00002.gguf",
    ]
    with pytest.raises(BadValueError, match=r"Choose one: Q4_K_M .*o/n/x-Q4_K_M.gguf; Q8_0 .*BF16"):
        choose(repository(*files), allow_pickle=True)
    with pytest.raises(BadValueError, match=r"no file y\.gguf. Choose one: Q4_K_M"):
        choose(repository(*files, file="y.gguf"), allow_pickle=True)
    assert paths(choose(repository(*files, file="x-Q8_0.gguf"), allow_pickle=False)) == {"x-Q8_0.gguf"}
    for part in files[3:]:
        assert paths(choose(repository(*files, file=part), allow_pickle=False)) == set(files[3:])
    with pytest.raises(ModelError, match="in 2 parts, of which the Hub has only 1"):
        choose(repository(*files[:4], file=files[3]), allow_pickle=False)
    offers = quantizations(repository(*files).files)
    assert [(offer.label, offer.file, offer.size) for offer in offers] == [
        ("Q4_K_M", "x-Q4_K_M.gguf", 7), ("Q8_0", "x-Q8_0.gguf", 7), ("BF16", "b/x-BF16-00001-of-00002.gguf", 14),
    ]  # fmt: skip


@pytest.mark.parametrize("files", [(), ("README.md",), ("model.safetensors",), ("config.json", "model.onnx")])
def test_no_model_in_it(files: tuple[str, ...]) -> None:
    with pytest.raises(ModelError, match="no model that can be used"):
        choose(repository(*files), allow_pickle=True)
