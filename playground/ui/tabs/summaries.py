"""The Summarize tab: its frame. What stands in it comes by a stream (`ui.summary_live`), commands go by routes."""

from __future__ import annotations

import gradio as gr

from playground.languages import NAMES
from playground.summarize.instructions import styles
from playground.summarize.options import MODES, OWN
from playground.ui.icons import svg


def build_summaries_tab() -> None:
    """Build the tab inside an open Blocks context."""
    gr.HTML(_frame(), elem_id="ps-box", apply_default_css=False)


def _field(words: str, control: str, hint: str = "") -> str:
    if not hint:
        return f'<label><span data-t="{words}"></span>{control}</label>'
    told = control.replace("<input", f'<input aria-describedby="ps-{hint}"')  # The name is the label alone.
    label = f'<label><span data-t="{words}"></span>{told}</label>'
    return f'<div>{label}<small id="ps-{hint}" data-t="{hint}"></small></div>'


def _select(name: str, options: list[tuple[str, str]]) -> str:
    """`options` are values and the keys of their words."""
    said = "".join(f'<option value="{value}" data-t="{words}"></option>' for value, words in options)
    return f'<select name="{name}">{said}</select>'


def _styles() -> str:
    both = "".join(
        f'<option value="{one.id}" data-en="{one.name}" data-zh="{one.name_zh}"></option>' for one in styles().values()
    )
    return f'<select name="style">{both}<option value="{OWN}" data-t="s.own"></option></select>'


def _languages() -> str:
    known = "".join(f'<option value="{code}">{own}</option>' for code, (_, _, own) in NAMES.items())
    return f'<select name="language"><option value="" data-t="s.language_same"></option>{known}</select>'


def _frame() -> str:
    form = (
        '<form id="ps-form" novalidate><h2 data-t="s.headline"></h2><p class="hint" data-t="s.promise"></p>'
        '<div id="ps-drop"><button type="button" id="ps-choose" class="ps-button" data-t="s.drop"></button>'
        '<input type="file" id="ps-file" multiple hidden><small data-t="s.kinds"></small></div>'
        '<div id="ps-draft"></div><ul id="ps-coming"></ul>'
        + '<label class="ps-wide"><span data-t="s.paste"></span><textarea name="text" rows="4"></textarea></label>'
        + '<div class="ps-fields">'
        + _field("s.style", _styles())
        + _field("s.length", '<input name="length" autocomplete="off" inputmode="text">', "s.length_hint")
        + _field("s.language", _languages())
        + _field("s.audience", '<input name="audience" autocomplete="off">', "s.audience_hint")
        + "</div>"
        + '<label class="ps-wide" id="ps-own" hidden><span data-t="s.instruction"></span>'
        + '<textarea name="instruction" rows="2"></textarea></label>'
        + '<details><summary data-t="s.more"></summary><div class="ps-fields">'
        + _field("s.mode", _select("mode", [(mode, f"s.mode.{mode}") for mode in MODES]))
        + _field("s.only_pages", '<input name="pages" autocomplete="off">', "s.only_pages_hint")
        + _field("s.seed", '<input name="seed" value="0" inputmode="numeric">')
        + "</div></details>"
        + '<p class="error" id="ps-error" role="alert"></p>'
        + '<button type="submit" class="ps-button primary" data-t="s.start"></button></form>'
    )
    tools = "".join(
        f'<button type="button" class="ps-button" data-do="{name}" data-t="s.{name}"></button>'
        for name in ("copy", "export", "ask", "again", "compare")
    )
    run = (
        '<article id="ps-run" hidden><div id="ps-head"></div><div id="ps-progress"></div>'
        f'<div id="ps-tools">{tools}</div>'
        '<div id="ps-pair"><div id="ps-text"></div><div id="ps-other" hidden></div></div>'
        '<div id="ps-receipt"></div><div id="ps-map"></div><div id="ps-notes"></div></article>'
    )
    buttons = "".join(
        f'<button type="button" class="icon" data-action="{action}" data-label="{words}">{svg(icon)}</button>'
        for action, words, icon in (("s_next", "s.next_passage", "next"), ("s_close", "s.close_source", "close"))
    )
    return (
        '<div id="ps-root"><nav id="ps-side" data-label="s.list">'
        '<button type="button" id="ps-new" class="ps-button" data-t="s.new"></button><div id="ps-list"></div></nav>'
        '<main id="ps-main"><p id="ps-offline" class="error" role="status"></p>'
        f'<p id="ps-said" class="error" role="alert"></p>{form}{run}</main>'
        '<aside id="ps-source" data-label="s.source" hidden>'
        f'<header><b></b><span role="status"></span>{buttons}</header><div id="ps-passages"></div></aside>'
        '<p id="ps-toast" role="status"></p></div>'
    )
