"""A training that has begun, in a real browser: what it shows, proof, use and export, and one that is at work."""

from __future__ import annotations

import io
import json
import re
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.conftest import App, launch
from tests.tuning.finished import lay, services_in
from tests.tuning.tiny import QUICK, tiny_base

pytestmark = pytest.mark.browser
EVIL = "Storm <img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Ids by name, and the data folder."""
    place = tmp_path_factory.mktemp("app data 数据")
    recipe: dict[str, Any] = {**QUICK, "max_steps": 20_000}  # More than any machine makes meanwhile.
    base = tiny_base(tmp_path_factory.mktemp("base") / "tiny")
    with services_in(place) as services:
        found = {"done": lay(services), "voted": lay(services, "Votes"), "compared": lay(services, "Pair")}
        found["exported"] = lay(services, "Gift")
        found["failed"] = lay(services, EVIL, 20, status="failed")
        found["waits"] = lay(services, "Fresh", 0, base, status="stopped", **recipe)
        services.trainings.places(found["waits"]).journal.unlink()
    return {**found, "place": str(place)}


@pytest.fixture(scope="module")
def app(runs: dict[str, str]) -> Iterator[App]:
    started = launch(Path(runs["place"]), "--engine", "echo")
    yield started
    started.kill()


def visit(page: Page, app: App, run: str) -> Locator:
    page.goto(f"{app.url}/?f={run}")
    shown = page.locator("#pn-run")
    expect(shown.locator(".pr-root")).to_be_visible()
    return shown


def part(page: Page, title: str) -> Locator:
    return page.get_by_role("region", name=title, exact=True)


def post(app: App, run: str, action: str, **more: Any) -> tuple[int, dict[str, Any]]:
    request = urllib.request.Request(
        f"{app.url}/page/training/{run}/act",
        json.dumps({"action": action, **more}).encode(),
        {"Content-Type": "application/json", "Origin": app.url},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as problem:
        return problem.code, json.loads(problem.read())


def test_a_finished_training_tells_all(page: Page, app: App, runs: dict[str, str]) -> None:
    shown = visit(page, app, runs["done"])
    expect(shown.get_by_role("heading", name="Harbour")).to_be_visible()
    expect(shown).to_contain_text("SFT LoRA, r 8, lora_alpha 16, all-linear, learning_rate 0.0002 (cosine), 1 epoch")
    expect(part(page, "State of the training")).to_contain_text("Done: 60 steps · 75 s")
    proof = part(page, "Is it better?")
    expect(proof.get_by_role("row", name=re.compile("^Loss"))).to_have_text(re.compile(r"3\.500\s*2\.250"))
    expect(proof.get_by_role("row", name=re.compile("^Perplexity"))).to_have_text(re.compile(r"33\.1\s*9\.5"))
    expect(proof).to_contain_text("it would choose 78 % of the words as before (the base itself: 98 %)")
    expect(proof).to_contain_text("fewer epochs")
    names = ["Loss (nats per token)", "learning_rate", "Gradient norm", "Tokens per second", "Memory"]
    for name in names:
        expect(shown.get_by_role("img", name=re.compile("^" + re.escape(name)))).to_be_visible()
    samples = part(page, "What it says")
    expect(samples).to_contain_text("I am a <b>model</b>.")
    expect(samples.locator("mark").first).to_have_text("far north.")
    expect(samples).to_contain_text("the words that the base does not say are marked")
    expect(proof).to_contain_text("better than its base: perplexity 33.1 → 9.5.")
    expect(proof).to_contain_text("where two words are about as likely")
    shown.get_by_text("The numbers as a table").click()
    expect(shown.get_by_role("region", name="held out", exact=True)).to_contain_text("2.25")
    shown.get_by_text("Model card").click()
    expect(shown.get_by_role("heading", name="Recipe")).to_be_visible()
    shown.get_by_text("Log: the last 200 lines").click()
    log = shown.get_by_label("Log: the last 200 lines").inner_text().splitlines()
    assert (len(log), log[0], log[-1]) == (200, "line 100 <i>", "line 299 <i>")


def test_pointing_at_a_curve_tells_its_values(page: Page, app: App, runs: dict[str, str]) -> None:
    shown = visit(page, app, runs["done"])
    plot = shown.locator(".pr-large .pr-plot")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] - 1, box["y"] + 40)
    expect(page.locator(".pr-tip")).to_have_text(
        re.compile(r"step 60\s*each step: 2\.075\s*.*held out: 2\.250", re.DOTALL)
    )
    page.mouse.move(5, 5)
    expect(page.locator(".pr-tip")).to_be_hidden()


