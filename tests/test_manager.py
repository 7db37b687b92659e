"""The model manager: loading in the background, one holder at a time in order of asking, and an orderly end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from playground.engine.manager import LeaseCancelled, ModelManager
from playground.engine.turns import Ticket
from playground.errors import BadValueError, MissingError, ModelError, PlaygroundError
from playground.paths import open_data_folder
from playground.presets import STARTER
from playground.settings import Settings
from tests.conftest import give_starter, wait_for

OpenManager = Callable[..., ModelManager]


@pytest.fixture
def open_manager(tmp_path: Path) -> Iterator[OpenManager]:
    made: list[ModelManager] = []

    def make(engine: str = "echo", **settings: Any) -> ModelManager:
        manager = ModelManager(Settings(engine=engine, **settings), open_data_folder(str(tmp_path / "data")))
        made.append(manager)
        return manager

    yield make
    for manager in made:
        manager.close()


def phases_of(manager: ModelManager) -> list[str]:
    """Grows with every change of phase that a listener hears."""
    heard = [manager.state.phase]

    def listen() -> None:
        if manager.state.phase != heard[-1]:
            heard.append(manager.state.phase)

    manager.listen(listen)
    return heard


def ready(manager: ModelManager) -> None:
    manager.load()
    wait_for(lambda: manager.state.phase == "ready", what="loading")


def loaded(manager: ModelManager) -> int:
    """The identity of the engine in memory, 0 for none."""
    with manager.peek() as engine:
        return id(engine) if engine is not None else 0


class Holder:
    """A thread that holds the model until told to let go."""

    def __init__(
        self, manager: ModelManager, order: list[str] | None = None, name: str = "", *, spare: bool = False
    ) -> None:
        self._ticket = Ticket(spare=spare)
        self.stop, self.let_go, self.has = threading.Event(), threading.Event(), threading.Event()
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=[manager, order, name], daemon=True)
        self._thread.start()

    def _run(self, manager: ModelManager, order: list[str] | None, name: str) -> None:
        try:
            with manager.lease(self.stop, ticket=self._ticket):
                if order is not None:
                    order.append(name)
                self.has.set()
                self.let_go.wait(20)
        except (LeaseCancelled, PlaygroundError) as error:
            self.error = error

    def end(self) -> None:
        self.let_go.set()
        self._thread.join(20)
        assert not self._thread.is_alive()


def test_nothing_is_loaded_before_it_is_asked_for(open_manager: OpenManager) -> None:
    manager = open_manager()
    assert (manager.state.phase, manager.state.model, manager.state.engine) == ("idle", "echo", "echo")
    assert not loaded(manager)


def test_load_announces_its_states_and_loads_once(open_manager: OpenManager) -> None:
    manager = open_manager()
    heard = phases_of(manager)
    for _ in range(5):
        manager.load()
    ready(manager)
    engine = loaded(manager)
    manager.load()
    assert loaded(manager) == engine
    assert heard == ["idle", "waiting", "loading", "ready"]


def test_a_lease_loads(open_manager: OpenManager) -> None:
    manager = open_manager()
    with manager.lease(threading.Event()) as lease:
        assert loaded(manager)
        assert lease.info.engine == "echo"


def test_leases_in_order_of_asking(open_manager: OpenManager) -> None:
    manager = open_manager()
    ready(manager)
    order: list[str] = []
    holders = []
    for number in range(5):
        holders.append(Holder(manager, order, str(number)))
        wait_for(lambda count=number: count == manager.state.waiting and (count or holders[0].has.is_set()))
    assert order == ["0"]
    for holder in holders:
        wait_for(holder.has.is_set)
        holder.end()
    assert order == ["0", "1", "2", "3", "4"]
    assert manager.state.waiting == 0


def test_what_nobody_waits_for_begins_when_the_model_rests(open_manager: OpenManager) -> None:
    manager = open_manager(slots=4)
    with manager.lease(threading.Event()):
        spare = Holder(manager, spare=True)
        wait_for(lambda: spare_in_line(manager), what="the line")
        assert manager.state.waiting == 0
        other = Holder(manager)
        assert other.has.wait(20)
        other.end()
        assert not spare.has.is_set()
    assert spare.has.wait(20)
    spare.end()


def test_nothing_is_loaded_again_for_what_nobody_waits_for(open_manager: OpenManager) -> None:
    manager = open_manager(slots=4)
    holder = Holder(manager)
    assert holder.has.wait(20)
    spare = Holder(manager, spare=True)
    wait_for(lambda: spare_in_line(manager), what="the line")
    unloading = threading.Thread(target=manager.unload)
    unloading.start()
    wait_for(lambda: manager.state.leaving, what="the end of turns")
    holder.end()
    unloading.join(20)
    wait_for(lambda: spare.error is not None, what="the end of the wait")
    assert isinstance(spare.error, LeaseCancelled)
    assert manager.state.phase == "idle"
    spare.end()


def spare_in_line(manager: ModelManager) -> bool:
    resident = manager._residents.get(manager.state.model)
    return resident is not None and any(one.spare for one in resident.line)


def test_the_count_of_those_who_wait_is_right_after_a_crowd(open_manager: OpenManager) -> None:
    manager = open_manager()

    def work(_: int) -> None:
        with manager.lease(threading.Event()):
            pass

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(work, range(200)))
    assert manager.state.waiting == 0


def test_stop_while_waiting(open_manager: OpenManager) -> None:
    manager = open_manager()
    first, second, third = Holder(manager), None, None
    wait_for(first.has.is_set)
    second = Holder(manager)
    wait_for(lambda: manager.state.waiting == 1)
    third = Holder(manager)
    wait_for(lambda: manager.state.waiting == 2)
    began = time.monotonic()
    second.stop.set()
    second.end()
    assert isinstance(second.error, LeaseCancelled)
    assert time.monotonic() - began < 1
    assert not third.has.is_set()
    first.end()
    wait_for(third.has.is_set)
    third.end()
    assert third.error is None


def test_an_error_inside_a_lease_frees_the_model(open_manager: OpenManager) -> None:
    manager = open_manager()
    with pytest.raises(ZeroDivisionError), manager.lease(threading.Event()):
        _ = 1 / 0
    with manager.lease(threading.Event()):
        pass


def test_failure_is_told_and_tried_again(open_manager: OpenManager, tmp_path: Path) -> None:
    model = tmp_path / "model.gguf"
    model.write_text("this is no model")
    manager = open_manager("llamacpp", model=str(model))
    heard = phases_of(manager)
    for _ in range(2):
        with pytest.raises(ModelError, match="not a GGUF model file"), manager.lease(threading.Event()):
            pass
    wait_for(lambda: manager.state.phase == "failed")
    assert "not a GGUF model file" in manager.state.detail
    assert heard == ["idle", "waiting", "failed", "waiting", "failed"]
    model.unlink()
    with pytest.raises(MissingError), manager.lease(threading.Event()):
        pass


def test_a_try_right_after_a_failure_is_a_new_one(open_manager: OpenManager, tmp_path: Path) -> None:
    """Also while a listener still hears of the failure."""
    model = tmp_path / "model.gguf"
    model.write_text("this is no model")
    manager = open_manager("llamacpp", model=str(model))
    manager.listen(lambda: time.sleep(0.3) if manager.state.phase == "failed" else None)
    with pytest.raises(ModelError), manager.lease(threading.Event()):
        pass
    model.unlink()
    with pytest.raises(MissingError), manager.lease(threading.Event()):
        pass


@pytest.mark.real_model
def test_a_model_that_was_mended_is_loaded_at_the_next_try(
    open_manager: OpenManager, tmp_path: Path, starter_gguf: Path
) -> None:
    model = tmp_path / "model.gguf"
    model.write_text("this is no model")
    manager = open_manager("llamacpp", model=str(model))
    with pytest.raises(ModelError), manager.lease(threading.Event()):
        pass
    model.write_bytes(starter_gguf.read_bytes()[:1_000_000])
    with pytest.raises(ModelError, match="damaged"), manager.lease(threading.Event()):
        pass
    model.unlink()
    model.symlink_to(starter_gguf)
    with manager.lease(threading.Event()) as engine:
        assert engine.info.context_length == 8192
    assert manager.state.phase == "ready"


def test_a_wait_ends_when_loading_fails(open_manager: OpenManager, tmp_path: Path) -> None:
    model = tmp_path / "model.gguf"
    model.write_text("this is no model")
    manager = open_manager("llamacpp", model=str(model))
    holders = [Holder(manager) for _ in range(3)]
    for holder in holders:
        holder.end()
        assert isinstance(holder.error, ModelError)


def test_unload_waits_for_the_holder_and_the_next_lease_loads_anew(open_manager: OpenManager) -> None:
    manager = open_manager()
    holder = Holder(manager)
    wait_for(holder.has.is_set)
    engine = loaded(manager)
    unloading = threading.Thread(target=manager.unload)
    unloading.start()
    unloading.join(0.3)
    assert unloading.is_alive()
    holder.end()
    unloading.join(10)
    assert not unloading.is_alive()
    assert (loaded(manager), manager.state.phase) == (0, "idle")
    with manager.lease(threading.Event()):
        assert loaded(manager) != engine
    wait_for(lambda: manager.state.phase == "ready")


@pytest.mark.real_model
def test_unload_frees_what_the_engine_held(open_manager: OpenManager, starter_gguf: Path, tmp_path: Path) -> None:
    give_starter(starter_gguf, tmp_path / "data")
    manager = open_manager("llamacpp", context_length=512)
    before = {thread.name for thread in threading.enumerate()}
    ready(manager)
    maps = Path("/proc/self/maps")
    assert not maps.exists() or "SmolLM2" in maps.read_text()
    manager.unload()
    assert manager.state.phase == "idle"
    assert not maps.exists() or "SmolLM2" not in maps.read_text()
    assert {thread.name for thread in threading.enumerate()} <= before | {"model-loader"}


def test_close_ends_waiting_and_refuses_more(open_manager: OpenManager) -> None:
    manager = open_manager()
    first = Holder(manager)
    wait_for(first.has.is_set)
    second = Holder(manager)
    wait_for(lambda: manager.state.waiting == 1)
    manager.close()
    second.let_go.set()
    second.end()
    assert isinstance(second.error, LeaseCancelled)
    assert not loaded(manager) or first.has.is_set()
    first.end()
    with pytest.raises(LeaseCancelled), manager.lease(threading.Event()):
        pass
    manager.load()
    assert manager.state.phase != "loading"
    manager.close()


def test_offline_without_the_model(open_manager: OpenManager) -> None:
    manager = open_manager("llamacpp", offline=True)
    with pytest.raises(MissingError, match="--offline forbids"), manager.lease(threading.Event()):
        pass


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"engine": "echo", "model": "gpt"}, BadValueError, "has no model 'gpt'"),
        ({"engine": "echo", "model": "echo@fast"}, BadValueError, "has no model 'echo@fast'"),
        ({"engine": "echo", "precision": "int3"}, BadValueError, "precision is 'int3'"),
        ({"engine": "echo", "device": "tpu"}, BadValueError, "device is 'tpu'"),
        ({"engine": "remote", "model": "m"}, BadValueError, "names no model of a server"),
        ({"engine": "llamacpp", "model": "no-such"}, MissingError, STARTER),
        ({"engine": "llamacpp", "model": "/no/such.gguf"}, MissingError, "no file or folder /no/such.gguf"),
        ({"engine": "llamacpp", "model": "no-such.gguf"}, MissingError, "no file or folder"),
        ({"engine": "llamacpp", "model": "/tmp"}, BadValueError, "is a folder"),
    ],
)
def test_settings_that_name_what_is_not_there(
    open_manager: OpenManager, settings: dict[str, str], error: type[PlaygroundError], words: str
) -> None:
    with pytest.raises(error, match=words):
        open_manager(**settings)


def test_preset_is_known_before_loading(open_manager: OpenManager) -> None:
    preset = open_manager("llamacpp").preset
    assert preset is not None
    assert preset.id == STARTER
    assert open_manager().preset is None
