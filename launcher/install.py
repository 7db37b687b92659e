"""Fills .venv with the locked set, all or nothing; knows nothing of the app that will run there."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import TextIO

from launcher import state
from launcher.commands import Failed, Steps, is_missing_build
from launcher.state import PYTHON, ROOT, STAMP, VENV, Fault, Stamp, say

LOG = os.path.join(ROOT, ".venv-install.log")  # what pip said; held locked by the launcher that installs
ASIDE = os.path.join(ROOT, ".venv.old")  # the earlier environment, while a new one is being made
UNFINISHED = ["unfinished"]  # the stamp while work goes on: after a power cut the next start makes .venv anew

WHY = {
    "cpu": "CPU build, because no NVIDIA GPU was found",
    "cuda": "CUDA build, because an NVIDIA GPU was found",
    "mac": "Mac build",
}


def ensure(wanted: Stamp, reinstall: bool) -> None:
    began = time.time()
    with lock() as log:
        if not reinstall and state.fits(state.read_stamp(), wanted):
            return  # another launcher did it meanwhile
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # tidy up after a polite kill as after Ctrl-C
        install(wanted, reinstall, log)
    say(f"Installed in {time.time() - began:.0f} s.")


@contextlib.contextmanager
def lock() -> Iterator[TextIO]:
    """The log, held by this process alone: two launchers must not fill one .venv."""
    with open(LOG, "a", encoding="utf-8", errors="backslashreplace") as log:
        told = False
        while not locked(log):
            if not told:
                say("Another launcher is installing here. Waiting for it to end ...")
            told = True
            time.sleep(0.2)
        log.truncate(0)
        yield log


def locked(file: TextIO) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(1 << 30)  # Windows bars others from a locked byte: take one that nobody reads
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def install(wanted: Stamp, reinstall: bool, log: TextIO) -> None:
    have = state.read_stamp()
    update = not reinstall and (state.same_base(have, wanted) or (not have and adoptable()))
    if not update:
        set_aside(have)
    try:
        os.makedirs(VENV, exist_ok=True)
        if have or not update:
            state.write_stamp(UNFINISHED)
        fill(wanted, update, Steps(log, 4 if wanted[3] == "test" else 3))
        state.write_stamp(wanted)
    except BaseException as error:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not leave half of what is taken away here
        kept = put_back(update, have)
        if isinstance(error, Fault) and kept:
            error.line += " The earlier installation was kept."
        raise
    remove(ASIDE)


def adoptable() -> bool:
    """A .venv without a stamp was made by hand: it is used if it can be, and never deleted unasked."""
    if not os.path.lexists(VENV):
        return False
    code = "import pip, sys; print(sys.implementation.cache_tag)"
    try:
        answer = subprocess.check_output([PYTHON, "-c", code], stderr=subprocess.DEVNULL, env=state.clean_environment())
    except (OSError, subprocess.CalledProcessError):
        answer = b""
    if answer.decode().strip() != sys.implementation.cache_tag:
        raise Fault(state.GENERAL, f"{VENV} was made by hand and does not fit. Rename it, then start again.")
    return True


def set_aside(have: Stamp) -> None:
    if have == UNFINISHED:
        remove(VENV)
    elif os.path.lexists(VENV):
        remove(ASIDE)
        os.rename(VENV, ASIDE)


def put_back(update: bool, have: Stamp) -> bool:
    """Undo; tells whether an earlier installation is there again."""
    if update and have:
        state.write_stamp(have)
    if not update:
        remove(VENV)
        if os.path.lexists(ASIDE):
            os.rename(ASIDE, VENV)
    return os.path.exists(STAMP)


def remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path, ignore_errors=True)
    elif os.path.lexists(path):
        os.remove(path)


def fill(wanted: Stamp, update: bool, steps: Steps) -> None:
    steps.begin("Python environment: " + ("the one that is there" if update else "new, in .venv"))
    if not update:
        make_venv(steps)
    steps.begin("PyTorch: " + WHY[wanted[2]])
    install_torch(wanted[2], steps)
    steps.begin("Libraries")
    steps.must(pip("setuptools"))  # first, for the next command builds without fetching its own
    steps.must(pip("--no-build-isolation", "-e", ".[test]" if wanted[3] == "test" else "."))


def make_venv(steps: Steps) -> None:
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        line = "This Python lacks the parts that make environments (venv, ensurepip). Install them "
        remedy = "(Debian, Ubuntu: apt install python{}.{}-venv), then start again.".format(*sys.version_info)
        raise Fault(state.MISSING, line + remedy) from None
    # In two commands, because venv swallows what ensurepip has to say about a failure.
    steps.must([sys.executable, "-m", "venv", "--without-pip", VENV])
    steps.must([PYTHON, "-m", "ensurepip", "--default-pip"])


def install_torch(build: str, steps: Steps) -> None:
    torch = next(line for line in state.read("constraints.txt").split("\n") if line.startswith("torch==")).split()[0]
    if build == "cpu" and sys.platform == "linux":  # elsewhere the plain one is small already
        try:
            return steps.run(pip(torch + "+cpu"))
        except Failed as failed:
            if not is_missing_build(failed.lines):
                raise steps.diagnosis(failed.lines) from None
        if installed_by_uv(torch, "cpu", steps):
            return None
        say("      The CUDA build instead (some GB), because no CPU build could be fetched")
    if build == "cuda" and sys.platform == "win32" and installed_by_uv(torch, "auto", steps):
        return None
    return steps.must(pip(torch))


def installed_by_uv(torch: str, backend: str, steps: Steps) -> bool:
    """Whether uv could; it knows where those builds of PyTorch lie that the ordinary index lacks."""
    try:
        steps.run(pip("uv"))
        command = [PYTHON, "-m", "uv", "pip", "install", "--python", PYTHON, "-c", "constraints.txt"]
        steps.run([*command, "--torch-backend=" + backend, torch])
    except Failed:
        return False
    return True


def pip(*words: str) -> list[str]:
    calm = ["--no-input", "--disable-pip-version-check", "--progress-bar", "off", "--retries", "3"]
    return [PYTHON, "-m", "pip", "install", *calm, "-c", "constraints.txt", *words]
