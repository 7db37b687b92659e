"""kill -9 of the app at random moments of a translation or a summary, with the real model, over one data folder.

`translate`: chapter 1 of Debian Reference as HTML, OPUS-MT (package debian-reference-en, see translate.py).
`summarize`: the beginning of Debian's installation guide, the starter model (package installation-guide-amd64).
The app goes on by itself at each start. What was done must stay as it was, and the end must be that of a run that was
left alone.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)

import httpx

from benchmarks.common import App, Row, give_starter, look, progress, running, show, starter, wait_for
from benchmarks.summarize import guide
from benchmarks.translating import BOOK, CACHE, fetch

MOST_SECONDS = 1800


@dataclass(frozen=True)
class Work:
    """What is killed, and how one sees what is done."""

    arguments: tuple[str, ...]
    begin: Callable[[App], None]
    done: str
    """The pieces that are done: where, and what would differ if one was made again."""
    status: str
    each: float
    """Seconds after its start at which it is killed, at most."""


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("translate", "summarize"))
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--data-dir", default=str(CACHE), help="where OPUS-MT is, or is put")
    options = parser.parse_args()
    if options.what == "translate":
        fetch("opus-mt-en-fr", options.data_dir)
    work = {"translate": TRANSLATE, "summarize": SUMMARIZE}[options.what]
    draw, problems, kills = random.Random(options.seed), 0, 0
    with tempfile.TemporaryDirectory() as place:
        folders = [Path(place) / name for name in ("whole", "killed")]
        for folder in folders:
            folder.mkdir()
            if options.what == "translate":
                os.symlink(Path(options.data_dir).absolute() / "models", folder / "models")
            else:
                give_starter(starter(), folder)
        with running(folders[0], *work.arguments) as app:
            work.begin(app)
            began = time.monotonic()
            ended(app, work)
            seconds = time.monotonic() - began
        kept: dict[str, object] = {}
        while kills < options.kills:
            with running(folders[1], *work.arguments) as app:
                if not kills:
                    work.begin(app)
                wait = time.monotonic() + draw.uniform(0, work.each)
                while time.monotonic() < wait and status(app, work) == "running":
                    time.sleep(0.05)
                if status(app, work) != "running":
                    break
            kills += 1
            kept, problems = compared(folders[1], work, kept, problems)
            progress("killed", kills, options.kills)
        with running(folders[1], *work.arguments) as app:
            ended(app, work)
        kept, problems = compared(folders[1], work, kept, problems)
        whole, _ = compared(folders[0], work, {}, 0)
    texts = [[json.loads(str(told))[0] for _, told in sorted(found.items())] for found in (whole, kept)]
    apart = sum(one != other for one, other in zip(*texts, strict=True))
    show(f"kill -9 of the app: {options.what}", [
        Row("pieces; seconds when left alone", f"{len(texts[0])}; {seconds:.0f}"),
        Row("killed in mid-work", str(kills)),
        Row("pieces lost, or made a second time", str(problems), "0", not problems),
        Row("pieces that came out otherwise than when left alone", str(apart), "0", not apart),
    ])  # fmt: skip


def compared(folder: Path, work: Work, kept: dict[str, object], problems: int) -> tuple[dict[str, object], int]:
    """What is done now, and how many pieces of those kept before are not the same."""
    with closing(look(folder / "playground.db")) as db:
        now = {str(place): told for place, told in db.execute(work.done)}
    return now, problems + sum(now.get(place) != told for place, told in kept.items())


def status(app: App, work: Work) -> str:
    """How it stands in the database."""
    with closing(look(app.data / "playground.db")) as db:
        return str(db.execute(work.status).fetchone()[0])


def ended(app: App, work: Work) -> None:
    """Wait for the end."""
    wait_for(lambda: status(app, work) != "running", MOST_SECONDS, "the end")
    assert status(app, work) == "complete"


def translate(app: App) -> None:
    """Begin to translate the chapter, as the page does."""
    page = BOOK / "ch01.en.html"
    with httpx.Client(base_url=f"{app.url}/page/translate/", timeout=60) as http:
        run = http.post("attach", params={"name": page.name}, content=page.read_bytes()).json()["run"]
        told = http.post("act", json={"action": "start", "run": run, "source": "en", "target": "fr"}).json()
        assert not told.get("error"), told


def summarize(app: App) -> None:
    """Begin to summarize the guide's beginning, as the page does."""
    text = guide("en").text[:33_000]
    with httpx.Client(base_url=f"{app.url}/page/summaries/", timeout=60) as http:
        told = http.post("act", json={"action": "start", "run": "", "text": text, "seed": "7"}).json()
        assert not told.get("error"), told


TRANSLATE = Work(
    ("--offline", "--model", "opus-mt-en-fr"),
    translate,
    "SELECT position, json_array(text, updated_at) FROM segments WHERE status = 'done'",
    "SELECT status FROM translations",
    12.0,
)
SUMMARIZE = Work(
    ("--offline",),
    summarize,
    "SELECT printf('%02d %04d', level, position), json_array(text, seconds) FROM run_nodes WHERE status = 'done'",
    "SELECT status FROM runs",
    75.0,
)

if __name__ == "__main__":
    main()
