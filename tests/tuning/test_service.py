"""Trainings as jobs: what is kept of one, what an app that ended leaves behind, and what is refused."""

from __future__ import annotations

import json
import math
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import filelock
import pytest

from playground.errors import BusyError, MissingError, ModelError
from playground.services import Services
from playground.tuning import proof
from playground.tuning.gathering import given_file
from playground.tuning.journal import Journal, read_journal
from playground.tuning.keeping import keep
from playground.tuning.options import TuningOptions
from playground.tuning.recipe import Recipe
from tests.tuning.finished import lay, services_in
from tests.tuning.tiny import QUICK, chats, tiny_base


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    with services_in(tmp_path / "data") as made:
        yield made


def lines(count: int) -> bytes:
    """A dataset."""
    rows = [
        {"messages": [{"role": turn.role, "content": turn.content} for turn in one.messages]} for one in chats(count)
    ]
    return "\n".join(json.dumps(row) for row in rows).encode()


def without_end(services: Services, run_id: str) -> None:
    """Let a training be as if its worker had not ended yet."""
    journal = services.trainings.places(run_id).journal
    journal.write_text("".join(journal.read_text("utf-8").splitlines(keepends=True)[:-1]), "utf-8")


def until(found: object, *, what: str) -> None:
    """Wait until `found()` is true."""
    end = time.monotonic() + 60
    while not found():  # type: ignore[operator]
        assert time.monotonic() < end, what
        time.sleep(0.02)


def test_data_may_be_called_as_a_file_of_ours(services: Services, tmp_path: Path) -> None:
    base, trainings = tiny_base(tmp_path / "base"), services.trainings
    options = TuningOptions(str(base), Recipe(**{**QUICK, "max_steps": 2, "evaluations": 1}), device="cpu")
    run_id = trainings.start([given_file("train.jsonl", lines(8))], options)
    run = trainings.wait(run_id)
    assert (run.status, run.error) == ("complete", "")
    assert services.manager.adapters(str(base)) == ("train.jsonl",)
    # A page that is behind begins it once more: nothing is written over.
    before = trainings.places(run_id).run.read_bytes()
    with pytest.raises(BusyError, match="begun already"):
        trainings.begin(run_id, TuningOptions(str(base), Recipe(**{**QUICK, "r": 8}), device="cpu"))
    assert trainings.places(run_id).run.read_bytes() == before
    trainings.rename(run_id, "Cats")
    assert trainings.adapter(run_id) == (str(base), "Cats")
    assert services.manager.adapters(str(base)) == ("Cats",)


def test_an_adapter_is_given_to_the_manager_once_and_as_it_is_now(services: Services) -> None:
    run_id = lay(services, title="Harbour")
    services.manager.choose("echo", "Harbour")
    places, kept = services.trainings.places(run_id), services.manager._choices.adapters["echo"]["Harbour"].sha256
    from safetensors.numpy import load_file, save_file

    weights = {key: value + 1 for key, value in load_file(places.adapter / "adapter_model.safetensors").items()}
    save_file(weights, places.adapter / "adapter_model.safetensors")
    services.trainings.store.set_status(run_id, "running", "", seconds=0.0)
    services.trainings.resume_all()  # Its app was killed after the end.
    services.trainings.wait(run_id)
    assert services.trainings.store.get(run_id).status == "complete"
    assert services.manager.adapters("echo") == ("Harbour",)
    assert services.manager.adapter == "Harbour"
    assert services.manager._choices.adapters["echo"]["Harbour"].sha256 != kept


def test_what_cannot_be_switched_on_leaves_its_base_alone(services: Services) -> None:
    run_id = lay(services, title="Dora", use_dora=True)
    config = services.trainings.places(run_id).adapter / "adapter_config.json"
    config.write_text(json.dumps({**json.loads(config.read_text("utf-8")), "use_dora": True}), "utf-8")
    services.manager.detach("echo", "Dora")
    with pytest.raises(ModelError, match="Export it merged"):
        services.trainings.adapter(run_id)
    with pytest.raises(ModelError, match="cannot be switched off and on"):
        services.manager.attach("echo", str(config.parent))
    assert services.manager.adapters("echo") == ()
    with services.manager.lease(threading.Event(), "echo", "") as lease:
        assert lease is not None


