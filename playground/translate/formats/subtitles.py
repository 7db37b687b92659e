"""Subtitles, SubRip and WebVTT: the text of each cue. Times, numbers, notes, styles and headers are never touched.

Markup around a whole cue, or before it, is left out of the segment.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from playground.translate.formats.base import Builder, Encode, Hole, TextTemplate
from playground.translate.formats.sources import Line, Source, has_letters, line_ends_as, lines_of, source_of

Subtitles = Literal["srt", "vtt"]
_TIME = re.compile(r"\s*(?:\d+:)?\d{1,2}:\d{2}[,.]\d{1,3}\s*-->\s*(?:\d+:)?\d{1,2}:\d{2}[,.]\d{1,3}(?:\s.*)?")
_TOKEN = re.compile(
    r"<(?P<close>/)?(?P<name>[a-zA-Z]+)(?![a-zA-Z])[^<>]*>|<[\d:.]+>|\{\\[^{}]*\}|\{/?[a-zA-Z]\}|&(?!amp;|lt;|gt;)(?:[a-zA-Z]{2,8}|#\w{1,7});"
)
_NOT_SHOWN = re.compile(r"(?:NOTE|STYLE|REGION)(?:\s|$)")
_DEEPEST = 50
"""Tags up to which one that is not closed is looked for."""


def read_subtitles_template(data: bytes, kind: Subtitles) -> TextTemplate:
    """The cues of a file, line breaks in them as \\n; context is the line of times.

    Raises BadValueError when it is no text.
    """
    source = source_of(data)
    holes = (_hole(source, lines, time, kind) for time, lines in _cues(lines_of(source), kind))
    return TextTemplate(source.text, [hole for hole in holes if hole], source.encoding, data)


def _cues(lines: Sequence[Line], kind: Subtitles) -> Iterator[tuple[str, list[Line]]]:
    """The lines of each cue with its time; more than one of a cue in SubRip, where an empty line stands in it."""
    time, cue, shown = "", list[Line](), True
    for number, line in enumerate(lines):
        after = lines[number + 1].text if number + 1 < len(lines) else ""
        is_time, is_name = bool(_TIME.fullmatch(line.text)), bool(_TIME.fullmatch(after))
        begins = not number or not lines[number - 1].text.strip()
        if begins and kind == "vtt":
            shown = is_time or is_name or not _NOT_SHOWN.match(line.text)
        # The number or name of the next cue stands before its time.
        named = is_name and (line.text.strip().isdigit() or begins)
        if is_time or named or not line.text.strip():
            if cue:
                yield time, cue
            cue = []
            time = line.text.strip() if is_time else "" if kind == "vtt" or named else time
        elif time and shown:
            cue.append(line)
    if cue:
        yield time, cue


@dataclass(frozen=True)
class _Token:
    """A tag of the format in a cue; `partner` is the number of the one that closes or opens it."""

    start: int
    end: int
    partner: int | None


def _hole(source: Source, lines: Sequence[Line], time: str, kind: Subtitles) -> Hole | None:
    text = source.text
    tokens = _tokens(text, lines[0].start, lines[-1].end)
    start, end, low, high = _bared(text, lines[0].start, lines[-1].end, tokens)
    builder, at, opened = Builder(), start, dict[int, int]()
    said = []
    for number, token in tokens[low:high]:
        said.append(_shown(text[at : token.start], kind))
        builder.words(said[-1])
        raw = text[token.start : token.end]
        if token.partner is None:
            builder.single(raw)
        elif token.partner > number:
            opened[token.partner] = builder.open(raw)
        else:
            builder.close(opened[number], raw)
        at = token.end
    said.append(_shown(text[at:end], kind))
    builder.words(said[-1])
    if not has_letters("".join(said)):
        return None
    return Hole(start, end, builder.segment(time), _encode(kind), _finish(source.line_end))


def _tokens(text: str, start: int, end: int) -> list[tuple[int, _Token]]:
    """The tags in a cue, numbered, with their partners; what is not closed in order stands alone."""
    found = list(_TOKEN.finditer(text, start, end))
    partners: dict[int, int] = {}
    stack: list[tuple[str, int]] = []
    for number, token in enumerate(found):
        name = (token["name"] or "").lower()
        if not name:
            continue
        if not token["close"]:
            stack.append((name, number))
            continue
        levels = range(len(stack) - 1, max(-1, len(stack) - 1 - _DEEPEST), -1)
        if (level := next((n for n in levels if stack[n][0] == name), None)) is not None:
            partners[number], partners[stack[level][1]] = stack[level][1], number
            del stack[level:]
    return [(number, _Token(*token.span(), partners.get(number))) for number, token in enumerate(found)]


def _bared(text: str, start: int, end: int, tokens: Sequence[tuple[int, _Token]]) -> tuple[int, int, int, int]:
    """Start, end, first and last token (exclusive) without the blanks and tags around it all."""
    low, high = 0, len(tokens)
    while True:
        while start < end and text[start].isspace():
            start += 1
        while start < end and text[end - 1].isspace():
            end -= 1
        if low == high:
            return start, end, low, high
        first, last = tokens[low][1], tokens[high - 1][1]
        begins, ends = first.start == start, last.end == end
        if begins and first.partner is None:
            start, low = first.end, low + 1
        elif ends and last.partner is None:
            end, high = last.start, high - 1
        elif begins and ends and first.partner == tokens[high - 1][0]:
            start, end, low, high = first.end, last.start, low + 1, high - 1
        else:
            return start, end, low, high


def _shown(raw: str, kind: Subtitles) -> str:
    raw = line_ends_as(raw, "\n")
    return raw.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") if kind == "vtt" else raw


def _encode(kind: Subtitles) -> Encode:
    if kind == "vtt":
        return lambda words: words.replace("&", "&amp;").replace("<", "&lt;").replace("-->", "--&gt;")
    return lambda words: words.replace("-->", "→")


def _finish(line_end: str) -> Encode:
    """A cue ends at an empty line, so none may be in it."""
    return lambda text: line_end.join(filter(None, map(str.strip, line_ends_as(text, "\n").split("\n"))))
