"""What the form of a draft says: as it was typed, what is wrong with it, and as options. No HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from functools import cache
from typing import Any, get_args, get_type_hints

from playground.errors import BadValueError
from playground.store.training_values import StoredTraining
from playground.tuning.options import TuningOptions
from playground.tuning.recipe import Optimizer, Recipe, Scheduler, Targets, Task, recipe_presets
from playground.ui.takes import whole

NAMES = tuple(one.name for one in fields(Recipe) if one.name != "task")
"""The data says what the task is."""
OWN = ("seed", "heldout", "num_processes")
"""What a preset leaves as it is."""
CHOICES: Mapping[str, tuple[str, ...]] = {
    "target_modules": get_args(Targets),
    "lr_scheduler_type": get_args(Scheduler),
    "optim": get_args(Optimizer),
    **{one.name: ("true", "false") for one in fields(Recipe) if isinstance(one.default, bool)},
}
_KINDS = get_type_hints(Recipe)
_LONGEST = 20_000
"""Characters that are kept of a field."""


@dataclass(frozen=True)
class TuneForm:
    """All that is typed and chosen, as texts."""

    task: Task
    model: str
    values: Mapping[str, str]
    """By the names of Recipe."""
    prompts: str = ""
    """One a line."""
    device: str = "auto"
    threads: str = "0"

    def to_dict(self) -> dict[str, Any]:
        """As it is kept with a draft."""
        return {**vars(self), "values": dict(self.values)}


def texts_of(recipe: Recipe) -> dict[str, str]:
    """A recipe as it is typed."""
    return {name: text_of(getattr(recipe, name)) for name in NAMES}


@cache
def _usual() -> dict[str, str]:
    return texts_of(Recipe())


def text_of(value: Any) -> str:
    """One value as it is typed."""
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, float):
        return str(value)
    text = format(Decimal(repr(value)), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def form_of(run: StoredTraining, task: Task, model: str) -> TuneForm:
    """What a draft keeps; what it does not say is as the first preset of its task, and `model`."""
    kept = run.options.get("form")
    if not isinstance(kept, dict):
        kept = _begun(run.options)
    values = texts_of(next(one.recipe for one in recipe_presets().values() if one.recipe.task == task))
    typed = {name: str(value) for name, value in dict(kept.get("values") or {}).items() if name in values}
    # A recipe for other data would be a bad one for this.
    values |= typed if kept.get("task") == task else {name: typed[name] for name in OWN if name in typed}
    texts = {name: str(kept[name]) for name in ("prompts", "device", "threads") if kept.get(name)}
    return TuneForm(task, str(kept.get("model") or model), values, **texts)


def typed(asked: Any, before: TuneForm) -> TuneForm:
    """The form as a page sent it."""
    given = {str(key): str(value)[:_LONGEST] for key, value in asked.items()} if isinstance(asked, dict) else {}
    values = {name: given.get(name, value) for name, value in before.values.items()}
    rest = {name: given.get(name, getattr(before, name)) for name in ("model", "prompts", "device", "threads")}
    return TuneForm(before.task, rest.pop("model"), values, **rest)


def refuse_others(form: TuneForm, before: TuneForm, devices: Sequence[str]) -> None:
    """Raise BadValueError for a choice that was not offered; what was kept stays, though it may be of elsewhere."""
    for name, choices in {**CHOICES, "device": ("auto", *devices)}.items():
        was, now = (one.device if name == "device" else one.values[name] for one in (before, form))
        if now not in (was, *choices):
            raise BadValueError(f"{name} is {now!r}. Choose one of: {', '.join(choices)}.")


def faults(form: TuneForm) -> dict[str, str]:
    """What is wrong, by the names of the fields."""
    found: dict[str, str] = {}
    usual = _usual()
    for name, text in form.values.items():
        if text == usual[name]:  # Most are, and a recipe takes a while to check.
            continue
        try:
            Recipe(**{name: _value(name, text)})
        except BadValueError as error:
            found[name] = str(error)
    for name, work in (("threads", _threads), ("prompts", _options)):
        try:
            work(form)
        except BadValueError as error:
            found[name] = str(error)
    return found


def options_of(form: TuneForm) -> TuningOptions:
    """Raises BadValueError for what is wrong."""
    recipe = Recipe(task=form.task, **{name: _value(name, text) for name, text in form.values.items()})
    return TuningOptions(form.model, recipe, _prompts(form), form.device, _threads(form))


def readable(form: TuneForm) -> TuningOptions:
    """What can be told of it although something may be wrong: that is as it is without a choice."""
    wrong = faults(form)
    values = {name: _value(name, text) for name, text in form.values.items() if name not in wrong}
    prompts = () if "prompts" in wrong else _prompts(form)
    return TuningOptions(form.model or "-", Recipe(task=form.task, **values), prompts, form.device)


def preset_of(form: TuneForm) -> str:
    """The preset that the form is as, "" for none."""
    own = {name: form.values[name] for name in OWN}
    for one in recipe_presets().values():
        if one.recipe.task == form.task and _plain({**texts_of(one.recipe), **own}) == _plain(form.values):
            return one.id
    return ""


def _plain(values: Mapping[str, str]) -> dict[str, Any]:
    return {name: _value(name, text) for name, text in values.items()}


def _begun(options: Mapping[str, Any]) -> dict[str, Any]:
    """Of a training that was begun, the form that it would have had."""
    if not options.get("recipe"):
        return dict(options)
    try:
        made = TuningOptions.from_mapping(options)
    except BadValueError:  # Of another version of the app.
        return {"model": options.get("model")}
    texts = {"prompts": "\n".join(made.prompts), "device": made.device, "threads": str(made.threads)}
    return {"task": made.recipe.task, "model": made.model, "values": texts_of(made.recipe), **texts}


def _value(name: str, text: str) -> Any:
    """As the recipe takes it; what cannot be read stays a text, of which the recipe says what is wrong."""
    kind, text = _KINDS[name], text.strip()
    if kind is bool:
        return {"true": True, "false": False}.get(text, text)
    if kind not in (int, float):
        return text
    try:
        number = float(text.replace(",", "."))
    except ValueError:
        return text
    return int(number) if kind is int and number.is_integer() else number


def _prompts(form: TuneForm) -> tuple[str, ...]:
    return tuple(line.strip() for line in form.prompts.splitlines() if line.strip())


def _options(form: TuneForm) -> TuningOptions:
    return TuningOptions(form.model or "-", prompts=_prompts(form))


def _threads(form: TuneForm) -> int:
    threads = whole(form.threads.strip() or "0")
    if not 0 <= threads <= 1024:
        raise BadValueError(f"threads is {form.threads!r}. Give a whole number from 0 to 1024.")
    return threads
