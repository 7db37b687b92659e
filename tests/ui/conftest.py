"""A real Chromium for the page's tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.conftest import App, launch


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A fresh profile in English; what the page logs as an error fails the test."""
    with_errors = _watched(browser.new_context(locale="en-US", viewport={"width": 1280, "height": 800}))
    yield with_errors
    problems: list[str] = with_errors.problems  # type: ignore[attr-defined]
    with_errors.close()
    assert not problems, problems


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """One tab."""
    return context.new_page()


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """A server with the echo engine that the tests of a file share: each begins a conversation of its own."""
    started = launch(tmp_path_factory.mktemp("app data 数据"), "--engine", "echo")
    yield started
    started.kill()


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    """A narrow page in Chinese."""
    narrow = _watched(browser.new_context(locale="zh-CN", viewport={"width": 390, "height": 780}, has_touch=True))
    yield narrow.new_page()
    problems: list[str] = narrow.problems
    narrow.close()
    assert not problems, problems


@pytest.fixture(autouse=True)
def _patience() -> Iterator[None]:
    """Pages and servers share a small machine here."""
    expect.set_options(timeout=20_000)
    yield
    expect.set_options(timeout=5_000)


def _watched(context: BrowserContext) -> Any:
    context.problems = []  # type: ignore[attr-defined]
    context.set_default_timeout(20_000)

    def watch(page: Page) -> None:
        page.on("pageerror", lambda error: context.problems.append(str(error)))  # type: ignore[attr-defined]

    context.on("page", watch)
    return context
