"""Bodies of requests, checked field by field.

What changes nothing here is accepted, what cannot be done is refused by name, and nothing is left out in silence.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from playground.api.openai_errors import Unsupported
from playground.engine.base import TOP_LOGPROBS
from playground.records import Sampling

_LOW, _HIGH = ({name: pair[at] for name, pair in Sampling.LIMITS.items()} for at in (0, 1))


def _number(name: str) -> Any:
    return Field(default=None, ge=_LOW[name], le=_HIGH[name])


def _changes_nothing(value: Any) -> Any:
    if isinstance(value, bool | str) or value:
        raise Unsupported("it is not supported. Leave it out, or give 0. See repetition_penalty.")
    return value


def _plain_text(value: Any) -> Any:
    if isinstance(value, dict) and value.get("type") not in (None, "text"):
        raise Unsupported("only plain text is written. Leave it out.")
    return value


Zero = Annotated[float | None, BeforeValidator(_changes_nothing)]
Stop = Annotated[str, Field(min_length=1, max_length=1000)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    unsupported: ClassVar[Mapping[str, str]] = {}
    """Keys of OpenAI's that are refused when they say anything, and why."""

    @model_validator(mode="before")
    @classmethod
    def _refuse(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        for key, why in cls.unsupported.items():
            if values.get(key) is not None:
                raise Unsupported(why, key)
        return {key: value for key, value in values.items() if key not in cls.unsupported}


class TextFormat(_Strict):
    """How the reply is to look."""

    type: Literal["text"]


class StreamOptions(_Strict):
    """What a stream tells besides."""

    include_usage: bool | None = None
    include_obfuscation: bool | None = None


class Part(_Strict):
    """A piece of a message."""

    type: Literal["text"]
    text: str

    @model_validator(mode="before")
    @classmethod
    def _only_text(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("type") in ("image_url", "input_audio", "file", "refusal"):
            raise Unsupported(f"parts of the type {values['type']} are not supported. Send text.", "type")
        return values


class Message(_Strict):
    """One turn."""

    unsupported = dict.fromkeys(
        ("tool_calls", "function_call", "tool_call_id", "audio"),
        "tools are not supported. Turn them off in the program that asks.",
    )
    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[Part]
    name: str | None = None
    refusal: None = None

    @model_validator(mode="before")
    @classmethod
    def _no_tools(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("role") in ("tool", "function"):
            raise Unsupported("tools are not supported. Turn them off in the program that asks.", "role")
        return values

    def text(self) -> str:
        """All of its text."""
        return self.content if isinstance(self.content, str) else "".join(part.text for part in self.content)


class _Drawing(_Strict):
    """What replies and continuations share."""

    model: str = Field(default="", max_length=500)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: int | None = Field(default=None, ge=1, le=8)
    seed: int | None = Field(default=None, ge=-(2**63), le=2**63 - 1)
    stop: Stop | Annotated[list[Stop], Field(max_length=4)] | None = None
    max_tokens: int | None = _number("max_new_tokens")
    temperature: float | None = _number("temperature")
    top_p: float | None = _number("top_p")
    top_k: int | None = _number("top_k")
    min_p: float | None = _number("min_p")
    repetition_penalty: float | None = _number("repetition_penalty")
    frequency_penalty: Zero = None
    presence_penalty: Zero = None
    logit_bias: dict[str, float] | None = Field(default=None, max_length=0)
    user: str | None = None

    @property
    def tells_usage(self) -> bool:
        """Whether a stream ends with its counts."""
        return bool(self.stream_options and self.stream_options.include_usage)

    @property
    def stops(self) -> tuple[str, ...]:
        """Where a reply ends."""
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())


_TOOLS, _SOUND = "tools are not supported. Turn them off in the program that asks.", "only text is written."


class ChatBody(_Drawing):
    """Of POST /v1/chat/completions."""

    unsupported = {
        **dict.fromkeys(("tools", "tool_choice", "functions", "function_call"), _TOOLS),
        **dict.fromkeys(("audio", "prediction", "web_search_options"), _SOUND),
        **dict.fromkeys(("reasoning_effort", "verbosity"), "the model decides on it by itself."),
    }
    messages: list[Message] = Field(min_length=1, max_length=10_000)
    max_completion_tokens: int | None = _number("max_new_tokens")
    logprobs: bool | None = None
    top_logprobs: int | None = Field(default=None, ge=0, le=TOP_LOGPROBS)
    response_format: Annotated[TextFormat | None, BeforeValidator(_plain_text)] = None
    modalities: list[Literal["text"]] | None = None
    metadata: dict[str, Any] | None = None
    store: bool | None = None
    service_tier: str | None = None
    parallel_tool_calls: bool | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None

    @model_validator(mode="after")
    def _asked_for(self) -> ChatBody:
        if self.top_logprobs is not None and not self.logprobs:
            raise ValueError("top_logprobs needs logprobs: true.")
        return self


class CompletionBody(_Drawing):
    """Of POST /v1/completions."""

    unsupported = {"suffix": "text is written at the end only."}
    prompt: str | list[str] = Field(min_length=1)
    logprobs: int | None = Field(default=None, ge=0, le=5)
    echo: bool | None = None
    best_of: int | None = None

    @model_validator(mode="before")
    @classmethod
    def _what_cannot_be(cls, values: Any) -> Any:
        if isinstance(values, dict):
            prompt = values.get("prompt")
            if isinstance(prompt, list) and any(isinstance(one, int | list) for one in prompt):
                raise Unsupported("prompts of token numbers are not supported. Send text.", "prompt")
            if isinstance(prompt, list) and len(prompt) > 20:
                raise ValueError("prompt: at most 20 texts can be sent at once.")
            if values.get("best_of") not in (None, 1, values.get("n")):
                raise Unsupported("only as many texts are written as are returned. Leave it out.", "best_of")
            if values.get("echo") and values.get("logprobs") is not None:
                raise Unsupported("probabilities of the prompt are not told. Ask for one of both.", "echo")
        return values

    @property
    def prompts(self) -> list[str]:
        """One at least."""
        return [self.prompt] if isinstance(self.prompt, str) else self.prompt


class EmbeddingBody(_Strict):
    """Of POST /v1/embeddings."""

    unsupported = {"dimensions": "vectors are as long as the model makes them."}
    input: str | list[str] = Field(min_length=1)
    model: str = Field(max_length=500)
    encoding_format: Literal["float", "base64"] | None = None
    user: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _only_texts(cls, values: Any) -> Any:
        texts = values.get("input") if isinstance(values, dict) else None
        if isinstance(texts, list):
            if any(isinstance(one, int | list) for one in texts):
                raise Unsupported("token numbers are not supported. Send text.", "input")
            if len(texts) > 2048 or "" in texts:
                raise ValueError("input: 1 to 2048 texts that are not empty can be sent at once.")
        return values


class TranslateBody(_Strict):
    """Of POST /v1/translate."""

    text: str
    target: str = Field(max_length=20)
    source: str | None = Field(default=None, max_length=20)
    model: str | None = Field(default=None, max_length=500)


class SummarizeBody(_Strict):
    """Of POST /v1/summarize."""

    text: str
    length: int | str | None = None
    """Words, or a share such as "10 %"."""
    language: str | None = Field(default=None, max_length=20)
    style: str | None = Field(default=None, max_length=50)
