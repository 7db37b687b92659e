"""LoRA adapters for llama.cpp: checks a GGUF LoRA against its base, and makes one from PEFT's safetensors.

Only architectures are converted whose weights llama.cpp's own converter takes over one to one, but for the rows of
queries and keys of the Llama family, which it sorts anew. Knows nothing of servers and slots.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playground.engine.base import AdapterSource
from playground.engine.headers import Header, read_gguf
from playground.engine.small_file import read_json
from playground.errors import MissingError, ModelError
from playground.paths import storage_error

if TYPE_CHECKING:
    import numpy as np

PERMUTED = {"llama"}
_ARCHITECTURES = PERMUTED | {"qwen2", "qwen3", "gemma", "gemma2", "gemma3", "phi3"}
_WEIGHTS, _CONFIG = "adapter_model.safetensors", "adapter_config.json"
_OTHER = "Use the transformers engine for it."


def gguf_lora(adapter: AdapterSource, base: Path, cache: Path) -> Path:
    """The GGUF LoRA file of `adapter`: itself, or converted once into `cache`.

    Raises ModelError for what is no adapter, does not fit `base` or cannot be converted, MissingError, StorageError.
    """
    header = read_gguf(base)
    if adapter.path.is_dir():
        target = cache / f"lora-{_fingerprint(adapter.path, header)}.gguf"
        if not target.is_file():
            convert_lora(adapter.path, base, target)
        return target
    _check(adapter.path, header)
    return adapter.path


def convert_lora(folder: Path, base: Path, target: Path) -> None:
    """Write the PEFT adapter in `folder` to `target` as a GGUF LoRA for `base`; whole or not at all.

    Raises as `gguf_lora` does.
    """
    header = read_gguf(base)
    architecture = str(header.keys.get("general.architecture"))
    if architecture not in _ARCHITECTURES:
        raise ModelError(f"Adapters for models of the kind {architecture} cannot be used by llama.cpp here. {_OTHER}")
    config = _config(folder)
    pairs = _pairs(folder, header, architecture)
    from gguf import GGUFType, GGUFWriter, Keys

    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    writer = GGUFWriter(part, architecture)
    writer.add_type(GGUFType.ADAPTER)
    writer.add_string(Keys.Adapter.TYPE, "lora")
    writer.add_float32(Keys.Adapter.LORA_ALPHA, float(config["lora_alpha"]))
    for pair in pairs:
        writer.add_tensor(f"{pair.tensor}.lora_a", pair.a)
        writer.add_tensor(f"{pair.tensor}.lora_b", pair.b * pair.factor(config))
    try:
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        os.replace(part, target)
    except OSError as error:
        raise storage_error(error, target.parent) from error
    finally:
        part.unlink(missing_ok=True)


@dataclass(frozen=True)
class _Pair:
    """The two factors for one weight: `a` shaped (rank, in), `b` (out, rank), float32."""

    module: str
    """PEFT's name of the layer."""
    tensor: str
    a: np.ndarray[Any, Any]
    b: np.ndarray[Any, Any]

    def factor(self, config: Mapping[str, Any]) -> Any:
        """What llama.cpp's scale, lora_alpha / rank, lacks to PEFT's; 1 but for rank-stabilised and mixed adapters."""
        import numpy as np

        alpha = float(_pattern(config.get("alpha_pattern"), self.module, config["lora_alpha"]))
        rank = self.a.shape[0]
        scale = alpha / rank**0.5 if config.get("use_rslora") else alpha / rank
        return np.float32(scale * rank / float(config["lora_alpha"]))


def _pattern(patterns: Mapping[str, Any] | None, module: str, usual: Any) -> Any:
    """The value for the module: that of the pattern its name ends with, as PEFT has it."""
    return next((value for end, value in (patterns or {}).items() if f".{module}".endswith(f".{end}")), usual)


def _config(folder: Path) -> dict[str, Any]:
    try:
        config: dict[str, Any] = read_json(folder / _CONFIG)
        kind, alpha = config["peft_type"], float(config["lora_alpha"])
    except (OSError, ValueError, KeyError, TypeError):
        raise ModelError(
            f"{folder} is no LoRA adapter: it needs a PEFT {_CONFIG} and {_WEIGHTS}. Choose another folder."
        ) from None
    unusual = [
        name for name in ("use_dora", "modules_to_save", "fan_in_fan_out", "layer_replication") if config.get(name)
    ]
    unusual += [name for name in ("bias", "lora_bias") if config.get(name) not in (None, False, "none")]
    unusual += [name for name in ("alora_invocation_tokens", "trainable_token_indices") if config.get(name)]
    if (
        kind != "LORA"
        or alpha == 0
        or unusual
        or any(set(".*+^$\\|") & set(e) for e in config.get("alpha_pattern") or {})
    ):
        what = kind if kind != "LORA" else ", ".join(unusual) or "its scale"
        raise ModelError(f"The adapter {folder.name} needs more than llama.cpp can do ({what}). {_OTHER}")
    return config


