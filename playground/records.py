"""The values that travel through every layer: frozen, typed, without behaviour of their own.

Identity and time belong to the store; these records only carry them. Sampling names and meanings are those of
transformers' `GenerationConfig`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, ClassVar, Literal

from playground.errors import BadValueError

Role = Literal["system", "user", "assistant"]
Status = Literal["streaming", "complete", "stopped", "failed"]
FinishReason = Literal["stop", "length", "cancelled"]
ContextRule = Literal["oldest", "summary", "hand"]
"""What happens to old messages that do not fit into the context: the oldest are left out, or a summary stands for them,
or the user says which ones."""
TitleBy = Literal["first_line", "model", "user"]
Kind = Literal["chat", "base", "seq2seq", "embedding"]
"""What a model was made for: to answer, to go on with a text, to rewrite one text into another (translation), or to
compare texts by their meaning (it writes nothing, and is never loaded by the manager; see `engine.embedding`)."""


@dataclass(frozen=True)
class Picture:
    """An image as a model sees it: a whole PNG or JPEG file, and its size in pixels."""

    media_type: str
    data: bytes = field(repr=False)
    width: int
    height: int


@dataclass(frozen=True)
class Turn:
    """One message as an engine sees it: who speaks, and what. Storage adds ids and links (`Message`)."""

    role: Role
    content: str
    images: tuple[Picture, ...] = ()
    """Only for engines that can see (`Capabilities.vision`)."""


@dataclass(frozen=True)
class Sampling:
    """How the next token is drawn; checked when it is made, so that every engine may trust it.

    Raises BadValueError naming the field, the value and the allowed range.
    """

    temperature: float = 0.7
    top_p: float = 0.95
    top_k: int = 40
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    max_new_tokens: int = 1024
    seed: int | None = None
    stop: tuple[str, ...] = ()

    LIMITS: ClassVar[Mapping[str, tuple[float, float]]] = {
        "temperature": (0.0, 5.0),
        "top_p": (0.0, 1.0),
        "top_k": (0, 1000),
        "min_p": (0.0, 1.0),
        "repetition_penalty": (0.5, 3.0),
        "max_new_tokens": (1, 1_000_000),
        "seed": (0, 2**32 - 2),
    }
    WHOLE: ClassVar[frozenset[str]] = frozenset({"top_k", "max_new_tokens", "seed"})

    def __post_init__(self) -> None:
        for name, (low, high) in self.LIMITS.items():
            value = getattr(self, name)
            if name == "seed" and value is None:
                continue
            kind = int if name in self.WHOLE else (int, float)
            if isinstance(value, bool) or not isinstance(value, kind) or not low <= value <= high:
                number = "a whole number" if name in self.WHOLE else "a number"
                raise BadValueError(f"{name} is {value!r}. Give {number} from {_plain(low)} to {_plain(high)}.")
        if not isinstance(self.stop, tuple) or not all(isinstance(s, str) and s for s in self.stop):
            raise BadValueError(f"stop is {self.stop!r}. Give a list of non-empty texts.")

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any], where: str) -> Sampling:
        """Build from a table of a file or a form; `where` names it in the error for an unknown key."""
        known = {field.name for field in fields(cls)}
        for key in values:
            if key not in known:
                raise BadValueError(f"{where}: unknown key {key!r}. Known are: {', '.join(sorted(known))}.")
        stop = values.get("stop", ())
        try:
            return cls(**{**values, "stop": tuple(stop) if isinstance(stop, list) else stop})
        except BadValueError as error:
            raise BadValueError(f"{where}: {error}") from None

    def to_dict(self) -> dict[str, Any]:
        """A plain dictionary that `from_mapping` takes back; `stop` as a list."""
        return {**asdict(self), "stop": list(self.stop)}


def _plain(number: float) -> str:
    return str(int(number)) if number == int(number) else str(number)


@dataclass(frozen=True)
class TokenScore:
    """One token of a reply, and what the model thought of it.

    Probabilities are the model's own, before anything that sampling changes: temperature 1, no penalties, nothing cut
    off. (A remote server may send others: OpenAI's API leaves open which.)
    """

    text: str
    """What it adds to the text as shown. Empty while a character is incomplete: all of it is at the token that
    completes it. Together, the texts of all tokens are the reply's."""
    id: int | None
    """Its number in the model's vocabulary; None where a server does not tell it."""
    logprob: float
    """Natural logarithm of its probability; not above 0."""
    top: tuple[tuple[int | None, str, float], ...]
    """Number, text and logprob of the likeliest tokens, likeliest first; the chosen one if it is among them. The text
    of half a character is the replacement character, of a token without text, such as the end, empty."""


Reading = tuple[tuple[int, int, int], ...]
"""How tokens were computed, in order: (read, kept, times), so many at one go, of which the first `kept` are still
there, so many times. Numbers depend on it in their last digits, and in the end the words do."""


@dataclass(frozen=True)
class Chunk:
    """One step of a stream: new text (may be empty), and counts so far.

    While the prompt is read, `prompt_done` grows to `prompt_tokens` and `text` is empty. The last chunk alone has a
    `finish_reason`. `cached_tokens` is the part of the prompt that needed no work. `tokens` are those that `text`
    comes from, where they were asked for. `reading`, at the last, says how prompt and reply were computed.
    """

    text: str = ""
    prompt_tokens: int = 0
    prompt_done: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    finish_reason: FinishReason | None = None
    tokens: tuple[TokenScore, ...] = ()
    reading: Reading = ()


@dataclass(frozen=True)
class Capabilities:
    """What a loaded model can be used for; the tabs show what fits."""

    kind: Kind = "chat"
    adapters: bool = False
    """LoRA adapters can be attached while it is loaded."""
    slots: int = 1
    """Replies it writes at the same time."""
    vision: bool = False
    """It sees the images of turns; True also where a server does not say (see `engine.remote_engine`)."""


@dataclass(frozen=True)
class ModelInfo:
    """What is loaded, exactly enough to name it again: goes into every reply's record."""

    model: str
    engine: str
    revision: str = ""
    file_sha256: str = ""
    quantization: str = ""
    template_sha256: str = ""
    context_length: int = 0
    """The most tokens that one prompt and its reply may have together."""
    versions: Mapping[str, str] | None = None
    device: str = "cpu"
    capabilities: Capabilities = Capabilities()


@dataclass(frozen=True)
class Attachment:
    """A file whose text, or an image that goes with a message. `size` is the file's, in bytes; `characters` counts
    `text`."""

    id: str
    name: str
    media_type: str
    size: int
    sha256: str
    pages: int | None
    notes: tuple[str, ...]
    """What could not be read of it, in words."""
    characters: int
    text: str = ""
    """Empty where only a page is drawn; see `History.messages`."""
    width: int | None = None
    """Of an image, in pixels, as it is kept; None for every other file."""
    height: int | None = None
    data: bytes | None = field(default=None, repr=False)
    """The image as it is kept (`media_type`); None where only a page is drawn."""


@dataclass(frozen=True)
class Message:
    """One stored message of a conversation's tree. Times are seconds since the epoch (UTC)."""

    id: str
    conversation_id: str
    parent_id: str | None
    role: Role
    content: str
    status: Status
    error: str
    created_at: float
    updated_at: float
    starred_at: float | None = None
    vote: int = 0
    """1 or -1, of a reply's reader."""
    vote_reason: str = ""
    left_out: bool = False
    """The user does not want the model to see it."""
    edited_from: str | None = None
    """The message whose text was changed into this one's."""
    alternatives: tuple[str, ...] = ()
    """Ids of this message and its siblings, oldest first."""
    attachments: tuple[Attachment, ...] = ()
    record: Mapping[str, Any] | None = None
    """What made the last part of a reply (see `ReplyRecord`), as stored."""
    parts: tuple[Mapping[str, Any], ...] = ()
    """The records of all parts, oldest first: each time that a reply was continued made one more."""


@dataclass(frozen=True)
class Conversation:
    """One conversation without its messages. `leaf_id` is the message the page shows last."""

    id: str
    title: str
    system_prompt: str
    sampling: Mapping[str, Any]
    leaf_id: str | None
    created_at: float
    updated_at: float
    deleted_at: float | None = None
    title_by: TitleBy = "user"
    persona: str = ""
    folder: str = ""
    context: ContextRule = "oldest"
    pinned_at: float | None = None
    archived_at: float | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReplyRecord:
    """What made a reply; enough to run it again. Times in seconds."""

    model: str
    engine: str
    revision: str
    file_sha256: str
    quantization: str
    template_sha256: str
    versions: Mapping[str, str]
    sampling: Mapping[str, Any]
    seed: int
    context_length: int
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    left_out: int
    """How many of the oldest messages did not fit into the context and were not shown to the model."""
    time_to_first_token: float | None
    tokens_per_second: float | None
    finish_reason: str | None
    device: str = ""
    adapter: str = ""
    adapter_sha256: str = ""
    hardware: str = ""
    """What computed it, in words: processor and threads, or GPU."""
    starts_at: int = 0
    """Characters of the reply that were there before this part began."""
    prompt: Mapping[str, Any] = field(default_factory=dict)
    """What the model was given, by reference (see `context.Prompt.receipt`); empty in old records."""

    def to_dict(self) -> dict[str, Any]:
        """A plain dictionary, ready for JSON."""
        return asdict(self)
