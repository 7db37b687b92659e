"""Puts LoRA adapters (PEFT folders) into a loaded model and out again, and says in words why one does not fit.

The model's own layers stay as they are inside of PEFT's, so that with adapters off it computes the very same bits.
Knows nothing of engines. Nothing is fetched, unpickled or run from an adapter.
"""

from __future__ import annotations

import logging
import re
import sys
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from playground.engine.base import AdapterSource
from playground.engine.small_file import read_json
from playground.errors import ModelError

_CHANGE_THE_BASE = ("pissa", "olora", "corda", "loftq", "lora_ga")
"""Ways to begin a LoRA that take something out of the base's own weights."""
_MORE = ("modules_to_save", "trainable_token_indices", "use_dora")
_LARGEST_RANK = 1024
_REPEATED, _OPEN, _MOST_OPEN = re.compile(r"\)(?:[*+]|\{\d*,?\d*\})"), re.compile(r"[*+]|\{\d*,\d*\}"), 6
"""Groups that are repeated, and repetitions: of names of layers, patterns with some of these take for ever to match."""
_CONFIG, _WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
log = logging.getLogger(__name__)


def attach(model: Any, key: str, adapter: AdapterSource) -> None:
    """Load `adapter` into `model` under `key` (no dots); it is off until `use_adapter`.

    Raises ModelError: no adapter, a pickle, another kind than LoRA, made for another base, damaged. The model is as
    before then.
    """
    import torch
    from peft import inject_adapter_in_model, set_peft_model_state_dict

    config, weights = read_adapter(adapter)
    if changes_more(vars(config)):
        raise unswitchable(adapter.name)
    make_ready(config, adapter)
    try:
        with warnings.catch_warnings():
            # Several at once is what is wanted.
            warnings.filterwarnings("ignore", "Already found a `peft_config` attribute")
            inject_adapter_in_model(config, model, key)
        report: Any = set_peft_model_state_dict(model, weights, key)
        loaded = {name for name, _ in model.named_parameters() if key in name.split(".")}
        missing = loaded & set(report.missing_keys)
        if missing or report.unexpected_keys:
            raise ValueError(f"{len(missing)} weights missing, {len(report.unexpected_keys)} unknown")
        if broken := [name for name, weight in _weights(model, key) if not torch.isfinite(weight).all()]:
            raise ValueError(f"{broken[0]} holds values that are not numbers")
    except MemoryError:
        detach(model, key)
        raise
    except Exception as error:
        detach(model, key)
        raise misfit(adapter) from error
    model.requires_grad_(False)
    use_adapter(model, "")


def changes_more(config: Mapping[str, Any]) -> bool:
    """Whether an adapter of this configuration changes more than LoRA matrices."""
    return any(config.get(key) for key in _MORE)


def unswitchable(name: str) -> ModelError:
    """What to say of such an adapter."""
    return ModelError(
        f"The adapter {name} changes more than LoRA matrices (whole layers, tokens, or DoRA), which "
        "cannot be switched off and on here. Merge it into its base model with PEFT, and load the result."
    )


def read_adapter(adapter: AdapterSource) -> tuple[Any, Any]:
    """PEFT's configuration and the weights by name. Raises ModelError for what is no adapter, or is damaged."""
    check(adapter)
    from peft import LoraConfig
    from safetensors.torch import load_file

    try:
        config, weights = LoraConfig.from_pretrained(str(adapter.path)), load_file(adapter.path / _WEIGHTS)
        _refuse_bombs(config, weights)
        return config, weights
    except Exception as error:
        log.warning("adapter %s could not be read: %s", adapter.path, error, exc_info=True)
        raise ModelError(
            f"The adapter {adapter.name} is damaged or incomplete ({adapter.path}). Copy or train it again."
        ) from error


def _refuse_bombs(config: Any, weights: Mapping[str, Any]) -> None:
    """Raise ValueError for ranks that would fill the memory, and for patterns that would be looked for for ever."""
    most = max([_LARGEST_RANK, *(min(weight.shape) for weight in weights.values() if weight.ndim == 2)])
    if any(not 0 < int(rank) <= most for rank in (config.r, *config.rank_pattern.values())):
        raise ValueError("no adapter has such a rank")
    named = (config.target_modules, config.exclude_modules, config.layers_pattern, config.modules_to_save)
    single = [one for one in named if isinstance(one, str)]
    for pattern in (*single, *config.rank_pattern, *config.alpha_pattern):
        if _REPEATED.search(pattern) or len(_OPEN.findall(pattern)) > _MOST_OPEN:
            raise ValueError("the pattern of a layer's name has too many ways to be met")


def make_ready(config: Any, adapter: AdapterSource) -> None:
    """Let PEFT put its layers in as they are to compute. Raises ModelError for a way that changes the base."""
    if str(config.init_lora_weights).startswith(_CHANGE_THE_BASE):
        raise ModelError(
            f"The adapter {adapter.name} was saved with a changed base ({config.init_lora_weights}). Save it again "
            "with PEFT's path_initial_model_for_weight_conversion, which makes a plain LoRA of it."
        )
    # Else PEFT would draw random numbers first.
    config.inference_mode, config.init_lora_weights = True, False
    # PEFT's new layers are in training mode: with dropout the same prompt would be answered at random.
    config.lora_dropout = 0.0


