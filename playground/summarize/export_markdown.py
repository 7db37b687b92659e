"""A summary as Markdown, with its receipt: what was read, what made it, and what each sentence rests on.

What it says by itself comes from its caller, in the reader's language. Knows nothing of the other formats.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from playground.exchange.readable import closed, day, escaped
from playground.languages import NAMES
from playground.store.run_values import Node, Run, RunDocument
from playground.summarize.instructions import styles
from playground.summarize.options import OWN
from playground.summarize.receipt import coverage

_LONGEST = 400
"""Characters of a passage or sentence that are quoted."""
_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_LEADING = re.compile(r"^[\s>]*(?:#{1,6}\s+|[-*+•]\s+|\d{1,9}[.)、]\s*)?")
_WORD = re.compile(r"\w")
_DECORATION = re.compile(r"\*\*|`+")
_MADE = ("engine", "revision", "file_sha256", "quantization", "template_sha256", "device", "hardware")


@dataclass(frozen=True)
class Words:
    """What an exported summary says by itself, in its reader's language. `{}` are filled in."""

    language: str = "en"
    not_whole: str = "This summary is not whole. The receipt below says what is missing."
    not_whole_alone: str = "This summary is not whole: parts of the text are missing in it."
    receipt: str = "Receipt"
    coverage: str = "{} % of the text was read."
    failed: str = "Could not be read"
    lost: str = "Read, but not put together with the rest"
    skipped: str = "Left out by choice"
    waiting: str = "Not read yet"
    documents: str = "Documents"
    made: str = "How it was made"
    model: str = "Model"
    engine: str = "Engine"
    revision: str = "Revision"
    file_sha256: str = "SHA-256 of its file"
    quantization: str = "Quantization"
    template_sha256: str = "SHA-256 of its chat template"
    device: str = "Device"
    hardware: str = "Computer"
    context_length: str = "Context"
    adapter: str = "Adapter"
    versions: str = "Versions"
    sampling: str = "Sampling"
    seed: str = "Seed"
    mode: str = "Way"
    map_reduce: str = "parts one by one, then together"
    refine: str = "each part into the summary of those before it"
    extractive: str = "sentences picked, without a model"
    style: str = "Style"
    own: str = "own instruction"
    instruction: str = "Instruction"
    length: str = "Length"
    words: str = "about {} words"
    share: str = "about {} % of the text"
    summary_language: str = "Language"
    audience: str = "Written for"
    written: str = "Written"
    calls: str = "Calls of the model"
    tokens: str = "Tokens read and written"
    seconds: str = "Seconds"
    sources: str = "What each sentence rests on"
    nearest: str = "The nearest passage; it does not say the same"
    nowhere: str = "No passage was found."
    marks: str = "In none of the documents"
    number: str = "number"
    date: str = "date"
    name: str = "name"
    page: str = "p. {}"
    pages: str = "pp. {}–{}"
    count: str = "{} pages"
    characters: str = "characters {}–{}"


def markdown(
    run: Run,
    documents: Sequence[RunDocument],
    nodes: Sequence[Node],
    words: Words = Words(),
) -> str:
    """Title, the summary with a raised number behind each sentence, and the receipt, which has notes by that number."""
    return "\n\n".join(_blocks(run, documents, nodes, words)) + "\n"


def is_whole(run: Run, documents: Sequence[RunDocument], nodes: Sequence[Node]) -> bool:
    """Whether all was read that was to be read, and all of it went into the summary."""
    read = coverage(nodes, [len(one.text) for one in documents]).percent == 100
    return run.status == "complete" and read and all(node.status != "failed" for node in nodes)


def gaps(
    documents: Sequence[RunDocument],
    nodes: Sequence[Node],
    words: Words = Words(),
) -> list[str]:
    """Which parts are missing, where they stand, and why: a sentence each."""
    found = []
    for node in nodes:
        if node.status == "failed" or (node.status != "done" and not node.level):
            said = words.lost if node.level else getattr(words, node.status)
            place = ", ".join(_places(node, documents, nodes, words))
            found.append(f"{said}: {place}" + (f" ({node.error})" if node.error else ""))
    return found


def place_words(document: RunDocument, start: int, end: int, words: Words = Words()) -> str:
    """Where characters `start` to `end` stand: name and pages, or characters, counted from 1, where there are none."""
    first, last = document.page_of(start), document.page_of(max(start, end - 1))
    if first is None or last is None:
        return f"{document.name}, {words.characters.format(f'{start + 1:,}', f'{end:,}')}"
    return f"{document.name}, {words.page.format(first) if first == last else words.pages.format(first, last)}"


def _places(node: Node, documents: Sequence[RunDocument], nodes: Sequence[Node], words: Words) -> Iterator[str]:
    """Of each document, what a node stands for."""
    parts = [node]
    while parts and parts[0].level:
        below = [one for one in nodes if one.level == parts[0].level - 1]
        parts = [one for above in parts for one in below[above.first : above.last]]
    for number, document in enumerate(documents):
        mine = [one for one in parts if one.document == number]
        if mine:
            yield place_words(document, mine[0].first, mine[-1].last, words)
        elif any(one.document is None for one in parts):
            yield document.name


