"""Beam search over a batch of texts with CTranslate2. Knows nothing of prompts, streams and files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from playground.engine.rewriting import Link, Rewriting, links_of, words_of
from playground.errors import ContextError, ModelError

_LONGEST = 512
"""Tokens of a rewritten text where the model has no limit of its own."""


def rewrite_batch(
    translator: Any,
    tokenizer: Any,
    special: set[int],
    texts: Sequence[str],
    encoded: Sequence[Sequence[str]],
    prefix: Sequence[str],
    positions: int | None,
    *,
    beam_size: int,
    num_hypotheses: int,
    align: bool,
) -> list[list[Rewriting]]:
    """See `Rewriter.rewrite`. `encoded` are the tokens of `texts`, `prefix` what each result begins with."""
    longest = max(map(len, encoded), default=0)
    if positions is not None and longest > positions:
        raise ContextError(longest, positions)
    try:
        results = translator.translate_batch(
            [list(tokens) for tokens in encoded],
            [list(prefix)] * len(encoded) if prefix else None,
            beam_size=max(beam_size, num_hypotheses),
            num_hypotheses=num_hypotheses,
            max_input_length=0,
            max_decoding_length=positions or _LONGEST,
            return_scores=True,
            return_attention=align,
        )
    except RuntimeError as error:
        words = str(error).strip().partition("\n")[0][:200].rstrip(".")
        raise ModelError(f"CTranslate2 failed: {words}. Try again, or load the model anew.") from error
    return [
        [
            _made(tokenizer, special, text, tokens, result, at, len(prefix), align)
            for at in range(len(result.hypotheses))
        ]
        for text, tokens, result in zip(texts, encoded, results, strict=True)
    ]


def _made(
    tokenizer: Any, special: set[int], text: str, source: Sequence[str], result: Any, at: int, skip: int, align: bool
) -> Rewriting:
    tokens = result.hypotheses[at][skip:]
    ids = tokenizer.convert_tokens_to_ids(list(tokens))
    kept = [(token, number) for token, number in zip(tokens, ids, strict=True) if number not in special]
    numbers = [number for _, number in kept]
    made = str(tokenizer.decode(numbers, skip_special_tokens=True, clean_up_tokenization_spaces=False)).strip()
    links: tuple[Link, ...] = ()
    if align:
        looks = [row for row, number in zip(result.attention[at][skip:], ids, strict=False) if number not in special]
        # The source is told with its end token, at which many tokens look that have nothing to look at.
        links = links_of(words_of(source, text), words_of([token for token, _ in kept], made), looks)
    return Rewriting(made, float(result.scores[at]), len(tokens), links)
