"""Time to the first token of a turn that follows what was read before, against reading all of it: next turn, edit,
regeneration, switching branches, and the next turn after a restart. Conversations of 2,000 tokens, the starter model.

Each round has conversations of its own; every ratio is taken within its round, and the median of the rounds is shown.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)

from benchmarks.common import Row, show, starter
from playground.engine.base import Engine, ModelSource
from playground.records import Sampling, Turn

TOKENS = 2000
BARS = {"llamacpp": 0.05, "transformers": 0.1}
RESTART_BAR = 0.2
WORDS = (
    "The harbour lies quiet in the morning, and the boats that went out at night come back one after another. An old "
    "man counts them from the wall, as he has done for forty years, and writes the number into a small grey book. "
    "Nobody has ever asked him why. Today one boat is missing, and he waits until noon before he closes the book. "
)
QUESTION = "What does the old man do, and what is different today? Answer in two sentences."


@dataclass(frozen=True)
class Turned:
    """One measured turn."""

    seconds: float
    tokens: int
    cached: int
    text: str


def main() -> None:
    """Measure what was asked for and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=tuple(BARS), help="one engine")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--tokens", type=int, default=TOKENS, help="length of a conversation; the bars are for %(default)s"
    )
    parser.add_argument("--restarted", metavar="FOLDER", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.restarted:
        return after_restart(Path(arguments.restarted))
    rows = []
    for name in [arguments.only] if arguments.only else BARS:
        with tempfile.TemporaryDirectory() as folder:
            rows += measure(name, Path(folder), arguments.rounds, arguments.tokens)
    show(f"Turns in a conversation of {arguments.tokens:,} tokens", rows)


def opened(name: str, folder: Path) -> Engine:
    """The engine with the starter model; llama.cpp keeps what it read under `folder`."""
    gguf = starter()
    source = ModelSource("starter", gguf, context_length=4096, threads=2, cache=cache(), state=folder / "state")
    if name == "llamacpp":
        from playground.engine.llamacpp_engine import LlamaCppEngine

        return LlamaCppEngine(source)
    from playground.engine.transformers_engine import TransformersEngine

    return TransformersEngine(source)


def cache() -> Path:
    """Where converted copies are kept from run to run: beside the starter model."""
    return starter().parent.parent.parent / "cache"


def measure(name: str, folder: Path, rounds: int, tokens: int) -> list[Row]:
    """All rounds with one engine."""
    ratios: dict[str, list[float]] = {}
    tails: list[tuple[float, float]] = []
    cold_seconds = []
    engine = opened(name, folder)
    last: tuple[list[Turn], Turned] | None = None
    try:
        ask(engine, [Turn("user", "Hello.")])
        for number in range(rounds):
            print(f"{name}: round {number + 1} of {rounds}", flush=True)
            turns = conversation(engine, f"Report {number} of {time.time_ns()}. ", tokens)
            cold = ask(engine, turns)
            cold_seconds.append(cold.seconds)
            longer = [*turns, Turn("assistant", cold.text), Turn("user", QUESTION)]
            following = ask(engine, longer)
            again = ask(engine, longer, seed=2)
            early = len(turns) // 4 * 2
            edited = [*longer[:early], Turn("user", "Something else happened. " + WORDS), *longer[early + 1 :]]
            edit = ask(engine, edited)
            back = ask(engine, [*longer, Turn("assistant", again.text), Turn("user", "And then?")])
            forth = ask(engine, [*edited, Turn("assistant", edit.text), Turn("user", "And then?")])
            for what, turn in (("next turn", following), ("regenerate", again)):
                ratios.setdefault(what, []).append(turn.seconds / cold.seconds)
            for turn in (back, forth):
                ratios.setdefault("other branch", []).append(turn.seconds / cold.seconds)
            # What the tail costs by itself: later tokens look at more, and so take longer than their share.
            whole = ask(engine, renamed(edited))
            part = ask(engine, renamed([*edited[:early], Turn("user", "")]))
            tails.append((edit.seconds / whole.seconds, 1 - part.seconds / whole.seconds))
            last = (longer, following)
    finally:
        engine.close()
    bar = BARS[name]
    rows = [Row(f"{name}: cold, seconds", f"{statistics.median(cold_seconds):.2f}")]
    for what in ("next turn", "regenerate", "other branch"):
        found = statistics.median(ratios[what])
        rows.append(Row(f"{name}: {what} / cold", f"{found:.3f}", f"<= {bar}", found <= bar))
    found, tail = (statistics.median(values) for values in zip(*tails, strict=True))
    rows.append(
        Row(
            f"{name}: edit of an early turn / cold",
            f"{found:.3f}",
            f"<= {tail:.2f} + 10 %, its tail",
            found <= 1.1 * tail,
        )
    )
    if name == "llamacpp" and last is not None:
        rows.append(restart(folder, *last, statistics.median(cold_seconds)))
    return rows


def renamed(turns: list[Turn]) -> list[Turn]:
    """The same with other words at the beginning, so that nothing of it was read before."""
    return [Turn("user", f"Report of {time.time_ns()}. {turns[0].content}"), *turns[1:]]


def restart(folder: Path, turns: list[Turn], reply: Turned, cold: float) -> Row:
    """The next turn in another process, which finds what this one kept."""
    longer = [*turns, Turn("assistant", reply.text), Turn("user", "And then?")]
    (folder / "turns.json").write_text(json.dumps([[turn.role, turn.content] for turn in longer]))
    command = [sys.executable, __file__, "--restarted", str(folder)]
    found = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[-1])
    ratio = found["seconds"] / cold
    what = f"llamacpp: after a restart / cold ({found['cached']} of {found['tokens']} tokens kept)"
    return Row(what, f"{ratio:.3f}", f"<= {RESTART_BAR}", ratio <= RESTART_BAR)


def after_restart(folder: Path) -> None:
    """The other process's part."""
    turns = [Turn(role, content) for role, content in json.loads((folder / "turns.json").read_text())]
    engine = opened("llamacpp", folder)
    found = ask(engine, turns)
    engine.close()
    print(json.dumps({"seconds": found.seconds, "tokens": found.tokens, "cached": found.cached}))


def conversation(engine: Engine, first: str, tokens: int) -> list[Turn]:
    """Turns of that many tokens or a little more, ending with the user's."""
    turns = [Turn("user", first + WORDS)]
    while engine.count_tokens(turns) < tokens:
        turns += [Turn("assistant", WORDS), Turn("user", f"{len(turns)}. {WORDS}")]
    return turns


def ask(engine: Engine, turns: list[Turn], seed: int = 1) -> Turned:
    """Have a short reply written."""
    began, first, text = time.perf_counter(), 0.0, ""
    last = None
    for last in engine.stream(turns, Sampling(seed=seed, max_new_tokens=16, temperature=0.8), threading.Event()):
        text += last.text
        if text and not first:
            first = time.perf_counter() - began
    assert last is not None
    return Turned(first or time.perf_counter() - began, last.prompt_tokens, last.cached_tokens, text)


if __name__ == "__main__":
    main()
