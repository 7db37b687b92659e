"""Fits a conversation into a model's context: what goes in, and how many of the oldest messages stay out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from playground.errors import ContextError
from playground.records import Message, ModelInfo, Sampling, Turn


class Reader(Protocol):
    """Whatever can count a prompt: an engine, or a lease of one."""

    @property
    def info(self) -> ModelInfo:
        """What is loaded."""

    def count_tokens(self, turns: Sequence[Turn]) -> int:
        """Length of the prompt that `turns` become."""


@dataclass(frozen=True)
class Prompt:
    """What the model is given. `left_out` counts the oldest messages that did not fit."""

    turns: tuple[Turn, ...]
    left_out: int


def check_message(engine: Reader, system_prompt: str, text: str, sampling: Sampling) -> None:
    """Raise ContextError when `text` alone, with the system prompt, leaves no room for a reply."""
    tokens = engine.count_tokens(as_turns(system_prompt, [Turn("user", text)]))
    limit = prompt_limit(engine, sampling)
    if tokens > limit:
        raise ContextError(tokens, limit)


def prompt_limit(engine: Reader, sampling: Sampling) -> int:
    """The most tokens a prompt may have: the context less room for a reply, a quarter of the context at most."""
    context = engine.info.context_length
    return context - min(sampling.max_new_tokens, context // 4)


def fit(engine: Reader, system_prompt: str, messages: Sequence[Message], sampling: Sampling) -> Prompt:
    """Leave out as few of the oldest messages as possible; never the last one of the user. Raises ContextError.

    A prompt always begins with a message of the user, because many chat templates insist on it.
    """
    history = [Turn(message.role, message.content) for message in messages]
    last_user = max(at for at, turn in enumerate(history) if turn.role == "user")
    starts = [at for at, turn in enumerate(history[: last_user + 1]) if turn.role == "user"]
    limit = prompt_limit(engine, sampling)
    low, high = 0, len(starts) - 1
    while low < high:  # The fewest left out that fit; counting is cheap, so bisecting whole prompts is exact and fast.
        middle = (low + high) // 2
        if engine.count_tokens(as_turns(system_prompt, history[starts[middle] :])) <= limit:
            high = middle
        else:
            low = middle + 1
    turns = as_turns(system_prompt, history[starts[low] :])
    # A half reply that is continued may eat into the reply's room, but the context itself is the end.
    hard_limit = engine.info.context_length - 1 if history[-1].role == "assistant" else limit
    tokens = engine.count_tokens(turns)
    if tokens > hard_limit:
        raise ContextError(tokens, hard_limit)
    return Prompt(turns, starts[low])


def as_turns(system_prompt: str, history: Sequence[Turn]) -> tuple[Turn, ...]:
    """Put the system prompt first; drop replies that failed empty and join the user's messages around them."""
    turns = [Turn("system", system_prompt)] if system_prompt.strip() else []
    for turn in history:
        if turn.role == "assistant" and not turn.content:
            continue
        if turn.role == "user" and turns and turns[-1].role == "user":
            turns[-1] = Turn("user", f"{turns[-1].content}\n\n{turn.content}")
        else:
            turns.append(turn)
    return tuple(turns)
