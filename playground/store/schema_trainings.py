"""The tables of trainings: released, so never edited; see `migrations`."""

from __future__ import annotations

from sqlite_utils import Database


def trainings(db: Database) -> None:
    """Trainings with their data, what was changed of it, what came out, and votes about it."""
    db.execute("""
        CREATE TABLE trainings (
            id TEXT PRIMARY KEY,
            title TEXT NOT NULL,
            status TEXT NOT NULL CHECK (status IN ('draft', 'running', 'complete', 'stopped', 'failed')),
            error TEXT NOT NULL DEFAULT '',
            options TEXT NOT NULL,
            edits TEXT NOT NULL DEFAULT '{}',
            result TEXT NOT NULL DEFAULT '{}',
            seconds REAL NOT NULL DEFAULT 0,
            created_at REAL NOT NULL,
            updated_at REAL NOT NULL,
            deleted_at REAL
        )""")
    db.execute("""
        CREATE TABLE training_files (
            training_id TEXT NOT NULL REFERENCES trainings(id),
            position INTEGER NOT NULL,
            name TEXT NOT NULL, kind TEXT NOT NULL, sha256 TEXT NOT NULL,
            columns TEXT NOT NULL DEFAULT '{}',
            note TEXT NOT NULL DEFAULT '',
            data BLOB NOT NULL,
            PRIMARY KEY (training_id, position)
        )""")
    db.execute("""
        CREATE TABLE training_votes (
            id INTEGER PRIMARY KEY,
            training_id TEXT NOT NULL REFERENCES trainings(id),
            prompt TEXT NOT NULL,
            base TEXT NOT NULL,
            adapter TEXT NOT NULL,
            first TEXT NOT NULL CHECK (first IN ('base', 'adapter')),
            vote TEXT NOT NULL DEFAULT '' CHECK (vote IN ('', 'base', 'adapter', 'tie')),
            created_at REAL NOT NULL
        )""")
    db.execute("CREATE INDEX trainings_by_time ON trainings(updated_at)")
