"""Lets a summary stand for the turns that do not fit any more. It is kept, and used until even less fits.

Knows how to ask a model for a summary; what fits is `context`'s business.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

from playground.context import Prompt, as_turns, fit, prompt_limit, turns_of
from playground.engine.manager import Lease
from playground.errors import BusyError, ContextError, StorageError
from playground.records import Message, Sampling, Turn
from playground.store import History
from playground.store.history import Line

_SHARE = 8
"""A summary takes at most so small a part of what a prompt may have."""
_MOST_TOKENS = 400
_ROOM = 0.5
"""Of the room for a prompt, what the newest messages may take when a summary is made: the rest lets some turns pass
before the next one."""
_ASK = (
    "Summarize this conversation in a few sentences, in its own language, so that it can go on from the summary alone. "
    "Keep names, numbers, decisions and open questions. Answer with the summary only.\n\n{}"
)


def condense(
    lease: Lease,
    history: History,
    conversation_id: str,
    system_prompt: str,
    line: Line,
    sampling: Sampling,
    stop: threading.Event,
    on_piece: Callable[[], None],
) -> tuple[Prompt, str]:
    """The prompt with a summary in place of what does not fit, and the summary; "" where no summary has room.

    Looks for a kept summary first. `on_piece` is called as one is written. When `stop` is set meanwhile, none is kept.
    """
    kept = history.summaries(conversation_id)
    ends = [at for at, message_id in enumerate(line.ids[:-1]) if message_id in kept]
    for at in reversed(ends):
        summary = history.text(kept[line.ids[at]])
        prompt = fit(lease, system_prompt, line[at + 1 :], sampling, summary=summary)
        if not prompt.left_out:
            return replace(prompt, left_out=at + 1, start=at + 1 + prompt.start), summary
    cut = fit(lease, system_prompt, line, sampling, room=_ROOM).start
    start = max((at + 1 for at in ends if at < cut), default=0)
    before = history.text(kept[line.ids[start - 1]]) if start else ""
    summary = _summarize(lease, before, line[start:cut], sampling, stop, on_piece)
    if not stop.is_set():
        # A full disk must not end the reply: another one is written for the next.
        with contextlib.suppress(StorageError, BusyError):
            history.keep_summary(conversation_id, line.ids[cut - 1], summary, lease.info.model)
    try:
        prompt = fit(lease, system_prompt, line[cut:], sampling, summary=summary)
    except ContextError:  # The last message takes all of the room.
        prompt, summary = fit(lease, system_prompt, line[cut:], sampling), ""
    return replace(prompt, left_out=cut + prompt.left_out, start=cut + prompt.start), summary


def _summarize(
    lease: Lease,
    before: str,
    messages: Sequence[Message],
    sampling: Sampling,
    stop: threading.Event,
    on_piece: Callable[[], None],
) -> str:
    """One summary of `before` and the messages, made piece by piece where they do not fit at once."""
    most = min(_MOST_TOKENS, prompt_limit(lease, sampling) // _SHARE)
    calm = Sampling(temperature=0.0, max_new_tokens=most, seed=0)
    limit = prompt_limit(lease, calm)
    texts = [f"{turn.role}: {turn.content}" for turn in turns_of(messages, sees=False) if turn.content]
    summary = before
    while texts and not stop.is_set():
        piece = [summary] if summary else []
        while texts and (len(piece) <= bool(summary) or _fits(lease, [*piece, texts[0]], limit)):
            piece.append(texts.pop(0))
        if not _fits(lease, piece, limit):
            piece[-1], rest = _halve(lease, piece, limit)
            texts.insert(0, rest)
        text = ""
        for chunk in lease.stream(_ask(piece), calm, stop):
            text += chunk.text
            on_piece()
        summary = text.strip() or summary
    return summary


def _ask(piece: Sequence[str]) -> tuple[Turn, ...]:
    return as_turns("", [Turn("user", _ASK.format("\n\n".join(piece)))])


def _fits(lease: Lease, piece: Sequence[str], limit: int) -> bool:
    return lease.count_tokens(_ask(piece)) <= limit


def _halve(lease: Lease, piece: Sequence[str], limit: int) -> tuple[str, str]:
    """As much of the last text as fits, and the rest of it."""
    text, size = piece[-1], len(piece[-1])
    while size > 1 and not _fits(lease, [*piece[:-1], text[:size]], limit):
        size = size * 3 // 4
    return text[:size], text[size:]
