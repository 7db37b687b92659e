"""kill -9 at random moments: a translation goes on, no segment is lost or made twice, and the same comes out."""

from __future__ import annotations

import contextlib
import os
import random
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.translate.conftest import IDENTITY

KILLS, PACE = (20, f"{IDENTITY}@60") if os.environ.get("PLAYGROUND_LONG") else (4, f"{IDENTITY}@150")


def begin(data: Path, model: str) -> subprocess.Popen[bytes]:
    """Start the process, and return when it works."""
    command = [sys.executable, "-m", "tests.translate.running", str(data), model]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout as said:
        said.readline()
    return process


def done(data: Path) -> dict[int, tuple[object, ...]]:
    """What is done, with what would differ if it were made again."""
    sql = "SELECT position, text, score, updated_at FROM segments WHERE status = 'done'"
    with contextlib.closing(sqlite3.connect(f"{(data / 'playground.db').as_uri()}?mode=ro", uri=True)) as db:
        return {position: tuple(rest) for position, *rest in db.execute(sql)}


def test_a_killed_translation_goes_on_and_ends_the_same(tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    for folder in (whole, killed):
        folder.mkdir()
    assert begin(whole, IDENTITY).wait(60) == 0
    draw, kept = random.Random(5), {}
    for kill in range(KILLS + 1):
        process = begin(killed, PACE if kill < KILLS else IDENTITY)
        if kill < KILLS:
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(draw.uniform(0.1, 1.0))
            process.kill()
        process.wait(60)
        now = done(killed)
        assert {place: now[place] for place in kept} == kept  # Nothing lost, nothing made a second time.
        kept = now
    texts = [[row[0] for _, row in sorted(done(data).items())] for data in (whole, killed)]
    assert len(texts[0]) == 240
    assert texts[0] == texts[1]
