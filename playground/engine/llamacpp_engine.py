"""GGUF models through `xllamacpp` (llama.cpp in this process): the default where there is no NVIDIA GPU.

llama.cpp's server always listens somewhere. Here it listens on a socket file in a folder that only this user can
enter (on Windows: a loopback port), with a random key; it is asked for templates and token counts only.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import http.client
import importlib.util
import json
import os
import queue
import secrets
import shutil
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil

from playground import __version__
from playground.engine.base import ModelSource, StopText
from playground.errors import ContextError, ModelError
from playground.records import Chunk, FinishReason, ModelInfo, Sampling, Turn

_FOLDER = "playground-llama-"
_PROMPT_BATCH = 128
"""Tokens read between two looks at the stop event: some 0.4 s on two slow cores; 512 read a tenth faster there."""


class LlamaCppEngine:
    """One GGUF model held by a llama.cpp server inside this process."""

    def __init__(self, source: ModelSource) -> None:
        """Load `source.path`. Raises ModelError when llama.cpp cannot use the file."""
        xllamacpp = _library()
        _sweep()
        self._folder = Path(tempfile.mkdtemp(prefix=f"{_FOLDER}{os.getpid()}-"))
        self._key = secrets.token_urlsafe(24)
        params = xllamacpp.CommonParams()
        params.model.path = str(source.path)
        params.n_ctx = source.context_length
        params.n_parallel = 1
        params.n_batch = params.n_ubatch = _PROMPT_BATCH
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = source.threads
        params.reasoning_format = xllamacpp.common_reasoning_format.COMMON_REASONING_FORMAT_NONE
        params.api_keys = [self._key]
        params.ui = False
        params.endpoint_slots = False
        params.verbosity = 0
        if sys.platform != "win32":
            params.hostnames = [str(self._folder / "llama.sock")]
        try:
            self._server = xllamacpp.Server(params)
        except RuntimeError:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise ModelError(
                f"llama.cpp cannot load {source.path}: damaged, of an unknown kind, or too large for the memory. "
                "Download it again, or choose another model."
            ) from None
        self._lock = threading.Lock()
        try:
            self.info = self._describe(source)
        except BaseException:
            self.close()
            raise

    def _describe(self, source: ModelSource) -> ModelInfo:
        props = self._ask("GET", "/props")
        template = str(props.get("chat_template") or "")
        return ModelInfo(
            model=source.id,
            engine="llamacpp",
            revision=source.revision,
            file_sha256=source.sha256,
            quantization=str(props.get("model_ftype") or ""),
            template_sha256=hashlib.sha256(template.encode()).hexdigest(),
            context_length=int(props["default_generation_settings"]["n_ctx"]),
            versions={"playground": __version__, "xllamacpp": version("xllamacpp")},
        )

    def count_tokens(self, turns: Sequence[Turn]) -> int:
        """See Engine.count_tokens; costs about a millisecond, also while a reply is written."""
        prompt = self._ask("POST", "/apply-template", {"messages": _messages(turns)})["prompt"]
        return len(
            self._ask("POST", "/tokenize", {"content": prompt, "add_special": True, "parse_special": True})["tokens"]
        )

    def stream(self, turns: Sequence[Turn], sampling: Sampling, stop: threading.Event) -> Iterator[Chunk]:
        """See Engine.stream."""
        request = {
            "messages": _messages(turns),
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "top_k": sampling.top_k,
            "min_p": sampling.min_p,
            "repeat_penalty": sampling.repetition_penalty,
            "repeat_last_n": self.info.context_length,
            "max_tokens": sampling.max_new_tokens,
            "seed": sampling.seed,
            "samplers": ["penalties", "temperature", "top_k", "top_p", "min_p"],  # transformers' order
            "stream": True,
            "stream_options": {"include_usage": True},
            "return_progress": True,
            "cache_prompt": True,
        }
        with self._lock:
            yield from self._run(request, sampling.stop, stop)

    def _run(self, request: dict[str, Any], stops: Sequence[str], stop: threading.Event) -> Iterator[Chunk]:
        events: queue.SimpleQueue[dict[str, Any] | BaseException | None] = queue.SimpleQueue()
        abandoned = threading.Event()

        def receive(event: dict[str, Any]) -> bool:
            events.put(event)
            return stop.is_set() or abandoned.is_set()

        def work() -> None:
            try:
                self._server.handle_chat_completions(request, receive)
                events.put(None)
            except BaseException as error:  # noqa: BLE001 - handed to the consumer, who raises it
                events.put(error)

        worker = threading.Thread(target=work, name="llamacpp-stream", daemon=True)
        worker.start()
        counts = _Counts()
        # Stop strings are ours: llama.cpp loses the text it holds back when the reply reaches its limit.
        cut = StopText(stops)
        try:
            while not cut.found and (event := events.get()) is not None:
                if isinstance(event, BaseException):
                    raise ModelError(f"llama.cpp failed: {event}. Try again, or load the model anew.") from event
                chunk = counts.take(event)
                if chunk is not None:
                    yield replace(chunk, text=cut.push(chunk.text)) if stops else chunk
            yield counts.last(cut.flush(), cancelled=stop.is_set() and not cut.found)
        finally:
            abandoned.set()
            worker.join()

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        connection = _connect(self._server.listening_address)
        with contextlib.closing(connection):
            headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
            connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            answer = json.loads(connection.getresponse().read())
        if "error" in answer:
            raise ModelError(f"The model's chat template refuses these messages: {answer['error'].get('message')}")
        return dict(answer)

    def close(self) -> None:
        """See Engine.close."""
        with self._lock:
            self._server = None
        shutil.rmtree(self._folder, ignore_errors=True)


class _Counts:
    """Turns llama.cpp's OpenAI-shaped events into Chunks and keeps count on the way."""

    def __init__(self) -> None:
        self.prompt = self.done = self.cached = self.completion = 0
        self.reason: str | None = None

    def take(self, event: dict[str, Any]) -> Chunk | None:
        if error := event.get("error"):
            if error.get("type") == "exceed_context_size_error":
                raise ContextError(error["n_prompt_tokens"], error["n_ctx"])
            raise ModelError(f"llama.cpp failed: {error.get('message')}. Try again, or load the model anew.")
        if progress := event.get("prompt_progress"):
            self.prompt, self.done, self.cached = progress["total"], progress["processed"], progress["cache"]
            return self._chunk("")
        if usage := event.get("usage"):
            self.prompt, self.completion = usage["prompt_tokens"], usage["completion_tokens"]
            return None
        choice = event["choices"][0] if event.get("choices") else {}
        self.reason = choice.get("finish_reason") or self.reason
        text = choice.get("delta", {}).get("content")
        if not text:
            return None
        self.done = self.prompt
        self.completion += 1
        return self._chunk(text)

    def last(self, rest: str, *, cancelled: bool) -> Chunk:
        reason: FinishReason = "cancelled" if cancelled else "length" if self.reason == "length" else "stop"
        return Chunk(rest, self.prompt, self.done, self.cached, self.completion, reason)

    def _chunk(self, text: str) -> Chunk:
        return Chunk(text, self.prompt, self.done, self.cached, self.completion)


def _sweep() -> None:
    """Remove the socket folders of processes that were killed before they could."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_FOLDER}*"):
        number = folder.name.removeprefix(_FOLDER).partition("-")[0]
        if number.isdecimal() and not psutil.pid_exists(int(number)):
            shutil.rmtree(folder, ignore_errors=True)


def _library() -> Any:
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


def _messages(turns: Sequence[Turn]) -> list[dict[str, str]]:
    return [{"role": turn.role, "content": turn.content} for turn in turns]


def _connect(address: str) -> http.client.HTTPConnection:
    if not address.startswith("unix://"):
        return http.client.HTTPConnection(urlsplit(address).netloc, timeout=30)
    connection = http.client.HTTPConnection("localhost")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.settimeout(30)
    connection.sock.connect(os.fspath(address.removeprefix("unix://")))
    return connection
