"""GGUF models through llama.cpp, in this process: the default where there is no NVIDIA GPU.

Turns become tokens by the model's own template, tokens go to the slot that knows most of them (`llamacpp_slots`), the
reply comes back as Chunks. An adapter is a part of each request; only a new one needs a new server, made in between.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import threading
from array import array
from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from playground import __version__
from playground.engine import readings
from playground.engine.base import AdapterSource, ModelSource
from playground.engine.headers import read_gguf
from playground.engine.llamacpp_gate import Gate
from playground.engine.llamacpp_replay import read_again
from playground.engine.llamacpp_reply import Reply
from playground.engine.llamacpp_server import FOLDER, LlamaServer, library
from playground.engine.llamacpp_slots import Slots
from playground.engine.lora_gguf import gguf_lora
from playground.engine.slot_store import SlotStore
from playground.errors import ContextError, ModelError
from playground.records import Capabilities, Chunk, Kind, ModelInfo, Reading, Sampling, Turn

_SLOTS = 4
_NEVER = 1e-13
"""Of the likeliest token's chance: all tokens of a large vocabulary that are less likely than this are together less
than what single precision rounds away."""
_KNOWN = 16
"""Prompts whose tokens are remembered: each is counted when it is sent, again when it is fitted, and then read."""


class LlamaCppEngine:
    """One GGUF model with `info.capabilities.slots` conversations at once, each with the whole `context_length`."""

    def __init__(self, source: ModelSource) -> None:
        """Load `source.path` and `source.adapters`. Raises ModelError when llama.cpp cannot use the files."""
        library()
        self._source, self._header = source, read_gguf(source.path)
        self._scratch = tempfile.TemporaryDirectory(prefix=f"{FOLDER}{os.getpid()}-")
        self._store = _store(source)
        self._files = {adapter.name: self._converted(adapter) for adapter in source.adapters}
        self._identities = {name: _identity(file) for name, file in self._files.items()}
        self._loaded: list[str] = []
        """Identities of the adapters that the server holds, in its order; more than the names while one is detached."""
        self._gate = Gate()
        self._known = lru_cache(_KNOWN)(lambda turns: array("i", self._asked(turns)))  # Four bytes a token.
        try:
            self._server = self._start(list(self._files.values()))
        except BaseException:
            self._scratch.cleanup()
            raise
        try:
            self.info = self._describe()
            self._slots = Slots(self._server, self.info.capabilities.slots, self._store, self._loras)
        except BaseException:
            self._server.close()
            raise

    @property
    def adapters(self) -> tuple[str, ...]:
        """See Engine.adapters."""
        return tuple(self._files)

    def count_tokens(self, turns: Sequence[Turn]) -> int:
        """See Engine.count_tokens; costs about a millisecond, and nothing the second time."""
        with self._gate.look():
            return len(self._tokens(turns))

    def stream(
        self,
        turns: Sequence[Turn],
        sampling: Sampling,
        stop: threading.Event,
        *,
        adapter: str = "",
        top_logprobs: int = 0,
        reading: Reading = (),
        keep: bool = True,
    ) -> Iterator[Chunk]:
        """See Engine.stream. Waits while all slots are taken or an adapter is being attached.

        With a `reading` it waits for a moment in which nothing else is written, and others wait until it has read.
        Tokens that hold only a part of a character have no scores: llama.cpp does not tell of them.
        """
        with self._gate.quiet(stop) if reading else self._gate.open(stop) as let_in:
            if let_in is None:
                yield Chunk(finish_reason="cancelled")
                return
            if adapter and adapter not in self._files:
                raise ModelError(f"The adapter {adapter} is not attached. Attach it, or choose another.")
            tokens, identity = self._tokens(turns), self._identities.get(adapter, "")
            if len(tokens) >= self.info.context_length:
                raise ContextError(len(tokens), self.info.context_length)
            pieces = readings.split(reading, len(tokens))[0] if reading else []
            with self._slots.lease(tokens, identity, stop, fresh=bool(reading)) as slot, self._gate.reads(stop) as read:
                if slot is None:
                    yield Chunk(prompt_tokens=len(tokens), finish_reason="cancelled")
                    return
                request = {**self._request(sampling, top_logprobs), "prompt": tokens, "id_slot": slot.number}
                if self._loaded:
                    request["lora"] = self._loras(identity)
                slot.keep = keep
                # What the slot holds if anything goes wrong from here on: nothing that one could build upon.
                slot.tokens, slot.adapter = [], identity
                if reading:
                    yield from read_again(self._server, slot, request, pieces, stop)
                    request["cache_prompt"] = len(pieces) > 1
                reply = Reply(len(tokens), slot, self._slots.before(slot), (read, let_in))
                try:
                    yield from reply.run(self._server, request, sampling.stop, stop)
                finally:
                    with contextlib.suppress(ModelError):
                        slot.tokens = tokens[: reply.done] + self._tokenize(reply.text, special=False)
                        slot.reading = reply.reading

    def attach(self, adapter: AdapterSource) -> None:
        """See Engine.attach. llama.cpp takes adapters only when it starts, so it is started anew, within a second or
        two for a small model, when no reply is being written; replies wait meanwhile. A PEFT adapter is converted."""
        file = self._converted(adapter)
        identity = _identity(file)
        with self._gate.alone():
            if identity not in self._loaded:
                kept = [path for name, path in self._files.items() if name != adapter.name]
                self._restart([*kept, file])
            self._files[adapter.name], self._identities[adapter.name] = file, identity

    def detach(self, name: str) -> None:
        """See Engine.detach. Its memory is freed at the next attach, or with the model."""
        with self._gate.alone():
            self._files.pop(name, None)
            self._identities.pop(name, None)

    def close(self) -> None:
        """See Engine.close; what conversations have left to keep is kept first, within a moment."""
        with self._gate.alone():
            if self._server is not None:
                self._slots.close()
                self._server.close()
                self._known.cache_clear()
                self._server = None  # type: ignore[assignment]  # nothing may be called after this
                self._scratch.cleanup()

    def _start(self, adapters: list[Path]) -> LlamaServer:
        trained = self._header.keys.get(f"{self._header.keys.get('general.architecture')}.context_length")
        context = min(self._source.context_length, int(trained or self._source.context_length))
        server = LlamaServer(
            self._source.path,
            slots=self._source.slots or _SLOTS,
            context_length=context,
            threads=self._source.threads,
            adapters=adapters,
            saves=self._store.folder if self._store is not None else None,
        )
        self._loaded = [_identity(file) for file in adapters]
        return server

    def _restart(self, adapters: list[Path]) -> None:
        before = [file for file in self._files.values() if _identity(file) in self._loaded]
        self._slots.save()
        self._server.close()
        try:
            self._server = self._start(adapters)
        except ModelError:
            self._server = self._start(before)
            raise ModelError(f"llama.cpp cannot use {adapters[-1]}. Choose an adapter made for this model.") from None
        finally:
            self._slots.reset(self._server)

    def _converted(self, adapter: AdapterSource) -> Path:
        return gguf_lora(adapter, self._source.path, self._source.cache or Path(self._scratch.name))

    def _loras(self, identity: str) -> list[dict[str, Any]]:
        return [{"id": number, "scale": float(one == identity)} for number, one in enumerate(self._loaded)]

    def _describe(self) -> ModelInfo:
        props = self._server.ask("GET", "/props")
        # Without a template in the file llama.cpp would invent one.
        template = str(self._header.keys.get("tokenizer.chat_template") or "")
        kind: Kind = "chat" if template else "base"
        return ModelInfo(
            model=self._source.id,
            engine="llamacpp",
            revision=self._source.revision,
            file_sha256=self._source.sha256,
            quantization=str(props.get("model_ftype") or ""),
            template_sha256=hashlib.sha256(template.encode()).hexdigest(),
            context_length=int(props["default_generation_settings"]["n_ctx"]),
            versions={"playground": __version__, "xllamacpp": version("xllamacpp")},
            capabilities=Capabilities(kind, adapters=True, slots=int(props["total_slots"])),
        )

    def _tokens(self, turns: Sequence[Turn]) -> list[int]:
        return list(self._known(tuple(turns)))

    def _asked(self, turns: Sequence[Turn]) -> list[int]:
        if self.info.capabilities.kind == "base":
            return self._tokenize("\n\n".join(turn.content for turn in turns), special=True)
        messages = [{"role": turn.role, "content": turn.content} for turn in turns]
        answer = self._server.ask("POST", "/apply-template", {"messages": messages})
        if "error" in answer:
            raise ModelError(f"The model's chat template refuses these messages: {answer['error'].get('message')}")
        return self._tokenize(answer["prompt"], special=True)

    def _tokenize(self, text: str, *, special: bool) -> list[int]:
        body = {"content": text, "add_special": special, "parse_special": special}
        answer = self._server.ask("POST", "/tokenize", body)
        if "error" in answer:
            raise ModelError(f"The model cannot read this text: {answer['error'].get('message')}")
        return list(answer["tokens"])

    def _request(self, sampling: Sampling, top_logprobs: int) -> dict[str, Any]:
        greedy = sampling.temperature == 0
        # Else top_p looks at all of the vocabulary at each token, a tenth of a small model's time. What it cuts before
        # top_p is nothing that could be drawn.
        all_of_it = not sampling.top_k and not sampling.min_p and sampling.top_p < 1
        rest = ["temperature", "min_p", "top_p"] if all_of_it else ["temperature", "top_p", "min_p"]
        return {
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "top_k": 1 if greedy else sampling.top_k,
            "min_p": _NEVER if all_of_it else sampling.min_p,
            "repeat_penalty": sampling.repetition_penalty,
            "repeat_last_n": self.info.context_length,
            "max_tokens": sampling.max_new_tokens,
            "seed": sampling.seed,
            # transformers' order, but for top_k, which the temperature does not change: first it leaves less to sort;
            # and for a min_p that is ours.
            "samplers": ["penalties", "top_k", *([] if greedy else rest)],
            "stream": True,
            "stream_options": {"include_usage": True},
            "return_progress": True,
            "cache_prompt": True,
            **({"n_probs": top_logprobs} if top_logprobs else {}),
        }


def _store(source: ModelSource) -> SlotStore | None:
    if source.state is None:
        return None
    status = source.path.stat()
    weights = source.sha256 or f"{source.path}-{status.st_size}-{status.st_mtime_ns}"
    return SlotStore(source.state, f"{weights} xllamacpp-{version('xllamacpp')} kv-f16 read-1")


def _identity(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