def misfit(adapter: AdapterSource) -> ModelError:
    """What to say, while an error is handled, of an adapter whose layers are not those of the model."""
    log.warning("adapter %s does not fit: %s", adapter.path, sys.exception(), exc_info=True)
    base = _base_of(adapter.path)
    made_for = f" It was made for {base}." if base else ""
    return ModelError(
        f"The adapter {adapter.name} does not fit this model: its layers have other names or sizes.{made_for} "
        "Load the model it was trained on, or choose another adapter."
    )


def use_adapter(model: Any, key: str) -> None:
    """Compute with this adapter from now on, "" for the bare model. Raises ValueError for one that is not there."""
    from_peft = [layer for _, _, layer in _layers(model)]
    if key and not any(key in layer._all_available_adapter_names() for layer in from_peft):
        raise ValueError(f"no adapter {key!r}")
    for layer in from_peft:
        if key:
            layer.set_adapter(key, inference_mode=True)
        # Not `enable_adapters(True)`, which would ask for gradients.
        layer._disable_adapters = not key


def bare(layer: Any) -> Any | None:
    """The model's own layer where no adapter changes what it computes now, else None."""
    if not hasattr(layer, "get_base_layer"):
        return layer
    return None if _active(layer) else layer.get_base_layer()


def low_rank(layer: Any) -> tuple[Any, Any] | None:
    """What the adapter in use adds to a linear layer, as arrays (ranks, inputs) and (outputs, ranks), without ranks
    where it adds nothing; None where it adds something else."""
    base = layer.get_base_layer() if hasattr(layer, "get_base_layer") else layer
    if base is layer or not (names := _active(layer)):
        return np.zeros((0, base.in_features), np.float32), np.zeros((base.out_features, 0), np.float32)
    (name,) = names
    if name not in layer.lora_A or layer.lora_bias.get(name) or name in layer.lora_variant or layer.fan_in_fan_out:
        return None
    first, second = (held[name].weight.detach().float().numpy() for held in (layer.lora_A, layer.lora_B))
    return first, second * layer.scaling[name]


def _active(layer: Any) -> set[str]:
    names = set() if layer._disable_adapters else set(layer.active_adapters)
    return names & set(layer._all_available_adapter_names())


def detach(model: Any, key: str) -> None:
    """Take an adapter out, and PEFT's layers with the last one."""
    for parent, name, layer in list(_layers(model)):
        layer.set_adapter([], inference_mode=True)  # else PEFT warns that it was in use
        layer.delete_adapter(key)
        if not layer._all_available_adapter_names():
            setattr(parent, name, layer.get_base_layer())
    configs = getattr(model, "peft_config", {})
    configs.pop(key, None)
    if not configs and hasattr(model, "peft_config"):
        del model.peft_config


def _layers(model: Any) -> Iterator[tuple[Any, str, Any]]:
    """PEFT's layers in a model, each with the module that has it and its name there."""
    if "peft" not in sys.modules:
        return
    from peft.tuners.tuners_utils import BaseTunerLayer

    for parent in model.modules():
        for name, child in parent.named_children():
            if isinstance(child, BaseTunerLayer):
                yield parent, name, child


def _weights(model: Any, key: str) -> Iterator[tuple[str, Any]]:
    return ((name, weight) for name, weight in model.named_parameters() if key in name.split("."))


def check(adapter: AdapterSource) -> None:
    """Say what is wrong with a folder before anything of it is read into the model."""
    folder = adapter.path
    if not folder.is_dir() or not (folder / _CONFIG).is_file():
        raise ModelError(
            f"{folder} is no adapter for this engine: a folder with {_CONFIG} and {_WEIGHTS} is needed. "
            "Choose another folder, or load a GGUF model for a GGUF adapter."
        )
    if not (folder / _WEIGHTS).is_file():
        if (folder / "adapter_model.bin").exists():
            raise ModelError(
                f"The adapter {adapter.name} is a pickle file, which can carry program code and is never loaded here. "
                "Save it again with PEFT as safetensors."
            )
        raise ModelError(f"The adapter {adapter.name} lacks its weights, {_WEIGHTS}. Copy it again.")
    try:
        kind = read_json(folder / _CONFIG)["peft_type"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"The adapter {adapter.name} has no readable {_CONFIG}. Copy or train it again.") from error
    if kind != "LORA":
        raise ModelError(f"The adapter {adapter.name} is of the kind {kind}; only LORA is known here. Choose another.")


def _base_of(folder: Path) -> str:
    """The name of the model that an adapter was trained on, as it says itself."""
    name = read_json(folder / _CONFIG).get("base_model_name_or_path")
    return Path(str(name)).name if name else ""
