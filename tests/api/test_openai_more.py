"""Vectors, translations and summaries over HTTP."""

from __future__ import annotations

import base64
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import openai
import pytest

from playground.access.quota import tokens_in
from playground.engine.library import model_file
from playground.engine.turns import Ticket, Turns
from playground.errors import StorageError
from playground.paths import DataFolder
from playground.presets import model_preset
from playground.store.access_values import Limits
from playground.store.runs import Runs
from playground.store.translation_values import Unit
from tests.api.serving import Api, served
from tests.engine.test_embedding import put, tiny

__all__ = ["tiny"]
IDENTITY = "echo-opus_mt_en_fr"
"""The echo engine as a model from English to French, which its name says."""
TEXT = "The harbour lies in the south of the town.\n\nIt has 3 ships and a mill."
ENGLISH = "all-minilm-l6-v2"


@pytest.fixture(scope="module")
def translating(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with served(tmp_path_factory.mktemp("translating") / "data", IDENTITY) as made:
        yield made
        made.idle()


def post(api: Api, path: str, status: int = 200, **sent: Any) -> Any:
    with api.http() as http:
        answer = http.post(path, json=sent)
    assert answer.status_code == status, answer.text
    return answer.json()


def test_a_translation(translating: Api) -> None:
    made = post(translating, "/v1/translate", text=TEXT, target="fr")
    assert (made["text"], made["source"], made["target"], made["model"]) == (TEXT, "en", "fr", IDENTITY)
    assert {one["kind"] for one in made["doubts"]} == {"untranslated"}
    assert "untranslated" not in made
    assert post(translating, "/v1/translate", text=TEXT, target="fr", source="en", model=IDENTITY) == made
    said = post(translating, "/v1/translate", 404, text=TEXT, target="fr", model="qwen3-8b")["error"]
    assert "Qwen3 8B is not on this machine" in said["message"]


def limited(api: Api, path: str, tokens: int, **sent: Any) -> tuple[int, int]:
    """The status of an answer to a key of so many tokens, and what was spent."""
    with api.client(limits=Limits(tokens_per_hour=tokens)) as client, api.http(client.api_key) as http:
        answer = http.post(path, json=sent)
        return answer.status_code, api.quota(api.kept(client)).used()[1]


def test_a_translation_ends_when_its_tokens_are_used_up(translating: Api) -> None:
    text = "\n\n".join(f"The harbour took in {n} ships that year." for n in range(60))
    whole = 2 * tokens_in(text)
    assert limited(translating, "/v1/translate", 10, text=text, target="fr")[0] == 429
    status, spent = limited(translating, "/v1/translate", tokens_in(text) + 100, text=text, target="fr")
    assert status == 429
    assert spent < whole - 200
    assert limited(translating, "/v1/translate", whole * 2, text=text, target="fr") == (200, whole)


def test_a_summary_ends_when_its_tokens_are_used_up(tmp_path: Path) -> None:
    text = "The harbour lies in the south of the town. It has three ships and a mill. " * 1200
    with served(tmp_path / "data", "echo@40") as api:
        status, spent = limited(api, "/v1/summarize", 50, text=text)
        assert status == 429
        assert 50 <= spent < 2 * tokens_in(text)
        api.idle()


def test_vectors_end_when_their_tokens_are_used_up(tmp_path: Path, tiny: Path) -> None:
    put(ENGLISH, tiny, DataFolder(tmp_path / "data"))
    with served(tmp_path / "data", device="cpu") as api:
        status, spent = limited(api, "/v1/embeddings", 10, model=ENGLISH, input=["the cat sat on the mat"] * 200)
        assert status == 429
        assert spent == 64 * tokens_in("the cat sat on the mat"), "one slice"


def test_the_owners_memory_stays_the_owners(translating: Api) -> None:
    memory = translating.services.translations.memory
    memory.keep([Unit(0, "en", "fr", "It has 3 ships and a mill.", "SECRET", "", "", 0.0, 0.0)])
    assert post(translating, "/v1/translate", text=TEXT, target="fr")["text"] == TEXT
    assert translating.services.translations.store.list(10) == []


def test_what_could_not_be_translated_is_told(translating: Api) -> None:
    made = post(translating, "/v1/translate", text=f"{TEXT}\n\nThis /fail is not possible here.", target="fr")
    assert made["untranslated"] == 1
    error = post(translating, "/v1/translate", 503, text="This /fail is not possible here.", target="fr")["error"]
    assert error["code"] == "model_failed"


def test_a_summary(api: Api) -> None:
    made = post(api, "/v1/summarize", text=TEXT, length=40, style="bullets", language="fr")
    assert "ships" in made["summary"]
    assert "40 words" in made["summary"], "the echo engine says what it was told"
    assert "French" in made["summary"]
    assert (made["model"], made["style"], made["read_percent"]) == ("echo", "bullets", 100.0)
    assert {"kind": "number", "text": "40"}.items() <= made["doubts"][0].items()
    assert made["usage"]["total_tokens"] == made["usage"]["prompt_tokens"] + made["usage"]["completion_tokens"] > 0
    assert post(api, "/v1/summarize", text=TEXT, length="50 %")["style"] == "paragraph"


def test_a_summary_leaves_nothing_behind(api: Api) -> None:
    post(api, "/v1/summarize", text=TEXT)
    assert api.services.summaries.runs.runs() == []
    assert list((api.folder / "cache" / "api").iterdir()) == []


def test_a_summary_spends_what_it_took(api: Api) -> None:
    with api.client() as client:
        headers = {"Authorization": f"Bearer {client.api_key}"}
        answer = httpx.post(f"{api.url}/v1/summarize", json={"text": TEXT}, headers=headers, timeout=60)
        used = api.quota(api.kept(client)).used()
    assert used == (1, answer.json()["usage"]["total_tokens"], 0)


def test_what_a_killed_app_left_is_deleted(tmp_path: Path) -> None:
    left = tmp_path / "data" / "cache" / "api" / "tmpx"
    left.mkdir(parents=True)
    (left / "summary.db").write_text("SECRET")
    with served(tmp_path / "data"):
        assert not left.exists()


def test_a_model_that_compares_texts_must_be_here(api: Api) -> None:
    with api.client() as client:
        for name in (ENGLISH, "echo"):
            with pytest.raises(openai.NotFoundError, match="Models tab"):
                client.embeddings.create(model=name, input="x")


@pytest.mark.real_model
def test_vectors(minilm_folder: Path, tmp_path: Path) -> None:
    there = model_file(model_preset(ENGLISH), DataFolder(tmp_path / "data"))
    shutil.copytree(minilm_folder, there, copy_function=_linked)
    with served(tmp_path / "data") as api, api.client() as client:
        assert {one.id for one in client.models.list()} == {"echo", ENGLISH}
        texts = ["Save your files first.", "Make a backup.", "The cat sleeps."]
        made = client.embeddings.create(model=ENGLISH, input=texts, encoding_format="float")
        assert [one.index for one in made.data] == [0, 1, 2]
        vectors = np.array([one.embedding for one in made.data])
        assert vectors.shape == (3, 384)
        assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2]
        alone = client.embeddings.create(model=ENGLISH, input=texts[0]).data[0].embedding  # The client asks for base64.
        assert np.allclose(alone, vectors[0], atol=1e-5)
        with api.http() as http:
            sent = {"model": ENGLISH, "input": texts[0], "encoding_format": "base64"}
            raw = http.post("/v1/embeddings", json=sent).json()["data"][0]["embedding"]
        assert np.allclose(np.frombuffer(base64.b64decode(raw), "<f4"), vectors[0], atol=1e-5)
        with pytest.raises(openai.BadRequestError, match="compares texts"):
            client.chat.completions.create(model=ENGLISH, messages=[{"role": "user", "content": "x"}])


