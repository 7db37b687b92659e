"""The schema, as append-only migrations: a released one is never edited, a new one is added below it."""

from __future__ import annotations

from sqlite_utils import Database, Migrations

from playground.store.schema_runs import runs_over_documents
from playground.store.schema_trainings import trainings
from playground.store.schema_translations import translations

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


@migrations()
def m003_shelves_votes_and_attachments(db: Database) -> None:
    """Where a conversation stands, what its reader thinks of replies, what was attached, what was left out by hand."""
    for column in (
        "title_by TEXT NOT NULL DEFAULT 'user' CHECK (title_by IN ('first_line', 'model', 'user'))",
        "persona TEXT NOT NULL DEFAULT ''",
        "folder TEXT NOT NULL DEFAULT ''",
        "context TEXT NOT NULL DEFAULT 'oldest' CHECK (context IN ('oldest', 'summary', 'hand'))",
        "pinned_at REAL",
        "archived_at REAL",
    ):
        db.execute(f"ALTER TABLE conversations ADD COLUMN {column}")
    for column in (
        "deleted_at REAL",
        "starred_at REAL",
        "vote INTEGER NOT NULL DEFAULT 0 CHECK (vote IN (-1, 0, 1))",
        "vote_reason TEXT NOT NULL DEFAULT ''",
        "left_out INTEGER NOT NULL DEFAULT 0",
        "edited_from TEXT",
        "indexed INTEGER NOT NULL DEFAULT 0",
    ):
        db.execute(f"ALTER TABLE messages ADD COLUMN {column}")
    db.execute("""
        CREATE TABLE tags (
            conversation_id TEXT NOT NULL REFERENCES conversations(id),
            tag TEXT NOT NULL,
            PRIMARY KEY (conversation_id, tag)
        ) WITHOUT ROWID""")
    # Texts that many rows share: system prompts, attached files, summaries of old turns.
    db.execute("CREATE TABLE texts (sha256 TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID")
    db.execute("""
        CREATE TABLE attachments (
            id TEXT PRIMARY KEY,
            message_id TEXT REFERENCES messages(id),
            position INTEGER NOT NULL DEFAULT 0,
            name TEXT NOT NULL,
            media_type TEXT NOT NULL,
            size INTEGER NOT NULL,
            sha256 TEXT NOT NULL,
            pages INTEGER,
            notes TEXT NOT NULL DEFAULT '[]',
            characters INTEGER NOT NULL,
            text_sha256 TEXT NOT NULL REFERENCES texts(sha256),
            created_at REAL NOT NULL,
            width INTEGER,
            height INTEGER,
            data BLOB
        )""")
    db.execute("""
        CREATE TABLE saved_prompts (
            id TEXT PRIMARY KEY,
            kind TEXT NOT NULL CHECK (kind IN ('persona', 'template')),
            name TEXT NOT NULL,
            text TEXT NOT NULL,
            sampling TEXT NOT NULL DEFAULT '{}',
            created_at REAL NOT NULL,
            updated_at REAL NOT NULL,
            deleted_at REAL
        )""")
    # The siblings of a message without a parent would be looked for among the first messages of all conversations.
    db.execute("DROP INDEX messages_by_conversation")
    db.execute("CREATE INDEX messages_by_place ON messages(conversation_id, parent_id)")
    db.execute("CREATE INDEX messages_unindexed ON messages(seq) WHERE indexed = 0")
    db.execute("CREATE INDEX messages_starred ON messages(starred_at) WHERE starred_at IS NOT NULL")
    db.execute("CREATE INDEX conversations_by_folder ON conversations(folder, updated_at)")
    db.execute("CREATE INDEX tags_by_tag ON tags(tag)")
    db.execute("CREATE INDEX attachments_by_message ON attachments(message_id)")


