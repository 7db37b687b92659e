"""The page's server side without a browser: the list's groups, tokens, files that come and go."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from anyio.from_thread import start_blocking_portal
from fastapi import FastAPI
from fastapi.testclient import TestClient

from playground.chat import ChatService
from playground.engine.manager import ModelManager
from playground.errors import StorageError
from playground.paths import open_data_folder
from playground.records import TokenScore
from playground.replay import ReplayState
from playground.settings import Settings
from playground.store import Database, History
from playground.ui import file_routes
from playground.ui.details_view import tokens_html
from playground.ui.file_routes import build_file_router
from playground.ui.live import listing
from playground.ui.views import list_html
from tests.histories import open_history
from tests.ui.talking import put

OLDER = 'data-action="older"'


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    made = open_history(tmp_path)
    yield made
    made.database.close()


@pytest.fixture
def chat(tmp_path: Path) -> Iterator[ChatService]:
    data = open_data_folder(str(tmp_path / "data"))
    manager = ModelManager(Settings(engine="echo", model="echo"), data)
    made = ChatService(History(Database(data.database, data.backups)), manager)
    with contextlib.closing(manager), contextlib.closing(made):
        yield made
    made.history.database.close()


def client_of(chat: ChatService, folder: Path) -> TestClient:
    app = FastAPI()
    app.include_router(build_file_router(chat, folder), prefix="/page")
    return TestClient(app)


# ---- the list --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("place", ["pinned", "folder", "archive", "trash"])
def test_every_group_of_the_list_can_be_read_to_its_end(history: History, place: str) -> None:
    for number in range(4):
        talk_id, _ = put(history, f"talk {number}", "reply", title=f"talk {number}")
        if place == "pinned":
            history.pin(talk_id)
        elif place == "folder":
            history.move(talk_id, "Plans")
        elif place == "archive":
            history.archive(talk_id)
        else:
            history.trash(talk_id)
    short = list_html(listing(history, 3), "en")
    assert ("talk 0" in short, "talk 1" in short, OLDER in short) == (False, True, True)
    whole = list_html(listing(history, 4), "en")
    assert ("talk 0" in whole, OLDER in whole) == (True, False)


def test_a_folder_counts_what_it_shows(history: History) -> None:
    for number in range(3):
        talk_id, _ = put(history, f"talk {number}", "reply", title=f"talk {number}")
        history.move(talk_id, "Plans")
        if number == 0:
            history.pin(talk_id)
    assert "<span>Plans</span> <small>2</small>" in list_html(listing(history, 3), "en")
    assert "<span>Plans</span> <small>1+</small>" in list_html(listing(history, 1), "en")


def test_buttons_of_the_list_say_of_what(history: History) -> None:
    talk_id, _ = put(history, "q", "r", title='a "talk"')
    history.move(talk_id, "Plans")
    gone, _ = put(history, "q", "r", title="gone")
    history.trash(gone)
    names = re.findall('aria-label="([^"]*)"', list_html(listing(history, 5), "en"))
    assert names == ["More: Plans", "More: a &quot;talk&quot;", "Restore: gone"]


def test_the_tree_has_the_top_of_each_deleted_part(history: History) -> None:
    talk_id, ids = put(history, "one", "two", "three", "four", "five", "six")
    history.delete_message(talk_id, ids[4])
    history.delete_message(talk_id, ids[2])
    assert [node.id for node in history.tree(talk_id)] == ids[:2]
    found = history.tree(talk_id, deleted=True)
    assert [(node.id, node.deleted) for node in found] == [(ids[0], False), (ids[1], False), (ids[2], True)]
    history.restore_message(talk_id, ids[2])
    assert [node.id for node in history.tree(talk_id, deleted=True) if node.deleted] == [ids[4]]


# ---- tokens ----------------------------------------------------------------------------------------------------------
def test_tokens_without_probabilities_have_no_perplexity() -> None:
    told = ReplayState("done", tokens=tuple(TokenScore(text, 1, -9999.0, ()) for text in "ab"))
    assert "perplexity –" in tokens_html("m", told, "en")
    likely = ReplayState("done", tokens=(TokenScore("a", 1, 0.0, ()),))
    assert "perplexity 1.00" in tokens_html("m", likely, "en")


def test_tokens_are_sent_once_all_are_there_and_are_one_stop_of_the_tab_key() -> None:
    tokens = tuple(TokenScore(text, 1, -0.5, ()) for text in "abc")
    assert "tks" not in tokens_html("m", ReplayState("writing", 3, 5, tokens=tokens), "en")
    page = tokens_html("m", ReplayState("done", 3, 3, tokens=tokens), "en")
    assert re.findall(r'tabindex="(-?\d)"', page) == ["0", "-1", "-1"]


# ---- files -----------------------------------------------------------------------------------------------------------
def test_what_is_exported_speaks_the_readers_language_and_folds_thoughts(chat: ChatService, tmp_path: Path) -> None:
    talk_id, _ = put(chat.history, "问", "<think>secret *musing*</think>The answer.")
    client = client_of(chat, tmp_path)
    page = client.get("/page/export", params={"format": "html", "c": talk_id}, headers={"Accept-Language": "zh"}).text
    assert '<html lang="zh-CN">' in page
    assert "您 <time" in page
    assert "&lt;think&gt;" not in page
    assert "<summary>思考过程</summary>" in page
    text = client.get(
        "/page/export", params={"format": "markdown", "c": talk_id}, headers={"Accept-Language": "zh"}
    ).text
    assert "## 您" in text


def test_an_upload_that_is_given_up_leaves_nothing(chat: ChatService, tmp_path: Path) -> None:
    app, folder = FastAPI(), tmp_path / "uploads"
    app.include_router(build_file_router(chat, folder), prefix="/page")
    parts = iter([{"type": "http.request", "body": b"half of", "more_body": True}, {"type": "http.disconnect"}])
    answers: list[Any] = []

    async def receive() -> Any:
        return next(parts)

    async def send(message: Any) -> None:
        answers.append(message)

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
        "path": "/page/attach", "raw_path": b"/page/attach", "query_string": b"name=a.txt", "headers": [],
        "root_path": "", "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
    }  # fmt: skip
    with (
        start_blocking_portal() as portal
    ):  # On a thread of its own: the browser's tests leave a loop running on this one.
        portal.call(app, scope, receive, send)
    assert answers[0]["status"] == 499
    assert list(folder.iterdir()) == []
    assert chat.history.database.db.table("attachments").count == 0


def test_what_a_killed_app_left_on_its_way_is_swept(chat: ChatService, tmp_path: Path) -> None:
    left = tmp_path / "uploads" / "upload-abc"
    left.mkdir(parents=True)
    (left / "file").write_bytes(b"x")
    (tmp_path / "uploads" / "something else").mkdir()
    build_file_router(chat, tmp_path / "uploads")
    assert [one.name for one in (tmp_path / "uploads").iterdir()] == ["something else"]


def test_a_very_long_name_keeps_its_beginning_and_its_ending(chat: ChatService, tmp_path: Path) -> None:
    client = client_of(chat, tmp_path)
    said = client.post("/page/attach", params={"name": f"start{'x' * 3000}.txt"}, content=b"words").json()
    assert len(said["name"]) == 200
    assert said["name"].startswith("start")
    assert said["name"].endswith(".txt")


def test_a_large_upload_arrives_whole(chat: ChatService, tmp_path: Path) -> None:
    text = "".join(f"line {n}\n" for n in range(300_000))
    client = client_of(chat, tmp_path)
    said = client.post("/page/attach", params={"name": "a.txt"}, content=text.encode()).json()
    assert chat.history.files([said["id"]])[0].size == len(text)


def test_an_import_that_breaks_off_announces_what_it_took(
    chat: ChatService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise StorageError("The disk is full. Free some space, then try again.")

    monkeypatch.setattr(file_routes, "import_file", full)
    heard: list[str] = []
    end = chat.listen(lambda conversation_id, structural: heard.append(conversation_id))
    assert client_of(chat, tmp_path).post("/page/import", params={"name": "a.json"}, content=b"{}").status_code == 422
    end()
    assert heard == ["-"]
