"""Replies for programs: what was asked for as turns and sampling, and what a model says to it, piece by piece."""

from __future__ import annotations

import contextlib
import secrets
import threading
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from playground.access.quota import Quota
from playground.api.openai_bodies import ChatBody, CompletionBody
from playground.api.openai_errors import ApiError
from playground.api.openai_models import Listed
from playground.context import far_too_long
from playground.engine.lease import Lease, LeaseCancelled
from playground.engine.manager import ModelManager
from playground.engine.turns import Ticket
from playground.errors import ContextError, PlaygroundError
from playground.presets import model_presets
from playground.records import Chunk, ModelInfo, Reading, Sampling, TokenScore, Turn

_SEEDS = 2**32 - 1
_PIECE = 128
"""Tokens of a prompt that are read at one go for a seed: any number, as long as it is always the same."""
_COMPLETION_TOKENS = 16
"""As OpenAI has it, where nobody says how many."""


@dataclass(frozen=True)
class Asked:
    """All that one request wants written."""

    model: Listed
    prompts: tuple[tuple[Turn, ...], ...]
    sampling: Sampling
    n: int
    top: int
    """Alternatives to each token that are wanted; 0 with `scored` False: none, and no probabilities."""
    scored: bool
    seeded: bool
    """The client gave a seed: the same words are to come again."""


@dataclass(frozen=True)
class Usage:
    """Tokens of a whole request."""

    prompt: int = 0
    cached: int = 0
    completion: int = 0

    def shown(self) -> dict[str, Any]:
        """As OpenAI shows it."""
        return {
            "prompt_tokens": self.prompt,
            "completion_tokens": self.completion,
            "total_tokens": self.prompt + self.completion,
            "prompt_tokens_details": {"cached_tokens": self.cached},
        }


@dataclass(frozen=True)
class Piece:
    """Some of a choice's text; its last one alone has a `reason`. `usage` counts up to here."""

    choice: int
    text: str
    tokens: tuple[TokenScore, ...]
    reason: str | None
    usage: Usage
    info: ModelInfo


def asked_in_chat(body: ChatBody, model: Listed) -> Asked:
    """What a chat asks for. Raises BadValueError."""
    turns: list[Turn] = []
    for one in body.messages:
        role = "system" if one.role == "developer" else one.role
        if role == "system" and turns and turns[-1].role == "system":  # Templates take one.
            turns[-1] = replace(turns[-1], content=f"{turns[-1].content}\n\n{one.text()}")
        else:
            turns.append(Turn(role, one.text()))
    most = body.max_completion_tokens or body.max_tokens
    top = body.top_logprobs or 0
    return Asked(
        model,
        (tuple(turns),),
        _sampling(body, model, most),
        body.n or 1,
        top,
        bool(body.logprobs),
        body.seed is not None,
    )


def asked_to_go_on(body: CompletionBody, model: Listed) -> Asked:
    """What a completion asks for: a reply that begins with the prompt and goes on. Raises BadValueError."""
    prompts = tuple((Turn("assistant", prompt),) for prompt in body.prompts)
    sampling = _sampling(body, model, body.max_tokens or _COMPLETION_TOKENS)
    return Asked(
        model, prompts, sampling, body.n or 1, body.logprobs or 0, body.logprobs is not None, body.seed is not None
    )


def written(manager: ModelManager, quota: Quota, asked: Asked, stop: threading.Event) -> Iterator[Piece]:
    """All choices, one after the other, each with a turn of its own at the model, so that others come in between.

    Raises QuotaError once the tokens of the hour are used up, ApiError, PlaygroundError and LeaseCancelled.
    """
    usage, number = Usage(), 0
    for prompt in asked.prompts:
        for at in range(asked.n):
            quota.check_tokens()
            before, first = usage, at == 0
            sampling = replace(asked.sampling, seed=((asked.sampling.seed or 0) + at) % _SEEDS)
            for chunk, info in _stream(manager, quota, asked, prompt, sampling, stop):
                usage = _sum(before, chunk, first)
                yield Piece(number, chunk.text, chunk.tokens, chunk.finish_reason, usage, info)
            number += 1


