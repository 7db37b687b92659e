"""A training that has begun as HTML: how far it is, its curves, what it says, whether it is better, how to use it."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

from playground.errors import PlaygroundError
from playground.store.training_values import StoredTraining
from playground.tuning.exporting import exported
from playground.tuning.progress import Progress, result_of
from playground.tuning.proof import examples, unasked
from playground.tuning.runfile import RunFile, read_run
from playground.tuning.service import TuningService
from playground.ui.training_duel_view import blind_html, sides_html
from playground.ui.training_head_view import head_html, state_html
from playground.ui.training_lens_view import lens_html
from playground.ui.training_parts import fold, section, words
from playground.ui.training_plots_view import plots_html
from playground.ui.training_proof_view import numbers_html
from playground.ui.training_samples_view import samples_html
from playground.ui.training_use_view import card_html, export_html, use_html

_LINES, _BYTES = 200, 1 << 16
"""Of the log that are shown, and that are read for it."""


def run_html(service: TuningService, run_id: str, language: str) -> str:
    """The main pane of a training. Raises MissingError for one that does not exist."""
    run, job = service.store.get(run_id), service.live(run_id)
    progress = job.progress if job is not None else service.progress(run_id)
    places, file = service.places(run_id), _run_file(service, run_id)
    told = head_html(run, file, progress, language) + state_html(run, job, progress, language)
    done = job is None and (places.adapter / "adapter_config.json").exists()
    parts = _done(service, run, progress, file, language) if done else ""
    if plots := plots_html(progress, language):
        parts += section("plots", words(language, "plots"), plots)
    if file is not None and (samples := samples_html(progress, file.prompts, language)):
        marked = f" {words(language, 'samples.marked')}" if "<mark>" in samples else ""
        about = f'<p class="hint">{words(language, "samples.about")}{marked}</p>'
        parts += section("samples", words(language, "samples"), about + samples)
    if done and (card := card_html(places.adapter / "README.md")):
        parts += fold("card", words(language, "card"), card)
    if log := _log(places.output):
        lines = f'<pre tabindex="0" aria-label="{words(language, "log")}">{html.escape(log)}</pre>'
        parts += fold("log", words(language, "log"), lines)
    return f'<div class="pr-root" data-key="run-{run_id}" data-run="{run_id}">{told}{parts}</div>'


def _done(service: TuningService, run: StoredTraining, progress: Progress, file: RunFile | None, language: str) -> str:
    """Of a training with an adapter."""
    asides, manager, result = service.asides, service.manager, _result(run, progress)
    task = file.recipe.task if file else "sft"
    base, mine = result.get("base") or {}, result.get("adapter") or {}
    numbers = numbers_html(base, mine, int(result.get("kept_step", 0)), task, language)
    name, model = str(result.get("name", "")), str(run.options.get("model", ""))
    chosen = bool(name) and manager.chosen == model and manager.adapter == name
    use = use_html(name, chosen, language)
    use += export_html(run.id, exported(service, run.id), asides.of(run.id, "export"), language)
    asked = examples(service, run.id)
    left = len(unasked(service, run.id))
    blind = blind_html(run.id, service.store.duels(run.id), left, asides.of(run.id, "blind"), language)
    return (
        section("proof", words(language, "proof"), numbers)
        + section("use", words(language, "use"), use)
        + section("blind", words(language, "blind"), blind)
        + section("sides", words(language, "sides"), sides_html(run.id, asked, asides.of(run.id, "sides"), language))
        + section("lens", words(language, "lens"), lens_html(run.id, asked, asides.of(run.id, "lens"), language))
    )


def _result(run: StoredTraining, progress: Progress) -> dict[str, Any]:
    return dict(run.result) or result_of(progress)


def _run_file(service: TuningService, run_id: str) -> RunFile | None:
    try:
        return read_run(service.places(run_id))
    except PlaygroundError:
        return None  # Its folder was taken away; what is in the history is shown.


def _log(file: Path) -> str:
    """The end of it."""
    try:
        with file.open("rb") as log:
            log.seek(max(0, file.stat().st_size - _BYTES))
            text = log.read().decode("utf-8", "replace")
    except OSError:
        return ""
    return "\n".join(text.replace("\r", "\n").splitlines()[-_LINES:]).strip()
