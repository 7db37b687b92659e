"""`playground tune run|resume|list`: trainings from the command line. How far one is goes to stderr."""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from playground.cli_parts import ProgressLine, duration, end_on_signals, leave
from playground.errors import BadValueError
from playground.paths import DataFolder, typed_path
from playground.settings import Settings
from playground.tuning.figures import number, perplexity, rounded, written

if TYPE_CHECKING:
    from playground.services import Services
    from playground.store.training_values import StoredTraining
    from playground.tuning.gathering import Gathered
    from playground.tuning.progress import Progress

_OFTEN = 0.25
_PROBLEMS = 20
"""Of rows that are told before a training begins."""


def add_runs(action: Callable[..., argparse.ArgumentParser]) -> None:
    """Add the actions that train to `tune`."""
    run = action("run", _run, "train a LoRA adapter as a RUN.toml says; the same command again goes on")
    run.add_argument("file", metavar="RUN.toml", help="model, data, recipe and more; see the README")
    run.add_argument("--json", action="store_true", help="print what came out as JSON")
    again = action("resume", _resume, "go on with a training that was paused, killed or failed")
    again.add_argument("id", metavar="ID", help="as `tune list` shows it, or its beginning")
    again.add_argument("--json", action="store_true", help="print what came out as JSON")
    listed = action("list", _list, "show all trainings")
    listed.add_argument("--json", action="store_true", help="as JSON")


def found(services: Services, start: str) -> str:
    """The id that begins so. Raises BadValueError when there is none, or are several."""
    ids = [run.id for run in services.trainings.store.list(10_000) if run.id.startswith(start)]
    if len(ids) != 1:
        many = "There is no training" if not ids else "There are several trainings"
        raise BadValueError(f"{many} whose id begins with {start!r}. Look at `playground tune list`.")
    return ids[0]


def _run(options: argparse.Namespace, settings: Settings, folder: DataFolder) -> int:
    from playground.serve import set_environment
    from playground.services import open_services
    from playground.tuning.gathering import gather, given_file
    from playground.tuning.runtoml import read_run_toml

    asked = read_run_toml(typed_path(options.file))
    files = [given_file(one.name, one.read_bytes(), asked.columns, asked.note) for one in asked.data]
    set_environment(settings, folder)
    services = open_services(settings, folder)

    def begin() -> str:
        store = services.trainings.store
        for run in store.list(10_000):
            same = run.status in ("stopped", "running", "failed") and run.model == asked.options.model
            same = same and json.loads(json.dumps(asked.options.to_dict())) == dict(store.get(run.id).options)
            if same and store.files(run.id) == files:
                services.trainings.resume(run.id)
                return run.id
        sys.stderr.write(_told(gather(files, {}), [one.name for one in files]))
        return services.trainings.start(files, asked.options, title=asked.title)

    return _follow(services, begin, as_json=options.json)


def _resume(options: argparse.Namespace, settings: Settings, folder: DataFolder) -> int:
    from playground.serve import set_environment
    from playground.services import open_services

    set_environment(settings, folder)
    services = open_services(settings, folder)

    def begin() -> str:
        run_id = found(services, options.id)
        services.trainings.resume(run_id)
        return run_id

    return _follow(services, begin, as_json=options.json)


def _list(options: argparse.Namespace, settings: Settings, folder: DataFolder) -> int:
    from playground.services import open_services

    services = open_services(settings, folder)
    store = services.trainings.store
    runs = store.list(10_000)
    if options.json:
        whole = [store.get(run.id) for run in runs]
        print(json.dumps([{**vars(run), "edits": len(run.edits)} for run in whole], ensure_ascii=False, indent=2))
    for run in runs if not options.json else ():
        print(f"{run.id}  {run.status:9}  {run.model:28}  {run.title}")
    services.close()
    return 0


def _follow(services: Services, begin: Callable[[], str], *, as_json: bool) -> int:
    end_on_signals()
    try:
        run_id, code = begin(), 130
        sys.stderr.write(f"Training {run_id}\n")
        try:
            _watch(services, run_id)
        except KeyboardInterrupt:
            services.trainings.stop(run_id)
            services.trainings.wait(run_id)
            sys.stderr.write(f"Paused with a checkpoint. Go on: playground tune resume {run_id}\n")
        else:
            code = _tell(services.trainings.wait(run_id), as_json=as_json)
    finally:
        services.close()
    return leave(code, services.manager)


def _watch(services: Services, run_id: str) -> None:
    line = ProgressLine()
    try:
        while (job := services.trainings.live(run_id)) is not None:
            words = "waiting for the other training" if job.queued else progress_words(job.progress)
            line.show(words, f"{job.progress.phase}{job.progress.step}{len(job.progress.evals)}")
            time.sleep(_OFTEN)
    finally:
        line.end()


def _told(gathered: Gathered, names: Sequence[str]) -> str:
    """What is wrong with rows, and how many are not learned from; "" where all is well."""
    lines = []
    for position, one in gathered.problems[:_PROBLEMS]:
        file = f"{names[position]}, " if len(names) > 1 else ""
        lines.append(f"{file}row {one.row}: {one.words}" if one.row else one.words)
    if not lines:
        return ""
    if more := len(gathered.problems) - len(lines):
        lines.append(f"and {more} more; all of them: playground tune check FILE")
    lost = len({(position, one.row) for position, one in gathered.problems if one.lost and one.row})
    return "\n".join([*lines, f"{lost} of {gathered.rows} rows left out.\n"])


def progress_words(progress: Progress) -> str:
    """How far a training is, in a line."""
    last = progress.last
    if not last:
        return progress.phase
    parts = [f"step {progress.step}/{progress.total}", f"loss {last.get('loss')}"[:12]]
    if progress.evals and "eval_loss" in progress.evals[-1]:
        parts.append(f"held-out loss {written(progress.evals[-1], 'eval_loss')}")
    if math.isfinite(speed := number(last, "tokens_per_second")):
        parts.append(f"{speed:.0f} tokens/s")
    if math.isfinite(left := number(last, "seconds_left")):
        parts.append(f"{duration(left)} left")
    return ", ".join(parts)


def _tell(run: StoredTraining, *, as_json: bool) -> int:
    if as_json:
        facts: dict[str, Any] = {"id": run.id, "status": run.status, "error": run.error, **run.result}
        print(json.dumps(facts, ensure_ascii=False, indent=2))
    if run.status != "complete":
        sys.stderr.write(f"playground: {run.error or 'The training was paused.'}\n")
        return 1
    if not as_json:
        for line in measured_words(run.result.get("base") or {}, run.result.get("adapter") or {}):
            print(line)
        name = f"adapter {run.result['name']!r}" if run.result.get("name") else "adapter"
        print(f"{name} of {run.options['model']}, kept from step {run.result['kept_step']}")
    return 0


def measured_words(base: Mapping[str, Any], mine: Mapping[str, Any]) -> Iterator[str]:
    """What held-out data says of base and adapter; nothing where none was held out."""
    if "eval_loss" in base and "eval_loss" not in mine:
        yield f"held-out loss of the base {written(base, 'eval_loss')}; the adapter was not measured"
    elif "eval_loss" in base:
        loss = f"held-out loss {written(base, 'eval_loss')} -> {written(mine, 'eval_loss')}"
        if "accuracy" in mine:
            yield f"{loss}, preference accuracy {written(mine, 'accuracy', 2)}"
        else:
            yield f"{loss}, perplexity {rounded(perplexity(base), 1)} -> {rounded(perplexity(mine), 1)}"
