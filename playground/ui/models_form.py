"""How a model is loaded, as a form with its plan beside it. Pure functions of their arguments; plans nothing."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from playground.engine.base import ATTENTION, PRECISIONS, LoadOptions
from playground.engine.plan import MemoryPlan
from playground.engine.proposals import Proposal
from playground.engine.states import ModelState
from playground.overview import Overview, title_of
from playground.settings import ENGINES
from playground.ui.models_parts import bar, button, fold, size_text
from playground.ui.reasons import reason_words
from playground.ui.strings import t
from playground.ui.takes import whole


def how_form(name: str, options: LoadOptions, state: ModelState | None, overview: Overview, language: str) -> str:
    """The folded form; `state` is given for a model in memory, which is loaded anew."""
    devices = ["auto", *(device.name for device in overview.devices)]
    engines = [engine for engine in ENGINES if engine != "remote"]
    fields = (
        _choice("engine", engines, options.engine, language)
        + _choice("precision", PRECISIONS, options.precision, language)
        + _choice("device", devices, options.device, language)
        + _number("context_length", options.context_length, 256, 1_000_000, language)
        + _number("slots", options.slots, 0, 64, language)
        + _choice("attn_implementation", ATTENTION, options.attn_implementation, language)
    )
    # Whoever loads it now has begun with other options: these can be applied once that is done.
    busy = state is not None and state.phase not in ("ready", "failed")
    again = state is not None and state.phase == "ready"
    apply = button("apply", t(language, "m.apply" if again else "m.load_so"), name, submit=True, off=busy)
    body = (
        f'<form data-form="how" data-plan><input type="hidden" name="model" value="{html.escape(name)}">'
        f'<div class="pm-fields">{fields}</div><div class="pm-row">{apply}</div>'
        '<div class="pm-plan" aria-live="polite" data-own></div></form>'
    )
    where = "resident" if state is not None else "local"
    return fold(f"how:{where}:{name}", t(language, "m.how"), _summary(options), body)


def options_from(values: dict[str, str], before: LoadOptions) -> LoadOptions:
    """The form's values as options; what a field leaves open stays as it was. Raises BadValueError."""
    texts = {key: values[key] for key in ("engine", "precision", "device", "attn_implementation") if values.get(key)}
    # A number that is none becomes -1, which is refused with the field's name and its range.
    numbers: dict[str, Any] = {key: whole(values[key]) for key in ("context_length", "slots") if key in values}
    merged: dict[str, Any] = {**asdict(before), **texts, **numbers}
    return LoadOptions(**merged)


def plan_html(plan: MemoryPlan | None, language: str) -> str:
    """What it would take, drawn against what is free, and what would fit where it does not."""
    if plan is None:
        return f'<p class="hint">{t(language, "m.plan_none")}</p>'
    device = t(language, "m.cpu") if plan.device == "cpu" else plan.device
    parts = [(t(language, f"m.plan.{part}"), size, "part") for part, size in plan.parts[plan.device].items()]
    words = t(language, "m.plan", total=size_text(plan.total), free=size_text(plan.free), device=device)
    verdict = "m.plan_fits" if plan.fits else "m.plan_not" if plan.proposals else "m.plan_never"
    drawn = bar(
        parts, max(plan.total, plan.free), words=words, mark=plan.free,
        mark_words=f"{t(language, 'm.free')}: {size_text(plan.free)}",
    )  # fmt: skip
    lines = [f"<p>{html.escape(words)}</p>", drawn]
    lines.append(f'<p><b class="{"fits" if plan.fits else "error"}">{t(language, verdict)}</b></p>')
    if plan.proposals and not plan.fits:
        lines.append(f'<div class="pm-row">{"".join(_proposal(one, language) for one in plan.proposals)}</div>')
    # Why it does not fit has been said and drawn; why it was decided so is worth a line.
    reasons = [reason_words(language, plan.reason)] if plan.fits and plan.reason else []
    if plan.fits and plan.total > plan.free:
        reasons.append(t(language, "m.plan_reclaim", size=size_text(plan.reclaimable)))
    if plan.corrected:
        reasons.append(t(language, "m.plan_corrected"))
    if reasons:
        lines.append(f'<p class="hint">{html.escape(" ".join(reasons))}</p>')
    return "".join(lines)


def _proposal(proposal: Proposal, language: str) -> str:
    """A button that makes it so: it fills the form in, or unloads what must leave."""
    words = [t(language, f"m.to.{name}", value=_value(value)) for name, value in proposal.changes.items()]
    if proposal.unload:
        names = ", ".join(title_of(name) for name in proposal.unload)
        return button("unload", t(language, "m.to.unload", value=names), "\n".join(proposal.unload))
    label = f"{', '.join(words)}: {size_text(proposal.total)}"
    values = html.escape(json.dumps(dict(proposal.changes)))
    return f'<button type="button" class="pm-button" data-set="{values}">{html.escape(label)}</button>'


def _value(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def _summary(options: LoadOptions) -> str:
    shown = [options.engine, options.precision, options.device]
    words = "auto" if set(shown) == {"auto"} else " · ".join(shown)
    return f"{words} · {options.context_length:,}" + (f" · {options.slots}×" if options.slots else "")


def _choice(name: str, known: Sequence[str], value: str, language: str) -> str:
    shown = list(known) if value in known else [*known, value]
    options = "".join(
        f'<option value="{one}"{" selected" if one == value else ""}>'
        f"{t(language, 'm.auto') if one == 'auto' else one}</option>"
        for one in shown
    )
    return _field(name, f'<select name="{name}">{options}</select>', language)


def _number(name: str, value: int, low: int, high: int, language: str) -> str:
    control = f'<input name="{name}" type="number" min="{low}" max="{high}" step="1" value="{value}" required>'
    return _field(name, control, language)


def _field(name: str, control: str, language: str) -> str:
    key = "m.slots_field" if name == "slots" else f"m.{name}"
    info = t(language, f"m.{name}_info")
    return f"<label><span>{t(language, key)}</span>{control}<small>{html.escape(info)}</small></label>"
