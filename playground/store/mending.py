"""Mends what `checking` finds, as far as that is safe: nothing is deleted, and what belongs nowhere is put where a
person can see it. Whoever calls holds the folder's lock and has a backup.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import sqlite_utils

from playground.errors import StorageError
from playground.store.checking import UNREACHABLE, WRONG_LEAF, circles, only_indexes, search_problems
from playground.store.database import stamp
from playground.store.history import History
from playground.store.rows import new_id

RECOVERED = "Recovered"
LOST = "The text of this message is lost."
_HOMES = ("messages", "tags", "summaries")
_USES = (*_HOMES, "run_chats")
_OWNED = (
    ("replies", "message_id"),
    ("attachments", "message_id"),
    ("token_views", "message_id"),
    ("summaries", "upto_id"),
)
_NEWEST_END = """
    SELECT id FROM messages m WHERE conversation_id = ? AND deleted_at IS NULL AND NOT EXISTS (
        SELECT 1 FROM messages c WHERE c.conversation_id = m.conversation_id AND c.parent_id = m.id
        AND c.deleted_at IS NULL)
    ORDER BY seq DESC LIMIT 1"""


def mend(history: History) -> tuple[Path, list[str]]:
    """Make a backup, then mend, all or nothing; returns the backup and what was done, in words.

    Raises StorageError when the file itself is damaged: then rows cannot be trusted to be where they belong.
    """
    database = history.database
    backup = database.backup(database.backups / f"before-repair-{stamp()}.db")
    done = []
    with database.reading() as db:
        said = [row[0] for row in db.execute("PRAGMA integrity_check(20)") if row[0] != "ok"]
    if said and not only_indexes(said):
        raise StorageError(f"{database.file} is too damaged to be mended. Restore a backup, or run `history recover`.")
    with database.reading() as db:
        if said:
            db.execute("REINDEX")
            done.append("indexes made anew")
        done += link_rows(db)
    if said or any(problem.remedy == "repair" for problem in search_problems(database)):
        history.search.rebuild()
        history.search.catch_up(threading.Event())
        done.append("search index made anew")
    if count := history.mark_interrupted():
        done.append(f"replies marked as interrupted: {count}")
    return backup, done


def link_rows(db: sqlite_utils.Database) -> list[str]:
    """Give every row what it refers to, in one transaction; returns what was done, in words."""
    conn = db.conn
    conn.execute("BEGIN IMMEDIATE")
    try:
        conn.execute("PRAGMA defer_foreign_keys=ON")
        done = [*_conversations(db), *_messages(db), *_astray(db), *_leaves(db)]
        conn.execute("COMMIT")
    except BaseException:
        conn.rollback()
        raise
    return done


def _conversations(db: sqlite_utils.Database) -> Iterator[str]:
    wanted = " UNION ".join(f"SELECT conversation_id AS id FROM {table}" for table in _HOMES)
    missing = [
        row["id"] for row in db.query(f"SELECT id FROM ({wanted}) WHERE id NOT IN (SELECT id FROM conversations)")
    ]
    for id_ in missing:
        _new_conversation(db, RECOVERED, id_)
    if missing:
        yield f"lost conversations begun again, with the title {RECOVERED!r}: {len(missing)}"


def _messages(db: sqlite_utils.Database) -> Iterator[str]:
    wanted = " UNION ".join(f"SELECT {key} AS id FROM {table} WHERE {key} IS NOT NULL" for table, key in _OWNED)
    missing = [row["id"] for row in db.query(f"SELECT id FROM ({wanted}) WHERE id NOT IN (SELECT id FROM messages)")]
    home = _new_conversation(db, RECOVERED) if missing else ""
    for id_ in missing:
        reply = next(db.query("SELECT 1 FROM replies WHERE message_id = ?", [id_]), None)
        now = time.time()
        row = dict(id=id_, conversation_id=home, role="assistant" if reply else "user", content="", status="failed")
        db.table("messages").insert({**row, "error": LOST, "created_at": now, "updated_at": now, "indexed": 0})
    if missing:
        yield f"places kept in {RECOVERED!r} for lost messages of which records or files are there: {len(missing)}"


def _astray(db: sqlite_utils.Database) -> Iterator[str]:
    astray = {row["id"]: (row["conversation_id"], row["parent_id"]) for row in db.query(UNREACHABLE)}
    order = {id_: number for number, id_ in enumerate(astray)}
    opened = {min(circle, key=order.__getitem__) for circle in circles(astray)}
    homes: dict[str, str] = {}
    for old in {old for old, _ in astray.values()}:
        title = next(db.query("SELECT title FROM conversations WHERE id = ?", [old]))["title"]
        homes[old] = _new_conversation(db, f"{RECOVERED}: {title}" if title != RECOVERED else RECOVERED)
    for id_, (old, parent) in astray.items():
        # What it stood below stays above it where that moves along; a circle is opened above its oldest message.
        below = parent in astray and astray[parent][0] == old and id_ not in opened
        values = dict(home=homes[old], parent=parent if below else None, id=id_)
        db.execute("UPDATE messages SET conversation_id = :home, parent_id = :parent WHERE id = :id", values)
    for old in homes:
        # One that was begun again above for these messages alone has nothing to show any more.
        used = " AND ".join(f"NOT EXISTS (SELECT 1 FROM {table} WHERE conversation_id = :id)" for table in _USES)
        db.execute(f"DELETE FROM conversations WHERE id = :id AND title = '{RECOVERED}' AND {used}", dict(id=old))
    if astray:
        yield f"messages moved into conversations of their own, titled {RECOVERED!r}: {len(astray)}"


def _leaves(db: sqlite_utils.Database) -> Iterator[str]:
    wrong = [row["id"] for row in db.query(WRONG_LEAF)]
    for id_ in wrong:
        end = next(db.query(_NEWEST_END, [id_]), None)
        db.execute("UPDATE conversations SET leaf_id = ? WHERE id = ?", [end["id"] if end else None, id_])
    if wrong:
        yield f"conversations that show their newest message again: {len(wrong)}"


def _new_conversation(db: sqlite_utils.Database, title: str, id_: str = "") -> str:
    now = time.time()
    row = dict(id=id_ or new_id(), title=title, created_at=now, updated_at=now)
    db.table("conversations").insert(row)
    return str(row["id"])
