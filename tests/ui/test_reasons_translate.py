"""Reasons about translations that are put together of several are said in Chinese, too."""

from __future__ import annotations

import re

import pytest

from playground.ui.reasons import reason_words

RAISED = [
    "The text cannot be written into the file. The tag 1 is missing. The tag 2 stands twice. Put them right, then "
    "confirm.",
    "The tag 3 closes where another one is open.",
    "No model here translates from German to Chinese. Get one in the Models tab.",
    "OPUS-MT does not translate from German to French. Choose another model, or none.",
    "The files are in several languages: 1.txt seems to be in English; 2.txt seems to be in no language that is known. "
    "Translate them one by one, or choose the language.",
    "3.csv has rows that are no terms (row 3: no term; row 4: only one column; and 2 more). Correct them.",
    "3.csv translates a term in two ways (rows 1 and 2: a = b, c; rows 3 and 4: d = e, f). Keep one of the rows.",
    "4.csv: The table has no column x. Choose among its columns: a, b.",
    "5.docx: The\u00a0file is no Word file (DOCX), whatever its name says. Choose another file.",
    "This translation is being written by another window or command. Wait for it.",
    "The translation broke off (KeyError: 7). See the log file.",
    "Unit 5 has fewer than two languages with a text.",
    "Unit 5 is longer than 20,000 characters.",
    "formality is 'x'. Choose one of: formal, informal; or leave it out.",
    "The model wrote nothing for it.",
]


@pytest.mark.parametrize("text", RAISED)
def test_is_said_in_chinese_with_its_numbers(text: str) -> None:
    said = reason_words("zh", text)
    assert re.search(r"[\u4e00-\u9fff]", said), said
    assert not re.search(r"\b(?:the|The|is|are|row|rows|Choose|English|German|French|translation)\b", said), said
    assert sorted(re.findall(r"\d+", said)) == sorted(re.findall(r"\d+", text))
