"""How a command with actions of its own, such as `models` and `history`, is put on the command line."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

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
