"""Word files as segments and back: formatting, links, fields, what is left alone, and files that mean harm."""

from __future__ import annotations

import io
import zipfile

import docx as python_docx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playground.errors import BadValueError
from playground.translate.formats.docx import read_docx_template
from playground.translate.tags import Tag
from tests.translate.office_files import MAIN, docx, members, part, relations, run, shape_of, zipped
from tests.translate.shouting import loud, same, texts

BOLD, ITALIC = "<w:b/>", "<w:i/>"
CODE = '<w:rFonts w:ascii="Courier New" w:hAnsi="Courier New"/>'
LINK = f'<w:hyperlink r:id="r9">{run("the site", "<w:u/>")}</w:hyperlink>'
NOTE = '<w:r><w:footnoteReference w:id="2"/></w:r>'
MARK = '<w:bookmarkStart w:id="1" w:name="_Toc1"/>'


def paragraph(*inner: str) -> str:
    return f"<w:p>{''.join(inner)}</w:p>"


def field(instruction: str, result: str) -> str:
    signs = [f'<w:r><w:fldChar w:fldCharType="{kind}"/></w:r>' for kind in ("begin", "separate", "end")]
    return f"{signs[0]}<w:r><w:instrText>{instruction}</w:instrText></w:r>{signs[1]}{result}{signs[2]}"


def read(*inner: str) -> list[str]:
    return texts(read_docx_template(docx(paragraph(*inner))))


def body(data: bytes) -> bytes:
    return members(data)[MAIN]


def test_formatting_links_and_notes_are_tags() -> None:
    data = docx(paragraph(run("Plain "), run("bold", BOLD), run(" see "), LINK, NOTE, run(" and more.")))
    [segment] = read_docx_template(data).segments
    assert segment.text == "Plain ⟨1⟩bold⟨/1⟩ see ⟨2⟩the site⟨/2⟩⟨3/⟩ and more."
    assert segment.tags == (
        Tag(1, "<bold>", "</bold>"),
        Tag(2, "<link>", "</link>"),
        Tag(3, "<note>", single=True),
    )


def test_tags_go_where_a_translation_puts_them() -> None:
    data = docx(paragraph(run("Plain "), run("bold", BOLD), run(" see "), LINK, NOTE, run(" and more.")))
    written = body(read_docx_template(data).write(["⟨2⟩le site⟨/2⟩ voir⟨3/⟩, ⟨1⟩gras⟨/1⟩ et"])).decode()
    inside = written[written.index("<w:p>") : written.index("</w:p>")].replace(' xml:space="preserve"', "")
    assert inside == (
        '<w:p><w:hyperlink r:id="r9"><w:r><w:rPr><w:u/></w:rPr><w:t>le site</w:t></w:r></w:hyperlink>'
        "<w:r><w:t> voir</w:t></w:r>" + NOTE + "<w:r><w:t>, </w:t></w:r>"
        "<w:r><w:rPr><w:b/></w:rPr><w:t>gras</w:t></w:r><w:r><w:t> et</w:t></w:r>"
    )


def test_runs_that_look_the_same_are_joined() -> None:
    spell = '<w:proofErr w:type="spellStart"/>'
    english = '<w:lang w:val="en-US"/>'
    assert read(run("Hel"), spell, run("lo ", english), run("wor", BOLD), run(" ", ""), run("ld", BOLD)) == [
        "Hello ⟨1⟩wor ld⟨/1⟩"
    ]


def test_what_looks_most_usual_has_no_tag() -> None:
    assert read(run("All of it is bold", BOLD)) == ["All of it is bold"]
    [segment] = read_docx_template(
        docx(paragraph(run("Nearly all ", BOLD), run("of it"), run(" is bold", BOLD)))
    ).segments
    assert (segment.text, segment.tags[0].opening) == ("Nearly all ⟨1⟩of it⟨/1⟩ is bold", "<plain>")


def test_what_stands_at_the_ends_stays_there() -> None:
    inner = (MARK, run(" Words in the middle "), '<w:bookmarkEnd w:id="1"/>', NOTE)
    template = read_docx_template(docx(paragraph(*inner)))
    assert texts(template) == ["Words in the middle"]
    assert loud(template) != same(template)
    written = body(template.write(["Other"])).decode()
    places = [
        written.index(piece) for piece in ("bookmarkStart", "> <", ">Other<", "> <", "bookmarkEnd", "footnoteRef")
    ]
    assert places[:3] == sorted(places[:3])
    assert places[2] < places[4] < places[5]


