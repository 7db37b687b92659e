"""The parts of the Chat tab that are plain HTML; the page's script fills them and puts the words in."""

from __future__ import annotations

from playground.ui.icons import svg

FILES_HTML = '<div id="pg-files" role="list" data-label="files"></div>'

SIDE_HTML = f"""
<div id="pg-search" role="search">
  <input type="search" data-placeholder="search" data-label="search" autocomplete="off" maxlength="10000">
  <button type="button" class="icon" id="pg-filter-button" data-label="filters" aria-expanded="false">
    {svg("filter")}</button>
</div>
<div id="pg-filters" hidden></div>
<p id="pg-found" class="sr" role="status"></p>
<div id="pg-results" role="region" data-label="results" hidden></div>
<nav id="pg-list" data-label="conversations"></nav>
<div id="pg-selected" role="group" data-label="selection" hidden></div>
<div id="pg-side-foot">
  <button type="button" class="icon" data-do="import">{svg("import")}<span data-t="import"></span></button>
  <button type="button" class="icon" data-do="export_all">{svg("export")}<span data-t="export"></span></button>
  <button type="button" class="icon" data-do="select_some">{svg("check")}<span data-t="select_some"></span></button>
</div>"""

LOG_HTML = f"""
<div id="pg-log" role="log" data-label="log" tabindex="0">
  <div id="pg-empty" hidden><h2 data-t="empty_title"></h2><p data-t="empty_text"></p></div>
  <button type="button" id="pg-earlier" hidden></button>
  <div id="pg-items"></div>
  <button type="button" id="pg-later" hidden></button>
  <p id="pg-live" aria-hidden="true" hidden></p>
</div>
<button type="button" id="pg-latest" class="icon" data-label="latest" hidden>{svg("down")}</button>
<div id="pg-notice" role="alert"></div>
<div id="pg-toast" role="status"></div>"""

METER_HTML = f"""
<div id="pg-meter">
  <button type="button" class="icon" data-do="attach" data-label="attach">{svg("attach")}</button>
  <button type="button" class="icon" data-do="templates" data-label="templates" aria-haspopup="menu">
    {svg("template")}</button>
  <button type="button" class="icon" data-do="personas" data-title="personas" aria-haspopup="menu">
    {svg("persona")}<span id="pg-persona"></span></button>
  <button type="button" class="icon" data-do="context" data-title="context" aria-haspopup="menu">
    <span id="pg-tokens"></span>
    <span id="pg-bar" aria-hidden="true"><i></i></span></button>
  <button type="button" class="icon" data-do="help" data-label="keys">{svg("keys")}</button>
  <input type="file" id="pg-file" multiple hidden>
  <input type="file" id="pg-import" multiple hidden>
</div>"""

INFO_HTML = f"""
<aside id="pg-info" data-label="details" hidden>
  <div id="pg-info-tabs">
    <div role="tablist" data-label="details">
      <button type="button" role="tab" aria-controls="pg-info-body" data-info="record" data-t="record"></button>
      <button type="button" role="tab" aria-controls="pg-info-body" data-info="tokens" data-t="tokens_tab"></button>
      <button type="button" role="tab" aria-controls="pg-info-body" data-info="tree" data-t="tree"></button>
    </div>
    <button type="button" class="icon" data-do="close_info" data-label="close">{svg("close")}</button>
  </div>
  <div id="pg-info-body" role="tabpanel" data-label="details" tabindex="0"></div>
</aside>"""
