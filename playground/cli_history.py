"""`playground history …`: looks at, searches, exports and imports conversations, empties the trash. Results to stdout.

What keeps the file itself safe is in `cli_keeping`.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import json
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from playground.cli_keeping import add_keeping
from playground.cli_parts import add_group, write_new
from playground.errors import BadValueError, BusyError, MissingError
from playground.paths import DataFolder
from playground.records import Conversation, Message
from playground.settings import Settings
from playground.store import Database, History

_FORMATS = {"md": "markdown", "html": "html", "json": "json", "openai": "openai", "sharegpt": "sharegpt"}
_FORMATS |= {"alpaca": "alpaca"}
_ALL = 1_000_000


def add_history(commands: Any) -> None:
    """Add `history` and its actions to the command line's subparsers."""
    text = "look at, search, export, import, check and back up the stored conversations"
    action = add_group(commands, "history", text)

    def as_json(*parsers: argparse.ArgumentParser) -> None:
        for parser in parsers:
            parser.add_argument("--json", action="store_true", help="as JSON")

    listing = action("list", _list, "conversations, newest first")
    listing.add_argument("--limit", type=int, default=50, metavar="N", help="how many (default 50)")
    places = listing.add_mutually_exclusive_group()
    for place, text in (("archive", "those in the archive"), ("trash", "those in the trash")):
        places.add_argument(f"--{place}", dest="place", action="store_const", const=place, default="list", help=text)
    listing.add_argument("--folder", help="only those in this folder; '' are those in none")
    listing.add_argument("--tag", help="only those with this tag")
    show = action("show", _show, "one conversation")
    show.add_argument("id")
    show.add_argument("--all-branches", action="store_true", help="every message, not only the branch that is shown")
    search = action("search", _search, "messages in which all these words stand, newest first")
    search.add_argument(
        "text", nargs="*", help="words, and phrases in double quotes; without any: what the rest leaves"
    )
    search.add_argument("--model", default="", help="only replies of this model")
    search.add_argument("--role", choices=("user", "assistant"), default="", help="only what one side said")
    search.add_argument("--tag", default="", help="only in conversations with this tag")
    search.add_argument("--folder", help="only in conversations in this folder; '' are those in none")
    search.add_argument("--starred", action="store_true", help="only starred messages")
    for name, text in (("--since", "only from this day on"), ("--until", "only up to this day")):
        search.add_argument(name, type=date.fromisoformat, metavar="YYYY-MM-DD", help=text)
    search.add_argument("--limit", type=int, default=50, metavar="N", help="how many (default 50)")
    export = action("export", _export, "write conversations into a file that others read")
    export.add_argument("ids", nargs="*", metavar="ID")
    export.add_argument("--all", action="store_true", help="every conversation that is not in the trash")
    export.add_argument("--format", choices=_FORMATS, default="md", help="default: md; json loses nothing")
    export.add_argument("--out", metavar="FILE", default="-", help="a new file; - is standard output (the default)")
    take = action("import", _import, "put in what `export --format json`, ChatGPT and others have written")
    take.add_argument("files", nargs="+", metavar="FILE")
    add_keeping(action)
    trash = action("trash", _trash_list, "list, restore or delete what is in the trash")
    bins = trash.add_subparsers(required=True, metavar="ACTION")
    as_json(action("list", _trash_list, "what is in the trash", into=bins))
    action("restore", _trash_restore, "take a conversation out of the trash", into=bins).add_argument("id")
    empty = action("empty", _trash_empty, "delete what is in the trash for good, after a backup", into=bins)
    empty.add_argument("--yes", action="store_true", help="do not ask")
    as_json(listing, show, search)


@contextlib.contextmanager
def _opened(folder: DataFolder) -> Iterator[History]:
    """The history of a data folder, closed at the end; safe while the app runs."""
    history = History(Database(folder.database, folder.backups))
    try:
        yield history
    finally:
        history.database.close()


def _print_json(value: Any) -> None:
    print(json.dumps(value, ensure_ascii=False, default=_in_base64))


def _in_base64(image: bytes) -> str:
    return base64.b64encode(image).decode()


def _print_list(found: Iterable[Conversation], *, as_json: bool) -> int:
    if as_json:
        _print_json([asdict(conversation) for conversation in found])
        return 0
    for conversation in found:
        print(f"{conversation.id}  {_minute(conversation.updated_at)}  {conversation.title}")
    return 0


def _list(options: argparse.Namespace, settings: Settings, folder: DataFolder) -> int:
    with _opened(folder) as history:
        found = history.conversations(options.limit, place=options.place, folder=options.folder, tag=options.tag)
    return _print_list(found, as_json=options.json)


