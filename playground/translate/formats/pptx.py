"""PowerPoint files (PPTX): the paragraphs of slides, their tables and notes, in the order in which they are shown.

Not translated: charts, diagrams, comments, and what stands on the masters of slides.
"""

from __future__ import annotations

import copy
import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from playground.documents.archive import Archive, elements
from playground.documents.docx import main_part
from playground.documents.kinds import shown
from playground.errors import BadValueError
from playground.translate.formats.office_code import is_code_font
from playground.translate.formats.ooxml import Node, Paragraph, Single, Style, Words, paragraph
from playground.translate.formats.ooxml_file import OfficeTemplate, Part, child, member, opened, tag, value

if TYPE_CHECKING:
    from lxml.etree import _Element

_NAMESPACES = (
    "http://schemas.openxmlformats.org/drawingml/2006/main",
    "http://purl.oclc.org/ooxml/drawingml/main",
)
_OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_LABELS = {"br": "break", "fld": "field", "m": "math", "AlternateContent": "math"}
_LOOKS = {"b": "bold", "i": "italic", "u": "underline", "strike": "strikeout", "baseline": "raised"}
_NOT_SEEN = frozenset({"lang", "altLang", "dirty", "err", "noProof", "smtClean", "smtId", "bmk"})
_OFF = ("0", "false", "none", "noStrike")
_ABOUT = frozenset({"pPr", "endParaRPr"})
_TITLES = ("title", "ctrTitle")
_MOST_CODE = 0.5
_BREAKS = re.compile(r"[\t\r\n]+")
"""In XML these are blanks."""
_LINES = re.compile(r"(\r\n|[\n\r\v])")


def read_pptx_template(data: bytes, name: str = "The file") -> OfficeTemplate:
    """The paragraphs of a PowerPoint file; errors call it `name`.

    Raises BadValueError when it is no PowerPoint file, damaged, locked, or would unpack to far too much.
    """
    if data.startswith(_OLD_OFFICE):
        raise BadValueError(
            f"{shown(name)} is an older PowerPoint file (PPT), or protected with a password. "
            "Save it as PPTX without a password and open that file."
        )
    name = shown(name)
    with opened(data, name) as archive:
        main = main_part(archive)
        if main is None or not main.startswith("ppt/"):
            raise BadValueError(f"{name} is no PowerPoint file (PPTX), whatever its name says. Choose another file.")
        parts = list(_parts(archive, main))
    reader = SlideReader(fonts=True)
    template = OfficeTemplate(data, name, parts, reader)
    if reader.code > _MOST_CODE * reader.all:
        template = OfficeTemplate(data, name, parts, SlideReader(fonts=False))
    return template


def _parts(archive: Archive, main: str) -> Iterator[Part]:
    """Each slide, and its notes behind it."""
    related = _related(archive, main)
    taken: set[str] = set()
    number = 0
    for element in elements(archive, main, "{*}sldId"):
        slide = related.get(_relation(element), ("", ""))[1]
        if slide not in archive.members or slide in taken:
            continue
        taken.add(slide)
        number += 1
        yield Part(slide, member(archive, slide), _context(f"slide {number}"))
        for kind, target in _related(archive, slide).values():
            if kind.endswith("/notesSlide") and target in archive.members and target not in taken:
                taken.add(target)
                yield Part(target, member(archive, target), _context(f"slide {number}, notes"))


def _relation(element: _Element) -> str:
    """The id of a relation; the attribute `id` without a namespace is another one."""
    return next((str(found) for key, found in element.attrib.items() if str(key).endswith("}id")), "")


def _related(archive: Archive, name: str) -> Mapping[str, tuple[str, str]]:
    """The kinds and members of what a member is related to, by their ids."""
    folder, own = posixpath.split(name)
    relations = f"{folder}/_rels/{own}.rels"
    if relations not in archive.members:
        return {}
    return {
        value(one, "Id"): (
            value(one, "Type"),
            posixpath.normpath(posixpath.join("/", folder, value(one, "Target")))[1:],
        )
        for one in elements(archive, relations, "{*}Relationship")
        if value(one, "TargetMode") != "External"
    }


def _context(where: str) -> Callable[[_Element], str]:
    def context(element: _Element) -> str:
        shape = next((one for one in element.iterancestors() if tag(one) == "sp"), None)
        kind = value(child(shape, "nvSpPr", "nvPr", "ph"), "type")
        return f"{where}, title" if kind in _TITLES else where

    return context


class SlideReader:
    """Takes paragraphs apart and puts them together. `code` and `all` count characters by what they look like."""

    def __init__(self, fonts: bool) -> None:
        """Whether a font can say that something is code."""
        self._fonts = fonts
        self.code = self.all = 0

    def paragraphs(self, root: _Element) -> list[_Element]:
        """All of a slide."""
        return [one for one in root.iter("{*}p") if one.tag.startswith(tuple("{" + name + "}" for name in _NAMESPACES))]

    def taken_apart(self, element: _Element, context: str) -> Paragraph | None:
        """See ooxml_file.Reader."""
        return paragraph([self._node(one) for one in element if tag(one) and tag(one) not in _ABOUT], context)

    def rebuild(self, element: _Element, paragraph: Paragraph, text: str) -> None:
        """See ooxml_file.Reader."""
        made = paragraph.rebuilt(text, _runs)
        for one in list(element):
            if tag(one) not in _ABOUT:
                element.remove(one)
        end = child(element, "endParaRPr")
        for one in made:
            if end is None:
                element.append(one)
            else:
                end.addprevious(one)

    def _node(self, element: _Element) -> Node:
        if tag(element) != "r":
            return Single(_LABELS.get(tag(element), tag(element)), (element,))
        style = self._style(element)
        words = child(element, "t")
        text = " ".join(_BREAKS.split(words.text or "")) if words is not None else ""
        self.all += len(text)
        self.code += len(text) if style.code else 0
        return Words(text, style, (element,))

    def _style(self, run: _Element) -> Style:
        from lxml import etree

        looks = child(run, "rPr")
        if looks is None:
            return Style(b"", "plain", False, run)
        seen = {str(key): str(said) for key, said in looks.attrib.items() if str(key) not in _NOT_SEEN}
        inside = b"".join(etree.tostring(one, with_tail=False) for one in looks)
        code = self._fonts and is_code_font(value(child(looks, "latin"), "typeface"))
        labels = [_LOOKS[key] for key, said in seen.items() if key in _LOOKS and said not in _OFF]
        if child(looks, "hlinkClick") is not None:
            labels = ["link"]
        label = "code" if code else " ".join(labels) or "format"
        return Style(repr(sorted(seen.items())).encode() + inside, label, code, run)


def _runs(style: Style, text: str) -> list[_Element]:
    """Runs of words that look so, and the breaks between them."""
    out: list[_Element] = []
    space = style.run.tag.rpartition("}")[0] + "}"
    looks = child(style.run, "rPr")
    for piece in filter(None, _LINES.split(text)):
        run = style.run.makeelement(space + "br" if _LINES.fullmatch(piece) else style.run.tag, {})
        if looks is not None:
            run.append(copy.deepcopy(looks))
        if not _LINES.fullmatch(piece):
            words = run.makeelement(space + "t", {})
            words.text = piece
            run.append(words)
        out.append(run)
    return out
