"""The Models tab in a real browser, against the echo engine, a local Hub and a local server's list of models."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.conftest import App, wait_for
from tests.hub_server import Repo, noise, serving

pytestmark = pytest.mark.browser
Start = Callable[..., App]
BIG = "echo-b+64"


@pytest.fixture(autouse=True)
def _patience() -> Iterator[None]:
    """Two pages and a server share a small machine here."""
    expect.set_options(timeout=20_000)
    yield
    expect.set_options(timeout=5_000)


def models_tab(page: Page, app: App) -> None:
    """Open the page and lead to the tab as a person may: by the header's line about the model."""
    page.goto(app.url)
    page.get_by_role("status").get_by_role("button", name="echo").click()
    expect(page.get_by_role("heading", name="In memory")).to_be_visible()


def section(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=name)


def card(page: Page, where: str, name: str) -> Locator:
    found = section(page, where).get_by_role("article")
    return found.filter(has=page.get_by_role("heading", name=name, exact=True))


def add(page: Page, path: str) -> None:
    here = section(page, "On this machine")
    field = here.get_by_role("textbox", name="GGUF file")
    if not field.is_visible():
        here.get_by_text("Add a model by its path").click()
    field.fill(path)
    field.press("Enter")


def send(page: Page, text: str) -> None:
    page.get_by_role("tab", name="Chat").click()
    box = page.get_by_role("textbox", name="Message")
    box.fill(text)
    box.press("Enter")


def test_load_choose_and_unload_are_seen_in_every_tab(start_app: Start, context: BrowserContext, page: Page) -> None:
    app = start_app()
    models_tab(page, app)
    other = context.new_page()
    models_tab(other, app)
    expect(card(page, "In memory", "echo").get_by_text("In use for chat")).to_be_visible()
    add(page, BIG)
    card(page, "On this machine", BIG).get_by_role("button", name="Load").click()
    for tab in (page, other):
        expect(card(tab, "In memory", BIG).get_by_text("ready")).to_be_visible()
        expect(section(tab, "In memory").get_by_role("img").first).to_have_attribute("aria-label", re.compile("67 MB"))
    card(other, "In memory", BIG).get_by_role("button", name="Use for chat").click()
    for tab in (page, other):
        expect(card(tab, "In memory", BIG).get_by_text("In use for chat")).to_be_visible()
        expect(card(tab, "In memory", "echo").get_by_role("button", name="Use for chat")).to_be_visible()
        expect(tab.get_by_role("status").get_by_role("button", name=BIG)).to_be_visible()
    card(page, "In memory", "echo").get_by_role("button", name="Unload").click()
    for tab in (page, other):
        expect(card(tab, "In memory", "echo")).to_have_count(0)
    send(page, "hello")
    expect(page.get_by_role("log").get_by_text("You said: hello")).to_be_visible()
    expect(page.get_by_role("log").locator(".assistant .who")).to_have_text(BIG)


def test_an_adapter_is_attached_used_and_detached(start_app: Start, page: Page, tmp_path: Path) -> None:
    adapter = tmp_path / "shout"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text("{}")
    (adapter / "adapter_model.safetensors").write_bytes(b"x")
    app = start_app()
    models_tab(page, app)
    echo = card(page, "In memory", "echo")
    echo.get_by_text("Adapters").click()
    path = echo.get_by_role("textbox", name="Folder or file")
    path.fill(str(tmp_path / "nowhere"))
    echo.get_by_role("button", name="Attach").click()
    expect(echo.get_by_role("alert")).to_contain_text("There is no file or folder")
    expect(path).to_have_value(str(tmp_path / "nowhere"))
    path.fill(str(adapter))
    echo.get_by_role("button", name="Attach").click()
    expect(echo.get_by_role("alert")).to_have_count(0)
    echo.get_by_role("combobox", name="Adapter").select_option("shout")
    expect(path).to_have_value("")
    echo.get_by_role("button", name="Use for chat").click()
    expect(page.get_by_role("status").get_by_role("button", name="echo + shout")).to_be_visible()
    send(page, "hello")
    expect(page.get_by_role("log").get_by_text("You said (shout): hello")).to_be_visible()
    page.get_by_role("tab", name="Models").click()
    echo.get_by_role("button", name="Detach shout").click()
    expect(echo.get_by_role("combobox", name="Adapter")).to_have_count(0)
    expect(page.get_by_role("status").get_by_role("button", name="shout")).to_have_count(0)


