"""Frees what was a page: one large circle of objects, which Python looks for seldom, and which FastAPI remembers."""

from __future__ import annotations

import threading
import time

_SECONDS = 15.0
"""After which nothing of a page that is left is in use any more; also the least time between two searches."""
_lock = threading.Lock()
_wanted = _at_work = False


def free_soon() -> None:
    """A page was left: find what nobody can reach any more, its connections and deleted files too. Returns at once."""
    global _wanted, _at_work
    with _lock:
        _wanted = True
        if not _at_work:
            _at_work = True
            threading.Thread(target=_work, name="freeing", daemon=True).start()


def _work() -> None:
    global _wanted, _at_work
    while True:
        with _lock:
            if not _wanted:
                _at_work = False
                return
            _wanted = False
        time.sleep(_SECONDS)
        free()


def free() -> None:
    """Do it now; the search takes some tenths of a second, in which no other Python runs."""
    # Imported here, because it takes long.
    from fastapi.dependencies import models

    from playground.engine.heap import release_memory

    # FastAPI remembers what kind of function the last 4096 routes were, and with them some thirty pages.
    for one in list(vars(models).values()):
        if clear := getattr(one, "cache_clear", None):
            clear()
    release_memory()
