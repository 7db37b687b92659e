"""How well a model, as it is now, predicts tokens that it does not learn from. Nothing is drawn at random here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from playground.tuning.packing import Row, groups
from playground.tuning.worker.rows import RowCollator

_TOKENS = 2048
"""Of a batch, when only measuring."""


@dataclass(frozen=True)
class Measured:
    """Over all tokens under the loss."""

    loss: float
    """Mean negative log-likelihood in nats; exp of it is the perplexity."""
    top1: float
    """Share of tokens that the model would have chosen itself."""
    tokens: int


@contextmanager
def looking(model: Any) -> Iterator[None]:
    """No dropout and no gradients inside; as before behind."""
    import torch

    was = model.training
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(was)


def measure(model: Any, rows: Sequence[Row], collator: RowCollator, autocast: Any) -> Measured | None:
    """Loss of the learned tokens of `rows`; None without any."""
    total, right, count = 0.0, 0, 0
    with looking(model):
        for batch in groups(rows, _TOKENS):
            inputs = tensors(batch, collator, model)
            with autocast():
                log_probs, likeliest = model(**inputs, learned=True)
            total -= float(log_probs.double().sum())
            right += int(likeliest.sum())
            count += len(log_probs)
    return Measured(total / count, right / count, count) if count else None


def measure_pairs(model: Any, pairs: Sequence[dict[str, list[int]]], collator: Any, beta: float, autocast: Any) -> Any:
    """DPO's loss, and how often the chosen reply gained more than the rejected one, over held-out pairs.

    `loss`, `accuracy` and `margin` (in nats, against the base).
    """
    import torch

    margins = []
    with looking(model):
        for at in range(0, len(pairs), 4):
            inputs = collator(list(pairs[at : at + 4]))
            place = next(model.parameters()).device
            ids, mask = inputs["input_ids"].to(place), inputs["attention_mask"].to(place)
            labels = ids.masked_fill(inputs["completion_mask"].to(place) == 0, -100)
            sums = []
            for adapted in (True, False):
                with autocast(), adapter(model, on=adapted):
                    out = model(input_ids=ids, attention_mask=mask, labels=labels, use_cache=False, fused_lm_head=True)
                sums.append(out.log_probs.double().sum(-1))
            gained = sums[0] - sums[1]
            half = len(gained) // 2
            margins.append(gained[:half] - gained[half:])
    if not margins:
        return None
    margin = torch.cat(margins)
    loss = -torch.nn.functional.logsigmoid(beta * margin).mean()
    return {"loss": float(loss), "accuracy": float((margin > 0).double().mean()), "margin": float(margin.mean())}


def tensors(rows: Sequence[Row], collator: RowCollator, model: Any) -> dict[str, Any]:
    """A batch on the model's device."""
    place = next(model.parameters()).device
    made = collator([vars(row) for row in rows])
    made.pop("real_tokens")
    return {key: value.to(place) for key, value in made.items()}


@contextmanager
def adapter(model: Any, *, on: bool) -> Iterator[None]:
    """The model under its adapter inside, or the base alone."""
    if on:
        yield
    else:
        inner = getattr(model, "module", model)
        with inner.disable_adapter():
            yield
