"""Whether a training fits, and what would: said before it starts, in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from playground.engine.hardware import hardware
from playground.engine.manager import ModelManager
from playground.engine.training_base import TrainingBases
from playground.engine.training_need import TrainingTask
from playground.tuning.options import TuningOptions
from playground.tuning.recipe import Recipe


@dataclass(frozen=True)
class Forecast:
    """What a training would take. Bytes."""

    fits: bool
    total: int
    free: int
    device: str
    precision: str
    parts: dict[str, int]
    words: str
    """Why it does not fit and what would; empty when it does."""
    proposal: Recipe | None = None
    """The nearest recipe that fits."""


def task_for(recipe: Recipe) -> TrainingTask:
    """The recipe as the memory plan takes it."""
    pairs = 2 if recipe.task == "dpo" else 1
    return TrainingTask(
        rank=recipe.r,
        targets=recipe.target_modules,
        batch_size=recipe.per_device_train_batch_size * pairs,
        sequence_length=recipe.max_length,
        gradient_checkpointing=recipe.gradient_checkpointing,
        optimizer={"adamw_torch": "adamw"}.get(recipe.optim, recipe.optim),
        processes=recipe.num_processes,
    )


def forecast(bases: TrainingBases, manager: ModelManager, options: TuningOptions) -> Forecast:
    """Raises ModelError for a model that cannot be trained."""
    plan = bases.plan(options.model, task_for(options.recipe), _precision(options.recipe), options.device)
    need = plan.total - plan.reclaimable
    made = Forecast(plan.fits, need, plan.free, plan.device, plan.precision, dict(plan.parts.get(plan.device, {})), "")
    gpus = len(hardware().gpus)
    if plan.device != "cpu" and options.recipe.num_processes > gpus:
        words = f"There are {gpus} GPUs for {options.recipe.num_processes} processes. Set num_processes to {gpus}."
        return replace(made, fits=False, words=words, proposal=replace(options.recipe, num_processes=gpus))
    if plan.fits:
        return made
    words = f"The training needs {need / 1e9:.1f} GB, but {plan.free / 1e9:.1f} GB are free."
    for changed, said in _smaller(options.recipe, plan.device):
        other = bases.plan(options.model, task_for(changed), _precision(changed), options.device)
        if other.fits:
            return replace(made, words=f"{words} This would fit: {said}.", proposal=changed)
    resident = {state.model: sum(state.memory.values()) for state in manager.states() if state.phase == "ready"}
    freed, precision = sum(resident.values()), _precision(options.recipe)
    if freed and bases.plan(options.model, task_for(options.recipe), precision, options.device, freed).fits:
        return replace(made, words=f"{words} Unload {', '.join(resident)} in the Models tab, then it fits.")
    return replace(made, words=f"{words} No settings make it fit: choose a smaller model, or close other programs.")


def _precision(recipe: Recipe) -> str:
    return "nf4" if recipe.load_in_4bit else "auto"


def _smaller(recipe: Recipe, device: str) -> Iterator[tuple[Recipe, str]]:
    """Recipes that take less, the least changed first."""
    made = recipe
    if device == "cpu" and recipe.num_processes > 1:
        made = replace(made, num_processes=1)
        yield made, "num_processes 1"
    while made.per_device_train_batch_size > 1:
        half = made.per_device_train_batch_size // 2
        made = replace(
            made,
            per_device_train_batch_size=half,
            gradient_accumulation_steps=recipe.gradient_accumulation_steps
            * (recipe.per_device_train_batch_size // half),
        )
        yield made, f"per_device_train_batch_size {half} (more accumulation, the same result)"
    if not made.gradient_checkpointing:
        made = replace(made, gradient_checkpointing=True)
        yield made, "gradient_checkpointing (a third slower, the same result)"
    if device != "cpu" and not made.load_in_4bit:
        yield replace(made, load_in_4bit=True), "QLoRA (load_in_4bit) with gradient_checkpointing"
        made = replace(made, load_in_4bit=True)
    while made.max_length > 256:
        made = replace(made, max_length=made.max_length // 2)
        yield made, f"max_length {made.max_length} with gradient_checkpointing"
