"""What the tests of the Chat tab do again and again, as a person would: write, choose from a menu, fill in a form."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

from playwright.sync_api import Locator, Page, expect

from playground.store import Database, History
from playground.store.history import TurnSettings
from tests.conftest import App


def box(page: Page) -> Locator:
    """Where messages are written."""
    return page.get_by_role("textbox", name="Message", exact=True)


def system(page: Page) -> Locator:
    """The box of the system prompt, its panel opened and drawn: what is put in while Gradio builds it is lost."""
    prompt = page.get_by_role("textbox", name="System prompt")
    if not prompt.is_visible():
        page.get_by_role("button", name="System prompt and sampling").click()
        prompt.evaluate("() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
    return prompt


def send(page: Page, text: str) -> None:
    """Write a message, and press Enter."""
    box(page).fill(text)
    box(page).press("Enter")


def talk(page: Page, *texts: str) -> None:
    """Send these, each when the reply before it has ended."""
    for text in texts:
        send(page, text)
        expect(said(page, f"You said: {text}")).to_be_visible()
        expect(page.get_by_role("button", name="Stop")).to_be_hidden()


def begin(page: Page, app: App, *texts: str) -> str:
    """Open the page at a new chat, send these, and return the conversation's id."""
    page.goto(app.url)
    expect(page.get_by_text("What would you like to talk about?")).to_be_visible()
    talk(page, *texts)
    return conversation(page)


def conversation(page: Page) -> str:
    """Which one the page shows."""
    return page.url.partition("?c=")[2]


def said(page: Page, text: str) -> Locator:
    """Text among the messages, the last one that has it."""
    return page.get_by_role("log").get_by_text(text, exact=True).last


def message(page: Page, text: str) -> Locator:
    """The message that says just this."""
    return page.get_by_role("article").filter(has=page.get_by_text(text, exact=True)).last


def choose(page: Page, button: Locator, *items: str) -> None:
    """Open a menu, and in it what leads to the last item."""
    button.click()
    for item in items:
        chosen = page.get_by_role("menu").get_by_text(item, exact=True)
        chosen.click()


def told(page: Page, text: str) -> Locator:
    """A notice above the message box, or the passing word below it."""
    return page.locator("#pg-notice, #pg-toast").get_by_text(text)


def more(page: Page, text: str, *items: str) -> None:
    """From a message's own menu."""
    choose(page, message(page, text).get_by_role("button", name="More"), *items)


def listed(page: Page, title: str) -> Locator:
    """A conversation in the list at the left."""
    return page.get_by_role("navigation").get_by_role("listitem").filter(has=page.get_by_role("link", name=title))


def in_list(page: Page, title: str, *items: str) -> None:
    """From the menu of a conversation in the list."""
    listed(page, title).hover()
    choose(page, listed(page, title).get_by_role("button", name="More"), *items)


def answer(page: Page, submit: str, **values: str) -> None:
    """Fill in the form that is open, by labels with _ for spaces, and submit it."""
    form = page.get_by_role("dialog")
    for label, value in values.items():
        form.get_by_label(label.replace("_", " ")).fill(value)
    form.get_by_role("button", name=submit, exact=True).click()


def rows(app: App, sql: str, *values: object) -> list[tuple[Any, ...]]:
    """What lies in the database now."""
    with contextlib.closing(sqlite3.connect(f"{(app.data / 'playground.db').as_uri()}?mode=ro", uri=True)) as db:
        return db.execute(sql, values).fetchall()


@contextlib.contextmanager
def stored(app: App) -> Iterator[History]:
    """The history of a running app, to put something in."""
    history = History(Database(app.data / "playground.db", app.data / "backups"))
    yield history
    history.database.close()


def put(history: History, *texts: str, title: str = "", after: tuple[str, str] | None = None) -> tuple[str, list[str]]:
    """Messages of the user and replies in turn, without a model: the conversation's id and theirs."""
    conversation_id, leaf = after or (None, None)
    ids: list[str] = []
    for text, reply in _pairs(texts):
        turn = history.add_turn(
            conversation_id, text, seen_leaf=leaf, title=title or text, settings=TurnSettings("", {})
        )
        history.finish(turn.reply_id, reply, "complete", "", None)
        conversation_id, leaf = turn.conversation_id, turn.reply_id
        ids += history.path(leaf)[-2:]
    assert conversation_id is not None
    return conversation_id, ids


def _pairs(texts: Sequence[str]) -> list[tuple[str, str]]:
    return list(zip(texts[::2], texts[1::2], strict=True))
