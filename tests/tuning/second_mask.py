"""Another way to the loss mask, to hold the first against: no marks, no prompts rendered, no places of tokens.

A reply is found by saying something else in its place and looking where the rendering changes; what opens and ends a
reply is written down here by hand for each template; texts become tokens from their beginnings on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from playground.records import Turn


@dataclass(frozen=True)
class Shape:
    """How a template writes a reply, and which special tokens its model has."""

    opens: tuple[str, ...]
    """What the model is given to go on from; the longest that fits."""
    ends: str
    special: tuple[str, ...] = ()
    bos: str | None = None
    words: str = "qwen"
    """How the tokenizer cuts a text into words: see `tests/tuning/test_masking.py`."""


_CHATML = ("<|im_start|>", "<|im_end|>", "<|endoftext|>")
_QWEN = Shape(("<|im_start|>assistant\n",), "<|im_end|>", (*_CHATML, "<tool_call>", "<think>", "</think>"))
_PHI = Shape(("<|im_start|>assistant<|im_sep|>",), "<|im_end|>", (*_CHATML, "<|im_sep|>"))
SHAPES = {
    "deepseek-r1": Shape(
        ("<｜Assistant｜>",),
        "<｜end▁of▁sentence｜>",
        ("<｜User｜>", "<｜Assistant｜>", "<think>", "</think>"),
        bos="<｜begin▁of▁sentence｜>",
    ),
    "gemma-3": Shape(
        ("<start_of_turn>model\n",),
        "<end_of_turn>",
        ("<start_of_turn>", "<end_of_turn>", "<eos>"),
        bos="<bos>",
        words="pieces",
    ),
    "llama-3.3": Shape(
        ("<|start_header_id|>assistant<|end_header_id|>\n\n",),
        "<|eot_id|>",
        ("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
        bos="<|begin_of_text|>",
    ),
    "mistral-small": Shape(
        ("[/INST]",), "</s>", ("[INST]", "[/INST]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]"), bos="<s>"
    ),
    "phi-4": _PHI,
    "phi-4-first": _PHI,
    "qwen2.5": _QWEN,
    "qwen3": _QWEN,
    "qwen3-2507": _QWEN,
    "smollm2": Shape(("<|im_start|>assistant\n",), "<|im_end|>", _CHATML, words="gpt2"),
    "smollm3": Shape(
        ("<|im_start|>assistant\n<think>\n\n</think>\n", "<|im_start|>assistant\n"),
        "<|im_end|>",
        (*_CHATML, "<think>", "</think>"),
    ),
}


def second_mask(messages: Sequence[Turn], learned: Sequence[bool], tokenizer: Any, shape: Shape) -> tuple[bool, ...]:
    """Which tokens of the conversation are learned."""
    text = _render(messages, tokenizer)
    ids = _ids(text, tokenizer)
    mask = [False] * len(ids)
    for number, one in enumerate(learned):
        if one:
            first, last = _written(messages, number, text, tokenizer, shape)
            before = _alike(_ids(text[:first], tokenizer), ids)
            upto = len(_ids(text[:last], tokenizer))
            mask[before:upto] = [True] * (upto - before)
    return tuple(mask)


def _written(messages: Sequence[Turn], number: int, text: str, tokenizer: Any, shape: Shape) -> tuple[int, int]:
    """From where to where the model writes the reply."""
    other = next(one for one in "☃♜♞♟⚑⚒" if one not in text and one not in messages[number].content)
    changed = [*messages[:number], Turn("assistant", other), *messages[number + 1 :]]
    otherwise = _render(changed, tokenizer)
    same = _alike(text, otherwise)
    behind = len(text) - _alike(text[::-1], otherwise[::-1])
    assert text.startswith(shape.ends, behind), text[behind:]
    first = max(text.rfind(one, 0, same) + len(one) for one in shape.opens if one in text[:same])
    return first, behind + len(shape.ends)


def _alike(one: Sequence[Any], other: Sequence[Any]) -> int:
    """How many begin both."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (mine, its) in pairs if mine != its), min(len(one), len(other)))


def _render(messages: Sequence[Turn], tokenizer: Any) -> str:
    said = [{"role": one.role, "content": one.content} for one in messages]
    return str(tokenizer.apply_chat_template(said, tokenize=False))


def _ids(text: str, tokenizer: Any) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])
