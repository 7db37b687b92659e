"""The owner's services over the echo engine, with its model loaded."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playground.paths import open_data_folder
from playground.services import Services, open_services
from playground.settings import Settings


@contextmanager
def owning(folder: Path, model: str) -> Iterator[Services]:
    """Closed afterwards."""
    services = open_services(Settings(engine="echo", model=model), open_data_folder(str(folder)))
    try:
        with services.manager.lease(threading.Event()):
            pass
        yield services
    finally:
        services.close()
