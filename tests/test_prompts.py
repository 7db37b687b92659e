"""Personas and templates: those that come with the app are sound in both languages; filling one in loses nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.errors import BadValueError
from playground.prompts import fill, personas, templates, variables


def test_all_presets_are_sound() -> None:
    assert len(personas()) >= 5
    assert len(templates()) >= 5
    for preset in templates().values():
        assert len(variables(preset.text)) == len(variables(preset.text_zh)) > 0


def test_what_is_missing_is_named() -> None:
    with pytest.raises(BadValueError, match="audience, 读者"):
        fill("{{ topic }} for {{audience}} and {{读者}}", {"topic": "x", "audience": " "})


def test_what_is_no_variable_stays() -> None:
    text = "{{}} {{ 1a }} {one} {{a b}} {{% x %}}"
    assert variables(text) == []
    assert fill(text, {}) == text


@given(st.text(), st.text(min_size=1).filter(str.strip))
def test_values_are_put_in_as_they_are(around: str, value: str) -> None:
    around = around.replace("{", "").replace("}", "")
    assert fill(f"{around}{{{{x}}}}{around}", {"x": value}) == around + value + around
