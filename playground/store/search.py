"""Finds any piece of text in all messages, titles and tags: by an index of grams, then by looking into the text.

Never raises for what is searched for. Knows nothing of pages.
"""

from __future__ import annotations

from playground.store.database import Database
from playground.store.grams import fold, grams


class Search:
    """The index and its use."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def add(self, seq: int, content: str) -> None:
        """Put a message that will not change into the index; inside of a transaction."""
        db = self.database.db
        db.execute("INSERT INTO grams(rowid, words) VALUES (?, ?)", [seq, grams(fold(content))])
        db.execute("UPDATE messages SET indexed = 1 WHERE seq = ?", [seq])

    def remove(self, seq: int, content: str) -> None:
        """Take a message out of the index, because it will change or go; inside of a transaction."""
        db = self.database.db
        db.execute("INSERT INTO grams(grams, rowid, words) VALUES ('delete', ?, ?)", [seq, grams(fold(content))])
        db.execute("UPDATE messages SET indexed = 0 WHERE seq = ?", [seq])
