"""Drafts with a model that can be trained, in a real browser: what it will see, editing, and the start."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.conftest import App, give_starter, launch
from tests.tuning.tiny import tiny_base
from tests.ui.summarizing import file
from tests.ui.test_models_page import add as add_model
from tests.ui.test_tune_page import add, listed, samples, talks, visit

pytestmark = [pytest.mark.browser, pytest.mark.real_model]


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, starter_gguf: Path) -> Iterator[App]:
    """The starter model."""
    folder = tmp_path_factory.mktemp("real trainings")
    give_starter(starter_gguf, folder)
    started = launch(folder)
    yield started
    started.kill()


def setting(page: Page, name: str) -> Locator:
    """A field of the settings, which are unfolded."""
    field = page.locator(f"#pn-form [name={name}]")
    if not field.is_visible():
        page.locator("#pn-form").get_by_text("All settings").click()
    return field


def opened(page: Page, number: int) -> Locator:
    """A sample, opened and drawn."""
    one = samples(page).nth(number)
    one.locator("summary").first.click()
    expect(one.locator(".pn-text")).to_be_visible()
    return one


def test_a_file_with_two_broken_rows_is_looked_at_edited_and_trained(app: App, page: Page) -> None:
    visit(page, app)
    add(page, file("ships.jsonl", "\n".join(talks(14, row2='{"messages": [', row5='{"q": "Hi"}'))))
    expect(page.locator(".pn-problems li")).to_have_count(2)
    expect(samples(page)).to_have_count(12)
    # What is learned is told by more than a colour, and is the reply alone.
    first = opened(page, 0)
    expect(first.locator(".pn-text ins")).to_have_text("Port 1 takes 301 ships.<|im_end|>")
    assert "underline" in first.locator(".pn-text ins").evaluate("(node) => getComputedStyle(node).textDecorationLine")
    expect(first.locator(".pn-text .pn-read").first).to_contain_text("What does port 1 take?")
    expect(first).to_contain_text(re.compile(r"\d+ tokens · \d+ learned"))
    first.get_by_text(re.compile(r"^The first \d+ tokens$")).click()
    expect(first.get_by_role("row").nth(1)).to_contain_text("<|im_start|>")
    # Edited in place; what is no sample is told there, and keeps what was typed.
    first.get_by_role("button", name="Edit").click()
    reply = first.get_by_role("textbox", name="assistant")
    reply.fill(" ")
    first.get_by_role("button", name="Save").click()
    expect(first.get_by_role("alert")).to_have_text("A text is empty. Write it, or leave the sample out.")
    reply.fill("Port 1 takes every ship.")
    first.get_by_role("button", name="Save").click()
    expect(first.locator(".pn-text ins")).to_have_text("Port 1 takes every ship.<|im_end|>")
    expect(first.locator(".pn-chips")).to_have_text("edited")
    first.get_by_role("button", name="Take the changes back").click()
    expect(first.locator(".pn-text ins")).to_have_text("Port 1 takes 301 ships.<|im_end|>")
    # Left out, and back.
    page.get_by_role("button", name="Leave out: Row 3").click()
    expect(page.locator("#pn-sums")).to_contain_text("1 left out by you")
    page.get_by_role("button", name="Put back: Row 3").click()
    expect(page.locator("#pn-sums")).not_to_contain_text("left out")
    page.get_by_role("button", name="Leave out: Row 4").click()
    expect(page.locator("#pn-sums")).to_contain_text("11 samples")

    setting(page, "max_steps").fill("1")
    setting(page, "evaluations").fill("0")
    expect(page.locator("#pn-forecast")).to_contain_text("It fits: needs")
    expect(page.locator("#pn-time")).to_have_text("How long it takes is measured in the first steps.")
    expect(page.locator("#pn-h-learning_rate")).to_contain_text("Quick try 0.0005, Balanced")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#pn-run")).to_be_visible()
    expect(page.locator("#pn-page")).to_be_hidden()
    expect(listed(page, "ships.jsonl").get_by_role("img", name="running")).to_be_visible()
    run = json.loads(next((app.data / "trainings").glob("*/run.json")).read_text(encoding="utf-8"))
    assert run["recipe"]["max_steps"] == 1
    assert (run["data"]["samples"], run["data"]["left_out"]) == (11, 1)
    # Its worker is a process of its own, which would go on after the test.
    page.locator("#pn-run").get_by_role("button", name="Pause").click()
    expect(page.locator("#pn-run")).to_have_attribute("data-status", re.compile("stopped|complete"), timeout=120_000)


def test_what_is_cut_off_is_seen_before_it_is_trained(app: App, page: Page) -> None:
    visit(page, app)
    long = json.dumps({"prompt": "Tell me all.", "completion": "The harbour took in ships again and again. " * 30})
    add(page, file("long.jsonl", "\n".join([*talks(3), long])))
    expect(page.locator("#pn-lengths")).not_to_contain_text("cut off")
    setting(page, "max_length").fill("100")
    expect(page.locator("#pn-lengths")).to_contain_text("1 sample is longer than max_length 100: its end is cut off.")
    expect(page.get_by_role("img", name=re.compile("^Histogram of lengths"))).to_be_visible()
    page.get_by_label("Which samples are shown").select_option("cut")
    expect(samples(page)).to_have_count(1)
    expect(opened(page, 0).locator(".pn-text .pn-cut").first).to_contain_text("again and again")
    setting(page, "max_length").fill("2")
    expect(page.locator("#pn-why")).to_have_text("Correct first: max_length")
    expect(page.get_by_role("button", name="Start the training")).to_be_disabled()


def test_the_better_and_the_worse_reply_are_told_apart(app: App, page: Page) -> None:
    visit(page, app)
    pairs = [{"prompt": f"Which of {n}?", "chosen": f"This, {n}.", "rejected": f"That, {n}."} for n in range(3)]
    add(page, file("pairs.jsonl", "\n".join(map(json.dumps, pairs))))
    first = samples(page).first
    first.locator("summary").first.click()
    expect(first.locator(".pn-text .pn-wanted")).to_have_text("This, 0.<|im_end|>")
    expect(first.locator(".pn-text .pn-unwanted")).to_have_text("That, 0.<|im_end|>")
    expect(first.get_by_role("list", name="Legend")).to_have_text(re.compile(r"wanted\s*not wanted\s*only read"))
    setting(page, "max_steps").fill("1")
    setting(page, "evaluations").fill("0")
    page.get_by_role("button", name="Start the training").press("Enter")
    expect(page.locator("#pr-title")).to_be_focused()
    page.locator("#pn-run").get_by_role("button", name="Pause").click()
    expect(page.locator("#pn-run")).to_have_attribute("data-status", re.compile("stopped|complete"), timeout=120_000)


def test_what_does_not_fit_says_what_would(app: App, page: Page) -> None:
    visit(page, app)
    add(page, file("large.jsonl", "\n".join(talks(3))))
    setting(page, "per_device_train_batch_size").fill("512")
    setting(page, "max_length").fill("8192")
    expect(page.locator("#pn-forecast")).to_contain_text("This would fit:")
    expect(page.locator("#pn-why")).to_have_text("It does not fit into memory.")
    page.get_by_role("button", name="Use these settings").click()
    expect(page.locator("#pn-forecast")).to_contain_text("It fits: needs")
    expect(page.get_by_role("button", name="Start the training")).to_be_enabled()
    assert int(setting(page, "per_device_train_batch_size").input_value()) < 512


def test_a_model_that_comes_while_one_looks_can_be_trained_at_once(
    start_app: Callable[..., App], page: Page, tmp_path: Path
) -> None:
    bare = start_app("--engine", "echo")
    visit(page, bare)
    add(page, file("ships.jsonl", "\n".join(talks(30))))
    expect(page.locator("#pn-why")).to_contain_text("No model on this machine can be trained.")
    other = page.context.new_page()
    other.goto(bare.url)
    other.get_by_role("tab", name="Models").click()
    add_model(other, str(tiny_base(tmp_path / "tiny")))
    expect(page.get_by_role("button", name="Start the training")).to_be_enabled(timeout=20_000)
    # What is typed stays, also when the form is drawn anew.
    prompts = page.get_by_label("Prompts to try")
    prompts.fill("Where is the harbour?\nWho are you?")
    page.get_by_label("Title").fill("Ships and ports")
    page.locator("#pn-samples summary").first.click()
    expect(listed(page, "Ships and ports")).to_be_visible()
    page.wait_for_timeout(1500)
    expect(prompts).to_have_value("Where is the harbour?\nWho are you?")
    page.reload()
    expect(prompts).to_have_value("Where is the harbour?\nWho are you?")
