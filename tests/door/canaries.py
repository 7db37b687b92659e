"""Words that nobody else writes, and the search for them in files, however they were encoded."""

from __future__ import annotations

import base64
import json
import os
import random
import secrets
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

_BIRD, _CHINESE_BIRD = "Kanarienvogel", "金丝雀"
_SIGNS = "春夏秋冬山水花鸟风雪月云江河湖海松竹梅兰金木土石东南西北琴棋书画诗酒茶茗"
_LARGEST = 64 << 20
"""Bytes of a file beyond which it is none of ours."""


class Canary:
    """An English word and Chinese signs, the ends of both by chance; `text` is what somebody writes."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.word = f"{_BIRD}{secrets.token_hex(6)}"
        self.signs = _CHINESE_BIRD + "".join(random.SystemRandom().sample(_SIGNS, 8))

    @property
    def text(self) -> str:
        """Both."""
        return f"{self.word} {self.signs}"

    def forms(self) -> dict[bytes, str]:
        """How it may stand in a file, and what it is called then."""
        return _forms(self.word) | _forms(self.signs)


def _forms(text: str) -> dict[bytes, str]:
    data, escaped = text.encode(), json.dumps(text)[1:-1]
    found = {escaped.encode(): "json", escaped.upper().replace("\\U", "\\u").encode(): "json"}
    found |= {quote(text).encode(): "percent", quote(text).lower().encode(): "percent", data.hex().encode(): "hex"}
    for before in range(3):  # Base64 writes the same bytes in three ways, by what stands before them.
        found[base64.b64encode(bytes(before) + data)[4 if before else 0 : (before + len(data)) // 3 * 4]] = "base64"
    return found | {text.encode("utf-16-le"): "utf-16", text.encode("utf-16-be"): "utf-16-be", data: "utf-8"}


_ANY = tuple(_forms(_BIRD) | _forms(_CHINESE_BIRD))
"""In each file that holds any canary there is one of these."""


def found_in(data: bytes, canaries: Iterable[Canary]) -> list[str]:
    """Names and forms of those that stand in it."""
    if not any(form in data for form in _ANY):
        return []
    return sorted({f"{one.name} as {how}" for one in canaries for form, how in one.forms().items() if form in data})


def files_in(root: Path, apart: Sequence[Path] = (), since: float = 0.0) -> Iterator[Path]:
    """All files below, but for those below `apart` and those that are older."""
    for parent, folders, names in os.walk(root):
        folders[:] = [name for name in folders if Path(parent, name) not in apart]
        for name in names:
            file = Path(parent, name)
            try:
                status = file.lstat()
            except OSError:  # Gone meanwhile.
                continue
            if file.is_file() and not file.is_symlink() and status.st_size < _LARGEST and status.st_mtime >= since:
                yield file


def holders(
    root: Path, canaries: Sequence[Canary], *, apart: Sequence[Path] = (), since: float = 0.0
) -> dict[str, list[str]]:
    """Which files hold which, by their place below `root`."""
    found = {}
    for file in files_in(root, apart, since):
        try:
            data = file.read_bytes()
        except OSError:
            continue
        if here := found_in(data, canaries):
            found[str(file.relative_to(root))] = here
    return found
