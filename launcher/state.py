"""What .venv should hold and whether it does: paths, stamp, build of PyTorch; knows nothing of how it gets there.

Every start imports this module, so it imports next to nothing itself.
"""

import os
import sys
from typing import TextIO

GENERAL, MISSING, STORAGE = 1, 4, 5  # exit codes; 2 is for a wrong command line, 130 for Ctrl-C

WINDOWS = os.name == "nt"
ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
VENV = os.path.join(ROOT, ".venv")
STAMP = os.path.join(VENV, "playground-stamp")  # written last: what a complete .venv was made from
PYTHON = os.path.join(VENV, "Scripts", "python.exe") if WINDOWS else os.path.join(VENV, "bin", "python")

# What would lead the Python or the pip of .venv somewhere else.
ASTRAY = ("PYTHONHOME", "PYTHONPATH", "__PYVENV_LAUNCHER__", "PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT")

Stamp = list[str]  # base, packages, build of PyTorch, extra


class Fault(Exception):
    """A reason to stop: one line for the user, and the exit code."""

    def __init__(self, code: int, line: str) -> None:
        super().__init__(line)
        self.code, self.line = code, line


def storage_fault(error: OSError) -> Fault:
    import errno

    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Fault(STORAGE, f"The disk that holds {ROOT} is full. Free some space, then start again.")
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        remedy = "Close Playground if it runs, or move it to a folder of your own."
        return Fault(STORAGE, f"The folder {ROOT} cannot be written to. {remedy}")
    return Fault(GENERAL, f"{error}. Unpack Playground again, or start with --reinstall.")


def say(text: str, stream: TextIO | None = None) -> None:
    stream = stream or sys.stdout
    code = stream.encoding or "ascii"  # a path may hold letters that this terminal cannot show
    stream.write(text.encode(code, "backslashreplace").decode(code) + "\n")
    stream.flush()


def clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in ASTRAY}


def wanted(extra: str) -> Stamp:
    # Scripts in .venv hold its path, compiled packages fit one Python: these two make the base.
    base = digest(ROOT, sys.implementation.cache_tag)
    return [base, digest(read("constraints.txt"), read("pyproject.toml")), torch_build(), extra]


def digest(*texts: str) -> str:
    import hashlib

    return hashlib.sha256("\0".join(texts).encode("utf-8", "surrogateescape")).hexdigest()


def read(name: str) -> str:
    with open(os.path.join(ROOT, name), encoding="utf-8") as file:
        return file.read()


def read_stamp() -> Stamp:
    try:
        return read(STAMP).split("\n")
    except (OSError, UnicodeDecodeError):
        return []


def write_stamp(stamp: Stamp) -> None:
    with open(STAMP, "w", encoding="utf-8", newline="\n") as file:
        file.write("\n".join(stamp))


def same_base(have: Stamp, want: Stamp, any_build: bool = False) -> bool:
    # A CUDA build also runs without a GPU: one that is away for a day is no reason to fetch gigabytes again.
    return (
        len(have) == 4 and have[0] == want[0] and (any_build or have[2] in (want[2], "cuda")) and os.path.exists(PYTHON)
    )


def fits(have: Stamp, want: Stamp, any_build: bool = False) -> bool:
    return same_base(have, want, any_build) and have[1] == want[1] and have[3] in (want[3], "test")


def torch_build() -> str:
    """Which build of PyTorch suits this machine; cheap looks only, because every start asks."""
    if sys.platform == "darwin":
        return "mac"
    if WINDOWS:
        folder = os.environ.get("SYSTEMROOT", "C:\\Windows")
        nvidia = os.path.exists(os.path.join(folder, "System32", "nvcuda.dll"))
    else:
        nvidia = os.path.exists("/proc/driver/nvidia/version") or nvidia_smi_works()
    return "cuda" if nvidia else "cpu"


def nvidia_smi_works() -> bool:
    """Under WSL there is a GPU but no /proc entry for it."""
    import shutil

    if not shutil.which("nvidia-smi"):
        return False
    import subprocess

    try:
        quiet = subprocess.DEVNULL
        return subprocess.call(["nvidia-smi", "-L"], stdin=quiet, stdout=quiet, stderr=quiet, timeout=20) == 0
    except (OSError, subprocess.TimeoutExpired):
        return False
