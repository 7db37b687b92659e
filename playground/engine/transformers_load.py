"""Reads a model and its tokenizer from disk with transformers: a folder of safetensors, or a GGUF file.

transformers takes half a minute to read a small GGUF and a second or two to read safetensors, so a GGUF is dequantised
once and the result kept. Knows nothing of prompts and sampling. Nothing is fetched, unpickled or run from a model.
"""

from __future__ import annotations

import errno
import importlib.util
import logging
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playground.engine import fp16_linear, numba_cache, packed
from playground.engine.base import ModelSource
from playground.engine.convert import is_pickle, whole_folder
from playground.engine.load_errors import cause, words
from playground.engine.shape import read_shape
from playground.engine.small_file import read_json
from playground.errors import ModelError, StorageError

_FULL_DISK = {errno.ENOSPC, 112}
"""What "disk full" is called by Linux and macOS, and by Windows."""
_NAMES = {"torch.bfloat16": "bf16", "torch.float16": "fp16", "torch.float32": "fp32"}
BITSANDBYTES = ("int8", "nf4", "fp4")


@dataclass(frozen=True)
class Loaded:
    """A model on its device, for inference only, its tokenizer, and what its weights are now."""

    model: Any
    tokenizer: Any
    precision: str
    """bf16, fp16, fp32, int8, nf4 or fp4. On a CPU fp16 and int8 mean: such weights, fp32 arithmetic."""
    device: str
    """"cpu" or "cuda:N"."""


def load(source: ModelSource) -> Loaded:
    """Load what `source` says, in its precision, onto its device.

    Raises ModelError for what is no model, is damaged, unknown or too large, or a precision that this machine or model
    does not have; StorageError when a GGUF's converted copy cannot be kept; and MemoryError.
    """
    import transformers

    library: Any = transformers
    library.utils.logging.disable_progress_bar()
    device = _device(source.device)
    with words(source.path, "transformers", cause):
        quantised = _quantised(source.path)
        precision = _precision(source, device, quantised)
        packing = _packing(source) if device == "cpu" and not quantised else None
        how: dict[str, Any] = {"dtype": "auto" if packing else _dtype(precision, device)}
        if source.attn_implementation != "auto":
            how["attn_implementation"] = source.attn_implementation
        if precision in BITSANDBYTES and not packing:
            how |= {"device_map": {"": device}}
            if not quantised:
                how |= {"quantization_config": _bitsandbytes(precision, device)}
        if source.path.is_dir():
            model, tokenizer = _read_folder(source.path, how)
        elif source.cache is not None:
            model, tokenizer = _read_folder(_converted(source, source.cache), how)
        else:
            model, tokenizer = _read_gguf(source.path, how)
        if packing or precision not in BITSANDBYTES:
            model = model.to(device)
        model = model.eval().requires_grad_(False)
        if packing and packed.fits(model):
            packed.pack(model, packing)
            precision = packing
        elif packing or (precision == "fp16" and device == "cpu"):
            precision = _halve(model, source.precision)
        elif precision in BITSANDBYTES and device == "cpu":
            _avoid_odd_sizes(model)
        precision = _NAMES.get(str(model.dtype), precision) if precision == "auto" else precision
        return Loaded(model, tokenizer, precision, device)


def _device(wanted: str) -> str:
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if wanted == "auto":
        return "cuda:0" if count else "cpu"
    if wanted != "cpu" and int(wanted.removeprefix("cuda:")) >= count:
        have = f"{count} of them can be used here" if count else "no NVIDIA GPU can be used here"
        raise ModelError(f"The model was to be loaded on {wanted}, but {have}. Choose another device, or auto.")
    return wanted


def _quantised(path: Path) -> str:
    """How a folder's weights are quantised already: int8, nf4, fp4 or "". Raises ModelError for other ways."""
    try:
        config = read_json(path / "config.json")
        about = config.get("quantization_config") or config.get("text_config", {}).get("quantization_config")
    except (OSError, ValueError, AttributeError):
        return ""  # What is wrong with it will be said when it is loaded.
    if not about:
        return ""
    method = str(about.get("quant_method", "unknown")) if isinstance(about, dict) else "unknown"
    if not method.startswith("bitsandbytes"):
        raise ModelError(
            f"{path} is quantised in a way ({method}) that cannot be loaded here. "
            "Choose the model's original, which can be quantised while it is loaded, or its GGUF."
        )
    return "int8" if about.get("load_in_8bit") else str(about.get("bnb_4bit_quant_type", "fp4"))


def _precision(source: ModelSource, device: str, quantised: str) -> str:
    """The precision to load in; "auto" stays where the checkpoint's own is best. Raises ModelError if impossible."""
    import torch

    wanted = source.precision
    if quantised:
        if wanted not in ("auto", quantised):
            raise ModelError(
                f"{source.path} is quantised as {quantised} already, so it cannot be loaded as {wanted}. "
                "Leave precision on auto, or choose the model's original."
            )
        return quantised
    if wanted in BITSANDBYTES and importlib.util.find_spec("bitsandbytes") is None:
        raise ModelError(f"{wanted} needs bitsandbytes, which is not made for this machine. Choose bf16 or fp16.")
    if device == "cpu":
        # Half precision weights (or bytes: see `packed`) with single precision arithmetic are the fastest, and as
        # exact as fp32 for all that a person can see. bfloat16 decodes fast too, but reads a prompt five times slower
        # where the processor has no instructions for it (measured: 80 against 389 tokens/s).
        return "fp16" if wanted == "auto" else wanted
    if wanted == "auto" and torch.cuda.is_bf16_supported(including_emulation=False):
        return "bf16"
    return wanted


