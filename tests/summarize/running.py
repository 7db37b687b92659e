"""A process that summarizes until it is done or killed: `python -m tests.summarize.running DATA MODEL`.

The first one begins a run, each later one goes on with it as the app does at its start.
"""

from __future__ import annotations

import sys

from playground.engine.manager import ModelManager
from playground.paths import open_data_folder
from playground.settings import Settings
from playground.store import Database
from playground.store.runs import Runs
from playground.summarize.options import SummaryOptions
from playground.summarize.reading import read_pasted
from playground.summarize.service import SummaryService
from tests.summarize.conftest import story


def main(data: str, model: str) -> None:
    """Begin, or go on, to the end."""
    folder = open_data_folder(data)
    manager = ModelManager(Settings(engine="echo", model=model, context_length=512, slots=2), folder)
    runs = Runs(Database(folder.database, folder.backups))
    service = SummaryService(runs, manager, folder.cache / "runs")
    if not runs.runs():
        service.start([read_pasted(story(16), "story.txt")], SummaryOptions(seed=7))
    service.resume_all()
    print("working", flush=True)
    for run in runs.runs():
        service.wait(run.id)


if __name__ == "__main__":
    main(*sys.argv[1:])
