"""Conversations as examples for training, one JSON value a line: OpenAI's messages, ShareGPT, Alpaca.

Images are named in the text, as `[Image: cat.png]`, and left out (see `lesson`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from playground.exchange.talk import Talk, lesson
from playground.records import Turn

_SHAREGPT = {"system": "system", "user": "human", "assistant": "gpt"}


def openai_lines(one: Talk) -> Iterator[str]:
    """`{"messages": [{"role", "content"}, ...]}`; no line for a conversation without a reply."""
    if turns := lesson(one):
        yield _line({"messages": [{"role": turn.role, "content": turn.content} for turn in turns]})


def sharegpt_lines(one: Talk) -> Iterator[str]:
    """`{"conversations": [{"from", "value"}, ...]}`; no line for a conversation without a reply."""
    if turns := lesson(one):
        yield _line({"conversations": [{"from": _SHAREGPT[turn.role], "value": turn.content} for turn in turns]})


def alpaca_lines(one: Talk) -> Iterator[str]:
    """`{"instruction", "input", "output", "system", "history"}`, a line for each reply, with what came before it."""
    turns = lesson(one)
    system = turns[0].content if turns and turns[0].role == "system" else ""
    rounds = [turn for turn in turns if turn.role != "system"]
    pairs = [[asked.content, told.content] for asked, told in _pairs(rounds)]
    for at, (question, answer) in enumerate(pairs):
        yield _line(
            {"instruction": question, "input": "", "output": answer, "system": system, "history": pairs[:at]},
        )


def _pairs(rounds: list[Turn]) -> Iterator[tuple[Turn, Turn]]:
    yield from zip(rounds[::2], rounds[1::2], strict=True)


def _line(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False) + "\n"
