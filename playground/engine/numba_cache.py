"""Whether numba works here, and where it keeps what it has compiled. Knows nothing of what that computes."""

from __future__ import annotations

import functools
import hashlib
import logging
import os
import platform
import shutil
from pathlib import Path
from typing import Any

import platformdirs

_SOURCES = ("decoder_step", "attention_step", "llvm_dots", "llvm_words", "packed")
log = logging.getLogger(__name__)


@functools.cache
def available() -> bool:
    """Whether there is a numba that works here, and a processor that knows half precision."""
    try:
        from llvmlite import binding
        from numba.core import config
    except Exception:  # Whatever a library for another machine raises.
        log.warning("numba cannot be used here; transformers computes without it, more slowly", exc_info=True)
        return False
    _keep_compiled(config)
    return platform.machine().lower() not in ("x86_64", "amd64") or bool(binding.get_host_cpu_features().get("f16c"))


def _keep_compiled(config: Any) -> None:
    """Let numba keep what it compiles in a folder for these very sources; it does not look at imported ones."""
    here = Path(__file__).parent
    sources = b"".join((here / f"{name}.py").read_bytes() for name in _SOURCES)
    place = here / "__pycache__"
    if not os.access(place if place.is_dir() else here, os.W_OK):
        place = Path(platformdirs.user_cache_dir("playground", appauthor=False))
    folder = place / f"kernels-{hashlib.sha256(sources).hexdigest()[:16]}"
    for old in place.glob("kernels-*"):
        if old != folder:
            shutil.rmtree(old, ignore_errors=True)
    config.CACHE_DIR = str(folder)
