"""How much memory LoRA fine-tuning takes, in bytes: weights, adapter, its gradients and moments, activations.

Knows nothing of what is free, and of how training is run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from playground.engine.needs import BYTES, FOUR_BIT, Need, library_of, weights_of
from playground.engine.shape import ModelShape

MIB = 1 << 20
_MOMENTS = {"adamw": 8, "adamw_8bit": 2, "sgd": 0}
"""Bytes that an optimizer keeps for each trained number."""
_TARGETS = {
    "all-linear": ("q", "k", "v", "o", "gate", "up", "down"),
    "attention": ("q", "k", "v", "o"),
    "qv": ("q", "v"),
}

_CPU_OVERHEAD = 640 * MIB
"""trl and datasets, what oneDNN keeps for batches of many sizes, and the replies made at evaluations (measured)."""


@dataclass(frozen=True)
class TrainingTask:
    """How a LoRA adapter is to be trained. `targets` is all-linear, attention or qv; the adapter is float32."""

    rank: int = 8
    targets: str = "all-linear"
    batch_size: int = 1
    sequence_length: int = 512
    gradient_checkpointing: bool = False
    optimizer: str = "adamw"
    processes: int = 1
    """That train together; on a CPU each has all of it in the same memory."""


def lora_parameters(shape: ModelShape, task: TrainingTask) -> int:
    """Trained numbers: for each target matrix, rank times its rows and columns together."""
    hidden, inner = shape.hidden_size, shape.intermediate_size
    heads, kv = shape.num_attention_heads * shape.head_dim, shape.num_key_value_heads * shape.head_dim
    sides = {"q": heads + hidden, "k": kv + hidden, "v": kv + hidden, "o": heads + hidden}
    sides |= {"gate": inner + hidden, "up": inner + hidden, "down": inner + hidden}
    return shape.num_hidden_layers * task.rank * sum(sides[name] for name in _TARGETS[task.targets])


def training_need(
    shape: ModelShape, task: TrainingTask, precision: str, device: str, imported: bool
) -> Mapping[str, Need]:
    """What training takes on `device`. `precision` is that of the frozen weights; nf4 means QLoRA."""
    frozen = "fp32" if precision == "auto" and device == "cpu" else "bf16" if precision == "auto" else precision
    number = 4 if frozen == "fp32" else 2
    trained = lora_parameters(shape, task)
    tokens = task.batch_size * task.sequence_length
    hidden, inner = shape.hidden_size, shape.intermediate_size
    heads, kv = shape.num_attention_heads * shape.head_dim, shape.num_key_value_heads * shape.head_dim
    # Kept for the way back, for each token: norms and their input in float32, heads before and after turning, the
    # gate's, up's and their product, and what each adapter makes of its input.
    layer = 6 * hidden + 4 * heads + 4 * kv + 5 * inner + len(_TARGETS[task.targets]) * task.rank
    # Without checkpoints all layers' are kept; with them the input of each, and one layer's at a time.
    kept = (
        shape.num_hidden_layers * layer if not task.gradient_checkpointing else shape.num_hidden_layers * hidden + layer
    )
    scores = tokens * shape.vocab_size * (number + 8)
    unfolded = 2 * inner * hidden if frozen in (*FOUR_BIT, "int8") else 0
    own = trained * (4 + 4 + _MOMENTS.get(task.optimizer, 8))
    library, overhead = (
        (0, 560 * MIB) if device != "cpu" else (0 if imported else library_of("transformers"), _CPU_OVERHEAD)
    )
    weights = weights_of(shape, frozen) if frozen in (*FOUR_BIT, "int8") else shape.parameters * BYTES[frozen]
    times = task.processes if device == "cpu" else 1
    return {
        device: Need(
            weights=weights * times,
            activations=(tokens * kept * number + scores + unfolded) * times,
            overhead=(overhead + own) * times,
            library=library * times,
        )
    }
