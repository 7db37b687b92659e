#!/usr/bin/env python3
"""Starts the app in a .venv beside this file, which launcher/ fills first; knows nothing of pip and nothing of the app.

This file parses on every Python since 2.7 (no f-strings, no annotations): an old one gets a sentence, no SyntaxError.
"""

import os
import sys

OLDEST = (3, 11)
ROOT = os.path.dirname(os.path.realpath(__file__))
USAGE, INTERRUPTED = 2, 130


def main(argv):
    if sys.version_info < OLDEST:
        line = "Playground needs Python %d.%d or newer, and this is %d.%d. " % (OLDEST + tuple(sys.version_info[:2]))
        sys.stderr.write(line + "Install a newer Python and start launch.py with that one.\n")
        return USAGE
    sys.path.insert(0, ROOT)  # PYTHONSAFEPATH keeps it out
    from launcher import state

    try:
        if argv[:1] == ["test"]:
            make_ready("test", offline=False, reinstall=False)
            from launcher import browser

            browser.ensure()
            os.chdir(ROOT)
            return start("-m", "pytest", *argv[1:])
        options = parse(argv)
        make_ready("", options.offline, options.reinstall)
        # -P: a folder called playground where the user happens to stand is not ours.
        return start("-P", "-m", "playground", "serve", *[word for word in argv if word != "--reinstall"])
    except state.Fault as fault:
        state.say(fault.line, sys.stderr)
        return fault.code
    except OSError as error:
        fault = state.storage_fault(error)
        state.say(fault.line, sys.stderr)
        return fault.code
    except KeyboardInterrupt:
        state.say("Stopped. Start again to go on.", sys.stderr)
        return INTERRUPTED


def parse(argv):
    import argparse

    parser = argparse.ArgumentParser(
        prog="launch.py",
        allow_abbrev=False,
        description="Installs Playground beside this file on the first start, then starts it.",
        epilog="'launch.py test [pytest arguments]' installs what the tests need and runs them.",
    )
    parser.add_argument("--port", type=int, help="port to listen on")
    parser.add_argument("--host", help="where others may come in, by a link or an account")
    parser.add_argument("--share", action="store_true", help="make a link for guests, and a tunnel to it")
    parser.add_argument("--data-dir", help="folder for conversations, models and settings")
    parser.add_argument("--engine", help="what runs the models")
    parser.add_argument("--model", help="model to load at the start")
    parser.add_argument("--no-browser", action="store_true", help="do not open the browser")
    parser.add_argument("--offline", action="store_true", help="fetch nothing, install nothing")
    parser.add_argument("--reinstall", action="store_true", help="make the Python environment anew first")
    return parser.parse_args(argv)


def make_ready(extra, offline, reinstall):
    from launcher import state

    wanted = state.wanted(extra)
    if not reinstall and state.fits(state.read_stamp(), wanted, any_build=offline):
        return  # and nothing else was imported: a second start must cost a few ten milliseconds
    if offline:
        line = "--offline was given, but libraries have to be installed first. Start once without it."
        raise state.Fault(state.MISSING, line)
    from launcher import install

    install.ensure(wanted, reinstall)


def start(*words):
    from launcher import state

    command, environment = (state.PYTHON,) + words, state.clean_environment()  # noqa: RUF005 (for old Pythons)
    if not state.WINDOWS:
        os.execve(command[0], command, environment)  # the same process: signals reach the app
    import subprocess

    child = subprocess.Popen(command, env=environment)
    while True:
        try:
            return child.wait()
        except KeyboardInterrupt:
            pass  # Windows sends Ctrl-C to the app as well: let it end in its own way


def hold_window(code):
    """After a double click on Windows the console closes with the program, and with it the reason for the failure."""
    if code and os.name == "nt" and sys.stdin and sys.stdin.isatty() and "PROMPT" not in os.environ:
        sys.stderr.write("Press Enter to close this window.")
        sys.stdin.readline()
    return code


if __name__ == "__main__":
    sys.exit(hold_window(main(sys.argv[1:])))
