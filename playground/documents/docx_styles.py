"""What the styles and numberings of a Word file make of a paragraph: a heading, or a point of a list.

Knows nothing of text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from playground.documents.archive import Archive, elements

if TYPE_CHECKING:
    from lxml.etree import _Element

_HEADING = re.compile(r"heading\s*([1-9])", re.IGNORECASE)
_DEEPEST = 8


@dataclass(frozen=True)
class About:
    """What a paragraph is: `level` of a heading, 1 to 6, else 0; `list_id` of its list, "" when it is in none."""

    level: int = 0
    list_id: str = ""
    depth: int = 0


def _child(element: _Element | None, *path: str) -> _Element | None:
    for name in path:
        if element is None:
            return None
        element = next((one for one in element if _name(one) == name), None)
    return element


def _name(element: _Element) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _value(element: _Element | None, name: str = "val") -> str:
    if element is None:
        return ""
    return next((str(value) for key, value in element.attrib.items() if str(key).rpartition("}")[2] == name), "")


def _number(text: str, most: int) -> int:
    return min(int(text), most) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _said(properties: _Element | None, before: About) -> About:
    """What the properties of a paragraph or a style say, on top of what held before."""
    outline = _child(properties, "outlineLvl")
    if outline is not None:
        level = _number(_value(outline), 9)
        before = replace(before, level=level + 1 if level < 6 else 0)
    numbers = _child(properties, "numPr")
    if numbers is not None:
        chosen = _child(numbers, "numId")
        list_id = before.list_id if chosen is None else _value(chosen)
        depth = _number(_value(_child(numbers, "ilvl")), _DEEPEST)
        before = replace(before, list_id="" if list_id == "0" else list_id, depth=depth)
    return before


class Styles:
    """The styles of one file, by their ids."""

    def __init__(self, archive: Archive, member: str) -> None:
        self._styles: dict[str, tuple[str, str, About]] = {}
        """Of each: its name, the style it is based on, and what it says itself."""
        self._known: dict[str, About] = {}
        if member not in archive.members:
            return
        for style in elements(archive, member, "{*}style"):
            if _value(style, "type") == "paragraph":
                name, own = _value(_child(style, "name")), _value(style, "styleId")
                said = _said(_child(style, "pPr"), About())
                self._styles[own] = (name, _value(_child(style, "basedOn")), said)
            style.clear()

    def about(self, properties: _Element | None) -> About:
        """What a paragraph with these properties is."""
        style = _value(_child(properties, "pStyle"))
        if style not in self._known:
            self._known[style] = self._of(style)
        return _said(properties, self._known[style])

    def _of(self, style: str) -> About:
        """What the style says, or one that it is based on."""
        found, seen = About(), set[str]()
        while style in self._styles and style not in seen:
            seen.add(style)
            name, base, said = self._styles[style]
            level = found.level or _level(name) or said.level
            lists = found if found.list_id else said
            found = About(level, lists.list_id, lists.depth)
            style = base
        return found


def _level(name: str) -> int:
    """Headings are known by their English names in every language's Word."""
    if found := _HEADING.fullmatch(name.strip()):
        return min(6, int(found.group(1)))
    return 1 if name.strip().lower() == "title" else 0


class Numbering:
    """How the points of each list are marked, and which number comes next."""

    def __init__(self, archive: Archive, member: str) -> None:
        self._formats: dict[str, dict[int, str]] = {}
        self._lists: dict[str, str] = {}
        self._next: dict[tuple[str, int], int] = {}
        if member not in archive.members:
            return
        for element in elements(archive, member, "{*}abstractNum", "{*}num"):
            if _name(element) == "num":
                self._lists[_value(element, "numId")] = _value(_child(element, "abstractNumId"))
            else:
                levels = (one for one in element if _name(one) == "lvl")
                self._formats[_value(element, "abstractNumId")] = {
                    _number(_value(one, "ilvl"), _DEEPEST): _value(_child(one, "numFmt")) for one in levels
                }

    def marker(self, list_id: str, depth: int) -> str:
        """What stands before the next point: `- ` or its number. Empty when there is no such list."""
        if list_id not in self._lists:
            return ""
        form = self._formats.get(self._lists[list_id], {}).get(depth, "bullet")
        if form in ("bullet", "none"):
            return "- "
        for deeper in range(depth + 1, _DEEPEST + 1):
            self._next.pop((list_id, deeper), None)
        number = self._next.get((list_id, depth), 1)
        self._next[list_id, depth] = number + 1
        return f"{number}. "
