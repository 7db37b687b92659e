"""A summary's text as HTML: its lists and paragraphs, each sentence a button to its source, each doubtful claim marked.

Pure functions of their arguments; places are characters of the summary.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from playground.ui.strings import t

_BULLET = re.compile(r"\s*[-*•]\s+")
_NUMBER = re.compile(r"\s*\d{1,3}[.)、]\s*")
_HEADING = re.compile(r"\s*#{1,6}\s+")


def summary_html(text: str, sentences: Sequence[Mapping[str, Any]], language: str) -> str:
    """The whole text; without `sentences` (there is no receipt yet) nothing in it can be pressed."""
    out: list[str] = []
    open_list = ""
    at = 0
    for line in text.splitlines(keepends=True):
        start, end = at, at + len(line.rstrip())
        at += len(line)
        if start == end or not line.strip():
            continue
        kind, begins = "p", start + len(line) - len(line.lstrip())
        for tag, pattern in (("ul", _BULLET), ("ol", _NUMBER), ("h4", _HEADING)):
            if found := pattern.match(line):
                kind, begins = tag, start + found.end()
                break
        wanted = kind if kind in ("ul", "ol") else ""
        if wanted != open_list:
            out.append((f"</{open_list}>" if open_list else "") + (f"<{wanted}>" if wanted else ""))
            open_list = wanted
        tag = "li" if wanted else kind
        out.append(f"<{tag}>{_pieces(text, begins, end, sentences, language)}</{tag}>")
    return "".join(out) + (f"</{open_list}>" if open_list else "")


def _pieces(text: str, start: int, end: int, sentences: Sequence[Mapping[str, Any]], language: str) -> str:
    """Characters `start` to `end`, the sentences in them set apart."""
    if not sentences:
        return html.escape(text[start:end])
    out = []
    for number, one in enumerate(sentences):
        first, last = max(start, one["start"]), min(end, one["end"])
        if first < last:
            links = one["links"]
            weak = "" if any(link["strong"] for link in links) else " weak"
            inside = "".join(_marked(text, first, last, one["marks"], language))
            places = html.escape(json.dumps([{**link, "score": 0} for link in links]))
            facts = f'role="button" tabindex="0" data-n="{number}" data-links="{places}"'
            out.append(f'<span class="ps-s{weak}" {facts}>{inside}</span>' if links else inside)
    return "".join(out)


def _marked(text: str, start: int, end: int, marks: Sequence[Mapping[str, Any]], language: str) -> Iterator[str]:
    at = start
    for mark in marks:
        first, last = max(start, mark["start"]), min(end, mark["end"])
        if first >= last or first < at:
            continue
        yield html.escape(text[at:first])
        words = html.escape(t(language, f"s.mark.{mark['kind']}"))
        yield f'<mark title="{words}" id="ps-mark-{mark["start"]}">{html.escape(text[first:last])}</mark>'
        at = last
    yield html.escape(text[at:end])