def test_what_is_typed_and_unfolded_outlives_changes(start_app: Start, context: BrowserContext, page: Page) -> None:
    app = start_app()
    models_tab(page, app)
    echo = card(page, "In memory", "echo")
    echo.get_by_text("How it is loaded").click()
    field = echo.get_by_role("spinbutton", name="context_length")
    field.fill("512")
    page.locator("#pm-title-memory").click()
    other = context.new_page()
    models_tab(other, app)
    add(other, BIG)
    card(other, "On this machine", BIG).get_by_role("button", name="Load").click()
    expect(card(page, "In memory", BIG).get_by_text("ready")).to_be_visible()
    expect(field).to_have_value("512")
    expect(field).to_be_visible()
    echo.get_by_role("button", name="Apply").click()
    expect(echo.get_by_text("512 tokens of context")).to_be_visible()
    expect(card(other, "In memory", "echo").get_by_text("512 tokens of context")).to_be_visible()


def test_a_value_that_cannot_be_is_refused_in_place(app: App, page: Page) -> None:
    models_tab(page, app)
    echo = card(page, "In memory", "echo")
    echo.get_by_text("How it is loaded").click()
    field = echo.get_by_role("spinbutton", name="context_length")
    field.evaluate("(field) => field.form.noValidate = true")
    field.fill("5")
    expect(echo.get_by_text("context_length is 5")).to_be_visible()
    echo.get_by_role("button", name="Apply").click()
    expect(echo.get_by_role("alert")).to_contain_text("from 256 to 1000000")
    expect(field).to_have_value("5")


def test_a_path_that_is_no_model_is_refused_in_place(app: App, page: Page, tmp_path: Path) -> None:
    bad = tmp_path / "bad.gguf"
    bad.write_bytes(b"no model at all")
    (tmp_path / "settings").mkdir()
    models_tab(page, app)
    add(page, str(bad))
    alert = section(page, "On this machine").get_by_role("alert").last
    expect(alert).not_to_be_empty()
    expect(section(page, "On this machine").get_by_role("textbox")).to_have_value(str(bad))
    expect(card(page, "On this machine", "bad.gguf")).to_have_count(0)


def test_the_plan_of_a_curated_model_and_what_fits(app: App, page: Page) -> None:
    models_tab(page, app)
    offers = section(page, "Available")
    offer = card(page, "Available", "SmolLM2-135M-Instruct Q4_1")
    for fact in ("Apache-2.0", "135M parameters", "in memory"):
        expect(offer.get_by_text(fact)).to_be_visible()
    expect(offer.get_by_text("fits", exact=True)).to_be_visible()
    large = offers.get_by_role("heading", name="Llama 3.3 70B Instruct", exact=True)
    expect(large).to_be_hidden()
    offers.get_by_text("Too large for this machine (").click()
    expect(large).to_be_visible()


