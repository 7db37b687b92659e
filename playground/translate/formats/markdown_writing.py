"""Writes a translation into a Markdown block, escaped so that the block is read as it was meant."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from playground.translate.formats.base import filled
from playground.translate.formats.markdown_escapes import ADDRESS, LEVELS, escaped
from playground.translate.formats.markdown_parser import blocks
from playground.translate.formats.markdown_pieces import BLANKS, Pieces, pieces_of
from playground.translate.tags import Mark, Tag, closes, looks_like_marks, opens, pieces

BlockKind = Literal["paragraph", "heading", "setext", "cell"]
_ENDS = ("th_close", "tr_close", "thead_close", "table_close")
_FRAMES = {
    "paragraph": ("", "", ("paragraph_open", "inline", "paragraph_close")),
    "heading": ("# ", "", ("heading_open", "inline", "heading_close")),
    "setext": ("", "\n---", ("heading_open", "inline", "heading_close")),
    "cell": ("|", "|\n|---|", (*("table_open", "thead_open", "tr_open", "th_open", "inline"), *_ENDS)),
}
_EMPHASIS = frozenset({"*", "**", "_", "__", "~~"})
_BREAK = re.compile(r"(?: *|\\\\)(?:\r\n|\r|\n)")
_LINE_END = re.compile(r"\r\n|\r|\n")
Item = tuple[Literal["words", "tag"], str]


@dataclass(frozen=True)
class Place:
    """Where a segment stands in its block."""

    kind: BlockKind
    where: str
    """See `pieces_of`."""
    text: str
    """The block's text, without list indents, quote marks and table rules."""
    start: int
    end: int
    """The segment in it."""
    pieces: Pieces
    before: str
    middle: str
    after: str
    """The block's text again, in three parts; for a cell as it stands in the file."""
    bare: Mapping[int, tuple[str, str]]
    """The tags as they are in the block's text."""
    env: Mapping[str, Any]


class Writer:
    """Writes translations of one segment; see `base.Fill`."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def __call__(self, text: str, tags: Sequence[Tag]) -> str:
        """Raises BadValueError when the tags do not fit."""
        filled(text, tags, str)
        place = self._place
        raw = {tag.number: (tag.opening, tag.closing) for tag in tags}
        bare = raw if place.kind == "cell" else place.bare
        text = _tidy(text, raw)
        # In a few places a block by itself is another one than in its file.
        framed = self._read(place.before + place.middle + place.after, framed=True) is not None
        expected = self._expected(text)
        for loose in (False, True):
            for level in range(1, LEVELS + 1):
                found = self._read(place.before + self._written(text, bare, level, loose) + place.after, framed)
                if found is not None and _told(found, loose) == _told(expected, loose):
                    return self._written(text, raw, level, loose)
        return self._written(text, raw, LEVELS, loose=False)

    def _written(self, text: str, raw: Mapping[int, tuple[str, str]], level: int, loose: bool) -> str:
        place = self._place
        in_cell = place.kind == "cell"
        fresh = place.kind in ("paragraph", "setext") and not place.before.rpartition("\n")[2].strip()
        out, code = "", 0
        parts = list(pieces(text))
        for at, part in enumerate(parts):
            if not isinstance(part, Mark):
                if code:
                    out += part.replace("|", "\\|") if in_cell else part
                else:
                    words = part.lstrip() if fresh else part
                    out += escaped(words, level, starts_line=fresh, in_cell=in_cell)
                    fresh = fresh and not words
                continue
            opening, closing = raw[part.number]
            mark = closing if part.kind == "close" else opening
            if opening.startswith("`"):
                code = part.number if part.kind == "open" else 0
            elif loose and opening in _EMPHASIS:
                mark = mark.replace("_", "*")
                following = parts[at + 1 : at + 2]
                after = following[0][:1] if following and isinstance(following[0], str) else ""
                if part.kind == "open" and out[-1:].isalnum() and not after.isalnum():
                    mark = " " + mark
                elif part.kind == "close" and after.isalnum() and not out[-1:].isalnum():
                    mark += " "
            out += mark
            fresh = (fresh and not mark.strip()) or _BREAK.match(mark) is not None
        return out

    def _expected(self, text: str) -> list[Item]:
        """What is to be read of the block."""
        place, found = self._place, self._place.pieces
        items = _items(found, place.text, 0, found.first)
        items.append(("words", place.text[found.all[found.first].start : place.start]))
        for part in pieces(text):
            if isinstance(part, Mark):
                items.append(_item(place.bare[part.number][part.kind == "close"]))
            else:
                items.append(("words", part))
        items.append(("words", place.text[place.end : found.all[found.last - 1].end]))
        return items + _items(found, place.text, found.last, len(found.all))

    def _read(self, whole: str, framed: bool) -> list[Item] | None:
        """What is read of the block; `framed`: it must be one block of its kind."""
        place = self._place
        notes = dict.fromkeys(place.env.get("footnotes", {}).get("refs", ()), -1)
        env = {"references": dict(place.env.get("references", {})), "footnotes": {"refs": notes, "list": {}}}
        text = whole.replace("\\|", "|") if place.kind == "cell" else whole
        if framed:
            before, after, types = _FRAMES[place.kind]
            tokens = blocks(before + whole + after, env)
            if tuple(token.type for token in tokens) != types:
                return None
            text = next(token.content for token in tokens if token.type == "inline")
        found = pieces_of(text, env, place.where)
        return None if found is None else _items(found, text, 0, len(found.all))


def _items(found: Pieces, text: str, at: int, end: int) -> list[Item]:
    items: list[Item] = []
    while at < end:
        piece = found.all[at]
        after = found.lone(at)
        if after > at:
            items.append(_item(text[piece.start : found.all[after - 1].end]))
            at = after
            continue
        items.append(("words", piece.words) if piece.kind == "text" else _item(piece.raw(text)))
        at += 1
    return items


def _item(raw: str) -> Item:
    if _BREAK.match(raw):
        return "tag", "\n"
    if raw in _EMPHASIS:
        return "tag", raw.replace("_", "*")
    return "words" if looks_like_marks(raw) or ADDRESS.fullmatch(raw) else "tag", raw


def _told(items: Sequence[Item], loose: bool) -> list[str]:
    """What a reader sees: words and tags in turn; `loose`: whatever blanks there are."""
    told = [""]
    for kind, text in items:
        if kind == "words":
            told[-1] += text
        else:
            told += [text, ""]
    told[::2] = [BLANKS.sub("" if loose else " ", words) for words in told[::2]]
    for at in range(0, len(told), 2):
        if at == 0 or told[at - 1] == "\n":
            told[at] = told[at].lstrip()
        if at == len(told) - 1 or told[at + 1] == "\n":
            told[at] = told[at].rstrip()
    return told


def _tidy(text: str, raw: Mapping[int, tuple[str, str]]) -> str:
    """`text` on one line, with blanks outside of emphasis, and without emphasis of nothing."""
    out, code = "", 0
    for part in pieces(text):
        if isinstance(part, Mark):
            if raw[part.number][0].startswith("`"):
                code = part.kind == "open"
            out += text[part.start : part.end]
        else:
            out += _LINE_END.sub(" ", part) if code else BLANKS.sub(" ", part)
    emphasis = [number for number, (opening, _) in raw.items() if opening in _EMPHASIS]
    before = None
    while before != out:
        before = out
        for number in emphasis:
            first, last = opens(number), closes(number)
            out = out.replace(first + " ", " " + first).replace(" " + last, last + " ").replace(first + last, "")
    return out.strip()
