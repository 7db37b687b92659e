"""Whether two words are forms of one, by a shared stem and short endings. Knows no word of any language."""

from __future__ import annotations

import math
import re
import unicodedata
from functools import lru_cache

_SHORTEST = 4
"""Letters of a word from which on endings are tolerated."""
_SHORT = 5
"""Letters up to which a word is short: much of it must be there."""
_STEM = 3
_ENDINGS = {
    "fr": "s x e es le les ne nes al aux ale ales er é ée és ées ère ères eux euse euses if ive ifs ives ent ant ez "
    "eur eurs rice rices re res it issent issant i ie is ies te tes ait aient era eront",
    "de": "e en er es s n em ern ens ner nen t st te ten tet end ende enden",
    "es": "s es o a os as ar ado ada ados adas ando an en e er ir ido ida idos idas iendo ón ones ces z",
    "pt": "s es o a os as ar ado ada ados adas ando am em e er ir ido ida idos idas endo ão ões ães l is m ns",
    "it": "o i a e ie hi he ci co ca che chi go ga ghe ghi are ato ata ati ate ando ere uto uta uti ute endo ire ito "
    "ita iti ite ano ono",
    "ca": "s es a os ns ar at ada ats ades er ir it ida",
    "nl": "e en s n t d de te den ten er ers je jes",
    "sv": "en et n t ar er or na arna erna orna s a e",
    "da": "en et e er r ne erne s t n",
    "no": "en et e er r ne ene s t n a",
}
_PLURAL_S = frozenset({"en", "fr", "es", "pt", "ca"})
"""Where short words have plurals in -s, too."""
_OTHERS = 3
"""Letters that an ending may have in a language that has none in the table."""
_SHARE = 0.6
"""Of the longer word that the stem must be there."""
_KEY = 3
_CONSONANT = re.compile(r"[^aeiouwxy]")


def key(word: str) -> str:
    """What all forms of a word share; short ones have no forms."""
    folded = _folded(word)
    return folded[:_KEY] if len(folded) >= _SHORTEST else folded


def same_word(word: str, term: str, language: str) -> bool:
    """Whether `word` is `term` or a form of it, in small or big letters. `language` has two letters."""
    word, term = word.casefold(), term.casefold()
    if word == term:
        return True
    if word == f"{term}s" and language in _PLURAL_S and len(term) > 2:
        return True
    if len(term) < _SHORTEST or len(word) < _STEM or not (word.isalpha() and term.isalpha()):
        return False
    if language == "en":
        return word in _english(term) or term in _english(word)
    return _stem_and_endings(_folded(word), _folded(term), language)


def _stem_and_endings(word: str, term: str, language: str) -> bool:
    stem = 0
    for one, other in zip(word, term, strict=False):
        if one != other:
            break
        stem += 1
    longer = max(len(word), len(term))
    if language not in _ENDINGS:
        return stem >= max(_STEM + 1, _SHARE * longer) and longer - stem <= _OTHERS
    known = _endings(language)
    # Of a short term all but a letter: "title" is no form of "titre".
    least = len(term) - 1 if len(term) <= _SHORT else max(_STEM, math.ceil(_SHARE * len(term) - 1))
    # A stem may end before the letters that both happen to share: journ-al, journ-aux.
    return any(word[at:] in known and term[at:] in known for at in range(stem, least - 1, -1))


@lru_cache(20_000)
def _endings(language: str) -> frozenset[str]:
    return frozenset({"", *map(_folded, _ENDINGS[language].split())})


@lru_cache(20_000)
def _english(word: str) -> frozenset[str]:
    """The word with English endings."""
    forms = {word, word + "s", word + "ed", word + "ing"}
    if word.endswith(("s", "x", "z", "ch", "sh", "o")):
        forms.add(word + "es")
    if word.endswith("e"):
        forms |= {word + "d", word[:-1] + "ing"}
    elif word.endswith("y"):
        forms |= {word[:-1] + "ies", word[:-1] + "ied"}
    elif _CONSONANT.fullmatch(word[-1:]):
        forms |= {word + word[-1] + "ed", word + word[-1] + "ing"}
    return frozenset(forms)


@lru_cache(20_000)
def _folded(word: str) -> str:
    """Small letters without accents: Häuser has the stem of Haus."""
    parts = unicodedata.normalize("NFD", word.casefold())
    return "".join(sign for sign in parts if not unicodedata.combining(sign))
