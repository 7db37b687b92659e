"""A stream that has nothing to tell says that it is still there, however often it looks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import anyio
import pytest
from anyio.from_thread import start_blocking_portal

from playground.errors import StorageError
from playground.ui import watching
from playground.ui.watching import looked, steady

PATIENCE = 0.2


def test_a_stream_that_looks_often_and_finds_nothing_is_not_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "PING", PATIENCE)
    ended = []

    async def looks() -> AsyncGenerator[str]:
        try:
            yield "first"
            for _ in range(60):
                await anyio.sleep(PATIENCE / 10)
                yield ""
            yield "last"
        finally:
            ended.append(True)

    async def read() -> list[str]:
        return [each async for each in steady(looks())]

    with start_blocking_portal() as portal:
        said = portal.call(read)
    assert (said[0], said[-1], ended) == ("first", "last", [True])
    assert 2 <= said.count(": still here\n\n") <= 6
    assert len(said) == said.count(": still here\n\n") + 2


def test_a_stream_that_is_left_ends_what_it_tells_of() -> None:
    ended = []

    async def looks() -> AsyncGenerator[str]:
        try:
            while True:
                yield "word"
        finally:
            ended.append(True)

    async def leave() -> None:
        stream = steady(looks())
        async for _ in stream:
            break
        await stream.aclose()

    with start_blocking_portal() as portal:
        portal.call(leave)
    assert ended == [True]


@pytest.mark.parametrize("leaving", [True, False])
def test_a_file_that_is_closed_is_an_error_only_while_one_stays(leaving: bool) -> None:
    def look() -> str:
        raise StorageError("It is closed.")

    async def read() -> str | None:
        closing = asyncio.Event()
        if leaving:
            closing.set()
        return await looked(look, closing)

    with start_blocking_portal() as portal:
        if leaving:
            assert portal.call(read) is None
        else:
            with pytest.raises(StorageError, match="closed"):
                portal.call(read)
