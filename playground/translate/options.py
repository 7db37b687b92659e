"""What a translation is to be like. Checked when it is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from playground.errors import BadValueError
from playground.languages import NAMES

Formality = Literal["", "formal", "informal"]
"""How chat models are to address the reader; models made for translation cannot be told."""
_MOST_BEAMS = 16


@dataclass(frozen=True)
class TranslationOptions:
    """How to translate. Raises BadValueError naming the field, the value and what is allowed."""

    target: str
    """Code of the language to translate into."""
    source: str = ""
    """Of the language to translate from; "" is the one that the text seems to be in."""
    model: str = ""
    """"" is the best way of this machine (see `ways`)."""
    glossaries: tuple[str, ...] = ()
    """Their ids; of terms in several, the first one counts."""
    memory: bool = True
    """Texts that the memory knows are not translated again."""
    formality: Formality = ""
    beam_size: int = 4
    """Of models made for translation."""
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("target", "source"):
            code = getattr(self, name)
            if code not in NAMES and (code or name == "target"):
                raise BadValueError(f"The language {code!r} is not known. Choose one of: {', '.join(NAMES)}.")
        if self.source == self.target:
            raise BadValueError(
                f"The text is to be translated from {NAMES[self.source][0]} into itself. Choose another."
            )
        if self.formality not in get_args(Formality):
            raise BadValueError(f"formality is {self.formality!r}. Choose one of: formal, informal; or leave it out.")
        if not 1 <= self.beam_size <= _MOST_BEAMS:
            raise BadValueError(f"beam_size is {self.beam_size}. Give 1 to {_MOST_BEAMS}.")

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> TranslationOptions:
        """What `to_dict` gave; unknown keys are those of a newer version, and are left out."""
        known = {field.name for field in fields(cls)}
        made = {key: value for key, value in values.items() if key in known}
        return cls(**{**made, "glossaries": tuple(made.get("glossaries", ()))})

    def to_dict(self) -> dict[str, Any]:
        """A plain dictionary, ready for JSON."""
        return asdict(self)
