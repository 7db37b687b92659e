"""Residency over a long time: random use by 8 threads under a budget that holds two of three models, and memory after
50 rounds of loading and unloading the starter model.

python benchmarks/residency.py [--operations 10000] [--rounds 50]
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)

import psutil

from benchmarks.common import Row, give_starter, show, starter
from playground.engine.manager import ModelManager
from playground.paths import open_data_folder
from playground.records import Sampling, Turn
from playground.settings import Settings
from tests.residency_stress import make_adapter, stress

MB = 1 << 20


def random_use(place: Path, operations: int) -> Row:
    """Faults in so many random operations."""
    manager = ModelManager(
        Settings(engine="echo", model="echo-a+40", slots=2), open_data_folder(str(place)), {"cpu": 100 * MB}
    )
    adapters = [make_adapter(place / "one"), make_adapter(place / "two")]
    began = time.monotonic()
    faults = stress(manager, 100 * MB, adapters, operations=operations, threads=8, seed=int(began))
    manager.close()
    for fault in sorted(set(faults))[:10]:
        print(fault)
    seconds = time.monotonic() - began
    return Row(
        f"{operations} random operations, 8 threads, 3 models",
        f"{len(faults)} faults, {seconds:.0f} s",
        "0",
        not faults,
    )


def rounds_of(place: Path, engine: str, rounds: int) -> Row:
    """Resident memory after loading, asking and unloading again and again, against after the first two rounds."""
    give_starter(starter(), place)
    manager = ModelManager(Settings(engine=engine, context_length=1024, slots=1), open_data_folder(str(place)))
    process, sizes = psutil.Process(os.getpid()), []
    for _ in range(rounds + 2):
        with manager.lease(threading.Event()) as lease:
            list(lease.stream([Turn("user", "Hello")], Sampling(seed=1, max_new_tokens=8), threading.Event()))
        manager.unload()
        sizes.append(process.memory_info().rss)
    manager.close()
    # The first two rounds bring the libraries in, which stay.
    growth = sizes[-1] / sizes[1] - 1
    what = f"{engine}: memory after {rounds} rounds of load, reply, unload"
    return Row(
        what, f"{sizes[-1] / MB:.0f} of {sizes[1] / MB:.0f} MB ({growth:+.1%})", "within 3 %", abs(growth) <= 0.03
    )


def main() -> int:
    """Run all and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--operations", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--engines", nargs="*", default=["llamacpp", "transformers"])
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = [random_use(Path(folder, "random"), asked.operations)] if asked.operations else []
        rows += [rounds_of(Path(folder, engine), engine, asked.rounds) for engine in asked.engines]
    show("Residency", rows)
    return 0 if all(row.met for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
