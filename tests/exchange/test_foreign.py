"""Files of other programs: the tree is there, and what could not be taken along is said."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from playground.exchange import ImportReport, import_file
from playground.exchange.foreign import moment
from playground.records import Message
from playground.store import History
from tests.exchange import foreign_files as files
from tests.histories import shown


def put(history: History, content: Any) -> ImportReport:
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    report = import_file(history, io.BytesIO(data))
    again = import_file(history, io.BytesIO(data))
    assert (again.imported, again.there) == ((), report.imported), "the same file is known again"
    return report


def only(history: History, content: Any) -> str:
    report = put(history, content)
    assert report.skipped == ()
    [(conversation, _)] = report.imported
    return conversation


def last(history: History, conversation: str) -> Message:
    return history.window(conversation, 1).messages[-1]


@pytest.mark.parametrize("packed", ["zip", "parts", "array", "one"])
def test_chatgpt(history: History, packed: str, tmp_path: Path) -> None:
    one = files.chatgpt()
    forms: dict[str, Any] = {
        "zip": files.chatgpt_zip(conversations=[one]),
        "parts": files.chatgpt_zip(conversations_000=[one], conversations_001=[]),
        "array": [one],
        "one": one,
    }
    report = put(history, forms[packed])
    [(conversation, title)] = report.imported
    named = tmp_path / "notes.txt"
    named.write_bytes(forms[packed] if isinstance(forms[packed], bytes) else json.dumps(forms[packed]).encode())
    assert import_file(history, named).there == report.imported, "told by what is in it, not by its name"
    assert title == "Rain 雨"
    assert shown(history, conversation) == [
        "Why does it rain? \U0001f600",
        "Second answer",
        "And snow?",
        "Snow is cold.",
    ]
    about = history.conversation(conversation)
    assert (about.created_at, about.updated_at, about.archived_at) == (1700000000.25, 1700000100.75, 1700000100.75)
    answer = history.window(conversation, 9).messages[1]
    assert (answer.record or {})["model"] == "gpt-4o"
    assert answer.created_at == 1700000009.0
    beside = [history.message(one).content for one in answer.alternatives]
    assert beside == ["First answer", "Second answer", "Third answer"], "in the order of `children`"
    asked = history.window(conversation, 2).messages[0]
    drawn = history.messages(asked.alternatives)[1]
    assert [(file.name, file.size, file.media_type) for file in drawn.attachments] == [("cloud.png", 1234, "image/png")]
    assert (drawn.content, drawn.attachments[0].text) == ("What is this?", "")
    history.select(conversation, drawn.id)
    assert shown(history, conversation)[-1] == "[image file_drawn]"
    assert set(report.notes) == {
        "Thoughts of a model that stand apart from its replies, left out: 2.",
        "Messages between a model and its tools, left out: 2.",
        "Hidden messages and instructions, left out: 1.",
        "Files of “Rain 雨” that are not in the import: cloud.png, image file_drawn.",
    }


def test_parts_are_counted_on_and_a_broken_one_does_not_cost_the_others(history: History) -> None:
    report = import_file(
        history,
        io.BytesIO(
            files.chatgpt_zip(
                conversations_000=[files.chatgpt("A", "a"), {"title": "B"}],
                conversations_001="{broken",
                conversations_002=[files.chatgpt("C", "c")],
            )
        ),
    )
    assert [title for _, title in report.imported] == ["A", "C"]
    assert [(one.number, one.title) for one in report.skipped] == [(2, "B"), (3, "")]


def test_open_webui(history: History) -> None:
    report = put(history, files.openwebui())
    (new, _), (old, _) = report.imported
    about = history.conversation(new)
    assert (about.title, about.system_prompt, about.tags) == ("Greeting", "Be short.", ("hello", "small_talk"))
    assert (about.created_at, about.updated_at, about.pinned_at) == (1720000000, 1720000010, 1720000010)
    first, reply, _ = history.window(new, 9).messages
    assert shown(history, new) == ["Hello", "<think>\nIs 1 < 2?\nYes.\n</think>\n\nHi!", "More"]
    assert (reply.vote, reply.vote_reason, (reply.record or {})["model"]) == (1, "nice", "llama3:8b")
    failed = history.message(reply.alternatives[1])
    assert (failed.status, failed.error, failed.content) == ("failed", "Connection refused", "")
    notes, picture = history.message(first.id, texts=True).attachments
    assert (notes.name, notes.text, notes.media_type) == ("notes.txt", "hello notes", "text/plain")
    assert (picture.name, picture.text) == ("image", "")
    assert picture.notes == ("This file was not imported; only its name is known.",)
    assert shown(history, old) == ["Old", "Format"]
    assert history.conversation(old).created_at == 1690000000
    assert report.notes == (
        "Conversations whose folder is not named in the file, put into none: 1.",
        "Files of “Greeting” that are not in the import: image.",
    )


_OPEN = '<details type="reasoning" done="true">'


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        (
            f"{_OPEN}a</details>\n{_OPEN}\n<summary>s</summary>\n&gt; a</details> c",
            "<think>\na\n</think>\n\n" * 2 + "c",
        ),
        (f"a {_OPEN}<summary>s</details> b", "a <think>\n<summary>s\n</think>\n\nb"),
        (f"{_OPEN}never ended", f"{_OPEN}never ended"),
        (f"<details>plain</details>{_OPEN[:-1]}", f"<details>plain</details>{_OPEN[:-1]}"),
        (f"{_OPEN}&#{'1' * 5000};</details>", f"<think>\n&#{'1' * 5000};\n</think>\n\n"),
        (_OPEN * 55_000, _OPEN * 55_000),
        (_OPEN[:-1] * 55_000 + "</details>", _OPEN[:-1] * 55_000 + "</details>"),
        (_OPEN + " " * 2_000_000, _OPEN + " " * 2_000_000),
    ],
    ids=[
        "two",
        "half a summary",
        "no end",
        "half",
        "no number",
        "2 MB of beginnings",
        "2 MB of halves",
        "2 MB of space",
    ],
)
def test_thoughts_of_open_webui(history: History, written: str, kept: str) -> None:
    """The large ones would hang where the end is looked for from each beginning anew."""
    rows = [{"role": role, "content": written} for role in ("user", "assistant")]
    assert shown(history, only(history, {"title": "T", "chat": {"messages": rows}})) == [written, kept]


def test_a_single_chat_of_open_webui_and_links_that_lead_nowhere(history: History) -> None:
    body = files.openwebui()[0]["chat"]
    body["history"]["messages"]["u2"]["parentId"] = "gone"
    body["history"]["currentId"] = "gone"
    report = put(history, body)
    assert "Messages whose predecessor is missing, put at the beginning: 1." in report.notes
    assert shown(history, report.imported[0][0]) == ["More"]
    assert len(history.tree(report.imported[0][0])) == 4


@pytest.mark.parametrize("old", [False, True])
def test_textgen(history: History, old: bool) -> None:
    chat = files.textgen()
    if old:
        chat = {"data": chat["internal"], "data_visible": chat["visible"]}
    conversation = only(history, chat)
    assert shown(history, conversation) == [
        "How can I help you today?",
        "Is 1 < 2?",
        "Yes, 1 < 2 & that is all.",
        "Sure?",
        "Sure.",
    ]
    assert history.conversation(conversation).title == "Is 1 < 2?"
    if not old:
        _, asked, told, *_ = history.window(conversation, 9).messages
        assert [history.message(one).content for one in told.alternatives] == ["Yes, 1 < 2 & that is all.", "No."]
        assert (told.record or {})["model"] == "Qwen3-8B-Q4_K_M.gguf"
        assert [file.name for file in asked.attachments] == ["sums.txt", "p.png"]
        assert history.message(asked.id, texts=True).attachments[0].text == "1 < 2"
        assert told.created_at - asked.created_at == 60


def test_textgen_with_a_number_that_is_none(history: History) -> None:
    shown_there = f"&lt;&#{'1' * 5000};"
    assert (
        last(history, only(history, {"internal": [["q", ""]], "visible": [["q", shown_there]]})).content == shown_there
    )


def test_textgen_whose_reply_is_only_in_what_was_shown(history: History) -> None:
    conversation = only(history, {"internal": [["a", ""]], "visible": [["a", "1 &lt; 2"]]})
    assert shown(history, conversation) == ["a", "1 < 2"]


@pytest.mark.parametrize("form", ["lines", "array"])
def test_sharegpt(history: History, form: str) -> None:
    report = put(history, files.lines(files.SHAREGPT) if form == "lines" else files.SHAREGPT)
    ids = [conversation for conversation, _ in report.imported]
    assert [shown(history, one) for one in ids] == [["Hi", "Hello!"], ["One", "Two"], ["你好", "你好！"]]
    assert [history.conversation(one).system_prompt for one in ids] == ["Be brief.", "", "Be kind."]
    assert [title for _, title in report.imported] == ["Hi", "One", "你好"]
    assert (last(history, ids[1]).record or {})["model"] == "gpt-4"


def test_openai_messages(history: History) -> None:
    report = put(history, b"\n\n" + files.lines(files.OPENAI))
    ids = [conversation for conversation, _ in report.imported]
    assert [shown(history, one) for one in ids] == [["Hi"], ["Look", "It is 42."]]
    assert history.conversation(ids[0]).system_prompt == "Be brief."
    assert report.notes == (
        "Messages between a model and its tools, left out: 2.",
        "Files of “Look” that are not in the import: image_url.",
    )


def test_two_of_one_side_in_a_row_stay_as_they_are(history: History) -> None:
    said = [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}, {"role": "assistant", "content": "c"}]
    assert shown(history, only(history, {"messages": said})) == ["a", "b", "c"]


def test_a_chatgpt_file_that_has_grown_is_put_beside(history: History) -> None:
    put(history, [files.chatgpt()])
    grown = files.chatgpt()
    grown["mapping"]["a3"]["children"] = ["q9"]
    grown["mapping"] |= files.node("q9", "a3", [], "user", "And hail?")
    grown["current_node"] = "q9"
    report = import_file(history, io.BytesIO(json.dumps([grown]).encode()))
    assert shown(history, report.imported[0][0])[-1] == "And hail?"
    assert len(history.conversations(place="archive")) == 2


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (1700000000, 1700000000.0),
        (1700000000123, 1700000000.123),
        (1700000000123456, 1700000000.123456),
        (1700000000123456789, pytest.approx(1700000000.123457)),
        ("2023-11-14T22:13:20Z", 1700000000.0),
        ("2023-11-14T23:13:20+01:00", 1700000000.0),
        ("yesterday", None),
        ("", None),
        (None, None),
        (True, None),
        (-5, None),
        (float("nan"), None),
        (10**400, None),
        ([], None),
    ],
)
def test_times_as_others_write_them(value: Any, seconds: float | None) -> None:
    assert moment(value) == seconds


def test_what_strangers_write_is_kept_as_it_is_and_names_are_cut(history: History) -> None:
    said = [{"role": "user", "content": "<script>alert(1)</script>\ud800"}, {"role": "assistant", "content": "\x00"}]
    conversation = only(history, {"title": "  <b>\n" + "x" * 500, "messages": said})
    assert shown(history, conversation) == ["<script>alert(1)</script>\ufffd", "\x00"]
    assert history.conversation(conversation).title == "<b> " + "x" * 196


def test_what_was_imported_is_found(history: History) -> None:
    put(history, [files.chatgpt(str(number), str(number)) for number in range(20)])
    assert len(history.search.find("third answ").hits) == 20
    assert len(history.search.find("answer", model="gpt-5-2-thinking", role="assistant").hits) == 20
