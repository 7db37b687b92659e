"""What the lens shows: the text itself, whatever the tokens are."""

from __future__ import annotations

from typing import Any

import pytest

from playground.records import Turn
from playground.tuning.masking import encode_chat, encode_text
from playground.tuning.worker.lens import pieces
from tests.tuning.tiny import tiny_base

TEXTS = ("忠实、通顺、优雅,是严复提出的翻译标准。", "the cat 🐈‍⬛ sat", "a", "é", "né 港口")


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(tiny_base(tmp_path_factory.mktemp("base") / "tiny"))


@pytest.mark.parametrize("text", TEXTS)
def test_a_letter_of_several_tokens_is_shown_once(tokenizer: Any, text: str) -> None:
    encoded = encode_chat((Turn("user", "问？"), Turn("assistant", text)), (False, True), tokenizer)
    found = pieces(encoded)
    shown = "".join(encoded.text[start:end] for start, end, _ in found)
    assert shown.startswith(text)
    assert "<" in shown.removeprefix(text)
    learned = [at for at, taught in enumerate(encoded.learned) if taught]
    assert [at for _, _, tokens in found for at in tokens] == learned
    assert any(len(tokens) > 1 for _, _, tokens in found) == (not text.isascii())


def test_a_plain_text_begins_with_its_first_letter(tokenizer: Any) -> None:
    encoded = encode_text("港口", tokenizer)
    assert "".join(encoded.text[start:end] for start, end, _ in pieces(encoded)).startswith("港口")
