"""The log file. Of what goes wrong it says where, not with what: an error's words may be those of somebody's prompt."""

from __future__ import annotations

import logging
import logging.handlers
import traceback
from pathlib import Path
from typing import Any

_BYTES = 1 << 20
_FRAMES = 20


def log_to(file: Path) -> None:
    """Write warnings of this process to `file` from now on; what is too much moves into one older file."""
    handler = logging.handlers.RotatingFileHandler(file, maxBytes=_BYTES, backupCount=1, encoding="utf-8", delay=True)
    handler.setFormatter(WithoutWords("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.raiseExceptions = False  # A full disk must not print tracebacks of the log itself.
    logging.basicConfig(level=logging.WARNING, handlers=[handler])


class WithoutWords(logging.Formatter):
    """Writes of an exception its kind, those that it came from, and the lines of code; not its text."""

    def formatException(self, ei: Any) -> str:
        """See logging.Formatter."""
        lines, error, seen = list[str](), ei[1], set[int]()
        while error is not None and id(error) not in seen:
            seen.add(id(error))
            lines.append(f"{type(error).__module__}.{type(error).__qualname__}")
            for frame in reversed(traceback.extract_tb(error.__traceback__)[-_FRAMES:]):
                lines.append(f"  {frame.filename}:{frame.lineno} in {frame.name}")
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
            if error is not None:
                lines.append("because of")
        return "\n".join(lines)
