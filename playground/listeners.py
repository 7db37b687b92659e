"""Those who want to hear of changes. Knows nothing of what changes."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Generic, ParamSpec

P = ParamSpec("P")
log = logging.getLogger(__name__)


class Listeners(Generic[P]):
    """Functions that are called at each change, from whatever thread."""

    def __init__(self) -> None:
        self._all: set[Callable[P, None]] = set()

    def listen(self, listener: Callable[P, None]) -> Callable[[], None]:
        """Call `listener` from now on; returns the function that ends it."""
        self._all.add(listener)
        return lambda: self._all.discard(listener)

    def tell(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """Call them all. One that fails, such as a page that is gone, must not end the work that it listens to."""
        for listener in tuple(self._all):
            try:
                listener(*args, **kwargs)
            except Exception:
                log.exception("a listener failed")
