"""What all tests share: the starter model (fetched once, cached), a running app, a browser, and no silent skips.

With PLAYGROUND_REQUIRE=browser,real_model a skip of a test with such a marker is a failure.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import platformdirs
import pytest

from playground.engine.download import fetch, model_file
from playground.errors import PlaygroundError
from playground.paths import DataFolder
from playground.presets import STARTER, model_preset
from playground.store import History
from tests.histories import open_history

if TYPE_CHECKING:
    from playwright.sync_api import Browser

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell that runs us in the background ignores Ctrl-C for all that we start, and tests press it.
    signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parent.parent
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


CACHE = DataFolder(Path(platformdirs.user_cache_dir("playground-tests", appauthor=False)))
"""Where models are that tests fetch."""
OFFLINE = ROOT / "tests" / "offline"


def pytest_configure(config: pytest.Config) -> None:
    """Note whoever reaches for another machine, in this process and in each that it starts."""
    if not hasattr(config, "workerinput"):
        handle, notes = tempfile.mkstemp(prefix="playground-calls-")
        os.close(handle)
        os.environ["PLAYGROUND_TEST_CALLS"] = notes
        # Models of several tests compute at the same time: threads that share a processor wait for each other.
        os.environ["OMP_NUM_THREADS"] = "1"
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(OFFLINE), os.environ.get("PYTHONPATH")]))
    offline()


def offline() -> Any:
    """What watches this process; a worker of xdist has it already."""
    found = sys.modules.get("sitecustomize")
    if found is None or not hasattr(found, "let_out"):
        spec = importlib.util.spec_from_file_location("sitecustomize", OFFLINE / "sitecustomize.py")
        assert spec is not None
        assert spec.loader is not None
        found = sys.modules["sitecustomize"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(found)
    return found


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A call to another machine fails the whole run, whatever became of its test."""
    if hasattr(session.config, "workerinput"):
        return
    notes = Path(os.environ["PLAYGROUND_TEST_CALLS"])
    if calls := notes.read_text("utf-8"):
        print(f"\nCalls to other machines:\n{calls}")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    notes.unlink()


_FIRST = ("forks", "browser", "real_model")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that copy the process come first, while it is small; then those that take long, so that both workers end
    together."""
    marks: dict[Path, set[str]] = defaultdict(set)
    for item in items:
        marks[item.path] |= {mark.name for mark in item.iter_markers()}
        if item.get_closest_marker("forks") and not hasattr(os, "fork"):
            item.add_marker(pytest.mark.skip(reason="needs fork"))
    ranks = {path: next((at for at, mark in enumerate(_FIRST) if mark in found), 9) for path, found in marks.items()}
    items.sort(key=lambda item: ranks[item.path])


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Where a kind of test is required, its skip is a failure."""
    outcome: Any = yield
    report = outcome.get_result()
    required = set(filter(None, os.environ.get("PLAYGROUND_REQUIRE", "").split(",")))
    if report.skipped and required & {mark.name for mark in item.iter_markers()}:
        report.outcome = "failed"
        report.longrepr = f"skipped, but PLAYGROUND_REQUIRE asks for it: {report.longrepr}"


@pytest.fixture(autouse=True)
def _own_data_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test touches the user's data, even if it forgets to say where its own lies."""
    monkeypatch.setenv("PLAYGROUND_DATA_DIR", str(tmp_path / "data"))


@pytest.fixture(scope="session")
def starter_gguf() -> Path:
    """The starter model, kept in the user's cache from run to run."""
    return _fetched(STARTER)


@pytest.fixture(scope="session")
def minilm_folder() -> Path:
    """The model that compares English sentences, kept there too."""
    return _fetched("all-minilm-l6-v2")


def _fetched(name: str) -> Path:
    offline().let_out(True)
    try:
        return fetch(model_preset(name), CACHE, lambda what, done, total: None)
    except PlaygroundError as error:
        pytest.skip(str(error))
    finally:
        offline().let_out(False)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One browser for all tests: Playwright starts once in a process."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        try:
            started = playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_FLAGS)
        except Exception as error:  # noqa: BLE001 - whatever keeps it from starting is the reason for the skip
            pytest.skip(f"no Chromium could be started: {error}")
        yield started
        started.close()


@dataclass
class App:
    """A running server in a process of its own, as a user would start it."""

    process: subprocess.Popen[str]
    url: str
    data: Path

    def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        self.process.kill()
        self.process.wait(30)
        if self.process.stdout is not None:
            self.process.stdout.close()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def quit(self) -> int:
        """SIGTERM, and its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def get(self, path: str) -> Any:
        """JSON from a GET."""
        with urllib.request.urlopen(self.url + path, timeout=30) as answer:
            return json.load(answer)


@pytest.fixture
def start_app(tmp_path: Path) -> Iterator[Callable[..., App]]:
    """Start `playground serve` with these arguments (echo engine unless told otherwise); ended after the test."""
    running: list[App] = []

    def start(
        *arguments: str, data: Path | None = None, model_from: Path | None = None, under: Sequence[str] = ()
    ) -> App:
        folder = data or tmp_path / "app data 数据"
        if model_from is not None:
            give_starter(model_from, folder)
        elif "--engine" not in arguments:
            arguments = ("--engine", "echo", *arguments)
        app = launch(folder, *arguments, under=under)
        running.append(app)
        return app

    yield start
    for app in running:
        with contextlib.suppress(ProcessLookupError):
            app.kill()


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    """An empty history."""
    made = open_history(tmp_path)
    yield made
    made.database.close()


@dataclass
class Disk:
    """A small disk of its own, which can be filled up and made read-only."""

    root: Path

    def fill(self) -> None:
        """Take all the room there is."""
        with contextlib.suppress(OSError), (self.root / "filler").open("ab", buffering=0) as filler:
            while filler.write(bytes(4096)):
                pass

    def clear(self) -> None:
        """Give the room back."""
        (self.root / "filler").unlink()

    def remount(self, how: str) -> None:
        """ "ro" or "rw"."""
        subprocess.run(["mount", "-o", f"remount,{how}", self.root], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A disk of 24 MB; needs the right to mount."""
    folder = tmp_path / "small disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", folder]
    if os.name == "nt" or not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no permission to mount")
    yield Disk(folder)
    subprocess.run(["umount", "--lazy", folder], check=True)


def launch(folder: Path, *arguments: str, under: Sequence[str] = ()) -> App:
    """Start the server on a free port, `under` another program if need be, and wait until it says where it is."""
    command = [*under, sys.executable, "-m", "playground", "serve", "--no-browser"]
    command += ["--data-dir", str(folder), *arguments]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if line.startswith("Playground is ready: "):
            return App(process, line.split()[3], folder)
    process.wait(30)
    raise AssertionError(f"the app did not start (exit code {process.returncode}): {''.join(said)}")


def give_starter(gguf: Path, folder: Path) -> None:
    """Put the starter model into a data folder without fetching it again."""
    target = model_file(model_preset(STARTER), DataFolder(folder))
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        os.link(gguf, target) if os.stat(gguf).st_dev == os.stat(target.parent).st_dev else shutil.copy(gguf, target)


def wait_for(condition: Callable[[], Any], seconds: float = 20.0, what: str = "condition") -> Any:
    """Poll until `condition` is true and return its value; no fixed sleeps in tests."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.02)
    raise AssertionError(f"{what} did not come true within {seconds} s")


def find_chromium() -> str | None:
    """A Chromium that can be started, or None: then Playwright's own is tried."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return os.environ.get("PLAYGROUND_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
