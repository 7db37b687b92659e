"""Proof that an adapter is better: replies of base and adapter side by side, votes without knowing which is which."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from playground.engine.lease import LeaseCancelled
from playground.engine.manager import ModelManager
from playground.errors import BadValueError, MissingError, ModelError
from playground.records import Sampling, Turn
from playground.store.training_values import Duel, Side, StoredTraining, Vote
from playground.tuning.launching import environment
from playground.tuning.runfile import read_samples
from playground.tuning.service import TuningService

_REPLY_TOKENS = 256
_Z = 1.959964
"""Of a normal distribution: 95 % lie within so many standard deviations."""
_LENS_SECONDS = 600
_LOOK_SECONDS = 0.2
_BEGINNING, _LENS_TEXT = 200, 400
"""Characters of a text that stand for the question, and those that go on from there."""
_MOST_DUELS = 50


@dataclass(frozen=True)
class Tally:
    """How the votes went, from the adapter's side."""

    wins: int
    losses: int
    ties: int
    rate: float
    """Share of wins, a tie being half a one."""
    low: float
    high: float
    """Between which the true rate is with 95 % (Wilson's interval)."""


@dataclass(frozen=True)
class LensToken:
    """A token, and its log probability (nats) under base and adapter; None for the first."""

    text: str
    base: float | None
    adapter: float | None


def examples(service: TuningService, run_id: str, count: int = 10) -> list[tuple[str, str]]:
    """Questions that were held out with their replies, always the same; fewer when there are not so many."""
    file = service.places(run_id).heldout
    if not file.exists():
        return []
    found: dict[str, str] = {}
    for sample in read_samples(file):
        if sample.kind == "text":
            found.setdefault(sample.text[:_BEGINNING], sample.text[_BEGINNING : _BEGINNING + _LENS_TEXT])
            continue
        at = next((at for at, turn in enumerate(sample.messages) if turn.role == "user"), None)
        if at is not None:
            after = [turn.content for turn in sample.messages[at + 1 :] if turn.role == "assistant"]
            found.setdefault(sample.messages[at].content, sample.chosen or (after[0] if after else ""))
    pairs = list(found.items())
    return pairs if len(pairs) <= count else random.Random(run_id).sample(pairs, count)


def prompts(service: TuningService, run_id: str, count: int = 10) -> list[str]:
    """These questions alone."""
    return [prompt for prompt, _ in examples(service, run_id, count)]


def unasked(service: TuningService, run_id: str) -> list[str]:
    """Held-out questions that no duel was about yet."""
    asked = {one.prompt for one in service.store.duels(run_id)}
    return [one for one in prompts(service, run_id, _MOST_DUELS) if one not in asked]


def replies(
    service: TuningService, run_id: str, prompt: str, stop: threading.Event, tell: Callable[[int], None] | None = None
) -> tuple[str, str]:
    """What base and adapter say to a prompt with the same seed; `tell` hears how many have answered.

    Raises BadValueError for an empty prompt, MissingError without an adapter, and what loading raises.
    """
    if not prompt.strip():
        raise BadValueError("The prompt is empty. Write one.")
    model, adapter = adapter_of(service, service.store.get(run_id))
    said = []
    for number, name in enumerate(("", adapter)):
        if tell:
            tell(number)
        said.append(_reply(service.manager, model, name, prompt, stop))
        if stop.is_set():
            raise LeaseCancelled
    return said[0], said[1]


def duel(
    service: TuningService, run_id: str, prompt: str, stop: threading.Event, tell: Callable[[int], None] | None = None
) -> int:
    """Let base and adapter answer a prompt, and keep both replies; returns the number of the duel. As `replies`."""
    base, mine = replies(service, run_id, prompt, stop, tell)
    # Which is shown first must not be guessed, and must not change when the page is read again.
    number = len(service.store.duels(run_id))
    odd = hashlib.sha256(f"{run_id}/{number}/{prompt}".encode()).digest()[0] % 2
    first: Side = "adapter" if odd else "base"
    return service.store.add_duel(run_id, prompt, base, mine, first)


