"""`playground tune check`: looks at data for fine-tuning. What is wrong goes to stdout, row by row, with what to do."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playground.cli_parts import add_group
from playground.cli_tune_export import add_export
from playground.cli_tune_run import add_runs
from playground.documents.reading import opened
from playground.errors import BadValueError
from playground.paths import DataFolder
from playground.settings import Settings

if TYPE_CHECKING:
    from playground.tuning.samples import Dataset

_LIMIT = 500 * 2**20
_KINDS = {"chat": "conversation", "preference": "pair", "text": "text"}


def add_tune(commands: Any) -> None:
    """Add `tune` and its actions to the command line's subparsers."""
    action = add_group(commands, "tune", "fine-tune a LoRA adapter on data of one's own")
    check = action("check", _check, "say which rows of a dataset can be learned from, and what is wrong with others")
    check.add_argument("file", metavar="DATA", help="JSONL, JSON, CSV, Parquet or text")
    check.add_argument(
        "--column",
        action="append",
        default=[],
        metavar="FIELD=NAME",
        help="what a column holds, where its name does not say: prompt=frage completion=antwort",
    )
    check.add_argument("--json", action="store_true", help="as JSON, with every sample")
    add_runs(action)
    add_export(action)


def _check(options: argparse.Namespace, settings: Settings, folder: DataFolder) -> int:
    from playground.tuning.dataset import read_dataset

    file = Path(options.file)
    with opened(file, file.name, _LIMIT) as reader:
        found = read_dataset(reader.read(), file.name, _columns(options.column))
    if options.json:
        print(json.dumps(asdict(found) | {"lost": found.lost}, ensure_ascii=False))
    else:
        print(_told(found))
    return 1 if found.lost else 0


def _columns(given: list[str]) -> dict[str, str] | None:
    from playground.tuning.forms import FIELDS

    columns = dict(one.split("=", 1) for one in given if "=" in one)
    wrong = next((one for one in given if one.partition("=")[0] not in FIELDS or not one.partition("=")[2]), None)
    if wrong is not None:
        raise BadValueError(f"--column is {wrong!r}. Write FIELD=NAME; fields are {', '.join(FIELDS)}.")
    return columns or None


def _told(found: Dataset) -> str:
    lines = [f"row {one.row}: {one.words}" if one.row else one.words for one in found.problems]
    kinds = Counter(sample.kind for sample in found.samples)
    said = ", ".join(_count(count, _KINDS[kind]) for kind, count in kinds.most_common()) or "nothing"
    return "\n".join([*lines, f"{_count(found.rows, 'row')}: {said} to learn from, {found.lost} left out."])


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
