"""One call of a model for one node: the prompt, the text as it grows, what is wrong with it, and its record."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from playground.engine.manager import Lease
from playground.errors import ModelError
from playground.halves import Halves
from playground.languages import count_words
from playground.records import Chunk, Sampling, Turn
from playground.replies import made_by
from playground.sentences import sentence_ends
from playground.summarize.terms import terms_of
from playground.thoughts import open_thought, split_thought

TRIES = 3
_WARMER = 0.5
"""Temperature of a further try: at 0 the same would come."""
_PENALTY = 1.05
"""Repetition penalty: enough to keep small models out of loops, too little to keep names from coming back."""
_LOOP = 3
"""After so many sentences that say again what was said, nothing new comes."""
_ALIKE = 0.8
"""Of the terms of two sentences that both have when they say the same; numbers do not count, so that lists do not."""
_FEW = 4
"""Terms up to which a sentence may well come back: "Yes."."""
_FEW_SIGNS, _LETTERS = 40, 0.25
"""Of a text with more signs than these so many are letters at least: "2.3.1.1.1.2.2" says nothing."""
_NUMBERS = re.compile(r"\d[\d.,]*")
_EMPHASIS = re.compile(r"\*\*|__(?=\w)|(?<=\w)__|(?<!\w)\*(?=\w)|(?<=\w)\*(?!\w)")
_OPENING = re.compile(
    r"(?:sure|certainly|of course|okay|here(?:'s| is| are)|below is|the following is|summary"
    r"|好的|当然|以下是|下面是|总结|概括|摘要)[^\n]{0,80}[:：]\s*\n+",
    re.IGNORECASE,
)
"""What comes before an answer, and is none of it."""
_OWN = ("prompt_tokens", "cached_tokens", "completion_tokens")
_LOOK = 24
"""After so many tokens it is looked whether going on is worth anything."""
_HOPELESS = 160
"""Signs after which a text with too few letters will not become one with enough."""


class BadTextError(ModelError):
    """What a model wrote cannot be used; another try may give something else."""


@dataclass(frozen=True)
class Written:
    """The text of a node and what made it, as `Runs.done` keeps it."""

    text: str
    record: Mapping[str, Any]


def sampling_for(max_new_tokens: int, seed: int, tries: int) -> Sampling:
    """How a node is written: the likeliest words at first; another draw each time that they were no good."""
    if tries <= 1:
        return Sampling(temperature=0.0, repetition_penalty=_PENALTY, max_new_tokens=max_new_tokens, seed=seed)
    return Sampling(
        temperature=_WARMER, repetition_penalty=1.1, max_new_tokens=max_new_tokens, seed=(seed + tries) % 2**31
    )


def key_of(lease: Lease, prompt: Sequence[Turn], sampling: Sampling) -> str:
    """The same for the same words, model and sampling: then the same text would come, and is not written again."""
    info = lease.info
    model = [info.model, info.revision, info.file_sha256, info.quantization, info.template_sha256]
    made = [model, lease.adapter_sha256, [[turn.role, turn.content] for turn in prompt], sampling.to_dict()]
    return hashlib.sha256(json.dumps(made, ensure_ascii=False).encode()).hexdigest()


def write(
    lease: Lease,
    prompt: Sequence[Turn],
    sampling: Sampling,
    language: str,
    stop: threading.Event,
    on_chunk: Callable[[str, Chunk], None],
    least: int = 0,
) -> Written | None:
    """Let the model write; `on_chunk` hears the text so far. None when `stop` ended it.

    It is stopped where it only repeats itself. Raises BadTextError, also for fewer than `least` words.
    """
    text, chunk, began, halves, looked = "", Chunk(), time.monotonic(), Halves(), 0
    reason: str | None = None
    # Closed at once, so that the slot is free for the next part.
    with contextlib.closing(cast("Generator[Chunk]", lease.stream(prompt, sampling, stop))) as chunks:
        for chunk in chunks:
            text += halves.push(chunk.text)
            on_chunk(text, chunk)
            reason = chunk.finish_reason
            if reason is None and chunk.completion_tokens >= looked + _LOOK:
                looked = chunk.completion_tokens
                if repeats(text, language):
                    reason = "repeated"
                    break
    if reason == "cancelled":
        return None
    text = usable(text, language, whole=reason == "stop")
    if count_words(text, language) < least:
        raise BadTextError("The model wrote almost nothing. Try again, or choose another model.")
    own = {name: getattr(chunk, name) for name in _OWN} | {"seconds": time.monotonic() - began}
    said = sampling.to_dict()
    own |= {"seed": said.pop("seed"), "sampling": said, "finish_reason": reason}
    return Written(text, made_by(lease) | own)


def repeats(text: str, language: str) -> bool:
    """Whether a half text will only say again what it said, so that `usable` would leave out all that follows.

    Raises BadTextError when nothing will be left at all.
    """
    if open_thought(text) is not None:
        return False
    text = _bare(text)
    _refuse_signs(text, _HOPELESS)
    ends = sentence_ends(text, language)[:-1]  # The last one is being written.
    return bool(ends) and _said_once(text, ends)[1] >= _LOOP


def usable(text: str, language: str, *, whole: bool) -> str:
    """A text without thoughts, emphasis, loops and, where it broke off (not `whole`), its half sentence.

    Raises BadTextError when nothing is left.
    """
    text = "" if open_thought(text) is not None else _bare(text)
    if not text:
        raise BadTextError("The model wrote nothing for this part. Try again, or choose another model.")
    _refuse_signs(text, _FEW_SIGNS)
    ends = sentence_ends(text, language)
    if not whole and len(ends) > 1:
        del ends[-1]
    kept, again = _said_once(text, ends)
    if again >= _LOOP and len(kept) == 1:
        raise BadTextError("The model repeated one sentence again and again. Try again, or choose another.")
    return "".join(kept).strip()


def _bare(text: str) -> str:
    text = _EMPHASIS.sub("", split_thought(text)[1].strip())
    return _OPENING.sub("", text, count=1).strip() if _OPENING.match(text) else text


def _refuse_signs(text: str, few: int) -> None:
    signs = sum(not sign.isspace() for sign in text)
    if signs > few and sum(sign.isalpha() for sign in text) < _LETTERS * signs:
        raise BadTextError(
            "The model wrote signs instead of sentences for this part. Try again, or choose another model."
        )


def _said_once(text: str, ends: Sequence[int]) -> tuple[list[str], int]:
    """The sentences that say something new, up to where only loops follow, and how many did not."""
    kept: list[str] = []
    seen: list[set[str]] = []
    again = 0
    for start, end in zip([0, *ends[:-1]], ends, strict=True):
        said = set(terms_of(_NUMBERS.sub("", text[start:end])))
        if len(said) > _FEW and any(len(said & one) >= _ALIKE * len(said | one) for one in seen):
            again += 1
            if again == _LOOP:
                break  # What follows says it once more.
            continue
        seen.append(said)
        kept.append(text[start:end])
    return kept, again
