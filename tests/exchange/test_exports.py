"""What is exported to be read or to train on: who says what, and nothing that runs, is fetched or leaks."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.exchange import FORMATS, Words, export, safe_name
from playground.records import Status
from playground.store import History
from playground.store.history import TurnSettings
from playground.ui.markdown import render
from tests.histories import FILE, RECORD, answered

EVIL = '</title><script>alert(1)</script><img src="http://evil.example/x"> `a` *b* [c](http://evil.example)'


class Page(HTMLParser):
    """What a page is made of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def said(
    history: History, conversation: str | None, text: str, reply: str, status: Status = "complete", **more: Any
) -> str:
    """A turn and how its reply ended; returns the conversation."""
    before = history.conversation(conversation) if conversation else None
    seen = before.leaf_id if before else None
    asked = TurnSettings(before.system_prompt if before else more.pop("system", ""), {})
    new = history.add_turn(conversation, text, seen_leaf=seen, title=more.pop("title", text), settings=asked, **more)
    history.finish(new.reply_id, reply, status, "", replace(RECORD, model="Qwen3 *8B*"))
    return new.conversation_id


def text_of(history: History, conversation: str, format: str, **more: Any) -> str:
    return b"".join(export(history, [conversation], format, **more)).decode()


def lines_of(history: History, conversation: str, format: str) -> list[Any]:
    return [json.loads(line) for line in text_of(history, conversation, format).splitlines()]


def test_markdown(history: History) -> None:
    history.keep_file(FILE)
    talk = said(
        history, None, "Why?", "```py\nprint(1)", "stopped", attachments=["f1"], title="A #1 <b>", system="Be\n\nbrief."
    )
    said(history, talk, "And?", "# So")
    history.set_tags(talk, ["rain"])
    lines = text_of(history, talk, "markdown").splitlines()
    assert lines[0] == "# A \\#1 \\<b\\>"
    assert lines[2].endswith(" · rain")
    rest = "\n".join(line for line in lines[3:] if line)
    assert rest == (
        "> **System prompt**\n>\n> Be\n>\n> brief.\n"
        "## You\nWhy?\n*Attached: a.pdf (1 p.)*\n"
        "## Qwen3 \\*8B\\*\n```py\nprint(1)\n```\n*This reply was stopped.*\n"
        "## You\nAnd?\n## Qwen3 \\*8B\\*\n# So"
    )
    words = Words(you="你", model="模型", system="系统提示", attached="附件", stopped="已停止。", failed="未完成。")
    assert "## 你" in text_of(history, talk, "markdown", words=words)


def test_html_needs_and_runs_nothing(history: History) -> None:
    history.keep_file(replace(FILE, name=EVIL))
    talk = said(
        history, None, EVIL, f"{EVIL}\n\n$x^2$\n\n```py\nif 1: pass\n```", attachments=["f1"], title=EVIL, system=EVIL
    )
    history.set_tags(talk, [EVIL])
    for page in (Page(text_of(history, talk, "html", render=render)), Page(text_of(history, talk, "html"))):
        names = {name for name, _ in page.tags}
        assert not names & {"script", "img", "iframe", "link", "object", "form", "base"}
        assert not [key for _, attrs in page.tags for key in attrs if key.startswith("on") or key in ("src", "style")]
        assert all(attrs["rel"] == "noopener noreferrer nofollow" for name, attrs in page.tags if name == "a")
        policy = [attrs["content"] for _, attrs in page.tags if attrs.get("http-equiv") == "Content-Security-Policy"]
        assert policy == ["default-src 'none'; img-src data:; style-src 'unsafe-inline'"]
        assert "@import" not in page.text
        assert "url(" not in page.text
        assert page.text.count("alert(1)") >= 5, "title twice, tag, system prompt, file, question, reply: as text"
    rendered = text_of(history, talk, "html", render=render)
    assert "<math" in rendered
    assert '<span class="k">if</span>' in rendered
    assert ".k {" in rendered, "colours of code are inside"
    assert "prefers-color-scheme:dark" in rendered


def test_up_to_a_message_and_the_shown_branch(history: History) -> None:
    first = answered(history, text="one")
    answered(history, first.conversation_id, "two")
    history.select(first.conversation_id, first.reply_id)
    for format in FORMATS:
        assert "two" in text_of(history, first.conversation_id, format)
        assert "two" not in text_of(history, first.conversation_id, format, upto=first.reply_id)
    other = history.add_reply(
        first.conversation_id, first.reply_id, seen_leaf=history.conversation(first.conversation_id).leaf_id
    )
    history.finish(other.reply_id, "anew", "complete", "", RECORD)
    for format in FORMATS:
        assert ("two" in text_of(history, first.conversation_id, format)) == (format == "json")


def test_lines_to_train_on(history: History) -> None:
    history.keep_file(FILE)
    talk = said(history, None, "one", "<think>hm</think>\nre one", system="Be brief.", attachments=["f1"])
    said(history, talk, "lost", "half", "failed")
    said(history, talk, "two", "re two", "stopped")
    said(history, talk, "nothing", "  ")
    seen = "[File: a.pdf]\npage one\n[End of a.pdf]\n\none"
    reply = "<think>hm</think>\nre one"
    [openai] = lines_of(history, talk, "openai")
    assert openai == {
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": seen},
            {"role": "assistant", "content": reply},
            {"role": "user", "content": "lost\n\ntwo"},
            {"role": "assistant", "content": "re two"},
        ]
    }
    [sharegpt] = lines_of(history, talk, "sharegpt")
    assert [one["from"] for one in sharegpt["conversations"]] == ["system", "human", "gpt", "human", "gpt"]
    assert [one["value"] for one in sharegpt["conversations"]] == [one["content"] for one in openai["messages"]]
    first = {"instruction": seen, "input": "", "output": reply, "system": "Be brief.", "history": []}
    second = {
        "instruction": "lost\n\ntwo",
        "input": "",
        "output": "re two",
        "system": "Be brief.",
        "history": [[seen, reply]],
    }
    assert lines_of(history, talk, "alpaca") == [first, second]


def test_nothing_to_learn_from_is_no_line(history: History) -> None:
    talk = said(history, None, "one", "", "failed")
    left_out = said(history, None, "two", "re two")
    history.mark(history.conversation(left_out).leaf_id or "", left_out=True)
    for format in ("openai", "sharegpt", "alpaca"):
        assert lines_of(history, talk, format) == lines_of(history, left_out, format) == []


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Rain, snow & 雨", "Rain, snow & 雨"),
        ("../../etc/passwd", "etc passwd"),
        ('a/b\\c:d*e?f"g<h>i|j', "a b c d e f g h i j"),
        ("CON", "_CON"),
        ("com1.txt", "_com1.txt"),
        ("console", "console"),
        ("-rf .hidden", "rf .hidden"),
        ("dots...", "dots"),
        ("a\tb\nc\x00d", "a b cd"),
        ("photo\u202egpj.exe", "photogpj.exe"),
        ("", "conversation"),
        (" ./ ", "conversation"),
        ("é" * 200, "é" * 60),
        ("e\u0301", "é"),
    ],
)
def test_names_of_files(title: str, name: str) -> None:
    assert safe_name(title, ".md") == f"{name}.md"


@given(st.text())
def test_any_title_makes_a_name(title: str) -> None:
    name = safe_name(title, ".json")
    assert not set(name) & set('<>:"/\\|?*')
    assert not any(unicodedata.category(sign).startswith("C") for sign in name)
    assert 6 <= len(name.encode()) <= 127
    assert name.removesuffix(".json").strip(" .") == name.removesuffix(".json")
