"""Reads planted.txt: sources, and sentences about them whose facts are known one by one, true and planted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_FACT = re.compile(r"\{([ndp]):([^{}|]+)((?:\|[^{}|]*)*)\}")
KINDS = {"n": "number", "d": "date", "p": "name"}


@dataclass(frozen=True)
class Fact:
    """What a sentence says at `start` to `end`; `kind` as in KINDS."""

    start: int
    end: int
    kind: str


@dataclass(frozen=True)
class Sentence:
    """A sentence and those of its facts that are judged: all of a true one, the planted one of a false one."""

    text: str
    facts: tuple[Fact, ...]


@dataclass(frozen=True)
class Entry:
    """A source with what is true of it, and the same with one thing false at a time. `languages` is like "en en"."""

    name: str
    languages: str
    source: str
    true: tuple[Sentence, ...]
    planted: tuple[Sentence, ...]


def read_entries() -> list[Entry]:
    """All entries of the file, in its order."""
    blocks = Path(__file__).with_name("planted.txt").read_text(encoding="utf-8").split("\n=== ")[1:]
    return [_entry(block) for block in blocks]


def _entry(block: str) -> Entry:
    head, _, rest = block.partition("\n")
    number, kind, languages = head.split(" ", 2)
    source, _, lines = rest.partition("\n---\n")
    true, planted = [], []
    for line in lines.strip().splitlines():
        found = list(_FACT.finditer(line))
        true.append(_sentence(line, {}))
        for at, match in enumerate(found):
            planted += [_sentence(line, {at: lie}) for lie in match[3].split("|")[1:] if lie]
    return Entry(f"{number} {kind}", languages, source.strip(), tuple(true), tuple(planted))


def _sentence(line: str, lies: dict[int, str]) -> Sentence:
    text, facts, last = "", [], 0
    for at, match in enumerate(_FACT.finditer(line)):
        text += line[last : match.start()]
        said = lies.get(at, match[2])
        if not lies or at in lies:
            facts.append(Fact(len(text), len(text) + len(said), KINDS[match[1]]))
        text += said
        last = match.end()
    return Sentence(text + line[last:], tuple(facts))
