"""Any OpenAI-compatible server: vLLM, Ray Serve, llama-server, Ollama. This is how the app outgrows one machine.

What a server understands beyond the common API is told by how it lists its models; a stranger gets the common fields
only, and `info.versions["not_sent"]` names the settings that stayed behind. Where a server does not tell whether its
model can see (`info.versions["vision"]`), images are sent; once they are refused, it counts as one that cannot. The
wire is in `remote_http`.
"""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from playground import __version__
from playground.engine.base import ModelSource, NoAdapters, StopText
from playground.engine.remote_http import Server
from playground.engine.remote_scores import token_scores
from playground.engine.remote_vision import content_of, image_tokens, is_refusal, told_by_capabilities, told_by_entry
from playground.engine.told import Told
from playground.errors import ContextError, ModelError
from playground.records import Capabilities, Chunk, FinishReason, ModelInfo, Reading, Sampling, Turn

_SLOTS = 8
"""Replies at once where the server does not say how many it writes."""


@dataclass(frozen=True)
class _Kind:
    """What a kind of server can do more than the common API."""

    name: str
    sampling: dict[str, str]
    """Our name and theirs of the settings it knows beyond the common ones."""
    body: dict[str, Any]
    counts: bool = False
    """It counts tokens for us; elsewhere they are estimated."""


_VLLM = _Kind(
    "vllm",
    {"top_k": "top_k", "min_p": "min_p", "repetition_penalty": "repetition_penalty"},
    {"stream_options": {"include_usage": True, "continuous_usage_stats": True}},
    counts=True,
)
_RAY = replace(_VLLM, name="ray", counts=False)
_LLAMA = _Kind(
    "llama.cpp",
    {"top_k": "top_k", "min_p": "min_p", "repetition_penalty": "repeat_penalty"},
    {
        "return_progress": True,
        "cache_prompt": True,
        "samplers": ["penalties", "temperature", "top_k", "top_p", "min_p"],  # transformers' order
    },
    counts=True,
)
_OLLAMA = _Kind("ollama", {}, {})
_OTHER = _Kind("openai", {}, {})


def list_models(url: str, key: str = "") -> list[str]:
    """Names of the models that the server at `url` (ending in /v1) offers. Raises ModelError, BadValueError."""
    return [str(entry["id"]) for entry in _entries(Server(url, key))]