def _dtype(precision: str, device: str) -> Any:
    import torch

    if precision in BITSANDBYTES:
        return torch.float32 if device == "cpu" else torch.float16 if precision == "int8" else torch.bfloat16
    # Packed in fp16 after loading, layer by layer, from whatever the checkpoint has.
    if precision == "auto" or (precision == "fp16" and device == "cpu"):
        return "auto"
    return {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}[precision]


def _bitsandbytes(precision: str, device: str) -> Any:
    import torch
    import transformers

    library: Any = transformers
    if precision == "int8":
        # It says at every product that it computes in fp16, which is known.
        logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
        return library.BitsAndBytesConfig(load_in_8bit=True)
    return library.BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type=precision,
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.float32 if device == "cpu" else torch.bfloat16,
    )


def _packing(source: ModelSource) -> packed.Packing | None:
    """See packed.packing_of; None also where numba, which computes with packed weights, cannot be used."""
    try:
        return packed.packing_of(read_shape(source.path), source.precision) if numba_cache.available() else None
    except ModelError:
        return None  # What is wrong with it will be said when it is loaded.


def _halve(model: Any, wanted: str) -> str:
    """Keep the weights of `model` in fp16; fp32 with "auto" where this processor cannot. Returns what it is."""
    if wanted == "int8":
        raise ModelError("This model cannot be loaded as int8 on the CPU. Choose fp32, bf16 or auto.")
    if fp16_linear.supported():
        fp16_linear.pack(model)
        return "fp16"
    if wanted == "auto":
        model.float()
        return "fp32"
    raise ModelError("This processor cannot compute with fp16 weights. Choose fp32, bf16 or auto.")


def _avoid_odd_sizes(model: Any) -> None:
    """Keep bitsandbytes from its AVX-512 code for layers whose sizes that refuses in the middle of a reply."""
    for module in model.modules():
        if getattr(module, "support_avx512bf16_for_cpu", False) and (
            module.out_features % 32 or module.in_features % 64
        ):
            module.support_avx512bf16_for_cpu = False


def _read_folder(folder: Path, how: dict[str, Any]) -> tuple[Any, Any]:
    if is_pickle(folder):
        raise ModelError(
            f"{folder} holds its weights as a pickle, which can carry program code and is never loaded. "
            "It can be converted to safetensors once, without running any; or choose another folder."
        )
    if not (folder / "config.json").is_file() or not any(folder.glob("*.safetensors")):
        raise ModelError(f"{folder} holds no model: config.json and *.safetensors are needed. Choose another folder.")
    return _read(folder, {"use_safetensors": True, **how}, {})


def _read_gguf(file: Path, how: dict[str, Any]) -> tuple[Any, Any]:
    return _read(file.parent, how, {"gguf_file": file.name})


def _read(folder: Path, how: dict[str, Any], which: dict[str, str]) -> tuple[Any, Any]:
    import transformers

    library: Any = transformers  # Its types do not know `output_loading_info`.
    if (folder / "adapter_config.json").exists():
        # transformers would go by it to another model, which nobody has looked at.
        raise ModelError(
            f"{folder} holds an adapter's adapter_config.json beside the model. Move it elsewhere, and load the model."
        )
    safe: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False, **which}
    model, report = library.AutoModelForCausalLM.from_pretrained(str(folder), output_loading_info=True, **how, **safe)
    check_complete(folder, report)
    return model, library.AutoTokenizer.from_pretrained(str(folder), **safe)


def check_complete(folder: Path | str, report: Mapping[str, Any]) -> None:
    """Raise ModelError when `from_pretrained` reports that `folder` lacks weights.

    transformers would fill these with random numbers and only log it.
    """
    if missing := sorted(report["missing_keys"]):
        raise ModelError(
            f"{folder} lacks {len(missing)} of the model's weights ({missing[0]} ...). Download it again, "
            "or choose another model."
        )


def _converted(source: ModelSource, cache: Path) -> Path:
    """The folder with the safetensors made from a GGUF; made now, unless it was before."""
    import torch

    status = source.path.stat()
    folder = cache / (source.sha256 or f"{source.path.stem}-{status.st_size}-{status.st_mtime_ns}")
    if folder.is_dir():
        return folder
    model, tokenizer = _read_gguf(source.path, {"dtype": torch.float32})
    # A model that came from a GGUF refuses to be saved while it thinks that it is still quantised.
    model.hf_quantizer = None
    del model.config.quantization_config
    with whole_folder(folder) as part:
        _check_room(sum(weight.numel() * weight.element_size() for weight in model.parameters()), part)
        try:
            model.save_pretrained(part)
            tokenizer.save_pretrained(part)
        except Exception as error:
            # safetensors wraps the system's error into a text of its own.
            if isinstance(error, OSError) or not (found := re.search(r"\(os error (\d+)\)", str(error))):
                raise
            number = int(found[1])
            raise OSError(errno.ENOSPC if number in _FULL_DISK else number, str(error)) from error
    return folder


def _check_room(needed: int, place: Path) -> None:
    free = shutil.disk_usage(place).free
    if free < needed:
        raise StorageError(
            f"transformers needs {needed / 1e9:.1f} GB in {place.parent} to unpack this model, but {free / 1e9:.1f} GB "
            "are free. Free some space, or use --engine llamacpp, which needs none."
        )
