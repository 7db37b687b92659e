"""Checks of translations: 200 faults planted into clean pairs of segments, how many are found, and how many of the
clean pairs are doubted.

The pairs are the paragraphs of Debian Reference in English and French, translated by people (`--folder`; the package
debian-reference-common and its languages). What they left in English is a true fault; `--list` shows each doubt.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)

from lxml import html

from benchmarks.common import Row, show
from playground.sentences import sentence_ends
from playground.translate.checks import Doubt, check
from playground.translate.formats.base import Builder, Segment
from playground.translate.tags import marks, without

FOLDER = Path("/usr/share/debian-reference")
CHAPTERS = ("ch01",)
OTHERS = ("ch02", "ch03", "ch04", "ch05", "ch06", "ch07", "ch08", "ch09")
EACH = 40
_KEPT = ("code", "tt", "kbd", "samp")
_INLINE = (*_KEPT, "a", "em", "strong", "sup", "sub", "b", "i")
_BLANKS = re.compile(r"\s+")
_DIGITS = re.compile(r"(?<![\d⟨/])\d+(?![\d⟩/])")
_WORDS = re.compile(r"[^\W\d_]{2,}")
_ENGLISH = re.compile(r"(?<![\w./$~-])[a-z]{2,}(?![\w./-]\w|[_/])")
"""Words that are no part of a path or a name of a program."""


_FAULTS_OF_PEOPLE = frozenset(
    re.findall(
        r"\w+",
        """
    041da358 0590eb71 05dad3ab 09657d54 0f8ba94b 153362db 1e272a05 21b58843 240488a5 26ddd8d2 2a8eb988 30f2f67f
    319bb3fd 3a29c6df 3c4d87ec 3e7243c6 462cf9b5 475c4df8 4e53a8a5 567874a7 59192937 591c0374 59964782 5d700c3d
    5dd97fd1 5e05b39b 5f03b9bd 60ab23fe 60c8db94 63cc87a5 66152d45 69b0aead 6f47ed95 70bcc693 769d7c77 7c08bf98
    7f891c98 82fc99e1 9465c61d 956a0be6 983f0ffb 9ac09f32 9fc65b33 9fd7e9f8 a4a23b3e aa4e9336 aad71878 ad25255c
    ada75846 b44830ad b51b9f7e bc348e24 bd186db1 da948906 db2ec546 dcfc255e de06666d e39c1561 e46968f0 e6b0c549
    e7b6e2d4 e9ecec09 ea80bd59 ec89b0b3 f2546707 f90e0eb9
        """,
    )
)
"""Pairs that were looked at one by one and are doubted with reason: left in English, a number, a path or a reference
that is another one. Named as `digest` does; those of a newer edition are not known."""


@dataclass(frozen=True)
class Pair:
    """A segment and what people made of it."""

    source: Segment
    target: str


@dataclass(frozen=True)
class Fault:
    """What is planted: how, and by which kinds of doubts it is found."""

    name: str
    plant: Callable[[Pair, random.Random], str | None]
    kinds: tuple[str, ...]


def main() -> int:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--seed", type=int, default=20260101)
    parser.add_argument("--list", action="store_true", help="show each doubt about a clean pair, and what is not found")
    options = parser.parse_args()
    rows: list[Row] = []
    for name, chapters in (("ch01", CHAPTERS), ("ch02 to ch09", OTHERS)):
        pairs = [pair for chapter in chapters for pair in read(options.folder, chapter)]
        rows += planted(name, pairs, random.Random(options.seed), options.list)
        rows += false_alarms(name, pairs, options.list)
    show("Checks of translations", rows)
    return 0


def planted(name: str, pairs: Sequence[Pair], chance: random.Random, listed: bool) -> list[Row]:
    """How many of the faults are found, of each kind and of all."""
    rows, all_found, all_planted = [], 0, 0
    for fault in FAULTS:
        found = tried = 0
        for pair in chance.sample(pairs, len(pairs)):
            text = fault.plant(pair, chance) if tried < EACH else None
            if text is None:
                continue
            before, after = (Counter(doubt.kind for doubt in check_pair(pair, one)) for one in (pair.target, text))
            if fault.plant is left_in_english and (before["untranslated"] or before["language"]):
                continue  # People left it in English already.
            tried += 1
            hit = any(after[kind] > before[kind] for kind in fault.kinds)
            found += hit
            if listed and not hit:
                print(f"NOT FOUND {fault.name}\n  {pair.source.text}\n  {pair.target}\n  {text}")
        rows.append(Row(f"{name}: {fault.name}", f"{found} of {tried}"))
        all_found, all_planted = all_found + found, all_planted + tried
    share = 100 * all_found / all_planted
    return [*rows, Row(f"{name}: all planted", f"{all_found} of {all_planted}, {share:.1f} %", "95 %", share >= 95)]


def false_alarms(name: str, pairs: Sequence[Pair], listed: bool) -> list[Row]:
    """How many of the pairs as people made them are doubted."""
    doubted = [(pair, doubts) for pair in pairs if (doubts := check_pair(pair, pair.target))]
    kinds = Counter(kind for _, doubts in doubted for kind in {doubt.kind for doubt in doubts})
    for pair, doubts in doubted if listed else []:
        details = [(doubt.kind, doubt.detail) for doubt in doubts]
        print(f"DOUBTED {digest(pair)} {details}\n  {pair.source.text}\n  {pair.target}")
    false = [pair for pair, _ in doubted if digest(pair) not in _FAULTS_OF_PEOPLE]
    said = ", ".join(f"{kind} {count}" for kind, count in kinds.most_common())
    rows = [Row(f"{name}: what is said of clean pairs", said)]
    for what, some in (("clean pairs doubted", [pair for pair, _ in doubted]), ("of these without reason", false)):
        share = 100 * len(some) / len(pairs)
        rows.append(Row(f"{name}: {what}", f"{len(some)} of {len(pairs)}, {share:.1f} %", "5 %", share <= 5))
    return rows


def digest(pair: Pair) -> str:
    """Names a pair in a few signs."""
    return hashlib.sha256(pair.source.text.encode()).hexdigest()[:8]


def check_pair(pair: Pair, target: str) -> list[Doubt]:
    """The doubts about a text for the pair's source."""
    return check(pair.source.text, target, "en", "fr", pair.source.tags)


