"""What the server does on its own: a copy of the history a day, its search index, files that nobody sent, memory."""

from __future__ import annotations

import gc
import logging
import threading
import time

from playground.chat import ChatService
from playground.engine.heap import release_memory, trim
from playground.engine.manager import ModelManager
from playground.errors import PlaygroundError
from playground.store import History
from playground.store.backups import keep_daily

_KEEP_FILES = 7 * 24 * 3600
"""Seconds that an attached file waits for the message that it was attached for."""
_LOOK_SECONDS, _MEMORY_SECONDS, _PATIENCE = 5.0, 60.0, 300.0
"""Between two looks, the least between two times that memory is given back, and how long a search of Python's objects
waits for a quiet moment."""
_WORTH = 10
"""Python's small searches after which a whole one finds something: tens of thousands of new objects."""
log = logging.getLogger(__name__)


def begin(chat: ChatService, stop: threading.Event) -> None:
    """Start it, in threads of its own that end with `stop`; a copy that cannot be written is told on the page."""
    keep_daily(chat.history.database, stop, told=chat.warn)
    threading.Thread(target=_catch_up, args=[chat.history, stop], name="upkeep", daemon=True).start()
    threading.Thread(target=_free, args=[chat.manager, stop], name="memory", daemon=True).start()


def _free(manager: ModelManager, stop: threading.Event) -> None:
    """Give back what busy minutes have used: what glibc keeps, which takes milliseconds, and circles of objects, which
    Python looks for seldom where many others stay. That takes tenths of a second, in which no other Python runs, so it
    is done when nothing is written, and seldom while something always is."""
    searched = given = time.monotonic()
    done = 0
    while not stop.wait(_LOOK_SECONDS):
        now = time.monotonic()
        writing = any(one.writing for one in manager.states())
        search = now - searched >= (_PATIENCE if writing else _MEMORY_SECONDS)
        if not (search or now - given >= _MEMORY_SECONDS) or _searches() - done < _WORTH:
            continue
        try:
            (release_memory if search else trim)()
        except Exception:  # The next time.
            log.exception("could not give memory back")
        given, done = time.monotonic(), _searches()
        searched = given if search else searched


def _searches() -> int:
    return int(gc.get_stats()[1]["collections"])


def _catch_up(history: History, stop: threading.Event) -> None:
    try:
        history.drop_files(time.time() - _KEEP_FILES)
        history.search.catch_up(stop)
    except PlaygroundError:  # A full or locked disk: searching works without, and the next start tries again.
        log.warning("the search index is not complete yet", exc_info=True)
