"""The Translate tab: its frame. What stands in it comes by a stream (`ui.translation_live`), commands go by routes."""

from __future__ import annotations

import gradio as gr

from playground.languages import NAMES
from playground.translate.files import ENDINGS
from playground.ui.icons import svg

_MOST = 3000
"""Characters up to which a text is translated while it is typed."""
_WITHOUT = "t.keys_"
KEYS = (
    ("Ctrl+Enter", "confirm"),
    ("Alt+↓ / Alt+↑", "move"),
    ("F8", "doubtful"),
    ("Ctrl+1…3", "match"),
    ("Alt+1…3", "other"),
    ("Ctrl+Alt+S / Ctrl+Insert", "source"),
    ("Ctrl+Z", "undo"),
    ("?", "help"),
)


def build_translate_tab() -> None:
    """Build the tab inside an open Blocks context."""
    gr.HTML(_frame(), elem_id="pt-box", apply_default_css=False)


def _languages(name: str, label: str, first: str = "") -> str:
    known = "".join(f'<option value="{code}">{own}</option>' for code, (_, _, own) in NAMES.items())
    detect = f'<option value="" data-t="{first}"></option>' if first else ""
    return f'<select id="pt-{name}" data-label="{label}">{detect}{known}</select>'


def _button(do: str, words: str, more: str = "") -> str:
    return f'<button type="button" class="ps-button" data-do="{do}" data-t="{words}"{more}></button>'


def _icon(do: str, words: str, icon: str) -> str:
    return f'<button type="button" class="icon" data-do="{do}" data-label="{words}">{svg(icon)}</button>'


def _bar() -> str:
    formality = "".join(
        f'<option value="{value}" data-t="t.formality.{value or "any"}"></option>'
        for value in ("", "formal", "informal")
    )
    return (
        '<div id="pt-bar" role="group" data-label="t.settings"><div class="pt-pair">'
        + _languages("from", "t.from", "t.detect")
        + _icon("swap", "t.swap", "swap")
        + _languages("to", "t.to")
        + '</div><div class="pt-how"><select id="pt-way" data-label="t.way"></select>'
        + f'<select id="pt-formality" data-label="t.formality" hidden>{formality}</select>'
        + _button("get", "t.get_model", ' id="pt-get" aria-haspopup="menu" hidden')
        + _button("glossaries", "t.glossaries", ' id="pt-glossaries" aria-haspopup="dialog"')
        + _button("memory", "t.memory", ' id="pt-memory" aria-haspopup="dialog"')
        + '</div></div><p id="pt-bar-said" class="hint" role="status"></p>'
    )


def _panes() -> str:
    left = (
        '<div class="pt-pane"><textarea id="pt-text" rows="8" dir="auto" data-label="t.text" '
        'data-placeholder="t.text_hint"></textarea><div class="pt-tools"><span id="pt-count"></span>'
        + _button("translate", "t.translate", ' id="pt-go" hidden')
        + _button("halt", "t.stop", ' id="pt-halt" hidden')
        + _icon("clear", "t.clear", "close")
        + "</div></div>"
    )
    right = (
        '<div class="pt-pane"><div id="pt-out" role="region" tabindex="0" dir="auto" aria-live="polite" '
        'data-label="t.translation"></div><div class="pt-tools"><span id="pt-facts" role="status"></span>'
        + _icon("copy", "copy", "copy")
        + _button("open", "t.open")
        + "</div></div>"
    )
    return (
        f'<div id="pt-panes" data-most="{_MOST}">{left}{right}</div>'
        '<p id="pt-text-error" class="error" role="alert"></p><div id="pt-below"></div><div id="pt-others"></div>'
    )


def _documents() -> str:
    endings = ",".join(ENDINGS)
    return (
        '<section id="pt-documents"><h3 data-t="t.documents"></h3>'
        '<div id="pt-drop"><button type="button" id="pt-choose" class="ps-button" data-t="s.drop"></button>'
        f'<input type="file" id="pt-file" multiple hidden accept="{endings}"><small data-t="t.kinds"></small></div>'
        '<div id="pt-draft"></div><ul id="pt-coming"></ul><p class="error" id="pt-error" role="alert"></p>'
        '<button type="button" class="ps-button primary" data-do="start" id="pt-begin" data-t="t.start" hidden>'
        "</button></section>"
    )


def _run() -> str:
    filters = "".join(
        f'<button type="button" class="ps-button" data-do="filter" data-shown="{name}" aria-pressed="false">'
        f'<span data-t="t.filter.{name}"></span> <b></b></button>'
        for name in ("all", "doubtful", "unconfirmed", "failed")
    )
    orders = "".join(
        f'<option value="{name}" data-t="t.order.{name}"></option>' for name in ("place", "doubtful", "worst")
    )
    keys = "".join(f'<tr><td><kbd>{keys}</kbd></td><td data-t="{_WITHOUT}{name}"></td></tr>' for keys, name in KEYS)
    return (
        '<article id="pt-run" hidden><div id="pt-head"></div><div id="pt-progress"></div><div id="pt-tools">'
        + _button("export", "s.export", ' aria-haspopup="menu"')
        + _button("reference", "t.compare")
        + '<input type="file" id="pt-reference" hidden></div><div id="pt-scores" role="status"></div>'
        f'<div id="pt-filters" role="group" data-label="t.filters">{filters}'
        f'<select id="pt-order" data-label="t.order">{orders}</select></div>'
        f'<details id="pt-keys"><summary data-t="t.keys"></summary><table>{keys}</table></details>'
        '<div id="pt-rows"></div><button type="button" class="ps-button" id="pt-more" data-do="more" '
        'data-t="t.more_rows" hidden></button><p id="pt-empty" class="hint" hidden data-t="t.no_rows"></p></article>'
    )


def _frame() -> str:
    start = (
        f'<div id="pt-start"><h2 data-t="t.headline"></h2><p class="hint" data-t="t.promise"></p>{_bar()}{_panes()}'
        f"{_documents()}</div>"
    )
    return (
        '<div id="pt-root"><nav id="pt-side" data-label="t.list">'
        '<button type="button" id="pt-new" class="ps-button" data-t="t.new"></button><div id="pt-list"></div></nav>'
        '<main id="pt-main"><p id="pt-offline" class="error" role="status"></p>'
        f'<p id="pt-said" class="error" role="alert"></p>{start}{_run()}</main>'
        '<p id="pt-toast" role="status"></p></div>'
    )
