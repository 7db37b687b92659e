"""What a training is to be like, besides its data. Checked when it is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from playground.errors import BadValueError
from playground.tuning.recipe import Recipe

_MOST_PROMPTS = 8


@dataclass(frozen=True)
class TuningOptions:
    """Raises BadValueError naming what is wrong."""

    model: str
    """The base."""
    recipe: Recipe = field(default_factory=Recipe)
    prompts: tuple[str, ...] = ()
    """Asked at each evaluation."""
    device: str = "auto"
    threads: int = 0
    """Of the processor; 0: all but what chat needs."""

    def __post_init__(self) -> None:
        if not self.model:
            raise BadValueError("No model is chosen to be trained. Choose one.")
        if len(self.prompts) > _MOST_PROMPTS:
            raise BadValueError(f"There are {len(self.prompts)} prompts to try. Give at most {_MOST_PROMPTS}.")

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> TuningOptions:
        """What `to_dict` gave."""
        known = {one.name for one in fields(cls)}
        made = {key: value for key, value in values.items() if key in known}
        made["recipe"] = Recipe.from_mapping(made.get("recipe", {}))
        return cls(**{**made, "prompts": tuple(made.get("prompts", ()))})

    def to_dict(self) -> dict[str, Any]:
        """A plain dictionary, ready for JSON."""
        return asdict(self)
