"""The translation memory and the glossaries as HTML. Pure functions of their arguments."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

from playground.store.translation_values import StoredGlossary, Unit
from playground.ui.icons import icon_button
from playground.ui.reasons import reason_words
from playground.ui.strings import t
from playground.ui.translation_list import language_name

_TERMS = 500
"""Terms of a glossary that are shown."""
_NAMED = 5


def pair_words(source: str, target: str, language: str) -> str:
    """From which language into which."""
    return f"{language_name(source, language)} → {language_name(target, language)}"


def pairs_html(numbers: Mapping[tuple[str, str], int], language: str) -> str:
    """How many units there are of each pair, as a table with ways to give them away."""
    if not numbers:
        return f'<p class="hint">{t(language, "t.memory_empty")}</p>'
    out = []
    for (source, target), count in numbers.items():
        pair, codes = pair_words(source, target, language), html.escape(f"{source}-{target}")
        words = html.escape(t(language, "t.export_pair", pair=pair))
        button = (
            f'<button type="button" data-memory="export" data-pair="{codes}" aria-label="{words}">'
            f"{t(language, 't.export_tmx')}</button>"
        )
        out.append(f"<tr><td>{html.escape(pair)}</td><td>{count:,}</td><td>{button}</td></tr>")
    return f'<table class="pt-table"><tbody>{"".join(out)}</tbody></table>'


def units_html(units: Sequence[Unit], more: bool, language: str) -> str:
    """What a search found, each with a button that takes it out."""
    if not units:
        return f'<p class="hint">{t(language, "t.nothing_found")}</p>'
    rows = "".join(
        f"<tr><td><small>{html.escape(f'{one.source_language} → {one.target_language}')}</small></td>"
        f'<td lang="{html.escape(one.source_language)}" dir="auto">{html.escape(one.source)}</td>'
        f'<td lang="{html.escape(one.target_language)}" dir="auto">{html.escape(one.target)}'
        f"<small>{html.escape(one.origin)}</small></td><td>{_off(one, language)}</td></tr>"
        for one in units
    )
    rest = f'<p class="hint">{t(language, "t.units_more", n=len(units))}</p>' if more else ""
    return f'<table class="pt-table pt-units"><tbody>{rows}</tbody></table>{rest}'


def _off(one: Unit, language: str) -> str:
    words = t(language, "t.forget", text=one.source[:60])
    return icon_button("t_forget", t(language, "delete"), argument=str(one.id), icon="delete", name=words)


def glossaries_html(glossaries: Sequence[StoredGlossary], language: str) -> str:
    """A box with a check mark for each, and what one can do with it."""
    if not glossaries:
        return f'<p class="hint">{t(language, "t.no_glossaries")}</p>'
    return "".join(_glossary(one, language) for one in glossaries)


def _glossary(one: StoredGlossary, language: str) -> str:
    name = html.escape(one.name)
    off = t(language, "t.delete_glossary", name=one.name)
    see = html.escape(t(language, "t.see_terms_of", name=one.name))
    return (
        f'<div class="pt-glossary" data-glossary="{one.id}"><label><input type="checkbox" value="{one.id}">'
        f"<span>{name} <small>{t(language, 't.term_count', n=len(one.terms))}</small></span></label>"
        f'<button type="button" data-memory="terms" data-id="{one.id}" aria-expanded="false" aria-label="{see}">'
        f"{t(language, 't.see_terms')}</button>"
        + icon_button("t_drop_glossary", t(language, "delete"), argument=one.id, icon="delete", name=off)
        + '<div class="pt-terms-of"></div></div>'
    )


def terms_html(glossary: StoredGlossary, language: str) -> str:
    """The terms of one glossary."""
    out = []
    for term in glossary.terms[:_TERMS]:
        codes = " → ".join(filter(None, (str(term.get("source_language")), str(term.get("target_language")))))
        kept = term["source"] == term["target"]
        target = t(language, "t.stays") if kept else html.escape(str(term["target"]))
        notes = [str(term.get("note") or ""), t(language, "t.case") if term.get("case_sensitive") else ""]
        note = html.escape(" · ".join(filter(None, [codes, *notes])))
        out.append(f"<tr><td>{html.escape(str(term['source']))}</td><td>{target}<small>{note}</small></td></tr>")
    left = len(glossary.terms) - _TERMS
    rest = f'<p class="hint">{t(language, "t.and_more", n=left)}</p>' if left > 0 else ""
    return f'<table class="pt-table"><tbody>{"".join(out)}</tbody></table>{rest}'


def taken_words(new: int, found: int, left: Sequence[str], language: str) -> str:
    """What became of a TMX file."""
    said = t(language, "t.imported", n_=new, found=found)
    if left:
        named = " ".join(reason_words(language, one) for one in left[:_NAMED])
        said += " " + t(language, "t.left_out", n_=len(left), named=named)
    return said
