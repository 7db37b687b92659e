"""What of a person's own work a model can be taught with: which replies, segments and summaries. Reads only."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from playground.errors import BadValueError
from playground.store.rows import Rows
from playground.store.terms import Terms

OwnKind = Literal["chats", "votes", "translations", "summaries"]
_PAGE = 1000


@dataclass(frozen=True)
class Choice:
    """Which of the person's own work. What is left empty leaves out nothing. Times are seconds since the epoch."""

    kind: OwnKind
    ids: tuple[str, ...] = ()
    """Of conversations, translations or summaries."""
    messages: tuple[str, ...] = ()
    """Ids of single replies."""
    pinned: bool = False
    """Only pinned conversations."""
    starred: bool = False
    """Only replies with a star."""
    voted_up: bool = False
    """Only replies that were voted up."""
    tag: str = ""
    model: str = ""
    """Only what this model wrote; a reply that was edited by hand is that of the model that began it."""
    words: str = ""
    """As the search takes them."""
    since: float | None = None
    until: float | None = None
    """Not included."""
    source: str = ""
    """Of translations, the language translated from."""
    target: str = ""
    pairs: bool = False
    """Of translations: the person's words and the machine's, as better and worse."""

    def __post_init__(self) -> None:
        if self.kind not in get_args(OwnKind):
            raise BadValueError(f"kind is {self.kind!r}. Choose one of: {', '.join(get_args(OwnKind))}.")


@dataclass(frozen=True)
class OwnReply:
    """A reply, as far as has to be known to choose it."""

    id: str
    conversation_id: str
    parent_id: str | None
    vote: int
    whole: bool
    """It came to its own end."""
    edits: str = ""
    """The reply that a person wrote this one over."""


@dataclass(frozen=True)
class OwnSegment:
    """A segment that a person confirmed or wrote."""

    translation_id: str
    document: int
    source: str
    text: str
    machine: str
    by_hand: bool


