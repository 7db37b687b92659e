"""The contents of one paragraph of Word's as nodes, and runs of words. Knows nothing of files.

A field is a tag that stands alone, but that of a link goes around its words. Marks of the spelling checker and of
pages are left out of a paragraph that is made anew: Word sets them itself.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from playground.translate.formats.office_code import is_code_font
from playground.translate.formats.ooxml import Group, Node, Paragraph, Single, Style, Words, paragraph
from playground.translate.formats.ooxml_file import child, tag, value

if TYPE_CHECKING:
    from lxml.etree import _Element

_NAMESPACES = (
    "http://schemas.openxmlformats.org/wordprocessingml/2006/main",
    "http://purl.oclc.org/ooxml/wordprocessingml/main",
)
_SPACE = "{http://www.w3.org/XML/1998/namespace}space"
_AROUND = {
    "hyperlink": "link",
    "ins": "inserted",
    "moveTo": "moved",
    "sdt": "control",
    "smartTag": "term",
    "customXml": "term",
    "bdo": "direction",
    "dir": "direction",
}
"""Elements that go around runs."""
_ABOUT = frozenset({"pPr", "rPr", "sdtPr", "sdtEndPr", "smartTagPr", "customXmlPr"})
_DROPPED = frozenset({"proofErr", "lastRenderedPageBreak", ""})
_SIGNS = {"noBreakHyphen": "\u2011", "softHyphen": "\u00ad"}
_WRITTEN = {"\n": "br", "\t": "tab", "\u2011": "noBreakHyphen", "\u00ad": "softHyphen"}
_LABELS = {
    "br": "break",
    "cr": "break",
    "ptab": "tab",
    "drawing": "image",
    "pict": "image",
    "object": "image",
    "AlternateContent": "image",
    "fldSimple": "field",
    "footnoteReference": "note",
    "endnoteReference": "note",
    "bookmarkStart": "bookmark",
    "bookmarkEnd": "bookmark end",
    "commentRangeStart": "comment",
    "commentRangeEnd": "comment end",
    "commentReference": "comment",
    "del": "deleted",
    "moveFrom": "deleted",
    "oMath": "math",
    "oMathPara": "math",
    "sym": "symbol",
}
_LOOKS = {
    "b": "bold",
    "i": "italic",
    "u": "underline",
    "strike": "strikeout",
    "dstrike": "strikeout",
    "vertAlign": "raised",
    "highlight": "highlight",
    "shd": "highlight",
    "color": "color",
    "caps": "capitals",
    "smallCaps": "capitals",
}
_NOT_SEEN = frozenset({"lang", "noProof", "rPrChange", "webHidden", "bCs", "iCs", "szCs"})
"""What makes no difference to what words look like."""
_OFF = ("0", "false", "off", "none")
_BREAKS = re.compile(r"[\t\r\n]+")
"""In XML these are blanks."""
_PIECES = re.compile("([\n\t\u2011\u00ad])")


def is_words(element: _Element) -> bool:
    """Whether an element is Word's own."""
    return isinstance(element.tag, str) and element.tag.startswith(tuple("{" + one + "}" for one in _NAMESPACES))


@dataclass(frozen=True)
class _Field:
    """A sign of a field: where it begins, its result begins, it ends; or its instruction, with its words."""

    kind: str
    element: _Element
    said: str = ""


_Item = Node | _Field


