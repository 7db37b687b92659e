"""What a summary is to be like: style, length, language, for whom, and how it is made. Checked when it is made."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from playground.errors import BadValueError
from playground.languages import NAMES

Mode = Literal["map_reduce", "refine", "extractive"]
"""Parts one by one and then together; each part into the summary of those before it; sentences picked, no model."""
MODES: tuple[Mode, ...] = get_args(Mode)
OWN = "own"
"""The style that is the user's own instruction."""
_LENGTH = re.compile(r"(\d{1,6})(?:\s*(?:words?|字|词))?|(\d{1,2}(?:[.,]\d+)?|100)\s*[%％]", re.IGNORECASE)
_PAGES = re.compile(r"(\d{1,6})(?:\s*[-–~]\s*(\d{1,6}))?")
_LONGEST = 2000
_MOST_WORDS = 20_000


@dataclass(frozen=True)
class SummaryOptions:
    """How to summarize. Raises BadValueError naming the field, the value and what is allowed."""

    style: str = "paragraph"
    """A style of presets/prompts/summarize, or "own"."""
    instruction: str = ""
    """What to write, in the user's own words; with the style "own"."""
    words: int | None = None
    """About how many; characters in languages without blanks. None: as `share` says."""
    share: float | None = None
    """Of the document's own words, 0 to 1. None, too: about a tenth, 60 to 400."""
    language: str = ""
    """Code of the summary's language; "" is the document's."""
    audience: str = ""
    """For whom, in the user's words."""
    mode: Mode = "map_reduce"
    pages: str = ""
    """Those to be read, such as "1-20, 35", of documents that have pages; "" are all. The others are skipped."""
    seed: int = 0

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise BadValueError(f"mode is {self.mode!r}. Choose one of: {', '.join(MODES)}.")
        if self.language and self.language not in NAMES:
            raise BadValueError(f"language is {self.language!r}. Choose one of: {', '.join(NAMES)}.")
        if self.words is not None and not 5 <= self.words <= _MOST_WORDS:
            raise BadValueError(f"The length is {self.words:,} words. Give 5 to {_MOST_WORDS:,}.")
        if self.share is not None and not 0 < self.share <= 1:
            raise BadValueError(f"The length is {100 * self.share:g} %. Give more than 0 and at most 100.")
        if self.style == OWN and not self.instruction.strip():
            raise BadValueError("The instruction is empty. Write what the summary is to be like, or choose a style.")
        if self.pages:
            read_pages(self.pages)
        for name in ("instruction", "audience"):
            if len(getattr(self, name)) > _LONGEST:
                raise BadValueError(f"The {name} is longer than {_LONGEST:,} characters. Shorten it.")

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> SummaryOptions:
        """What `to_dict` gave; unknown keys are those of a newer version, and are left out."""
        known = {field.name for field in fields(cls)}
        return cls(**{key: value for key, value in values.items() if key in known})

    def to_dict(self) -> dict[str, Any]:
        """A plain dictionary, ready for JSON."""
        return asdict(self)


def read_length(text: str) -> tuple[int | None, float | None]:
    """Words and share that a person means by "200", "200 words" or "10 %"; "" leaves both open."""
    if not text.strip():
        return None, None
    found = _LENGTH.fullmatch(text.strip())
    if found is None:
        raise BadValueError(f"{text!r} is not a length. Write a number of words, such as 200, or a share: 10 %.")
    if found[1]:
        return int(found[1]), None
    return None, float(found[2].replace(",", ".")) / 100


def read_pages(text: str) -> list[tuple[int, int]]:
    """First and last page of each range in a text such as "1-20, 35"."""
    ranges = []
    for piece in filter(None, (one.strip() for one in re.split(r"[,;，；、]", text))):
        found = _PAGES.fullmatch(piece)
        first, last = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
        if not 1 <= first <= last:
            raise BadValueError(f"{piece!r} are not pages. Write them as 1-20, 35.")
        ranges.append((first, last))
    return ranges
