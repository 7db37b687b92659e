"""Ends a piece of work with SIGKILL at each of its steps: SQL statements, files that move, lines of our own code."""

from __future__ import annotations

import gc
import os
import signal
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

FILE_STEPS = {"os.rename", "os.link", "os.remove", "os.truncate", "shutil.copyfile", "shutil.move"}
needs_fork = pytest.mark.forks
"""Run first, while the process is small: see the tests' conftest."""


@pytest.fixture
def quick_folder() -> Iterator[Path]:
    """A folder in memory where there is one: a killed process loses nothing there either, and no disk is waited for."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as place:
        yield Path(place)


def steps(work: Callable[[], object], lines_of: str = "") -> list[str]:
    """Do the work in a process of its own to its end; every step of it in words.

    `lines_of` is the end of a file's name: each line of it that runs is a step, too.
    """
    said, words = os.pipe()
    child = forked()
    if not child:
        os.close(said)
        _begin(lambda step: os.write(words, step.replace("\n", " ").encode() + b"\n"), lines_of)
        end(work)
    os.close(words)
    with os.fdopen(said, "rb") as reader:
        found = reader.read().decode().splitlines()
    assert os.waitpid(child, 0)[1] == 0
    return found


def kill_at(number: int, work: Callable[[], object], lines_of: str = "") -> bool:
    """Do the work in a process of its own, killed as it comes to step `number` (from 0). Was it?"""
    child = forked()
    if not child:
        left = iter(range(number))

        def count(step: str) -> None:
            if next(left, None) is None:
                os.kill(os.getpid(), signal.SIGKILL)

        _begin(count, lines_of)
        end(work)
    status = os.waitpid(child, 0)[1]
    assert status in (0, signal.SIGKILL)
    return status == signal.SIGKILL


def every_kill(work: Callable[[], object], make: Callable[[], object], lines_of: str = "") -> Iterator[int]:
    """Call `make` and then kill `work` at its first step, then again at its second, and so on; yields the numbers."""
    number = 0
    while True:
        make()
        if not kill_at(number, work, lines_of):
            return
        yield number
        number += 1


def forked() -> int:
    """As os.fork. In the child no garbage is collected: what other tests have left here waits, as it goes, for threads
    that the child does not have."""
    gc.disable()
    child = os.fork()
    if child:
        gc.enable()
    return child


def _begin(step: Callable[[str], object], lines_of: str) -> None:
    connect = sqlite3.connect

    def traced(*arguments: Any, **options: Any) -> sqlite3.Connection:
        conn = connect(*arguments, **options)
        conn.set_trace_callback(step)
        return conn

    sqlite3.connect = traced
    sys.addaudithook(lambda event, arguments: step(event) if event in FILE_STEPS else None)

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        if not frame.f_code.co_filename.endswith(lines_of):
            return None
        if event == "line":
            step(f"line {frame.f_lineno}")
        return trace

    if lines_of:
        sys.settrace(trace)


def end(work: Callable[[], object]) -> None:
    """Do the work and end this process, with 1 if it failed."""
    code = 1
    try:
        work()
        code = 0
    finally:
        os._exit(code)
