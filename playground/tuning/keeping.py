"""What comes of a training: the card, and the adapter among those of its base. All of it can be done again."""

from __future__ import annotations

from playground.engine.manager import ModelManager
from playground.errors import MissingError, ModelError
from playground.store.training_values import StoredTraining
from playground.store.trainings import Trainings
from playground.tuning.card import write_card
from playground.tuning.progress import Progress, result_of
from playground.tuning.runfile import RunPlaces, read_run

_LONGEST_NAME = 60
_NONE_YET = "This training has no adapter yet. Wait until it is done, or press Stop and keep."


def keep(run_id: str, progress: Progress, places: RunPlaces, store: Trainings, manager: ModelManager) -> None:
    """Write the card, note what came out, and let the manager have the adapter, as it is now.

    One that changes more than LoRA matrices (DoRA) cannot be switched on and off; it is kept without a name.
    """
    run, result, stored = read_run(places), result_of(progress), store.get(run_id)
    write_card(places.adapter, run, result)
    if run.recipe.use_dora:
        store.finish(run_id, {**result, "name": ""})
        return
    name = str(stored.result.get("name") or _free(stored.title, manager.adapters(run.base.name)))
    # Noted before it is given away: a process that is killed in between gives it away under the same name.
    store.finish(run_id, {**result, "name": name})
    _give(manager, run.base.name, name, places)


def named(
    run: StoredTraining, places: RunPlaces, progress: Progress, store: Trainings, manager: ModelManager
) -> tuple[str, str]:
    """Model and adapter of a training, given to the manager anew when it was taken away.

    Raises MissingError, and ModelError for one that cannot be switched on.
    """
    model, name = str(run.options.get("model", "")), str(run.result.get("name", ""))
    if name and name in manager.adapters(model):
        return model, name
    if not (places.adapter / "adapter_config.json").exists():
        raise MissingError(_NONE_YET)
    keep(run.id, progress, places, store, manager)
    if not (name := str(store.get(run.id).result.get("name", ""))):
        raise ModelError("A DoRA adapter cannot be switched on and off. Export it merged, and load that model.")
    return model, name


def rename(run: StoredTraining, title: str, places: RunPlaces, store: Trainings, manager: ModelManager) -> None:
    """Call a training otherwise, and its adapter with it. Raises as `store.rename`."""
    store.rename(run.id, title)
    model, before = str(run.options.get("model", "")), str(run.result.get("name", ""))
    others = [one for one in manager.adapters(model) if one != before]
    if len(others) == len(manager.adapters(model)) or (name := _free(store.get(run.id).title, others)) == before:
        return
    chosen = (manager.chosen, manager.adapter) == (model, before)
    manager.detach(model, before)
    store.finish(run.id, {**run.result, "name": name})
    _give(manager, model, name, places)
    if chosen:
        manager.choose(model, name)


def _give(manager: ModelManager, model: str, name: str, places: RunPlaces) -> None:
    chosen = (manager.chosen, manager.adapter) == (model, name)
    if name in manager.adapters(model):  # The weights may be others by now.
        manager.detach(model, name)
    manager.attach(model, str(places.adapter), called=name)
    if chosen:
        manager.choose(model, name)


def _free(title: str, taken: tuple[str, ...] | list[str]) -> str:
    """What an adapter is called: as its training, with a number where there is one of this name."""
    name = " ".join(title.split())[:_LONGEST_NAME] or "adapter"
    numbered, number = name, 2
    while numbered in taken:
        numbered, number = f"{name} {number}", number + 1
    return numbered
