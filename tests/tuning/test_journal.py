"""The journal: whatever a kill leaves of it, each whole line is read, once, and the next writer's lines too."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playground.tuning.journal import Journal, JournalReader, read_journal

WORDS = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.dictionaries(
    st.sampled_from(["step", "loss", "texts", "what"]),
    st.integers() | st.floats(allow_nan=False, allow_infinity=False) | WORDS | st.lists(WORDS, max_size=3),
)
EVENTS = st.lists(st.tuples(st.sampled_from(["step", "eval", "end"]), VALUES), max_size=6)


def added(file: Path, events: list[tuple[str, dict[str, Any]]]) -> None:
    journal = Journal(file)
    for kind, values in events:
        journal.add(kind, **values)
    journal.close()


def told(events: list[dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    return [(one["kind"], {key: value for key, value in one.items() if key not in ("at", "kind")}) for one in events]


@given(EVENTS, EVENTS, st.integers(0, 2000))
@settings(deadline=None)
def test_a_torn_line_is_lost_alone(
    first: list[tuple[str, dict[str, Any]]], second: list[tuple[str, dict[str, Any]]], cut: int
) -> None:
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "new" / "journal.jsonl"
        added(file, first)
        whole = file.read_bytes()
        left = whole[: max(len(whole) - cut, 0)]
        file.write_bytes(left)
        # All lines that are whole; a last one that lacks only its line end is told by the next writer's.
        kept = first[: left.count(b"\n")]
        assert told(read_journal(file)) == kept
        added(file, second)
        after = told(read_journal(file))
        lacked = len(after) - len(kept) - len(second)
        assert lacked in (0, 1)
        assert after == first[: len(kept) + lacked] + second


def test_a_line_is_read_once_and_only_when_it_is_whole(tmp_path: Path) -> None:
    file = tmp_path / "journal.jsonl"
    reader = JournalReader(file)
    assert reader.news() == []
    added(file, [("loading", {}), ("start", {"step": 0})])
    assert told(reader.news()) == [("loading", {}), ("start", {"step": 0})]
    assert reader.news() == []
    line = '{"at": 1, "kind": "step", "what": "é"}\n'.encode()
    for end in range(1, len(line)):
        with file.open("ab") as out:
            out.write(line[end - 1 : end])
        assert reader.news() == []
    with file.open("ab") as out:
        out.write(line[-1:])
    assert told(reader.news()) == [("step", {"what": "é"})]
    assert reader.news() == []


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_a_word(tmp_path: Path, number: float) -> None:
    added(tmp_path / "journal", [("step", {"loss": number, "step": 1})])
    assert told(read_journal(tmp_path / "journal")) == [("step", {"loss": str(number), "step": 1})]
    assert f'"{number}"' in (tmp_path / "journal").read_text(encoding="utf-8")


def test_half_a_character_is_written(tmp_path: Path) -> None:
    """As in the path of an error, where a file's name is no text."""
    added(tmp_path / "journal", [("end", {"error": "caf\udce9 is full"}), ("end", {"error": ""})])
    assert told(read_journal(tmp_path / "journal")) == [("end", {"error": "caf\udce9 is full"}), ("end", {"error": ""})]


@pytest.mark.parametrize("line", [b"\n", b"\xff\n", b"[]\n", b'"step"\n', b"{}\n", b'{"kind": 3}\n', b"\0\0\0\n"])
def test_what_is_no_event_is_left_out(tmp_path: Path, line: bytes) -> None:
    file = tmp_path / "journal"
    added(file, [("loading", {})])
    file.write_bytes(line + file.read_bytes() + line)
    assert told(read_journal(file)) == [("loading", {})]


def test_each_event_is_there_when_it_was_added(tmp_path: Path) -> None:
    journal, reader = Journal(tmp_path / "journal"), JournalReader(tmp_path / "journal")
    for step in range(3):
        journal.add("step", step=step)
        assert told(reader.news()) == [("step", {"step": step})]
    journal.close()
