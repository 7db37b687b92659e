"""Many guests at once: how long what needs no model takes them, what is refused, and whether everyone gets a turn.

`--guests 50` come in by one link, one every half second, and do what people do, with pauses: send, look, search, read,
export, rename, leave and come again; the echo model answers. Then `--at-once 8` guests ask the starter model again and
again: how long each waits for the first word, and all their tokens a second against the engine's own batch.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import psutil

sys.path[0] = str(Path(__file__).resolve().parent.parent)

from benchmarks.common import App, Row, give_starter, running, show, starter, wait_for
from benchmarks.load_guests import Seen, crowd, entered, question, run, talk
from playground.engine.manager import ModelManager
from playground.paths import open_data_folder
from playground.presets import STARTER, model_preset
from playground.records import Turn
from playground.settings import Settings

ACTION_BAR, WAIT_BAR, RATE_BAR = 0.3, 2.0, 0.9
PROCESSES = 4
_SAMPLING = model_preset(STARTER).sampling
"""What the page asks the starter with."""


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--guests", type=int, default=50)
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--at-once", type=int, default=8)
    parser.add_argument("--turns", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--max-new-tokens", type=int, default=48)
    asked = parser.parse_args()
    if asked.guests:
        many(asked.guests, 60 * asked.minutes)
    if asked.at_once:
        few(asked.at_once, asked.turns, asked.rounds, asked.max_new_tokens)


def many(guests: int, seconds: float) -> None:
    """The echo model and many guests."""
    arguments = ("--engine", "echo", "--model", "echo@40", "--slots", "8")
    with tempfile.TemporaryDirectory() as place, running(Path(place), *arguments) as app:
        wait_for(lambda: app.get("/health")["model"]["phase"] == "ready", 60, "the model")
        url, link = opened(app, guests)
        share, stop_at = -(-guests // PROCESSES), time.time() + guests / 2 + seconds
        with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
            work = [(url, link, range(first, min(first + share, guests)), stop_at) for first in range(0, guests, share)]
            seen = Seen()
            for one in pool.starmap(crowd, work):
                seen.add(one)
    every = [one for found in seen.seconds.values() for one in found]
    rows = [
        Row(f"{name}: median, p95 of {len(found)}", f"{1e3 * middle(found):.0f}, {1e3 * high(found):.0f} ms")
        for name, found in sorted(seen.seconds.items())
    ]
    rows += [
        Row(
            f"all {len(every)} that need no model: p95",
            f"{1e3 * high(every):.0f} ms",
            f"<= {1e3 * ACTION_BAR:.0f} ms",
            high(every) <= ACTION_BAR,
        ),
        Row(f"first word: median, longest of {len(seen.waits)}", f"{middle(seen.waits):.2f}, {max(seen.waits):.2f} s"),
        Row("clear refusals", f"{seen.refused.total()} {dict(seen.refused.most_common(4)) or ''}"),
        Row("other errors", f"{seen.faults.total()} {dict(seen.faults.most_common(6)) or ''}", "0", not seen.faults),
    ]
    show(f"{guests} guests, echo model, {seconds:.0f} s after the last came in", rows)


def few(guests: int, turns: int, rounds: int, new: int) -> None:
    """The starter model: waits, and tokens a second against the engine's own. The two take turns, so that a machine
    that is slower for a minute is slower for both."""
    seen, rates, own = Seen(), list[float](), list[float]()
    with (
        tempfile.TemporaryDirectory() as place,
        running(Path(place) / "app", model=starter()) as app,
        loaded(Path(place) / "own") as manager,
    ):
        wait_for(lambda: app.get("/health")["model"]["phase"] == "ready", 120, "the model")
        process = psutil.Process(app.process.pid)
        url, link = opened(app, guests)
        inside = [entered(url, link, number) for number in range(guests)]
        for at in range(rounds):
            these = range(at * turns, (at + 1) * turns)
            own.append(rate(guests, lambda one, these=these: ask(manager, one, these, new)))
            rates.append(rate(guests, lambda one, these=these: talk(inside[one], one, these, new, seen)))
            wait_for(lambda: process.cpu_percent(0.5) < 20, 60, "the end of the titles that it makes afterwards")
    mean, longest = statistics.fmean(seen.waits), max(seen.waits)
    shares = [one / other for one, other in zip(rates, own, strict=True)]
    share, spread = statistics.fmean(shares), statistics.stdev(shares) if rounds > 1 else 0.0
    show(
        f"{guests} guests at once, starter model, {rounds} times {turns} turns each of up to {new} tokens",
        [
            Row(f"first word: mean, median of {len(seen.waits)}", f"{mean:.2f}, {middle(seen.waits):.2f} s"),
            Row("longest / mean", f"{longest / mean:.2f}", f"<= {WAIT_BAR}", longest <= WAIT_BAR * mean),
            Row("all together", f"{', '.join(f'{one:.0f}' for one in rates)} tokens/s"),
            Row("the engine's own batch", f"{', '.join(f'{one:.0f}' for one in own)} tokens/s"),
            Row(
                "together / own, of each two",
                f"{share:.2f} +- {spread:.2f}",
                f">= {RATE_BAR}",
                share >= RATE_BAR,
            ),
            Row("refused, other errors", f"{seen.refused.total()}, {seen.faults.total()} {dict(seen.faults)}", "0"),
        ],
    )


def rate(guests: int, work: Callable[[int], int]) -> float:
    """Tokens a second of all guests, each in a thread; `work` returns the tokens of one."""
    counts: list[int] = []
    threads = [threading.Thread(target=lambda one=one: counts.append(work(one))) for one in range(guests)]
    began = time.perf_counter()
    run(threads)
    return sum(counts) / (time.perf_counter() - began)


@contextlib.contextmanager
def loaded(place: Path) -> Iterator[ModelManager]:
    """The same model in this process, without any page."""
    place.mkdir()
    folder = open_data_folder(str(place))
    give_starter(starter(), place)
    manager = ModelManager(Settings(), folder)
    try:
        manager.load()
        wait_for(lambda: manager.state.phase == "ready", 120, "the model")
        yield manager
    finally:
        manager.close()


def ask(manager: ModelManager, number: int, turns: range, new: int) -> int:
    """What a guest asks, asked of the model itself; returns the tokens of all replies."""
    tokens = 0
    for turn in turns:
        sampling, stop = replace(_SAMPLING, seed=turn, max_new_tokens=new), threading.Event()
        with manager.lease(stop) as lease:
            chunks = lease.stream([Turn("user", question(number, turn))], sampling, stop)
            tokens += max(chunk.completion_tokens for chunk in chunks)
    return tokens


def opened(app: App, guests: int) -> tuple[str, str]:
    """The shared address, and the secret of a link with room for all."""
    values = {"title": "load", "hours": "1", "room.summaries": "", "requests_per_hour": str(10**6)}
    values |= {"tokens_per_hour": str(10**8), "concurrent": "2"}
    with httpx.Client(base_url=app.url, timeout=30) as owner:

        def act(action: str, **more: Any) -> dict[str, Any]:
            answer = owner.post("/page/share/act", json={"action": action, **more})
            return dict(answer.raise_for_status().json())

        secret = str(act("link", values=values)["secret"])
        act("open", values={"reach": "here"})
        with owner.stream("GET", "/page/share/live") as events:
            for line in events.iter_lines():
                if line.startswith("data: ") and (address := httpx.Response(200, text=line[6:]).json()["address"]):
                    return str(address), secret
    raise RuntimeError("the door did not open")


def middle(found: list[float]) -> float:
    return statistics.median(found)


def high(found: list[float]) -> float:
    """The 95th of a hundred."""
    return sorted(found)[min(len(found) - 1, int(0.95 * len(found)))]


if __name__ == "__main__":
    main()
