"""Merges a LoRA adapter into its base model: one folder of safetensors that needs no adapter any more.

The base is read in full precision, and what was merged is compared with what the adapter computed before anything is
written. Knows nothing of engines and of GGUF files' insides.
"""

from __future__ import annotations

import logging
import shutil
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from playground.engine.base import AdapterSource, ModelSource
from playground.engine.convert import whole_folder
from playground.engine.hardware import hardware
from playground.engine.load_errors import cause, words
from playground.engine.peft_adapters import check as check_adapter
from playground.engine.peft_adapters import make_ready, misfit, read_adapter
from playground.engine.shape import ModelShape, read_shape
from playground.engine.transformers_load import load
from playground.errors import BadValueError, ModelError, StorageError

log = logging.getLogger(__name__)
Report = Callable[[str, int, int], None]
"""Told what is being done, the steps done and the steps in all; what it raises ends the work with nothing left."""
KEY = "default"
_WEIGHTS = "adapter_model.safetensors"
_STEPS = ("loading the base", "merging", "comparing", "writing")
_KEPT = (
    *("tokenizer*", "vocab*", "merges.txt", "special_tokens_map.json", "added_tokens.json", "chat_template*"),
    *("generation_config.json", "*.model", "*.tiktoken"),
)
"""Files of a base folder that belong to the merged model as they are; never program code."""
_SENTENCE = "The harbour lies quiet in the morning, and 3 boats that went out at night come back: 早上好。"
_NEAR = {"fp32": 1e-3, "bf16": 0.1}
"""How far apart the scores before and after merging may be, relative to their size."""
_HALF_MOST = 30_000.0
"""A model whose numbers come so near to fp16's largest (65,504) is stored in bf16."""
_SPARE = 600 << 20
"""Memory for libraries, the adapter and one layer's product."""


def merge(source: ModelSource, adapter: AdapterSource | Path, target: Path, progress: Report | None = None) -> Path:
    """Write `source` with `adapter` merged in to the new folder `target`, in fp16 where that holds it; return it.

    LoRA, rsLoRA and DoRA; tokenizer, chat template and generation settings come along. Whole or not at all. Raises
    BadValueError for a target that is there, ModelError for a base or adapter that cannot be merged, or that do not
    belong together, or too little memory, and StorageError when the disk has no room.
    """
    adapter = adapter if isinstance(adapter, AdapterSource) else AdapterSource(adapter.name, adapter)
    tell = progress or (lambda what, done, total: None)
    if target.exists():
        raise BadValueError(f"{target} is there already. Choose another name, or remove it first.")
    check_adapter(adapter)
    shape = _mergeable(source)
    precision = _precision(shape)
    tell(_STEPS[0], 0, len(_STEPS))
    with whole_folder(target) as part:
        _check_disk(shape, part)
        loaded = load(replace(source, precision=precision, device="cpu", attn_implementation="auto", adapters=()))
        tell(_STEPS[1], 1, len(_STEPS))
        peft = with_adapter(loaded.model, adapter)
        with words(source.path, "the tokenizer", lambda error, path: cause(ValueError("tokenizer"), path)):
            tokens = loaded.tokenizer(_SENTENCE)["input_ids"][:64]
        before, _ = _scores(peft, tokens)
        with _quiet():
            model = peft.merge_and_unload()
        tell(_STEPS[2], 2, len(_STEPS))
        after, largest = _scores(model, tokens)
        _compare(before, after, _NEAR[precision], adapter)
        tell(_STEPS[3], 3, len(_STEPS))
        _tie_again(model)
        _save(model, loaded.tokenizer, source, _stored(model, largest, precision), part)
        (part / "README.md").write_text(_card(source, adapter, target.name), encoding="utf-8")
    tell(_STEPS[3], len(_STEPS), len(_STEPS))
    return target


def with_adapter(model: Any, adapter: AdapterSource) -> Any:
    """`model` inside of PEFT with `adapter` on, DoRA and whole layers included; raises ModelError if it does not fit.

    The input and output embeddings share no weights afterwards, so that each can be changed alone.
    """
    import torch
    from peft import PeftModel, set_peft_model_state_dict

    config, weights = read_adapter(adapter)
    make_ready(config, adapter)
    try:
        _untie(model)
        with _quiet():
            peft = PeftModel(model, config, KEY).eval()
            report: Any = set_peft_model_state_dict(peft, weights, KEY)
        mine = {name: weight for name, weight in peft.named_parameters() if KEY in name.split(".")}
        missing = set(mine) & set(report.missing_keys)
        if missing or report.unexpected_keys or not mine:
            raise ValueError(f"{len(missing)} weights missing, {len(report.unexpected_keys)} unknown")
        if broken := [name for name, weight in mine.items() if not torch.isfinite(weight).all()]:
            raise ValueError(f"{broken[0]} holds values that are not numbers")
    except MemoryError:
        raise
    except Exception as error:
        raise misfit(adapter) from error
    return peft.requires_grad_(False)


