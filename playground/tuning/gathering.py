"""The data of a draft put together: files and a person's own work, with what was edited and left out."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import Any

from playground.errors import BadValueError, PlaygroundError
from playground.store.training_values import DataFile
from playground.tuning.dataset import read_dataset
from playground.tuning.recipe import TASK_OF, Task
from playground.tuning.runfile import sample_from
from playground.tuning.samples import Dataset, Problem, Sample

NO_DATA = "There is no data to learn from. Add a file, or take your own chats."


@dataclass(frozen=True)
class Item:
    """A sample and where it is from."""

    key: str
    """"file:row", by which edits are kept."""
    sample: Sample
    edited: bool = False


@dataclass(frozen=True)
class Gathered:
    """All that there is to learn from, and what is wrong with the rest."""

    items: tuple[Item, ...]
    left_out: tuple[Item, ...]
    """By the person."""
    problems: tuple[tuple[int, Problem], ...]
    """With the file that each is of."""
    rows: int

    @property
    def kinds(self) -> Counter[str]:
        """How many samples of each kind."""
        return Counter(item.sample.kind for item in self.items)


def gather(files: Sequence[DataFile], edits: Mapping[str, Any]) -> Gathered:
    """Read all files; one that cannot be read is a problem and stops no other."""
    items: list[Item] = []
    left_out: list[Item] = []
    problems: list[tuple[int, Problem]] = []
    rows = 0
    seen: dict[tuple[object, ...], str] = {}
    for number, file in enumerate(files):
        try:
            found = _read(file.kind, file.sha256, file.name, file.data, json.dumps(dict(file.columns), sort_keys=True))
        except PlaygroundError as error:
            problems.append((number, Problem(0, str(error))))
            continue
        rows += found.rows
        problems += [(number, one) for one in found.problems]
        for sample in found.samples:
            key = f"{number}:{sample.row}"
            edit = edits.get(key)
            if edit is False:
                left_out.append(Item(key, sample))
                continue
            item = Item(key, sample_from(edit), edited=True) if isinstance(edit, dict) else Item(key, sample)
            said = item.sample.said
            if said in seen:
                if len(files) > 1 or item.edited:
                    problems.append((number, Problem(sample.row, f"The row says the same as {seen[said]}.")))
                continue
            seen[said] = f"row {sample.row} of {file.name}"
            items.append(replace(item, sample=replace(item.sample, group=_group(number, sample))))
    return Gathered(tuple(items), tuple(left_out), tuple(problems), rows)


def task_of(gathered: Gathered) -> Task:
    """What the data is for. Raises BadValueError without data, or with several kinds of it."""
    kinds = gathered.kinds
    if not kinds:
        raise BadValueError(NO_DATA)
    if len(kinds) > 1:
        said = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
        raise BadValueError(
            f"The data is of several kinds ({said}). One kind is trained at a time: leave out the rest."
        )
    return TASK_OF[next(iter(kinds))]


def own_file(name: str, found: Dataset, note: str = "") -> DataFile:
    """A person's own work as it is now, kept like a file. Raises BadValueError when there is none."""
    if not found.samples:
        raise BadValueError("Nothing of your own work fits what was asked for. Choose more of it.")
    data = "".join(json.dumps(asdict(one), ensure_ascii=False) + "\n" for one in found.samples).encode()
    return DataFile(name, "own", data, hashlib.sha256(data).hexdigest(), {}, note)


def given_file(name: str, data: bytes, columns: Mapping[str, str] | None = None, note: str = "") -> DataFile:
    """A file as it was given."""
    return DataFile(name, "file", data, hashlib.sha256(data).hexdigest(), columns or {}, note)


@lru_cache(maxsize=8)
def _read(kind: str, sha256: str, name: str, data: bytes, columns: str) -> Dataset:
    if kind == "own":
        samples = tuple(sample_from(json.loads(line)) for line in data.decode().splitlines())
        numbered = tuple(replace(one, row=number) for number, one in enumerate(samples, 1))
        return Dataset(numbered, (), len(numbered))
    return read_dataset(data, name, json.loads(columns) or None)


def _group(number: int, sample: Sample) -> str:
    return f"{number}/{sample.group}" if sample.group else ""
