"""Chat templates of models from strangers: one that never ends would hold up the whole app, in llama.cpp without a way
to stop it, so each is looked at and filled in by a process of its own before, once.

Not found is one that waits for certain words, or for a conversation of a shape that `template_probe` does not try (such
as 137 messages), and then takes long in a way that cannot be seen in its text; nor one that only llama.cpp can read.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playground.engine.headers import read_gguf
from playground.engine.small_file import read_json
from playground.errors import ModelError
from playground.time_limit import TEMPLATE_SECONDS

_PROBE = Path(__file__).with_name("template_probe.py")
_REFUSED = 3
"""What the probe ends with for a template that is refused."""
_BEGUN = "begun"
"""What it says once it can look."""
_SEVERAL = 4
"""A model has a template or two; one with hundreds may not take hours."""
_checked = {"872be49dbb638044ad01b60388f48d469ff2980e5f0dccdc22ec907db54d0788"}
"""SHA-256 of templates that came to an end; at first the starter model's, so that the first start does not wait."""


def check_template(path: Path) -> None:
    """Raises ModelError for a model whose chat template does not come to an end, or could not be checked."""
    texts = {hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest(): text for text in _templates(path)}
    if not (left := [text for digest, text in texts.items() if digest not in _checked]):
        return
    seconds = TEMPLATE_SECONDS * min(len(left), _SEVERAL)
    try:
        done = subprocess.run(
            [sys.executable, "-I", str(_PROBE)],
            input=json.dumps(left),
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=seconds,
        )
        refused, why = done.returncode == _REFUSED, _reason(done) if done.returncode else ""
    except subprocess.TimeoutExpired as error:
        refused, why = _BEGUN in str(error.stdout), f"nothing began within {seconds:g} seconds"
    except (OSError, ValueError) as error:
        refused, why = False, str(error)
    if refused:
        raise ModelError(
            f"The chat template in {path.name} does not come to an end, or takes too much memory. "
            "Do not use this model, or ask whoever made it."
        )
    if why:
        raise ModelError(
            f"The chat template in {path.name} could not be checked ({why}). "
            "Close other programs and try again, or start launch.py with --reinstall."
        )
    _checked.update(texts)


def _reason(done: subprocess.CompletedProcess[str]) -> str:
    """The last that it said, or how it ended."""
    last = (done.stderr.strip().splitlines() or [""])[-1][:200].rstrip(".")
    return last or f"it ended with {done.returncode}"


def _templates(path: Path) -> Iterator[str]:
    if not path.is_dir():
        for key, value in read_gguf(path).keys.items():
            if key.startswith("tokenizer.chat_template") and isinstance(value, str):
                yield value
        return
    for file in (*path.glob("*.jinja"), *path.glob("additional_chat_templates/*.jinja")):
        if file.is_file():
            yield file.read_text("utf-8", "replace")
    for name in ("tokenizer_config.json", "chat_template.json", "processor_config.json"):
        with contextlib.suppress(OSError, ValueError):  # Not there, or told by who needs it.
            yield from _within(read_json(path / name))


def _within(told: Any) -> Iterator[str]:
    """One, or several by their names."""
    found = told.get("chat_template") if isinstance(told, dict) else None
    for one in found if isinstance(found, list) else [found]:
        text = one.get("template") if isinstance(one, dict) else one
        if isinstance(text, str):
            yield text
