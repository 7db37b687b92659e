"""Sentences picked without a model: whole, of prose, no two alike, in order; and long documents in two steps."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from playground.documents import Block, Document
from playground.languages import count_words
from playground.store.run_values import RunDocument
from playground.summarize import extractive
from playground.summarize.extractive import pick
from playground.summarize.reading import kept_blocks
from playground.summarize.terms import Index

RIVER = (
    "The river brings water to the fields of the valley in every season of the year. "
    "The fields of the valley live by the water that the river brings in spring. "
    "Without water from the river, no grain would grow in the fields of the valley. "
    "My uncle once wore a green hat at a wedding in another country. "
    "The mills of the valley are driven by the water of the river, too. "
)
CHINESE = (
    "这条河在每个季节都为山谷的田野带来水源和肥沃的黑土。山谷的田野依靠春天河水带来的水源生长粮食。"
    "如果没有这条河的水源，山谷的田野就长不出任何粮食。我的叔叔曾经戴着绿色的帽子参加婚礼。太短了。"
)


def document(*blocks: Block, language: str = "en") -> RunDocument:
    whole = Document("d", "text/plain", tuple(blocks))
    return RunDocument("d", "text/plain", 1, "", None, (), language, whole.text(), kept_blocks(whole))


def prose(text: str, language: str = "en") -> RunDocument:
    return document(Block("paragraph", text), language=language)


def texts(found: Sequence[tuple[int, int, int]], *documents: RunDocument) -> list[str]:
    return [documents[number].text[start:end] for number, start, end in found]


def test_what_many_sentences_say_is_picked_and_what_one_says_is_not() -> None:
    one = prose(RIVER)
    said = texts(pick([one], 32, None), one)
    assert len(said) == 2
    assert all("river" in sentence and sentence.endswith(".") and sentence[0].isupper() for sentence in said)
    assert not any("green hat" in sentence for sentence in said)


def test_chinese_is_picked_by_its_own_marks_and_lengths() -> None:
    one = prose(CHINESE, "zh")
    said = texts(pick([one], 50, None), one)
    assert said
    assert all("田野" in sentence and sentence.endswith("。") for sentence in said)


def test_all_that_can_be_picked_is_when_much_is_wanted_but_no_two_alike() -> None:
    one = prose(RIVER + RIVER)
    said = texts(pick([one], 10_000, None), one)
    assert len(said) == len(set(said)) == 5


def test_only_whole_sentences_of_prose_are_picked() -> None:
    good = "The installer asks for the language of the new system before anything else."
    blocks = [
        Block("heading", "The installer asks for the language of the new system.", level=1),
        Block("code", "The installer asks for the language of the new system."),
        Block("table", "| The installer asks for the language | of the new system. |"),
        Block("list", f"- language\n- the keyboard, and the country\n- {good}"),
        Block("paragraph", "The installer asks for the language of the new system:"),
        Block("paragraph", "The installer asks for the language of the new system and then"),
        Block("paragraph", "asks for the language of the new system and for more."),
        Block("paragraph", "Run /usr/sbin/installer --language=en_US.UTF-8 --x=1,2,3,4,5 | 77 88 99 -n -v -q 0x17."),
        Block("paragraph", "Too short it is."),
    ]
    one = document(*blocks)
    assert texts(pick([one], 500, None), one) == [good]


def test_a_sentence_that_a_name_seems_to_end_is_no_whole_one() -> None:
    text = "更多的信息可以在系统的说明文件中找到，请阅读 README.Debian 文件以了解这个系统的安装步骤。"
    one = prose(text, "zh")
    assert texts(pick([one], 100, None), one) in ([], [text])


@pytest.mark.parametrize("blocks", [(), (Block("code", "x = 1"),), (Block("heading", "A title.", level=1),)])
def test_where_there_is_no_prose_nothing_is_picked(blocks: tuple[Block, ...]) -> None:
    assert pick([document(*blocks)], 100, None) == []


def test_several_documents_are_picked_from_in_order() -> None:
    two = prose(RIVER.replace("river", "canal").replace("valley", "plain"))
    documents = [prose(RIVER), two]
    found = pick(documents, 60, None)
    assert found == sorted(found)
    assert {number for number, _, _ in found} == {0, 1}


def test_a_text_without_blocks_is_prose() -> None:
    one = RunDocument("d", "text/plain", 1, "", None, (), "en", RIVER, ())
    assert pick([one], 30, None) == pick([prose(RIVER)], 30, None)


def test_meaning_counts_where_it_is_there() -> None:
    one = prose(
        "Cats sleep for most of the day in warm places. Kittens doze in the sun until it is evening. "
        "Old felines rest wherever a stove is lit. The treaty was signed by both of the kings."
    )

    def embed(told: Sequence[str]) -> NDArray[np.float32]:
        return np.array([[1, 0, 0.1] if "treaty" not in text else [0, 1, 0.1] for text in told], dtype=np.float32)

    assert "treaty" not in " ".join(texts(pick([one], 10, embed), one))


def long_document(sections: int) -> RunDocument:
    blocks = []
    for number in range(sections):
        blocks.append(Block("heading", f"Part {number}", level=1))
        name = f"mill{'abcdefghij'[number % 10]}"
        said = [
            f"The {name} of village {number} grinds the grain of year {year} for its {year % 7} families."
            for year in range(8)
        ]
        blocks.append(Block("paragraph", f"Every village of the valley has a mill like {name}. " + " ".join(said)))
    return document(*blocks)


def test_long_documents_go_in_two_steps_and_never_compare_all(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[int] = []
    likeness = extractive._likeness

    def counted(sentences: Sequence[extractive._Sentence], index: Index) -> NDArray[np.float32]:
        compared.append(len(sentences))
        return likeness(sentences, index)

    monkeypatch.setattr(extractive, "_likeness", counted)
    one = long_document(400)
    found = pick([one], 300, None)
    assert sum(compared[:-1]) == 3600
    assert max(compared[:-1]) <= extractive._PART
    assert 0 < compared[-1] < 1000
    words = sum(count_words(text, "en") for text in texts(found, one))
    assert 200 < words <= 330


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["paragraph", "list", "heading", "code", "table"]),
            st.lists(st.sampled_from([*"abcA 中文。.!?\n-|1", "The cat sat on the mat again. "])).map("".join),
        ),
        max_size=8,
    ),
    st.integers(1, 200),
    st.sampled_from(["en", "zh", ""]),
)
def test_what_is_picked_stands_whole_in_the_text(blocks: list[tuple[str, str]], wanted: int, language: str) -> None:
    kinds = [Block(kind, text, level=1 if kind == "heading" else 0) for kind, text in blocks]  # type: ignore[arg-type]
    one = document(*kinds, language=language)
    found = pick([one], wanted, None)
    assert found == sorted(set(found))
    assert all(one[2] <= two[1] for one, two in pairwise(found))
    for _, start, end in found:
        said = one.text[start:end]
        assert said == said.strip()
        block = one.block_of(start)
        assert block is not None
        assert block[0] in ("paragraph", "list")
        assert block == one.block_of(end - 1)
