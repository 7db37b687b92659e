"""Servers that tests of the API share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.serving import Api, served
from tests.conftest import give_starter


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """The echo engine, which answers at once."""
    with served(tmp_path_factory.mktemp("api") / "数据 data") as made:
        yield made
        made.idle()


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """The echo engine at 40 tokens a second."""
    with served(tmp_path_factory.mktemp("slow") / "data", "echo@40") as made:
        yield made
        made.idle()


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory, starter_gguf: Path) -> Iterator[Api]:
    """The starter model."""
    folder = tmp_path_factory.mktemp("real") / "data"
    give_starter(starter_gguf, folder)
    with served(folder, "smollm2-135m-instruct", context_length=2048) as made:
        yield made
        made.idle()
