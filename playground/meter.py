"""What would be in the context if a message were sent now: tokens, and what falls out, before anything is sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from playground.context import as_turns, far_too_long, fit, prompt_limit, sees, user_turn
from playground.engine.base import Engine
from playground.errors import ContextError
from playground.records import Attachment, Message, Sampling, Turn
from playground.store.history import Line


@dataclass(frozen=True)
class Meter:
    """Tokens of the prompt as it would be sent, and the most that it may have: the rest is for the reply."""

    tokens: int
    limit: int
    context_length: int
    messages: int
    """How many go in."""
    left_out: int
    """The oldest that do not fit, or for which a summary stands."""
    first: str
    """The oldest message that goes in, if one of those stored does."""
    excluded: int
    """Left out by hand."""
    files: tuple[int, ...]
    """Tokens of each attached file."""
    error: str = ""
    """Why it cannot be sent like this, in words."""


def measure(
    engine: Engine,
    line: Line,
    text: str,
    files: Sequence[Attachment],
    system_prompt: str,
    sampling: Sampling,
    rule: str,
) -> Meter:
    """Count what a message would become after the messages of `line`."""
    limit, context = prompt_limit(engine, sampling), engine.info.context_length
    if tokens := far_too_long(engine, text, files):
        counts = tuple(count_file(engine, one) for one in files)
        return Meter(tokens, limit, context, 0, 0, "", 0, counts, str(ContextError(tokens, limit)))
    counts = tuple(count_file(engine, one) for one in files)
    messages = line.followed_by(draft(text, files))
    try:
        prompt = fit(engine, system_prompt, messages, sampling, all_or_nothing=rule == "hand")
    except ContextError as error:
        return Meter(error.tokens, limit, context, 0, 0, "", 0, counts, str(error))
    inside = len(messages) - prompt.left_out - len(prompt.excluded)
    first = prompt.first if prompt.first != _DRAFT else ""
    return Meter(prompt.tokens, limit, context, inside, prompt.left_out, first, len(prompt.excluded), counts)


def counts_here(engine: Engine) -> bool:
    """Does counting cost nothing? A server elsewhere may be slow or down; where it cannot count, its tokens are
    estimated here."""
    return engine.info.engine != "remote" or (engine.info.versions or {}).get("token_counts") == "estimated"


def count_file(engine: Engine, file: Attachment) -> int:
    """Tokens that a file adds to a message; of an image, as many as the engine believes; about, if far too many."""
    if tokens := far_too_long(engine, "", [file]):
        return tokens
    bare = engine.count_tokens(as_turns("", [Turn("user", "x")]))
    return max(0, engine.count_tokens(as_turns("", [user_turn("x", [file], sees=sees(engine))])) - bare)


_DRAFT = "draft"


def draft(text: str, files: Sequence[Attachment]) -> Message:
    """A message that is not stored yet."""
    return Message(_DRAFT, "", None, "user", text, "complete", "", 0.0, 0.0, attachments=tuple(files))
