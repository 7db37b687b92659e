"""What is written into conversations: turns, alternatives, replies as they grow, what is deleted and brought back.

Every new turn names the leaf that its writer saw. Where the conversation has gone on since, the turn becomes a branch
beside what came meanwhile (`NewTurn.branched`); nothing is ever written over.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from playground.errors import BusyError, ConflictError, MissingError
from playground.records import ReplyRecord, Role, Status
from playground.store.rows import Rows, assigned, new_id

_MARKS = {"starred_at", "vote", "vote_reason", "left_out"}
INTERRUPTED = "interrupted"
"""The `error` of a reply that was still being written when the app ended."""


_BELOW = """
    WITH RECURSIVE down(id) AS (
        SELECT ? UNION ALL SELECT m.id FROM messages m JOIN down ON m.parent_id = down.id
    )"""


@dataclass(frozen=True)
class NewTurn:
    """Ids of what was written. `branched`: the conversation had gone on, so this stands beside what came meanwhile."""

    conversation_id: str
    reply_id: str
    branched: bool = False


@dataclass(frozen=True)
class TurnSettings:
    """What a conversation is asked with from this turn on."""

    system_prompt: str
    sampling: Mapping[str, Any]
    persona: str = ""


class Tree(Rows):
    """The writing half of `History`."""

    def add_turn(
        self,
        conversation_id: str | None,
        text: str,
        *,
        seen_leaf: str | None,
        title: str,
        settings: TurnSettings,
        edits: str | None = None,
        attachments: Sequence[str] = (),
    ) -> NewTurn:
        """Commit the user's message and an empty reply below it; a new conversation when `conversation_id` is None.

        With `edits`, the id of a message of the user, the new one stands beside that one and takes its attachments.
        `attachments` are ids of kept files that belong to no message yet.
        """
        now = time.time()
        with self.database.writing() as db:
            branched = False
            if conversation_id is None:
                conversation_id = new_id()
                row = dict(id=conversation_id, title=title, title_by="first_line", created_at=now, updated_at=now)
                db.table("conversations").insert(row, columns={"leaf_id": str})
                parent = None
            elif edits is not None:
                _, branched = self._expect(conversation_id, seen_leaf)
                parent = self._alive(conversation_id, edits, "user")["parent_id"]
            else:
                parent, branched = self._expect(conversation_id, seen_leaf)
                self._refuse_below_growing(parent)
            self._keep_settings(conversation_id, settings)
            user = self._insert(conversation_id, parent, "user", text, "complete", now, edited_from=edits)
            self._attach(user, attachments, edits)
            reply = self._insert(conversation_id, user, "assistant", "", "streaming", now)
            self._move_leaf(conversation_id, reply, now)
        return NewTurn(conversation_id, reply, branched)

    def add_reply(
        self,
        conversation_id: str,
        message_id: str,
        *,
        seen_leaf: str | None,
        settings: TurnSettings | None = None,
        content: str = "",
        status: Status = "streaming",
    ) -> NewTurn:
        """Commit another reply: beside the reply `message_id`, or below it if it is a message of the user.

        `content` is what it begins with. A finished one (`status` "complete") is an edit of the reply by hand.
        """
        now = time.time()
        with self.database.writing():
            _, branched = self._expect(conversation_id, seen_leaf)
            by_hand = status == "complete"
            roles: tuple[Role, ...] = ("assistant",) if by_hand else ("user", "assistant")
            row = self._alive(conversation_id, message_id, *roles)
            parent = row["id"] if row["role"] == "user" else row["parent_id"]
            if parent is None:
                raise MissingError("There is no reply to write anew yet. Send a message first.")
            if settings is not None:
                self._keep_settings(conversation_id, settings)
            edited = message_id if by_hand else None
            reply = self._insert(conversation_id, parent, "assistant", content, status, now, edited_from=edited)
            self._move_leaf(conversation_id, reply, now)
        return NewTurn(conversation_id, reply, branched)

    def reopen(self, conversation_id: str, *, seen_leaf: str | None, settings: TurnSettings) -> NewTurn:
        """Mark the reply `seen_leaf` as being written again, to go on where it ended."""
        now = time.time()
        with self.database.writing() as db:
            leaf, branched = self._expect(conversation_id, seen_leaf)
            row = self._alive(conversation_id, leaf) if leaf else None
            if leaf is None or row is None or row["role"] != "assistant":
                raise MissingError("There is no reply to continue. Send a message first.")
            self._refuse_below_growing(leaf)
            if branched:  # Something may stand below it by now, which was said to its old end.
                copy = self._insert(conversation_id, row["parent_id"], "assistant", row["content"], "streaming", now)
                db.execute("UPDATE messages SET edited_from = ? WHERE id = ?", [leaf, copy])
                self._copy_rows("replies", {leaf: copy})
                leaf = copy
            else:
                self._unindex(leaf)
                db.execute("UPDATE messages SET status='streaming', error='', updated_at=? WHERE id=?", [now, leaf])
            self._keep_settings(conversation_id, settings)
            self._move_leaf(conversation_id, leaf, now)
        return NewTurn(conversation_id, leaf, branched)

    def journal(self, reply_id: str, content: str) -> None:
        """Save what a reply says so far."""
        with self.database.writing() as db:
            db.execute("UPDATE messages SET content=?, updated_at=? WHERE id=?", [content, time.time(), reply_id])

    def note(self, reply_id: str, part: int, record: ReplyRecord, texts: Sequence[str] = ()) -> None:
        """Save what is making a part of a reply as soon as it is known, so that an interrupted one has it, too.

        `texts` are those that the record refers to by their SHA-256.
        """
        with self.database.writing():
            self._keep_texts(texts)
            self._write_record(reply_id, part, record)

    def finish(
        self,
        reply_id: str,
        content: str,
        status: Status,
        error: str,
        record: ReplyRecord | None,
        part: int = 0,
        texts: Sequence[str] = (),
    ) -> None:
        """Save a reply's last state and what made its last part, with the texts that this refers to, in one commit."""
        now = time.time()
        with self.database.writing() as db:
            self._keep_texts(texts)
            db.execute(
                "UPDATE messages SET content=?, status=?, error=?, updated_at=? WHERE id=?",
                [content, status, error, now, reply_id],
            )
            self._index(reply_id)
            if record is not None:
                self._write_record(reply_id, part, record)

    def mark_interrupted(self) -> int:
        """Call once at the start, when nothing can be streaming: what still says so was cut off. Returns how many."""
        with self.database.writing() as db:
            cut = [row["id"] for row in db.query("SELECT id FROM messages WHERE status = 'streaming'")]
            db.execute("UPDATE messages SET status='failed', error=? WHERE status='streaming'", [INTERRUPTED])
            for message_id in cut:
                self._index(message_id)
        return len(cut)

    def select(self, conversation_id: str, message_id: str) -> None:
        """Show the branch through `message_id`, down to its newest end."""
        with self.database.writing():
            self._show(conversation_id, message_id)

    def delete_message(self, conversation_id: str, message_id: str) -> None:
        """Take a message away with everything below it; `restore_message` brings it back."""
        with self.database.writing() as db:
            parent = self._alive(conversation_id, message_id)["parent_id"]
            below = _BELOW + " SELECT id FROM down"
            if self._row(f"SELECT id FROM messages WHERE status = 'streaming' AND id IN ({below})", [message_id]):
                raise BusyError("A reply is being written here. Wait for it or stop it, then go on.")
            db.execute(
                f"UPDATE messages SET deleted_at = ? WHERE deleted_at IS NULL AND id IN ({below})",
                [time.time(), message_id],
            )
            shown = "SELECT id FROM messages WHERE id = (SELECT leaf_id FROM conversations WHERE id = ?)"
            if self._row(f"{shown} AND deleted_at IS NOT NULL", [conversation_id]):
                beside = self._row(
                    """SELECT id FROM messages WHERE conversation_id = ? AND parent_id IS ? AND deleted_at IS NULL
                       ORDER BY seq DESC LIMIT 1""",
                    [conversation_id, parent],
                )
                if beside:
                    self._show(conversation_id, beside["id"])
                else:
                    db.table("conversations").update(conversation_id, dict(leaf_id=parent))

    def restore_message(self, conversation_id: str, message_id: str) -> None:
        """Bring a deleted message back, with what was deleted together with it and what it stands on, and show it."""
        values = dict(id=message_id, conversation=conversation_id, time=None)
        with self.database.writing() as db:
            # Asked before, because the update would change what a subquery sees.
            if row := self._row("SELECT deleted_at FROM messages WHERE id = ?", [message_id]):
                values["time"] = row["deleted_at"]
            db.execute(
                """WITH RECURSIVE up(id, parent_id) AS (
                       SELECT id, parent_id FROM messages WHERE id = :id AND conversation_id = :conversation
                       UNION ALL SELECT m.id, m.parent_id FROM messages m JOIN up ON m.id = up.parent_id
                   ) UPDATE messages SET deleted_at = NULL WHERE conversation_id = :conversation
                     AND (id IN (SELECT id FROM up) OR deleted_at = :time)""",
                values,
            )
            self._show(conversation_id, message_id)

    def mark(self, message_id: str, **values: Any) -> None:
        """Set what the reader thinks of a message: `starred_at`, `vote`, `vote_reason`, `left_out`."""
        if not set(values) <= _MARKS:
            raise ValueError(f"no marks of a message: {values}")
        sql = f"UPDATE messages SET {assigned(values)} WHERE id = :id AND deleted_at IS NULL"
        with self.database.writing() as db:
            changed = db.execute(sql, {**values, "id": message_id})
            if not changed.rowcount:
                raise MissingError("This message does not exist (any more). Open the conversation again.")

    def _expect(self, conversation_id: str, seen_leaf: str | None) -> tuple[str | None, bool]:
        """The message that a writer saw last, and whether the conversation has gone on since."""
        row = self._row("SELECT leaf_id, deleted_at FROM conversations WHERE id = ?", [conversation_id])
        if row is None:
            raise MissingError("This conversation does not exist (any more). Start a new chat.")
        if row["deleted_at"] is not None:
            raise ConflictError("This conversation is in the trash. Restore it, then write on.")
        if seen_leaf == row["leaf_id"]:
            return seen_leaf, False
        try:
            return self._alive(conversation_id, seen_leaf or "")["id"], True
        except MissingError:
            raise ConflictError(
                "What stood here was changed in another window. It is shown anew; look, then send again."
            ) from None

    def _alive(self, conversation_id: str, message_id: str, *roles: Role) -> dict[str, Any]:
        """A message that is not deleted, of one of these roles, if some are named. Raises MissingError."""
        row = self._row(
            "SELECT * FROM messages WHERE id = ? AND conversation_id = ? AND deleted_at IS NULL",
            [message_id, conversation_id],
        )
        if row is None or (roles and row["role"] not in roles):
            raise MissingError("This message does not exist (any more). Open the conversation again.")
        return row

    def _refuse_below_growing(self, message_id: str | None) -> None:
        """A reply that is being written takes no turn."""
        if self._row("SELECT id FROM messages WHERE id = ? AND status = 'streaming'", [message_id]):
            raise BusyError("A reply is being written here. Wait for it or stop it, then go on.")
