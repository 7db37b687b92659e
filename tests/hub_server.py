"""A local server that speaks the Hub's protocol, and a package registry's, and can behave badly in many ways.

Knows nothing of the app. Large files (`LARGE` and up) are sent by a redirect to another path, as the Hub's own are.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

LARGE = 10_000


def noise(length: int, seed: int = 1) -> bytes:
    """Bytes that no two places share."""
    return random.Random(seed).randbytes(length)


@dataclass
class Repo:
    """A repository; its commit follows from its contents."""

    files: dict[str, bytes]
    tags: tuple[str, ...] = ("license:mit",)
    downloads: int = 1
    gated: bool = False
    pipeline_tag: str = "text-generation"
    wrong: dict[str, bytes] = field(default_factory=dict)
    """What is sent instead of what is promised, by path."""

    @property
    def commit(self) -> str:
        return hashlib.sha1(b"".join(path.encode() + data for path, data in sorted(self.files.items()))).hexdigest()

    def siblings(self) -> list[dict[str, Any]]:
        """The list of files as the Hub gives it with blobs=true."""
        found = []
        for path, data in self.files.items():
            entry: dict[str, Any] = {"rfilename": path, "size": len(data)}
            entry["blobId"] = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
            if len(data) >= LARGE:
                entry["lfs"] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 134}
            found.append(entry)
        return found


@dataclass
class HubServer:
    """Repositories by name, plain files by path, and the manner in which contents are sent."""

    repos: dict[str, Repo] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    manner: str = "good"
    """good, break, drip (breaks every 100,000 bytes), stall, slow, no ranges, no length, packed, text, or a status."""
    break_at: int = 600_000
    statuses: list[int] = field(default_factory=list)
    """Answers to give first, one a request for contents, whatever the manner."""
    api_statuses: list[int] = field(default_factory=list)
    """The same for the API."""
    page: bytes = b""
    """What the API gives instead, if anything: somebody else's page."""
    older: dict[str, Repo] = field(default_factory=dict)
    """What a branch has left behind, by commit."""
    token: str = ""
    """What a gated repository wants to see."""
    ranges: list[str | None] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    """Of all requests, in order, with `asked`: method and path."""
    sent: int = 0
    """Bytes of contents."""
    url: str = ""
    let_go: threading.Event = field(default_factory=threading.Event)

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """Take one request apart and answer it."""
        self.asked.append(f"{request.command} {request.path}")
        self.headers.append(dict(request.headers))
        path = unquote(urlsplit(request.path).path)
        query = parse_qs(urlsplit(request.path).query)
        if path.startswith("/api/models"):
            self._api(request, path.removeprefix("/api/models").strip("/"), query)
        elif path.startswith("/cdn/"):
            name, commit, file = path.removeprefix("/cdn/").split("@")
            repo = self.older.get(commit) or self.repos[name]
            self._content(request, repo.wrong.get(file, repo.files[file]))
        elif "/resolve/" in path:
            self._resolve(request, path)
        elif path in self.files:
            self._content(request, self.files[path])
        else:
            request.send_error(404)

    def _api(self, request: BaseHTTPRequestHandler, rest: str, query: dict[str, list[str]]) -> None:
        if self.api_statuses:
            request.send_error(self.api_statuses.pop(0))
            return
        if self.page:
            self._content(request, self.page)
            return
        if not rest:
            word, limit = query.get("search", [""])[0].lower(), int(query.get("limit", ["9999"])[0])
            tag, kind = query.get("filter", [""])[0], query.get("pipeline_tag", [""])[0]
            found = [
                {"id": name, "modelId": name, "downloads": repo.downloads, "likes": 3, "tags": list(repo.tags),
                 "gated": "manual" if repo.gated else False, "pipeline_tag": repo.pipeline_tag}
                for name, repo in sorted(self.repos.items(), key=lambda item: -item[1].downloads)
                if word in name.lower() and (not tag or tag in repo.tags) and (not kind or kind == repo.pipeline_tag)
            ]  # fmt: skip
            _json(request, found[:limit])
            return
        name, _, revision = rest.partition("/revision/")
        repo = self.repos.get(name)
        if repo is None:
            request.send_response(401)
            request.send_header("X-Error-Code", "RepoNotFound")
            request.send_header("Content-Length", "0")
            request.end_headers()
        elif revision not in ("", "main", repo.commit):
            request.send_response(404)
            request.send_header("X-Error-Code", "RevisionNotFound")
            request.send_header("Content-Length", "0")
            request.end_headers()
        else:
            siblings = repo.siblings() if query.get("blobs") else [{"rfilename": path} for path in repo.files]
            _json(request, {"id": name, "sha": repo.commit, "tags": list(repo.tags), "siblings": siblings})

    def _resolve(self, request: BaseHTTPRequestHandler, path: str) -> None:
        name, _, rest = path.strip("/").partition("/resolve/")
        commit, _, file = rest.partition("/")
        repo = self.older.get(commit) or self.repos.get(name)
        if repo is None and path in self.files:
            self._content(request, self.files[path])
            return
        if repo is None or commit not in ("main", repo.commit) or file not in repo.files:
            request.send_error(404)
            return
        if repo.gated and request.headers.get("Authorization") != f"Bearer {self.token}":
            request.send_error(403)
            return
        data = repo.files[file]
        if len(data) < LARGE:
            self._content(request, repo.wrong.get(file, data), {"ETag": f'"{_blob(data)}"', "X-Repo-Commit": commit})
            return
        request.send_response(302)
        request.send_header("X-Linked-Etag", f'"{hashlib.sha256(data).hexdigest()}"')
        request.send_header("X-Linked-Size", str(len(data)))
        request.send_header("X-Repo-Commit", commit)
        # By another host name, as the Hub's contents come from elsewhere: a token must not follow.
        request.send_header("Location", f"{self.url.replace('127.0.0.1', 'localhost')}/cdn/{name}@{commit}@{file}")
        request.send_header("Content-Length", "0")
        request.end_headers()

    def _content(self, request: BaseHTTPRequestHandler, content: bytes, extra: dict[str, str] | None = None) -> None:
        asked = request.headers.get("Range")
        self.ranges.append(asked)
        status = self.statuses.pop(0) if self.statuses else int(self.manner) if self.manner.isdigit() else 0
        if status:
            request.send_error(status)
            return
        start = int(asked.removeprefix("bytes=").split("-")[0]) if asked and self.manner != "no ranges" else 0
        if start >= len(content) > 0:
            request.send_error(416)
            return
        request.send_response(206 if start else 200)
        for key, value in (extra or {}).items():
            request.send_header(key, value)
        if start:
            request.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if self.manner == "packed" and "gzip" in request.headers.get("Accept-Encoding", ""):
            request.send_header("Content-Encoding", "gzip")
            content = gzip.compress(content)
        if self.manner == "text" or request.path.startswith("/simple"):
            request.send_header("Content-Type", "text/html")
        if self.manner != "no length":
            request.send_header("Content-Length", str(len(content) - start))
        request.end_headers()
        if request.command == "HEAD":
            return
        end = self.break_at if self.manner in ("break", "stall") and start < self.break_at else len(content)
        if self.manner == "drip":
            end = min(start + 100_000, end)
        for at in range(start, end, 50_000):
            piece = content[at : min(at + 50_000, end)]
            request.wfile.write(piece)
            self.sent += len(piece)
            if self.manner == "slow":
                time.sleep(0.05)
        if self.manner == "stall" and end < len(content):
            self.let_go.wait(30)


def _blob(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def _json(request: BaseHTTPRequestHandler, facts: Any) -> None:
    body = json.dumps(facts).encode()
    request.send_response(200)
    request.send_header("Content-Type", "application/json")
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)


@contextmanager
def serving(**changes: Any) -> Iterator[HubServer]:
    """Run a server while inside."""
    server = HubServer(**changes)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            try:
                server.answer(self)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        do_HEAD = do_GET

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        http.daemon_threads = True
        server.url = f"http://127.0.0.1:{http.server_port}"
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.let_go.set()
            http.shutdown()
            thread.join()
