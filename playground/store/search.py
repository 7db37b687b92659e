"""Finds any piece of text in all messages, titles and tags: by an index of grams, then by looking into the text.

Never raises for what is searched for. Knows nothing of pages.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from playground.store.gram_index import BLOCK, GramIndex
from playground.store.terms import Excerpt, Terms

_FIRST = 100
"""Blocks that are looked into, newest first, before the index is asked: what stands everywhere is found in them."""
_FEW = 400
"""Filters that leave no more blocks than this need no index."""
_ENUMERATED = 60_000
"""Messages of a filter that are numbered one by one; of more than these, any stretch of the history holds some."""
_NAMED = 20
"""Conversations that are listed by their title or tags."""


@dataclass(frozen=True)
class Hit:
    """A message that was found. `model` is empty for messages of the user; `excerpt.ranges` are places in its text."""

    message_id: str
    conversation_id: str
    title: str
    role: str
    created_at: float
    model: str
    excerpt: Excerpt


@dataclass(frozen=True)
class Named:
    """A conversation that was found by its title and tags; `excerpt` is of the title."""

    conversation_id: str
    tags: tuple[str, ...]
    updated_at: float
    excerpt: Excerpt


@dataclass(frozen=True)
class Found:
    """What a search found, the newest first. `before` finds the hits after these ones, where there are more."""

    hits: tuple[Hit, ...]
    conversations: tuple[Named, ...] = ()
    before: int | None = None


@dataclass(frozen=True)
class _Filter:
    """Conditions that messages have to meet. `folder` None is any, "" none."""

    model: str
    role: str
    tag: str
    folder: str | None
    starred: bool
    since: float | None
    until: float | None

    @property
    def where(self) -> str:
        """SQL about a message `m`, in the names of this class."""
        parts = ["m.deleted_at IS NULL"]
        parts += ["m.role = :role"] * bool(self.role)
        parts += ["m.starred_at IS NOT NULL"] * self.starred
        parts += ["m.created_at >= :since"] * (self.since is not None)
        parts += ["m.created_at < :until"] * (self.until is not None)
        mine = "EXISTS (SELECT 1 FROM {} WHERE {})".format
        parts += [mine("reply_records r", "r.message_id = m.id AND +r.model = :model")] * bool(self.model)
        parts += [mine("tags t", "t.conversation_id = m.conversation_id AND t.tag = :tag")] * bool(self.tag)
        parts += [mine("conversations c", "c.id = m.conversation_id AND c.folder = :folder")] * (
            self.folder is not None
        )
        return " AND ".join(parts)

    @property
    def enumerable(self) -> Iterator[str]:
        """Ways to get all messages that some of the conditions leave, from an index alone."""
        if self.starred:
            yield "starred_at IS NOT NULL"
        if self.tag:
            yield "conversation_id IN (SELECT conversation_id FROM tags WHERE tag = :tag)"
        if self.folder is not None:
            yield "conversation_id IN (SELECT id FROM conversations WHERE folder = :folder)"
        if self.since is not None or self.until is not None:
            yield "created_at >= coalesce(:since, -9e99) AND created_at < coalesce(:until, 9e99)"


class Search(GramIndex):
    """The index and its use."""

    def find(
        self,
        text: str,
        *,
        model: str = "",
        role: str = "",
        tag: str = "",
        folder: str | None = None,
        starred: bool = False,
        since: float | None = None,
        until: float | None = None,
        limit: int = 50,
        before: int | None = None,
    ) -> Found:
        """Messages in which all words and "phrases in quotes" of `text` stand, the newest first, whatever their case.

        An empty `text` finds all that the filters leave. Times are seconds since the epoch, `until` not included.
        Deleted messages are not found, nor is what lies in the trash. Conversations are found by title and tags where
        no filter is about single messages. `before` comes from what was found before.
        """
        wanted, limit = Terms(text), max(1, limit)
        filters = _Filter(model, role, tag, folder, starred, since, until)
        if not wanted.possible or any(not _storable(name) for name in vars(filters).values()):
            return Found(())
        with self.database.reading() as db:
            db.conn.execute("SAVEPOINT search")  # All reads see one state of the file.
            try:
                found = list(itertools.islice(self._seqs(wanted, filters, before), limit + 1))
                hits = tuple(self._hit(seq, wanted) for seq in found[:limit])
                named: tuple[Named, ...] = ()
                if wanted.terms and before is None and not (model or role or starred):
                    named = self._named(wanted, filters)
            finally:
                db.conn.execute("RELEASE search")
        return Found(hits, named, found[limit - 1] if len(found) > limit else None)

    def _seqs(self, wanted: Terms, filters: _Filter, before: int | None) -> Iterator[int]:
        """Messages that meet everything, newest first."""
        there: dict[str, bool] = {}
        values = vars(filters)
        sql = (
            f"SELECT m.seq, m.conversation_id, m.content FROM messages m WHERE m.seq BETWEEN :low AND :high "
            f"AND {filters.where} ORDER BY m.seq DESC"
        )
        (newest,) = self._conn.execute("SELECT coalesce(max(seq), 0) FROM messages").fetchone()
        high = newest if before is None else min(newest, before - 1)
        for block in self._candidates(wanted.terms, filters, high // BLOCK):
            low = block * BLOCK
            ends = {"low": low, "high": min(high, low + BLOCK - 1)}
            for seq, conversation, content in self._conn.execute(sql, {**values, **ends}).fetchall():
                if not wanted.stand_in(content):
                    continue
                if conversation not in there:
                    there[conversation] = self._there(conversation)
                if there[conversation]:
                    yield seq

    def _candidates(self, terms: Sequence[Sequence[str]], filters: _Filter, last: int) -> Iterator[int]:
        """Blocks that may hold what is wanted, newest first, each once."""
        chosen = self._chosen(filters)
        models = [filters.model] if filters.model else []
        if chosen is not None:
            every: Iterable[int] = sorted((block for block in chosen if block <= last), reverse=True)
            if len(chosen) <= _FEW or not terms:
                yield from every
                return
        else:
            every = self._both([], models, last) if models else range(last, -1, -1)
        if not terms:
            yield from every
            return
        for number, block in enumerate(every):
            if number == _FIRST:
                break
            yield block
            last = block - 1
        else:
            return
        for block in self._both(terms, models, last):
            if chosen is None or block in chosen:
                yield block

    def _both(self, terms: Iterable[Sequence[str]], models: list[str], last: int) -> Iterator[int]:
        """Blocks that the index names, and those that are not in it."""
        late = (block for block in self.waiting() if block <= last)
        merged = heapq.merge(self.blocks(terms, models, last), late, reverse=True)
        yield from (block for block, _ in itertools.groupby(merged))

    def _chosen(self, filters: _Filter) -> set[int] | None:
        """The blocks that the filters leave, at most, where that can be known cheaply."""
        chosen: set[int] | None = None
        for condition in filters.enumerable:
            sql = f"SELECT seq / {BLOCK} FROM messages WHERE {condition} LIMIT {_ENUMERATED + 1}"
            found = self._conn.execute(sql, vars(filters)).fetchall()
            if len(found) <= _ENUMERATED:
                blocks = {row[0] for row in found}
                chosen = blocks if chosen is None else chosen & blocks
        return chosen

    def _there(self, conversation_id: str) -> bool:
        sql = "SELECT 1 FROM conversations WHERE id = ? AND deleted_at IS NULL"
        return self._conn.execute(sql, [conversation_id]).fetchone() is not None

    def _hit(self, seq: int, wanted: Terms) -> Hit:
        sql = """
            SELECT m.id AS message_id, m.conversation_id, c.title, m.role, m.created_at, m.content, coalesce(
                (SELECT model FROM reply_records r WHERE r.message_id = m.id ORDER BY part DESC LIMIT 1), '') AS model
            FROM messages m JOIN conversations c ON c.id = m.conversation_id WHERE m.seq = ?"""
        row = next(self.database.db.query(sql, [seq]))
        excerpt = wanted.excerpt(row.pop("content"))
        return Hit(**row, excerpt=excerpt)

    def _named(self, wanted: Terms, filters: _Filter) -> tuple[Named, ...]:
        """Conversations whose title, or one of whose tags, holds all terms; dates are those of their last change."""
        where = ["deleted_at IS NULL"]
        where += ["folder = :folder"] * (filters.folder is not None)
        where += ["id IN (SELECT conversation_id FROM tags WHERE tag = :tag)"] * bool(filters.tag)
        where += ["updated_at >= :since"] * (filters.since is not None)
        where += ["updated_at < :until"] * (filters.until is not None)
        listed = f"FROM conversations WHERE {' AND '.join(where)}"
        tags = [row[0] for row in self._conn.execute("SELECT DISTINCT tag FROM tags") if wanted.stand_in(row[0])]
        marks = ",".join("?" * len(tags))
        tagged = {
            row[0] for row in self._conn.execute(f"SELECT conversation_id FROM tags WHERE tag IN ({marks})", tags)
        }
        if not tagged:  # Most searches are for what stands in no title: all are looked into at once.
            sql = f"SELECT group_concat(title, char(10)) {listed}"
            if not wanted.stand_in(self._conn.execute(sql, vars(filters)).fetchone()[0] or ""):
                return ()
        rows = self._conn.execute(f"SELECT id, updated_at, title {listed} ORDER BY updated_at DESC", vars(filters))
        found = (row for row in rows if row[0] in tagged or wanted.stand_in(row[2]))
        return tuple(
            Named(id_, self._tags(id_), updated_at, wanted.excerpt(title))
            for id_, updated_at, title in itertools.islice(found, _NAMED)
        )

    def _tags(self, conversation_id: str) -> tuple[str, ...]:
        sql = "SELECT tag FROM tags WHERE conversation_id = ? ORDER BY tag COLLATE NOCASE"
        return tuple(row[0] for row in self._conn.execute(sql, [conversation_id]))


def _storable(value: Any) -> bool:
    """Can SQLite hold this value? A half sign alone is no text."""
    return not isinstance(value, str) or not any("\ud800" <= sign <= "\udfff" for sign in value)
