"""Word files: structure, what Word hides in them, and zip and XML that mean harm."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

import docx
import pytest
from docx.enum.text import WD_BREAK

from playground.documents import Block, Document, archive, read_document
from playground.errors import BadValueError
from tests.documents import making
from tests.documents.making import docx_body, office, paragraph

MAIN = "word/document.xml"


def read(file: Path, name: str = "report.docx") -> Document:
    return read_document(file, name)


def test_headings_lists_and_tables(tmp_path: Path) -> None:
    made = docx.Document()
    made.core_properties.title = "年度报告"
    made.add_heading("Report", 0)
    made.add_heading("First | part", 2)
    made.add_paragraph("Plain\twords").add_run(" and more").add_break(WD_BREAK.LINE)
    for text in ("one", "two"):
        made.add_paragraph(text, style="List Bullet")
    made.add_paragraph("inner", style="List Number")
    made.add_paragraph("last", style="List Number")
    table = made.add_table(2, 2)
    for cell, text in zip(
        (cell for row in table.rows for cell in row.cells), ("a|b", "城市", "1", "北京\n上海"), strict=True
    ):
        cell.text = text
    made.add_paragraph("The end.")
    made.save(str(tmp_path / "x"))
    found = read(tmp_path / "x")
    assert found.blocks == (
        Block("heading", "Report", level=1),
        Block("heading", "First | part", level=2),
        Block("paragraph", "Plain\twords and more"),
        Block("list", "- one\n- two\n1. inner\n2. last"),
        Block("table", "| a\\|b | 城市 |\n| --- | --- |\n| 1 | 北京<br>上海 |"),
        Block("paragraph", "The end."),
    )
    assert (found.title, found.pages, found.notes) == ("年度报告", None, ())
    assert found.media_type.endswith("wordprocessingml.document")


def test_merged_cells_keep_their_columns(tmp_path: Path) -> None:
    made = docx.Document()
    table = made.add_table(3, 3)
    for row in table.rows:
        for number, cell in enumerate(row.cells):
            cell.text = str(number)
    table.cell(0, 0).merge(table.cell(0, 1)).text = "wide"
    table.cell(1, 2).merge(table.cell(2, 2)).text = "high"
    made.save(str(tmp_path / "x"))
    rows = read(tmp_path / "x").blocks[0].text.split("\n")
    assert [rows[0], *rows[2:]] == ["| wide |  | 2 |", "| 0 | 1 | high |", "| 0 | 1 |  |"]


def test_pictures_are_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = office(tmp_path / "x", MAIN, docx_body(paragraph("Words")), {"word/media/p.png": b"\x89PNG"})
    asked: list[str] = []
    stream = archive.Archive.stream
    monkeypatch.setattr(archive.Archive, "stream", lambda self, member: (asked.append(member), stream(self, member))[1])
    assert read(file).text() == "Words"
    assert MAIN in asked
    assert "word/media/p.png" not in asked


def test_what_word_hides(tmp_path: Path) -> None:
    box = (
        '<w:p><w:r><w:t>Before</w:t></w:r><w:r><mc:AlternateContent xmlns:mc="m"><mc:Choice><w:txbxContent>'
        f"{paragraph('In the box')}</w:txbxContent></mc:Choice><mc:Fallback><w:txbxContent>{paragraph('In the box')}"
        "</w:txbxContent></mc:Fallback></mc:AlternateContent></w:r></w:p>"
    )
    changed = (
        "<w:p><w:del><w:r><w:delText>old</w:delText></w:r></w:del><w:ins><w:r><w:t>new</w:t></w:r></w:ins>"
        '<w:r><w:instrText>PAGE</w:instrText></w:r><w:r><w:footnoteReference w:id="2"/></w:r></w:p>'
    )
    inside = f"<w:sdt><w:sdtPr/><w:sdtContent>{paragraph('Controlled')}</w:sdtContent></w:sdt>"
    notes = (
        f'<w:footnotes xmlns:w="{making.W}"><w:footnote w:id="0" w:type="separator">{paragraph("--")}</w:footnote>'
        f'<w:footnote w:id="2">{paragraph("A note.")}</w:footnote></w:footnotes>'
    )
    file = office(tmp_path / "x", MAIN, docx_body(box + changed + inside), {"word/footnotes.xml": notes})
    assert [block.text for block in read(file).blocks] == [
        "Before",
        "In the box",
        "new[^f2]",
        "Controlled",
        "[^f2]: A note.",
    ]


def test_styles_of_other_languages_and_outlines(tmp_path: Path) -> None:
    styles = (
        f'<w:styles xmlns:w="{making.W}">'
        '<w:style w:type="paragraph" w:styleId="1"><w:name w:val="heading 3"/></w:style>'
        '<w:style w:type="paragraph" w:styleId="mine"><w:name w:val="我的"/><w:basedOn w:val="1"/></w:style>'
        '<w:style w:type="paragraph" w:styleId="loop"><w:name w:val="a"/><w:basedOn w:val="loop"/></w:style></w:styles>'
    )
    body = "".join(
        f"<w:p><w:pPr>{said}</w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>"
        for said, text in (
            ('<w:pStyle w:val="mine"/>', "章"),
            ('<w:outlineLvl w:val="1"/>', "Outlined"),
            ('<w:pStyle w:val="loop"/>', "Looping"),
            ('<w:numPr><w:ilvl w:val="0"/><w:numId w:val="77"/></w:numPr>', "No such list"),
        )
    )
    found = read(office(tmp_path / "x", "word/other.xml", docx_body(body), {"word/styles.xml": styles}))
    assert [(block.kind, block.level) for block in found.blocks] == [
        ("heading", 3),
        ("heading", 2),
        ("paragraph", 0),
        ("paragraph", 0),
    ]


def test_nested_tables_and_frames(tmp_path: Path) -> None:
    cell = "<w:tc>{}</w:tc>"
    inner = f"<w:tbl><w:tr>{cell.format(paragraph('in'))}</w:tr></w:tbl>"
    frame = f"<w:tbl><w:tr>{cell.format(paragraph('Framed'))}</w:tr></w:tbl>"
    outer = f"<w:tbl><w:tr>{cell.format(paragraph('a') + inner)}{cell.format(paragraph('b'))}</w:tr></w:tbl>"
    found = read(office(tmp_path / "x", MAIN, docx_body(outer + frame)))
    assert found.blocks == (
        Block("table", "| a<br>in | b |\n| --- | --- |"),
        Block("paragraph", "Framed"),
    )


def test_no_entity_is_resolved(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("KEEP OUT")
    before = f'<!DOCTYPE d [<!ENTITY x SYSTEM "{secret.as_uri()}"><!ENTITY y "inner">]>'
    file = office(tmp_path / "x", MAIN, docx_body(paragraph("open &x; &y;"), before))
    assert "KEEP OUT" not in read(file).text()


def test_a_bomb_of_entities_is_refused(tmp_path: Path) -> None:
    entities = '<!ENTITY a0 "ha">' + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
    before = f"<!DOCTYPE d [{entities}]>"
    for number, inner in enumerate((paragraph("&a11;"), '<w:p w:id="&a11;"/>')):
        file = office(tmp_path / str(number), MAIN, docx_body(inner + paragraph("end"), before))
        with pytest.raises(BadValueError, match="is damaged"):
            read(file)


def test_a_bomb_is_refused_before_it_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = office(tmp_path / "x", MAIN, docx_body(paragraph("words")), {"word/media/x": b"\0" * 60_000_000})
    monkeypatch.setattr(archive.Archive, "stream", lambda *_: pytest.fail("was opened"))
    with pytest.raises(BadValueError, match="would unpack to far more"):
        read(file)


def test_sizes_that_lie_do_not_help(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A member says that it has 100 bytes; it is not read beyond them."""
    body = docx_body(paragraph("x" * 50_000_000)).encode()
    file = office(tmp_path / "x", MAIN, body)
    data = bytearray(file.read_bytes())
    with zipfile.ZipFile(file) as zipped:
        about = zipped.getinfo(MAIN)
    at = data.rindex(MAIN.encode()) - 46
    assert struct.unpack_from("<I", data, at + 24)[0] == about.file_size
    struct.pack_into("<I", data, at + 24, 100)
    struct.pack_into("<I", data, about.header_offset + 22, 100)
    file.write_bytes(data)
    with pytest.raises(BadValueError, match=r"is damaged|far more"):
        read(file)


