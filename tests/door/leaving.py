"""Somebody uses every room of the page in a browser, with a canary in each thing they write; and a program does."""

from __future__ import annotations

import json
import re
import urllib.request
from typing import Any

import httpx
from playwright.sync_api import Page, expect

from tests.conftest import App
from tests.door.canaries import Canary
from tests.ui import summarizing, translating
from tests.ui.talking import box, said, send

DONE = ("chat", "file", "summary", "translation", "failed", "refused", "searched", "edited")
ASKED = ("chat", "stream", "translation", "summary", "wrong")


def canaries(who: str, names: tuple[str, ...] = DONE) -> dict[str, Canary]:
    """One for each thing."""
    return {name: Canary(f"{who}'s {name}") for name in names}


def command(app: App, action: str, argument: str = "", **values: str) -> dict[str, Any]:
    """Of the owner's Share tab."""
    body = json.dumps({"action": action, "argument": argument, "values": values}).encode()
    request = urllib.request.Request(f"{app.url}/page/share/act", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return dict(json.load(answer))


def come_in(page: Page, address: str) -> None:
    """By a link."""
    page.goto(address)
    page.get_by_label("Name", exact=True).fill("Ada")
    page.get_by_role("button", name="Come in").click()
    expect(page.get_by_text("What would you like to talk about?")).to_be_visible()


def use(page: Page, mine: dict[str, Canary]) -> None:
    """Chat, attach, fail, be refused, search, edit, summarize, translate; the page is open, and stays open."""
    expect(page.locator("#pg-status")).to_contain_text("ready")
    send(page, mine["chat"].text)
    expect(said(page, f"You said: {mine['chat'].text}")).to_be_visible()
    expect(page.get_by_role("button", name="Stop")).to_be_hidden()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Attach").click()
    content = f"{mine['file'].text} is in this file."
    chooser.value.set_files([summarizing.file(f"{mine['file'].word}.txt", content)])
    expect(page.locator("#pg-files").get_by_text(mine["file"].word).first).to_be_visible()
    send(page, "What is in it?")
    expect(page.get_by_role("article").last).to_contain_text("You said: [File")
    expect(page.get_by_role("button", name="Stop")).to_be_hidden()
    send(page, f"/fail {mine['failed'].text}")
    expect(page.get_by_role("article").last).to_contain_text("The echo engine failed")
    expect(page.get_by_role("button", name="Stop")).to_be_hidden()
    page.get_by_role("search").get_by_role("searchbox").fill(mine["searched"].text)
    expect(page.locator("#pg-found")).not_to_be_empty()
    page.get_by_role("search").get_by_role("searchbox").fill("")
    question = page.get_by_role("article").filter(has_text=mine["chat"].word).first
    question.hover()
    question.get_by_role("button", name="Edit").click()
    question.locator(".editing textarea").fill(f"not sent: {mine['edited'].text}")
    box(page).fill(f"{mine['refused'].text} " + "far too long " * 4000)
    box(page).press("Enter")
    expect(page.locator("#pg-notice")).not_to_be_empty()
    page.reload()
    expect(box(page)).to_have_value(re.compile(mine["refused"].word))
    page.get_by_role("tab", name="Summarize").click()
    page.get_by_label("Or paste a text").fill(f"{mine['summary'].text} is a bird. It sings in the morning.")
    page.get_by_label("Style").select_option("paragraph")
    summarizing.begin(page)
    summarizing.done(page)
    page.get_by_role("tab", name="Translate").click()
    page.get_by_label("From", exact=True).select_option("en")
    page.get_by_label("Into", exact=True).select_option("fr")
    translating.source(page).fill(f"The bird {mine['translation'].text} sings.")
    page.locator("#pt-go").click()
    expect(translating.made(page)).to_contain_text(mine["translation"].word)


def ask(app: App, key: str, mine: dict[str, Canary]) -> None:
    """As a program does."""
    with httpx.Client(base_url=app.url, timeout=60, headers={"Authorization": f"Bearer {key}"}) as http:

        def say(text: str, **more: Any) -> httpx.Response:
            return http.post("/v1/chat/completions", json={"messages": [{"role": "user", "content": text}], **more})

        assert mine["chat"].text in say(mine["chat"].text).json()["choices"][0]["message"]["content"]
        assert say(mine["stream"].text, stream=True).text.endswith("data: [DONE]\n\n")
        sent = {"text": f"{mine['translation'].text} sings.", "source": "en", "target": "fr"}
        assert mine["translation"].word in http.post("/v1/translate", json=sent).json()["text"]
        text = f"{mine['summary'].text} is a bird. It sings in the morning. " * 20
        assert http.post("/v1/summarize", json={"text": text}).status_code == 200
        assert say(f"/fail {mine['wrong'].text}").status_code >= 500
        assert http.post("/v1/chat/completions", json={"messages": mine["wrong"].text}).status_code == 400
