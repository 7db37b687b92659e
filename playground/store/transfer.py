"""Whole conversations out of the history and into it, as plain values that JSON can hold and nothing is lost of.

Indexes and views of tokens are made anew and are no part of it. Knows nothing of files and formats.
"""

from __future__ import annotations

import base64
import contextlib
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import sqlite_utils

from playground.errors import MissingError
from playground.store.rows import Rows, exchanged, new_id
from playground.store.transfer_check import checked, shared_texts
from playground.store.transfer_fields import ATTACHMENT, CONVERSATION, MESSAGE, PART, SUMMARY

_PATH = """
    WITH RECURSIVE path(id, parent_id) AS (
        SELECT id, parent_id FROM messages WHERE id = :upto AND conversation_id = :id
        UNION ALL SELECT m.id, m.parent_id FROM messages m JOIN path ON m.id = path.parent_id
    ) SELECT id FROM path"""


@dataclass(frozen=True)
class Loaded:
    """What became of a conversation: put in as it was ("new"), put in beside what has its ids now ("copy"), or left
    alone because it is here already, word for word ("there").
    """

    conversation_id: str
    outcome: Literal["new", "copy", "there"]


class Transfer(Rows):
    """A part of `History`."""

    def dump(self, conversation_id: str, upto: str | None = None) -> dict[str, Any]:
        """Everything about a conversation, or about the one branch of it that ends with the message `upto`.

        All of it is of one moment. `load` takes it back, and `transfer_check` says what it looks like. Raises
        MissingError.
        """
        with self._still():
            return self._dump(conversation_id, upto)

    def load(self, dumped: Mapping[str, Any]) -> Loaded:
        """Put a conversation in, all of it or nothing.

        Its ids are kept, unless something else has one of them: then all are made anew. Times that are missing become
        now. Raises BadValueError that says what is wrong with it, before anything is written.
        """
        wanted = checked(dumped, self._moment(dumped.get("id")))
        with self.database.writing():
            here = self._row("SELECT id FROM conversations WHERE id = ?", [wanted["id"]])
            if here and checked(self._dump(wanted["id"], None), 0.0) == wanted:
                return Loaded(wanted["id"], "there")
            taken = here is not None or self._any_taken(wanted)
            if taken:
                wanted = _renewed(wanted)
            self._write(wanted)
        return Loaded(wanted["id"], "copy" if taken else "new")

    @contextlib.contextmanager
    def _still(self) -> Iterator[None]:
        """Reads within see one state of the file, whatever others write meanwhile."""
        with self.database.reading() as db:
            db.execute("BEGIN")
            try:
                yield
            finally:
                db.conn.rollback()

    def _dump(self, conversation_id: str, upto: str | None) -> dict[str, Any]:
        db = self.database.db
        row = self._row("SELECT * FROM conversations WHERE id = ?", [conversation_id])
        if row is None:
            raise MissingError("This conversation does not exist (any more). Choose another from the list.")
        row["sampling"] = json.loads(row["sampling"])
        tags = db.query("SELECT tag FROM tags WHERE conversation_id = ? ORDER BY tag", [conversation_id])
        row["tags"] = [one["tag"] for one in tags]
        where, values = "conversation_id = :id", dict(id=conversation_id, upto=upto)
        if upto is not None:
            where += f" AND id IN ({_PATH})"
            row["leaf_id"] = upto
        mine = f"message_id IN (SELECT id FROM messages WHERE {where})"
        files = self._by_message(f"SELECT * FROM attachments WHERE {mine} ORDER BY position, rowid", values)
        parts = self._by_message(f"SELECT * FROM reply_records WHERE {mine} ORDER BY part", values)
        messages = []
        for one in db.query(f"SELECT * FROM messages WHERE {where} ORDER BY seq", values):
            inside = {"parts": parts.get(one["id"], []), "attachments": files.get(one["id"], [])}
            messages.append({**_columns(one, MESSAGE), "left_out": bool(one["left_out"]), **inside})
        if upto is not None and not messages:
            raise MissingError("This message does not exist (any more). Open the conversation again.")
        summaries = [
            _columns(one, SUMMARY)
            for one in db.query(
                f"SELECT * FROM (SELECT *, upto_id AS message_id FROM summaries) WHERE {mine} ORDER BY upto_id", values
            )
        ]
        needed = {one["text_sha256"] for one in [*summaries, *(file for rows in files.values() for file in rows)]}
        needed |= shared_texts(part for rows in parts.values() for part in rows)
        texts = db.query(
            "SELECT sha256, text FROM texts WHERE sha256 IN (SELECT value FROM json_each(?)) ORDER BY sha256",
            [json.dumps(sorted(needed))],
        )
        found = {**_columns(row, CONVERSATION), "messages": messages, "summaries": summaries}
        return {**found, "texts": {one["sha256"]: one["text"] for one in texts}}

    def _by_message(self, sql: str, values: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
        rows: dict[str, list[dict[str, Any]]] = {}
        for row in self.database.db.query(sql, values):
            for key in ("versions", "sampling", "prompt", "notes"):
                if key in row:
                    row[key] = json.loads(row[key])
            if row.get("data") is not None:
                row["data"] = base64.b64encode(row["data"]).decode()
            rows.setdefault(row["message_id"], []).append(_columns(row, ATTACHMENT if "notes" in row else PART))
        return rows

    def _moment(self, conversation_id: Any) -> float:
        """What a missing time becomes: that of the same conversation, if it was put in before, so that it is known."""
        with self.database.reading():
            here = (
                isinstance(conversation_id, str)
                and conversation_id.isascii()
                and self._row("SELECT created_at FROM conversations WHERE id = ?", [conversation_id])
            )
        return float(here["created_at"]) if here else time.time()

    def _any_taken(self, wanted: Mapping[str, Any]) -> bool:
        files = [file["id"] for message in wanted["messages"] for file in message["attachments"]]
        ids = {"messages": [message["id"] for message in wanted["messages"]], "attachments": files}
        return any(
            self._row(
                f"SELECT id FROM {table} WHERE id IN (SELECT value FROM json_each(?)) LIMIT 1", [json.dumps(some)]
            )
            for table, some in ids.items()
        )

    def _write(self, wanted: Mapping[str, Any]) -> None:
        db, home = self.database.db, {"conversation_id": wanted["id"]}
        for sha256, text in wanted["texts"].items():
            db.execute("INSERT OR IGNORE INTO texts(sha256, text) VALUES (?, ?)", [sha256, text])
        _insert(db, "conversations", _columns(wanted, CONVERSATION, without="tags"))
        for tag in wanted["tags"]:
            _insert(db, "tags", {**home, "tag": tag})
        for message in wanted["messages"]:
            _insert(db, "messages", {**home, **_columns(message, MESSAGE)})
            self._index(message["id"])
            for row in message["parts"]:
                self.put_record({**row, "message_id": message["id"]})
            for row in message["attachments"]:
                image = {"data": base64.b64decode(row["data"])} if row.get("data") else {}
                _insert(db, "attachments", {**row, **image, "message_id": message["id"]})
        for summary in wanted["summaries"]:
            _insert(db, "summaries", {**home, **summary})


def _insert(db: sqlite_utils.Database, table: str, row: Mapping[str, Any]) -> None:
    values = [json.dumps(one, ensure_ascii=False) if isinstance(one, dict | list) else one for one in row.values()]
    db.execute(f"INSERT INTO {table}({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", values)


def _columns(row: Mapping[str, Any], names: Mapping[str, Any], without: str = "") -> dict[str, Any]:
    return {name: row[name] for name in names if name != without}


def _renewed(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The same conversation with ids that nothing else has, wherever they stand."""
    ids = {wanted["id"]: new_id()}
    for message in wanted["messages"]:
        ids |= {message["id"]: new_id()} | {file["id"]: new_id() for file in message["attachments"]}
    messages = [
        {
            **message,
            "id": ids[message["id"]],
            "parent_id": ids.get(message["parent_id"]),
            "edited_from": ids.get(message["edited_from"]),
            "attachments": [{**file, "id": ids[file["id"]]} for file in message["attachments"]],
            "parts": [{**part, "prompt": exchanged(part["prompt"], ids)} for part in message["parts"]],
        }
        for message in wanted["messages"]
    ]
    summaries = [{**summary, "upto_id": ids[summary["upto_id"]]} for summary in wanted["summaries"]]
    new = {"id": ids[wanted["id"]], "leaf_id": ids.get(wanted["leaf_id"])}
    return {**wanted, **new, "messages": messages, "summaries": summaries}
