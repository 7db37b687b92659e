"""Fits a conversation into a model's context: what goes in, and what stays out. Knows nothing of where messages lie.

Messages come as a sequence that may be read lazily: only as many of the newest are looked at as could fit.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from playground.errors import BadValueError, ContextError
from playground.records import Attachment, Message, ModelInfo, Picture, Sampling, Turn
from playground.thoughts import split_thought

_FIRST = 32
"""Messages that are looked at first; twice as many each time that all of them fit."""
_PER_TOKEN = 32
"""No tokenizer packs so many characters into a token on average: what is longer than that does not fit."""
_SAMPLE = 20_000
"""Characters of a far too long text that are counted."""


class Reader(Protocol):
    """Whatever can count a prompt: an engine, or a lease of one."""

    @property
    def info(self) -> ModelInfo:
        """What is loaded."""

    def count_tokens(self, turns: Sequence[Turn]) -> int:
        """Length of the prompt that `turns` become."""


@dataclass(frozen=True)
class Prompt:
    """What the model is given. `left_out` counts the oldest messages that did not fit, `tokens` what did."""

    turns: tuple[Turn, ...]
    left_out: int
    start: int = 0
    """Where in the messages the prompt begins; before that, some may have been left out by hand."""
    tokens: int = 0
    first: str = ""
    """The oldest message that went in."""
    excluded: tuple[str, ...] = ()
    """Messages that the user left out by hand."""
    unseen: int = 0
    """Images in it that are only named, because the model cannot see."""

    def receipt(self, **texts: str) -> dict[str, Any]:
        """What a reply's record keeps, so that the prompt can be made again and known again.

        `texts` are SHA-256 of kept texts: `system`, and `summary` if one stands for what was left out.
        """
        receipt = {**texts, "first": self.first, "excluded": list(self.excluded), "sha256": self.sha256}
        return receipt | ({"unseen": self.unseen} if self.unseen else {})

    @property
    def sha256(self) -> str:
        """Of the turns, as they are given to the engine: role, text, and the SHA-256 of each image."""
        turns = [[turn.role, turn.content, *(_sha256(image.data) for image in turn.images)] for turn in self.turns]
        return _sha256(json.dumps(turns, ensure_ascii=False).encode())


def check_message(
    engine: Reader, system_prompt: str, text: str, sampling: Sampling, attachments: Sequence[Attachment] = ()
) -> None:
    """Raise ContextError when `text` and its files alone, with the system prompt, leave no room for a reply."""
    if tokens := far_too_long(engine, text, attachments):
        raise ContextError(tokens, prompt_limit(engine, sampling))
    tokens = engine.count_tokens(as_turns(system_prompt, [user_turn(text, attachments, sees=sees(engine))]))
    limit = prompt_limit(engine, sampling)
    if tokens > limit:
        raise ContextError(tokens, limit)


def far_too_long(engine: Reader, text: str, attachments: Sequence[Attachment]) -> int:
    """About how many tokens these are, where they are so many that counting them would take long; else 0."""
    longest = max([text, *(one.text for one in attachments)], key=len)
    if len(longest) <= _PER_TOKEN * engine.info.context_length:
        return 0
    return engine.count_tokens([Turn("user", longest[:_SAMPLE])]) * len(longest) // _SAMPLE


def prompt_limit(engine: Reader, sampling: Sampling) -> int:
    """The most tokens a prompt may have: the context less room for a reply, a quarter of the context at most."""
    context = engine.info.context_length
    return context - min(sampling.max_new_tokens, context // 4)


def fit(
    engine: Reader,
    system_prompt: str,
    messages: Sequence[Message],
    sampling: Sampling,
    *,
    summary: str = "",
    room: float = 1.0,
    all_or_nothing: bool = False,
) -> Prompt:
    """Leave out as few of the oldest messages as possible; never the last one of the user. Raises ContextError.

    A prompt begins with a message of the user where there is one, because many chat templates insist on it. `summary`
    stands for what came before `messages`. Older ones may fill the share `room` of the usual limit. With
    `all_or_nothing` it is an error when something does not fit.
    """
    limit = int(prompt_limit(engine, sampling) * room)
    size = min(len(messages), _FIRST)
    while True:
        part = messages[len(messages) - size :]
        last_user = max((at for at, message in enumerate(part) if message.role == "user"), default=-1)
        kept = [m for at, m in enumerate(part) if not m.left_out or at >= last_user]
        starts = [at for at, m in enumerate(kept) if m.role == "user"]
        if size == len(messages) or (starts and _count(engine, system_prompt, kept[starts[0] :], summary) > limit):
            break
        size = min(len(messages), 2 * size)
    low, high = 0, len(starts) - 1
    while low < high:  # The fewest left out that fit; counting is cheap, so bisecting whole prompts is exact and fast.
        middle = (low + high) // 2
        if _count(engine, system_prompt, kept[starts[middle] :], summary) <= limit:
            high = middle
        else:
            low = middle + 1
    chosen = kept[starts[low] if starts else 0 :]
    turns = as_turns(system_prompt, turns_of(chosen, sees=sees(engine)), summary)
    # A half reply that is continued may eat into the reply's room, but the context itself is the end.
    hard_limit = engine.info.context_length - 1 if chosen[-1].role == "assistant" else prompt_limit(engine, sampling)
    tokens = engine.count_tokens(turns)
    unread, before = len(messages) - size, next(at for at, m in enumerate(part) if m is chosen[0])
    left_out = unread + sum(not m.left_out for m in part[:before])
    if all_or_nothing and (unread or low or tokens > hard_limit):
        whole = _count(engine, system_prompt, [m for m in messages if not m.left_out], summary)
        raise ContextError(whole, limit, "Leave out some messages by hand, or let the oldest be left out.")
    if tokens > hard_limit:
        raise ContextError(tokens, hard_limit)
    excluded = tuple(m.id for m in part if m.left_out and m not in chosen)
    unseen = 0 if sees(engine) else sum(one.data is not None for m in chosen for one in m.attachments)
    return Prompt(turns, left_out, unread + before, tokens, chosen[0].id, excluded, unseen)


def turns_of(messages: Iterable[Message], *, sees: bool) -> list[Turn]:
    """Messages as a model is to read them: files before the text, thoughts of finished replies left out.

    Where it does not see (`sees`), images are only named.
    """
    listed = list(messages)
    last = listed[-1] if listed else None
    return [
        user_turn(m.content, m.attachments, sees=sees)
        if m.role == "user"
        else Turn(m.role, _said(m.content, growing=m is last))
        for m in listed
    ]


def user_turn(text: str, attachments: Sequence[Attachment], *, sees: bool) -> Turn:
    """A message of the user with its files."""
    images = [
        Picture(one.media_type, one.data, one.width or 1, one.height or 1)
        for one in attachments
        if one.data is not None
    ]
    return Turn("user", with_files(text, attachments, sees=sees), tuple(images) if sees else ())


def with_files(text: str, attachments: Sequence[Attachment], *, sees: bool = True) -> str:
    """A message's text with the texts of its files before it, and the names of its images.

    A model that does not see (`sees`) is told so, that it may say it instead of making something up.
    """
    blind = "" if sees else ", which cannot be shown to you"
    files = [
        f"[File: {one.name}]\n{one.text.strip()}\n[End of {one.name}]"
        if one.data is None
        else f"[Image: {one.name}{blind}]"
        for one in attachments
    ]
    return "\n\n".join([*files, text])


def sees(engine: Reader) -> bool:
    """Can this model see images, as far as is known?"""
    return engine.info.capabilities.vision


def refuse_blind(engine: Reader) -> None:
    """Raise BadValueError where a model cannot see an image that someone wants to show it."""
    if not sees(engine):
        raise BadValueError(f"{engine.info.model} cannot see images. Choose a model that can, or describe the picture.")


def as_turns(system_prompt: str, history: Sequence[Turn], summary: str = "") -> tuple[Turn, ...]:
    """Put the system prompt first; drop replies that failed empty, and join what one side said in a row."""
    parts = [system_prompt] if system_prompt.strip() else []
    if summary:
        parts.append(f"Summary of the conversation so far:\n{summary}")
    turns = [Turn("system", "\n\n".join(parts))] if parts else []
    for turn in history:
        if turn.role == "assistant" and not turn.content:
            continue
        if turns and turns[-1].role == turn.role:
            turns[-1] = Turn(turn.role, f"{turns[-1].content}\n\n{turn.content}", turns[-1].images + turn.images)
        else:
            turns.append(turn)
    return tuple(turns)


def _said(text: str, *, growing: bool) -> str:
    """A reply without what its model thought before it; models are made to not see their old thoughts."""
    return text if growing else split_thought(text)[1]


def _count(engine: Reader, system_prompt: str, messages: Sequence[Message], summary: str) -> int:
    return engine.count_tokens(as_turns(system_prompt, turns_of(messages, sees=sees(engine)), summary))


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