def test_one_that_an_earlier_app_told_to_pause_goes_on(services: Services) -> None:
    run_id = lay(services, status="running")
    without_end(services, run_id)
    places = services.trainings.places(run_id)
    worker = filelock.FileLock(places.lock)
    worker.acquire()
    services.trainings.resume_all()
    until(lambda: services.trainings.live(run_id), what="followed")
    journal = Journal(places.journal)
    journal.add("end", status="paused", step=60, error="")
    journal.close()
    worker.release()
    run = services.trainings.wait(run_id)
    # A new worker was begun, which finds no base here.
    assert (run.status, "paused" in run.error) == ("failed", False)
    assert [one["status"] for one in read_journal(places.journal) if one["kind"] == "end"] == ["paused", "failed"]


def test_one_that_ended_while_no_app_was_there_is_not_begun_anew(services: Services) -> None:
    run_id = lay(services, status="running")
    journal = services.trainings.places(run_id).journal
    shutil.copytree(services.trainings.places(lay(services, title="Other")).adapter, journal.parent / "adapter")
    before = journal.read_bytes()
    services.trainings.resume_all()
    assert services.trainings.wait(run_id).status == "complete"
    assert journal.read_bytes() == before


def test_it_waits_for_a_training_of_another_process(services: Services) -> None:
    run_id = lay(services, status="stopped")
    turn = filelock.FileLock(services.trainings.places(run_id).root.parent / "turn.lock")
    with turn:
        services.trainings.resume(run_id)
        until(lambda: (job := services.trainings.live(run_id)) and job.queued, what="queued")
        services.trainings.stop(run_id)
        assert services.trainings.wait(run_id).status == "stopped"


def test_a_base_is_not_deleted_under_its_training(services: Services, tmp_path: Path) -> None:
    model = tmp_path / "data" / "models" / "org" / "tiny"
    tiny_base(model)
    services.models.refresh()
    name = next(one.name for one in services.models.overview().local)
    run_id = lay(services, status="stopped")
    services.trainings.store._set(run_id, options=json.dumps({"model": name}))
    turn = filelock.FileLock(services.trainings.places(run_id).root.parent / "turn.lock")
    with turn:
        services.trainings.resume(run_id)
        with pytest.raises(BusyError, match="being trained"):
            services.models.remove(name)
        services.trainings.stop(run_id)
        services.trainings.wait(run_id)
    services.models.remove(name)
    assert not model.exists()
    # What was trained on it does not fetch it again unasked.
    with pytest.raises(MissingError):
        proof.replies(services.trainings, run_id, "Hello", threading.Event())


def test_nothing_is_deleted_under_a_worker(services: Services) -> None:
    run_id = lay(services)
    services.trainings.store.trash(run_id)
    places = services.trainings.places(run_id)
    with filelock.FileLock(places.lock), pytest.raises(BusyError, match="Stop it first"):
        services.trainings.purge(run_id)
    assert places.run.exists()
    services.trainings.purge(run_id)
    assert not places.root.exists()
    assert services.manager.adapters("echo") == ()


def test_processes_that_train_together_each_need_memory(services: Services, tmp_path: Path) -> None:
    base = str(tiny_base(tmp_path / "base"))
    one, many = (
        services.trainings.forecast(TuningOptions(base, Recipe(num_processes=number), device="cpu"))
        for number in (1, 64)
    )
    assert one.fits
    assert many.total == 64 * one.total
    if not many.fits:
        assert "num_processes 1" in many.words


def test_a_training_whose_figures_are_no_numbers_gets_its_card(services: Services) -> None:
    run_id = lay(services)
    places, journal = services.trainings.places(run_id), Journal(services.trainings.places(run_id).journal)
    journal.add("eval", step=60, eval_loss=math.nan, top1=0.5, eval_tokens=9, general_loss=900.0, general_top1=0.0)
    journal.add("end", status="complete", step=60, kept_step=60, error="")
    journal.close()
    keep(run_id, services.trainings.progress(run_id), places, services.trainings.store, services.manager)
    assert "| loss (nats per token) | 3.500 | NaN |" in (places.adapter / "README.md").read_text("utf-8")
