"""Trainings: their data, how each stands, what came out. No SQL about them elsewhere."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from playground.errors import BadValueError, BusyError, MissingError
from playground.store.rows import assigned, new_id, values_of
from playground.store.run_values import RunFound, RunPlace
from playground.store.shelved import LONGEST_TITLE, Shelved
from playground.store.terms import Terms
from playground.store.training_values import DataFile, Duel, ListedTraining, Side, StoredTraining, Vote

_LONGEST_NOTE = 2000
_NOWHERE = "This training does not exist (any more). Choose another from the list."
_NO_FILE = "There is no such file in this draft (any more). Look at its files again."
_LISTED = "id, title, status, json_extract(options, '$.model') AS model, created_at"
_OBJECTS = ("options", "edits", "result")


class Trainings(Shelved):
    """All reads and writes of trainings. Safe to use from any thread."""

    _table = "trainings"

    def add(self, title: str, options: Mapping[str, Any], files: Sequence[DataFile] = ()) -> str:
        """Begin to collect data; returns the new one's id. `start` makes it more than a draft."""
        run_id, now = new_id(), time.time()
        row = dict(id=run_id, title=title[:LONGEST_TITLE], status="draft", options=_json(dict(options)))
        with self.database.writing() as db:
            db.table("trainings").insert({**row, "created_at": now, "updated_at": now})
            for position, one in enumerate(files):
                self._add_file(run_id, position, one)
        return run_id

    def add_file(self, run_id: str, file: DataFile) -> None:
        """Put one more file to a draft. Raises BusyError once it was started."""
        with self.database.writing():
            self._refuse_started(run_id)
            sql = "SELECT coalesce(max(position), -1) + 1 AS next FROM training_files WHERE training_id = ?"
            row = self._row(sql, [run_id])
            self._add_file(run_id, row["next"] if row else 0, file)

    def remove_file(self, run_id: str, position: int) -> None:
        """Take away the file that `files` names at this position; from a draft only. What was edited of it goes."""
        with self.database.writing() as db:
            place = self._place_of(run_id, position)
            db.execute("DELETE FROM training_files WHERE training_id = ? AND position = ?", [run_id, place])
            edits = self.get(run_id).edits
            kept = {}
            for key, value in edits.items():
                file, _, rest = key.partition(":")
                if int(file) != position:
                    kept[f"{int(file) - (int(file) > position)}:{rest}"] = value
            db.execute("UPDATE trainings SET edits = ? WHERE id = ?", [_json(kept), run_id])

    def set_columns(self, run_id: str, position: int, columns: Mapping[str, str]) -> None:
        """Say what the columns of a draft's file are."""
        self._set_file(run_id, position, "columns", _json(dict(columns)))

    def set_note(self, run_id: str, position: int, note: str) -> None:
        """Write down the licence or the source of a draft's file."""
        self._set_file(run_id, position, "note", note.strip()[:_LONGEST_NOTE])

    def edit(self, run_id: str, key: str, value: Any) -> None:
        """Note what a person changed of a sample ("file:row"); None takes the change back. In a draft only."""

        def change(edits: Mapping[str, Any]) -> Mapping[str, Any]:
            rest = {name: one for name, one in edits.items() if name != key}
            return rest if value is None else {**rest, key: value}

        self.change_edits(run_id, change)

    def change_edits(self, run_id: str, change: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> Mapping[str, Any]:
        """Let what was changed of the samples of a draft be what `change` makes of it; returns it as it is kept.

        Nobody else writes in between. What `change` raises leaves all as it was.
        """
        with self.database.writing() as db:
            self._refuse_started(run_id)
            made = _json(dict(change(self.get(run_id).edits)))
            db.execute("UPDATE trainings SET edits = ? WHERE id = ?", [made, run_id])
        return dict(json.loads(made))

    def set_edits(self, run_id: str, edits: Mapping[str, Any]) -> None:
        """Let exactly this be changed of the samples of a draft; what is not named is as it was read."""
        self.change_edits(run_id, lambda _: edits)

    def set_options(self, run_id: str, title: str, options: Mapping[str, Any]) -> None:
        """Keep what a draft's form says. Raises BusyError once it was started."""
        values = dict(title=title[:LONGEST_TITLE], options=_json(dict(options)), updated_at=time.time())
        with self.database.writing() as db:
            self._refuse_started(run_id)
            db.execute(f"UPDATE trainings SET {assigned(values)} WHERE id = :id", values | {"id": run_id})

    def start(self, run_id: str, title: str, options: Mapping[str, Any]) -> None:
        """Let a draft become a run. Raises BusyError when it was begun already."""
        values = dict(title=title[:LONGEST_TITLE], options=_json(dict(options)), status="running")
        with self.database.writing() as db:
            self._refuse_started(run_id)
            more = dict(id=run_id, created_at=time.time(), updated_at=time.time())
            names = [*values, "created_at", "updated_at"]
            db.execute(f"UPDATE trainings SET {assigned(names)} WHERE id = :id", values | more)

    def get(self, run_id: str) -> StoredTraining:
        """One training, also when it is in the trash. Raises MissingError."""
        with self.database.reading():
            row = self._row("SELECT * FROM trainings WHERE id = ?", [run_id])
        if row is None:
            raise MissingError(_NOWHERE)
        return _training(row)

    def list(self, limit: int = 200, *, place: RunPlace = "list") -> list[ListedTraining]:
        """The newest first."""
        where = "deleted_at IS NULL" if place == "list" else "deleted_at IS NOT NULL"
        with self.database.reading() as db:
            sql = f"SELECT {_LISTED} FROM trainings WHERE {where} ORDER BY created_at DESC, rowid DESC LIMIT ?"
            return [ListedTraining(**{**row, "model": str(row["model"] or "")}) for row in db.query(sql, [limit])]

    def pace(self, model: str) -> tuple[float, float]:
        """Tokens a second of the newest training of this model, and its seconds beside that; zeros: there is none."""
        sql = "SELECT result FROM trainings WHERE deleted_at IS NULL AND json_extract(options, '$.model') = ?"
        with self.database.reading() as db:
            for row in db.query(f"{sql} ORDER BY created_at DESC, rowid DESC", [model]):
                found = json.loads(row["result"])
                if speed := found.get("tokens_per_second"):
                    return float(speed), float(found.get("seconds_beside", 0.0))
        return 0.0, 0.0

    def find(self, text: str, limit: int = 20) -> Sequence[RunFound]:
        """Trainings in whose title all words of `text` stand, the newest first."""
        wanted = Terms(text)
        if not wanted.possible or not wanted.terms:
            return []
        with self.database.reading() as db:
            newest = "SELECT id, title, updated_at FROM trainings WHERE deleted_at IS NULL ORDER BY updated_at DESC"
            found = [row for row in db.query(newest) if wanted.stand_in(row["title"])]
        return [RunFound(**row, excerpt=wanted.excerpt(row["title"])) for row in found[:limit]]

    def files(self, run_id: str) -> Sequence[DataFile]:
        """The data, with the bytes."""
        with self.database.reading() as db:
            rows = list(db.query("SELECT * FROM training_files WHERE training_id = ? ORDER BY position", [run_id]))
        names = ("name", "kind", "data", "sha256", "note")
        return [DataFile(**{key: row[key] for key in names}, columns=json.loads(row["columns"])) for row in rows]

    def finish(self, run_id: str, result: Mapping[str, Any]) -> None:
        """Keep what came out."""
        self._set(run_id, result=_json(dict(result)))

    def purge(self, run_id: str) -> None:
        """Delete one that is in the trash for good."""
        with self.database.writing() as db:
            if not self._row("SELECT id FROM trainings WHERE id = ? AND deleted_at IS NOT NULL", [run_id]):
                raise BadValueError("This training is not in the trash. Move it there first.")
            for table in ("training_votes", "training_files"):
                db.execute(f"DELETE FROM {table} WHERE training_id = ?", [run_id])
            db.execute("DELETE FROM trainings WHERE id = ?", [run_id])

    def add_duel(self, run_id: str, prompt: str, base: str, adapter: str, first: Side) -> int:
        """Keep two replies that a person is to choose from; returns their number."""
        row = dict(training_id=run_id, prompt=prompt, base=base, adapter=adapter, first=first, created_at=time.time())
        with self.database.writing() as db:
            return int(db.execute(f"INSERT INTO training_votes {values_of(row)}", row).lastrowid or 0)

    def vote(self, run_id: str, duel: int, vote: Vote) -> None:
        """Note which reply was the better one. Raises MissingError."""
        with self.database.writing() as db:
            sql = "UPDATE training_votes SET vote = ? WHERE id = ? AND training_id = ?"
            if not db.execute(sql, [vote, duel, run_id]).rowcount:
                raise MissingError("These replies do not exist (any more). Begin the comparison anew.")

    def duels(self, run_id: str) -> Sequence[Duel]:
        """All, the oldest first."""
        with self.database.reading() as db:
            sql = "SELECT id, prompt, base, adapter, first, vote FROM training_votes WHERE training_id = ? ORDER BY id"
            return [Duel(**row) for row in db.query(sql, [run_id])]

    def _add_file(self, run_id: str, position: int, file: DataFile) -> None:
        values = {**vars(file), "columns": _json(dict(file.columns)), "training_id": run_id, "position": position}
        self.database.db.execute(f"INSERT INTO training_files {values_of(values)}", values)

    def _set_file(self, run_id: str, position: int, column: str, value: str) -> None:
        with self.database.writing() as db:
            place = self._place_of(run_id, position)
            sql = f"UPDATE training_files SET {column} = ? WHERE training_id = ? AND position = ?"
            db.execute(sql, [value, run_id, place])

    def _place_of(self, run_id: str, position: int) -> int:
        """Where a draft keeps the file that `files` names at this position: after one was taken away, further on."""
        self._refuse_started(run_id)
        sql = "SELECT position FROM training_files WHERE training_id = ? ORDER BY position"
        places = [int(row["position"]) for row in self.database.db.query(sql, [run_id])]
        if not 0 <= position < len(places):
            raise MissingError(_NO_FILE)
        return places[position]

    def _refuse_started(self, run_id: str) -> None:
        row = self._row("SELECT status FROM trainings WHERE id = ?", [run_id])
        if row is None:
            raise MissingError(_NOWHERE)
        if row["status"] != "draft":
            raise BusyError("This training was begun already. Make a new one of other data.")

    def _set(self, run_id: str, **values: Any) -> None:
        with self.database.writing() as db:
            changed = db.execute(f"UPDATE trainings SET {assigned(values)} WHERE id = :id", values | {"id": run_id})
            if not changed.rowcount:
                raise MissingError(_NOWHERE)


def as_kept(value: Any) -> Any:
    """A value of an edit as it is read again."""
    return json.loads(_json(value))


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _training(row: Mapping[str, Any]) -> StoredTraining:
    return StoredTraining(**{**row, **{key: json.loads(row[key]) for key in _OBJECTS}})