def test_what_broke_off_says_why_and_shows_no_markup(page: Page, app: App, runs: dict[str, str]) -> None:
    shown = visit(page, app, runs["failed"])
    expect(shown.get_by_role("heading", name=EVIL)).to_be_visible()
    expect(shown.locator("img[src]")).to_have_count(0)
    expect(shown.get_by_role("button", name="Resume")).to_be_visible()
    expect(part(page, "Curves")).to_be_visible()
    expect(part(page, "Is it better?")).to_have_count(0)


def test_a_blind_comparison_hides_who_is_who_until_the_vote(page: Page, app: App, runs: dict[str, str]) -> None:
    visit(page, app, runs["voted"])
    blind = part(page, "Which is better?")
    expect(blind).to_contain_text("4 questions are left")
    blind.get_by_role("button", name="Begin").click()
    duel = page.locator("#pr-duel")
    last = blind.locator(".pr-last .pr-reply")
    for number in range(4):
        expect(duel).to_be_visible()
        key = duel.get_attribute("data-key")
        assert not re.search("adapter|base", duel.inner_html().replace("pr-base", ""), re.IGNORECASE)
        first = duel.locator(".pr-reply").first.inner_text()
        duel.scroll_into_view_if_needed()
        page.keyboard.press("1" if "(Votes)" in first else "2")
        expect(page.locator(f'#pr-duel[data-key="{key}"]')).to_have_count(0)
        expect(blind).to_contain_text(f"The adapter wins 100 % of {number + 1} vote")
        expect(last.filter(has_text="Adapter – your choice")).to_contain_text("You said (Votes): ")
        expect(last.filter(has_text="Base")).to_contain_text("You said: ")
    expect(blind).to_contain_text("you chose: Adapter")
    expect(blind).to_contain_text("All held-out questions have been compared.")
    expect(blind).to_contain_text("6 more votes")
    for number in range(6):
        blind.get_by_label("A question of your own").fill(f"Question {number}")
        blind.get_by_role("button", name="Compare on this").click()
        blind.get_by_role("button", name=re.compile("No difference")).click()
    expect(blind).to_contain_text("4 won, 0 lost. 6 without a difference, which count half.")
    expect(blind).to_contain_text("This may still be chance.")


def test_side_by_side_with_a_question_of_ones_own(page: Page, app: App, runs: dict[str, str]) -> None:
    visit(page, app, runs["compared"])
    sides = part(page, "Side by side")
    box = sides.get_by_label("Question", exact=True)
    box.fill("  ")
    sides.get_by_role("button", name="Ask both").click()
    expect(sides.get_by_role("alert")).to_have_text("The prompt is empty. Write one.")
    box.fill("Ahoy <i>there</i>")
    sides.get_by_role("button", name="Ask both").click()
    expect(sides.locator(".pr-reply")).to_have_text(
        ["BaseYou said: Ahoy <i>there</i>", "AdapterYou said (Pair): Ahoy <i>there</i>"]
    )
    expect(sides.get_by_role("alert")).to_be_hidden()
    expect(box).to_have_value("Ahoy <i>there</i>")
    sides.get_by_label("A question that was held out").select_option(index=1)
    expect(box).to_have_value(re.compile(r"^Say \d+\.$"))


def test_what_goes_wrong_word_by_word_is_said_there(page: Page, app: App, runs: dict[str, str]) -> None:
    visit(page, app, runs["compared"])
    lens = part(page, "What the adapter changed, word by word")
    lens.get_by_label("Reply to look at").fill("")
    lens.get_by_role("button", name="Compare the words").click()
    expect(lens.get_by_role("alert")).to_have_text("The text is empty. Write or paste one.")
    lens.get_by_label("Reply to look at").fill("Something")
    lens.get_by_role("button", name="Compare the words").click()  # The base's files are not there.
    expect(lens.locator(".error").filter(has_text=".").first).to_be_visible(timeout=60_000)
    expect(lens.get_by_label("Reply to look at")).to_have_value("Something")


def test_used_in_chat(page: Page, app: App, runs: dict[str, str]) -> None:
    visit(page, app, runs["done"]).get_by_role("button", name="Use in Chat").click()
    expect(page.locator("#pg-status")).to_contain_text("Harbour")
    visit(page, app, runs["done"]).get_by_role("button", name="Stop using it").click()
    expect(page.locator("#pg-status")).not_to_contain_text("Harbour")
    page.locator("#pn-run").get_by_role("button", name="Use in Chat").click()
    expect(page.locator("#pg-status")).to_contain_text("Harbour")
    page.get_by_role("textbox", name="Message").fill("Ahoy")
    page.keyboard.press("Enter")
    expect(page.locator("#pg-items")).to_contain_text("You said (Harbour): Ahoy")


