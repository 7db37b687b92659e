"""Reads a model and its tokenizer from disk with transformers: a folder of safetensors, or a GGUF file.

transformers takes half a minute to read a small GGUF and a second or two to read safetensors, so a GGUF is dequantised
once and the result kept. Knows nothing of prompts and sampling. Nothing is fetched, unpickled or run from a model.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playground.engine.base import ModelSource
from playground.errors import ModelError, StorageError
from playground.paths import storage_error

_FULL_DISK = {errno.ENOSPC, 112}
"""What "disk full" is called by Linux and macOS, and by Windows."""
log = logging.getLogger(__name__)


def load(source: ModelSource) -> tuple[Any, Any]:
    """Return model (on its device, for inference only) and tokenizer.

    Raises ModelError for what is no model, is damaged, unknown or too large, StorageError when a GGUF's converted
    copy cannot be kept, and MemoryError.
    """
    import torch
    import transformers

    library: Any = transformers
    library.utils.logging.disable_progress_bar()
    cuda = torch.cuda.is_available()
    # On a CPU always float32: bfloat16 decodes faster, but reads a prompt five times slower where the processor has no
    # instructions for it (measured: 80 against 389 tokens/s), and float16 is worse. A GPU without bfloat16 of its own
    # takes what the checkpoint was written in.
    dtype = "float32" if not cuda else "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "auto"
    with _words(source.path):
        if source.path.is_dir():
            model, tokenizer = _read_folder(source.path, dtype)
        elif source.cache is not None:
            model, tokenizer = _read_folder(_converted(source, source.cache), dtype)
        else:
            model, tokenizer = _read_gguf(source.path, dtype)
        return model.to("cuda" if cuda else "cpu").eval().requires_grad_(False), tokenizer


def _read_folder(folder: Path, dtype: str) -> tuple[Any, Any]:
    if not (folder / "config.json").is_file() or not any(folder.glob("*.safetensors")):
        raise ModelError(f"{folder} holds no model: config.json and *.safetensors are needed. Choose another folder.")
    return _read(folder, dtype)


def _read_gguf(file: Path, dtype: str) -> tuple[Any, Any]:
    return _read(file.parent, dtype, gguf_file=file.name)


def _read(folder: Path, dtype: str, **which: str) -> tuple[Any, Any]:
    import torch
    import transformers

    library: Any = transformers  # Its types do not know `output_loading_info`.
    safe: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False, **which}
    model, report = library.AutoModelForCausalLM.from_pretrained(
        str(folder),
        dtype=dtype if dtype == "auto" else getattr(torch, dtype),
        # A GGUF is not safetensors, and asking for both makes transformers look for the wrong file.
        use_safetensors=None if which else True,
        output_loading_info=True,
        **safe,
    )
    # transformers would fill these with random numbers and only log it.
    if missing := sorted(report["missing_keys"]):
        raise ModelError(
            f"{folder} lacks {len(missing)} of the model's weights ({missing[0]} ...). Download it again, "
            "or choose another model."
        )
    return model, library.AutoTokenizer.from_pretrained(str(folder), **safe)


def _converted(source: ModelSource, cache: Path) -> Path:
    """The folder with the safetensors made from a GGUF; made now, unless it was before."""
    status = source.path.stat()
    folder = cache / (source.sha256 or f"{source.path.stem}-{status.st_size}-{status.st_mtime_ns}")
    if folder.is_dir():
        return folder
    model, tokenizer = _read_gguf(source.path, "float32")
    # A model that came from a GGUF refuses to be saved while it thinks that it is still quantised.
    model.hf_quantizer = None
    del model.config.quantization_config
    part = folder.with_name(f"{folder.name}.part")
    try:
        # Left by a process that was killed; only one process uses a data folder at a time.
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        _check_room(sum(weight.numel() * weight.element_size() for weight in model.parameters()), part)
        model.save_pretrained(part)
        tokenizer.save_pretrained(part)
        for file in part.iterdir():
            _flush(file)
        os.replace(part, folder)
    except OSError as error:
        raise storage_error(error, cache) from error
    except Exception as error:
        # safetensors wraps the system's error into a text of its own.
        if found := re.search(r"\(os error (\d+)\)", str(error)):
            number = int(found[1])
            raise storage_error(OSError(errno.ENOSPC if number in _FULL_DISK else number, str(error)), cache) from error
        raise
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return folder


def _check_room(needed: int, place: Path) -> None:
    free = shutil.disk_usage(place).free
    if free < needed:
        raise StorageError(
            f"transformers needs {needed / 1e9:.1f} GB in {place.parent} to unpack this model, but {free / 1e9:.1f} GB "
            "are free. Free some space, or use --engine llamacpp, which needs none."
        )


def _flush(file: Path) -> None:
    """Onto the disk before the folder gets its name, so that a power cut cannot leave an empty file under it."""
    with file.open("r+b") as content:
        os.fsync(content.fileno())


@contextlib.contextmanager
def _words(path: Path) -> Iterator[None]:
    """Say in words why a model could not be read; what the library said goes to the log."""
    try:
        yield
    except (ModelError, StorageError, MemoryError):
        raise
    except Exception as error:
        log.warning("transformers could not load %s", path, exc_info=True)
        raise ModelError(_cause(error, path)) from error


def _cause(error: Exception, path: Path) -> str:
    text = str(error)
    if out_of_memory(error):
        return f"There is not enough memory for {path}. Close other programs, or choose a smaller model."
    if "custom code" in text or "trust_remote_code" in text:
        return f"{path} needs program code that comes with it, which is never run here. Choose another model."
    if "GGUF magic" in text:
        return f"{path} is not a GGUF model file. Give a .gguf file, or a folder with safetensors."
    if re.search(r"not recognize this architecture|[Uu]nrecognized (configuration|model)|not supported", text):
        return (
            f"{path} is of a kind that transformers cannot chat with, or does not know yet. Choose another model, "
            "or update this program."
        )
    if "tokenizer" in text:
        return f"The tokenizer of {path} is missing or damaged. Download the model again, or choose another."
    return f"{path} cannot be read: it is damaged or incomplete. Download it again, or choose another model."


def out_of_memory(error: BaseException) -> bool:
    """True when `error` means that memory ran out, on the GPU or outside it."""
    import torch

    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error)
