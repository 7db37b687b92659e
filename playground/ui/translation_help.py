"""What helps with one segment: matches of the memory, other ways of the model, terms. Pure functions."""

from __future__ import annotations

import html
from collections.abc import Sequence

from playground.store.translation_values import StoredSegment
from playground.translate.glossary import Use
from playground.translate.matches import Match
from playground.ui.strings import t

_SHOWN = 3


def help_html(
    one: StoredSegment, matches: Sequence[Match], uses: Sequence[Use], missed: Sequence[Use], language: str
) -> str:
    """Everything below the box of the row that has the focus."""
    out = []
    found = [
        _offer(f"Ctrl+{number}", f"{match.score:.0f} %", match.unit.target, match.unit.source, language)
        for number, match in enumerate(matches[:_SHOWN], 1)
    ]
    if found:
        out.append(_list("t.matches", found, language))
    others = [one for one in dict.fromkeys((one.machine, *one.others)) if one] if one.machine else list(one.others)
    others = [text for text in others if text != one.text]
    ways = [_offer(f"Alt+{number}", "", text, "", language) for number, text in enumerate(others[:_SHOWN], 1)]
    if ways:
        out.append(_list("t.others", ways, language))
    if one.bridge:
        out.append(f"<h4>{t(language, 't.between')}</h4><p>{html.escape(one.bridge)}</p>")
    if uses:
        lost = {use.term.source for use in missed}
        terms = [_term(use, use.term.source in lost, language) for use in _once(uses)]
        out.append(f'<h4>{t(language, "t.terms")}</h4><p class="pt-terms">{"".join(terms)}</p>')
    return "".join(out)


def _offer(keys: str, percent: str, text: str, source: str, language: str) -> str:
    share = f"<b>{percent}</b> " if percent else ""
    small = f"<small>{html.escape(source)}</small>" if source else ""
    label = html.escape(t(language, "t.put_in", text=text))
    return (
        f'<li><button type="button" class="pt-offer" data-offer="{keys}" data-text="{html.escape(text)}" '
        f'aria-label="{label}"><kbd>{keys}</kbd><span>{share}{html.escape(text)}{small}</span></button></li>'
    )


def _list(title: str, items: Sequence[str], language: str) -> str:
    return f"<h4>{t(language, title)}</h4><ul>{''.join(items)}</ul>"


def _once(uses: Sequence[Use]) -> list[Use]:
    return list({use.term: use for use in uses}.values())


def _term(use: Use, lost: bool, language: str) -> str:
    words = html.escape(f"{use.term.source} → {use.term.target}")
    note = html.escape(use.term.note)
    missing = f" <em>{t(language, 't.term_missing')}</em>" if lost else ""
    return f'<span class="{"lost" if lost else "kept"}" title="{note}">{words}{missing}</span>'
