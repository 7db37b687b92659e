"""Memory that was freed and that the C library keeps: how it is given back. Only glibc keeps so much of it."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import sys

_M_ARENA_MAX = -8
"""glibc's number for the setting, from malloc.h."""


def release_memory(*, whole: bool = False) -> None:
    """Give freed memory back to the system now: allocators keep it, and others would think that it is in use.

    Circles among what `settle` left behind are found only with `whole`, which takes tenths of a second.
    """
    if whole:
        gc.unfreeze()
    gc.collect()
    ready = getattr(sys.modules.get("torch.cuda"), "is_initialized", None)  # None while torch is being imported, too.
    if ready is not None and ready():
        sys.modules["torch"].cuda.empty_cache()
    trim()


def settle() -> None:
    """Give all back, and let Python's searches, its own too, leave out what remains: libraries and models, mostly."""
    release_memory(whole=True)
    gc.freeze()


def trim() -> None:
    """Give back what glibc keeps; takes milliseconds, in which other threads get no memory of it."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):  # Not every Linux has glibc.
            ctypes.CDLL("libc.so.6").malloc_trim(0)


def one_arena() -> None:
    """Let all threads take memory from one place: in its own of each, glibc keeps what was used there. For a process
    that has no other thread yet: those that have begun keep their places, and others share them."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL("libc.so.6").mallopt(_M_ARENA_MAX, 1)
