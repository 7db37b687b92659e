"""Keeps conversations in order: title, pin, archive, folder, tags, copies, the trash. Knows nothing of what is said."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import sqlite_utils

from playground.errors import BadValueError, BusyError, MissingError
from playground.records import Conversation
from playground.store.rows import Rows, assigned, new_id

Place = Literal["list", "archive", "trash"]
_PLACES: Mapping[Place, str] = {
    "list": "deleted_at IS NULL AND archived_at IS NULL",
    "archive": "deleted_at IS NULL AND archived_at IS NOT NULL",
    "trash": "deleted_at IS NOT NULL",
}
_LONGEST_NAME = 200


@dataclass(frozen=True)
class Counts:
    """How many conversations there are in each place, each folder, and with each tag (of those not in the trash)."""

    archived: int
    trashed: int
    folders: Mapping[str, int]
    tags: Mapping[str, int]


class Shelf(Rows):
    """A part of `History`."""

    def conversations(
        self,
        limit: int = 200,
        *,
        place: Place = "list",
        folder: str | None = None,
        tag: str | None = None,
        pinned: bool | None = None,
        offset: int = 0,
    ) -> list[Conversation]:
        """The newest first. `folder` "" are those in no folder; `pinned` None are all."""
        where, values = [_PLACES[place]], []
        if folder is not None:
            where.append("folder = ?")
            values.append(folder)
        if tag is not None:
            where.append("id IN (SELECT conversation_id FROM tags WHERE tag = ?)")
            values.append(tag)
        if pinned is not None:
            where.append(f"pinned_at IS {'NOT ' if pinned else ''}NULL")
        sql = f"SELECT * FROM conversations WHERE {' AND '.join(where)} ORDER BY updated_at DESC, rowid DESC"
        with self.database.reading() as db:
            return self._with_tags(list(db.query(f"{sql} LIMIT ? OFFSET ?", [*values, limit, offset])))

    def conversation(self, conversation_id: str) -> Conversation:
        """One conversation, also when it is in the trash. Raises MissingError."""
        with self.database.reading():
            row = self._row("SELECT * FROM conversations WHERE id = ?", [conversation_id])
            if row is None:
                raise MissingError("This conversation does not exist (any more). Choose another from the list.")
            return self._with_tags([row])[0]

    def counts(self) -> Counts:
        """What the list's headings say."""
        with self.database.reading() as db:
            archived, trashed = db.conn.execute(
                "SELECT count(*) FILTER (WHERE deleted_at IS NULL AND archived_at IS NOT NULL), "
                "count(*) FILTER (WHERE deleted_at IS NOT NULL) FROM conversations"
            ).fetchone()
            folders = db.conn.execute(
                f"SELECT folder, count(*) FROM conversations WHERE {_PLACES['list']} AND folder != '' "
                "GROUP BY folder ORDER BY folder COLLATE NOCASE"
            ).fetchall()
            tags = db.conn.execute(
                "SELECT tag, count(*) FROM tags JOIN conversations ON id = conversation_id WHERE deleted_at IS NULL "
                "GROUP BY tag ORDER BY tag COLLATE NOCASE"
            ).fetchall()
        return Counts(archived, trashed, dict(folders), dict(tags))

    def models(self) -> list[str]:
        """Names of all models that have ever replied."""
        with self.database.reading() as db:
            return [row["model"] for row in db.query("SELECT DISTINCT model FROM makers ORDER BY model")]

    def rename(self, conversation_id: str, title: str) -> None:
        """Give a conversation another title."""
        self._set(conversation_id, title=_name(title, "title"), title_by="user")

    def retitle(self, conversation_id: str, title: str) -> bool:
        """Give a conversation a title by the model, unless it has another than its first line; says whether it did."""
        with self.database.writing() as db:
            sql = "UPDATE conversations SET title = ?, title_by = 'model' WHERE id = ? AND title_by = 'first_line'"
            return bool(db.execute(sql, [_name(title, "title"), conversation_id]).rowcount)

    def trash(self, conversation_id: str) -> None:
        """Move a conversation to the trash; `restore` brings it back unchanged."""
        self._set(conversation_id, deleted_at=time.time())

    def trash_all(self, ids: Sequence[str]) -> int:
        """`trash` many at once, as all such methods in one commit and without those that are gone; returns how many."""
        return self._set_all(ids, deleted_at=time.time())

    def restore(self, conversation_id: str) -> None:
        """Take a conversation out of the trash."""
        self._set(conversation_id, deleted_at=None)

    def restore_all(self, ids: Sequence[str]) -> int:
        """`restore` many at once."""
        return self._set_all(ids, deleted_at=None)

    def pin(self, conversation_id: str, on: bool = True) -> None:
        """Keep a conversation at the top of the list."""
        self._set(conversation_id, pinned_at=time.time() if on else None)

    def archive(self, conversation_id: str, on: bool = True) -> None:
        """Put a conversation out of sight; search finds it still."""
        self._set(conversation_id, archived_at=time.time() if on else None)

    def archive_all(self, ids: Sequence[str], on: bool = True) -> int:
        """`archive` many at once."""
        return self._set_all(ids, archived_at=time.time() if on else None)

    def move(self, conversation_id: str, folder: str) -> None:
        """Put a conversation into a folder, "" for none; a folder is there as long as something is in it."""
        self._set(conversation_id, folder=_folder(folder))

    def move_all(self, ids: Sequence[str], folder: str) -> int:
        """`move` many at once."""
        return self._set_all(ids, folder=_folder(folder))

    def rename_folder(self, folder: str, name: str) -> list[str]:
        """Give a folder another name, "" to dissolve it; returns the ids of what was in it."""
        name = _folder(name)
        with self.database.writing() as db:
            ids = [row["id"] for row in db.query("SELECT id FROM conversations WHERE folder = ?", [folder])]
            db.execute("UPDATE conversations SET folder = ? WHERE folder = ?", [name, folder])
        return ids

    def set_tags(self, conversation_id: str, tags: Sequence[str]) -> None:
        """Give a conversation these tags and no others."""
        self.conversation(conversation_id)
        wanted = dict.fromkeys(_name(tag, "tag") for tag in tags if tag.strip())
        with self.database.writing() as db:
            db.execute("DELETE FROM tags WHERE conversation_id = ?", [conversation_id])
            db.table("tags").insert_all(dict(conversation_id=conversation_id, tag=tag) for tag in wanted)

    def set_context(self, conversation_id: str, context: str) -> None:
        """Decide what happens to messages that do not fit: "oldest", "summary" or "hand"."""
        if context not in ("oldest", "summary", "hand"):
            raise BadValueError(f"context is {context!r}. Choose one of: oldest, summary, hand.")
        self._set(conversation_id, context=context)

    def duplicate(self, conversation_id: str, title: str) -> str:
        """A copy with all branches, marks, records, tags and files; returns its id. Raises MissingError."""
        original, now = self.conversation(conversation_id), time.time()
        with self.database.writing() as db:
            copy = new_id()
            rows = list(db.query("SELECT * FROM messages WHERE conversation_id = ? ORDER BY seq", [conversation_id]))
            ids = {row["id"]: new_id() for row in rows}
            row = self._row("SELECT * FROM conversations WHERE id = ?", [conversation_id]) or {}
            row |= dict(id=copy, title=_name(title, "title"), title_by="user", created_at=now, updated_at=now)
            row |= dict(leaf_id=ids.get(str(original.leaf_id)), pinned_at=None, archived_at=None, deleted_at=None)
            db.table("conversations").insert(row, columns={"leaf_id": str})
            for row in rows:
                del row["seq"]
                row |= dict(id=ids[row["id"]], conversation_id=copy, parent_id=ids.get(row["parent_id"]), indexed=0)
                row["edited_from"] = ids.get(row["edited_from"])
                if row["status"] == "streaming":  # It goes on in the original alone.
                    row |= dict(status="stopped")
                db.table("messages").insert(row)
            for table in ("replies", "attachments", "token_views"):
                self._copy_rows(table, ids)
            db.table("tags").insert_all(dict(conversation_id=copy, tag=tag) for tag in original.tags)
            self.search.add_some()  # The index looks at records, too: it comes last.
        return copy

    def empty_trash(self) -> tuple[int, int]:
        """Delete all that is in the trash for good, one after the other.

        Returns how many conversations are gone, and how many are left because a reply is being written in them.
        """
        gone = busy = 0
        with self.database.reading() as db:
            trashed = [row["id"] for row in db.query(f"SELECT id FROM conversations WHERE {_PLACES['trash']}")]
        for conversation_id in trashed:
            try:
                with self.database.writing() as db:
                    self._purge(db, dict(id=conversation_id))
                gone += 1
            except BusyError:
                busy += 1
            except BadValueError:
                continue  # Taken out of the trash meanwhile.
        with self.database.writing():
            self._drop_unreferred()
            self.search.add_some()
        return gone, busy

    def _purge(self, db: sqlite_utils.Database, values: dict[str, str]) -> None:
        if not self._row(f"SELECT id FROM conversations WHERE id = :id AND {_PLACES['trash']}", values):
            raise BadValueError("This conversation is not in the trash. Move it there first.")
        ids = "SELECT id FROM messages WHERE conversation_id = :id"
        if self._row(f"{ids} AND status = 'streaming'", values):
            raise BusyError("A reply is being written here. Wait for it or stop it, then go on.")
        for row in list(db.query(ids, values)):
            self._unindex(row["id"])
        db.execute("UPDATE conversations SET leaf_id = NULL WHERE id = :id", values)
        for table in ("token_views", "replies", "attachments"):
            db.execute(f"DELETE FROM {table} WHERE message_id IN ({ids})", values)
        for table in ("summaries", "tags"):
            db.execute(f"DELETE FROM {table} WHERE conversation_id = :id", values)
        # From the newest on, because a message refers to its parent.
        for row in list(db.query(f"{ids} ORDER BY seq DESC", values)):
            db.execute("DELETE FROM messages WHERE id = ?", [row["id"]])
        db.execute("DELETE FROM conversations WHERE id = :id", values)

    def _set(self, conversation_id: str, **values: Any) -> None:
        if not self._set_all([conversation_id], **values):
            raise MissingError("This conversation does not exist (any more). Choose another from the list.")

    def _set_all(self, ids: Sequence[str], **values: Any) -> int:
        sql = f"UPDATE conversations SET {assigned(values)} WHERE id IN (SELECT value FROM json_each(:ids))"
        with self.database.writing() as db:
            return db.execute(sql, {**values, "ids": json.dumps(list(ids))}).rowcount

    def _with_tags(self, rows: list[dict[str, Any]]) -> list[Conversation]:
        marks = ",".join("?" * len(rows))
        tags: dict[str, list[str]] = {}
        for row in self.database.db.query(
            f"SELECT conversation_id, tag FROM tags WHERE conversation_id IN ({marks}) ORDER BY tag COLLATE NOCASE",
            [row["id"] for row in rows],
        ):
            tags.setdefault(row["conversation_id"], []).append(row["tag"])
        return [
            Conversation(**{**row, "sampling": json.loads(row["sampling"]), "tags": tuple(tags.get(row["id"], ()))})
            for row in rows
        ]


def _folder(text: str) -> str:
    return _name(text, "folder") if text.strip() else ""


def _name(text: str, what: str) -> str:
    name = " ".join(text.split())[:_LONGEST_NAME]
    if not name:
        raise BadValueError(f"The {what} is empty. Write one.")
    return name
