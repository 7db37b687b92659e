"""Several processes that train together, against one that gathers the same batches: loss at each step, starter model.

Each is started as the app starts it, several through accelerate, on the CPU. What matters is that the curves are one;
on few cores several processes are not faster.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)

from benchmarks.common import Row, show, starter
from benchmarks.tuning_data import packages
from playground.tuning.journal import read_journal
from playground.tuning.launching import environment, launch
from playground.tuning.recipe import recipe_presets
from playground.tuning.runfile import BaseModel, RunFile, RunPlaces, write_run
from playground.tuning.splitting import split

PROCESSES = (1, 2, 4)
BAR = 0.01
RECIPE = replace(recipe_presets()["quick"].recipe, evaluations=0, max_length=256)


def main() -> None:
    """Measure and print the curves and the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=8)
    steps = parser.parse_args().steps
    with tempfile.TemporaryDirectory() as place:
        curves = {number: curve(Path(place), number, steps) for number in PROCESSES}
    print("\nstep" + "".join(f"{f'{number} process' + 'es' * (number > 1):>14}" for number in PROCESSES))
    for step, losses in enumerate(zip(*curves.values(), strict=True), 1):
        print(f"{step:4}" + "".join(f"{loss:14.5f}" for loss in losses))
    table = []
    for number in PROCESSES[1:]:
        most = max(abs(one - other) / other for one, other in zip(curves[number], curves[1], strict=True))
        name = f"{number} processes against one: largest difference"
        table.append(Row(name, f"{most:.4%}", f"<= {BAR:.0%}", most <= BAR))
    show("Processes that train together", table)


def curve(place: Path, processes: int, steps: int) -> list[float]:
    """The loss of each step; all learn from as many rows at each, with one thread for each process."""
    recipe = replace(
        RECIPE, max_steps=steps, num_processes=processes, gradient_accumulation_steps=PROCESSES[-1] // processes
    )
    places = RunPlaces(place / str(processes))
    base = BaseModel("smollm2-135m-instruct", str(starter()), sha256="starter", cache=str(place / "converted"))
    train, heldout = split(packages(40 * steps), recipe.heldout, recipe.seed)
    write_run(
        places, RunFile(str(processes), "Packages", base, recipe, device="cpu", threads=processes), train, heldout
    )
    command, more = launch(sys.executable, places.root, recipe, "cpu")
    with places.output.open("wb") as output:
        code = subprocess.run(command, env=environment(more), stdout=output, stderr=subprocess.STDOUT).returncode
    events = read_journal(places.journal)
    if code:
        raise SystemExit(f"{processes} processes: {events[-1].get('error') or places.output.read_text()}")
    started = next(one["processes"] for one in events if one["kind"] == "start")
    print(f"{started} processes: done", file=sys.stderr, flush=True)
    return [one["loss"] for one in events if one["kind"] == "step"]


if __name__ == "__main__":
    main()
