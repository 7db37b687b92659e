"""A summary service over the echo engine, and texts to summarize."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from playground.engine.manager import ModelManager
from playground.paths import open_data_folder
from playground.settings import Settings
from playground.store import Database
from playground.store.run_values import Run
from playground.store.runs import Runs
from playground.summarize.options import SummaryOptions
from playground.summarize.reading import read_pasted
from playground.summarize.service import SummaryService


def story(chapters: int = 12, words: int = 60) -> str:
    """A text with headings, no sentence like another."""
    return "\n\n".join(
        f"Chapter {chapter}\n\n"
        + " ".join(
            f"Item{chapter}x{n} costs {chapter * 100 + n} euros in shop{chapter}n{n}." for n in range(words // 6)
        )
        for chapter in range(chapters)
    )


@dataclass
class Bench:
    """A service, what it stands on, and how it was made."""

    service: SummaryService
    runs: Runs
    manager: ModelManager
    folder: Path

    def run(self, text: str, **options: object) -> Run:
        """Summarize a text to its end."""
        return self.service.wait(self.start(text, **options))

    def start(self, text: str, **options: object) -> str:
        """Begin to summarize a text."""
        document = read_pasted(text, "story.txt")
        return self.service.start([document], SummaryOptions.from_mapping(options))

    def close(self) -> None:
        """End it as the app does."""
        self.service.close()
        self.manager.close()
        self.runs.database.close()


@pytest.fixture
def open_bench(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    """Open a service over one data folder, as often as wanted; the echo engine unless told otherwise."""
    opened: list[Bench] = []

    def make(model: str = "echo", **settings: object) -> Bench:
        folder = open_data_folder(str(tmp_path / "data"))
        values = {"engine": "echo", "model": model, "context_length": 512, **settings}
        manager = ModelManager(Settings(**values), folder)  # type: ignore[arg-type]
        runs = Runs(Database(folder.database, folder.backups))
        service = SummaryService(runs, manager, folder.cache / "runs")
        opened.append(Bench(service, runs, manager, folder.root))
        return opened[-1]

    yield make
    for bench in opened:
        bench.close()
