"""The Fine-tune tab: its frame. What stands in it comes by a stream (`ui.tune_live`), commands go by routes."""

from __future__ import annotations

import gradio as gr

from playground.ui.tune_looking import FILTERS

_ENDINGS = ".jsonl,.ndjson,.json,.csv,.tsv,.parquet,.txt,.md"


def build_tune_tab() -> None:
    """Build the tab inside an open Blocks context."""
    gr.HTML(_frame(), elem_id="pn-box", apply_default_css=False)


def _ways() -> str:
    """How data comes in."""
    return (
        '<div id="pn-drop"><button type="button" id="pn-choose" class="ps-button" data-t="tune.drop"></button>'
        f'<input type="file" id="pn-file" multiple hidden accept="{_ENDINGS}"><small data-t="tune.kinds"></small></div>'
        '<ul id="pn-coming"></ul><details id="pn-own" class="pn-fold"><summary><b data-t="tune.own"></b> '
        '<span data-t="tune.own_hint"></span></summary><div id="pn-own-forms"></div></details>'
        '<p id="pn-example" class="pn-row"><button type="button" class="ps-button" data-do="example" '
        'data-t="tune.example"></button><small data-t="tune.example_hint"></small></p>'
    )


def _samples() -> str:
    filters = "".join(f'<option value="{name}" data-t="tune.filter.{name}"></option>' for name in FILTERS)
    return (
        '<section id="pn-look" hidden><h3 data-t="tune.samples"></h3><div class="pn-row" id="pn-find">'
        '<input type="search" id="pn-words" data-label="tune.search" data-placeholder="tune.search" autocomplete="off">'
        f'<select id="pn-shown" data-label="tune.filters">{filters}</select></div>'
        '<p class="error" id="pn-samples-error" role="alert"></p><div id="pn-samples"></div>'
        '<h3 data-t="tune.lengths"></h3><p class="error" id="pn-lengths-error" role="alert"></p>'
        '<div id="pn-lengths"></div></section>'
    )


def _how() -> str:
    return (
        '<section id="pn-how" hidden><h3 data-t="tune.how"></h3><form id="pn-form" novalidate></form>'
        '<div id="pn-forecast" role="status"></div><p id="pn-time" class="hint"></p>'
        '<p id="pn-error" class="error" role="alert"></p><div id="pn-start-bar">'
        '<button type="button" class="ps-button primary" data-do="begin" id="pn-begin" data-t="tune.start" '
        'title="Ctrl+Enter" aria-keyshortcuts="Control+Enter" aria-describedby="pn-why" disabled></button>'
        '<span id="pn-why" role="status"></span></div></section>'
    )


def _frame() -> str:
    start = '<div id="pn-start"><h2 data-t="tune.headline"></h2><p class="hint" data-t="tune.promise"></p></div>'
    data = (
        '<h2 id="pn-title" tabindex="-1" hidden></h2><section id="pn-data">'
        '<h3 id="pn-data-head" data-t="tune.data" hidden></h3><div id="pn-files"></div>'
        f'<div id="pn-sums"></div><div id="pn-private"></div><div id="pn-problems"></div>{_ways()}</section>'
    )
    return (
        '<div id="pn-root"><nav id="pn-side" data-label="tune.list">'
        '<button type="button" id="pn-new" class="ps-button" data-t="tune.new"></button><div id="pn-list"></div></nav>'
        '<main id="pn-main" tabindex="-1"><p id="pn-offline" class="error" role="status"></p>'
        '<p id="pn-said" class="error" role="alert"></p>'
        f'<article id="pn-page">{start}{data}{_samples()}{_how()}</article>'
        '<article id="pn-run" hidden></article></main>'
        '<p id="pn-toast" role="status"></p></div>'
    )
