"""What a page is told about a draft when it asks: a page of samples, one of them, lengths, whether it can begin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from playground.errors import BadValueError, MissingError, PlaygroundError
from playground.tuning.gathering import task_of
from playground.tuning.options import TuningOptions
from playground.tuning.recipe import Recipe
from playground.ui.reasons import reason_words
from playground.ui.strings import t
from playground.ui.tune_form import TuneForm, faults, options_of, preset_of, readable
from playground.ui.tune_lengths import lengths_html
from playground.ui.tune_looking import FILTERS, Draft, Looked, noted
from playground.ui.tune_recipe import facts_words, forecast_html, hints_html, time_html
from playground.ui.tune_samples import PAGE, Listed, page_html, seen_html


def page_of(looked: Looked, asked: Mapping[str, Any], language: str) -> dict[str, Any]:
    """One page of the samples that a filter leaves."""
    draft = looked.draft(str(asked.get("run") or ""))
    shown, words = str(asked.get("shown") or FILTERS[0]), str(asked.get("words") or "")
    options = _seen_with(looked, draft)
    found = looked.chosen(draft, shown, words, options)
    given = asked.get("page")
    page = max(0, min(given if isinstance(given, int) else 0, (len(found) - 1) // PAGE))
    out, told = {item.key for item in draft.gathered.left_out}, noted(draft)
    several = len(draft.files) > 1
    listed = [
        Listed(
            item,
            item.key in out,
            looked.private(item),
            told.get(item.key, ()),
            draft.files[int(item.key.partition(":")[0])].name if several else "",
        )
        for item in found[page * PAGE : (page + 1) * PAGE]
    ]
    return {"html": page_html(listed, page, len(found), language), "page": page}


def sample_of(looked: Looked, asked: Mapping[str, Any], language: str) -> dict[str, Any]:
    """One sample, opened. Raises MissingError."""
    draft, key = looked.draft(str(asked.get("run") or "")), str(asked.get("key") or "")
    item = next((one for one in draft.everything() if one.key == key), None)
    if item is None:
        raise MissingError("This sample does not exist (any more). Look at the list again.")
    out = any(one.key == key for one in draft.gathered.left_out)
    options, seen, why = _seen_with(looked, draft), None, t(language, "tune.no_base")
    if options is not None:
        try:
            seen = looked.see(item, options)
        except PlaygroundError as error:
            why = reason_words(language, str(error))
    return {"html": seen_html(item, seen, why, out, noted(draft).get(key, ()), language)}


def lengths_of(looked: Looked, run_id: str, language: str) -> dict[str, Any]:
    """The histogram, and about how long a training takes."""
    draft = looked.draft(run_id)
    options = _seen_with(looked, draft)
    if options is None or not draft.gathered.items:
        return {"html": "", "time": ""}
    found = looked.lengths(draft, options)
    pace = looked.service.store.pace(options.model)
    time = time_html(_to_read(options.recipe, found.tokens, found.of), *pace, language)
    return {"html": lengths_html(found, options.recipe.max_length, language), "time": time}


def plan_of(looked: Looked, run_id: str, language: str) -> dict[str, Any]:
    """What is wrong with the form, what the training would take, and why it cannot begin ("" when it can).

    `look` is another one when samples are to be shown anew.
    """
    draft = looked.draft(run_id)
    form = looked.form(draft)
    wrong = faults(form)
    forecast, why = "", _missing(draft, form, wrong, language)
    if form.model:
        try:
            found = looked.service.forecast(readable(form) if wrong else options_of(form))
            forecast = forecast_html(found, form, language)
            if not found.fits and not why:
                why = t(language, "tune.too_large")
        except PlaygroundError as error:
            why = why or reason_words(language, str(error))
    forecast += hints_html(draft.task, *looked.parted(draft, readable(form).recipe), language)
    return {
        "faults": {name: reason_words(language, words) for name, words in wrong.items()},
        "preset": preset_of(form),
        "now": facts_words(form.values, language),
        "forecast": forecast,
        "why": why,
        "look": f"{draft.version} {form.model} {readable(form).recipe.max_length}",
    }


def ready(looked: Looked, run_id: str) -> TuningOptions:
    """How a draft is to be trained. Raises BadValueError for what is missing or wrong."""
    return options_of(looked.form(looked.draft(run_id)))


def _missing(draft: Draft, form: TuneForm, wrong: Mapping[str, str], language: str) -> str:
    try:
        task_of(draft.gathered)
    except BadValueError as error:
        return reason_words(language, str(error))
    if not form.model:
        return t(language, "tune.no_base")
    return t(language, "tune.wrong", names=", ".join(wrong)) if wrong else ""


def _seen_with(looked: Looked, draft: Draft) -> TuningOptions | None:
    """The model and the max_length with which samples are shown; None without a model."""
    form = looked.form(draft)
    return readable(form) if form.model else None


def _to_read(recipe: Recipe, tokens: int, samples: int) -> float:
    """Tokens that the model reads in the course of a training, nearly."""
    whole = tokens * (1 - recipe.heldout)
    if recipe.max_steps < 0:
        return whole * recipe.num_train_epochs
    rows = recipe.max_steps * recipe.per_device_train_batch_size * recipe.gradient_accumulation_steps
    return float(rows * (recipe.max_length if recipe.packing else min(recipe.max_length, tokens / max(1, samples))))
