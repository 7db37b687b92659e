"""What is exported as JSON and imported again is the same, down to the last column of the store."""

from __future__ import annotations

import io
import json
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playground.errors import BusyError, ConflictError, MissingError
from playground.exchange import ImportReport, all_ids, export, import_file
from playground.records import Status
from playground.store import History
from playground.store.history import TurnSettings
from tests.histories import FILE, RECORD, answered, open_history, shown
from tests.pictures import attached

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
DOINGS = ("turn", "edit", "again", "by hand", "go on", "select", "delete", "mark", "file", "summary", "shelf", "grow")
STEPS = st.lists(st.tuples(st.sampled_from(DOINGS), st.integers(0, 30), TEXT), min_size=1, max_size=14)
ENDS: tuple[Status, ...] = ("complete", "stopped", "failed")


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[History, History]]:
    """Where conversations come from, and where they go."""
    made = open_history(tmp_path_factory.mktemp("from")), open_history(tmp_path_factory.mktemp("to"))
    yield made
    for one in made:
        one.database.close()


def put(history: History, content: bytes) -> ImportReport:
    return import_file(history, io.BytesIO(content))


def exported(history: History, *ids: str) -> bytes:
    return b"".join(export(history, ids, "json"))


def columns(history: History, conversation: str) -> dict[str, list[Any]]:
    """Every row of a conversation as the store has it, in order, whatever columns there are."""
    db = history.database.db
    mine = "message_id IN (SELECT id FROM messages WHERE conversation_id = :id)"
    found = {
        "conversations": "SELECT * FROM conversations WHERE id = :id",
        "messages": "SELECT * FROM messages WHERE conversation_id = :id ORDER BY seq",
        "replies": f"SELECT * FROM replies WHERE {mine} ORDER BY message_id, part",
        "attachments": f"SELECT * FROM attachments WHERE {mine} ORDER BY message_id, position, rowid",
        "tags": "SELECT * FROM tags WHERE conversation_id = :id ORDER BY tag",
        "summaries": "SELECT * FROM summaries WHERE conversation_id = :id ORDER BY upto_id",
    }
    rows = {table: list(db.query(sql, dict(id=conversation))) for table, sql in found.items()}
    for row in rows["messages"]:
        del row["seq"]
        row["status"] = "stopped" if row["status"] == "streaming" else row["status"]
        row["indexed"] = 1
    used = {row["text_sha256"] for row in [*rows["attachments"], *rows["summaries"]]}
    used |= {json.loads(row["prompt"]).get("system") for row in rows["replies"]} - {None}
    return {**rows, "texts": [history.text(sha256) for sha256 in sorted(used)]}


def do(history: History, conversation: str, what: str, number: int, text: str) -> None:
    """One thing that a person may do, at some message."""
    leaf = history.conversation(conversation).leaf_id
    alive = history.tree(conversation)
    node = alive[number % len(alive)] if alive else None
    asked = TurnSettings(text, {"top_k": number})
    if what in ("turn", "file", "grow"):
        files: list[str] = []
        if what == "file":
            files = [uuid.uuid4().hex]
            image = attached(files[0], name=text, size=(number + 1, 7))
            page = replace(FILE, id=files[0], name=text, text=f"text {text}", pages=number or None)
            history.keep_file(image if number % 3 == 0 else page)
        new = history.add_turn(conversation, text, seen_leaf=leaf, title="", settings=asked, attachments=files)
        if what != "grow":
            prompt = {"system": history.keep_text(text), "first": new.reply_id, "excluded": [new.reply_id]}
            history.finish(new.reply_id, text, ENDS[number % 3], text, replace(RECORD, prompt=prompt))
    elif what == "go on":
        new = history.reopen(conversation, seen_leaf=leaf, settings=asked)
        history.finish(new.reply_id, f"{text} on", "complete", "", replace(RECORD, starts_at=number), number)
    elif what == "shelf":
        history.set_tags(conversation, [text, "b", "a"])
        history.move(conversation, text)
        history.set_context(conversation, ("oldest", "summary", "hand")[number % 3])
        history.pin(conversation, number % 2 == 0)
        history.archive(conversation, number % 5 == 0)
    elif node is None:
        return
    elif what == "edit":
        new = history.add_turn(conversation, text, seen_leaf=leaf, title="", settings=asked, edits=node.id)
        history.finish(new.reply_id, text, "complete", "", None)
    elif what == "again":
        new = history.add_reply(conversation, node.id, seen_leaf=leaf, content=text)
        history.finish(new.reply_id, text, "stopped", "", RECORD)
    elif what == "by hand":
        history.add_reply(conversation, node.id, seen_leaf=leaf, content=text, status="complete")
    elif what == "select":
        history.select(conversation, node.id)
    elif what == "delete":
        history.delete_message(conversation, node.id)
    elif what == "mark":
        history.mark(node.id, starred_at=float(number), vote=number % 3 - 1, vote_reason=text, left_out=number % 2 == 0)
    else:
        history.keep_summary(conversation, node.id, f"summary {text}", "m")


