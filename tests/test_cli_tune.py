"""`playground tune check` as a process."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import filelock
import pytest

from playground.cli_tune_run import measured_words, progress_words
from playground.errors import BadValueError, MissingError
from playground.presets import model_presets
from playground.tuning.dataset import read_dataset
from playground.tuning.forms import FIELDS
from playground.tuning.journal import Journal
from playground.tuning.progress import Progress
from playground.tuning.recipe import Recipe, recipe_presets
from playground.tuning.runtoml import read_run_toml
from tests.conftest import ROOT
from tests.test_cli import assert_fault, run, start
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


def test_broken_rows_are_told_before_a_training_begins(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(lines(GOOD, *({"q": number} for number in range(25))))
    (tmp_path / "run.toml").write_text('model = "nowhere/to-be-found"\ndata = ["a.jsonl"]\n', encoding="utf-8")
    done = run(tmp_path, "tune", "run", str(tmp_path / "run.toml"))
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    told = done.stderr.splitlines()
    at = next(number for number, line in enumerate(told) if line.startswith("row "))
    assert told[at] == ("row 2: The row has 'q', which is none of the known forms. Map the columns to what they hold.")
    assert [line.partition(":")[0] for line in told[at : at + 20]] == [f"row {number}" for number in range(2, 22)]
    assert told[at + 20].startswith("and 5 more")
    assert told[at + 21] == "25 of 26 rows left out."
    assert not any(line.startswith("Training ") for line in told[: at + 21])


def test_of_several_files_each_row_is_told_with_its_file(tmp_path: Path) -> None:
    for name in ("a.jsonl", "b.jsonl"):
        (tmp_path / name).write_bytes(lines(GOOD, '{"broken'))
    (tmp_path / "run.toml").write_text('model = "nowhere/to-be-found"\ndata = ["a.jsonl", "b.jsonl"]\n')
    told = run(tmp_path, "tune", "run", str(tmp_path / "run.toml")).stderr
    assert "a.jsonl, row 2: " in told
    assert "b.jsonl, row 1: The row says the same as row 1 of a.jsonl." in told
    assert "3 of 4 rows left out." in told


@pytest.mark.parametrize(
    ("mine", "said"),
    [
        ({"eval_loss": 2.25}, ["held-out loss 3.500 -> 2.250, perplexity 33.1 -> 9.5"]),
        ({"eval_loss": "nan", "top1": "nan"}, ["held-out loss 3.500 -> NaN, perplexity 33.1 -> NaN"]),
        ({"eval_loss": 800.0}, ["held-out loss 3.500 -> 800.000, perplexity 33.1 -> NaN"]),
        ({"eval_loss": 2.25, "accuracy": "nan"}, ["held-out loss 3.500 -> 2.250, preference accuracy NaN"]),
        ({}, ["held-out loss of the base 3.500; the adapter was not measured"]),
    ],
)
def test_figures_that_are_no_numbers_are_told(mine: Mapping[str, Any], said: list[str]) -> None:
    assert list(measured_words({"eval_loss": 3.5}, mine)) == said
    assert list(measured_words({}, {})) == []
    (line,) = measured_words({"eval_loss": "inf"}, {"eval_loss": 2.25})
    assert line == "held-out loss NaN -> 2.250, perplexity NaN -> 9.5"


def test_steps_that_are_no_numbers_are_told() -> None:
    step = {"kind": "step", "step": 1, "of": 9, "loss": "nan", "tokens_per_second": 250.0, "seconds_left": "inf"}
    progress = Progress().add_all([step, {"kind": "eval", "step": 1, "eval_loss": "nan"}])
    assert progress_words(progress) == "step 1/9, loss nan, held-out loss NaN, 250 tokens/s"
    assert progress_words(Progress().add_all([{"kind": "step", "step": 1, "of": 9}])) == "step 1/9, loss None"


def test_an_adapter_that_was_never_measured_is_no_fault(tmp_path: Path) -> None:
    """The command follows a worker that an earlier app has started: here its lock is held, and its journal written."""
    with services_in(tmp_path) as services:
        made = lay(services, title="Harbour")
        places = services.trainings.places(made)
        services.trainings.store.set_status(made, "stopped", "")
    places.journal.unlink()
    note = Journal(places.journal)
    note.add("start", step=0, skipped=[], tokens=900)
    note.add("eval", step=0, eval_loss=3.5)
    note.add("step", step=1, of=2, loss="nan", tokens_per_second="nan", seconds_left="inf")
    lock = filelock.FileLock(places.lock)
    lock.acquire()
    with start(tmp_path, "tune", "resume", made) as process:
        assert process.stderr is not None
        assert process.stdout is not None
        told = b""
        while b"step 1/2" not in told and (line := process.stderr.readline()):
            told += line
        note.add("end", status="stopped", step=1, kept_step=1, error="", seconds=0.0)
        note.close()
        lock.release()
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, told + err
    assert out.decode().splitlines() == [
        "held-out loss of the base 3.500; the adapter was not measured",
        "adapter 'Harbour' of echo, kept from step 1",
    ]


# ---- RUN.toml --------------------------------------------------------------------------------------------------------
KEYS = "model data recipe title prompts device note columns settings"


def readme() -> str:
    """What the README says of RUN.toml."""
    return (ROOT / "README.md").read_text(encoding="utf-8").partition("### RUN.toml\n")[2].partition("\n## ")[0]


def test_the_example_of_the_readme_is_taken(tmp_path: Path) -> None:
    example = re.findall(r"```toml\n(.*?)```", readme(), re.DOTALL)[0]
    (tmp_path / "run.toml").write_text(example, encoding="utf-8")
    with pytest.raises(MissingError, match=r"chats\.jsonl"):
        read_run_toml(tmp_path / "run.toml")
    (tmp_path / "chats.jsonl").write_bytes(lines({"frage": "Where?", "antwort": "Here."}))
    made = read_run_toml(tmp_path / "run.toml")
    quick = recipe_presets()["quick"].recipe
    assert made.options.recipe == replace(quick, num_train_epochs=2.0, max_length=256)
    assert made.options.model in model_presets()
    assert made.columns == {"prompt": "frage", "completion": "antwort"}
    assert (made.title, made.note) == ("Harbour office", "CC0, from the office's own mail")
    read = read_dataset(made.data[0].read_bytes(), "chats.jsonl", made.columns)
    assert (len(read.samples), read.problems) == (1, ())


def test_the_readme_names_every_key_and_no_other() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", readme(), re.MULTILINE))
    assert set(rows) == set(KEYS.split())
    settings = rows["settings"].partition(": by")[0]
    assert re.findall(r"`(\w+)`", settings) == [one.name for one in fields(Recipe)]
    assert set(re.findall(r"`(\w+)`", rows["columns"])) == set(FIELDS)
    assert all(re.search(rf"\b{name}\b", readme()) for name in recipe_presets())


@pytest.mark.parametrize(
    "key", ["model", "data", "recipe", "title", "prompts", "device", "note", "columns", "settings"]
)
def test_each_of_them_is_known(tmp_path: Path, key: str) -> None:
    (tmp_path / "run.toml").write_text(f"{key} = 1979-05-27\n", encoding="utf-8")
    with pytest.raises(BadValueError, match=f"{key} is .* of the wrong kind"):
        read_run_toml(tmp_path / "run.toml")
