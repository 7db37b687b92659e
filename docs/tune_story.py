"""What the pictures of the Fine-tune tab show: real rows as data, a training at work, and the proof after it.

Used by make_screenshots.py. Each step waits for what a reader would wait for, so it fails where the app does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from playwright.sync_api import Browser, FilePayload, Page, expect

from benchmarks.tuning_data import packages

_ROWS = 240
_PROMPTS = "What is the Debian package vim for?\nWhat is the capital of France?"


def teach(browser: Browser, url: str, photograph: Callable[[Page, str], None], opened: Callable[..., Page]) -> str:
    """Upload, look, start, and wait for the end; returns the address of the training."""
    page = opened(browser, url, "en-US", "light", 1280)
    page.get_by_role("tab", name="Fine-tune").click()
    page.locator("#pn-file").set_input_files(FilePayload(name="packages.jsonl", mimeType="", buffer=_rows()))
    expect(page.locator("#pn-sums")).to_contain_text("samples", timeout=60_000)
    page.get_by_role("button", name=re.compile("^Quick try")).click()
    page.locator("#pn-form [name=prompts]").fill(_PROMPTS)
    page.locator("#pn-samples summary").first.click()
    expect(page.get_by_role("button", name="Start the training")).to_be_enabled(timeout=120_000)
    expect(page.locator("#pn-samples .pn-text").first).to_be_visible(timeout=60_000)
    page.locator("#pn-samples").scroll_into_view_if_needed()
    photograph(page, "tune-data")
    page.get_by_role("button", name="Start the training").scroll_into_view_if_needed()
    photograph(page, "tune-recipe")
    page.get_by_role("button", name="Start the training").click()
    run = page.locator("#pn-run")
    expect(page.get_by_role("img", name=re.compile("^Loss"))).to_be_visible(timeout=300_000)
    expect(page.get_by_role("region", name="State of the training")).to_contain_text("20 of", timeout=300_000)
    photograph(page, "tune-run")
    expect(run).to_have_attribute("data-status", "complete", timeout=900_000)
    photograph(page, "tune-proof")
    return page.url


def _rows() -> bytes:
    samples = packages(_ROWS)
    rows = [{"messages": [{"role": turn.role, "content": turn.content} for turn in one.messages]} for one in samples]
    return "\n".join(json.dumps(row) for row in rows).encode()