class WordReader:
    """Takes paragraphs apart and puts them together. `code` and `all` count characters by what they look like."""

    def __init__(self, code_styles: frozenset[str], fonts: bool) -> None:
        """Styles for code by their ids; whether a font can say that something is code."""
        self._code_styles, self._fonts = code_styles, fonts
        self.code = self.all = 0

    def paragraphs(self, root: _Element) -> list[_Element]:
        """All of a part."""
        return [element for element in root.iter("{*}p") if is_words(element)]

    def taken_apart(self, element: _Element, context: str) -> Paragraph | None:
        """See ooxml_file.Reader."""
        if value(child(element, "pPr", "pStyle"), "val") in self._code_styles:
            return None
        return paragraph(self._nodes(element), context)

    def rebuild(self, element: _Element, paragraph: Paragraph, text: str) -> None:
        """See ooxml_file.Reader."""
        _refilled(element, paragraph.rebuilt(text, _runs))

    def _nodes(self, element: _Element) -> list[Node]:
        items: list[_Item] = []
        for one in list(element):
            name = tag(one)
            if name in _ABOUT or name in _DROPPED:
                continue
            if name == "r":
                items += self._pieces(one)
            elif name in _AROUND:
                holder = child(one, "sdtContent") if name == "sdt" else one
                if holder is not None:
                    items.append(Group(_AROUND[name], self._nodes(holder), _around(one, holder)))
            else:
                items.append(Single(_LABELS.get(name, name), (one,)))
        return _with_fields(items)

    def _pieces(self, run: _Element) -> Iterator[_Item]:
        """What stands in a run, each in a run of its own."""
        style = self._style(run)
        children = [one for one in run if tag(one) not in _ABOUT and tag(one) not in _DROPPED]
        for one in children:
            name = tag(one)
            alone = run if len(children) == 1 else _run(run)
            if alone is not run:
                alone.append(one)
            if name == "t" or name in _SIGNS:
                text = _SIGNS.get(name) or " ".join(_BREAKS.split(one.text or ""))
                self.all += len(text)
                self.code += len(text) if style.code else 0
                yield Words(text, style, (alone,))
            elif name == "fldChar":
                yield _Field(value(one, "fldCharType"), alone)
            elif name == "instrText":
                yield _Field("says", alone, one.text or "")
            else:
                yield Single(_LABELS.get(name, name), (alone,), style)

    def _style(self, run: _Element) -> Style:
        from lxml import etree

        looks = child(run, "rPr")
        seen = [one for one in looks if tag(one) and tag(one) not in _NOT_SEEN] if looks is not None else []
        key = b"".join(etree.tostring(one, with_tail=False) for one in seen)
        named = value(child(looks, "rStyle"), "val") in self._code_styles
        code = named or (self._fonts and is_code_font(value(child(looks, "rFonts"), "ascii")))
        labels = (_LOOKS[tag(one)] for one in seen if tag(one) in _LOOKS and value(one, "val") not in _OFF)
        label = "code" if code else " ".join(dict.fromkeys(labels)) or ("format" if seen else "plain")
        return Style(key, label, code, run)


def _with_fields(items: Sequence[_Item]) -> list[Node]:
    """Each field as one node; what a field begins here and ends in a later paragraph, up to its result."""
    out: list[_Item] = []
    begun: list[int] = []
    for item in items:
        out.append(item)
        if isinstance(item, _Field) and item.kind == "begin":
            begun.append(len(out) - 1)
        elif isinstance(item, _Field) and item.kind == "end" and begun:
            at = begun.pop()
            out[at:] = [_field(out[at:])]
    for at in reversed(begun):
        end = next((n for n in range(at, len(out)) if _is(out[n], "separate")), len(out) - 1)
        out[at : end + 1] = [Single("field", _elements(out[at : end + 1]))]
    return [Single("field", (one.element,)) if isinstance(one, _Field) else one for one in out]


def _field(items: Sequence[_Item]) -> Node:
    """A whole field."""
    result = next((n for n, one in enumerate(items) if _is(one, "separate")), len(items) - 1)
    said = "".join(one.said for one in items[:result] if isinstance(one, _Field))
    inside = [one for one in items[result + 1 : -1] if not isinstance(one, _Field)]
    if not said.strip().upper().startswith("HYPERLINK") or not inside:
        return Single("field", _elements(items))
    before, behind = _elements(items[: result + 1]), _elements(items[-1:])
    return Group("link", inside, lambda elements: [*before, *elements, *behind])


def _is(item: _Item, kind: str) -> bool:
    return isinstance(item, _Field) and item.kind == kind


def _elements(items: Sequence[_Item]) -> tuple[_Element, ...]:
    out: list[_Element] = []
    for item in items:
        if isinstance(item, _Field):
            out.append(item.element)
        elif isinstance(item, Words | Single):
            out += item.elements
        elif isinstance(item, Group):
            out += item.around(list(_elements(item.children)))
    return tuple(out)


def _around(element: _Element, holder: _Element) -> Callable[[list[_Element]], list[_Element]]:
    def around(elements: list[_Element]) -> list[_Element]:
        _refilled(holder, elements)
        return [element]

    return around


def _refilled(holder: _Element, elements: Sequence[_Element]) -> None:
    """Exchange what a paragraph or a link holds; what is said about it stays."""
    for one in list(holder):
        if tag(one) not in _ABOUT:
            holder.remove(one)
    holder.extend(elements)


def _run(like: _Element) -> _Element:
    """An empty run that looks like another one."""
    run = like.makeelement(like.tag, {str(key): str(said) for key, said in like.attrib.items()})
    looks = child(like, "rPr")
    if looks is not None:
        run.append(copy.deepcopy(looks))
    return run


def _runs(style: Style, text: str) -> list[_Element]:
    run = _run(style.run)
    space = style.run.tag.rpartition("}")[0] + "}"
    for piece in filter(None, _PIECES.split(text.replace("\r\n", "\n").replace("\r", "\n"))):
        element = run.makeelement(space + _WRITTEN.get(piece, "t"), {})
        if piece not in _WRITTEN:
            element.text = piece
            if piece != " ".join(piece.split()):
                element.set(_SPACE, "preserve")
        run.append(element)
    return [run]