def vote(service: TuningService, run_id: str, number: int, shown: str) -> None:
    """Note a vote by what was seen: first, second or tie."""
    found = next((one for one in service.store.duels(run_id) if one.id == number), None)
    if found is None:
        raise MissingError("These replies do not exist (any more). Begin the comparison anew.")
    second: Side = "base" if found.first == "adapter" else "adapter"
    votes: dict[str, Vote] = {"first": found.first, "second": second, "tie": "tie"}
    if shown not in votes:
        raise BadValueError(f"The vote is {shown!r}. Choose first, second or tie.")
    service.store.vote(run_id, number, votes[shown])


def tally(duels: Sequence[Duel]) -> Tally | None:
    """None before the first vote."""
    votes = [one.vote for one in duels if one.vote]
    if not votes:
        return None
    wins, losses = votes.count("adapter"), votes.count("base")
    ties = votes.count("tie")
    n, rate = len(votes), (wins + ties / 2) / len(votes)
    middle = (rate + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z / (1 + _Z**2 / n) * math.sqrt(rate * (1 - rate) / n + _Z**2 / (4 * n**2))
    # The last digits must not put the rate outside.
    return Tally(wins, losses, ties, rate, max(0.0, min(rate, middle - half)), min(1.0, max(rate, middle + half)))


def lens(
    service: TuningService, run_id: str, prompt: str, text: str, stop: threading.Event | None = None
) -> list[LensToken]:
    """How much the adapter changed the probability of each token of `text`, as a reply to `prompt` ("": as it is).

    Computed in a process of its own, which loads the base anew. Raises ModelError, and LeaseCancelled on `stop`.
    """
    if not text.strip():
        raise BadValueError("The text is empty. Write or paste one.")
    places = service.places(run_id)
    if not places.adapter.exists():
        raise MissingError("This training has no adapter yet. Wait until it is done, or press Stop and keep.")
    command = [sys.executable, "-m", "playground.tuning.worker", str(places.root), "lens"]
    asked = json.dumps({"prompt": prompt, "text": text}).encode()
    try:
        answer = json.loads(_asked(command, asked, stop or threading.Event()).decode().strip().rpartition("\n")[2])
    except ValueError:
        raise ModelError("Comparing the words broke off, perhaps for lack of memory. Close other programs.") from None
    if "error" in answer:
        raise ModelError(answer["error"])
    return [LensToken(*one) for one in answer["tokens"]]


def adapter_of(service: TuningService, run: StoredTraining) -> tuple[str, str]:
    """Model and adapter of a training that is done. Raises MissingError."""
    model, name = str(run.options.get("model", "")), str(run.result.get("name", ""))
    service.bases.check_here(model, service.manager.options_of(model))
    if not name or name not in service.manager.adapters(model):
        raise MissingError("The adapter of this training is not attached to its model (any more). Press Use in Chat.")
    return model, name


def _asked(command: Sequence[str], asked: bytes, stop: threading.Event) -> bytes:
    """What a process writes when it is told `asked`."""
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment()
    )
    end, told = time.monotonic() + _LENS_SECONDS, asked
    try:
        while not stop.is_set():
            try:
                return process.communicate(told, timeout=_LOOK_SECONDS)[0]
            except subprocess.TimeoutExpired:
                told = b""  # It is on its way.
            if time.monotonic() > end:
                raise ModelError("Comparing the words took too long. Choose a shorter text.")
        raise LeaseCancelled
    finally:
        process.kill()
        process.wait()
        for pipe in filter(None, (process.stdin, process.stdout)):
            with contextlib.suppress(OSError):
                pipe.close()


def _reply(manager: ModelManager, model: str, adapter: str, prompt: str, stop: threading.Event) -> str:
    sampling = Sampling(temperature=0.0, max_new_tokens=_REPLY_TOKENS, seed=0)
    with manager.lease(stop, model, adapter) as lease:
        return "".join(chunk.text for chunk in lease.stream([Turn("user", prompt)], sampling, stop)).strip()
