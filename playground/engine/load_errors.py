"""Says in words why a library could not read a model; what it said itself goes to the log."""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from playground.errors import ModelError, StorageError

log = logging.getLogger(__name__)


@contextlib.contextmanager
def words(path: Path, library: str, cause: Callable[[Exception, Path], str]) -> Iterator[None]:
    """Turn whatever goes wrong inside into a ModelError that says the `cause`; StorageError and MemoryError pass."""
    try:
        yield
    except (ModelError, StorageError, MemoryError):
        raise
    except Exception as error:
        log.warning("%s could not load %s: %s", library, path, error, exc_info=True)
        raise ModelError(cause(error, path)) from error


def cause(error: Exception, path: Path) -> str:
    """What an error of transformers means, and what to do."""
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
