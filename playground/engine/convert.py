"""Turns a pickle checkpoint (pytorch_model.bin) into safetensors, once, without running what a pickle can carry.

Knows nothing of models: it moves named tensors from one file format to another, and the text files beside them.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle  # noqa: TID251 - for the name of its error alone
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playground.engine.small_file import read_json
from playground.errors import ModelError, StorageError
from playground.paths import storage_error

if TYPE_CHECKING:
    import torch

_SHARDS = "pytorch_model*.bin"
_INDEX = "pytorch_model.bin.index.json"
_MOST_COPIES = 4
"""How many times its own size a file's tensors may have: views of one storage, or of one number, cost it nothing."""
_COPIED = {".json", ".txt", ".model", ".spm", ".jinja", ".md", ".tiktoken", ""}
"""Endings of what a model needs beside its weights; never program code."""


def is_pickle(folder: Path) -> bool:
    """True when `folder` holds a model whose weights are there only as a pickle: `convert_pickle` can help."""
    return (folder / "config.json").is_file() and any(folder.glob(_SHARDS)) and not any(folder.glob("*.safetensors"))


def convert_pickle(folder: Path, target: Path) -> Path:
    """Make `target`, a copy of the model in `folder` with safetensors in place of its pickles; return `target`.

    Done once: a `target` that is there is whole, and returned as it is. Names that share one tensor (tied weights) are
    written once, under the first name, as transformers does. Raises ModelError when a pickle holds anything but
    tensors, is damaged or lacks a part, and StorageError when the disk has no room; then nothing is left behind.
    """
    if target.is_dir():
        return target
    shards = _shards(folder)
    copied = [file for file in sorted(folder.iterdir()) if _is_copied(file)]
    with whole_folder(target) as part:
        _check_room(sum(file.stat().st_size for file in [*shards, *copied]), part)
        _write(shards, part)
        for file in copied:
            shutil.copyfile(file, part / file.name)
    return target


@contextlib.contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """An empty folder to be filled inside the block; at its end it becomes `target`, or goes if anything failed.

    Raises StorageError for what the disk refuses.
    """
    part = target.with_name(f"{target.name}.part")
    try:
        # Left by a process that was killed; only one process uses a data folder at a time.
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        yield part
        for file in part.iterdir():
            _flush(file)
        os.replace(part, target)
    except OSError as error:
        raise storage_error(error, target.parent) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _shards(folder: Path) -> list[Path]:
    found = sorted(folder.glob(_SHARDS))
    if not found:
        raise ModelError(f"{folder} holds no {_SHARDS} to convert. Choose another folder.")
    try:
        index = read_json(folder / _INDEX) if (folder / _INDEX).is_file() else {}
        named = set(index.get("weight_map", {}).values())
    except (ValueError, AttributeError) as error:
        raise ModelError(f"{folder / _INDEX} is damaged. Download the model again.") from error
    # Only compared, never opened by the name that the index gives.
    if missing := sorted(named - {file.name for file in found}):
        raise ModelError(f"{folder} lacks {missing[0]}, a part of its weights. Download the model again.")
    return [file for file in found if not named or file.name in named]


def _write(shards: list[Path], place: Path) -> None:
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    where: dict[str, str] = {}
    for number, shard in enumerate(shards, 1):
        tensors = _read(shard)
        name = "model.safetensors" if len(shards) == 1 else f"model-{number:05}-of-{len(shards):05}.safetensors"
        try:
            save_file(tensors, place / name, metadata={"format": "pt"})
        except SafetensorError as error:  # It wraps the system's error into a text of its own.
            raise StorageError(
                f"{place.parent} cannot be written to: {error}. Free some space and try again."
            ) from error
        where.update(dict.fromkeys(tensors, name))
    if len(shards) > 1:
        index = {"metadata": {}, "weight_map": where}
        (place / "model.safetensors.index.json").write_text(json.dumps(index, indent=1), encoding="utf-8")


def _read(shard: Path) -> dict[str, torch.Tensor]:
    """The tensors of a pickle, each once, each in memory of its own. Raises ModelError."""
    import torch

    try:
        if zipfile.is_zipfile(shard):
            with zipfile.ZipFile(shard) as archive:
                if any(member.compress_type for member in archive.infolist()):
                    raise _damaged(shard)  # torch packs nothing; what is packed could be a thousand times larger.
        # Mapped rather than read where the format allows: a shard can be larger than the memory.
        held: Any = torch.load(shard, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(shard))
    except pickle.UnpicklingError as error:
        if "Weights only load failed" in str(error) and "corrupt" not in str(error):
            raise ModelError(
                f"{shard} holds program code, or other things than weights, so it was not opened. "
                "Choose a model that is offered as safetensors."
            ) from error
        raise _damaged(shard) from error
    except (OSError, ModelError):
        raise
    except Exception as error:  # A damaged file fails in as many ways as there are bytes in it.
        raise _damaged(shard) from error
    if not isinstance(held, Mapping) or not held:
        raise _strange(shard, type(held).__name__)
    tensors: dict[str, torch.Tensor] = {}
    left = _MOST_COPIES * shard.stat().st_size
    seen: set[tuple[object, ...]] = set()
    for name, value in held.items():
        if not isinstance(name, str) or not isinstance(value, torch.Tensor) or value.layout != torch.strided:
            raise _strange(shard, repr(name)[:60])
        view = (value.untyped_storage().data_ptr(), value.storage_offset(), value.shape, value.stride(), value.dtype)
        if value.numel() and view in seen:
            continue
        seen.add(view)
        left -= value.numel() * value.element_size()
        if left < 0:
            raise _damaged(shard)
        # A part of a larger tensor would take the whole of it along.
        whole = value.is_contiguous() and value.untyped_storage().nbytes() == value.numel() * value.element_size()
        tensors[name] = value.detach() if whole else value.detach().clone(memory_format=torch.contiguous_format)
    return tensors


def _strange(shard: Path, what: str) -> ModelError:
    return ModelError(
        f"{shard} is not a table of weights (found {what}), so it cannot be converted. "
        "Choose a model that is offered as safetensors."
    )


def _damaged(shard: Path) -> ModelError:
    return ModelError(f"{shard} cannot be read: it is damaged or incomplete. Download the model again.")


def _is_copied(file: Path) -> bool:
    return file.is_file() and file.suffix in _COPIED and not file.name.startswith(".") and file.name != _INDEX


def _check_room(needed: int, place: Path) -> None:
    free = shutil.disk_usage(place).free
    if free < needed + (16 << 20):
        raise StorageError(
            f"Converting this model needs {needed / 1e9:.2f} GB in {place.parent}, but {free / 1e9:.2f} GB are free. "
            "Free some space and try again."
        )


def _flush(file: Path) -> None:
    """Bring `file` onto the disk before its folder gets its name: a power cut must not leave it empty under it."""
    with file.open("r+b") as content:
        os.fsync(content.fileno())
