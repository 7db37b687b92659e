"""What one does with an adapter: use it, read its card, give it away. Pure functions."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from playground.tuning.asides import Aside
from playground.tuning.exporting import KINDS, Exported
from playground.ui.markdown import render
from playground.ui.models_parts import size_text
from playground.ui.reasons import reason_words
from playground.ui.training_parts import aside_html, button, words


def use_html(name: str, chosen: bool, language: str) -> str:
    """How the adapter comes into the other rooms."""
    state = f'<p class="pr-verdict">{words(language, "use.chosen")}</p>' if chosen else ""
    said = words(language, "use.about", name=name) if name else words(language, "use.about_kept")
    do = button("pr-unuse", words(language, "use.stop")) if chosen else button("pr-use", words(language, "use.chat"))
    return f'{state}<p>{said}</p><div class="pr-row">{do}</div>'


def export_html(run_id: str, made: Sequence[Exported], aside: Aside | None, language: str) -> str:
    """What can be made, what was made, and what is being made."""
    there = {one.kind: one for one in made}
    working = aside is not None and aside.phase == "working"
    rows = "".join(_kind(run_id, kind, there.get(kind), language, off=working) for kind in KINDS)
    step = words(language, f"step.{aside.step or 'load'}") if aside else ""
    said = f"{words(language, f'kind.{aside.asked}')}: {step}" if aside else ""
    shown = aside_html(aside, "pr-stop-export", said, language)
    head = f"<h4>{words(language, 'export')}</h4>"
    return f'{head}<ul class="pr-exports">{rows}</ul><div data-key="export-now">{shown}</div>'


def card_html(file: Path) -> str:
    """A model card, rendered; empty when there is none."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
    if text.startswith("---\n"):  # Facts for programs.
        text = text[4:].partition("\n---\n")[2]
    return f'<div class="pr-card">{"".join(render(text))}</div>'


def _kind(run_id: str, kind: str, made: Exported | None, language: str, *, off: bool) -> str:
    key = "export.again" if made else "export.make"
    make = button("pr-export", words(language, key), more=f' data-argument="{kind}"', off=off)
    about = f"<b>{words(language, f'kind.{kind}')}</b><small>{words(language, f'kind.{kind}.about')}</small>"
    file = ""
    if made is not None:
        address = f"page/training/{run_id}/file?name={quote(made.name)}"
        file = (
            f'<p><a class="pr-file" href="{html.escape(address)}" download="{html.escape(made.name)}">'
            f"{html.escape(made.name)}</a> {size_text(made.size)}</p>{_check(made.check, language)}"
        )
    return f'<li data-key="kind-{kind}"><div>{about}{file}</div>{make}</li>'


def _check(check: Mapping[str, Any], language: str) -> str:
    if not check:
        return f'<p class="hint">{words(language, "check.copied")}</p>'
    if "error" in check:
        said = words(language, "check.failed")
        return f'<p class="hint">{said} {html.escape(reason_words(language, str(check["error"])))}</p>'
    same, tokens = int(check["same"]), int(check["tokens"])
    said = words(language, "check.same", same=same, tokens=tokens)
    cut = "" if check.get("words") else f" {words(language, 'check.cut')}"
    return f'<p class="pr-check">{said}{cut}</p>'
