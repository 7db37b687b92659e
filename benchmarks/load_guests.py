"""The guests of load.py: each comes in, asks, looks at replies until they end, and notes what it met with."""

from __future__ import annotations

import contextlib
import json
import random
import re
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from http import client as http_client
from typing import Any

import httpx

from benchmarks.common import Client

_TOKENS = re.compile(rb'"tokens":(\d+)')
_TOLD = re.compile(r"(\d+) tokens(?!/)")
LOOKS = ("tree", "search", "filters", "export", "choices", "prompts")


@dataclass
class Seen:
    """What guests met with. Seconds by action; refusals and faults by what was said."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    waits: list[float] = field(default_factory=list)
    """Seconds from sending to the first word."""
    refused: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)

    def add(self, other: Seen) -> None:
        for name, found in other.seconds.items():
            self.seconds[name] += found
        self.waits += other.waits
        self.refused += other.refused
        self.faults += other.faults


def crowd(url: str, link: str, numbers: range, stop_at: float) -> Seen:
    """Some guests, in a process of their own."""
    seen, start = Seen(), time.time()
    run([threading.Thread(target=visit, args=(url, link, n, start + n / 2, stop_at, seen)) for n in numbers])
    return seen


def visit(url: str, link: str, number: int, begin: float, stop_at: float, seen: Seen) -> None:
    """One guest until the end: comes in, works with pauses, leaves now and then and comes again."""
    choose = random.Random(number)
    time.sleep(max(0.0, begin - time.time()))
    while time.time() < stop_at:
        with told(seen, "visit"):
            http, commands = entered(url, link, number, seen)
            try:
                stay(http, commands, choose, min(stop_at, time.time() + choose.uniform(40, 120)), seen)
            finally:
                with timed(seen, "leave"):
                    http.post("/leave")
                http.close()


def entered(url: str, link: str, number: int, seen: Seen | None = None) -> tuple[httpx.Client, Client]:
    """A guest who has come in, and their page."""
    seen = seen or Seen()
    http = httpx.Client(base_url=url, timeout=60)
    with timed(seen, "enter"):
        http.post("/enter", json={"link": link, "name": f"guest {number}"}).raise_for_status()
    with timed(seen, "first page"):
        http.get("/").raise_for_status()
    with timed(seen, "page"):
        http.get("/").raise_for_status()
    return http, Client(url, http)


def stay(http: httpx.Client, commands: Client, choose: random.Random, until: float, seen: Seen) -> None:
    """What a guest does in one visit."""
    conversation = ""
    while time.time() < until:
        if not conversation or choose.random() < 0.25:
            text = f"/tokens {choose.randrange(20, 120)}"
            with told(seen, "send"):
                conversation, _ = say(http, commands, text, seen)
        for _ in range(choose.randrange(1, 5)):
            time.sleep(choose.uniform(0.5, 2.5))
            what = choose.choice(LOOKS)
            asked = {"c": conversation, "q": "tokens", "before": "", "format": "json"}
            with told(seen, what), timed(seen, what):
                http.get(f"/page/{what}", params=asked).raise_for_status()


def say(http: httpx.Client, commands: Client, text: str, seen: Seen, **panel: Any) -> tuple[str, int]:
    """Send a message in a new conversation and see its reply to the end; returns both the id and its tokens."""
    began = time.time()
    with timed(seen, "send (to the acknowledgement)"):
        conversation = commands.send(None, None, text, **panel)
    first, tokens = watched(http, conversation, seen)
    if first:
        seen.waits.append(first - began)
    return conversation, tokens


def watched(http: httpx.Client, conversation: str, seen: Seen) -> tuple[float, int]:
    """See a reply to its end: when its first word was shown (time.time(), 0 for none), and the tokens that it tells.

    It reads lines and parses none but the last ones: what this costs is taken from the model beside it.
    """
    url, first, begun = http.base_url, 0.0, False
    connection = http_client.HTTPConnection(url.host, url.port or 80, timeout=180)
    try:
        cookies = "; ".join(f"{one.name}={one.value}" for one in http.cookies.jar)
        connection.request("GET", f"/page/live?c={conversation}", headers={"Cookie": cookies})
        answer = connection.getresponse()
        while line := answer.readline():
            if line.startswith(b'data: {"id":') and not first and (found := _TOKENS.search(line)) and int(found[1]):
                first = time.time()
            if line.startswith(b'data: {"conversation":'):
                begun = begun or b'"streaming":true' in line
                if b'"streaming":false' in line:
                    told = _TOLD.findall(json.loads(line[6:])["items"][-1]["html"])
                    return first or (0.0 if begun else time.time()), int(told[-1]) if told else 0
    except OSError as error:
        seen.faults[f"a stream: {type(error).__name__}"] += 1
    finally:
        connection.close()
    return first, 0


def talk(one: tuple[httpx.Client, Client], number: int, turns: range, new: int, seen: Seen) -> int:
    """Ask again and again; returns the tokens of all replies."""
    http, commands = one
    tokens = 0
    for turn in turns:
        with told(seen, "send"):
            tokens += say(http, commands, question(number, turn), seen, max_new_tokens=new, seed=str(turn))[1]
    return tokens


def question(number: int, turn: int) -> str:
    """A prompt that nobody asked before."""
    return f"{number}.{turn} Tell me a long story about the {('sea', 'moon', 'train', 'market')[turn % 4]}, please."


@contextlib.contextmanager
def timed(seen: Seen, what: str) -> Iterator[None]:
    """Note the seconds of what went well."""
    began = time.perf_counter()
    yield
    seen.seconds[what].append(time.perf_counter() - began)


@contextlib.contextmanager
def told(seen: Seen, what: str) -> Iterator[None]:
    """Note what was refused, or went wrong. Clear is a 429 or 503 that says when to come again, or words in place."""
    try:
        yield
    except httpx.HTTPStatusError as error:
        answer = error.response
        if answer.status_code in (429, 503) and "retry-after" in answer.headers:
            seen.refused[f"{what}: {answer.status_code}"] += 1
        else:
            seen.faults[f"{what}: {answer.status_code} {answer.text[:80]}"] += 1
    except RuntimeError as error:  # What the page shows beside the message.
        seen.refused[f"{what}: {error}"] += 1
    except httpx.HTTPError as error:
        seen.faults[f"{what}: {type(error).__name__} {error}"] += 1


def run(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
