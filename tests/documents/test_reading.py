"""The one door: kinds that are told apart, files that are refused and why, names, sizes, and any bytes at all."""

from __future__ import annotations

import os
import tempfile
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from playground.documents import LIMIT, SUFFIXES, Document, kind_of, read_document
from playground.errors import BadValueError, MissingError, PlaygroundError, StorageError
from playground.ui.reasons import reason_words
from tests.documents import making
from tests.documents.making import column, docx_body, office, paragraph


def read(folder: Path, data: bytes, name: str) -> Document:
    file = folder / "upload"
    file.write_bytes(data)
    return read_document(file, name)


def outcome(folder: Path, data: bytes, name: str) -> str:
    """The text, or the reason why there is none; any other exception is a failure."""
    try:
        return read(folder, data, name).text()
    except PlaygroundError as error:
        return str(error)


@pytest.mark.parametrize(
    ("name", "head", "kind"),
    [
        ("a.PDF", b"%PDF-1.4\n", "pdf"),
        ("a.txt", b"%PDF-1.4\n", "pdf"),
        ("a.pdf", b"junk\n%PDF-1.4\n", "pdf"),
        ("a.txt", b"as %PDF-1.4 begins", "text"),
        ("a.docx", b"PK\x03\x04", "zip"),
        ("a.pdf", b"PK\x03\x04", "zip"),
        ("a.md", b"# a", "markdown"),
        ("a.csv", b"a,b", "csv"),
        ("a.json", b"{}", "json"),
        ("a.tar.py", b"x", "code"),
        ("Dockerfile", b"FROM x", "code"),
        ("README", b"words", "text"),
        ("a.unknown", b"ID3 is a tag, MZ a mark", "text"),
        ("", b"words", "text"),
    ],
)
def test_kinds(name: str, head: bytes, kind: str) -> None:
    assert kind_of(name, head) == kind


def test_endings_are_what_a_file_chooser_wants() -> None:
    assert {".pdf", ".docx", ".epub", ".html", ".csv", ".tsv", ".json", ".md", ".txt", ".py", ".srt"} <= SUFFIXES
    assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in SUFFIXES)


OLD = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("a.docx", OLD, "is an older Office file (such as DOC), or protected with a password. Save it as DOCX"),
        ("a.rtf", b"{\\rtf1 x}", "is a Rich Text file. Save it as DOCX"),
        (
            "a.pdf",
            b"just words",
            "is no PDF file, whatever its name says: it holds text. Change the name's ending to .txt",
        ),
        ("a.pdf", b"<html><p>x", "Change the name's ending to .html"),
        ("a.docx", b"words", "is no DOCX file, whatever its name says: it holds text."),
        ("a.pdf", b"\x00\x01\x02", "is no PDF file, whatever its name says, or its beginning is damaged."),
        (
            "a.txt",
            b"\x89PNG\r\n\x1a\n\0\0",
            "is a picture, which is not read here. Save it as PNG or JPEG for a model that can see, or",
        ),
        ("a.pdf", b"\xff\xd8\xff\xe0\0\x10JFIF", "is a picture, which is not read here."),
        ("a.mp4", b"\0\0\0 ftypisom\0", "is a film or a sound, which is not read here."),
        ("a.gz", b"\x1f\x8b\x08\0", "is an archive, which is not read here. Unpack it"),
        ("a.exe", b"MZ\x90\0\x03", "is a program, which is not read here."),
        ("a.db", b"SQLite format 3\0", "is a database, which is not read here. Save what you need of it as CSV."),
        ("a.gguf", b"GGUF\x03\0\0\0", "is a model, which is not read here."),
        ("a.bin", bytes(range(256)) * 4, "holds no text, but data of an unknown kind. Text, Markdown,"),
        ("a.txt", b"words\n" * 1000 + b"\0\x01\x02\x03" * 1000, "holds no text, but data of an unknown kind."),
        ("a.txt", b"", "is empty. Choose another file."),
        ("a.txt", b" \n\t\n", "holds no text at all. Choose another file."),
        ("a.md", b"---\ntitle: x\n---\n", "holds no text at all."),
        ("a.docx", b"PK\x03\x04 and no more", "is damaged, or cut off."),
    ],
)
def test_what_cannot_be_read_is_told_in_both_languages(tmp_path: Path, name: str, data: bytes, told: str) -> None:
    with pytest.raises(BadValueError) as caught:
        read(tmp_path, data, name)
    said = str(caught.value)
    assert f"{name} {told}" in said or (told.startswith("Change") and told in said)
    assert reason_words("zh", said) != said


@pytest.mark.parametrize(
    ("main", "told"),
    [
        ("xl/workbook.xml", "is a spreadsheet, which is not read here. Save the sheet as CSV"),
        ("ppt/presentation.xml", "is a presentation, which is not read here. Save it as PDF"),
    ],
)
def test_other_office_files_are_told(tmp_path: Path, main: str, told: str) -> None:
    with pytest.raises(BadValueError, match=f"^a.docx {told}"):
        read_document(office(tmp_path / "x", main, "<x/>"), "a.docx")


