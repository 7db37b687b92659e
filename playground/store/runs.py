"""Runs over documents: what was read, what was written of each part, and what came out. No SQL about them elsewhere.

A run has documents and nodes. Nodes of level 0 are the parts of its documents; a node above stands for a row of those
below it. A node that is done is never written again.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from playground.errors import BadValueError, BusyError, MissingError
from playground.store.rows import MAKER, assigned, new_id, values_of
from playground.store.run_values import Node, Run, RunDocument, RunFound, RunPlace
from playground.store.shelved import LONGEST_TITLE, Shelved
from playground.store.terms import Terms

_NOWHERE = "This summary does not exist (any more). Choose another from the list."
_OWN = ("seed", "prompt_tokens", "cached_tokens", "completion_tokens", "seconds", "finish_reason")


class Runs(Shelved):
    """All reads and writes of runs. Safe to use from any thread."""

    _table = "runs"

    def add(self, title: str, options: Mapping[str, Any], documents: Sequence[RunDocument] = ()) -> str:
        """Begin to collect what is to be summarized; returns the new run's id. `start` makes it more than a draft."""
        run_id, now = new_id(), time.time()
        with self.database.writing() as db:
            row = dict(id=run_id, kind="summary", title=title[:LONGEST_TITLE], status="draft", model="")
            row["options"] = json.dumps(dict(options), ensure_ascii=False)
            db.table("runs").insert({**row, "created_at": now, "updated_at": now})
            for position, one in enumerate(documents):
                self._add_document(run_id, position, one)
        return run_id

    def add_document(self, run_id: str, document: RunDocument) -> None:
        """Put one more document to a draft. Raises BusyError once it was started."""
        with self.database.writing():
            self._refuse_started(run_id)
            sql = "SELECT coalesce(max(position), -1) + 1 AS next FROM run_documents WHERE run_id = ?"
            row = self._row(sql, [run_id])
            self._add_document(run_id, row["next"] if row else 0, document)

    def remove_document(self, run_id: str, position: int) -> None:
        """Take away the document that `documents` names at this position; from a draft only."""
        with self.database.writing() as db:
            self._refuse_started(run_id)
            nth = "SELECT position FROM run_documents WHERE run_id = ? ORDER BY position LIMIT 1 OFFSET ?"
            sql = f"DELETE FROM run_documents WHERE run_id = ? AND position = ({nth})"
            db.execute(sql, [run_id, run_id, position])
            self._drop_unreferred()

    def start(self, run_id: str, title: str, options: Mapping[str, Any], model: str, adapter: str) -> None:
        """Let a draft become a run."""
        values = dict(title=title[:LONGEST_TITLE], options=json.dumps(dict(options), ensure_ascii=False))
        values |= {"model": model, "adapter": adapter}
        with self.database.writing() as db:
            self._refuse_started(run_id)
            now = dict(id=run_id, created_at=time.time(), updated_at=time.time(), status="running")
            names = [*values, "created_at", "updated_at", "status"]
            db.execute(f"UPDATE runs SET {assigned(names)} WHERE id = :id", values | now)

    def run(self, run_id: str) -> Run:
        """One run, also when it is in the trash. Raises MissingError."""
        with self.database.reading():
            row = self._row("SELECT * FROM runs WHERE id = ?", [run_id])
        if row is None:
            raise MissingError(_NOWHERE)
        return _run(row)

    def runs(self, limit: int = 200, *, place: RunPlace = "list", texts: bool = True) -> list[Run]:
        """The newest first; without `texts`, as a list shows them, their summaries and receipts are empty."""
        where = "deleted_at IS NULL" if place == "list" else "deleted_at IS NOT NULL"
        columns = "*" if texts else _LISTED
        with self.database.reading() as db:
            sql = f"SELECT {columns} FROM runs WHERE kind = 'summary' AND {where}"
            sql += " ORDER BY created_at DESC, rowid DESC LIMIT ?"
            return [_run(row) for row in db.query(sql, [limit])]

    def documents(self, run_id: str) -> list[RunDocument]:
        """What a run read, with the texts."""
        with self.database.reading() as db:
            rows = list(
                db.query(
                    "SELECT d.*, t.text FROM run_documents d JOIN texts t ON t.sha256 = d.text_sha256 "
                    "WHERE run_id = ? ORDER BY position",
                    [run_id],
                )
            )
        return [
            RunDocument(
                **{key: row[key] for key in ("name", "media_type", "size", "sha256", "pages", "language", "text")},
                notes=tuple(json.loads(row["notes"])),
                blocks=tuple((str(a), int(b), c, int(d)) for a, b, c, d in json.loads(row["blocks"])),
            )
            for row in rows
        ]

    def document_names(self, run_id: str) -> list[tuple[int, str]]:
        """Position and SHA-256 of each document: what tells whether `documents` is the same as before."""
        with self.database.reading() as db:
            sql = "SELECT position, sha256 FROM run_documents WHERE run_id = ? ORDER BY position"
            return [(row["position"], row["sha256"]) for row in db.query(sql, [run_id])]

    def nodes(self, run_id: str) -> list[Node]:
        """All that are planned so far, by level and position."""
        with self.database.reading() as db:
            rows = db.query(
                f"{_NODES} WHERE run_id = ? ORDER BY level, position",
                [run_id],
            )
            return [_node(row) for row in rows]

    def plan(self, run_id: str, nodes: Iterable[Node]) -> None:
        """Add the nodes of a level, all or none."""
        with self.database.writing() as db:
            for one in nodes:
                row: dict[str, Any] = dict(run_id=run_id, level=one.level, position=one.position, step=one.step)
                row |= {"document": one.document, "first": one.first, "last": one.last, "status": one.status}
                db.execute(f"INSERT INTO run_nodes {values_of(row)}", row)

    def tried(self, run_id: str, node: Node) -> None:
        """Count one more try of a node that failed."""
        self._set_node(run_id, node, "tries = tries + 1", {})

    def done(self, run_id: str, node: Node, text: str, key: str, record: Mapping[str, Any]) -> None:
        """Keep what was written of a node; `key` finds it for another run, `record` says what made it."""
        with self.database.writing() as db:
            maker = self.keep_maker(record)
            values = {name: record[name] for name in _OWN}
            values |= {"status": "done", "text": text, "key": key, "error": "", "maker_id": maker}
            where = dict(run=run_id, level=node.level, position=node.position)
            sql = f"UPDATE run_nodes SET {assigned(values)} WHERE {_PLACE} AND status != 'done'"
            db.execute(sql, values | where)

    def failed(self, run_id: str, node: Node, error: str) -> None:
        """Say why there is nothing of a node."""
        self._set_node(run_id, node, "status = 'failed', error = :error", {"error": error})

    def again(self, run_id: str) -> None:
        """Let the failed parts be tried anew, and drop what was made without them."""
        with self.database.writing() as db:
            missing = "SELECT min(level) FROM run_nodes WHERE run_id = :run AND status = 'failed'"
            db.execute(f"DELETE FROM run_nodes WHERE run_id = :run AND level > ({missing})", dict(run=run_id))
            sql = (
                "UPDATE run_nodes SET status = 'waiting', tries = 0, error = '' WHERE run_id = ? AND status = 'failed'"
            )
            db.execute(sql, [run_id])

    def known(self, key: str) -> tuple[str, Mapping[str, Any]] | None:
        """What was written once with the same words, model and sampling, and its record."""
        with self.database.reading():
            row = self._row(
                f"{_NODES} WHERE n.key = ? AND n.status = 'done' LIMIT 1",
                [key],
            )
        if row is None:
            return None
        found = _node(row)
        return found.text, found.record

    def finish(self, run_id: str, text: str, receipt: Mapping[str, Any]) -> None:
        """Keep the summary and its receipt."""
        values = dict(text=text, receipt=json.dumps(dict(receipt), ensure_ascii=False))
        with self.database.writing() as db:
            db.execute(f"UPDATE runs SET {assigned(values)} WHERE id = :id", values | {"id": run_id})

    def use_model(self, run_id: str, model: str) -> None:
        """Let another model write a run."""
        self._set(run_id, model=model)

    def purge(self, run_id: str) -> None:
        """Delete a run that is in the trash for good."""
        with self.database.writing() as db:
            if not self._row("SELECT id FROM runs WHERE id = ? AND deleted_at IS NOT NULL", [run_id]):
                raise BadValueError("This summary is not in the trash. Move it there first.")
            for table in ("run_nodes", "run_documents"):
                db.execute(f"DELETE FROM {table} WHERE run_id = ?", [run_id])
            db.execute("DELETE FROM runs WHERE id = ?", [run_id])
            self._drop_unreferred()

    def keep_chat(self, conversation_id: str, run_id: str) -> None:
        """Remember that a conversation is about the documents of a run."""
        with self.database.writing() as db:
            db.execute("INSERT OR REPLACE INTO run_chats VALUES (?, ?)", [conversation_id, run_id])

    def chat_of(self, conversation_id: str) -> str:
        """The run whose documents a conversation is about; "" for any other."""
        sql = "SELECT run_id FROM run_chats JOIN runs ON runs.id = run_id WHERE conversation_id = ?"
        with self.database.reading():
            row = self._row(sql, [conversation_id])
        return str(row["run_id"]) if row else ""

    def find(self, text: str, limit: int = 20) -> list[RunFound]:
        """Runs in whose title or summary all words of `text` stand, the newest first."""
        wanted = Terms(text)
        if not wanted.possible or not wanted.terms:
            return []
        found = []
        with self.database.reading() as db:
            sql = "SELECT id, title, text, updated_at FROM runs WHERE deleted_at IS NULL ORDER BY updated_at DESC"
            for row in db.query(sql):
                whole = f"{row['title']}\n{row['text']}"
                if wanted.stand_in(whole):
                    found.append(RunFound(row["id"], row["title"], row["updated_at"], wanted.excerpt(whole)))
                    if len(found) == limit:
                        break
        return found

    def _add_document(self, run_id: str, position: int, document: RunDocument) -> None:
        values = {key: value for key, value in vars(document).items() if key != "text"}
        values |= {key: json.dumps(values[key], ensure_ascii=False) for key in ("notes", "blocks")}
        values |= {"run_id": run_id, "position": position, "text_sha256": self._keep_text(document.text)}
        self.database.db.execute(f"INSERT INTO run_documents {values_of(values)}", values)

    def _refuse_started(self, run_id: str) -> None:
        row = self._row("SELECT status FROM runs WHERE id = ?", [run_id])
        if row is None:
            raise MissingError(_NOWHERE)
        if row["status"] != "draft":
            raise BusyError("This summary was begun already. Make a new one of other documents.")

    def _set_node(self, run_id: str, node: Node, what: str, values: Mapping[str, Any]) -> None:
        where = dict(run=run_id, level=node.level, position=node.position)
        with self.database.writing() as db:
            db.execute(f"UPDATE run_nodes SET {what} WHERE {_PLACE} AND status != 'done'", {**values, **where})

    def _set(self, run_id: str, **values: Any) -> None:
        with self.database.writing() as db:
            changed = db.execute(f"UPDATE runs SET {assigned(values)} WHERE id = :id", values | {"id": run_id})
            if not changed.rowcount:
                raise MissingError(_NOWHERE)


_MADE = ", ".join(f"m.{name}" for name in MAKER)
_NODES = f"SELECT n.*, {_MADE} FROM run_nodes n LEFT JOIN makers m ON m.id = n.maker_id"
_LISTED = (
    "id, title, status, error, options, model, adapter, '' AS text, '{}' AS receipt, seconds, created_at, updated_at, "
    "deleted_at"
)
_PLACE = "run_id = :run AND level = :level AND position = :position"


def _run(row: Mapping[str, Any]) -> Run:
    values = {key: value for key, value in row.items() if key != "kind"}
    return Run(**{**values, "options": json.loads(row["options"]), "receipt": json.loads(row["receipt"])})


def _node(row: Mapping[str, Any]) -> Node:
    record: dict[str, Any] = {}
    if row["maker_id"] is not None:
        record = {name: row[name] for name in (*MAKER, *_OWN)}
        record |= {name: json.loads(row[name]) for name in ("versions", "sampling")}
    names = ("level", "position", "step", "document", "first", "last", "status", "tries", "error", "text")
    return Node(**{name: row[name] for name in names}, record=record)
