"""Images in conversations: a model that sees them, one that does not, one that says so late; copies, files, the page.

The model that sees is a server that is played, and keeps what it was sent.
"""

from __future__ import annotations

import base64
import contextlib
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from playground.chat import ChatService
from playground.context import Prompt, as_turns, turns_of, user_turn, with_files
from playground.engine.manager import ModelManager
from playground.errors import BadValueError
from playground.exchange import export, import_file
from playground.meter import measure
from playground.paths import open_data_folder
from playground.records import Message, Picture, Sampling, Turn
from playground.replay import Replays
from playground.settings import Settings
from playground.store import Database, History
from playground.ui.file_routes import build_file_router
from playground.ui.messages_view import message_html
from tests.conftest import wait_for
from tests.histories import FILE, answered, open_history, turn
from tests.pictures import attached, halves, opened, written
from tests.playing_server import Script, playing, word

SEES = {"id": "tiny", "owned_by": "llamacpp", "meta": {"n_ctx": 8192}}
REFUSED = {"error": {"message": "tiny is not a multimodal model", "code": 400}}


@pytest.fixture
def script() -> Iterator[Script]:
    """A llama-server that can see, and says what it is asked."""
    with playing() as server:
        server.models(SEES)
        server.answers["/props"] = lambda handler: handler.say(200, {"total_slots": 1, "modalities": {"vision": True}})
        server.answers["/apply-template"] = lambda handler: handler.say(200, {"prompt": "p"})
        server.answers["/tokenize"] = lambda handler: handler.say(200, {"tokens": [1] * 9})
        server.chat(lambda handler: handler.events(word("A flag."), word("", "stop")))
        yield server


@contextlib.contextmanager
def service(folder: Path, **settings: Any) -> Iterator[ChatService]:
    data = open_data_folder(str(folder / "data"))
    manager = ModelManager(Settings(**settings), data)
    chat = ChatService(History(Database(data.database, data.backups)), manager)
    manager.load()
    wait_for(lambda: manager.state.phase == "ready", what="loading")
    yield chat
    chat.close()
    manager.close()
    chat.history.database.close()


@pytest.fixture
def seeing(tmp_path: Path, script: Script) -> Iterator[ChatService]:
    with service(tmp_path, engine="remote", remote_url=script.url, model="tiny") as chat:
        yield chat


@pytest.fixture
def blind(tmp_path: Path) -> Iterator[ChatService]:
    with service(tmp_path, engine="echo", model="echo") as chat:
        yield chat


def beside(folder: Path) -> History:
    """Another history."""
    (folder / "other").mkdir()
    return open_history(folder / "other")


def ended(chat: ChatService, turn: Any) -> Message:
    chat.wait(turn)
    wait_for(lambda: chat.live_reply(turn.reply_id) is None)
    return chat.history.message(turn.reply_id)


def sent(script: Script, at: int = -1) -> list[Any]:
    """The images of the messages that the server was given."""
    contents = [message["content"] for message in script.sent()[at]["messages"]]
    parts = [part for content in contents if isinstance(content, list) for part in content]
    return [base64.b64decode(part["image_url"]["url"].split(",")[1]) for part in parts if part["type"] == "image_url"]


def test_a_model_that_sees_is_given_the_image_in_every_turn(seeing: ChatService, script: Script) -> None:
    image = attached()
    seeing.history.keep_file(image)
    seeing.titles.rest()
    first = ended(seeing, seeing.send(None, "What is this?", attachments=["i1"]))
    assert (first.content, first.status) == ("A flag.", "complete")
    assert sent(script, 0) == [image.data]
    assert script.sent()[0]["messages"][-1]["content"][-1]["text"] == "[Image: cat.png]\n\nWhat is this?"
    second = ended(seeing, seeing.send(first.conversation_id, "Sure?", seen_leaf=first.id))
    asked = [body for body in script.sent() if "Sure?" in str(body)]
    assert "image_url" in str(asked[0])
    assert second.record is not None
    assert "unseen" not in second.record["prompt"]
    assert "cannot see" not in message_html(second, "en", last=True, model="tiny")


def test_a_message_may_be_an_image_alone(seeing: ChatService, script: Script) -> None:
    seeing.history.keep_file(attached())
    reply = ended(seeing, seeing.send(None, "", attachments=["i1"]))
    assert reply.status == "complete"
    assert seeing.history.conversation(reply.conversation_id).title == "cat.png"
    assert len(sent(script, 0)) == 1


def test_a_model_that_cannot_see_refuses_in_place(blind: ChatService) -> None:
    blind.history.keep_file(attached())
    with pytest.raises(BadValueError, match=r"^echo cannot see images\. Choose a model that can, or describe"):
        blind.send(None, "What is this?", attachments=["i1"])
    assert blind.history.conversations() == []
    assert [file.name for file in blind.history.files(["i1"])] == ["cat.png"], "nothing is lost"


