"""Four conversations at once through the model manager, against the best that bare xllamacpp reaches with four slots,
and against the same four one after another; and a fifth, which has to wait. Starter model in llama.cpp.

Every round gives each way of doing it new conversations, in an order that changes, so that nothing is cached and the
machine's moods hit all alike. Bare xllamacpp is tried with several settings; the one with the best median counts.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path[0] = str(Path(__file__).resolve().parent.parent)

from benchmarks.common import Row, give_starter, show, starter, wait_for
from playground.engine.hardware import usable_cores
from playground.engine.llamacpp_server import library
from playground.engine.manager import ModelManager
from playground.paths import open_data_folder
from playground.records import Sampling, Turn
from playground.settings import Settings

SLOTS, CONTEXT, NEW = 4, 2048, 64
ALONE_BAR, BARE_BAR, START_BAR = 1.0, 0.95, 1.0
BARE = {
    "128 at a time": {"n_batch": 128, "n_ubatch": 128},
    "512 at a time": {"n_batch": 512, "n_ubatch": 512},
    "2048 in 512s": {"n_batch": 2048, "n_ubatch": 512},
    "512, unified": {"n_batch": 512, "n_ubatch": 512, "kv_unified": True},
}
_SUBJECTS = ("the sea", "a lighthouse", "a long train journey", "an old library", "a market in the rain")


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as place:
        give_starter(starter(), Path(place))
        settings = Settings(engine="llamacpp", context_length=CONTEXT, slots=SLOTS)
        manager = ModelManager(settings, open_data_folder(place))
        starts: list[float] = []
        ways: dict[str, Callable[[list[list[Turn]]], int]] = {
            "ours": lambda four: at_once(four, lambda turns: through(manager, turns, starts)),
            "one by one": lambda four: sum(through(manager, turns, []) for turns in four),
        }
        for name, changes in BARE.items():
            server = bare(changes)
            ways[name] = lambda four, server=server: at_once(four, lambda turns: straight(server, turns))
        rates = measure(ways, rounds)
        fifth = a_fifth(manager)
        manager.close()
    show(f"{SLOTS} conversations at once, tokens/s of all together", table(rates, starts, fifth))


def table(rates: dict[str, list[float]], starts: list[float], fifth: Row) -> list[Row]:
    """The figures against the bars; ratios are medians of ratios taken within each round."""
    best = max(BARE, key=lambda name: statistics.median(rates[name]))
    rows = [Row(name, f"{statistics.median(found):.1f}") for name, found in rates.items()]
    for other, words, bar in (
        (best, f"ours / best bare ({best})", BARE_BAR),
        ("one by one", "ours / one by one", ALONE_BAR),
    ):
        ratio = statistics.median(one / two for one, two in zip(rates["ours"], rates[other], strict=True))
        rows.append(Row(words, f"{ratio:.2f}", f">= {bar}", ratio >= bar))
    late = max(starts)
    rows.append(Row("longest from prompt read to first token", f"{late:.2f} s", f"<= {START_BAR} s", late <= START_BAR))
    return [*rows, fifth]


def measure(ways: dict[str, Callable[[list[list[Turn]]], int]], rounds: int) -> dict[str, list[float]]:
    """Tokens per second of every way in every round; the first round only warms up."""
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        print(f"round {number} of {rounds}", flush=True)
        names = list(ways)
        for name in names[number % len(names) :] + names[: number % len(names)]:
            four = [conversation(subject) for subject in _SUBJECTS[:SLOTS]]
            began = time.perf_counter()
            tokens = ways[name](four)
            if number:
                rates[name].append(tokens / (time.perf_counter() - began))
    return rates


def conversation(subject: str) -> list[Turn]:
    """A prompt of some 250 tokens that was never seen before."""
    filler = f"It is about {subject}, and about somebody who has waited there for a long time without saying why. " * 8
    return [Turn("user", f"{time.time_ns()}. {filler} Tell me a long story about {subject}, with many details.")]


def at_once(four: list[list[Turn]], answer: Callable[[list[Turn]], int]) -> int:
    """Tokens of all replies, written at the same time."""
    counts: list[int] = []
    threads = [threading.Thread(target=lambda turns=turns: counts.append(answer(turns))) for turns in four]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(counts) != len(four):
        raise RuntimeError("a reply failed")
    return sum(counts)


def through(manager: ModelManager, turns: list[Turn], starts: list[float]) -> int:
    """One reply as the app asks for it; adds the seconds from "prompt read" to the first text."""
    read = 0.0
    completion = 0
    with manager.lease(threading.Event()) as lease:
        for chunk in lease.stream(turns, Sampling(seed=1, max_new_tokens=NEW, temperature=0.0), threading.Event()):
            if not read and chunk.prompt_tokens and chunk.prompt_done == chunk.prompt_tokens:
                read = time.perf_counter()
            if not completion and chunk.completion_tokens:
                starts.append(time.perf_counter() - read)
            completion = chunk.completion_tokens
    return completion


def bare(changes: dict[str, Any]) -> Any:
    """xllamacpp's server, as its documentation starts it."""
    xllamacpp = library()
    params = xllamacpp.CommonParams()
    params.model.path = str(starter())
    params.n_ctx, params.n_parallel, params.verbosity = CONTEXT * SLOTS, SLOTS, 0
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = usable_cores()
    for name, value in changes.items():
        setattr(params, name, value)
    return xllamacpp.Server(params)


def straight(server: Any, turns: list[Turn]) -> int:
    """One reply from bare xllamacpp."""
    usage: list[int] = []

    def receive(event: dict[str, Any]) -> bool:
        if found := event.get("usage"):
            usage.append(found["completion_tokens"])
        return False

    request = {"messages": [{"role": turn.role, "content": turn.content} for turn in turns]}
    request |= {"max_tokens": NEW, "temperature": 0, "stream": True, "stream_options": {"include_usage": True}}
    server.handle_chat_completions(request, receive)
    return usage[-1]


def a_fifth(manager: ModelManager) -> Row:
    """One more than there are slots: it must wait, be counted as waiting, and be answered."""
    at: dict[int, list[float]] = {}

    def one(number: int) -> None:
        began = time.perf_counter()
        with manager.lease(threading.Event()) as lease:
            held = time.perf_counter()
            chunks = lease.stream(
                conversation(_SUBJECTS[number]),
                Sampling(seed=1, max_new_tokens=NEW, temperature=0.0),
                threading.Event(),
            )
            list(chunks)
        at[number] = [began, held, time.perf_counter()]

    threads = [threading.Thread(target=one, args=[number]) for number in range(SLOTS + 1)]
    for thread in threads[:SLOTS]:
        thread.start()
    time.sleep(0.2)
    threads[-1].start()
    seen = wait_for(lambda: manager.state.waiting, 10, "waiting in line")
    for thread in threads:
        thread.join()
    waited = at[SLOTS][1] >= min(at[number][2] for number in range(SLOTS))
    return Row(
        "a fifth conversation", f"{seen} shown as waiting, waited {at[SLOTS][1] - at[SLOTS][0]:.1f} s", "waits", waited
    )


if __name__ == "__main__":
    main()
