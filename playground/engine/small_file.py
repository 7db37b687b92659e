"""Small JSON files that are there whole or not at all. Knows nothing of what they hold."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

_LARGEST = 200_000_000
"""Bytes that are read: a tokenizer of many words has some ten million."""


def read_json(file: Path) -> Any:
    """What the file holds. Raises OSError where it cannot be read, ValueError for what is no JSON, is nested too
    deeply or too large, and for a device or a pipe, which would have no end.
    """
    if not stat.S_ISREG(file.stat().st_mode):
        raise ValueError("it is no plain file")
    with file.open("rb") as content:
        data = content.read(_LARGEST + 1)
    if len(data) > _LARGEST:
        raise ValueError("it is too large")
    try:
        return json.loads(data.decode("utf-8"))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def write_json(file: Path, facts: Any) -> None:
    """Write `facts` to `file`, also over an older one, so that a kill or a power cut leaves the old or the new."""
    part = file.with_name(file.name + ".new")
    with part.open("w", encoding="utf-8") as target:
        json.dump(facts, target, ensure_ascii=False, indent=1)
        target.flush()
        os.fsync(target.fileno())
    os.replace(part, file)