def _linked(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy(source, target)


def test_a_full_disk_ends_a_summary(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would wait for room, as a person does; a program hears of it, and its place is free again."""

    def full(*_: object) -> None:
        raise StorageError("The disk that holds /home/ada/runs.db is full. Free some space.")

    monkeypatch.setattr(Runs, "plan", full)
    monkeypatch.setattr(Runs, "set_status", full_after_the_beginning(Runs.set_status))
    answer = post(api, "/v1/summarize", 503, text=TEXT)
    assert answer["error"]["code"] == "storage"
    assert "/home/ada" not in answer["error"]["message"]
    api.idle()


def full_after_the_beginning(set_status: Callable[..., None]) -> Callable[..., None]:
    def some(runs: Runs, run_id: str, status: str, error: str = "", **more: Any) -> None:
        if status != "running":
            raise StorageError("The disk that holds /home/ada/runs.db is full. Free some space.")
        set_status(runs, run_id, status, error, **more)

    return some


def test_all_of_a_program_stands_in_line_as_the_program(translating: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    tickets: list[Ticket] = []
    really = Turns.begin

    def begin(turns: Turns, ticket: Ticket) -> None:
        tickets.append(ticket)
        really(turns, ticket)

    monkeypatch.setattr(Turns, "begin", begin)
    with translating.client() as client, translating.http(client.api_key) as http:
        key = translating.kept(client)
        assert http.post("/v1/translate", json={"text": TEXT, "target": "fr"}).status_code == 200
        assert http.post("/v1/summarize", json={"text": TEXT}).status_code == 200
    assert len(tickets) >= 3
    assert {one.who for one in tickets} == {key.id}