def _pairs(folder: Path, header: Header, architecture: str) -> list[_Pair]:
    halves: dict[str, dict[str, Any]] = {}
    for name, tensor in _read(folder).items():
        module, _, half = name.removeprefix("base_model.model.").rpartition(".lora_")
        if half not in ("A.weight", "B.weight"):
            raise ModelError(f"The adapter {folder.name} holds {name}, which llama.cpp cannot use. {_OTHER}")
        halves.setdefault(module, {})[half[0]] = tensor
    if not halves:
        raise ModelError(f"The adapter {folder.name} is empty. Choose another one.")
    shapes = {tensor.name: tensor.shape for tensor in header.tensors}
    return [_pair(folder, header, architecture, shapes, module, found) for module, found in sorted(halves.items())]


def _pair(
    folder: Path,
    header: Header,
    architecture: str,
    shapes: Mapping[str, tuple[int, ...]],
    module: str,
    found: Mapping[str, Any],
) -> _Pair:
    import gguf

    kind = next(key for key, value in gguf.MODEL_ARCH_NAMES.items() if value == architecture)
    names = gguf.get_tensor_name_map(kind, int(header.keys[f"{architecture}.block_count"]))
    tensor = names.get_name(f"{module}.weight", try_suffixes=(".weight",))
    if len(found) != 2 or tensor is None or tensor not in shapes or tensor.startswith("token_embd"):
        raise ModelError(f"The adapter {folder.name} changes {module}, which this model lacks. {_base(folder)}")
    a, b = found["A"], found["B"]
    if a.ndim != 2 or b.ndim != 2 or a.shape[0] != b.shape[1] or (b.shape[0], a.shape[1]) != shapes[tensor]:
        raise ModelError(
            f"The adapter {folder.name} is for another model: {module} is {b.shape[0]}x{a.shape[-1]} there, "
            f"{shapes[tensor][0]}x{shapes[tensor][-1]} here. {_base(folder)}"
        )
    for ending, key in ((".attn_q.weight", "head_count"), (".attn_k.weight", "head_count_kv")):
        if architecture in PERMUTED and tensor.endswith(ending):
            heads = header.keys.get(
                f"{architecture}.attention.{key}", header.keys[f"{architecture}.attention.head_count"]
            )
            b = permuted(b, int(heads))
    return _Pair(module, tensor, a, b)


def permuted(rows: Any, heads: int) -> Any:
    """The rows in llama.cpp's order: it turns neighbours where transformers turns the halves of a head."""
    return rows.reshape(heads, 2, rows.shape[0] // heads // 2, -1).swapaxes(1, 2).reshape(rows.shape)


def _base(folder: Path) -> str:
    try:
        named = str(read_json(folder / _CONFIG).get("base_model_name_or_path") or "")
    except (OSError, ValueError, AttributeError):
        named = ""
    return f"It was made for {named}: choose that model." if named else "Choose an adapter made for this model."


def _read(folder: Path) -> dict[str, Any]:
    """All tensors as float32; through torch, because numpy has no bfloat16."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(folder / _WEIGHTS), framework="pt") as file:
            return {name: file.get_tensor(name).float().contiguous().numpy() for name in file.keys()}  # noqa: SIM118
    except FileNotFoundError:
        raise ModelError(f"{folder} is no LoRA adapter: {_WEIGHTS} is missing. Choose another folder.") from None
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{folder / _WEIGHTS} is damaged: {error}. Fetch the adapter again.") from None


def _check(file: Path, header: Header) -> None:
    lora = read_gguf(file)
    if lora.keys.get("general.type") != "adapter" or lora.keys.get("adapter.type") != "lora":
        raise ModelError(f"{file} is no LoRA adapter. Choose a GGUF LoRA file, or a PEFT folder.")
    mine, base = lora.keys.get("general.architecture"), header.keys.get("general.architecture")
    there = {tensor.name: tensor.shape for tensor in header.tensors}
    shapes = {tensor.name: tensor.shape for tensor in lora.tensors}
    for name, shape in shapes.items():
        stem, _, half = name.rpartition(".lora_")
        # The embedding's factors are written the other way round.
        side = {"a": shape[-1], "b": shape[0]}.get(half)
        wanted = {"a": there.get(stem, (0,))[-1], "b": there.get(stem, (0,))[0]}.get(half)
        if mine != base or (half and side != wanted and not stem.startswith("token_embd")):
            raise ModelError(f"{file.name} is an adapter for another model ({mine}). Choose one made for this model.")


def _fingerprint(folder: Path, header: Header) -> str:
    """Names a converted adapter: all that its file depends on."""
    digest = hashlib.sha256()
    try:
        for name in (_CONFIG, _WEIGHTS):
            with (folder / name).open("rb") as content:
                digest.update(hashlib.file_digest(content, "sha256").digest())
    except FileNotFoundError as error:
        raise MissingError(f"{folder} is no LoRA adapter: {Path(error.filename).name} is missing there.") from None
    architecture = header.keys.get("general.architecture")
    digest.update(repr(sorted((k, v) for k, v in header.keys.items() if k.startswith(f"{architecture}."))).encode())
    digest.update(repr([(tensor.name, tensor.shape) for tensor in header.tensors]).encode())
    return digest.hexdigest()[:24]
