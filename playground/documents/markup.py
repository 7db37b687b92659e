"""HTML as blocks: what a reader would read of it. Nothing is fetched, no script is run, navigation is left out.

A walk along the tags without a tree, so that neither size nor depth matters. Knows nothing of files.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from playground.documents.joining import flowed
from playground.documents.tables import markdown_table
from playground.documents.values import Block

_LEFT_OUT = frozenset(
    {
        *("script", "style", "noscript", "template", "svg", "iframe", "object", "embed", "nav", "footer", "button"),
        *("select", "textarea", "input", "canvas", "audio", "video", "map", "annotation", "annotation-xml"),
        *("datalist", "dialog", "menu"),
    }
)
_ROLES = {"navigation", "search", "contentinfo", "banner", "menu", "menubar", "dialog"}
_CLASSES = {"navheader", "navfooter", "toc", "list-of-tables", "headerlink", "anchor", "mw-editsection", "sr-only"}
"""As DocBook, Sphinx, GitHub and MediaWiki call what is no text."""
_APART = frozenset(
    {
        *("p", "div", "section", "article", "header", "main", "blockquote", "ul", "ol", "dl", "dt", "dd", "li"),
        *("table", "caption", "tr", "td", "th", "pre", "hr", "figure", "figcaption", "address", "form", "fieldset"),
        *("legend", "details", "summary", "body", "html", "aside", "center", "title", "h1", "h2", "h3", "h4", "h5"),
        "h6",
    }
)
"""Tags at which a paragraph ends."""
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_BREAK = "\x0b"
"""Stands for <br>, among blanks that mean nothing."""
_CHARSET = re.compile(rb"""(?:charset|encoding)\s*=\s*["']?\s*([\w-]{2,20})""", re.IGNORECASE)
_LANGUAGE = re.compile(r"(?:language|lang|highlight|brush)[-:\s]+([\w+#-]+)")
_WIDEST_CELL, _DEEPEST_LIST = 20, 12


@dataclass
class _Table:
    """A table on its way. `plain` ones only arrange other blocks."""

    rows: list[list[str]] = field(default_factory=list)
    span: int = 1
    """Columns that the open cell is wide."""
    plain: bool = False


def charset_of(data: bytes) -> str:
    """What the file says its encoding is; empty when it does not say."""
    found = _CHARSET.search(data[:4096])
    return found.group(1).decode("ascii") if found else ""


def read_html(text: str) -> tuple[tuple[Block, ...], str]:
    """The blocks, and the title."""
    from lxml import etree

    walk = Walk()
    parser = etree.HTMLParser(target=walk, encoding="utf-8", huge_tree=True)  # type: ignore[arg-type]
    data = text.replace("\x00", "").encode("utf-8", "replace")
    if not data:
        return (), ""
    for start in range(0, len(data), 1 << 20):
        parser.feed(data[start : start + (1 << 20)])
    parser.close()
    return walk.result()


