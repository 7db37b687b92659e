"""Recipes: what can be set is checked when it is made, and says its name, its value and what is allowed."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.errors import BadValueError
from playground.tuning.recipe import TASK_OF, Recipe, recipe_presets
from playground.tuning.samples import SampleKind

RANGES: dict[str, tuple[float, float]] = {
    "r": (1, 512),
    "lora_alpha": (1, 2048),
    "lora_dropout": (0, 0.9),
    "learning_rate": (1e-8, 1.0),
    "warmup_ratio": (0, 0.5),
    "num_train_epochs": (0.01, 100),
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
HINTS = get_type_hints(Recipe)
CHOICES = {name: get_args(kind) for name, kind in HINTS.items() if get_args(kind)}
SWITCHES = [name for name, kind in HINTS.items() if kind is bool]


def fitting(name: str) -> st.SearchStrategy[Any]:
    """A value that a field takes."""
    if name in CHOICES:
        return st.sampled_from(CHOICES[name])
    if name in SWITCHES:
        return st.booleans()
    if name == "max_steps":
        return st.just(-1) | st.integers(1, 1_000_000)
    low, high = RANGES[name]
    if HINTS[name] is int:
        return st.integers(int(low), int(high))
    return st.floats(low, high) | st.integers(math.ceil(low), math.floor(high))


RECIPES = st.fixed_dictionaries({}, optional={name: fitting(name) for name in HINTS})


@given(RECIPES)
def test_what_is_allowed_is_taken_and_comes_back(values: dict[str, Any]) -> None:
    recipe = Recipe(**values)
    assert {name: getattr(recipe, name) for name in values} == values
    assert Recipe.from_mapping(recipe.to_dict()) == recipe


@given(st.sampled_from(sorted(RANGES)), st.data())
def test_a_number_out_of_its_range_is_named(name: str, data: st.DataObject) -> None:
    low, high = RANGES[name]
    if HINTS[name] is int:
        wrong = data.draw(st.integers(max_value=int(low) - 1) | st.integers(min_value=int(high) + 1))
    else:
        below = st.floats(max_value=low, exclude_max=True)
        wrong = data.draw(below | st.floats(min_value=high, exclude_min=True) | st.just(math.nan))
    with pytest.raises(BadValueError) as caught:
        Recipe(**{name: wrong})
    assert str(caught.value).startswith(f"{name} is {wrong!r}. ")
    assert str(caught.value).endswith(f"from {low:.12g} to {high:.12g}.")


@pytest.mark.parametrize("name", [*RANGES, "max_steps"])
@pytest.mark.parametrize("wrong", ["3", None, True, [1], 1j])
def test_what_is_no_number_is_named(name: str, wrong: Any) -> None:
    with pytest.raises(BadValueError) as caught:
        Recipe(**{name: wrong})
    whole = "whole " if HINTS[name] is int else ""
    assert str(caught.value) == f"{name} is {wrong!r}. Give a {whole}number."


def test_a_half_is_no_whole_number() -> None:
    with pytest.raises(BadValueError, match=r"r is 8\.0\. Give a whole number\."):
        Recipe(r=8.0)  # type: ignore[arg-type]


@pytest.mark.parametrize("steps", [0, -2, 1_000_001])
def test_steps(steps: int) -> None:
    with pytest.raises(BadValueError, match=f"max_steps is {steps}. Give "):
        Recipe(max_steps=steps)


@pytest.mark.parametrize("name", CHOICES)
def test_a_wrong_choice_is_named_with_the_right_ones(name: str) -> None:
    with pytest.raises(BadValueError) as caught:
        Recipe(**{name: "none of them"})
    assert str(caught.value) == f"{name} is 'none of them'. Choose one of: {', '.join(CHOICES[name])}."


@pytest.mark.parametrize("name", SWITCHES)
@pytest.mark.parametrize("wrong", ["false", 1, None])
def test_a_switch_is_on_or_off(name: str, wrong: Any) -> None:
    with pytest.raises(BadValueError, match=f"{name} is {wrong!r}. Write true or false."):
        Recipe(**{name: wrong})


def test_an_unknown_key_is_named() -> None:
    with pytest.raises(BadValueError, match=r"mine\.toml: unknown key 'lora_r'\. Known are: beta, evaluations,"):
        Recipe.from_mapping({"r": 8, "lora_r": 8}, "mine.toml")


def test_every_setting_is_checked() -> None:
    """A new field has to say what it takes, here too."""
    checked = {*RANGES, *CHOICES, *SWITCHES, "max_steps"}
    assert {field.name for field in dataclasses.fields(Recipe)} == checked


def test_presets() -> None:
    presets = recipe_presets()
    assert next(iter(presets)) == "quick"
    assert {"quick", "balanced", "thorough", "text", "preferences"} <= presets.keys()
    for preset in presets.values():
        assert all((preset.name, preset.name_zh, preset.about, preset.about_zh)), preset.id
        assert preset.recipe.heldout > 0, "a preset measures what it learns"
        assert preset.recipe.evaluations > 0
    assert {preset.recipe.task for preset in presets.values()} == {"sft", "dpo", "text"}


def test_each_kind_of_sample_has_a_task() -> None:
    assert set(TASK_OF) == set(get_args(SampleKind))
    assert set(TASK_OF.values()) == set(CHOICES["task"])
