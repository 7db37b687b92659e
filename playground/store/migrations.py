"""The schema, as append-only migrations: a released one is never edited, a new one is added below it."""

from __future__ import annotations

from sqlite_utils import Database, Migrations

migrations = Migrations("playground")


@migrations()
def m001_conversations_and_messages(db: Database) -> None:
    """Conversations, their tree of messages, and for each reply the record of what made it."""
    db.execute("""
        CREATE TABLE conversations (
            id TEXT PRIMARY KEY,
            title TEXT NOT NULL,
            system_prompt TEXT NOT NULL DEFAULT '',
            sampling TEXT NOT NULL DEFAULT '{}',
            leaf_id TEXT REFERENCES messages(id) DEFERRABLE INITIALLY DEFERRED,
            created_at REAL NOT NULL,
            updated_at REAL NOT NULL,
            deleted_at REAL
        )""")
    db.execute("""
        CREATE TABLE messages (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE,
            conversation_id TEXT NOT NULL REFERENCES conversations(id),
            parent_id TEXT REFERENCES messages(id),
            role TEXT NOT NULL CHECK (role IN ('system', 'user', 'assistant')),
            content TEXT NOT NULL,
            status TEXT NOT NULL CHECK (status IN ('streaming', 'complete', 'stopped', 'failed')),
            error TEXT NOT NULL DEFAULT '',
            created_at REAL NOT NULL,
            updated_at REAL NOT NULL
        )""")
    db.execute("""
        CREATE TABLE replies (
            message_id TEXT PRIMARY KEY REFERENCES messages(id),
            model TEXT NOT NULL,
            engine TEXT NOT NULL,
            revision TEXT NOT NULL,
            file_sha256 TEXT NOT NULL,
            quantization TEXT NOT NULL,
            template_sha256 TEXT NOT NULL,
            versions TEXT NOT NULL,
            sampling TEXT NOT NULL,
            seed INTEGER NOT NULL,
            context_length INTEGER NOT NULL,
            prompt_tokens INTEGER NOT NULL,
            cached_tokens INTEGER NOT NULL,
            completion_tokens INTEGER NOT NULL,
            left_out INTEGER NOT NULL,
            time_to_first_token REAL,
            tokens_per_second REAL,
            finish_reason TEXT
        )""")
    db.execute("CREATE INDEX messages_by_conversation ON messages(conversation_id)")
    db.execute("CREATE INDEX messages_by_parent ON messages(parent_id)")
    db.execute("CREATE INDEX messages_streaming ON messages(status) WHERE status = 'streaming'")
    db.execute("CREATE INDEX conversations_by_time ON conversations(updated_at)")


@migrations()
def m002_where_and_with_which_adapter(db: Database) -> None:
    """A reply's device and LoRA adapter."""
    for column in ("device", "adapter", "adapter_sha256"):
        db.execute(f"ALTER TABLE replies ADD COLUMN {column} TEXT NOT NULL DEFAULT ''")