def _blocks(run: Run, documents: Sequence[RunDocument], nodes: Sequence[Node], words: Words) -> Iterator[str]:
    sentences = [one for one in run.receipt.get("sentences", ()) if _WORD.search(run.text, one["start"], one["end"])]
    yield f"# {escaped(run.title)}"
    if not is_whole(run, documents, nodes):
        yield f"**{words.not_whole}**"
    yield closed(_numbered(run.text, sentences))
    yield f"## {words.receipt}"
    percent = coverage(nodes, [len(one.text) for one in documents]).percent
    yield words.coverage.format(f"{percent:.3g}")
    if missing := gaps(documents, nodes, words):
        yield _list(map(escaped, missing))
    yield f"### {words.documents}"
    yield _list(_document(one, words) for one in documents)
    yield f"### {words.made}"
    yield _list(f"{label}: {escaped(value)}" for label, value in _settings(run, nodes, words) if value)
    if sentences:
        yield f"### {words.sources}"
        notes = (_note(number, one, run.text, documents, words) for number, one in enumerate(sentences, 1))
        yield "\n".join(notes)


def _numbered(text: str, sentences: Sequence[Mapping[str, Any]]) -> str:
    """The summary with a number behind each sentence: on its last line with words, inside of a table's last cell."""
    pieces, at = [], 0
    for number, one in enumerate(sentences, 1):
        said = text[at : one["end"]]
        lines = said.splitlines(keepends=True)
        while not _WORD.search(lines[-1]):  # The end of a block of code, the line under a heading.
            lines.pop()
        body = "".join(lines).rstrip()
        body = body.rstrip("|").rstrip() if body.endswith("|") else body
        # In brackets, because bold text would not end behind a full stop before a digit.
        pieces += [body, f"⁽{str(number).translate(_RAISED)}⁾", said[len(body) :]]
        at = one["end"]
    return "".join([*pieces, text[at:]])


def _list(lines: Iterator[str] | Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _document(one: RunDocument, words: Words) -> str:
    about = [words.count.format(one.pages)] if one.pages else []
    about += [f"{one.size:,} B", *([_language(one.language, words)] if one.language else []), f"SHA-256 {one.sha256}"]
    return " ".join([escaped(f"{one.name} ({', '.join(about)})"), *map(escaped, one.notes)])


def _settings(run: Run, nodes: Sequence[Node], words: Words) -> Iterator[tuple[str, str]]:
    """What made it, label by label; where parts were made by several, all of them."""
    made = [node.record for node in nodes if node.record]
    options = run.options

    def each(values: Iterator[str]) -> str:
        return "; ".join(dict.fromkeys(filter(None, values)))

    yield words.mode, getattr(words, str(options.get("mode")), "")
    style = styles().get(options["style"]) if options.get("style") != OWN else None
    yield words.style, (style.name_zh if words.language.startswith("zh") else style.name) if style else words.own
    yield words.instruction, options.get("instruction", "") if style is None else ""
    if options.get("words") is not None:
        yield words.length, words.words.format(options["words"])
    elif options.get("share") is not None:
        yield words.length, words.share.format(f"{100 * options['share']:g}")
    yield words.summary_language, _language(options.get("language", ""), words)
    yield words.audience, options.get("audience", "")
    yield words.model, each(str(one["model"]) for one in made) if made else run.model
    for name in _MADE:
        yield getattr(words, name), each(str(one[name]) for one in made)
    yield words.context_length, each(f"{one['context_length']:,}" if one["context_length"] else "" for one in made)
    yield words.adapter, each(f"{one['adapter']} {one['adapter_sha256']}" if one["adapter"] else "" for one in made)
    yield words.versions, each(_pairs(one["versions"]) for one in made)
    yield words.sampling, each(_pairs(one["sampling"]) for one in made)
    yield words.seed, each(str(one["seed"]) for one in made if one["seed"] is not None)
    yield words.written, day(run.updated_at)
    yield words.seconds, f"{run.seconds:.0f}"
    calls = [one for one in made if one["model"]]
    yield words.calls, str(len(calls)) if calls else ""
    sums = [sum(one[name] or 0 for one in calls) for name in ("prompt_tokens", "completion_tokens")]
    yield words.tokens, f"{sums[0]:,}, {sums[1]:,}" if calls else ""


def _pairs(values: Mapping[str, Any]) -> str:
    """How it was drawn, but for the length, which differs from step to step."""
    return ", ".join(f"{name} {value}" for name, value in values.items() if name != "max_new_tokens" and value != [])


def _language(code: str, words: Words) -> str:
    return NAMES[code][words.language.startswith("zh")] if code in NAMES else code


def _note(number: int, sentence: Mapping[str, Any], text: str, documents: Sequence[RunDocument], words: Words) -> str:
    """What one sentence rests on, as an entry of a numbered list."""
    said = _DECORATION.sub("", _LEADING.sub("", text[sentence["start"] : sentence["end"]]))
    lines = [_link(one, documents, words) for one in sentence["links"]] or [words.nowhere]
    marks = [f"{getattr(words, one['kind'])} “{escaped(text[one['start'] : one['end']])}”" for one in sentence["marks"]]
    lines += [f"**{words.marks}:** {', '.join(marks)}"] if marks else []
    indent = " " * len(f"{number}. ")
    return "\n".join([f"{number}. {_quoted(said)}", *(f"{indent}- {line}" for line in lines)])


def _link(link: Mapping[str, Any], documents: Sequence[RunDocument], words: Words) -> str:
    document = documents[link["document"]]
    place = escaped(place_words(document, link["start"], link["end"], words))
    quoted = _quoted(document.text[link["start"] : link["end"]])
    return f"{place}: {quoted}" if link["strong"] else f"*{words.nearest}:* {place}: {quoted}"


def _quoted(text: str) -> str:
    text = text.strip()
    return f"“{escaped(text if len(text) <= _LONGEST else f'{text[:_LONGEST].rstrip()} …')}”"
