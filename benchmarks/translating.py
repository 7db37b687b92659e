"""What the benchmarks of translation share: the models, the chapter's paragraphs, and the service over them."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

import lxml.html
import platformdirs

from playground.engine.manager import ModelManager
from playground.overview import LocalModel
from playground.paths import open_data_folder
from playground.presets import model_preset
from playground.sentences import sentence_ends
from playground.settings import Settings
from playground.store import Database
from playground.store.memory import Memory
from playground.store.translations import Translations
from playground.translate.service import TranslationService

BOOK = Path("/usr/share/debian-reference")
CACHE = Path(platformdirs.user_cache_dir("playground-tests", appauthor=False))
BATCH, BEAM = 16, 4


def fetch(name: str, data: str) -> None:
    """Download and convert a model, unless it is there."""
    if not (Path(data) / "models" / name / "config.json").exists():
        command = [sys.executable, "-m", "playground", "models", "pull", name, "--allow-pickle", "--data-dir", data]
        subprocess.run(command, check=True)


class Bench:
    """The app's translation service over a folder with models, everything else in a folder that goes."""

    def __init__(self, data: str) -> None:
        folder = open_data_folder(data)
        self.manager = ModelManager(Settings(model="opus-mt-en-fr", offline=True), folder)
        self._folder = tempfile.TemporaryDirectory()
        place = Path(self._folder.name)
        self._database = Database(place / "history.db", place / "backups")
        store, memory = Translations(self._database), Memory(self._database)
        self.service = TranslationService(store, memory, self.manager, models, place / "runs")

    def close(self) -> None:
        """Free the model, and delete what was made."""
        self.service.close()
        self.manager.close()
        self._database.close()
        self._folder.cleanup()


def models() -> list[LocalModel]:
    """The two that are measured."""
    presets = [model_preset(f"opus-mt-{name}") for name in ("en-fr", "fr-en")]
    return [LocalModel(one.id, one.name, "", 1, kind=one.kind, languages=one.languages) for one in presets]


def sentences(text: str, language: str = "en") -> list[str]:
    """As the app cuts a paragraph."""
    ends = sentence_ends(text, language)
    return [text[start:end].strip() for start, end in zip([0, *ends[:-1]], ends, strict=True)]


def plain_paragraphs(page: Path) -> list[str]:
    """The text of every `<p>`."""
    return [" ".join(one.text_content().split()) for one in lxml.html.parse(str(page)).iter("p")]


@cache
def paragraphs(source: str = "en", target: str = "fr") -> list[tuple[str, str]]:
    """Paragraphs of chapter 1 that were translated, each once."""
    both = zip(*(plain_paragraphs(BOOK / f"ch01.{one}.html") for one in (source, target)), strict=True)
    found = {mine: theirs for mine, theirs in both if mine != theirs and len(mine.split()) > 3}
    return list(found.items())
