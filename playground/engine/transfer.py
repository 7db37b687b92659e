"""Brings one file from a server to the disk: resumed, retried, stoppable at once, verified. The only downloading code.

Knows nothing of models, the Hub or package registries; it is told an address, a length and a hash.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit
from urllib.request import url2pathname

import httpx

T = TypeVar("T")
Report = Callable[[str, int], None]
"""Called with what is being done and the bytes of this file that are here."""

PAUSES = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds before each new try after a server's trouble; bytes that came start the row anew."""
VERIFYING = "verifying"
_LONGEST_PAUSE = 60.0
_TIMEOUT = httpx.Timeout(30, connect=4)
_HASH_PIECE = 1 << 20
_AGAIN = {408, 425, 429}


class Cancelled(Exception):
    """Raised inside a report or by a Brake to end a download; what has come so far stays for the next time."""


class Unavailable(Exception):
    """This source cannot give the file; the text says why, `remedy` (may be empty) what to do about it.

    `status` is the server's answer where it was one, else 0.
    """

    def __init__(self, reason: str, remedy: str = "", status: int = 0) -> None:
        super().__init__(reason)
        self.remedy = remedy
        self.status = status


class Trouble(Exception):
    """A fault that may pass: `persist` tries again. `moved`: something came before it; `wait`: the server's wish."""

    def __init__(self, reason: str, *, moved: bool = False, wait: float = 0) -> None:
        super().__init__(reason)
        self.moved = moved
        self.wait = wait


class Brake:
    """Ends a download from another thread, also one that waits for a silent server or between two tries."""

    def __init__(self) -> None:
        self._pulled = threading.Event()
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None

    @property
    def pulled(self) -> bool:
        """True once the download is to end."""
        return self._pulled.is_set()

    def pull(self) -> None:
        """End the download: it raises Cancelled at once."""
        with self._lock:
            self._pulled.set()
            if self._socket is not None:
                with contextlib.suppress(OSError):  # Closed already, by the server or by us.
                    self._socket.shutdown(socket.SHUT_RDWR)

    def check(self) -> None:
        """Raise Cancelled if pulled."""
        if self._pulled.is_set():
            raise Cancelled

    def wait(self, seconds: float) -> None:
        """Sleep, but not past the pull; then raises Cancelled."""
        if self._pulled.wait(seconds):
            raise Cancelled

    @contextlib.contextmanager
    def over(self, answer: httpx.Response) -> Iterator[None]:
        """While inside, a pull cuts the line that `answer` comes through."""
        stream = answer.extensions.get("network_stream")
        with self._lock:
            self._socket = stream.get_extra_info("socket") if stream is not None else None
        try:
            self.check()
            yield
        finally:
            with self._lock:
                self._socket = None


@dataclass(frozen=True)
class Remote:
    """One file elsewhere: its address, its length (0: unknown) and what it hashes to (SHA-256, or git's SHA-1)."""

    url: str
    size: int = 0
    sha256: str = ""
    git_sha1: str = ""
    token: str = ""
    """Shown to this server alone, not to those it redirects to."""


def persist(action: Callable[[], T], say: Callable[[str], None], brake: Brake) -> T:
    """The one retry policy: do `action` until it raises no Trouble. Raises Unavailable after the last try."""
    tries = 0
    while True:
        brake.check()
        try:
            return action()
        except Trouble as trouble:
            if trouble.moved:
                tries = 0
            if tries == len(PAUSES):
                raise Unavailable(f"{trouble}, also after {tries} more tries") from None
            pause = max(PAUSES[tries], min(trouble.wait, _LONGEST_PAUSE))
            tries += 1
            say(f"{trouble}; trying again in {pause:.0f} s ({tries} of {len(PAUSES)})")
            brake.wait(pause)


def client() -> httpx.Client:
    """A connection pool for many files; says nothing about this machine."""
    # A packed answer has another length, and its parts do not fit together.
    headers = {"User-Agent": "playground", "Accept-Encoding": "identity"}
    return httpx.Client(timeout=_TIMEOUT, follow_redirects=True, headers=headers)


def receive(remote: Remote, part: Path, source: str, report: Report, brake: Brake, http: httpx.Client) -> None:
    """Bring `remote` to `part`, going on where an earlier try ended, and verify it; a wrong file is removed.

    `source` names the server in what is said. Raises Unavailable, Cancelled, and OSError as the disk gives it.
    """
    if remote.size and part.exists() and part.stat().st_size > remote.size:
        part.unlink()
    held = part.stat().st_size if part.exists() else 0
    _fill(remote, part, source, report, brake, http)
    if not verified(remote, part, source, report, brake) and held:
        # The half of an earlier day may have been spoilt; a whole new one decides.
        _fill(remote, part, source, report, brake, http)
        verified(remote, part, source, report, brake)
    if not part.exists():
        raise Unavailable(f"what the {source} sent is not the expected file (wrong SHA-256)")


