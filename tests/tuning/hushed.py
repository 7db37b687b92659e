"""Imported before any library by the process that the tests' workers are copied from; a worker does it by itself."""

from __future__ import annotations

from playground.tuning.launching import quiet

quiet()
