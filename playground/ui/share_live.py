"""The event stream of the Share tab: sections that changed. No secret ever goes through it.

Event (`data` is JSON):
  share  {sections, address}   HTML by the id of its box; where it is open, "" while it is not
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from playground.access.sharing import anybody
from playground.engine.states import ModelState
from playground.ui.share_address import Shared
from playground.ui.share_numbers import numbers_html
from playground.ui.share_view import accounts_html, keys_html, links_html, people_html, state_html
from playground.ui.watching import Watcher, event

_LOOK = 1.5
"""Seconds after which it is looked who has come in: nobody tells."""
States = Callable[[], Sequence[ModelState]]
"""The models that are loaded."""


class ShareWatcher(Watcher):
    """One page's stream."""

    def __init__(self, shared: Shared, states: States, language: str, closing: asyncio.Event) -> None:
        super().__init__(shared.changed.listen, closing)
        self._shared = shared
        self._states = states
        self._language = language
        self._sent: dict[str, str] = {}
        self._address: str | None = None

    def patience(self) -> float:
        """See Watcher."""
        return _LOOK

    def changes(self) -> list[str]:
        """See Watcher."""
        shared, language = self._shared, self._language
        access, inside = shared.sharing.access, shared.sharing.inside()
        links, accounts, addresses, keys = access.links(), access.accounts(), shared.addresses(), access.all_keys()
        names = {one.id: one.title for one in links} | {one.id: one.name for one in accounts}
        names |= {one.id: one.name for one in keys}
        drawn = {
            "px-state": state_html(addresses, anybody(links, accounts), shared.in_network, language),
            "px-links": links_html(links, inside, language),
            "px-accounts": accounts_html(accounts, inside, language),
            "px-keys": keys_html(keys, language),
            "px-people": people_html(inside, links, bool(addresses), language),
            "px-numbers": numbers_html(shared.sharing.quotas.all(), names, self._states(), language),
        }
        changed = {box: body for box, body in drawn.items() if self._sent.get(box) != body}
        address = addresses[0] if addresses else ""
        if not changed and address == self._address:
            return []
        self._sent |= changed
        self._address = address
        return [event("share", {"sections": changed, "address": address})]
