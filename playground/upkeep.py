"""What the server does on its own: a copy of the history a day, its search index, files that nobody sent, memory."""

from __future__ import annotations

import logging
import threading
import time

from playground.chat import ChatService
from playground.engine.heap import trim
from playground.errors import PlaygroundError
from playground.store import History
from playground.store.backups import keep_daily

_KEEP_FILES = 7 * 24 * 3600
"""Seconds that an attached file waits for the message that it was attached for."""
_TRIM_SECONDS = 60.0
log = logging.getLogger(__name__)


def begin(chat: ChatService, stop: threading.Event) -> None:
    """Start it, in threads of its own that end with `stop`; a copy that cannot be written is told on the page."""
    keep_daily(chat.history.database, stop, told=chat.warn)
    threading.Thread(target=_catch_up, args=[chat.history, stop], name="upkeep", daemon=True).start()
    threading.Thread(target=_trim, args=[stop], name="trim", daemon=True).start()


def _trim(stop: threading.Event) -> None:
    """Else what one busy minute needed stays in use, a little more of it after each, while a model is in memory."""
    while not stop.wait(_TRIM_SECONDS):
        trim()


def _catch_up(history: History, stop: threading.Event) -> None:
    try:
        history.drop_files(time.time() - _KEEP_FILES)
        history.search.catch_up(stop)
    except PlaygroundError:  # A full or locked disk: searching works without, and the next start tries again.
        log.warning("the search index is not complete yet", exc_info=True)
