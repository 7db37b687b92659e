"""The Models tab as HTML: what is in memory, on this machine, available, being downloaded. Pure functions of arguments.

Every part that may change by itself has a `data-key`, by which the page's script finds it again; what has `data-own`
belongs to the script and is left alone.
"""

from __future__ import annotations

import html
from collections.abc import Sequence

from playground.engine.states import ModelState
from playground.overview import DeviceUse, LocalModel, Overview
from playground.ui.models_form import how_form
from playground.ui.models_parts import bar, button, card, fact_line, fold, size_text
from playground.ui.reasons import reason_words
from playground.ui.strings import t


def memory_html(overview: Overview, language: str) -> str:
    """The devices' bars, and below them each model that is in memory or on its way there."""
    bars = "".join(_device(device, overview, language) for device in overview.devices)
    if not overview.states:
        return f'{bars}<p class="hint">{t(language, "m.none_loaded")}</p>'
    return bars + "".join(_resident(state, overview, language) for state in overview.states)


def local_html(overview: Overview, language: str) -> str:
    """What can be loaded without a download."""
    models = overview.local
    listed = "".join(_local(model, overview, language) for model in models)
    return listed or f'<p class="hint">{t(language, "m.here_none")}</p>'


def _device(device: DeviceUse, overview: Overview, language: str) -> str:
    label = t(language, "m.cpu") if device.name == "cpu" else f"{device.label} ({device.name})"
    parts = [(overview.title(name), size, "model") for name, size in device.parts]
    words = t(
        language,
        "m.device_text",
        models=size_text(sum(size for _, size in device.parts)),
        other=size_text(device.other),
        free=size_text(device.free),
        total=size_text(device.total),
    )
    drawn = bar(
        [*parts, (t(language, "m.other"), device.other, "other")],
        device.total,
        mark=device.budget,
        mark_words=t(language, "m.budget", size=size_text(device.budget)),
        words=f"{label}: {words}",
    )
    head = f'<div class="pm-line"><b>{html.escape(label)}</b><span>{html.escape(words)}</span></div>'
    return f'<div class="pm-device" data-key="device:{device.name}">{head}{drawn}</div>'


