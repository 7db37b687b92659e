"""Ways to write and read a history that several test files share."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from playground.records import Attachment, ReplyRecord
from playground.store import Database, History
from playground.store.history import NewTurn, TurnSettings

RECORD = ReplyRecord(
    model="m",
    engine="e",
    revision="r",
    file_sha256="f",
    quantization="Q",
    template_sha256="t",
    versions={"lib": "1"},
    sampling={"temperature": 0.5, "stop": ["。"]},
    seed=7,
    context_length=100,
    prompt_tokens=10,
    cached_tokens=4,
    completion_tokens=5,
    left_out=2,
    time_to_first_token=0.5,
    tokens_per_second=None,
    finish_reason="stop",
)

SETTINGS = TurnSettings("Be brief.", {"top_k": 3})
FILE = Attachment(
    id="f1",
    name="a.pdf",
    media_type="application/pdf",
    size=10,
    sha256="s",
    pages=1,
    notes=("a picture",),
    characters=8,
    text="page one",
)


def open_history(folder: Path) -> History:
    return History(Database(folder / "playground.db", folder / "backups", keep_aside=True))


def turn(
    history: History,
    conversation: str | None = None,
    text: str = "hello",
    seen: str | None = None,
    *,
    edits: str | None = None,
    attachments: Sequence[str] = (),
) -> NewTurn:
    return history.add_turn(
        conversation,
        text,
        seen_leaf=seen,
        title=text,
        settings=SETTINGS,
        edits=edits,
        attachments=attachments,
    )


def answered(history: History, conversation: str | None = None, text: str = "hello") -> NewTurn:
    """A turn whose reply is complete."""
    seen = history.conversation(conversation).leaf_id if conversation else None
    new = turn(history, conversation, text, seen)
    history.finish(new.reply_id, f"re: {text}", "complete", "", RECORD)
    return new


def shown(history: History, conversation: str) -> list[str]:
    return [message.content for message in history.window(conversation, 1000).messages]


def rows_of(file: Path) -> list[tuple[str, str, str]]:
    """Straight from the file, as another program sees it."""
    with contextlib.closing(sqlite3.connect(file)) as other:
        return other.execute("SELECT role, content, status FROM messages ORDER BY seq").fetchall()
