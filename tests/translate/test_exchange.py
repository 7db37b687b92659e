"""Out as tables, TMX and XLIFF, and TMX of others in."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree, html

from playground.errors import BadValueError
from playground.store.translation_values import SourceFile, StoredSegment, Translation, Unit
from playground.translate.export import FORMATS
from playground.translate.matches import Matches
from playground.translate.tmx import read_tmx, write_tmx

WAY = ({"model": "m", "source": "en", "target": "fr", "kind": "seq2seq"},)
RUN = Translation("r", "Run", "complete", "", {}, WAY, 1.0, 1.0, 1.0, None)
FILE = SourceFile("a.html", "html", b"", "", "en")
SEGMENTS = [
    StoredSegment(0, 0, "A ⟨1⟩bold⟨/1⟩ word", "p", "done", "Un mot ⟨1⟩gras⟨/1⟩", origin="model"),
    StoredSegment(0, 1, "=1+1 <script>", "p", "done", "=1+1 <script>", origin="person", confirmed=True),
    StoredSegment(0, 2, "Lost", "p", "failed", "Lost", error="The model failed."),
    StoredSegment(
        0, 3, "Two 2", "p", "done", "Deux 3⟨1/⟩", origin="model", doubts=({"kind": "number", "detail": "3"},)
    ),
]


def written(name: str) -> bytes:
    return FORMATS[name].write(RUN, FILE, SEGMENTS)


def test_the_table_has_a_row_for_each_segment_and_runs_nothing() -> None:
    page = html.fromstring(written("table"))
    rows = [[cell.text_content() for cell in row] for row in page.iter("tr")][1:]
    assert rows[0] == ["1", "A bold word", "Un mot gras"]
    assert rows[2] == ["3", "Lost", ""]
    assert page.find(".//script") is None
    assert [row.get("class") for row in page.iter("tr")][1:] == [None, None, "doubt", "doubt"]


def test_a_spreadsheet_computes_nothing_of_it() -> None:
    rows = list(csv.reader(io.StringIO(written("csv").decode("utf-8-sig"))))
    assert rows[1][:3] == ["1", "A bold word", "Un mot gras"]
    assert rows[2][1] == "'=1+1 <script>"
    assert rows[3][-1] == "The model failed."


def test_tmx_comes_back_as_it_was() -> None:
    units, left = read_tmx(written("tmx"), "a.tmx")
    assert [(one.source, one.target) for one in units] == [
        ("A ⟨1⟩bold⟨/1⟩ word", "Un mot ⟨1⟩gras⟨/1⟩"),
        ("=1+1 <script>", "=1+1 <script>"),
        ("Two 2", "Deux 3⟨1/⟩"),
    ]
    assert left == []


def test_tmx_of_another_program_is_read() -> None:
    data = b"""<?xml version="1.0"?><tmx version="1.4"><header srclang="fr-FR"/><body>
      <tu><tuv xml:lang="EN-US">
          <seg>A <bpt i="1">&lt;b&gt;</bpt>bold<ept i="1">&lt;/b&gt;</ept> <ph x="2"/>word</seg></tuv>
          <tuv xml:lang="fr-FR"><seg>Un mot
            <hi>gras</hi></seg></tuv><tuv xml:lang="de"><seg>Wort</seg></tuv></tu>
      <tu><tuv xml:lang="en"><seg>alone</seg></tuv></tu></body></tmx>"""
    units, left = read_tmx(data, "a.tmx")
    assert [(one.source_language, one.target_language, one.source, one.target) for one in units] == [
        ("fr", "en", "Un mot gras", "A ⟨1⟩bold⟨/1⟩ ⟨2/⟩word"),
        ("fr", "de", "Un mot gras", "Wort"),
    ]
    assert left == ["Unit 2 has fewer than two languages with a text."]


@pytest.mark.parametrize(
    ("data", "words"),
    [(b"", "not TMX, or damaged"), (b"<html/>", "is not TMX"), (b"<tmx><body>", "line 1"), (b"\xff\xfe", "damaged")],
)
def test_what_is_no_tmx_is_told(data: bytes, words: str) -> None:
    with pytest.raises(BadValueError, match=words):
        read_tmx(data, "a.tmx")


def test_tmx_asks_nobody_and_unfolds_nothing() -> None:
    bomb = b'<!DOCTYPE tmx [<!ENTITY a "aaaa"><!ENTITY b SYSTEM "file:///etc/passwd">]><tmx><body><tu>' + (
        b'<tuv xml:lang="en"><seg>x&b;</seg></tuv><tuv xml:lang="fr"><seg>y&a;</seg></tuv></tu></body></tmx>'
    )
    units, _ = read_tmx(bomb, "a.tmx")
    assert [(one.source, one.target) for one in units] == [("x", "y")]


def test_xliff_has_states_tags_and_notes() -> None:
    root = etree.fromstring(written("xliff"))
    space = {"x": "urn:oasis:names:tc:xliff:document:1.2"}
    units = root.findall(".//x:trans-unit", space)
    assert [unit.get("approved") for unit in units] == [None, "yes", None, None]
    assert [target.get("state") for target in root.findall(".//x:target", space)] == [
        "translated", "final", "needs-review-translation",
    ]  # fmt: skip
    assert etree.tostring(units[0].find("x:target", space), encoding="unicode").count("<g id=") == 1
    assert units[3].findtext("x:note", None, space) == "number 3"


@given(st.lists(st.tuples(st.text(max_size=30), st.text(max_size=30)), max_size=4))
def test_any_words_can_be_written(texts: list[tuple[str, str]]) -> None:
    segments = [
        StoredSegment(0, at, source, "", "done", target, origin="model") for at, (source, target) in enumerate(texts)
    ]
    for one in FORMATS.values():
        one.write(RUN, FILE, segments)
    etree.fromstring(FORMATS["xliff"].write(RUN, FILE, segments))
    read_tmx(write_tmx([Unit(1, "en", "fr", *pair, "", "", 0.0, 0.0) for pair in texts]), "a.tmx")


def test_the_nearest_units_come_first_and_the_same_text_is_whole() -> None:
    unit = Unit(1, "en", "fr", "The small cat sleeps here.", "Le petit chat dort ici.", "", "", 0.0, 0.0)
    near, far = replace(unit, source="The small cat sleeps there."), replace(unit, source="Nothing of the kind at all")
    matches = Matches([far, near, unit])
    found = matches.like(unit.source)
    assert [one.unit for one in found] == [unit, near]
    assert found[0].score == 100
    assert matches.exact(unit.source) == unit
    tagged = matches.like("The ⟨1⟩small⟨/1⟩ cat sleeps here.")
    assert tagged[0].score == 99
    assert matches.exact("The ⟨1⟩small⟨/1⟩ cat sleeps here.") is None
