"""Threads for work on the CPU: the team does each part once and fails aloud, the lane is one thread for all models."""

from __future__ import annotations

import threading
from contextlib import closing

import pytest
import torch

from playground.engine import lane
from playground.engine.team import Team


def test_the_team_does_each_part_once_and_ends() -> None:
    before = threading.active_count()
    team, lock = Team(4), threading.Lock()
    for _ in range(50):
        seen: list[tuple[int, int]] = []

        def work(part: int, parts: int, seen: list[tuple[int, int]] = seen) -> None:
            with lock:
                seen.append((part, parts))

        team.run(work)
        assert sorted(seen) == [(part, 4) for part in range(4)]
    team.close()
    for thread in threading.enumerate():
        if thread.name.startswith("team-") and thread.ident and threading.active_count() > before:
            thread.join(0.5)
    assert threading.active_count() <= before


def test_what_a_part_raises_is_raised_and_nobody_waits_for_ever() -> None:
    with closing(Team(3)) as team:

        def work(part: int, parts: int) -> None:
            if part == 1:
                raise MemoryError

        for _ in range(3):
            with pytest.raises(MemoryError):
                team.run(work)
        team.run(lambda part, parts: None)
    with pytest.raises(RuntimeError):
        team.run(lambda part, parts: None)


def test_the_lane_keeps_how_many_threads_were_asked_for() -> None:
    before = torch.get_num_threads()
    try:
        for threads in (2, 1, 2):
            lane.use(threads)
            assert lane.run(torch.get_num_threads) == lane.aside(torch.get_num_threads) == threads

            def alone() -> tuple[int, int]:
                lane.alone()
                meanwhile = lane.aside(torch.get_num_threads)
                return torch.get_num_threads(), meanwhile

            assert lane.run(alone) == (1, threads)
            assert lane.run(torch.get_num_threads) == threads
    finally:
        lane.use(before)


def test_the_lane_is_one_thread_and_raises_what_it_must() -> None:
    names: list[str] = []
    threads = [threading.Thread(target=lambda: names.append(lane.run(threading.current_thread).name)) for _ in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(names) == 4
    assert len(set(names)) == 1
    for do in (lane.run, lane.aside):
        with pytest.raises(MemoryError):
            do(_fail)
    assert lane.aside(threading.current_thread).name != names[0]


def _fail() -> None:
    raise MemoryError
