"""What a search found, as links that open a conversation at its message, and the filters above it."""

from __future__ import annotations

import html
from collections.abc import Sequence
from datetime import UTC, datetime

from playground.store.run_values import RunFound
from playground.store.search import Found
from playground.store.terms import Excerpt
from playground.ui.strings import t


def results_html(
    found: Found,
    summaries: Sequence[RunFound],
    translations: Sequence[RunFound],
    trainings: Sequence[RunFound],
    language: str,
) -> str:
    """Titles first, then summaries, translations and trainings, then messages, newest first."""
    if not (found.conversations or found.hits or summaries or translations or trainings):
        return f'<p class="hint">{t(language, "nothing_found")}</p>'
    body = ""
    if found.conversations:
        body += f"<h2>{t(language, 'in_titles')}</h2>"
        for one in found.conversations:
            tags = "".join(f" <small>{html.escape(tag)}</small>" for tag in one.tags)
            body += (
                f'<a href="?c={one.conversation_id}" data-conversation="{one.conversation_id}" data-message="">'
                f"<b>{marked(one.excerpt)}</b>{tags}</a>"
            )
    body += _runs("in_summaries", summaries, "s", "data-run", language)
    body += _runs("in_translations", translations, "t", "data-translation", language)
    body += _runs("in_trainings", trainings, "f", "data-training", language)
    if found.hits:
        body += f"<h2>{t(language, 'in_messages')}</h2>"
    for hit in found.hits:
        when = datetime.fromtimestamp(hit.created_at, UTC).isoformat()
        who = hit.model or t(language, "you" if hit.role == "user" else "model")
        body += (
            f'<a href="?c={hit.conversation_id}" data-conversation="{hit.conversation_id}" '
            f'data-message="{hit.message_id}"><b>{html.escape(hit.title)}</b>'
            f"<span>{marked(hit.excerpt)}</span>"
            f'<small>{html.escape(who)} · <time datetime="{when}"></time></small></a>'
        )
    if found.before is not None:
        body += f'<button type="button" class="icon" data-action="more_results">{t(language, "more_results")}</button>'
    return body


def _runs(heading: str, runs: Sequence[RunFound], address: str, name: str, language: str) -> str:
    links = "".join(
        f'<a href="?{address}={run.id}" {name}="{run.id}"><b>{html.escape(run.title)}</b>'
        f"<span>{marked(run.excerpt)}</span></a>"
        for run in runs
    )
    return f"<h2>{t(language, heading)}</h2>{links}" if runs else ""


def marked(excerpt: Excerpt) -> str:
    """The text with `<mark>` around what was searched for."""
    text, out, done = excerpt.text, "", 0
    for start, end in excerpt.ranges:
        out += f"{html.escape(text[done:start])}<mark>{html.escape(text[start:end])}</mark>"
        done = end
    return out + html.escape(text[done:])


def filters_html(models: Sequence[str], tags: Sequence[str], language: str) -> str:
    """Model, who speaks, tag, dates and the star."""

    def choice(name: str, first: str, options: Sequence[tuple[str, str]]) -> str:
        rest = "".join(f'<option value="{html.escape(value)}">{html.escape(text)}</option>' for value, text in options)
        label = t(language, first)
        return f'<select name="{name}" aria-label="{label}"><option value="">{label}</option>{rest}</select>'

    roles = [("user", t(language, "role_user")), ("assistant", t(language, "role_assistant"))]
    dates = "".join(
        f'<label>{t(language, name)}<input type="date" name="{name}"></label>' for name in ("since", "until")
    )
    return (
        choice("model", "any_model", [(one, one) for one in models])
        + choice("role", "any_role", roles)
        + choice("tag", "any_tag", [(one, one) for one in tags])
        + f'<label><input type="checkbox" name="starred">{t(language, "starred")}</label>'
        + dates
    )
