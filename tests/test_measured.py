"""Measurements of memory: what is seen, what is kept, what a broken file does."""

from __future__ import annotations

from pathlib import Path

import pytest

from playground.engine import measured as module
from playground.engine.heap import release_memory
from playground.engine.measured import Key, Measured, Peak, watch_peak
from playground.engine.needs import Need

MB = 1_000_000
KEY = Key("machine", "model", "transformers", "cpu", "fp32", 1024, 1, True)
NEED = Need(weights=500 * MB, kv_cache=50 * MB, activations=20 * MB, overhead=100 * MB, grown=50 * MB)


@pytest.fixture
def kept(tmp_path: Path) -> Measured:
    return Measured(tmp_path / "cache" / "measured.json")


def fill(size: int) -> bytearray:
    """Memory that is really there."""
    block = bytearray(size)
    block[::4096] = b"x" * len(block[::4096])
    return block


@pytest.mark.parametrize("system_keeps_peaks", [True, False])
def test_the_peak_counts_and_not_the_end(monkeypatch: pytest.MonkeyPatch, system_keeps_peaks: bool) -> None:
    if not system_keeps_peaks:
        monkeypatch.setattr(module, "_reset_peak", lambda: False)
    release_memory()  # Else what other tests left is given back meanwhile, and hides the growth.
    with watch_peak("cpu") as peak:
        block = fill(120 * MB)
        # Sampling needs a moment in which the memory is there.
        module.time.sleep(0.2)
        del block
        small = fill(10 * MB)
    assert 110 * MB < peak.bytes < 160 * MB
    assert len(small) == 10 * MB
    with watch_peak("cpu") as later:
        fill(1 * MB)
    assert later.bytes < 60 * MB, "the peak before does not count"


def test_the_same_again_is_known(kept: Measured) -> None:
    assert kept.correct(KEY, NEED) == (NEED, False)
    kept.keep(KEY, NEED, Peak("cpu", 700 * MB), "full")
    better, corrected = kept.correct(KEY, NEED)
    assert corrected
    assert better.total == 700 * MB
    assert better.weights == NEED.weights
    kept.keep(KEY, NEED, Peak("cpu", 600 * MB), "full")
    assert kept.correct(KEY, NEED)[0].total == 600 * MB, "the latest counts"


def test_a_measurement_of_loading_mends_what_loading_takes(kept: Measured) -> None:
    assert NEED.loaded == 600 * MB
    kept.keep(KEY, NEED, Peak("cpu", 640 * MB), "load")
    assert kept.correct(KEY, NEED)[0].total == NEED.total + 40 * MB
    kept.keep(KEY, NEED, Peak("cpu", 625 * MB), "started")
    assert NEED.started == 620 * MB
    assert kept.correct(KEY, NEED)[0].total == NEED.total + 5 * MB, "more was seen"
    kept.keep(KEY, NEED, Peak("cpu", 690 * MB), "full")
    assert kept.correct(KEY, NEED)[0].total == 690 * MB


def test_weights_that_are_read_late_are_not_missed_while_loading() -> None:
    mapped = Need(weights=500 * MB, overhead=100 * MB, activations=20 * MB, lazy=500 * MB)
    assert (mapped.loaded, mapped.started, mapped.total) == (100 * MB, 620 * MB, 620 * MB)
    read = Need(weights=300 * MB, overhead=100 * MB, activations=20 * MB, transient=500 * MB)
    assert (read.loaded, read.started, read.total, read.reclaimable) == (900 * MB, 900 * MB, 900 * MB, 480 * MB)


def test_other_settings_of_the_model_learn_too(kept: Measured) -> None:
    kept.keep(KEY, NEED, Peak("cpu", NEED.total + 30 * MB), "full")
    longer = Need(weights=500 * MB, kv_cache=400 * MB, activations=20 * MB, overhead=100 * MB, grown=400 * MB)
    other = Key("machine", "model", "transformers", "cpu", "fp32", 8192, 1, True)
    assert kept.correct(other, longer)[0].total == longer.total + 30 * MB
    for change in ({"machine": "x"}, {"model": "x"}, {"engine": "x"}, {"precision": "x"}, {"library": False}):
        assert kept.correct(Key(**{**vars(other), **change}), longer) == (longer, False)


def test_a_wild_measurement_does_not_make_nonsense(kept: Measured) -> None:
    kept.keep(KEY, NEED, Peak("cpu", 1 * MB), "full")
    other = Key("machine", "model", "transformers", "cpu", "fp32", 8192, 1, True)
    assert kept.correct(other, NEED)[0].total >= NEED.total // 2


def test_a_disturbed_measurement_is_not_kept(kept: Measured) -> None:
    kept.keep(KEY, NEED, Peak("cpu", 900 * MB, note="another model was busy"), "full")
    assert kept.correct(KEY, NEED) == (NEED, False)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '[{"key": {}}]', '[{"key": {"machine": "m"}, "values": 3}]', "\x00\xff"]
)
def test_a_torn_file_counts_as_none(tmp_path: Path, text: str) -> None:
    file = tmp_path / "measured.json"
    file.write_bytes(text.encode("latin-1"))
    kept = Measured(file)
    assert kept.correct(KEY, NEED) == (NEED, False)
    kept.keep(KEY, NEED, Peak("cpu", 700 * MB), "full")
    assert Measured(file).correct(KEY, NEED)[0].total == 700 * MB
    assert [other.name for other in tmp_path.iterdir()] == ["measured.json"]


def test_where_nothing_can_be_kept_nothing_breaks(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    kept = Measured(tmp_path / "file" / "measured.json")
    kept.keep(KEY, NEED, Peak("cpu", 700 * MB), "full")
    assert kept.correct(KEY, NEED) == (NEED, False)
