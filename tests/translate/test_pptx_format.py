"""PowerPoint files as segments and back: slides in their order, notes, tables, and formatting."""

from __future__ import annotations

import pytest

from playground.errors import BadValueError
from playground.translate.formats.pptx import read_pptx_template
from tests.translate.office_files import docx, members, pptx, relations, shape, shape_of, slide, zipped
from tests.translate.shouting import loud, same, texts

RICH = (
    '<a:p><a:pPr lvl="1"/><a:r><a:rPr lang="en-US" dirty="0"/><a:t>Plain </a:t></a:r>'
    '<a:r><a:rPr lang="de-DE"/><a:t>words </a:t></a:r><a:r><a:rPr b="1" lang="en-US"/><a:t>bold</a:t></a:r>'
    '<a:br/><a:r><a:rPr lang="en-US"><a:hlinkClick r:id="r7"/></a:rPr><a:t>link</a:t></a:r>'
    '<a:fld id="{1}" type="slidenum"><a:t>3</a:t></a:fld><a:endParaRPr lang="en-US"/></a:p>'
)


def plain(text: str) -> str:
    return f"<a:p><a:r><a:t>{text}</a:t></a:r></a:p>"


CELL = f"<a:tr><a:tc><a:txBody>{plain('A cell')}</a:txBody></a:tc></a:tr>"
TABLE = f"<p:graphicFrame><a:graphic><a:tbl>{CELL}</a:tbl></a:graphic></p:graphicFrame>"
DECK = pptx(
    {
        "slide1": slide(shape(plain("Second title"), "title") + TABLE),
        "slide2": slide(shape(plain("First title"), "ctrTitle") + shape(RICH)),
        "slide3": slide(shape(plain("Not shown"))),
    },
    ("slide2", "slide1"),
    {
        "ppt/slides/_rels/slide2.xml.rels": relations(("notesSlide", "../notesSlides/notesSlide1.xml")),
        "ppt/notesSlides/notesSlide1.xml": slide(shape(plain("Say this")), "notes"),
        "ppt/slideMasters/slideMaster1.xml": slide(shape(plain("Click to edit"))),
    },
)


def test_slides_are_read_in_their_order_with_notes_and_tables() -> None:
    assert [(segment.text, segment.context) for segment in read_pptx_template(DECK).segments] == [
        ("First title", "slide 1, title"),
        ("Plain words ⟨1⟩bold⟨/1⟩⟨2/⟩⟨3⟩link⟨/3⟩", "slide 1"),
        ("Say this", "slide 1, notes"),
        ("Second title", "slide 2, title"),
        ("A cell", "slide 2"),
    ]
    assert same(read_pptx_template(DECK)) == DECK


def test_only_words_change() -> None:
    template = read_pptx_template(DECK)
    before, after = members(DECK), members(loud(template))
    assert list(after) == list(before)
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {f"ppt/slides/slide{n}.xml" for n in (1, 2)} | {"ppt/notesSlides/notesSlide1.xml"}
    for name in changed - {"ppt/slides/slide2.xml"}:
        assert shape_of(after[name]) == shape_of(before[name])
    assert b"<a:t>SAY THIS</a:t>" in after["ppt/notesSlides/notesSlide1.xml"]


def test_tags_go_where_a_translation_puts_them() -> None:
    template = read_pptx_template(DECK)
    written = texts(template)
    written[1] = "⟨3⟩lien⟨/3⟩ mots\n⟨1⟩gras⟨/1⟩⟨2/⟩fin"
    xml = members(template.write(written))["ppt/slides/slide2.xml"].decode()
    rich = xml[xml.index('<a:p><a:pPr lvl="1"/>') :]
    usual = '<a:rPr lang="en-US" dirty="0"/>'
    assert rich[: rich.index("</a:p>")] == (
        '<a:p><a:pPr lvl="1"/><a:r><a:rPr lang="en-US"><a:hlinkClick r:id="r7"/></a:rPr><a:t>lien</a:t></a:r>'
        f"<a:r>{usual}<a:t> mots</a:t></a:r><a:br>{usual}</a:br>"
        '<a:r><a:rPr b="1" lang="en-US"/><a:t>gras</a:t></a:r><a:br/>'
        f'<a:r>{usual}<a:t>fin</a:t></a:r><a:fld id="{{1}}" type="slidenum"><a:t>3</a:t></a:fld>'
        '<a:endParaRPr lang="en-US"/>'
    )


def test_code_is_kept_by_its_font() -> None:
    mono = '<a:r><a:rPr><a:latin typeface="Consolas"/></a:rPr><a:t>f(x)</a:t></a:r>'
    inner = f"<a:p><a:r><a:t>Call it: </a:t></a:r>{mono}<a:r><a:t> here</a:t></a:r></a:p><a:p>{mono}</a:p>"
    [segment] = read_pptx_template(pptx({"slide1": slide(shape(inner))}, ("slide1",))).segments
    assert (segment.text, segment.tags[0].keep) == ("Call it: ⟨1⟩f(x)⟨/1⟩ here", True)
    whole = pptx({"slide1": slide(shape(f"<a:p>{mono}</a:p>"))}, ("slide1",))
    assert texts(read_pptx_template(whole)) == ["f(x)"]


def test_slides_that_are_not_there_are_passed_over() -> None:
    assert texts(read_pptx_template(pptx({"slide1": slide(shape(plain("One")))}, ("slide7", "slide1", "slide1")))) == [
        "One"
    ]


def test_wrong_tags_are_told() -> None:
    template = read_pptx_template(DECK)
    wrong = texts(template)
    wrong[1] = "⟨1⟩bold⟨2/⟩"
    with pytest.raises(BadValueError, match="does not keep its tags"):
        template.write(wrong)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "is damaged, or cut off"),
        (DECK[:500], "is damaged, or cut off"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "is an older PowerPoint file"),
        (docx(""), "is no PowerPoint file"),
        (zipped({"a": "b"}), "is no PowerPoint file"),
        (pptx({"slide1": "<p:sld"}, ("slide1",)), "is damaged, or cut off"),
    ],
)
def test_files_that_cannot_be_read_are_told(data: bytes, told: str) -> None:
    with pytest.raises(BadValueError, match=f"^The.file .*{told}"):
        read_pptx_template(data)
