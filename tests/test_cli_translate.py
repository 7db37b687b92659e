"""`playground translate` and `playground score` as processes: files out, doubts to stderr, exit codes, Ctrl-C."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest

from playground.store import Database
from playground.store.translations import Translations
from tests.test_cli import assert_fault, run, start
from tests.translate.conftest import IDENTITY

TO = ("--engine", "echo", "--model", IDENTITY, "--to", "fr", "--from", "en")
MARKDOWN = "# A title\n\nSome *words* and `code` in it.\n\n```\nno prose\n```\n"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "my data 数据"


@pytest.fixture
def page(tmp_path: Path) -> Path:
    file = tmp_path / "page 页.md"
    file.write_text(MARKDOWN, encoding="utf-8")
    return file


def kept(data: Path) -> Translations:
    return Translations(Database(data / "playground.db", data / "backups"))


def translate(data: Path, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[str]:
    return run(data, "translate", *TO, *arguments, given=given)


def test_the_file_and_nothing_else_on_stdout(data: Path, page: Path) -> None:
    done = translate(data, str(page))
    assert done.returncode == 0, done
    assert done.stdout == MARKDOWN
    # What the identity model left in English is to be looked at.
    assert done.stderr.splitlines()[-2:] == [
        f"en → fr by {IDENTITY}. Segments: 2, to look at: 1.",
        "2: untranslated Some",
    ]
    (one,) = kept(data).list()
    assert (one.title, one.status, one.done) == (page.name, "complete", 2)


def test_into_a_new_file_with_a_glossary_and_every_segment_as_json(data: Path, page: Path, tmp_path: Path) -> None:
    terms, out = tmp_path / "terms.csv", tmp_path / "page.fr.md"
    terms.write_text("en,fr\ntitle,titre\nwords,mots\n", encoding="utf-8")
    done = translate(data, str(page), "--glossary", str(terms), "--out", str(out), "--json")
    assert done.returncode == 0, done
    assert out.read_text(encoding="utf-8") == MARKDOWN.replace("title", "titre").replace("words", "mots")
    said = json.loads(done.stdout)
    assert [one["text"] for one in said["items"]] == ["A titre", "Some ⟨1⟩mots⟨/1⟩ and ⟨2⟩code⟨/2⟩ in it."]
    again = translate(data, str(page), "--out", str(out))
    assert_fault(again, 5, "is there already")


def test_standard_input_and_a_segment_that_fails(data: Path) -> None:
    done = translate(data, "-", given=b"A good line.\n\nA /fail line.\n")
    assert done.returncode == 1
    assert done.stdout == "A good line.\n\nA /fail line.\n"
    assert "1 segments could not be translated" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["nothing.md"], 4, "There is no file nothing.md"),
        (["{page}", "--to", "xx"], 2, "'xx' is not known"),
        (["{page}", "--to", "de"], 2, "does not translate from English to German"),
        (["{page}", "--glossary", "none.csv"], 4, "There is no file none.csv"),
        (["{page}", "--glossary", "{page}"], 2, "has rows that are no terms"),
        (["{page}", "--beam-size", "0"], 2, "beam_size is 0"),
        (["{page}", "--out", "/nowhere/a.md"], 4, "There is no folder"),
        (["-"], 2, "nothing to translate"),
    ],
)
def test_what_cannot_be_is_told_and_nothing_is_kept(
    data: Path, page: Path, arguments: list[str], code: int, words: str
) -> None:
    done = translate(data, *(one.format(page=page) for one in arguments))
    assert_fault(done, code, words)
    assert not (data / "playground.db").exists() or kept(data).list() == []


def test_conflicting_rows_of_a_glossary_are_named(data: Path, page: Path, tmp_path: Path) -> None:
    terms = tmp_path / "terms.csv"
    terms.write_text("en,fr\ntitle,titre\nwords,mots\ntitle,intitulé\n", encoding="utf-8")
    assert_fault(translate(data, str(page), "--glossary", str(terms)), 2, "rows 2 and 4")


def test_ctrl_c_keeps_what_is_done_and_the_same_command_goes_on(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "long.txt"
    file.write_text("\n\n".join(f"This is sentence number {n} of many." for n in range(120)), encoding="utf-8")
    command = ["translate", *TO[:3], f"{IDENTITY}@120", *TO[4:], str(file)]
    process = start(data, *command)
    while not (data / "playground.db").exists() or not [one for one in kept(data).list() if one.done]:
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert b"the same command goes on" in (said if isinstance(said, bytes) else said.encode())
    done = run(data, "translate", *TO[:3], f"{IDENTITY}@120", *TO[4:], str(file))
    assert done.returncode == 0, done
    (one,) = kept(data).list()
    assert (one.status, one.done) == ("complete", 120)


def test_score_says_bleu_and_chrf_with_their_signatures(data: Path, tmp_path: Path) -> None:
    mine, theirs = tmp_path / "mine.txt", tmp_path / "theirs.txt"
    mine.write_text("Un chat dort ici.\n\nIl pleut beaucoup.\n", encoding="utf-8")
    theirs.write_text("Un chat dort ici.\n\nIl neige beaucoup.\n", encoding="utf-8")
    done = run(data, "score", str(mine), str(theirs))
    assert done.returncode == 0, done
    bleu, chrf, segments = done.stdout.splitlines()
    assert bleu.startswith("BLEU ")
    assert "tok:13a" in bleu
    assert "nc:6" in chrf
    assert segments == "segments 2"
    theirs.write_text("Un chat dort ici.\n", encoding="utf-8")
    assert_fault(run(data, "score", str(mine), str(theirs)), 2, "There are 2 segments and 1 in the reference")
