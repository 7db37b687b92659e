"""Cuts text into the grams that the search index holds, so that any piece of text is found, Chinese of one sign too.

Chinese, Japanese and Korean are cut into pairs, everything else into fours; a shorter piece is the beginning of one.
What stands on both sides of a space is one, too: by themselves, short words stand everywhere. Grams only say where
something may stand: whoever searches looks into the text itself. Knows nothing of SQLite.
"""

from __future__ import annotations

import hashlib
import itertools
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence

_CJK = (
    "\u2e80-\u303f\u3040-\u30ff\u3100-\u312f\u3130-\u318f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u9fff"
    "\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff66-\uffdc\U00020000-\U0003ffff"
)
_RUNS = re.compile(f"([{_CJK}]+)|([^\\s{_CJK}]+)")
_PAIR, _FOUR = 2, 4
_MOST = 24
"""Grams that are asked for at once; a longer text is found by these of its grams, evenly spread."""
_ODD = re.compile("[\x00-\x1f\x7f'\"]")
"""What the index's tokenizer cannot take for a part of a word, spaces apart."""
_SPACE = "\ue020"


def _widths() -> Iterable[tuple[str, str]]:
    """Full-width letters and punctuation, half-width kana: what input methods write, and what is meant."""
    for code in (0x3000, *range(0xFF01, 0xFFEF)):
        plain = unicodedata.normalize("NFKC", chr(code)).lower()
        if len(plain) == 1:
            yield chr(code), plain


_SAME: Mapping[str, str] = {**dict(_widths()), "ς": "σ"}
_OTHER = re.compile(f"[{''.join(_SAME)}]")


def _others() -> dict[str, str]:
    found: dict[str, str] = {}
    for sign, plain in _SAME.items():
        found[plain] = found.get(plain, "") + sign.lower()
    return found


OTHERS: Mapping[str, str] = _others()
"""For a folded sign: the signs of a text in small letters that are folded to it, besides itself."""


def small(text: str) -> str:
    """The text in small letters, sign by sign, so that places in it stay places."""
    return text.lower() if text.isascii() else text.replace("İ", "i").lower()


def fold(text: str) -> str:
    """The text without differences of case and width, as long as it was, so that places in it stay places."""
    lower = small(text)
    return lower if lower.isascii() else _OTHER.sub(lambda found: _SAME[found[0]], lower)


def grams(texts: Iterable[str], marks: Iterable[str] = ()) -> str:
    """All grams of folded texts, each once, as the words of one line for the index; `marks` are words as they are."""
    found: set[str] = set(marks)
    for text in texts:
        plain = _plain(text)
        for cjk, other in _RUNS.findall(plain):
            run, size = (cjk, _PAIR) if cjk else (other, _FOUR)
            found.update([run[at : at + size] for at in range(len(run))])
        found.update(_bridges(plain.split()))
    return " ".join(found)


def mark(name: str) -> str:
    """A word that stands for a name and is longer than any gram of a text."""
    return "\uf8ff" + hashlib.sha256(name.encode()).hexdigest()[:12]


def query(terms: Iterable[Sequence[str]], marks: Iterable[str] = ()) -> str:
    """What the index is asked for terms of folded words: an FTS5 expression that every text with all of them meets.

    The words of one term follow each other. Empty when there is nothing to ask for.
    """
    whole: dict[str, None] = {}
    short: dict[str, None] = {}
    for term in terms:
        words = [_plain(word) for word in term]
        for cjk, other in itertools.chain.from_iterable(map(_RUNS.findall, words)):
            run, size = (cjk, _PAIR) if cjk else (other, _FOUR)
            if len(run) < size:
                short[f'"{run}" *'] = None
            whole |= dict.fromkeys(f'"{run[at : at + size]}"' for at in range(len(run) - size + 1))
        # The first word may be the end of one, and the last the beginning: a single sign does not tell enough there.
        edges = [len(words[0]) < _PAIR, len(words[-1]) < _PAIR]
        whole |= dict.fromkeys(f'"{bridge}"' for bridge in _bridges(words[edges[0] : len(words) - edges[1]]))
    # The beginning of a gram stands for many: it is asked for only where there is nothing better.
    wanted = list(whole or short)
    return " AND ".join([*(f'"{one}"' for one in marks), *wanted[:: -(-len(wanted) // _MOST) or 1]])


def _bridges(words: Sequence[str]) -> Iterator[str]:
    """The end of each word with the beginning of the next one."""
    for left, right in itertools.pairwise(words):
        yield f"{left[-_PAIR:]}{_SPACE}{right[:_PAIR]}"


def _plain(text: str) -> str:
    return _ODD.sub(lambda found: chr(0xE000 + ord(found[0])) if not found[0].isspace() else " ", text)
