"""How prompts were computed, kept short: whatever the readings of a conversation are, each comes back whole."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from playground.readings import packed, unpacked
from playground.records import Reading
from playground.store import History
from tests.histories import RECORD, turn

PIECES = st.lists(st.tuples(st.integers(1, 3), st.integers(1, 2), st.integers(1, 2)), max_size=6).map(tuple)


def written(history: History, readings: list[Reading]) -> list[str]:
    """A conversation with a reply for each reading, each packed as the app does; ids of the replies."""
    conversation, leaf, made = None, None, []
    for reading in readings:
        new = turn(history, conversation, "x", leaf)
        before = history.path(new.reply_id)[:-1]
        history.finish(new.reply_id, "y", "complete", "", replace(RECORD, prompt=packed(history, before, reading)))
        conversation, leaf = new.conversation_id, new.reply_id
        made.append(leaf)
    return made


def prompt_of(history: History, reply: str) -> dict[str, object]:
    return dict((history.message(reply).record or {})["prompt"])


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(readings=st.lists(PIECES, min_size=1, max_size=5))
def test_each_comes_back(history: History, readings: list[Reading]) -> None:
    for reply, reading in zip(written(history, readings), readings, strict=True):
        assert unpacked(history, prompt_of(history, reply)) == reading


def test_a_long_conversation_keeps_only_what_is_new(history: History) -> None:
    readings: list[Reading] = [((128, 128, 1), (20, 20, 1), (1, 1, 100))]
    for _ in range(30):
        readings.append((*readings[-1][:-1], (1, 1, 99), (20, 20, 1), (1, 1, 100)))
    replies = written(history, readings)
    assert len(prompt_of(history, replies[-1])["reading"]) == 3  # type: ignore[arg-type]
    assert unpacked(history, prompt_of(history, replies[-1])) == readings[-1]


def test_a_copy_and_a_reply_that_is_gone(history: History) -> None:
    readings: list[Reading] = [((9, 9, 1), (8, 8, 1), (1, 1, 5)), ((9, 9, 1), (8, 8, 1), (1, 1, 4), (3, 3, 1))]
    replies = written(history, readings)
    conversation = history.message(replies[0]).conversation_id
    copy = history.conversation(history.duplicate(conversation, "copy")).leaf_id
    assert copy is not None
    assert unpacked(history, prompt_of(history, copy)) == readings[1]
    assert prompt_of(history, copy)["reading_after"] != replies[0]
    assert unpacked(history, {"reading": [], "reading_after": "nobody", "reading_same": 2}) == ()
