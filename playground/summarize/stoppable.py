"""Whatever counts prompts, until it is stopped: counting a long document takes a while. Knows no document."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from playground.context import Reader
from playground.engine.lease import LeaseCancelled
from playground.records import ModelInfo, Turn


class Stoppable:
    """A Reader that raises LeaseCancelled once `stop` is set."""

    def __init__(self, reader: Reader, stop: threading.Event) -> None:
        self._reader = reader
        self._stop = stop

    @property
    def info(self) -> ModelInfo:
        """See Reader."""
        return self._reader.info

    def count_tokens(self, turns: Sequence[Turn]) -> int:
        """See Reader."""
        if self._stop.is_set():
            raise LeaseCancelled
        return self._reader.count_tokens(turns)
