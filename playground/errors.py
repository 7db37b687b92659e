"""Errors that are shown to the user as they are: what happened, and what to do. Nothing here is a traceback.

Anything that is not a PlaygroundError is a bug of ours. The exit codes are the command line's.
"""

from __future__ import annotations


class PlaygroundError(Exception):
    """Base of all errors meant for the user; the text is one or two plain sentences: cause, then remedy."""

    exit_code = 1


class BadValueError(PlaygroundError):
    """A setting, preset or argument has a value that cannot be used."""

    exit_code = 2


class BusyError(PlaygroundError):
    """Something else holds what is needed: a port, the data folder, a conversation that is being answered."""

    exit_code = 3


class ConflictError(PlaygroundError):
    """A page wrote on top of an older state than the stored one; nothing was changed."""

    exit_code = 3


class MissingError(PlaygroundError):
    """A model, a file, a conversation or the network is not there."""

    exit_code = 4


class StorageError(PlaygroundError):
    """The disk is full, read-only or broken."""

    exit_code = 5


class ContextError(PlaygroundError):
    """A prompt does not fit into the model's context. `tokens` were asked for, `limit` fit."""

    def __init__(self, tokens: int, limit: int, remedy: str = "") -> None:
        what = "This conversation" if remedy else "This message"
        super().__init__(
            f"{what} needs {tokens} tokens, but the model reads at most {limit} at once. "
            f"{remedy or 'Shorten it, or split it into several messages.'}"
        )
        self.tokens = tokens
        self.limit = limit


class ModelError(PlaygroundError):
    """A model could not be loaded, or failed while it was answering."""
