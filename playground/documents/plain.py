"""Plain text, source code, JSON, notebooks and subtitles as blocks. Knows nothing of files and encodings."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from playground.documents.joining import cleaned
from playground.documents.markdown import read_markdown
from playground.documents.values import Block

_EMPTY = re.compile(r"\n[ \t]*\n[ \t\n]*(?<=\n)")
_CUE = re.compile(r"\s*(?:\d+:)?\d{1,2}:\d{2}[,.]\d{1,3}\s*-->\s*\S+.*")
_STYLES = re.compile(r"</?[a-zA-Z][^<>]*>|\{\\[^{}]*\}")
_TOKENS = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\s\[\]{},:"]+')
_DENSE = 200
"""Characters a line on average from which on JSON was written for machines."""
_DEEPEST = 100
_LONGEST = 5_000_000
"""Characters of JSON up to which it is laid out; each of its signs is a piece of memory while it is."""


def read_text(text: str) -> tuple[Block, ...]:
    """The paragraphs: what empty lines set apart, in the lines in which it was written."""
    parts = (part.rstrip().strip("\n") for part in _EMPTY.split(text))
    return tuple(Block("paragraph", part) for part in parts if part.strip())


def read_code(text: str, language: str) -> tuple[Block, ...]:
    """Source code as one block."""
    text = text.strip("\n").rstrip()
    return (Block("code", text, language=language),) if text.strip() else ()


def read_json(text: str) -> tuple[Block, ...]:
    """JSON as it stands; what has no line breaks gets some, without touching numbers, order or doubled keys."""
    text = text.strip()
    if _DENSE * (text.count("\n") + 1) < len(text) < _LONGEST and _is_json(text):
        text = "".join(_indented(text))
    return read_code(text, "json")


def _is_json(text: str) -> bool:
    try:
        json.loads(text, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return False
    return True


def _indented(text: str) -> Iterator[str]:
    depth, before = 0, ""
    for found in _TOKENS.finditer(text):
        token = found.group()
        if token in "]}":
            depth -= 1
            if before not in "[{":
                yield _line(depth)
        elif before and before in "[{,":
            yield _line(depth)
        yield token + " " if token == ":" else token
        if token in "[{":
            depth += 1
        before = token


def _line(depth: int) -> str:
    return "\n" + "  " * min(depth, _DEEPEST)


def read_notebook(text: str) -> tuple[Block, ...]:
    """The cells of a Jupyter notebook, without what they printed: that is pictures, mostly. Else as JSON."""
    try:
        notebook = json.loads(text)
        about = notebook.get("metadata", {}).get("language_info", {})
        cells = [(cell["cell_type"], "".join(cell["source"])) for cell in notebook["cells"]]
        language = str(about.get("name", "python"))
    except (ValueError, RecursionError, AttributeError, KeyError, TypeError):
        return read_json(text)
    blocks: list[Block] = []
    for kind, source in cells:
        blocks.extend(
            read_code(cleaned(source)[0], language) if kind == "code" else read_markdown(cleaned(source)[0])[0]
        )
    return tuple(blocks)


def read_subtitles(text: str) -> tuple[Block, ...]:
    """SubRip and WebVTT: a paragraph for each caption, with the time at which it is shown."""
    blocks: list[Block] = []
    time, words, before = "", list[str](), ""
    for line in [*text.split("\n"), "0:00:00,000 --> 0:00:00,000"]:
        if _CUE.fullmatch(line):
            # The number (or name) of a caption stands in the line before its time.
            if time and words and words[-1] == before.strip():
                words.pop()
            if said := "\n".join(filter(None, words)):
                blocks.append(Block("paragraph", f"[{time}] {said}"))
            time, words = line.split("-->")[0].strip().replace(",", "."), []
        elif time:
            words.append(_STYLES.sub("", line).strip())
        before = line
    return tuple(blocks) or read_text(text)
