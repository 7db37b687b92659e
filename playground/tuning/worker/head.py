"""The model's last layer and the loss in one: only learned tokens go through it, a piece at a time.

The gradient is made on the way forward, piece by piece, because the layer is frozen: no logits are kept and none are
made twice, as in Liger's fused linear cross entropy (arXiv 2410.10989), of which this is the case without a weight
gradient. trl's own head makes the logits once more on the way back.
"""

from __future__ import annotations

import functools
import types
from typing import Any

from playground.tuning.packing import IGNORED

_PIECE = 256
"""Tokens; times the vocabulary is what lies in memory at once."""


def add_head(model: Any) -> None:
    """Let `model(input_ids=..., labels=..., learned=True)` give the sum of the losses of the learned tokens.

    With gradients off it gives (log_probs, right): the log probability of each learned token, and whether it was the
    likeliest. `model` is the causal model under PEFT's layers; it must be frozen but for these.
    """
    plain = model.forward
    own = _fits(model, plain)

    @functools.wraps(type(model).forward)
    def forward(self: Any, *args: Any, learned: bool = False, labels: Any = None, **more: Any) -> Any:
        if not learned:
            return plain(*args, **more) if labels is None else plain(*args, labels=labels, **more)
        targets = labels[:, 1:]
        taught = targets != IGNORED
        if not own:
            return _of_logits(plain(*args, use_cache=False, **more).logits[:, :-1][taught], targets[taught])
        hidden = self.base_model(*args, use_cache=False, **more).last_hidden_state[:, :-1]
        return _scored(self, hidden[taught], targets[taught])

    model.forward = types.MethodType(forward, model)


def _fits(model: Any, plain: Any) -> bool:
    """Whether the logits are the last layer's output as it is: asked of the model, as some scale or cap them."""
    import torch

    layer = model.get_output_embeddings()
    if layer is None or type(layer).__name__ != "Linear" or layer.weight.requires_grad:
        return False
    tokens = torch.arange(8, device=layer.weight.device)[None] % layer.out_features
    with torch.no_grad():
        hidden = getattr(model.base_model(input_ids=tokens, use_cache=False), "last_hidden_state", None)
        return hidden is not None and torch.equal(layer(hidden), plain(input_ids=tokens, use_cache=False).logits)


def _of_logits(logits: Any, targets: Any) -> Any:
    import torch

    if torch.is_grad_enabled():
        return torch.nn.functional.cross_entropy(logits.float(), targets, reduction="sum")
    return _log_probs(logits.float(), targets)


def _scored(model: Any, hidden: Any, targets: Any) -> Any:
    import torch

    layer = model.get_output_embeddings()
    if torch.is_grad_enabled():
        return _loss()(hidden, targets, layer.weight, layer.bias)
    found = [
        _log_probs(_logits(hidden[at : at + _PIECE], layer.weight, layer.bias), targets[at : at + _PIECE])
        for at in range(0, len(targets), _PIECE)
    ]
    if not found:
        return torch.zeros(0), torch.zeros(0, dtype=torch.bool)
    return torch.cat([one for one, _ in found]), torch.cat([one for _, one in found])


def _logits(hidden: Any, weight: Any, bias: Any) -> Any:
    import torch

    return torch.nn.functional.linear(hidden.to(weight.dtype), weight, bias).float()


def _log_probs(logits: Any, targets: Any) -> Any:
    likely = logits.argmax(-1) == targets
    return logits.gather(1, targets[:, None])[:, 0] - logits.logsumexp(-1), likely


@functools.cache
def _loss() -> Any:
    import torch

    class LearnedLoss(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, hidden: Any, targets: Any, weight: Any, bias: Any) -> Any:
            total = torch.zeros((), dtype=torch.float32, device=hidden.device)
            slope = torch.empty_like(hidden)
            for at in range(0, len(targets), _PIECE):
                piece = targets[at : at + _PIECE, None]
                logits = _logits(hidden[at : at + _PIECE], weight, bias)
                most = logits.logsumexp(-1, keepdim=True)
                total += (most - logits.gather(1, piece)).sum()
                # From here on they are the probabilities less one for the target: the loss's slope.
                logits.sub_(most).exp_()
                logits.scatter_add_(1, piece, torch.full_like(piece, -1, dtype=logits.dtype))
                slope[at : at + _PIECE] = (logits.to(weight.dtype) @ weight).to(slope.dtype)
            ctx.save_for_backward(slope)
            return total

        @staticmethod
        def backward(ctx: Any, *grads: Any) -> Any:
            (slope,) = ctx.saved_tensors
            return slope * grads[0], None, None, None

    return LearnedLoss.apply