@settings(max_examples=60, deadline=None)
@given(steps=STEPS, trashed=st.booleans())
def test_the_same_tree_comes_back(
    pair: tuple[History, History], steps: list[tuple[str, int, str]], trashed: bool
) -> None:
    here, there = pair
    conversation = answered(here, text="first").conversation_id
    for what, number, text in steps:
        try:
            do(here, conversation, what, number, text)
        except (BusyError, ConflictError, MissingError):
            continue  # Not to be done at this message.
    if trashed:
        here.trash(conversation)
    content = exported(here, conversation)
    report = put(there, content)
    assert [one for one, _ in report.imported] == [conversation]
    assert (report.skipped, report.notes) == ((), ())
    assert columns(there, conversation) == columns(here, conversation)
    assert there.conversation(conversation) == here.conversation(conversation)
    assert [one.id for one in there.tree(conversation)] == [one.id for one in here.tree(conversation)]
    for history in (there, here):
        again = put(history, content)
        assert ([one for one, _ in again.there], again.imported) == ([conversation], ())


def test_many_at_once_and_what_is_not_exported_stays(history: History, pair: tuple[History, History]) -> None:
    ids = [answered(history, text=f"talk {number}").conversation_id for number in range(5)]
    history.archive(ids[1])
    history.trash(ids[2])
    assert all_ids(history) == [ids[4], ids[3], ids[0], ids[1]]
    content = exported(history, *ids[:3])
    assert content.count(b"\n") == 1 + 3 + 1, "a line each, between the first and the last"
    report = put(pair[1], content)
    assert [one for one, _ in report.imported] == ids[:3]
    assert [title for _, title in report.imported] == ["talk 0", "talk 1", "talk 2"]


def test_one_that_went_on_since_is_put_beside(history: History) -> None:
    new = answered(history, text="one")
    prompt = {"first": history.path(new.reply_id)[0], "excluded": [new.reply_id]}
    history.finish(new.reply_id, "re: one", "complete", "", replace(RECORD, prompt=prompt))
    history.keep_summary(new.conversation_id, new.reply_id, "short", "m")
    content = exported(history, new.conversation_id)
    answered(history, new.conversation_id, "two")
    report = put(history, content)
    [(copy, _)] = report.imported
    assert copy != new.conversation_id
    assert "in another state" in report.notes[0]
    assert shown(history, copy) == ["one", "re: one"]
    assert shown(history, new.conversation_id) == ["one", "re: one", "two", "re: two"]
    reply = history.window(copy, 9).messages[-1]
    assert reply.record is not None
    assert reply.record["prompt"] == {"first": history.path(reply.id)[0], "excluded": [reply.id]}, "the copy's own ids"
    assert list(history.summaries(copy)) == [reply.id]


def test_a_branch_alone_takes_nothing_else_along(history: History, pair: tuple[History, History]) -> None:
    history.keep_file(FILE)
    new = answered(history, text="one")
    seen = history.conversation(new.conversation_id).leaf_id
    with_file = history.add_turn(
        new.conversation_id,
        "secret",
        seen_leaf=seen,
        title="",
        settings=TurnSettings("", {}),
        attachments=["f1"],
    )
    history.finish(with_file.reply_id, "re: secret", "complete", "", RECORD)
    content = b"".join(export(history, [new.conversation_id], "json", upto=new.reply_id))
    assert b"secret" not in content
    assert FILE.text.encode() not in content
    report = put(pair[1], content)
    assert shown(pair[1], report.imported[0][0]) == ["one", "re: one"]


def test_a_reply_that_grows_is_exported_as_stopped(history: History, pair: tuple[History, History]) -> None:
    new = answered(history, text="one")
    more = history.add_turn(new.conversation_id, "two", seen_leaf=new.reply_id, title="", settings=TurnSettings("", {}))
    history.journal(more.reply_id, "half")
    put(pair[1], exported(history, new.conversation_id))
    last = pair[1].window(new.conversation_id, 9).messages[-1]
    assert (last.content, last.status) == ("half", "stopped")


def test_a_file_that_was_written_anew_by_another_program(history: History, pair: tuple[History, History]) -> None:
    new = answered(history, text="one")
    value = json.loads(exported(history, new.conversation_id))
    value["mood"] = value["conversations"][0]["messages"][0]["mood"] = "blue"
    report = put(pair[1], json.dumps(value, indent=2).encode("utf-16"))
    assert [one for one, _ in report.imported] == [new.conversation_id]
    assert report.notes == ("Keys that mean nothing here, left out: messages.mood, mood.",)
