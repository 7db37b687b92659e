"""The translation memory: pairs of texts that somebody confirmed; and lists of terms. No SQL about them elsewhere."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from playground.errors import BadValueError, MissingError
from playground.store.rows import Rows, new_id, values_of
from playground.store.translation_values import StoredGlossary, Unit

_LONGEST_NAME = 120
_NO_GLOSSARY = "This glossary does not exist (any more). Choose another."


class Memory(Rows):
    """All reads and writes of units and glossaries. Safe to use from any thread."""

    def keep(self, units: Iterable[Unit]) -> int:
        """Add units, or note that they were confirmed again (now, where no time is given); returns how many are new."""
        now, new = time.time(), 0
        with self.database.writing() as db:
            for one in units:
                row: dict[str, Any] = dict(source_language=one.source_language, target_language=one.target_language)
                row |= {"source": one.source, "target": one.target, "context": one.context, "origin": one.origin}
                row |= {"created_at": now, "updated_at": one.updated_at or now}
                sql = f"INSERT INTO memory {values_of(row)}"
                sql += " ON CONFLICT DO UPDATE SET updated_at = max(updated_at, :updated_at) RETURNING created_at"
                kept = db.execute(sql, row).fetchone()
                new += kept[0] == now
        return new

    def forget(self, ids: Sequence[int]) -> list[Unit]:
        """Take units out of the memory; returns them, so that `keep` can bring them back."""
        with self.database.writing() as db:
            marks = ", ".join("?" * len(ids))
            found = [Unit(**row) for row in db.query(f"SELECT * FROM memory WHERE id IN ({marks})", list(ids))]
            db.execute(f"DELETE FROM memory WHERE id IN ({marks})", list(ids))
        return found

    def units(
        self, source_language: str = "", target_language: str = "", text: str = "", limit: int = -1
    ) -> list[Unit]:
        """Those of a pair, "" being any, in which `text` stands; the newest first."""
        where, values = ["1"], dict[str, Any](limit=limit)
        for name, value in (("source_language", source_language), ("target_language", target_language)):
            if value:
                where.append(f"{name} = :{name}")
                values[name] = value
        if text:
            where.append("(instr(lower(source), lower(:text)) OR instr(lower(target), lower(:text)))")
            values["text"] = text
        with self.database.reading() as db:
            sql = f"SELECT * FROM memory WHERE {' AND '.join(where)} ORDER BY updated_at DESC, id DESC LIMIT :limit"
            return [Unit(**row) for row in db.query(sql, values)]

    def counts(self) -> dict[tuple[str, str], int]:
        """How many units there are of each pair."""
        with self.database.reading() as db:
            sql = "SELECT source_language, target_language, count(*) AS n FROM memory GROUP BY 1, 2 ORDER BY n DESC"
            return {(row["source_language"], row["target_language"]): row["n"] for row in db.query(sql)}

    def newest(self) -> float:
        """When the memory last changed; 0 when it is empty. With the number of units it tells whether it did since."""
        with self.database.reading():
            row = self._row("SELECT coalesce(max(updated_at), 0) + count(*) AS at FROM memory", [])
        return float(row["at"]) if row else 0.0

    def add_glossary(self, name: str, terms: Sequence[Mapping[str, Any]]) -> str:
        """Keep a list of terms; returns its id."""
        if not name.strip():
            raise BadValueError("The glossary has no name. Write one.")
        glossary_id = new_id()
        row = dict(id=glossary_id, name=name.strip()[:_LONGEST_NAME], created_at=time.time())
        with self.database.writing() as db:
            db.table("glossaries").insert({**row, "terms": _json([dict(one) for one in terms]), "deleted_at": None})
        return glossary_id

    def remove_glossary(self, glossary_id: str) -> None:
        """Move a glossary to the trash."""
        self._set(glossary_id, deleted_at=time.time())

    def restore_glossary(self, glossary_id: str) -> None:
        """Take it out again."""
        self._set(glossary_id, deleted_at=None)

    def glossaries(self, ids: Sequence[str] | None = None) -> list[StoredGlossary]:
        """All that are not in the trash, the newest first; or those of these ids, wherever they are, in their order."""
        with self.database.reading() as db:
            wanted = "deleted_at IS NULL" if ids is None else f"id IN ({', '.join('?' * len(ids))})"
            sql = f"SELECT * FROM glossaries WHERE {wanted} ORDER BY created_at DESC, rowid DESC"
            rows = list(db.query(sql, list(ids or ())))
        found = {row["id"]: StoredGlossary(**{**row, "terms": tuple(json.loads(row["terms"]))}) for row in rows}
        if ids is None:
            return list(found.values())
        if any(one not in found for one in ids):
            raise MissingError(_NO_GLOSSARY)
        return [found[one] for one in ids]

    def _set(self, glossary_id: str, **values: Any) -> None:
        with self.database.writing() as db:
            names = ", ".join(f"{name} = :{name}" for name in values)
            changed = db.execute(f"UPDATE glossaries SET {names} WHERE id = :id", {**values, "id": glossary_id})
            if not changed.rowcount:
                raise MissingError(_NO_GLOSSARY)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
