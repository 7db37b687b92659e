"""What the app answered those of soak.py: done, refused in words, wrong; and streams that are read all the time."""

from __future__ import annotations

import contextlib
import json
import re
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx

_UNEXPECTED = ("unexpected", "log file")
"""Of sentences that tell of a fault of the app."""


class Outcomes:
    """What was done, refused and wrong. Safe to use from any thread."""

    def __init__(self) -> None:
        self.done: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self._guard = threading.Lock()

    @contextlib.contextmanager
    def of(self, what: str) -> Iterator[None]:
        """Count what happens in the block; a refusal in words and an error end there."""
        with self._guard:
            self.done[what] += 1
        try:
            yield
        except Refused as error:
            self._note(self.refused, f"{what}: {error}")
        except RuntimeError as error:  # What Client raises for an error that the page would show.
            bad = any(word in str(error) for word in _UNEXPECTED)
            self._note(self.errors if bad else self.refused, f"{what}: {error}")
        except (httpx.HTTPError, LookupError, AssertionError, ValueError, KeyError, TypeError) as error:
            self._note(self.errors, f"{what}: {type(error).__name__}: {error}")

    def _note(self, where: Counter[str], words: str) -> None:
        with self._guard:
            where[re.sub(r"[0-9a-f]{16,}", "…", words)[:300]] += 1


class Refused(Exception):
    """The app said in words why not."""


def answer(response: httpx.Response) -> httpx.Response:
    """The response if it is none of trouble. Raises Refused for words, HTTPStatusError for what is no clear answer."""
    if response.is_success:
        return response
    with contextlib.suppress(ValueError, AttributeError):
        said: Any = response.json().get("error")
        if said and response.status_code < 500:
            raise Refused(f"{response.status_code} {said.get('message') if isinstance(said, dict) else said}")
    response.raise_for_status()
    raise ValueError(f"status {response.status_code}")


def answer_or_moved(response: httpx.Response) -> None:
    """Like `answer`; a redirect is one too, and so is that somebody is out already."""
    if not response.is_redirect and response.status_code != 401:
        answer(response)


class Feed:
    """An event stream that is read all the time; `data` is the newest of each event, sections put together."""

    def __init__(self, url: str) -> None:
        self.data: dict[str, Any] = {}
        self._sections: dict[str, str] = {}
        self._url = url
        self._stop = threading.Event()
        threading.Thread(target=self._run, name="feed", daemon=True).start()

    def section(self, name: str) -> str:
        """HTML of a box, "" before it has come."""
        return self._sections.get(name, "")

    def close(self) -> None:
        """Leave at the next event."""
        self._stop.set()

    def _run(self) -> None:
        name = ""
        while not self._stop.is_set():
            with (
                contextlib.suppress(httpx.HTTPError, OSError),
                httpx.stream("GET", self._url, timeout=httpx.Timeout(10, read=60)) as lines,
            ):
                for line in lines.iter_lines():
                    if line.startswith("event: "):
                        name = line[7:]
                    elif line.startswith("data: "):
                        self.data[name] = json.loads(line[6:])
                        self._sections |= self.data[name].get("sections") or {}
                    if self._stop.is_set():
                        return
            self._stop.wait(1.0)
