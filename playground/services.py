"""What every front end stands on: the services of the owner, and those of somebody who is not."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass

from playground.access.borrowed import BorrowedManager
from playground.access.borrowed_models import BorrowedEmbedders, BorrowedModels
from playground.access.quota import Quota
from playground.chat import ChatService
from playground.engine.downloads import Downloads
from playground.engine.embedding import Embedders
from playground.engine.manager import ModelManager
from playground.engine.training_base import TrainingBases
from playground.models import ModelsService
from playground.paths import DataFolder
from playground.settings import Settings
from playground.store import Database, History
from playground.store.memory import Memory
from playground.store.runs import Runs
from playground.store.trainings import Trainings
from playground.store.translations import Translations
from playground.summarize.asking import Asking
from playground.summarize.service import SummaryService
from playground.translate.service import TranslationService
from playground.tuning.service import TuningService

NO_ROOM = "Nothing can be saved on this machine at the moment. Tell its owner, then try again."
"""To those who are not the owner, instead of what names places on the owner's disk."""


@dataclass(frozen=True)
class Services:
    """What every front end stands on."""

    database: Database
    manager: ModelManager
    models: ModelsService
    embedders: Embedders
    chat: ChatService
    summaries: SummaryService
    asking: Asking
    translations: TranslationService
    trainings: TuningService

    def close(self, seconds: float = 2.0) -> None:
        """Stop all work, save it, and free the models."""
        with contextlib.ExitStack() as last:  # Each is closed, whatever becomes of the one before.
            last.callback(self.manager.close)
            for one in (self.trainings, self.translations, self.summaries, self.chat):
                last.callback(one.close, seconds)


def open_services(settings: Settings, folder: DataFolder, *, alone: bool = False) -> Services:
    """The owner's, over one data folder; nothing is loaded yet.

    `alone` says that the folder's lock is held: only then may a damaged history be moved aside.
    """
    manager = ModelManager(settings, folder)
    database = Database(folder.database, folder.backups, keep_aside=alone)
    if database.kept_aside:
        print(f"The history file was damaged; it is kept as {database.kept_aside}.", file=sys.stderr)
    models = ModelsService(manager, Downloads(folder, settings.offline), settings, folder)
    made = _over(database, manager, models, Embedders(folder, settings), settings, folder)
    models.is_trained = made.trainings.trains
    return made


def borrowed_services(owner: Services, settings: Settings, folder: DataFolder, quota: Quota, who: str) -> Services:
    """Those of somebody else: a history and files of their own in `folder`, and the owner's models as far as `quota`
    goes, `who` being one of those who share it. What is of one person cannot be reached with another's services."""
    database = Database(folder.database, folder.backups, keep_aside=True, told=NO_ROOM)
    manager = BorrowedManager(owner.manager, quota, who)  # Heard by the owner's from here on, so nothing may fail.
    embedders = BorrowedEmbedders(owner.embedders, quota)
    made = _over(database, manager, BorrowedModels(owner.models, manager), embedders, settings, folder)
    for service in (made.chat, made.summaries, made.translations):
        service.begins = lambda: quota.begin(who)
    return made


def _over(
    database: Database,
    manager: ModelManager,
    models: ModelsService,
    embedders: Embedders,
    settings: Settings,
    folder: DataFolder,
) -> Services:
    runs, place = Runs(database), folder.cache / "runs"
    summaries = SummaryService(runs, manager, place, embedders.embed_for)
    chat = ChatService(History(database), manager)
    asking = Asking(runs, chat.history, embedders.embed_for)
    chat.pull = asking.pull
    translations = TranslationService(
        Translations(database), Memory(database), manager, lambda: models.overview().local, place
    )
    trainings = TuningService(
        Trainings(database), database, manager, TrainingBases(settings, folder), folder.root / "trainings", place
    )
    return Services(database, manager, models, embedders, chat, summaries, asking, translations, trainings)
