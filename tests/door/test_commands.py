"""What is sent as a command of the page: whatever is none is refused before Gradio sees it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from starlette.types import Message, Receive, Scope, Send

from playground.ui.narrow import COMMAND, Narrow
from tests.door.houses import House, house
from tests.door.test_routes import commands


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house(tmp_path_factory.mktemp("house")) as made:
        yield made


def test_a_command_with_another_number_of_values_is_none() -> None:
    async def ask(data: list[object]) -> int:
        sent: list[Message] = []

        async def inner(_: Scope, receive: Receive, send: Send) -> None:
            assert json.loads((await receive())["body"])["data"] == data
            await send({"type": "http.response.start", "status": 200, "headers": []})

        async def receive() -> Message:
            return {"type": "http.request", "body": json.dumps({"fn_index": 7, "data": data}).encode()}

        async def send(message: Message) -> None:
            sent.append(message)

        await Narrow(inner, {7: [None, None]})({"type": "http", "method": "POST", "path": COMMAND}, receive, send)
        return int(sent[0]["status"])

    def status(data: list[object]) -> int:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(asyncio.run, ask(data)).result()

    assert status([1, "x"]) == 200
    wrongs: list[list[object]] = [[], [1], [1, 2, 3], [1, [[]] * 20_000]]
    for wrong in wrongs:
        assert status(wrong) == 422


def test_values_of_another_kind_are_refused_before_gradio_sees_them(
    shared: House, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    strange: list[Any] = [None, True, -1, 1e300, "x", "", [], [[]], {}, {"conversation": [1], "action": {"a": 1}}]
    asked = refused = 0
    with shared.guest() as guest:
        ours = {number: data for number, (_, data) in commands(guest).items() if is_ours(guest, number, data)}
        assert len(ours) == 3
        for number, data in ours.items():
            for place in range(len(data)):
                for value in strange:
                    body = {"data": [*data[:place], value, *data[place + 1 :]], "fn_index": number, "session_hash": "w"}
                    status = guest.post(COMMAND, json=body).status_code
                    assert status in (200, 422), (number, place, value, status)
                    asked, refused = asked + 1, refused + (status == 422)
    print(asked, "commands,", refused, "refused")
    assert refused > asked / 3
    assert "Traceback" not in capfd.readouterr().err
    assert not [one for one in caplog.records if one.levelname == "ERROR"]


def is_ours(guest: httpx.Client, number: int, data: list[Any]) -> bool:
    """Those that are the browser's alone have nothing behind them."""
    answer = guest.post(COMMAND, json={"fn_index": number, "data": data, "session_hash": "w"})
    return answer.status_code != 404


def test_of_a_command_only_what_the_page_says_reaches_gradio() -> None:
    async def ask() -> dict[str, Any]:
        got: list[dict[str, Any]] = []

        async def inner(_: Scope, receive: Receive, send: Send) -> None:
            got.append(json.loads((await receive())["body"]))

        async def receive() -> Message:
            more = {"batched": True, "event_id": "x", "simple_format": True, "request": {}, "session_hash": "s"}
            return {"type": "http.request", "body": json.dumps({"fn_index": 7, "data": [], **more}).encode()}

        async def send(_: Message) -> None: ...

        await Narrow(inner, {7: []})({"type": "http", "method": "POST", "path": COMMAND}, receive, send)
        return got[0]

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(asyncio.run, ask()).result() == {"fn_index": 7, "data": [], "session_hash": "s"}