def state_words(state: ModelState, language: str) -> str:
    """What a model is doing, with who writes and who waits."""
    percent = f"{100 * state.done // state.total} %" if state.total else ""
    words = [t(language, f"m.state.{state.phase}", percent=percent)]
    if state.writing:
        words.append(t(language, "m.writing", n=state.writing))
    if state.waiting:
        words.append(t(language, "m.waiting", n=state.waiting))
    if state.leaving and state.phase == "ready":
        words.append(t(language, "m.unload_waits"))
    elif state.phase == "ready" and state.idle_seconds >= 60:
        words.append(t(language, "m.unused", n=int(state.idle_seconds // 60)))
    return ", ".join(words)


def _resident(state: ModelState, overview: Overview, language: str) -> str:
    name, info = state.model, state.info
    facts = [state.engine]
    if info is not None:
        facts += [info.quantization or state.options.precision, info.device]
        facts.append(t(language, "m.context", n=f"{info.context_length:,}"))
        slots = info.capabilities.slots
        facts.append(t(language, "m.slots", n=slots))
    if taken := sum(state.memory.values()):
        facts.append(size_text(taken))
    if state.phase == "failed":
        first = button("load", t(language, "m.retry"), name) + button("unload", t(language, "m.job.dismiss"), name)
    else:
        first = _choose(name, overview, language)
        if state.phase == "ready" and not state.leaving:
            hint = t(language, "m.unload_waits") if state.writing or state.waiting else ""
            first += button("unload", t(language, "m.unload"), name, title=hint)
    notes = ""
    if state.phase == "failed":
        notes += f'<p class="error">{html.escape(reason_words(language, state.detail))}</p>'
    if state.note:
        notes += f'<p class="hint">{html.escape(reason_words(language, state.note))}</p>'
    folds = ""
    if info is None or info.capabilities.adapters:
        folds += _adapters(state, overview, language)
    folds += how_form(name, state.options, state, overview, language)
    return card(
        f"resident:{name}",
        overview.title(name),
        state_words(state, language),
        fact_line(facts),
        notes,
        first,
        folds,
        phase=state.phase,
        chosen=name == overview.chosen,
    )


def _choose(name: str, overview: Overview, language: str) -> str:
    if name == overview.chosen:
        return f'<span class="pm-badge">{t(language, "m.chosen")}</span>'
    return button("choose", t(language, "m.choose"), name)


def _adapters(state: ModelState, overview: Overview, language: str) -> str:
    name = state.model
    used = overview.adapter if name == overview.chosen else ""
    options = "".join(
        f'<option value="{html.escape(adapter)}"{" selected" if adapter == used else ""}>'
        f"{html.escape(adapter or t(language, 'm.adapter_none'))}</option>"
        for adapter in ("", *state.adapters)
    )
    chooser = (
        f'<form data-form="adapter" class="pm-row"><label>{t(language, "m.adapter")} '
        f'<select name="adapter">{options}</select></label>'
        f"{button('choose', t(language, 'm.choose'), name, submit=True)}</form>"
    )
    detach = "".join(
        button("detach", t(language, "m.detach", name=adapter), f"{name}\n{adapter}") for adapter in state.adapters
    )
    path = t(language, "m.adapter_path")
    attach = (
        f'<form data-form="attach" class="pm-row"><label class="pm-grow">{path} <input name="path" data-empty required '
        f'autocomplete="off" spellcheck="false" placeholder="{t(language, "m.adapter_hint")}"></label>'
        f"{button('attach', t(language, 'm.attach'), name, submit=True)}</form>"
    )
    count = len(state.adapters)
    now = used or (t(language, "m.adapters_count", n=count) if count else t(language, "m.adapters_none"))
    body = (chooser if count else "") + attach + (f'<div class="pm-row">{detach}</div>' if count else "")
    return fold(f"adapters:{name}", t(language, "m.adapters"), now, body)


def _local(model: LocalModel, overview: Overview, language: str) -> str:
    phase = overview.phase(model.name)
    facts = [t(language, "m.size", size=size_text(model.size))] if model.size else []
    facts += model_facts(model.license, model.kind, model.languages, language)
    text = model.good_at_zh if language == "zh" else model.good_at
    notes = f"<p>{html.escape(text)}</p>" if text else ""
    if model.own:
        notes += f'<p class="hint">{html.escape(t(language, "m.added_place", path=model.place))}</p>'
    if model.error:
        notes += f'<p class="error">{html.escape(reason_words(language, model.error))}</p>'
    busy = phase not in ("idle", "failed")
    first = ""
    if model.converting:
        first = f'<span class="pm-badge">{t(language, "m.converting")}</span>'
    elif model.pickle:
        ask = t(language, "m.convert_ask", size=size_text(model.size))
        first = _ask("convert", model.name, t(language, "m.convert"), ask, t(language, "m.convert_yes"))
    elif model.writes:
        first = ("" if busy else button("load", t(language, "m.load"), model.name)) + _choose(
            model.name, overview, language
        )
    if model.own:
        first += button("forget", t(language, "m.forget"), model.name)
    elif not busy and not model.converting:
        ask = t(language, "m.delete_ask", name=model.title, size=size_text(model.size))
        first += _ask("remove", model.name, t(language, "m.delete"), ask, t(language, "m.delete_yes"))
    state = "" if phase == "idle" else t(language, f"m.state.{phase}", percent="")
    plain = busy or model.pickle or not model.writes
    folds = "" if plain else how_form(model.name, model.options, None, overview, language)
    return card(
        f"local:{model.name}", model.title, state, fact_line(facts), notes, first, folds, phase=phase,
        chosen=model.name == overview.chosen,
    )  # fmt: skip


def model_facts(license_: str, kind: str, languages: Sequence[str], language: str) -> list[str]:
    """Licence, kind and languages, as far as they are known."""
    facts = [license_ or t(language, "m.no_license")]
    if kind:
        facts.append(t(language, f"m.kind.{kind}"))
    if languages:
        shown = ", ".join(languages[:8])
        facts.append(f"{shown} +{len(languages) - 8}" if len(languages) > 8 else shown)
    return facts


def _ask(action: str, name: str, open_words: str, question: str, yes: str) -> str:
    """A question that unfolds in place: native, reachable by keyboard, nothing happens before the second press."""
    return (
        f'<details class="pm-ask" data-key="{action}:{html.escape(name)}"><summary>{html.escape(open_words)}</summary>'
        f"<div><p>{html.escape(question)}</p>{button(action, yes, name, kind='danger')}</div></details>"
    )