@migrations()
def m004_a_record_for_each_part_of_a_reply(db: Database) -> None:
    """A reply that was continued has several parts, each made by something of its own; what a replay needs besides.

    What many replies share is kept once, in `makers`; `reply_records` puts both together again.
    """
    shared = (
        "model, engine, revision, file_sha256, quantization, template_sha256, versions, sampling, context_length, "
        "device, adapter, adapter_sha256, hardware"
    )
    own = (
        "prompt_tokens, cached_tokens, completion_tokens, left_out, time_to_first_token, tokens_per_second, "
        "finish_reason"
    )
    db.execute("ALTER TABLE replies RENAME TO replies_before")
    db.execute(f"""
        CREATE TABLE makers (
            id INTEGER PRIMARY KEY,
            model TEXT NOT NULL,
            engine TEXT NOT NULL,
            revision TEXT NOT NULL,
            file_sha256 TEXT NOT NULL,
            quantization TEXT NOT NULL,
            template_sha256 TEXT NOT NULL,
            versions TEXT NOT NULL,
            sampling TEXT NOT NULL,
            context_length INTEGER NOT NULL,
            device TEXT NOT NULL,
            adapter TEXT NOT NULL,
            adapter_sha256 TEXT NOT NULL,
            hardware TEXT NOT NULL,
            UNIQUE ({shared})
        )""")
    db.execute("""
        CREATE TABLE replies (
            message_id TEXT NOT NULL REFERENCES messages(id),
            part INTEGER NOT NULL,
            maker_id INTEGER NOT NULL REFERENCES makers(id),
            starts_at INTEGER NOT NULL,
            seed INTEGER NOT NULL,
            prompt_tokens INTEGER NOT NULL,
            cached_tokens INTEGER NOT NULL,
            completion_tokens INTEGER NOT NULL,
            left_out INTEGER NOT NULL,
            time_to_first_token REAL,
            tokens_per_second REAL,
            finish_reason TEXT,
            prompt TEXT NOT NULL,
            PRIMARY KEY (message_id, part)
        ) WITHOUT ROWID""")
    before = {name: f"b.{name}" for name in shared.split(", ")}
    before |= {"sampling": "json_remove(b.sampling, '$.seed')", "hardware": "''"}
    db.execute(f"INSERT INTO makers ({shared}) SELECT DISTINCT {', '.join(before.values())} FROM replies_before b")
    same = " AND ".join(f"m.{name} = {value}" for name, value in before.items())
    db.execute(f"""
        INSERT INTO replies (message_id, part, maker_id, starts_at, seed, {own}, prompt)
        SELECT message_id, 0, (SELECT id FROM makers m WHERE {same}), 0, seed, {own}, json_object('seed', seed)
        FROM replies_before b""")
    db.execute("DROP TABLE replies_before")
    db.execute(f"""
        CREATE VIEW reply_records AS
        SELECT message_id, part, starts_at, {shared}, seed, {own}, prompt
        FROM replies JOIN makers ON makers.id = maker_id""")
    db.execute("""
        CREATE TABLE summaries (
            conversation_id TEXT NOT NULL REFERENCES conversations(id),
            upto_id TEXT NOT NULL REFERENCES messages(id),
            text_sha256 TEXT NOT NULL REFERENCES texts(sha256),
            model TEXT NOT NULL,
            created_at REAL NOT NULL,
            PRIMARY KEY (conversation_id, upto_id)
        ) WITHOUT ROWID""")
    db.execute("""
        CREATE TABLE token_views (
            message_id TEXT NOT NULL REFERENCES messages(id),
            part INTEGER NOT NULL,
            made_at REAL NOT NULL,
            tokens BLOB NOT NULL,
            PRIMARY KEY (message_id, part)
        )""")


@migrations()
def m005_search(db: Database) -> None:
    """The index of grams (see `store.grams`), filled by `Search` after the migration, so that this takes no time."""
    db.execute(r"""
        CREATE VIRTUAL TABLE grams USING fts5(
            words, content='', columnsize=0, detail=none, tokenize="ascii tokenchars '!#$%&()*+,-./:;<=>?@[\]^_`{|}~'"
        )""")
    db.execute("CREATE INDEX messages_by_time ON messages(created_at)")


@migrations()
def m006_grams_across_spaces(db: Database) -> None:
    """The index holds other grams since; filled anew like at first, and until then all is found by looking."""
    db.execute("INSERT INTO grams(grams) VALUES ('delete-all')")
    db.execute("UPDATE messages SET indexed = 0 WHERE indexed = 1")


@migrations()
def m007_runs_over_documents(db: Database) -> None:
    """Summaries of long documents."""
    runs_over_documents(db)


@migrations()
def m008_translations(db: Database) -> None:
    """Translations, the memory and glossaries."""
    translations(db)


@migrations()
def m009_trainings(db: Database) -> None:
    """Fine-tuning."""
    trainings(db)
