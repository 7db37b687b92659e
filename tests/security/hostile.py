"""Makers of hostile files: programs in pickles, bombs, links and paths elsewhere. Knows nothing of the app."""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

DEEP = 100_000
"""Levels of what is nested."""
PLACES = (
    *("../../x", "/etc/passwd", "C:\\x", "C:/x", "\\\\host\\share\\x", "//host/share/x", "a\0b", "/dev/zero"),
    *("/dev/stdin", "/proc/self/environ", "~nobody-here/x", "x" * 5000, "/" + "y/" * 3000, ".", "", "\ud800.gguf"),
    *("file:///etc/passwd", "-rf", "$(touch x)", "`touch x`", "NUL", "CON.gguf", "..", "\n\r\t"),
)
"""What may stand where a path is asked for."""
_SCRIPT = "import os, pathlib\npathlib.Path({canary!r}).touch()\n"


class Program:
    """What a pickle runs when it is read: it makes the canary."""

    def __init__(self, canary: Path) -> None:
        self._canary = str(canary)

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (self._canary,)


def program(canary: Path, protocol: int = 2) -> bytes:
    """A pickle that makes the canary."""
    return pickle.dumps({"weight": Program(canary)}, protocol)


def script(canary: Path) -> str:
    """A Python file that makes the canary when it is imported."""
    return _SCRIPT.format(canary=str(canary))


def checkpoint(canary: Path) -> bytes:
    """The same pickle in the zip that torch.load reads today."""
    return zipped({"archive/data.pkl": program(canary), "archive/version": b"3\n", "archive/byteorder": b"little"})


