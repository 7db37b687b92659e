"""The owner's models in other people's hands: what is loaded can be used, within a quota; all else is refused.

It stands in the place of the manager itself, so that no room has to ask who is in it. It shares nothing of its parent's
state: a way into the manager that is not written down here does not exist, and fails.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager

from playground.access.quota import Quota, QuotaError, tokens_in
from playground.engine.base import Engine, LoadOptions
from playground.engine.lease import Lease, LeaseCancelled
from playground.engine.manager import ModelManager
from playground.engine.plan import MemoryPlan
from playground.engine.rewriting import Rewriting
from playground.engine.states import ModelState
from playground.engine.turns import Ticket, Wait
from playground.errors import BadValueError, BusyError
from playground.presets import ModelPreset
from playground.records import Chunk, Reading, Sampling, Turn

_CROWD = 100
OWNERS = "Only the owner of this machine can do this. Ask them."
_NONE = "No model is loaded at the moment. Ask the owner of this machine to load one."


class ForbiddenError(BadValueError):
    """Something that is the owner's alone."""


class BorrowedManager(ModelManager):
    """A manager for one person who is not the owner. Raises ForbiddenError for all that changes what is loaded."""

    def __init__(self, owner: ModelManager, quota: Quota, who: str) -> None:
        """`who` is one of those who share the quota: these have one place in the line for a model, and take turns."""
        # super().__init__ is left out on purpose.
        self._owner = owner
        self._quota = quota
        self._who = who
        self._own = ""
        self._stops: list[threading.Event] = []
        """What ends those who wait for a model or hold one."""
        self._closed = False
        self._own_listeners: list[Callable[[], None]] = []
        self._unlisten = owner.listen(self._heard)

    @property
    def chosen(self) -> str:
        """The person's own choice while it is loaded, else the owner's, else any that is loaded, else ""."""
        ready = [one.model for one in self.states()]
        wishes = [one for one in (self._own, self._owner.chosen) if one in ready]
        return (wishes or ready or [""])[0]

    @property
    def adapter(self) -> str:
        """The owner's, while the model is the owner's choice."""
        return self._owner.adapter if self.chosen == self._owner.chosen else ""

    @property
    def resting(self) -> bool:  # type: ignore[override]
        """True: no page of this person begins to load anything."""
        return True

    @property
    def state(self) -> ModelState:
        """See ModelManager."""
        return self.state_of(self.chosen)

    def state_of(self, name: str) -> ModelState:
        """See ModelManager; of what is not loaded nothing is told."""
        return next((one for one in self.states() if one.model == name), ModelState("idle", name, "", detail=_NONE))

    def states(self) -> tuple[ModelState, ...]:
        """Those that are loaded."""
        return tuple(one for one in self._owner.states() if one.phase == "ready")

    @property
    def note(self) -> str:
        """Empty: what went wrong is for the owner."""
        return ""

    @property
    def budget(self) -> Mapping[str, int]:
        """See ModelManager."""
        return self._owner.budget

    @property
    def preset(self) -> ModelPreset | None:
        """See ModelManager."""
        return self._owner.preset if self.chosen == self._owner.chosen else None

    def adapters(self, name: str) -> tuple[str, ...]:
        """The one that is in use, if one is: the others are the owner's own business."""
        return tuple(filter(None, [self.adapter])) if name == self.chosen else ()

    def options_of(self, name: str) -> LoadOptions:
        """See ModelManager."""
        return self._owner.options_of(self._loaded(name))

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """See ModelManager."""
        self._own_listeners.append(listener)
        return lambda: self._own_listeners.remove(listener)

    def choose(self, name: str, adapter: str = "", options: LoadOptions | None = None) -> None:
        """Take another one of those that are loaded."""
        if options is not None or adapter not in ("", *self.adapters(name)):
            raise ForbiddenError(OWNERS)
        self._own = self._loaded(name)
        self._heard()

    def load(self, name: str = "", options: LoadOptions | None = None) -> None:
        """Nothing is loaded for this person; one that is there is there."""
        if options is not None or (name and name not in [one.model for one in self.states()]):
            raise ForbiddenError(OWNERS)

    @contextlib.contextmanager
    def lease(
        self, stop: threading.Event, name: str = "", adapter: str | None = None, ticket: Ticket | None = None
    ) -> Iterator[Lease]:
        """See ModelManager; at most so many at once as the quota says, the next one waits. Raises QuotaError."""
        ticket = ticket or Ticket()
        # Never "", which is the owner.
        ticket.who, ticket.person = self._quota.who or self._who, self._who
        model = self._loaded(name or self.chosen)
        if adapter not in (None, "", *self.adapters(model)):
            raise ForbiddenError(OWNERS)
        self._quota.check_tokens()
        self._stops.append(stop)
        try:
            # What comes when nobody else is at work must not take a place from those who are.
            place = contextlib.nullcontext(True) if ticket.spare else self._quota.place(self._who, stop)
            with place as held:
                if self._closed or not held:
                    raise LeaseCancelled
                refuse_crowd(self._owner, model)
                with self._owner.lease(stop, model, adapter, ticket) as lease:
                    metered = MeteredLease(lease, self._quota)
                    try:
                        yield metered
                    finally:
                        metered.end()
        finally:
            self._stops.remove(stop)

    def wait(self, name: str, ticket: Ticket) -> Wait | None:
        """See ModelManager."""
        return self._owner.wait(name or self.chosen, ticket)

    def peek(self, name: str = "") -> AbstractContextManager[Engine | None]:
        """See ModelManager."""
        return self._owner.peek(self._loaded(name or self.chosen))

    def plan(self, name: str, options: LoadOptions | None = None) -> MemoryPlan | None:
        """Refused."""
        raise ForbiddenError(OWNERS)

    def unload(self, name: str = "") -> None:
        """Refused."""
        raise ForbiddenError(OWNERS)

    def attach(self, name: str, path: str, *, called: str = "") -> str:
        """Refused."""
        raise ForbiddenError(OWNERS)

    def detach(self, name: str, adapter: str) -> None:
        """Refused."""
        raise ForbiddenError(OWNERS)

    def stop_all(self) -> None:
        """End what waits for a model or holds one."""
        for stop in list(self._stops):
            stop.set()

    def close(self) -> None:
        """The same for good, and hear no more of the owner's manager, which stays."""
        if self._closed:
            return
        self._closed = True
        self.stop_all()
        self._unlisten()
        self._own_listeners.clear()

    def _loaded(self, name: str) -> str:
        ready = [one.model for one in self.states()]
        if name in ready:
            return name
        raise BusyError(_NONE) if not ready else ForbiddenError(f"{name} is not loaded here. Choose one that is.")

    def _heard(self) -> None:
        for listener in list(self._own_listeners):
            listener()


