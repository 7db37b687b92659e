"""What one can do with trainings: collect data, look at it, start, pause, go on, use and delete. Knows no page."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import filelock

from playground.engine.manager import ModelManager
from playground.engine.training_base import TrainingBases
from playground.errors import BadValueError, BusyError, MissingError, PlaygroundError
from playground.jobs import JobService, title_for
from playground.store.database import Database
from playground.store.training_data import Choice
from playground.store.training_values import DataFile, StoredTraining, same_data
from playground.store.trainings import Trainings, as_kept
from playground.tuning.asides import Asides
from playground.tuning.gathering import Gathered, Item, gather, own_file, task_of
from playground.tuning.job import TuningJob
from playground.tuning.journal import read_journal
from playground.tuning.keeping import keep, named, rename
from playground.tuning.options import TuningOptions
from playground.tuning.own import OwnCounts, counts, own_samples
from playground.tuning.planning import Forecast, forecast
from playground.tuning.private import findings, hidden
from playground.tuning.progress import Progress
from playground.tuning.runfile import BaseModel, RunFile, RunPlaces, read_run, write_run
from playground.tuning.samples import Sample
from playground.tuning.splitting import split


class TuningService(JobService[TuningJob]):
    """The one way in and the one way out for trainings."""

    def __init__(
        self,
        store: Trainings,
        database: Database,
        manager: ModelManager,
        bases: TrainingBases,
        place: Path,
        locks: Path,
    ) -> None:
        """`place` is the folder of all runs; `locks` one for locks of runs against other processes."""
        super().__init__()
        self.store = store
        self.manager = manager
        self.bases = bases
        self._database = database
        self._place = place
        self._locks = locks
        self._beginning = threading.Lock()
        self.asides = Asides(self.announce)
        """What is done beside trainings that have ended."""

    # Data

    def collect(self, run_id: str, file: DataFile) -> str:
        """Put a file to a draft, "" being a new one; returns the draft's id."""
        if run_id:
            self.store.add_file(run_id, file)
        else:
            run_id = self.store.add(file.name, {}, [file])
        self.announce(run_id)
        return run_id

    def collect_own(self, run_id: str, choice: Choice, name: str) -> str:
        """Put a person's own work to a draft, as it is now."""
        return self.collect(run_id, own_file(name, own_samples(choice, self._database)))

    def own_counts(self) -> OwnCounts:
        """How much there is of it."""
        return counts(self._database)

    def gathered(self, run_id: str) -> Gathered:
        """The data of a training, with what was edited."""
        return gather(self.store.files(run_id), self.store.get(run_id).edits)

    def leave_out(self, run_id: str, key: str, *, out: bool) -> None:
        """Do not learn from a sample, or do after all."""
        self.store.edit(run_id, key, False if out else None)
        self.announce(run_id)

    def change(self, run_id: str, key: str, values: Mapping[str, Any] | None) -> None:
        """Write a sample anew; None takes all changes back. Raises BadValueError for what is no sample."""
        if values is not None:
            values = asdict(_checked(self._item(run_id, key).sample, values))
        self.store.edit(run_id, key, values)
        self.announce(run_id)

    def hide_private(self, run_id: str) -> Mapping[str, tuple[Any, Any]]:
        """Put placeholders for what is private in all samples.

        Returns by key what had been changed of a sample (None: nothing) and what stands there now.
        """
        files, before = self.store.files(run_id), self.store.get(run_id).edits
        found = [(item, findings(item.sample)) for item in gather(files, before).items]
        made = {item.key: as_kept(asdict(hidden(item.sample, private))) for item, private in found if private}

        def change(edits: Mapping[str, Any]) -> Mapping[str, Any]:
            if not same_data(self.store.files(run_id), files):
                raise BusyError("The data was changed meanwhile. Look at it, and put placeholders again.")
            # What somebody wrote while it was looked for stays.
            return {**edits, **{key: one for key, one in made.items() if edits.get(key) == before.get(key)}}

        now = self.store.change_edits(run_id, change)
        self.announce(run_id)
        return {key: (before.get(key), one) for key, one in made.items() if now.get(key) == one}

    # Runs

    def begin(self, run_id: str, options: TuningOptions, *, title: str = "") -> None:
        """Start what a draft has collected. Raises BadValueError, ModelError and more for what cannot be trained."""
        files, run = self.store.files(run_id), self.store.get(run_id)
        gathered = gather(files, run.edits)
        task = task_of(gathered)
        if options.recipe.task != task:
            raise BadValueError(
                f"The data is for {task} and the recipe for {options.recipe.task}. Choose a recipe for {task}."
            )
        samples = [item.sample for item in gathered.items]
        train, heldout = split(samples, options.recipe.heldout, options.recipe.seed)
        source = self.bases.source(options.model)
        expected = self.forecast(options)
        if not expected.fits:
            raise BadValueError(expected.words)
        title = title_for(title, run.title, [file.name for file in files])
        base = BaseModel(
            options.model, str(source.path), source.revision, source.sha256, str(source.cache) if source.cache else ""
        )
        data = {
            "files": [{"name": one.name, "sha256": one.sha256, "kind": one.kind, "note": one.note} for one in files],
            "samples": len(samples),
            "training": len(train),
            "heldout": len(heldout),
            "edited": sum(item.edited for item in gathered.items),
            "left_out": len(gathered.left_out),
        }
        made = RunFile(
            run_id,
            title,
            base,
            options.recipe,
            prompts=options.prompts,
            device=options.device,
            threads=options.threads,
            data=data,
        )
        with self._beginning:  # Else a page that is behind would write over the files of a training at work.
            if self.store.get(run_id).status != "draft":
                raise BusyError("This training was begun already. Make a new one of other data.")
            write_run(self.places(run_id), made, train, heldout)
            self.store.start(run_id, title, options.to_dict())
        self._set_to_work(self._job(run_id))

    def start(self, files: Sequence[DataFile], options: TuningOptions, *, title: str = "") -> str:
        """Begin to train on `files`; returns the id. What cannot be done leaves nothing behind."""
        run_id = self.store.add(title or ", ".join(file.name for file in files), options.to_dict(), files)
        try:
            self.begin(run_id, options, title=title)
        except PlaygroundError:
            self.store.trash(run_id)
            self.store.purge(run_id)
            raise
        return run_id

    def again(self, run_id: str) -> str:
        """A draft with the same data and settings; returns its id."""
        run = self.store.get(run_id)
        made = self.store.add(run.title, run.options, self.store.files(run_id))
        self.store.set_edits(made, run.edits)
        self.announce(made)
        return made

    def resume(self, run_id: str) -> None:
        """Go on with a training that was paused, killed or failed, from its newest checkpoint that verifies."""
        if self.live(run_id) is None:
            read_run(self.places(run_id))
            self._set_to_work(self._job(run_id))

    def resume_all(self) -> None:
        """Go on with what was at work when the app ended."""
        running = [run.id for run in self.store.list(10_000) if run.status == "running"]
        self._go_on(running, lambda run_id: self._set_to_work(self._job(run_id, asked=False)))

    def keep(self, run_id: str) -> None:
        """End a training now, and keep what was learned so far."""
        if (job := self._at_work(run_id)) is None:
            raise BusyError("This training is not at work. Press Resume first.")
        job.keep.set()

    def live(self, run_id: str) -> TuningJob | None:
        """The job of a training that is at work here, else None."""
        return self._at_work(run_id)

    def trains(self, model: str) -> bool:
        """Whether a training on this base is at work, or waits."""
        return any(self.store.get(run_id).options.get("model") == model for run_id in list(self._jobs))

    def progress(self, run_id: str) -> Progress:
        """What its journal says, at work or not."""
        return Progress().add_all(read_journal(self.places(run_id).journal))

    def wait(self, run_id: str) -> StoredTraining:
        """Return when the work has ended, and how."""
        self._wait(run_id)
        return self.store.get(run_id)

    def forecast(self, options: TuningOptions) -> Forecast:
        """Whether a training fits into memory next to what is there, and what would."""
        return forecast(self.bases, self.manager, options)

    def places(self, run_id: str) -> RunPlaces:
        """The folder of a run."""
        return RunPlaces(self._place / run_id)

    def adapter(self, run_id: str) -> tuple[str, str]:
        """Model and adapter of a training, given to the manager anew when it was taken away. See `keeping.named`."""
        run, places = self.store.get(run_id), self.places(run_id)
        return named(run, places, self.progress(run_id), self.store, self.manager)

    def rename(self, run_id: str, title: str) -> None:
        """Call a training otherwise, and its adapter with it."""
        rename(self.store.get(run_id), title, self.places(run_id), self.store, self.manager)
        self.announce(run_id)

    def close(self, seconds: float = 2.0) -> None:
        """See JobService."""
        self.asides.close()
        super().close(seconds)

    def purge(self, run_id: str) -> None:
        """Delete a training in the trash with its checkpoints and its adapter. Raises BusyError while it is used."""
        run, job = self.store.get(run_id), self._job(run_id)
        job.take()
        try:
            if job.worker_lives():
                raise BusyError("The training is at work. Stop it first.")
            self.asides.forget(run_id)
            self.store.purge(run_id)
            adapter, model = run.result.get("name", ""), run.options.get("model", "")
            if adapter and adapter in self.manager.adapters(model):
                self.manager.detach(model, adapter)
            shutil.rmtree(self.places(run_id).root, ignore_errors=True)
        finally:
            job.drop()

    def _job(self, run_id: str, *, asked: bool = True) -> TuningJob:
        places = self.places(run_id)
        turn = filelock.FileLock(self._place / "turn.lock", thread_local=False)

        def finish(progress: Progress) -> None:
            keep(run_id, progress, places, self.store, self.manager)

        return TuningJob(
            run_id, places, self.store, turn, finish, self._locks, lambda: self.announce(run_id), asked=asked
        )

    def _item(self, run_id: str, key: str) -> Item:
        found = self.gathered(run_id)
        item = next((one for one in (*found.items, *found.left_out) if one.key == key), None)
        if item is None:
            raise MissingError("This sample does not exist (any more). Look at the list again.")
        return item


def _checked(before: Sample, values: Mapping[str, Any]) -> Sample:
    """The sample as a person wrote it anew: the texts are theirs, all else stays."""
    messages = values.get("messages")
    made = before
    if messages is not None:
        if len(messages) != len(before.messages):
            raise BadValueError("A message is missing. Leave the sample out instead, or write all of its messages.")
        turns = tuple(replace(turn, content=str(text)) for turn, text in zip(before.messages, messages, strict=True))
        made = replace(made, messages=turns)
    made = replace(
        made,
        chosen=str(values.get("chosen", made.chosen)),
        rejected=str(values.get("rejected", made.rejected)),
        text=str(values.get("text", made.text)),
    )
    texts = [turn.content for turn in made.messages]
    texts += {"preference": [made.chosen, made.rejected], "text": [made.text], "chat": []}[made.kind]
    if not all(text.strip() for text in texts):
        raise BadValueError("A text is empty. Write it, or leave the sample out.")
    if made.kind == "preference" and made.chosen == made.rejected:
        raise BadValueError("Both replies say the same. Write one anew, or leave the sample out.")
    return made
