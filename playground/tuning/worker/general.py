"""What the base says to prompts that have nothing to do with the data: how much of it an adapter has forgotten."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from playground.engine.small_file import write_json
from playground.errors import BadValueError
from playground.records import Turn
from playground.tuning.masking import Encoded, encode_chat, encode_text
from playground.tuning.packing import Row, row_of
from playground.tuning.recipe import Recipe


def general_rows(
    kept: Path, prompts: Path, tokenizer: Any, ask: Callable[[Sequence[str]], list[str]], recipe: Recipe, *, keep: bool
) -> list[Row]:
    """Rows of the base's own replies; asked once, kept beside the run, so that all evaluations measure the same.

    With `keep` they are written down: one of several processes does that.
    """
    asked = [line for line in prompts.read_text(encoding="utf-8").splitlines() if line.strip()]
    try:
        said = json.loads(kept.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        said = None
    if not isinstance(said, list) or len(said) != len(asked):
        said = ask(asked)
        if keep:
            write_json(kept, said)
    rows = []
    for prompt, reply in zip(asked, said, strict=True):
        if not reply:
            continue
        if tokenizer.chat_template:
            try:
                encoded = encode_chat((Turn("user", prompt), Turn("assistant", reply)), (False, True), tokenizer)
            except BadValueError:
                continue  # A template may want more than a question; the data shows what it takes.
        else:
            encoded = encode_text(f"{prompt} {reply}", tokenizer)
        if (row := row_of(encoded.input_ids, _of_reply(encoded, reply), recipe.max_length)) is not None:
            rows.append(row)
    return rows


def _of_reply(encoded: Encoded, reply: str) -> list[bool]:
    """The tokens that count: not the end mark, as most replies were cut and the base would have gone on."""
    end = encoded.text.rfind(reply) + len(reply)
    return [taught and start < end for taught, (start, _) in zip(encoded.learned, encoded.offsets, strict=True)]
