"""Writes a folder of safetensors as one GGUF file for llama.cpp: f16, or Q8_0 at half that size.

Where the folder was made from a GGUF, all that is no weight comes from that file; else `gguf_folder` says it. Weights
go through one at a time. Knows nothing of adapters.
"""

from __future__ import annotations

import contextlib
import math
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playground.engine import gguf_folder
from playground.engine.headers import Header, read_gguf, read_safetensors
from playground.engine.lora_gguf import PERMUTED, permuted
from playground.errors import BadValueError, ModelError, StorageError
from playground.paths import storage_error

if TYPE_CHECKING:
    import numpy as np
    from gguf import GGMLQuantizationType, GGUFReader, GGUFWriter

QUANTIZATIONS = ("f16", "q8_0")
Report = Callable[[str, int, int], None]
"""Told the weight being written, how many are and how many there are; what it raises ends the work, nothing left."""
ARCHITECTURES = {"llama", "qwen2", "qwen3", "gemma2", "gemma3"}
"""Those whose weights llama.cpp has as transformers has them, but for the rows of Llama and the norms of Gemma."""
_SHIFTED = {"gemma2", "gemma3"}
_OWN = ("GGUF.", "split.", "quantize.")
_OWN_KEYS = {"general.architecture", "general.alignment", "general.file_type", "general.quantization_version"}
_OWN_KEYS |= {"general.name", "general.size_label"}
_HALF_MOST = 65_504.0
_BLOCK = 32
_SPARE = 16 << 20


def to_gguf(
    folder: Path, target: Path, quantization: str, base_gguf: Path | None = None, progress: Report | None = None
) -> Path:
    """Write the model in `folder` to `target` in one of QUANTIZATIONS; `base_gguf` is what the folder was made from.

    Whole or not at all; a file that is there is replaced. Raises BadValueError for another quantization, ModelError
    for a model that is not certain to come out right, or not made from `base_gguf`, and StorageError.
    """
    if quantization not in QUANTIZATIONS:
        raise BadValueError(f"quantization is {quantization!r}. Choose one of: {', '.join(QUANTIZATIONS)}.")
    from gguf import GGUFWriter, LlamaFileType

    base = read_gguf(base_gguf) if base_gguf is not None else None
    architecture = _architecture(folder, base)
    weights = _Weights(folder)
    part = target.with_name(f"{target.name}.part")
    writer = GGUFWriter(None, architecture)
    try:
        writer.add_name(target.stem)
        writer.add_file_type(LlamaFileType.MOSTLY_F16 if quantization == "f16" else LlamaFileType.MOSTLY_Q8_0)
        writer.add_quantization_version(2)
        if base is not None and base_gguf is not None:
            reader = _copy_keys(writer, base_gguf)
            layout = _Layout.of(architecture, base.keys, f"{architecture}.")
            named = _names(weights, layout)
            extra = _from_base(folder, base, reader, named, weights)
        else:
            extra = gguf_folder.write_keys(writer, folder)
            layout = _Layout.of(architecture, _sizes(gguf_folder.read_config(folder)), "")
            named = _names(weights, layout)
        target.parent.mkdir(parents=True, exist_ok=True)
        _write(writer, part, weights, layout, named, extra, quantization, progress or (lambda what, done, total: None))
        os.replace(part, target)
    except OSError as error:
        raise storage_error(error, target.parent) from error
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
    return target


class _Weights:
    """The tensors of a folder by name, read from disk one at a time."""

    def __init__(self, folder: Path) -> None:
        self.files: dict[str, Path] = {}
        self.shapes: dict[str, tuple[int, ...]] = {}
        for file in sorted(folder.glob("*.safetensors")):
            for tensor in read_safetensors(file):
                self.files[tensor.name], self.shapes[tensor.name] = file, tensor.shape
        if not self.files:
            raise ModelError(f"{folder} holds no model: *.safetensors are needed. Choose another folder.")

    def read(self, name: str) -> np.ndarray[Any, Any]:
        """As float32; through torch, because numpy has no bfloat16."""
        from safetensors import safe_open

        with safe_open(str(self.files[name]), framework="pt") as file:
            values: np.ndarray[Any, Any] = file.get_tensor(name).float().contiguous().numpy()
            return values


@dataclass(frozen=True)
class _Layout:
    """How llama.cpp arranges the weights of one kind of model."""

    architecture: str
    layers: int
    heads: int
    kv_heads: int

    @classmethod
    def of(cls, architecture: str, keys: Mapping[str, Any], prefix: str) -> _Layout:
        """From GGUF's keys, which begin with `prefix`."""
        heads = int(keys[f"{prefix}attention.head_count"])
        kv_heads = int(keys.get(f"{prefix}attention.head_count_kv", heads))
        return cls(architecture, int(keys[f"{prefix}block_count"]), heads, kv_heads)

    def arranged(self, name: str, values: Any) -> Any:
        """The values of the weight that GGUF calls `name`, in llama.cpp's order."""
        import numpy as np

        if self.architecture in PERMUTED:
            for part, heads in ((".attn_q.", self.heads), (".attn_k.", self.kv_heads)):
                if part in name:
                    return permuted(values, heads)
        if self.architecture in _SHIFTED and name.endswith("norm.weight"):
            # transformers multiplies with one more than it stores.
            return values + np.float32(1)
        return values


