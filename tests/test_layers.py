"""The architecture as a test: imports point downwards, heavy libraries stay in their rooms, files stay readable."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "playground"
MODULES = sorted(PACKAGE.rglob("*.py"))
ALL_FILES = [*MODULES, *sorted((ROOT / "launcher").rglob("*.py")), *sorted((ROOT / "tests").rglob("*.py"))]
LAYERS: tuple[tuple[str, ...], ...] = (
    (
        *("records", "errors", "paths", "thoughts", "listeners", "parallel", "halves", "numerals", "ports"),
        *("time_limit", "json_body", "connections", "logs"),
    ),
    ("settings", "presets", "prompts", "languages", "sentences", "documents"),
    ("store", "engine"),
    (
        "context",
        "condense",
        "meter",
        "replies",
        "chat",
        "overview",
        "models",
        "doctor",
        "replay",
        "readings",
        "upkeep",
        "titles",
        "jobs",
        "access",
        "exchange",
        "summarize",
        "translate",
        "tuning",
    ),
    ("services",),
    ("ui", "api"),
    ("door",),
    (
        "serve",
        "cli",
        "cli_models",
        "cli_parts",
        "cli_history",
        "cli_keeping",
        "cli_summarize",
        "cli_translate",
        "cli_tune",
        "cli_tune_export",
        "cli_tune_run",
        "__main__",
    ),
)
LAYER = {name: number for number, names in enumerate(LAYERS) for name in names}
STRANGERS = ({"store", "engine"}, {"ui", "api"})
"""Rooms on one floor without a door between them."""
HEAVY = {"torch", "transformers", "peft", "bitsandbytes", "ctranslate2", "trl", "datasets", "accelerate"}
HEAVY_ROOMS = ("engine/", "tuning/worker/")


@dataclass(frozen=True)
class Import:
    """One imported module, and whether it is imported when the file is."""

    name: str
    line: int
    at_once: bool


def imports_of(source: str, package: str) -> Iterator[Import]:
    """All imports of a file, relative ones resolved against `package`; those for the type checker count too."""

    def walk(node: ast.AST, inside: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                for alias in child.names:
                    yield Import(alias.name, child.lineno, not inside)
            elif isinstance(child, ast.ImportFrom):
                above = package.split(".")[: len(package.split(".")) - child.level + 1] if child.level else []
                base = ".".join([*above, *filter(None, [child.module])])
                yield Import(base, child.lineno, not inside)
                for alias in child.names:
                    yield Import(f"{base}.{alias.name}", child.lineno, not inside)
            function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            typing = isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING" and not child.orelse
            yield from walk(child, inside or function or typing)

    return walk(ast.parse(source), False)


def faults_of(path: str, source: str) -> list[str]:
    """What is wrong with the imports of the file at `path` (relative to the package)."""
    parts = path.removesuffix(".py").split("/")
    room = parts[0]
    if room == "__init__":
        return [] if not list(imports_of(source, "playground")) else [f"{path}: the package itself imports something"]
    if room not in LAYER:
        return [f"{path}: {room} has no layer; say in tests/test_layers.py and in the design where it belongs"]
    faults = []
    for found in imports_of(source, ".".join(["playground", *parts[:-1]])):
        where = f"{path}:{found.line}: imports {found.name}"
        names = found.name.split(".")
        if names[0] in HEAVY and not path.startswith(HEAVY_ROOMS):
            faults.append(f"{where}: belongs into {' or '.join(HEAVY_ROOMS)}")
        if names[0] in HEAVY and found.at_once:
            faults.append(f"{where} when it is imported itself; import it inside a function")
        if names[0] == "gradio" and room != "ui":
            faults.append(f"{where}: belongs into ui/")
        if names[0] != "playground" or len(names) == 1 or names[1] == "__version__":
            continue
        other = names[1]
        if other not in LAYER:
            faults.append(f"{where}: {other} has no layer")
        elif LAYER[other] > LAYER[room]:
            faults.append(f"{where}: the arrow points up")
        elif any({room, other} == pair for pair in STRANGERS):
            faults.append(f"{where}: {room} and {other} do not know each other")
        elif parts[:2] == ["ui", "tabs"] and names[1:3] == ["ui", "tabs"] and names[3:4] != parts[2:3] and names[3:]:
            faults.append(f"{where}: tabs do not know each other")
    return faults


@pytest.mark.parametrize("file", MODULES, ids=lambda file: file.relative_to(PACKAGE).as_posix())
def test_imports_point_down(file: Path) -> None:
    assert faults_of(file.relative_to(PACKAGE).as_posix(), file.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("path", "source", "fault"),
    [
        ("records.py", "from playground.settings import Settings", "points up"),
        ("records.py", "from playground import settings", "points up"),
        ("store/history.py", "import playground.engine.base", "do not know each other"),
        ("engine/manager.py", "def f():\n    from playground.store import History", "do not know each other"),
        ("engine/manager.py", "from .. import chat", "points up"),
        ("engine/manager.py", "from ..store import History", "do not know each other"),
        ("ui/views.py", "from playground.api.guard import Guard", "do not know each other"),
        ("api/guard.py", "from playground.ui.views import block_html", "do not know each other"),
        ("ui/tabs/chat.py", "from playground.ui.tabs.models import build", "tabs do not know each other"),
        ("ui/tabs/chat.py", "from . import models", "tabs do not know each other"),
        ("engine/manager.py", "import torch", "inside a function"),
        ("engine/manager.py", "from torch import nn", "inside a function"),
        ("engine/manager.py", "try:\n    import peft\nexcept ImportError: pass", "inside a function"),
        ("chat.py", "def f():\n    import transformers", "belongs into engine/"),
        ("chat.py", "import gradio as gr", "belongs into ui/"),
        ("serve.py", "def f():\n    import gradio", "belongs into ui/"),
        ("newcomer.py", "", "has no layer"),
    ],
)
def test_the_walk_finds_what_is_forbidden(path: str, source: str, fault: str) -> None:
    assert any(fault in found for found in faults_of(path, source))


@pytest.mark.parametrize("file", ALL_FILES, ids=lambda file: file.relative_to(ROOT).as_posix())
def test_file_says_what_it_is_and_is_short(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert not text or ast.get_docstring(ast.parse(text)), "no docstring"
    assert len(text.splitlines()) <= (400 if "tests" in file.relative_to(ROOT).parts else 300), "too long"
