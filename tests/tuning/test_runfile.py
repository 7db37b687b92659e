"""The folder of a training: what is written is what the worker reads."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.errors import BadValueError, MissingError, StorageError
from playground.records import Role, Turn
from playground.tuning.recipe import Recipe
from playground.tuning.runfile import BaseModel, RunFile, RunPlaces, read_run, read_samples, write_run
from playground.tuning.samples import Sample, SampleKind

WORDS = st.text(st.characters(exclude_categories=["Cs"]))
TURNS = st.lists(st.builds(Turn, st.sampled_from(get_args(Role)), WORDS), max_size=4).map(tuple)
SAMPLES = st.builds(
    Sample,
    st.sampled_from(get_args(SampleKind)),
    st.integers(1, 10**9),
    TURNS,
    st.lists(st.booleans(), max_size=4).map(tuple),
    WORDS,
    WORDS,
    WORDS,
    WORDS,
)
RUN = RunFile(
    "1", "Debian", BaseModel("tiny", "models/tiny", "abc", "0" * 64, "cache"), Recipe(r=4), ("Hello?", "你好")
)


@given(st.lists(SAMPLES, max_size=5), st.lists(SAMPLES, max_size=3))
def test_samples_come_back(train: list[Sample], heldout: list[Sample]) -> None:
    with tempfile.TemporaryDirectory() as place:
        places = RunPlaces(Path(place) / "run")
        write_run(places, RUN, train, heldout)
        assert list(read_samples(places.train)) == train
        assert list(read_samples(places.heldout)) == heldout


@given(WORDS, st.lists(WORDS, max_size=3), st.floats(0, 600), st.dictionaries(WORDS, WORDS | st.integers()))
def test_a_run_comes_back(title: str, prompts: list[str], seconds: float, data: dict[str, str | int]) -> None:
    run = replace(RUN, title=title, prompts=tuple(prompts), checkpoint_seconds=seconds, data=data)
    with tempfile.TemporaryDirectory() as place:
        places = RunPlaces(Path(place))
        write_run(places, run, [], [])
        assert read_run(places) == run


def test_a_run_of_an_older_version_has_defaults(tmp_path: Path) -> None:
    places = RunPlaces(tmp_path)
    write_run(places, RUN, [], [])
    values = json.loads(places.run.read_text(encoding="utf-8"))
    del values["checkpoint_seconds"], values["recipe"]["beta"]
    places.run.write_text(json.dumps(values), encoding="utf-8")
    assert read_run(places) == RUN


def test_a_folder_with_a_run_file_is_whole(tmp_path: Path) -> None:
    """What cannot be written to its end has no run file."""

    def broken() -> list[Sample]:
        raise ZeroDivisionError

    places = RunPlaces(tmp_path)
    with pytest.raises(ZeroDivisionError):
        write_run(places, RUN, [Sample("text", 1, text="a")], (broken()[0] for _ in range(1)))
    assert places.train.exists()
    assert not places.run.exists()


@pytest.mark.parametrize(
    "content", [None, "", "{", "[]", "null", '{"id": "1"}', '{"recipe": {}, "base": {}, "prompts": []}']
)
def test_what_is_no_run_file(tmp_path: Path, content: str | None) -> None:
    places = RunPlaces(tmp_path)
    if content is not None:
        places.run.write_text(content, encoding="utf-8")
    with pytest.raises(MissingError, match=r"is no run file, or is damaged\. Begin the training anew\."):
        read_run(places)


@pytest.mark.parametrize(("key", "value"), [("r", 0), ("task", "rlhf"), ("unknown", 1)])
def test_a_recipe_that_cannot_be_is_told(tmp_path: Path, key: str, value: object) -> None:
    places = RunPlaces(tmp_path)
    write_run(places, RUN, [], [])
    values = json.loads(places.run.read_text(encoding="utf-8"))
    values["recipe"][key] = value
    places.run.write_text(json.dumps(values), encoding="utf-8")
    with pytest.raises(BadValueError, match=key):
        read_run(places)


@pytest.mark.skipif(os.name == "nt", reason="a file there is no folder here")
def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(StorageError):
        write_run(RunPlaces(tmp_path / "file" / "run"), RUN, [], [])
