"""Who may use llama.cpp's server now: many streams at once, or a change alone. Knows neither of the two."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

_LOOK = 0.1
"""Seconds between two looks at a stop event, which cannot wake a condition; within what Stop promises."""
Done = Callable[[], None]


class Gate:
    """Streams come and go; whoever wants to be alone waits for them to end, or for a moment without any."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._streams = self._looks = 0
        self._closed = self._quiet = False
        self._reading = threading.Lock()

    @contextlib.contextmanager
    def open(self, stop: threading.Event) -> Iterator[Done | None]:
        """Hold the server as it is, for a stream; what this yields does nothing. None when `stop` was set before."""
        with self._changed:
            while (self._closed or self._quiet) and not stop.is_set():
                self._changed.wait(_LOOK)
            entered = not (self._closed or self._quiet)
            self._streams += entered
        try:
            yield (lambda: None) if entered else None
        finally:
            with self._changed:
                self._streams -= entered
                self._changed.notify_all()

    @contextlib.contextmanager
    def look(self) -> Iterator[None]:
        """Hold the server as it is, to ask what needs no computing."""
        with self._changed:
            while self._closed:
                self._changed.wait()
            self._looks += 1
        try:
            yield
        finally:
            with self._changed:
                self._looks -= 1
                self._changed.notify_all()

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Let nobody begin, and wait for what is under way."""
        with self._changed:
            while self._closed:
                self._changed.wait()
            self._closed = True
            while self._streams or self._looks:
                self._changed.wait()
        try:
            yield
        finally:
            with self._changed:
                self._closed = False
                self._changed.notify_all()

    @contextlib.contextmanager
    def quiet(self, stop: threading.Event) -> Iterator[Done | None]:
        """As `open`, but at first without other streams, until the call of what this yields. None when `stop` was set.

        It waits for a moment when there are none, however long: whoever comes meanwhile goes first.
        """
        entered = False
        with self._changed:
            while not stop.is_set() and not entered:
                entered = not (self._closed or self._quiet or self._streams)
                if not entered:
                    self._changed.wait(_LOOK)
            self._streams += entered
            self._quiet = self._quiet or entered
        over = not entered

        def let_in() -> None:
            nonlocal over
            with self._changed:
                if not over:
                    over, self._quiet = True, False
                    self._changed.notify_all()

        try:
            yield let_in if entered else None
        finally:
            let_in()
            with self._changed:
                self._streams -= entered
                self._changed.notify_all()

    @contextlib.contextmanager
    def reads(self, stop: threading.Event) -> Iterator[Done]:
        """Wait for one's turn to have a prompt read, until the call of what this yields; or until `stop` is set.

        Of several that are read at a time nobody could say how they were computed, and it is not faster.
        """
        held = False
        while not (held or stop.is_set()):
            held = self._reading.acquire(timeout=_LOOK)

        def done() -> None:
            nonlocal held
            if held:
                held = False
                self._reading.release()

        try:
            yield done
        finally:
            done()
