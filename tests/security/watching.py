"""Watches what this process does: programs it starts, whom it talks to, which pickles it reads, which files change."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_STARTED = ("os.system", "os.exec", "os.posix_spawn", "subprocess.Popen")
_OWN_CHILDREN = "pdf_child.py"
"""The one program that reading a document starts: PDF files are read apart from the app."""


@dataclass
class Watch:
    """What was seen while it was on."""

    outside: Path
    seen: list[str] = field(default_factory=list)
    on: bool = False

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        """One event of the interpreter."""
        if not self.on:
            return
        if event in _STARTED and not (event == "subprocess.Popen" and _OWN_CHILDREN in str(arguments[1])):
            self.seen.append(f"{event} {arguments!r}")
        elif event == "pickle.find_class":
            self.seen.append(f"{event} {arguments[1:]!r}")
        elif event == "socket.connect" and isinstance(arguments[1], tuple):
            host = str(arguments[1][0])
            if host not in ("127.0.0.1", "::1", "localhost"):
                self.seen.append(f"{event} {host}")
            elif arguments[1][1] == 9:
                self.seen.append(f"{event} to what a file named")
        elif event == "exec" and str(self.outside) in str(getattr(arguments[0], "co_filename", "")):
            self.seen.append(f"{event} {arguments[0].co_filename}")


@contextlib.contextmanager
def watched(outside: Path) -> Iterator[Watch]:
    """Fail at the end if anything happened, or if `outside` or the folder of temporary files is not as it was."""
    watch = Watch(outside)
    sys.addaudithook(watch)
    before = _tree(outside), _tree(Path(tempfile.gettempdir()), deep=False)
    watch.on = True
    try:
        yield watch
    finally:
        watch.on = False
    assert not watch.seen, watch.seen[:3]
    after = _tree(outside), _tree(Path(tempfile.gettempdir()), deep=False)
    assert after[0] == before[0], "nothing was written beside the data folder"
    assert after[1] <= before[1], "nothing was left in the folder of temporary files"


def _tree(root: Path, deep: bool = True) -> set[tuple[str, int]]:
    if not deep:
        return {(one.name, 0) for one in root.iterdir()}
    found = set()
    for parent, folders, files in os.walk(root):
        for name in (*folders, *files):
            path = os.path.join(parent, name)
            found.add((path, os.lstat(path).st_mtime_ns if name in files else 0))
    return found
