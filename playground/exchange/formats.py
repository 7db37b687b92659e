"""The formats that conversations can be exported in, and the way there. Each format has a file of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from playground.errors import BadValueError
from playground.exchange import lossless
from playground.exchange.page import PAGE_END, Render, article, page_start, plain
from playground.exchange.readable import Words, markdown
from playground.exchange.talk import Talk, talk
from playground.exchange.training import alpaca_lines, openai_lines, sharegpt_lines
from playground.store import History


@dataclass(frozen=True)
class Format:
    """What can be chosen. `suffix` is a file's ending, such as ".md"."""

    name: str
    suffix: str
    media_type: str


FORMATS = {
    one.name: one
    for one in (
        Format("markdown", ".md", "text/markdown"),
        Format("html", ".html", "text/html"),
        Format("json", ".json", "application/json"),
        Format("openai", ".jsonl", "application/jsonl"),
        Format("sharegpt", ".jsonl", "application/jsonl"),
        Format("alpaca", ".jsonl", "application/jsonl"),
    )
}
_LINES: dict[str, Callable[[Talk], Iterator[str]]] = {
    "openai": openai_lines,
    "sharegpt": sharegpt_lines,
    "alpaca": alpaca_lines,
}


def export(
    history: History,
    ids: Sequence[str],
    format: str,
    *,
    upto: str | None = None,
    render: Render = plain,
    words: Words = Words(),  # noqa: B008 - frozen
) -> Iterator[bytes]:
    """Conversations in the format of this name, as UTF-8, piece by piece: memory holds one conversation at a time.

    With `upto`, the id of a message, only the branch that ends with it, of the one conversation in `ids`. JSON holds
    all branches, deleted messages and whatever else there is; the other formats the branch that is shown. `render`
    makes HTML of a reply's Markdown. Raises BadValueError and MissingError at once, not while it is read.
    """
    if format not in FORMATS:
        raise BadValueError(f"There is no export format {format!r}. Choose one of: {', '.join(FORMATS)}.")
    if upto is not None and len(ids) != 1:
        raise BadValueError("Only one conversation can be exported up to a message. Choose one.")
    titles = [history.conversation(one).title for one in ids]
    if upto is not None:
        talk(history, ids[0], upto)
    return (piece.encode() for piece in _pieces(history, ids, format, upto, render, words, titles))


def _pieces(
    history: History,
    ids: Sequence[str],
    format: str,
    upto: str | None,
    render: Render,
    words: Words,
    titles: Sequence[str],
) -> Iterator[str]:
    if format == "json":
        yield from lossless.write(history, ids, upto)
        return
    if format == "html":
        yield page_start(titles[0] if len(titles) == 1 else "Playground", words)
    for one in ids:
        read = talk(history, one, upto)
        if format == "html":
            yield from article(read, words, render)
        elif format == "markdown":
            yield from markdown(read, words)
        else:
            yield from _LINES[format](read)
    if format == "html":
        yield PAGE_END
