"""Datasets of every form, and broken ones: each bad row is told with what to do, and no good one is lost."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playground.errors import BadValueError
from playground.records import Turn
from playground.tuning.dataset import read_dataset
from playground.tuning.forms import sample_of
from playground.tuning.rows import raw_rows
from playground.tuning.samples import Dataset, Sample
from playground.tuning.splitting import split
from tests.tuning.broken import CASES, GOOD, OTHER, Broken, lines, talk


def read(*rows: Any, name: str = "data.jsonl") -> Dataset:
    return read_dataset(lines(*rows), name)


def said(sample: Sample) -> list[tuple[str, str]]:
    return [(turn.role, turn.content) for turn in sample.messages]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.what)
def test_a_broken_dataset_names_the_row_and_the_remedy(case: Broken) -> None:
    found = read_dataset(case.data, case.name)
    assert tuple(sample.row for sample in found.samples) == case.kept
    for row, words in case.told:
        told = [one.words for one in found.problems if one.row == row]
        assert any(re.search(words, one) for one in told), told
        assert all(one.count(". ") + one.endswith(".") >= 2 or ": " in one for one in told), (
            told
        )  # What, and what to do.
    # Each row is a sample or told as lost, and nothing is both.
    lost = {one.row for one in found.problems if one.lost and one.row}
    assert lost.isdisjoint(case.kept)
    assert len(lost) + len(case.kept) == found.rows


def test_enough_ways_to_be_broken() -> None:
    assert len(CASES) >= 40
    assert len({case.what for case in CASES}) == len(CASES)


FORMS: list[tuple[Any, list[tuple[str, str]]]] = [
    (GOOD, [("user", "Hi"), ("assistant", "Hello.")]),
    ({"conversations": [{"from": "system", "value": "S"}, {"from": "human", "value": "Hi"},
                        {"from": "gpt", "value": "Ho"}]},
     [("system", "S"), ("user", "Hi"), ("assistant", "Ho")]),
    ({"instruction": "Add.", "input": "1 and 2", "output": "3"}, [("user", "Add.\n\n1 and 2"), ("assistant", "3")]),
    ({"instruction": "Go on.", "input": "", "output": "3", "system": "Count.", "history": [["1", "2"]]},
     [("system", "Count."), ("user", "1"), ("assistant", "2"), ("user", "Go on."), ("assistant", "3")]),
    ({"prompt": "Hi", "completion": "Ho"}, [("user", "Hi"), ("assistant", "Ho")]),
    ({"prompt": [{"role": "user", "content": "Hi"}], "completion": [{"role": "assistant", "content": "Ho"}]},
     [("user", "Hi"), ("assistant", "Ho")]),
    ({"Question": "Hi", " Answer": "Ho"}, [("user", "Hi"), ("assistant", "Ho")]),
    ({"问题": "Hi", "答案": "Ho"}, [("user", "Hi"), ("assistant", "Ho")]),
    ({"src": "Hi", "tgt": "Ho"}, [("user", "Hi"), ("assistant", "Ho")]),
    ({"source": "Hi", "target": "Ho", "id": 1}, [("user", "Hi"), ("assistant", "Ho")]),
    ({"原文": "Hi", "译文": "Ho"}, [("user", "Hi"), ("assistant", "Ho")]),
    ({"question": "Hi", "answer": "Ho", "source": "A book"}, [("user", "Hi"), ("assistant", "Ho")]),
    ({"messages": json.dumps(GOOD["messages"])}, [("user", "Hi"), ("assistant", "Hello.")]),
    (GOOD["messages"], [("user", "Hi"), ("assistant", "Hello.")]),
    (talk(("user", [{"type": "text", "text": "Hi"}]), ("assistant", "Ho")), [("user", "Hi"), ("assistant", "Ho")]),
]  # fmt: skip


def test_where_a_text_is_from_is_not_a_question() -> None:
    assert sample_of(1, {"text": "The harbour.", "source": "A book"})[0].kind == "text"
    with pytest.raises(BadValueError, match="none of the known forms"):
        sample_of(1, {"output": "Ho", "source": "A book"})


@pytest.mark.parametrize(("row", "turns"), FORMS, ids=range(len(FORMS)))
def test_forms_of_conversations(row: Any, turns: list[tuple[str, str]]) -> None:
    sample, notes = sample_of(1, row)
    assert (sample.kind, said(sample), notes) == ("chat", turns, [])
    assert [role == "assistant" for role, _ in turns] == list(sample.learned)


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "Which?", "chosen": "This.", "rejected": "That."},
        {"chosen": talk(("user", "Which?"), ("assistant", "This."))["messages"],
         "rejected": talk(("user", "Which?"), ("assistant", "That."))["messages"]},
        {"prompt": [{"role": "user", "content": "Which?"}], "chosen": [{"role": "assistant", "content": "This."}],
         "rejected": [{"role": "assistant", "content": "That."}]},
        {"instruction": "Which?", "chosen": "This.", "rejected": "That."},
    ],
    ids=["texts", "implicit", "explicit", "instruction"],
)  # fmt: skip
def test_forms_of_pairs(row: Any) -> None:
    sample, notes = sample_of(1, row)
    assert (sample.kind, said(sample)) == ("preference", [("user", "Which?")])
    assert (sample.chosen, sample.rejected, notes) == ("This.", "That.", [])


def test_replies_with_weight_0_are_read_and_not_learned() -> None:
    turns = [("user", "a"), ("assistant", "b"), ("user", "c"), ("assistant", "d")]
    row = talk(*turns)
    row["messages"][1]["weight"] = 0
    assert sample_of(1, row)[0].learned == (False, False, False, True)


def test_columns_are_mapped_by_hand() -> None:
    data = b"frage;antwort\nHi;Ho\nWer?;Ich\n"
    assert read_dataset(data, "a.csv").lost == 2
    found = read_dataset(data, "a.csv", {"prompt": "frage", "completion": "antwort"})
    assert [said(one)[1][1] for one in found.samples] == ["Ho", "Ich"]
    missing = read_dataset(data, "a.csv", {"prompt": "frage", "completion": "reply"})
    assert missing.problems[0].words == "The row has no column 'reply'. Map another column, or add it."


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (json.dumps([GOOD, talk(("user", "1"), ("assistant", "2"))]), "a.json"),
        (json.dumps({"train": [GOOD, talk(("user", "1"), ("assistant", "2"))]}), "a.json"),
        (json.dumps({"prompt": ["Hi", "1"], "completion": ["Hello.", "2"]}), "a.json"),
        ('prompt,completion\r\nHi,Hello.\r\n"1",2\r\n', "a.csv"),
        ("prompt\tcompletion\nHi\tHello.\n1\t2\n", "a.tsv"),
    ],
    ids=["array", "named", "columns", "comma", "tab"],
)
def test_files_of_rows(data: str, name: str) -> None:
    found = read_dataset(data.encode(), name)
    assert [[text for _, text in said(one)] for one in found.samples] == [["Hi", "Hello."], ["1", "2"]]
    assert (found.rows, found.problems) == (2, ())


def test_a_parquet_file(tmp_path: Path) -> None:
    table = pyarrow.table({"messages": [GOOD["messages"], OTHER["messages"], []], "n": [1, 2, 3]})
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet")
    data = (tmp_path / "a.parquet").read_bytes()
    found = read_dataset(data, "a.parquet")
    assert [said(one)[1][1] for one in found.samples] == ["Hello.", "Goodbye."]
    assert [(one.row, one.words.partition(".")[0]) for one in found.problems] == [(3, "The list of messages is empty")]
    for broken in (data[:-30], data[:40], b"PAR1 and more"):
        with pytest.raises(BadValueError, match="The Parquet file cannot be read"):
            read_dataset(broken, "a.parquet")


def test_a_conversation_alone_is_one_row() -> None:
    assert said(read_dataset(json.dumps(GOOD).encode(), "a.json").samples[0])[1] == ("assistant", "Hello.")
    assert len(read_dataset(json.dumps(GOOD["messages"]).encode(), "a.json").samples) == 1


def test_a_text_is_parted_at_paragraphs_and_nothing_of_it_is_lost() -> None:
    paragraphs = [f"Paragraph {n}. " + "word " * 60 for n in range(30)]
    found = read_dataset("\r\n\r\n".join(paragraphs).encode(), "a.txt")
    assert {one.kind for one in found.samples} == {"text"}
    assert "".join(one.text for one in found.samples) == "\n\n".join(paragraphs)
    assert {one.text.split("\n")[0] for one in found.samples} <= set(paragraphs)
    assert 3 < len(found.samples) < 10


@pytest.mark.parametrize("end", ["\n", ". ", "。"])
def test_a_text_without_paragraphs_is_parted_at_lines_or_sentences(end: str) -> None:
    """So that some of it can be held out, and none of it is taken for a text that ends there."""
    text = end.join(f"Line {n} of a text that has but single line ends" for n in range(25_000))
    assert len(text) > 1_100_000
    found = read_dataset(text.encode(), "a.txt")
    assert "".join(one.text for one in found.samples) == text
    assert len(found.samples) > 500
    assert all(len(one.text) <= 2000 for one in found.samples)
    assert all(one.text.endswith(end) for one in found.samples[:-1])
    assert [one.goes_on for one in found.samples] == [True] * (len(found.samples) - 1) + [False]
    assert not found.problems
    _, held = split(found.samples, 0.1, 0)
    assert len(held) == pytest.approx(len(found.samples) / 10, abs=1)


@given(st.text("ab.\n \r", max_size=9000))
@settings(max_examples=30, deadline=None)
def test_a_text_s_parts_are_the_text(text: str) -> None:
    if not text.strip():
        return
    rows, _ = raw_rows(("x" + text).encode(), "a.txt")
    parts = list(rows)
    assert "".join(one.value["text"] for one in parts) == ("x" + text).replace("\r\n", "\n").strip("\n")
    assert [one.row for one in parts] == list(range(1, len(parts) + 1))
    assert all(one.value["text"].strip() for one in parts)


def test_a_long_text_is_not_said_to_be_cut_off() -> None:
    long = "word " * 30_000
    assert not read_dataset(json.dumps({"text": long}).encode(), "a.jsonl").problems
    told = read_dataset(json.dumps({"prompt": long, "completion": "x"}).encode(), "a.jsonl").problems
    assert "is cut off" in told[0].words


@pytest.mark.parametrize(
    ("data", "name", "told"),
    [
        (b"", "a.jsonl", "a.jsonl is empty"),
        (b"\n \n", "a.csv", "a.csv is empty"),
        (b"PK\x03\x04" + bytes(50), "a.xlsx", "is a ZIP archive or an Office file"),
        (bytes(range(256)) * 20, "a.jsonl", "is no text"),
        (b"[]", "a.json", "has no rows"),
        (b"prompt,completion\n", "a.csv", "has no rows"),
    ],
)
def test_files_without_rows_are_told(data: bytes, name: str, told: str) -> None:
    with pytest.raises(BadValueError, match=told):
        read_dataset(data, name)


KEYS = ("messages", "role", "content", "from", "value", "prompt", "completion", "chosen", "rejected", "text")
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=20,
)


@given(st.lists(JSON, min_size=1, max_size=6))
def test_whatever_the_rows_are_each_is_a_sample_or_told(rows: list[Any]) -> None:
    found = read(*map(json.dumps, [GOOD, *rows]))
    assert found.rows == len(rows) + 1
    assert len(found.samples) + found.lost == found.rows
    assert found.samples[0].messages == (Turn("user", "Hi"), Turn("assistant", "Hello."))


@given(st.binary(max_size=200), st.sampled_from(["a.jsonl", "a.json", "a.csv", "a.txt"]))
def test_whatever_the_bytes_are_they_are_read_or_refused(data: bytes, name: str) -> None:
    try:
        found = read_dataset(data, name)
    except BadValueError:
        return
    assert len(found.samples) + found.lost == found.rows