def test_what_is_read_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = office(tmp_path / "x", MAIN, docx_body("".join(map(paragraph, map(str, range(2000))))))
    monkeypatch.setattr(archive, "_MOST_READ", 10_000)
    with pytest.raises(BadValueError, match="would unpack to far more"):
        read(file)


def test_a_list_of_too_many_members_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = office(tmp_path / "x", MAIN, docx_body(""), {f"word/{n}": "" for n in range(200)})
    monkeypatch.setattr(archive, "_LONGEST_READ", 10_000)
    with pytest.raises(BadValueError, match="is damaged"):
        read(file)


@pytest.mark.parametrize("body", ["<broken", "", docx_body("<w:p><w:r><w:t>x</w:p>"), "\x00\x01"])
def test_broken_xml_is_told(tmp_path: Path, body: str) -> None:
    with pytest.raises(BadValueError, match=r"^report.docx is damaged, or cut off"):
        read(office(tmp_path / "x", MAIN, body))


def test_a_cut_off_file_is_told(tmp_path: Path) -> None:
    file = office(tmp_path / "x", MAIN, docx_body(paragraph("words")))
    file.write_bytes(file.read_bytes()[:-40])
    with pytest.raises(BadValueError, match="is damaged, or cut off"):
        read(file)


def test_a_locked_zip_is_told(tmp_path: Path) -> None:
    file = office(tmp_path / "x", MAIN, docx_body(paragraph("words")))
    data = bytearray(file.read_bytes())
    at = data.rindex(b"PK\x01\x02")
    data[at + 8] |= 1
    file.write_bytes(data)
    with pytest.raises(BadValueError, match="protected with a password"):
        read(file)


def test_an_empty_document_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadValueError, match="holds no text at all"):
        read(office(tmp_path / "x", MAIN, docx_body("<w:p/>")))
