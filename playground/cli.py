"""The command line: settings, then services, then one command. Replies go to stdout, everything else to stderr.

Exit codes: 0 done, 1 failed, 2 wrong usage or value, 3 busy (port, data folder), 4 missing (model, network, item),
5 storage (disk full, read-only, damaged), 130 interrupted.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from playground import __version__
from playground.cli_history import add_history
from playground.cli_models import HOW, add_loading, add_models
from playground.cli_parts import end_on_signals, leave
from playground.cli_summarize import add_summarize
from playground.cli_translate import add_translate
from playground.cli_tune import add_tune
from playground.errors import BadValueError, PlaygroundError
from playground.paths import DataFolder, open_data_folder
from playground.settings import Settings, load_settings

if TYPE_CHECKING:
    from playground.services import Services


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; every PlaygroundError becomes one line on stderr."""
    options = _parser().parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # A pipe on Windows knows the letters of one region only.
    try:
        folder = open_data_folder(options.data_dir)
        names = ("host", "port", "model", "offline", "remote_url", *HOW)
        settings = load_settings(folder.settings, {name: getattr(options, name, None) for name in names})
        code: int = options.run(options, settings, folder)
        return code
    except PlaygroundError as error:
        sys.stderr.write(f"playground: {error}\n")  # One write: other threads may report too.
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of our output left; Python would try to write the rest at exit, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _serve(options: argparse.Namespace, settings: Settings, folder: DataFolder) -> int:
    from playground.engine.heap import one_arena

    one_arena()  # Before libraries begin threads.
    from playground.serve import serve

    code = serve(settings, folder, open_browser=not options.no_browser, share=options.share)
    sys.stdout.flush()
    # All is saved and closed by now; waiting for the libraries' idle threads would take another 1.5 s.
    os._exit(code)


def _ask(options: argparse.Namespace, settings: Settings, folder: DataFolder) -> int:
    from playground.serve import set_environment
    from playground.services import open_services

    try:
        text = sys.stdin.read() if options.text == "-" else options.text
    except UnicodeDecodeError as error:
        raise BadValueError(f"Standard input is not text in {error.encoding}. Give it as UTF-8.") from None
    set_environment(settings, folder)
    services = open_services(settings, folder)
    end_on_signals()
    try:
        code = _reply(options, text, services)
    finally:
        # However it ends, also by a reader that leaves or a signal: what has come is saved, the model let go.
        services.close()
    return leave(code, services.manager)


def _reply(options: argparse.Namespace, text: str, services: Services) -> int:
    from playground.serve import ModelProgress

    chat, manager = services.chat, services.manager
    manager.listen(ModelProgress(manager))
    sampling = chat.default_sampling()
    for name in ("temperature", "max_new_tokens", "seed"):
        if getattr(options, name) is not None:
            sampling = replace(sampling, **{name: getattr(options, name)})
    with manager.lease(threading.Event()):
        pass  # Loaded now; what goes wrong with the model is raised here, before anything is saved.
    system = chat.default_system_prompt() if options.system is None else options.system
    turn = chat.send(None, text, system_prompt=system, sampling=sampling)
    shown = 0
    while (live := chat.live(turn.conversation_id)) is not None:
        if not options.json:
            print(live.text[shown:], end="", flush=True)
            shown = len(live.text)
        time.sleep(0.03)
    message = chat.history.message(turn.reply_id)
    print(json.dumps(asdict(message), ensure_ascii=False) if options.json else message.content[shown:], flush=True)
    if message.status == "failed":
        print(f"playground: {message.error}", file=sys.stderr)
    return 1 if message.status == "failed" else 0


def _doctor(options: argparse.Namespace, settings: Settings, folder: DataFolder) -> int:
    from playground.doctor import examine, report

    facts = examine(folder)
    print(json.dumps(facts, ensure_ascii=False, indent=2) if options.json else report(facts))
    return 1 if facts["missing"] else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="playground", description="Work with language models on your own machine.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Any, text: str, *, model: bool = False) -> argparse.ArgumentParser:
        made: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text)
        made.set_defaults(run=run)
        made.add_argument("--data-dir", metavar="FOLDER", help="where everything is kept (or $PLAYGROUND_DATA_DIR)")
        if model:
            made.add_argument("--model", metavar="NAME|PATH", help="a preset, org/name of a downloaded one, or a path")
            made.add_argument("--remote-url", metavar="URL", help="an OpenAI-compatible server, for --engine remote")
            add_loading(made)
            made.add_argument("--offline", action="store_true", default=None, help="never use the network")
        return made

    serve = command("serve", _serve, "start the app on this machine", model=True)
    serve.add_argument("--host", help="where others may come in, by a link or an account (default: nowhere)")
    serve.add_argument("--share", action="store_true", help="make a link for guests, and a tunnel to it")
    serve.add_argument("--port", type=int, help="port (default 7860, or the next free one)")
    serve.add_argument("--no-browser", action="store_true", help="do not open the browser")

    ask = command("ask", _ask, "ask once and print the reply; it is kept in the history", model=True)
    ask.add_argument("text", help="the message; - reads it from standard input")
    ask.add_argument("--system", metavar="TEXT", help="system prompt")
    ask.add_argument("--seed", type=int, help="the same seed gives the same reply")
    ask.add_argument("--temperature", type=float, help="0 always takes the likeliest token")
    ask.add_argument("--max-new-tokens", type=int, help="the longest the reply may be")
    ask.add_argument("--json", action="store_true", help="print the whole record of the reply")

    add_summarize(command)
    add_translate(command)
    add_tune(commands)
    add_models(commands)

    doctor = command("doctor", _doctor, "say what is installed, what is missing and how to get it")
    doctor.add_argument("--json", action="store_true", help="as JSON")

    add_history(commands)
    return parser
