"""A summary without a model, as a run keeps it: the picked sentences as text, and a record of what picked them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from playground import __version__
from playground.errors import BadValueError
from playground.store.run_values import Node, NodeStatus, RunDocument
from playground.summarize.extractive import pick
from playground.summarize.instructions import wanted_words
from playground.summarize.linking import Embed
from playground.summarize.options import SummaryOptions
from playground.summarize.stretches import stretches, wanted_of, words_to_read

_LISTED = {"bullets", "key_points", "qa", "minutes"}
"""Styles in which each sentence stands in a line of its own."""


def picked(
    documents: Sequence[RunDocument], options: SummaryOptions, embed: Embed | None
) -> tuple[str, Mapping[str, Any]]:
    """The text and its record. Raises BadValueError where no sentence of the documents is worth picking."""
    began = time.monotonic()
    words = words_to_read(documents, options.pages)
    places = pick(documents, wanted_words(options, words), embed, wanted_of(documents, options.pages))
    said = [" ".join(documents[number].text[start:end].split()) for number, start, end in places]
    if not said:
        raise BadValueError("There are no whole sentences to pick. Let a model summarize this text.")
    text = "\n".join(f"- {one}" for one in said) if options.style in _LISTED else _joined(said)
    record = dict.fromkeys(
        ("model", "revision", "file_sha256", "quantization", "template_sha256", "device", "adapter", "adapter_sha256"),
        "",
    )
    return text, {
        **record,
        "engine": "extractive",
        "versions": {"playground": __version__},
        "sampling": {},
        "context_length": 0,
        "hardware": "",
        "seed": None,
        "prompt_tokens": 0,
        "cached_tokens": 0,
        "completion_tokens": 0,
        "seconds": time.monotonic() - began,
        "finish_reason": "stop",
    }


def planned(documents: Sequence[RunDocument], pages: str) -> list[Node]:
    """The nodes of a run without a model: what is looked at, and what is skipped."""
    nodes: list[Node] = []
    for number, document in enumerate(documents):
        for start, end, wanted in stretches(document, pages):
            status: NodeStatus = "waiting" if wanted else "skipped"
            nodes.append(Node(0, len(nodes), "pick", number, start, end, status))
    return nodes


def _joined(sentences: Sequence[str]) -> str:
    """Sentences as one paragraph; no blank behind a Chinese full stop."""
    text = ""
    for one in sentences:
        text += one if not text or text[-1] in "。！？…" else f" {one}"
    return text
