"""Lists of messages as they stand in datasets, checked and made into turns. Raises BadValueError with what to do."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from playground.errors import BadValueError
from playground.records import Role, Turn

ROLES: dict[str, Role] = {
    **dict.fromkeys(("user", "human", "prompter", "person"), "user"),
    **dict.fromkeys(("assistant", "gpt", "bot", "model", "ai", "chatbot", "chatgpt"), "assistant"),
    **dict.fromkeys(("system", "developer"), "system"),
}
_TOOLS = ("tool", "function", "function_call", "observation", "ipython", "tool_calls", "tool_call", "tools")
_IMAGES = ("image", "image_url", "input_image", "audio", "video", "input_audio", "file", "images")


@dataclass
class Talk:
    """What was said, and what had to be changed in it."""

    turns: list[Turn] = field(default_factory=list)
    learned: list[bool] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def text_of(value: Any, name: str) -> str:
    """The text of a field. Raises BadValueError naming the field where it is something else."""
    if isinstance(value, str):
        return value
    if value is None:
        raise BadValueError(f"{name} is empty. Write it in the file.")
    if isinstance(value, list) and value and all(isinstance(part, dict | str) for part in value):
        return "\n".join(_part(part, name) for part in value)
    raise BadValueError(f"{name} is no text. Write it in quotes.")


def _part(part: dict[str, Any] | str, name: str) -> str:
    if isinstance(part, str):
        return part
    kind = str(part.get("type") or "text")
    if kind in _IMAGES or any(key in part for key in _IMAGES):
        raise BadValueError(f"{name} has an image or a sound. Only text is trained here: take it out, or the row.")
    return text_of(part.get("text"), name)


def refuse_images(row: Mapping[str, Any]) -> None:
    """Raises BadValueError for a row with pictures beside its text."""
    for key in _IMAGES:
        if row.get(key):
            raise BadValueError(f"The row has the key {key!r}. Only text is trained here: take it out, or the row.")


def talk_of(value: Any) -> Talk:
    """The turns of a list of messages; what is usual but not trained as it is, is mended and told."""
    if isinstance(value, str):
        value = _parsed(value)
    talk = Talk()
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], list):
        value = value[0]
        talk.notes.append("The messages stood in a list within a list. They were taken out of it.")
    if not isinstance(value, list):
        raise BadValueError("The messages are no list. Write a list of objects with role and content.")
    if not value:
        raise BadValueError("The list of messages is empty. Write them in the file.")
    said = [_message(one, number) for number, one in enumerate(value, 1)]
    _systems(said, talk)
    _join(said, talk)
    _ends(talk)
    return talk


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise BadValueError("The messages are a text that is no JSON list. Write a list of objects.") from None


def _message(value: Any, number: int) -> tuple[Role, str, bool]:
    """Role, text, and whether it is to be learned."""
    if not isinstance(value, dict):
        raise BadValueError(f"Message {number} is no object with role and content. Write one.")
    one = {str(key).strip().casefold(): what for key, what in value.items()}
    role = next((one[key] for key in ("role", "from", "speaker") if one.get(key) is not None), None)
    if role is None:
        raise BadValueError(f"Message {number} has no role. Write user, assistant or system.")
    name = str(role).strip().casefold()
    if name in _TOOLS or any(one.get(key) for key in _TOOLS):
        raise BadValueError(f"Message {number} calls a tool, which is not trained here. Take it out, or the row.")
    if name not in ROLES:
        raise BadValueError(f"Message {number} has the role {str(role)[:40]!r}. Write user, assistant or system.")
    key = next((key for key in ("content", "value", "text", "message") if key in one), None)
    if key is None:
        raise BadValueError(f"Message {number} has no content. Write it, or take the message out.")
    refuse_images(one)
    text = text_of(one[key], f"Message {number}")
    if not text.strip():
        raise BadValueError(f"Message {number} is empty. Write it in the file.")
    return ROLES[name], text, ROLES[name] == "assistant" and _weight(one.get("weight", 1), number)


def _weight(value: Any, number: int) -> bool:
    """OpenAI's mark of replies that are read and not learned."""
    if value not in (0, 1):
        raise BadValueError(f"Message {number} has a weight that is neither 0 nor 1. Write one of them, or none.")
    return bool(value)


def _systems(said: list[tuple[Role, str, bool]], talk: Talk) -> None:
    first = 0
    while first < len(said) and said[first][0] == "system":
        first += 1
    late = next((at for at, one in enumerate(said[first:], first) if one[0] == "system"), None)
    if late is not None:
        raise BadValueError(f"Message {late + 1} is a system message. Put it first, or take it out.")
    if first > 1:
        said[:first] = [("system", "\n\n".join(text for _, text, _ in said[:first]), False)]
        talk.notes.append("Several system messages were joined into one. Look whether they fit together.")


def _join(said: Sequence[tuple[Role, str, bool]], talk: Talk) -> None:
    """Messages of one speaker in a row: most chat templates refuse them."""
    joined = False
    for role, text, learned in said:
        if talk.turns and talk.turns[-1].role == role:
            if talk.learned[-1] != learned:
                raise BadValueError("Replies in a row have different weights. Put a message of the user between them.")
            talk.turns[-1] = Turn(role, f"{talk.turns[-1].content}\n\n{text}")
            joined = True
        else:
            talk.turns.append(Turn(role, text))
            talk.learned.append(learned)
    if joined:
        talk.notes.append("Messages of the same speaker in a row were joined. Look whether they belong together.")


def _ends(talk: Talk) -> None:
    roles = [turn.role for turn in talk.turns]
    if "assistant" not in roles:
        raise BadValueError("There is no reply to learn from. Add a message of the assistant in the file.")
    if next(role for role in roles if role != "system") == "assistant":
        raise BadValueError("The conversation begins with a reply. Write before it what was asked.")
    if not any(talk.learned):
        raise BadValueError("Every reply has the weight 0, so nothing is learned. Give one the weight 1.")
    if roles[-1] == "user":
        talk.turns.pop()
        talk.learned.pop()
        talk.notes.append("The last question has no reply. It was left out.")
