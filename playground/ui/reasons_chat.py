"""Sentences about turns, personas, templates and replays, as they are raised and in Chinese.

Used by `reasons`, which puts sentences together again. Knows nothing of when they are raised.
"""

from __future__ import annotations

SENTENCES: tuple[tuple[str, str], ...] = ()
