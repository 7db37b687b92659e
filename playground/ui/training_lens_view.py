"""A text under base and adapter, token by token: which ones became likelier and which less likely. Pure functions."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence

from playground.tuning.asides import Aside
from playground.tuning.proof import LensToken
from playground.ui.training_duel_view import first_of, picker
from playground.ui.training_parts import aside_html, words

_LEVELS = (0.25, 1.0, 2.5)
"""Changes in nats from which on a token is coloured, more and more."""


def lens_html(run_id: str, examples: Sequence[tuple[str, str]], aside: Aside | None, language: str) -> str:
    """The question and the text to look at, and its tokens."""
    text = f"\n{html.escape(examples[0][1])}" if examples else ""
    form = (
        f'<form data-key="lens-{run_id}" data-own data-form="lens" class="pr-form">'
        f"{picker(examples, 'lens', language)}"
        f'<label for="pr-lens-prompt">{words(language, "prompt")}</label>'
        f'<textarea id="pr-lens-prompt" name="prompt" rows="2" dir="auto">{first_of(examples)}</textarea>'
        f'<label for="pr-lens-text">{words(language, "lens.text")}</label>'
        f'<textarea id="pr-lens-text" name="text" rows="3" dir="auto">{text}</textarea>'
        f'<div><button type="submit" class="ps-button">{words(language, "lens.look")}</button></div></form>'
    )
    shown = aside_html(aside, "pr-stop-lens", words(language, "lens.loading"), language)
    if aside is not None and aside.phase == "done":
        shown = tokens_html(aside.result, language)
    about = f'<p class="hint">{words(language, "lens.about")}</p>'
    return f'{about}{form}<div data-key="lens-shown">{shown}</div>'


def tokens_html(tokens: Sequence[LensToken], language: str) -> str:
    """The text, coloured; a table says the same without colours."""
    changed = [(one.base, one.adapter) for one in tokens if one.base is not None and one.adapter is not None]
    sums = ""
    if changed:
        before, after = (math.exp(-sum(values) / len(changed)) for values in zip(*changed, strict=True))
        up = sum(mine - base > _LEVELS[0] for base, mine in changed)
        down = sum(base - mine > _LEVELS[0] for base, mine in changed)
        sums = words(
            language, "lens.sums", n=len(changed), up=up, down=down, before=f"{before:.1f}", after=f"{after:.1f}"
        )
    legend = "".join(
        f'<span class="pr-tk {kind}{level}">{words(language, f"lens.{kind}") if level == 2 else "&nbsp;&nbsp;"}</span>'
        for kind, levels in (("down", (3, 2, 1)), ("up", (1, 2, 3)))
        for level in levels
    )
    drawn = "".join(_token(one, language) for one in tokens)
    return f'<p class="hint">{sums}</p><p class="pr-legend">{legend}</p><div class="pr-tokens" dir="auto">{drawn}</div>'


def _token(token: LensToken, language: str) -> str:
    text = html.escape(token.text).replace("\n", "↵\n")
    if token.base is None or token.adapter is None:
        return f"<span>{text}</span>"
    change = token.adapter - token.base
    level = sum(abs(change) > least for least in _LEVELS)
    kind = f"{'up' if change > 0 else 'down'}{level}" if level else ""
    said = words(language, "lens.token", before=_chance(token.base), after=_chance(token.adapter))
    return f'<span class="pr-tk {kind}" title="{said}">{text}</span>'


def _chance(logprob: float) -> str:
    chance = 100 * math.exp(min(0.0, logprob))
    return f"{chance:.0f} %" if chance >= 10 else f"{chance:.2g} %"
