"""HTTP to an OpenAI-compatible server: JSON calls, a stream of events that can be ended at once, failures in words.

Knows nothing of prompts and sampling. The key goes into one header and nowhere else; redirects are not followed.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import queue
import re
import threading
import time
from collections.abc import AsyncIterator, Callable, Generator
from typing import Any

import httpx

from playground.errors import BadValueError, ContextError, ModelError

_CONNECT_SECONDS = 10.0
_ANSWER_SECONDS = 30.0
_SILENCE_SECONDS = 300.0
"""The longest a stream may say nothing: a long prompt on a busy server takes its time, and one can always stop."""
_PAUSES = (0.2, 1.0)
"""Between the tries of a call that changes nothing."""
_LONGEST_EVENT = 1 << 24


class Server:
    """One server and the key to it. Methods may be called from any thread."""

    def __init__(self, url: str, key: str) -> None:
        """`url` ends in /v1. Raises BadValueError for what is no address or cannot be a key."""
        try:
            parsed = httpx.URL(url.strip().rstrip("/"))
        except (httpx.InvalidURL, UnicodeError):
            parsed = httpx.URL("")
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise BadValueError("The server's address is not one. Write it like http://localhost:8000/v1.")
        # Whatever is a secret is left out of the name under which the server is spoken of.
        self.name = str(parsed.copy_with(username=None, password=None, query=None, fragment=None))
        self._url = str(parsed)
        self._root = self._url.removesuffix("/v1")
        self._key = key.strip()
        if not re.fullmatch(r"[\x21-\x7e]*", self._key):
            raise BadValueError("The key holds characters that no key has, such as a space. Copy it again.")

    def ask(self, method: str, path: str, body: Any = None, *, root: bool = False) -> Any:
        """The JSON answer of a call that changes nothing on the server, and so is tried again when it fails.

        `root`: `path` is not under /v1. Raises ModelError, and ContextError.
        """
        url = (self._root if root else self._url) + path
        with httpx.Client(headers=self._headers(), timeout=_timeout(_ANSWER_SECONDS)) as client:
            for pause in (*_PAUSES, None):
                try:
                    response = client.request(method, url, json=body)
                except httpx.HTTPError as error:
                    if pause is None or not isinstance(error, httpx.ConnectError | httpx.RemoteProtocolError):
                        raise self._failure(error) from None
                    time.sleep(pause)
                    continue
                if pause is None or response.status_code not in (429, 502, 503, 504):
                    break
                time.sleep(pause)
        if response.status_code != 200:
            raise self._refusal(response)
        try:
            return json.loads(response.content)
        except (RecursionError, ValueError):
            raise self._no_api(response) from None

    def stream(self, path: str, body: Any, stop: Callable[[], bool]) -> Generator[dict[str, Any]]:
        """The events of a reply as they come; asked for once, never again. Ends early when `stop()` comes true.

        Leaving the iteration closes the connection, by which the server knows to stop too. Raises ModelError and
        ContextError.
        """
        events: queue.SimpleQueue[dict[str, Any] | BaseException | None] = queue.SimpleQueue()
        # A loop of its own, because only asyncio can end a connection in any state: looking up, waiting, reading.
        loop = asyncio.new_event_loop()
        task = loop.create_task(self._receive(path, body, events.put))

        def work() -> None:
            asyncio.set_event_loop(loop)
            try:
                loop.run_until_complete(task)
                events.put(None)
            except BaseException as error:  # noqa: BLE001 - handed to the consumer, who raises it
                events.put(error)
            finally:
                loop.run_until_complete(loop.shutdown_asyncgens())
                loop.close()

        worker = threading.Thread(target=work, name="remote-stream", daemon=True)
        worker.start()
        try:
            while not stop():
                try:
                    event = events.get(timeout=0.1)
                except queue.Empty:
                    continue
                if event is None:
                    return
                if isinstance(event, BaseException):
                    raise event
                yield event
        finally:
            with contextlib.suppress(RuntimeError):  # It has ended by itself.
                loop.call_soon_threadsafe(task.cancel)
            worker.join(_CONNECT_SECONDS)

    async def _receive(self, path: str, body: Any, put: Callable[[dict[str, Any]], None]) -> None:
        ended = False
        try:
            async with (
                httpx.AsyncClient(headers=self._headers(), timeout=_timeout(_SILENCE_SECONDS)) as client,
                client.stream("POST", self._url + path, json=body) as response,
            ):
                if response.status_code != 200:
                    await response.aread()
                    raise self._refusal(response)
                if not response.headers.get("content-type", "").startswith("text/event-stream"):
                    await response.aread()
                    raise self._no_api(response)
                async for data in _lines(response):
                    if data == b"[DONE]":
                        return
                    event = self._event(data)
                    ended = ended or any(choice.get("finish_reason") for choice in event.get("choices") or ())
                    put(event)
        except httpx.HTTPError as error:
            raise self._failure(error) from None
        if not ended:
            raise self._broken()

    def _event(self, data: bytes) -> dict[str, Any]:
        try:
            event = json.loads(data)
        except ValueError:
            event = None
        if not isinstance(event, dict) or not isinstance(event.get("choices") or [], list):
            raise ModelError(
                f"{self.name} sent something in the middle of the reply that is not part of the API "
                f"({self._clean(data[:60])}). What came before is kept; try again."
            )
        if event.get("error") or event.get("object") == "error":
            raise self._said(event, 0)
        return event

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._key}"} if self._key else {}

    def _failure(self, error: httpx.HTTPError) -> ModelError:
        text = str(error)
        if isinstance(error, httpx.ConnectTimeout | httpx.PoolTimeout):
            words = "does not answer. Check the address, and whether a firewall is in between."
        elif isinstance(error, httpx.TimeoutException):
            words = "was silent for too long, so the call was given up. It may be overloaded; try again later."
        elif "CERTIFICATE" in text or "SSL" in text.upper():
            words = (
                f"cannot be trusted: its TLS certificate was refused ({self._clean(text)}). Use a certificate "
                "that this machine knows (SSL_CERT_FILE names one of your own), or http inside a network you trust."
            )
        elif re.search(r"Name or service not known|nodename nor servname|getaddrinfo|name resolution|11001", text):
            words = "cannot be found: no machine has this name. Check the address and the network."
        elif isinstance(error, httpx.ConnectError):
            words = f"cannot be reached ({self._clean(text)}). Start the server there, or correct the address."
        elif isinstance(error, httpx.RemoteProtocolError | httpx.ReadError | httpx.WriteError):
            return self._broken()
        else:
            words = f"could not be used ({type(error).__name__}: {self._clean(text)}). Check the address and the proxy."
        return ModelError(f"{self.name} {words}")

    def _broken(self) -> ModelError:
        return ModelError(f"{self.name} broke the connection off in the middle. What came before is kept; try again.")

    def _refusal(self, response: httpx.Response) -> ModelError | ContextError:
        """What an answer other than 200 means."""
        code = response.status_code
        if response.is_redirect:
            where = "elsewhere"
            with contextlib.suppress(httpx.InvalidURL):
                place = httpx.URL(response.headers.get("location", ""))
                where = str(place.copy_with(username=None, password=None, query=None))
            return ModelError(f"{self.name} sends its callers on to {where}. Give that address, if you trust it.")
        try:
            said = json.loads(response.content)
        except ValueError:
            said = None
        if code in (401, 403):
            remedy = "Give the right one" if self._key else "Give one"
            return ModelError(
                f"{self.name} refuses the key ({code}). {remedy} in the environment variable PLAYGROUND_API_KEY."
            )
        if code == 429:
            after = response.headers.get("retry-after", "")
            wait = f"in {after} s" if after.isdecimal() else "later"
            return ModelError(f"{self.name} has too much to do, or your quota is used up (429). Try again {wait}.")
        if isinstance(said, dict):
            return self._said(said, code)
        return self._no_api(response)

    def _said(self, said: dict[str, Any], code: int) -> ModelError | ContextError:
        """What the server says went wrong, in its own words."""
        error = said.get("error") or said
        text = str(error.get("message") or error.get("detail") or error) if isinstance(error, dict) else str(error)
        if (full := _context(error if isinstance(error, dict) else {}, text)) is not None:
            return ContextError(*full)
        remedy = "Try again later, or look into its log." if code >= 500 else "Change the request, or the model."
        number = f" ({code})" if code else ""
        return ModelError(f"{self.name} failed{number}: {self._clean(text)}. {remedy}")

    def _no_api(self, response: httpx.Response) -> ModelError:
        page = "text/html" in response.headers.get("content-type", "") or response.content[:1] == b"<"
        what = "a web page" if page else "something else"
        return ModelError(
            f"{self.name} answers with {what} ({response.status_code}), not with an OpenAI-compatible API. "
            "Check the address: it usually ends in /v1."
        )

    def _clean(self, text: str | bytes) -> str:
        """One short line; servers do repeat the key they were given."""
        text = text.decode(errors="replace") if isinstance(text, bytes) else text
        if self._key:
            text = text.replace(self._key, "(key)")
        return re.sub(r"\s+", " ", text).strip()[:300].rstrip(".")


def _timeout(seconds: float) -> httpx.Timeout:
    return httpx.Timeout(seconds, connect=_CONNECT_SECONDS)


async def _lines(response: httpx.Response) -> AsyncIterator[bytes]:
    """The data of server-sent events. Split at line feeds only: httpx also splits at characters that JSON may hold."""
    held = b""
    async for piece in response.aiter_bytes():
        *whole, held = (held + piece).split(b"\n")
        for line in whole:
            if line.startswith(b"data:"):
                yield line[5:].strip()
        if len(held) > _LONGEST_EVENT:
            raise httpx.RemoteProtocolError("an event without an end")
    if held.startswith(b"data:") and held.strip().endswith((b"}", b"[DONE]")):
        yield held[5:].strip()


def _context(error: dict[str, Any], text: str) -> tuple[int, int] | None:
    """Tokens asked for and tokens that fit, when that is what the error is about (llama-server, vLLM, OpenAI)."""
    if isinstance(error.get("n_prompt_tokens"), int) and isinstance(error.get("n_ctx"), int):
        return error["n_prompt_tokens"], error["n_ctx"]
    limit = re.search(r"maximum (?:context|model) length (?:is|of) (\d+)", text)
    # The last of them counts the reply that was asked for, too; better than nothing.
    shapes = (r"(\d+) input tokens", r"\((\d+) in the messages", r"resulted in (\d+) tokens", r"requested (\d+) tokens")
    asked = next((found for shape in shapes if (found := re.search(shape, text))), None)
    return (int(asked[1]), int(limit[1])) if limit and asked else None
