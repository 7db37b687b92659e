"""HTML pages: the text between block tags, and attributes that a reader sees. The rest stays as it is, byte by byte.

Not translated: code, preformatted text, formulas, drawings, scripts, and what is marked with `translate="no"`. The
language that the page names (`lang`) stays as it is.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator

from playground.documents.markup import charset_of
from playground.translate.formats.base import Builder, Encode, Hole, TextTemplate
from playground.translate.formats.html_page import Inside, Page
from playground.translate.formats.html_segments import READ, Piece, leading, placed, shown, trailing
from playground.translate.formats.html_tokens import Token, tokens, value_of
from playground.translate.formats.sources import has_letters, source_of

_BLOCKS = frozenset(
    {
        *(
            "html",
            "head",
            "body",
            "title",
            "meta",
            "link",
            "base",
            "p",
            "div",
            "section",
            "article",
            "header",
            "footer",
        ),
        *("main", "nav", "aside", "address", "blockquote", "center", "ul", "ol", "menu", "dir", "dl", "dt", "dd", "li"),
        *("table", "caption", "colgroup", "col", "thead", "tbody", "tfoot", "tr", "td", "th", "pre", "hr", "figure"),
        *("figcaption", "form", "fieldset", "legend", "label", "button", "select", "datalist", "optgroup", "option"),
        *("details", "summary", "dialog", "h1", "h2", "h3", "h4", "h5", "h6", "hgroup", "search", "noscript"),
        *("template", "frameset", "frame", "noframes", "xmp", "listing", "plaintext"),
    }
)
"""Tags at which a segment ends."""
_ALONE = frozenset(
    {
        *("area", "base", "br", "col", "embed", "frame", "hr", "img", "input", "link", "meta", "param", "source"),
        *("track", "wbr"),
    }
)
"""Tags that have no other end."""
_NEVER = frozenset({"pre", "svg", "math", "script", "style", "textarea", "xmp", "listing", "iframe", "noembed"})
_CODE = frozenset({"code", "kbd", "samp", "var", "tt"})
_DESCRIPTIONS = frozenset({"description", "og:title", "og:description", "twitter:title", "twitter:description"})
_DEEPEST = 256
"""Blocks inside each other of which it is known which one a text stands in."""
_SPECIAL = {
    "": re.compile("[&<>\xa0]"),
    '"': re.compile('[&<>\xa0"]'),
    "'": re.compile("[&<>\xa0']"),
    " ": re.compile("[&<>\xa0\"'`=\\s]"),
}
_NAMES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}


def read_html_template(data: bytes) -> TextTemplate:
    """A page as a template. Raises BadValueError when the file is no text."""
    source = source_of(data, charset_of(data))
    walk = _Walk(source.text)
    holes = sorted([*walk.holes, *walk.values], key=lambda hole: hole.start)
    place = {hole.start: at for at, hole in enumerate(holes)}
    starts = [start for _, _, start, _ in walk.tags]
    inside = {}
    for hole in walk.values:
        before = bisect_right(starts, hole.start) - 1
        if before >= 0:
            outer, tag, start, end = walk.tags[before]
            if hole.start < end:
                inside[place[hole.start]] = Inside(place[outer], tag, start)
    return Page(source, holes, inside)


class _Walk:
    """Goes through a page once and collects its holes."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._is_xml = source.lstrip("\ufeff").startswith("<?xml")
        self._pieces: list[Piece] = []
        self._blocks: list[str] = []
        self.holes: list[Hole] = []
        """Of text."""
        self.values: list[Hole] = []
        """Of attributes; some lie inside of the others."""
        self.tags: list[tuple[int, int, int, int]] = []
        """(where the hole begins, number, start, end) of all tags in `holes`."""
        stream = tokens(source)
        for token in stream:
            self._take(token, stream)
        self._flush()

    def _take(self, token: Token, rest: Iterator[Token]) -> None:
        if token.kind != "open":
            if token.kind == "close" and token.name in _BLOCKS:
                self._flush()
                self._leave(token.name)
            else:
                self._pieces.append(Piece(token.kind, token.start, token.end, token.name))
            return
        off = self._is_off(token)
        if token.name in _BLOCKS:
            self._flush()
        is_alone = token.name in _ALONE or (token.closed and token.name not in _BLOCKS)
        if (token.name in _NEVER or (off and token.name in _BLOCKS)) and not is_alone:
            end = self._skipped(token, rest)
            self._pieces.append(Piece("other", token.start, end))
            if token.name in _BLOCKS:
                self._flush()
            return
        if not off:
            self.values.extend(self._values(token))
        if token.name not in _BLOCKS:
            keep = off or token.name in _CODE
            self._pieces.append(Piece("open", token.start, token.end, token.name, alone=is_alone, keep=keep))
        elif not is_alone:
            if self._blocks[-1:] == ["p"]:
                self._blocks.pop()
            self._blocks.append(token.name)
            del self._blocks[:-_DEEPEST]

    def _is_off(self, token: Token) -> bool:
        return (value_of(token, "translate", self._source) or "").strip().lower() == "no" or (
            "notranslate" in (value_of(token, "class", self._source) or "").split()
        )

    def _leave(self, name: str) -> None:
        if name in self._blocks:
            while self._blocks.pop() != name:
                pass

    def _skipped(self, token: Token, rest: Iterator[Token]) -> int:
        """Where the element ends that `token` opens."""
        depth, end = 1, token.end
        for one in rest:
            end = one.end
            if one.name == token.name:
                depth += (one.kind == "open" and not one.closed) - (one.kind == "close")
            if not depth:
                break
        return end

    def _flush(self) -> None:
        pieces, self._pieces = self._pieces, []
        one = placed(self._source, pieces, self._blocks[-1] if self._blocks else "")
        if one is not None:
            self.holes.append(Hole(one.start, one.end, one.segment, self._encode("")))
            self.tags.extend((one.start, *tag) for tag in one.tags)

    def _values(self, token: Token) -> Iterator[Hole]:
        what = ""
        if token.name == "meta":
            what = value_of(token, "name", self._source) or value_of(token, "property", self._source) or ""
        for one in token.attributes:
            if one.name in READ or (one.name == "content" and what.lower() in _DESCRIPTIONS):
                start = leading(self._source, one.start, one.end)
                end = trailing(self._source, start, one.end)
                words = shown(self._source[start:end]).strip()
                if has_letters(words):
                    builder = Builder()
                    builder.words(words)
                    segment = builder.segment(what.lower() if one.name == "content" else one.name)
                    yield Hole(start, end, segment, self._encode(one.quote or " "))

    def _encode(self, around: str) -> Encode:
        """What writes words of a text (""), or of a value between quotes, or of a bare one (" ")."""
        special = _SPECIAL[around]
        names = _NAMES | ({} if self._is_xml else {"\xa0": "&nbsp;"})

        def encode(words: str) -> str:
            return special.sub(lambda sign: names.get(sign[0], f"&#{ord(sign[0])};"), words)

        return encode
