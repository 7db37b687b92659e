"""Words of a translation as Markdown: what would be read as markup is escaped. Knows no tags."""

from __future__ import annotations

import re
import string

ADDRESS = re.compile(r"(?:https?://|www\.)[!#-;=?-Z_a-z~]*[#-%+\-/-9=@-Z_a-z~]")
"""An address in the middle of words, without what may end the sentence."""
_MARKUP = re.compile(r"[*_`<&\\~]")
_ENTITY = re.compile(r"&#?\w{1,31};")
_START = re.compile(
    r"#{1,6}(?= |$)|[>|:]|[-+](?=[-+|:]| |$)|=+(?= |=|$)|~(?=~| )|!(?=!!)|\?(?=\?\?)|\d{1,9}[.)](?= |$)|\[[ xX!]"
)
"""What makes something else of a line than a paragraph."""
_BRACKETS = re.compile(r"[\[\]!$^{}#]")
_NUMBERED = "[]|"
"""Signs whose backslash may be read as a formula, or not at all."""
LEVELS = 4
_PUNCTUATION = re.compile("[" + re.escape(string.punctuation) + "]")


def escaped(words: str, level: int, *, starts_line: bool = False, in_cell: bool = False) -> str:
    """`words` with backslashes where markup is likely; with each level at more signs, from 3 on brackets as numbers.

    `LEVELS` counts them.
    """
    found: set[int] = set()
    if level == LEVELS:
        found.update(one.start() for one in _PUNCTUATION.finditer(words))
    else:
        found.update(one.start() for one in _MARKUP.finditer(words) if _is_markup(words, one.start()))
        if level > 1:
            found.update(one.start() for one in _BRACKETS.finditer(words))
        for address in ADDRESS.finditer(words):
            found.difference_update(range(*address.span()))
    if starts_line and (start := _START.match(words)):
        found.add(start.end() - 1 if words[0].isdigit() else 0)
    out = []
    for at, sign in enumerate(words):
        if sign == "|" and in_cell:
            out.append("\\|")
        elif at in found and ((sign in _NUMBERED and level > 2) or (sign == "\\" and in_cell)):
            out.append(f"&#{ord(sign)};")
        else:
            out.append("\\" + sign if at in found else sign)
    return "".join(out)


def _is_markup(words: str, at: int) -> bool:
    """Whether the sign may be markup, for what stands next to it; at the ends of the words that is not known."""
    sign, before, after = words[at], words[at - 1 : at], words[at + 1 : at + 2]
    if sign == "*":
        return not before == after == " "
    if sign == "_":
        return not (before == after == " " or (before.isalnum() and after.isalnum()))
    if sign == "<":
        return not after or after.isalpha() or after in "/!?"
    if sign == "&":
        return (not before and not after.isspace()) or _ENTITY.match(words, at) is not None
    if sign == "\\":
        return not after or after in string.punctuation
    return sign == "`" or not before or not after or "~" in (before, after)
