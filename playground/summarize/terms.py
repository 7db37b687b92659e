"""What two texts have in common: words without their endings, pairs of Chinese signs, numbers; each weighed by rarity.

Knows nothing of models.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_WIDE = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
_TOKEN = re.compile(rf"[{_WIDE}]+|\d[\d.,:/]*\d|\d|[^\W\d_{_WIDE}][^\W_{_WIDE}]*")
_ENDINGS = ("ingly", "edly", "ations", "ation", "ings", "ing", "ies", "ied", "ers", "er", "es", "ed", "ly", "s", "e")
_NUMBER = 2.0
"""A number says more than a word that is as rare."""


def terms_of(text: str) -> list[str]:
    """The terms of a text, in their order."""
    found: list[str] = []
    for match in _TOKEN.finditer(text.casefold()):
        token = match.group()
        if re.match(f"[{_WIDE}]", token):
            found += [token[at : at + 2] for at in range(len(token) - 1)] or [token]
        elif token[0].isdigit():
            found.append("#" + token.rstrip(".,:/").replace(",", ""))
        else:
            found.append(_stem(token))
    return found


class Index:
    """Texts that others are compared with."""

    def __init__(self, texts: Sequence[str]) -> None:
        places: dict[str, list[int]] = defaultdict(list)
        for number, text in enumerate(texts):
            for term in dict.fromkeys(terms_of(text)):
                places[term].append(number)
        self.size = len(texts)
        self._places = {term: np.array(found, dtype=np.int32) for term, found in places.items()}

    def weight(self, term: str) -> float:
        """How much it says that this term is shared; what stands nowhere says most."""
        found = self._places.get(term)
        rarity = float(np.log((1 + self.size) / (0.5 + (0 if found is None else len(found)))))
        return max(0.05, rarity) * (_NUMBER if term.startswith("#") else 1.0)

    def scores(self, text: str) -> NDArray[np.float32]:
        """For each text, which share (0 to 1) of what `text` says stands in it."""
        scores = np.zeros(self.size, dtype=np.float32)
        total = 0.0
        for term, times in Counter(terms_of(text)).items():
            weight = self.weight(term) * min(times, 2)
            total += weight
            found = self._places.get(term)
            if found is not None:
                scores[found] += weight
        return scores / total if total else scores


def _stem(word: str) -> str:
    """A word without its ending, roughly: enough to see that "installs" is "installing"."""
    if len(word) > 4:
        for ending in _ENDINGS:
            if word.endswith(ending) and len(word) - len(ending) >= 3:
                return word[: -len(ending)]
    return word
