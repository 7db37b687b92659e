"""Which format a file is of, what becomes of a PDF, how it is called afterwards, and which language it is in."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import docx
import pytest

from playground.errors import BadValueError, MissingError
from playground.store.translation_values import SourceFile
from playground.translate.files import KINDS, is_prose, name_for, read_pasted, read_source, template_of
from tests.documents.making import column, pdf

FILE = SourceFile("guide.en.html", "html", b"", "", "en")


def test_a_pdf_becomes_a_word_document_that_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(pdf([column(["The first paragraph of it has these words in one line."])]))
    file = read_source(path, "a.pdf")
    assert (file.name, file.kind, file.language) == ("a.docx", "docx", "en")
    template = template_of(file)
    (segment,) = template.segments
    out = docx.Document(io.BytesIO(template.write([segment.text.upper()])))
    assert [one.text for one in out.paragraphs if one.text] == [segment.text.upper()]


@pytest.mark.parametrize(
    ("name", "language", "called"),
    [
        ("guide.en.html", "en", "guide.fr.html"),
        ("guide.html", "en", "guide.fr.html"),
        ("guide.de.html", "en", "guide.de.fr.html"),
        ("README", "en", "README.fr"),
    ],
)
def test_a_translation_is_named_after_its_language(name: str, language: str, called: str) -> None:
    assert name_for(replace(FILE, name=name, language=language), "fr") == called


def test_every_kind_has_a_reader_and_gives_the_same_each_time(tmp_path: Path) -> None:
    samples = {
        "text": "Some words.",
        "markdown": "Some *words*.",
        "html": "<p>Some words.</p>",
        "srt": "1\n00:00:01,000 --> 00:00:02,000\nSome words.\n",
        "vtt": "WEBVTT\n\n00:01.000 --> 00:02.000\nSome words.\n",
        "po": 'msgid "Some words."\nmsgstr ""\n',
        "csv": "a,b\nSome words,1\n",
        "json": '{"a": "Some words"}',
    }
    assert set(samples) | {"docx", "pptx"} == set(KINDS)
    for kind, text in samples.items():
        ending = {"text": "txt", "markdown": "md"}.get(kind, kind)
        path = tmp_path / f"a.{ending}"
        path.write_text(text, encoding="utf-8")
        file = read_source(path, path.name)
        assert file.kind == kind
        template = template_of(file)
        assert template.write([one.text for one in template.segments]) == text.encode()


def test_the_language_is_that_of_the_words_and_not_of_the_markup(tmp_path: Path) -> None:
    path = tmp_path / "a.html"
    path.write_text(
        '<div class="the and of"><p>这是一个完全普通的中文句子，没有什么特别的内容。</p></div>', encoding="utf-8"
    )
    assert read_source(path, path.name).language == "zh"
    assert read_pasted("Ceci est une phrase tout à fait ordinaire.").language == "fr"


def test_what_is_not_there_or_has_no_words_is_told(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="not there any more"):
        read_source(tmp_path / "a.txt", "a.txt")
    with pytest.raises(BadValueError, match="nothing to translate"):
        read_pasted(" 12 ")
    code = tmp_path / "a.py"
    code.write_text("print('words')", encoding="utf-8")
    with pytest.raises(BadValueError, match="not translated"):
        read_source(code, "a.py")


def test_only_words_outside_of_tags_are_prose() -> None:
    assert is_prose("⟨1⟩a⟨/1⟩")
    assert not is_prose("⟨1⟩12⟨/1⟩ – 3.4")