def read(folder: Path, chapter: str) -> Iterator[Pair]:
    """The paragraphs of a chapter that differ and have the same markup."""
    files = [html.parse(folder / f"{chapter}.{language}.html").getroot() for language in ("en", "fr")]
    paragraphs = [list(file.iter("p")) for file in files]
    if len(paragraphs[0]) != len(paragraphs[1]):
        return
    for source, target in zip(*paragraphs, strict=True):
        segment, other = segment_of(source), segment_of(target)
        numbers = renumbered(segment, other)
        same = without(segment.text) == without(other.text)
        if numbers is None or same or not _WORDS.search(without(segment.text)):
            continue
        yield Pair(segment, with_numbers(other.text, numbers))


def segment_of(element: html.HtmlElement) -> Segment:
    """A paragraph with its inline elements as tags."""
    builder = Builder()

    def walk(node: html.HtmlElement) -> None:
        builder.words(_BLANKS.sub(" ", node.text or ""))
        for child in node:
            number = builder.open(str(child.tag)) if child.tag in _INLINE else 0
            walk(child)
            if number:
                builder.close(number, str(child.tag))
            builder.words(_BLANKS.sub(" ", child.tail or ""))

    walk(element)
    segment = builder.segment()
    return replace(segment, text=segment.text.strip())


def renumbered(source: Segment, target: Segment) -> dict[int, int] | None:
    """The source's number for each tag of the target: the same words, else the same element; None if they differ."""
    if Counter(tag.opening for tag in source.tags) != Counter(tag.opening for tag in target.tags):
        return None
    theirs, mine = ({number: held(one.text, number) for number in numbers_of(one)} for one in (source, target))
    kinds = [{tag.number: tag.opening for tag in one.tags} for one in (source, target)]
    found: dict[int, int] = {}
    for alike in (True, False):
        for number in mine:
            for other in theirs:
                free = number not in found and other not in found.values() and kinds[1][number] == kinds[0][other]
                if free and (not alike or mine[number] == theirs[other]):
                    found[number] = other
    return found


