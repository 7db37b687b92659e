"""A process that translates until it is done or killed: `python -m tests.translate.running DATA MODEL`.

The first one begins, each later one goes on with it as the app does at its start.
"""

from __future__ import annotations

import sys

from playground.engine.manager import ModelManager
from playground.paths import open_data_folder
from playground.settings import Settings
from playground.store import Database
from playground.store.memory import Memory
from playground.store.translations import Translations
from playground.translate.files import read_pasted
from playground.translate.options import TranslationOptions
from playground.translate.service import TranslationService


def main(data: str, model: str) -> None:
    """Begin, or go on, to the end."""
    folder = open_data_folder(data)
    manager = ModelManager(Settings(engine="echo", model=model, slots=2), folder)
    database = Database(folder.database, folder.backups)
    service = TranslationService(Translations(database), Memory(database), manager, lambda: (), folder.cache / "runs")
    if not service.store.list():
        text = "\n\n".join(f"This is paragraph {n}, with {n % 7} more words." + " word" * (n % 7) for n in range(240))
        service.start([read_pasted(text)], TranslationOptions(target="fr", source="en"))
    else:
        service.resume_all()
    print("works", flush=True)
    service.wait(service.store.list()[0].id)


if __name__ == "__main__":
    main(*sys.argv[1:])
