"""Training speed on the CPU, starter model: trl as it is, trl's packing, a bare loop, and the app, over the same rows.

Rows: what the packages of this Debian are for (their own descriptions). Tokens are real ones, padding does not count.
Each way is a process of its own; all see the same tokens once, and are measured on the same held-out rows afterwards.
`--only chat`: how fast the app's chat answers while it trains, against before.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)

from benchmarks.common import Row, give_starter, show, starter
from benchmarks.tuning_data import packages
from playground.tuning.recipe import recipe_presets
from playground.tuning.runfile import BaseModel, RunFile, RunPlaces, read_run, read_samples, write_run
from playground.tuning.splitting import split

WAYS = ("trl", "packing", "bare", "app")
RECIPE = replace(recipe_presets()["quick"].recipe, evaluations=0, learning_rate=5e-4)
BAR = 2.5


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=160)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--only", choices=("speed", "chat"))
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        print(json.dumps(_measured(options.way, RunPlaces(Path(options.folder)))))
        return
    with tempfile.TemporaryDirectory() as place:
        if options.only != "chat":
            speed(Path(place), options.rows, options.rounds)
        if options.only != "speed":
            chat(Path(place))


def speed(place: Path, rows: int, rounds: int) -> None:
    """The four ways, one after the other, `rounds` times."""
    found: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    cache = place / "converted"
    for turn in range(rounds):
        for way in WAYS:
            folder = place / f"{way}-{turn}"
            _prepare(folder, rows, cache)
            command = [sys.executable, __file__, "--way", way, "--folder", str(folder)]
            done = subprocess.run(command, stdout=subprocess.PIPE, check=True, cwd=ROOT)
            found[way].append(json.loads(done.stdout.decode().strip().rpartition("\n")[2]))
            print(way, found[way][-1], file=sys.stderr, flush=True)
    middle = {way: {key: statistics.median(one[key] for one in all_) for key in all_[0]} for way, all_ in found.items()}
    names = {"trl": "trl's defaults", "packing": "trl, packing", "bare": "bare loop, 2x256, fp32", "app": "the app"}
    table = [
        Row(
            names[way],
            f"{one['tokens_per_second']:.0f} tokens/s, peak {one['peak'] / 1e9:.2f} GB, "
            f"held-out loss {one['before']:.3f} -> {one['after']:.3f} after {one['tokens']:.0f} tokens",
        )
        for way, one in middle.items()
    ]
    ratio = middle["app"]["tokens_per_second"] / middle["trl"]["tokens_per_second"]
    table.append(Row("the app / trl's defaults", f"{ratio:.2f}", f">= {BAR}", ratio >= BAR))
    for way in ("packing", "bare"):
        other = middle["app"]["tokens_per_second"] / middle[way]["tokens_per_second"]
        table.append(Row(f"the app / {names[way]}", f"{other:.2f}"))
    worse = middle["app"]["after"] - middle["trl"]["after"]
    table.append(Row("held-out loss, the app less trl's", f"{worse:+.3f}", "<= 0.02", worse <= 0.02))
    planned = _planned(place)
    kept = middle["app"]["peak"] <= planned
    table.append(Row("planned memory of the app", f"{planned / 1e9:.2f} GB", "not exceeded", kept))
    show("Training, starter model", table)


def _prepare(folder: Path, rows: int, cache: Path) -> None:
    train, heldout = split(packages(rows), 0.15, 0)
    file = starter()
    base = BaseModel("smollm2-135m-instruct", str(file), sha256="starter", cache=str(cache))
    write_run(RunPlaces(folder), RunFile(folder.name, "Packages", base, RECIPE, device="cpu"), train, heldout)


def _planned(place: Path) -> int:
    from playground.engine.manager import ModelManager
    from playground.engine.training_base import TrainingBases
    from playground.paths import open_data_folder
    from playground.settings import Settings
    from playground.tuning.options import TuningOptions
    from playground.tuning.planning import forecast

    folder = open_data_folder(str(place / "plan"))
    give_starter(starter(), folder.root)
    manager = ModelManager(Settings(), folder)
    options = TuningOptions("smollm2-135m-instruct", RECIPE, device="cpu")
    return forecast(TrainingBases(Settings(), folder), manager, options).total


def _measured(way: str, places: RunPlaces) -> dict[str, float]:
    """Train one way in this process; the last line that is printed is what was measured."""
    warnings.filterwarnings("ignore")
    import torch
    import transformers

    from playground.tuning.worker import base, head, measuring, rows, trainers

    run = read_run(places)
    torch.set_num_threads(torch.get_num_threads())
    transformers.set_seed(0)
    if way == "app":
        return _app(places)
    precision = {"trl": "fp32", "packing": "fp32", "bare": "fp32"}[way]
    loaded = base.load(replace(run.base.source(), precision=precision, device="cpu"))
    tokenizer = loaded.tokenizer
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    head.add_head(loaded.model)
    model = base.with_lora(loaded.model, run.recipe, run.base)
    collator = trainers.make_collator(tokenizer.pad_token_id, "cpu")
    heldout, _ = rows.sample_rows(read_samples(places.heldout), tokenizer, run.recipe)
    samples, _ = rows.sample_rows(read_samples(places.train), tokenizer, run.recipe)
    tokens = sum(len(row.input_ids) for row in samples)

    def loss() -> float:
        found = measuring.measure(model, heldout, collator, torch.no_grad)
        assert found is not None
        return found.loss

    before = loss()
    seconds = _bare(model, tokens) if way == "bare" else _trl(model, tokenizer, places, packing=way == "packing")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    made = {"tokens": tokens, "tokens_per_second": tokens / seconds, "peak": peak}
    return {**made, "before": before, "after": loss()}


def _trl(model: Any, tokenizer: Any, places: RunPlaces, *, packing: bool) -> float:
    """trl's SFTTrainer with its own defaults; the same optimizer settings as the app's recipe."""
    import datasets
    import transformers
    from trl.trainer.sft_config import SFTConfig
    from trl.trainer.sft_trainer import SFTTrainer

    rows = [
        {"prompt": [asdict(one.messages[0])], "completion": [asdict(one.messages[1])]}
        for one in read_samples(places.train)
    ]
    for row in rows:
        for side in row.values():
            side[0] = {key: side[0][key] for key in ("role", "content")}
    more: dict[str, Any] = {"packing": True, "max_length": RECIPE.max_length} if packing else {}
    config = SFTConfig(
        output_dir=str(places.checkpoints),
        learning_rate=RECIPE.learning_rate,
        lr_scheduler_type=RECIPE.lr_scheduler_type,
        warmup_steps=RECIPE.warmup_ratio,
        num_train_epochs=1,
        use_cpu=True,
        report_to="none",
        save_strategy="no",
        disable_tqdm=True,
        **more,
    )
    clock: list[float] = []

    class Clock(transformers.TrainerCallback):
        def on_step_begin(self, *_: Any, **__: Any) -> None:
            if not clock:
                clock.append(time.perf_counter())

        def on_train_end(self, *_: Any, **__: Any) -> None:
            clock.append(time.perf_counter())

    trainer = SFTTrainer(
        model=model, args=config, train_dataset=datasets.Dataset.from_list(rows), processing_class=tokenizer,
        callbacks=[Clock()],
    )  # fmt: skip
    trainer.train()
    return clock[1] - clock[0]


def _bare(model: Any, tokens: int) -> float:
    """A loop as one writes it by hand, on sequences that are full: what the machine can do in float32."""
    import torch

    optimizer = torch.optim.AdamW([one for one in model.parameters() if one.requires_grad], lr=1e-5)
    ids = torch.randint(100, 40_000, (2, 256))
    steps = max(4, tokens // ids.numel())
    began = time.perf_counter()
    for _ in range(steps):
        model(input_ids=ids, labels=ids, use_cache=False).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return (time.perf_counter() - began) * tokens / (steps * ids.numel())


def _app(places: RunPlaces) -> dict[str, float]:
    """The app's own worker, in this process; evaluated once more in the end as the other ways are."""
    import torch
    from peft import PeftModel

    from playground.tuning.journal import read_journal
    from playground.tuning.worker import base, head, measuring, rows, trainers
    from playground.tuning.worker.work import work

    assert work(places.root) == 0
    steps = [one for one in read_journal(places.journal) if one["kind"] == "step"]
    began = next(one for one in read_journal(places.journal) if one["kind"] == "start")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    run = read_run(places)
    loaded = base.load(replace(run.base.source(), precision="fp32", device="cpu"))
    head.add_head(loaded.model)
    model = PeftModel.from_pretrained(loaded.model, str(places.adapter))
    tokenizer = loaded.tokenizer
    collator = trainers.make_collator(tokenizer.pad_token_id or 0, "cpu")
    heldout, _ = rows.sample_rows(read_samples(places.heldout), tokenizer, run.recipe)
    after = measuring.measure(model, heldout, collator, torch.no_grad)
    with model.disable_adapter():
        before = measuring.measure(model, heldout, collator, torch.no_grad)
    assert after is not None
    assert before is not None
    # Wall time with checkpoints and journal; from the first step's beginning, as for the others.
    first = steps[0]["tokens"] / steps[0]["tokens_per_second"]
    seconds = steps[-1]["at"] - steps[0]["at"] + first
    tokens = sum(one["tokens"] for one in steps)
    made = {"tokens": began["tokens"], "tokens_per_second": tokens / seconds, "peak": peak}
    return {**made, "before": before.loss, "after": after.loss}


