"""A stretch of a document as HTML, with a passage in it marked. Pure functions; places are characters of its text."""

from __future__ import annotations

import html
import re

from playground.store.run_values import RunDocument
from playground.ui.strings import t

_AROUND = 4000
"""Characters before and behind a passage."""
_MARKS = re.compile(r"^(?:#{1,6} |```.*$|\| ?-[-| ]*$)", re.MULTILINE)


def source_html(document: RunDocument, start: int, end: int, language: str, *, wide: int = 1) -> str:
    """The blocks around `start` to `end`, `wide` times the usual, that stretch marked."""
    low, high = max(0, start - _AROUND * wide), min(len(document.text), end + _AROUND * wide)
    # Whole blocks, but of one that is far longer than that (a text in a single line) only so much.
    first, last = max(_block_start(document, low), low - _AROUND), min(_block_end(document, high), high + _AROUND)
    blocks = [block for block in document.blocks if first <= block[3] < last]
    if not blocks or blocks[0][3] > first:
        kind, level, page_of, _ = document.block_of(first) or ("paragraph", 0, None, 0)
        blocks.insert(0, (kind, level, page_of, first))
    out, page = [], None
    for number, (kind, level, of, at) in enumerate(blocks):
        to = blocks[number + 1][3] if number + 1 < len(blocks) else last
        if of is not None and of != page:
            page = of
            out.append(f'<p class="ps-page">{t(language, "s.page", n=of)}</p>')
        out.append(_block(document.text, kind, level, at, to, start, end))
    more = f'<button type="button" class="ps-button" data-wide="{wide * 4}">{{}}</button>'
    before = more.format(t(language, "s.earlier")) if first > 0 else ""
    behind = more.format(t(language, "s.later")) if last < len(document.text) else ""
    return before + "".join(out) + behind


def _block(text: str, kind: str, level: int, at: int, to: int, start: int, end: int) -> str:
    tag = f"h{min(6, level + 2)}" if kind == "heading" else "pre" if kind in ("code", "table") else "p"
    first, last = max(at, start), min(to, end)
    if first < last:
        inside = f"{_plain(text[at:first])}<mark>{_plain(text[first:last])}</mark>{_plain(text[last:to])}"
    else:
        inside = _plain(text[at:to])
    return f"<{tag}>{inside.rstrip()}</{tag}>"


def _plain(text: str) -> str:
    return html.escape(_MARKS.sub("", text))


def _block_start(document: RunDocument, at: int) -> int:
    block = document.block_of(at)
    return block[3] if block else 0


def _block_end(document: RunDocument, at: int) -> int:
    return next((block[3] for block in document.blocks if block[3] >= at), len(document.text))