def test_an_image_of_before_is_left_out_for_a_model_that_cannot_see_and_told(blind: ChatService) -> None:
    history = blind.history
    for name in ("i1", "i2"):
        history.keep_file(attached(name, f"{name}.png"))
    new = turn(history, text="Look", attachments=["i1", "i2"])
    history.finish(new.reply_id, "Two flags.", "complete", "", None)
    reply = ended(blind, blind.send(new.conversation_id, "And now?", seen_leaf=new.reply_id))
    assert reply.record is not None
    assert reply.record["prompt"]["unseen"] == 2
    shown = message_html(reply, "en", last=True, model="echo")
    assert "This model cannot see images. Left out of what it was given: 2." in shown
    assert "此模型无法看图" in message_html(reply, "zh", last=True, model="echo")
    edited = ended(
        blind, blind.send(reply.conversation_id, "Look!", seen_leaf=reply.id, edits=history.path(reply.id)[0])
    )
    named = "[Image: i1.png, which cannot be shown to you]\n\n[Image: i2.png, which cannot be shown to you]\n\nLook!"
    assert edited.content == f"You said: {named}"
    user = history.branch(edited.id)[-2]
    assert [file.data for file in user.attachments] == [attached().data] * 2


def test_a_server_that_refuses_once_is_not_sent_them_again(tmp_path: Path, script: Script) -> None:
    script.models({"id": "tiny", "owned_by": "someone"})
    script.chat(lambda handler: handler.say(400, REFUSED))
    with service(tmp_path, engine="remote", remote_url=script.url, model="tiny") as chat:
        chat.history.keep_file(attached())
        failed = ended(chat, chat.send(None, "What is this?", attachments=["i1"]))
        assert failed.status == "failed"
        assert failed.error.startswith("tiny cannot see images: its server refused them.")
        script.chat(lambda handler: handler.events(word("I cannot see."), word("", "stop")))
        again = chat.regenerate(failed.conversation_id, seen_leaf=failed.id, sampling=Sampling())
        reply = ended(chat, again)
        assert reply.content == "I cannot see."
        assert reply.record is not None
        assert reply.record["prompt"]["unseen"] == 1
        asked = [body for body in script.sent() if "What is this?" in str(body)]
        assert "image_url" not in str(asked[1])
        chat.history.keep_file(attached("i2"))
        with pytest.raises(BadValueError, match="cannot see images"):
            chat.send(reply.conversation_id, "And this?", seen_leaf=reply.id, attachments=["i2"])


@pytest.mark.parametrize("unseen", [False, True])
def test_a_replay_gives_what_was_given(seeing: ChatService, script: Script, unseen: bool) -> None:
    history = seeing.history
    history.keep_file(attached())
    first = ended(seeing, seeing.send(None, "What is this?", attachments=["i1"]))
    if unseen:  # As if a model that cannot see had answered.
        turns = as_turns("", turns_of(history.branch(first.id)[:1], sees=False))
        dumped = history.dump(first.conversation_id)
        dumped["messages"][1]["parts"][0]["prompt"] |= {"unseen": 1, "sha256": Prompt(turns, 0).sha256}
        copy = history.conversation(history.load(dumped).conversation_id)
        first = history.message(str(copy.leaf_id))
    replays = Replays(history, seeing.manager)
    replays.start(first.id)
    state = wait_for(lambda: (now := replays.state(first.id)) and now.phase in ("done", "failed") and now)
    assert (state.phase, state.error) == ("done", "")
    assert state.verdict.identical
    assert state.verdict.causes == ()
    asked = [body for body in script.sent() if body.get("logprobs")]
    assert ("image_url" in str(asked[-1])) is not unseen


def test_the_hash_of_a_prompt_knows_its_images() -> None:
    text = Turn("user", "What?")
    one, other = (Turn("user", "What?", (Picture("image/png", data, 9, 9),)) for data in (b"1", b"2"))
    assert len({Prompt((turn,), 0).sha256 for turn in (text, one, other)}) == 3
    assert as_turns("", [one, other]) == (Turn("user", "What?\n\nWhat?", one.images + other.images),)
    assert user_turn("", [attached(), FILE], sees=True).images[0].data == attached().data
    assert user_turn("", [attached()], sees=False).images == ()


def test_the_meter_counts_them(seeing: ChatService) -> None:
    with seeing.manager.peek() as engine:
        assert engine is not None
        line = seeing.history.line(None)
        one, two = (measure(engine, line, "x", [attached()] * n, "", Sampling(), "oldest") for n in (1, 2))
    assert (one.files, two.tokens - one.tokens) == ((576,), 576)


