"""A training that has ended, laid into a data folder as its worker and its service would have left it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playground.paths import open_data_folder
from playground.services import Services, open_services
from playground.settings import load_settings
from playground.tuning.card import write_card
from playground.tuning.journal import Journal
from playground.tuning.options import TuningOptions
from playground.tuning.progress import result_of
from playground.tuning.recipe import Recipe
from playground.tuning.runfile import BaseModel, RunFile, write_run
from playground.tuning.samples import Sample
from tests.tuning.tiny import chats

PROMPTS = ("Where is the harbour?", "Who are you?")
SAID = ("The harbour lies in the south.", "I am a <b>model</b>.")
LATER = ("The harbour lies in the far north.", "I am a captain.")


@contextmanager
def services_in(folder: Path, model: str = "echo") -> Iterator[Services]:
    """All services over a data folder, closed afterwards."""
    data = open_data_folder(str(folder))
    settings = load_settings(data.settings, {"model": model, "engine": "echo" if model == "echo" else None})
    services = open_services(settings, data)
    try:
        yield services
    finally:
        services.close()


def lay(
    services: Services,
    title: str = "Harbour",
    steps: int = 60,
    base: Path | None = None,
    adapter: Path | None = None,
    heldout: Sequence[Sample] = (),
    status: Any = "complete",
    **recipe: Any,
) -> str:
    """A training that has ended; returns its id. `base` and `adapter` are files of a real model."""
    service, made = services.trainings, Recipe(**recipe)
    options = TuningOptions("echo", made, PROMPTS)
    run_id = service.store.add(title, options.to_dict())
    places = service.places(run_id)
    run = RunFile(run_id, title, BaseModel("echo", str(base or "/nowhere/<echo>")), made, PROMPTS, data={"samples": 9})
    write_run(places, run, chats(8), heldout or chats(4, 100))
    write_events(places.journal, steps)
    places.output.write_text("".join(f"line {number} <i>\n" for number in range(300)), encoding="utf-8")
    service.store.start(run_id, title, options.to_dict())
    if status == "complete":
        places.adapter.mkdir()
        files = sorted(adapter.iterdir()) if adapter else []
        for file in files:
            (places.adapter / file.name).write_bytes(file.read_bytes())
        if not files:
            _small_adapter(places.adapter)
        result = result_of(service.progress(run_id))
        write_card(places.adapter, run, result)
        name = services.manager.attach("echo", str(places.adapter), called=title)
        service.store.finish(run_id, {**result, "name": name})
    service.store.set_status(run_id, status, "", seconds=75.0)
    return run_id


def write_events(journal: Path, steps: int, **last: Any) -> None:
    """What a worker notes, with an evaluation in the middle and at the end; `last` are values of the last step."""
    note = Journal(journal)
    note.add("loading")
    facts = {"device": "cpu", "precision": "fp32", "processes": 1, "samples": 8, "heldout": 4, "rows": 8, "tokens": 900}
    note.add("start", step=0, skipped=[], **facts)
    note.add("eval", step=0, eval_loss=3.5, top1=0.35, eval_tokens=100, general_loss=0.9, general_top1=0.98)
    note.add("samples", step=0, texts=list(SAID))
    for step in range(1, steps + 1):
        values = dict(loss=2 + 1.5 * math.exp(-step / 20), learning_rate=5e-4 * (1 - step / steps), grad_norm=0.7)
        values |= dict(tokens=90, tokens_per_second=250.0, seconds_left=float(steps - step), memory=2_000_000_000)
        note.add("step", step=step, of=steps, epoch=step / steps, **(values | (last if step == steps else {})))
        if step in (steps // 2, steps):
            loss = 2.5 if step < steps else 2.25
            note.add("eval", step=step, eval_loss=loss, top1=0.5, eval_tokens=100, general_loss=1.1, general_top1=0.78)
            note.add("samples", step=step, texts=list(LATER))
            note.add("checkpoint", step=step)
    end = dict(status="complete", step=steps, kept_step=steps, error="", seconds=0.0)
    note.add("end", **end)
    note.close()


def _small_adapter(folder: Path) -> None:
    import numpy as np
    from safetensors.numpy import save_file

    config = {"peft_type": "LORA", "r": 2, "lora_alpha": 4, "target_modules": ["q_proj"], "task_type": "CAUSAL_LM"}
    (folder / "adapter_config.json").write_text(json.dumps(config), encoding="utf-8")
    save_file({"a": np.zeros((2, 2), np.float32)}, folder / "adapter_model.safetensors")