class RemoteEngine(NoAdapters):
    """One model of one server. It holds no memory; `close` has nothing to free."""

    def __init__(self, source: ModelSource) -> None:
        """Ask `source.url` for the model `source.id` (or what stands behind its `#`); the server must answer.

        Raises ModelError saying why it cannot be used, and BadValueError for an address or a key that cannot be one.
        """
        self._server = Server(source.url, source.api_key)
        entries = _entries(self._server)
        wanted = source.id.partition("#")[2] or source.id
        entry = _find(entries, wanted)
        if entry is None:
            names = ", ".join(str(one["id"]) for one in entries[:30]) or "none"
            raise ModelError(f"{self._server.name} has no model {wanted!r}. It has: {names}.")
        self._model = str(entry["id"])
        self._kind = _kind(entry)
        props = self._server.ask("GET", "/props", root=True) if self._kind is _LLAMA else {}
        slots = source.slots or int(props.get("total_slots") or (1 if self._kind is _LLAMA else _SLOTS))
        vision = self._vision(entry, props)
        not_sent = [name for name in _VLLM.sampling if name not in self._kind.sampling]
        versions = {"playground": __version__, "server": self._kind.name, "url": self._server.name}
        self.info = ModelInfo(
            model=source.id,
            engine="remote",
            revision=source.revision,
            quantization=str((entry.get("meta") or {}).get("ftype") or ""),
            context_length=_context_length(entry) or source.context_length,
            versions=versions
            | ({"not_sent": ", ".join(not_sent)} if not_sent else {})
            | ({} if self._kind.counts else {"token_counts": "estimated"})
            | ({} if vision is not None else {"vision": "not told"}),
            device="remote",
            capabilities=Capabilities(slots=slots, vision=vision is not False),
        )

    def _vision(self, entry: dict[str, Any], props: dict[str, Any]) -> bool | None:
        """Can the model see? None where the server does not tell."""
        if (told := told_by_entry(entry)) is not None:
            return told
        if self._kind is _LLAMA:
            return told_by_capabilities(props.get("modalities"), whole=True)
        if self._kind is _OLLAMA:
            # An Ollama behind a proxy may show no more than /v1: then it is not told, which the record says.
            with contextlib.suppress(ModelError):
                shown = self._server.ask("POST", "/api/show", {"model": self._model}, root=True)
                return told_by_capabilities(shown.get("capabilities"), whole=True)
        return None

    def count_tokens(self, turns: Sequence[Turn]) -> int:
        """Length of the prompt by the server's own count; an estimate where `info.versions["token_counts"]` says so.

        Images are estimated everywhere (`image_tokens`), and not sent to be counted. Raises ModelError.
        """
        seen = image_tokens(turns)
        turns = [replace(turn, images=()) for turn in turns]
        body = self._messages(turns)
        if self._kind is _VLLM:
            answer = self._server.ask("POST", "/tokenize", {"model": self._model, **body}, root=True)
            return int(answer["count"]) + seen
        if self._kind is _LLAMA:
            prompt = self._server.ask("POST", "/apply-template", body, root=True)["prompt"]
            asked = {"content": prompt, "add_special": True, "parse_special": True}
            return len(self._server.ask("POST", "/tokenize", asked, root=True)["tokens"]) + seen
        # Three and a half bytes a token is on the safe side for English, and about right for Chinese.
        return sum(math.ceil(len(turn.content.encode()) / 3.5) + 4 for turn in turns) + 3 + seen

    def _messages(self, turns: Sequence[Turn]) -> dict[str, Any]:
        if turns and turns[-1] == Turn("assistant", ""):
            turns = turns[:-1]
        body: dict[str, Any] = {"messages": [{"role": turn.role, "content": content_of(turn)} for turn in turns]}
        # The others go on with a reply of the assistant by themselves when it stands last.
        if self._kind in (_VLLM, _RAY) and turns and turns[-1].role == "assistant":
            body |= {"add_generation_prompt": False, "continue_final_message": True}
        return body

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
        """See Engine.stream. What came before a failure stays with the caller; nothing is asked for twice."""
        prompt, context, room = self.count_tokens(turns), self.info.context_length, sampling.max_new_tokens
        if self._kind.counts:
            if prompt >= context:
                raise ContextError(prompt, context)
            room = min(room, context - prompt)
        request = {
            "model": self._model,
            **self._messages(turns),
            "stream": True,
            "stream_options": {"include_usage": True},
            "max_tokens": room,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "seed": sampling.seed,
            **self._kind.body,
            **{theirs: getattr(sampling, ours) for ours, theirs in self._kind.sampling.items()},
        }
        if top_logprobs:
            request |= {"logprobs": True, "top_logprobs": top_logprobs}
        if self._kind is _LLAMA:
            request["repeat_last_n"] = context
        elif request.get("top_k") == 0:
            request["top_k"] = -1  # vLLM's word for all.
        yield Chunk("", prompt)
        if stop.is_set():
            yield Chunk("", prompt, finish_reason="cancelled")
            return
        try:
            yield from self._reply(request, sampling.stop, stop, prompt)
        except ContextError as error:
            # Refused before any work: the prompt fits, but not together with the reply that was asked for.
            if self._kind.counts or not 0 < error.limit - error.tokens < room:
                raise
            yield from self._reply({**request, "max_tokens": error.limit - error.tokens}, sampling.stop, stop, prompt)
        except ModelError as error:
            if not any(turn.images for turn in turns) or not is_refusal(str(error)):
                raise
            seeing = replace(self.info.capabilities, vision=False)
            self.info = replace(self.info, capabilities=seeing)
            raise ModelError(
                f"{self.info.model} cannot see images: its server refused them. "
                "Regenerate to go on without them, or choose a model that can."
            ) from error

    def _reply(
        self, request: dict[str, Any], stops: Sequence[str], stop: threading.Event, prompt: int
    ) -> Iterator[Chunk]:
        counts, cut, told = _Counts(prompt), StopText(stops), Told()
        # Stop strings are ours: servers differ in how many they take and in what they do with half of one.
        with contextlib.closing(self._server.stream("/chat/completions", request, stop.is_set)) as events:
            for event in events:
                chunk = counts.take(event)
                told.push(*token_scores(event, chunk.text if chunk is not None else ""))
                if chunk is not None:
                    shown = cut.push(chunk.text)
                    yield replace(chunk, text=shown, tokens=told.shown(shown))
                if cut.found:
                    break
        rest = cut.flush()
        last = counts.last(rest, cancelled=stop.is_set() and not cut.found, cut=cut.found)
        yield replace(last, tokens=told.last(rest))

    def close(self) -> None:
        """See Engine.close."""


