"""What was freed between what is still used goes back to the system when it is asked to, and not by itself."""

from __future__ import annotations

import ctypes
import mmap
import platform

import psutil
import pytest

from playground.engine.heap import trim

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
