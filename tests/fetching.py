"""A process that fetches a model as a JSON order on its command line says; a test starts it, and may kill it.

Writes one JSON line a progress report, and a last one with the outcome. `huggingface_hub` reads its address from the
environment when it is imported, so each fetch is a process of its own.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from playground.engine.download import Cancelled, fetch
from playground.errors import PlaygroundError
from playground.paths import DataFolder
from playground.presets import ModelPreset
from playground.records import Sampling


def main(order: dict[str, object]) -> None:
    """Fetch, and say how it went."""
    asked = dict(order["preset"])  # type: ignore[call-overload]  # JSON from our own test
    preset = ModelPreset(**{**asked, "languages": ("en",), "sampling": Sampling()})
    folder = DataFolder(Path(str(order["folder"])))

    def progress(what: str, done: int, total: int) -> None:
        print(json.dumps({"what": what, "done": done, "total": total}), flush=True)
        if order.get("cancel_at") and done >= int(str(order["cancel_at"])):
            raise Cancelled
        if order.get("fill_at") and done >= int(str(order["fill_at"])) and folder.models.exists():
            from tests.conftest import Disk

            Disk(folder.root).fill()

    try:
        print(json.dumps({"file": str(fetch(preset, folder, progress))}))
    except Cancelled:
        print(json.dumps({"cancelled": True}))
    except PlaygroundError as error:
        print(json.dumps({"error": str(error), "kind": type(error).__name__}))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