def refuse_crowd(manager: ModelManager, model: str) -> None:
    """Raise QuotaError where so many wait for a model that nobody would stay to see the end of it."""
    if manager.state_of(model).waiting >= _CROWD:
        raise QuotaError("Too many wait for the model at the moment. Try again in a minute.", 60.0)


class MeteredLease(Lease):
    """A lease whose tokens are counted. Raises QuotaError once they are used up."""

    def __init__(self, lease: Lease, quota: Quota) -> None:
        super().__init__(lease._held(), lease.adapter, lease.adapter_sha256)
        self._quota = quota

    def stream(
        self,
        turns: Sequence[Turn],
        sampling: Sampling,
        stop: threading.Event,
        *,
        top_logprobs: int = 0,
        reading: Reading = (),
    ) -> Iterator[Chunk]:
        """See Lease."""
        self._quota.check_tokens()
        counted = 0
        for chunk in super().stream(turns, sampling, stop, top_logprobs=top_logprobs, reading=reading):
            if (used := chunk.prompt_tokens + chunk.completion_tokens) > counted:
                self._quota.spend(used - counted)
                counted = used
            yield chunk
            if chunk.finish_reason is None:
                self._quota.check_tokens()

    def rewrite(
        self,
        texts: Sequence[str],
        languages: tuple[str, str],
        *,
        beam_size: int = 4,
        num_hypotheses: int = 1,
        align: bool = False,
    ) -> list[list[Rewriting]]:
        """See Lease."""
        self._quota.check_tokens()
        self._quota.spend(tokens_in(*texts))
        made = super().rewrite(texts, languages, beam_size=beam_size, num_hypotheses=num_hypotheses, align=align)
        self._quota.spend(sum(one.tokens for ways in made for one in ways))
        return made
