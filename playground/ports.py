"""Sockets to listen on, and how they are served. Knows nothing of what is served there."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import sys
from typing import Any

from playground.errors import BadValueError, BusyError

SERVER: dict[str, Any] = {
    "log_level": "warning",
    "access_log": False,
    "log_config": None,
    "proxy_headers": False,  # Else whoever guesses passwords says another address each time.
    "timeout_keep_alive": 60,  # After the usual 5 s a client that thinks for as long finds its connection broken.
    "http": "playground.connections:Connection",
}
"""How uvicorn serves the owner and others."""
LOOPBACK = ("127.0.0.1", "localhost", "::1")
"""Names of this machine that no other one can reach."""
_FILES = 10_240
"""Open at the same time, as many as macOS allows: two hundred people have a dozen each, and a connection is one."""
_MOST, _FEWEST = 1000, 64
"""Connections of a server: two hundred people with five each. Fewer where fewer files may be open."""


def make_room() -> None:
    """Let this process open more files, where the system lets it."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource  # Not on Windows, which has no such limit.

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        most = _FILES if hard == resource.RLIM_INFINITY else min(hard, _FILES)
        if soft != resource.RLIM_INFINITY and soft < most:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def most_connections() -> int:
    """How many a server holds at the same time: of two servers half of all files, so that the other half is left."""
    if sys.platform == "win32":
        return _MOST
    import resource

    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return _MOST if soft == resource.RLIM_INFINITY else max(_FEWEST, min(_MOST, soft // 4))


def bound(host: str, port: int | None, first: int, tried: int, hint: str = "") -> socket.socket:
    """A listening socket on `port`, or on the first free one of `tried` from `first` on.

    `hint` ends what is said where no port is free. Raises BadValueError and BusyError.
    """
    make_room()
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for one in [port] if port else range(first, first + tried):
        # Named, so that asyncio sends small answers at once.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, one))
            listener.listen(128)
            return listener
        except socket.gaierror:
            listener.close()
            raise BadValueError(f"host {host!r} is not an address of this machine. Try 127.0.0.1.") from None
        except PermissionError:
            listener.close()
            if not port:
                continue  # Windows reserves ranges of ports here and there.
            raise BusyError(f"Port {port} needs administrator rights. Choose one above 1023 with --port.") from None
        except OSError as error:
            listener.close()
            if error.errno == errno.EADDRNOTAVAIL:
                raise BadValueError(f"host {host!r} is not an address of this machine. Try 127.0.0.1.") from None
            if not port:
                continue
            raise BusyError(
                f"Port {port} on {host} is not free ({error.strerror}). Choose another with --port, or none."
            ) from None
    raise BusyError(f"No port from {first} to {first + tried - 1} is free. Choose one{hint}.")
