"""The tables of translations, of the memory and of glossaries: released, so never edited; see `migrations`."""

from __future__ import annotations

from sqlite_utils import Database


def translations(db: Database) -> None:
    """Translations of files, segment by segment; what was confirmed, for the next ones; and lists of terms."""
    db.execute("""
        CREATE TABLE translations (
            id TEXT PRIMARY KEY,
            title TEXT NOT NULL,
            status TEXT NOT NULL CHECK (status IN ('draft', 'running', 'complete', 'stopped', 'failed')),
            error TEXT NOT NULL DEFAULT '',
            options TEXT NOT NULL,
            way TEXT NOT NULL DEFAULT '[]',
            seconds REAL NOT NULL DEFAULT 0,
            created_at REAL NOT NULL,
            updated_at REAL NOT NULL,
            deleted_at REAL
        )""")
    db.execute("""
        CREATE TABLE translation_files (
            translation_id TEXT NOT NULL REFERENCES translations(id),
            position INTEGER NOT NULL,
            name TEXT NOT NULL, kind TEXT NOT NULL, sha256 TEXT NOT NULL, language TEXT NOT NULL,
            columns TEXT NOT NULL DEFAULT '[]',
            data BLOB NOT NULL,
            PRIMARY KEY (translation_id, position)
        )""")
    db.execute("""
        CREATE TABLE segments (
            translation_id TEXT NOT NULL REFERENCES translations(id),
            document INTEGER NOT NULL,
            position INTEGER NOT NULL,
            source TEXT NOT NULL,
            context TEXT NOT NULL DEFAULT '',
            status TEXT NOT NULL DEFAULT 'waiting' CHECK (status IN ('waiting', 'done', 'failed')),
            text TEXT NOT NULL DEFAULT '',
            machine TEXT NOT NULL DEFAULT '',
            bridge TEXT NOT NULL DEFAULT '',
            origin TEXT NOT NULL DEFAULT '',
            score REAL,
            doubts TEXT NOT NULL DEFAULT '[]',
            error TEXT NOT NULL DEFAULT '',
            confirmed INTEGER NOT NULL DEFAULT 0,
            others TEXT NOT NULL DEFAULT '[]',
            maker_id INTEGER REFERENCES makers(id),
            updated_at REAL NOT NULL DEFAULT 0,
            PRIMARY KEY (translation_id, document, position)
        )""")
    db.execute("""
        CREATE TABLE memory (
            id INTEGER PRIMARY KEY,
            source_language TEXT NOT NULL, target_language TEXT NOT NULL,
            source TEXT NOT NULL, target TEXT NOT NULL,
            context TEXT NOT NULL DEFAULT '', origin TEXT NOT NULL DEFAULT '',
            created_at REAL NOT NULL, updated_at REAL NOT NULL,
            UNIQUE (source_language, target_language, source, target)
        )""")
    db.execute("""
        CREATE TABLE glossaries (
            id TEXT PRIMARY KEY,
            name TEXT NOT NULL,
            terms TEXT NOT NULL,
            created_at REAL NOT NULL,
            deleted_at REAL
        )""")
    db.execute("CREATE INDEX translations_by_time ON translations(updated_at)")