def with_numbers(text: str, numbers: dict[int, int]) -> str:
    """A text whose tags have other numbers."""
    return re.sub(r"⟨(/?)(\d+)⟩", lambda mark: f"⟨{mark[1]}{numbers[int(mark[2])]}⟩", text)


def numbers_of(segment: Segment) -> list[int]:
    return [tag.number for tag in segment.tags]


def held(text: str, number: int) -> str:
    """What a tag goes around."""
    return without(text.partition(f"⟨{number}⟩")[2].partition(f"⟨/{number}⟩")[0])


def number_changed(pair: Pair, chance: random.Random) -> str | None:
    """One digit of a number becomes another."""
    places = list(_DIGITS.finditer(pair.target))
    if not places:
        return None
    place = chance.choice(places)
    at = chance.randrange(place.start(), place.end())
    digit = chance.choice([sign for sign in "123456789" if sign != pair.target[at]])
    return pair.target[:at] + digit + pair.target[at + 1 :]


def tag_lost(pair: Pair, chance: random.Random) -> str | None:
    """One tag is gone, both marks or one of them."""
    found = marks(pair.target)
    if not found:
        return None
    lost = chance.choice(found)
    gone = [mark for mark in found if mark.number == lost.number] if chance.random() < 0.5 else [lost]
    text = pair.target
    for mark in reversed(gone):
        text = text[: mark.start] + text[mark.end :]
    return text


def sentence_dropped(pair: Pair, chance: random.Random) -> str | None:
    """One of at least two sentences is gone, without tags so that the tags do not tell."""
    ends = sentence_ends(pair.target, "fr")
    pieces = [pair.target[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    plain = [at for at, piece in enumerate(pieces) if not marks(piece) and len(_WORDS.findall(piece)) >= 3]
    if len(pieces) < 2 or not plain or len(sentence_ends(without(pair.source.text), "en")) != len(pieces):
        return None
    gone = chance.choice(plain)
    return "".join(piece for at, piece in enumerate(pieces) if at != gone).strip()


def left_in_english(pair: Pair, chance: random.Random) -> str | None:
    """All of it, or one of its sentences."""
    if len(_ENGLISH.findall(without(pair.source.text))) < 4:
        return None
    texts = pair.source.text, pair.target
    ends = [sentence_ends(text, language) for text, language in zip(texts, ("en", "fr"), strict=True)]
    pieces = [
        [text[a:b] for a, b in zip([0, *some], some, strict=False)] for text, some in zip(texts, ends, strict=True)
    ]
    long = [at for at, piece in enumerate(pieces[0]) if len(_ENGLISH.findall(without(piece))) >= 5]
    if len(pieces[0]) < 2 or len(pieces[0]) != len(pieces[1]) or not long or chance.random() < 0.5:
        return pair.source.text
    at = chance.choice(long)
    return "".join([*pieces[1][:at], pieces[0][at].strip(), " ", *pieces[1][at + 1 :]])


def looped(pair: Pair, chance: random.Random) -> str | None:
    """The last words come again and again, or some in the middle do."""
    words = pair.target.split(" ")
    size = chance.randint(1, 8)
    starts = [
        at
        for at in range(1, len(words) - size + 1)
        if not marks(" ".join(words[at : at + size])) and _WORDS.search(" ".join(words[at : at + size]))
    ]
    if not starts:
        return None
    at = starts[-1] if chance.random() < 0.5 else chance.choice(starts)
    return " ".join([*words[: at + size], *words[at : at + size] * chance.randint(2, 6), *words[at + size :]])


FAULTS = (
    Fault("a number changed", number_changed, ("number", "literal")),
    Fault("a tag lost", tag_lost, ("tag",)),
    Fault("a sentence dropped", sentence_dropped, ("missing_sentence", "length")),
    Fault("left in English", left_in_english, ("untranslated", "language")),
    Fault("a loop", looped, ("loop",)),
)


if __name__ == "__main__":
    sys.exit(main())
