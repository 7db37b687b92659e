"""Several models under one budget: who stays, who leaves, who waits, adapters, and what a failure leaves behind."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from playground.engine.base import LoadOptions
from playground.engine.echo_engine import EchoEngine
from playground.engine.manager import LeaseCancelled, ModelManager
from playground.errors import BadValueError, MissingError, ModelError
from playground.paths import open_data_folder
from playground.records import Sampling, Turn
from playground.settings import Settings
from tests.conftest import wait_for
from tests.residency_stress import make_adapter, stress

MB = 1 << 20
OpenManager = Callable[..., ModelManager]


@pytest.fixture
def open_manager(tmp_path: Path) -> Iterator[OpenManager]:
    """A manager over echo models whose names say how many MB they take; room for 100 MB unless told otherwise."""
    made: list[ModelManager] = []

    def make(megabytes: int = 100, **settings: Any) -> ModelManager:
        folder = open_data_folder(str(tmp_path / "data"))
        asked = Settings(**{"engine": "echo", "model": "echo-a+40", **settings})
        manager = ModelManager(asked, folder, {"cpu": megabytes * MB})
        made.append(manager)
        return manager

    yield make
    for manager in made:
        manager.close()


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    """Something that looks like a LoRA adapter from outside."""
    return make_adapter(tmp_path / "shout")


def load(manager: ModelManager, *names: str) -> None:
    for name in names:
        manager.load(name)
        wait_for(lambda name=name: manager.state_of(name).phase in ("ready", "failed"), what=f"loading {name}")


def resident(manager: ModelManager) -> set[str]:
    return {state.model for state in manager.states() if state.phase == "ready"}


def ask(manager: ModelManager, name: str = "", text: str = "hello", adapter: str | None = None) -> str:
    with manager.lease(threading.Event(), name, adapter) as lease:
        return "".join(chunk.text for chunk in lease.stream([Turn("user", text)], Sampling(seed=1), threading.Event()))


def test_the_least_recently_used_leaves_first(open_manager: OpenManager) -> None:
    manager = open_manager()
    load(manager, "echo-a+40", "echo-b+40")
    assert resident(manager) == {"echo-a+40", "echo-b+40"}
    ask(manager, "echo-a+40")
    load(manager, "echo-c+40")
    assert resident(manager) == {"echo-a+40", "echo-c+40"}


def test_only_as_many_leave_as_must(open_manager: OpenManager) -> None:
    manager = open_manager()
    load(manager, "echo-a+40", "echo-b+10", "echo-c+40", "echo-d+10")
    assert resident(manager) == {"echo-a+40", "echo-b+10", "echo-c+40", "echo-d+10"}
    load(manager, "echo-e+30")
    assert resident(manager) == {"echo-b+10", "echo-c+40", "echo-d+10", "echo-e+30"}


def test_a_model_in_use_never_leaves_and_the_newcomer_waits_for_it(open_manager: OpenManager) -> None:
    manager = open_manager(60)
    stop = threading.Event()
    with manager.lease(stop, "echo-a+40") as lease:
        manager.load("echo-b+40")
        wait_for(lambda: manager.state_of("echo-b+40").phase == "waiting")
        stream = lease.stream([Turn("user", "/tokens 50")], Sampling(seed=1), threading.Event())
        assert len("".join(chunk.text for chunk in stream).split()) == 50
        assert resident(manager) == {"echo-a+40"}
        end = threading.Event()
        threading.Timer(0.3, end.set).start()
        # No new turns for it meanwhile: else the newcomer would wait for ever.
        with pytest.raises(LeaseCancelled), manager.lease(end, "echo-a+40"):
            pass
    wait_for(lambda: resident(manager) == {"echo-b+40"})


def test_two_that_do_not_fit_together_take_turns(open_manager: OpenManager) -> None:
    manager = open_manager(60)
    done: list[str] = []

    def work(name: str) -> None:
        for _ in range(3):
            assert ask(manager, name).startswith("You said")
            done.append(name)

    threads = [threading.Thread(target=work, args=[f"echo-{letter}+40"]) for letter in "ab" for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(done) == ["echo-a+40"] * 6 + ["echo-b+40"] * 6


def test_what_is_too_big_even_alone_is_refused_and_the_others_stay(open_manager: OpenManager) -> None:
    manager = open_manager()
    load(manager, "echo-a+40", "echo-b+40", "echo-c+200")
    assert manager.state_of("echo-c+200").phase == "failed"
    assert "GB more than there is" in manager.state_of("echo-c+200").detail
    assert resident(manager) == {"echo-a+40", "echo-b+40"}
    assert ask(manager).startswith("You said")


def test_a_model_that_fails_leaves_the_chosen_one_before_it(open_manager: OpenManager) -> None:
    manager = open_manager()
    load(manager, "echo-a+40")
    manager.choose("echo-c+200")
    wait_for(lambda: manager.chosen == "echo-a+40")
    assert "echo-c+200 could not be loaded" in manager.note
    assert ask(manager).startswith("You said")
    manager.choose("echo-b+40")
    assert manager.note == ""


def test_a_choice_is_found_again_after_a_restart(open_manager: OpenManager, adapter: Path) -> None:
    manager = open_manager()
    manager.attach("echo-b+40", str(adapter))
    manager.choose("echo-b+40", "shout", LoadOptions(engine="echo", context_length=512))
    wait_for(lambda: manager.state.phase == "ready")
    manager.close()
    again = open_manager(model=None, engine="auto")
    assert (again.chosen, again.adapter, again.options_of("echo-b+40").context_length) == ("echo-b+40", "shout", 512)
    assert ask(again) == "You said (shout): hello"
    assert again.state.info is not None
    assert again.state.info.context_length == 512


def test_what_is_said_at_the_start_counts_more_than_what_was_applied_before(open_manager: OpenManager) -> None:
    manager = open_manager()
    manager.load("", LoadOptions(engine="echo", context_length=512, slots=2))
    manager.close()
    again = open_manager(slots=3)
    assert (again.options_of("echo-a+40").context_length, again.options_of("echo-a+40").slots) == (512, 3)


def test_the_engine_of_the_settings_is_not_forced_on_models_it_cannot_read(open_manager: OpenManager) -> None:
    manager = open_manager()
    assert manager.options_of("echo-b+40").engine == "echo"
    assert manager.options_of("http://127.0.0.1:9/v1#some").engine == "auto"
    assert manager.state_of("http://127.0.0.1:9/v1#some").engine == "remote"


def test_other_options_load_anew_once_nobody_writes(open_manager: OpenManager) -> None:
    manager = open_manager()
    with manager.lease(threading.Event()) as lease:
        assert lease.info.context_length == 8192
        manager.load("", LoadOptions(engine="echo", context_length=512))
        stream = lease.stream([Turn("user", "/tokens 50")], Sampling(seed=1), threading.Event())
        assert len("".join(chunk.text for chunk in stream).split()) == 50
    wait_for(lambda: manager.state.info is not None and manager.state.info.context_length == 512)


def test_a_model_unloaded_while_it_was_to_be_loaded_anew_stays_away(
    open_manager: OpenManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    open_engine, close_engine = EchoEngine.__init__, EchoEngine.close
    monkeypatch.setattr(
        EchoEngine, "__init__", lambda self, source: (opened.append(source.id), open_engine(self, source))[1]
    )
    monkeypatch.setattr(EchoEngine, "close", lambda self: (opened.remove(self.info.model), close_engine(self))[1])
    manager = open_manager()
    load(manager, "echo-a+40", "echo-b+10")
    with manager.lease(threading.Event(), "echo-a+40"):
        manager.load("echo-c+80")
        wait_for(lambda: manager.state_of("echo-c+80").phase == "waiting")
        manager.load("echo-b+10", LoadOptions(engine="echo", context_length=512))
        manager.unload("echo-b+10")
    wait_for(lambda: not any(thread.name == "model-loader" for thread in threading.enumerate()))
    assert opened == sorted(resident(manager)) == ["echo-c+80"], "what the books do not know is never freed"


def test_a_listener_that_fails_stops_nobody(open_manager: OpenManager) -> None:
    manager = open_manager()

    def fail() -> None:
        raise RuntimeError("a page is gone")

    manager.listen(fail)
    assert ask(manager) == "You said: hello"
    assert ask(manager) == "You said: hello"


def test_as_many_leases_at_once_as_slots_and_the_next_waits(open_manager: OpenManager) -> None:
    manager = open_manager(slots=4)
    let_go = threading.Event()
    inside = []

    def work(number: int) -> None:
        with manager.lease(threading.Event()):
            inside.append(number)
            let_go.wait(20)

    threads = [threading.Thread(target=work, args=[number]) for number in range(5)]
    for thread in threads:
        thread.start()
    wait_for(lambda: len(inside) == 4)
    wait_for(lambda: (manager.state.writing, manager.state.waiting) == (4, 1))
    let_go.set()
    for thread in threads:
        thread.join(20)
    assert sorted(inside) == [0, 1, 2, 3, 4]
    assert (manager.state.writing, manager.state.waiting) == (0, 0)


def test_a_lease_cannot_be_used_after_its_end(open_manager: OpenManager) -> None:
    manager = open_manager()
    with manager.lease(threading.Event()) as lease:
        pass
    with pytest.raises(RuntimeError, match="lease has ended"):
        lease.count_tokens([Turn("user", "hello")])
    assert lease.info.model == "echo-a+40"


def test_an_adapter_is_attached_chosen_and_detached_without_loading_anew(
    open_manager: OpenManager, adapter: Path, tmp_path: Path
) -> None:
    manager = open_manager()
    load(manager, "echo-a+40")
    with manager.peek() as engine:
        before = id(engine)
    assert manager.attach("echo-a+40", str(adapter)) == "shout"
    assert manager.attach("echo-a+40", str(adapter)) == "shout-2", "the same name twice would hide the first"
    manager.choose("echo-a+40", "shout")
    assert ask(manager) == "You said (shout): hello"
    assert ask(manager, adapter="") == "You said: hello"
    assert ask(manager, adapter="shout-2") == "You said (shout-2): hello"
    manager.detach("echo-a+40", "shout")
    assert manager.adapter == ""
    assert ask(manager) == "You said: hello"
    with manager.peek() as engine:
        assert id(engine) == before
    with pytest.raises(BadValueError, match="has no adapter 'shout'"):
        manager.choose("echo-a+40", "shout")
    with pytest.raises(MissingError, match="no file or folder"):
        manager.attach("echo-a+40", str(tmp_path / "nowhere"))
    with pytest.raises(ModelError, match="holds no adapter"):
        manager.attach("echo-a+40", str(tmp_path))


def test_an_adapter_whose_files_are_gone_does_not_keep_the_model_away(
    open_manager: OpenManager, tmp_path: Path
) -> None:
    manager = open_manager()
    gone = make_adapter(tmp_path / "gone")
    manager.attach("echo-a+40", str(gone))
    for file in gone.iterdir():
        file.unlink()
    load(manager, "echo-a+40")
    assert manager.state.phase == "ready"
    assert "holds no adapter" in manager.state.note


def test_an_idle_model_is_freed_and_comes_back(open_manager: OpenManager) -> None:
    manager = open_manager(idle_unload_minutes=0.005)
    with manager.lease(threading.Event()):
        wait_for(lambda: manager.state.phase == "ready")
        threading.Event().wait(0.6)
        assert manager.state.phase == "ready", "never one that is in use"
    wait_for(lambda: manager.state.phase == "idle")
    assert ask(manager).startswith("You said")


def test_unloading_a_model_that_is_waited_for_calls_it_back(open_manager: OpenManager) -> None:
    manager = open_manager()
    results: list[str] = []
    with manager.lease(threading.Event()):
        waiting = [threading.Thread(target=lambda: results.append(ask(manager))) for _ in range(3)]
        for thread in waiting:
            thread.start()
        wait_for(lambda: manager.state.waiting == 3)
        unloading = threading.Thread(target=manager.unload)
        unloading.start()
        unloading.join(0.2)
        assert unloading.is_alive()
    for thread in [*waiting, unloading]:
        thread.join(20)
    assert results == ["You said: hello"] * 3


def test_random_operations_of_many_threads(open_manager: OpenManager, tmp_path: Path) -> None:
    adapters = [make_adapter(tmp_path / name) for name in ("one", "two")]
    faults = stress(open_manager(100, slots=2), 100 * MB, adapters, operations=400, threads=8, seed=1)
    assert faults == []
