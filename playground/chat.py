"""What one can do with conversations: send, regenerate, continue, stop, watch. Knows no page and no engine by name.

A reply is a job of this service; pages and the command line only watch it. The user's turn is committed before the
model hears of it, and a journal thread saves each growing reply every 0.4 s.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial

from playground.context import check_message, fit, refuse_blind
from playground.engine.base import Engine
from playground.engine.manager import ModelManager
from playground.engine.turns import Wait
from playground.errors import BadValueError, BusyError, MissingError
from playground.jobs import Begins, freely
from playground.listeners import Listeners
from playground.meter import draft
from playground.records import Attachment, Sampling
from playground.replies import Live, Reply
from playground.store import History
from playground.store.history import NewTurn, TurnSettings
from playground.titles import Titles, title_of

JOURNAL_SECONDS = 0.4
log = logging.getLogger(__name__)

Listener = Callable[[str, bool], None]
"""Called with the id of the conversation that changed ("" for the model's state, "-" for several, which no page shows
by that name), and whether more than the growing text of a reply did."""


class ChatService:
    """The one way in and the one way out for every message."""

    def __init__(self, history: History, manager: ModelManager) -> None:
        self.history = history
        self.manager = manager
        self._replies: dict[str, Reply] = {}
        self._lock = threading.Lock()
        self._listeners: Listeners[[str, bool]] = Listeners()
        self._closed = threading.Event()
        self.warning = ""
        self.pull: Callable[[str | None, str], Sequence[str]] = lambda conversation_id, text: ()
        """Finds what belongs to a question: ids of kept files that go with the message (see `summarize.asking`)."""
        self.begins: Begins = freely
        self.titles = Titles(history, manager, self.announce)
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
        persona: str = "",
        edits: str | None = None,
        attachments: Sequence[str] = (),
    ) -> NewTurn:
        """Save a message and begin its reply; `conversation_id` None begins a new conversation.

        `edits` is the message of the user that this one is another wording of: it stands beside it, a branch.
        `attachments` are ids of kept files. A conversation that went on elsewhere takes the message as a branch, too
        (`NewTurn.branched`). Raises BadValueError for an empty message and for an image where the chosen model cannot
        see, ContextError for what cannot fit, BusyError below a reply that is being written. Nothing is saved then.
        """
        attachments = [*attachments, *self.pull(conversation_id, text)]
        files = new = self.history.files(attachments)
        if len(files) < len(attachments):
            raise MissingError("An attached file is not kept any more. Attach it again, then send.")
        if edits:
            files = [*self.history.message(edits, texts=True).attachments, *files]
        if not text.strip() and not files:
            raise BadValueError("The message is empty. Write something, then send.")
        self._refuse_no_text(text + system_prompt)
        self._refuse_when_closed()
        sampling = sampling or self.default_sampling()
        with self.manager.peek() as engine:
            if engine is not None and any(one.data is not None for one in new):
                refuse_blind(engine)
            # A server elsewhere is not asked first: it may be slow or down, and the message is to be on disk by then.
            if engine is not None and engine.info.engine != "remote":
                check_message(engine, system_prompt, text, sampling, files)
                above = self.history.message(edits).parent_id if edits else seen_leaf
                self._check_by_hand(engine, conversation_id, above, text, files, system_prompt, sampling)
        add = partial(
            self.history.add_turn,
            conversation_id,
            text,
            seen_leaf=seen_leaf,
            title=title_of(text) if text.strip() else files[0].name,
            settings=TurnSettings(system_prompt, sampling.to_dict(), persona),
            edits=edits,
            attachments=attachments,
        )
        return self._start(add, sampling)

    def regenerate(
        self,
        conversation_id: str,
        message_id: str | None = None,
        *,
        seen_leaf: str | None,
        system_prompt: str = "",
        sampling: Sampling,
        persona: str = "",
        model: str = "",
        once: bool = False,
    ) -> NewTurn:
        """Begin another reply beside `message_id`, the last one by default; below it, if it is the user's.

        `model` is another one than the chosen, for this reply alone; `once` leaves the conversation's settings alone.
        """
        self._refuse_when_closed()
        settings = None if once else TurnSettings(system_prompt, sampling.to_dict(), persona)
        above = message_id or seen_leaf or ""
        add = partial(self.history.add_reply, conversation_id, above, seen_leaf=seen_leaf, settings=settings)
        return self._start(add, sampling, model)

    def continue_reply(
        self,
        conversation_id: str,
        *,
        seen_leaf: str | None,
        system_prompt: str = "",
        sampling: Sampling,
        persona: str = "",
    ) -> NewTurn:
        """Let the last reply go on where it ends."""
        self._refuse_when_closed()
        settings = TurnSettings(system_prompt, sampling.to_dict(), persona)
        add = partial(self.history.reopen, conversation_id, seen_leaf=seen_leaf, settings=settings)
        return self._start(add, sampling)

    def continue_from(
        self, conversation_id: str, message_id: str, beginning: str, *, seen_leaf: str | None, sampling: Sampling
    ) -> NewTurn:
        """Begin another reply beside `message_id` that goes on from `beginning`."""
        self._refuse_no_text(beginning)
        self._refuse_when_closed()
        add = partial(self.history.add_reply, conversation_id, message_id, seen_leaf=seen_leaf, content=beginning)
        return self._start(add, sampling)

    def edit_reply(self, conversation_id: str, message_id: str, text: str, *, seen_leaf: str | None) -> NewTurn:
        """Put a wording of the user's own beside a reply; nothing is generated."""
        if not text.strip():
            raise BadValueError("The reply is empty. Write something, or delete the message.")
        self._refuse_no_text(text)
        turn = self.history.add_reply(conversation_id, message_id, seen_leaf=seen_leaf, content=text, status="complete")
        self.announce(conversation_id)
        return turn

    def stop(self, conversation_id: str) -> None:
        """End what is being written in this conversation; what was shown stays."""
        for reply in self._written_in(conversation_id):
            reply.stop.set()

    def stop_all(self) -> None:
        """The same for all conversations."""
        for conversation_id in {reply.conversation_id for reply in list(self._replies.values())}:
            self.stop(conversation_id)

    def live(self, conversation_id: str) -> Live | None:
        """The reply that was begun last of those being written in this conversation, or None."""
        mine = self._written_in(conversation_id)
        return mine[-1].live() if mine else None

    def live_reply(self, reply_id: str | None) -> Live | None:
        """The reply with this id, if it is being written."""
        reply = self._replies.get(reply_id or "")
        return reply.live() if reply is not None else None

    def wait_of(self, reply_id: str) -> Wait | None:
        """What lies before a reply in the line for its model; None when it does not stand there."""
        reply = self._replies.get(reply_id)
        return self.manager.wait(reply.model, reply.ticket) if reply is not None else None

    def wait(self, turn: NewTurn) -> None:
        """Return when the reply of `turn` has ended and is saved."""
        reply = self._replies.get(turn.reply_id)
        if reply is not None:
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
        return self._listeners.listen(listener)

    def announce(self, conversation_id: str, *, structural: bool = True) -> None:
        """Tell all listeners that something changed; also for those who change the history directly (rename, trash)."""
        self._listeners.tell(conversation_id, structural)

    def warn(self, words: str) -> None:
        """Say on every page what goes wrong behind the scenes; "" takes it back."""
        if words != self.warning:
            self.warning = words
            self.announce("")

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
        self.titles.close(max(0.5, deadline - time.monotonic()))

    def _written_in(self, conversation_id: str) -> list[Reply]:
        return [reply for reply in list(self._replies.values()) if reply.conversation_id == conversation_id]

    def _refuse_when_closed(self) -> None:
        if self._closed.is_set():
            raise BusyError("The app is closing. Start it again, then send.")

    def _refuse_no_text(self, text: str) -> None:
        try:
            text.encode()
        except UnicodeEncodeError:  # Half of a surrogate pair: no file and no model can take it.
            raise BadValueError("The message holds characters that are not text. Remove them, then send.") from None

    def _check_by_hand(
        self,
        engine: Engine,
        conversation_id: str | None,
        leaf: str | None,
        text: str,
        files: Sequence[Attachment],
        system_prompt: str,
        sampling: Sampling,
    ) -> None:
        """Where the user decides what is left out, what does not fit is told before anything is written."""
        if conversation_id is None or self.history.conversation(conversation_id).context != "hand":
            return
        line = self.history.line(leaf).followed_by(draft(text, files))
        fit(engine, system_prompt, line, sampling, all_or_nothing=True)

    def _start(self, add: Callable[[], NewTurn], sampling: Sampling, model: str = "") -> NewTurn:
        ended, turn, half = self.begins(), None, ""  # Nothing is added where too much was begun.
        try:
            turn = add()
            message = self.history.message(turn.reply_id)
            half, told = message.content, partial(self.announce, turn.conversation_id, structural=False)
            conversation = self.history.conversation(turn.conversation_id)
            reply = Reply(message, conversation, self.manager, self.history, sampling, told, model=model)
            with self._lock:
                self._replies[turn.reply_id] = reply
            self.titles.rest()
            threading.Thread(target=self._run, args=[reply, ended], name="reply", daemon=True).start()
        except Exception as error:
            ended()
            if turn is not None:  # It is committed already: without a job it would say "streaming" for ever.
                self._replies.pop(turn.reply_id, None)
                self.history.finish(turn.reply_id, half, "failed", str(error), None)
            raise
        self.announce(turn.conversation_id)
        return turn

    def _run(self, reply: Reply, ended: Callable[[], None]) -> None:
        try:
            reply.run()
        finally:
            with self._lock:
                self._replies.pop(reply.reply_id, None)
            ended()
            self.announce(reply.conversation_id)
        if not self._closed.is_set():
            self.titles.consider(reply.conversation_id)

    def _journal(self) -> None:
        while not self._closed.wait(JOURNAL_SECONDS):
            for reply in list(self._replies.values()):
                try:
                    reply.save()
                except Exception:  # One reply's trouble must not end the journal of all the others.
                    log.exception("a reply could not be journaled")
