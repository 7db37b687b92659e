"""Sees to a Chromium for the browser tests; knows nothing of the tests, which find it themselves."""

import os
import shutil
import subprocess

from launcher.commands import Failed, Steps
from launcher.install import lock
from launcher.state import PYTHON, clean_environment, say

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
OWN = (
    "from playwright.sync_api import sync_playwright as s; p = s().start(); print(p.chromium.executable_path); p.stop()"
)


def ensure() -> None:
    if os.environ.get("PLAYGROUND_CHROMIUM") or any(map(shutil.which, NAMES)) or playwright_has_one():
        return
    with lock() as log:
        steps = Steps(log, 4)
        steps.number = 3
        steps.begin("Browser for the tests: Chromium")
        if not (by_apt(steps) or by_playwright(steps)):
            reason = f"the download failed (see {log.name})"
            say(f"      The browser tests will be skipped, because {reason} and no Chromium was found.")


def playwright_has_one() -> bool:
    answer = subprocess.run([PYTHON, "-c", OWN], capture_output=True, text=True, check=False, env=clean_environment())
    return os.path.exists(answer.stdout.strip())


def by_apt(steps: Steps) -> bool:
    if not shutil.which("apt-get") or os.geteuid() != 0:
        return False
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    try:
        steps.run(["apt-get", "update"], quiet)
        steps.run(["apt-get", "install", "-y", "chromium"], quiet)
    except Failed:
        return False
    return True


def by_playwright(steps: Steps) -> bool:
    try:
        steps.run([PYTHON, "-m", "playwright", "install", "chromium"])
    except Failed:
        return False
    return True
