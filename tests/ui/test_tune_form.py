"""The form of a draft: what is typed becomes options and comes back, and what is wrong is told by its field."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playground.errors import BadValueError
from playground.store.training_values import StoredTraining
from playground.tuning.options import TuningOptions
from playground.tuning.recipe import Recipe, Task, recipe_presets
from playground.ui.tune_form import (
    CHOICES,
    faults,
    form_of,
    options_of,
    preset_of,
    readable,
    refuse_others,
    texts_of,
    typed,
)
from playground.ui.tune_recipe import form_html


def stored(options: dict[str, Any]) -> StoredTraining:
    """A draft that keeps these."""
    return StoredTraining("1", "Ships", "draft", "", options, {}, {}, 0.0, 0.0, 0.0, None)


@settings(max_examples=40, deadline=None)
@given(
    rate=st.floats(1e-8, 1.0),
    dropout=st.floats(0, 0.9),
    epochs=st.floats(0.01, 100),
    rank=st.integers(1, 512),
    dora=st.booleans(),
    task=st.sampled_from(["sft", "dpo", "text"]),
    prompts=st.lists(st.text("abc 港", min_size=1).filter(str.strip), max_size=8),
)
def test_a_training_that_is_made_again_is_the_same(
    rate: float, dropout: float, epochs: float, rank: int, dora: bool, task: Task, prompts: list[str]
) -> None:
    recipe = Recipe(task, r=rank, lora_dropout=dropout, use_dora=dora, learning_rate=rate, num_train_epochs=epochs)
    made = TuningOptions("starter", recipe, tuple(one.strip() for one in prompts), "cpu", 2)
    form = form_of(stored(made.to_dict()), task, "other")
    assert options_of(form) == made
    assert form_of(stored({"form": form.to_dict()}), task, "other") == form


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.sampled_from([*texts_of(Recipe()), "device", "threads", "prompts"]), st.text(max_size=30)))
def test_whatever_is_typed_is_kept_and_either_right_or_told(values: dict[str, str]) -> None:
    form = typed(values, form_of(stored({}), "sft", "starter"))
    assert form_of(stored({"form": form.to_dict()}), "sft", "").values == form.values
    wrong = faults(form)
    assert set(wrong) <= {*form.values, "threads", "prompts"}
    assert readable(form).model == "starter"
    if not wrong:
        assert options_of(form).recipe.task == "sft"
    elif form.values.keys() & wrong.keys():
        with pytest.raises(BadValueError):
            options_of(form)


def test_a_preset_is_known_again_whatever_the_seed() -> None:
    for one in recipe_presets().values():
        made = replace(one.recipe, seed=7, heldout=0.2)
        form = form_of(stored(TuningOptions("starter", made).to_dict()), one.recipe.task, "")
        assert preset_of(form) == one.id
    assert preset_of(typed({"r": "3"}, form_of(stored({}), "sft", "starter"))) == ""


def test_a_recipe_for_other_data_is_not_taken() -> None:
    form = typed({"r": "3", "seed": "7"}, form_of(stored({}), "sft", "starter"))
    other = form_of(stored({"form": form.to_dict()}), "dpo", "")
    assert (other.model, other.values["packing"], other.values["seed"]) == ("starter", "false", "7")
    assert other.values["r"] != "3"


@pytest.mark.parametrize("name", [*CHOICES, "device"])
def test_what_is_kept_of_a_choice_shows_no_markup(name: str) -> None:
    evil = '"><img src=x onerror=alert(1)>'
    kept = {"task": "sft", "model": evil, "prompts": evil, "device": evil, "threads": evil, "values": {name: evil}}
    found = form_html(form_of(stored({"form": kept}), "sft", ""), evil, [], ["cpu", evil], "en")
    assert "<img" not in found
    assert found.count("&quot;&gt;&lt;img") >= 5


def test_a_choice_that_was_kept_stays_and_another_is_refused() -> None:
    kept = {"task": "sft", "device": "cuda:7", "values": {"optim": "adamw_future"}}
    before = form_of(stored({"form": kept}), "sft", "starter")
    refuse_others(typed({"packing": "false", "r": "many"}, before), before, ["cpu"])
    refuse_others(typed({"device": "cpu", "optim": "sgd"}, before), before, ["cpu"])
    for wrong in ({"device": "cuda:8"}, {"optim": "x"}, {"packing": "yes"}, {"target_modules": ""}):
        with pytest.raises(BadValueError, match="Choose one of"):
            refuse_others(typed(wrong, before), before, ["cpu"])
