"""Links of a summary's sentences to passages: by words, by meaning, and how sure they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from playground.store.run_values import Node, RunDocument
from playground.summarize.linking import Linker

SENTENCES = [
    "The miller of the valley grinds the grain of eleven villages.",
    "In winter the wheel is frozen and nobody can work.",
    "His daughter has written down the price of flour since 1987.",
    "Carts come over the bridge on every Monday of the year.",
]
NEAR = {"Cold weather stops all labour.": 1, "She kept accounts for decades.": 2}


def document(sentences: Sequence[str], language: str = "en") -> RunDocument:
    text = " ".join(sentences)
    return RunDocument("d", "text/plain", 1, "", None, (), language, text, (("paragraph", 0, None, 0),))


def said(linker: Linker, sentence: str, one: RunDocument) -> list[str]:
    return [one.text[link.passage.start : link.passage.end].strip() for link in linker.links(sentence)]


def embedder(usual: float) -> Callable[[Sequence[str]], NDArray[np.float32]]:
    """A model in which any two texts have `usual` in common, and those of NEAR their passage's direction."""

    def embed(texts: Sequence[str]) -> NDArray[np.float32]:
        vectors = np.zeros((len(texts), 2 + len(SENTENCES)), dtype=np.float32)
        vectors[:, 0] = np.sqrt(usual)
        for row, text in enumerate(texts):
            places = [at for at, one in enumerate(SENTENCES) if one == text.strip()] or [len(SENTENCES)]
            where = NEAR.get(text, places[0])
            vectors[row, 1 + where] = np.sqrt(1 - usual)
        return vectors

    return embed


def test_what_is_said_in_the_same_words_is_found_and_strong() -> None:
    one = document(SENTENCES)
    linker = Linker([one], [], None)
    for sentence in SENTENCES:
        assert said(linker, sentence, one)[0] == sentence
        assert linker.links(sentence)[0].strong
    (link, *_) = linker.links("Since 1987 the price of flour was written down.")
    assert one.text[link.passage.start : link.passage.end].strip() == SENTENCES[2]


def test_a_long_passage_is_not_found_for_the_many_words_it_has() -> None:
    long = (
        "For the sake of all of the people who are not at home in the town, and of those that come to it in order to, "
        "the council has decided that it is to be as it was."
    )
    one = document([long, "In winter the mill is still.", *SENTENCES[2:]])
    assert said(Linker([one], [], None), "In the winter the mill is not at work.", one)[0].startswith("In winter")


@pytest.mark.parametrize("usual", [0.1, 0.8], ids=["a model like MiniLM", "one that finds all texts alike, like e5"])
def test_meaning_finds_what_has_no_word_in_common_whatever_the_model_takes_for_near(usual: float) -> None:
    one = document(SENTENCES)
    linker = Linker([one], [], embedder(usual))
    for sentence, at in NEAR.items():
        assert said(linker, sentence, one)[0] == SENTENCES[at]
    (link, *_) = linker.links("A comet was seen from Chile.")
    assert link.score < 0.2
    assert not link.strong


def test_a_model_that_tells_nothing_apart_does_no_harm() -> None:
    one = document([SENTENCES[0]])
    linker = Linker([one], [], lambda texts: np.ones((len(texts), 1), dtype=np.float32))
    assert said(linker, "The miller grinds.", one) == [SENTENCES[0]]


def test_the_notes_of_a_part_lead_to_its_passages_when_the_words_are_others() -> None:
    one = document(SENTENCES)
    cut = one.text.index(SENTENCES[2])
    parts = [
        Node(0, 0, "part", 0, 0, cut, text="磨坊主为村庄磨粮食。"),
        Node(0, 1, "part", 0, cut, len(one.text), text="女儿记录了面粉的价格。"),
    ]
    assert set(said(Linker([one], parts, None), "面粉的价格由女儿记录。", one)) <= set(SENTENCES[2:])


def test_without_any_text_there_is_no_link() -> None:
    assert Linker([document([])], [], None).links("The miller grinds.") == []