def test_copies_edits_and_the_lossless_file_keep_them(history: History, tmp_path: Path) -> None:
    image = attached(size=(30, 20), notes=("Only the first image of this animation is used.",))
    history.keep_file(image)
    new = turn(history, text="look", attachments=["i1"])
    history.finish(new.reply_id, "yes", "complete", "", None)
    copy = history.duplicate(new.conversation_id, "copy")
    whole = b"".join(export(history, [new.conversation_id], "json"))
    other = beside(tmp_path)
    first, second = (import_file(other, io.BytesIO(whole)) for _ in range(2))
    assert first.imported == second.there != (), "known again, word for word"
    for place, conversation in ((history, new.conversation_id), (history, copy), (other, first.imported[0][0])):
        (found,) = place.branch(str(place.conversation(conversation).leaf_id))[0].attachments
        assert replace(found, id="i1") == image
        (drawn,) = place.window(conversation, 5).messages[0].attachments
        assert (drawn.data, drawn.width, drawn.height) == (None, 30, 20)
    assert not history.search.find("cat").hits, "neither name nor bytes are searched"
    other.database.close()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"data": "no base64!"}, "data of attachment 1 of message 1 is .*, but has to be an image in base64"),
        ({"data": 5}, "has to be an image in base64"),
        ({"data": base64.b64encode(b"<script>").decode()}, "Attachment 1 of message 1 is not the image that it says"),
        ({"data": base64.b64encode(written(halves())[:-40]).decode()}, "is not the image that it says"),
        ({"media_type": "text/html"}, "is not the image that it says"),
        ({"width": 61}, "is not the image that it says"),
        (
            {"width": 2000, "data": base64.b64encode(written(halves(2000, 40))).decode()},
            "is not the image that it says",
        ),
        ({"data": None}, "has the size of an image, but no image"),
    ],
)
def test_a_file_of_others_is_not_trusted(history: History, tmp_path: Path, changes: Any, words: str) -> None:
    history.keep_file(attached())
    new = turn(history, text="look", attachments=["i1"])
    dumped = history.dump(new.conversation_id)
    dumped["messages"][0]["attachments"][0] |= changes
    other = beside(tmp_path)
    with pytest.raises(BadValueError, match=words):
        other.load(dumped)
    assert other.conversations() == []
    other.database.close()


def test_exports_for_readers_embed_it_and_those_for_trainers_name_it(history: History) -> None:
    image = attached(name='a "cat".png')
    history.keep_file(image)
    history.keep_file(FILE)
    new = turn(history, text="look", attachments=["i1", FILE.id])
    history.finish(new.reply_id, "yes", "complete", "", None)
    page, markdown, lines = (
        b"".join(export(history, [new.conversation_id], name)).decode() for name in ("html", "markdown", "openai")
    )
    data = base64.b64encode(image.data or b"").decode()
    assert f'<img alt="a &quot;cat&quot;.png" src="data:image/png;base64,{data}">' in page
    assert "img-src data:" in page
    assert ": a.pdf (1 p.)" in page
    assert 'Attached: a "cat".png, a.pdf (1 p.)' in markdown
    assert json.loads(lines)["messages"][1]["content"].startswith('[Image: a "cat".png]\n\n[File: a.pdf]')
    assert data not in lines + markdown


def test_without_images_nothing_changes(history: History) -> None:
    new = answered(history)
    message = history.branch(new.reply_id)[0]
    assert with_files("x", message.attachments) == "x"
    assert Prompt((Turn("user", "x"),), 0).receipt().keys() == {"first", "excluded", "sha256"}


def client_of(chat: ChatService, folder: Path) -> TestClient:
    app = FastAPI()
    app.include_router(build_file_router(chat, folder), prefix="/page")
    return TestClient(app)


def test_an_image_is_attached_and_shown(seeing: ChatService, tmp_path: Path) -> None:
    client = client_of(seeing, tmp_path)
    answer = client.post("/page/attach", params={"name": "a\nflag.bin"}, content=written(halves(3000, 30)))
    assert answer.status_code == 200
    said = answer.json()
    assert (said["name"], said["image"], said["tokens"]) == ("a flag.bin", True, None)
    shown = client.get(f"/page/image/{said['id']}")
    assert opened(shown.content).size == (1536, 15)
    headers = shown.headers
    assert headers["content-type"] == "image/png"
    assert (headers["x-content-type-options"], headers["cache-control"]) == ("nosniff", "no-store")
    seeing.history.keep_file(FILE)
    for missing in ("nothing", FILE.id):
        gone = client.get(f"/page/image/{missing}", headers={"Accept-Language": "zh"})
        assert (gone.status_code, gone.json()["error"]) == (404, "此图片不再保存。")
    broken = client.post("/page/attach", params={"name": "cat.png"}, content=written(halves())[:60])
    assert broken.status_code == 422
    assert broken.json()["error"].startswith("cat.png is damaged")


def test_a_model_that_cannot_see_refuses_at_the_door(blind: ChatService, tmp_path: Path) -> None:
    client = client_of(blind, tmp_path)
    for language, words in (("en", "echo cannot see images. Choose"), ("zh", "echo 无法看图。请选择")):
        answer = client.post(
            "/page/attach", params={"name": "cat.png"}, content=written(halves()), headers={"Accept-Language": language}
        )
        assert answer.status_code == 422
        assert answer.json()["error"].startswith(words)
    assert blind.history.database.db.table("attachments").count == 0


def test_a_server_that_cannot_count_has_a_meter(tmp_path: Path, script: Script) -> None:
    script.models({"id": "tiny", "owned_by": "someone", "max_model_len": 8192})
    with service(tmp_path, engine="remote", remote_url=script.url, model="tiny") as chat:
        client = client_of(chat, tmp_path)
        said = client.post("/page/attach", params={"name": "cat.png"}, content=written(halves())).json()
        assert 576 <= said["tokens"] < 600
