"""How a LoRA is trained: every setting by the name that transformers, peft and trl give it, checked when it is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args, get_type_hints

from playground.errors import BadValueError
from playground.paths import PRESETS
from playground.settings import read_toml

Task = Literal["sft", "dpo", "text"]
"""Conversations; pairs of a better and a worse reply; plain text to go on with."""
TASK_OF: Mapping[str, Task] = {"chat": "sft", "preference": "dpo", "text": "text"}
"""By the kind of a sample."""
Targets = Literal["all-linear", "attention", "qv"]
Scheduler = Literal["constant", "constant_with_warmup", "linear", "cosine"]
Optimizer = Literal["adamw_torch", "adamw_8bit", "sgd"]
_RANGES: Mapping[str, tuple[float, float]] = {
    "r": (1, 512),
    "lora_alpha": (1, 2048),
    "lora_dropout": (0, 0.9),
    "learning_rate": (1e-8, 1.0),
    "warmup_ratio": (0, 0.5),
    "num_train_epochs": (0.01, 100),
    "max_steps": (-1, 1_000_000),
    "per_device_train_batch_size": (1, 512),
    "gradient_accumulation_steps": (1, 1024),
    "max_length": (16, 1_000_000),
    "weight_decay": (0, 1),
    "max_grad_norm": (0, 100),
    "neftune_noise_alpha": (0, 100),
    "beta": (0.001, 10),
    "seed": (0, 2**31 - 1),
    "heldout": (0, 0.5),
    "evaluations": (0, 100),
    "num_processes": (1, 64),
}
_CHOICES = {"task": Task, "target_modules": Targets, "lr_scheduler_type": Scheduler, "optim": Optimizer}


@dataclass(frozen=True)
class Recipe:
    """All settings of a training. Raises BadValueError naming the field, the value and what is allowed."""

    task: Task = "sft"
    r: int = 8
    lora_alpha: int = 16
    lora_dropout: float = 0.0
    target_modules: Targets = "all-linear"
    use_dora: bool = False
    use_rslora: bool = False
    load_in_4bit: bool = False
    """QLoRA: the frozen weights as NF4, on an NVIDIA GPU only."""
    learning_rate: float = 2e-4
    lr_scheduler_type: Scheduler = "cosine"
    warmup_ratio: float = 0.05
    num_train_epochs: float = 1.0
    max_steps: int = -1
    """-1: as `num_train_epochs` says."""
    per_device_train_batch_size: int = 4
    """Samples; with `packing`, rows of `max_length` tokens that samples are put into."""
    gradient_accumulation_steps: int = 1
    packing: bool = True
    max_length: int = 512
    """Tokens; what is longer is cut off at its end, and told. A plain text is parted into pieces instead."""
    gradient_checkpointing: bool = False
    optim: Optimizer = "adamw_torch"
    weight_decay: float = 0.0
    max_grad_norm: float = 1.0
    neftune_noise_alpha: float = 0.0
    """0: no noise."""
    beta: float = 0.1
    """Of DPO: how near the model stays to its base."""
    seed: int = 0
    heldout: float = 0.1
    """Share of the groups of samples that is not learned from and measures what was learned."""
    evaluations: int = 5
    """How often that is measured in the course of a run."""
    num_processes: int = 1
    """Processes that train together; on a machine with several GPUs one for each."""

    def __post_init__(self) -> None:
        kinds = _kinds()
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            whole = kinds[name] is int
            if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
                raise BadValueError(f"{name} is {value!r}. Give a {'whole ' if whole else ''}number.")
            if not low <= value <= high:
                raise BadValueError(f"{name} is {value!r}. Give a number from {low:.12g} to {high:.12g}.")
        if self.max_steps == 0:
            raise BadValueError("max_steps is 0. Give the number of steps, or -1 for as many as num_train_epochs asks.")
        for name in (field.name for field in fields(Recipe) if isinstance(field.default, bool)):
            if not isinstance(getattr(self, name), bool):
                raise BadValueError(f"{name} is {getattr(self, name)!r}. Write true or false.")
        for name, kind in _CHOICES.items():
            if getattr(self, name) not in get_args(kind):
                raise BadValueError(f"{name} is {getattr(self, name)!r}. Choose one of: {', '.join(get_args(kind))}.")

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any], where: str = "The recipe") -> Recipe:
        """Of a TOML file or `to_dict`. Raises BadValueError for keys that are unknown."""
        known = {field.name for field in fields(cls)}
        if wrong := next((key for key in values if key not in known), None):
            raise BadValueError(f"{where}: unknown key {wrong!r}. Known are: {', '.join(sorted(known))}.")
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """A plain dictionary, ready for JSON."""
        return asdict(self)


@cache
def _kinds() -> Mapping[str, Any]:
    return get_type_hints(Recipe)


@dataclass(frozen=True)
class RecipePreset:
    """A recipe with a name, and what it is for."""

    id: str
    name: str
    name_zh: str
    about: str
    about_zh: str
    recipe: Recipe


@cache
def recipe_presets() -> dict[str, RecipePreset]:
    """All that come with the app, by id, the quickest first."""
    found = [_preset(file, read_toml(file)) for file in (PRESETS / "training").glob("*.toml")]
    found.sort(key=lambda one: (one.recipe.task != "sft", one.recipe.num_train_epochs, one.id))
    return {one.id: one for one in found}


def _preset(file: Path, values: dict[str, Any]) -> RecipePreset:
    about = {key: values.pop(key, None) for key in ("name", "name_zh", "about", "about_zh")}
    if missing := next((key for key, value in about.items() if not isinstance(value, str)), None):
        raise BadValueError(f"{file}: the key {missing!r} is missing.")
    return RecipePreset(file.stem, **about, recipe=Recipe.from_mapping(values, str(file)))
