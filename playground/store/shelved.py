"""What all lists of runs share: how one stands, what it is called, the trash. Knows nothing of what a run is about."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from typing import Any, ClassVar

from playground.errors import BadValueError
from playground.store.rows import Rows
from playground.store.run_values import RunStatus

LONGEST_TITLE = 200


class Shelved(Rows, ABC):
    """Runs of one kind, each a row of `_table`."""

    _table: ClassVar[str]

    def set_status(self, run_id: str, status: RunStatus, error: str = "", *, seconds: float = 0.0) -> None:
        """Where a run stands now; `seconds` are added to those it took."""
        values = dict(status=status, error=error, more=seconds, now=time.time(), id=run_id)
        what = "status = :status, error = :error, seconds = seconds + :more, updated_at = :now"
        with self.database.writing() as db:
            db.execute(f"UPDATE {self._table} SET {what} WHERE id = :id", values)

    def rename(self, run_id: str, title: str) -> None:
        """Give a run another title."""
        if not title.strip():
            raise BadValueError("The title is empty. Write one.")
        self._set(run_id, title=title.strip()[:LONGEST_TITLE])

    def trash(self, run_id: str) -> None:
        """Move a run to the trash; `restore` brings it back unchanged."""
        self._set(run_id, deleted_at=time.time())

    def restore(self, run_id: str) -> None:
        """Take a run out of the trash."""
        self._set(run_id, deleted_at=None)

    @abstractmethod
    def _set(self, run_id: str, **values: Any) -> None:
        """Write these columns of a run. Raises MissingError when it is not there."""
