"""A process that fetches a model as a JSON order on its command line says; a test starts it, and may kill it.

Also the presets that such orders name. Writes one JSON line a progress report, and a last one with the outcome.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from playground.engine import transfer
from playground.engine.download import fetch
from playground.engine.downloads import Downloads
from playground.errors import PlaygroundError
from playground.paths import DataFolder
from playground.presets import ModelPreset, Wheel


def make_preset(values: dict[str, Any]) -> ModelPreset:
    """A preset from plain values, with what a test seldom cares for filled in."""
    plain: dict[str, Any] = {"id": "tiny", "name": "Tiny 微", "license": "x", "kind": "chat", "good_at": "tests"}
    plain |= {"good_at_zh": "测试", "context_length": 8, "format": "gguf", "shape": {"parameters": 1}}
    wheels = tuple(Wheel(**wheel) for wheel in values.get("wheels", ()))
    return ModelPreset(**{**plain, **values, "languages": ("en",), "wheels": wheels})


def main(order: dict[str, Any]) -> None:
    """Fetch, and say how it went."""
    transfer.PAUSES = (0.01,) * 5
    folder = DataFolder(Path(order["folder"]))

    def progress(what: str, done: int, total: int) -> None:
        print(json.dumps({"what": what, "done": done, "total": total}), flush=True)

    try:
        if "name" in order:
            downloads = Downloads(folder, offline=False)
            id = downloads.start(order["name"])
            while (job := next(job for job in downloads.jobs() if job.id == id)).state != "done":
                progress(job.state, job.done, job.total)
                time.sleep(0.02)
            return
        print(json.dumps({"file": str(fetch(make_preset(order["preset"]), folder, progress))}))
    except PlaygroundError as error:
        print(json.dumps({"error": str(error), "kind": type(error).__name__}))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
