"""Runs commands, shows how far they are and says why one failed; knows nothing of what they install."""

import contextlib
import queue
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from typing import TextIO

from launcher.state import GENERAL, MISSING, ROOT, STORAGE, Fault, clean_environment, say

DISK_FULL = "no space left|errno 28|disk quota exceeded|winerror 112|not enough space on the disk"
NOT_WRITABLE = "read-only file system|errno 30|errno 13|permission denied|access is denied"
NO_NETWORK = (
    "connectionerror|connection reset|connection refused|connection broken|incompleteread|unreachable|timed out|"
    "timeouterror|name resolution|nameresolution|dns error|max retries|proxyerror|sslerror"
)
NO_BUILD = "no matching distribution|resolutionimpossible"  # the index answered, and has nothing that fits

# What a failed command printed, the exit code, what happened, what to do. The first that was printed counts.
CAUSES = (
    (DISK_FULL, STORAGE, "the disk is full", "Free some GB, also for temporary files, then start again"),
    (NOT_WRITABLE, STORAGE, "a folder cannot be written to", "Move Playground to a folder of your own"),
    (NO_NETWORK, MISSING, "the network failed", "Check the connection and the proxy, then start again"),
    (NO_BUILD, MISSING, "there is none for this system", "Use another version of Python, or another system"),
    ("error", GENERAL, "a command failed", "Read the log, then start again"),
)
SPARE = 50_000_000  # bytes; with less than this left, a failure without a known reason is put down to the disk


class Failed(Exception):
    """A command that ended badly, with the lines it printed."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__()
        self.lines = lines


class Steps:
    """The steps of one installation: what is shown of them, and the log that gets everything."""

    def __init__(self, log: TextIO, total: int) -> None:
        self.log, self.total, self.number, self.title = log, total, 0, ""

    def begin(self, title: str) -> None:
        self.number += 1
        self.title = title.split(":")[0]
        say(f"[{self.number}/{self.total}] {title}")

    def must(self, command: Sequence[str]) -> None:
        try:
            self.run(command)
        except Failed as failed:
            raise self.diagnosis(failed.lines) from None

    def run(self, command: Sequence[str], environment: dict[str, str] | None = None) -> None:
        self.write("$ " + " ".join(command))
        child = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**clean_environment(), **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )
        try:
            lines = self.follow(child)
        except BaseException:
            child.terminate()
            child.wait()
            raise
        if child.wait():
            raise Failed(lines)

    def follow(self, child: "subprocess.Popen[str]") -> list[str]:
        """All lines of the child; a thread reads them, so that the time shown goes on while it is silent."""
        arriving: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=read_all, args=(child.stdout, arriving), daemon=True).start()
        lines: list[str] = []
        progress = Progress()
        while True:
            try:
                line = arriving.get(timeout=1)
            except queue.Empty:
                progress.show()
                continue
            if line is None:
                progress.clear()
                return lines
            lines.append(line)
            self.write(line)
            progress.note(line)

    def write(self, line: str) -> None:
        with contextlib.suppress(OSError):  # a full disk: what the command itself says about it is kept in memory
            self.log.write(line + "\n")
            self.log.flush()

    def diagnosis(self, lines: list[str]) -> Fault:
        causes = CAUSES if shutil.disk_usage(ROOT).free > SPARE else CAUSES[:1]
        signs, code, cause, remedy = next((entry for entry in causes if mention(lines, entry[0])), causes[-1])
        said = (mention(lines, signs) or lines[-1:] or ["it printed nothing"])[0]
        said = said.split(" broken by ")[-1].split(">: ")[-1].strip()[:160]  # what pip wraps around a network's error
        return Fault(code, f"{self.title} could not be installed: {cause}. {remedy}. ({said}; log: {self.log.name})")


class Progress:
    """One line that is rewritten on a terminal, a short line every few seconds elsewhere."""

    def __init__(self) -> None:
        self.began = self.shown = time.monotonic()
        self.count, self.current = 0, ""
        self.terminal = sys.stdout.isatty()

    def note(self, line: str) -> None:
        word, _, rest = line.strip().partition(" ")
        if word == "Collecting":
            self.count += 1
            self.current = rest.split(" (")[0]
        elif word == "Downloading":
            self.current = "downloading " + rest.split("/")[-1]
        elif line.startswith("Installing collected packages:"):
            self.count = line.count(",") + 1
            self.current = "unpacking"
        elif "Retrying (" in line:
            self.current = "the network does not answer, trying again"
        self.show()

    def show(self) -> None:
        now = time.monotonic()
        if not self.current or now - self.shown < (0.1 if self.terminal else 10):
            return
        self.shown = now
        text = f"      {now - self.began:.0f} s, packages: {self.count}, {self.current}"
        if not self.terminal:
            return say(text)
        width = shutil.get_terminal_size().columns - 1
        sys.stdout.write("\r" + text[:width].ljust(width))
        sys.stdout.flush()

    def clear(self) -> None:
        if self.terminal and self.current:
            sys.stdout.write("\r" + " " * (shutil.get_terminal_size().columns - 1) + "\r")
            sys.stdout.flush()


def read_all(stream: TextIO, into: "queue.Queue[str | None]") -> None:
    for line in stream:
        into.put(line.rstrip())
    into.put(None)


def mention(lines: list[str], signs: str) -> list[str]:
    return [line for line in lines if any(sign in line.lower() for sign in signs.split("|"))]


def is_missing_build(lines: list[str]) -> bool:
    return bool(mention(lines, NO_BUILD)) and not mention(lines, NO_NETWORK)
