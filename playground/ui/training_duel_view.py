"""Base and adapter answering the same: labelled side by side, and blind, to be voted on. Pure functions."""

from __future__ import annotations

import html
from collections.abc import Sequence

from playground.store.training_values import Duel
from playground.tuning.asides import Aside
from playground.tuning.proof import tally
from playground.ui.strings import t
from playground.ui.training_parts import aside_html, button, percent, words

_ENOUGH = 10
"""Votes from which on they say something."""
_LONGEST = 90
"""Signs of a question in a list."""


def sides_html(run_id: str, examples: Sequence[tuple[str, str]], aside: Aside | None, language: str) -> str:
    """A question to choose or to write, and what both say to it."""
    form = (
        f'<form data-key="sides-{run_id}" data-own data-form="sides" class="pr-form">'
        f"{picker(examples, 'sides', language)}"
        f'<label for="pr-sides-prompt">{words(language, "prompt")}</label>'
        f'<textarea id="pr-sides-prompt" name="prompt" rows="2" dir="auto">{first_of(examples)}</textarea>'
        f"{_submit(language, 'sides.ask')}</form>"
    )
    shown = aside_html(aside, "pr-stop-sides", _asking(aside, language), language)
    if aside is not None and aside.phase == "done":
        base, mine = aside.result
        both = _reply("base", words(language, "base"), base) + _reply("adapter", words(language, "adapter"), mine)
        shown = f'<p class="pr-prompt" dir="auto">{html.escape(str(aside.asked))}</p><div class="pr-pair">{both}</div>'
    return f'{form}<div data-key="sides-shown">{shown}</div>'


def blind_html(run_id: str, duels: Sequence[Duel], left: int, aside: Aside | None, language: str) -> str:
    """The next two replies, which is which being hidden until the vote; the last ones; and how the votes went."""
    waiting = next((one for one in duels if not one.vote), None)
    voted = [one for one in duels if one.vote]
    body = ""
    if waiting is not None:
        body += _vote(waiting, language)
    else:
        body += aside_html(aside, "pr-stop-blind", _asking(aside, language), language)
        if aside is None or aside.phase != "working":
            body += _begin(run_id, len(duels), left, language)
    return f"{body}{_revealed(voted, language)}{_tally(voted, language)}"


def picker(examples: Sequence[tuple[str, str]], which: str, language: str) -> str:
    """A list of held-out questions; the script puts the chosen one into the form."""
    if not examples:
        return ""
    options = "".join(
        f'<option value="{number}" data-prompt="{html.escape(prompt)}" data-text="{html.escape(reply)}">'
        f"{html.escape(_short(prompt))}</option>"
        for number, (prompt, reply) in enumerate(examples)
    )
    return (
        f'<label for="pr-{which}-pick">{words(language, "pick")}</label>'
        f'<select id="pr-{which}-pick" data-pick="{which}">{options}'
        f'<option value="">{words(language, "own")}</option></select>'
    )


def first_of(examples: Sequence[tuple[str, str]]) -> str:
    """What stands in a form at first. A line feed at the beginning would be taken for the form's own."""
    return f"\n{html.escape(examples[0][0])}" if examples else ""


def _submit(language: str, key: str) -> str:
    return f'<div><button type="submit" class="ps-button">{words(language, key)}</button></div>'


def _asking(aside: Aside | None, language: str) -> str:
    return words(language, "asking", n_=1 + (aside.done if aside else 0))


def _begin(run_id: str, made: int, left: int, language: str) -> str:
    start = ""
    if left:
        start = f'<p class="hint">{words(language, "blind.about", n=left)}</p>'
        start += button("pr-blind", words(language, "blind.more" if made else "blind.begin"))
    elif made:
        start = f'<p class="hint">{words(language, "blind.all")}</p>'
    label = words(language, "blind.own" if left else "blind.own_only")
    own = (
        f'<form data-key="blind-{run_id}" data-own data-form="blind" class="pr-form">'
        f'<label for="pr-blind-prompt">{label}</label>'
        f'<textarea id="pr-blind-prompt" name="prompt" rows="2" dir="auto"></textarea>'
        f"{_submit(language, 'blind.ask')}</form>"
    )
    return start + own


def _vote(duel: Duel, language: str) -> str:
    texts = (duel.adapter, duel.base) if duel.first == "adapter" else (duel.base, duel.adapter)
    both = "".join(
        _reply(key, words(language, f"blind.{key}"), text) for key, text in zip(("first", "second"), texts, strict=True)
    )
    same = f'<p class="hint">{words(language, "blind.same")}</p>' if duel.base == duel.adapter else ""
    votes = "".join(
        button(
            "pr-vote",
            f"{words(language, f'blind.{shown}')} <kbd>{sign}</kbd>",
            more=f' data-argument="{duel.id}:{shown}" aria-keyshortcuts="{sign}"',
        )
        for shown, sign in (("first", 1), ("second", 2), ("tie", 0))
    )
    return (
        f'<div id="pr-duel" data-key="duel-{duel.id}"><p class="pr-prompt" dir="auto">{html.escape(duel.prompt)}</p>'
        f'<div class="pr-pair">{both}</div>{same}<p class="pr-ask"><b>{words(language, "blind.which")}</b></p>'
        f'<div class="pr-row" role="group" aria-label="{words(language, "blind.which")}">{votes}</div></div>'
    )


def _reply(key: str, name: str, text: str) -> str:
    said = html.escape(text) if text.strip() else "<em>–</em>"
    return f'<div class="pr-reply" data-key="{key}"><b>{name}</b><div dir="auto">{said}</div></div>'


def _revealed(voted: Sequence[Duel], language: str) -> str:
    if not voted:
        return ""
    last = voted[-1]
    chosen = t(language, f"pr.{last.vote}") if last.vote != "tie" else t(language, "pr.blind.tie")
    said = words(language, "blind.was", prompt=_short(last.prompt), chosen=chosen)
    order = ("adapter", "base") if last.first == "adapter" else ("base", "adapter")
    both = "".join(_side(last, side, language) for side in order)
    return (
        f'<div class="pr-last" data-key="last"><p class="hint" role="status">{said}</p>'
        f'<div class="pr-pair">{both}</div></div>'
    )


def _side(duel: Duel, side: str, language: str) -> str:
    """One of the replies that were voted on, with whose it is."""
    name = t(language, f"pr.{side}")
    shown = words(language, "blind.mine", name=name) if duel.vote == side else html.escape(name)
    return _reply(side, shown, duel.adapter if side == "adapter" else duel.base)


def _tally(voted: Sequence[Duel], language: str) -> str:
    found = tally(voted)
    if found is None:
        return ""
    low, high = percent(found.low), percent(found.high)
    said = words(language, "blind.rate", n=len(voted), rate=percent(found.rate), low=low, high=high)
    counts = words(language, "blind.counts", wins=found.wins, losses=found.losses)
    if found.ties:
        counts += f" {words(language, 'blind.ties', n=found.ties)}"
    key = "blind.open"
    if len(voted) < _ENOUGH:
        key = "blind.few"
    elif found.low > 0.5:
        key = "blind.won"
    elif found.high < 0.5:
        key = "blind.lost"
    judged = words(language, key, n=max(0, _ENOUGH - len(voted)))
    drawn = (
        f'<div class="pr-rate" aria-hidden="true"><i style="left:{100 * found.low:.1f}%;'
        f'width:{100 * (found.high - found.low):.1f}%"></i><b style="left:{100 * found.rate:.1f}%"></b></div>'
    )
    return f'<div class="pr-tally"><p><b>{said}</b> {counts}</p>{drawn}<p>{judged}</p></div>'


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
