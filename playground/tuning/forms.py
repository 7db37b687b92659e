"""The forms of rows in datasets, told by their keys: messages, a better and a worse reply, instructions, texts."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from playground.errors import BadValueError
from playground.records import Turn
from playground.tuning.samples import Sample
from playground.tuning.talks import Talk, refuse_images, talk_of, text_of

FIELDS = ("messages", "system", "prompt", "completion", "chosen", "rejected", "text")
"""What columns can be mapped to by hand."""
_MESSAGES = ("messages", "conversations", "conversation", "dialogue", "dialog", "turns", "chat")
_PROMPTS = ("prompt", "instruction", "question", "query", "problem", "user", "human", "input", "问题", "指令")
_REPLIES = ("completion", "response", "output", "answer", "reply", "solution", "assistant", "答案", "回答", "回复")
_TRANSLATED = (("source", "target"), ("src", "tgt"), ("原文", "译文"))
"""A text and its translation, where both stand in a row: each alone may be something else."""
_TEXTS = ("text", "content", "document")
_SHOWN = 8


def sample_of(row: int, value: Any, columns: Mapping[str, str] | None = None) -> tuple[Sample, list[str]]:
    """A row as a sample, and what was changed in it. `columns` are names of columns by FIELDS, chosen by hand.

    Raises BadValueError with what is wrong and what to do.
    """
    if isinstance(value, list):
        value = {"messages": value}
    if isinstance(value, str):
        value = {"text": value}
    if not isinstance(value, dict):
        raise BadValueError("The row is no object. Write it with names, such as messages or prompt and completion.")
    found = _mapped(value, columns) if columns else {str(key).strip().casefold(): what for key, what in value.items()}
    refuse_images(found)
    if "chosen" in found or "rejected" in found:
        return _preference(row, found)
    if key := _first(found, _MESSAGES):
        return _chat(row, talk_of(found[key]), found)
    prompt, reply = _first(found, _PROMPTS), _first(found, _REPLIES)
    if not (prompt and reply):
        both = [pair for pair in _TRANSLATED if all(found.get(name) is not None for name in pair)]
        prompt, reply = both[0] if both else (prompt, reply)
    if prompt and reply:
        return _chat(row, _pair(found, prompt, reply), found)
    if key := _first(found, _TEXTS):
        text = text_of(found[key], "The text")
        if not text.strip():
            raise BadValueError("The text is empty. Write it in the file.")
        return Sample("text", row, text=text, group=_group(text)), []
    if prompt:
        raise BadValueError(f"The row has {prompt!r} but no reply to it. Add it under completion, or map the columns.")
    names = ", ".join(repr(key) for key in list(found)[:_SHOWN]) or "no names at all"
    raise BadValueError(f"The row has {names}, which is none of the known forms. Map the columns to what they hold.")


def _mapped(row: Mapping[str, Any], columns: Mapping[str, str]) -> dict[str, Any]:
    missing = next((name for name in columns.values() if name not in row), None)
    if missing is not None:
        raise BadValueError(f"The row has no column {missing!r}. Map another column, or add it.")
    return {field: row[name] for field, name in columns.items()}


def _first(row: Mapping[str, Any], names: Sequence[str]) -> str:
    return next((name for name in names if row.get(name) is not None), "")


def _pair(row: Mapping[str, Any], prompt: str, reply: str) -> Talk:
    """Alpaca and its kin: an instruction, perhaps an input to it, what was said before, and the reply."""
    if isinstance(row[prompt], list) or isinstance(row[reply], list):  # trl's conversational prompt and completion.
        return talk_of([*_listed(row[prompt], "user"), *_listed(row[reply], "assistant")])
    asked = text_of(row[prompt], f"The {prompt}")
    more = row.get("input") if prompt != "input" else None
    if more not in (None, ""):
        asked += f"\n\n{text_of(more, 'The input')}"
    said: list[dict[str, Any]] = []
    for at, pair in enumerate(row.get("history") or (), 1):
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            raise BadValueError(f"Entry {at} of the history is no pair. Write a question and a reply, or leave it out.")
        said += [{"role": "user", "content": pair[0]}, {"role": "assistant", "content": pair[1]}]
    answer = text_of(row[reply], f"The {reply}")
    for name, text in ((prompt, asked), (reply, answer)):
        if not text.strip():
            raise BadValueError(f"The {name} is empty. Write it in the file.")
    return talk_of([*said, {"role": "user", "content": asked}, {"role": "assistant", "content": answer}])


def _listed(value: Any, role: str) -> list[Any]:
    return list(value) if isinstance(value, list) else [{"role": role, "content": value}]


def _chat(row: int, talk: Talk, found: Mapping[str, Any]) -> tuple[Sample, list[str]]:
    turns, learned = _with_system(talk.turns, talk.learned, found)
    group = _group(next(turn.content for turn in turns if turn.role == "user"))
    return Sample("chat", row, tuple(turns), tuple(learned), group=group), talk.notes


def _with_system(
    turns: Sequence[Turn], learned: Sequence[bool], found: Mapping[str, Any]
) -> tuple[list[Turn], list[bool]]:
    """With the system prompt that stands beside the messages; one among them counts more."""
    system = found.get("system") or found.get("system_prompt")
    if system in (None, "") or turns[0].role == "system":
        return list(turns), list(learned)
    return [Turn("system", text_of(system, "The system prompt")), *turns], [False, *learned]


def _preference(row: int, found: Mapping[str, Any]) -> tuple[Sample, list[str]]:
    sides = []
    for name in ("chosen", "rejected"):
        if found.get(name) is None:
            raise BadValueError(f"The row has no {name!r}. A pair needs a better and a worse reply: add it.")
        sides.append(_side(found[name], name))
    (before, better), (other, worse) = sides
    if before and other and before != other:
        raise BadValueError("Chosen and rejected answer different questions. Give both the same messages before them.")
    asked, notes = list(before or other), list[str]()
    key = _first(found, ("prompt", *_MESSAGES, *_PROMPTS))
    if not asked and key:
        talk = talk_of([*_listed(found[key], "user"), {"role": "assistant", "content": better}])
        asked, notes = talk.turns[:-1], talk.notes
    if not asked:
        raise BadValueError("The pair has no question. Write it under prompt.")
    if better == worse:
        raise BadValueError(
            "Chosen and rejected are the same. Nothing is learned from that: change one of them in the file."
        )
    turns, _ = _with_system(asked, [False] * len(asked), found)
    group = _group(next((turn.content for turn in turns if turn.role == "user"), ""))
    return Sample("preference", row, tuple(turns), chosen=better, rejected=worse, group=group), notes


def _side(value: Any, name: str) -> tuple[list[Turn], str]:
    """What was said before, if it stands there, and the reply."""
    if isinstance(value, list):
        if len(value) == 1:  # The reply alone.
            value = [{"role": "user", "content": "?"}, *value]
            turns = talk_of(value).turns
            return [], turns[-1].content
        turns = talk_of(value).turns
        if turns[-1].role != "assistant":
            raise BadValueError(f"The list under {name} does not end with a reply. Add it in the file.")
        return turns[:-1], turns[-1].content
    text = text_of(value, f"The {name} reply")
    if not text.strip():
        raise BadValueError(f"The {name} reply is empty. Write it in the file.")
    return [], text


def _group(text: str) -> str:
    return hashlib.sha256(" ".join(text.split()).casefold().encode("utf-8", "replace")).hexdigest()[:16]
