"""Planted numbers, dates and names are marked, true ones are not; marks are orderly for any text."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playground.summarize.claims import Facts, Mark
from tests.summarize.claims_data import Entry, Sentence, read_entries

ENTRIES = read_entries()
_SAID = """
Baker said|Oslo|U.S.|COVID-19|x86-64|C++|/etc/fstab|apt-get|**bold**|# Title|Q:|A:|1.|2)|12|3.5|1,500,000
1.5 million|two thirds|a third of|half an hour|12–15 months|$5|64m|8:15 a.m.|on|in|and|of|to|May
4 June 2019|2019-06-04|30/02/2021|third|the 1990s|19th century|21st|percent|%|km|GB|. |, |。|，|张伟|说
北京|大学|公司|默克尔|三分之二|二〇二四年|十二月三日|第三|百分之|一百二十|1.2亿元|半小时|两|万|千|点|《》
`|@|-|é|İ|ﬁ|１２|²|٣|👩‍👩‍👧|Ⅳ
"""
_PIECES = st.sampled_from([*_SAID.strip().replace("\n", "|").split("|"), "\n", "\u3000", "\u200d"])
_TEXTS = st.one_of(
    st.lists(_PIECES, max_size=25).map(" ".join),
    st.lists(_PIECES, max_size=25).map("".join),
    st.text(max_size=80),
    st.text("0123456789.,:/-–% kMm一二十百万亿点分之年月日", max_size=40),
)


def hits(marks: list[Mark], sentence: Sentence) -> list[bool]:
    """For each fact whether a mark touches it."""
    return [any(mark.start < fact.end and fact.start < mark.end for mark in marks) for fact in sentence.facts]


def share(found: list[bool]) -> float:
    """How many of them, in percent."""
    return 100 * sum(found) / len(found)


def judged(entries: list[Entry], planted: bool) -> list[bool]:
    """Whether it is marked, for each fact."""
    return [
        hit
        for entry in entries
        for facts in [Facts([entry.source])]
        for sentence in (entry.planted if planted else entry.true)
        for hit in hits(facts.missing(sentence.text), sentence)
    ]


@pytest.mark.parametrize("half", [0, 1])
def test_planted_are_marked_and_true_ones_are_not(half: int) -> None:
    entries = ENTRIES[half::2]
    assert share(judged(entries, planted=True)) >= 95
    assert share(judged(entries, planted=False)) <= 5


@pytest.mark.parametrize("language", ["en", "zh"])
def test_so_it_is_in_each_language_of_summaries(language: str) -> None:
    entries = [entry for entry in ENTRIES if entry.languages.endswith(language)]
    assert share(judged(entries, planted=True)) >= 95
    assert share(judged(entries, planted=False)) <= 5


@pytest.mark.parametrize("kind", ["number", "date", "name"])
def test_a_mark_says_what_is_missing(kind: str) -> None:
    said = [
        mark.kind
        for entry in ENTRIES
        for facts in [Facts([entry.source])]
        for sentence in entry.planted
        for fact in sentence.facts
        if fact.kind == kind
        for mark in facts.missing(sentence.text)
        if mark.start < fact.end and fact.start < mark.end
    ]
    right = [one == kind or (kind == "date" and one == "number") for one in said]  # A year alone is a number.
    assert share(right) >= 95


def test_the_text_itself_is_never_marked() -> None:
    for entry in ENTRIES:
        assert Facts([entry.source]).missing(entry.source) == []


@settings(deadline=None)  # the first one reads the lists of words
@given(_TEXTS, _TEXTS)
def test_marks_are_in_the_text_in_order_and_apart(source: str, text: str) -> None:
    marks = Facts([source]).missing(text)
    last = 0
    for mark in marks:
        assert last <= mark.start < mark.end <= len(text)
        last = mark.end


@settings(deadline=None)  # the first one reads the lists of words
@given(_TEXTS)
def test_what_is_copied_is_never_marked(text: str) -> None:
    assert Facts(["Something else, 7 of it.", text]).missing(text) == []


@settings(deadline=None)  # the first one reads the lists of words
@given(
    st.decimals(0, 10**7, places=2).map(lambda value: f"{value.normalize():f}"),
    st.sampled_from(["", " GB", "%", "亿元", " men"]),
)
def test_a_number_in_its_own_words_is_not_marked_and_another_is(number: str, unit: str) -> None:
    facts = Facts([f"It was {number}{unit}, they said."])
    assert facts.missing(f"They said {number}{unit}.") == []
    assert [mark.kind for mark in facts.missing(f"They said 9{number}{unit}.")] == ["number"]


@pytest.mark.parametrize(
    "text",
    [
        "1. Everything is installed\n2) Nothing is left",
        "Q: What is installed?\nA: Everything.",
        "# What Is Installed and Why It Matters\n**Everything** is installed.",
        "- Everything\n- is installed",
        "However, nothing is left. Researchers found nothing; Water was there.",
        "一、全部安装\n二、没有剩余",
    ],
)
def test_numbers_of_lists_labels_and_headings_are_no_claims(text: str) -> None:
    assert Facts(["Everything, nothing. 安装 剩余"]).missing(text) == []


@pytest.mark.parametrize(
    ("said", "marked"),
    [
        ("USB is used.", "USB"),
        ("It fights COVID-21.", "COVID-21"),
        ("It runs on x86-32.", "x86-32"),
        ("See /etc/passwd for it.", "/etc/passwd"),
        ("It needs C++.", ""),
        ("COVID-19 is old.", ""),
        ("Edit /etc/fstab with GPT-4.", ""),
        ("Louis XVI ruled.", "Louis XVI"),
    ],
)
def test_what_has_signs_inside_is_looked_for_as_a_whole(said: str, marked: str) -> None:
    facts = Facts(["COVID-19 and GPT-4; x86-64 code in C++ reads /etc/fstab. Louis XIV ruled."])
    assert [said[mark.start : mark.end] for mark in facts.missing(said)] == ([marked] if marked else [])


def test_long_texts_are_read_and_nothing_in_them_is_repeated_work() -> None:
    for text in ("Aaa " * 20000, "一二三" * 20000, "1," * 20000, "王" * 30000, "a." * 20000, "x" * 60000):
        assert Facts([text]).missing(text[:2000]) == []
    assert Facts(["9" * 60000]).missing("9" * 60000) == []
