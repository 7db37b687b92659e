"""Who leaves is served no longer: places are freed whether somebody reads, waits in line, or reads in streams."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from playground.store.access_values import Limits
from tests.api.serving import Api, served, threads
from tests.conftest import wait_for

CHAT = "/v1/chat/completions"
LONG = "/tokens 4000"  # 100 seconds at 40 tokens a second.


def body(text: str = LONG, **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}], "max_tokens": 4000, **more}


def gives_up(api: Api, path: str, sent: dict[str, Any]) -> None:
    """Ask, and hang up while it is at work."""

    def ask() -> None:
        with api.http() as http, contextlib.suppress(httpx.TimeoutException):
            answered.append(http.post(path, json=sent, timeout=0.7))

    answered: list[httpx.Response] = []
    asking = threading.Thread(target=ask)
    asking.start()
    wait_for(api.at_work, what="work")
    asking.join(30)
    assert not answered, "it took too little time to be left"


def test_who_leaves_a_stream(slow: Api) -> None:
    with slow.client() as client:
        stream = client.chat.completions.create(model="", stream=True, **body())
        for _, chunk in zip(range(4), stream, strict=False):
            assert chunk.choices[0].finish_reason is None
        assert (slow.at_work(), threads(), slow.services.manager.state.writing) == (1, 1, 1)
        stream.close()
        slow.idle()


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        (CHAT, body()),
        (CHAT, body("/tokens 30", n=8)),
        (CHAT, body("/read 60000", stream=True)),
        (CHAT, body("/read 60000")),
        ("/v1/summarize", {"text": "The harbour has three ships and a mill. " * 150}),
        ("/v1/translate", {"text": "The harbour has three ships and a mill. " * 60, "target": "fr"}),
    ],
    ids=["chat", "n", "reading", "reading, whole", "summary", "translation"],
)
def test_who_leaves_before_the_answer(slow: Api, path: str, sent: dict[str, Any]) -> None:
    gives_up(slow, path, sent)
    slow.idle()


def test_who_leaves_the_line(slow: Api) -> None:
    state = slow.services.manager
    with slow.client() as client:
        stream = client.chat.completions.create(model="", stream=True, **body())
        next(stream)
        for more in ({}, {"stream": True}):
            with pytest.raises(openai.APITimeoutError):
                client.chat.completions.create(model="", timeout=0.5, **body(**more))
            wait_for(lambda: state.state.waiting == 0, 10, "an empty line")
            wait_for(lambda: threads() == 1, 10, "the thread's end")
        assert next(stream).choices, "the first one goes on"
        stream.close()
        slow.idle()


def test_who_leaves_in_mid_sentence(slow: Api, caplog: pytest.LogCaptureFixture) -> None:
    address = ("127.0.0.1", int(slow.url.rpartition(":")[2]))
    head = f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {slow.key()}\r\nContent-Length: 999\r\n\r\n"
    with socket.create_connection(address) as half:
        half.sendall(head.encode() + b'{"mess')
    slow.idle()
    assert caplog.records == []


def test_one_key_takes_no_more_than_its_places(slow: Api) -> None:
    limits = Limits(10**6, 10**9, concurrent=1)
    with slow.client(limits=limits) as client:
        stream = client.chat.completions.create(model="", stream=True, **body())
        with pytest.raises(openai.RateLimitError, match="at work already"):
            client.chat.completions.create(model="", **body())
        stream.close()
        slow.idle()
        assert client.chat.completions.create(model="", **body("hi")).choices


def test_a_full_queue_is_told(slow: Api) -> None:
    async def crowd() -> list[int]:
        headers = {"Authorization": f"Bearer {slow.key()}"}
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(base_url=slow.url, headers=headers, timeout=120, limits=limits) as http:
            first = [asyncio.create_task(http.post(CHAT, json=body())) for _ in range(64)]
            while threads() < 64:
                await asyncio.sleep(0.05)
            late = await http.post(CHAT, json=body())
            assert late.json()["error"]["code"] == "queue_full"
            assert late.headers["retry-after"] == "2"
            models = await http.get("/v1/models")
            for task in first:
                task.cancel()
            await asyncio.gather(*first, return_exceptions=True)
            return [late.status_code, models.status_code]

    with ThreadPoolExecutor(1) as pool:  # In this thread there may be a loop.
        assert pool.submit(asyncio.run, crowd()).result() == [429, 200]
    slow.idle()


def close_models(api: Api) -> None:
    threading.Thread(target=api.services.manager.close).start()


@pytest.mark.parametrize("end", [Api.end, close_models], ids=["server", "models"])
def test_the_app_ends(tmp_path: Path, end: Callable[[Api], None]) -> None:
    with served(tmp_path / "data", "echo@40") as api, api.client() as client:
        stream = client.chat.completions.create(model="", stream=True, **body("/tokens 60"))
        next(stream)
        said: list[Any] = []
        waiting = threading.Thread(target=lambda: said.append(_refused(api)))
        waiting.start()
        wait_for(lambda: api.services.manager.state.waiting == 1, what="a second one in line")
        end(api)
        waiting.join(30)
        assert said == [503]
        if end is Api.end:
            with pytest.raises(openai.APIError, match="The app is closing"):
                list(stream)
            assert _refused(api) == 503
        stream.close()
        api.idle()


def _refused(api: Api) -> int:
    with api.http() as http:
        return http.post(CHAT, json=body("hi")).status_code


def test_a_key_that_is_revoked_ends_what_is_at_work_for_it(slow: Api) -> None:
    with slow.client() as client, slow.client() as other:
        key = slow.kept(client)
        stream = client.chat.completions.create(model="", stream=True, **body())
        next(stream)
        slow.access.revoke_key(key.id)
        slow.quotas.end(key.id)
        with pytest.raises(openai.APIError, match="revoked"):
            list(stream)
        slow.idle()
        with pytest.raises(openai.AuthenticationError):
            client.chat.completions.create(model="", **body("hi"))
        assert other.chat.completions.create(model="", **body("hi")).choices
