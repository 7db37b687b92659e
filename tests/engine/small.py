"""What tests of runners share: tokens, what a model itself says after them, and when two answers are the same."""

from __future__ import annotations

from typing import Any

import torch

WORDS = 300
"""At least so many words every model has."""


def words(count: int, seed: int) -> list[int]:
    return torch.randint(0, WORDS, (count,), generator=torch.Generator().manual_seed(seed)).tolist()


def own(model: Any, tokens: list[int]) -> torch.Tensor:
    """What the model itself says after `tokens`, all read at once."""
    with torch.inference_mode():
        scores: torch.Tensor = model(input_ids=torch.tensor([tokens], device=model.device)).logits[0, -1].float()
        return scores


def near(scores: torch.Tensor, truth: torch.Tensor) -> bool:
    return float((scores - truth).norm() / truth.norm()) < 1e-4
