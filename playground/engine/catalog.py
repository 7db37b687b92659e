"""Finds a model by the name a person gave and says which engine reads it. Loads nothing."""

from __future__ import annotations

import contextlib
import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from playground.engine import library
from playground.engine.base import AdapterSource, LoadOptions, ModelSource
from playground.engine.echo_engine import echo_bytes
from playground.engine.hardware import default_threads, torch_has_cuda
from playground.engine.hub_files import is_hub_name
from playground.engine.keys import key_for
from playground.engine.library import model_file
from playground.engine.peft_adapters import changes_more, unswitchable
from playground.engine.reading_choice import plain
from playground.engine.small_file import read_json, write_json
from playground.engine.transfer import sha256_of
from playground.errors import BadValueError, MissingError, ModelError
from playground.paths import DataFolder, typed_path
from playground.presets import ModelPreset, model_preset, model_presets
from playground.settings import Settings

_GGUF_MAGIC = b"GGUF"


@dataclass(frozen=True)
class Wanted:
    """What a name means: an engine, the model's name, the preset when it is a curated one, the files, or a server."""

    engine: str
    model: str
    preset: ModelPreset | None = None
    path: Path | None = None
    url: str = ""


def resolve(name: str, options: LoadOptions, settings: Settings, folder: DataFolder) -> Wanted:
    """Decide the engine; the files need not be there yet when a preset names them.

    Raises BadValueError for an engine that cannot read such a model, MissingError for a name that means nothing.
    """
    if options.engine == "echo":
        echo_bytes(name)
        return Wanted("echo", name)
    name = plain(name)
    if name.startswith(("http://", "https://")) or options.engine == "remote":
        return _remote(name, settings)
    preset = model_presets().get(name)
    if preset is not None and preset.kind == "embedding":
        raise BadValueError(f"{preset.name} compares texts and cannot write any. Choose another model.")
    path = model_file(preset, folder) if preset else _local_path(name, folder)
    engine = _engine(path, preset, options)
    return Wanted(engine, preset.id if preset else _called(name, path), preset, path)


def _called(name: str, path: Path) -> str:
    """What replies say of a model that is no preset: its name on the Hub, else what its file or folder is called."""
    if is_hub_name(name) and not Path(name).exists():
        return name
    return path.stem if path.suffix == ".gguf" else path.name


def _engine(path: Path, preset: ModelPreset | None, options: LoadOptions) -> str:
    gguf = path.suffix == ".gguf"
    if path.is_file() and not gguf:
        gguf = _is_gguf(path)
        if not gguf:
            raise ModelError(f"{path} is not a GGUF model file. Give a .gguf file or a folder with safetensors.")
    seq2seq = preset.kind == "seq2seq" if preset else is_seq2seq(path)
    if options.engine == "auto":
        if seq2seq:
            return "ctranslate2"
        # xllamacpp's wheels compute on the processor; a GPU is used through transformers.
        return "llamacpp" if gguf and not (has_nvidia() and options.device != "cpu") else "transformers"
    if options.engine == "llamacpp" and not gguf:
        raise BadValueError(f"{path} is a folder; llama.cpp reads GGUF files. Use --engine transformers for it.")
    if options.engine == "ctranslate2" and not seq2seq:
        raise BadValueError(
            f"{path} is no translation (seq2seq) model, and CTranslate2 is used for these only. Use --engine auto."
        )
    if options.engine == "transformers" and seq2seq:
        raise BadValueError(f"{path} is a seq2seq model, which the ctranslate2 engine runs. Use --engine auto.")
    return options.engine


def _remote(name: str, settings: Settings) -> Wanted:
    url, _, model = name.partition("#") if name.startswith(("http://", "https://")) else (settings.remote_url, "", name)
    if not url or not model:
        raise BadValueError(
            f"{name} names no model of a server. Write http://host:8000/v1#model, or give --remote-url and --model."
        )
    if "@" in urlsplit(url).netloc:
        raise BadValueError("The address of a server must not hold a password. Give the key apart.")
    return Wanted("remote", model, url=url.rstrip("/"))


def is_seq2seq(path: Path) -> bool:
    """True for a folder whose model rewrites one text into another."""
    try:
        config = read_json(path / "config.json")
    except (OSError, ValueError):
        return False
    return bool(isinstance(config, dict) and config.get("is_encoder_decoder"))


