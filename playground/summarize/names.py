"""Names in a sentence: of people, places, organizations and things, in Latin script. By form alone; Chinese names and
what is written like a program's (paths, addresses) are found beside it.

What begins a sentence may only look like a name: common English words are told from names by lists.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from playground.summarize.names_zh import chinese_names
from playground.summarize.places import same_as, word_list, words_of
from playground.summarize.units import UNITS

_TITLES = words_of(
    """
    mr mrs ms miss dr prof professor president sir lady lord captain minister judge justice senator governor
    mayor king queen prince princess pope general colonel major chancellor chairman chair chairwoman ceo chief
    coach father sister uncle aunt director founder secretary officer inspector detective sergeant lieutenant
    admiral bishop archbishop cardinal saint st duke duchess baron earl count representative congressman
    attorney ambassador superintendent principal dean actor actress author writer poet singer artist architect
    engineer journalist editor researcher scientist economist
    """
)
_OPENERS = words_of(
    """
    the a an in on at by for from to of with without under over after before during since until till while
    when where who which what why how if as than because although though unless despite whereas and or but nor
    so yet both either neither this that these those his her its their our my your he she it they we you i not
    no all some any many most few several each every other another such same only even also just still then
    there here now today yesterday tomorrow however moreover meanwhile instead thus hence therefore later
    earlier finally first second third last next new old former late ex fellow according like unlike among
    between against about around near through across behind beyond above below inside outside upon within per
    via regarding concerning following including thanks once twice one two three four five six seven eight
    nine ten nearly almost perhaps maybe did does do is are was were has have had can could will would may
    might must shall should let see note use run set add open said dear yes no
    """
)
_PREFIXES = words_of(
    """
    non pre post anti semi multi self mid co re ex inter sub pro
    """
)
_COMMON_FORMS = ("ly", "ing", "ed")
_LATIN = "A-Za-zÀ-ÖØ-öø-ÿĀ-ɏḀ-ỿ"
_CAPITAL = rf"(?:(?<![{_LATIN}\d_/.@\\])[A-ZÀ-ÖØ-ÞĀŁŠŽÖİ][{_LATIN}\d'’]*(?:[-‐‑./+][{_LATIN}\d'’+#]+)*(?:\+\+|#)?)"
_JOINTS = r"(?:of\s+the|of|de\s+la|de|da|do|van\s+der|van\s+den|van|von|der|den|la|le|du|al|bin|the|and|for|&)"
_RUN = re.compile(
    rf"{_CAPITAL}(?:(?:(?<=\b[A-Z])\.|(?<=\b(?:Mr|Ms|Dr|St))\.|(?<=Mrs)\.|"
    rf"(?<=Prof)\.)?[ \t]+(?:{_JOINTS}[ \t]+)?{_CAPITAL}){{0,9}}"
)
_WORD = re.compile(_CAPITAL)
_TOKENS = re.compile(
    rf"(?P<code>`[^`\n]+`)|(?P<path>(?<![\w/.<])(?:~|\.{{1,2}})?/[\w.+*-]*[\w*](?:/[\w.+*-]*[\w*])*)|"
    rf"(?P<mail>\b[\w.+-]{{1,64}}@[\w-]{{1,64}}\.[\w.-]*\w)|"
    rf"(?P<web>\b(?:https?://[!-~]+[A-Za-z\d/]|(?:[a-z\d-]{{1,64}}\.){{1,6}}(?:org|com|net|edu|gov|cn|io|de|uk|fr|"
    rf"eu)\b(?:/[!-~]*[A-Za-z\d])?))|"
    rf"(?P<mixed>(?<![{_LATIN}\d_./-])(?:[a-z]+[A-Z][{_LATIN}\d]*|"
    rf"[a-z][{_LATIN}]*-?\d+[{_LATIN}\d]*(?:-\d+)*(?!\w*[:/]))(?![{_LATIN}\d]))"
)
_START = re.compile(r"(?:^|[.!?:;\n。！？：；]\s*|[\"“‘(\[•*#>|–—-]\s*|\d[.)]\s+|['\"”’]\s+(?<=[.!?]..))$")
_NO_NAMES = words_of(
    """
    tl tldr am pm ad bc ce bce vs no nos jr sr ok faq phd i i'm i've i'd i'll i’m i’ve i’d i’ll ii iii iv vi
    vii viii ix xi xii monday tuesday wednesday thursday friday saturday sunday january february march april
    june july august september october november december mon tue wed thu fri internet section chapter article
    part table figure version step page volume appendix annex clause paragraph item
    """
)
_HUMAN = words_of(
    """
    said says told tells wrote writes thought thinks felt found founded led leads left won wins lost became
    becomes began came came went took takes gave gives got held holds spoke speaks sold bought built drew ran
    runs met meets made makes knew knows kept paid put read rose saw sees sent set sits stood swore taught
    sang fell flew fought chose broke brought argues advises believes expects warns wants explains notes
    suggests hopes forecasts heads works lives talks calls asks plans urges claims needs adds agrees admits
    denies reports predicts answers opposes praises supports welcomes criticises rejects proposes offers
    promises wins scores teaches owns buys sells gets begins opens joins moves returns retires resigns dies
    stays finds recalls describes insists concludes stresses plays is was has had will would could can may
    might must should does did also then later now never
    """
)
_ACTS = re.compile(
    rf"(?:['’]s?\b|\s+(?:and|&)\s+(?:[A-ZÀ-Þ]|colleagues|others|co\b|(?:his|her)\b)|\s+(?:of|from|"
    rf"at)\s+[A-ZÀ-Þ]|,\s*(?:who\b|whose\b|aged\b|\d\d,)|"
    rf"\s+(?:{'|'.join(sorted(_HUMAN))})\b|\s+[a-z]{{2,}}ed\b|\s+\d+\.\d)"
)


@dataclass(frozen=True)
class Name:
    """A name as it stands at `start` to `end`.

    `words` are its parts, which a source may have apart from each other; empty where it is to be found as a whole. One
    that is `proper` is a common word, too, so the source must have it with a capital. Of a Chinese one with a `core`,
    that is what makes the difference (清华 of 清华大学); where a `loose` one begins and ends is not known.
    """

    start: int
    end: int
    text: str
    words: tuple[str, ...] = ()
    proper: bool = False
    core: str = ""
    loose: bool = False


def names(text: str) -> list[Name]:
    """All names of a sentence, in their order, none inside of another."""
    found = list(_tokens(text))
    found += [one for one in _latin(text) if not _inside(one, found)]
    found += [
        Name(one.start, one.end, text[one.start : one.end], (), False, one.core, one.loose)
        for one in chinese_names(text)
    ]
    found.sort(key=lambda name: (name.start, -name.end, name.loose))
    kept: list[Name] = []
    for name in found:
        if not kept or name.start >= kept[-1].end:
            kept.append(name)
    return kept


@cache
def is_common(word: str) -> bool:
    """Is this an English word that begins sentences without being a name?"""
    word = re.sub(r"['’](?:s|re|t|ve|ll|d|m)?$", "", word.lower())
    if "-" in word.strip("-"):
        return all(part in _PREFIXES or is_common(part) for part in word.split("-"))
    words = word_list("english.txt")
    return len(word) < 3 or word in words or any(base in words for base in _bases(word))


def _inside(name: Name, others: list[Name]) -> bool:
    return any(other.start < name.end and name.start < other.end for other in others)


def _tokens(text: str) -> Iterator[Name]:
    for one in _TOKENS.finditer(text):
        if one["code"]:
            yield Name(one.start() + 1, one.end() - 1, one["code"][1:-1])
        elif not _is_unit(one.start(), one.group(), text):
            yield Name(*one.span(), one.group())


def _latin(text: str) -> Iterator[Name]:
    for run in _RUN.finditer(text):
        words = [(one.start(), one.group()) for one in _WORD.finditer(text, run.start(), run.end())]
        proper = False
        titled = _titled(text, run.start())
        if words and _START.search(text[max(0, words[0][0] - 8) : words[0][0]]):
            proper = _acts_as_name(words, text)
            known = bool(same_as(run.group().lower()))
            if not (proper or known or _certain(words[0][1]) or not is_common(words[0][1])):
                words = words[1:]
                while words and words[0][1].lower() in _OPENERS:
                    words = words[1:]
        elif len(words) == 1 and words[0][1].lower() in word_list("names.txt"):
            before = re.search(r"(\w+)\W*$", text[max(0, run.start() - 16) : run.start()])
            proper = not (
                before and before[1].lower() in ("the", "a", "an", "this", "that", "our", "its", "their", "and")
            )
            proper = proper and not re.match(r"\s+\d", text[run.end() : run.end() + 3]) and not titled
        words = [(at, word) for at, word in words if not _is_unit(at, word, text)]
        words = [(at, word) for at, word in words if (proper and at == run.start()) or not _no_name(word, len(words))]
        if titled:  # A heading: everything has a capital.
            words = [(at, word) for at, word in words if _inner(word) or not is_common(word)]
        if words:
            start, end = words[0][0], words[-1][0] + len(words[-1][1])
            end -= len(re.search(r"(?:['’]s|['’])?$", words[-1][1])[0])  # type: ignore[index]
            yield Name(start, end, text[start:end], tuple(word for _, word in words), proper)


def _is_unit(at: int, word: str, text: str) -> bool:
    """The GB in "8 GB"."""
    return word.lower() in UNITS and bool(re.search(r"\d\s?$", text[max(0, at - 2) : at]))


def _no_name(word: str, of: int) -> bool:
    low = re.sub(r"['’]s$", "", word.lower().rstrip("."))
    return len(low) < 2 or low in _NO_NAMES or (low in _TITLES and of > 1)


def _acts_as_name(words: list[tuple[int, str]], text: str) -> bool:
    """Is the first word of a sentence, though a common one, a name: "Baker said", "Oak Park"?"""
    first = re.sub(r"['’]s?$", "", words[0][1]).lower()
    if first in _OPENERS or first in _TITLES or not is_common(first):
        return False
    if len(words) > 1:
        joint = text[words[0][0] + len(words[0][1]) : words[1][0]].strip()
        second = words[1][1].lower()
        if joint:
            return first in word_list("names.txt") and joint in ("and", "&", "of")
        return first in word_list("names.txt") or (
            not first.endswith(("s", *_COMMON_FORMS)) and second not in _TITLES and is_common(second)
        )
    return first in word_list("names.txt") and bool(_ACTS.match(text, words[0][0] + len(first)))


def _titled(text: str, at: int) -> bool:
    """Is the line around `at` written with capitals throughout?"""
    start, end = text.rfind("\n", 0, at) + 1, text.find("\n", at)
    line = text[start : end if end >= 0 else len(text)]
    words = re.findall(r"[^\W\d_]{4,}", line[:400])
    if line.startswith("#") or not re.search(r"[.!?。！？]\W*$", line):
        return len(words) > 1 and sum(word[0].isupper() for word in words) >= 0.8 * len(words)
    return len(words) > 4 and sum(word[0].isupper() for word in words) > 0.8 * len(words)


def _certain(word: str) -> bool:
    """Capitals or digits inside: no word looks so, wherever it stands."""
    return _inner(word) and not (word.isupper() and len(word) > 4 and is_common(word))


def _inner(word: str) -> bool:
    return len(word) > 1 and any(sign.isupper() or sign.isdigit() for sign in word[1:])


def _bases(word: str) -> Iterator[str]:
    for ending in (
        "s",
        "es",
        "d",
        "ed",
        "ing",
        "ly",
        "er",
        "ers",
        "est",
        "ness",
        "able",
        "al",
        "ally",
        "ment",
        "ise",
        "ised",
        "ize",
        "ized",
    ):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            base = word[: -len(ending)]
            yield from (base, f"{base}e")
            if len(base) > 3 and base[-1] == base[-2]:
                yield base[:-1]
            if base.endswith("i"):
                yield f"{base[:-1]}y"
    for beginning in ("un", "re", "non", "pre", "de", "over", "under", "out", "sub", "inter"):
        if word.startswith(beginning) and len(word) - len(beginning) >= 4:
            yield word[len(beginning) :]
