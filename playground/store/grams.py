"""Cuts text into the grams that the search index holds, so that any piece of text is found, Chinese of one sign too.

Chinese, Japanese and Korean are cut into pairs, everything else into triples; a shorter piece is the beginning of one.
Grams only say where something may stand: whoever searches looks into the text itself. Knows nothing of SQLite.
"""

from __future__ import annotations

import re

_CJK = (
    "\u2e80-\u303f\u3040-\u30ff\u3100-\u312f\u3130-\u318f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u9fff"
    "\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff66-\uffdc\U00020000-\U0003ffff"
)
_RUNS = re.compile(f"([{_CJK}]+)|([^{_CJK}]+)")
_PLAIN = re.compile(r"[0-9a-z\u3041-\u3096\u30a1-\u30fa\u4e00-\u9fcc\uac00-\ud7a3]*")
_WIDE = {0xFF01 + at: 0x21 + at for at in range(94)} | {0x3000: 0x20}
"""Full-width letters, digits and punctuation, which input methods write."""


def fold(text: str) -> str:
    """The text without differences of case and width, as long as it was, so that places in it stay places."""
    lower = text.lower()
    if len(lower) != len(text):  # One letter (of Turkish) becomes two.
        lower = "".join(one if len(one) == 1 else sign for sign in text for one in [sign.lower()])
    return lower.translate(_WIDE) if not lower.isascii() else lower


def grams(folded: str) -> str:
    """All grams of a folded text, each once, as the words of one line for the index."""
    found: set[str] = set()
    for cjk, other in _RUNS.findall(folded):
        run, size = (cjk, 2) if cjk else (other, 3)
        found.update(run[at : at + size] for at in range(len(run)))
    return " ".join(map(_word, found))


def query(folded: str) -> str:
    """What the index is asked for a piece of folded text: an FTS5 expression that every text with the piece meets.

    Empty when there is nothing to ask for.
    """
    wanted: dict[str, None] = {}
    short: dict[str, None] = {}
    for cjk, other in _RUNS.findall(folded):
        run, size = (cjk, 2) if cjk else (other, 3)
        if len(run) < size:
            short[f"{_word(run)} *"] = None
        wanted |= dict.fromkeys(_word(run[at : at + size]) for at in range(len(run) - size + 1))
    # The beginning of a gram stands for many: it is asked for only where there is nothing better.
    return " AND ".join(wanted or short)


def _word(gram: str) -> str:
    """A gram in letters that FTS5 takes for letters; two grams may share a word, for the text is looked into anyway."""
    if _PLAIN.fullmatch(gram):
        return gram
    return "".join(sign if _PLAIN.fullmatch(sign) else f"q{ord(sign):x}" for sign in gram)
