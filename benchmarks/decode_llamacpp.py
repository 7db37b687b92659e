"""The llama.cpp half of `decode.py`: our engine against bare xllamacpp, and speculation from the text itself.

Both sides have the same model file, threads, context and prompt, and take turns within one run. Speculation is measured
on a text that is to be repeated with one change, and on an ordinary answer; it is not used where it loses.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path[0] = str(Path(__file__).resolve().parent.parent)

from benchmarks.common import Row, show, starter
from playground.engine.base import ModelSource
from playground.engine.hardware import usable_cores
from playground.engine.llamacpp_engine import LlamaCppEngine
from playground.engine.llamacpp_server import library
from playground.records import Sampling, Turn

CONTEXT, NEW, BAR = 4096, 96, 0.97
_TEXT = (
    "The harbour lies quiet in the morning, and the boats that went out at night come back one after another. An old "
    "man counts them from the wall, as he has done for forty years, and writes the number into a small grey book. "
)
ORDINARY = f"{_TEXT * 2}\n\nWrite a long summary of this, and say what kind of person the man may be."
REPEATED = f"Repeat this text word for word, but write 'lake' where it says 'harbour':\n\n{_TEXT * 2}"
Decode = Callable[[str], float]
"""Tokens per second from the first token of the reply to its last."""


def rows(rounds: int) -> list[Row]:
    """Measure all of it; some minutes."""
    engine = LlamaCppEngine(ModelSource("starter", starter(), context_length=CONTEXT, threads=usable_cores()))
    plain, guessing = bare(), bare(speculation="ngram_simple")
    mod = bare(speculation="ngram_mod")
    try:
        rates = measure(
            {
                "ours": (lambda prompt: ours(engine, prompt), ORDINARY),
                "bare": (lambda prompt: straight(plain, prompt), ORDINARY),
                "ordinary, ngram_simple": (lambda prompt: straight(guessing, prompt), ORDINARY),
                "ordinary, ngram_mod": (lambda prompt: straight(mod, prompt), ORDINARY),
                "repeating, plain": (lambda prompt: straight(plain, prompt), REPEATED),
                "repeating, ngram_simple": (lambda prompt: straight(guessing, prompt), REPEATED),
                "repeating, ngram_mod": (lambda prompt: straight(mod, prompt), REPEATED),
            },
            rounds,
        )
    finally:
        engine.close()
    found = [Row(f"llama.cpp: {name}, tokens/s", f"{statistics.median(rate):.1f}") for name, rate in rates.items()]
    for one, other, bar in (
        ("ours", "bare", BAR),
        ("ordinary, ngram_simple", "bare", None),
        ("ordinary, ngram_mod", "bare", None),
        ("repeating, ngram_simple", "repeating, plain", None),
        ("repeating, ngram_mod", "repeating, plain", None),
    ):
        ratio = statistics.median(a / b for a, b in zip(rates[one], rates[other], strict=True))
        words = f"llama.cpp: {one} / {other.removeprefix('repeating, ')}"
        found.append(Row(words, f"{ratio:.3f}", f">= {bar}" if bar else "", ratio >= bar if bar else None))
    return found


def measure(ways: dict[str, tuple[Decode, str]], rounds: int) -> dict[str, list[float]]:
    """Every way once a round, in an order that changes; the first round reads the prompts and warms up."""
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        names = list(ways)
        for name in names if number % 2 else names[::-1]:
            way, prompt = ways[name]
            rate = way(prompt)
            if number:
                rates[name].append(rate)
    return rates


def ours(engine: LlamaCppEngine, prompt: str) -> float:
    """Through the engine, as the app does."""
    times = []
    sampling = Sampling(seed=1, max_new_tokens=NEW, temperature=0.0)
    last = 0
    for chunk in engine.stream([Turn("user", prompt)], sampling, threading.Event()):
        if chunk.completion_tokens > last:
            times.append(time.perf_counter())
            last = chunk.completion_tokens
    return (last - 1) / (times[-1] - times[0])


def bare(speculation: str = "") -> Any:
    """xllamacpp's server, as its documentation starts it."""
    xllamacpp = library()
    params = xllamacpp.CommonParams()
    params.model.path = str(starter())
    params.n_ctx, params.verbosity = CONTEXT, 0
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = usable_cores()
    if speculation:
        kinds = xllamacpp.common_speculative_type
        params.speculative.types = [getattr(kinds, f"COMMON_SPECULATIVE_TYPE_{speculation.upper()}")]
    return xllamacpp.Server(params)


def straight(server: Any, prompt: str) -> float:
    """From bare xllamacpp."""
    times, usage = [], []

    def receive(event: dict[str, Any]) -> bool:
        if found := event.get("usage"):
            usage.append(found["completion_tokens"])
        elif event["choices"][0]["delta"].get("content"):
            times.append(time.perf_counter())
        return False

    request = {"messages": [{"role": "user", "content": prompt}], "max_tokens": NEW, "temperature": 0}
    request |= {"stream": True, "stream_options": {"include_usage": True}}
    server.handle_chat_completions(request, receive)
    return float((usage[-1] - 1) / (times[-1] - times[0]))


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    show("Decoding with llama.cpp", rows(parser.parse_args().rounds))


if __name__ == "__main__":
    main()