def _architecture(folder: Path, base: Header | None) -> str:
    if base is None:
        return gguf_folder.ARCHITECTURES[gguf_folder.read_config(folder)["architectures"][0]]
    found = str(base.keys.get("general.architecture"))
    if found not in ARCHITECTURES or int(base.keys.get("split.count", 1)) > 1:
        what = found if found not in ARCHITECTURES else "a file in several parts"
        raise ModelError(f"A model like its base ({what}) cannot be written as GGUF here. Export the merged folder.")
    return found


def _sizes(config: Mapping[str, Any]) -> dict[str, Any]:
    heads = config["num_attention_heads"]
    return {
        "block_count": config["num_hidden_layers"],
        "attention.head_count": heads,
        "attention.head_count_kv": config.get("num_key_value_heads") or heads,
    }


def _copy_keys(writer: GGUFWriter, file: Path) -> GGUFReader:
    from gguf import GGUFReader, GGUFValueType

    reader = GGUFReader(file)
    for key, field in reader.fields.items():
        if key in _OWN_KEYS or key.startswith(_OWN):
            continue
        many = field.types[0] == GGUFValueType.ARRAY
        writer.add_key_value(key, field.contents(), field.types[0], field.types[-1] if many else None)
    return reader


def _names(weights: _Weights, layout: _Layout) -> dict[str, str]:
    """GGUF's name of each weight, and transformers'."""
    import gguf

    kind = next(key for key, value in gguf.MODEL_ARCH_NAMES.items() if value == layout.architecture)
    names = gguf.get_tensor_name_map(kind, layout.layers)
    found: dict[str, str] = {}
    for name in weights.files:
        stored = names.get_name(name, try_suffixes=(".weight", ".bias"))
        if stored is None:
            raise ModelError(f"The weight {name} has no place in a GGUF file of this kind. Export the merged folder.")
        found[stored] = name
    return found


def _from_base(
    folder: Path, base: Header, reader: GGUFReader, named: Mapping[str, str], weights: _Weights
) -> dict[str, np.ndarray[Any, Any]]:
    """The tensors that only the base has: factors of the positions. Raises ModelError where the weights differ."""
    import numpy as np

    shapes = {tensor.name: tensor.shape for tensor in base.tensors}
    # The output is in a file only where it is not the embedding once more.
    strange = [name for name in named if name not in shapes and name != "output.weight"]
    strange += [name for name, own in named.items() if name in shapes and shapes[name] != weights.shapes[own]]
    lacking = [name for name in shapes if name not in named and name != "output.weight"]
    if other := strange + [name for name in lacking if not name.startswith("rope_")]:
        raise ModelError(f"{folder} was not made from this GGUF: they differ in {other[0]}. Choose its own base.")
    data = {tensor.name: tensor.data for tensor in reader.tensors}
    return {name: np.array(data[name], np.float32) for name in lacking}


def _write(
    writer: GGUFWriter,
    part: Path,
    weights: _Weights,
    layout: _Layout,
    named: Mapping[str, str],
    extra: Mapping[str, np.ndarray[Any, Any]],
    quantization: str,
    progress: Report,
) -> None:
    import numpy as np
    from gguf import GGMLQuantizationType
    from gguf.quants import quant_shape_to_byte_shape, quantize

    kinds = {name: _kind(name, weights.shapes[own], quantization) for name, own in named.items()}
    size = 0
    for name, values in extra.items():
        writer.add_tensor_info(name, values.shape, values.dtype, values.nbytes, GGMLQuantizationType.F32)
    for name, own in named.items():
        stored = quant_shape_to_byte_shape(weights.shapes[own], kinds[name])
        writer.add_tensor_info(name, stored, np.dtype(np.uint8), math.prod(stored), kinds[name])
        size += math.prod(stored)
    _check_room(size, part.parent)
    writer.write_header_to_file(part)
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for values in extra.values():
        writer.write_tensor_data(values)
    for number, (name, own) in enumerate(named.items()):
        progress(name, number, len(named))
        values = layout.arranged(name, weights.read(own))
        if kinds[name] != GGMLQuantizationType.F32 and not np.abs(values).max() <= _HALF_MOST:
            raise ModelError(f"The weight {own} has numbers too large for this file. Export the merged folder.")
        writer.write_tensor_data(np.ascontiguousarray(quantize(values, kinds[name])).view(np.uint8))
    progress("", len(named), len(named))
    writer.flush()
    with part.open("r+b") as written:
        os.fsync(written.fileno())


def _kind(name: str, shape: tuple[int, ...], quantization: str) -> GGMLQuantizationType:
    """As llama.cpp's own converter does it: vectors stay exact, rows that are not whole blocks stay f16."""
    from gguf import GGMLQuantizationType

    if len(shape) == 1 or name.endswith("norm.weight"):
        return GGMLQuantizationType.F32
    whole = quantization == "q8_0" and shape[-1] % _BLOCK == 0
    return GGMLQuantizationType.Q8_0 if whole else GGMLQuantizationType.F16


def _check_room(needed: int, place: Path) -> None:
    free = shutil.disk_usage(place).free
    if free < needed + _SPARE:
        raise StorageError(
            f"The GGUF needs {needed / 1e9:.1f} GB in {place}, but {free / 1e9:.1f} GB are free. "
            "Free some space, or choose another place."
        )
