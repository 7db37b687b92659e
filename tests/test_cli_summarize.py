"""`playground summarize` as a process: the summary to stdout, how far it is to stderr, files, exit codes, Ctrl-C."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import docx
import pypdf
import pytest

from playground.store import Database
from playground.store.runs import Runs
from tests.conftest import ROOT, App
from tests.test_cli import ECHO, assert_fault, run, start

NARROW = ("--context-length", "1536")
SMALL = (*NARROW, "--length", "30")
"""Room for some 1,200 words beside the instruction and the answer, and for three notes that are put together."""
ADJECTIVES, THINGS = ("red", "old", "tall", "loud", "wet", "cheap", "new"), ("crane", "mill", "press", "saw", "pump")
PLACES = ("hall", "yard", "tower", "cellar")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "my data 数据"


def text_of(sentences: int) -> str:
    """No two sentences are the same but for their numbers: that would be a loop."""
    return "".join(
        f"The {ADJECTIVES[n % 7]} {THINGS[n % 5]} number {n} stands in the {PLACES[n % 4]}.\n" for n in range(sentences)
    )


@pytest.fixture
def short(tmp_path: Path) -> str:
    file = tmp_path / "short 短.txt"
    file.write_text(text_of(3), encoding="utf-8")
    return str(file)


@pytest.fixture
def long(tmp_path: Path) -> str:
    file = tmp_path / "long.txt"
    file.write_text(text_of(740), encoding="utf-8")
    return str(file)


def runs_of(data: Path) -> Runs:
    return Runs(Database(data / "playground.db", data / "backups"))


def summarize(data: Path, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[str]:
    return run(data, "summarize", *ECHO, *arguments, given=given)


# -- what comes out ----------------------------------------------------------------------------------------------------


def test_the_summary_and_nothing_else_on_stdout(data: Path, short: str) -> None:
    done = summarize(data, short)
    assert done.returncode == 0, done
    assert done.stdout.startswith("You said: Summarize the text below in about 60 words. Write it as flowing text.")
    assert done.stdout.endswith("The tall press number 2 stands in the tower.\n")
    lines = done.stderr.splitlines()
    assert lines[0] == "echo: loading"
    # Of the instruction, which echo repeats, no passage says the same.
    assert lines[-1].startswith("Read: 100 %. Sentences with a passage that says the same: 3 of ")
    (kept,) = runs_of(data).runs()
    assert (kept.title, kept.status, kept.text) == ("short 短.txt", "complete", done.stdout.rstrip("\n"))


def test_several_files_standard_input_and_all_options(data: Path, short: str, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<h1>Halls</h1><p>There are seven halls.</p>", encoding="utf-8")
    options = ["--length", "90%", "--language", "zh", "--audience", "a child", "--seed", "5", "--title", "Mine"]
    out = tmp_path / "out.md"
    done = summarize(
        data, short, str(page), "-", *options, "--instruction", "只列数字", "--json", "--out", str(out),
        given="天气很好。机器在转。\n".encode("gb18030"),
    )  # fmt: skip
    assert done.returncode == 0, done
    held = json.loads(done.stdout)
    assert [one["name"] for one in held["documents"]] == ["short 短.txt", "page.html", "standard input"]
    assert held["run"]["title"] == "Mine"
    expected = dict(style="own", instruction="只列数字", share=0.9, language="zh", audience="a child", seed=5)
    assert held["run"]["options"].items() >= expected.items()
    assert held["nodes"][-1]["record"]["seed"] == 5
    assert "天气很好。机器在转。" in held["run"]["text"]
    said = out.read_text(encoding="utf-8")
    assert said.startswith("# Mine\n\nYou said: ")
    assert f"Written: {out}" in done.stderr


def test_a_long_text_is_read_in_parts(data: Path, long: str) -> None:
    done = summarize(data, long, *SMALL, "--json")
    assert done.returncode == 0, done
    held = json.loads(done.stdout)
    parts = [node for node in held["nodes"] if node["level"] == 0]
    assert len(parts) > 4
    assert [one["first"] for one in parts] == [0, *(one["last"] for one in parts[:-1])]
    assert held["coverage"]["percent"] == 100


@pytest.mark.parametrize("suffix", [".docx", ".json", ".TXT"])
def test_out_writes_what_the_ending_says(data: Path, short: str, tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"out{suffix}"
    done = summarize(data, short, "--out", str(out))
    assert done.returncode == 0, done
    if suffix == ".docx":
        said = [one.text for one in docx.Document(io.BytesIO(out.read_bytes())).paragraphs]
        assert (said[0], "Receipt" in said) == ("short 短.txt", True)
    elif suffix == ".json":
        assert json.loads(out.read_bytes())["run"]["text"] == done.stdout.strip()
    else:
        assert out.read_text(encoding="utf-8") == done.stdout
    again = summarize(data, short, "--out", str(out))
    assert_fault(again, 5, "is there already")
    assert len(runs_of(data).runs()) == 1, "refused before any work"


# -- what cannot be done -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--style", "haiku"], 2, ["style is 'haiku'", "paragraph"]),
        (["--style", "own"], 2, ["instruction is empty"]),
        (["--style", "tldr", "--instruction", "rhyme"], 2, ["--instruction"]),
        (["--length", "long"], 2, ["'long' is not a length"]),
        (["--length", "2"], 2, ["length is 2 words"]),
        (["--language", "xx"], 2, ["language is 'xx'"]),
        (["--mode", "magic"], 2, ["mode is 'magic'", "map_reduce"]),
        (["--seed", "-1"], 2, ["seed is -1"]),
        (["--out", "summary.pdf"], 2, ["summary.pdf", ".docx"]),
        (["--out", "/no/such/folder/a.md"], 4, ["/no/such/folder"]),
        (["/no/such.txt"], 4, ["There is no file /no/such.txt"]),
        (["-", "-"], 2, ["once"]),
        (["--model", "gpt"], 2, ["has no model 'gpt'"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)
def test_bad_options(data: Path, short: str, arguments: list[str], code: int, words: list[str]) -> None:
    assert_fault(summarize(data, short, *arguments), code, *words)
    assert not (data / "playground.db").exists() or not runs_of(data).runs()


def test_bad_files(data: Path, short: str, tmp_path: Path) -> None:
    empty, locked = tmp_path / "empty.txt", tmp_path / "locked.pdf"
    empty.touch()
    writer = pypdf.PdfWriter()
    writer.add_blank_page(100, 100)
    writer.encrypt("secret")
    writer.write(locked)
    assert_fault(summarize(data, short, str(empty)), 2, "empty.txt", "is empty")
    assert_fault(summarize(data, str(locked)), 2, "locked.pdf", "password")
    assert_fault(summarize(data, str(tmp_path)), 2, "folder")
    assert_fault(summarize(data, "-", given=bytes(range(256)) * 4), 2, "Standard input is not text")
    assert_fault(summarize(data, "-"), 2, "There is no text")
    assert_fault(summarize(data), 2, "required")
    assert not (data / "playground.db").exists()


def test_no_model(data: Path, short: str) -> None:
    assert_fault(run(data, "summarize", short, "--offline", "--engine", "llamacpp"), 4, "--offline")
    assert runs_of(data).runs() == []


def test_too_small_a_context(data: Path, long: str) -> None:
    done = summarize(data, long, "--context-length", "256")
    assert_fault(done, 1, "256 tokens at once", "larger context")
    assert done.stdout == ""


PATCHED = """
import sys
from playground.cli import main
from playground.engine.echo_engine import EchoEngine
from playground.errors import ModelError
stream = EchoEngine.stream
def picky(self, turns, *rest, **more):
    if {bad!r} in turns[-1].content:
        raise ModelError("This one is not for me. Take another.")
    return stream(self, turns, *rest, **more)
