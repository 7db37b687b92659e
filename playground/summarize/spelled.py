"""Numbers in words: how English and Chinese spell them, and what they come to. Knows nothing of where they stand."""

from __future__ import annotations

import re
from decimal import Decimal

from playground.numerals import chinese_number


def _words(text: str) -> list[str]:
    return text.split()


ONES = _words("one two three four five six seven eight nine")
_TEENS = _words("ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen")
_TENS = _words("twenty thirty forty fifty sixty seventy eighty ninety")
_VALUES = {word: n for n, word in enumerate(["zero", *ONES, *_TEENS])} | {
    word: 10 * n for n, word in enumerate(_TENS, 2)
}
SCALES = {"dozen": 12, "hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_ORDINAL_ONES = _words("first second third fourth fifth sixth seventh eighth ninth")
_ORDINALS = (
    {word: n for n, word in enumerate(_ORDINAL_ONES, 1)}
    | {("eighteenth" if word == "eighteen" else "twelfth" if word == "twelve" else word + "th"): n
       for n, word in enumerate(_TEENS, 10)}
    | {word[:-1] + "ieth": 10 * n for n, word in enumerate(_TENS, 2)}
    | {"hundredth": 100}
)  # fmt: skip

_SMALL = rf"(?:(?:{'|'.join(_TENS)})(?:[\s-](?:{'|'.join(ONES)}))?|{'|'.join([*_TEENS, *ONES, 'zero'])})\b"
_HUNDREDS = rf"(?:(?:{_SMALL}|an?)[\s-](?:hundred|dozen)\b(?:[\s-](?:and[\s-])?{_SMALL})?|{_SMALL})"
_BIG = r"(?:thousand|million|billion|trillion)\b"
ENGLISH = re.compile(
    rf"\b(?:(?:half an?|{_HUNDREDS}|an?)[\s-]{_BIG}(?:,?[\s-](?:and[\s-])?{_HUNDREDS}(?:[\s-]{_BIG})?)*"
    rf"|half a dozen|{_HUNDREDS})(?:\s+and\s+a\s+half\b(?:\s{_BIG})?)?",
    re.IGNORECASE,
)
"""A number in words; "a hundred", "half a million" and "two and a half" are such, too."""
ORDINAL = re.compile(
    rf"\b(?:(?:{'|'.join(_TENS)})[\s-](?:{'|'.join(_ORDINAL_ONES)})|"
    rf"{'|'.join(sorted(_ORDINALS, key=len, reverse=True))})\b"
    r"|\b\d{1,3}(?:,\d{3})*(?:st|nd|rd|th)\b|\b\d{1,9}(?:st|nd|rd|th)\b|第\s?(?:\d{1,9}|[一二三四五六七八九十百]{1,9})",
    re.IGNORECASE,
)
PARTS = {"half": 2, "halves": 2, "quarter": 4, "quarters": 4} | {
    word + plural: n for word, n in _ORDINALS.items() if 2 < n <= 20 for plural in ("", "s")
}
"""Names of fractions, and of how many parts they are one."""
SHARE = re.compile(
    rf"\b(?:(?P<of>{'|'.join(ONES)}|an?)[\s-])(?P<part>{'|'.join(sorted(PARTS, key=len, reverse=True))})\b"
    r"(?!\s+(?:time|day|year|century|party|person|place)s?\b)",
    re.IGNORECASE,
)
CHINESE = re.compile(
    r"(?<![第数几〇零一二三四五六七八九十百千万亿])(?:[〇○一二三四五六七八九十]|两(?![〇零一二三四五六七八九十]))"
    r"(?:[〇○零一二三四五六七八九十百千万亿]|(?<=[百千万亿])两(?=[百千万亿])){0,24}(?:点[一二三四五六七八九零]{1,9})?"
)


def english(text: str) -> Decimal:
    """What a match of ENGLISH comes to."""
    total, current = Decimal(0), Decimal(0)
    words = re.split(r"[\s,-]+", text.lower())
    if words[:2] in (["half", "a"], ["half", "an"]):
        return Decimal(SCALES[words[2]]) / 2
    for at, word in enumerate(words):
        if word == "half":
            current += Decimal("0.5")
        elif word in ("a", "an"):
            current += 0 if words[at + 1] == "half" else 1
        elif word in SCALES:
            current *= SCALES[word]
            if SCALES[word] > 100:
                total, current = total + current, Decimal(0)
        elif word != "and":
            current += _VALUES[word]
    return total + current


def ordinal(text: str) -> Decimal:
    """What a match of ORDINAL comes to."""
    text = text.lower().removeprefix("第").replace(",", "").strip()
    if digits := re.match(r"\d+", text):
        return Decimal(digits[0])
    if not text.isascii():
        return chinese_number(text)
    tens, _, ones = text.replace("-", " ").rpartition(" ")
    return Decimal(_ORDINALS[ones.strip()] + _VALUES.get(tens.strip(), 0))
