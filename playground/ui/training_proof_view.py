"""Whether an adapter is better, in numbers: before and after on held-out data, and what it forgot."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from playground.tuning.figures import perplexity
from playground.ui.training_parts import number, percent, plain, words

_FORGOT = 0.15
"""Words of a hundred that are chosen otherwise from which on one is told what to do."""


def numbers_html(base: Mapping[str, Any], mine: Mapping[str, Any], kept_step: int, task: str, language: str) -> str:
    """The table of base and adapter, and the words about what was forgotten; a hint when nothing was measured."""
    dpo = task == "dpo"
    measured = "eval_loss" in base or "eval_loss" in mine
    rows = _row("eval_loss", base, mine, plain, language, about="dpo_loss" if dpo else "eval_loss")
    if dpo:  # The base is what is compared with: it prefers nothing to itself.
        base = {key: value for key, value in base.items() if key not in ("accuracy", "margin")}
    elif measured:
        before, after = ({"perplexity": perplexity(one)} if "eval_loss" in one else {} for one in (base, mine))
        rows = _row("perplexity", before, after, lambda value: plain(value, 1), language) + rows
    rows += _row("top1", base, mine, percent, language) + _row("accuracy", base, mine, percent, language)
    rows += _row("margin", base, mine, plain, language)
    if not rows:
        return f'<p class="hint">{words(language, "nothing_measured")}</p>{_forgot(base, mine, language)}'
    head = "".join(f'<th scope="col">{words(language, key)}</th>' for key in ("base", "adapter"))
    caption = words(language, "measured", n_=kept_step)
    missing = "eval_loss" in base and "eval_loss" not in mine
    said = f'<p class="hint">{words(language, "not_measured")}</p>' if missing else _verdict(base, mine, dpo, language)
    return (
        f'{said}<div class="pr-scroll"><table class="pr-numbers"><caption>{caption}</caption>'
        f"<thead><tr><td></td>{head}</tr></thead><tbody>{rows}</tbody></table></div>{_forgot(base, mine, language)}"
    )


def _row(
    name: str, base: Mapping[str, Any], mine: Mapping[str, Any], written: Any, language: str, about: str = ""
) -> str:
    if name not in base and name not in mine:
        return ""
    cells = "".join(f"<td>{written(number(one[name])) if name in one else '–'}</td>" for one in (base, mine))
    said = words(language, f"chart.{about or name}.about")
    return f'<tr><th scope="row">{words(language, f"chart.{name}")}<small>{said}</small></th>{cells}</tr>'


def _verdict(base: Mapping[str, Any], mine: Mapping[str, Any], dpo: bool, language: str) -> str:
    """In plain words first; the figure that says it, and the loss after it."""
    before, after = number(base.get("eval_loss")), number(mine.get("eval_loss"))
    if not (math.isfinite(before) and math.isfinite(after)):
        return ""
    said = [words(language, f"{'dpo_' if dpo else ''}{'better' if after < before else 'not_better'}")]
    if dpo and math.isfinite(share := number(mine.get("accuracy"))):
        said.append(words(language, "verdict.accuracy", share=percent(share)))
    if not dpo and all(map(math.isfinite, both := [perplexity(one) for one in (base, mine)])):
        said.append(words(language, "verdict.perplexity", before=plain(both[0], 1), after=plain(both[1], 1)))
    loss = words(language, "verdict.loss", before=plain(before), after=plain(after))
    hint = "" if after < before else f" {words(language, 'not_better.do')}"
    joint = "：" if language == "zh" else ": "
    return f'<p class="pr-verdict">{joint.join(said)}</p><p class="hint">{loss}{hint}</p>'


def _forgot(base: Mapping[str, Any], mine: Mapping[str, Any], language: str) -> str:
    before, after = number(base.get("general_top1")), number(mine.get("general_top1"))
    if not (math.isfinite(before) and math.isfinite(after)):
        return ""
    said = words(language, "forgot", percent=percent(after), base=percent(before))
    losses = [number(one.get("general_loss")) for one in (base, mine)]
    facts = words(language, "forgot_loss", before=plain(losses[0]), after=plain(losses[1]))
    hint = f'<p class="pr-warning">{words(language, "forgot_much")}</p>' if before - after > _FORGOT else ""
    if before < 1:
        facts = f"{words(language, 'forgot_base')} {facts}"
    head = f"<h4>{words(language, 'forgetting')}</h4>"
    return f'<div class="pr-forgot">{head}<p>{said}</p>{hint}<p class="hint">{facts}</p></div>'
