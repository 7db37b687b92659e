"""What the server does on its own: a copy of the history a day, its search index, files that nobody sent, memory."""

from __future__ import annotations

import gc
import logging
import threading
import time

from playground.chat import ChatService
from playground.engine.heap import release_memory, settle, trim
from playground.engine.manager import ModelManager
from playground.errors import PlaygroundError
from playground.store import History
from playground.store.backups import keep_daily

_KEEP_FILES = 7 * 24 * 3600
"""Seconds that an attached file waits for the message that it was attached for."""
_LOOK_SECONDS, _MEMORY_SECONDS, _PATIENCE = 5.0, 60.0, 300.0
"""Between two looks, between two times that memory is given back, and how long a whole search waits for a quiet
moment."""
_SLOW = 0.05
"""Seconds of a search that people would notice."""
_WORTH = 4
"""Python's small searches after which a larger one finds something: tens of thousands of new objects."""
log = logging.getLogger(__name__)


def begin(chat: ChatService, stop: threading.Event) -> None:
    """Start it, in threads of its own that end with `stop`; a copy that cannot be written is told on the page."""
    keep_daily(chat.history.database, stop, told=chat.warn)
    threading.Thread(target=_catch_up, args=[chat.history, stop], name="upkeep", daemon=True).start()
    threading.Thread(target=_free, args=[chat.manager, stop], name="memory", daemon=True).start()


def _free(manager: ModelManager, stop: threading.Event) -> None:
    """Give back what busy minutes have used: circles of objects, and what glibc keeps.

    Other Python waits for a search, and what libraries and models brought makes it take tenths of a second. So all is
    looked at when nothing is written, or after a while, and else only what came since then.
    """
    slow, done = False, 0
    given = whole = time.monotonic()
    while not stop.wait(_LOOK_SECONDS):
        began = time.monotonic()
        if began - given < _MEMORY_SECONDS or _searches() - done < _WORTH:
            continue
        try:
            if began - whole > _PATIENCE or not any(one.writing for one in manager.states()):
                settle()
                slow, whole = False, time.monotonic()
            elif slow:
                trim()
            else:
                release_memory()
                slow = time.monotonic() - began > _SLOW
        except Exception:  # The next time.
            log.exception("could not give memory back")
        given, done = time.monotonic(), _searches()


def _searches() -> int:
    return int(gc.get_stats()[1]["collections"])


def _catch_up(history: History, stop: threading.Event) -> None:
    try:
        history.drop_files(time.time() - _KEEP_FILES)
        history.search.catch_up(stop)
    except PlaygroundError:  # A full or locked disk: searching works without, and the next start tries again.
        log.warning("the search index is not complete yet", exc_info=True)
