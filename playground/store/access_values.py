"""Accounts, links, keys and people as values. Knows nothing of SQLite and of the web."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal

from playground.errors import BadValueError

Kind = Literal["owner", "account", "guest", "program"]
ROOMS = ("chat", "summaries", "translate")
"""What guests can be let into; all else is the owner's."""
SCOPES = ("chat", "embeddings", "summaries", "translate")
"""What a key can be for."""


@dataclass(frozen=True)
class Limits:
    """How much one account, one key, or all guests of one link may use; 0 is nothing at all.

    The guests of a link share its requests and tokens. What one person may do at a time is each one's own, but of all
    who share a link no more than four times as much is at work; in the line for a model they have one place together,
    and take turns at it.
    """

    requests_per_hour: int = 2000
    tokens_per_hour: int = 100_000
    """Read and written by models."""
    concurrent: int = 2
    """Replies, summaries and translations of one person at the same time; four times as many may be begun, and wait."""
    upload_megabytes: int = 20
    """Of one file; ten times as much in all."""

    def __post_init__(self) -> None:
        """Raises BadValueError for what is no number from 0 to a million million."""
        for one in fields(self):
            value = getattr(self, one.name)
            if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 10**12:
                raise BadValueError(f"{one.name} is {value!r}. Write a number from 0 on.")


@dataclass(frozen=True)
class Account:
    """Somebody with a name and a password. Times are seconds since the epoch."""

    id: str
    name: str
    created_at: float
    seen_at: float | None
    disabled: bool
    limits: Limits


@dataclass(frozen=True)
class Link:
    """A way in for guests. Its secret is known by its hash alone."""

    id: str
    title: str
    rooms: tuple[str, ...]
    limits: Limits
    created_at: float
    expires_at: float
    revoked_at: float | None
    has_password: bool
    """A password is asked for besides; it is needed where the link alone is not to be enough."""

    def open(self, now: float) -> bool:
        """Whether somebody can still come in."""
        return self.revoked_at is None and now < self.expires_at


@dataclass(frozen=True)
class ApiKey:
    """A key of a program. It is shown once, when it is made; here is its beginning."""

    id: str
    name: str
    begins: str
    scopes: tuple[str, ...]
    limits: Limits
    created_at: float
    used_at: float | None
    revoked_at: float | None


@dataclass(frozen=True)
class Person:
    """Whoever makes a request."""

    kind: Kind
    id: str
    """The account's, the guest session's or the key's; "" for the owner."""
    name: str
    rooms: tuple[str, ...]
    limits: Limits
    by: str = ""
    """The link of a guest."""
    kept: bool = False
    """A guest who comes again, in this browser and by this link, finds what they had."""


def limits_from(values: dict[str, Any]) -> Limits:
    """Of what a form or the store says; what is missing is as usual. Raises BadValueError."""
    known = {one.name for one in fields(Limits)}
    return Limits(**{name: value for name, value in values.items() if name in known})
