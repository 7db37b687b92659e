"""Files that are no model, or only half of one: each engine says so in words and leaves nothing behind."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from playground.engine.base import ModelSource
from playground.errors import ModelError

pytestmark = pytest.mark.real_model


def text_file(place: Path, gguf: Path) -> Path:
    (place / "text.gguf").write_text("This is not a model.\n" * 100, encoding="utf-8")
    return place / "text.gguf"


def truncated(place: Path, gguf: Path) -> Path:
    with gguf.open("rb") as whole:
        (place / "cut.gguf").write_bytes(whole.read(gguf.stat().st_size // 3))
    return place / "cut.gguf"


def only_a_beginning(place: Path, gguf: Path) -> Path:
    with gguf.open("rb") as whole:
        (place / "start.gguf").write_bytes(whole.read(100))
    return place / "start.gguf"


def empty_file(place: Path, gguf: Path) -> Path:
    (place / "empty.gguf").touch()
    return place / "empty.gguf"


def empty_folder(place: Path, gguf: Path) -> Path:
    (place / "empty").mkdir()
    return place / "empty"


def broken_safetensors(place: Path, gguf: Path) -> Path:
    (place / "broken").mkdir()
    (place / "broken" / "config.json").write_text('{"model_type": "llama", "hidden_size": 16}', encoding="utf-8")
    (place / "broken" / "model.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0 no header at all")
    return place / "broken"


def load(engine: str, source: ModelSource) -> None:
    if engine == "llamacpp":
        from playground.engine.llamacpp_engine import LlamaCppEngine

        LlamaCppEngine(source)
    else:
        from playground.engine.transformers_engine import TransformersEngine

        TransformersEngine(source)


@pytest.mark.parametrize("engine", ["llamacpp", "transformers"])
@pytest.mark.parametrize(
    "damage", [text_file, truncated, only_a_beginning, empty_file, empty_folder, broken_safetensors]
)
def test_a_broken_model_is_refused_in_words(
    engine: str, damage: Callable[[Path, Path], Path], tmp_path: Path, starter_gguf: Path
) -> None:
    cache = tmp_path / "converted"
    source = ModelSource("broken", damage(tmp_path, starter_gguf), context_length=512, threads=2, cache=cache)
    with pytest.raises(ModelError) as caught:
        load(engine, source)
    words = str(caught.value)
    assert str(source.path) in words
    assert re.search(r"[a-z]\. [A-Z].*\.$", words), "cause, then remedy"
    assert "\n" not in words
    assert len(words.replace(str(source.path), "")) < 250
    assert not cache.exists() or not any(cache.iterdir())