def test_exported_and_downloaded(page: Page, app: App, runs: dict[str, str]) -> None:
    shown = visit(page, app, runs["exported"])
    kinds = shown.get_by_role("listitem")
    kinds.filter(has_text="for PEFT").get_by_role("button", name="Export").click()
    with page.expect_download() as coming:
        shown.get_by_role("link", name=re.compile(r"-adapter\.zip$")).click()
    assert coming.value.suggested_filename == "Gift-adapter.zip"
    with zipfile.ZipFile(io.BytesIO(Path(coming.value.path()).read_bytes())) as archive:
        assert archive.testzip() is None
    kinds.filter(has_text="half as large").get_by_role("button", name="Export").click()
    expect(part(page, "Use it").locator(".error").filter(has_text=".").first).to_be_visible(timeout=60_000)
    expect(kinds.filter(has_text="half as large").get_by_role("button")).to_be_enabled()


@pytest.mark.parametrize("name", ["run.json", "..%2Frun.json", "exports.json", ""])
def test_no_other_file_is_handed_out(app: App, runs: dict[str, str], name: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as problem:
        urllib.request.urlopen(f"{app.url}/page/training/{runs['done']}/file?name={name}", timeout=30)
    assert problem.value.code == 422
    assert "does not exist" in json.loads(problem.value.read())["error"]


@pytest.mark.parametrize(
    ("run", "action", "more", "said"),
    [
        ("nowhere", "pause", {}, "does not exist"),
        ("done", "explode", {}, "There is no command"),
        ("done", "export", {"argument": "../x"}, "Choose one of"),
        ("done", "vote", {"argument": "1; DROP"}, "Choose first, second or tie"),
        ("done", "vote", {"argument": "99:first"}, "do not exist"),
        ("done", "keep", {}, "not at work"),
        ("failed", "use", {}, "no adapter yet"),
        ("failed", "sides", {"prompt": "Ahoy"}, "no adapter yet"),
    ],
)
def test_commands_that_make_no_sense_are_refused(
    app: App, runs: dict[str, str], run: str, action: str, more: dict[str, Any], said: str
) -> None:
    code, answer = post(app, runs.get(run, run), action, **more)
    assert code == 422
    assert said in answer["error"]


def test_paused_gone_on_with_and_kept(page: Page, app: App, runs: dict[str, str]) -> None:
    shown = visit(page, app, runs["waits"])
    state = part(page, "State of the training")
    state.get_by_role("button", name="Resume").click()
    curve = shown.get_by_role("img", name=re.compile("^Loss"))
    expect(curve).to_be_visible(timeout=120_000)
    expect(state).to_contain_text(re.compile(r"step \d+ of 20000 · .* left · loss \d"))
    shown.get_by_text("The numbers as a table").click()
    drawn = curve.element_handle()
    before = state.inner_text()
    expect(state).not_to_have_text(before)
    assert drawn.evaluate("node => node.isConnected")  # Brought up to date, not drawn anew.
    expect(shown.get_by_role("region", name="training", exact=True)).to_be_visible()
    state.get_by_role("button", name="Pause").click()
    expect(state).to_contain_text(re.compile(r"Paused at step \d+ of 20000"), timeout=60_000)
    state.get_by_role("button", name="Resume").click()
    expect(state).to_contain_text(re.compile(r"step \d+ of 20000 · "), timeout=120_000)
    state.get_by_role("button", name="Stop and keep").click()
    expect(state).to_contain_text("Ended early and kept", timeout=60_000)
    expect(part(page, "Use it").get_by_role("button", name="Use in Chat")).to_be_visible()


def test_again_with_changes_is_a_draft(page: Page, app: App, runs: dict[str, str]) -> None:
    visit(page, app, runs["done"]).get_by_role("button", name="Train again with changes").click()
    expect(page.locator("#pn-run")).to_be_hidden()
    expect(page).not_to_have_url(re.compile(runs["done"]))


def test_on_a_phone_in_chinese_nothing_sticks_out(phone: Page, app: App, runs: dict[str, str]) -> None:
    shown = visit(phone, app, runs["done"])
    expect(shown.get_by_role("heading", name="是否更好？")).to_be_visible()
    wide = "node => [...node.querySelectorAll('*')].filter(one => one.getBoundingClientRect().right > innerWidth + 1"
    wide += " && !one.closest('.pr-scroll')).map(one => one.className)"
    assert shown.evaluate(wide) == []
    phone.evaluate("document.body.classList.add('dark')")
    line = shown.locator(".pr-large path.pr-line").evaluate("node => getComputedStyle(node).stroke")
    phone.evaluate("document.body.classList.remove('dark')")
    assert line != shown.locator(".pr-large path.pr-line").evaluate("node => getComputedStyle(node).stroke")
