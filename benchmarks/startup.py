"""How long from the command line to a page one can write in, against the smallest Gradio page of the same shape.

A: `python launch.py --no-browser` (warm: installed, the starter model on disk) until the tab "Chat" and the box
"Message" are visible in a Chromium that is running already; a fresh browser context each time, so nothing comes from
its cache. B: a Gradio script with a tab and a textbox of these names, started by the same Python and measured the same
way. A, B, A, B, ... after one warm-up pair; medians, and the ratio A/B of each pair. The moment the app's page is
visible, /health is asked which heavy libraries are imported: torch and transformers must not be.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

sys.path[0] = str(Path(__file__).resolve().parent.parent)

import httpx
from playwright.sync_api import Browser, sync_playwright

from benchmarks.common import ROOT, Row, chromium, free_port, give_starter, show, starter
from launcher import state

BAR = 1.5
_HELLO = """
import gradio as gr
with gr.Blocks() as page:
    with gr.Tab("Chat"):
        gr.Textbox(label="Message")
page.launch(server_port={port}, quiet=True)
"""


def seconds_to_page(browser: Browser, command: list[str], port: int) -> tuple[float, dict[str, bool]]:
    """Start `command` and return when its page is visible; for the app also what /health says is imported."""
    environment = {**os.environ, "GRADIO_ANALYTICS_ENABLED": "False"}
    context = browser.new_context()
    page = context.new_page()
    began = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    try:
        _wait_for_port(process, port)
        page.goto(f"http://127.0.0.1:{port}/", wait_until="commit", timeout=60_000)
        page.get_by_role("tab", name="Chat").wait_for(timeout=60_000)
        page.get_by_role("textbox", name="Message").wait_for(timeout=60_000)
        seconds = time.perf_counter() - began
        health = httpx.get(f"http://127.0.0.1:{port}/health") if "launch.py" in command[1] else None
        return seconds, health.json()["imported"] if health else {}
    finally:
        context.close()
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for_port(process: subprocess.Popen[bytes], port: int) -> None:
    while process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.01)
    raise SystemExit(f"it ended with {process.returncode} before it answered")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    if not state.fits(state.read_stamp(), state.wanted("test")):
        print("This start would install something first. Run `python3 launch.py test --version` once, then again.")
        return 2
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
        data, ports = Path(place) / "data", (free_port(), free_port())
        give_starter(starter(), data)
        launch = [sys.executable, str(ROOT / "launch.py"), "--no-browser", "--offline", "--data-dir", str(data)]
        app = [*launch, "--port", str(ports[0])]
        hello = [sys.executable, "-c", _HELLO.format(port=ports[1])]
        pairs, imported = [], set()
        with chromium(playwright) as browser:
            for number in range(options.rounds + 1):
                ours, heavy = seconds_to_page(browser, app, ports[0])
                theirs, _ = seconds_to_page(browser, hello, ports[1])
                imported |= {name for name, there in heavy.items() if there}
                kind = "warm-up" if number == 0 else f"round {number}"
                print(f"{kind}: {ours:.2f} s and {theirs:.2f} s, {ours / theirs:.2f}", flush=True)
                if number:
                    pairs.append((ours, theirs))
    ratio = median(a / b for a, b in pairs)
    bad = imported & {"torch", "transformers"}
    rows = [
        Row("launch.py to a visible page, median", f"{median(a for a, _ in pairs):.2f} s"),
        Row("hello-world Gradio page, median", f"{median(b for _, b in pairs):.2f} s"),
        Row("median ratio of the pairs", f"{ratio:.2f}", f"<= {BAR}", ratio <= BAR),
        Row("ratios", ", ".join(f"{a / b:.2f}" for a, b in pairs)),
        Row("imported when visible", ", ".join(sorted(imported)) or "nothing heavy", "no torch, transformers", not bad),
    ]
    show(f"start-up, {options.rounds} pairs", rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
