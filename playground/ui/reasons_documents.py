"""Sentences about attached files and what could not be read of them, as they are raised and in Chinese.

Used by `reasons`, which puts sentences together again. Knows nothing of when they are raised.
"""

from __future__ import annotations

SENTENCES: tuple[tuple[str, str], ...] = ()