EchoEngine.stream = picky
sys.exit(main())
"""


def picky(data: Path, bad: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Summarize with a model that fails at every text with `bad` in it."""
    return subprocess.run(
        [sys.executable, "-c", PATCHED.format(bad=bad), "summarize", *ECHO, *SMALL, *arguments],
        cwd=ROOT,
        env={**os.environ, "PLAYGROUND_DATA_DIR": str(data)},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


def test_a_part_that_fails_is_named_and_the_summary_is_not_passed_off_as_whole(
    data: Path, long: str, tmp_path: Path
) -> None:
    out = tmp_path / "out.md"
    done = picky(data, "number 739 stands", long, "--out", str(out))
    assert_fault(done, 1, "The summary is not whole")
    assert done.stdout.startswith("You said: Below are summaries of the consecutive parts")
    (line,) = (line for line in done.stderr.splitlines() if line.startswith("Could not be read"))
    assert "long.txt, characters " in line
    assert "This one is not for me." in line
    assert "Read: 100 %" not in done.stderr
    assert "**This summary is not whole." in out.read_text(encoding="utf-8")


def test_a_summary_that_fails_says_what_is_kept(data: Path, long: str) -> None:
    done = picky(data, "Summarize the whole document", long)
    assert_fault(done, 1, "not put together", "This one is not for me.")
    assert done.stdout == ""
    assert "steps are kept; the same command goes on with them." in done.stderr
    (kept,) = runs_of(data).runs()
    assert kept.status == "failed"
    again = summarize(data, long, *SMALL, "--json")
    assert again.returncode == 0
    made = [node.record for node in runs_of(data).nodes(kept.id) if node.level == 0]
    assert [node["record"] for node in json.loads(again.stdout)["nodes"] if node["level"] == 0] == made


# -- on the way --------------------------------------------------------------------------------------------------------


def begun(data: Path, file: str, pace: str = "echo@600") -> subprocess.Popen[bytes]:
    """A summary of which at least two parts are done, and not all."""
    process = start(data, "summarize", file, "--engine", "echo", "--model", pace, *SMALL)
    assert process.stderr is not None
    while line := process.stderr.readline():
        done = line.split(b"/")[0]
        if b"parts" in line and done.isdigit() and int(done) >= 2:
            return process
    raise AssertionError("it ended")


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize("signal_", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_keeps_what_is_done_and_the_same_command_goes_on(data: Path, long: str, signal_: signal.Signals) -> None:
    with begun(data, long) as process:
        process.send_signal(signal_)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, b"")
    assert b"Traceback" not in err
    assert err.splitlines()[-1].startswith(b"Stopped. ")
    (kept,) = runs_of(data).runs()
    assert kept.status == "stopped"
    done = {node.position: node.record for node in runs_of(data).nodes(kept.id) if node.status == "done"}
    assert len(done) >= 2
    again = run(data, "summarize", long, "--engine", "echo", "--model", "echo@600", *SMALL, "--json")
    assert again.returncode == 0, again
    nodes: list[dict[str, Any]] = json.loads(again.stdout)["nodes"]
    reused = [node["position"] for node in nodes if node["level"] == 0 and node["record"] == done.get(node["position"])]
    assert reused == sorted(done), "the seconds in their records say that they were not written again"


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_the_app_goes_on_with_what_was_killed(data: Path, long: str, start_app: Callable[..., App]) -> None:
    with begun(data, long) as process:
        process.kill()
    runs = runs_of(data)
    (kept,) = runs.runs()
    assert kept.status == "running"
    done = [node for node in runs.nodes(kept.id) if node.status == "done"]
    start_app("--engine", "echo", "--model", "echo@600", *NARROW, data=data)
    while (now := runs.run(kept.id)).status == "running":
        time.sleep(0.1)
    assert (now.status, now.error) == ("complete", "")
    assert runs.nodes(kept.id)[: len(done)] == done


@pytest.mark.skipif(os.name == "nt", reason="needs a pseudo terminal")
def test_on_a_terminal_one_line_is_rewritten(data: Path, long: str) -> None:
    import pty

    ours, theirs = pty.openpty()
    command = [
        sys.executable,
        "-m",
        "playground",
        "summarize",
        long,
        "--engine",
        "echo",
        "--model",
        "echo@2000",
        *SMALL,
    ]
    environment = {**os.environ, "PLAYGROUND_DATA_DIR": str(data), "COLUMNS": "120"}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=theirs)
    os.close(theirs)
    said = b""
    with contextlib.suppress(OSError):  # A terminal whose other end has gone.
        while piece := os.read(ours, 1000):
            said += piece
    os.close(ours)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert out.startswith(b"You said: ")
    lines = said.decode().replace("\r\n", "\n").split("\n")
    assert len(lines) == 3, "loading, the line that is rewritten, the end"
    *shown, last = [one for one in lines[1].split("\r") if one.strip()]
    assert any("parts, " in one and "tokens/s" in one and one.rstrip().endswith(" left") for one in shown)
    assert last.startswith("Read: 100 %."), "in the place of the line"
