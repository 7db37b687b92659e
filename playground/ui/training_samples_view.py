"""What a training's model said to the fixed prompts, evaluation by evaluation, beside what its base says."""

from __future__ import annotations

import difflib
import html
import re
from collections.abc import Sequence
from functools import lru_cache

from playground.tuning.progress import Event, Progress
from playground.ui.training_parts import words

_MOST = 20
"""Evaluations that are shown."""
_ALIKE = 0.25
"""Share of equal words below which single differences tell nothing."""


def samples_html(progress: Progress, prompts: tuple[str, ...], language: str) -> str:
    """A table for each prompt, the newest evaluation first; empty before the first."""
    found = [one for one in progress.samples if isinstance(one.get("texts"), list)]
    if not found or not prompts:
        return ""
    base: list[str] = next((one["texts"] for one in found if not one.get("step")), [])
    later = [one for one in reversed(found) if one.get("step")][:_MOST]
    return "".join(_table(number, prompt, base, later, language) for number, prompt in enumerate(prompts))


def _table(number: int, prompt: str, base: list[str], later: Sequence[Event], language: str) -> str:
    first = str(base[number]) if number < len(base) else ""
    rows = ""
    for one in later:
        texts = one["texts"]
        if isinstance(texts, list) and number < len(texts):
            said = differing(first, str(texts[number]))
            step = words(language, "samples.step", n_=one["step"])
            rows += f'<tr><th scope="row">{step}</th><td dir="auto">{said}</td></tr>'
    rows += f'<tr class="pr-base"><th scope="row">{words(language, "base")}</th><td dir="auto">{_text(first)}</td></tr>'
    return (
        f'<div class="pr-sample" data-key="sample-{number}"><p class="pr-prompt" dir="auto">{html.escape(prompt)}</p>'
        f"<table><tbody>{rows}</tbody></table></div>"
    )


@lru_cache(maxsize=500)
def differing(base: str, said: str) -> str:
    """`said` as HTML, in which the words that `base` does not have are marked, where they have enough in common.

    Case and punctuation make no other word.
    """
    pieces = _pieces(said)
    places = [at for at, piece in enumerate(pieces) if _plain(piece)]
    mine, other = [_plain(pieces[at]) for at in places], [plain for one in _pieces(base) if (plain := _plain(one))]
    matcher = difflib.SequenceMatcher(None, other, mine, autojunk=False)
    if mine == other or matcher.ratio() < _ALIKE:
        return _text(said)
    drawn, done = "", 0
    for what, _, _, start, end in matcher.get_opcodes():
        if what == "equal" or start == end:
            continue
        first, last = places[start], places[end - 1] + 1
        text = "".join(pieces[first:last])
        kept = text.rstrip()
        drawn += f"{html.escape(''.join(pieces[done:first]))}<mark>{html.escape(kept)}</mark>{text[len(kept) :]}"
        done = last
    return drawn + html.escape("".join(pieces[done:]))


def _pieces(text: str) -> list[str]:
    """Words, with what stands at them; of Chinese each sign; blanks behind them."""
    return re.findall(r"[\u3040-\u9fff]|[^\s\u3040-\u9fff]+|\s+", text)


def _plain(piece: str) -> str:
    """A word by which it is compared; "" for what is none."""
    return "".join(filter(str.isalnum, piece.casefold()))


def _text(text: str) -> str:
    return html.escape(text) if text.strip() else "<em>–</em>"
