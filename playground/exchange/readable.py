"""A conversation as Markdown, to be read, printed or kept beside other notes. Knows nothing of the other formats."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass

from playground.exchange.talk import Talk
from playground.records import Attachment, Message

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|]|~(?=~)|&(?=#?\w+;))")
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})(.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Words:
    """What an exported document says by itself, in its reader's language."""

    language: str = "en"
    you: str = "You"
    model: str = "Model"
    system: str = "System prompt"
    attached: str = "Attached"
    stopped: str = "This reply was stopped."
    failed: str = "This reply was not finished."


def markdown(one: Talk, words: Words) -> Iterator[str]:
    """Title, date and tags, the system prompt, then what each side said; names of files below their message."""
    conversation = one.conversation
    yield f"# {escaped(conversation.title)}\n\n"
    yield " · ".join([day(conversation.created_at), *map(escaped, conversation.tags)]) + "\n\n"
    if conversation.system_prompt.strip():
        quoted = "\n".join(f"> {line}".rstrip() for line in conversation.system_prompt.splitlines())
        yield f"> **{words.system}**\n>\n{quoted}\n\n"
    for message in one.messages:
        yield f"## {escaped(speaker(message, words))}\n\n"
        if message.content.strip():
            yield f"{closed(message.content.strip(chr(10)))}\n\n"
        if message.attachments:
            yield f"*{words.attached}: {', '.join(escaped(file_words(one)) for one in message.attachments)}*\n\n"
        if note := ending(message, words):
            yield f"*{note}*\n\n"


def speaker(message: Message, words: Words) -> str:
    """Who says a message: the user, or a model by its name."""
    return words.you if message.role == "user" else str((message.record or {}).get("model") or words.model)


def ending(message: Message, words: Words) -> str:
    """What is to be said of a reply that is not whole; empty for others."""
    return {"stopped": words.stopped, "failed": words.failed, "streaming": words.failed}.get(message.status, "")


def file_words(attachment: Attachment) -> str:
    """A file's name, and how long it is."""
    return f"{attachment.name} ({attachment.pages} p.)" if attachment.pages else attachment.name


def day(moment: float) -> str:
    """A time (seconds since the epoch) where the reader is."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(moment))


def escaped(text: str) -> str:
    """A name as Markdown shows it, on one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def closed(text: str) -> str:
    """The text with its last block of code ended, so that it does not swallow what comes after."""
    open_with = ""
    for fence, rest in _FENCE.findall(text):
        if not open_with:
            open_with = fence if "`" not in rest or fence[0] == "~" else ""
        elif fence[0] == open_with[0] and len(fence) >= len(open_with) and not rest.strip():
            open_with = ""
    return f"{text}\n{open_with}" if open_with else text