def _fill(remote: Remote, part: Path, source: str, report: Report, brake: Brake, http: httpx.Client) -> None:
    if remote.url.startswith("file:"):
        with open(url2pathname(urlsplit(remote.url).path), "rb") as content, part.open("wb") as target:
            while piece := content.read(_HASH_PIECE):
                brake.check()
                target.write(piece)
                report(source, target.tell())
        return
    if remote.size and part.exists() and part.stat().st_size == remote.size:
        return
    reached, most = False, part.stat().st_size if part.exists() else 0

    def attempt() -> None:
        nonlocal reached, most
        try:
            _stream(remote, part, source, report, brake, http)
        except httpx.HTTPStatusError as error:
            reached = True
            raise refusal(source, error.response.status_code, error.response.headers.get("Retry-After", "")) from None
        except (httpx.TransportError, httpx.DecodingError, httpx.TooManyRedirects) as error:
            brake.check()
            here = part.stat().st_size if part.exists() else 0
            moved, most = here > most, max(here, most)
            # Nobody there at all: waiting would only keep the next source waiting.
            if not (reached or moved) and isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
                raise Unavailable(f"the {source} cannot be reached ({type(error).__name__})") from None
            reached = True
            raise Trouble(f"the {source} broke off ({type(error).__name__})", moved=moved) from None

    persist(attempt, lambda text: report(f"{source}: {text}", part.stat().st_size if part.exists() else 0), brake)


def refusal(source: str, status: int, retry_after: str = "") -> Exception:
    """The exception that a status code of `source` means: Trouble when it may pass, else Unavailable."""
    if status >= 500 or status in _AGAIN:
        wait = float(retry_after) if retry_after.isdigit() else 0.0
        return Trouble(f"the {source} answers with error {status}", wait=wait)
    return Unavailable(f"the {source} answers with error {status}", status=status)


def _stream(remote: Remote, part: Path, source: str, report: Report, brake: Brake, http: httpx.Client) -> None:
    done = part.stat().st_size if part.exists() else 0
    headers = {"Range": f"bytes={done}-"} if done else {}
    if remote.token:
        headers["Authorization"] = f"Bearer {remote.token}"
    with http.stream("GET", remote.url, headers=headers) as answer, brake.over(answer):
        if done and answer.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
            return  # All of it came the last time; the hash decides.
        answer.raise_for_status()
        goes_on = answer.headers.get("Content-Range", "").startswith(f"bytes {done}-")
        if answer.status_code != httpx.codes.PARTIAL_CONTENT or not goes_on:
            done = 0
        total = done + int(answer.headers.get("Content-Length", 0))
        if remote.size and total not in (done, remote.size):
            raise Unavailable(f"what the {source} sends is not the expected file ({total} bytes, not {remote.size})")
        with part.open("ab" if done else "wb") as file:
            for piece in answer.iter_bytes():  # As they come, so that a break loses none.
                brake.check()
                file.write(piece)
                file.flush()  # Else the end of what came before a stall is lost with the process.
                done += len(piece)
                if remote.size and done > remote.size:
                    break  # The hash says no; the disk need not be filled first.
                report(source, done)
            file.flush()
            os.fsync(file.fileno())
    brake.check()
    if done < (total if total else remote.size):
        raise httpx.ReadError("the connection ended early")


def verified(remote: Remote, part: Path, source: str, report: Report, brake: Brake) -> bool:
    """Whether `part` is what `remote` promises; a wrong file is removed. The length alone decides without a hash."""
    size = part.stat().st_size
    digest = hashlib.sha256()
    if remote.git_sha1 and not remote.sha256:  # Git's name of a file; whoever could forge one has the whole index.
        digest = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    with part.open("rb") as content:
        while piece := content.read(_HASH_PIECE):
            brake.check()
            report(f"{source}: {VERIFYING}", size)
            digest.update(piece)
    wanted = remote.sha256 or remote.git_sha1 or digest.hexdigest()
    if digest.hexdigest() == wanted and size == (remote.size or size):
        return True
    part.unlink()
    return False


def sha256_of(*files: Path) -> str:
    """The SHA-256 of the files' contents, one after the other."""
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as content:
            while piece := content.read(_HASH_PIECE):
                digest.update(piece)
    return digest.hexdigest()
