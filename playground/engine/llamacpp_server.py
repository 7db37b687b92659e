"""llama.cpp's server inside this process (`xllamacpp`), and the private door to it. Knows nothing of conversations.

The server always listens somewhere. Here it listens on a socket file in a folder that only this user can enter (on
Windows: a loopback port), with a random key; it is asked there for templates, token counts and the state of its slots.
Replies do not take that way: they are streamed in this process.
"""

from __future__ import annotations

import contextlib
import ctypes
import http.client
import importlib.util
import json
import logging
import os
import secrets
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil

from playground.engine.heap import trim
from playground.errors import ModelError

log = logging.getLogger(__name__)
FOLDER = "playground-llama-"
"""How the temporary folders of a process begin, before its number; removed by the next one if it was killed."""
_SOCKET = "llama.sock"
_LONGEST = 100
"""Bytes of a socket file's path: the system takes 107 (macOS: 103)."""
PROMPT_BATCH = 128
"""Tokens read between two looks at the stop event: some 0.4 s on two slow cores; 512 read a tenth faster there."""


class LlamaServer:
    """One GGUF model with its slots, and LoRA adapters that each request turns on or leaves off."""

    def __init__(
        self,
        model: Path,
        *,
        slots: int,
        context_length: int,
        threads: int,
        adapters: Sequence[Path],
        saves: Path | None,
    ) -> None:
        """Load. `context_length` is that of each slot; `saves` is where `save` and `restore` keep their files.

        Raises ModelError when llama.cpp cannot use the files.
        """
        xllamacpp = library()
        sweep()
        self.folder = _own_folder()
        """Private to this user, and gone after `close`."""
        self.saves = saves or self.folder
        self._key = secrets.token_urlsafe(24)
        params = xllamacpp.CommonParams()
        params.model.path = str(model)
        # Separate caches: with a unified one each token would look at the keys of all conversations.
        params.n_parallel, params.kv_unified = slots, False
        params.n_ctx = context_length * slots
        params.n_batch = params.n_ubatch = PROMPT_BATCH
        cpu = xllamacpp.ggml_backend_dev_type.GGML_BACKEND_DEVICE_TYPE_CPU
        if all(device["type"] == cpu for device in xllamacpp.get_device_info()):
            # Flash attention computes one token, few and many in different ways, and one alone in another way than one
            # beside other conversations. Without it a reply can be computed again (measured after 1,500 tokens: writing
            # 16 % faster, reading 19 % slower).
            params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
        params.reasoning_format = xllamacpp.common_reasoning_format.COMMON_REASONING_FORMAT_NONE
        # A second cache of up to 8 GB in memory, which no plan knows of and which mixes up what was read under
        # different adapters. `SlotStore` does its work.
        params.cache_ram_mib = 0
        params.slot_save_path = f"{self.saves}{os.sep}"
        params.lora_adapters = [_adapter(xllamacpp, path) for path in adapters]
        params.lora_init_without_apply = True
        params.api_keys = [self._key]
        params.ui = False
        params.endpoint_slots = False
        params.verbosity = 0
        if sys.platform != "win32":
            params.hostnames = [str(self.folder / _SOCKET)]
        try:
            self._server = xllamacpp.Server(params)
        except RuntimeError:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise ModelError(
                f"llama.cpp cannot load {model}: damaged, of an unknown kind, or too large for the memory. "
                "Download it again, or choose another model, a shorter context or fewer replies at the same time."
            ) from None
        # Answered by its loop, which so runs from here on. Ended before it has begun it would run for ever, and its end
        # would be waited for with everything standing still.
        try:
            self.ask("POST", "/slots/0?action=erase")
        except ModelError:
            self.close()
            raise

    def complete(self, request: dict[str, Any], receive: Callable[[dict[str, Any]], bool]) -> None:
        """Run a request in the form of /v1/completions; ends when `receive` has returned True, or with the reply."""
        if self._server is None:
            raise ModelError("llama.cpp could not be started again. Load the model anew.")
        self._server.handle_completions(request, receive)

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """The server's JSON answer, errors included; costs about a millisecond, also while it works.

        Raises ModelError when it does not answer.
        """
        if self._server is None:
            raise ModelError("llama.cpp could not be started again. Load the model anew.")
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        try:
            with contextlib.closing(_connect(self._server.listening_address)) as connection:
                connection.request(method, path, json.dumps(body) if body is not None else None, headers)
                return dict(json.loads(connection.getresponse().read()))
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise ModelError(f"llama.cpp does not answer ({error}). Load the model anew.") from error

    def save(self, slot: int, name: str) -> int:
        """Write what an idle slot holds to the file `name` in `saves`; return its size in bytes, 0 if it failed."""
        file = self.saves / name
        try:
            answer = self.ask("POST", f"/slots/{slot}?action=save", {"filename": name})
            if "error" not in answer:
                file.chmod(0o600)
                return int(answer["n_written"])
            problem = str(answer["error"].get("message"))
        except (OSError, ModelError) as error:
            problem = str(error)
        log.warning("llama.cpp could not save slot %d to %s: %s", slot, file, problem)
        file.unlink(missing_ok=True)
        return 0

    def restore(self, slot: int, name: str) -> bool:
        """Read the file `name` into an idle slot; False where it is no such file: the slot is empty then."""
        answer = self.ask("POST", f"/slots/{slot}?action=restore", {"filename": name})
        return "error" not in answer

    def close(self) -> None:
        """Free the model, all of its memory. Nothing may be streaming."""
        self._server = None
        shutil.rmtree(self.folder, ignore_errors=True)
        trim()


def sweep() -> None:
    """Remove the folders of processes that were killed before they could."""
    places = {Path(tempfile.gettempdir()), Path("/tmp")}
    for folder in (found for place in places for found in place.glob(f"{FOLDER}*")):
        number = folder.name.removeprefix(FOLDER).partition("-")[0]
        if number.isdecimal() and not psutil.pid_exists(int(number)):
            shutil.rmtree(folder, ignore_errors=True)


def library() -> Any:
    """The module; where the system lacks OpenMP's runtime (bare Debian), torch's copy is loaded first."""
    try:
        import xllamacpp
    except ImportError as error:
        torch = importlib.util.find_spec("torch")
        if "libgomp" not in str(error) or torch is None or torch.origin is None:
            raise ModelError(f"llama.cpp cannot be loaded: {error}. Start launch.py with --reinstall.") from error
        ctypes.CDLL(str(Path(torch.origin).parent / "lib" / "libgomp.so.1"), ctypes.RTLD_GLOBAL)
        import xllamacpp
    return xllamacpp


def _adapter(xllamacpp: Any, path: Path) -> Any:
    info = xllamacpp.CommonAdapterLoraInfo()
    info.path, info.scale = str(path), 0.0
    return info


def _connect(address: str) -> http.client.HTTPConnection:
    if not address.startswith("unix://"):
        return http.client.HTTPConnection(urlsplit(address).netloc, timeout=30)
    connection = http.client.HTTPConnection("localhost")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.settimeout(30)
    connection.sock.connect(os.fspath(address.removeprefix("unix://")))
    return connection


def _own_folder() -> Path:
    """A new folder for this process, where temporary files go unless that place's name is too long for a socket."""
    prefix = f"{FOLDER}{os.getpid()}-"
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    if sys.platform != "win32" and len(os.fsencode(folder / _SOCKET)) > _LONGEST:
        folder.rmdir()
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir="/tmp"))
    return folder
