"""Word and PowerPoint files made by hand, member by member, and what of their XML is not text."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from typing import Any

from lxml import etree

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
A = "http://schemas.openxmlformats.org/drawingml/2006/main"
P = "http://schemas.openxmlformats.org/presentationml/2006/main"
MC = "http://schemas.openxmlformats.org/markup-compatibility/2006"
MAIN = "word/document.xml"
PICTURE = bytes(range(256)) * 40
_RELATED = '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{}</Relationships>'


def zipped(members: Mapping[str, str | bytes]) -> bytes:
    """A zip file of these members."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for name, data in members.items():
            target.writestr(name, data)
    return out.getvalue()


def members(data: bytes) -> dict[str, bytes]:
    """What a zip file holds."""
    with zipfile.ZipFile(io.BytesIO(data)) as source:
        return {name: source.read(name) for name in source.namelist()}


def relations(*targets: tuple[str, str]) -> str:
    """Relations with the ids r1, r2, ...: their kinds and targets."""
    return _RELATED.format(
        "".join(
            f'<Relationship Id="r{number}" Type="{R}/{kind}" Target="{target}"/>'
            for number, (kind, target) in enumerate(targets, 1)
        )
    )


def part(inner: str, name: str = "body", before: str = "") -> str:
    """A part of a Word file."""
    outer = "document" if name == "body" else name
    inner = f"<w:body>{inner}</w:body>" if name == "body" else inner
    return f'<?xml version="1.0"?>{before}<w:{outer} xmlns:w="{W}" xmlns:r="{R}" xmlns:mc="{MC}">{inner}</w:{outer}>'


def docx(inner: str, more: Mapping[str, str | bytes] | None = None, before: str = "") -> bytes:
    """A Word file with this body."""
    return zipped(
        {
            "[Content_Types].xml": "<Types/>",
            "_rels/.rels": relations(("officeDocument", MAIN)),
            "word/media/image1.png": PICTURE,
            MAIN: part(inner, before=before),
            **(more or {}),
        }
    )


def run(text: str, looks: str = "") -> str:
    """A run of words."""
    about = f"<w:rPr>{looks}</w:rPr>" if looks else ""
    return f'<w:r>{about}<w:t xml:space="preserve">{text}</w:t></w:r>'


def slide(inner: str, kind: str = "sld") -> str:
    """A slide, around these shapes."""
    return (
        f'<?xml version="1.0" standalone="yes"?><p:{kind} xmlns:p="{P}" xmlns:a="{A}" xmlns:r="{R}"><p:cSld><p:spTree>'
        f"{inner}</p:spTree></p:cSld></p:{kind}>"
    )


def shape(paragraphs: str, kind: str = "body") -> str:
    """A shape with text."""
    return f'<p:sp><p:nvSpPr><p:nvPr><p:ph type="{kind}"/></p:nvPr></p:nvSpPr><p:txBody>{paragraphs}</p:txBody></p:sp>'


def pptx(slides: Mapping[str, str], order: tuple[str, ...], more: Mapping[str, str | bytes] | None = None) -> bytes:
    """A PowerPoint file; `order` are names of slides."""
    listed = "".join(f'<p:sldId id="{255 + n}" r:id="r{n}"/>' for n in range(1, len(order) + 1))
    return zipped(
        {
            "[Content_Types].xml": "<Types/>",
            "_rels/.rels": relations(("officeDocument", "ppt/presentation.xml")),
            "ppt/presentation.xml": f'<p:presentation xmlns:p="{P}" xmlns:r="{R}"><p:sldIdLst>{listed}</p:sldIdLst>'
            "</p:presentation>",
            "ppt/_rels/presentation.xml.rels": relations(*(("slide", f"slides/{name}.xml") for name in order)),
            "ppt/media/image1.png": PICTURE,
            **{f"ppt/slides/{name}.xml": data for name, data in slides.items()},
            **(more or {}),
        }
    )


def shape_of(xml: bytes, texts: bool = False) -> Any:
    """An XML tree as lists, with its texts only if asked for."""
    return _shape(etree.fromstring(xml), texts)


def _shape(element: Any, texts: bool) -> Any:
    kept = {key: said for key, said in element.attrib.items() if not key.endswith("}space")}
    return element.tag, sorted(kept.items()), (element.text or "") if texts else "", [_shape(x, texts) for x in element]
