"""A small real HTTP server that plays an OpenAI-compatible one by script, and keeps what it was asked."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Answers as the script says, and keeps what it was asked."""

    protocol_version = "HTTP/1.1"
    server: Script

    def handle_any(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        self.server.asked.append((self.path, body, dict(self.headers)))
        self.close_connection = True
        answer = self.server.answers.get(self.path)
        try:
            answer(self) if answer else self.say(404, {"error": "nothing here"})
        except (BrokenPipeError, ConnectionResetError):
            self.server.left.set()

    do_GET = do_POST = handle_any

    def say(self, code: int, body: Any, kind: str = "application/json", **headers: str) -> None:
        data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(code)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(data)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def events(self, *events: Any, done: bool = True, before: str = "") -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(before.encode())
        for event in [*events, *(["[DONE]"] if done else [])]:
            data = event if isinstance(event, str) else json.dumps(event, ensure_ascii=False)
            self.wfile.write(f"data: {data}\n\n".encode())
            self.wfile.flush()

    def log_message(self, *args: object) -> None:
        """Say nothing."""


class Script(ThreadingHTTPServer):
    """A server whose answers a test lays down, by path."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, Any, dict[str, str]]] = []
        self.answers: dict[str, Answer] = {}
        self.left = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}/v1"
        self.models({"id": "tiny", "object": "model", "owned_by": "someone"})

    def models(self, *entries: dict[str, Any]) -> None:
        self.answers["/v1/models"] = lambda handler: handler.say(200, {"object": "list", "data": list(entries)})

    def chat(self, answer: Answer) -> None:
        self.answers["/v1/chat/completions"] = answer

    def sent(self, path: str = "/v1/chat/completions") -> list[Any]:
        return [body for asked, body, _ in self.asked if asked == path]


def word(text: str, reason: str | None = None) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": reason}]}


@contextlib.contextmanager
def playing() -> Iterator[Script]:
    """One that answers until the end of the block."""
    server = Script()
    thread = threading.Thread(target=server.serve_forever, args=[0.01])
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
