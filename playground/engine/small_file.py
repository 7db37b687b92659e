"""Small JSON files that are there whole or not at all. Knows nothing of what they hold."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


def write_json(file: Path, facts: Any) -> None:
    """Write `facts` to `file`, also over an older one, so that a kill or a power cut leaves the old or the new."""
    part = file.with_name(file.name + ".new")
    with part.open("w", encoding="utf-8") as target:
        json.dump(facts, target, ensure_ascii=False, indent=1)
        target.flush()
        os.fsync(target.fileno())
    os.replace(part, file)
