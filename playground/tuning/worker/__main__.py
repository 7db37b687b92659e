"""`python -m playground.tuning.worker FOLDER`: train what its run file says, or go on; `FOLDER lens` compares words."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

from playground.tuning.launching import quiet


def main() -> int:
    """Exit code 0 when the run came to an end that its journal tells, 1 otherwise."""
    quiet()
    # Batches are of many sizes, and oneDNN keeps what it made for each, 1024 by default: memory that grows for minutes.
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "256")
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    folder = Path(sys.argv[1])
    if sys.argv[2:] == ["lens"]:
        from playground.tuning.runfile import RunPlaces
        from playground.tuning.worker.lens import lens

        return lens(RunPlaces(folder))
    from playground.tuning.worker.work import work

    return work(folder)


if __name__ == "__main__":
    sys.exit(main())
