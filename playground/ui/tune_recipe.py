"""How a draft is to be trained, as HTML: its title, the base, recipes as cards, every setting, what it would take."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence

from playground.tuning.planning import Forecast
from playground.tuning.recipe import RecipePreset, Task, recipe_presets
from playground.ui.models_parts import size_text
from playground.ui.reasons import reason_words
from playground.ui.strings import t
from playground.ui.summary_view import time_words
from playground.ui.tune_form import CHOICES, NAMES, OWN, TuneForm, preset_of, texts_of

_GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("adapter", ("r", "lora_alpha", "lora_dropout", "target_modules", "use_dora", "use_rslora", "load_in_4bit")),
    (
        "learning",
        (
            "learning_rate",
            "lr_scheduler_type",
            "warmup_ratio",
            "num_train_epochs",
            "max_steps",
            "optim",
            "weight_decay",
            "max_grad_norm",
            "neftune_noise_alpha",
            "beta",
            "seed",
        ),
    ),
    (
        "memory",
        (
            "per_device_train_batch_size",
            "gradient_accumulation_steps",
            "packing",
            "max_length",
            "gradient_checkpointing",
            "device",
            "threads",
            "num_processes",
        ),
    ),
    ("measuring", ("heldout", "evaluations")),
)
_FEW, _FEW_HELD = 20, 5
"""Samples below which little is learned, and little can be said about what was."""
_FACTS = ("r", "num_train_epochs", "learning_rate", "max_length")
"""What a card and the folded settings say in short."""


def form_html(
    form: TuneForm, title: str, bases: Sequence[tuple[str, str, str]], devices: Sequence[str], language: str
) -> str:
    """The whole form. `bases`: name, title and why it cannot be trained."""
    return (
        f'<label class="pn-wide">{t(language, "tune.title")}'
        f'<input name="title" value="{html.escape(title)}" maxlength="200" autocomplete="off"></label>'
        + _bases(form.model, bases, language)
        + f'<fieldset class="pn-cards"><legend>{t(language, "tune.recipe")}</legend>{_cards(form, language)}</fieldset>'
        + _settings(form, devices, language)
        + f'<label class="pn-wide">{t(language, "tune.prompts")}<textarea name="prompts" rows="3" '
        f'aria-label="{t(language, "tune.prompts")}" '
        f'aria-describedby="pn-h-prompts pn-f-prompts">\n{html.escape(form.prompts)}</textarea>'
        f'<small id="pn-h-prompts">{t(language, "tune.prompts_hint")}</small>{_fault("prompts")}</label>'
    )


def forecast_html(found: Forecast, before: TuneForm, language: str) -> str:
    """Whether it fits, and settings with which it would."""
    numbers = dict(total=size_text(found.total), free=size_text(found.free), device=found.device)
    said = t(language, "tune.fits", **numbers) if found.fits else reason_words(language, found.words)
    parts = "".join(
        f"<li>{t(language, f'm.plan.{name}')} {size_text(size)}</li>" for name, size in found.parts.items() if size
    )
    more = (
        f'<details data-key="parts"><summary>{t(language, "tune.parts")}</summary><ul>{parts}</ul></details>'
        if parts
        else ""
    )
    use = ""
    if found.proposal is not None:
        changed = {name: text for name, text in texts_of(found.proposal).items() if text != before.values[name]}
        use = (
            f'<button type="button" class="ps-button" data-do="use" data-set="{html.escape(json.dumps(changed))}">'
            f"{t(language, 'tune.use')}</button>"
        )
    kind = "" if found.fits else ' class="error"'
    return f'<p class="pn-row"><span{kind}>{html.escape(said)}</span>{use}</p>{more}'


def hints_html(task: Task, learned: int, held: int, language: str) -> str:
    """What so little data cannot do. It may be trained all the same."""
    hints = []
    if learned and held < _FEW_HELD:
        hints.append(t(language, "tune.hint.held" if held else "tune.hint.nothing_held", n=held))
    if 0 < learned < _FEW and task != "text":  # A text is learned by its length.
        hints.append(t(language, "tune.hint.few", n=learned))
    return "".join(f'<p class="pn-warn">{html.escape(one)}</p>' for one in hints)


def time_html(tokens: float, tokens_per_second: float, seconds_beside: float, language: str) -> str:
    """How long it takes, where an earlier training of the same base tells."""
    if not tokens or not tokens_per_second:
        return t(language, "tune.time_unknown")
    return t(language, "tune.time", time=time_words(tokens / tokens_per_second + seconds_beside, language))


def _bases(model: str, bases: Sequence[tuple[str, str, str]], language: str) -> str:
    options = ""
    for name, title, why in bases:
        off = f' disabled title="{html.escape(why)}"' if why else ""
        shown = f"{title} – {why}" if why else title
        chosen = " selected" if name == model else ""
        options += f'<option value="{html.escape(name)}"{chosen}{off}>{html.escape(shown)}</option>'
    if not any(not why for _, _, why in bases):
        options = f'<option value="" selected>{t(language, "tune.no_base")}</option>{options}'
    elif model not in [name for name, _, _ in bases]:  # It was deleted meanwhile, or is of another machine.
        gone = html.escape(t(language, "tune.base_gone", name=model))
        options = f'<option value="{html.escape(model)}" selected>{gone}</option>{options}'
    return (
        f'<label class="pn-wide">{t(language, "tune.base")}<select name="model" '
        f'aria-label="{t(language, "tune.base")}" aria-describedby="pn-h-model">{options}'
        f'</select><small id="pn-h-model">{t(language, "tune.base_hint")}</small></label>'
    )


def _cards(form: TuneForm, language: str) -> str:
    return "".join(_card(one, form, language) for one in recipe_presets().values())


def _card(one: RecipePreset, form: TuneForm, language: str) -> str:
    zh = language == "zh"
    fits = one.recipe.task == form.task
    texts = texts_of(one.recipe)
    values = {name: text for name, text in texts.items() if name not in OWN}
    facts = html.escape(facts_words(texts, language))
    off = "" if fits else f' disabled title="{html.escape(t(language, f"tune.needs.{one.recipe.task}"))}"'
    return (
        f'<button type="button" class="pn-card" data-do="preset" data-key="{one.id}" data-argument="{one.id}" '
        f'data-set="{html.escape(json.dumps(values))}" aria-pressed="{str(preset_of(form) == one.id).lower()}"{off}>'
        f"<b>{html.escape(one.name_zh if zh else one.name)}</b>"
        f"<span>{html.escape(one.about_zh if zh else one.about)}</span><small>{facts}</small></button>"
    )


def facts_words(texts: Mapping[str, str], language: str) -> str:
    """A recipe in short."""
    return t(language, "tune.facts", **{name: texts[name] for name in _FACTS})


def _settings(form: TuneForm, devices: Sequence[str], language: str) -> str:
    groups = ""
    for group, names in _GROUPS:
        shown = [name for name in names if name != "beta" or form.task == "dpo"]
        fields = "".join(_field(name, form, devices, language) for name in shown)
        groups += f"<fieldset><legend>{t(language, f'tune.group.{group}')}</legend>{fields}</fieldset>"
    now = html.escape(facts_words(form.values, language))
    return (
        f'<details class="pn-fold" data-key="settings"><summary><b>{t(language, "tune.settings")}</b> '
        f'<span id="pn-now">{now}</span></summary><div class="pn-settings">{groups}</div></details>'
    )


def _field(name: str, form: TuneForm, devices: Sequence[str], language: str) -> str:
    value = getattr(form, name) if name in ("device", "threads") else form.values[name]
    about = f'name="{name}" aria-label="{name}" aria-describedby="pn-h-{name} pn-f-{name}"'
    choices = ("auto", *devices) if name == "device" else CHOICES.get(name)
    if choices:
        options = "".join(
            f'<option value="{html.escape(one)}"{" selected" if one == value else ""}>{_choice(one, language)}</option>'
            for one in dict.fromkeys((*choices, value))
        )
        control = f"<select {about}>{options}</select>"
    else:
        control = f'<input {about} value="{html.escape(value)}" inputmode="decimal" autocomplete="off">'
    return (
        f'<label><code>{name}</code>{control}<small id="pn-h-{name}">{t(language, f"tune.h.{name}")}'
        f"{_usual(name, form.task, language)}</small>"
        f"{_fault(name)}</label>"
    )


def _usual(name: str, task: Task, language: str) -> str:
    """What the recipes for this data say, where they differ."""
    if name in OWN or name not in NAMES:
        return ""
    zh = language == "zh"
    said = {
        one.name_zh if zh else one.name: _choice(texts_of(one.recipe)[name], language)
        for one in recipe_presets().values()
        if one.recipe.task == task
    }
    if len(set(said.values())) < 2:
        return ""
    listed = ("，" if zh else ", ").join(f"{html.escape(key)} {value}" for key, value in said.items())
    return f" <span>{listed}</span>"


def _choice(value: str, language: str) -> str:
    if value in ("true", "false"):
        return t(language, "tune.yes" if value == "true" else "tune.no")
    return html.escape(value)


def _fault(name: str) -> str:
    """Where the script puts what is wrong with a field."""
    return f'<small class="error" id="pn-f-{name}" role="alert" data-own></small>'