def test_a_paragraph_that_is_one_link_has_no_tag() -> None:
    data = docx(paragraph(LINK))
    template = read_docx_template(data)
    assert texts(template) == ["the site"]
    assert body(loud(template)).count(b"THE SITE") == 1
    assert shape_of(body(loud(template))) == shape_of(body(data))


def test_breaks_tabs_and_images_are_tags_that_stand_alone() -> None:
    broken = "<w:r><w:t>one</w:t><w:br/><w:t>two</w:t><w:tab/><w:t>three</w:t><w:drawing/><w:t>four</w:t></w:r>"
    template = read_docx_template(docx(paragraph(broken)))
    [segment] = template.segments
    assert segment.text == "one⟨1/⟩two⟨2/⟩three⟨3/⟩four"
    assert [tag.opening for tag in segment.tags] == ["<break>", "<tab>", "<image>"]
    written = body(template.write(["1 a⟨3/⟩b⟨1/⟩c⟨2/⟩\td\ne\x02\u2011f"])).decode()
    order = ("drawing", "<w:br/>", "<w:tab/>", "<w:tab/>", "<w:t>d<", "<w:br/>", "<w:t>e<", "noBreakHyphen", "<w:t>f<")
    at = 0
    for piece in order:
        at = written.index(piece, at) + 1


def test_fields_are_tags_that_stand_alone_but_links_go_around_words() -> None:
    number = field(" PAGEREF _Toc1 \\h ", run("7"))
    link = field(' HYPERLINK "https://example.org" ', run("here", "<w:u/>"))
    data = docx(paragraph(run("See page "), number, run(" or "), link, run(" now")))
    template = read_docx_template(data)
    assert texts(template) == ["See page ⟨1/⟩ or ⟨2⟩here⟨/2⟩ now"]
    assert shape_of(body(loud(template))) == shape_of(body(data))


def test_a_field_that_ends_in_another_paragraph_is_left_in_its_place() -> None:
    whole = field(" TOC ", run("First entry") + "</w:p><w:p>" + run("Second entry"))
    template = read_docx_template(docx(paragraph(whole)))
    assert texts(template) == ["First entry", "Second entry"]
    assert shape_of(body(loud(template))) == shape_of(body(same(template)))


def test_code_is_kept() -> None:
    styles = part(
        '<w:style w:type="character" w:styleId="X1"><w:name w:val="Inline Code"/></w:style>'
        '<w:style w:type="character" w:styleId="X2"><w:basedOn w:val="X1"/></w:style>'
        '<w:style w:type="paragraph" w:styleId="X3"><w:name w:val="HTML Preformatted"/></w:style>',
        "styles",
    )
    inner = paragraph(
        run("As one can see there, call "),
        run("f(x)", '<w:rStyle w:val="X2"/>'),
        run(" or "),
        run("g(y)", CODE),
        run(" there"),
    )
    listing = paragraph('<w:pPr><w:pStyle w:val="X3"/></w:pPr>', run("for all of them"))
    template = read_docx_template(
        docx(inner + listing + paragraph(run("let it be", CODE)), {"word/styles.xml": styles})
    )
    [segment] = template.segments
    assert segment.text == "As one can see there, call ⟨1⟩f(x)⟨/1⟩ or ⟨2⟩g(y)⟨/2⟩ there"
    assert [tag.keep for tag in segment.tags] == [True, True]


def test_a_text_that_is_all_in_a_typewriters_font_is_no_code() -> None:
    assert read(run("Written on an old machine", CODE), run(" and a bit", BOLD)) == [
        "Written on an old machine⟨1⟩ and a bit⟨/1⟩"
    ]


def test_deleted_text_is_left_alone() -> None:
    deleted = '<w:del w:id="1"><w:r><w:delText>gone words</w:delText></w:r></w:del>'
    added = f'<w:ins w:id="2">{run("new")}</w:ins>'
    data = docx(paragraph(run("Some "), deleted, added, run(" words")))
    template = read_docx_template(data)
    assert texts(template) == ["Some ⟨1/⟩⟨2⟩new⟨/2⟩ words"]
    assert shape_of(body(loud(template))) == shape_of(body(data))
    assert b"gone words" in body(loud(template))


