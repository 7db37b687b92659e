"""A translation service over the echo engine, whose "translations" are the texts themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from playground.engine.manager import ModelManager
from playground.paths import open_data_folder
from playground.settings import Settings
from playground.store import Database
from playground.store.memory import Memory
from playground.store.translation_values import SourceFile, Translation
from playground.store.translations import Translations
from playground.translate.files import read_source
from playground.translate.options import TranslationOptions
from playground.translate.service import TranslationService

IDENTITY = "echo-opus_mt_en_fr"
"""The echo engine as a model from English to French, which its name says."""


@dataclass
class Bench:
    """A service, what it stands on, and where it writes."""

    service: TranslationService
    manager: ModelManager
    database: Database
    folder: Path

    def file(self, name: str, content: str | bytes, columns: Sequence[str] = ()) -> SourceFile:
        """A file as one that a person gives."""
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return read_source(path, name, columns)

    def run(self, *files: SourceFile, **options: object) -> Translation:
        """Translate to the end."""
        return self.service.wait(self.start(*files, **options))

    def start(self, *files: SourceFile, **options: object) -> str:
        """Begin to translate."""
        return self.service.start(files, TranslationOptions.from_mapping({"source": "en", "target": "fr", **options}))

    def texts(self, run_id: str) -> list[str]:
        """The translations of its segments."""
        return [one.text for one in self.service.store.segments(run_id)]

    def close(self) -> None:
        """End it as the app does."""
        self.service.close()
        self.manager.close()
        self.database.close()


@pytest.fixture
def open_bench(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    """Open a service over one data folder, as often as wanted."""
    opened: list[Bench] = []

    def make(model: str = IDENTITY, **settings: object) -> Bench:
        folder = open_data_folder(str(tmp_path / "data"))
        values = {"engine": "echo", "model": model, **settings}
        manager = ModelManager(Settings(**values), folder)  # type: ignore[arg-type]
        database = Database(folder.database, folder.backups)
        store, memory = Translations(database), Memory(database)
        service = TranslationService(store, memory, manager, lambda: (), folder.cache / "runs")
        opened.append(Bench(service, manager, database, folder.root))
        return opened[-1]

    yield make
    for bench in opened:
        bench.close()
