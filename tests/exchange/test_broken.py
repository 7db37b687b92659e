"""Broken files: each is said clearly, in both languages, and nothing that was there before is lost."""

from __future__ import annotations

import dataclasses
import io
import json
import re
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from playground.errors import BadValueError, MissingError, PlaygroundError, StorageError
from playground.exchange import ImportReport, entries, export, import_file
from playground.store import History
from playground.ui.reasons import reason_words
from tests.exchange import foreign_files as files
from tests.histories import FILE, RECORD, answered, rows_of, turn

ID = "0" * 32


def own(**changes: Any) -> dict[str, Any]:
    """A conversation as our file holds it; `changes` go into it, or with `message_` before their names into the first
    message.
    """
    message = {"id": "m1", "parent_id": None, "role": "user", "content": "Hi"}
    reply = {"id": "m2", "parent_id": "m1", "role": "assistant", "content": "Hello"}
    one: dict[str, Any] = {"id": ID, "title": "T", "leaf_id": "m2", "messages": [message, reply]}
    for key, value in changes.items():
        (message if key.startswith("message_") else one)[key.removeprefix("message_")] = value
    return one


def ours(*conversations: Any, **header: Any) -> bytes:
    about = {"format": "playground-conversations", "version": 1, "app_version": "0.1.0", **header}
    return json.dumps({**about, "conversations": list(conversations)}).encode()


def without(key: str, one: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in one.items() if name != key}


def circle() -> dict[str, Any]:
    chat = files.chatgpt()
    chat["mapping"]["q1"]["parent"] = "a3"
    return chat


def changed(one: dict[str, Any], *path: Any, value: Any) -> dict[str, Any]:
    copy = json.loads(json.dumps(one))
    inner = copy
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return copy


def lying_zip() -> bytes:
    """Says in its directory that it unpacks to three GB."""
    whole = bytearray(files.chatgpt_zip(conversations=[files.chatgpt()]))
    at = whole.rindex(b"PK\x01\x02")  # conversations.json was put in last
    whole[at + 24 : at + 28] = struct.pack("<I", 3 * 1024**3)
    return bytes(whole)