class _Counts:
    """Turns OpenAI-shaped events into Chunks and keeps count on the way."""

    def __init__(self, prompt: int) -> None:
        self.prompt, self.done, self.cached, self.completion = prompt, 0, 0, 0
        self.reason: str | None = None
        self._thinking = False

    def take(self, event: dict[str, Any]) -> Chunk | None:
        if progress := event.get("prompt_progress"):
            self.prompt, self.done, self.cached = progress["total"], progress["processed"], progress["cache"]
            return self._chunk("")
        choice: dict[str, Any] = next(iter(event.get("choices") or ()), {})
        self.reason = choice.get("finish_reason") or self.reason
        text = self._text(choice.get("delta") or {})
        if text:
            self.completion += 1
        if usage := event.get("usage"):
            # Counts of the server are exact: several tokens may come in one event, and some have no text.
            self.prompt = usage.get("prompt_tokens") or self.prompt
            self.completion = max(self.completion if text else 0, usage.get("completion_tokens") or self.completion)
            self.cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or self.cached
        if not text:
            return None
        self.done = self.prompt
        return self._chunk(text)

    def _text(self, delta: dict[str, Any]) -> str:
        """What is said; thoughts that a server sends apart are set between the tags that models themselves write."""
        thought = delta.get("reasoning_content") or delta.get("reasoning") or ""
        said = delta.get("content") or ""
        text = str(thought) if self._thinking or not thought else f"<think>\n{thought}"
        if thought:
            self._thinking = True
        if said and self._thinking:
            self._thinking = False
            text += "\n</think>\n\n"
        return text + str(said)

    def last(self, rest: str, *, cancelled: bool, cut: bool) -> Chunk:
        reason: FinishReason = "cancelled" if cancelled else "length" if self.reason == "length" and not cut else "stop"
        if not cancelled:
            self.done = self.prompt
        return Chunk(rest, self.prompt, self.done, self.cached, self.completion, reason)

    def _chunk(self, text: str) -> Chunk:
        return Chunk(text, self.prompt, self.done, self.cached, self.completion)


def _entries(server: Server) -> list[dict[str, Any]]:
    answer = server.ask("GET", "/models")
    data = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(data, list) or not all(isinstance(entry, dict) and "id" in entry for entry in data):
        raise ModelError(
            f"{server.name} answers, but not with a list of models, so it is no OpenAI-compatible API. "
            "Check the address: it usually ends in /v1."
        )
    return data


def _find(entries: list[dict[str, Any]], wanted: str) -> dict[str, Any] | None:
    for entry in entries:
        if wanted in (entry["id"], f"{entry['id']}".removesuffix(":latest"), *(entry.get("aliases") or ())):
            return entry
    return None


def _kind(entry: dict[str, Any]) -> _Kind:
    owner = entry.get("owned_by")
    if "max_request_context_length" in (entry.get("metadata") or {}):
        return _RAY
    return {"vllm": _VLLM, "llamacpp": _LLAMA, "library": _OLLAMA}.get(str(owner), _OTHER)


def _context_length(entry: dict[str, Any]) -> int:
    meta, metadata = entry.get("meta") or {}, entry.get("metadata") or {}
    found = entry.get("max_model_len") or meta.get("n_ctx") or metadata.get("max_request_context_length") or 0
    return int(found)
