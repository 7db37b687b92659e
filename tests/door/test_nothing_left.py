"""What guests, programs and the owner write is found nowhere afterwards but in the owner's own history.

Each thing that somebody writes has a canary in it, in English and in Chinese; then all files are searched for it.
"""

from __future__ import annotations

import re
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from benchmarks.common import Client
from playground.access.quota import Quota
from playground.engine.turns import Ticket
from playground.paths import DataFolder, open_data_folder
from playground.records import Sampling, Turn
from playground.services import borrowed_services, open_services
from playground.settings import load_settings
from playground.store import Database
from playground.store.access_values import ROOMS, SCOPES, Limits
from tests.conftest import CHROMIUM_FLAGS, ROOT, App, find_chromium, give_starter, launch, wait_for
from tests.door.canaries import Canary, found_in, holders
from tests.door.leaving import ASKED, ask, canaries, come_in, command, use

HISTORY = ("playground.db", "playground.db-wal", "playground.db-shm", "backups/")
BROWSERS_OWN = ("Default/History", "Default/Sessions/", "Default/Session Storage/")
"""Where Chromium keeps what the owner may find again: titles of pages, and what they have typed and not sent."""
_STORED = """async () => JSON.stringify([
  Object.entries(localStorage), Object.entries(sessionStorage), await indexedDB.databases(), await caches.keys(),
  document.cookie, document.title, location.href, (await navigator.serviceWorker.getRegistrations()).length,
])"""


@dataclass
class Place:
    """Folders of an app, and since when they are there."""

    root: Path
    began: float

    def start(self, patch: pytest.MonkeyPatch) -> App:
        """The app as a user has it, but for where its temporary files and its user's home are."""
        with patch.context() as told:
            for name, folder in (("TMPDIR", "tmp"), ("HOME", "home"), ("XDG_CACHE_HOME", "home")):
                (self.root / folder).mkdir(exist_ok=True)
                told.setenv(name, str(self.root / folder))
            return launch(self.root / "data", "--engine", "echo")

    def secret(self, app: App) -> str:
        """The address of a new link for all rooms."""
        secret = command(app, "link", title="Friends", hours="1", **{f"room.{room}": "on" for room in ROOMS})["secret"]
        found = re.search(r"http://[\d.:]+/enter#", command(app, "whole", secret=secret)["html"])
        assert found is not None
        return f"{found[0]}{secret}"

    def held(self, *mine: Canary) -> dict[str, list[str]]:
        """Files of the app that hold any of these."""
        return holders(self.root, mine, apart=[self.root / "profile"])

    def held_elsewhere(self, *mine: Canary) -> dict[str, list[str]]:
        """Files that came meanwhile among the system's temporary ones and beside the program."""
        found: dict[str, list[str]] = {}
        for place in (Path("/tmp"), Path("/var/tmp"), Path("/dev/shm"), ROOT):
            if place.is_dir():
                apart = [self.root.parent.parent, place / ".git", place / ".venv"]
                here = holders(place, mine, apart=apart, since=self.began)
                found |= {f"{place}/{one}": how for one, how in here.items()}
        return found


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path, time.time() - 1)


@pytest.fixture
def profile(browser: Browser, place: Place) -> Iterator[BrowserContext]:
    """A browser that keeps what browsers keep."""
    context = browser.browser_type.launch_persistent_context(
        place.root / "profile", executable_path=find_chromium(), args=CHROMIUM_FLAGS, locale="en-US"
    )
    context.set_default_timeout(20_000)
    expect.set_options(timeout=20_000)
    yield context
    expect.set_options(timeout=5_000)
    context.close()


def test_canaries_are_found_in_whatever_form(tmp_path: Path) -> None:
    """Else the tests below could not fail."""
    one, other = Canary("one"), Canary("other")
    forms = one.forms()
    assert {*forms.values()} == {"utf-8", "utf-16", "utf-16-be", "json", "percent", "hex", "base64"}
    for form, how in forms.items():
        assert f"one as {how}" in found_in(b"before" + form + b"after", [one, other])
        (tmp_path / "file").write_bytes(bytes(5000) + form)
        assert list(holders(tmp_path, [one])) == ["file"]
        assert holders(tmp_path, [other]) == {}
    with closing(sqlite3.connect(tmp_path / "db")) as db, db:
        db.execute("CREATE TABLE words (word TEXT)")
        db.execute("INSERT INTO words VALUES (?)", [one.text])
    assert "db" in holders(tmp_path, [one])