def test_other_zip_files_are_told(tmp_path: Path) -> None:
    with pytest.raises(BadValueError, match="is an OpenDocument file, which is not read here"):
        read_document(making.zipped(tmp_path / "x", {"mimetype": "x", "content.xml": "<x/>"}), "a.odt")
    with pytest.raises(BadValueError, match=r"is an archive, which is not read here\. Unpack it"):
        read_document(making.zipped(tmp_path / "y", {"a.txt": "words"}), "a.docx")


def test_a_file_is_read_as_what_it_is(tmp_path: Path) -> None:
    made = making.pdf([column(["Some words of a PDF."])])
    assert read(tmp_path, made, "wrong.docx").media_type == "application/pdf"
    file = office(tmp_path / "x", "word/document.xml", docx_body(paragraph("Words")))
    assert read_document(file, "wrong.pdf").text() == "Words"


def test_a_file_that_is_too_large_is_not_even_opened(tmp_path: Path) -> None:
    file = tmp_path / "x"
    with file.open("wb") as target:
        target.truncate(500_000_000)
    file.chmod(0)
    tracemalloc.start()
    with pytest.raises(BadValueError, match=r"^big\.txt has 500\.0 MB, and files of up to 100\.0 MB are read\."):
        read_document(file, "big.txt")
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()
    with pytest.raises(BadValueError, match=r"up to 0\.0 MB"):
        read_document(office(tmp_path / "y", "word/document.xml", docx_body(paragraph("w"))), "y.docx", limit=100)
    assert LIMIT == 100_000_000


def test_what_is_no_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="is not there any more"):
        read_document(tmp_path / "gone", "gone.txt")
    with pytest.raises(BadValueError, match="is a folder or a device"):
        read_document(tmp_path, "folder")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(BadValueError, match="is a folder or a device"):
            read_document(tmp_path / "pipe", "pipe.txt")


def test_a_disk_that_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x").write_text("words")

    def fail(*_: object, **__: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Path, "open", fail)
    with pytest.raises(StorageError, match=r"^x\.txt cannot be read \(Input/output error\)"):
        read_document(tmp_path / "x", "x.txt")


@pytest.mark.parametrize(
    "name",
    [
        "报告 2024.txt",
        "a" * 300 + ".txt",
        "x\ny\t.txt",
        "Final. Really. Final.txt",
        "\udcff.txt",
        "a{0}%s\\.txt",
        "🙂.txt",
    ],
)
def test_any_name_will_do(tmp_path: Path, name: str) -> None:
    found = read(tmp_path, b"words", name)
    assert found.text() == "words"
    found.name.encode()
    with pytest.raises(BadValueError) as caught:
        read(tmp_path, b"", name)
    said = str(caught.value)
    said.encode()
    assert len(said) < 150
    assert "\n" not in said
    assert reason_words("zh", said).endswith("是空的。请另选文件。")


def test_notes_have_chinese_words() -> None:
    for note in (
        "Pages with pictures alone, such as scans, were not read: 2 of 5.",
        "Only the first pages were read: 3000 of 4000.",
        "Characters that are damaged and could not be read: 3.",
        "Chapters that could not be read: 1 of 3.",
    ):
        assert reason_words("zh", note) != note


_HEADS = (
    b"",
    b"%PDF-1.7\n",
    b"PK\x03\x04",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"<html>",
    b"{\\rtf",
    b"---\n",
    b'{"a":',
    b"\x1b$B",
)
_NAMES = st.sampled_from(sorted(SUFFIXES)).map("x".__add__)


@settings(deadline=None)
@given(st.sampled_from(_HEADS), st.binary(max_size=300), _NAMES)
@example(b"", b'a,b\n"', "x.csv")
def test_any_bytes_are_read_or_refused_in_words(head: bytes, data: bytes, name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        assert outcome(Path(folder), head + data, name).strip().encode()


@pytest.mark.parametrize("seed", range(8))
def test_damaged_pdfs_are_read_or_refused_in_words(tmp_path: Path, seed: int) -> None:
    whole = bytearray(making.pdf([column(["Some words of a PDF."]), making.PICTURE]))
    for step in range(12):
        whole[(seed * 7919 + step * 104729) % len(whole)] = (seed * 31 + step * 17) % 256
    assert outcome(tmp_path, b"%PDF-1.7\n" + bytes(whole[9:]), "x.pdf")


@settings(deadline=None)
@given(st.data())
def test_damaged_word_files_are_read_or_refused_in_words(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = office(Path(folder) / "x", "word/document.xml", docx_body(paragraph("Words") * 3))
        whole = bytearray(file.read_bytes())
        for at in data.draw(st.lists(st.integers(0, len(whole) - 1), min_size=1, max_size=6)):
            whole[at] = data.draw(st.integers(0, 255))
        assert outcome(Path(folder), bytes(whole), "x.docx")


def test_zip_files_of_every_packing_are_read_or_refused(tmp_path: Path) -> None:
    for packing in (zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        file = office(tmp_path / "x", "word/document.xml", docx_body(paragraph("Words")))
        with zipfile.ZipFile(file) as source, zipfile.ZipFile(tmp_path / "y", "w", packing) as target:
            for member in source.namelist():
                target.writestr(member, source.read(member))
        assert read_document(tmp_path / "y", "x.docx").text() == "Words"
