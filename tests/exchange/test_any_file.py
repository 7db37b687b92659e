"""Whatever a file says, an import ends with a report or a sentence, and what went in can be exported and read."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playground.errors import BadValueError
from playground.exchange import FORMATS, export, import_file
from playground.store import History
from tests.exchange import foreign_files as files
from tests.histories import FILE, answered, open_history, turn

ZIP = files.chatgpt_zip(conversations=[files.chatgpt()])
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=5)
    | st.sampled_from(["user", "assistant", "system", "m1", "q1", "a3", 2**64, 10**400, "\ud800", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "role", "parts"]), inner),
    max_leaves=4,
)


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[History]:
    made = open_history(tmp_path_factory.mktemp("any"))
    yield made
    made.database.close()


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """A file of each kind, as values."""
    source = open_history(tmp_path_factory.mktemp("source"))
    source.keep_file(FILE)
    new = answered(source)
    turn(source, new.conversation_id, "more", new.reply_id, attachments=["f1"])
    own = json.loads(b"".join(export(source, [new.conversation_id], "json")))
    source.database.close()
    return [own, [files.chatgpt()], files.openwebui(), files.textgen(), files.SHAREGPT, files.OPENAI]


def places(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Ways to everything inside of a value."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inside:
        yield (*above, key)
        yield from places(one, (*above, key))


def check(history: History, content: bytes) -> None:
    try:
        report = import_file(history, io.BytesIO(content))
    except BadValueError:
        return
    assert all(one.why.endswith(".") for one in report.skipped)
    for conversation, _ in report.imported:
        history.window(conversation, 50)
        for format in FORMATS:
            b"".join(export(history, [conversation], format))
    again = import_file(history, io.BytesIO(content))
    assert len(again.skipped) == len(report.skipped)
    assert not history.database.db.execute("PRAGMA foreign_key_check").fetchall()


@settings(max_examples=120, deadline=None)
@given(data=st.data())
def test_something_inside_is_something_else(history: History, bases: list[Any], data: st.DataObject) -> None:
    value = json.loads(json.dumps(data.draw(st.sampled_from(bases))))
    for _ in range(data.draw(st.integers(1, 2))):
        way = data.draw(st.sampled_from(list(places(value)) or [()]))
        inner = value
        for key in way[:-1]:
            inner = inner[key]
        if way and data.draw(st.booleans()):
            inner[way[-1]] = data.draw(JSON)
        elif way:
            del inner[way[-1]]
    check(history, json.dumps(value).encode())


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_bytes_are_others_or_missing(history: History, bases: list[Any], data: st.DataObject) -> None:
    base = data.draw(st.sampled_from(bases))
    text = json.dumps(base, ensure_ascii=False).encode(data.draw(st.sampled_from(["utf-8", "utf-16"])), "surrogatepass")
    whole = data.draw(st.sampled_from([text, ZIP, files.lines(files.SHAREGPT)]))
    at = data.draw(st.integers(0, len(whole)))
    patch = data.draw(st.binary(max_size=4))
    end = data.draw(st.sampled_from([len(whole), at + len(patch)]))
    check(history, whole[:at] + patch + whole[at + len(patch) : end])


@settings(max_examples=60, deadline=None)
@given(content=st.binary(max_size=60))
def test_any_bytes(history: History, content: bytes) -> None:
    check(history, content)