def test_text_boxes_are_segments_and_their_repetition_is_kept_equal() -> None:
    box = f"<w:txbxContent>{paragraph(run('In the box'))}</w:txbxContent>"
    drawing = (
        f"<w:r><mc:AlternateContent><mc:Choice Requires='wps'><w:drawing>{box}</w:drawing></mc:Choice>"
        f"<mc:Fallback><w:pict>{box}</w:pict></mc:Fallback></mc:AlternateContent></w:r>"
    )
    data = docx(paragraph(run("Before "), drawing, run("after")))
    template = read_docx_template(data)
    assert [(segment.text, segment.context) for segment in template.segments] == [
        ("Before ⟨1/⟩after", ""),
        ("In the box", "text box"),
    ]
    assert body(loud(template)).count(b"IN THE BOX") == 2
    assert shape_of(body(loud(template))) == shape_of(body(data))


def test_all_parts_with_text_are_read_and_others_copied() -> None:
    more = {
        "word/header1.xml": part(paragraph(run("On each page")), "hdr"),
        "word/header2.xml": part(paragraph(run("42")), "hdr"),
        "word/footnotes.xml": part(f'<w:footnote w:id="2">{paragraph(run("A note"))}</w:footnote>', "footnotes"),
        "word/comments.xml": part(f'<w:comment w:id="0">{paragraph(run("A remark"))}</w:comment>', "comments"),
        "docProps/custom.xml": b"\x00 not even XML",
    }
    table = f"<w:tbl><w:tr><w:tc>{paragraph(run('In a cell'))}</w:tc></w:tr></w:tbl>"
    heading = paragraph('<w:pPr><w:outlineLvl w:val="1"/></w:pPr>', run("Part"))
    data = docx(heading + table, more)
    template = read_docx_template(data)
    assert [(segment.text, segment.context) for segment in template.segments] == [
        ("Part", "heading 2"),
        ("In a cell", "table cell"),
        ("On each page", "header"),
        ("A note", "footnote"),
    ]
    before, after = members(data), members(loud(template))
    changed = {name for name in before if before[name] != after[name]}
    assert list(after) == list(before)
    assert changed == {MAIN, "word/header1.xml", "word/footnotes.xml"}
    assert all(shape_of(before[name]) == shape_of(after[name]) for name in changed)


def test_a_file_of_word_itself_opens_with_its_translation() -> None:
    made = python_docx.Document()
    made.add_heading("Report", 0)
    made.add_paragraph("Plain ").add_run("bold").bold = True
    made.add_paragraph("point", style="List Bullet")
    made.add_table(1, 1).cell(0, 0).text = "cell words"
    out = io.BytesIO()
    made.save(out)
    template = read_docx_template(out.getvalue())
    assert same(template) == out.getvalue()
    found = python_docx.Document(io.BytesIO(loud(template)))
    assert [one.text for one in found.paragraphs] == ["REPORT", "PLAIN BOLD", "POINT"]
    assert [one.bold for one in found.paragraphs[1].runs] == [None, True]
    assert found.paragraphs[2].style is not None
    assert found.paragraphs[2].style.name == "List Bullet"
    assert found.tables[0].cell(0, 0).text == "CELL WORDS"


def test_writing_twice_gives_the_same() -> None:
    template = read_docx_template(docx(paragraph(run("a "), run("b", BOLD), LINK)))
    assert members(loud(template)) == members(loud(template))


def test_wrong_tags_and_numbers_of_texts_are_told() -> None:
    template = read_docx_template(docx(paragraph(run("a "), run("b", BOLD))))
    with pytest.raises(BadValueError, match="tag 1 is missing"):
        template.write(["a b"])
    with pytest.raises(BadValueError, match="1 segments and 2 texts"):
        template.write(["a", "b"])