def array(canary: Path) -> bytes:
    """A numpy file of objects, which are a pickle."""
    head = b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"
    head += b" " * (63 - (len(head) + 10) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + program(canary)


def zipped(members: Mapping[str, bytes], packing: int = zipfile.ZIP_STORED) -> bytes:
    """A zip file with these members, whatever they are called."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", packing) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name) if packing == zipfile.ZIP_STORED else name, data)
    return out.getvalue()


def linked(name: str, target: str) -> bytes:
    """A zip file whose one member is a symbolic link."""
    out, entry = io.BytesIO(), zipfile.ZipInfo(name)
    entry.create_system, entry.external_attr = 3, 0o120777 << 16
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(entry, target)
    return out.getvalue()


def zeros(name: str, size: int, beside: Mapping[str, bytes] | None = None, head: bytes = b"") -> bytes:
    """A zip file of which one member unpacks to `size` bytes of blanks, without ever holding them."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    crc, packed = zlib.crc32(head), [packer.compress(head)]
    blank = b" " * (1 << 20)
    for _ in range(size >> 20):
        crc = zlib.crc32(blank, crc)
        packed.append(packer.compress(blank))
    body = b"".join([*packed, packer.flush()])
    whole = len(head) + (size >> 20 << 20)
    out = bytearray(zipped(beside or {}))
    end = out.rindex(b"PK\x05\x06")
    count, length, start = struct.unpack_from("<HLL", out, end + 10)
    listing = bytes(out[start : start + length])
    del out[start:]
    facts = struct.pack("<HHHHHLLLHH", 20, 0, 8, 0, 33, crc, len(body), whole, len(name), 0)
    at = len(out)
    out += b"PK\x03\x04" + facts + name.encode() + body
    listing += b"PK\x01\x02\x14\x03" + facts + struct.pack("<HHHLL", 0, 0, 0, 0, at) + name.encode()
    start = len(out)
    out += listing + b"PK\x05\x06" + struct.pack("<HHHHLLH", 0, 0, count + 1, count + 1, len(listing), start, 0)
    return bytes(out)


def nested(levels: int = 5, wide: int = 10) -> bytes:
    """Zip files in zip files, with a member of a megabyte at the bottom of each."""
    data = zipped({"0": b"\0" * (1 << 20)}, zipfile.ZIP_DEFLATED)
    for _ in range(levels):
        data = zipped({f"{number}.zip": data for number in range(wide)}, zipfile.ZIP_DEFLATED)
    return data


def overlapping(count: int = 2000) -> bytes:
    """A zip file whose many entries are all the same bytes."""
    once = bytearray(zipped({"conversations.json": b"[" + b"{}," * 300_000 + b"{}]"}, zipfile.ZIP_DEFLATED))
    end = once.rindex(b"PK\x05\x06")
    start = struct.unpack_from("<L", once, end + 16)[0]
    entry = bytes(once[start:end])
    tail = struct.pack("<HHHHLLH", 0, 0, count, count, len(entry) * count, start, 0)
    return bytes(once[:start]) + entry * count + b"PK\x05\x06" + tail


def laughing(root: str = "tmx", canary: Path = Path("/etc/passwd"), attribute: bool = False) -> bytes:
    """XML of a few hundred bytes that means some gigabytes, and asks for a file and an address."""
    rows = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    said = '<b a="&l9;">x</b>' if attribute else "<b>&l9;</b><b>&f;</b><b>&h;</b>"
    return (
        f'<?xml version="1.0"?><!DOCTYPE {root} SYSTEM "http://127.0.0.1:9/x.dtd" [<!ENTITY l0 "ha">{rows}'
        f'<!ENTITY f SYSTEM "file://{canary}"><!ENTITY h SYSTEM "http://127.0.0.1:9/x">'
        f'<!ENTITY % p SYSTEM "file://{canary}"> %p;]><{root} xmlns:xi="http://www.w3.org/2001/XInclude">{said}'
        f'<xi:include href="file://{canary}" parse="text"/></{root}>'
    ).encode()


def word(
    body: bytes | None = None, beside: Mapping[str, bytes] | None = None, main: str = "word/document.xml"
) -> bytes:
    """A Word file with this body."""
    return zipped({**office(main), main: body or paragraphs(b"Hello there."), **(beside or {})}, zipfile.ZIP_DEFLATED)


def office(main: str = "word/document.xml") -> dict[str, bytes]:
    """The members that say what an Office file is."""
    kind = b"http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"
    target = main.encode("utf-8", "replace")
    about = b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    about += b'<Relationship Id="r" Type="' + kind + b'" Target="' + target + b'"/></Relationships>'
    return {"[Content_Types].xml": b"<Types/>", "_rels/.rels": about}


def paragraphs(*texts: bytes, head: bytes = b"") -> bytes:
    """The body of a Word file."""
    inner = b"".join(b"<w:p><w:r><w:t>" + text + b"</w:t></w:r></w:p>" for text in texts)
    space = b'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    return head + b"<w:document " + space + b"><w:body>" + inner + b"</w:body></w:document>"


def book(href: str = "one.html", chapter: bytes = b"<html><p>Hello there.</p></html>", head: bytes = b"") -> bytes:
    """An electronic book of one chapter."""
    package = (
        head
        + (
            f'<package><manifest><item id="a" href="{href}"/></manifest><spine><itemref idref="a"/></spine></package>'
        ).encode()
    )
    container = b'<container><rootfiles><rootfile full-path="a.opf"/></rootfiles></container>'
    return zipped({"META-INF/container.xml": container, "a.opf": package, "one.html": chapter})


def pdf(objects: Mapping[int, bytes]) -> bytes:
    """A PDF file of these objects; 1 is the catalogue."""
    out, places = bytearray(b"%PDF-1.7\n"), {}
    for number, data in objects.items():
        places[number] = len(out)
        out += b"%d 0 obj\n" % number + data + b"\nendobj\n"
    start, most = len(out), max(objects) + 1
    rows = b"".join(b"%010d 00000 n \n" % places[n] if n in places else b"0000000000 65535 f \n" for n in range(most))
    out += b"xref\n0 %d\n" % most + rows + b"trailer <</Size %d /Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (most, start)
    return bytes(out)


def picture(width: int, height: int) -> bytes:
    """A PNG that says to have so many pixels, all black, in a few kilobytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">L", len(data)) + kind + data + struct.pack(">L", zlib.crc32(kind + data))

    rows = zlib.compress(b"\0" * min(width * height // 8, 1 << 24), 9)
    head = struct.pack(">LLBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def deep(opening: str = "[", closing: str = "]") -> bytes:
    """JSON of very many levels."""
    return (opening * DEEP + "1" * (opening != "[") + closing * DEEP).encode()


def safetensors(header: Any = None, length: int | None = None, data: bytes = b"\0" * 64) -> bytes:
    """A safetensors file with this header, which may lie about its length."""
    text = header if isinstance(header, bytes) else json.dumps(header or {}).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def lying_safetensors() -> dict[str, bytes]:
    """Headers that no reader should believe, by what is wrong with them."""

    def one(begin: Any, end: Any, shape: Any = (4,), name: str = "a", dtype: Any = "F32") -> dict[str, Any]:
        return {name: {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}}

    return {
        "length": safetensors({}, 1 << 62),
        "most": safetensors({}, (1 << 64) - 1),
        "negative": safetensors(one(-100, -84)),
        "swapped": safetensors(one(64, 0)),
        "behind": safetensors(one(1 << 40, (1 << 40) + 16)),
        "shape": safetensors(one(0, 16, (1 << 62, 1 << 62))),
        "minus": safetensors(one(0, 16, (-4,))),
        "texts": safetensors(one("0", "16", ("4",))),
        "huge": safetensors(b'{"a": {"dtype": "F32", "shape": [1e999999], "data_offsets": [0, 1e999999]}}'),
        "digits": safetensors(b'{"a": {"dtype": "F32", "shape": [' + b"9" * 10_000 + b'], "data_offsets": [0, 16]}}'),
        "kind": safetensors(one(0, 16, dtype=["F32"])),
        "list": safetensors(b"[1, 2]"),
        "overlap": safetensors({**one(0, 16), **one(8, 24, name="../../b")}),
        "deep": safetensors(deep()),
        "deep tables": safetensors(deep('{"a":', "}")),
        "no text": safetensors(b"\xff\xfe\xfd"),
    }


def gguf(keys: bytes = b"", count: int = 0, tensors: bytes = b"", number: int = 0, version: int = 3) -> bytes:
    """A GGUF file of raw keys and tensors, which may lie about how many there are."""
    return b"GGUF" + struct.pack("<LQQ", version, number, count) + keys + tensors


def lying_gguf(canary: Path) -> dict[str, bytes]:
    """GGUF headers that no reader should believe."""

    def text(said: bytes) -> bytes:
        return struct.pack("<Q", len(said)) + said

    huge = text(b"a") + struct.pack("<LLQ", 9, 8, 1 << 62)
    table = text(b"a") + struct.pack("<LLQ", 9, 4, 1 << 62)
    inner = text(b"a") + struct.pack("<L", 9) + struct.pack("<LQ", 9, 1) * 5000
    side = struct.pack("<LQQLQ", 2, 1 << 62, 1 << 62, 0, 0)
    return {
        "count": gguf(count=1 << 63),
        "tensors": gguf(number=1 << 63),
        "name": gguf(struct.pack("<Q", 1 << 63), 1),
        "texts": gguf(huge, 1),
        "table": gguf(table, 1),
        "arrays": gguf(inner, 1),
        "alignment": gguf(text(b"general.alignment") + struct.pack("<LL", 4, 0), 1),
        "shape": gguf(number=1, tensors=text(b"../../a") + side),
        "sides": gguf(number=1, tensors=text(b"a") + struct.pack("<L", 1 << 31)),
        "kind": gguf(text(b"a") + struct.pack("<L", 77), 1),
        "short": b"GGUF",
        "pickle": b"GGUF" + program(canary),
        "blank": gguf(),
    }


def documents(canary: Path) -> dict[str, bytes]:
    """Files for a door that takes documents, by a name that says what is wrong."""
    big = paragraphs(b"x").replace(b"</w:body></w:document>", b"")
    loop = {1: b"<</Type/Catalog/Pages 2 0 R>>", 2: b"<</Type/Pages/Kids[2 0 R 2 0 R]/Count 2000000000>>"}
    text = b"BT /F1 12 Tf 72 720 Td (Hello there, this is a page.) Tj ET"
    acting = {
        1: b"<</Type/Catalog/Pages 2 0 R/OpenAction 5 0 R/AA<</O 5 0 R>>/Names<</JavaScript<</Names[(a)6 0 R]>>>>>>",
        2: b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        3: b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</Font<</F1<</Type/Font"
        b"/Subtype/Type1/BaseFont/Helvetica>>>>>>>>",
        4: b"<</Length %d>>stream\n" % len(text) + text + b"\nendstream",
        5: b"<</S/Launch/F(/bin/sh)/Win<</F(cmd.exe)>>>>",
        6: b"<</S/JavaScript/JS(app.launchURL\\('http://127.0.0.1:9'\\))>>",
    }
    deeper = {
        1: b"<</Type/Catalog/Pages 2 0 R/X " + b"[" * 50_000 + b"]" * 50_000 + b">>",
        2: b"<</Type/Pages/Count 0>>",
    }
    hollow = zlib.compress(b" " * (1 << 24), 9)
    for _ in range(3):
        hollow = zlib.compress(hollow, 9)
    filters = b"/FlateDecode " * 4
    packed = b"<</Length %d/Filter[" % len(hollow) + filters + b"]>>stream\n" + hollow + b"\nendstream"
    return {
        "pickle.pkl": program(canary),
        "pickle.txt": program(canary, 0),
        "pickle.json": program(canary),
        "pickle.docx": program(canary),
        "checkpoint.pt": checkpoint(canary),
        "array.npy": array(canary),
        "array.npz": zipped({"a.npy": array(canary)}),
        "pickled.zip": zipped({"conversations.json": program(canary)}),
        "slip.docx": word(beside={"../../../../slip": b"x", "/tmp/slip": b"x", "C:\\slip": b"x"}),
        "slipped main.docx": word(main="../../slip.xml"),
        "slip.epub": book("../../../../etc/passwd"),
        "slip.xlsx": zipped({**office("xl/workbook.xml"), "xl/workbook.xml": b"<a/>", "../x": b"x"}),
        "slip.odt": zipped(
            {"mimetype": b"application/vnd.oasis.opendocument.text", "content.xml": laughing(), "../x": b""}
        ),
        "slip.zip": zipped({"../../conversations.json": b"[]", "/conversations.json": b"[]"}),
        "link.docx": linked("word/document.xml", "/etc/passwd"),
        "link.zip": linked("conversations.json", "/etc/passwd"),
        "bomb.docx": zeros("word/document.xml", 1 << 30, office(), big),
        "bomb.xlsx": zeros("xl/workbook.xml", 64 << 20, office("xl/workbook.xml")),
        "bomb.epub": zeros("one.html", 64 << 20, {"META-INF/container.xml": b"<a/>"}),
        "bomb.zip": zeros("conversations.json", 100 << 20, head=b"[["),
        "many.docx": zipped({**office(), **{f"word/{number}.xml": b"" for number in range(30_000)}}),
        "nested.zip": nested(),
        "overlapping.zip": overlapping(),
        "laughing.docx": word(laughing("document")),
        "laughing rels.docx": zipped({"[Content_Types].xml": laughing(), "_rels/.rels": laughing("Relationships")}),
        "laughing.epub": book(head=laughing().partition(b"<tmx")[0]),
        "laughing chapter.epub": book(chapter=laughing("html")),
        **{f"laughing.{end}": laughing() for end in ("tmx", "tbx", "xml", "xliff", "svg", "html", "srt", "po", "csv")},
        "attribute.tmx": laughing(attribute=True),
        "attribute.docx": word(laughing("document", attribute=True)),
        "deep.xml": b"<tmx>" + b"<a>" * DEEP + b"</a>" * DEEP + b"</tmx>",
        "deep.docx": word(paragraphs(b"<w:a>" * DEEP + b"</w:a>" * DEEP)),
        "deep.html": b"<div><ul><li><table><tr><td>" * (DEEP // 10) + b"x",
        "deep.md": b"> " * DEEP + b"x\n" + b"[" * DEEP + b"*" * DEEP + b"`" * 999,
        "deep.json": deep(),
        "deep tables.json": deep('{"a":', "}"),
        "deep.jsonl": b'{"messages": ' + deep() + b"}\n{}",
        "deep.ipynb": b'{"cells": ' + deep() + b"}",
        "digits.json": b'[{"title": "x", "mapping": ' + b"9" * 100_000 + b', "create_time": 1e999999}]',
        "infinite.json": b'[{"id": "a", "title": "x", "create_time": 1e999999, "update_time": -Infinity, "mapping": '
        b'{"a": {"id": "a", "message": {"author": {"role": "user"}, "create_time": NaN, "content": {"content_type": '
        b'"text", "parts": ["hi"]}}, "children": []}}}]',
        "halves.json": b'[{"title": "\\ud800", "messages": [{"role": "user", "content": "\\udfff\\ud800 hi"}]}]',
        "halves.txt": "\ufeff\ud800\udfff words of a text".encode("utf-16-le", "surrogatepass"),
        "no text.csv": b"\xff\xfe\xfa\x00\x80" * 1000,
        "line.csv": b'"' + b"a" * 3_000_000,
        "wide.csv": b"a," * 200_000 + b"\n" + b"1," * 200_000,
        "line.txt": b"word" * 1_000_000,
        "zeros.txt": b"\0" * 1_000_000,
        "acting.pdf": pdf(acting),
        "loop.pdf": pdf(loop),
        "deep.pdf": pdf(deeper),
        "hollow.pdf": pdf({**acting, 4: packed}),
        "bomb.png": picture(60_000, 60_000),
        "bomb.webp": b"RIFF\x1e\0\0\0WEBPVP8L\x11\0\0\0\x2f\xff\xff\xff\x0f" + b"\0" * 20,
        "bomb.gif": b"GIF89a\xff\xff\xff\xff\xf7\0\0" + b"\0" * 768 + b",\0\0\0\0\xff\xff\xff\xff\0\x08\x01\0",
        "script.svg": b'<svg xmlns="http://www.w3.org/2000/svg" onload="x()"><script>x()</script><text>hi</text></svg>',
        "long.srt": b"1\n99999999999999:00:00,000 --> 00:00:0" + b"9" * 10_000 + b",000\nHello there\n",
        "model.gguf": lying_gguf(canary)["pickle"],
        "weights.safetensors": program(canary),
    }
