"""What the chat and its replays say of themselves is said in Chinese, too."""

from __future__ import annotations

import re

import pytest

from playground.errors import ContextError
from playground.replay import _FACTS
from playground.ui.reasons import reason_words

CAUSES = [
    *(f"The {words} is another: 12 instead of none." for words in (*_FACTS.values(), "hardware")),
    "The version of torch is another: 2.13.0 instead of 2.12.1.",
    "The setting temperature is another: 0.2 instead of 0.7.",
    "The messages before it, or its system prompt, are not what they were.",
    "Its record does not hold the prompt: it is from an older version, or the reply failed before.",
    "Nothing that is recorded is different; the computation itself is not repeatable here.",
]
RAISED = [
    str(ContextError(300, 192, "Leave out some messages by hand, or let the oldest be left out.")),
    "The file has 101 MB; at most 100 MB can be taken. Split it, or choose a part.",
    "The file could not be kept for reading: No space left on device. Free some space and try again.",
    "The date '31.12.' is none. Write it as 2026-01-31.",
    "There is no command 'x'. Reload the page.",
    "vote is 2. Give -1, 0 or 1.",
    "This persona does not exist (any more). Choose another.",
]


@pytest.mark.parametrize("text", [*CAUSES, *RAISED])
def test_is_said_in_chinese_with_its_numbers(text: str) -> None:
    said = reason_words("zh", text)
    assert re.search(r"[\u4e00-\u9fff]", said), said
    assert not re.search(r"\b(?:the|The|is|instead|Choose|Write)\b", said), said
    assert sorted(re.findall(r"\d+", said)) == sorted(re.findall(r"\d+", text))
