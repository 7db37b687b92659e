"""`playground tune check` as a process."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

from tests.test_cli import assert_fault, run
from tests.tuning.broken import GOOD, lines
from tests.tuning.finished import lay, services_in


def test_rows_are_told_with_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "daten 数据.jsonl"
    file.write_bytes(lines(GOOD, {"q": 1}, '{"broken'))
    done = run(tmp_path, "tune", "check", str(file))
    assert done.returncode == 1
    first, second, last = done.stdout.splitlines()
    assert first == "row 2: The row has 'q', which is none of the known forms. Map the columns to what they hold."
    assert second.startswith("row 3: Line 3 is no JSON")
    assert last == "3 rows: 1 conversation to learn from, 2 left out."


def test_columns_by_hand_and_json(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("frage,antwort\nHi,Ho\n", encoding="utf-8")
    columns = ("--column", "prompt=frage", "--column", "completion=antwort")
    done = run(tmp_path, "tune", "check", str(file), *columns, "--json")
    assert done.returncode == 0
    told = json.loads(done.stdout)
    assert told["samples"][0]["messages"][1]["content"] == "Ho"
    assert_fault(run(tmp_path, "tune", "check", str(file), "--column", "reply=antwort"), 2, "Write FIELD=NAME")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert_fault(run(tmp_path, "tune", "check", str(tmp_path / "none.jsonl")), 4, "not there")


def test_what_was_learned_becomes_a_file(tmp_path: Path) -> None:
    with services_in(tmp_path) as services:
        made = lay(services, title="Harbour")
    target = tmp_path / "out" / "harbour.zip"
    done = run(tmp_path, "tune", "export", made[:8], str(target))
    assert (done.returncode, done.stdout) == (0, f"{target}\n"), done.stderr
    with zipfile.ZipFile(target) as archive:
        assert archive.testzip() is None
    before = target.read_bytes()
    assert_fault(run(tmp_path, "tune", "export", made, str(target)), 5, "there already")
    assert target.read_bytes() == before
    assert_fault(run(tmp_path, "tune", "export", "nothing", str(target.with_name("b.zip"))), 2, "no training")


def test_a_model_whose_files_are_gone_is_not_exported(tmp_path: Path) -> None:
    with services_in(tmp_path) as services:
        made = lay(services, title="Harbour")
    target = tmp_path / "out" / "harbour.gguf"
    done = run(tmp_path, "tune", "export", made, str(target), "--kind", "gguf-f16")
    assert done.returncode != 0
    assert "/nowhere/<echo>" in done.stderr
    assert not list(target.parent.iterdir())
