"""The translation memory as TMX 1.4, and TMX of others into units. Knows no SQL."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from lxml import etree

from playground import __version__
from playground.errors import BadValueError
from playground.store.translation_values import Unit
from playground.translate.doubts import base
from playground.translate.inline_xml import clean, flat, marked, parser

_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_TIME = "%Y%m%dT%H%M%SZ"
_LONGEST = 20_000
"""Characters of one text of a unit."""


def write_tmx(units: Iterable[Unit]) -> bytes:
    """All units in one file."""
    root = etree.Element("tmx", version="1.4")
    about = {"creationtool": "Playground", "creationtoolversion": __version__, "datatype": "unknown"}
    about |= {"segtype": "paragraph", "adminlang": "en", "srclang": "*all*", "o-tmf": "Playground"}
    etree.SubElement(root, "header", about)
    body = etree.SubElement(root, "body")
    for one in units:
        made = etree.SubElement(body, "tu", changedate=datetime.fromtimestamp(one.updated_at, UTC).strftime(_TIME))
        if one.context:
            etree.SubElement(made, "prop", type="x-context").text = clean(one.context)
        for language, text in ((one.source_language, one.source), (one.target_language, one.target)):
            variant = etree.SubElement(made, "tuv", {_LANG: language})
            flat(etree.SubElement(variant, "seg"), text)
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True))


def read_tmx(data: bytes, name: str) -> tuple[list[Unit], list[str]]:
    """Units of a TMX file, each from its first language to every other; and what was left out, in sentences.

    Raises BadValueError when it is no TMX.
    """
    try:
        root = etree.fromstring(data, parser())
    except etree.XMLSyntaxError as error:
        raise BadValueError(f"{name} is not TMX, or damaged (line {error.lineno}). Export it again.") from error
    if etree.QName(root).localname != "tmx":
        raise BadValueError(f"{name} is not TMX. Choose a file that ends in .tmx.")
    header = root.find("{*}header")
    first = base(header.get("srclang", "")) if header is not None else ""
    ours = header is not None and header.get("creationtool") == "Playground"
    units, left = list[Unit](), list[str]()
    for number, element in enumerate(root.iterfind(".//{*}tu"), 1):
        texts = list(_variants(element, ours))
        if len(texts) < 2:
            left.append(f"Unit {number} has fewer than two languages with a text.")
            continue
        if any(len(text) > _LONGEST for _, text in texts):
            left.append(f"Unit {number} is longer than {_LONGEST:,} characters.")
            continue
        units += _pairs(texts, first, name, _time(element.get("changedate") or element.get("creationdate") or ""))
    return units, left


def _variants(element: etree._Element, ours: bool) -> Iterator[tuple[str, str]]:
    """Language and text of each variant of a unit; `ours`: this app wrote the file."""
    for variant in element.iterfind("{*}tuv"):
        seg = variant.find("{*}seg")
        language = base(variant.get(_LANG) or variant.get("lang") or "")
        text = marked(seg).strip() if seg is not None else ""
        if not ours:  # Others break the lines of their files wherever they like.
            text = " ".join(text.split())
        if is_code(language) and text:
            yield language, text


def is_code(language: str) -> bool:
    """Whether it can be the code of a language, and nothing else."""
    return re.fullmatch(r"[a-z]{2,3}", language) is not None


def _time(said: str) -> float:
    """Seconds since the epoch; 0 where none is told."""
    try:
        return datetime.strptime(said, _TIME).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return 0.0


def _pairs(texts: Sequence[tuple[str, str]], first: str, name: str, changed: float) -> Iterator[Unit]:
    at = next((at for at, (language, _) in enumerate(texts) if language == first), 0)
    language, source = texts[at]
    for other, target in texts:
        if other != language:
            yield Unit(0, language, other, source, target, "", name, 0.0, changed)
