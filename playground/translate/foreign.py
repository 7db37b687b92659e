"""Words of a translation that are in another language than they should be. Knows nothing of tags."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise

from playground.languages import UNSPACED, detect

_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_COPIED = 5
"""So many words in a row that stand in the source just so are copied, if so many of them are no names: """
_COMMON = 4
_JOINED = 0.6
"""The share of them that have nothing but blanks between them; others are a list."""
_QUOTED = 10
"""Words up to which what is quoted may stay."""
_SURE = 10
"""Words from which on a guess at the language is asked for; below, one is too often wrong."""
_FEW = 5
_SIGNS = 8
_SCRIPTS = {
    "zh": ("CJK",), "ja": ("CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"), "ko": ("HANGUL", "CJK"),
    "ru": ("CYRILLIC",), "uk": ("CYRILLIC",), "bg": ("CYRILLIC",), "el": ("GREEK",), "ar": ("ARABIC",),
    "fa": ("ARABIC",), "he": ("HEBREW",), "hi": ("DEVANAGARI",), "bn": ("BENGALI",), "th": ("THAI",),
}  # fmt: skip
_PLAIN = frozenset({"LATIN", "GREEK", "MICRO", "OHM", "KELVIN", "ANGSTROM", "FEMININE", "MASCULINE", "MODIFIER"})
"""Letters that stand in texts of all languages."""
_KIN = (
    {"es", "pt", "gl", "ca", "it", "oc", "an", "ast"},
    {"da", "no", "sv", "nb", "nn"},
    {"cs", "sk", "pl", "sl", "hr"},
    {"ru", "uk", "bg", "be", "mk", "sr"},
    {"id", "ms", "jv"},
    {"nl", "de", "af", "lb"},
    {"fr", "ca", "oc", "wa", "ht"},
    {"ar", "fa", "ur", "ps"},
)
"""Languages that are taken for each other."""
_OWN_WORDS = {
    "en": "the of and to is are with this that for you it be by from your was have not can will",
    "fr": "le la les des du et est une pour dans que vous avec sur ce cette sont pas par qui",
    "de": "der die das und ist mit für nicht von den dem ein eine zu auf sie wird werden sind im",
    "es": "el la los las del y es una para con que por se su este esta son no en un",
    "it": "il la gli le di e è una per con che non del della sono si questo questa nel un",
    "pt": "o os as do da e é uma para com que não por se em um no na são este",
    "nl": "de het een en is van met voor niet dat op te zijn deze wordt in aan u om bij",
}
_OWN = {code: frozenset(words.split()) for code, words in _OWN_WORDS.items()}


def strange_letters(source: str, target: str, language: str) -> Iterator[tuple[int, int, str]]:
    """Stretches in a script that is neither the language's nor the source's nor Latin."""
    usual = _PLAIN | set(_SCRIPTS.get(language, ()))
    for found in _WORD.finditer(target):
        word = found[0]
        if not word.isascii() and not all(_script(sign) in usual for sign in word) and word not in source:
            strange = "".join(sign for sign in word if _script(sign) not in usual and sign not in source)
            if strange:
                yield found.start(), found.end(), word[:40]


def other_language(source: str, target: str, source_language: str, target_language: str) -> str:
    """The code of the language that `target` is surely in, when it is not the one wanted; else ""."""
    scripts = _SCRIPTS.get(target_language)
    letters = [sign for sign in target if sign.isalpha()]
    words = _WORD.findall(target)
    if scripts and len(letters) >= _SIGNS and len(words) >= _FEW:
        own = sum(_script(sign) in scripts for sign in letters)
        # What has the source's own words only is a list of names, or is said to be copied.
        known = source.casefold()
        strangers = sum(word.casefold() not in known for word in words)
        if own < len(letters) * 0.1 and strangers * 2 > len(words):
            return detect(target) or source_language
    kana = sum(_script(sign) in ("HIRAGANA", "KATAKANA") for sign in letters)
    if target_language == "zh" and len(letters) >= _SIGNS and kana > len(letters) * 0.2:
        return "ja"
    if target_language == "ja" and len(letters) >= 2 * _SIGNS and not kana:
        return detect(target) if detect(target) != "ja" else ""
    return _guessed(words, source_language, target_language) if not scripts else ""


def already_in(text: str, source_language: str, target_language: str) -> bool:
    """Whether a piece of a source is surely in the language that it is to be translated into."""
    scripts = _SCRIPTS.get(target_language)
    if scripts is None or scripts == _SCRIPTS.get(source_language):
        return scripts is None and other_language("", text, target_language, source_language) == target_language
    letters = [sign for sign in text if sign.isalpha()]
    return len(letters) >= _SIGNS and sum(_script(sign) in scripts for sign in letters) > 0.8 * len(letters)


def copied(source: str, target: str, source_language: str, target_language: str) -> list[tuple[int, int, str]]:
    """Stretches of `target` that were left as they are in `source`; a short one only when it is all of it."""
    mine, theirs = (list(_WORD.finditer(text)) for text in (target, source))
    if source_language in UNSPACED:
        return _copied_signs(source, target, target_language)
    if not mine or source_language == target_language:
        return []
    if [one[0] for one in mine] == [one[0] for one in theirs] and _is_prose(mine, source_language, target_language):
        return [(mine[0].start(), mine[-1].end(), mine[0][0])]
    if _kin(source_language, target_language):
        return []
    return list(_runs(mine, [one[0].casefold() for one in theirs]))


def _runs(mine: Sequence[re.Match[str]], theirs: Sequence[str]) -> Iterator[tuple[int, int, str]]:
    """Where words of `mine` stand in the same order in `theirs`."""
    known = {tuple(theirs[at : at + _COPIED]) for at in range(len(theirs) - _COPIED + 1)}
    words = [one[0].casefold() for one in mine]
    at = 0
    while at <= len(words) - _COPIED:
        if tuple(words[at : at + _COPIED]) not in known:
            at += 1
            continue
        end = at + 1
        while end <= len(words) - _COPIED and tuple(words[end : end + _COPIED]) in known:
            end += 1
        last = end + _COPIED - 1
        if _is_copied(mine[at:last]):
            yield mine[at].start(), mine[last - 1].end(), mine[at][0]
        at = last


def _is_copied(run: Sequence[re.Match[str]]) -> bool:
    """Not a list of names or of values, nor something that is quoted."""
    text, start = run[0].string, run[0].start()
    if len(run) < _QUOTED and text[:start].rstrip()[-1:] in tuple("«“„\"'‘‹「『(（《"):
        return False
    near = sum(not text[one.end() : after.start()].strip() for one, after in pairwise(run))
    common = sum(one[0][0].islower() and len(one[0]) > 1 for one in run)
    return common >= _COMMON and near >= _JOINED * (len(run) - 1)


def _copied_signs(source: str, target: str, target_language: str) -> list[tuple[int, int, str]]:
    """For sources without blanks: a stretch of their own letters in a text that should have none, or all of it."""
    if target_language in UNSPACED:
        letters = sum(sign.isalpha() and not sign.isascii() for sign in target)
        return [(0, len(target), target[:20])] if target.strip() == source.strip() and letters >= 2 * _SIGNS else []
    found = re.finditer(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff]{2,}", target)
    return [(one.start(), one.end(), one[0][:20]) for one in found if one[0] in source]


def _is_prose(words: Sequence[re.Match[str]], source_language: str, target_language: str) -> bool:
    """Whether these words cannot be names alone, or the same in both languages by chance."""
    common = [one[0] for one in words if one[0][0].islower() and len(one[0]) > 1]
    if _SCRIPTS.get(target_language) and source_language not in _SCRIPTS:
        return len(common) >= 2
    if _kin(source_language, target_language):
        return len(common) >= 8
    own = _own(source_language, target_language)
    return len(common) >= 4 or (len(words) > 1 and any(word in own for word in common))


def _guessed(words: Sequence[str], source_language: str, target_language: str) -> str:
    """What the guess says of the whole and of both halves."""
    plain = [word for word in words if not word[0].isupper()] if target_language != "de" else list(words)
    if len(plain) < _FEW:
        return ""
    said = detect(" ".join(plain))
    if said in ("", target_language) or _kin(said, target_language):
        return ""
    if len(plain) < _SURE:
        own = _own(said, target_language)
        return said if said == source_language and sum(word in own for word in plain) >= 2 else ""
    half = len(plain) // 2
    halves = {detect(" ".join(plain[:half])), detect(" ".join(plain[half:]))}
    return said if halves == {said} else ""


def _own(one: str, other: str) -> frozenset[str]:
    """Small words of one language that are none of the other."""
    return _OWN.get(one, frozenset()) - _OWN.get(other, frozenset())


def _kin(one: str, other: str) -> bool:
    return any(one in group and other in group for group in _KIN)


@cache
def _script(sign: str) -> str:
    """The first word of a letter's name: LATIN, CYRILLIC, CJK."""
    return unicodedata.name(sign, "").partition(" ")[0].removesuffix("-HIRAGANA") if sign.isalpha() else "LATIN"
