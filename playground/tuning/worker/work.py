"""One training from its run file to its adapter. Whatever ends it, the journal's last line says how."""

from __future__ import annotations

import contextlib
import json
import logging
import math
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import filelock

from playground.engine.hardware import default_threads, usable_cores
from playground.engine.small_file import write_json
from playground.errors import PlaygroundError
from playground.paths import PRESETS
from playground.tuning.checkpoints import drop, fault, newest
from playground.tuning.journal import Journal, read_journal
from playground.tuning.packing import Row
from playground.tuning.progress import Progress
from playground.tuning.runfile import RunFile, RunPlaces, read_run, read_samples
from playground.tuning.worker import trainers
from playground.tuning.worker.answering import answers
from playground.tuning.worker.base import BF16, autocast_of, device_of, load_base, with_lora
from playground.tuning.worker.general import general_rows
from playground.tuning.worker.head import add_head
from playground.tuning.worker.measuring import adapter, measure, measure_pairs
from playground.tuning.worker.reporting import Lost, Outcome, make_watcher, overfits
from playground.tuning.worker.rows import pair_rows, sample_rows, told, training_pairs, training_rows

log = logging.getLogger(__name__)
_ANSWER_TOKENS, _GENERAL_TOKENS = 64, 48
_SHORT = 512
"""Tokens up to which plain attention is faster on a processor than PyTorch's own kernel and its way back (measured)."""
_PATIENCE = 1.0
"""Seconds to wait for the lock: the app holds it for a moment when it looks whether a worker is alive."""
_LOW_DISK = 64 << 20
"""Bytes below which a failed write is put down to a full disk."""
_RESERVE = 1 << 16
"""Bytes."""
_NO_MEMORY = (
    "out of memory",
    "not enough memory",
    "can't allocate memory",
    "cannot allocate memory",
    "create a primitive",
)
"""As CUDA and PyTorch on Windows, on Linux and on macOS say it."""
_NO_SPACE = ("No space left", "os error 28", "os error 112", "Disk quota exceeded", "os error 122")


def work(root: Path) -> int:
    """Train; returns the exit code of the process: 0 when the journal tells how it ended."""
    places = RunPlaces(root)
    rank = int(os.environ.get("RANK", "0"))
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    lock = filelock.FileLock(places.lock, timeout=_PATIENCE)
    if rank == 0:
        try:
            lock.acquire()
        except filelock.Timeout:
            log.warning("another worker is at it")
            return 1
    journal = Journal(places.journal) if rank == 0 else None
    try:
        if rank == 0:
            places.reserve.write_bytes(os.urandom(_RESERVE))
        end = Training(read_run(places), places, journal).run()
    except PlaygroundError as problem:
        end = {"status": "failed", "error": str(problem)}
    except Exception as problem:
        log.exception("the training failed")
        end = _failure(problem, root)
    if journal is not None:
        try:
            places.reserve.unlink(missing_ok=True)
            journal.add("end", **end)
            journal.close()
        except OSError:
            log.exception("the journal cannot be written")
            return 1
    return 0 if end["status"] != "failed" else 1


def _failure(problem: Exception, root: Path) -> dict[str, Any]:
    said = f"{type(problem).__name__}: {problem}"
    if isinstance(problem, MemoryError) or any(word in said.lower() for word in _NO_MEMORY):
        words = "There was not enough memory. Lower max_length or per_device_train_batch_size, or turn on "
        return {"status": "failed", "error": words + "gradient_checkpointing; it goes on from its last checkpoint."}
    if any(word in said for word in _NO_SPACE) or shutil.disk_usage(root).free < _LOW_DISK:
        words = "The disk is full, so the training has paused. Free some space and press Resume: it goes on from "
        return {"status": "paused", "error": words + "its last checkpoint."}
    return {"status": "failed", "error": f"The training broke off ({said[:300]}). See the log of the training."}


