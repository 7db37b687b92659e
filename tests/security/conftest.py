"""A browser that is watched while strangers' texts are shown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.conftest import App, launch

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.security.detector import Detector


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """A server with the echo engine that the tests of a file share."""
    started = launch(tmp_path_factory.mktemp("hostile app"), "--engine", "echo")
    yield started
    started.kill()


@pytest.fixture
def detector(browser: Browser) -> Iterator[Detector]:
    """A fresh profile whose pages are watched, as patient as a small machine needs."""
    from playwright.sync_api import expect

    from tests.security.detector import Detector

    context = browser.new_context(locale="en-US", viewport={"width": 1280, "height": 800})
    context.set_default_timeout(20_000)
    expect.set_options(timeout=20_000)
    yield Detector(context)
    expect.set_options(timeout=5_000)
    context.close()