def many_parts_zip() -> bytes:
    """Three parts, none too large, that unpack to 600 MB together."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(3):
            archive.writestr(f"conversations-{number}.json", "[]")
    whole = packed.getvalue()
    for at in [found.start() for found in re.finditer(b"PK\x01\x02", whole)]:
        whole = whole[: at + 24] + struct.pack("<I", 200 * 1024**2) + whole[at + 28 :]
    return whole


def nested(levels: int) -> dict[str, Any]:
    inner: dict[str, Any] = {}
    for _ in range(levels - 1):
        inner = {"a": inner}
    return inner


def locked_zip() -> bytes:
    whole = bytearray(files.chatgpt_zip(conversations=[files.chatgpt()]))
    at = whole.rindex(b"PK\x01\x02")
    whole[at + 8] |= 1
    return bytes(whole)


def bent_zip() -> bytes:
    whole = bytearray(files.chatgpt_zip(conversations=[files.chatgpt()]))
    at = whole.index(b"conversations.json") + 200
    whole[at : at + 40] = b"\x55" * 40
    return bytes(whole)


TEXT_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
ATTACHED = {"id": "f", "name": "a", "text_sha256": TEXT_SHA256}
BROKEN: dict[str, tuple[bytes | Callable[[], bytes], str]] = {
    # The file as a whole
    "empty": (b"", "This file is empty"),
    "only blanks": (b" \n\n ", "This file is empty"),
    "no list": (b"[]", "holds no conversations"),
    "a picture": (b"\x89PNG\r\n\x1a\n\x00\x00", "not UTF-8"),
    "a novel": (b"It was a dark night.\nAnd cold.\n", "It is not JSON, or breaks off (character 1)"),
    "an object that breaks off": (b'{\n "mapping": {\n  "a": {"id"', "breaks off (line 3, column"),
    "another encoding": ('{"title": "雨",\n"messages": []}'.encode("gb18030"), "not UTF-8"),
    "too deep": (b'{"messages": ' + b"[" * 200_000, "too many levels"),
    "too many digits": (b'{"messages": ' + b"9" * 5000 + b"}", "too many digits"),
    "a table of something": (b'{"name": "x", "version": 3}', "no conversation of a kind that is known here"),
    "an array that breaks off at once": (b"[", "What follows from here on cannot be read"),
    "an array of numbers": (b"[1]", "not a table"),
    "from the future": (ours(own(), version=2, app_version="9.0"), "written by Playground 9.0 in version 2"),
    "without a version": (ours(own(), version="1"), "which version"),
    "without its list": (b'{"format": "playground-conversations", "version": 1}', "no list of conversations"),
    # Archives
    "an empty archive": (b"PK\x05\x06" + bytes(18), "zip archive is empty"),
    "an archive of something else": (lambda: files.chatgpt_zip(), "holds no conversations.json"),
    "an archive cut off": (lambda: files.chatgpt_zip(conversations=[files.chatgpt()])[:-60], "damaged or incomplete"),
    "an archive with other bytes": (bent_zip, "damaged or incomplete"),
    "an archive that is a bomb": (lying_zip, "unpacks to more than 500 MB"),
    "an archive that is a bomb in parts": (many_parts_zip, "unpacks to more than 500 MB"),
    "an archive with a password": (locked_zip, "needs a password"),
    # Conversations in our own file
    "no id": (ours(without("id", own())), "id of the conversation is missing"),
    "an id that is a path": (ours(own(id="../../x")), "id of the conversation is '../../x', but has to be an id"),
    "a title that is a number": (ours(own(title=7)), "title of the conversation is 7, but has to be a text"),
    "half a character": (ours(own(title="\ud800")), "a text of whole characters"),
    "an unknown role": (ours(own(message_role="robot")), "role of message 1 is 'robot', but has to be one of system"),
    "a vote of two": (ours(own(message_vote=2)), "vote of message 1 is 2, but has to be one of -1, 0, 1"),
    "a time in words": (
        ours(own(created_at="noon")),
        "created_at of the conversation is 'noon', but has to be a number",
    ),
    "a time without end": (ours(own(created_at=float("inf"))), "has to be a number"),
    "a number too large": (ours(own(message_parts=[{"model": "m", "seed": 2**70}])), "seed of part 1 of message 1"),
    "sampling from elsewhere": (ours(own(sampling={"heat": 1})), "has to be a table of sampling settings"),
    "a record too deep": (
        ours(own(message_parts=[{"model": "m", "prompt": nested(600)}])),
        "prompt of part 1 of message 1 is a table, but has to be a table of fewer levels",
    ),
    "lists too deep": (
        ours(own(message_parts=[{"model": "m", "versions": {"a": [[nested(49)]]}}])),
        "versions of part 1 of message 1 is a table, but has to be a table of fewer levels",
    ),
    "no messages": (ours(without("messages", own())), "messages of the conversation is None, but has to be a list"),
    "a message that is a text": (ours(own(messages=["Hi"])), "has to be a list of tables"),
    "a missing parent": (ours(own(message_parent_id="m9")), "The message that message 1 answers is not in the file"),
    "a circle": (ours(own(message_parent_id="m2")), "they go round in a circle"),
    "its own parent": (ours(own(message_parent_id="m1")), "they go round in a circle"),
    "an id twice": (ours(own(message_id="m2")), "The id of message 2 was given to another"),
    "a leaf elsewhere": (ours(own(leaf_id="m9")), "shows last is not in the file"),
    "a text that is not there": (ours(own(message_attachments=[ATTACHED])), "text of an attached file"),
    "a text that was changed": (ours(own(message_attachments=[ATTACHED], texts={TEXT_SHA256: "x"})), "was changed"),
    "a text that is none": (ours(own(message_attachments=[ATTACHED], texts={TEXT_SHA256: 5})), "is 5, not a text"),
    "two files of one id": (
        ours(own(message_attachments=[ATTACHED, ATTACHED], texts={TEXT_SHA256: ""})),
        "Two attached files",
    ),
    "two records of a part": (
        ours(own(message_parts=[{"model": "m"}, {"model": "n"}])),
        "two records of the same part",
    ),
    "a summary of nothing": (
        ours(own(summaries=[{"upto_id": "m9", "text_sha256": TEXT_SHA256}], texts={TEXT_SHA256: ""})),
        "A summary belongs to a message",
    ),
    # Conversations of others
    "a tree that is a list": (json.dumps([{"mapping": []}]).encode(), "Its mapping is not a table"),
    "an empty tree": (json.dumps([{"mapping": {}}]).encode(), "no message of a user or of a model"),
    "a tree in a circle": (json.dumps([circle()]).encode(), "in a circle"),
    "a node that is a text": (json.dumps([{"mapping": {"a": "b"}}]).encode(), "Its node 1 is not a table"),
    "a parent that is a number": (json.dumps([{"mapping": {"a": {"parent": 1}}}]).encode(), "parent of its node 1"),
    "no author": (json.dumps([{"mapping": {"a": {"message": {}}}}]).encode(), "author in node 1 is not a table"),
    "parts that are a text": (
        json.dumps([changed(files.chatgpt(), "mapping", "q1", "message", "content", "parts", value="x")]).encode(),
        "The parts of its node 5 are not a list",
    ),
    "a chat that is a text": (json.dumps([{"chat": "x"}]).encode(), "Its chat is not a table"),
    "a chat without messages": (json.dumps([{"chat": {}}]).encode(), "Its messages is not a list"),
    "content that is a number": (b'{"messages": [{"role": "user", "content": 5}]}', "content of its message 1"),
    "rows of three": (b'{"internal": [["a", "b", "c"]], "visible": []}', "Its row 1 is not a pair"),
    "nobody speaks": (b'{"conversations": [{"value": "Hi"}]}', "not known who says its message 1"),
    "a list that is a text": (b'{"conversations": "Hi"}', "Its conversations is not a list"),
}


def put(history: History, content: bytes) -> ImportReport:
    return import_file(history, io.BytesIO(content))


@pytest.mark.parametrize("name", BROKEN)
def test_is_told_and_nothing_is_lost(history: History, name: str) -> None:
    answered(history, text="here before")
    before = rows_of(history.database.file)
    made, expected = BROKEN[name]
    try:
        report = put(history, made() if callable(made) else made)
        assert (report.imported, report.there) == ((), ())
        [skipped] = report.skipped
        told = skipped.why
        assert skipped.number == 1
    except BadValueError as error:
        told = str(error)
    assert expected in told
    assert told.endswith(".")
    assert len(told) < 300
    said = reason_words("zh", told)
    assert re.search(r"[\u4e00-\u9fff]", said), said
    assert not re.search(r"\b(?:the|The|is|its|Its|This|has|not)\b", said), said
    assert rows_of(history.database.file) == before
    answered(history, text="goes on")


def test_two_of_five_are_broken(history: History) -> None:
    def talk(number: int, **changes: Any) -> dict[str, Any]:
        return {**own(**changes), "id": f"c{number}", "title": f"Talk {number}"}

    many = [talk(number) for number in range(1, 6)]
    for number, one in enumerate(many):
        for message in one["messages"]:
            for key in ("id", "parent_id"):
                message[key] = message[key] and f"{message[key]}-{number}"
        one["leaf_id"] = f"m2-{number}"
    many[1]["messages"][0]["role"] = "robot"
    many[3]["messages"] = 5
    header = b'{"format": "playground-conversations", "version": 1, "conversations": ['
    by_line = header + b"\n" + b",\n".join(json.dumps(one).encode() for one in many) + b"\n]}\n"
    for content in (by_line, ours(*many)):
        report = put(history, content)
        titles = [title for _, title in (report.imported or report.there)]
        assert titles == ["Talk 1", "Talk 3", "Talk 5"]
        assert [(one.number, one.title) for one in report.skipped] == [(2, "Talk 2"), (4, "Talk 4")]


def test_a_broken_line_or_end_of_our_file_costs_no_other(history: History) -> None:
    ids = [answered(history, text=f"talk {number}").conversation_id for number in range(4)]
    lines = b"".join(export(history, ids, "json")).split(b"\n")
    lines[2] = lines[2][:50] + b"\xff" + lines[2][50:]
    lines[3] = lines[3][:90]
    report = put(history, b"\n".join(lines[:-2]))
    assert [title for _, title in report.there] == ["talk 0", "talk 3"]
    assert [(one.number, one.why[:16]) for one in report.skipped] == [
        (2, "It is not UTF-8 "),
        (3, "It is not JSON, "),
        (5, "The file breaks "),
    ]


def test_an_array_that_breaks_off_gives_what_came_before(history: History) -> None:
    content = json.dumps([files.chatgpt("A", "a"), files.chatgpt("B", "b")]).encode()
    report = put(history, content[:-200])
    assert [title for _, title in report.imported] == ["A"]
    assert [one.number for one in report.skipped] == [2]
    [end] = put(history, content[:-1]).skipped
    assert (end.number, end.why) == (3, "The file breaks off here; what came after it is missing.")
    assert "behind the end" in put(history, content + b"{}").skipped[0].why


def test_broken_lines_among_others(history: History) -> None:
    lines = files.lines(files.SHAREGPT).split(b"\n")
    for broken in (0, 1):
        mixed = list(lines)
        mixed.insert(broken, b'{"conversations": [{"from": "human", "value": "cut o')
        mixed.insert(broken + 2, b"[1, 2]")
        report = put(history, b"\n".join(mixed))
        assert len(report.imported) + len(report.there) == 3
        assert [one.number for one in report.skipped] == [broken + 1, broken + 3]


def test_too_large(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entries, "LIMIT", 1024 * 1024)
    with pytest.raises(BadValueError, match="more than 1 MB of JSON"):
        put(history, b"[" + b" " * 3_000_000 + b"]")
    with pytest.raises(BadValueError, match="more than 1 MB of JSON"):
        put(history, files.chatgpt_zip(conversations=[" " * 2_000_000]))


def test_levels_that_can_be_kept(history: History) -> None:
    here = ours(own(message_parts=[{"model": "m", "prompt": nested(50)}]))
    assert len(put(history, here).imported) == 1
    assert put(history, here).imported == ()


def test_a_full_disk_says_how_many_are_in(history: History) -> None:
    page_size = history.database.db.conn.execute("PRAGMA page_size").fetchone()[0]
    used = history.database.db.conn.execute("PRAGMA page_count").fetchone()[0]
    history.database.db.execute(f"PRAGMA max_page_count = {used + 10 * 65536 // page_size}")
    many = [{"messages": [{"role": "user", "content": f"{number} {'x' * 20_000}"}]} for number in range(100)]
    with pytest.raises(StorageError, match="full") as told:
        put(history, files.lines(many))
    count = len(history.conversations())
    assert 0 < count < 100
    assert f"Conversations imported before that: {count}. Import the file again then" in str(told.value)
    assert "已导入" in reason_words("zh", str(told.value))
    history.database.db.execute("PRAGMA max_page_count = 1000000")
    report = put(history, files.lines(many))
    assert (len(report.there), len(report.imported)) == (count, 100 - count)


def test_files_that_cannot_be_opened(history: History, tmp_path: Path) -> None:
    for path in (tmp_path / "nothing.json", tmp_path):
        with pytest.raises(MissingError, match="cannot be read"):
            import_file(history, path)


def test_exports_that_cannot_be(history: History) -> None:
    new = answered(history)
    other = answered(history)
    for ids, upto, error in (
        ([new.conversation_id, other.conversation_id], new.reply_id, BadValueError),
        ([new.conversation_id], other.reply_id, MissingError),
        (["nobody"], None, MissingError),
    ):
        with pytest.raises(error):
            export(history, ids, "json", upto=upto)
    with pytest.raises(PlaygroundError, match="no export format 'pdf'"):
        export(history, [new.conversation_id], "pdf")


def test_a_message_that_is_taken_makes_all_ids_anew(history: History) -> None:
    history.keep_file(dataclasses.replace(FILE, id="f1"))
    history.finish(turn(history, attachments=["f1"]).reply_id, "x", "complete", "", RECORD)
    wanted = own(message_attachments=[{**ATTACHED, "id": "f1"}], texts={TEXT_SHA256: ""})
    report = put(history, ours(wanted))
    assert report.imported[0][0] != ID
    assert len(history.conversations()) == 2
