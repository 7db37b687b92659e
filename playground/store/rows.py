"""Single rows of the history, inside of a transaction that someone else began. Knows nothing of what they are for."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from playground.errors import MissingError
from playground.records import ReplyRecord, Status
from playground.store.database import Database
from playground.store.search import Search

if TYPE_CHECKING:
    from playground.store.tree import TurnSettings

_DOWN = """
    WITH RECURSIVE down(id, depth) AS (
        SELECT id, 0 FROM messages WHERE id = :id AND conversation_id = :conversation AND deleted_at IS NULL
        UNION ALL
        SELECT (SELECT c.id FROM messages c WHERE c.conversation_id = :conversation AND c.parent_id = down.id
                AND c.deleted_at IS NULL ORDER BY c.seq DESC LIMIT 1), depth + 1
        FROM down WHERE down.id IS NOT NULL
    )"""


# Not while a reply is written: what it was asked with may be kept already, and its record not yet.
_DROP_TEXTS = """
    DELETE FROM texts WHERE NOT EXISTS (SELECT 1 FROM messages WHERE status = 'streaming') AND sha256 NOT IN (
        SELECT text_sha256 FROM attachments UNION SELECT text_sha256 FROM summaries
        UNION SELECT text_sha256 FROM run_documents
        UNION SELECT value FROM replies, json_each(prompt) WHERE key IN ('system', 'summary') AND value IS NOT NULL)"""
_DROP_MAKERS = """
    DELETE FROM makers WHERE id NOT IN (
        SELECT maker_id FROM replies UNION SELECT maker_id FROM run_nodes WHERE maker_id IS NOT NULL
        UNION SELECT maker_id FROM segments WHERE maker_id IS NOT NULL)"""
MAKER = (
    "model", "engine", "revision", "file_sha256", "quantization", "template_sha256", "versions", "sampling",
    "context_length", "device", "adapter", "adapter_sha256", "hardware",
)  # fmt: skip
"""What many replies share, and `makers` holds once."""


class Rows:
    """What the halves of `History` share."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.search = Search(database)

    def _row(self, sql: str, params: Sequence[Any] | dict[str, Any]) -> dict[str, Any] | None:
        return next(iter(self.database.db.query(sql, params)), None)

    def _show(self, conversation_id: str, message_id: str) -> None:
        """Let the shown branch be the one through a message, down to its newest end. Raises MissingError."""
        row = self._row(
            _DOWN + " SELECT id FROM down WHERE id IS NOT NULL ORDER BY depth DESC LIMIT 1",
            dict(id=message_id, conversation=conversation_id),
        )
        if row is None:
            raise MissingError("This message does not exist (any more). Open the conversation again.")
        self.database.db.table("conversations").update(conversation_id, dict(leaf_id=row["id"]))

    def _insert(
        self,
        conversation_id: str,
        parent: str | None,
        role: str,
        content: str,
        status: Status,
        now: float,
        *,
        edited_from: str | None = None,
    ) -> str:
        message_id = new_id()
        row: dict[str, Any] = dict(id=message_id, conversation_id=conversation_id, parent_id=parent, role=role)
        row |= {"content": content, "status": status, "created_at": now, "updated_at": now, "edited_from": edited_from}
        self.database.db.table("messages").insert(row)
        if status != "streaming":
            self._index(message_id)
        return message_id

    def _index(self, message_id: str) -> None:
        row = self._row("SELECT seq FROM messages WHERE id = ? AND indexed = 0", [message_id])
        if row is not None:
            self.search.add(row["seq"])

    def _unindex(self, message_id: str) -> None:
        row = self._row("SELECT seq FROM messages WHERE id = ? AND indexed = 1", [message_id])
        if row is not None:
            self.search.remove(row["seq"])

    def _write_record(self, reply_id: str, part: int, record: ReplyRecord) -> None:
        row = record.to_dict()
        # The seed is one of the few things that no two replies share: it goes where those are.
        if "seed" in row["sampling"]:
            row["prompt"] = {**row["prompt"], "seed": row["sampling"].pop("seed")}
        self.put_record({"message_id": reply_id, "part": part, **row})

    def put_record(self, row: Mapping[str, Any]) -> None:
        """Keep a row of `reply_records`: what made it once for all that share it, the rest in `replies`."""
        db = self.database.db
        own = {name: value for name, value in row.items() if name not in MAKER}
        own |= {"maker_id": self.keep_maker(row), "prompt": json.dumps(row["prompt"], ensure_ascii=False)}
        db.execute(f"INSERT OR REPLACE INTO replies {values_of(own)}", own)

    def keep_maker(self, row: Mapping[str, Any]) -> int:
        """The number of what made something, kept once for all that share it; `row` may hold more."""
        texts = {key: json.dumps(row[key], ensure_ascii=False, sort_keys=True) for key in ("versions", "sampling")}
        maker = {name: texts.get(name, row[name]) for name in MAKER}
        self.database.db.execute(f"INSERT OR IGNORE INTO makers {values_of(maker)}", maker)
        found = self.database.db.execute(f"SELECT id FROM makers WHERE {assigned(maker, ' AND ')}", maker)
        return int(found.fetchone()[0])

    def _keep_text(self, text: str) -> str:
        sha256 = sha256_of(text)
        self.database.db.execute("INSERT OR IGNORE INTO texts(sha256, text) VALUES (?, ?)", [sha256, text])
        return sha256

    def _keep_texts(self, texts: Sequence[str]) -> None:
        for text in texts:
            self._keep_text(text)

    def _drop_unreferred(self) -> None:
        """Delete the texts and makers that no row refers to (any more)."""
        self.database.db.execute(_DROP_TEXTS)
        self.database.db.execute(_DROP_MAKERS)

    def _keep_settings(self, conversation_id: str, settings: TurnSettings) -> None:
        values = dict(system_prompt=settings.system_prompt, persona=settings.persona)
        values["sampling"] = json.dumps(dict(settings.sampling))
        self.database.db.table("conversations").update(conversation_id, values)

    def _move_leaf(self, conversation_id: str, leaf: str, now: float) -> None:
        self.database.db.table("conversations").update(conversation_id, dict(leaf_id=leaf, updated_at=now))

    def _attach(self, message_id: str, attachments: Sequence[str], edits: str | None) -> None:
        """Give kept files to a message; an edit has those of the message that it edits, too.

        What another message has taken is copied: the same turn may come twice. Raises MissingError for what is gone.
        """
        db = self.database.db
        if edits is not None:
            for row in list(db.query("SELECT * FROM attachments WHERE message_id = ? ORDER BY position", [edits])):
                db.table("attachments").insert({**row, "id": new_id(), "message_id": message_id})
        for position, attachment in enumerate(dict.fromkeys(attachments), 1000):
            found = self._row("SELECT * FROM attachments WHERE id = ?", [attachment])
            if found is None:
                raise MissingError("An attached file is not kept any more. Attach it again, then send.")
            mine = {"message_id": message_id, "position": position}
            if found["message_id"] is None:
                db.table("attachments").update(attachment, mine)
            else:
                db.table("attachments").insert({**found, **mine, "id": new_id()})

    def _copy_rows(self, table: str, ids: Mapping[str, str]) -> None:
        """Give the messages `ids` leads to what a table holds of those it leads from."""
        db = self.database.db
        for old, new in ids.items():
            for row in list(db.query(f"SELECT * FROM {table} WHERE message_id = ?", [old])):
                row |= {"message_id": new} | ({"id": new_id()} if "id" in row else {})
                if "prompt" in row:
                    row["prompt"] = json.dumps(exchanged(json.loads(row["prompt"]), ids), ensure_ascii=False)
                db.execute(f"INSERT INTO {table} {values_of(row)}", row)


def values_of(row: Mapping[str, Any]) -> str:
    """`(name, …) VALUES (:name, …)`, as INSERT takes it."""
    return f"({', '.join(row)}) VALUES (:{', :'.join(row)})"


def assigned(names: Iterable[str], joint: str = ", ") -> str:
    """`name = :name` for each, as UPDATE sets them and WHERE compares them."""
    return joint.join(f"{name} = :{name}" for name in names)


def sha256_of(text: str) -> str:
    """By what a text that many records share is named."""
    return hashlib.sha256(text.encode()).hexdigest()


def new_id() -> str:
    """An id that no other has, on any machine."""
    return secrets.token_hex(10)


def exchanged(value: Any, ids: Mapping[str, str]) -> Any:
    """A record's prompt names messages by their ids: here with others, wherever they stand."""
    if isinstance(value, str):
        return ids.get(value, value)
    if isinstance(value, Sequence):
        return [exchanged(one, ids) for one in value]
    return {key: exchanged(one, ids) for key, one in value.items()} if isinstance(value, Mapping) else value
