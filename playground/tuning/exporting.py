"""Makes a file to give away of what a training learned: the adapter alone, the merged model, or a GGUF.

Loading the base takes much memory, so it is done in a process of its own (`exporting_work`), which also measures how
nearly the file computes what base and adapter computed. Knows no page.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playground.engine.lease import LeaseCancelled
from playground.engine.small_file import write_json
from playground.errors import BadValueError, MissingError, ModelError
from playground.paths import storage_error
from playground.tuning.asides import Tell
from playground.tuning.launching import environment
from playground.tuning.runfile import read_run

if TYPE_CHECKING:
    from playground.tuning.service import TuningService

KINDS: Mapping[str, str] = {"adapter": ".zip", "merged": ".zip", "gguf-f16": ".gguf", "gguf-q8_0": ".gguf"}
"""What can be made, and the ending of its file; "merged" also as a folder, for a target without this ending."""
_WORK = "playground.tuning.exporting_work"
_FOLDER, _RECORD, _PART = "exports", "exports.json", ".export-"


@dataclass(frozen=True)
class Exported:
    """A file that was made, and how it compares with base and adapter."""

    kind: str
    name: str
    size: int
    check: Mapping[str, Any] = field(default_factory=dict)
    """`tokens`, `same`, `divergence` and `words` as in `engine.export_check`, or `error`; empty where nothing can
    differ."""


def export(
    service: TuningService,
    run_id: str,
    kind: str,
    target: Path,
    tell: Tell = lambda step, done, total: None,
    stop: threading.Event | None = None,
) -> Mapping[str, Any]:
    """Make `target`, whole or not at all; a file that is there is replaced. Returns how it compares, as in `Exported`.

    Raises BadValueError for another kind or a folder that is there, MissingError without an adapter, ModelError for a
    model that cannot be exported like this, StorageError, and LeaseCancelled on `stop`.
    """
    places = service.places(run_id)
    if kind not in KINDS:
        raise BadValueError(f"kind is {kind!r}. Choose one of: {', '.join(KINDS)}.")
    if not (places.adapter / "adapter_config.json").exists():
        raise MissingError("This training has no adapter yet. Wait until it is done, or press Stop and keep.")
    if target.is_dir():
        raise BadValueError(f"{target} is there already. Choose another name, or remove it first.")
    read_run(places)
    with _place(target) as part:
        asked = {"kind": kind, "root": str(places.root), "target": str(part / target.name)}
        check = _asked(asked, places.output, tell, stop or threading.Event())
        try:
            os.replace(part / target.name, target)
        except OSError as error:
            raise storage_error(error, target.parent) from error
    return check


def export_here(service: TuningService, run_id: str, kind: str, tell: Tell, stop: threading.Event) -> Exported:
    """The same into the training's own folder, from where it can be downloaded. Raises as `export`."""
    if kind not in KINDS:
        raise BadValueError(f"kind is {kind!r}. Choose one of: {', '.join(KINDS)}.")
    run = service.store.get(run_id)
    name = str(run.result.get("name") or run.title)
    safe = "".join(sign if sign.isalnum() or sign in "-_." else "-" for sign in name).strip(".-")[:60] or "adapter"
    root = service.places(run_id).root
    target = root / _FOLDER / f"{safe}-{kind}{KINDS[kind]}"
    check = export(service, run_id, kind, target, tell, stop)
    try:
        write_json(root / _RECORD, {**_record(root), kind: {"file": target.name, "check": check}})
    except OSError as error:
        raise storage_error(error, root) from error
    return Exported(kind, target.name, target.stat().st_size, check)


def exported(service: TuningService, run_id: str) -> list[Exported]:
    """What was made in the training's own folder and is there."""
    root, found = service.places(run_id).root, []
    for kind, one in _record(root).items():
        file = root / _FOLDER / Path(str(one.get("file"))).name
        if kind in KINDS and file.is_file():
            found.append(Exported(kind, file.name, file.stat().st_size, one.get("check") or {}))
    return sorted(found, key=lambda one: list(KINDS).index(one.kind))


def export_file(service: TuningService, run_id: str, name: str) -> Path:
    """One of these files by its name. Raises MissingError for any other name."""
    if name not in [one.name for one in exported(service, run_id)]:
        raise MissingError("This file does not exist (any more). Export it again.")
    return service.places(run_id).root / _FOLDER / name


def _record(root: Path) -> dict[str, Any]:
    try:
        found = json.loads((root / _RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and all(isinstance(one, dict) for one in found.values()) else {}


@contextlib.contextmanager
def _place(target: Path) -> Iterator[Path]:
    """A folder beside `target` to work in, on the same disk; those that killed processes left are removed."""
    import psutil

    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        for left in target.parent.glob(f"{_PART}*"):
            ours = re.fullmatch(re.escape(_PART) + r"(\d{1,10})-\d+", left.name)
            if ours and not psutil.pid_exists(int(ours[1])):
                shutil.rmtree(left, ignore_errors=True)
        part = target.parent / f"{_PART}{os.getpid()}-{threading.get_ident()}"
        part.mkdir()
    except OSError as error:
        raise storage_error(error, target.parent) from error
    try:
        yield part
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _asked(asked: Mapping[str, Any], output: Path, tell: Tell, stop: threading.Event) -> Mapping[str, Any]:
    """Let another process do it, which complains into `output`; returns what the check found."""
    command = [sys.executable, "-m", _WORK]
    try:
        with output.open("ab") as log:
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, env=environment()
            )
    except OSError as error:
        raise storage_error(error, output.parent) from error
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.1):
            if stop.is_set():
                process.kill()
                return

    threading.Thread(target=watch, name="export-stop", daemon=True).start()
    told: dict[str, Any] = {}
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(OSError):  # It is dead already, which is seen below.
            process.stdin.write(json.dumps(asked).encode())
            process.stdin.close()
        for line in process.stdout:
            with contextlib.suppress(ValueError):
                said = json.loads(line)
                if "step" in said:
                    tell(str(said["step"]), int(said["done"]), int(said["total"]))
                told |= said
        process.wait()
    finally:
        ended.set()
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
    if stop.is_set() and "check" not in told:
        raise LeaseCancelled
    if "error" in told:
        raise ModelError(str(told["error"]))
    if not told.get("made"):
        raise ModelError("Exporting broke off, perhaps for lack of memory. Close other programs and try again.")
    check = told.get("check", {"error": "The comparison broke off, perhaps for lack of memory."})
    return check if isinstance(check, dict) else {}
