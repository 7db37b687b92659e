"""Who asks: the key of a program, its scopes, and what it has left of its hour."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fastapi import Request
from fastapi.concurrency import run_in_threadpool

from playground.access.hashing import hashed_secret
from playground.access.quota import Quota
from playground.access.throttle import Throttle
from playground.api.openai_errors import ApiError
from playground.store.access import Access
from playground.store.access_values import ApiKey

_LONGEST = 200
"""Characters of a key; ours are shorter."""
_ADDRESS = 64
"""Characters of an address; what a proxy says for one may be long, and is remembered by its hash."""
QuotaOf = Callable[[ApiKey], Quota]
"""The same Quota for the same key each time, with the limits that the key has now."""


@dataclass(frozen=True)
class Caller:
    """A program that was let in."""

    key: ApiKey
    quota: Quota


class Door:
    """Lets programs in by their keys, on loopback too: any web page and any user of this machine can reach that."""

    def __init__(self, access: Access, quota_of: QuotaOf, throttle: Throttle) -> None:
        self._access = access
        self._quota_of = quota_of
        self._throttle = throttle

    async def enter(self, request: Request, scope: str = "") -> Caller:
        """Whose key this is; `scope` is what it must be good for. Raises ApiError."""
        kind, _, secret = request.headers.get("authorization", "").partition(" ")
        secret = secret.strip()
        if kind.lower() != "bearer" or not secret:
            raise ApiError(401, "Send a key: Authorization: Bearer KEY.", code="missing_api_key")
        # First, so that nobody's wrong keys shut out a right one; 192 random bits are not guessed.
        key = await run_in_threadpool(self._find, secret)
        if key is None:
            address = _short(request.client.host if request.client else "")
            if wait := self._throttle.wait(address):
                said = "Too many wrong keys came from this address. Wait, then send the right one."
                raise ApiError(429, said, code="too_many_wrong_keys", wait=wait)
            self._throttle.failed(address)
            raise ApiError(401, "This key is not known, or it was revoked.", code="invalid_api_key")
        if scope and scope not in key.scopes:
            said = f"This key is not for {scope}; it is for {', '.join(key.scopes)}. Make one that is."
            raise ApiError(403, said, code="missing_scope")
        return Caller(key, self._quota_of(key))

    def _find(self, secret: str) -> ApiKey | None:
        key = self._access.key_of(hashed_secret(secret)) if len(secret) <= _LONGEST else None
        if key is not None:
            self._access.key_used(key.id)
        return key


def _short(address: str) -> str:
    return address if len(address) <= _ADDRESS else hashed_secret(address)