def chat(place: Path) -> None:
    """Time to the first word and words a second of the chat model: alone, and while a training is at work."""
    from playground.engine.manager import ModelManager
    from playground.paths import open_data_folder
    from playground.records import Sampling, Turn
    from playground.settings import Settings
    from playground.tuning.launching import environment, launch

    folder = open_data_folder(str(place / "chat"))
    give_starter(starter(), folder.root)
    manager = ModelManager(Settings(), folder)
    manager.load()

    def ask(number: int) -> tuple[float, float]:
        stop, began, first, count = threading.Event(), time.perf_counter(), 0.0, 0
        with manager.lease(stop) as lease:
            turns = [Turn("user", f"Tell me about the number {number}.")]
            for chunk in lease.stream(turns, Sampling(temperature=0.0, max_new_tokens=64, seed=0), stop):
                if chunk.text and not first:
                    first = time.perf_counter() - began
                count = chunk.completion_tokens or count
        return first, (count - 1) / (time.perf_counter() - began - first)

    ask(0)
    alone = [ask(number) for number in range(1, 6)]
    run = RunPlaces(place / "beside")
    _prepare(run.root, 300, place / "converted")
    command, more = launch(sys.executable, run.root, RECIPE, "cpu")
    worker = subprocess.Popen(command, env=environment(more), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _until_trains(run, worker)
        beside = [ask(number) for number in range(11, 16)]
        trained = [json.loads(line) for line in run.journal.read_text().splitlines() if '"kind": "step"' in line]
    finally:
        worker.kill()
        worker.wait()
        manager.close()
    table = []
    for name, found in (("alone", alone), ("while it trains", beside)):
        first, rate = (statistics.median(one[at] for one in found) for at in (0, 1))
        table.append(Row(f"chat {name}", f"first word {first:.2f} s, then {rate:.1f} tokens/s"))
    table.append(Row("training meanwhile", f"{trained[-1]['tokens_per_second']:.0f} tokens/s"))
    show("Chat beside a training, starter model", table)


def _until_trains(run: RunPlaces, worker: subprocess.Popen[bytes]) -> None:
    while not (run.journal.exists() and '"step": 2,' in run.journal.read_text()):
        assert worker.poll() is None
        time.sleep(0.5)


if __name__ == "__main__":
    main()
