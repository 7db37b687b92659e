"""Texts that are translated at once while a model is waited for: they hold up nobody else, and are so many at most."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from playground.access.quota import Quota
from playground.paths import open_data_folder
from playground.services import Services, borrowed_services
from playground.settings import Settings
from playground.store.access_values import Limits
from playground.translate.options import TranslationOptions
from playground.ui.translation_quick import _MOST, QuickTranslations
from tests.access.owning import owning
from tests.conftest import wait_for

MODEL = "echo-opus_mt_en_fr"
OPTIONS = TranslationOptions("fr", "en")
TEXT = "\n\n".join(f"The harbour took in {n} ships that year." for n in range(40))


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[Services]:
    with owning(tmp_path / "owner", MODEL) as made:
        yield made


@pytest.fixture
def guest(owner: Services, tmp_path: Path) -> Iterator[Services]:
    folder = open_data_folder(str(tmp_path / "guest"))
    made = borrowed_services(owner, Settings(engine="echo"), folder, Quota(Limits(), who="link"), "ada")
    yield made
    made.close()
    made.database.close()


def run(work: Coroutine[Any, Any, Any]) -> Any:
    """In a loop whose own threads are one."""

    async def begun() -> Any:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
        return await asyncio.wait_for(work, 60)

    with ThreadPoolExecutor(1) as pool:  # In this thread there may be a loop.
        return pool.submit(asyncio.run, begun()).result()


async def lines(quick: QuickTranslations, page: str, text: str = TEXT) -> list[dict[str, Any]]:
    return [json.loads(one) async for one in quick.lines(page, text, OPTIONS, "en", live=False)]


def quicks() -> int:
    return sum(one.name == "quick" for one in threading.enumerate())


def test_a_wait_for_a_model_takes_no_thread_of_the_loop(owner: Services, guest: Services) -> None:
    async def work() -> list[list[dict[str, Any]]]:
        quick, stop = QuickTranslations(guest.translations), threading.Event()
        with owner.manager.lease(stop):
            asked = [asyncio.create_task(lines(quick, f"page {number}")) for number in range(_MOST)]
            while quicks() < _MOST:
                await asyncio.sleep(0.02)
            assert await asyncio.to_thread(lambda: "somebody else") == "somebody else"
            (refused,) = await lines(quick, "one more")
            assert "Too many of your texts" in refused["error"]
            for task in asked[1:]:
                task.cancel()
            await asyncio.gather(*asked[1:], return_exceptions=True)
            while quicks() > 1:
                await asyncio.sleep(0.02)
        return [await asked[0], await lines(quick, "one more")]

    for made in run(work()):
        assert made[-1]["final"]
        assert made[-1]["text"] == TEXT
        assert (made[-1]["done"], made[-1]["total"]) == (40, 40)
    wait_for(lambda: quicks() == 0)


def test_the_newest_of_a_page_ends_the_older(owner: Services, guest: Services) -> None:
    async def work() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        quick = QuickTranslations(guest.translations)
        with owner.manager.lease(threading.Event()):
            older = asyncio.create_task(lines(quick, "page"))
            while quicks() < 1:
                await asyncio.sleep(0.02)
            newer = asyncio.create_task(lines(quick, "page", "One two three."))
            ended = await older
        return ended, await newer

    older, newer = run(work())
    assert older == []
    assert newer[-1]["text"] == "One two three."


def test_a_bug_ends_the_stream_and_frees_its_place(guest: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> None:
        quick = QuickTranslations(guest.translations)
        monkeypatch.setattr(quick, "_pieces", lambda *_: broken())
        for _ in range(_MOST + 1):
            with pytest.raises(ZeroDivisionError):
                await lines(quick, "page")

    def broken() -> Iterator[dict[str, Any]]:
        yield {"text": "x"}
        raise ZeroDivisionError

    run(work())
