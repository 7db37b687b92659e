"""Glossaries are read from tables and TBX, their terms are found in any form, and one that was not used is named."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.errors import BadValueError
from playground.translate.glossary import Glossary, Term, read_glossary
from playground.translate.tags import without

_BASIC = """<?xml version="1.0"?><!DOCTYPE martif SYSTEM "TBXBasiccoreStructV02.dtd">
<martif type="TBX-Basic" xml:lang="en"><text><body>
<termEntry id="1"><langSet xml:lang="fr"><tig><term>fichier</term></tig></langSet>
<langSet xml:lang="en"><tig><term>file</term></tig></langSet></termEntry>
<termEntry id="2"><note>never the disk</note><langSet xml:lang="en"><tig><term>hard drive</term></tig></langSet>
<langSet xml:lang="fr"><tig><term>disque</term><termNote type="administrativeStatus">deprecatedTerm-admn-sts</termNote>
</tig><tig><term>disque dur</term></tig></langSet></termEntry></body></text></martif>"""
_THREE = """<tbx xmlns="urn:iso:std:iso:30042:ed-2" type="TBX-Basic" style="dca" xml:lang="en"><text><body>
<conceptEntry id="1"><langSec xml:lang="en"><termSec><term>file</term></termSec></langSec>
<langSec xml:lang="zh-CN"><termSec><term>文件</term></termSec></langSec></conceptEntry></body></text></tbx>"""


def pairs(name: str, text: str) -> list[tuple[str, str]]:
    return [(term.source, term.target) for term in read_glossary(name, text.encode())]


def found(terms: list[Term], source: str, languages: str = "en fr") -> list[str]:
    """The words of the source that are terms."""
    return [source[use.start : use.end] for use in Glossary(terms, *languages.split()).found(source)]


def missed(terms: list[Term], source: str, target: str, languages: str = "en fr") -> list[str]:
    return [use.term.source for use in Glossary(terms, *languages.split()).missed(source, target)]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "file,fichier\nkernel,noyau\n"),
        ("a.csv", "source,target\nfile,fichier\nkernel,noyau\n"),
        ("a.csv", "\ufeffen;fr;note\r\nfile;fichier;\r\n\r\nkernel;noyau;of Linux\r\n"),
        ("a.tsv", "target\tsource\tcase\nfichier\tfile\tno\nnoyau\tkernel\tyes\n"),
        ("a.txt", 'file\t"fichier"\nkernel\tnoyau'),
    ],
)
def test_a_table_is_read_with_and_without_a_header(name: str, text: str) -> None:
    assert pairs(name, text) == [("file", "fichier"), ("kernel", "noyau")]


def test_columns_say_languages_case_and_notes() -> None:
    terms = read_glossary("a.csv", b"en,fr,case,note\nfile,fichier,,\nGo,Go,yes,the language\nDebian,,,")
    assert terms[0] == Term("file", "fichier", "en", "fr", row=2)
    assert terms[1] == Term("Go", "Go", "en", "fr", case_sensitive=True, note="the language", row=3)
    assert (terms[2].source, terms[2].target) == ("Debian", "Debian")


def test_more_than_two_languages_are_for_every_pair_and_both_ways() -> None:
    terms = read_glossary("a.csv", b"en,fr,de\nfile,fichier,Datei\ndisk,disque,")
    for languages, source, target in (
        ("en de", "file", "Datei"),
        ("fr de", "fichier", "Datei"),
        ("de en", "Datei", "file"),
    ):
        assert (source, target) in [(term.source, term.target) for term in Glossary(terms, *languages.split()).terms]
    assert [term.target for term in Glossary(terms, "en", "de").terms] == ["Datei", "disk"]
    assert [term.source for term in Glossary(terms, "fr", "de").terms] == ["fichier"]
    assert not Glossary(terms, "en", "es").terms


def test_tbx_of_both_kinds_is_read() -> None:
    first, second = read_glossary("a.tbx", _BASIC.encode())
    assert first == Term("file", "fichier", "en", "fr", row=1)
    assert (second.source, second.target, second.note, second.row) == ("hard drive", "disque dur", "never the disk", 2)
    assert read_glossary("a.tbx", _THREE.encode()) == [Term("file", "文件", "en", "zh-CN", row=1)]


def test_entities_of_tbx_read_no_file() -> None:
    evil = '<!DOCTYPE martif [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + _BASIC.partition('dtd">')[2].replace(
        "fichier", "a&x;b"
    )
    assert "root" not in str(read_glossary("a.tbx", evil.encode()))


def test_conflicts_name_both_rows() -> None:
    with pytest.raises(BadValueError, match=r"rows 2 and 4: File = fichier, dossier"):
        read_glossary("a.csv", b"source,target\nfile,fichier\nkernel,noyau\nFile,dossier\n")
    assert len(read_glossary("a.csv", b"source,target,case\nfile,fichier,yes\nFile,dossier,yes\nfile,fichier,yes")) == 2
    many = "\n".join(f"term{n},one\nterm{n},two" for n in range(15))
    with pytest.raises(BadValueError, match=r"term9 .*and 5 more"):
        read_glossary("a.csv", many.encode())


def test_the_same_target_for_two_terms_is_no_conflict() -> None:
    terms = read_glossary("a.csv", "en,fr,de\nfolder,répertoire,Ordner\ndirectory,répertoire,Verzeichnis".encode())
    assert [term.target for term in Glossary(terms, "fr", "de").terms] == ["Ordner"]


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("file,fichier\nkernel", "row 2: only one column"),
        ("file,fichier\n,noyau", "row 2: no term"),
        (f"a,b\n\n{'x' * 201},y", "row 3: longer than 200"),
        ("source,target,case\na,b,maybe", 'row 2: the column "case"'),
    ],
)
def test_wrong_rows_are_named(text: str, row: str) -> None:
    with pytest.raises(BadValueError, match=row):
        read_glossary("a.csv", text.encode())


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("a.csv", b"", "no terms"),
        ("a.csv", b"source,target\n", "no terms"),
        ("a.csv", bytes(range(256)) * 9, "no text"),
        ("a.csv", b'a,b\n"c,d', "check its quotes"),
        ("a.tbx", b"<martif><text>", "damaged"),
        ("a.tbx", b"", "damaged"),
        ("a.xml", b"<html/>", "not TBX"),
    ],
)
def test_what_is_no_glossary_is_said_to_be_none(name: str, data: bytes, why: str) -> None:
    with pytest.raises(BadValueError, match=why):
        read_glossary(name, data)


@given(
    st.sampled_from(["a.csv", "a.tsv", "a.tbx"]),
    st.one_of(st.binary(max_size=200), st.text('a,;\t"\n<>&é文', max_size=60).map(str.encode)),
)
def test_any_file_is_read_or_refused(name: str, data: bytes) -> None:
    try:
        terms = read_glossary(name, data)
    except BadValueError:
        return
    assert terms
    assert all(term.source and term.target and term.row >= 1 for term in terms)


@pytest.mark.parametrize(
    ("term", "text", "words"),
    [
        ("file", "The file's name, two Files, a profile", ["file", "Files"]),
        ("query", "Queries are queried by querying a query.", ["Queries", "queried", "querying", "query"]),
        ("install", "He installed and installs it; installation", ["installed", "installs"]),
        ("plan", "Two plans were planned on planes", ["plans", "planned"]),
        ("hard drive", "Hard-drives and hard drive; a hard, drive", ["Hard-drives", "hard drive"]),
        ("OS", "The OS of OSs", ["OS"]),
        ("TCP/IP", "Use tcp/ip here", ["tcp/ip"]),
        ("C++", "C++ and C", ["C++"]),
    ],
)
def test_english_terms_are_found_in_their_forms_only(term: str, text: str, words: list[str]) -> None:
    assert found([Term(term, "x")], text) == words


@pytest.mark.parametrize(
    ("term", "text", "languages", "words"),
    [
        ("fichier", "L'usage des fichiers, une fiche", "fr en", ["fichiers"]),
        ("journal", "les journaux d'un journal", "fr en", ["journaux", "journal"]),
        ("écran", "l’écran", "fr en", ["écran"]),
        ("Haus", "die Häuser", "de en", ["Häuser"]),
        ("archivo", "los archivos", "es en", ["archivos"]),
        ("libro", "i libri", "it en", ["libri"]),
        ("файл", "из файла", "ru en", ["файла"]),
        ("文件", "打开文件夹里的文件", "zh en", ["文件", "文件"]),
        ("API", "用API和RAPID", "zh en", ["API"]),
        ("파일", "파일을 연다", "ko en", ["파일을"]),
    ],
)
def test_terms_of_other_languages_are_found_in_their_forms(
    term: str, text: str, languages: str, words: list[str]
) -> None:
    assert found([Term(term, "x")], text, languages) == words


def test_the_longest_term_is_found_and_case_is_kept_where_asked() -> None:
    terms = [Term("file", "fichier"), Term("file system", "système de fichiers"), Term("Go", "Go", case_sensitive=True)]
    assert found(terms, "The file system has a file; go, Go") == ["file system", "file", "Go"]


def test_places_are_those_of_the_text_with_marks() -> None:
    source = "A ⟨1⟩file⟨/1⟩ ⟨2⟩sys⟨/2⟩tem"
    uses = Glossary([Term("file system", "x")], "en", "fr").found(source)
    assert [source[use.start : use.end] for use in uses] == ["file⟨/1⟩ ⟨2⟩sys⟨/2⟩tem"]


def test_a_term_that_is_not_used_often_enough_is_missed() -> None:
    terms = [Term("file", "fichier"), Term("screen", "écran"), Term("Debian", "Debian")]
    assert missed(terms, "Files on the screen of Debian", "Les fichiers sur l'écran de Debian") == []
    assert missed(terms, "Files on the screen of Debian", "Les dossiers sur l’affichage") == [
        "file",
        "screen",
        "Debian",
    ]
    assert missed(terms, "A file and a file", "Un fichier et un autre") == ["file"]


def test_a_target_inside_of_a_longer_one_does_not_count() -> None:
    terms = [Term("file", "fichier"), Term("config file", "fichier de configuration")]
    assert missed(terms, "A config file and a file", "Un fichier de configuration et un dossier") == ["file"]


@given(
    st.lists(st.text("abc é文件⟨1⟩/'-.", min_size=1, max_size=6), max_size=6), st.text("abc é文件⟨1⟩/'-.", max_size=40)
)
def test_uses_are_in_order_and_apart_in_any_text(words: list[str], text: str) -> None:
    terms = [Term(word, word) for word in words]
    for languages in (("en", "fr"), ("zh", "en"), ("ko", "de")):
        glossary = Glossary(terms, *languages)
        last = 0
        for use in glossary.found(text):
            assert last <= use.start < use.end <= len(text)
            assert without(text[use.start : use.end])
            last = use.end


@given(st.lists(st.sampled_from(["file", "disk", "Debian", "user name"]), max_size=6))
def test_what_stays_as_it_is_is_never_missed(words: list[str]) -> None:
    terms = [Term(word, word) for word in ("file", "disk", "Debian", "user name")]
    text = ", ".join(words)
    assert missed(terms, text, text) == []