def _mergeable(source: ModelSource) -> ModelShape:
    shape = read_shape(source.path)
    if shape.kind == "seq2seq":
        raise ModelError(f"{shape.name} is a translation model, into which no adapter is merged here. Choose another.")
    if shape.quantization and shape.format != "gguf":
        raise ModelError(
            f"{shape.name} is there only as {shape.quantization}, in which the merged weights would be rounded away. "
            "Download the model's original, or its GGUF, and merge into that."
        )
    return shape


def _precision(shape: ModelShape) -> str:
    """What to compute in: fp32, or bf16 for a bf16 checkpoint too large for that. Raises ModelError."""
    free = hardware(fresh=True).cpu.free
    needed = {"fp32": shape.parameters * 4 + _SPARE}
    if shape.dtype == "bf16" and shape.format == "safetensors":
        needed["bf16"] = shape.parameters * 2 + _SPARE
    for precision, size in needed.items():
        if size <= free:
            return precision
    least = min(needed.values())
    raise ModelError(
        f"Merging into {shape.name} needs {least / 1e9:.1f} GB of memory, but {free / 1e9:.1f} GB are free. "
        "Unload other models and close other programs, or export the adapter alone."
    )


def _check_disk(shape: ModelShape, part: Path) -> None:
    needed, free = shape.parameters * 2 + (64 << 20), shutil.disk_usage(part).free
    if free < needed:
        raise StorageError(
            f"The merged model needs {needed / 1e9:.1f} GB in {part.parent}, but {free / 1e9:.1f} GB are free. "
            "Free some space, or choose another place."
        )


def _quiet() -> Any:
    """Without PEFT's advice on what is done here on purpose."""
    return warnings.catch_warnings(action="ignore")


def _untie(model: Any) -> None:
    """Give the output a copy of its own of the embedding that it shares."""
    import torch

    first, last = model.get_input_embeddings(), model.get_output_embeddings()
    if last is not None and last.weight is first.weight:
        last.weight = torch.nn.Parameter(first.weight.detach().clone(), requires_grad=False)


def _tie_again(model: Any) -> None:
    """Let the embeddings share their weights where both are the same (still), and let the configuration say so."""
    import torch

    first, last = model.get_input_embeddings(), model.get_output_embeddings()
    same = last is not None and torch.equal(first.weight, last.weight)
    if same:
        last.weight = first.weight
    for config in (model.config, model.config.get_text_config()):
        config.tie_word_embeddings = same


def _scores(model: Any, tokens: list[int]) -> tuple[Any, float]:
    """The scores after each of `tokens`, and the largest number between two layers."""
    import torch

    with torch.inference_mode():
        said = model(input_ids=torch.tensor([tokens]), output_hidden_states=True, use_cache=False)
    return said.logits[0].float(), max(float(state.abs().max()) for state in said.hidden_states)


def _compare(before: Any, after: Any, near: float, adapter: AdapterSource) -> None:
    apart = float((after - before).norm() / before.norm().clamp_min(1e-9))
    if not apart <= near:
        raise ModelError(
            f"Merged, the adapter {adapter.name} computes something else than before (off by {apart:.1%}), so nothing "
            "was written. Export the adapter alone, and use it with its base."
        )


def _stored(model: Any, largest: float, precision: str) -> Any:
    """fp16 keeps more of the merged numbers than bf16; but a model must not leave its range."""
    import torch

    weights = max(float(weight.abs().max()) for weight in model.parameters() if weight.numel())
    return torch.float16 if precision == "fp32" and max(weights, largest) < _HALF_MOST else torch.bfloat16


def _save(model: Any, tokenizer: Any, source: ModelSource, dtype: Any, part: Path) -> None:
    from safetensors import SafetensorError

    model = model.to(dtype)
    # A model that came from a GGUF refuses to be saved while it thinks that it is still quantised.
    model.hf_quantizer = None
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.config.dtype = dtype
    if source.path.is_dir():
        # The base's own are kept to the letter below; transformers refuses to write some that it reads.
        model.generation_config = type(model.generation_config)()
    try:
        model.save_pretrained(part)
        if not source.path.is_dir():
            tokenizer.save_pretrained(part)
    except SafetensorError as error:  # It wraps the system's error into a text of its own.
        raise StorageError(f"{part.parent} cannot be written to: {error}. Free some space and try again.") from error
    if source.path.is_dir():
        for file in sorted({found for pattern in _KEPT for found in source.path.glob(pattern) if found.is_file()}):
            shutil.copyfile(file, part / file.name)


def _card(source: ModelSource, adapter: AdapterSource, name: str) -> str:
    return f"# {name}\n\n{source.id} with the LoRA adapter {adapter.name} merged in. It needs no adapter.\n"
