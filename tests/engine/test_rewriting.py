"""Many texts at once: the same as one by one, several ways of each, and which word stands for which."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from playground.engine.base import ModelSource
from playground.engine.ctranslate2_engine import CTranslate2Engine
from playground.engine.rewriting import Link, links_of, words_of
from playground.errors import ContextError, ModelError
from tests.engine import seq2seq

TEXTS = ["Tell me a story.", "A dog.", "The long story of a small dog in the big house."]
PAIR = ("en", "fr")


def load(folder: Path, cache: Path, **changes: Any) -> CTranslate2Engine:
    return CTranslate2Engine(ModelSource("tiny", folder, **{"threads": 2, "cache": cache, **changes}))


@pytest.fixture(scope="module")
def engine(tiny_marian: Path, conversion_cache: Path) -> CTranslate2Engine:
    return load(tiny_marian, conversion_cache, precision="fp32")


def generated(engine: CTranslate2Engine, folder: Path, text: str) -> str:
    """What transformers makes of a text with a beam of 4."""
    import torch
    import transformers

    library: Any = transformers
    model = library.AutoModelForSeq2SeqLM.from_pretrained(folder)
    known = engine._tokenizer(text, return_tensors="pt")
    with torch.inference_mode():
        tokens = model.generate(**known, num_beams=4, do_sample=False, max_length=512)
    return str(engine._tokenizer.decode(tokens[0], skip_special_tokens=True)).strip()


def test_a_beam_writes_what_transformers_writes(engine: CTranslate2Engine, tiny_marian: Path) -> None:
    ours = [ways[0].text[:80] for ways in engine.rewrite(TEXTS, PAIR)]  # It goes round in circles afterwards.
    assert ours == [generated(engine, tiny_marian, text)[:80] for text in TEXTS]


def test_a_batch_says_the_same_as_one_by_one(engine: CTranslate2Engine) -> None:
    alone = [engine.rewrite([text], PAIR)[0][0].text for text in TEXTS]
    assert [ways[0].text for ways in engine.rewrite(TEXTS, PAIR)] == alone


def test_several_ways_come_best_first_with_their_scores(engine: CTranslate2Engine) -> None:
    for ways in engine.rewrite(TEXTS, PAIR, num_hypotheses=4):
        assert len({way.text for way in ways}) > 1
        scores = [way.score for way in ways]
        assert scores == sorted(scores, reverse=True)
        assert all(score < 0 for score in scores)


def test_links_lead_from_words_to_words(engine: CTranslate2Engine) -> None:
    for text, ways in zip(TEXTS, engine.rewrite(TEXTS, PAIR, align=True), strict=True):
        (way,) = ways
        assert way.links
        ends = [link.end for link in way.links]
        assert ends == sorted(ends)
        for link in way.links:
            assert 0 <= link.start < link.end <= len(way.text)
            assert 0 <= link.source_start < link.source_end <= len(text)
            assert text[link.source_start : link.source_end].strip()


def test_nothing_is_asked_of_nothing(engine: CTranslate2Engine) -> None:
    assert engine.rewrite([], PAIR) == []


def test_a_text_that_is_too_long_is_told(tmp_path: Path, conversion_cache: Path) -> None:
    short = load(seq2seq.marian(tmp_path / "short", 32), conversion_cache)
    with pytest.raises(ContextError):
        short.rewrite(["a story " * 60], PAIR)
    assert short.rewrite(["A dog."], PAIR)[0][0].text is not None


def test_madlad_is_told_the_language_in_its_text(tmp_path: Path, conversion_cache: Path) -> None:
    madlad = load(seq2seq.t5(tmp_path / "madlad", ("en", "fr", "zh")), conversion_cache)
    found = madlad.rewrite(TEXTS, ("en", "zh"), align=True)
    assert len(found) == 3
    for text, (one,) in zip(TEXTS, found, strict=True):  # The token of the language is no word of the text.
        assert all(0 <= link.source_start <= link.source_end <= len(text) for link in one.links)
    with pytest.raises(ModelError, match="does not know the language 'xx'"):
        madlad.rewrite(TEXTS, ("en", "xx"))


@pytest.mark.parametrize(("nllb", "pair"), [(False, ("en", "fr")), (True, ("eng_Latn", "zho_Hans"))])
def test_a_model_of_many_languages_is_told_which(
    tmp_path: Path, conversion_cache: Path, nllb: bool, pair: tuple[str, str]
) -> None:
    many = load(seq2seq.m2m100(tmp_path / "many", nllb=nllb), conversion_cache)
    assert len(many.rewrite(TEXTS, pair, num_hypotheses=2)) == 3
    with pytest.raises(ModelError, match="does not know the language 'xx'"):
        many.rewrite(TEXTS, ("xx", pair[1]))


@pytest.mark.parametrize(
    ("tokens", "text", "places"),
    [
        (["\u2581Hello", "\u2581wor", "ld", "</s>"], "Hello world", [(0, 5), (6, 9), (9, 11), (11, 11)]),
        (["\u2581a", "<unk>", "b"], "a☃b", [(0, 1), (1, 1), (2, 3)]),
        (["\u2581", "你", "好"], "你好", [(0, 0), (0, 1), (1, 2)]),
        ([], "a", []),
    ],
)  # fmt: skip
def test_where_tokens_stand(tokens: Sequence[str], text: str, places: list[tuple[int, int]]) -> None:
    assert words_of(tokens, text) == places


def test_a_token_without_a_place_is_linked_to_nothing() -> None:
    looks = [[0.1, 0.8, 0.1], [0.9, 0.05, 0.05], [0.0, 0.0, 1.0]]
    found = links_of([(0, 3), (4, 7), (7, 7)], [(0, 2), (2, 2), (3, 5)], looks)
    assert found == (Link(0, 2, 4, 7), Link(3, 5, 0, 3))
