"""What our page sends: values of Gradio's components, and whole numbers. Anything else is refused before it is used."""

from __future__ import annotations

from typing import Any

import gradio as gr

from playground.errors import MissingError

_DIGITS = 18
"""Of the longest number that SQLite holds, whatever they are."""


def takes(component: Any, value: Any) -> bool:
    """Whether a component can be given this value, out of JSON; of another Gradio would say that it is a bug."""
    if isinstance(component, gr.Slider | gr.Number):
        if value is None:
            return not isinstance(component, gr.Slider)
        low, high = component.minimum, component.maximum
        return type(value) in (int, float) and (low is None or value >= low) and (high is None or value <= high)
    if isinstance(component, gr.Dropdown):
        return value is None or value in [choice for _, choice in component.choices]
    if isinstance(component, gr.Textbox):
        return value is None or isinstance(value, str)
    if isinstance(component, gr.JSON):
        return value is None or isinstance(value, dict)
    return True


def place(value: Any) -> int:
    """That of a file in a draft. Raises MissingError for what is none."""
    if (found := whole(value)) < 0:
        raise MissingError("There is no such file in this draft (any more). Look at its files again.")
    return found


def whole(value: Any) -> int:
    """A whole number, or the text of one; -1 for anything else."""
    text = str(value).strip() if type(value) in (int, str) else ""
    return int(text) if text.isdecimal() and len(text) <= _DIGITS else -1
