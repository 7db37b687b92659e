"""Sockets to listen on. Knows nothing of what is served there."""

from __future__ import annotations

import errno
import os
import socket

from playground.errors import BadValueError, BusyError

LOOPBACK = ("127.0.0.1", "localhost", "::1")
"""Names of this machine that no other one can reach."""


def bound(host: str, port: int | None, first: int, tried: int, hint: str = "") -> socket.socket:
    """A listening socket on `port`, or on the first free one of `tried` from `first` on.

    `hint` ends what is said where no port is free. Raises BadValueError and BusyError.
    """
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