class Walk:
    """Takes tags and text in their order, and makes blocks."""

    def __init__(self) -> None:
        self._blocks: list[tuple[bool, Block]] = []
        self._text: list[str] = []
        self._title = ""
        self._skipped = 0
        self._main = 0
        self._preformatted: str | None = None
        self._lists: list[int] = []
        """For each open list the number of its next point; 0 where points have none."""
        self._points: list[str] = []
        self._marker = ""
        self._tables: list[_Table] = []

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """An opening tag."""
        tag = tag.rpartition("}")[2].rpartition(":")[2].lower()
        if self._skipped or tag in _LEFT_OUT or (attributes and _is_hidden(attributes)):
            self._skipped += 1
            return
        if self._preformatted is not None:
            self._preformatted = self._preformatted or _language(attributes)
            if tag == "br":
                self._text.append("\n")
            return
        if tag in _APART:
            self._flush()
        if tag == "main" or attributes.get("role") == "main":
            self._main += 1
        if tag == "pre":
            self._preformatted = _language(attributes)
        elif tag == "br":
            self._text.append(_BREAK)
        elif tag == "code":
            self._text.append("`")
        elif tag in ("ul", "ol"):
            self._lists.append(0 if tag == "ul" else _whole(attributes.get("start"), 1))
        elif tag == "li":
            self._point()
        elif tag == "table":
            self._open_table(attributes.get("role") in ("presentation", "none"))
        elif tag == "tr" and self._tables:
            self._tables[-1].rows.append([])
        elif tag in ("td", "th") and self._in_cell() and not self._tables[-1].plain:
            self._text = []
            self._tables[-1].span = min(_whole(attributes.get("colspan"), 1), _WIDEST_CELL)

    def end(self, tag: str) -> None:
        """A closing tag."""
        tag = tag.rpartition("}")[2].rpartition(":")[2].lower()
        if self._skipped:
            self._skipped -= 1
            return
        if self._preformatted is not None:
            if tag == "pre":
                self._code()
            return
        if tag == "title":
            self._title = self._title or flowed("".join(self._text))
            self._text = []
        elif tag == "code":
            self._text.append("`")
        elif tag in ("td", "th") and self._in_cell() and not self._tables[-1].plain:
            self._tables[-1].rows[-1].extend([self._taken(), *[""] * (self._tables[-1].span - 1)])
        elif len(tag) == 2 and tag[0] == "h" and tag[1] in "123456":
            self._heading(int(tag[1]))
        elif tag in _APART:
            self._flush()
        if tag in ("ul", "ol") and self._lists:
            self._lists.pop()
            if not self._lists:
                self._end_list()
        elif tag == "table" and self._tables:
            self._close_table()
        elif tag == "main":
            self._main = max(0, self._main - 1)

    def data(self, text: str) -> None:
        """Text between tags."""
        if not self._skipped:
            self._text.append(text if self._preformatted is not None else text.replace(_BREAK, " "))

    def close(self) -> None:
        """The end of the file."""
        while self._tables:
            self._close_table()
        self._flush()
        self._end_list()

    def result(self) -> tuple[tuple[Block, ...], str]:
        """The blocks: of the page's main part where it has one, else all. And the title."""
        main = [block for inside, block in self._blocks if inside]
        return tuple(main or [block for _, block in self._blocks]), self._title

    def _in_cell(self) -> bool:
        return bool(self._tables and self._tables[-1].rows)

    def _taken(self) -> str:
        if not self._text:
            return ""
        # Code without words is no code.
        lines = map(flowed, "".join(self._text).replace("``", "").split(_BREAK))
        self._text = []
        return "\n".join(line for line in lines if line.replace("`", "").strip())

    def _add(self, block: Block) -> None:
        self._blocks.append((self._main > 0, block))

    def _flush(self) -> None:
        if self._tables and not self._tables[-1].plain:
            self._text.append(_BREAK)
            return
        text = self._taken()
        if not text:
            return
        if self._lists:
            indent = "  " * min(len(self._lists) - 1, _DEEPEST_LIST)
            marker = self._marker or "  "
            self._points.append(indent + marker + text.replace("\n", "\n" + indent + " " * len(marker)))
            self._marker = ""
        else:
            self._add(Block("paragraph", text))

    def _point(self) -> None:
        if not self._lists or (self._tables and not self._tables[-1].plain):
            self._text.append("- ")
            return
        number = self._lists[-1]
        self._marker = f"{number}. " if number else "- "
        self._lists[-1] += bool(number)

    def _end_list(self) -> None:
        if self._points:
            self._add(Block("list", "\n".join(self._points)))
        self._points, self._marker = [], ""

    def _heading(self, level: int) -> None:
        self._make_plain()
        if text := self._taken().replace("\n", " "):
            self._end_list()
            self._add(Block("heading", text, level=level))

    def _code(self) -> None:
        text = "".join(self._text).strip("\n").rstrip()
        language, self._preformatted = self._preformatted or "", None
        if self._tables and not self._tables[-1].plain:
            self._text = [text.replace("\n", _BREAK)]
            return
        self._text = []
        if text:
            self._end_list()
            self._add(Block("code", text, language=language))

    def _open_table(self, arranging: bool) -> None:
        self._make_plain()
        self._flush()
        self._end_list()
        self._tables.append(_Table(plain=arranging))

    def _make_plain(self) -> None:
        """The open table holds other blocks, so it only arranges: its cells are paragraphs."""
        if self._tables and not self._tables[-1].plain:
            self._tables[-1].plain = True
            for text in (cell for row in self._tables[-1].rows for cell in row if cell):
                self._add(Block("paragraph", text))

    def _close_table(self) -> None:
        table = self._tables[-1]
        rows = [row for row in table.rows if any(row)]
        # Of a row with one cell alone nothing is told by columns: it frames a note, or holds the page together.
        if not table.plain and max((sum(map(bool, row)) for row in rows), default=0) > 1:
            self._tables.pop()
            left_over = self._taken()
            self._add(Block("table", markdown_table(rows)))
            self._text = [left_over]
            self._flush()
        else:
            self._make_plain()
            self._flush()
            self._tables.pop()


def _is_hidden(attributes: Mapping[str, str]) -> bool:
    return (
        "hidden" in attributes
        or attributes.get("aria-hidden") == "true"
        or attributes.get("role") in _ROLES
        or bool(_CLASSES.intersection(attributes.get("class", "").split()))
        or bool(_HIDDEN.search(attributes.get("style", "")))
    )


def _language(attributes: Mapping[str, str]) -> str:
    found = _LANGUAGE.search(attributes.get("class", ""))
    return found.group(1) if found else ""


def _whole(text: str | None, default: int) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 5 else default
