"""Finds what is wrong with a history file, also what SQLite cannot know, and says what it means. It changes nothing."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import sqlite_utils

from playground.errors import BadValueError, StorageError
from playground.store.database import Database, is_damage, newer_steps, translate_sqlite
from playground.store.migrations import migrations
from playground.store.search import Search

Remedy = Literal["start", "repair", "restore", "update"]
REMEDIES: Mapping[Remedy, str] = {
    "start": "Nothing to do: the app sees to it at its next start.",
    "repair": "Run `playground history check --repair`; it makes a backup first and deletes nothing.",
    "restore": "Restore a backup (`playground history restore --list`), or save what can still be read "
    "(`playground history recover`).",
    "update": "Start the newer version of Playground.",
}
UNREACHABLE = """
    WITH RECURSIVE good(id, home) AS (
        SELECT id, conversation_id FROM messages WHERE parent_id IS NULL
        UNION ALL
        SELECT m.id, home FROM good JOIN messages m ON m.conversation_id = home AND m.parent_id = good.id
    ) SELECT id, conversation_id, parent_id FROM messages WHERE id NOT IN (SELECT id FROM good) ORDER BY seq"""
"""Messages that no way leads to from the first one of their conversation, oldest first."""
WRONG_LEAF = """
    SELECT c.id FROM conversations c LEFT JOIN messages m ON m.id = c.leaf_id
    WHERE (c.leaf_id IS NOT NULL AND (m.id IS NULL OR m.deleted_at IS NOT NULL OR m.conversation_id != c.id))
    OR (c.leaf_id IS NULL
        AND EXISTS (SELECT 1 FROM messages a WHERE a.conversation_id = c.id AND a.deleted_at IS NULL))"""
_LOST_TEXTS = """
    SELECT count(*) FROM replies, json_each(CASE WHEN json_valid(prompt) THEN prompt ELSE '{}' END)
    WHERE key IN ('system', 'summary') AND value IS NOT NULL AND value NOT IN (SELECT sha256 FROM texts)"""
_LINKS: Mapping[tuple[str, str], tuple[str, str, Remedy]] = {
    ("messages", "conversations"): (
        "messages of a conversation that is not there: {}",
        "They cannot be opened; their text is not lost.",
        "repair",
    ),
    ("replies", "messages"): (
        "records of replies that are not there: {}",
        "The text of these replies is lost; what made them is known.",
        "repair",
    ),
    ("attachments", "messages"): (
        "files attached to a message that is not there: {}",
        "The message is lost; the text of its files is not.",
        "repair",
    ),
    ("replies", "makers"): (
        "records of replies of which most is not there: {}",
        "The replies are whole; what made them cannot be shown.",
        "restore",
    ),
    ("attachments", "texts"): ("attached files whose text is not there: {}", "It is lost.", "restore"),
    ("summaries", "texts"): ("summaries whose text is not there: {}", "It is made anew when it is needed.", "restore"),
}
_ELSE = "It cannot be shown; what it refers to is lost."

_ASTRAY = {
    "missing": "answer one that is not there",
    "elsewhere": "answer one of another conversation",
    "circle": "answer each other in a circle",
    "below": "stand below such ones, so that nothing leads to them",
}


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: what, whether anything is lost by it, and what to do."""

    what: str
    means: str
    remedy: Remedy

    @property
    def words(self) -> str:
        """All of it for a person."""
        return f"{self.what[:1].upper()}{self.what[1:]}. {self.means} {REMEDIES[self.remedy]}"


@dataclass(frozen=True)
class Report:
    """What is in a file, and what is wrong with it."""

    problems: tuple[Problem, ...]
    conversations: int
    messages: int

    @property
    def sound(self) -> bool:
        """Nothing is wrong that would not mend itself."""
        return all(problem.remedy == "start" for problem in self.problems)


