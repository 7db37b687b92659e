"""What other people see of the models: those that are loaded, and nothing of the disk, the network and the owner."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from playground.access.borrowed import OWNERS, BorrowedManager, ForbiddenError
from playground.access.quota import Quota, QuotaError, tokens_in
from playground.engine.embedding import Embed, Embedders
from playground.engine.hub import HubModel
from playground.engine.hub_files import Repository
from playground.errors import ModelError
from playground.models import ModelsService
from playground.overview import Header, LocalModel, Overview, title_of
from playground.presets import model_presets


class BorrowedModels(ModelsService):
    """Stands in the place of the service itself, sharing nothing of its parent's state. See BorrowedManager."""

    def __init__(self, owner: ModelsService, manager: BorrowedManager) -> None:  # As there, no super().__init__.
        self._owner = owner
        self.manager = manager

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """See ModelsService."""
        return self._owner.listen(listener)

    def overview(self) -> Overview:
        """See ModelsService; paths and sizes on the disk are left out."""
        states = self.manager.states()
        names = {one.model for one in states}
        known = {one.name: one for one in self._owner.overview().local if one.name in names}
        return Overview(
            devices=(),
            states=states,
            chosen=self.manager.chosen,
            adapter=self.manager.adapter,
            local=tuple(_told(name, known.get(name)) for name in sorted(names)),
            offers=(),
            jobs=(),
            offline=True,
            titles={name: title_of(name) for name in names},
        )

    def header(self) -> Header:
        """See ModelsService; how much memory there is, is the owner's business."""
        return Header(self.manager.state, title_of(self.manager.chosen), self.manager.adapter, 0, 0, "")

    def search(self, query: str) -> tuple[HubModel, ...]:
        """Refused."""
        raise ForbiddenError(OWNERS)

    def files(self, repository: str) -> Repository:
        """Refused."""
        raise ForbiddenError(OWNERS)

    def server_models(self, url: str, key: str) -> tuple[str, list[str]]:
        """Refused."""
        raise ForbiddenError(OWNERS)

    def unload(self, name: str) -> None:
        """Refused."""
        raise ForbiddenError(OWNERS)

    def download(self, name: str, *, allow_pickle: bool = False) -> None:
        """Refused."""
        raise ForbiddenError(OWNERS)

    def convert(self, name: str) -> None:
        """Refused."""
        raise ForbiddenError(OWNERS)

    def remove(self, name: str) -> int:
        """Refused."""
        raise ForbiddenError(OWNERS)

    def add(self, path: str) -> str:
        """Refused."""
        raise ForbiddenError(OWNERS)

    def forget(self, name: str) -> None:
        """Refused."""
        raise ForbiddenError(OWNERS)

    def refresh(self) -> None:
        """Refused."""
        raise ForbiddenError(OWNERS)


class BorrowedEmbedders(Embedders):
    """What compares texts by their meaning, as far as it is loaded and a quota goes; else words alone decide."""

    def __init__(self, owner: Embedders, quota: Quota) -> None:  # As there, no super().__init__.
        self._owner = owner
        self._quota = quota

    def name_for(self, *languages: str) -> str:
        """See Embedders; "" for what is not loaded."""
        name = self._owner.name_for(*languages)
        loaded = {preset.name for preset in model_presets().values() if preset.id in self.held}
        return name if name in loaded else ""

    def embed_for(self, *languages: str) -> Embed | None:
        """See Embedders; None, too, for what is not loaded, and when no tokens are left."""
        embed = self._owner.embed_for(*languages)
        try:
            self._quota.check_tokens()
        except QuotaError:
            return None
        if embed is None or not self.name_for(*languages):
            return None
        found = embed

        def counted(texts: Sequence[str]) -> NDArray[np.float32]:
            if not self.name_for(*languages):
                raise ModelError("The model of sentences was unloaded meanwhile. Try again.")
            self._quota.spend(tokens_in(*texts))
            return found(texts)

        return counted

    @property
    def held(self) -> tuple[str, ...]:
        """See Embedders."""
        return self._owner.held


def _told(name: str, model: LocalModel | None) -> LocalModel:
    if model is None:
        return LocalModel(name, title_of(name), "", 0)
    return LocalModel(
        name,
        model.title,
        "",
        0,
        kind=model.kind,
        languages=model.languages,
        good_at=model.good_at,
        good_at_zh=model.good_at_zh,
    )
