"""What an OpenAI-compatible server tells of a token's probability, in our words. Knows nothing of connections."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

from playground.records import TokenScore

_LEAST = -9999.0
"""What OpenAI's API says for a token that is too unlikely to tell; minus infinity is no number in JSON."""


def token_scores(event: Mapping[str, Any], text: str) -> list[TokenScore]:
    """The tokens of one event of a stream, whose new text is `text`; none where the server sends nothing of the kind.

    A server that sends something else under these names is as one that sends nothing.
    """
    choice = next(iter(event.get("choices") or ()), None)
    found = (choice.get("logprobs") or {}) if isinstance(choice, Mapping) else {}
    content = found.get("content") if isinstance(found, Mapping) else None
    if not isinstance(content, list):
        return []
    try:
        scores = [_score(one) for one in content]
    except (KeyError, TypeError, ValueError, AttributeError):
        return []
    return _fitted(scores, content, text)


def _score(one: Mapping[str, Any]) -> TokenScore:
    top = tuple((_id(other), _text(other), _log(other)) for other in one.get("top_logprobs") or ())
    return TokenScore(_text(one), _id(one), _log(one), top)


def _fitted(scores: list[TokenScore], content: Sequence[Mapping[str, Any]], text: str) -> list[TokenScore]:
    """Give the tokens the text that was sent with them, which is whole characters where they may be halves."""
    if "".join(score.text for score in scores) == text:
        return scores
    # Bytes tell where each token's share of the text ends; a character belongs to the token that completes it.
    ends = list(itertools.accumulate(len(bytes(one.get("bytes") or str(one["token"]).encode())) for one in content))
    whole, shown, fitted = text.encode(), 0, []
    for score, end in zip(scores, ends, strict=True):
        upto = len(whole[:end].decode(errors="ignore"))
        fitted.append(TokenScore(text[shown:upto], *_rest(score)))
        shown = max(shown, upto)
    if fitted and shown < len(text):
        fitted[-1] = TokenScore(fitted[-1].text + text[shown:], *_rest(scores[-1]))
    return fitted


def _rest(score: TokenScore) -> tuple[int | None, float, tuple[tuple[int | None, str, float], ...]]:
    return score.id, score.logprob, score.top


def _id(one: Mapping[str, Any]) -> int | None:
    found = one.get("id")
    return found if isinstance(found, int) else None


def _text(one: Mapping[str, Any]) -> str:
    given = one.get("bytes")
    return bytes(given).decode(errors="replace") if given else str(one["token"])


def _log(one: Mapping[str, Any]) -> float:
    value = float(one["logprob"])
    return min(value, 0.0) if math.isfinite(value) else _LEAST
