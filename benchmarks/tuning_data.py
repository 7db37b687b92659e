"""Real rows to train on: what the packages of this Debian are for, in the words of their makers."""

from __future__ import annotations

import re
from pathlib import Path

from playground.records import Turn
from playground.tuning.samples import Sample

_STATUS = Path("/var/lib/dpkg/status")
_LEAST, _MOST = 60, 700


def packages(count: int) -> list[Sample]:
    """Questions and answers, by name of the package; fewer when not so many are installed."""
    found: dict[str, str] = {}
    for record in _STATUS.read_text(encoding="utf-8").split("\n\n"):
        name = re.search(r"^Package: (\S+)", record, re.M)
        about = re.search(r"^Description: .*\n((?: .*\n?)*)", record, re.M)
        if name and about:
            lines = [line.strip() for line in about[1].split("\n")]
            first = " ".join(lines[: lines.index(".")] if "." in lines else lines).strip()
            if _LEAST < len(first) < _MOST and first not in found.values():
                found[name[1]] = first
    return [
        Sample(
            "chat",
            row,
            (Turn("user", f"What is the Debian package {name} for?"), Turn("assistant", text)),
            (False, True),
        )
        for row, (name, text) in enumerate(list(found.items())[:count], 1)
    ]
