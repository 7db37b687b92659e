"""One thread that drives a model for all replies at once: prompts are read piece by piece between decode steps.

A reply whose reader does not keep up waits, so that nothing is computed for nobody. Knows nothing of text.
"""

from __future__ import annotations

import concurrent.futures
import logging
import queue
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, ParamSpec

from playground.engine import readings
from playground.engine.decoding import Sampler, chances
from playground.engine.lane import free_memory
from playground.engine.pending import Event, Pending
from playground.engine.prefix import Prefixes
from playground.engine.runner import GivenUpError, Runner
from playground.errors import ModelError
from playground.records import Reading

if TYPE_CHECKING:
    import torch

_LOOK = 0.1
"""Seconds between two looks at a stop event while nothing else happens."""
_GONE = "The model is being unloaded. Ask again once it is loaded."
_P = ParamSpec("_P")
_Failed = Callable[[Exception], tuple[str, bool]]
_Where = Callable[[Callable[[], None]], None]
log = logging.getLogger(__name__)


class Batcher:
    """Replies in the order of their coming, `slots` of them at a time."""

    def __init__(
        self, runner: Runner, slots: int, most: int, failed: _Failed, where: _Where = lambda work: work()
    ) -> None:
        """`most` tokens may be held in all. `failed` says in words what a failure was, and if it was want of memory.
        `where` does each piece of work, in the thread it is for, and waits for it."""
        self._runner = runner
        self._slots = min(slots, runner.rows)
        self._prefixes = Prefixes(runner, most)
        self._failed = failed
        self._where = where
        self._changed = threading.Condition()
        self._waiting: list[Pending] = []
        self._active: list[Pending] = []
        self._orders: list[Callable[[], None]] = []
        self._closing = False
        self._adapter: str | None = None
        self._thread = threading.Thread(target=self._run, name="batcher", daemon=True)

    def reply(
        self,
        prompt: Sequence[int],
        limit: int,
        ends: frozenset[int],
        make_sampler: Callable[[], Sampler],
        stop: threading.Event,
        adapter: str = "",
        top: int = 0,
        reading: Reading = (),
    ) -> Generator[Event]:
        """Events of one reply of at most `limit` tokens; the first says how much of the prompt needed no work.

        `top` and `reading` as `top_logprobs` and `reading` of Engine.stream.
        Ends without a last word when `stop` is set. Closing the iterator frees the row. Raises ModelError when the
        model fails; that ends only the replies of the step that failed.
        """
        pieces, said = readings.split(reading, len(prompt)) if reading else ([], [])
        widths = [width for width, _ in said] or [1] * bool(reading)
        reply = Pending(list(prompt), adapter, limit, ends, make_sampler, top, pieces, widths)
        self._tell(lambda: self._waiting.append(reply))
        try:
            while not stop.is_set():
                try:
                    event = reply.events.get(timeout=_LOOK)
                except queue.Empty:
                    if self._thread.is_alive():
                        continue
                    raise ModelError(_GONE) from None
                if event.what == "failed":
                    raise ModelError(event.words)
                self._wake()
                yield event
                if event.what in ("stop", "length"):
                    return
        finally:
            reply.left.set()
            self._wake()

    def between(self, work: Callable[[], None]) -> None:
        """Run `work` in the batcher's thread between two steps, and wait for it; raises what it raises."""
        done: Future[None] = Future()

        def order() -> None:
            try:
                work()
            except BaseException as error:
                done.set_exception(error)
                if not isinstance(error, Exception):
                    raise
            else:
                done.set_result(None)

        self._tell(lambda: self._orders.append(order))
        while not done.done():
            # The thread may have ended in the meantime.
            concurrent.futures.wait([done], _LOOK)
            if not self._thread.is_alive() and not done.done():
                raise ModelError(_GONE)
        done.result()

    def forget_adapter(self, adapter: str) -> None:
        """Drop what was read under an adapter, which may be another one from now on; to be called in `between`."""
        self._prefixes.forget_adapter(adapter)
        self._adapter = None

    def close(self) -> None:
        """End the thread; replies under way fail."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread.ident is not None:
            self._thread.join()

    def _tell(self, change: Callable[[], None]) -> None:
        with self._changed:
            if self._closing:
                raise ModelError(_GONE)
            if self._thread.ident is None:
                self._thread.start()
            change()
            self._changed.notify_all()

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _run(self) -> None:
        words = _GONE
        try:
            while self._turn():
                pass
        except Exception as error:  # A bug of ours; nobody may wait for ever.
            log.exception("the batcher failed")
            words = f"The model failed ({type(error).__name__}). Load it anew, and see the log file."
        with self._changed:
            self._closing = True
            for reply in [*self._active, *self._waiting]:
                reply.events.put(Event("failed", words=words))
            self._active, self._waiting = [], []

    def _turn(self) -> bool:
        """One look around, and one piece of work for each adapter in use; False when all is over."""
        with self._changed:
            while True:
                for reply in [reply for reply in self._active if reply.left.is_set()]:
                    self._finish(reply)
                self._waiting = [reply for reply in self._waiting if not reply.left.is_set()]
                while self._waiting and len(self._active) < self._slots:
                    self._active.append(self._waiting.pop(0))
                if self._closing:
                    return False
                if self._orders or any(reply.ready for reply in self._active):
                    break
                self._changed.wait()
            orders, self._orders = self._orders, []
        self._where(lambda: self._piece(orders))
        return True

    def _piece(self, orders: Sequence[Callable[[], None]]) -> None:
        for order in orders:
            order()
        for adapter in dict.fromkeys(reply.adapter for reply in self._active):
            replies = [reply for reply in self._active if reply.adapter == adapter and reply.ready]
            if replies and self._guard(replies, self._use, adapter):
                self._work(replies)

    def _use(self, adapter: str) -> None:
        if self._adapter != adapter:
            # Forgotten first: after a failure nobody knows which one is in use.
            self._adapter = None
            self._runner.use_adapter(adapter)
            self._adapter = adapter

    def _work(self, replies: list[Pending]) -> None:
        """One piece of one prompt, then a token for each of the others."""
        for reply in [reply for reply in replies if reply.row < 0]:
            self._guard([reply], self._begin, reply)
        reading = [reply for reply in replies if reply in self._active and reply.reads]
        writing = {reply.row: reply for reply in replies if reply in self._active and not reply.reads}
        if reading:
            reply = reading[0]
            # To the end of the line, so that prompts take turns.
            self._active.remove(reply)
            self._active.append(reply)
            self._guard([reply], self._read, reply)
        for reply in [reply for reply in writing.values() if reply.widths]:
            # Computed as it once was, whoever is written beside it now.
            self._guard([reply], self._step, {reply.row: writing.pop(reply.row)}, reply.width)
        if writing:
            self._guard(list(writing.values()), self._step, writing, self._runner.width(len(writing)))

    def _begin(self, reply: Pending) -> None:
        reply.sampler = reply.make_sampler()
        room = len(reply.prompt) + reply.limit
        reply.row, reply.done = self._prefixes.take(reply.prompt, reply.adapter, room, fresh=bool(reply.pieces))
        reply.events.put(Event("read", reply.done))

    def _read(self, reply: Pending) -> None:
        # Whoever waits gets a turn soon; who is alone is read to as fast as can be, and can still leave.
        most = self._runner.batch if len(self._active) > 1 or self._waiting else self._runner.alone
        kept = reply.pieces[0][1] if reply.pieces else most
        part = reply.prompt[reply.done : reply.done + kept]
        read = reply.pieces.pop(0)[0] if reply.pieces else len(part)
        try:
            given = readings.filled(part, read)
            scores = self._runner.extend(reply.row, given, lambda: reply.left.is_set() or self._closing)
        except GivenUpError:
            return
        reply.done += len(part)
        if read > len(part) and self._runner.truncate(reply.row, reply.done) != reply.done:
            raise ValueError("it cannot go back")
        self._prefixes.add(reply.row, part, read)
        reply.events.put(Event("read", reply.done))
        if not reply.reads:
            self._draw(reply, scores)

    def _step(self, replies: Mapping[int, Pending], width: int) -> None:
        scores = self._runner.step({row: reply.token for row, reply in replies.items()}, width)
        for row, reply in replies.items():
            self._prefixes.add(row, [reply.token], width)
            self._guard([reply], self._draw, reply, scores[row])

    def _draw(self, reply: Pending, scores: torch.Tensor) -> None:
        assert reply.sampler is not None, "made when the reply began"
        reply.token = reply.sampler.draw(scores[None])
        reply.said += 1
        told = chances(scores, reply.token, reply.top) if reply.top else None
        reading = self._prefixes.reading(reply.row)
        if reply.token in reply.ends:
            self._finish(reply)
            reply.events.put(Event("stop", reply.said, reply.token, chances=told, reading=reading))
            return
        reply.events.put(Event("token", reply.said, reply.token, chances=told, reading=reading))
        if reply.said == reply.limit:
            self._finish(reply)
            reply.events.put(Event("length", reply.said, reading=reading))

    def _finish(self, reply: Pending) -> None:
        self._active.remove(reply)
        if reply.row >= 0:
            self._prefixes.give_back(reply.row)

    def _guard(self, replies: Sequence[Pending], work: Callable[_P, None], *args: _P.args, **kwargs: _P.kwargs) -> bool:
        """Do a piece of work; when it fails, end the replies it was for, and free what they held."""
        try:
            work(*args, **kwargs)
            return True
        except Exception as error:
            log.warning("a step failed", exc_info=True)
            words, memory = self._failed(error)
        # Outside of the except block, because the exception holds on to the tensors of the failed step.
        try:
            for reply in replies:
                self._finish(reply)
                if reply.row >= 0:
                    self._prefixes.forget(reply.row)
            if memory:
                self._prefixes.forget_idle()
            free_memory()
        finally:
            for reply in replies:
                reply.events.put(Event("failed", words=words))
        return False