class Training:
    """What is known in the course of one."""

    def __init__(self, run: RunFile, places: RunPlaces, journal: Journal | None) -> None:
        self.run_file, self.places, self.journal = run, places, journal
        self.recipe = run.recipe
        self.outcome = Outcome()
        self.processes = int(os.environ.get("WORLD_SIZE", "1"))
        self.measured: set[int] = set()
        """Steps behind which there was an evaluation."""
        self.losses: dict[int, float] = {}
        """By step, on what was held out."""
        self.best: dict[str, Any] = {}
        self.general: list[Row] | None = None

    def run(self) -> dict[str, Any]:
        """All of it; returns what the journal's last event says."""
        import torch
        import transformers

        self.note("loading")
        device = self._device()
        if device == "cpu":
            # To several, accelerate says OMP_NUM_THREADS=1, however many processors there are.
            threads = self.run_file.threads or (default_threads() if self.processes == 1 else usable_cores())
            torch.set_num_threads(max(1, threads // self.processes))
        transformers.set_seed(self.recipe.seed)
        loaded = load_base(self.run_file, device)
        self.tokenizer = loaded.tokenizer
        self.collator = trainers.make_collator(self.tokenizer.pad_token_id, device)
        self.autocast = autocast_of(loaded)
        add_head(loaded.model)
        self.model = with_lora(loaded.model, self.recipe, self.run_file.base)
        trainer = self._trainer(device, bf16=loaded.precision in BF16)
        self.trainer = trainer
        found = newest(self.places.checkpoints)
        drop(self.places.checkpoints, found.skipped)
        self._remember(found.step)
        self.note(
            "start",
            step=found.step,
            skipped=[list(one) for one in found.skipped],
            device=device,
            precision=loaded.precision,
            processes=self.processes,
            **self.counts,
            **told(self.unusable),
        )
        earlier = Progress().add_all(read_journal(self.places.journal) if self.journal is not None else ())
        watcher = make_watcher(
            self.places, self.journal, lambda: trainer.real_tokens, self.look, self.recipe.evaluations,
            self.run_file.checkpoint_seconds, self.outcome, self.processes, earlier,
        )  # fmt: skip
        trainer.add_callback(watcher)
        trainer.remove_callback(transformers.PrinterCallback)
        if not trainers.at_its_end(trainer, found.path):
            with contextlib.suppress(Lost):
                trainer.train(resume_from_checkpoint=str(found.path) if found.path else None)
        return self._end(trainer)

    def note(self, kind: str, **values: Any) -> None:
        """Put an event into the journal."""
        if self.journal is not None:
            self.journal.add(kind, **values)

    def look(self, step: int) -> None:
        """Measure the model as it is, ask it the fixed prompts, keep the adapter if it is the best so far."""
        self.measured.add(step)
        model = self.trainer.model_wrapped if self.processes > 1 else self.trainer.model
        found: dict[str, Any] = {}
        if self.recipe.task == "dpo":
            pairs = measure_pairs(
                model, self.heldout_pairs, self.trainer.data_collator, self.recipe.beta, self.autocast
            )
            if pairs is not None:
                found = {"eval_loss": pairs["loss"], "accuracy": pairs["accuracy"], "margin": pairs["margin"]}
        elif (measured := measure(model, self.heldout_rows, self.collator, self.autocast)) is not None:
            found = {"eval_loss": measured.loss, "top1": measured.top1, "eval_tokens": measured.tokens}
        if (general := measure(model, self._general(), self.collator, self.autocast)) is not None:
            found |= {"general_loss": general.loss, "general_top1": general.top1}
        self.note("eval", step=step, **found)
        if not all(math.isfinite(one) for one in found.values()):
            self.outcome.lost(step)
            return
        said = answers(model, self.tokenizer, self.run_file.prompts, _ANSWER_TOKENS, self.autocast)
        self.note("samples", step=step, texts=said)
        if "eval_loss" in found:
            self._compare(step, found["eval_loss"], model)

    def _compare(self, step: int, loss: float, model: Any) -> None:
        self.losses[step] = loss
        if step and (not self.best or loss < self.best["eval_loss"]):
            self.best = {"step": step, "eval_loss": loss}
            if self.journal is not None:
                trainers.save_adapter(model, self.places.best)
                write_json(self.places.root / "best.json", self.best)
        if overfits(list(self.losses.values())):
            self.note("warning", step=step, what="overfitting", loss=loss, lowest=min(self.losses.values()))

    def _general(self) -> list[Row]:
        """What the base says to prompts that have nothing to do with the data; asked once, before the first step."""
        if self.general is None:
            self.general = general_rows(
                self.places.root / "general.jsonl",
                PRESETS / "training" / "general.txt",
                self.tokenizer,
                self._base_says,
                self.recipe,
                keep=self.journal is not None,
            )
        return self.general

    def _base_says(self, prompts: Sequence[str]) -> list[str]:
        with adapter(self.trainer.model, on=False):
            return answers(self.trainer.model, self.tokenizer, prompts, _GENERAL_TOKENS, self.autocast)

    def _trainer(self, device: str, *, bf16: bool) -> Any:
        recipe, places = self.recipe, self.places
        samples, heldout = list(read_samples(places.train)), list(read_samples(places.heldout))
        self.heldout_rows: list[Row] = []
        self.heldout_pairs: list[dict[str, list[int]]] = []
        self.counts: dict[str, Any] = {"samples": len(samples), "heldout": len(heldout)}
        if recipe.task == "dpo":
            pairs, unusable = training_pairs(samples, self.tokenizer, recipe)
            self.heldout_pairs, more = pair_rows(heldout, self.tokenizer, recipe)
            self.unusable = [*unusable, *more]
            self.counts |= {"rows": len(pairs), "tokens": sum(len(one) for each in pairs for one in each.values())}
            values = trainers.arguments(
                recipe, device, places.checkpoints, bf16=bf16, batch=recipe.per_device_train_batch_size
            )
            return trainers.dpo_trainer(self.model, self.tokenizer, pairs, recipe, values, self._sealed)
        rows, unusable = training_rows(samples, self.tokenizer, recipe)
        if device == "cpu" and max(length for row in rows for length in row.seq_lengths) <= _SHORT:
            self.model.get_base_model().set_attn_implementation("eager")
        self.heldout_rows, more = sample_rows(heldout, self.tokenizer, recipe)
        self.unusable = [*unusable, *more]
        self.counts |= {"rows": len(rows), "tokens": sum(len(row.input_ids) for row in rows)}
        values = trainers.arguments(recipe, device, places.checkpoints, bf16=bf16, batch=1)
        return trainers.sft_trainer(self.model, self.tokenizer, rows, values, self.collator, self._sealed)

    def _sealed(self, folder: Path) -> None:
        self.note("checkpoint", step=int(folder.name.rpartition("-")[2]))
        if self.journal is not None:
            self.journal.sync()

    def _device(self) -> str:
        wanted = device_of(self.run_file.device)
        if wanted != "cpu" and self.processes > 1:
            return f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
        return wanted

    def _remember(self, step: int) -> None:
        """What earlier workers of this run measured, up to the step it goes on from."""
        for event in read_journal(self.places.journal):
            if event["kind"] == "eval" and event["step"] <= step:
                self.measured.add(event["step"])
                if "eval_loss" in event:
                    self.losses[event["step"]] = float(event["eval_loss"])
        try:
            self.best = json.loads((self.places.root / "best.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            self.best = {}
        if self.best and fault(self.places.best):
            self.best = {}  # Killed as a better one took its place; that one is made again.

    def _end(self, trainer: Any) -> dict[str, Any]:
        step = trainer.state.global_step
        if self.outcome.wish == "pause":
            return {"status": "paused", "step": step, "error": ""}
        # What is kept is measured: also behind a stop between two evaluations, and where none was asked for.
        by_something = bool(self.recipe.evaluations or self.heldout_rows or self.heldout_pairs)
        if by_something and not self.outcome.fault and step not in self.measured:
            self.look(step)
        # The best one is kept where something measures it; else the last one.
        here = math.nan if self.best and self.best["step"] == step else self.losses.get(step, math.inf)
        use_best = bool(self.best) and (self.outcome.fault != "" or self.best["eval_loss"] <= here)
        if self.journal is not None and not (self.outcome.fault and not use_best):
            if use_best:
                shutil.rmtree(self.places.adapter, ignore_errors=True)
                shutil.copytree(self.places.best, self.places.adapter)
            else:
                trainers.save_adapter(trainer.model, self.places.adapter)
        status = "failed" if self.outcome.fault else "stopped" if self.outcome.wish == "stop" else "complete"
        kept = self.best["step"] if use_best else 0 if self.outcome.fault else step
        return {"status": status, "step": step, "kept_step": kept, "error": self.outcome.fault}
