"""What one can do with conversations: send, regenerate, continue, stop, watch. Knows no page and no engine by name.

A reply is a job of this service; pages and the command line only watch it. The user's turn is committed before the
model hears of it, and a journal thread saves each growing reply every 0.4 s.
"""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections.abc import Callable

from playground.context import check_message
from playground.engine.manager import ModelManager
from playground.errors import BadValueError, BusyError
from playground.records import Sampling
from playground.replies import Live, Reply
from playground.store import History
from playground.store.history import NewTurn

JOURNAL_SECONDS = 0.4
log = logging.getLogger(__name__)
_TITLE_LENGTH = 60

Listener = Callable[[str, bool], None]
"""Called with the id of the conversation that changed ("" for the model's state), and whether more than the growing
text of a reply did."""


class ChatService:
    """The one way in and the one way out for every message."""

    def __init__(self, history: History, manager: ModelManager) -> None:
        self.history = history
        self.manager = manager
        self._replies: dict[str, Reply] = {}
        self._lock = threading.Lock()
        self._listeners: set[Listener] = set()
        self._closed = threading.Event()
        manager.listen(lambda: self.announce(""))
        threading.Thread(target=self._journal, name="journal", daemon=True).start()

    def send(
        self,
        conversation_id: str | None,
        text: str,
        *,
        seen_leaf: str | None = None,
        system_prompt: str = "",
        sampling: Sampling | None = None,
    ) -> NewTurn:
        """Save a message and begin its reply; `conversation_id` None begins a new conversation.

        Raises BadValueError for an empty message, ContextError for one that cannot fit, ConflictError or BusyError
        when the conversation went on elsewhere. Nothing is saved then.
        """
        if not text.strip():
            raise BadValueError("The message is empty. Write something, then send.")
        try:
            (text + system_prompt).encode()
        except UnicodeEncodeError:  # Half of a surrogate pair: no file and no model can take it.
            raise BadValueError("The message holds characters that are not text. Remove them, then send.") from None
        self._refuse_when_closed()
        sampling = sampling or self.default_sampling()
        with self.manager.peek() as engine:
            # A server elsewhere is not asked first: it may be slow or down, and the message is to be on disk by then.
            if engine is not None and engine.info.engine != "remote":
                check_message(engine, system_prompt, text, sampling)
        turn = self.history.add_turn(
            conversation_id,
            text,
            seen_leaf=seen_leaf,
            title=title_of(text),
            system_prompt=system_prompt,
            sampling=sampling.to_dict(),
        )
        return self._start(turn, sampling)

    def regenerate(
        self, conversation_id: str, *, seen_leaf: str | None, system_prompt: str = "", sampling: Sampling
    ) -> NewTurn:
        """Begin another reply beside the last one."""
        self._refuse_when_closed()
        turn = self.history.add_alternative(
            conversation_id, seen_leaf=seen_leaf, system_prompt=system_prompt, sampling=sampling.to_dict()
        )
        return self._start(turn, sampling)

    def continue_reply(
        self, conversation_id: str, *, seen_leaf: str | None, system_prompt: str = "", sampling: Sampling
    ) -> NewTurn:
        """Let the last reply go on where it ends."""
        self._refuse_when_closed()
        turn = self.history.reopen(
            conversation_id, seen_leaf=seen_leaf, system_prompt=system_prompt, sampling=sampling.to_dict()
        )
        return self._start(turn, sampling)

    def stop(self, conversation_id: str) -> None:
        """End the reply of this conversation, if one is being written; what was shown stays."""
        reply = self._replies.get(conversation_id)
        if reply is not None:
            reply.stop.set()

    def live(self, conversation_id: str) -> Live | None:
        """The reply being written in this conversation, or None."""
        reply = self._replies.get(conversation_id)
        return reply.live() if reply is not None else None

    def ahead(self, conversation_id: str) -> int:
        """How many replies wait for the model before this conversation's; they are served in the order of asking."""
        with self._lock:
            replies = self._replies.values()
            before = list(itertools.takewhile(lambda one: one.conversation_id != conversation_id, replies))
        return sum(one.live().phase == "waiting" for one in before)

    def wait(self, turn: NewTurn) -> None:
        """Return when the reply of `turn` has ended and is saved."""
        reply = self._replies.get(turn.conversation_id)
        if reply is not None and reply.reply_id == turn.reply_id:
            reply.done.wait()

    def default_sampling(self) -> Sampling:
        """What the model's authors recommend, if the model is a curated one."""
        preset = self.manager.preset
        return preset.sampling if preset else Sampling()

    def default_system_prompt(self) -> str:
        """What a new chat starts with."""
        preset = self.manager.preset
        return preset.system_prompt if preset else ""

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` at each change, from whatever thread; returns the function that ends it."""
        self._listeners.add(listener)
        return lambda: self._listeners.discard(listener)

    def announce(self, conversation_id: str, *, structural: bool = True) -> None:
        """Tell all listeners that something changed; also for those who change the history directly (rename, trash)."""
        for listener in tuple(self._listeners):
            try:
                listener(conversation_id, structural)
            except Exception:  # A page that fails to listen must not end the reply that it listens to.
                log.exception("a listener failed")

    def close(self, seconds: float = 2.0) -> None:
        """Stop every reply and wait until what they have is saved, `seconds` at most."""
        self._closed.set()
        replies = list(self._replies.values())
        for reply in replies:
            reply.close()
            reply.save()  # First what is there: the model may take longer to stop than we have.
        deadline = time.monotonic() + seconds
        for reply in replies:
            reply.done.wait(max(0.0, deadline - time.monotonic()))

    def _refuse_when_closed(self) -> None:
        if self._closed.is_set():
            raise BusyError("The app is closing. Start it again, then send.")

    def _start(self, turn: NewTurn, sampling: Sampling) -> NewTurn:
        half = ""
        try:
            half = self.history.message(turn.reply_id).content
            conversation = self.history.conversation(turn.conversation_id)
            reply = Reply(
                turn,
                self.manager,
                self.history,
                conversation.system_prompt,
                sampling,
                half,
                on_change=lambda: self.announce(turn.conversation_id, structural=False),
            )
            with self._lock:
                self._replies[turn.conversation_id] = reply
            threading.Thread(target=self._run, args=[reply], name="reply", daemon=True).start()
        except Exception as error:
            # The turn is committed already: without a job it would say "streaming" for ever.
            self._replies.pop(turn.conversation_id, None)
            self.history.finish(turn.reply_id, half, "failed", str(error), None)
            raise
        self.announce(turn.conversation_id)
        return turn

    def _run(self, reply: Reply) -> None:
        try:
            reply.run()
        finally:
            with self._lock:
                if self._replies.get(reply.conversation_id) is reply:
                    del self._replies[reply.conversation_id]
            self.announce(reply.conversation_id)

    def _journal(self) -> None:
        while not self._closed.wait(JOURNAL_SECONDS):
            for reply in list(self._replies.values()):
                try:
                    reply.save()
                except Exception:  # One reply's trouble must not end the journal of all the others.
                    log.exception("a reply could not be journaled")


def title_of(text: str) -> str:
    """A conversation's title from its first message: the first line, shortened at a word where there is one."""
    line = " ".join(text.strip().splitlines()[0].split())
    if len(line) <= _TITLE_LENGTH:
        return line
    cut = line[:_TITLE_LENGTH]
    return (cut.rsplit(" ", 1)[0] if " " in cut[20:] else cut) + "…"