def test_search_choose_download_and_delete(start_app: Start, page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    repo = Repo({"tiny-Q4_0.gguf": noise(300_000), "tiny-Q8_0.gguf": noise(500_000, 2)}, tags=("gguf", "license:mit"))
    with serving(repos={"org/tiny-GGUF": repo}) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        app = start_app()
        models_tab(page, app)
        assert hub.asked == [], "nobody is asked before Search is pressed"
        found = section(page, "Available")
        found.get_by_role("searchbox").fill("tiny")
        found.get_by_role("button", name="Search").click()
        card(page, "Available", "org/tiny-GGUF").get_by_role("button", name="Choose").click()
        expect(found.get_by_text("Q8_0", exact=True)).to_be_visible()
        found.get_by_role("button", name="Download 300 kB").click()
        here = card(page, "On this machine", "org/tiny-GGUF/tiny-Q4_0.gguf")
        expect(here.get_by_text("mit")).to_be_visible()
        here.get_by_text("Delete …").click()
        expect(here.get_by_text("are freed")).to_be_visible()
        here.get_by_role("button", name="Delete").click()
        expect(page.get_by_role("status").get_by_text("are free again")).to_be_visible()
        expect(here).to_have_count(0)
        assert list((app.data / "models").glob("org*")) == []


def test_a_download_is_paused_resumed_and_cancelled(
    start_app: Start, context: BrowserContext, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo = Repo({"tiny-Q4_0.gguf": noise(20_000_000)}, tags=("gguf",))
    with serving(repos={"org/tiny-GGUF": repo}, manner="slow") as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        app = start_app()
        models_tab(page, app)
        other = context.new_page()
        models_tab(other, app)
        found = section(page, "Available")
        found.get_by_role("searchbox").fill("tiny")
        found.get_by_role("searchbox").press("Enter")
        card(page, "Available", "org/tiny-GGUF").get_by_role("button", name="Choose").click()
        found.get_by_role("button", name="Download 20 MB").click()
        name = "org/tiny-GGUF/tiny-Q4_0.gguf"
        for tab in (page, other):
            expect(card(tab, "Available", name).get_by_role("progressbar")).to_be_visible()
        card(other, "Available", name).get_by_role("button", name="Pause").click()
        expect(card(page, "Available", name).get_by_text("paused")).to_be_visible()
        card(page, "Available", name).get_by_role("button", name="Resume").click()
        expect(card(page, "Available", name).get_by_text("downloading")).to_be_visible()
        card(page, "Available", name).get_by_role("button", name="Cancel").click()
        expect(card(page, "Available", name)).to_have_count(0)
        hub.let_go.set()


def test_the_hub_that_does_not_answer_and_offline_are_said_in_place(
    start_app: Start, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    app = start_app("--engine", "echo", "--offline")
    models_tab(page, app)
    found = section(page, "Available")
    expect(found.get_by_text("started with --offline")).to_be_visible()
    expect(found.get_by_role("button", name="Download")).to_have_count(0)
    found.get_by_role("searchbox").fill("qwen")
    found.get_by_role("button", name="Search").click()
    expect(found.get_by_role("alert").filter(has_text="--offline")).to_be_visible()
    expect(found.get_by_role("searchbox")).to_have_value("qwen")


@contextmanager
def openai_server(keys: list[str]) -> Iterator[str]:
    """A server's list of models; notes the keys it was shown."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            keys.append(self.headers.get("Authorization", ""))
            body = json.dumps({"object": "list", "data": [{"id": "llama-70b", "object": "model"}]}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()


def test_a_servers_models_are_listed_and_the_key_is_kept_nowhere(start_app: Start, page: Page) -> None:
    keys: list[str] = []
    with openai_server(keys) as url:
        app = start_app()
        models_tab(page, app)
        server = section(page, "A server elsewhere")
        server.get_by_role("textbox", name="Address").fill("http://127.0.0.1:9/v1")
        server.get_by_role("button", name="List its models").click()
        expect(server.get_by_role("alert")).not_to_be_empty()
        server.get_by_role("textbox", name="Address").fill(url)
        server.get_by_label("Key").fill("sk-secret-4711")
        server.get_by_role("button", name="List its models").click()
        expect(server.get_by_text("llama-70b")).to_be_visible()
        expect(server.get_by_role("alert")).to_have_count(0)
        expect(server.get_by_label("Key")).to_have_value("")
        assert keys[-1] == "Bearer sk-secret-4711"
        server.get_by_role("button", name="Use for chat").click()
        expect(page.get_by_role("status").get_by_role("button", name="llama-70b")).to_be_visible()
        kept = [file for file in app.data.rglob("*") if file.is_file()]
        assert kept
        assert not [file for file in kept if b"sk-secret-4711" in file.read_bytes()]


def test_waiting_in_line_says_how_many_are_before(start_app: Start, context: BrowserContext, page: Page) -> None:
    app = start_app("--engine", "echo", "--model", "echo@20")
    tabs = [page, context.new_page(), context.new_page()]
    for number, tab in enumerate(tabs):
        tab.goto(app.url)
        box = tab.get_by_role("textbox", name="Message")
        box.fill("/tokens 400")
        box.press("Enter")
        expect(tab.get_by_role("button", name="Stop")).to_be_visible()
        if number == 0:
            expect(tab.get_by_role("log").get_by_text("word3 ")).to_be_visible()
    expect(tabs[1].get_by_text("Waiting until another reply has ended")).to_be_visible()
    expect(tabs[2].get_by_text("Waiting, 1 before you")).to_be_visible()
    tabs[0].get_by_role("button", name="Stop").click()
    expect(tabs[2].get_by_text("Waiting until another reply has ended")).to_be_visible()


def test_in_chinese_on_a_phone_nothing_scrolls_sideways(app: App, page: Page) -> None:
    browser = page.context.browser
    assert browser is not None
    context = browser.new_context(locale="zh-CN", viewport={"width": 390, "height": 780})
    tab = context.new_page()
    tab.goto(app.url)
    tab.get_by_role("tab", name="模型").click()
    expect(tab.get_by_role("heading", name="内存中")).to_be_visible()
    expect(tab.locator("#pm-memory").get_by_text("就绪")).to_be_visible()
    for fold in tab.locator("#pm-root details").all():
        fold.evaluate("(fold) => { fold.open = true; }")
    expect(tab.get_by_role("textbox", name="LoRA")).to_be_visible()
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert tab.evaluate("document.getElementById('pm-root').scrollWidth <= innerWidth")
    tab.reload()
    expect(tab.get_by_role("heading", name="内存中")).to_be_visible()
    context.close()


def test_every_control_has_a_name_and_is_reached_by_keyboard(app: App, page: Page) -> None:
    models_tab(page, app)
    expect(card(page, "In memory", "echo").get_by_text("ready")).to_be_visible()
    for fold in page.locator("#pm-root details").all():
        fold.evaluate("(fold) => { fold.open = true; }")
    controls = page.locator("#pm-root :is(button, input:not([type=hidden]), select)")
    nameless = "(all) => all.filter((one) => !(one.labels?.[0] || one).textContent.trim()).length"
    assert controls.evaluate_all(nameless) == 0
    wait_for(lambda: controls.count() > 10, what="the controls")
    page.locator("#pm-title-memory").focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('#pm-root') !== null")
