"""BLEU and chrF of a translation against a reference, by sacrebleu. Knows no file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from playground.errors import BadValueError

_TOKENIZERS = {"zh": "zh", "ja": "char", "ko": "char", "th": "char"}
"""Of BLEU; all others are cut at blanks and signs as sacrebleu does (13a)."""


@dataclass(frozen=True)
class Scores:
    """Of a whole document, 0 to 100, with sacrebleu's signatures; and the chrF of each segment."""

    bleu: float
    chrf: float
    bleu_signature: str
    chrf_signature: str
    segments: tuple[float, ...]


def score(said: Sequence[str], references: Sequence[str], language: str) -> Scores:
    """Compare each text with its reference, both in `language`. Raises BadValueError when their numbers differ."""
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

    if len(said) != len(references):
        raise BadValueError(
            f"There are {len(said)} segments and {len(references)} in the reference. Both must be cut alike; "
            "translate the file of which the reference is the translation."
        )
    if not said:
        raise BadValueError("There is nothing to score.")
    bleu, chrf = BLEU(tokenize=_TOKENIZERS.get(language, "13a")), CHRF()
    whole = bleu.corpus_score(list(said), [list(references)]), chrf.corpus_score(list(said), [list(references)])
    each = tuple(chrf.sentence_score(mine, [theirs]).score for mine, theirs in zip(said, references, strict=True))
    return Scores(whole[0].score, whole[1].score, str(bleu.get_signature()), str(chrf.get_signature()), each)
