"""One reply being written: a job that no page owns. It reads the prompt, gathers the text, and is saved as it grows."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

from playground.condense import condense
from playground.context import Prompt, fit
from playground.engine.hardware import hardware
from playground.engine.manager import Lease, LeaseCancelled, ModelManager
from playground.engine.turns import Ticket
from playground.errors import BusyError, PlaygroundError, StorageError
from playground.halves import Halves
from playground.readings import packed
from playground.records import Chunk, Conversation, Message, Reading, ReplyRecord, Sampling, Status
from playground.store import History
from playground.store.rows import sha256_of

Phase = Literal["waiting", "condensing", "reading", "writing", "saving"]
_RETRY_SECONDS = 1.0
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Live:
    """What a page may know of a reply in progress."""

    reply_id: str
    text: str
    phase: Phase
    prompt_tokens: int
    prompt_done: int
    completion_tokens: int
    tokens_per_second: float | None
    left_out: int
    notice: str
    """What keeps the reply from being saved, in words; empty when all is well."""
    model: str = ""
    """Which one writes it; empty is the chosen one."""


class Reply:
    """The job behind one reply. `on_change` is called after every step, from the job's own thread."""

    def __init__(
        self,
        message: Message,
        conversation: Conversation,
        manager: ModelManager,
        history: History,
        sampling: Sampling,
        on_change: Callable[[], None],
        *,
        model: str = "",
    ) -> None:
        """`message` is the stored reply, empty or a half that is to go on; `model` "" is the chosen one."""
        self.conversation_id = message.conversation_id
        self.reply_id = message.id
        self.model = model
        self.stop = threading.Event()
        self.ticket = Ticket(lasting=True)
        self.done = threading.Event()
        self._manager = manager
        self._history = history
        self._conversation = conversation
        # A seed is always drawn here, never inside an engine, so that the record can replay the reply.
        self._sampling = replace(sampling, seed=secrets.randbelow(2**31) if sampling.seed is None else sampling.seed)
        self._on_change = on_change
        # A reply that is continued begins with its half, which must outlive a stop or a failure before the first word.
        self._half = message.content
        self._parent_id = message.parent_id
        self._part = len(message.parts)
        self._receipt: dict[str, Any] = {}
        self._before: tuple[str, ...] = ()
        self._texts: list[str] = []
        """What the record refers to by SHA-256."""
        self._pieces = [self._half]
        self._saved_pieces = 1
        self._saving = threading.Lock()
        self._chunk = Chunk()
        self._reading: Reading = ()
        self._left_out = 0
        self._phase: Phase = "waiting"
        self._notice = ""
        self._closing = threading.Event()
        self._asked = self._first = self._last = 0.0

    def live(self) -> Live:
        """The state now."""
        chunk = self._chunk
        return Live(
            reply_id=self.reply_id,
            text="".join(self._pieces),
            phase=self._phase,
            prompt_tokens=chunk.prompt_tokens,
            prompt_done=chunk.prompt_done,
            completion_tokens=chunk.completion_tokens,
            tokens_per_second=self._rate(),
            left_out=self._left_out,
            notice=self._notice,
            model=self.model,
        )

    def run(self) -> None:
        """Write the reply to its end; however it ends, what was shown is saved with a status that says so."""
        lease: Lease | None = None
        status: Status = "complete"
        error = ""
        try:
            with self._manager.lease(self.stop, self.model, ticket=self.ticket) as lease:
                self._write(lease)
            if self._chunk.finish_reason == "cancelled":
                status = "stopped"
        except LeaseCancelled:
            status = "stopped"
        except PlaygroundError as problem:
            status, error = "failed", str(problem)
        except Exception as problem:  # A bug must end as a failed reply that keeps its text, not as a silent thread.
            log.exception("a reply failed")
            status, error = "failed", broke_off(problem)
        try:
            self._finish(status, error, self._record(lease) if lease is not None else None)
        finally:
            self.done.set()

    def save(self) -> None:
        """Journal what came since the last time. A full disk is told, not raised: the reply goes on in memory."""
        with self._saving:
            count = len(self._pieces)
            if count == self._saved_pieces or self.done.is_set():
                return
            try:
                self._history.journal(self.reply_id, "".join(self._pieces[:count]))
                self._saved_pieces, self._notice = count, ""
            except (StorageError, BusyError) as problem:
                self._notice = str(problem)
                self._on_change()

    def close(self) -> None:
        """Stop, and try to save only once more, because the process is about to end."""
        self._closing.set()
        self.stop.set()

    def _write(self, lease: Lease) -> None:
        prompt = self._prompt(lease)
        self._left_out = prompt.left_out
        self._phase = "reading"
        self._asked, halves, noted = time.monotonic(), Halves(), False
        self._on_change()
        for chunk in lease.stream(prompt.turns, self._sampling, self.stop):
            self._chunk, self._reading = chunk, chunk.reading or self._reading
            if not noted:  # Beside the model's work, which does not wait for the disk.
                noted = True
                self._note(lease)
            if text := halves.push(chunk.text):
                self._last = time.monotonic()
                self._first = self._first or self._last
                self._phase = "writing"
                self._pieces.append(text)
            self._on_change()
        self._pieces.append(halves.flush())

    def _note(self, lease: Lease) -> None:
        try:
            self._history.note(self.reply_id, self._part, self._record(lease), self._texts)
        except (StorageError, BusyError) as problem:  # The reply goes on in memory; at its end all is saved.
            self._notice = str(problem)

    def _prompt(self, lease: Lease) -> Prompt:
        history, conversation = self._history, self._conversation
        system, rule = conversation.system_prompt, conversation.context
        line = history.line(self.reply_id if self._half else self._parent_id)
        self._before = tuple(one for one in line.ids if one != self.reply_id)
        self._texts = [system] if system else []
        texts = {"system": sha256_of(system)} if system else {}
        prompt = fit(lease, system, line, self._sampling, all_or_nothing=rule == "hand")
        if rule == "summary" and prompt.left_out:
            self._phase = "condensing"
            self._on_change()
            prompt, summary = condense(
                lease, history, conversation.id, system, line, self._sampling, self.stop, self._on_change
            )
            if summary:
                self._texts.append(summary)
                texts["summary"] = sha256_of(summary)
        self._receipt = prompt.receipt(**texts)
        return prompt

    def _finish(self, status: Status, error: str, record: ReplyRecord | None) -> None:
        self._phase = "saving"
        while True:
            with self._saving:
                try:
                    self._history.finish(
                        self.reply_id, "".join(self._pieces), status, error, record, self._part, self._texts
                    )
                    self.done.set()
                except (StorageError, BusyError) as problem:
                    self._notice = str(problem)
                except Exception as problem:
                    log.exception("a reply could not be saved")
                    if record is None:
                        raise
                    record, status, error = None, "failed", broke_off(problem)
            self._on_change()
            if self.done.is_set() or self._closing.wait(_RETRY_SECONDS):
                self.done.set()
                return

    def _rate(self) -> float | None:
        seconds = self._last - self._first
        return (self._chunk.completion_tokens - 1) / seconds if seconds > 0 else None

    def _record(self, lease: Lease) -> ReplyRecord:
        chunk = self._chunk
        try:
            reading = packed(self._history, self._before, self._reading)
        except PlaygroundError:  # The file cannot be read just now; whole, it needs nothing of it.
            reading = {"reading": self._reading}
        return ReplyRecord(
            **made_by(lease),
            sampling=self._sampling.to_dict(),
            seed=self._sampling.seed or 0,
            prompt_tokens=chunk.prompt_tokens,
            cached_tokens=chunk.cached_tokens,
            completion_tokens=chunk.completion_tokens,
            left_out=self._left_out,
            time_to_first_token=self._first - self._asked if self._first else None,
            tokens_per_second=self._rate(),
            finish_reason=chunk.finish_reason,
            starts_at=len(self._half),
            prompt=self._receipt | reading,
        )


def broke_off(problem: Exception) -> str:
    """A bug, in words."""
    return f"The reply broke off ({type(problem).__name__}: {problem}). See the log file."


def made_by(lease: Lease) -> dict[str, Any]:
    """What writes: model, engine and machine, by the names of `ReplyRecord`."""
    info = lease.info
    return {
        "model": info.model,
        "engine": info.engine,
        "revision": info.revision,
        "file_sha256": info.file_sha256,
        "quantization": info.quantization,
        "template_sha256": info.template_sha256,
        "versions": dict(info.versions or {}),
        "context_length": info.context_length,
        "device": info.device,
        "adapter": lease.adapter,
        "adapter_sha256": lease.adapter_sha256,
        "hardware": computer(info.device),
    }


def computer(device: str) -> str:
    """What computes on a device, in words that tell two machines apart."""
    found = hardware().device(device)
    return found.label if found is not None else device
