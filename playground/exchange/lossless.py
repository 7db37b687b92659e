"""The file that keeps everything: `{"format", "version", ..., "conversations": [...]}`, a conversation on each line.

Lines let it be written and read without holding more than one conversation, and let a broken one not cost the others.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from typing import Any

from playground import __version__
from playground.errors import BadValueError
from playground.store import History

FORMAT = "playground-conversations"
VERSION = 1
_KNOWN = {"format", "version", "app_version", "exported_at", "conversations"}


def write(history: History, ids: Sequence[str], upto: str | None) -> Iterator[str]:
    """The pieces of the file."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    about = {"format": FORMAT, "version": VERSION, "app_version": __version__, "exported_at": stamp}
    yield json.dumps(about, ensure_ascii=False)[:-1] + ', "conversations": ['
    for number, conversation_id in enumerate(ids):
        yield (",\n" if number else "\n") + json.dumps(history.dump(conversation_id, upto), ensure_ascii=False)
    yield "\n]}\n"


def check_header(header: dict[str, Any]) -> set[str]:
    """Keys of the file that mean nothing here. Raises BadValueError for a file of a newer version, or of none."""
    version = header.get("version")
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise BadValueError("This file does not say which version of the format it has. Export it again.")
    if version > VERSION:
        newer = header.get("app_version")
        by = f"Playground {newer}" if isinstance(newer, str) and 0 < len(newer) <= 20 else "a newer Playground"
        raise BadValueError(
            f"This file was written by {by} in version {version} of the format; this one reads up to {VERSION}. "
            "Update Playground, then import it again. Nothing was imported."
        )
    return header.keys() - _KNOWN
