"""kill -9 at random moments: a run goes on, no part is written twice or lost, and what comes out is the same."""

from __future__ import annotations

import contextlib
import os
import random
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT

KILLS, PACE = (20, "echo@20") if os.environ.get("PLAYGROUND_LONG") else (5, "echo@60")
Row = tuple[Any, ...]


def begin(data: Path, model: str) -> subprocess.Popen[bytes]:
    """Start the process, and return when it works."""
    command = [sys.executable, "-m", "tests.summarize.running", str(data), model]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout as said:
        said.readline()
    return process


def rows(data: Path, sql: str) -> list[Row]:
    with contextlib.closing(sqlite3.connect(f"{(data / 'playground.db').as_uri()}?mode=ro", uri=True)) as db:
        return db.execute(sql).fetchall()


def done(data: Path) -> dict[tuple[int, int], Row]:
    """What is done, with what would differ if it were written again."""
    sql = "SELECT level, position, text, seconds, key FROM run_nodes WHERE status = 'done'"
    return {(level, position): tuple(rest) for level, position, *rest in rows(data, sql)}


def test_a_killed_run_goes_on_and_ends_the_same(tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    whole.mkdir()
    killed.mkdir()
    assert begin(whole, "echo").wait(60) == 0
    draw, kept = random.Random(5), {}
    for kill in range(KILLS + 1):
        process = begin(killed, PACE if kill < KILLS else "echo")
        if kill < KILLS:
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(draw.uniform(0.1, 2.0))
            process.kill()
        process.wait(60)
        now = done(killed)
        assert {place: now[place] for place in kept} == kept  # Nothing lost, nothing written a second time.
        kept = now
    assert rows(killed, "SELECT status FROM runs") == [("complete",)]
    assert rows(killed, "SELECT text FROM runs") == rows(whole, "SELECT text FROM runs")
    assert [row[0] for row in kept.values()] == [row[0] for row in done(whole).values()]
    assert rows(killed, "SELECT count(*) FROM run_nodes") == rows(whole, "SELECT count(*) FROM run_nodes")
