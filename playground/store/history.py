"""Conversations and their trees of messages: what a page may read of them. No SQL outside of this package.

A conversation's messages form a tree through `parent_id`; alternatives are siblings; `leaf_id` says which branch is
shown. `tree` writes, `shelf` keeps order, `kept` what lies beside, `search` finds.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

from playground.errors import MissingError
from playground.records import Message
from playground.store.kept import ATTACHED, Kept, attachment_of
from playground.store.shelf import Shelf
from playground.store.transfer import Transfer
from playground.store.tree import INTERRUPTED, NewTurn, Tree, TurnSettings

__all__ = ["INTERRUPTED", "History", "Line", "NewTurn", "Node", "TurnSettings", "Window"]

_PATH = """
    WITH RECURSIVE path(id, parent_id, depth) AS (
        SELECT id, parent_id, 0 FROM messages WHERE id = :leaf
        UNION ALL
        SELECT m.id, m.parent_id, path.depth + 1 FROM messages m JOIN path ON m.id = path.parent_id
    )"""
_JSON = ("versions", "sampling", "prompt")
_HIDDEN = {"seq", "deleted_at", "indexed"}
_MOST_MARKS = 20_000
"""SQLite takes 32,766 values in one statement."""


@dataclass(frozen=True)
class Window:
    """A part of the shown branch, oldest first, and how many messages lie before and behind it."""

    messages: tuple[Message, ...]
    earlier: int
    later: int = 0


@dataclass(frozen=True)
class Node:
    """A message in the picture of a tree. `label` is the beginning of its text."""

    id: str
    parent_id: str | None
    role: str
    label: str
    shown: bool
    deleted: bool = False


class History(Tree, Shelf, Kept, Transfer):
    """All reads and writes of conversations. Safe to use from any thread."""

    def window(
        self, conversation_id: str, limit: int, before: str | None = None, *, around: str | None = None
    ) -> Window:
        """The last `limit` messages of the shown branch, or of what lies before one of them, or around one."""
        ids = self.path(self.conversation(conversation_id).leaf_id)
        end = len(ids)
        if before is not None:
            if before not in ids:
                raise MissingError("That message is not in the shown branch any more. Open the conversation again.")
            end = ids.index(before)
        elif around is not None and around in ids:
            end = min(len(ids), ids.index(around) + 1 + limit // 2)
        start = max(0, end - limit)
        return Window(tuple(self.messages(ids[start:end])), start, len(ids) - end)

    def path(self, message_id: str | None) -> list[str]:
        """Ids of every message from the root down to `message_id`."""
        with self.database.reading() as db:
            rows = db.query(_PATH + " SELECT id FROM path ORDER BY depth DESC", dict(leaf=message_id))
            return [row["id"] for row in rows]

    def branch(self, message_id: str) -> list[Message]:
        """Every message from the root down to `message_id`, attachments with their texts."""
        return self.messages(self.path(message_id), texts=True)

    def line(self, message_id: str | None) -> Line:
        """The same as `branch`, read as far as it is looked at, from either end."""
        return Line(self, self.path(message_id))

    def message(self, message_id: str, *, texts: bool = False) -> Message:
        """One message. Raises MissingError."""
        found = self.messages([message_id], texts=texts)
        if not found:
            raise MissingError("This message does not exist (any more). Open the conversation again.")
        return found[0]

    def messages(self, ids: Sequence[str], *, texts: bool = False) -> list[Message]:
        """The messages with these ids, in this order, each with its siblings' ids, its records and its attachments.

        Attachments come without their texts and images unless `texts` are asked for. Ids that are not there are left
        out.
        """
        with self.database.reading():
            parts = [ids[at : at + _MOST_MARKS] for at in range(0, len(ids), _MOST_MARKS)]
            return [message for part in parts for message in self._messages(part, texts)]

    def tree(self, conversation_id: str, *, deleted: bool = False) -> list[Node]:
        """All messages of a conversation, oldest first; with `deleted`, also the top one of each deleted part."""
        shown = set(self.path(self.conversation(conversation_id).leaf_id))
        tops = " OR p.id IS NULL OR p.deleted_at IS NULL" if deleted else ""
        with self.database.reading() as db:
            rows = db.query(
                "SELECT m.id, m.parent_id, m.role, substr(m.content, 1, 120) AS label, m.deleted_at "
                "FROM messages m LEFT JOIN messages p ON p.id = m.parent_id "
                f"WHERE m.conversation_id = ? AND (m.deleted_at IS NULL{tops}) ORDER BY m.seq",
                [conversation_id],
            )
            return [
                Node(**row, shown=row["id"] in shown, deleted=gone is not None)
                for row, gone in ((row, row.pop("deleted_at")) for row in rows)
            ]

    def _messages(self, ids: Sequence[str], texts: bool) -> list[Message]:
        marks, values = ",".join("?" * len(ids)), list(ids)
        db = self.database.db
        rows = {row["id"]: row for row in db.query(f"SELECT * FROM messages WHERE id IN ({marks})", values)}
        records: dict[str, list[dict[str, object]]] = {}
        for row in db.query(f"SELECT * FROM reply_records WHERE message_id IN ({marks}) ORDER BY part", values):
            row |= {key: json.loads(row[key]) for key in _JSON}
            if "seed" in row["prompt"]:
                row["sampling"]["seed"] = row["prompt"].pop("seed")
            records.setdefault(row.pop("message_id"), []).append(row)
        siblings: dict[str, list[str]] = {}
        for row in db.query(
            f"""SELECT m.id AS id, s.id AS sibling FROM messages m JOIN messages s
                ON s.conversation_id = m.conversation_id AND s.parent_id IS m.parent_id
                WHERE m.id IN ({marks}) AND s.deleted_at IS NULL ORDER BY s.seq""",
            values,
        ):
            siblings.setdefault(row["id"], []).append(row["sibling"])
        text, join = (", a.data, t.text", "JOIN texts t ON t.sha256 = a.text_sha256") if texts else ("", "")
        files: dict[str, list[dict[str, object]]] = {}
        for row in db.query(
            f"SELECT {ATTACHED}{text} FROM attachments a {join} WHERE message_id IN ({marks}) ORDER BY position", values
        ):
            files.setdefault(str(row["message_id"]), []).append(row)
        return [
            Message(
                **{key: value for key, value in rows[id_].items() if key not in _HIDDEN | {"left_out"}},
                left_out=bool(rows[id_]["left_out"]),
                alternatives=tuple(siblings.get(id_, ())),
                attachments=tuple(attachment_of(row) for row in files.get(id_, ())),
                record=records[id_][-1] if id_ in records else None,
                parts=tuple(records.get(id_, ())),
            )
            for id_ in ids
            if id_ in rows
        ]


class Line(Sequence[Message]):
    """Messages of a branch, oldest first, each read when it is looked at. `ids` are known at once."""

    def __init__(self, history: History, ids: Sequence[str]) -> None:
        self.ids = tuple(ids)
        self._history = history
        self._read: dict[str, Message] = {}

    def followed_by(self, message: Message) -> Line:
        """The same line with one more message at its end, which is not stored."""
        longer = Line(self._history, [*self.ids, message.id])
        longer._read = {**self._read, message.id: message}
        return longer

    def __len__(self) -> int:
        return len(self.ids)

    @overload
    def __getitem__(self, at: int) -> Message: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Message]: ...
    def __getitem__(self, at: int | slice) -> Message | Sequence[Message]:
        """A message, or a list of them; neither is asked of the store twice."""
        wanted = self.ids[at] if isinstance(at, slice) else (self.ids[at],)
        new = [one for one in wanted if one not in self._read]
        self._read |= {message.id: message for message in self._history.messages(new, texts=True)}
        return [self._read[one] for one in wanted] if isinstance(at, slice) else self._read[wanted[0]]