def source(wanted: Wanted, options: LoadOptions, settings: Settings, folder: DataFolder) -> ModelSource:
    """The model as an engine takes it: checked from outside and hashed. Raises MissingError, ModelError."""
    plain = ModelSource(
        wanted.model,
        wanted.path or folder.root,
        context_length=options.context_length,
        threads=settings.threads or default_threads(),
        cache=folder.cache / "converted",
        precision=options.precision,
        device=options.device,
        attn_implementation=options.attn_implementation,
        slots=options.slots,
        state=folder.cache / "prefixes",
        url=wanted.url,
        api_key=key_for(wanted.url, settings) if wanted.url else "",
    )
    if wanted.path is None:
        return plain
    sha256 = file_sha256(wanted.path, folder.cache / "hashes.json")
    if wanted.preset and wanted.preset.sha256 and sha256 != wanted.preset.sha256:
        raise ModelError(
            f"{wanted.path} is not the file it should be (wrong SHA-256). Delete it; it is fetched anew then."
        )
    return replace(plain, sha256=sha256, revision=wanted.preset.hub_revision if wanted.preset else "")


def adapter_source(path: Path, name: str) -> AdapterSource:
    """A LoRA adapter on disk, hashed. Raises MissingError, ModelError when it is none."""
    if not path.exists():
        raise MissingError(f"There is no file or folder {path}. Check the path of the adapter.")
    _refuse_devices(path)
    if path.is_dir():
        weights = path / "adapter_model.safetensors"
        if not (path / "adapter_config.json").is_file() or not weights.is_file():
            raise ModelError(
                f"{path} holds no adapter: adapter_config.json and adapter_model.safetensors are needed. "
                "Choose another folder."
            )
        _refuse_more(path / "adapter_config.json", name)
        return AdapterSource(name, path, sha256_of(weights))
    if not _is_gguf(path):
        raise ModelError(f"{path} is no adapter. Give a PEFT folder or a GGUF LoRA file.")
    return AdapterSource(name, path, sha256_of(path))


def _refuse_more(config: Path, name: str) -> None:
    """Raise ModelError for an adapter that no engine can switch on and off."""
    try:
        read = read_json(config)
    except (OSError, ValueError):
        return  # The engine says what is wrong with it.
    if isinstance(read, dict) and changes_more(read):
        raise unswitchable(name)


def _refuse_devices(path: Path) -> None:
    """Raise ModelError where a device or a pipe stands for a file: to read one has no end."""
    for file in (path, *(path.iterdir() if path.is_dir() else ())):
        if file.exists() and not file.is_file() and not file.is_dir():
            raise ModelError(f"{file} is a device or a pipe, not a file. Choose another model.")


def _is_gguf(file: Path) -> bool:
    with file.open("rb") as content:
        return content.read(4) == _GGUF_MAGIC


def has_nvidia() -> bool:
    """True where an NVIDIA GPU can be used; asked without importing torch, which takes seconds."""
    if not torch_has_cuda():
        return False
    return Path("/proc/driver/nvidia/version").exists() or shutil.which("nvidia-smi") is not None


def file_sha256(path: Path, memory: Path) -> str:
    """SHA-256 of a model file, remembered in `memory` by path, size and time; a folder's of its weight files."""
    files = [path]
    if path.is_dir():
        files = sorted(path.glob("*.safetensors")) or sorted(path.glob("*.bin"))
    key = "|".join(f"{file}:{file.stat().st_size}:{file.stat().st_mtime_ns}" for file in files)
    try:
        known = read_json(memory)
    except (OSError, ValueError):
        known = {}
    if key not in known:
        known[key] = sha256_of(*files)
        with contextlib.suppress(OSError):  # Only a memory: without it the file is hashed again the next time.
            memory.parent.mkdir(parents=True, exist_ok=True)
            write_json(memory, known)
    return str(known[key])


def _local_path(name: str, folder: DataFolder) -> Path:
    path = typed_path(name)
    if path.exists():
        _refuse_devices(path)
        # Of a folder that holds one GGUF file and no other model, the file is meant.
        files = [] if (path / "config.json").exists() else sorted(path.glob("*.gguf")) if path.is_dir() else []
        return files[0] if len(files) == 1 else path
    if is_hub_name(name):
        model = library.find(name, folder)
        if model is None:
            raise MissingError(f"{name} is not on this machine. Download it first: playground models pull {name}.")
        if not model.complete:
            raise MissingError(f"{name} cannot be used: {model.problem} Download it again.")
        return model.path
    if os.sep in name or "/" in name or name.endswith(".gguf"):
        raise MissingError(f"There is no file or folder {path}. Check the path given with --model.")
    model_preset(name)
    raise AssertionError("model_preset raises for a name that is not a preset")
