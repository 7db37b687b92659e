"""Packs a LoRA adapter into one file to give away: weights, configuration and card, without this machine's paths."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import zipfile
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from playground.engine.base import AdapterSource
from playground.engine.headers import read_safetensors
from playground.engine.peft_adapters import check as check_adapter
from playground.engine.small_file import read_json
from playground.errors import StorageError
from playground.paths import storage_error

_CONFIG, _WEIGHTS, _CARD = "adapter_config.json", "adapter_model.safetensors", "README.md"
_PATH = re.compile(r"(?<![\w:/.<\\])(?:/[\w.+@-]+){2,}/?|\b[A-Za-z]:\\[^\s\"'`<>)]+")
"""What looks like the path of a file in a text; not the end of an address or of a mark."""
_DATE = (1980, 1, 1, 0, 0, 0)
"""Of every file in the archive, so that the same adapter becomes the same bytes."""
_SPARE = 1 << 20


def zip_adapter(folder: Path, target: Path) -> Path:
    """Write the PEFT adapter in `folder` to the archive `target`, in a folder of its name; return `target`.

    Whole or not at all; a file that is there is replaced. Raises ModelError for what is no LoRA adapter or is damaged,
    StorageError when the disk has no room.
    """
    check_adapter(AdapterSource(folder.name, folder))
    read_safetensors(folder / _WEIGHTS)
    config = read_json(folder / _CONFIG)
    texts = {_CONFIG: json.dumps(_bare(config), indent=2, ensure_ascii=False) + "\n", _CARD: _card(folder, config)}
    part = target.with_name(f"{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _check_room((folder / _WEIGHTS).stat().st_size, target.parent)
        with zipfile.ZipFile(part, "w") as archive:
            for name, text in texts.items():
                archive.writestr(_entry(target, name, zipfile.ZIP_DEFLATED), text)
            # Weights are as good as random: packing them takes time and gains nothing.
            entry = _entry(target, _WEIGHTS, zipfile.ZIP_STORED)
            with (folder / _WEIGHTS).open("rb") as weights, archive.open(entry, "w", force_zip64=True) as packed:
                shutil.copyfileobj(weights, packed, 1 << 20)
        with part.open("r+b") as written:
            os.fsync(written.fileno())
        os.replace(part, target)
    except OSError as error:
        raise storage_error(error, target.parent) from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
    return target


def _entry(target: Path, name: str, packing: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(f"{target.stem}/{name}", _DATE)
    entry.compress_type, entry.external_attr = packing, 0o644 << 16
    return entry


def _bare(value: Any) -> Any:
    """The same JSON value with every absolute path cut to its last name."""
    if isinstance(value, dict):
        return {key: _bare(held) for key, held in value.items()}
    if isinstance(value, list):
        return [_bare(held) for held in value]
    return _last(value) if isinstance(value, str) and _absolute(value) else value


def _absolute(text: str) -> bool:
    return PurePosixPath(text).is_absolute() or PureWindowsPath(text).is_absolute()


def _last(path: str) -> str:
    return PureWindowsPath(path).name if PureWindowsPath(path).drive else PurePosixPath(path).name


def _card(folder: Path, config: dict[str, Any]) -> str:
    base = str(config.get("base_model_name_or_path") or "")
    try:
        text = (folder / _CARD).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        name = _bare(base) or "a model that it does not name"
        return f"# {folder.name}\n\nA LoRA adapter (PEFT) for {name}. Rank {config.get('r')}.\n"
    if _absolute(base):
        text = text.replace(base, _last(base))
    return _PATH.sub(lambda found: _last(found[0].rstrip("/\\")), text)


def _check_room(size: int, place: Path) -> None:
    free = shutil.disk_usage(place).free
    if free < size + _SPARE:
        raise StorageError(
            f"Packing this adapter needs {(size + _SPARE) / 1e6:.0f} MB in {place}, but {free / 1e6:.0f} MB are free. "
            "Free some space, or choose another place."
        )
