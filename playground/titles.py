"""Titles of conversations: the first line at once, a better one by the model when its first reply is there.

A title of the user's own is never touched. Making one gives way to whatever the user asks for.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable

from playground.engine.manager import LeaseCancelled, ModelManager
from playground.engine.turns import Ticket
from playground.errors import PlaygroundError
from playground.records import Sampling, Turn
from playground.store import History
from playground.thoughts import open_thought, split_thought

_LONGEST = 60
"""Characters."""
_MOST_WORDS = 12
_ASK = (
    "Write a title for the conversation below: at most six words, in the language of the conversation, without "
    "quotation marks. Answer with the title only.\n\nUser: {}\n\nAssistant: {}"
)
_SAMPLING = Sampling(temperature=0.0, max_new_tokens=32, seed=0)
_LABEL = re.compile(r"^\s*(?:title|\u6807\u9898|\u6a19\u984c)\s*[:\uff1a]\s*", re.IGNORECASE)
_AROUND = " \t\"'`*#_\u201c\u201d\u2018\u2019\u300a\u300b\u300c\u300d\u3002."
log = logging.getLogger(__name__)


class Titles:
    """Makes titles in the background. `announce` is called with the id of a conversation that got one."""

    def __init__(self, history: History, manager: ModelManager, announce: Callable[[str], None]) -> None:
        self._history = history
        self._manager = manager
        self._announce = announce
        self._under_way: dict[str, threading.Event] = {}
        self._threads: set[threading.Thread] = set()
        self._starting = threading.Lock()
        self._closed = threading.Event()

    def consider(self, conversation_id: str) -> None:
        """Begin to make a title if the conversation has its first whole reply and no title but its first line."""
        try:
            conversation = self._history.conversation(conversation_id)
            if conversation.title_by != "first_line":
                return
            line = self._history.line(conversation.leaf_id)
            if len(line) != 2 or line[1].status != "complete":
                return
            ask = Turn("user", _ASK.format(line[0].content[:1500], line[1].content[:1000]))
        except PlaygroundError:
            return  # Deleted meanwhile, or the file cannot be read: that is told where it matters.
        model = str((line[1].record or {}).get("model", ""))
        stop = self._under_way[conversation_id] = threading.Event()
        thread = threading.Thread(
            target=self._make, args=[conversation_id, ask, model, stop], name="title", daemon=True
        )
        with self._starting:
            self._threads.add(thread)
            thread.start()
        if self._closed.is_set():
            stop.set()

    def rest(self) -> None:
        """Give way: end the making of titles."""
        for stop in list(self._under_way.values()):
            stop.set()

    def close(self, seconds: float) -> None:
        """End it for good, and wait until the model is let go, `seconds` at most: it is about to be freed."""
        self._closed.set()
        self.rest()
        deadline = time.monotonic() + seconds
        with self._starting:
            threads = list(self._threads)
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _make(self, conversation_id: str, ask: Turn, model: str, stop: threading.Event) -> None:
        text = ""
        try:
            # Only the model that has just answered, and only while it is there: nothing is loaded for a title.
            if self._manager.state_of(model).phase != "ready":
                return
            with self._manager.lease(stop, model, ticket=Ticket(spare=True)) as lease:
                if lease.info.capabilities.kind != "chat":
                    return
                for chunk in lease.stream([ask], _SAMPLING, stop):
                    text += chunk.text
                    if "\n" in text.strip():
                        break
            title = made_title(text)
            if title and not stop.is_set() and self._history.retitle(conversation_id, title):
                self._announce(conversation_id)
        except (PlaygroundError, LeaseCancelled):
            log.info("no title was made", exc_info=True)
        finally:
            if self._under_way.get(conversation_id) is stop:
                del self._under_way[conversation_id]
            self._threads.discard(threading.current_thread())


def made_title(text: str) -> str:
    """What a model wrote, as a title; empty when it is none."""
    if open_thought(text) is not None:
        return ""
    text = split_thought(text)[1]
    first = next((line for line in text.splitlines() if line.strip(_AROUND)), "")
    title = " ".join(_LABEL.sub("", first.strip(_AROUND)).strip(_AROUND).split())
    return title if title and len(title) <= _LONGEST and len(title.split()) <= _MOST_WORDS else ""


def title_of(text: str) -> str:
    """A conversation's title from its first message: the first line, shortened at a word where there is one."""
    line = " ".join(text.strip().splitlines()[0].split())
    if len(line) <= _LONGEST:
        return line
    cut = line[:_LONGEST]
    return (cut.rsplit(" ", 1)[0] if " " in cut[20:] else cut) + "…"
