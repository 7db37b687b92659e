"""Passwords and secrets: made and hashed. Nothing that is kept tells them."""

from __future__ import annotations

import hashlib
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from playground.errors import BadValueError

SHORTEST, LONGEST = 12, 1000
"""Characters of a password."""
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
"""As OWASP advises for Argon2id (19 MiB, two passes): about 20 ms here."""
_NOBODY = _HASHER.hash("nobody has this password")


def hashed_password(password: str) -> str:
    """As it is kept. Raises BadValueError for a password that is too short, or much too long."""
    if len(password) < SHORTEST:
        raise BadValueError(f"The password has {len(password)} characters. Choose one of at least {SHORTEST}.")
    if len(set(password)) < 4:
        raise BadValueError("The password repeats very few characters. Choose another.")
    if len(password) > LONGEST:
        raise BadValueError(f"The password has more than {LONGEST} characters. Choose a shorter one.")
    return _HASHER.hash(password)


def is_password(kept: str | None, password: str) -> bool:
    """Whether this is the password; takes as long where there is none, so that time tells no names."""
    try:
        return _HASHER.verify(kept or _NOBODY, password[: LONGEST + 1]) and kept is not None
    except (Argon2Error, InvalidHashError):
        return False


def new_secret(prefix: str = "") -> str:
    """192 random bits for an address, a cookie or a header."""
    return prefix + secrets.token_urlsafe(24)


def hashed_secret(secret: str) -> str:
    """As it is kept; one that is random needs no slow hash."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
