"""Every Python that the tests start imports this by itself: whoever reaches for another machine is noted, and refused.

`PLAYGROUND_TEST_CALLS` names the file for the notes. What installs packages is let through. It hears what Python's own
`socket` module is asked to do; not native code that opens sockets itself (llama.cpp, a browser, pip's own programs),
nor a Python that is started with -I or -S.
"""

import os
import socket
import sys

_OWN = ("localhost", "0.0.0.0", "::", "::1")
_MAY = ("pip", "uv", "ensurepip")
# Whose first argument is the host, or an address; and those whose second is an address.
_NAMES = ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo")
_SENDS = ("socket.connect", "socket.sendto", "socket.sendmsg")
_on = True


def let_out(whether):
    """Allow calls of this process from now on, or not; for what a test itself has to fetch."""
    global _on
    _on = not whether


def _is_ours(host):
    """Whether it is this machine by name or number. `localhost.example.org` and `cafe.de` are other people's."""
    if host in _OWN or host == socket.gethostname():
        return True
    host = host.removeprefix("::ffff:")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        number = socket.inet_pton(family, host)  # Before bind(), which would ask for a name.
        if family == socket.AF_INET and number[0] == 127:
            return True
        with socket.socket(family, socket.SOCK_STREAM) as tried:
            tried.bind((host, 0))  # Only an address of this machine in its network can be listened at.
    except OSError:
        return False
    return True


def _hook(event, arguments):
    if event not in (*_NAMES, *_SENDS) or not _on:
        return
    to = arguments[0] if event in _NAMES else arguments[1]
    host = to[0] if isinstance(to, tuple) else to
    if not host or not isinstance(to, (tuple, str, bytes)) or (event in _SENDS and not isinstance(to, tuple)):
        return  # A socket in the file system, or one that is connected.
    host = host.decode("utf-8", "replace") if isinstance(host, (bytes, bytearray)) else str(host)
    if _is_ours(host):
        return
    if host.endswith(".invalid"):  # Nobody's, by RFC 6761: answered as a resolver has to, without asking one.
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    with open(os.environ["PLAYGROUND_TEST_CALLS"], "a", encoding="utf-8") as notes:
        notes.write(f"{event} {host} by {os.environ.get('PYTEST_CURRENT_TEST', '?')}: {' '.join(sys.argv[:4])}\n")
    raise OSError(f"the tests stay on this machine: {event} {host}")


if "PLAYGROUND_TEST_CALLS" in os.environ and not {*_MAY} & {one.rpartition("/")[2] for one in sys.orig_argv[:4]}:
    sys.addaudithook(_hook)
