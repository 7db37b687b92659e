"""What several commands need: actions of their own, such as those of `models`, and files that are never overwritten."""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playground.errors import BadValueError, StorageError
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


class ProgressLine:
    """One line on stderr that is rewritten on a terminal; elsewhere a line whenever its key is a new one."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._last = ""
        self._shown = 0

    def show(self, line: str, key: str) -> None:
        """Tell how far it is."""
        if self._terminal:
            width = shutil.get_terminal_size().columns - 1
            sys.stderr.write(f"\r{line[:width]}{' ' * (self._shown - len(line))}")
            sys.stderr.flush()
            self._shown = min(len(line), width)
        elif key != self._last:
            self._last = key
            sys.stderr.write(f"{line}\n")  # One write: other threads may report too.

    def end(self) -> None:
        """Leave the terminal's line to what comes next."""
        if self._shown:
            sys.stderr.write(f"\r{' ' * self._shown}\r")
            sys.stderr.flush()


def duration(seconds: float) -> str:
    """A time to wait, in the unit that fits."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 3600 else f"{seconds / 3600:.1f} h"


def check_text(name: str, text: str) -> None:
    """Raise BadValueError when an argument is not text."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise BadValueError(f"The {name} is not text in UTF-8. Write it anew.") from None


def end_on_signals() -> None:
    """Let what ends a command from outside come as Ctrl-C does."""
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.default_int_handler)


def leave(code: int, manager: ModelManager) -> int:
    """`code`, when all models are freed; else the process ends here: one that still computes would crash at its end."""
    if manager.states():
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)
    return code
