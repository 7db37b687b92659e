"""JSON and JSON Lines: the strings that are values, at their exact places. Keys are never translated."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from playground.errors import BadValueError
from playground.translate.formats.base import Encode, Hole, TextTemplate
from playground.translate.formats.prose import is_prose
from playground.translate.formats.sources import Source, has_letters, plain_segment, source_of

_TOKEN = re.compile(
    r'[ \t\r\n]*(?:(?P<string>"(?P<inside>[^"\\\x00-\x1f]*(?:\\(?:["\\/bfnrt]|u[\da-fA-F]{4})[^"\\\x00-\x1f]*)*)")'
    r"|(?P<other>-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])|(?:true|false|null|NaN|-?Infinity)(?!\w))"
    r"|(?P<sign>[\[\]{},:])|(?P<end>\Z))"
)
_ESCAPED = re.compile(r"\\u[\da-fA-F]{4}")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_NAME = re.compile(r"[^\W\d]\w*")
_LINE_END = re.compile(r"\r\n|\r|\n")
_LONGEST_NAME = 80
"""Characters of a key in a path."""
_DEEPEST = 200
"""Levels of objects and lists in each other."""


def read_json_template(data: bytes, keys: Sequence[str] = ()) -> TextTemplate:
    """The strings that stand under these keys, in lists too; without keys, all that hold prose.

    Context is the path, such as `a.items[3].title`. Raises BadValueError when the file is no JSON, or none of it has
    one of the keys.
    """
    source = source_of(data)
    values = _values(source)
    names = {value.key for value in values}
    for key in keys:
        if key not in names:
            raise BadValueError(f"No text in the file stands under the key {key}. Check how it is written.")
    ascii_only = source.text[source.start :].isascii() and bool(_ESCAPED.search(source.text))
    holes = []
    for value in values:
        wanted = (value.key in keys and has_letters(value.text)) if keys else is_prose(value.text)
        if wanted and not _SURROGATE.search(value.text):
            segment = plain_segment(value.text.strip(), value.path)
            holes.append(Hole(value.start, value.end, segment, _encode(ascii_only), _finish(value.text, ascii_only)))
    return TextTemplate(source.text, holes, source.encoding, data)


@dataclass(frozen=True)
class _Value:
    """A string: its place without the quotes, what it says, the nearest key above, and its path."""

    start: int
    end: int
    text: str
    key: str
    path: str


@dataclass
class _Level:
    """An object or a list that is open."""

    is_object: bool
    path: str
    key: str
    """The nearest key above; in an object, the one whose value comes."""
    count: int = -1
    """The number of the entry that comes, from 0."""

    def path_of_next(self) -> str:
        if not self.is_object:
            return f"{self.path}[{self.count}]"
        if _NAME.fullmatch(self.key):
            return f"{self.path}.{self.key}"
        return f"{self.path}[{json.dumps(self.key[:_LONGEST_NAME], ensure_ascii=False)}]"


def _values(source: Source) -> list[_Value]:
    """All strings that are values. Raises BadValueError where the text is no JSON.

    Goes through it without recursion: what is nested deeply must not break anything.
    """
    at, top, levels = source.start, _Level(False, "", ""), list[_Level]()
    found: list[_Value] = []
    wanted = "value"
    while token := _TOKEN.match(source.text, at):
        at, sign = token.end(), token["sign"]
        level = levels[-1] if levels else top
        if token["end"] is not None:
            if levels or top.count < 0:
                break
            return found if top.count else [replace(one, path=_rootless(one.path)) for one in found]
        closes = levels and sign == ("}" if level.is_object else "]")
        if closes and wanted in ("comma", "first"):
            levels.pop()
            wanted = "comma" if levels else "value"
        elif wanted == "comma" and sign == ",":
            wanted = "key" if level.is_object else "value"
        elif level.is_object and wanted in ("key", "first") and token["string"]:
            level.key, wanted = json.loads(token["string"]), "colon"
        elif wanted == "colon" and sign == ":":
            wanted = "value"
        elif (wanted == "value" or (wanted == "first" and not level.is_object)) and sign not in ("]", "}", ",", ":"):
            level.count += 1
            if sign:
                if len(levels) == _DEEPEST:
                    break
                levels.append(_Level(sign == "{", level.path_of_next(), level.key))
                wanted = "first"
                continue
            if token["string"]:
                text = json.loads(token["string"])
                found.append(_Value(*token.span("inside"), text, level.key, level.path_of_next()))
            wanted = "comma" if levels else "value"
        else:
            at = token.start()
            break
    raise _broken(source, at)


def _rootless(path: str) -> str:
    """A path in a file that has one value."""
    return path.removeprefix("[0]").removeprefix(".")


def _broken(source: Source, at: int) -> BadValueError:
    while at < len(source.text) and source.text[at] in " \t\r\n":
        at += 1
    line = len(_LINE_END.findall(source.text, 0, at)) + 1
    return BadValueError(
        f"The JSON in the file is broken at line {line}, or nested too deeply. Correct it and open it again."
    )


def _encode(ascii_only: bool) -> Encode:
    return lambda words: json.dumps(words, ensure_ascii=ascii_only)[1:-1]


def _finish(said: str, ascii_only: bool) -> Encode:
    encode = _encode(ascii_only)
    before, after = said[: len(said) - len(said.lstrip())], said[len(said.rstrip()) :]
    return lambda text: encode(before) + text + encode(after)
