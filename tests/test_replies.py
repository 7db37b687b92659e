"""What a server sends that no file can take, and what becomes of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from playground.chat import ChatService
from playground.engine.manager import ModelManager
from playground.paths import DataFolder
from playground.settings import Settings
from playground.store import Database, History
from tests.conftest import wait_for
from tests.playing_server import playing, word


@pytest.mark.parametrize(
    ("pieces", "said"),
    [
        (["A smile: \ud83d", "\ude00!"], "A smile: 😀!"),
        (["half \ud83d", " and on"], "half \ufffd and on"),
        (["ends with \ud83d"], "ends with \ufffd"),
        (["\ude00 alone"], "\ufffd alone"),
    ],
)
def test_halves_of_signs(tmp_path: Path, pieces: list[str], said: str) -> None:
    """As JSON allows them; together they are one sign, alone they are none."""
    with playing() as server:
        events = [json.dumps(word(piece)) for piece in (*pieces, "")] + [json.dumps(word("", "stop"))]
        server.chat(lambda handler: handler.events(*events))
        folder = DataFolder(tmp_path)
        history = History(Database(folder.database, folder.backups))
        settings = Settings(engine="remote", model=f"{server.url}#tiny", remote_url=server.url)
        chat = ChatService(history, ModelManager(settings, folder))
        turn = chat.send(None, "hello")
        wait_for(lambda: history.message(turn.reply_id).status != "streaming")
        message = history.message(turn.reply_id)
        chat.close()
        chat.manager.close()
        history.database.close()
    assert (message.status, message.error, message.content) == ("complete", "", said)
