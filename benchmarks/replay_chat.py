"""Replays through the app: 50 sampled replies in conversations of three turns, English and Chinese, each run again from
its record by the chat's own services, on llama.cpp and on transformers. How many are identical; `replay.py` has more.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)

from benchmarks.common import Row, give_starter, show, starter
from playground.records import Message, Sampling
from tests.test_replay import Room

ENGINES = ("llamacpp", "transformers")
FIRST = (
    "Tell me about the sea.",
    "北京有什么好玩的地方？",
    "Write a short story about a fox.",
    "Explain what a computer is. " * 20,
    "List three fruits.",
    "请介绍一下长城。",
)
MORE = ("Go on.", "为什么？", "Say it in other words.", "And then?")
TEMPERATURES = (0.7, 0.9, 1.0)


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=ENGINES, help="one engine")
    parser.add_argument("--replies", type=int, default=50)
    options = parser.parse_args()
    engines = [options.only] if options.only else ENGINES
    show("Sampled replies run again from their records", [replayed(engine, options.replies) for engine in engines])


def replayed(engine: str, count: int) -> Row:
    """How many of so many replies come again to the letter."""
    with tempfile.TemporaryDirectory() as place:
        give_starter(starter(), Path(place))
        room = Room(Path(place), engine=engine, offline=True)
        made: list[Message] = []
        for number in range(count):
            begins = number % 3 == 0
            text = FIRST[number // 3 % len(FIRST)] if begins else MORE[number % len(MORE)]
            sampling = Sampling(temperature=TEMPERATURES[number % 3], max_new_tokens=60)
            made.append(room.say(text, None if begins else made[-1], sampling=sampling))
        began = time.monotonic()
        same = sum(room.verdict(message).identical for message in made)
        seconds = time.monotonic() - began
        room.chat.close()
        room.chat.manager.close()
        room.history.database.close()
    return Row(engine, f"{same} of {count} identical, in {seconds:.0f} s", "all", same == count)


if __name__ == "__main__":
    main()
