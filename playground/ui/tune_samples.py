"""Samples of a draft as HTML: a page of the list, and one as the model will see it. Pure functions."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from playground.tuning.gathering import Item
from playground.tuning.looking import Piece, Seen
from playground.tuning.samples import Sample
from playground.ui.models_parts import button
from playground.ui.reasons import reason_words
from playground.ui.strings import t

PAGE = 20
_FIRST = 160
"""Characters of a sample that are seen before it is opened."""


@dataclass(frozen=True)
class Listed:
    """A sample in the list, and what is to be seen of it from outside."""

    item: Item
    out: bool
    """Left out by the person."""
    private: Sequence[str]
    notes: Sequence[str]
    file: str = ""
    """Its file, where there are several."""


def page_html(listed: Sequence[Listed], page: int, total: int, language: str) -> str:
    """One page of samples, with the ways to the others."""
    if not total:
        return f'<p class="hint">{t(language, "tune.no_samples")}</p>'
    items = "".join(_item(one, language) for one in listed)
    pages = -(-total // PAGE)
    ways = ""
    if pages > 1:
        said = t(language, "tune.page", page=page + 1, of=pages)
        before = button("page", t(language, "tune.before"), str(page - 1), kind="ps-button", off=page == 0)
        after = button("page", t(language, "tune.after"), str(page + 1), kind="ps-button", off=page + 1 >= pages)
        ways = f'<p class="pn-row pn-pager">{before}<span role="status">{said}</span>{after}</p>'
    count = f'<p class="hint" role="status">{t(language, "tune.found", n=total)}</p>'
    return f'{count}<ol class="pn-samples">{items}</ol>{ways}'


def seen_html(item: Item, seen: Seen | None, why: str, out: bool, notes: Sequence[str], language: str) -> str:
    """One sample, opened: as the model will see it or, where that cannot be told (`why`), as it was read."""
    told = "".join(f'<p class="pn-warn">{html.escape(reason_words(language, one))}</p>' for one in notes)
    if seen is None or seen.fault:
        reason = html.escape(reason_words(language, seen.fault) if seen else why)
        body = f'<p class="error">{reason}</p>' + _plain(item.sample, language)
    else:
        body = _rendered(item.sample, seen, language)
    return told + body + _tools(item, out, language) + _editor(item, language)


def first_words(sample: Sample) -> str:
    """How it begins: the first question, or the text."""
    asked = [turn.content for turn in sample.messages if turn.role == "user"]
    return " ".join((asked[0] if asked else sample.text or sample.chosen)[: 2 * _FIRST].split())[:_FIRST]


def _item(one: Listed, language: str) -> str:
    key, sample = html.escape(one.item.key), one.item.sample
    row = t(language, "tune.row", rows=sample.row)
    where = f"{html.escape(one.file)} · {row}" if one.file else row
    chips = [("private", t(language, f"tune.chip.{kind}")) for kind in one.private]
    chips += [("edited", t(language, "tune.chip.edited"))] if one.item.edited else []
    chips += [("noted", t(language, "tune.chip.noted"))] if one.notes else []
    marks = "".join(f'<span class="{kind}">{words}</span>' for kind, words in chips)
    action, words = ("put_back", "tune.put_back") if one.out else ("leave_out", "tune.leave_out")
    name = f"{t(language, words)}: {row}"
    take = (
        f'<button type="button" class="ps-button pn-take" data-do="{action}" data-argument="{key}" '
        f'aria-label="{html.escape(name)}">{t(language, words)}</button>'
    )
    return (
        f'<li data-key="{key}" class="{"out" if one.out else ""}"><details data-sample="{key}">'
        f"<summary><small>{where}</small> <span>{html.escape(first_words(sample))}</span> "
        f'<span class="pn-chips">{marks}</span></summary>'
        f'<div class="pn-seen" data-own></div></details>{take}</li>'
    )


def _rendered(sample: Sample, seen: Seen, language: str) -> str:
    pair = sample.kind == "preference"
    facts = [t(language, "tune.tokens", n=seen.tokens)]
    if not pair:
        facts.append(t(language, "tune.learned", n=seen.learned))
    if seen.cut:
        facts.append(t(language, "tune.cut", n=seen.cut))
    marks = ["wanted", "unwanted"] if pair else ["learned"]
    out = f'<p class="hint">{" · ".join(facts)}</p>{_legend(seen, marks, language)}'
    if pair:
        for name, mark, pieces in (("chosen", marks[0], seen.pieces), ("rejected", marks[1], seen.rejected)):
            out += f"<h4>{t(language, f'tune.{name}')}</h4>{_pieces(pieces, mark)}"
    else:
        out += _pieces(seen.pieces, marks[0])
    return out + _first_tokens(seen.first_tokens, language)


def _legend(seen: Seen, marks: Sequence[str], language: str) -> str:
    kinds = [*marks, "read", *(["cut"] if seen.cut else [])]
    said = "".join(f"<li>{_marked(kind, t(language, f'tune.mark.{kind}'))}</li>" for kind in kinds)
    return f'<ul class="pn-legend" aria-label="{t(language, "tune.legend")}">{said}</ul>'


def _pieces(pieces: Sequence[Piece], mark: str) -> str:
    """A text; what counts of it is marked as `mark` says."""
    out = "".join(
        _marked("cut" if one.cut else mark if one.learned else "read", html.escape(one.text)) for one in pieces
    )
    return f'<div class="pn-text" dir="auto" tabindex="0">{out}</div>'


def _marked(kind: str, text: str) -> str:
    tag = {"cut": "del", "read": "span"}.get(kind, "ins")
    return f'<{tag} class="pn-{kind}">{text}</{tag}>'


def _first_tokens(tokens: Sequence[tuple[int, str, bool]], language: str) -> str:
    def cell(text: str) -> str:
        return html.escape(text.replace("\n", "⏎").replace(" ", "·"))

    yes, no = t(language, "tune.yes"), t(language, "tune.no")
    rows = "".join(
        f"<tr><td>{number}</td><td><code>{cell(text)}</code></td><td>{yes if learned else no}</td></tr>"
        for number, text, learned in tokens
    )
    heads = "".join(f'<th scope="col">{t(language, f"tune.token.{name}")}</th>' for name in ("id", "text", "learned"))
    return (
        f'<details data-key="tokens"><summary>{t(language, "tune.first_tokens", n=len(tokens))}</summary>'
        f'<div class="pn-scroll" tabindex="0"><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>'
        "</details>"
    )


def _plain(sample: Sample, language: str) -> str:
    said = [f"<b>{turn.role}</b>\n{html.escape(turn.content)}" for turn in sample.messages]
    texts: Mapping[str, str] = {"chosen": sample.chosen, "rejected": sample.rejected}
    said += [f"<b>{t(language, f'tune.{name}')}</b>\n{html.escape(text)}" for name, text in texts.items() if text]
    said += [html.escape(sample.text)] if sample.text else []
    return f'<div class="pn-text" dir="auto" tabindex="0">{chr(10).join(said)}</div>'


def _tools(item: Item, out: bool, language: str) -> str:
    key = item.key
    tools = "" if out else button("edit", t(language, "tune.edit"), key, kind="ps-button")
    if item.edited:
        tools += button("as_read", t(language, "tune.as_read"), key, kind="ps-button")
    return f'<p class="pn-row pn-tools">{tools}</p>'


def _editor(item: Item, language: str) -> str:
    """Its texts, to be written anew."""
    sample = item.sample
    boxes = [(f"messages.{at}", f"{at + 1} · {turn.role}", turn.content) for at, turn in enumerate(sample.messages)]
    if sample.kind == "preference":
        boxes += [("chosen", t(language, "tune.chosen"), sample.chosen)]
        boxes += [("rejected", t(language, "tune.rejected"), sample.rejected)]
    elif sample.kind == "text":
        boxes.append(("text", t(language, "tune.text"), sample.text))
    fields = "".join(
        f'<label>{html.escape(name)}<textarea name="{field}" rows="2">\n{html.escape(text)}</textarea></label>'
        for field, name, text in boxes
    )
    save = button("save_sample", t(language, "tune.save"), item.key, submit=True, kind="ps-button")
    cancel = button("cancel_edit", t(language, "cancel"), item.key, kind="ps-button")
    return (
        f'<form class="pn-edit" data-edit="{html.escape(item.key)}" hidden>{fields}'
        f'<p class="error" role="alert"></p><p class="pn-row">{save}{cancel}</p></form>'
    )
