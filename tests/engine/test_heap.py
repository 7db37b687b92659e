"""What was freed between what is still used goes back to the system when it is asked to, and not by itself."""

from __future__ import annotations

import ctypes
import gc
import mmap
import platform
import weakref

import psutil
import pytest

from playground.engine.heap import release_memory, settle, trim

PIECES, BYTES = 2000, 64_000
"""Less than what the C library takes from the system by itself."""


@pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc" or mmap.PAGESIZE != 4096, reason="only glibc keeps it, in whole pages"
)
def test_freed_memory_is_given_back() -> None:
    c, process = ctypes.CDLL(None), psutil.Process()
    c.malloc.restype, c.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
    pieces = [c.malloc(ctypes.c_size_t(BYTES)) for _ in range(PIECES)]
    for piece in pieces:
        ctypes.memset(piece, 1, BYTES)
    for piece in pieces[::2]:
        c.free(piece)
    kept = process.memory_info().rss
    trim()
    given = kept - process.memory_info().rss
    for piece in pieces[1::2]:
        c.free(piece)
    assert given > PIECES // 2 * BYTES * 0.8


def test_what_was_there_is_left_out_of_searches_until_all_is_looked_at() -> None:
    class Circle:
        me: Circle

    old, new = Circle(), Circle()
    old.me, new.me = old, new
    seen = [weakref.ref(old), weakref.ref(new)]
    del new
    try:
        settle()
        assert seen[1]() is None
        del old
        release_memory()
        assert seen[0]() is not None
        release_memory(whole=True)
        assert seen[0]() is None
    finally:
        gc.unfreeze()
