"""What the Share tab sends: commands of the owner, and the way to its stream. Secrets are in answers only, once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse

from playground.access.hashing import hashed_password, hashed_secret, new_secret
from playground.access.sharing import Sharing
from playground.errors import BadValueError, MissingError
from playground.store.access_values import ROOMS, SCOPES, Limits, limits_from
from playground.ui.chat_routes import Asked, answered
from playground.ui.share_address import Shared
from playground.ui.share_live import ShareWatcher, States
from playground.ui.share_parts import key_once, link_once
from playground.ui.strings import language_asked
from playground.ui.takes import whole

HOURS = {"1": "hour", "24": "day", "168": "week"}
"""How long a link can be open, and its words."""
LIMITS = tuple(one.name for one in fields(Limits))
_BEGINS = 7
"""Characters of a key by which it is known again."""
_Values = Mapping[str, str]


def build_share_router(sharing: Sharing, states: States, closing: asyncio.Event) -> APIRouter:
    """The routes, all under /page/share."""
    router, shared = APIRouter(), Shared(sharing)

    @router.get("/live")
    async def live(request: Request) -> Response:
        watcher = ShareWatcher(shared, states, language_asked(request), closing)
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(watcher.events(), media_type="text/event-stream", headers=headers)

    @router.post("/act")
    def act(request: Request, asked: Asked) -> Response:
        def work(language: str) -> dict[str, Any]:
            given = asked.get("values")
            values = {str(name): str(value) for name, value in given.items()} if isinstance(given, dict) else {}
            try:
                return _act(shared, str(asked.get("action")), str(asked.get("argument") or ""), values, language)
            finally:
                shared.changed.tell("")

        return answered(request, work)

    return router


def _act(shared: Shared, action: str, argument: str, values: _Values, language: str) -> dict[str, Any]:
    """One command. The answer has `html` to be shown once, or nothing."""
    sharing, access = shared.sharing, shared.sharing.access
    done: dict[str, Callable[[], object]] = {
        "open": lambda: shared.open(values.get("reach", ""), values.get("outside", "")),
        "close": sharing.close,
        "revoke_link": lambda: sharing.revoke(argument),
        "account": lambda: _add_account(sharing, values),
        "disable": lambda: _disable(sharing, argument),
        "enable": lambda: access.change_account(argument, disabled=False),
        "password": lambda: _new_password(sharing, argument, values.get("password", "")),
        "delete": lambda: _delete(sharing, argument),
        "revoke_key": lambda: sharing.revoke_key(argument),
        "show_out": lambda: sharing.show_out(argument),
    }
    if action in done:
        done[action]()
        return {}
    if action == "link":
        secret = _invite(sharing, values)
        return {"html": link_once(shared.whole(secret), language), "secret": secret}
    if action == "whole":  # The address has become another one while the page still shows a new link.
        secret = values.get("secret", "")
        found = access.link_of(hashed_secret(secret))
        if found is None or not found[0].open(time.time()):
            raise MissingError("This link does not exist (any more). Look at the list again.")
        return {"html": link_once(shared.whole(secret), language)}
    if action == "key":
        secret = new_secret("pg-")
        scopes = _chosen("scope", SCOPES, values)
        access.add_key(values.get("name", ""), secret[:_BEGINS], hashed_secret(secret), scopes, _limits(values))
        return {"html": key_once(secret, language)}
    raise BadValueError(f"There is no command {action!r}.")


def _invite(sharing: Sharing, values: _Values) -> str:
    """Make a link; returns its secret. There is always a chat on the page of a guest."""
    hours = values.get("hours", "")
    if hours not in HOURS:
        raise BadValueError(f"The time is {hours!r}. Choose one of those that are offered.")
    rooms = ["chat", *(room for room in _chosen("room", ROOMS, values) if room != "chat")]
    password = values.get("password", "")
    return sharing.invite(values.get("title", ""), rooms, _limits(values), int(hours) * 3600.0, password)[1]


def _add_account(sharing: Sharing, values: _Values) -> None:
    password = hashed_password(values.get("password", ""))
    sharing.access.add_account(values.get("name", ""), password, _limits(values))


def _disable(sharing: Sharing, account_id: str) -> None:
    sharing.access.change_account(account_id, disabled=True)
    _show_out(sharing, account_id)


def _new_password(sharing: Sharing, account_id: str, password: str) -> None:
    """Whoever came in by the old one must come in anew."""
    sharing.access.change_account(account_id, password_hash=hashed_password(password))
    _show_out(sharing, account_id)


def _delete(sharing: Sharing, account_id: str) -> None:
    sharing.access.account(account_id)  # Raises where there is none.
    sharing.access.delete_account(account_id)
    _show_out(sharing, account_id)


def _show_out(sharing: Sharing, account_id: str) -> None:
    sharing.sessions.end(lambda one: one.person.kind == "account" and one.person.id == account_id)


def _chosen(group: str, all_of_them: tuple[str, ...], values: _Values) -> list[str]:
    """The boxes of a group that are ticked."""
    return [one for one in all_of_them if f"{group}.{one}" in values]


def _limits(values: _Values) -> Limits:
    """What the form says; words that are no number are refused as they stand."""
    given = {name: values[name].strip() for name in LIMITS if name in values}
    return limits_from({name: whole(text) if whole(text) >= 0 else text for name, text in given.items()})
