"""Ends code of somebody else's that runs for too long, such as the chat template that comes with a model."""

from __future__ import annotations

import contextlib
import ctypes
import threading
from collections.abc import Iterator

TEMPLATE_SECONDS = 10.0
"""A chat template takes milliseconds."""


class _TooLong(BaseException):
    """Not an Exception, so that nothing between here and there takes it for its own."""


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TimeoutError in this thread once the block has taken so long. Hears it between two steps of Python only."""
    here, lock, over = threading.get_ident(), threading.Lock(), False

    def end() -> None:
        with lock:
            if not over:
                _raise_in(here, _TooLong)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    try:
        try:
            timer.start()
            yield
        finally:
            with lock:
                over = True
            timer.cancel()
            _raise_in(here, None)  # What was sent in the last moment, and has not come yet.
    except _TooLong:
        raise TimeoutError(f"it took more than {seconds:g} seconds") from None


def _raise_in(thread: int, error: type[BaseException] | None) -> None:
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(error) if error else None)
