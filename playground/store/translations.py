"""Translations: their files, their segments, and how each stands. No SQL about them elsewhere.

A segment that a person has confirmed or written is never written over by a model.
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from playground.errors import BadValueError, BusyError, MissingError
from playground.store.rows import MAKER, assigned, new_id, values_of
from playground.store.run_values import RunFound, RunPlace
from playground.store.shelved import LONGEST_TITLE, Shelved
from playground.store.terms import Terms
from playground.store.translation_values import SourceFile, StoredSegment, Translation

_NOWHERE = "This translation does not exist (any more). Choose another from the list."
_NO_SEGMENT = "This segment does not exist (any more). Open the translation again."
_PLACE = "translation_id = :run AND document = :document AND position = :position"
_DOUBTFUL = "confirmed = 0 AND (status = 'failed' OR doubts != '[]')"
_RUNS = f"""
    SELECT t.*, coalesce(s.segments, 0) AS segments, coalesce(s.done, 0) AS done, coalesce(s.failed, 0) AS failed,
           coalesce(s.confirmed, 0) AS confirmed, coalesce(s.doubtful, 0) AS doubtful,
           coalesce(s.copied, 0) AS copied
    FROM translations t LEFT JOIN (
        SELECT translation_id, count(*) AS segments, sum(status = 'done') AS done, sum(status = 'failed') AS failed,
               sum(confirmed) AS confirmed, sum({_DOUBTFUL}) AS doubtful,
               sum(origin = 'copied' AND confirmed = 0) AS copied
        FROM segments GROUP BY translation_id) s ON s.translation_id = t.id"""
_SEGMENTS = (
    f"SELECT g.*, {', '.join(f'm.{name}' for name in MAKER)} FROM segments g LEFT JOIN makers m ON m.id = g.maker_id"
)
_MOST_CHANGED = 2000
"""Segments that are told as changed at once; whoever shows more has to read them anew."""
_LISTS = ("doubts", "others")


class Translations(Shelved):
    """All reads and writes of translations. Safe to use from any thread."""

    _table = "translations"

    def add(self, title: str, options: Mapping[str, Any], files: Sequence[SourceFile] = ()) -> str:
        """Begin to collect what is to be translated; returns the new one's id. `start` makes it more than a draft."""
        run_id, now = new_id(), time.time()
        row = dict(id=run_id, title=title[:LONGEST_TITLE], status="draft", options=_json(dict(options)))
        with self.database.writing() as db:
            db.table("translations").insert({**row, "created_at": now, "updated_at": now})
            for position, one in enumerate(files):
                self._add_file(run_id, position, one)
        return run_id

    def add_file(self, run_id: str, file: SourceFile) -> None:
        """Put one more file to a draft. Raises BusyError once it was started."""
        with self.database.writing():
            self._refuse_started(run_id)
            sql = "SELECT coalesce(max(position), -1) + 1 AS next FROM translation_files WHERE translation_id = ?"
            row = self._row(sql, [run_id])
            self._add_file(run_id, row["next"] if row else 0, file)

    def remove_file(self, run_id: str, position: int) -> None:
        """Take away the file that `files` names at this position; from a draft only."""
        with self.database.writing() as db:
            self._refuse_started(run_id)
            nth = "SELECT position FROM translation_files WHERE translation_id = ? ORDER BY position LIMIT 1 OFFSET ?"
            sql = f"DELETE FROM translation_files WHERE translation_id = ? AND position = ({nth})"
            db.execute(sql, [run_id, run_id, position])

    def start(
        self,
        run_id: str,
        title: str,
        options: Mapping[str, Any],
        way: Sequence[Mapping[str, str]],
        files: Sequence[SourceFile],
        segments: Iterable[StoredSegment],
    ) -> None:
        """Let a draft become a translation of these segments. Raises BusyError when it has other `files` by now."""
        now = time.time()
        values = dict(title=title[:LONGEST_TITLE], options=_json(dict(options)), way=_json(list(way)))
        with self.database.writing() as db:
            self._refuse_started(run_id)
            sql = "SELECT sha256 FROM translation_files WHERE translation_id = ? ORDER BY position"
            if [row["sha256"] for row in db.query(sql, [run_id])] != [one.sha256 for one in files]:
                raise BusyError("A file was added or taken away meanwhile. Press Translate again.")
            names = [*values, "created_at", "updated_at", "status"]
            more = dict(id=run_id, created_at=now, updated_at=now, status="running")
            db.execute(f"UPDATE translations SET {assigned(names)} WHERE id = :id", values | more)
            for one in segments:
                row: dict[str, Any] = dict(
                    translation_id=run_id, document=one.document, position=one.position, source=one.source
                )
                row |= {"context": one.context, "status": one.status, "text": one.text, "origin": one.origin}
                row |= {"score": one.score, "doubts": _json(list(one.doubts))}
                db.execute(f"INSERT INTO segments {values_of(row)}", row)

    def get(self, run_id: str) -> Translation:
        """One translation, also when it is in the trash. Raises MissingError."""
        with self.database.reading():
            row = self._row(f"{_RUNS} WHERE t.id = ?", [run_id])
        if row is None:
            raise MissingError(_NOWHERE)
        return _translation(row)

    def list(self, limit: int = 200, *, place: RunPlace = "list") -> list[Translation]:
        """The newest first."""
        where = "t.deleted_at IS NULL" if place == "list" else "t.deleted_at IS NOT NULL"
        with self.database.reading() as db:
            sql = f"{_RUNS} WHERE {where} ORDER BY t.created_at DESC, t.rowid DESC LIMIT ?"
            return [_translation(row) for row in db.query(sql, [limit])]

    def files(self, run_id: str) -> Sequence[SourceFile]:
        """What is translated, with the bytes."""
        with self.database.reading() as db:
            sql = "SELECT * FROM translation_files WHERE translation_id = ? ORDER BY position"
            rows = list(db.query(sql, [run_id]))
        names = ("name", "kind", "data", "sha256", "language")
        return [
            SourceFile(**{key: row[key] for key in names}, columns=tuple(json.loads(row["columns"]))) for row in rows
        ]

    def segments(self, run_id: str) -> Sequence[StoredSegment]:
        """All of them, in their order."""
        with self.database.reading() as db:
            rows = db.query(f"{_SEGMENTS} WHERE translation_id = ? ORDER BY document, position", [run_id])
            return [_segment(row) for row in rows]

    def changed(self, run_id: str, since: float) -> Sequence[StoredSegment]:
        """Those written at this time (seconds since the epoch) or later, the newest first, not without end."""
        with self.database.reading() as db:
            where = "translation_id = ? AND g.updated_at >= ?"
            sql = f"{_SEGMENTS} WHERE {where} ORDER BY g.updated_at DESC LIMIT {_MOST_CHANGED}"
            return [_segment(row) for row in db.query(sql, [run_id, since])]

    def segment(self, run_id: str, document: int, position: int) -> StoredSegment:
        """One of them. Raises MissingError."""
        with self.database.reading():
            row = self._row(f"{_SEGMENTS} WHERE {_PLACE}", dict(run=run_id, document=document, position=position))
        if row is None:
            raise MissingError(_NO_SEGMENT)
        return _segment(row)

    def done(self, run_id: str, made: Iterable[StoredSegment], record: Mapping[str, Any] | None) -> None:
        """Keep what a model made of segments, all or none; those that a person wrote meanwhile stay."""
        with self.database.writing() as db:
            maker = self.keep_maker(record) if record else None
            for one in made:
                values: dict[str, Any] = dict(status=one.status, text=one.text, machine=one.machine, bridge=one.bridge)
                values |= {"origin": one.origin, "score": one.score, "doubts": _json(list(one.doubts))}
                values |= {"others": _json(list(one.others)), "error": one.error, "maker_id": maker}
                values |= {"updated_at": time.time()}
                where = dict(run=run_id, document=one.document, position=one.position)
                sql = f"UPDATE segments SET {assigned(values)} WHERE {_PLACE} AND origin != 'person' AND confirmed = 0"
                db.execute(sql, values | where)

    def write(
        self,
        run_id: str,
        document: int,
        position: int,
        text: str,
        doubts: Sequence[Mapping[str, Any]],
        confirmed: bool,
        base: str | None = None,
    ) -> None:
        """Keep what a person wrote or confirmed, `base` being the text that they saw.

        Raises MissingError, and BusyError when another person wrote something else there meanwhile.
        """
        values: dict[str, Any] = dict(text=text, doubts=_json(list(doubts)), confirmed=int(confirmed))
        values |= {"status": "done", "error": "", "updated_at": time.time()}
        where = dict(run=run_id, document=document, position=position)
        with self.database.writing() as db:
            row = self._row(f"SELECT text FROM segments WHERE {_PLACE} AND (confirmed OR origin = 'person')", where)
            if row is not None and base is not None and row["text"] not in (base, text):
                raise BusyError(
                    f"It was changed in another window meanwhile: “{row['text']}”. Yours is kept here; confirm again "
                    "to put it in its place."
                )
            by = "origin = CASE WHEN text = :text AND origin != '' THEN origin ELSE 'person' END"
            changed = db.execute(f"UPDATE segments SET {by}, {assigned(values)} WHERE {_PLACE}", values | where)
            if not changed.rowcount:
                raise MissingError(_NO_SEGMENT)
            db.execute("UPDATE translations SET updated_at = ? WHERE id = ?", [time.time(), run_id])

    def again(self, run_id: str) -> None:
        """Let the failed segments be tried anew."""
        with self.database.writing() as db:
            sql = "UPDATE segments SET status = 'waiting', error = '' WHERE translation_id = ? AND status = 'failed'"
            db.execute(sql, [run_id])

    def purge(self, run_id: str) -> None:
        """Delete one that is in the trash for good."""
        with self.database.writing() as db:
            if not self._row("SELECT id FROM translations WHERE id = ? AND deleted_at IS NOT NULL", [run_id]):
                raise BadValueError("This translation is not in the trash. Move it there first.")
            for table in ("segments", "translation_files"):
                db.execute(f"DELETE FROM {table} WHERE translation_id = ?", [run_id])
            db.execute("DELETE FROM translations WHERE id = ?", [run_id])
            self._drop_unreferred()

    def find(self, text: str, limit: int = 20) -> Sequence[RunFound]:
        """Translations in whose title, or in one of whose segments, all words of `text` stand; the newest first."""
        wanted = Terms(text)
        if not wanted.possible or not wanted.terms:
            return []
        found = []
        with self.database.reading() as db:
            newest = "SELECT id, title, updated_at FROM translations WHERE deleted_at IS NULL ORDER BY updated_at DESC"
            for run in list(db.query(newest)):
                sql = "SELECT source, text FROM segments WHERE translation_id = ? ORDER BY document, position"
                texts = (f"{row['source']}\n{row['text']}" for row in db.query(sql, [run["id"]]))
                hit = next((one for one in itertools.chain([run["title"]], texts) if wanted.stand_in(one)), None)
                texts.close()  # Else it would look at the file after the block.
                if hit is not None:
                    found.append(RunFound(run["id"], run["title"], run["updated_at"], wanted.excerpt(hit)))
                    if len(found) == limit:
                        break
        return found

    def _add_file(self, run_id: str, position: int, file: SourceFile) -> None:
        values = {**vars(file), "columns": _json(list(file.columns)), "translation_id": run_id, "position": position}
        self.database.db.execute(f"INSERT INTO translation_files {values_of(values)}", values)

    def _refuse_started(self, run_id: str) -> None:
        row = self._row("SELECT status FROM translations WHERE id = ?", [run_id])
        if row is None:
            raise MissingError(_NOWHERE)
        if row["status"] != "draft":
            raise BusyError("This translation was begun already. Make a new one of other files.")

    def _set(self, run_id: str, **values: Any) -> None:
        with self.database.writing() as db:
            changed = db.execute(f"UPDATE translations SET {assigned(values)} WHERE id = :id", values | {"id": run_id})
            if not changed.rowcount:
                raise MissingError(_NOWHERE)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _translation(row: Mapping[str, Any]) -> Translation:
    return Translation(**{**row, "options": json.loads(row["options"]), "way": tuple(json.loads(row["way"]))})


def _segment(row: Mapping[str, Any]) -> StoredSegment:
    left = {"translation_id", "maker_id", "updated_at", *MAKER}
    values = {key: value for key, value in row.items() if key not in left}
    values |= {key: tuple(json.loads(row[key])) for key in _LISTS} | {"confirmed": bool(row["confirmed"])}
    record: dict[str, Any] = {}
    if row["maker_id"] is not None:
        record = {name: row[name] for name in MAKER}
        record |= {name: json.loads(row[name]) for name in ("versions", "sampling")}
    return StoredSegment(**values, record=record)