def check(file: Path, *, running: bool) -> Report:
    """Read the whole of `file`, all of one moment; `running` says that the app has it open.

    Raises BadValueError when it is not a history, StorageError and BusyError when it cannot be read at all.
    """
    uri = f"{file.absolute().as_uri()}?mode=ro"
    with translate_sqlite(file), contextlib.closing(sqlite3.connect(uri, uri=True, timeout=10)) as conn:
        try:
            conn.execute("BEGIN")
            tables = {row[0] for row in conn.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if tables and not tables >= {"conversations", "messages", "replies"}:
                raise BadValueError(f"{file} is not a history of Playground. Name another file.")
            problems = [*_damage(conn), *_schema(conn)]
            current = not problems
            if current:
                problems = [*_links(conn), *_tree(conn), *_states(conn, running=running)]
            counts = [
                conn.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in ("conversations", "messages")
            ]
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            problems, counts = [_broken(str(error))], [0, 0]
            current = False
    if current:
        with contextlib.closing(Database(file, file.parent)) as database:
            problems += search_problems(database)
    return Report(tuple(problems), counts[0], counts[1])


def _broken(said: str) -> Problem:
    return Problem(f"the file itself is damaged ({said})", "A part of what was said may be lost.", "restore")


def _damage(conn: sqlite3.Connection) -> Iterator[Problem]:
    said = [row[0] for row in conn.execute("PRAGMA integrity_check(20)") if row[0] != "ok"]
    if said and only_indexes(said):
        yield Problem(f"an index does not match its table ({said[0]})", "Nothing is lost.", "repair")
    elif said:
        yield _broken("; ".join(said[:3]))


def only_indexes(said: list[str]) -> bool:
    """Are these words of `integrity_check` about nothing but indexes, which can be made anew?"""
    return all(any(words in one for words in ("missing from index", "entries in index", "FTS5")) for one in said)


def _schema(conn: sqlite3.Connection) -> Iterator[Problem]:
    db = sqlite_utils.Database(conn, execute_plugins=False)
    if newer := newer_steps(db):
        yield Problem(f"a newer version of Playground wrote this file ({newer[0]})", "Nothing is lost.", "update")
    elif migrations.pending(db):
        yield Problem("the file is of an older version", "Nothing is lost; a copy is made before it changes.", "start")


def _links(conn: sqlite3.Connection) -> Iterator[Problem]:
    found: dict[tuple[str, str], int] = {}
    for table, _, parent, _ in conn.execute("PRAGMA foreign_key_check"):
        found[table, parent] = found.get((table, parent), 0) + 1
    for link, count in found.items():
        if link in (("messages", "messages"), ("conversations", "messages")):
            continue  # A part of what `_tree` looks for.
        what, means, remedy = _LINKS.get(
            link, (f"rows of {link[0]} that belong to {link[1]} which are not there: {{}}", _ELSE, "repair")
        )
        yield Problem(what.format(count), means, remedy)
    if count := conn.execute(_LOST_TEXTS).fetchone()[0]:
        yield Problem(
            f"system prompts and summaries that records refer to and that are not there: {count}",
            "The replies are whole; what they were made from cannot be shown.",
            "restore",
        )


def _tree(conn: sqlite3.Connection) -> Iterator[Problem]:
    astray = {id_: (home, parent) for id_, home, parent in conn.execute(UNREACHABLE)}
    round_ = {id_ for circle in circles(astray) for id_ in circle}
    counts = dict.fromkeys(_ASTRAY, 0)
    for id_, (home, parent) in astray.items():
        found = conn.execute("SELECT conversation_id FROM messages WHERE id = ?", [parent]).fetchone()
        elsewhere = "missing" if found is None else "elsewhere" if found[0] != home else "below"
        counts["circle" if id_ in round_ else elsewhere] += 1
    for kind, count in counts.items():
        if count:
            what = f"messages that {_ASTRAY[kind]}: {count}"
            yield Problem(what, "Their text is whole, but no page shows them.", "repair")
    if leaves := [row[0] for row in conn.execute(WRONG_LEAF)]:
        yield Problem(
            f"conversations that show a message which is not there, deleted, or another's: {len(leaves)}",
            "They open empty or not at all; their messages are not lost.",
            "repair",
        )


def circles(astray: Mapping[str, tuple[str, str | None]]) -> list[list[str]]:
    """Those of the messages (id: conversation, parent) that are above themselves, circle by circle."""
    found: list[list[str]] = []
    known: set[str] = set()
    for start in astray:
        way: list[str] = []
        at: str | None = start
        while at is not None and at in astray and at not in known:
            known.add(at)
            way.append(at)
            at = astray[at][1]
        if at in way:
            found.append(way[way.index(at) :])
    return found


def _states(conn: sqlite3.Connection, *, running: bool) -> Iterator[Problem]:
    count = conn.execute("SELECT count(*) FROM messages WHERE status = 'streaming'").fetchone()[0]
    if count and not running:
        yield Problem(
            f"replies that were cut off, or are being written by `playground ask`: {count}",
            "What had come is there.",
            "start",
        )


def search_problems(database: Database) -> Iterator[Problem]:
    """What is wrong with the index of an open history."""
    try:
        with database.reading():
            found = Search(database).problems()
    except StorageError:  # The rest of the file was found sound before.
        found = ["the search index is damaged"]
    for what in found:
        if what.startswith("messages that are not in the search index yet"):
            yield Problem(what, "They are found all the same.", "start")
        else:
            yield Problem(what, "Nothing is lost, but a search may miss some.", "repair")