GOOD = docx(paragraph(run("Some words "), run("in bold", BOLD), LINK))


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "is damaged, or cut off"),
        (b"words", "is damaged, or cut off"),
        (GOOD[: len(GOOD) // 2], "is damaged, or cut off"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "protected with a password"),
        (zipped({"a": "b"}), "is no Word file"),
        (zipped({"_rels/.rels": relations(("officeDocument", "xl/w.xml")), "xl/w.xml": "<x/>"}), "is no Word file"),
        (zipped({"_rels/.rels": "<x", MAIN: "<x/>"}), "is damaged, or cut off"),
        (zipped({"_rels/.rels": relations(("officeDocument", MAIN)), MAIN: "<w:document"}), "is damaged, or cut off"),
        (docx("", before='<!DOCTYPE w [<!ENTITY a "b">]>'), "is damaged, or cut off"),
        (docx("<a>" * 400 + "</a>" * 400), "is damaged, or cut off"),
        (docx(" " * 50_000_000), "would unpack to far more"),
    ],
)
def test_files_that_cannot_be_read_are_told(data: bytes, told: str) -> None:
    with pytest.raises(BadValueError, match=f"^The.file .*{told}"):
        read_docx_template(data)


def test_a_part_that_is_too_large_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("playground.translate.formats.ooxml_file._LARGEST_PART", 1000)
    with pytest.raises(BadValueError, match="more text than can be translated at once"):
        read_docx_template(docx(paragraph(run("word " * 1000))))


@settings(max_examples=60)
@given(st.integers(0, len(GOOD) - 1), st.binary(min_size=1, max_size=8))
def test_damage_anywhere_is_told_or_does_no_harm(at: int, noise: bytes) -> None:
    data = GOOD[:at] + noise + GOOD[at + len(noise) :]
    try:
        template = read_docx_template(data)
        loud(template)
    except BadValueError as error:
        assert str(error).startswith("The\u00a0file ")  # noqa: PT017
        return
    assert same(template) == data


LOOKS = st.sampled_from(["", BOLD, ITALIC, BOLD + ITALIC, CODE])
RUNS = st.lists(st.tuples(st.text("ab é⟨1⟩/", min_size=1, max_size=6), LOOKS), min_size=1, max_size=6)
EXTRAS = st.sampled_from(["", NOTE, LINK, MARK, "<w:r><w:tab/></w:r>", field(" PAGE ", run("3"))])


@settings(max_examples=60)
@given(st.lists(st.tuples(RUNS, EXTRAS), min_size=1, max_size=3))
def test_any_paragraph_keeps_its_words_their_looks_and_all_else(made: list[tuple[list[tuple[str, str]], str]]) -> None:
    data = docx("".join(paragraph(*(run(*one) for one in runs), extra, run("end", runs[0][1])) for runs, extra in made))
    template = read_docx_template(data)
    assert same(template) == data
    assert all(segment.text == segment.text.strip() for segment in template.segments)
    before, after = (
        _looks(body(one)) for one in (data, template.write([_kept(one.text) for one in template.segments]))
    )
    assert after == before
    assert _looks(body(loud(template))) == [(text.upper(), look) for text, look in before] or any(
        CODE in look for runs, _ in made for _, look in runs
    )


def _kept(text: str) -> str:
    """Another text that says the same, so that the paragraph is made anew."""
    return text + "\x00"


def _looks(xml: bytes) -> list[tuple[str, str]]:
    """Each character that is no blank, with how it looks, and each other thing."""
    found = []
    for element in python_docx.oxml.parse_xml(xml).iter("{*}r"):
        looks = [one.tag for one in element.iterfind("{*}rPr/*")]
        above = [one.tag.rpartition("}")[2] for one in element.iterancestors("{*}hyperlink")]
        for one in element:
            if one.tag.endswith("}t"):
                found += [(sign, str(looks + above)) for sign in one.text or "" if not sign.isspace()]
            elif not one.tag.endswith("}rPr"):
                found.append((one.tag.rpartition("}")[2].upper(), str(above)))
    return found


def test_zip_flags_and_comments_survive() -> None:
    out = io.BytesIO(GOOD)
    with zipfile.ZipFile(out, "a") as target:
        target.comment = b"made by hand"
        stored = zipfile.ZipInfo("word/media/stored.bin", (2001, 2, 3, 4, 5, 6))
        target.writestr(stored, b"abc" * 100, zipfile.ZIP_STORED)
    with zipfile.ZipFile(io.BytesIO(loud(read_docx_template(out.getvalue())))) as found:
        assert found.testzip() is None
        assert found.comment == b"made by hand"
        kept = found.getinfo("word/media/stored.bin")
        assert (kept.compress_type, kept.date_time) == (zipfile.ZIP_STORED, (2001, 2, 3, 4, 5, 6))
