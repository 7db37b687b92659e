"""Replays: are replies that were made in the normal course of things made again, to the letter, from what was recorded?

The originals are sampled replies in conversations of several turns, English and Chinese, with prompts of 30 to some
1,500 tokens: what was read before is not read again, and other conversations are written at the same time. Each is made
again from its turns, its sampling with the seed, and its `reading`: at once, later while others are written, and in
another process, which has read nothing yet. As a comparison, also without the `reading`.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import threading
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)

from benchmarks.common import Row, show, starter
from playground.engine import compiled_step
from playground.engine.base import Engine, ModelSource
from playground.engine.hardware import usable_cores
from playground.records import Reading, Role, Sampling, Turn

ENGINES = ("llamacpp", "transformers")
REPLIES, NEW, BUSY = 50, 100, 3
SOME = 4
"""Every so many-th is also replayed while others are written, which takes long."""
PARAGRAPH = (
    "The harbour lies quiet in the morning, and the boats that went out at night come back one after another. An old "
    "man counts them from the wall, as he has done for forty years, and writes the number into a small grey book. "
)
ABSATZ = "港口的早晨很安静，夜里出海的船一艘接一艘地回来。一位老人在墙上数着它们，四十年来一直如此。"
ASKED = (
    ("What does the old man do? Tell me more about him.", "And what happens on the next day?", "Why? Explain."),
    ("这位老人在做什么？请多讲一点。", "第二天发生了什么？", "为什么？请解释。"),
    ("Tell me a story about a dog by the sea.", "请用中文继续。", "Make it funnier, with emoji 😀."),
)


@dataclass(frozen=True)
class Original:
    """A reply, and what is recorded of it."""

    turns: list[tuple[Role, str]]
    seed: int
    temperature: float
    text: str
    tokens: int
    cached: int
    reading: list[tuple[int, int, int]]


def main() -> int:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", choices=ENGINES, help="one engine")
    parser.add_argument("--rounds", type=int, default=REPLIES, help="how many replies; the bar is all of them")
    parser.add_argument("--model", type=Path, help="another GGUF file than the starter model")
    parser.add_argument("--seed", type=int, default=1, help="which conversations they are")
    parser.add_argument("--threads", type=int, default=usable_cores(), help="fewer on a busy machine")
    parser.add_argument("--again", metavar="FILE", help=argparse.SUPPRESS)
    options = parser.parse_args()
    model = options.model or starter()
    if options.again:
        originals = [Original(**one) for one in json.loads(Path(options.again).read_text(encoding="utf-8"))]
        engine = opened(options.only, model, options.threads)
        print(json.dumps([again(engine, one) for one in originals]))
        engine.close()
        return 0
    rows: list[Row] = []
    for name in [options.only] if options.only else ENGINES:
        rows += measure(name, model, options.rounds, options.seed, options.threads)
    show("Replays", rows)
    return 0


def measure(name: str, model: Path, count: int, seed: int, threads: int) -> list[Row]:
    """All cases for one engine."""
    engine = opened(name, model, threads)
    originals, at_once = record(engine, count, seed)
    cases: dict[str, list[str | None]] = {"at once": [*at_once]}
    cases["later, without its reading"] = [again(engine, one, exact=False) for one in originals]
    with others(engine, BUSY):
        some = {at: again(engine, one) for at, one in enumerate(originals) if at % SOME == 0}
    cases[f"while {BUSY} others are written"] = [some.get(at) for at in range(len(originals))]
    engine.close()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "originals.json"
        file.write_text(json.dumps([asdict(one) for one in originals]), encoding="utf-8")
        command = [sys.executable, __file__, "--only", name, "--again", str(file), "--model", str(model)]
        command += ["--threads", str(threads)]
        out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        cases["in another process"] = json.loads(out.splitlines()[-1])
    sizes = [one.tokens for one in originals]
    about = f"{min(sizes)} to {max(sizes)} tokens, {sum(one.cached > 0 for one in originals)} with a warm cache"
    rows = [Row(f"{name}: replies", f"{len(originals)} ({about})")]
    for what, texts in cases.items():
        made = [(one, text) for one, text in zip(originals, texts, strict=True) if text is not None]
        bad = [(one, text) for one, text in made if text != one.text]
        first = ", ".join(f"letter {common(one.text, text)} of {len(one.text)}" for one, text in bad[:3])
        bar = "without" not in what
        figure = f"{len(made) - len(bad)} of {len(made)}" + (f" (apart from {first})" if bad else "")
        rows.append(Row(f"{name}: identical, {what}", figure, "all" if bar else "", not bad if bar else None))
    return rows


def opened(name: str, model: Path, threads: int) -> Engine:
    """The engine, as the app loads it."""
    cache = starter().parent.parent.parent / "cache"
    source = ModelSource("starter", model, context_length=4096, threads=threads, cache=cache)
    if name == "llamacpp":
        from playground.engine.llamacpp_engine import LlamaCppEngine

        return LlamaCppEngine(source)
    from playground.engine.transformers_engine import TransformersEngine

    engine = TransformersEngine(source)
    compiled_step.wait(120)
    return engine


def record(engine: Engine, count: int, seed: int) -> tuple[list[Original], list[str]]:
    """Conversations as people have them, some beside others; every reply, and what its replay gave at once."""
    chance, originals, at_once = random.Random(seed), list[Original](), list[str]()
    while len(originals) < count:
        number = len(originals)
        asked = ASKED[chance.randrange(len(ASKED))]
        long = chance.choice((0, 0, 0, 1, 4, 24))
        turns: list[Turn] = [Turn("system", f"You are assistant number {number}.")] * chance.randrange(2)
        with others(engine, chance.choice((0, 0, 0, 1, 3))):
            for at, question in enumerate(asked[: count - number]):
                text = (PARAGRAPH if question.isascii() else ABSATZ) * (long if at == 0 else 0)
                turns = [*turns, Turn("user", f"{text}{question} ({number})" if at == 0 else question)]
                one = ask(engine, turns, chance.randrange(2**31), round(chance.uniform(0.7, 1.0), 2))
                originals.append(one)
                turns = [*turns, Turn("assistant", one.text)]
                print(f"{len(originals)}: {one.tokens} tokens, {one.cached} cached, {one.reading}", flush=True)
        at_once += [again(engine, one) for one in originals[number:]]
    return originals, at_once


def ask(engine: Engine, turns: list[Turn], seed: int, temperature: float, reading: Reading = ()) -> Original:
    """Have a reply written."""
    sampling = Sampling(seed=seed, temperature=temperature, max_new_tokens=NEW)
    pieces, last = [], None
    for last in engine.stream(turns, sampling, threading.Event(), reading=reading):
        pieces.append(last.text)
    assert last is not None
    said: list[tuple[Role, str]] = [(turn.role, turn.content) for turn in turns]
    text = "".join(pieces)
    return Original(said, seed, temperature, text, last.prompt_tokens, last.cached_tokens, list(last.reading))


def again(engine: Engine, one: Original, exact: bool = True) -> str:
    """The text of its replay."""
    turns = [Turn(role, content) for role, content in one.turns]
    reading = tuple((read, kept, times) for read, kept, times in one.reading) if exact else ()
    return ask(engine, turns, one.seed, one.temperature, reading).text


class others:
    """So many other conversations that are written all the time; each a new one when it has ended."""

    def __init__(self, engine: Engine, count: int) -> None:
        self._engine, self._stop = engine, threading.Event()
        self._threads = [threading.Thread(target=self._talk, args=(number,)) for number in range(count)]

    def __enter__(self) -> None:
        for thread in self._threads:
            thread.start()

    def __exit__(self, *problem: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _talk(self, number: int) -> None:
        chance = random.Random(number)
        while not self._stop.is_set():
            turns = [Turn("user", f"{chance.random()} {PARAGRAPH * chance.randrange(4)} Tell a long story.")]
            sampling = Sampling(seed=chance.randrange(1000), temperature=0.9, max_new_tokens=chance.randrange(20, 300))
            for _ in self._engine.stream(turns, sampling, self._stop):
                pass


def common(one: str, other: str) -> int:
    """Letters that two texts begin with alike."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


if __name__ == "__main__":
    sys.exit(main())
