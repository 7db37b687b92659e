"""The head of a training: what it is, how far it has come, what went wrong and what one can do now."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

from playground.overview import title_of
from playground.store.training_values import StoredTraining
from playground.tuning.job import TuningJob
from playground.tuning.progress import Progress
from playground.tuning.recipe import Recipe
from playground.tuning.runfile import RunFile
from playground.ui.models_parts import size_text
from playground.ui.reasons import reason_words
from playground.ui.strings import t
from playground.ui.summary_view import time_words
from playground.ui.training_parts import bar, button, number, plain, words

_WARNINGS = ("diverged", "overfitting")


def head_html(run: StoredTraining, file: RunFile | None, progress: Progress, language: str) -> str:
    """What it is called, of what base, by what recipe, with what data."""
    facts = [title_of(str(run.options.get("model", "")))]
    if file is not None:
        facts.append(recipe_words(file.recipe, language))
    about = [" · ".join(facts)]
    start = progress.start
    if start.get("tokens"):
        about.append(_data(start, language))
    lines = "".join(f'<p class="hint">{html.escape(one)}</p>' for one in about)
    return f'<header data-key="head"><h2 id="pr-title" tabindex="-1">{html.escape(run.title)}</h2>{lines}</header>'


def _data(start: Mapping[str, Any], language: str) -> str:
    """How much is learned from, and where."""

    def count(name: str) -> str:
        return t(language, f"pr.data.{name}", n=start.get(name, 0), of=f"{start.get(name, 0):,}")

    held = count("heldout") if start.get("heldout") else t(language, "pr.data.none")
    comma = "，" if language == "zh" else ", "
    place = comma.join(str(start[name]) for name in ("device", "precision") if start.get(name))
    return " · ".join((f"{count('samples')}{comma}{held}", count("tokens"), place))


def recipe_words(recipe: Recipe, language: str) -> str:
    """The settings that matter, by their names."""
    kind = "QLoRA" if recipe.load_in_4bit else "DoRA" if recipe.use_dora else "rsLoRA" if recipe.use_rslora else "LoRA"
    rounds = recipe.num_train_epochs
    length = t(language, "pr.steps", n=recipe.max_steps) if recipe.max_steps > 0 else t(
        language, "pr.epochs", n=f"{rounds:.12g}" if rounds != 1 else 1
    )  # fmt: skip
    return ", ".join(
        (
            f"{recipe.task.upper() if recipe.task != 'text' else t(language, 'pr.task.text')} {kind}",
            f"r {recipe.r}, lora_alpha {recipe.lora_alpha}, {recipe.target_modules}",
            f"learning_rate {recipe.learning_rate:.3g} ({recipe.lr_scheduler_type})",
            length,
        )
    )


def state_html(run: StoredTraining, job: TuningJob | None, progress: Progress, language: str) -> str:
    """How it stands, what was noticed, and the commands that make sense now."""
    body = _working(job, progress, language) if job is not None else _ended(run, progress, language)
    notices = _skipped(progress, language) + _unusable(progress, language) + _warnings(progress, language)
    said = '<p class="error pr-said" role="alert" data-own></p>'
    label = words(language, "state")
    return f'<section data-key="state" class="pr-state" aria-label="{label}">{body}{said}{notices}</section>'


def _working(job: TuningJob, progress: Progress, language: str) -> str:
    ending = job.stop.is_set() or job.keep.is_set()
    if job.queued:
        said = [t(language, "pr.queued")]
    elif ending:
        said = [t(language, "pr.pausing" if job.stop.is_set() else "pr.stopping")]
    elif progress.phase == "training":
        said = _facts(progress, language)
    else:
        said = [t(language, "pr.phase.loading" if progress.phase == "loading" else "pr.phase.waiting")]
    drawn = bar(progress.step, 0 if job.queued else progress.total, words(language, "bar"))
    notice = f'<p class="error">{html.escape(reason_words(language, job.notice))}</p>' if job.notice else ""
    why = f' title="{words(language, "ending.about")}"' if ending else ""
    buttons = button("pr-pause", words(language, "pause"), off=ending, more=why)
    if not job.queued:
        about = why or f' title="{words(language, "keep.about" if progress.steps else "keep.early")}"'
        buttons += button("pr-keep", words(language, "keep"), off=ending or not progress.steps, more=about)
    return f'<p role="status">{html.escape(" · ".join(said))}</p>{drawn}{notice}<div class="pr-row">{buttons}</div>'


def _facts(progress: Progress, language: str) -> list[str]:
    last = progress.last
    if not last:
        return [t(language, "pr.measuring" if not progress.evals else "pr.phase.training")]
    facts = [t(language, "pr.step", step=progress.step, of=progress.total)]
    if progress.step < progress.total and (left := number(last.get("seconds_left"))) > 0:
        facts.append(t(language, "s.left", time=time_words(left, language)))
    facts.append(t(language, "pr.loss", loss=plain(number(last.get("loss")))))
    if (rate := number(last.get("tokens_per_second"))) > 0:
        facts.append(t(language, "rate", rate=f"{rate:.0f}"))
    if (memory := number(last.get("memory"))) > 0:
        facts.append(size_text(memory))
    return facts


def _ended(run: StoredTraining, progress: Progress, language: str) -> str:
    again = button("pr-again", words(language, "again"), more=f' title="{words(language, "again.about")}"')
    go_on = button("pr-resume", words(language, "resume"))
    if run.status == "failed":
        error = f'<p class="error" role="status">{html.escape(reason_words(language, run.error))}</p>'
        return f'{error}<div class="pr-row">{go_on}{again}</div>'
    if run.status == "complete":
        key = "stopped_early" if progress.phase == "stopped" else "complete"
        kept = int(number(run.result.get("kept_step", progress.step)) or 0)
        facts = [t(language, f"pr.{key}", n=progress.step)]
        if kept != progress.step:
            facts.append(t(language, "pr.kept", n_=kept))
        if run.seconds >= 1:
            facts.append(time_words(run.seconds, language))
        return f'<p role="status">{html.escape(" · ".join(facts))}</p><div class="pr-row">{again}</div>'
    said = words(language, "paused", step=progress.step, of=progress.total or "?")
    if run.status == "running":  # By a process that is not this one.
        said = words(language, "elsewhere")
    drawn = bar(progress.step, progress.total or 1, words(language, "bar"))
    return f'<p role="status">{said}</p>{drawn}<div class="pr-row">{go_on}{again}</div>'


def _skipped(progress: Progress, language: str) -> str:
    names = [str(one[0]) for one in progress.start.get("skipped") or () if one]
    if not names:
        return ""
    step = int(number(progress.start.get("step")) or 0)
    said = words(language, "skipped" if step else "skipped_all", names=", ".join(names), step=step)
    return f'<p class="pr-warning">{said}</p>'


def _unusable(progress: Progress, language: str) -> str:
    """Rows of the data that nothing could be learned from, by what is wrong with them."""
    count = int(number(progress.start.get("unusable", 0)))
    if not count:
        return ""
    rows: dict[str, list[str]] = {}
    for row, why in progress.start.get("unusable_rows") or ():
        rows.setdefault(str(why), []).append(str(row))
    said = [t(language, "pr.unusable", n=count)]
    for why, numbers in rows.items():
        said.append(t(language, "pr.unusable.rows", rows=", ".join(numbers), why=reason_words(language, why)))
    return f'<p class="pr-warning">{html.escape(" ".join(said))}</p>'


def _warnings(progress: Progress, language: str) -> str:
    """The newest of each kind."""
    found = {str(one.get("what")): one for one in progress.warnings if one.get("what") in _WARNINGS}
    return "".join(
        '<p class="pr-warning">'
        + words(
            language,
            f"warning.{what}",
            step=one.get("step", 0),
            loss=plain(number(one.get("loss"))),
            lowest=plain(number(one.get("lowest"))),
        )
        + "</p>"
        for what, one in found.items()
    )
