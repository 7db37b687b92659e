"""The owner's models in a guest's hands: those that are loaded, within a quota, and nothing else."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from playground.access.borrowed import BorrowedManager, ForbiddenError
from playground.access.borrowed_models import BorrowedModels
from playground.access.quota import Quota, QuotaError, Quotas
from playground.engine.base import LoadOptions
from playground.engine.lease import LeaseCancelled
from playground.engine.manager import ModelManager
from playground.engine.turns import Ticket
from playground.errors import BusyError
from playground.models import ModelsService
from playground.records import Sampling, Turn
from playground.services import Services
from playground.store.access_values import Limits
from tests.conftest import wait_for
from tests.tuning.finished import services_in
from tests.tuning.tiny import tiny_base

HELLO = [Turn("user", "Hello there")]
SAMPLING = Sampling(seed=1, max_new_tokens=8)


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    with services_in(tmp_path / "data") as made:
        yield made


def loaded(manager: ModelManager, *names: str) -> None:
    """Have these in memory."""
    for name in names:
        with manager.lease(threading.Event(), name):
            pass


def borrowed(services: Services, **limits: int) -> BorrowedManager:
    return BorrowedManager(services.manager, Quota(Limits(**limits)), "ada")


def said(manager: ModelManager, **asked: Any) -> str:
    stop = threading.Event()
    with manager.lease(stop, **asked) as lease:
        return "".join(chunk.text for chunk in lease.stream(HELLO, SAMPLING, stop))


def test_every_way_into_the_manager_is_written_down() -> None:
    public = {name for name in vars(ModelManager) if not name.startswith("_")}
    assert public <= set(vars(BorrowedManager)), public - set(vars(BorrowedManager))
    inside = {name for name in vars(ModelManager) if name.startswith("_") and not name.startswith("__")}
    assert not inside & set(vars(BorrowedManager))


def test_what_is_loaded_can_be_used(services: Services) -> None:
    mine = borrowed(services)
    with pytest.raises(BusyError, match="No model is loaded"):
        said(mine)
    loaded(services.manager, "echo", "echo@40")
    assert said(mine) == said(services.manager)
    assert {one.model for one in mine.states()} == {"echo", "echo@40"}
    mine.choose("echo@40")
    assert (mine.chosen, services.manager.chosen) == ("echo@40", "echo")
    services.manager.unload("echo@40")
    assert mine.chosen == "echo"


@pytest.mark.parametrize(
    "do",
    [
        lambda m: m.choose("smollm2-135m-instruct"),
        lambda m: m.choose("echo", "secret"),
        lambda m: m.choose("echo", options=LoadOptions()),
        lambda m: m.load("smollm2-135m-instruct"),
        lambda m: m.load("echo", LoadOptions(context_length=512)),
        lambda m: m.unload("echo"),
        lambda m: m.unload(),
        lambda m: m.attach("echo", "/etc"),
        lambda m: m.detach("echo", "x"),
        lambda m: m.plan("/etc/passwd"),
        lambda m: m.options_of("/etc/passwd"),
        lambda m: said(m, name="smollm2-135m-instruct"),
        lambda m: said(m, name="/etc/passwd"),
        lambda m: said(m, name="http://127.0.0.1:1/v1#x"),
        lambda m: said(m, adapter="secret"),
        lambda m: m.peek("/etc/passwd"),
    ],
)
def test_nothing_else_can(services: Services, do: Callable[[ModelManager], object]) -> None:
    loaded(services.manager, "echo")
    before = services.manager.states(), services.manager.chosen
    with pytest.raises(ForbiddenError):
        do(borrowed(services))
    assert (services.manager.states(), services.manager.chosen)[1] == before[1]
    assert [one.model for one in services.manager.states()] == ["echo"]


def test_a_page_of_theirs_loads_nothing(services: Services) -> None:
    mine = borrowed(services)
    mine.load()
    assert not services.manager.states()
    assert mine.state.phase == "idle"
    assert "Ask the owner" in mine.state.detail


def test_tokens_are_counted_and_used_up(services: Services) -> None:
    loaded(services.manager, "echo")
    mine = borrowed(services, tokens_per_hour=40)
    said(mine)
    used = mine._quota.used()[1]
    assert 6 <= used < 40
    mine._quota.spend(40 - used)
    with pytest.raises(QuotaError, match="40 tokens an hour"):
        said(mine)
    assert said(borrowed(services)), "others go on"


def test_the_second_of_one_person_waits_and_can_be_stopped(services: Services) -> None:
    loaded(services.manager, "echo")
    mine, stop, began = borrowed(services, concurrent=1), threading.Event(), threading.Event()
    ended: list[str] = []

    def second() -> None:
        began.set()
        try:
            with mine.lease(stop):
                ended.append("held")
        except LeaseCancelled:
            ended.append("stopped")

    thread = threading.Thread(target=second)
    with mine.lease(threading.Event()):
        thread.start()
        began.wait()
        time.sleep(0.3)
        assert not ended
        stop.set()
        thread.join(10)
    assert ended == ["stopped"]
    with mine.lease(threading.Event()):
        pass


def test_who_has_left_hears_nothing_more(services: Services) -> None:
    mine, heard = borrowed(services), []
    end = mine.listen(lambda: heard.append(1))
    loaded(services.manager, "echo")
    assert heard
    end()
    count = len(services.manager._residents.listeners)
    mine.close()
    assert len(services.manager._residents.listeners) == count - 1
    assert services.manager.states()


def test_every_way_into_the_models_service_is_written_down() -> None:
    public = {name for name in vars(ModelsService) if not name.startswith("_")}
    assert public <= set(vars(BorrowedModels)), public - set(vars(BorrowedModels))


def test_of_the_models_only_those_that_are_loaded_are_seen(services: Services, tmp_path: Path) -> None:
    tiny_base(tmp_path / "data" / "models" / "org" / "tiny")
    loaded(services.manager, "echo")
    models = BorrowedModels(services.models, borrowed(services))
    seen = models.overview()
    assert [one.name for one in seen.local] == ["echo"]
    assert (seen.devices, seen.offers, seen.jobs) == ((), (), ())
    assert str(tmp_path) not in repr(seen)
    assert (models.header().title, models.header().total) == ("echo", 0)
    for do in (
        lambda: models.search("x"),
        lambda: models.files("x"),
        lambda: models.server_models("http://127.0.0.1:1", ""),
        lambda: models.unload("echo"),
        lambda: models.download("qwen3-0.6b"),
        lambda: models.convert("echo"),
        lambda: models.remove("echo"),
        lambda: models.add("/etc/passwd"),
        lambda: models.forget("echo"),
        lambda: models.refresh(),
    ):
        with pytest.raises(ForbiddenError):
            do()


def test_a_reply_ends_when_its_tokens_are_used_up(services: Services) -> None:
    loaded(services.manager, "echo")
    mine, stop, got = borrowed(services, tokens_per_hour=50), threading.Event(), list[int]()
    long = [Turn("user", "/tokens 400")]
    with mine.lease(stop) as lease:
        chunks = lease.stream(long, Sampling(seed=1, max_new_tokens=400), stop)
        with pytest.raises(QuotaError):
            got.extend(chunk.completion_tokens for chunk in chunks)
    assert 30 < max(got) <= 50
    assert mine._quota.used()[1] <= 60


def test_where_nothing_is_loaded_the_owners_choice_is_not_told(services: Services) -> None:
    mine = borrowed(services)
    assert (mine.chosen, mine.adapter, mine.preset, mine.states()) == ("", "", None, ())
    with pytest.raises(BusyError, match="No model is loaded"):
        said(mine)


def test_a_key_that_was_looked_up_before_it_was_revoked_opens_nothing() -> None:
    quotas = Quotas()
    quotas.end("key")
    assert quotas.of("key", Limits()).ended.is_set()
    assert not quotas.of("other", Limits()).ended.is_set()


def test_what_nobody_waits_for_takes_no_place_from_what_somebody_does(services: Services) -> None:
    loaded(services.manager, "echo")
    mine, stop = borrowed(services, concurrent=1), threading.Event()

    def hold(ticket: Ticket) -> None:
        with contextlib.suppress(LeaseCancelled), mine.lease(stop, ticket=ticket):
            pass

    with services.manager.lease(stop):
        spare = threading.Thread(target=hold, args=[Ticket(spare=True)])
        spare.start()
        resident = services.manager._residents.get("echo")
        assert resident is not None
        wait_for(lambda: len(resident.line) == 1)
        other = threading.Thread(target=hold, args=[Ticket()])
        other.start()
        wait_for(lambda: len(resident.line) == 2)
    for one in (spare, other):
        one.join(20)
        assert not one.is_alive()
