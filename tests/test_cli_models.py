"""`playground models …` as a process, against a local Hub, with tiny models made on the spot."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import filelock
import pytest

from playground.presets import STARTER, model_presets
from tests.conftest import give_starter, wait_for
from tests.hub_server import Repo, noise, serving
from tests.test_cli import OFFLINE_NET, assert_fault, data, run, start

__all__ = ["data"]
TINY = "org/tiny-GGUF/tiny-Q4_0.gguf"


def test_list_says_what_is_here_and_what_can_be_had(data: Path) -> None:
    own = data / "models" / "mine.gguf"
    own.parent.mkdir(parents=True)
    own.write_bytes(b"GGUF" + bytes(96))
    facts = json.loads(run(data, "models", "list", "--json").stdout)
    assert [(model["name"], model["size"]) for model in facts["here"]] == [(str(own), 100)]
    offers = {offer["id"]: offer for offer in facts["available"]}
    assert set(offers) == set(model_presets())
    assert all(offer["memory"] > 0 for offer in offers.values())
    assert offers[STARTER]["memory"] < offers["llama-3.3-70b-instruct"]["memory"]
    text = run(data, "models", "list").stdout
    assert str(own) in text
    assert "Apache-2.0" in text


def test_plan_of_what_is_not_here_yet(data: Path) -> None:
    done = run(data, "models", "plan", STARTER, "--context", "2048", "--slots", "1", "--engine", "llamacpp", "--json")
    plan = json.loads(done.stdout)
    assert (done.returncode, plan["fits"], plan["context_length"], plan["slots"]) == (0, True, 2048, 1)
    longer = json.loads(run(data, "models", "plan", STARTER, "--slots", "1", "--json").stdout)
    assert longer["parts"]["cpu"]["kv_cache"] > plan["parts"]["cpu"]["kv_cache"]
    assert longer["parts"]["cpu"]["weights"] == plan["parts"]["cpu"]["weights"]


def test_plan_that_does_not_fit_ends_with_1_and_proposes(data: Path) -> None:
    name = "llama-3.3-70b-instruct"
    done = run(data, "models", "plan", name, "--device", "cpu", "--precision", "fp32", "--slots", "64")
    assert (done.returncode, "does not fit" in done.stdout) == (1, True), done


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["models", "plan", "nobody"], 4, ["'nobody'", STARTER]),
        (["models", "plan", STARTER, "--device", "cuda:77"], 2, ["cuda:77"]),
        (["models", "plan", STARTER, "--precision", "int8", "--engine", "llamacpp"], 2, ["int8"]),
        (["models", "plan", STARTER, "--context", "1"], 2, ["context_length"]),
        (["models", "remove", "nobody"], 4, ["'nobody'"]),
        (["models", "convert", "nobody"], 4, ["'nobody'"]),
        (["models", "pull", "opus-mt-en-fr"], 2, ["--allow-pickle"]),
        (["models", "pull", "../../etc"], 2, ["not the name"]),
    ],
)
def test_faults(data: Path, arguments: list[str], code: int, words: list[str]) -> None:
    assert_fault(run(data, *arguments, **OFFLINE_NET), code, *words)


def test_pull_list_and_remove(data: Path) -> None:
    repo = Repo({"tiny-Q4_0.gguf": noise(300_000)}, tags=("gguf", "license:mit"))
    with serving(repos={"org/tiny-GGUF": repo}) as hub:
        done = run(data, "models", "pull", TINY, HF_ENDPOINT=hub.url)
        file = Path(done.stdout.strip())
        assert (done.returncode, file.read_bytes() == repo.files["tiny-Q4_0.gguf"]) == (0, True), done
        assert "100 %" in done.stderr or "of 0 MB" in done.stderr
        assert run(data, "models", "pull", TINY, **OFFLINE_NET).stdout == done.stdout, "it is here already"
    listed = json.loads(run(data, "models", "list", "--json").stdout)["here"]
    assert [(model["name"], model["license"]) for model in listed] == [(TINY, "mit")]
    with filelock.FileLock(data / "playground.lock"):
        assert_fault(run(data, "models", "remove", TINY), 3, "running")
    done = run(data, "models", "remove", TINY)
    assert (done.returncode, "bytes" in done.stdout, file.exists()) == (0, True, False)
    assert int(done.stdout.split("; ")[1].split()[0]) >= 300_000


def test_ctrl_c_keeps_what_has_come(data: Path) -> None:
    repo = Repo({"tiny-Q4_0.gguf": noise(3_000_000)}, tags=("gguf",))
    with serving(repos={"org/tiny-GGUF": repo}, manner="stall") as hub:
        with start(data, "models", "pull", TINY, HF_ENDPOINT=hub.url) as process:
            wait_for(lambda: hub.sent >= hub.break_at, 60, "half of the file")
            parts = data / "models" / ".parts"
            wait_for(lambda: [file for file in parts.rglob("*.part") if file.stat().st_size], 20, "the part")
            process.send_signal(signal.SIGINT)
            hub.let_go.set()
            process.communicate(timeout=60)
        assert process.returncode == 130
        kept = sum(file.stat().st_size for file in parts.rglob("*.part"))
        assert kept > 0
        hub.manner, sent = "good", hub.sent
        assert run(data, "models", "pull", TINY, HF_ENDPOINT=hub.url).returncode == 0
        assert hub.sent - sent <= 3_000_000 - kept


def test_a_pickle_is_converted_once(data: Path) -> None:
    torch = pytest.importorskip("torch")
    folder = data / "models" / "old"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text('{"model_type": "llama"}')
    torch.save({"weight": torch.ones(3)}, folder / "pytorch_model.bin")
    name = str(folder)
    assert "pickle" in run(data, "models", "list").stdout
    assert run(data, "models", "convert", name).stdout == f"{folder}\n"
    assert (folder / "model.safetensors").stat().st_size > 12
    assert (folder / "pytorch_model.bin").exists(), "what a person put there stays"
    assert_fault(run(data, "models", "convert", name), 2, "no pickle")


def test_load_test_of_the_echo_engine(data: Path) -> None:
    started = time.monotonic()
    done = run(data, "models", "load-test", "echo@100", "--engine", "echo", "--json")
    facts = json.loads(done.stdout)
    assert (done.returncode, facts["engine"], facts["reply"]) == (
        0,
        "echo",
        "You said: Write one sentence about the sea.",
    )
    assert 0 <= facts["load_seconds"] < time.monotonic() - started
    assert facts["tokens"] == 8
    assert not (data / "models.json").exists(), "a test chooses nothing"


@pytest.mark.real_model
def test_load_test_of_a_real_model(data: Path, starter_gguf: Path) -> None:
    give_starter(starter_gguf, data)
    options = ("--offline", "--engine", "llamacpp", "--context", "1024", "--slots", "1")
    done = run(data, "models", "load-test", STARTER, *options, "--json")
    facts = json.loads(done.stdout)
    assert done.returncode == 0
    assert facts["tokens"] > 3
    assert facts["tokens_per_second"] > 0
    assert 0 < facts["peak_bytes"] < 2 * facts["planned_full_bytes"]
    assert "Peak memory" in run(data, "models", "load-test", STARTER, *options).stdout


def test_what_the_settings_say_goes_before_the_plan(data: Path) -> None:
    data.mkdir()
    (data / "settings.toml").write_text("context_length = 512\nslots = 1\n")
    assert json.loads(run(data, "models", "plan", STARTER, "--json").stdout)["context_length"] == 512
    asked = run(data, "models", "plan", STARTER, "--context-length", "1024", "--json")
    assert json.loads(asked.stdout)["context_length"] == 1024
