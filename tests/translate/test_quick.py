"""A text translated at once: its lines stay, pieces come one by one, what is known needs no model, a stop ends it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from playground.engine.echo_engine import EchoEngine
from playground.engine.lease import LeaseCancelled
from playground.engine.manager import ModelManager
from playground.engine.rewriting import Rewriting
from playground.errors import BadValueError, MissingError, ModelError
from playground.overview import LocalModel
from playground.paths import open_data_folder
from playground.settings import Settings
from playground.store import Database
from playground.store.memory import Memory
from playground.store.translation_values import Unit
from playground.store.translations import Translations
from playground.translate.options import TranslationOptions
from playground.translate.quick import QuickText, translate_text
from playground.translate.service import TranslationService

MODELS = ("echo-opus_mt_en_fr", "echo-opus_mt_fr_de")
STORY = "\n\n".join(f"The harbour of Marstal took in {n} ships that year." for n in range(11, 23))


@pytest.fixture
def service(tmp_path: Path) -> Iterator[TranslationService]:
    """Over the echo engine, with two models that translate every word into itself."""
    folder = open_data_folder(tmp_path / "data")
    manager = ModelManager(Settings(model=MODELS[0], engine="echo"), folder)
    database = Database(folder.database, folder.backups)
    models = [LocalModel(name, name, "", 0) for name in MODELS]
    made = TranslationService(Translations(database), Memory(database), manager, lambda: models, folder.cache / "runs")
    yield made
    made.close()
    manager.close()
    database.close()


def all_of(service: TranslationService, text: str, **options: object) -> list[QuickText]:
    wanted = TranslationOptions.from_mapping({"source": "en", "target": "fr", **options})
    return list(translate_text(service, text, wanted, threading.Event()))


class Otherwise:
    """An engine's `rewrite` that says each text in capitals first, and in three more ways; it counts its calls."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def __call__(self, engine: EchoEngine, texts: Sequence[str], languages: object, **more: object) -> object:
        self.texts += texts
        return [[Rewriting(made, 0.0, 3) for made in (text.upper(), "one", text.upper(), "two")] for text in texts]


@pytest.fixture
def otherwise(monkeypatch: pytest.MonkeyPatch) -> Otherwise:
    """In place of the echo."""
    made = Otherwise()
    monkeypatch.setattr(EchoEngine, "rewrite", lambda self, texts, languages, **more: made(self, texts, languages))
    return made


def test_lines_and_blanks_stay_as_they_are(service: TranslationService, otherwise: Otherwise) -> None:
    text = "  Dear reader,\n\n> the harbour is closed.\n- one ship\n- two ships\n\n* * *\n12\n"
    last = all_of(service, text)[-1]
    assert last.text == text.upper()
    assert last.done == last.total
    assert last.source == "en"
    assert [step.model for step in last.way.steps] == [MODELS[0]]


def test_what_is_wrapped_is_wrapped_again_and_a_doubt_over_the_end_of_a_line_has_no_place(
    service: TranslationService,
) -> None:
    text = (
        "The captain of the harbour kept the books of the year that the storm took\n"
        "away, and nobody could read them after that, because the water had come in\n"
        "through the roof and through the doors of the office for 3 days."
    )
    last = all_of(service, text)[-1]
    assert last.text == text
    assert [(doubt["kind"], doubt["start"], doubt["end"]) for doubt in last.doubts] == [("untranslated", 0, 0)]


def test_pieces_come_from_the_beginning_on(service: TranslationService) -> None:
    pieces = all_of(service, STORY)
    assert len(pieces) > 2
    assert [one.done for one in pieces] == sorted(one.done for one in pieces)
    assert all(STORY.startswith(one.text) for one in pieces)
    assert pieces[-1].text == STORY
    assert {one.total for one in pieces} == {12}


def test_a_sentence_has_other_ways_to_say_it_each_once(service: TranslationService, otherwise: Otherwise) -> None:
    (only,) = all_of(service, "The harbour is closed.")
    assert only.text == "THE HARBOUR IS CLOSED."
    assert only.others == ("one", "two")
    assert all_of(service, "The harbour is closed.\n\nThe ships wait.")[-1].others == ()


def test_what_the_memory_knows_needs_no_model(service: TranslationService, otherwise: Otherwise) -> None:
    service.memory.keep([Unit(0, "en", "fr", "The ships wait.", "Les bateaux attendent.", "", "", 0.0, 0.0)])
    last = all_of(service, "The harbour is closed.\n\nThe ships wait.")[-1]
    assert last.text == "THE HARBOUR IS CLOSED.\n\nLes bateaux attendent."
    assert otherwise.texts == ["The harbour is closed."]
    assert all_of(service, "The ships wait.", memory=False)[-1].text == "THE SHIPS WAIT."


def test_a_glossary_is_kept(service: TranslationService) -> None:
    glossary = service.memory.add_glossary("ships", [{"source": "harbour", "target": "port"}])
    last = all_of(service, "The harbour is closed.", glossaries=[glossary])[-1]
    assert last.text == "The port is closed."
    assert "term" not in {doubt["kind"] for doubt in last.doubts}


def test_doubts_stand_at_their_places_in_the_whole_text(
    service: TranslationService, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = {"The dog barked.": "Le chien aboya.", "He had 12 ships.": "Il avait 13 bateaux."}
    monkeypatch.setattr(
        EchoEngine, "rewrite", lambda self, texts, languages, **more: [[Rewriting(said[one], 0.0, 3)] for one in texts]
    )
    last = all_of(service, "The dog barked.\n\nHe had 12 ships.")[-1]
    places = {last.text[one["start"] : one["end"]]: one["detail"] for one in last.doubts if one["kind"] == "number"}
    assert places == {"": "12", "13": "13"}


def test_two_models_go_one_after_the_other(service: TranslationService) -> None:
    last = all_of(service, STORY, target="de")[-1]
    assert last.text == STORY
    assert [step.model for step in last.way.steps] == list(MODELS)
    chosen = all_of(service, STORY, target="de", model=last.way.name)[-1]
    assert chosen.way == last.way


def test_what_fails_stands_in_its_own_language_with_the_reason(service: TranslationService) -> None:
    last = all_of(service, "The harbour is closed.\n\nThis one must /fail now.")[-1]
    assert last.text == "The harbour is closed.\n\nThis one must /fail now."
    assert len(last.failed) == 1
    assert "told to" in last.failed[0]
    with pytest.raises(ModelError, match="told to"):
        all_of(service, "This one must /fail now.")


def test_a_stop_ends_it(service: TranslationService) -> None:
    stop = threading.Event()
    pieces = translate_text(service, STORY, TranslationOptions(target="fr", source="en"), stop)
    next(pieces)
    stop.set()
    with pytest.raises(LeaseCancelled):
        next(pieces)


@pytest.mark.parametrize(
    ("text", "options", "error", "said"),
    [
        ("12 + 30", {}, BadValueError, "nothing to translate"),
        (
            "The harbour is closed today, and nobody knows why.",
            {"source": "", "target": "en"},
            BadValueError,
            "already",
        ),
        ("Der Hafen ist heute geschlossen.", {"source": "de"}, MissingError, "No model here translates from German"),
        ("Hallo", {"source": ""}, BadValueError, "cannot be told"),
    ],
)
def test_what_cannot_be_done_is_told_at_once(
    service: TranslationService, text: str, options: dict[str, str], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        all_of(service, text, **options)


def test_nothing_is_kept(service: TranslationService) -> None:
    all_of(service, STORY)
    assert service.store.list() == []
    assert service.memory.counts() == {}
