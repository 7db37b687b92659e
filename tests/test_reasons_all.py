"""Every sentence that the lower layers raise for a person is found in their sources, and has Chinese words."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from playground.ui.reasons import reason_words
from tests.conftest import ROOT

PACKAGE = ROOT / "playground"
ROOMS = ("access", "door", "documents", "engine", "exchange", "store", "summarize", "translate", "translate/formats")
ROOMS += ("tuning", "tuning/worker")
RAISED = {"BadValueError", "BusyError", "ConflictError", "MissingError", "StorageError", "ModelError"}
RAISED |= {"BadTextError", "PlaygroundError", "ForbiddenError", "QuotaError", "WaitError"}
FRAGMENTS = {"Unavailable", "Trouble"}
"""Reasons that are put into other sentences."""
TOLD = {"Problem": 1, "Raw": 2}
"""What is told of rows of data, and as which argument."""
# Said on the command line alone, before there is a page; or of presets and tables, which only their authors see.
ELSEWHERE = {
    "cli.py",
    "cli_history.py",
    "cli_keeping.py",
    "cli_models.py",
    "cli_parts.py",
    "cli_summarize.py",
    "cli_translate.py",
    "cli_tune.py",
    "cli_tune_export.py",
    "cli_tune_run.py",
    "serve.py",
    "settings.py",
    "presets.py",
    "records.py",
    "convert.py",
}
TABLES = ("[shape]", "{where}", "unknown key", "is missing. Add it", "wrong kind", "kind is", "limit is", "backup")
_CHINESE = re.compile(r"[\u4e00-\u9fff]")


def sentence(node: ast.expr, constants: dict[str, str]) -> str:
    """The text as it would be raised, with names and numbers in its holes; "" for what is put together elsewhere."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.Name):
        return constants.get(node.id, "")
    if isinstance(node, ast.FormattedValue):
        return sentence(node.value, constants) or "X7"
    if isinstance(node, ast.JoinedStr):
        return "".join(sentence(part, constants) for part in node.values)
    return ""


def raised() -> Iterator[tuple[str, str]]:
    """Where, and what."""
    for file in sorted([*PACKAGE.glob("*.py"), *(one for room in ROOMS for one in (PACKAGE / room).glob("*.py"))]):
        if file.name in ELSEWHERE:
            continue
        tree = ast.parse(file.read_text(encoding="utf-8"))
        texts = [one for one in tree.body if isinstance(one, ast.Assign) and isinstance(one.value, ast.Constant)]
        constants = {one.targets[0].id: str(one.value.value) for one in texts if isinstance(one.targets[0], ast.Name)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
                at = TOLD.get(node.func.id, 0) if file.parent.name == "tuning" else 0
                text = sentence(node.args[at], constants) if at < len(node.args) else ""
                # A hole before or after the sentences is a sentence itself, and said in its own place.
                text = re.sub(r"^X7 (?=[A-Z][a-z])|(?<=\.) X7$", "", text)
                told = len(text.replace("X7", "")) > 20 and not any(word in text for word in TABLES)
                if (at or node.func.id in RAISED | FRAGMENTS) and told:
                    yield f"{file.relative_to(PACKAGE)}:{node.lineno}", text


@pytest.mark.parametrize(("where", "text"), [pytest.param(*one, id=one[0]) for one in raised()])
def test_is_said_in_chinese(where: str, text: str) -> None:
    said = reason_words("zh", text)
    assert _CHINESE.search(said), text
    assert said.count("X7") <= text.count("X7")
    assert not re.search(r"\b(?:the|The|is|are|Choose|Check)\b", said.replace("X7", "")), said


def test_the_walk_finds_them() -> None:
    assert len(list(raised())) > 100


def test_a_reason_within_a_reason_and_a_row_of_them(tmp_path: Path) -> None:
    inner = "the Hub at http://h cannot be reached (ConnectError)"
    said = reason_words("zh", f"Qwen3 0.6B could not be fetched: {inner}; the package registry does not answer. Wait.")
    assert "Qwen3 0.6B" in said
    assert "http://h" in said
    both = reason_words("zh", f"{tmp_path} is damaged. Download it again. The transformers engine is used instead.")
    assert both == f"{tmp_path} 已损坏。请重新下载。改用 transformers 引擎。"
