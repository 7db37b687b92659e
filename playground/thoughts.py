"""What a model thought before it answered, told from the answer: `<think>` and the like. Pure functions of a text."""

from __future__ import annotations

import re

_TAG = "(think|thinking|reasoning)"
_WHOLE = re.compile(rf"\A\s*<{_TAG}>(.*?)</\1>\s*", re.DOTALL)
_BEGUN = re.compile(rf"\A\s*<{_TAG}>")
# Some chat templates write the first tag themselves; the last one then stands on a line of its own.
_ENDED = re.compile(rf"^[ \t]*</{_TAG}>[ \t]*$\s*", re.MULTILINE)


def split_thought(text: str) -> tuple[str, str]:
    """What was thought, and what was said after it; the thought is empty where there is none, or it is not over."""
    if found := _WHOLE.match(text):
        return found[2].strip(), text[found.end() :]
    if not _BEGUN.match(text) and (ended := _ENDED.search(text)):
        return text[: ended.start()].strip(), text[ended.end() :]
    return "", text


def open_thought(text: str) -> str | None:
    """What is being thought, while that is not over; None where nothing is."""
    begun = _BEGUN.match(text)
    return text[begun.end() :].strip() if begun and not _WHOLE.match(text) else None
