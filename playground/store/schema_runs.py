"""The tables of runs over documents: released, so never edited; see `migrations`."""

from __future__ import annotations

from sqlite_utils import Database


def runs_over_documents(db: Database) -> None:
    """Summaries of long documents: what was read, each part of it with what was written of it, and the outcome."""
    db.execute("""
        CREATE TABLE runs (
            id TEXT PRIMARY KEY,
            kind TEXT NOT NULL CHECK (kind IN ('summary', 'translation')),
            title TEXT NOT NULL,
            status TEXT NOT NULL CHECK (status IN ('draft', 'running', 'complete', 'stopped', 'failed')),
            error TEXT NOT NULL DEFAULT '',
            options TEXT NOT NULL,
            model TEXT NOT NULL,
            adapter TEXT NOT NULL DEFAULT '',
            text TEXT NOT NULL DEFAULT '',
            receipt TEXT NOT NULL DEFAULT '{}',
            seconds REAL NOT NULL DEFAULT 0,
            created_at REAL NOT NULL,
            updated_at REAL NOT NULL,
            deleted_at REAL
        )""")
    db.execute("""
        CREATE TABLE run_documents (
            run_id TEXT NOT NULL REFERENCES runs(id),
            position INTEGER NOT NULL,
            name TEXT NOT NULL, media_type TEXT NOT NULL, size INTEGER NOT NULL, sha256 TEXT NOT NULL, pages INTEGER,
            notes TEXT NOT NULL,
            language TEXT NOT NULL,
            text_sha256 TEXT NOT NULL REFERENCES texts(sha256),
            blocks TEXT NOT NULL,
            PRIMARY KEY (run_id, position)
        ) WITHOUT ROWID""")
    db.execute("""
        CREATE TABLE run_nodes (
            run_id TEXT NOT NULL REFERENCES runs(id),
            level INTEGER NOT NULL,
            position INTEGER NOT NULL,
            step TEXT NOT NULL,
            document INTEGER,
            first INTEGER NOT NULL,
            last INTEGER NOT NULL,
            status TEXT NOT NULL DEFAULT 'waiting' CHECK (status IN ('waiting', 'done', 'failed', 'skipped')),
            tries INTEGER NOT NULL DEFAULT 0,
            error TEXT NOT NULL DEFAULT '',
            text TEXT NOT NULL DEFAULT '',
            key TEXT NOT NULL DEFAULT '',
            maker_id INTEGER REFERENCES makers(id),
            seed INTEGER,
            prompt_tokens INTEGER, cached_tokens INTEGER, completion_tokens INTEGER, seconds REAL,
            finish_reason TEXT,
            PRIMARY KEY (run_id, level, position)
        )""")
    db.execute("""
        CREATE TABLE run_chats (
            conversation_id TEXT PRIMARY KEY REFERENCES conversations(id) ON DELETE CASCADE,
            run_id TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE
        ) WITHOUT ROWID""")
    db.execute("CREATE INDEX runs_by_time ON runs(updated_at)")
    db.execute("CREATE INDEX run_nodes_by_key ON run_nodes(key) WHERE status = 'done' AND key != ''")
