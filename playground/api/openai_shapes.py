"""Replies as OpenAI's clients read them: whole, or as chunks of a stream. Knows no model and no thread."""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from typing import Any

from playground.api.openai_errors import ApiError, ClientGone
from playground.api.openai_replies import Asked, Piece, Usage, plain_scores, scores
from playground.api.openai_work import Work
from playground.records import ModelInfo

PING = 10.0
"""Seconds after which a stream says that it is still there."""


class Shape(ABC):
    """One answer on its way."""

    name = ""
    prefix = ""

    def __init__(self, asked: Asked, *, include_usage: bool) -> None:
        self.asked = asked
        self.include_usage = include_usage
        self.id = f"{self.prefix}-{uuid.uuid4().hex}"
        self.created = int(time.time())
        self.usage = Usage()
        self._begun: set[int] = set()
        self._fingerprint: str | None = None

    @abstractmethod
    def whole(self, pieces: Sequence[Piece]) -> dict[str, Any]:
        """The answer, when all has come."""

    @abstractmethod
    def changes(self, piece: Piece, *, first: bool) -> list[dict[str, Any]]:
        """What a stream's chunks say of one choice; `first` of all its pieces."""

    def chunks(self, piece: Piece) -> list[dict[str, Any]]:
        """What a piece becomes in a stream."""
        self._take(piece)
        first = piece.choice not in self._begun
        self._begun.add(piece.choice)
        usage = {"usage": None} if self.include_usage else {}
        return [self.head(chunk=True, choices=[one]) | usage for one in self.changes(piece, first=first)]

    def last(self) -> dict[str, Any]:
        """The chunk that tells the usage."""
        return self.head(chunk=True, choices=[]) | {"usage": self.usage.shown()}

    def head(self, *, chunk: bool, choices: list[dict[str, Any]]) -> dict[str, Any]:
        """What every answer and every chunk has."""
        return {
            "id": self.id,
            "object": f"{self.name}.chunk" if chunk and self.prefix == "chatcmpl" else self.name,
            "created": self.created,
            "model": self.asked.model.id,
            "system_fingerprint": self._fingerprint,
            "choices": choices,
        }

    def _take(self, piece: Piece) -> None:
        self.usage = piece.usage
        if self._fingerprint is None:
            self._fingerprint = _fingerprint(piece.info)

    def _all(self, pieces: Sequence[Piece], choices: list[dict[str, Any]]) -> dict[str, Any]:
        for piece in pieces:
            self._take(piece)
        return self.head(chunk=False, choices=choices) | {"usage": self.usage.shown()}


class ChatShape(Shape):
    """Of /v1/chat/completions."""

    name = "chat.completion"
    prefix = "chatcmpl"

    def whole(self, pieces: Sequence[Piece]) -> dict[str, Any]:
        """See Shape."""
        choices = []
        for index, mine in enumerate(_by_choice(pieces)):
            message = {"role": "assistant", "content": "".join(one.text for one in mine), "refusal": None}
            scored = self._scores([token for one in mine for token in one.tokens])
            end = {"logprobs": scored, "finish_reason": mine[-1].reason}
            choices.append({"index": index, "message": message, **end})
        return self._all(pieces, choices)

    def changes(self, piece: Piece, *, first: bool) -> list[dict[str, Any]]:
        """See Shape."""
        empty = {"index": piece.choice, "logprobs": None, "finish_reason": None}
        found: list[dict[str, Any]] = []
        if first:
            found.append({**empty, "delta": {"role": "assistant", "content": ""}})
        if piece.text or piece.tokens:
            found.append({**empty, "delta": {"content": piece.text}, "logprobs": self._scores(piece.tokens)})
        if piece.reason:
            found.append({**empty, "delta": {}, "finish_reason": piece.reason})
        return found

    def _scores(self, tokens: Sequence[Any]) -> dict[str, Any] | None:
        return {"content": scores(tokens, self.asked.top), "refusal": None} if self.asked.scored else None


class CompletionShape(Shape):
    """Of /v1/completions."""

    name = "text_completion"
    prefix = "cmpl"

    def __init__(self, asked: Asked, *, include_usage: bool, echo: bool) -> None:
        """With `echo` a text begins with its prompt."""
        super().__init__(asked, include_usage=include_usage)
        self._echo = echo
        self._at: dict[int, int] = {}
        """Characters of each choice so far."""

    def whole(self, pieces: Sequence[Piece]) -> dict[str, Any]:
        """See Shape."""
        choices = []
        for index, mine in enumerate(_by_choice(pieces)):
            text = self._before(index) + "".join(one.text for one in mine)
            tokens = [token for one in mine for token in one.tokens]
            scored = plain_scores(tokens, self.asked.top, 0) if self.asked.scored else None
            choices.append({"index": index, "text": text, "logprobs": scored, "finish_reason": mine[-1].reason})
        return self._all(pieces, choices)

    def changes(self, piece: Piece, *, first: bool) -> list[dict[str, Any]]:
        """See Shape."""
        text = (self._before(piece.choice) if first else "") + piece.text
        if not (text or piece.tokens or piece.reason):
            return []
        at = self._at.get(piece.choice, 0)
        self._at[piece.choice] = at + len(piece.text)
        scored = plain_scores(piece.tokens, self.asked.top, at) if self.asked.scored else None
        return [{"index": piece.choice, "text": text, "logprobs": scored, "finish_reason": piece.reason}]

    def _before(self, choice: int) -> str:
        return self.asked.prompts[choice // self.asked.n][0].content if self._echo else ""


async def events(work: Work[Piece], shape: Shape, first: Piece | None) -> AsyncIterator[str]:
    """A stream of server-sent events; an error in the middle is its last one."""
    try:
        for chunk in shape.chunks(first) if first is not None else ():
            yield _event(chunk)
        async for piece in work.as_they_come(PING):
            if piece is None:
                yield ": still here\n\n"
                continue
            for chunk in shape.chunks(piece):
                yield _event(chunk)
        if shape.include_usage:
            yield _event(shape.last())
        yield "data: [DONE]\n\n"
    except ApiError as error:
        yield _event(error.body())
    except ClientGone:
        return
    finally:
        work.stop()


def _event(data: dict[str, Any]) -> str:
    return f"data: {json.dumps(data, allow_nan=False, separators=(',', ':'))}\n\n"


def _by_choice(pieces: Sequence[Piece]) -> list[list[Piece]]:
    found: dict[int, list[Piece]] = {}
    for one in pieces:
        found.setdefault(one.choice, []).append(one)
    return list(found.values())


def _fingerprint(info: ModelInfo) -> str:
    """The same as long as the same seed gives the same words."""
    made = [info.model, info.engine, info.revision, info.file_sha256, info.quantization, info.device]
    return f"fp_{hashlib.sha256(json.dumps([made, dict(info.versions or {})]).encode()).hexdigest()[:12]}"
