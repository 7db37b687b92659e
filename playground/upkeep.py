"""What the server does for the history on its own: a copy a day, the search index, files that nobody sent."""

from __future__ import annotations

import logging
import threading
import time

from playground.chat import ChatService
from playground.errors import PlaygroundError
from playground.store import History
from playground.store.backups import keep_daily

_KEEP_FILES = 7 * 24 * 3600
"""Seconds that an attached file waits for the message that it was attached for."""
log = logging.getLogger(__name__)


def begin(chat: ChatService, stop: threading.Event) -> None:
    """Start it, in threads of its own that end with `stop`; a copy that cannot be written is told on the page."""
    keep_daily(chat.history.database, stop, told=chat.warn)
    threading.Thread(target=_catch_up, args=[chat.history, stop], name="upkeep", daemon=True).start()


def _catch_up(history: History, stop: threading.Event) -> None:
    try:
        history.drop_files(time.time() - _KEEP_FILES)
        history.search.catch_up(stop)
    except PlaygroundError:  # A full or locked disk: searching works without, and the next start tries again.
        log.warning("the search index is not complete yet", exc_info=True)
