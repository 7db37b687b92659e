"""What is kept beside the messages: texts that many records share, files on their way into a message, prompts of one's
own, summaries of old turns, and views of a reply's tokens.
"""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from playground.errors import BadValueError, MissingError
from playground.records import Attachment
from playground.store.rows import Rows, assigned, new_id

PromptKind = Literal["persona", "template"]
_COLUMNS = ("id", "name", "media_type", "size", "sha256", "pages", "characters", "width", "height")
ATTACHED = ", ".join(f"a.{name}" for name in (*_COLUMNS, "notes", "message_id"))
"""What a page shows of a file. The images themselves are large: they are read only for a model or an export."""


@dataclass(frozen=True)
class SavedPrompt:
    """A persona or a template of the user's own."""

    id: str
    kind: PromptKind
    name: str
    text: str
    sampling: Mapping[str, Any] = field(default_factory=dict)


class Kept(Rows):
    """A part of `History`."""

    def keep_text(self, text: str) -> str:
        """Keep a text that many records share, once; returns its SHA-256."""
        with self.database.writing():
            return self._keep_text(text)

    def text(self, sha256: str) -> str:
        """A text that was kept. Raises MissingError."""
        with self.database.reading():
            row = self._row("SELECT text FROM texts WHERE sha256 = ?", [sha256])
        if row is None:
            raise MissingError("A text that this reply was made from is not kept (any more).")
        return str(row["text"])

    def keep_file(self, attachment: Attachment) -> None:
        """Keep a file's text or image until a message takes it (`add_turn`)."""
        values = {**vars(attachment), "notes": json.dumps(attachment.notes, ensure_ascii=False)}
        with self.database.writing() as db:  # One transaction: a purge in between would take the text for a rest.
            values["text_sha256"] = self._keep_text(values.pop("text"))
            db.table("attachments").insert({**values, "created_at": time.time()})

    def files(self, ids: Sequence[str]) -> list[Attachment]:
        """Kept files with their texts and images, in this order, whether a message has taken them or not; those that
        are gone are left out."""
        with self.database.reading() as db:
            marks = ",".join("?" * len(ids))
            sql = f"SELECT a.*, t.text FROM attachments a JOIN texts t ON t.sha256 = text_sha256 WHERE id IN ({marks})"
            rows = {row["id"]: row for row in db.query(sql, list(ids))}
        return [attachment_of(rows[one]) for one in ids if one in rows]

    def drop_files(self, older_than: float) -> None:
        """Forget files that no message has taken, and their texts; those kept before this moment (seconds since the
        epoch).
        """
        with self.database.writing() as db:
            sql = "DELETE FROM attachments WHERE message_id IS NULL AND created_at < ?"
            if db.execute(sql, [older_than]).rowcount:
                self._drop_unreferred()

    def save_prompt(
        self, kind: PromptKind, name: str, text: str, sampling: Mapping[str, Any] | None = None, prompt_id: str = ""
    ) -> str:
        """Keep a persona or a template, a new one or another wording of `prompt_id`; returns its id."""
        if not name.strip() or not text.strip():
            raise BadValueError("A persona or template needs a name and a text. Write both.")
        now = time.time()
        with self.database.writing() as db:
            if prompt_id:
                values = dict(name=name.strip(), text=text, sampling=json.dumps(dict(sampling or {})), updated_at=now)
                sql = f"UPDATE saved_prompts SET {assigned(values)} WHERE id = :id"
                changed = db.execute(sql, {**values, "id": prompt_id})
                if not changed.rowcount:
                    raise MissingError("This persona or template does not exist (any more).")
                return prompt_id
            prompt_id = new_id()
            row = dict(id=prompt_id, kind=kind, name=name.strip(), text=text, created_at=now, updated_at=now)
            db.table("saved_prompts").insert({**row, "sampling": json.dumps(dict(sampling or {}))})
        return prompt_id

    def prompts(self, kind: PromptKind) -> list[SavedPrompt]:
        """The user's own personas or templates, by name."""
        with self.database.reading() as db:
            rows = db.query(
                "SELECT id, kind, name, text, sampling FROM saved_prompts WHERE kind = ? AND deleted_at IS NULL "
                "ORDER BY name COLLATE NOCASE, id",
                [kind],
            )
            return [SavedPrompt(**{**row, "sampling": json.loads(row["sampling"])}) for row in rows]

    def delete_prompt(self, prompt_id: str, *, undo: bool = False) -> None:
        """Take a persona or template away, or bring it back."""
        with self.database.writing() as db:
            gone = None if undo else time.time()
            if not db.execute("UPDATE saved_prompts SET deleted_at = ? WHERE id = ?", [gone, prompt_id]).rowcount:
                raise MissingError("This persona or template does not exist (any more).")

    def keep_summary(self, conversation_id: str, upto_id: str, text: str, model: str) -> str:
        """Keep what stands for all messages up to one; returns the text's SHA-256."""
        with self.database.writing() as db:
            sha256 = self._keep_text(text)
            db.execute(
                "INSERT OR REPLACE INTO summaries (conversation_id, upto_id, text_sha256, model, created_at) "
                "VALUES (?, ?, ?, ?, ?)",
                [conversation_id, upto_id, sha256, model, time.time()],
            )
        return sha256

    def summaries(self, conversation_id: str) -> dict[str, str]:
        """SHA-256 of the texts that stand for everything up to the messages with these ids."""
        with self.database.reading() as db:
            rows = db.query("SELECT upto_id, text_sha256 FROM summaries WHERE conversation_id = ?", [conversation_id])
            return {row["upto_id"]: row["text_sha256"] for row in rows}

    def keep_tokens(self, message_id: str, part: int, tokens: Any) -> None:
        """Keep a view of a reply's tokens, anything that JSON takes."""
        packed = zlib.compress(json.dumps(tokens, ensure_ascii=False).encode())
        with self.database.writing() as db:
            db.table("token_views").insert(
                dict(message_id=message_id, part=part, made_at=time.time(), tokens=packed),
                pk=("message_id", "part"),
                replace=True,
            )

    def tokens(self, message_id: str, part: int) -> Any:
        """The view of a reply's tokens that was kept, or None."""
        with self.database.reading():
            row = self._row("SELECT tokens FROM token_views WHERE message_id = ? AND part = ?", [message_id, part])
        return json.loads(zlib.decompress(row["tokens"])) if row else None


def attachment_of(row: Mapping[str, Any]) -> Attachment:
    """An attachment from its row, which may lack the text and the image."""
    notes = tuple(json.loads(row["notes"]))
    values = {name: row[name] for name in _COLUMNS}
    return Attachment(**values, notes=notes, text=row.get("text", ""), data=row.get("data"))