def _show(options: argparse.Namespace, settings: Settings, folder: DataFolder) -> int:
    with _opened(folder) as history:
        conversation = history.conversation(options.id)
        if options.all_branches:
            messages = history.messages([node.id for node in history.tree(conversation.id)], texts=True)
        else:
            messages = history.branch(conversation.leaf_id) if conversation.leaf_id else []
    if options.json:
        _print_json({**asdict(conversation), "messages": [asdict(message) for message in messages]})
        return 0
    print(f"# {conversation.title}\n")
    for message in messages:
        print(f"{_heading(message, whole_tree=options.all_branches)}:\n{message.content}\n")
    return 0


def _heading(message: Message, *, whole_tree: bool) -> str:
    ending = "" if message.status == "complete" else f" ({message.error or message.status})"
    place = f" {message.id}, below {message.parent_id or 'nothing'}" if whole_tree else ""
    return f"{message.role}{place}{ending}"


def _search(options: argparse.Namespace, settings: Settings, folder: DataFolder) -> int:
    names = ("model", "role", "tag", "folder", "starred", "limit")
    with _opened(folder) as history:
        found = history.search.find(
            " ".join(options.text),
            since=_midnight(options.since) if options.since else None,
            until=_midnight(options.until + timedelta(1)) if options.until else None,
            **{name: getattr(options, name) for name in names},
        )
    if options.json:
        _print_json(asdict(found))
    else:
        for named in found.conversations:
            print(f"{named.conversation_id}  {_minute(named.updated_at)}  title: {named.excerpt.text}")
        for hit in found.hits:
            place = f"{hit.conversation_id}  {_minute(hit.created_at)}  {hit.role} in {hit.title!r}"
            print(f"{place}: {' '.join(hit.excerpt.text.split())}")
        if not found.hits and not found.conversations:
            print("Nothing was found.", file=sys.stderr)
    return 0


def _midnight(day: date) -> float:
    """The beginning of a day here, in seconds since the epoch."""
    return datetime.combine(day, datetime.min.time()).timestamp()


def _minute(moment: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(moment))


def _export(options: argparse.Namespace, settings: Settings, folder: DataFolder) -> int:
    from playground.exchange import all_ids, export
    from playground.ui.markdown import render

    if bool(options.ids) == options.all:
        raise BadValueError("Name the conversations to export (see `playground history list`), or give --all.")
    with _opened(folder) as history:
        ids = all_ids(history) if options.all else options.ids
        pieces = export(history, ids, _FORMATS[options.format], render=render)
        if options.out == "-":
            sys.stdout.flush()
            sys.stdout.buffer.writelines(pieces)
            sys.stdout.flush()
        else:
            print(f"{write_new(Path(options.out).absolute(), pieces)}: {len(ids)} conversations")
    return 0


def _import(options: argparse.Namespace, settings: Settings, folder: DataFolder) -> int:
    from playground.exchange import import_file

    code = 0
    with _opened(folder) as history:
        for name in options.files:
            try:
                report = import_file(history, Path(name))
            except (BadValueError, MissingError) as error:  # Of this file alone; the others may be well.
                code = code or error.exit_code
                print(f"{name}: {error}", file=sys.stderr)
                continue
            if report.skipped:
                code = code or 1
            counts = f"{len(report.imported)} imported, {len(report.there)} here already, {len(report.skipped)} skipped"
            print(f"{name}: {counts}", flush=True)
            said = [f"entry {one.number} {one.title!r}: {one.why}" for one in report.skipped]
            for line in [*said, *report.notes]:
                print(f"{name}: {line}", file=sys.stderr)
    return code


def _trash_list(options: argparse.Namespace, settings: Settings, folder: DataFolder) -> int:
    with _opened(folder) as history:
        return _print_list(history.conversations(_ALL, place="trash"), as_json=options.json)


def _trash_restore(options: argparse.Namespace, settings: Settings, folder: DataFolder) -> int:
    with _opened(folder) as history:
        history.restore(options.id)
    return 0


def _trash_empty(options: argparse.Namespace, settings: Settings, folder: DataFolder) -> int:
    with _opened(folder) as history:
        found = history.conversations(_ALL, place="trash")
        if not found:
            print("The trash is empty.")
            return 0
        if not options.yes and not _agreed(len(found)):
            print("Nothing was deleted.")
            return 1
        print(f"Backup: {history.database.backup()}")
        gone, busy = history.empty_trash()
    print(f"{gone} conversations are deleted.")
    if busy:
        raise BusyError(f"Replies are being written in {busy} more. Stop them, or start and end the app; then go on.")
    return 0


def _agreed(count: int) -> bool:
    if not sys.stdin.isatty():
        raise BadValueError("This deletes for good, and nobody can be asked here. Give --yes if that is meant.")
    print(f"Delete {count} conversations for good? A backup is made first. Type yes: ", end="", flush=True)
    return sys.stdin.readline().strip().lower() == "yes"
