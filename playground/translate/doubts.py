"""What a check says of a translation. Knows nothing of how it is found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["empty", "untranslated", "language", "number", "literal", "tag", "length", "missing_sentence", "loop"]
_CODES = {"nb": "no", "nn": "no", "iw": "he", "in": "id", "cmn": "zh", "yue": "zh"}


@dataclass(frozen=True)
class Doubt:
    """Something to look at in a translation, at `start` to `end` of it; 0 to 0 where something is not there."""

    kind: Kind
    start: int
    end: int
    detail: str
    """The word or number that it is about; may be empty."""


def base(language: str) -> str:
    """The language of a code such as "pt-BR" or "zh_Hant", in two letters where it has such."""
    code = language.replace("_", "-").partition("-")[0].lower()
    return _CODES.get(code, code)
