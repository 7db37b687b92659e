"""What became of an imported file, as HTML."""

from __future__ import annotations

import html

from playground.exchange import ImportReport
from playground.ui.reasons import reason_words
from playground.ui.strings import t

_MOST = 100
"""Entries that are listed."""


def report_html(report: ImportReport, name: str, language: str) -> str:
    """How many conversations are in, which could not be taken and why, and what was left out of the others."""
    words = [t(language, "imported", name=name, n=len(report.imported))]
    if report.there:
        words.append(t(language, "there", n=len(report.there)))
    body = f"<p>{html.escape(' '.join(words))}</p>"
    if report.imported:
        titles = "".join(
            f'<li><a href="?c={one}" data-open="{one}">{html.escape(title)}</a></li>'
            for one, title in report.imported[:_MOST]
        )
        body += f"<ul>{titles}</ul>"
    if report.skipped:
        rows = "".join(
            f"<li>{html.escape(t(language, 'entry', n=one.number))} {html.escape(one.title)}: "
            f"{html.escape(reason_words(language, one.why))}</li>"
            for one in report.skipped[:_MOST]
        )
        body += f'<p class="error">{t(language, "skipped", n=len(report.skipped))}</p><ul>{rows}</ul>'
    notes = "".join(f"<li>{html.escape(reason_words(language, note))}</li>" for note in report.notes)
    return body + (f"<ul>{notes}</ul>" if notes else "")
