"""Makes small files of the kinds that people attach: PDFs by hand, zip files member by member."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

BODY, BOLD, MONO, CHINESE = "F1", "F2", "F3", "F4"
LEFT, TOP, LEADING = 72.0, 760.0, 14.0


@dataclass(frozen=True)
class Piece:
    """Words at a place of a page, in points from its lower left corner."""

    text: str
    y: float
    x: float = LEFT
    size: float = 11.0
    font: str = BODY


def column(lines: Iterable[str], top: float = TOP, **style: float | str) -> list[Piece]:
    """Lines under each other."""
    return [Piece(line, top - LEADING * n, **style) for n, line in enumerate(lines)]  # type: ignore[arg-type]


def _stream(data: bytes, extra: str = "") -> bytes:
    packed = zlib.compress(data)
    return f"<< /Length {len(packed)} /Filter /FlateDecode {extra}>>\nstream\n".encode() + packed + b"\nendstream"


def _shown(piece: Piece) -> str:
    if piece.font == CHINESE:
        words = f"<{piece.text.encode('utf-16-be').hex()}>"
    else:
        escaped = piece.text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
        words = f"({escaped})"
    return f"BT /{piece.font} {piece.size} Tf 1 0 0 1 {piece.x} {piece.y} Tm {words} Tj ET"


_TO_UNICODE = b"""/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def /CMapType 2 def
1 begincodespacerange <0000> <ffff> endcodespacerange 1 beginbfrange <0000> <ffff> <0000> endbfrange
endcmap CMapName currentdict /CMap defineresource pop end end"""


def pdf(pages: Sequence[Sequence[Piece] | bytes], title: str = "") -> bytes:
    """A PDF; a page that is bytes is made of these drawing commands. `/Im` is a picture, `/Fm` a form, if asked for."""
    fonts = {BODY: "Helvetica", BOLD: "Helvetica-Bold", MONO: "Courier"}
    objects: list[bytes] = [b"", b""]  # the catalogue and the pages, written last

    def add(data: bytes | str) -> int:
        objects.append(data if isinstance(data, bytes) else data.encode())
        return len(objects)

    numbers = {
        key: add(f"<< /Type /Font /Subtype /Type1 /BaseFont /{name} /Encoding /WinAnsiEncoding >>")
        for key, name in fonts.items()
    }
    unicode = add(_stream(_TO_UNICODE))
    about = add("<< /Type /FontDescriptor /FontName /Song /Flags 4 /FontBBox [0 -200 1000 900] /ItalicAngle 0 "
                "/Ascent 900 /Descent -200 /CapHeight 700 /StemV 80 >>")  # fmt: skip
    inner = add("<< /Type /Font /Subtype /CIDFontType2 /BaseFont /Song /CIDSystemInfo << /Registry (Adobe) "
                f"/Ordering (Identity) /Supplement 0 >> /DW 1000 /FontDescriptor {about} 0 R >>")  # fmt: skip
    numbers[CHINESE] = add(
        f"<< /Type /Font /Subtype /Type0 /BaseFont /Song /Encoding /Identity-H /DescendantFonts [{inner} 0 R] "
        f"/ToUnicode {unicode} 0 R >>"
    )
    picture = add(_stream(b"\x80" * 100, "/Type /XObject /Subtype /Image /Width 10 /Height 10 /BitsPerComponent 8 "
                                         "/ColorSpace /DeviceGray "))  # fmt: skip
    known = " ".join(f"/{key} {number} 0 R" for key, number in numbers.items())
    resources = f"<< /Font << {known} >> /XObject << /Im {picture} 0 R >> >>"
    kids = []
    for page in pages:
        drawn = page if isinstance(page, bytes) else "\n".join(map(_shown, page)).encode("cp1252")
        content = add(_stream(drawn))
        kids.append(add(f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources {resources} "
                        f"/Contents {content} 0 R >>"))  # fmt: skip
    info = add(f"<< /Title <feff{title.encode('utf-16-be').hex()}> >>")
    objects[0] = b"<< /Type /Catalog /Pages 2 0 R >>"
    objects[1] = f"<< /Type /Pages /Count {len(kids)} /Kids [{' '.join(f'{kid} 0 R' for kid in kids)}] >>".encode()
    return assembled(objects, info)


def assembled(objects: Sequence[bytes], info: int) -> bytes:
    """A PDF of these objects, of which the first is the catalogue."""
    out, places = b"%PDF-1.7\n", []
    for number, data in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n".encode() + data + b"\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    tail = f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R /Info {info} 0 R >>\nstartxref\n{len(out)}\n%%EOF\n"
    return out + f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}{tail}".encode()


PICTURE = b"q 400 0 0 600 72 100 cm /Im Do Q"
"""A page that shows a picture alone."""


def zipped(file: Path, members: Mapping[str, bytes | str]) -> Path:
    """A zip file of these members."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as target:
        for name, data in members.items():
            target.writestr(name, data)
    return file


W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_TYPES = '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'
_RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"


def office(file: Path, main: str, body: str | bytes, more: Mapping[str, bytes | str] | None = None) -> Path:
    """An Office file with this body and nothing else but `more`."""
    relations = (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        f'<Relationship Id="r1" Type="{_RELATION}" Target="{main}"/></Relationships>'
    )
    return zipped(file, {"[Content_Types].xml": _TYPES, "_rels/.rels": relations, main: body, **(more or {})})


def docx_body(inner: str, before: str = "") -> str:
    """The main part of a Word file, around these paragraphs."""
    return f'<?xml version="1.0"?>{before}<w:document xmlns:w="{W}"><w:body>{inner}</w:body></w:document>'


def paragraph(text: str) -> str:
    """A plain one of a Word file."""
    return f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"
