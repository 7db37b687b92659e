"""What several commands need: actions of their own, such as those of `models`, and files that are never overwritten."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playground.errors import StorageError
from playground.paths import storage_error

if TYPE_CHECKING:
    from playground.engine.manager import ModelManager

AddAction = Callable[..., argparse.ArgumentParser]
"""Takes an action's name, what runs it and its help; `into` another group than the command's own."""


def add_group(commands: Any, name: str, text: str) -> AddAction:
    """Add the command `name` to the command line's subparsers; returns what adds an action to it."""
    group: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text)
    group.add_argument("--data-dir", metavar="FOLDER", help="where everything is kept (or $PLAYGROUND_DATA_DIR)")
    actions = group.add_subparsers(dest="action", required=True, metavar="ACTION")
    where = argparse.ArgumentParser(add_help=False)
    where.add_argument("--data-dir", metavar="FOLDER", default=argparse.SUPPRESS, help="where everything is kept")

    def action(name: str, run: Callable[..., int], text: str, *, into: Any = actions) -> argparse.ArgumentParser:
        made: argparse.ArgumentParser = into.add_parser(name, parents=[where], help=text, description=text)
        made.set_defaults(run=run)
        return made

    return action


def check_new(target: Path) -> None:
    """Raise StorageError when there is such a file."""
    if target.exists():
        raise StorageError(f"{target} is there already. Give another name; an export never overwrites a file.")


def write_new(target: Path, pieces: Iterable[bytes]) -> Path:
    """Write a file that is whole or not there at all, and return its path. Raises StorageError."""
    check_new(target)
    part = target.with_name(target.name + ".part")
    try:
        with part.open("wb") as file:
            file.writelines(pieces)
        os.replace(part, target)
    except OSError as error:
        raise storage_error(error, target) from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
    return target


def leave(code: int, manager: ModelManager) -> int:
    """`code`, when all models are freed; else the process ends here: one that still computes would crash at its end."""
    if manager.states():
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)
    return code