def _stream(
    manager: ModelManager,
    quota: Quota,
    asked: Asked,
    prompt: tuple[Turn, ...],
    sampling: Sampling,
    stop: threading.Event,
) -> Iterator[tuple[Chunk, ModelInfo]]:
    spent, top = 0, max(1, asked.top) if asked.scored else 0
    with leased(manager, asked.model, stop, quota.who) as lease:
        _refuse_long(lease, prompt)
        # What is begun is answered: shorter, where no more is left of the hour.
        sampling = replace(sampling, max_new_tokens=max(1, min(sampling.max_new_tokens, quota.left())))
        how = _from_the_start(manager, lease, asked, prompt) if asked.seeded else ()
        stream = cast("Generator[Chunk]", lease.stream(prompt, sampling, stop, top_logprobs=top, reading=how))
        with contextlib.closing(stream) as chunks:
            for chunk in chunks:
                quota.spend(chunk.prompt_done + chunk.completion_tokens - spent)
                spent = chunk.prompt_done + chunk.completion_tokens
                if chunk.finish_reason == "cancelled":
                    raise LeaseCancelled
                yield chunk, lease.info


def _from_the_start(manager: ModelManager, lease: Lease, asked: Asked, prompt: Sequence[Turn]) -> Reading:
    """How to read the prompt so that a seed gives the same words again: what an engine still holds of an earlier one
    would change the last digits. Others would have to wait for that, so it is done only where there are none."""
    state = manager.state_of(asked.model.name)
    if state.writing > 1 or state.waiting:
        return ()
    tokens = lease.count_tokens(prompt)
    # llama.cpp cuts a prompt by itself, and hears a stop meanwhile; others hear one between two pieces.
    piece = tokens if lease.info.engine == "llamacpp" else _PIECE
    whole, rest = divmod(tokens, piece)
    return tuple((size, size, times) for size, times in ((piece, whole), (rest, 1)) if size and times)


@contextlib.contextmanager
def leased(manager: ModelManager, model: Listed, stop: threading.Event, who: str) -> Iterator[Lease]:
    """The model, once it is its turn. Raises ApiError where it cannot be loaded, and LeaseCancelled."""
    with contextlib.ExitStack() as stack:
        try:
            lease = stack.enter_context(manager.lease(stop, model.name, model.adapter, Ticket(who=who)))
        except PlaygroundError:  # Its words may name places on the disk; they stand in the Models tab.
            said = f"{model.id} could not be loaded: the Models tab says why. Try again later, or use another model."
            raise ApiError(503, said, code="model_not_loaded", param="model", wait=30.0) from None
        yield lease


def scores(tokens: Sequence[TokenScore], top: int) -> list[dict[str, Any]]:
    """Tokens with their probabilities, as chats show them."""
    return [
        {**_score(one.text, one.logprob), "top_logprobs": [_score(text, lp) for _, text, lp in one.top[:top]]}
        for one in tokens
    ]


def plain_scores(tokens: Sequence[TokenScore], top: int, at: int) -> dict[str, Any]:
    """The same as completions show them; `at` is where in the text they begin."""
    offsets = []
    for one in tokens:
        offsets.append(at)
        at += len(one.text)
    return {
        "tokens": [one.text for one in tokens],
        "token_logprobs": [_finite(one.logprob) for one in tokens],
        "top_logprobs": [{text: _finite(lp) for _, text, lp in one.top[:top]} for one in tokens] if top else None,
        "text_offset": offsets,
    }


def _score(text: str, logprob: float) -> dict[str, Any]:
    return {"token": text, "logprob": _finite(logprob), "bytes": list(text.encode("utf-8", "replace"))}


def _finite(logprob: float) -> float:
    """JSON has no infinity; -9999 stands for it, as at OpenAI."""
    return max(-9999.0, logprob)


def _sampling(body: ChatBody | CompletionBody, model: Listed, most: int | None) -> Sampling:
    preset = model_presets().get(model.name)
    names = ("temperature", "top_p", "top_k", "min_p", "repetition_penalty")
    said = {name: value for name in names if (value := getattr(body, name)) is not None}
    said |= {"max_new_tokens": most} if most else {}
    seed = secrets.randbelow(2**31) if body.seed is None else body.seed % _SEEDS
    usual = preset.sampling if preset else Sampling()
    return replace(usual, **said, seed=seed, stop=body.stops or usual.stop)


def _refuse_long(lease: Lease, prompt: Sequence[Turn]) -> None:
    """Before it is counted in full, which takes seconds and a turn at the model."""
    if tokens := far_too_long(lease, max((turn.content for turn in prompt), key=len), ()):
        raise ContextError(tokens, lease.info.context_length)


def _sum(before: Usage, chunk: Chunk, first: bool) -> Usage:
    """A prompt counts once, however often it is answered."""
    completion = before.completion + chunk.completion_tokens
    if not first:
        return replace(before, completion=completion)
    return Usage(before.prompt + chunk.prompt_tokens, before.cached + chunk.cached_tokens, completion)
