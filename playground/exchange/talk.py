"""A conversation as it is read by a person or a trainer: its shown branch, and who speaks. Knows no format."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from playground.context import as_turns, with_files
from playground.errors import MissingError
from playground.records import Conversation, Message, Turn
from playground.store import History
from playground.store.shelf import Place

_PAGE = 500


@dataclass(frozen=True)
class Talk:
    """A conversation and the messages of one of its branches, oldest first, with the texts of their files."""

    conversation: Conversation
    messages: tuple[Message, ...]


def talk(history: History, conversation_id: str, upto: str | None = None) -> Talk:
    """The shown branch, or the one that ends with the message `upto`. Raises MissingError."""
    conversation = history.conversation(conversation_id)
    leaf = conversation.leaf_id if upto is None else upto
    messages = history.branch(leaf) if leaf else []
    if upto is not None and (not messages or messages[-1].conversation_id != conversation_id):
        raise MissingError("This message does not exist (any more). Open the conversation again.")
    return Talk(conversation, tuple(messages))


def all_ids(history: History) -> list[str]:
    """Ids of every conversation that is not in the trash, the newest first: the list, then the archive."""
    places: tuple[Place, ...] = ("list", "archive")
    return [one for place in places for one in _ids(history, place)]


def _ids(history: History, place: Place) -> Iterator[str]:
    at = 0
    while page := history.conversations(_PAGE, place=place, offset=at):
        yield from (conversation.id for conversation in page)
        at += len(page)


def lesson(one: Talk) -> tuple[Turn, ...]:
    """What a model can learn from: turns that begin with the user (after a system prompt) and end with a reply.

    Files stand in the user's messages as the model saw them; of images only the names, in every format: most trainers
    take nothing but text. Replies that failed or are empty are left out, and what
    the user did not want the model to see; what one side said in a row is joined. Empty when no reply is left.
    """
    said = [
        Turn(message.role, with_files(message.content, message.attachments))
        for message in one.messages
        if not message.left_out and (message.role == "user" or _is_told(message))
    ]
    starts = next((at for at, turn in enumerate(said) if turn.role == "user"), len(said))
    turns = list(as_turns(one.conversation.system_prompt, []))
    for turn in said[starts:]:
        if turns and turns[-1].role == turn.role:
            turns[-1] = Turn(turn.role, f"{turns[-1].content}\n\n{turn.content}")
        else:
            turns.append(turn)
    while turns and turns[-1].role != "assistant":
        turns.pop()
    return tuple(turns)


def _is_told(message: Message) -> bool:
    return message.role == "assistant" and message.status != "failed" and bool(message.content.strip())
