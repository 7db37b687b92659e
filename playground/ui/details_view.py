"""The drawer beside a conversation: a reply's record, its replay, its tokens by probability."""

from __future__ import annotations

import html
import json
import math
from collections.abc import Mapping
from typing import Any

from playground.records import Message
from playground.replay import ReplayState
from playground.ui.icons import icon_button
from playground.ui.reasons import reason_words
from playground.ui.strings import t

_MODEL = ("model", "revision", "engine", "quantization", "device", "hardware", "adapter", "context_length")
_HASHES = ("file_sha256", "template_sha256", "adapter_sha256")
_COUNTS = ("prompt_tokens", "cached_tokens", "completion_tokens", "left_out", "starts_at", "finish_reason")
_LEVELS = (0.9, 0.6, 0.3, 0.1)
"""Probabilities that divide the colours, likeliest first."""
BUSY = ("waiting", "reading", "writing")
"""Phases of a replay that goes on."""


def details_html(message: Message, state: ReplayState | None, language: str) -> str:
    """Everything stored about a reply, part by part, and how its replay went."""
    if not message.record:
        return f'<p class="hint">{t(language, "no_record")}</p>'
    parts = "".join(_part(part, number, len(message.parts), language) for number, part in enumerate(message.parts))
    raw = html.escape(json.dumps([dict(part) for part in message.parts], ensure_ascii=False, indent=2))
    reason = f"<p>{html.escape(message.vote_reason)}</p>" if message.vote_reason else ""
    return (
        f"{_replay(message.id, state, language)}{reason}{parts}"
        f'<details><summary>JSON</summary><div class="code"><div class="code-bar"><span>JSON</span>'
        f'<button type="button" class="icon" data-copy="code" data-t="copy"></button></div>'
        f"<pre><code>{raw}</code></pre></div></details>"
    )


def tokens_html(message_id: str, state: ReplayState | None, language: str) -> str:
    """Each token coloured by its probability; its alternatives are in a menu that the page's script opens."""
    start = icon_button("replay", t(language, "show_tokens"), argument=message_id, text=True, icon="regenerate")
    if state is None or not state.tokens or state.phase in BUSY:
        running = _progress(message_id, state, language) if state else ""
        over = state is None or state.phase in ("failed", "stopped")
        return f'<p class="hint">{t(language, "tokens_hint")}</p>{running}{start if over else ""}'
    legend = "".join(f'<span class="tk p{level}">{_percent(low)}</span>' for level, low in enumerate((*_LEVELS, 0.0)))
    shown = "".join(_token(at, token, state) for at, token in enumerate(state.tokens))
    surprise = -sum(token.logprob for token in state.tokens) / len(state.tokens)
    # A server that tells no probability says a very small one.
    mean = t(language, "perplexity", n=f"{math.exp(surprise):.2f}" if surprise < 100 else "–")
    return (
        f"{_progress(message_id, state, language)}{_verdict(state, language)}"
        f'<p class="legend">{legend}</p><p class="hint">{mean} · {t(language, "tokens_click")}</p>'
        f'<div class="tks" data-message="{message_id}">{shown}</div>'
    )


def _part(part: Mapping[str, Any], number: int, count: int, language: str) -> str:
    title = f"<h4>{t(language, 'part', n=number + 1)}</h4>" if count > 1 else ""
    versions = " · ".join(f"{name} {version}" for name, version in dict(part["versions"]).items())
    rows = [(name, part[name]) for name in _MODEL if part[name]]
    rows += [(name, part[name]) for name in _HASHES if part[name]]
    rows += [("versions", versions), ("seed", part["seed"])]
    rows += [(name, value) for name, value in dict(part["sampling"]).items() if name != "seed"]
    rows += [(name, part[name]) for name in _COUNTS if part[name] not in (None, "", 0)]
    for name, unit in (("time_to_first_token", "s"), ("tokens_per_second", "tokens/s")):
        if part[name] is not None:
            rows.append((name, f"{part[name]:.3g} {unit}"))
    cells = "".join(f"<dt>{html.escape(name)}</dt><dd>{html.escape(str(value))}</dd>" for name, value in rows)
    return f"{title}<dl>{cells}</dl>"


def _replay(message_id: str, state: ReplayState | None, language: str) -> str:
    buttons = icon_button("replay", t(language, "replay"), argument=message_id, text=True, icon="regenerate")
    buttons += icon_button("replay_now", t(language, "replay_now"), argument=message_id, text=True, icon="continue")
    words = (
        f'<p class="hint">{t(language, "replay_hint")}</p>' if state is None else _progress(message_id, state, language)
    )
    return f'<section class="replay">{words}{_verdict(state, language) if state else ""}<p>{buttons}</p></section>'


def _progress(message_id: str, state: ReplayState, language: str) -> str:
    if state.phase == "failed":
        return f'<p class="error">{html.escape(reason_words(language, state.error))}</p>'
    if state.phase == "stopped":
        return f'<p class="hint">{t(language, "replay.stopped")}</p>'
    if state.phase == "done":
        return ""
    share = 100 * state.done // max(state.total, state.done, 1)
    stop = icon_button("stop_replay", t(language, "stop"), argument=message_id, text=True, icon="close")
    words = t(language, f"replay.{state.phase}", done=state.done, total=state.total)
    return f'<p>{words} {stop}</p><p class="bar"><i style="width: {share}%"></i></p>'


def _verdict(state: ReplayState, language: str) -> str:
    verdict = state.verdict
    if verdict is None:
        return ""
    if verdict.identical:
        more = f" {t(language, 'replay.although')}" if verdict.causes else ""
        words = f'<p class="same">{t(language, "replay.identical", n=len(state.tokens))}{more}</p>'
    else:
        words = f'<p class="other">{t(language, "replay.diverges", n=verdict.at)}</p>'
    causes = "".join(f"<li>{html.escape(reason_words(language, cause))}</li>" for cause in verdict.causes)
    return words + (f"<ul>{causes}</ul>" if causes else "")


def _token(at: int, token: Any, state: ReplayState) -> str:
    chance = math.exp(token.logprob)
    level = next((level for level, low in enumerate(_LEVELS) if chance >= low), len(_LEVELS))
    others = html.escape(json.dumps([[text, math.exp(log)] for _, text, log in token.top], ensure_ascii=False))
    parts = token.text.replace("\n", "↵\n")
    verdict = state.verdict
    beyond = " beyond" if verdict is not None and not verdict.identical and at + 1 >= verdict.at else ""
    return (
        f'<button type="button" class="tk p{level}{beyond}" tabindex="{0 if at == 0 else -1}" '
        f'data-text="{html.escape(token.text)}" data-top="{others}" '
        f'title="{_percent(chance)}">{html.escape(parts) or "·"}</button>'
    )


def _percent(chance: float) -> str:
    return f"{100 * chance:.0f} %" if chance >= 0.1 or not chance else f"{100 * chance:.1f} %"