class TrainingData(Rows):
    """All reads of own work for fine-tuning. Nothing in the trash is found."""

    def replies(self, choice: Choice, *, rivals: bool = False) -> list[OwnReply]:
        """The replies of a choice, by conversation and in their order.

        `rivals` are all that stand beside a reply of the choice; of these it must be known who is better.
        """
        own = ["m.role = 'assistant'", "m.deleted_at IS NULL", "c.deleted_at IS NULL"]
        own += ["c.pinned_at IS NOT NULL"] * choice.pinned
        own += ["m.starred_at IS NOT NULL"] * choice.starred
        own += ["m.vote > 0"] * choice.voted_up
        own += ["m.id IN (SELECT value FROM json_each(:messages))"] * bool(choice.messages)
        own += ["c.id IN (SELECT value FROM json_each(:ids))"] * bool(choice.ids)
        own += ["c.id IN (SELECT conversation_id FROM tags WHERE tag = :tag)"] * bool(choice.tag)
        own += ["m.created_at >= :since"] * (choice.since is not None)
        own += ["m.created_at < :until"] * (choice.until is not None)
        own += [_BY] * bool(choice.model)
        where = " AND ".join(own)
        if rivals:
            chosen = (
                f"SELECT m.parent_id FROM messages m JOIN conversations c ON c.id = m.conversation_id WHERE {where}"
            )
            chosen += " AND (m.vote > 0 OR m.edited_from IS NOT NULL)"
            where = f"{own[0]} AND {own[1]} AND m.parent_id IN ({chosen})"
        found = self._in_words(choice.words)
        with self.database.reading() as db:
            rows = db.query(f"{_REPLIES} WHERE {where} ORDER BY c.created_at, c.rowid, m.seq", _values(choice))
            replies = [OwnReply(**{**row, "whole": bool(row["whole"]), "edits": row["edits"] or ""}) for row in rows]
        return [one for one in replies if found is None or one.conversation_id in found]

    def segments(self, choice: Choice) -> list[OwnSegment]:
        """Segments that a person confirmed, or wrote so that no doubt is left, in their order."""
        where = ["t.deleted_at IS NULL", "g.status = 'done'", "g.text != ''", "g.origin != 'copied'"]
        where += ["(g.confirmed OR (g.origin = 'person' AND g.doubts = '[]'))"]
        where += ["t.id IN (SELECT value FROM json_each(:ids))"] * bool(choice.ids)
        where += ["json_extract(t.options, '$.source') = :source"] * bool(choice.source)
        where += ["json_extract(t.options, '$.target') = :target"] * bool(choice.target)
        where += ["k.model = :model"] * bool(choice.model)
        where += ["g.updated_at >= :since"] * (choice.since is not None)
        where += ["g.updated_at < :until"] * (choice.until is not None)
        where += ["g.machine NOT IN ('', g.text)"] * choice.pairs
        sql = (
            "SELECT g.translation_id, g.document, g.source, g.text, g.machine, g.origin = 'person' AS by_hand "
            "FROM segments g JOIN translations t ON t.id = g.translation_id LEFT JOIN makers k ON k.id = g.maker_id "
            f"WHERE {' AND '.join(where)} ORDER BY t.created_at, t.rowid, g.document, g.position"
        )
        wanted = Terms(choice.words)
        with self.database.reading() as db:
            found = [OwnSegment(**{**row, "by_hand": bool(row["by_hand"])}) for row in db.query(sql, _values(choice))]
        return [one for one in found if _stand_in(wanted, choice.words, f"{one.source}\n{one.text}")]

    def summaries(self, choice: Choice) -> list[str]:
        """Ids of the summaries that a model has finished, the oldest first."""
        where = ["kind = 'summary'", "status = 'complete'", "deleted_at IS NULL", "text != ''", "model != ''"]
        where += ["id IN (SELECT value FROM json_each(:ids))"] * bool(choice.ids)
        where += ["model = :model"] * bool(choice.model)
        where += ["created_at >= :since"] * (choice.since is not None)
        where += ["created_at < :until"] * (choice.until is not None)
        sql = f"SELECT id, title, text FROM runs WHERE {' AND '.join(where)} ORDER BY created_at, rowid"
        wanted = Terms(choice.words)
        with self.database.reading() as db:
            rows = list(db.query(sql, _values(choice)))
        return [row["id"] for row in rows if _stand_in(wanted, choice.words, f"{row['title']}\n{row['text']}")]

    def languages(self) -> dict[tuple[str, str], tuple[int, int]]:
        """For each pair of languages how many segments are confirmed or written, and how many of them were changed."""
        found: dict[str, tuple[str, str]] = {}
        counts: dict[tuple[str, str], tuple[int, int]] = {}
        with self.database.reading() as db:
            for row in db.query("SELECT id, options FROM translations WHERE deleted_at IS NULL"):
                options = json.loads(row["options"])
                found[row["id"]] = options.get("source", ""), options.get("target", "")
        for one in self.segments(Choice("translations")):
            pair = found[one.translation_id]
            all_, changed = counts.get(pair, (0, 0))
            counts[pair] = all_ + 1, changed + (one.machine not in ("", one.text))
        return counts

    def _in_words(self, words: str) -> set[str] | None:
        """Conversations in one of whose messages, or in whose title, the words stand; None: any."""
        if not words.strip():
            return None
        wanted, ids, before = Terms(words), set[str](), None
        while True:
            found = self.search.find(words, limit=_PAGE, before=before)
            ids.update(one.conversation_id for one in found.hits)
            before = found.before
            if before is None:
                break
        with self.database.reading() as db:
            rows = db.query("SELECT id, title FROM conversations WHERE deleted_at IS NULL")
            return ids | {row["id"] for row in rows if _stand_in(wanted, words, row["title"])}


def _stand_in(wanted: Terms, words: str, text: str) -> bool:
    return not words.strip() or (wanted.possible and wanted.stand_in(text))


def _values(choice: Choice) -> dict[str, Any]:
    def listed(ids: Sequence[str]) -> str:
        return json.dumps(list(ids))

    return {**vars(choice), "ids": listed(choice.ids), "messages": listed(choice.messages)}


_ENDED = "SELECT finish_reason FROM replies r WHERE r.message_id = m.id ORDER BY part DESC LIMIT 1"
# A reply without a record was written by hand: from nothing, over another, or it was brought from elsewhere.
_REPLIES = f"""
    SELECT m.id, m.conversation_id, m.parent_id, m.vote,
           m.status = 'complete' AND coalesce(({_ENDED}), 'stop') != 'length' AS whole,
           CASE WHEN EXISTS (SELECT 1 FROM replies r WHERE r.message_id = m.id) THEN '' ELSE m.edited_from END AS edits
    FROM messages m JOIN conversations c ON c.id = m.conversation_id"""
_BY = """
    EXISTS (WITH RECURSIVE began(id) AS (
        SELECT m.id UNION SELECT o.edited_from FROM messages o JOIN began ON o.id = began.id
        WHERE o.edited_from IS NOT NULL
    ) SELECT 1 FROM began JOIN reply_records r ON r.message_id = began.id WHERE r.model = :model)"""
