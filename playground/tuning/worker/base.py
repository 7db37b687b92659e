"""The base model made ready for training: its frozen weights in the fastest precision of the machine, LoRA on top."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from playground.engine.transformers_load import Loaded, load
from playground.errors import ModelError
from playground.tuning.launching import VISIBLE
from playground.tuning.recipe import Recipe
from playground.tuning.runfile import BaseModel, RunFile

_ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj", "qkv_proj")
BF16 = ("bf16", "nf4")
"""Precisions of a base that computes in bfloat16."""
_QV = ("q_proj", "v_proj")


def device_of(wanted: str) -> str:
    """ "cpu" or "cuda:N" for "auto" or either of them, as this process numbers its GPUs.

    One that was let see a single GPU (`launching`) has it as its first, whichever of the machine's it is.
    """
    import torch

    if wanted == "auto":
        return "cuda:0" if torch.cuda.is_available() else "cpu"
    alone = os.environ.get(VISIBLE, "")
    return "cuda:0" if wanted != "cpu" and alone and "," not in alone else wanted


def training_precision(recipe: Recipe, device: str) -> str:
    """What the frozen weights are kept in: nf4 for QLoRA, bf16 wherever the machine computes with it, else fp32."""
    import torch

    cuda = device != "cpu" and torch.cuda.is_available()
    if recipe.load_in_4bit:
        if not cuda:
            raise ModelError(
                "QLoRA (load_in_4bit) needs an NVIDIA GPU: on the processor a step takes minutes. Turn it off."
            )
        return "nf4"
    if cuda:
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    return "bf16" if cpu_has_bf16() else "fp32"


def cpu_has_bf16() -> bool:
    """Whether the processor has instructions for bfloat16; without them it is slower than float32."""
    import torch

    found: dict[str, Any] = dict(torch.cpu.get_capabilities())
    return bool(found.get("avx512_bf16") or found.get("amx_bf16") or found.get("amx_tile") or found.get("bf16"))


def load_base(run: RunFile, device: str) -> Loaded:
    """The base on its device, frozen. Raises ModelError for what cannot be trained."""
    loaded = load(
        replace(run.base.source(), threads=run.threads, precision=training_precision(run.recipe, device), device=device)
    )
    if loaded.tokenizer.pad_token_id is None:
        loaded.tokenizer.pad_token = loaded.tokenizer.eos_token
    return loaded


def autocast_of(loaded: Loaded) -> Callable[[], Any]:
    """A context in which the base computes in bfloat16, if that is what it is kept in."""
    import torch

    enabled = loaded.precision in BF16
    return partial(torch.autocast, loaded.device.partition(":")[0], dtype=torch.bfloat16, enabled=enabled)


def with_lora(model: Any, recipe: Recipe, base: BaseModel) -> Any:
    """The model under a new adapter. The numbers it begins with are drawn from torch's generator."""
    from peft import LoraConfig, get_peft_model

    targets: Any = {"all-linear": "all-linear", "attention": _there(model, _ATTENTION), "qv": _there(model, _QV)}
    config = LoraConfig(
        r=recipe.r,
        lora_alpha=recipe.lora_alpha,
        lora_dropout=recipe.lora_dropout,
        target_modules=targets[recipe.target_modules],
        use_dora=recipe.use_dora,
        use_rslora=recipe.use_rslora,
        task_type="CAUSAL_LM",
        revision=base.revision or None,
    )
    # PEFT writes down where the model was read from; whoever gets the adapter knows the model by its name.
    model.name_or_path = base.name
    return get_peft_model(model, config)


def _there(model: Any, names: tuple[str, ...]) -> list[str]:
    have = {name.rpartition(".")[2] for name, _ in model.named_modules()}
    found = [name for name in names if name in have]
    if not found:
        raise ModelError("The model has no layers of these names. Choose all-linear as target_modules.")
    return found
