"""Proof that an adapter is better: replies of base and adapter side by side, votes without knowing which is which."""

from __future__ import annotations

import hashlib
import json
import math
import random
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass

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


def prompts(service: TuningService, run_id: str, count: int = 10) -> list[str]:
    """Questions that were held out, always the same; fewer when there are not so many."""
    file = service.places(run_id).heldout
    if not file.exists():
        return []
    asked = []
    for sample in read_samples(file):
        if sample.kind == "text":
            asked.append(sample.text[:200])
        elif sample.messages:
            asked.append(next(turn.content for turn in sample.messages if turn.role == "user"))
    asked = list(dict.fromkeys(asked))
    return asked if len(asked) <= count else random.Random(run_id).sample(asked, count)


def duel(service: TuningService, run_id: str, prompt: str, stop: threading.Event) -> int:
    """Let base and adapter answer a prompt with the same seed, and keep both; returns the number of the duel.

    Raises BadValueError for an empty prompt, MissingError without an adapter, and what loading raises.
    """
    if not prompt.strip():
        raise BadValueError("The prompt is empty. Write one.")
    run = service.store.get(run_id)
    model, adapter = adapter_of(service, run)
    said = {name: _reply(service.manager, model, name, prompt, stop) for name in ("", adapter)}
    # Which is shown first must not be guessed, and must not change when the page is read again.
    number = len(service.store.duels(run_id))
    odd = hashlib.sha256(f"{run_id}/{number}/{prompt}".encode()).digest()[0] % 2
    first: Side = "adapter" if odd else "base"
    return service.store.add_duel(run_id, prompt, said[""], said[adapter], first)


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
    return Tally(wins, losses, ties, rate, max(0.0, middle - half), min(1.0, middle + half))


def lens(service: TuningService, run_id: str, prompt: str, text: str) -> list[LensToken]:
    """How much the adapter changed the probability of each token of `text`, as a reply to `prompt` ("": as it is).

    Computed in a process of its own, which loads the base anew. Raises ModelError.
    """
    if not text.strip():
        raise BadValueError("The text is empty. Write or paste one.")
    places = service.places(run_id)
    if not places.adapter.exists():
        raise MissingError("This training has no adapter yet. Wait until it is done, or press Stop and keep.")
    command = [sys.executable, "-m", "playground.tuning.worker", str(places.root), "lens"]
    asked = json.dumps({"prompt": prompt, "text": text}).encode()
    try:
        done = subprocess.run(command, input=asked, capture_output=True, timeout=_LENS_SECONDS, env=environment())
    except subprocess.TimeoutExpired:
        raise ModelError("Comparing the words took too long. Choose a shorter text.") from None
    try:
        answer = json.loads(done.stdout.decode().strip().rpartition("\n")[2])
    except ValueError:
        raise ModelError("Comparing the words broke off, perhaps for lack of memory. Close other programs.") from None
    if "error" in answer:
        raise ModelError(answer["error"])
    return [LensToken(*one) for one in answer["tokens"]]


def adapter_of(service: TuningService, run: StoredTraining) -> tuple[str, str]:
    """Model and adapter of a training that is done. Raises MissingError."""
    model, name = str(run.options.get("model", "")), str(run.result.get("name", ""))
    if not name or name not in service.manager.adapters(model):
        raise MissingError("The adapter of this training is not attached to its model (any more). Press Use in Chat.")
    return model, name


def _reply(manager: ModelManager, model: str, adapter: str, prompt: str, stop: threading.Event) -> str:
    sampling = Sampling(temperature=0.0, max_new_tokens=_REPLY_TOKENS, seed=0)
    with manager.lease(stop, model, adapter) as lease:
        return "".join(chunk.text for chunk in lease.stream([Turn("user", prompt)], sampling, stop)).strip()
