"""A file as a dataset: every row is a sample, or is told with what to do. Nothing is left out in silence."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from playground.errors import BadValueError
from playground.tuning.forms import sample_of
from playground.tuning.rows import raw_rows
from playground.tuning.samples import Dataset, Problem, Sample

_MARKS = re.compile(
    r"<\|(?:im_start|im_end|endoftext|eot_id|start_header_id|end_header_id|begin_of_text|user|assistant|system|end)\|>"
    r"|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>|###\s*(?:Instruction|Response):"
)
"""What chat templates write around messages."""
_LONG = 100_000
"""Characters from which on a row is told as long: no model that is tuned at home reads so much at once."""


def read_dataset(data: bytes, name: str, columns: Mapping[str, str] | None = None) -> Dataset:
    """All rows of a file. `columns` are names of its columns by `forms.FIELDS`, chosen by hand.

    Raises BadValueError when the file as a whole cannot be read.
    """
    rows, note = raw_rows(data, name)
    problems = [Problem(0, note, lost=False)] if note else []
    samples: list[Sample] = []
    seen: dict[tuple[object, ...], int] = {}
    ids: dict[str, int] = {}
    number = 0
    for raw in rows:
        number += 1
        if raw.fault:
            problems.append(Problem(raw.row, raw.fault))
            continue
        try:
            sample, notes = sample_of(raw.row, raw.value, columns)
        except BadValueError as problem:
            problems.append(Problem(raw.row, str(problem)))
            continue
        sample, mended = _mended(replace(sample, goes_on=raw.goes_on))
        told = [*notes, *mended, *_told(sample), *_same_id(raw.value, raw.row, ids)]
        same = seen.setdefault(sample.said, raw.row)
        if same != raw.row:
            problems.append(Problem(raw.row, f"The row says the same as row {same}. It counts once."))
            continue
        samples.append(sample)
        problems += [Problem(raw.row, words, lost=False) for words in told]
    kinds = Counter(sample.kind for sample in samples)
    if len(kinds) > 1:
        said = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
        words = (
            f"The rows are of several kinds ({said}). One kind is trained at a time: choose which, or part the file."
        )
        problems.append(Problem(0, words, lost=False))
    if not number:
        raise BadValueError(f"{name} has no rows. Choose another file.")
    return Dataset(tuple(samples), tuple(problems), number)


def _mended(sample: Sample) -> tuple[Sample, list[str]]:
    """Halves of characters, which JSON can hold and no tokenizer takes, become question marks."""

    def whole(text: str) -> str:
        return text.encode("utf-8", "replace").decode()

    made = replace(
        sample,
        messages=tuple(replace(turn, content=whole(turn.content)) for turn in sample.messages),
        chosen=whole(sample.chosen),
        rejected=whole(sample.rejected),
        text=whole(sample.text),
    )
    return made, [] if made == sample else ["Half a character became a question mark. Write it anew if it matters."]


def _told(sample: Sample) -> Iterator[str]:
    mark = next((found[0] for text in sample.texts if (found := _MARKS.search(text))), None)
    if mark:
        yield f"The text has {mark}, a mark of a chat template. The model's own is added by itself: take it out."
    if sample.characters > _LONG and sample.kind != "text":  # Of a text all is learned, in pieces.
        yield f"The row has {sample.characters} characters. What does not fit into max_length is cut off: part it."


def _same_id(value: Any, row: int, ids: dict[str, int]) -> Iterator[str]:
    given = value.get("id") if isinstance(value, dict) else None
    if isinstance(given, str | int):
        first = ids.setdefault(str(given), row)
        if first != row:
            yield f"The id {str(given)[:40]!r} is that of row {first}, too. Both are kept."