@pytest.mark.browser
def test_what_was_written_is_nowhere_afterwards(
    place: Place, profile: BrowserContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = place.start(monkeypatch)
    ada, owner, program = canaries("Ada"), canaries("owner"), canaries("program", ASKED)
    again = Canary("who came again")
    theirs = [*ada.values(), *program.values(), again]
    try:
        address = _open(place, app)
        guests = profile.pages[0]
        come_in(guests, address)
        use(guests, ada)
        owners = profile.new_page()
        owners.goto(app.url)
        use(owners, owner)
        ask(app, _key(app), program)
        inside = place.held(*ada.values())
        assert inside
        assert all(one.startswith("data/cache/guests/") for one in inside)

        guests.bring_to_front()
        guests.once("dialog", lambda dialog: dialog.accept())
        guests.locator("#pg-leave").click()
        _at_the_entrance(guests, profile, theirs)

        address = place.secret(app)
        come_in(guests, address)
        guests.get_by_role("textbox", name="Message", exact=True).fill(again.text)
        command(app, "revoke_link", _newest_link(place))
        _at_the_entrance(guests, profile, theirs)
        wait_for(lambda: not list((place.root / "data/cache/guests").glob("*")), what="the guest's folder is gone")
    finally:
        profile.close()
        app.kill()
    assert holders(place.root / "profile", theirs) == {}, "the guest's browser"
    browsers = holders(place.root / "profile", [*owner.values()])
    print("what the owner's browser keeps:", browsers)
    assert all(one.startswith(BROWSERS_OWN) for one in browsers), browsers
    sent = {name for one, names in browsers.items() if "Storage" in one for name in names}
    assert not [name for name in sent if name.startswith(("owner's summary", "owner's searched"))]
    assert place.held(*theirs) == {}
    own = place.held(*owner.values())
    assert own
    assert all(one.removeprefix("data/").startswith(HISTORY) for one in own), own
    assert place.held_elsewhere(*theirs, *owner.values()) == {}
    assert list((place.root / "tmp").rglob("*")) == []


def _open(place: Place, app: App) -> str:
    """The address of a first link, once it is open."""
    command(app, "link", title="first", hours="1", **{"room.chat": "on"})
    command(app, "open", reach="here")
    return place.secret(app)


def _key(app: App) -> str:
    shown = command(app, "key", name="a program", **{f"scope.{one}": "on" for one in SCOPES})["html"]
    found = re.search(r"pg-[\w-]{20,}", shown)
    assert found is not None
    return found[0]


def _newest_link(place: Place) -> str:
    with closing(sqlite3.connect(place.root / "data/access.db")) as db:
        return str(db.execute("SELECT id FROM links ORDER BY created_at DESC LIMIT 1").fetchone()[0])


def _at_the_entrance(page: Page, profile: BrowserContext, mine: list[Canary]) -> None:
    """Whoever was shown out is led there by the page itself, and nothing of theirs is left in it."""
    page.wait_for_url("**/enter")
    expect(page.get_by_label("Name", exact=True)).to_be_visible()
    for one in (page.evaluate(_STORED), page.content(), str(profile.cookies())):
        assert found_in(one.encode(), mine) == []
    assert page.evaluate("sessionStorage.length") == 0


# ---- what went wrong, and what was killed ----------------------------------------------------------------------------
def test_after_errors_and_a_kill(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log says what went wrong, not what was written; who was in when the app was killed has left."""
    sent, wrong, attached = (Canary(name) for name in ("sent", "wrong", "attached"))
    mine = (sent, wrong, attached)
    app = place.start(monkeypatch)
    try:
        limits = Path(f"/proc/{app.process.pid}/limits")
        if limits.exists():
            assert re.search(r"Max core file size\s+0\s", limits.read_text())
        with _guest(place, app) as client:
            wait_for(lambda: "ready" in app.get("/health")["model"]["phase"], what="the model")
            Client(str(client.base_url), client).send(None, None, sent.text)
            client.post("/page/attach", params={"name": f"{attached.word}.txt"}, content=attached.text.encode())
            _break(place)
            for _ in range(2):
                with pytest.raises(Exception):  # noqa: B017, PT011 - whatever the page is told
                    Client(str(client.base_url), client).send(None, None, wrong.text)
            _ask_in_vain(client, wrong)
            assert wait_for(lambda: (place.root / "data/playground.log").exists(), what="the log")
            assert all(one.startswith("data/cache/guests/") for one in place.held(*mine))
            assert place.held(sent)
            said = _killed(app)
        assert found_in(said, mine) == []
        app = place.start(monkeypatch)
        assert not (place.root / "data/cache/guests").exists(), "before anybody opens the door"
        with _guest(place, app) as client:
            wait_for(lambda: "ready" in app.get("/health")["model"]["phase"], what="the model")
            Client(str(client.base_url), client).send(None, None, sent.text)
            assert place.held(sent)
            assert app.quit() == 0
        assert not (place.root / "data/cache/guests").exists(), "who was in when the app ended"
        assert app.process.stdout is not None
        assert found_in(app.process.stdout.read().encode(), mine) == []
    finally:
        app.kill()
    log = (place.root / "data/playground.log").read_text("utf-8")
    assert "Error" in log
    assert place.held(*mine) == {}
    assert place.held_elsewhere(*mine) == {}
    assert list((place.root / "tmp").rglob("*")) == []


@contextmanager
def _guest(place: Place, app: App) -> Iterator[httpx.Client]:
    url, _, secret = _open(place, app).partition("/enter#")
    with httpx.Client(base_url=url, timeout=60) as client:
        assert client.post("/enter", json={"link": secret, "name": "Ada"}).status_code == 200
        yield client


def _break(place: Place) -> None:
    """Take from the guest's history what is written to."""
    (database,) = (place.root / "data/cache/guests").glob("*/playground.db")
    with closing(sqlite3.connect(database, timeout=10)) as db, db:
        db.execute("PRAGMA foreign_keys=OFF")
        for table in ("messages", "runs", "attachments", "translations"):
            db.execute(f"ALTER TABLE {table} RENAME TO {table}_gone")


def _ask_in_vain(client: httpx.Client, wrong: Canary) -> None:
    """Everything that takes text, in a history that takes none."""
    text = {"text": wrong.text, "source": "en", "target": "fr", "page": "p", "style": "paragraph", "length": "50"}
    for path in ("context", "summaries/act", "translate/act", "translate/quick", "translate/detect"):
        client.post(f"/page/{path}", json={"action": "start", **text})
        client.post(f"/page/{path}", json=[wrong.text])
        client.post(f"/page/{path}", content=b'{"text": "' + wrong.text.encode())
    for path in ("attach", "import", "summaries/attach", "translate/attach", "memory/import", "memory/glossary"):
        client.post(f"/page/{path}", params={"name": f"{wrong.word}.docx"}, content=wrong.text.encode())
    for path in ("search", "memory/units"):
        client.get(f"/page/{path}", params={"q": wrong.text})
    client.get(f"/page/text/{wrong.word}")


def _killed(app: App) -> bytes:
    """kill -9; all that it said."""
    assert app.process.stdout is not None
    app.process.kill()
    app.process.wait(30)
    with app.process.stdout as said:
        return said.read().encode()


def test_what_sqlite_sorts_is_in_memory(tmp_path: Path) -> None:
    with closing(Database(tmp_path / "a.db", tmp_path)) as database:
        assert database.db.execute("PRAGMA temp_store").fetchone() == (2,)


# ---- what a model has read -------------------------------------------------------------------------------------------
@pytest.mark.real_model
def test_what_a_model_read_for_others_does_not_come_onto_the_disk(starter_gguf: Path, tmp_path: Path) -> None:
    """llama.cpp keeps read conversations for the next start: the owner's, and nobody else's."""
    folder = open_data_folder(str(tmp_path / "data"))
    give_starter(starter_gguf, folder.root)
    settings = load_settings(folder.settings, {"engine": "llamacpp", "context_length": 2048})
    owner = open_services(settings, folder, alone=True)
    other = DataFolder(tmp_path / "other")
    other.root.mkdir()
    text = "Tell me of the harbour, its three ships and the mill. " * 13  # More than is too little to be kept.
    prefixes = folder.cache / "prefixes"
    try:
        owner.manager.load()
        wait_for(lambda: owner.manager.state.phase == "ready", 120, "the model")
        guest = borrowed_services(owner, settings, other, Quota(Limits()), "somebody")
        for number, (manager, who) in enumerate(((guest.manager, ""), (owner.manager, "a program"))):
            with manager.lease(threading.Event(), ticket=Ticket(lasting=True, who=who)) as lease:
                turns, sampling = [Turn("user", f"{number} {text}")], Sampling(seed=1, max_new_tokens=4)
                assert lease.count_tokens(turns) > 128
                assert list(lease.stream(turns, sampling, threading.Event()))
        guest.close()
        guest.database.close()
        time.sleep(2.5)  # Longer than all must be quiet before anything is written.
        assert list(prefixes.glob("*")) == []
        owner.chat.send(None, text, sampling=Sampling(max_new_tokens=4))
        wait_for(lambda: list(prefixes.glob("*.json")), 100, "what the model read for the owner, once it has a title")
    finally:
        owner.close()
        owner.database.close()
    assert len(list(prefixes.glob("*.json"))) == 1
