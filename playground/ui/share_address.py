"""Where others find this machine: its addresses in the local network, an outside name, and what the page last chose."""

from __future__ import annotations

import ipaddress
import re
import socket
from urllib.parse import urlsplit

import psutil

from playground.access.sharing import Sharing
from playground.errors import BadValueError
from playground.listeners import Listeners
from playground.ports import LOOPBACK

REACHES = {"here": "127.0.0.1", "network": "0.0.0.0"}
"""Whom the address is for, and on what it listens then."""
_VIRTUAL = re.compile(r"docker|br-|veth|virbr|vmnet|vbox|vethernet|utun|tun|tap|zt|wg|tailscale", re.IGNORECASE)
_HOST = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))*")


class Shared:
    """What the Share tab works on. Safe to use from any thread."""

    def __init__(self, sharing: Sharing) -> None:
        self.sharing = sharing
        self.changed: Listeners[[str]] = Listeners()
        self._outside = ""

    def open(self, reach: str, outside: str) -> None:
        """Begin to listen. Raises BadValueError, and BusyError when no port is free."""
        if reach not in REACHES:
            raise BadValueError(f"There is no reach {reach!r}. Choose one of those that are offered.")
        base = outside_address(outside)
        if self.sharing.url:
            raise BadValueError("The address is open already. Close it first, then open it anew.")
        self.sharing.names.discard(urlsplit(self._outside).hostname or "")
        self._outside = base
        if base:
            self.sharing.names.add(urlsplit(base).hostname or "")
        self.sharing.open(REACHES[reach])

    @property
    def in_network(self) -> bool:
        """Whether it was opened for everyone around, as plain HTTP."""
        return self._network and not self._outside

    @property
    def _network(self) -> bool:
        return self.sharing.host not in ("", *LOOPBACK)

    def addresses(self) -> list[str]:
        """Where it is open, the likeliest first; none while it is not."""
        url = self.sharing.url
        if not url:
            return []
        if self._outside:
            return [self._outside]
        port = urlsplit(url).port
        found = [f"http://{one}:{port}" for one in network_addresses()] if self._network else []
        found += [f"https://{name}" for name in sorted(self.sharing.names)]  # Such as that of --share.
        return found or [url]

    def whole(self, secret: str) -> str:
        """The address of a link with its secret; "" while nothing is open."""
        return next((f"{one}/enter#{secret}" for one in self.addresses()), "")


def network_addresses() -> list[str]:
    """This machine's own IPv4 addresses, those that others most likely reach first. Asks nobody outside."""
    up = {name for name, one in psutil.net_if_stats().items() if one.isup}
    found = []
    for name, all_of_it in psutil.net_if_addrs().items():
        for one in all_of_it:
            if one.family != socket.AF_INET or name not in up:
                continue
            address = ipaddress.IPv4Address(one.address)
            if not (address.is_loopback or address.is_link_local or address.is_unspecified):
                found.append((bool(_VIRTUAL.match(name)), not address.is_private, name, one.address))
    return [address for *_, address in sorted(found)]


def is_elsewhere(address: str) -> bool:
    """Whether another machine can come to this address."""
    return urlsplit(address).hostname not in (*LOOPBACK, None)


def outside_address(text: str) -> str:
    """A tunnel's or a proxy's address as it is shown, "" for none. Raises BadValueError."""
    said = text.strip()
    if not said:
        return ""
    try:
        parts = urlsplit(said if "//" in said else f"https://{said}")
        host, port = parts.hostname or "", parts.port
    except ValueError:  # "[" without its "]", a port that is none
        host, port, parts = "", None, urlsplit("")
    more = parts.path.strip("/") or parts.query or parts.fragment or parts.username is not None
    if parts.scheme not in ("http", "https") or not _HOST.fullmatch(host) or len(host) > 253 or more:
        raise BadValueError(f"The outside address is {said[:200]!r}. Write one such as https://chat.example.org.")
    return f"{parts.scheme}://{host}{f':{port}' if port else ''}"
