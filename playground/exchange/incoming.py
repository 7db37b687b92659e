"""Imports a file of conversations, each by itself: what is broken is reported, the rest goes in.

The kind of a file is told by what is in it, not by its name.
"""

from __future__ import annotations

import contextlib
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from playground.errors import BadValueError, MissingError, StorageError
from playground.exchange import chatgpt, openwebui, plain, textgen
from playground.exchange.entries import Entry, entries
from playground.exchange.foreign import Notes, clean_name
from playground.store import History
from playground.store.transfer_check import unknown_keys

_MOST_KEYS = 20


@dataclass(frozen=True)
class Skipped:
    """An entry that did not go in. `number` counts from 1; in a file of lines it is the line's."""

    number: int
    title: str
    why: str


@dataclass(frozen=True)
class ImportReport:
    """What became of a file. `imported` and `there` are (id, title); `there` were in the history already, unchanged."""

    imported: tuple[tuple[str, str], ...]
    there: tuple[tuple[str, str], ...]
    skipped: tuple[Skipped, ...]
    notes: tuple[str, ...]
    """Sentences about what was left out or is not quite as it was."""


def import_file(history: History, source: Path | IO[bytes]) -> ImportReport:
    """Put all conversations of a file into the history that can be read, each in a transaction of its own.

    `source` is a path, or an open file that can be read from any place. Takes the lossless JSON, ChatGPT's export (zip
    or conversations.json), Open WebUI's, text-generation-webui's, ShareGPT and OpenAI messages (JSON and JSON lines).
    Raises BadValueError when nothing in the file can be used, MissingError when it cannot be opened, and StorageError
    when the disk is full, which says how many are in.
    """
    notes, unknown = Notes(), set[str]()
    imported: list[tuple[str, str]] = []
    there: list[tuple[str, str]] = []
    skipped: list[Skipped] = []
    copies = 0
    with _opened(source) as file, contextlib.closing(entries(file, unknown)) as every:
        for entry in every:
            try:
                wanted = _conversation(entry, notes)
                loaded = history.load(wanted)
            except BadValueError as error:
                skipped.append(Skipped(entry.number, _title(entry.value), str(error)))
                continue
            except StorageError as error:
                raise StorageError(
                    f"{error} Conversations imported before that: {len(imported)}. "
                    "Import the file again then; what is here already is not doubled."
                ) from error
            if entry.own:
                unknown |= unknown_keys(wanted)
            (there if loaded.outcome == "there" else imported).append((loaded.conversation_id, wanted["title"]))
            copies += loaded.outcome == "copy"
    if not imported and not there and not skipped:
        raise BadValueError("This file holds no conversations. Choose another one.")
    said = notes.sentences()
    if copies:
        said.append(f"Conversations that are here in another state, put beside it: {copies}.")
    if unknown:
        said.append(
            f"Keys that mean nothing here, left out: {', '.join(sorted(map(clean_name, unknown))[:_MOST_KEYS])}."
        )
    return ImportReport(tuple(imported), tuple(there), tuple(skipped), tuple(said))


@contextlib.contextmanager
def _opened(source: Path | IO[bytes]) -> Iterator[IO[bytes]]:
    if isinstance(source, Path):
        _check(source)
    try:
        with source.open("rb") if isinstance(source, Path) else contextlib.nullcontext(source) as file:
            yield file
    except OSError as error:
        name = source if isinstance(source, Path) else "The file"
        raise MissingError(f"{name} cannot be read ({error.strerror}). Choose another file.") from None


def _check(source: Path) -> None:
    """Raise MissingError where nothing is, and for a device or a pipe, which may have no end."""
    try:
        regular = stat.S_ISREG(source.stat().st_mode)
    except OSError as error:
        raise MissingError(f"{source} cannot be read ({error.strerror}). Choose another file.") from None
    if not regular:
        raise MissingError(f"{source} cannot be read (it is a folder or a device). Choose another file.")


def _conversation(entry: Entry, notes: Notes) -> dict[str, Any]:
    """What `History.load` takes. Raises BadValueError."""
    if entry.fault:
        raise BadValueError(entry.fault)
    if not isinstance(entry.value, dict):
        raise BadValueError("It is not a table, so it is no conversation.")
    if entry.own:
        return entry.value
    # What is told of an entry that does not go in would only confuse.
    own = Notes()
    found = _reader(entry.value)(entry.value, own)
    notes.counts.update(own.counts)
    notes.files += own.files
    return found


def _reader(value: Mapping[str, Any]) -> Callable[[Mapping[str, Any], Notes], dict[str, Any]]:
    if "mapping" in value:
        return chatgpt.read
    if "chat" in value or isinstance(value.get("history"), dict):
        return openwebui.read
    if "internal" in value or "data_visible" in value:
        return textgen.read
    if any(key in value for key in plain.KEYS):
        return plain.read
    raise BadValueError(
        "It is no conversation of a kind that is known here: of Playground, ChatGPT, Open WebUI, "
        "text-generation-webui, ShareGPT or OpenAI."
    )


def _title(value: Any) -> str:
    return clean_name(value.get("title")) if isinstance(value, dict) else ""
