"""`playground tune export`: what a training learned, as a file to give away. How far it is goes to stderr."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import Any

from playground.cli_parts import ProgressLine, check_new, end_on_signals
from playground.cli_tune_run import found
from playground.paths import DataFolder, typed_path
from playground.settings import Settings
from playground.tuning.exporting import KINDS

_STEPS = {
    "load": "loading the base",
    "gguf": "writing the GGUF",
    "zip": "packing",
    "check": "comparing it with base and adapter",
}
_HELP = (
    "adapter: the adapter alone, as a zip; merged: base and adapter in one, as a zip of safetensors, or as a folder "
    "where FILE does not end in .zip; gguf-f16, gguf-q8_0: the same as one file for llama.cpp"
)


def add_export(action: Callable[..., argparse.ArgumentParser]) -> None:
    """Add the action `export` to `tune`."""
    export = action("export", _export, "write what a training learned into a file, and compare it with the training")
    export.add_argument("id", metavar="ID", help="as `tune list` shows it, or its beginning")
    export.add_argument("file", metavar="FILE", help="where to; a file that is there is never overwritten")
    export.add_argument("--kind", choices=list(KINDS), default="adapter", help=_HELP)


def _export(options: argparse.Namespace, settings: Settings, folder: DataFolder) -> int:
    from playground.serve import set_environment
    from playground.services import open_services
    from playground.tuning.exporting import export

    target = typed_path(options.file)
    check_new(target)
    set_environment(settings, folder)
    services, line = open_services(settings, folder), ProgressLine()

    def tell(step: str, done: int, total: int) -> None:
        far = f", {done / total:.0%}" if total else ""
        line.show(_STEPS.get(step, "merging") + far, step)

    end_on_signals()
    try:
        run_id = found(services, options.id)
        check = export(services.trainings, run_id, options.kind, target, tell)
        line.end()
        print(f"{target}  {_compared(check)}".rstrip())
    finally:
        line.end()
        services.close()
    return 0


def _compared(check: Mapping[str, Any]) -> str:
    if not check:
        return ""
    if "error" in check:
        return f"Not compared: {check['error']}"
    return f"says the same next token as base and adapter at {check['same']} of {check['tokens']} places"
