"""Parts that joined are the text, none over its budget, cut where a person would: by Hypothesis, and by hand."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.documents import Block, Document
from playground.documents.values import BlockKind
from playground.sentences import sentence_ends
from playground.summarize.reading import kept_blocks
from playground.summarize.splitting import Span, breaks_of, split

_WORDS = [
    "Debian",
    "installs",
    "3.5",
    "e.g.",
    "Dr.",
    "快速",
    "安装指南",
    "。",
    "！",
    "，",
    "x" * 40,
    "café",
    "👩‍👩‍👧",
    "ก็",
]
_TEXT = st.lists(st.sampled_from([*_WORDS, ". ", "\n", "\n\n", " ", "? ", "| a | b |\n", "    code()\n"]), max_size=120)
_KINDS: list[BlockKind] = ["heading", "paragraph", "list", "table", "code"]


def by_words(text: str) -> int:
    """Like a tokenizer: a token for each word piece of four letters, each wide character, each sign; and a template."""
    return 7 + len(re.findall(r"[^\W\u4e00-\u9fff]{1,4}|[\u4e00-\u9fff]|[^\w\s]|\n", text))


def by_bytes(text: str) -> int:
    """A token for each byte, as for a tokenizer that never saw this script."""
    return len(text.encode())


def check(text: str, spans: list[Span], count: Callable[[str], int], budget: int) -> None:
    """What must hold of all parts."""
    assert "".join(text[span.start : span.end] for span in spans) == text
    assert [span.start for span in spans[1:]] == [span.end for span in spans[:-1]]
    assert all(span.end > span.start for span in spans)
    assert all(count(text[span.start : span.end].rstrip()) <= budget for span in spans)


def document(blocks: list[tuple[BlockKind, str]]) -> Document:
    """A document of these blocks; headings are of level 2."""
    return Document("a", "text/plain", tuple(Block(kind, text, 2 if kind == "heading" else 0) for kind, text in blocks))


@given(_TEXT.map("".join), st.integers(40, 400), st.sampled_from([by_words, by_bytes]), st.sampled_from(["en", "zh"]))
def test_parts_of_any_text_give_it_back_and_fit(
    text: str, budget: int, count: Callable[[str], int], language: str
) -> None:
    check(text, split(text, breaks_of(text, (), language), count, budget), count, budget)


@given(
    st.lists(st.tuples(st.sampled_from(_KINDS), _TEXT.map("".join).filter(str.strip)), max_size=12),
    st.integers(40, 400),
    st.integers(0, 500),
)
def test_parts_of_any_document_give_it_back_and_fit(
    blocks: list[tuple[BlockKind, str]], budget: int, target: int
) -> None:
    found = document(blocks)
    check(
        found.text(),
        split(found.text(), breaks_of(found.text(), kept_blocks(found), "en"), by_words, budget, target),
        by_words,
        budget,
    )


@given(st.text(max_size=300), st.sampled_from(["en", "zh", "ja", "xx"]))
def test_sentences_are_the_whole_text(text: str, language: str) -> None:
    ends = sentence_ends(text, language)
    assert ends == sorted(set(ends))
    assert (ends[-1] if ends else 0) == len(text)


@pytest.mark.parametrize("text", ["word " * 200_000, "x" * 1_000_000, "长句没有标点" * 170_000, "a,b;c: " * 150_000])
def test_one_line_of_a_megabyte(text: str) -> None:
    spans = split(text, breaks_of(text, (), "en"), by_words, 2000)
    check(text, spans, by_words, 2000)
    assert len(spans) < 1.3 * by_words(text) / 2000 + 2
    assert all(span.torn for span in spans[:-1])


def test_a_sentence_is_not_torn_that_would_fit() -> None:
    sentence = "Nine words stand in each of these short sentences. "
    text = sentence * 100
    spans = split(text, breaks_of(text, (), "en"), by_words, 100)
    assert not any(span.torn for span in spans)
    assert all((span.end - span.start) % len(sentence) == 0 for span in spans)


def test_a_heading_stays_with_what_it_is_of() -> None:
    found = document([("heading" if n % 4 == 0 else "paragraph", f"Words of block {n} are here.") for n in range(40)])
    text = found.text()
    spans = split(text, breaks_of(found.text(), kept_blocks(found), "en"), by_words, 80)
    assert len(spans) > 3
    assert all(text[span.start :].startswith("## ") for span in spans)


def test_chinese_is_cut_behind_its_own_full_stops() -> None:
    text = "安装程序会检测硬件。请选择语言！要继续吗？" * 50
    spans = split(text, breaks_of(text, (), "zh"), by_words, 90)
    assert all(text[span.end - 1] in "。！？" for span in spans)
    assert not any(span.torn for span in spans)


def test_parts_are_of_about_the_same_size() -> None:
    text = "".join(f"Sentence number {n} says something of its own. " for n in range(300))
    sizes = [by_words(text[one.start : one.end]) for one in split(text, breaks_of(text, (), "en"), by_words, 2000)]
    assert len(sizes) > 1
    assert min(sizes) > 0.7 * max(sizes)


def test_empty_pages_make_no_parts() -> None:
    text = "One. " + "\n" * 5000 + "Two."
    spans = split(text, breaks_of(text, (), "en"), by_bytes, 100)
    check(text, spans, lambda one: by_bytes(one.strip()), 100)
    assert all(text[span.start : span.end].strip() for span in spans)


def test_where_nothing_fits_it_says_so() -> None:
    with pytest.raises(ValueError, match="not even one character"):
        split("text", breaks_of("text", (), "en"), by_words, 5)


def test_no_character_is_torn_from_its_accents() -> None:
    text = "e\u0301" * 500 + "👩\u200d👩\u200d👧" * 200
    for span in split(text, breaks_of(text, (), "en"), by_bytes, 60):
        assert not text[span.start].startswith(("\u0301", "\u200d"))
