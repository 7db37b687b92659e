"""A Markdown block's text as a segment with its place in the file."""

from __future__ import annotations

from typing import Any

from playground.translate.formats.base import Builder, Hole
from playground.translate.formats.markdown_escapes import escaped
from playground.translate.formats.markdown_pieces import BLANKS, Pieces, pieces_of
from playground.translate.formats.markdown_places import Text
from playground.translate.formats.markdown_writing import BlockKind, Place, Writer

_MOST_TAGS = 9999
"""As many as marks have numbers."""


def hole_of(text: Text, source: str, env: dict[str, Any], kind: BlockKind, context: str, where: str) -> Hole | None:
    """The segment of a block; None when there is nothing to translate. See `pieces_of` for `env` and `where`."""
    pieces = pieces_of(text.text, env, where)
    if pieces is None or not pieces.has_words():
        return None
    start, end = _edges(pieces)
    builder, words, numbers, bare = Builder(), list[str](), dict[int, int](), dict[int, tuple[str, str]]()

    def flush() -> None:
        builder.words(BLANKS.sub(" ", "".join(words)))
        words.clear()

    at, code = pieces.first, False
    while at < pieces.last:
        piece = pieces.all[at]
        after = max(pieces.lone(at), at + piece.address)
        if piece.kind == "text" and not piece.address:
            gap = len(piece.words) == piece.end - piece.start
            shown = text.text[max(piece.start, start) : min(piece.end, end)] if gap and not code else piece.words
            words.append(shown)
            if code:
                builder.words("".join(words))
                words.clear()
            at += 1
            continue
        flush()
        last = pieces.all[max(after - 1, at)]
        raw = text.raw(source, piece.start, last.end)
        plain = text.text[piece.start : last.end]
        if after > at:
            bare[builder.single(raw)] = plain, ""
            words += [" "] if piece.name == "br" else []
        elif piece.kind == "open":
            numbers[at] = builder.open(raw, piece.keep)
            bare[numbers[at]] = plain, ""
            code = piece.name == "`"
        else:
            code = False
            number = numbers[piece.mate]
            if piece.label is not None:
                raw = plain = piece.raw(text.text)
                raw = raw.replace("|", "\\|") if kind == "cell" else raw
            builder.close(number, raw)
            bare[number] = bare[number][0], plain
        at = max(after, at + 1)
    flush()
    segment = builder.segment(context)
    if len(segment.tags) > _MOST_TAGS:
        return None
    for tag in segment.tags:
        bare.setdefault(tag.number, (tag.opening, tag.closing))
    first, last_sign = text.starts[start], text.ends[end - 1]
    parts = text.text[:start], text.text[start:end], text.text[end:]
    if kind == "cell":
        parts = source[text.starts[0] : first], source[first:last_sign], source[last_sign : text.ends[-1]]
    place = Place(kind, where, text.text, start, end, pieces, *parts, bare, env)
    return Hole(first, last_sign, segment, lambda words: escaped(words, 1), fill=Writer(place))


def _edges(pieces: Pieces) -> tuple[int, int]:
    """Where the segment begins and ends in the block's text, without blanks."""
    first, last = pieces.all[pieces.first], pieces.all[pieces.last - 1]
    start, end = first.start, last.end
    if first.kind == "text" and len(first.words) == first.end - first.start:
        start += len(first.words) - len(first.words.lstrip())
    if last.kind == "text" and len(last.words) == last.end - last.start:
        end -= len(last.words) - len(last.words.rstrip())
    return start, end
