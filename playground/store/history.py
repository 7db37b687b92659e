"""Conversations and their trees of messages: what is written when, and what a page may read. No SQL outside here.

A conversation's messages form a tree through `parent_id`; alternatives are siblings; `leaf_id` says which branch is
shown. Every new turn names the leaf that its writer saw; an older one is a ConflictError and changes nothing.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from playground.errors import BusyError, ConflictError, MissingError
from playground.records import Conversation, Message, ReplyRecord, Status
from playground.store.database import Database

INTERRUPTED = "interrupted"
"""The `error` of a reply that was still being written when the app ended."""

_PATH = """
    WITH RECURSIVE path(id, parent_id, depth) AS (
        SELECT id, parent_id, 0 FROM messages WHERE id = :leaf
        UNION ALL
        SELECT m.id, m.parent_id, path.depth + 1 FROM messages m JOIN path ON m.id = path.parent_id
    )"""


@dataclass(frozen=True)
class Window:
    """The newest part of the shown branch, oldest first; `earlier` messages lie before it."""

    messages: tuple[Message, ...]
    earlier: int


@dataclass(frozen=True)
class NewTurn:
    """Ids of what `add_turn` or `add_alternative` wrote."""

    conversation_id: str
    reply_id: str


class History:
    """All reads and writes of conversations. Safe to use from any thread."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def add_turn(
        self,
        conversation_id: str | None,
        text: str,
        *,
        seen_leaf: str | None,
        title: str,
        system_prompt: str,
        sampling: Mapping[str, Any],
    ) -> NewTurn:
        """Commit the user's message and an empty reply below it; a new conversation when `conversation_id` is None."""
        now = time.time()
        with self.database.writing() as db:
            if conversation_id is None:
                conversation_id = _new_id()
                db.table("conversations").insert(
                    dict(id=conversation_id, title=title, created_at=now, updated_at=now), columns={"leaf_id": str}
                )
                parent = None
            else:
                parent = self._expect_leaf(conversation_id, seen_leaf)
            self._keep_settings(conversation_id, system_prompt, sampling)
            user = self._insert(conversation_id, parent, "user", text, "complete", now)
            reply = self._insert(conversation_id, user, "assistant", "", "streaming", now)
            self._move_leaf(conversation_id, reply, now)
        return NewTurn(conversation_id, reply)

    def add_alternative(
        self, conversation_id: str, *, seen_leaf: str | None, system_prompt: str, sampling: Mapping[str, Any]
    ) -> NewTurn:
        """Commit a new empty reply beside the last one of the shown branch."""
        now = time.time()
        with self.database.writing():
            leaf = self._expect_leaf(conversation_id, seen_leaf)
            parent = self._row("SELECT parent_id, role FROM messages WHERE id = ?", leaf) if leaf else None
            if parent is None or parent["role"] != "assistant":
                raise MissingError("There is no reply to write anew yet. Send a message first.")
            self._keep_settings(conversation_id, system_prompt, sampling)
            reply = self._insert(conversation_id, parent["parent_id"], "assistant", "", "streaming", now)
            self._move_leaf(conversation_id, reply, now)
        return NewTurn(conversation_id, reply)

    def reopen(
        self, conversation_id: str, *, seen_leaf: str | None, system_prompt: str, sampling: Mapping[str, Any]
    ) -> NewTurn:
        """Mark the last reply as being written again, to go on where it ended."""
        now = time.time()
        with self.database.writing() as db:
            leaf = self._expect_leaf(conversation_id, seen_leaf)
            row = self._row("SELECT role FROM messages WHERE id = ?", leaf) if leaf else None
            if leaf is None or row is None or row["role"] != "assistant":
                raise MissingError("There is no reply to continue. Send a message first.")
            self._keep_settings(conversation_id, system_prompt, sampling)
            db.execute("UPDATE messages SET status='streaming', error='', updated_at=? WHERE id=?", [now, leaf])
            self._move_leaf(conversation_id, leaf, now)
        return NewTurn(conversation_id, leaf)

    def journal(self, reply_id: str, content: str) -> None:
        """Save what a reply says so far."""
        with self.database.writing() as db:
            db.execute("UPDATE messages SET content=?, updated_at=? WHERE id=?", [content, time.time(), reply_id])

    def note(self, reply_id: str, record: ReplyRecord) -> None:
        """Save what is making a reply as soon as it is known, so that an interrupted one has its record, too."""
        with self.database.writing():
            self._write_record(reply_id, record)

    def finish(self, reply_id: str, content: str, status: Status, error: str, record: ReplyRecord | None) -> None:
        """Save a reply's last state and what made it, in one commit."""
        now = time.time()
        with self.database.writing() as db:
            db.execute(
                "UPDATE messages SET content=?, status=?, error=?, updated_at=? WHERE id=?",
                [content, status, error, now, reply_id],
            )
            if record is not None:
                self._write_record(reply_id, record)

    def mark_interrupted(self) -> int:
        """Call once at the start, when nothing can be streaming: what still says so was cut off. Returns how many."""
        with self.database.writing() as db:
            cursor = db.execute("UPDATE messages SET status='failed', error=? WHERE status='streaming'", [INTERRUPTED])
            return cursor.rowcount

    def conversations(self, limit: int = 200, *, trashed: bool = False) -> list[Conversation]:
        """The newest conversations first, or those in the trash."""
        state = "IS NOT NULL" if trashed else "IS NULL"
        with self.database.reading() as db:
            rows = db.query(
                f"SELECT * FROM conversations WHERE deleted_at {state} ORDER BY updated_at DESC, rowid DESC LIMIT ?",
                [limit],
            )
            return [_conversation(row) for row in rows]

    def conversation(self, conversation_id: str) -> Conversation:
        """One conversation, also when it is in the trash. Raises MissingError."""
        with self.database.reading():
            row = self._row("SELECT * FROM conversations WHERE id = ?", conversation_id)
        if row is None:
            raise MissingError("This conversation does not exist (any more). Choose another from the list.")
        return _conversation(row)

    def rename(self, conversation_id: str, title: str) -> None:
        """Give a conversation another title."""
        self._set(conversation_id, title=title)

    def trash(self, conversation_id: str) -> None:
        """Move a conversation to the trash; `restore` brings it back unchanged."""
        self._set(conversation_id, deleted_at=time.time())

    def restore(self, conversation_id: str) -> None:
        """Take a conversation out of the trash."""
        self._set(conversation_id, deleted_at=None)

    def _set(self, conversation_id: str, **values: Any) -> None:
        self.conversation(conversation_id)
        with self.database.writing() as db:
            db.table("conversations").update(conversation_id, values)

    def window(self, conversation_id: str, limit: int, before: str | None = None) -> Window:
        """The last `limit` messages of the shown branch, or of what lies before the message `before`."""
        leaf = self.conversation(conversation_id).leaf_id
        if leaf is None:
            return Window((), 0)
        skip = 0
        with self.database.reading() as db:
            if before is not None:
                found = self._row(_PATH + " SELECT depth FROM path WHERE id = :before", dict(leaf=leaf, before=before))
                if found is None:
                    raise MissingError("That message is not in the shown branch any more. Open the conversation again.")
                skip = found["depth"] + 1
            ids = [r["id"] for r in db.query(_PATH + " SELECT id FROM path ORDER BY depth", dict(leaf=leaf))]
            shown = ids[skip : skip + limit]
            return Window(tuple(reversed(self._messages(shown))), max(0, len(ids) - skip - limit))

    def branch(self, message_id: str) -> list[Message]:
        """Every message from the root down to `message_id`."""
        with self.database.reading() as db:
            ids = [r["id"] for r in db.query(_PATH + " SELECT id FROM path ORDER BY depth DESC", dict(leaf=message_id))]
            return self._messages(ids)

    def message(self, message_id: str) -> Message:
        """One message. Raises MissingError."""
        with self.database.reading():
            found = self._messages([message_id])
        if not found:
            raise MissingError("This message does not exist (any more). Open the conversation again.")
        return found[0]

    def select(self, conversation_id: str, message_id: str) -> None:
        """Show the branch through `message_id`, down to its newest end."""
        with self.database.writing() as db:
            row = self._row(
                """WITH RECURSIVE down(id) AS (
                       SELECT id FROM messages WHERE id = :id AND conversation_id = :conversation
                       UNION ALL
                       SELECT (SELECT c.id FROM messages c WHERE c.parent_id = down.id ORDER BY c.seq DESC LIMIT 1)
                       FROM down WHERE down.id IS NOT NULL
                   ) SELECT id FROM down WHERE id IS NOT NULL
                   AND NOT EXISTS (SELECT 1 FROM messages c WHERE c.parent_id = down.id)""",
                dict(id=message_id, conversation=conversation_id),
            )
            if row is None:
                raise MissingError("This message does not exist (any more). Open the conversation again.")
            db.table("conversations").update(conversation_id, dict(leaf_id=row["id"]))

    def _messages(self, ids: Sequence[str]) -> list[Message]:
        """The messages with these ids, in this order, each with its siblings' ids and its record."""
        marks = ",".join("?" * len(ids))
        db = self.database.db
        rows = {row["id"]: row for row in db.query(f"SELECT * FROM messages WHERE id IN ({marks})", list(ids))}
        records = {
            row.pop("message_id"): row
            for row in db.query(f"SELECT * FROM replies WHERE message_id IN ({marks})", list(ids))
        }
        for record in records.values():
            record |= {key: json.loads(record[key]) for key in ("versions", "sampling")}
        siblings: dict[str, list[str]] = {}
        for row in db.query(
            f"""SELECT m.id AS id, s.id AS sibling FROM messages m JOIN messages s
                ON s.conversation_id = m.conversation_id AND s.parent_id IS m.parent_id
                WHERE m.id IN ({marks}) ORDER BY s.seq""",
            list(ids),
        ):
            siblings.setdefault(row["id"], []).append(row["sibling"])
        return [
            Message(
                **{key: value for key, value in rows[id_].items() if key != "seq"},
                alternatives=tuple(siblings[id_]),
                record=records.get(id_),
            )
            for id_ in ids
            if id_ in rows
        ]

    def _expect_leaf(self, conversation_id: str, seen_leaf: str | None) -> str | None:
        row = self._row(
            """SELECT leaf_id, deleted_at, EXISTS (
                   SELECT 1 FROM messages m WHERE m.conversation_id = c.id AND m.status = 'streaming'
               ) AS streaming FROM conversations c WHERE id = ?""",
            conversation_id,
        )
        if row is None:
            raise MissingError("This conversation does not exist (any more). Start a new chat.")
        if row["deleted_at"] is not None:
            raise ConflictError("This conversation is in the trash. Restore it, then write on.")
        if row["streaming"]:
            raise BusyError("A reply is being written here. Wait for it or stop it, then go on.")
        if seen_leaf != row["leaf_id"]:
            raise ConflictError("This conversation went on in another window. It is shown anew; look, then send again.")
        leaf: str | None = row["leaf_id"]
        return leaf

    def _write_record(self, reply_id: str, record: ReplyRecord) -> None:
        row = record.to_dict()
        row |= {key: json.dumps(row[key]) for key in ("versions", "sampling")}
        self.database.db.table("replies").insert({"message_id": reply_id, **row}, pk="message_id", replace=True)

    def _keep_settings(self, conversation_id: str, system_prompt: str, sampling: Mapping[str, Any]) -> None:
        settings = dict(system_prompt=system_prompt, sampling=json.dumps(dict(sampling)))
        self.database.db.table("conversations").update(conversation_id, settings)

    def _insert(
        self, conversation_id: str, parent: str | None, role: str, content: str, status: Status, now: float
    ) -> str:
        message_id = _new_id()
        row = dict(id=message_id, conversation_id=conversation_id, parent_id=parent, role=role, content=content)
        self.database.db.table("messages").insert({**row, "status": status, "created_at": now, "updated_at": now})
        return message_id

    def _move_leaf(self, conversation_id: str, leaf: str, now: float) -> None:
        self.database.db.table("conversations").update(conversation_id, dict(leaf_id=leaf, updated_at=now))

    def _row(self, sql: str, params: str | dict[str, str]) -> dict[str, Any] | None:
        values = params if isinstance(params, dict) else [params]
        return next(iter(self.database.db.query(sql, values)), None)


def _conversation(row: dict[str, Any]) -> Conversation:
    return Conversation(**{**row, "sampling": json.loads(row["sampling"])})


def _new_id() -> str:
    return uuid.uuid4().hex
