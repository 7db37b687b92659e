"""What a guest begins takes threads: there is an end to them, and all end when the guest leaves."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from playground.access.places import CROWD
from playground.access.quota import Quota, QuotaError
from playground.paths import open_data_folder
from playground.replay import Replays
from playground.services import Services, borrowed_services
from playground.settings import Settings
from playground.store.access_values import Limits
from playground.store.run_values import RunDocument
from playground.summarize.options import SummaryOptions
from playground.summarize.reading import read_pasted
from tests.access.owning import owning
from tests.conftest import wait_for

LONG = "/tokens 4000"
WORK = {"reply", "replay", "job", "title"}
TEXT = "The harbour lies in the south of the town. It has three ships and a mill."


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[Services]:
    with owning(tmp_path / "owner", "echo@40") as made:
        yield made


@pytest.fixture
def quota() -> Quota:
    return Quota(Limits(concurrent=1), who="link")


@pytest.fixture
def guest(owner: Services, quota: Quota, tmp_path: Path) -> Iterator[Services]:
    made = borrowed_services(owner, Settings(engine="echo"), open_data_folder(str(tmp_path / "guest")), quota, "ada")
    yield made
    made.close()
    made.database.close()


def threads() -> int:
    return sum(one.name in WORK for one in threading.enumerate())


def document() -> RunDocument:
    return read_pasted(TEXT, "text")


def test_more_than_so_many_are_refused_and_nothing_of_them_is_kept(guest: Services, quota: Quota) -> None:
    turns = [guest.chat.send(None, LONG) for _ in range(CROWD)]
    for _ in range(20):
        with pytest.raises(QuotaError, match="waits already"):
            guest.chat.send(None, LONG)
        with pytest.raises(QuotaError, match="waits already"):
            guest.summaries.start([document()], SummaryOptions())
    assert threads() == CROWD
    assert len(guest.chat.history.conversations()) == CROWD
    assert {run.status for run in guest.summaries.runs.runs()} == {"stopped"}, "none looks as if it were at work"
    guest.chat.stop_all()
    for turn in turns:
        guest.chat.wait(turn)
    wait_for(lambda: threads() == 0, what="no threads")
    assert not quota._begun
    run = guest.summaries.runs.runs()[0]
    guest.summaries.resume(run.id)
    assert guest.summaries.wait(run.id).status == "complete"
    wait_for(lambda: not quota._begun)


def test_what_cannot_be_added_takes_no_place(guest: Services, quota: Quota) -> None:
    for _ in range(3 * CROWD):
        with pytest.raises(Exception, match="exist"):
            guest.chat.regenerate("nowhere", "nothing", seen_leaf=None, sampling=guest.chat.default_sampling())
    assert not quota._begun


def test_replays_are_counted_too(guest: Services, quota: Quota) -> None:
    turn = guest.chat.send(None, "hello")
    guest.chat.wait(turn)
    wait_for(lambda: threads() == 0, what="the title's end")
    replays = Replays(guest.chat.history, guest.manager, guest.chat.begins)
    for _ in range(CROWD):
        quota.begin("ada")
    with pytest.raises(QuotaError, match="waits already"):
        replays.start(turn.reply_id)
    assert threads() == 0
    quota._begun.clear()
    replays.start(turn.reply_id)
    wait_for(lambda: (state := replays.state(turn.reply_id)) and state.phase == "done", what="a replay")
    wait_for(lambda: not quota._begun)


def test_whoever_leaves_ends_all_of_it(owner: Services, guest: Services, quota: Quota) -> None:
    turn = guest.chat.send(None, "hello")
    guest.chat.wait(turn)
    replays, stop = Replays(guest.chat.history, guest.manager, guest.chat.begins), threading.Event()
    with owner.manager.lease(stop):  # So that all of theirs waits.
        replays.start(turn.reply_id)
        guest.chat.send(None, LONG)
        guest.summaries.start([document()], SummaryOptions())
        wait_for(lambda: owner.manager.state.waiting == 1, what="one in line")
        guest.close(1.0)
        wait_for(lambda: threads() == 0, what="no threads")
        assert (quota.used()[2], len(quota._begun), owner.manager.state.waiting) == (0, 0, 0)
    assert not stop.is_set()
