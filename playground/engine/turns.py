"""In which order those who wait for a model get it, and how long that will take. Waits for nothing itself."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

_WEIGHT = 0.2
"""Of the newest turn in the usual length of one."""
_KEPT = 100
_Key = tuple[str, ...]


@dataclass(eq=False)
class Ticket:
    """A place in the line for a model. An exclusive one is held alone: adapters are attached under it."""

    exclusive: bool = False
    who: str = ""
    """The account, link or key whose turn it is; "" is the owner."""
    person: str = ""
    """Which of those who came in by the same link."""
    lasting: bool = False
    """It is for a conversation that stays: what is read may be kept on disk, if it is the owner's."""
    spare: bool = False
    """Nobody waits for it: it comes when nobody else waits for the model or holds it."""
    asked: float = field(default_factory=time.monotonic)
    """When it was made; monotonic, as the others."""
    stood: float = field(default_factory=time.monotonic)
    """Since when it stands in the line: what it waited for before that is no wait for the model."""
    began: float = 0.0
    """Since when it is held."""

    @property
    def keeps(self) -> bool:
        """Whether anything of it may outlive its model: of guests, accounts and programs nothing does."""
        return self.lasting and not self.who


@dataclass(frozen=True)
class Wait:
    """What still lies before a turn."""

    before: int
    """Others that wait and come first."""
    seconds: float | None
    """How long that usually takes; None before any turn has ended."""


@dataclass
class Turns:
    """Who had a turn when, and how long turns take. Belongs to one model."""

    ended: int = 0
    usual: float = 0.0
    """Seconds of a turn, the latest counted most."""
    waits: deque[float] = field(default_factory=lambda: deque(maxlen=_KEPT))
    """Seconds that those waited who had a turn lately."""
    last: dict[_Key, float] = field(default_factory=dict)
    """When the last turn ended of each `who` and each person that waits or holds one, monotonic."""

    def begin(self, ticket: Ticket) -> None:
        """It is this one's turn from now on."""
        ticket.began = time.monotonic()
        if not ticket.spare:
            self.waits.append(ticket.began - ticket.asked)

    def end(self, ticket: Ticket, line: Sequence[Ticket], held: Sequence[Ticket]) -> None:
        """A turn is over. Whoever neither waits nor holds one is forgotten: they will come as if for the first time."""
        now = time.monotonic()
        seconds = now - ticket.began
        self.usual = seconds if not self.ended else self.usual + _WEIGHT * (seconds - self.usual)
        self.ended += 1
        here = {key(one) for one in (*line, *held) for key in (_who, _person)}
        self.last |= {_who(ticket): now, _person(ticket): now}
        self.last = {key: end for key, end in self.last.items() if key in here}

    def order(self, line: Sequence[Ticket], held: Sequence[Ticket]) -> list[Ticket]:
        """The line as it will be served: whoever holds fewest first, then who waits longest since their last turn; of
        those who came in by the same link, one after the other in the same way.

        One who asks for much at a time so keeps nobody waiting but themselves, and many who share a link keep nobody
        waiting but each other; whoever asks once is not passed by anybody who came later. Nobody passes an exclusive
        ticket.
        """
        first = next((place for place, one in enumerate(line) if one.exclusive), len(line))
        persons = self._ranked(line[:first], held, _person)
        ranked = self._ranked(persons, held, _who)
        return [*sorted(ranked, key=lambda one: one.spare), *line[first:]]

    def _ranked(self, line: Sequence[Ticket], held: Sequence[Ticket], of: Callable[[Ticket], _Key]) -> list[Ticket]:
        rounds = Counter(of(one) for one in held)
        keys: dict[Ticket, tuple[int, float]] = {}
        for one in line:
            keys[one] = rounds[of(one)], max(one.stood, self.last.get(of(one), 0.0))
            rounds[of(one)] += 1
        return sorted(line, key=keys.__getitem__)

    def wait(self, ticket: Ticket, line: Sequence[Ticket], held: Sequence[Ticket], slots: int) -> Wait | None:
        """What lies before a ticket; None when it does not wait for others."""
        if ticket not in line or (not held and line[0] is ticket):
            return None
        before = self.order(line, held).index(ticket)
        return Wait(before, (before + 1) * self.usual / max(1, slots) if self.ended else None)


def _who(ticket: Ticket) -> _Key:
    return (ticket.who,)


def _person(ticket: Ticket) -> _Key:
    return ticket.who, ticket.person
