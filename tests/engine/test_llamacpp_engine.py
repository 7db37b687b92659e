"""What the llama.cpp engine adds to the contract: slots, what it keeps of conversations, adapters, base models, faults.

`test_contract.py` has what it shares with the others.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from playground.engine import llamacpp_engine
from playground.engine.base import AdapterSource, Engine, ModelSource
from playground.engine.headers import read_gguf
from playground.engine.llamacpp_engine import LlamaCppEngine
from playground.engine.llamacpp_server import LlamaServer
from playground.engine.lora_gguf import convert_lora
from playground.errors import ModelError
from playground.records import Chunk, Sampling, Turn
from tests.conftest import wait_for
from tests.engine.test_contract import FRANCE, STORY, ask, text_of

pytestmark = pytest.mark.real_model

ROOT = Path(__file__).resolve().parent.parent.parent
LONG = "The old man counts the boats from the wall, as he has done for forty years. " * 5


def source(gguf: Path, **changes: object) -> ModelSource:
    return ModelSource(**{"id": "starter", "path": gguf, "context_length": 1024, "threads": 1, **changes})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def engine(starter_gguf: Path) -> Iterator[Engine]:
    made = LlamaCppEngine(source(starter_gguf))
    yield made
    made.close()


def test_what_can_never_be_drawn_is_left_out_and_nothing_else(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def said() -> list[str]:
        likely, all_of_it = {"temperature": 0.7, "top_p": 0.9}, {"temperature": 1.0, "top_p": 1.0}
        return [
            text_of(ask(engine, STORY, top_k=0, seed=seed, **how)) for seed in range(4) for how in (likely, all_of_it)
        ]

    ask(engine, STORY)  # Read now: what was read in other pieces may differ in its last digit.
    fast = said()
    monkeypatch.setattr(llamacpp_engine, "_NEVER", 0.0)
    assert said() == fast
    assert len({*fast}) > 1


def talk(number: int) -> list[Turn]:
    return [Turn("user", f"Report {number}. {LONG}"), Turn("assistant", LONG), Turn("user", "What does he count?")]


def cached(chunks: list[Chunk]) -> float:
    return chunks[-1].cached_tokens / chunks[-1].prompt_tokens


def all_at_once(engine: Engine, talks: list[list[Turn]]) -> list[list[Chunk]]:
    found: list[list[Chunk]] = [[] for _ in talks]

    def one(number: int) -> None:
        found[number] = ask(engine, talks[number], max_new_tokens=8)

    threads = [threading.Thread(target=one, args=[number]) for number in range(len(talks))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_four_conversations_at_once_each_come_back_to_their_own(engine: Engine) -> None:
    assert engine.info.capabilities.slots == 4
    assert engine.info.context_length == 1024
    talks = [talk(number) for number in range(4)]
    first = all_at_once(engine, talks)
    assert all(chunks[-1].finish_reason for chunks in first)
    for turns, chunks in zip(talks, first, strict=True):
        turns += [Turn("assistant", text_of(chunks)), Turn("user", "And then?")]
    for chunks in all_at_once(engine, talks[::-1]):
        assert cached(chunks) > 0.9


def test_a_fifth_waits_and_can_be_cancelled_while_it_does(engine: Engine) -> None:
    streams = [
        engine.stream([Turn("user", f"{number}. Tell a story.")], Sampling(seed=1), threading.Event())
        for number in range(4)
    ]
    for stream in streams:
        next(stream)
    stop, found = threading.Event(), []
    waiting = threading.Thread(target=lambda: found.extend(engine.stream(STORY, Sampling(seed=1), stop)))
    waiting.start()
    waiting.join(0.3)
    assert waiting.is_alive()
    assert not found
    stop.set()
    waiting.join()
    assert [chunk.finish_reason for chunk in found] == ["cancelled"]
    waiting = threading.Thread(target=lambda: found.extend(ask(engine, FRANCE, max_new_tokens=2)))
    waiting.start()
    for stream in streams:
        stream.close()
    waiting.join()
    assert found[-1].completion_tokens == 2


def test_only_the_tail_of_an_edit_is_read_and_the_other_branch_is_kept(engine: Engine) -> None:
    turns = [Turn("user", f"Report 10. {LONG * 2}"), Turn("assistant", LONG * 3), Turn("user", "And then?")]
    start = engine.count_tokens(turns[:1])
    first = ask(engine, turns, max_new_tokens=4)
    edited = [turns[0], Turn("assistant", "No. " + LONG * 3), turns[2]]
    branch = ask(engine, edited, max_new_tokens=4)
    assert start - 10 <= branch[-1].cached_tokens <= start + 10
    assert cached(ask(engine, turns, max_new_tokens=4)) > 0.95
    assert cached(ask(engine, edited, max_new_tokens=4)) > 0.95
    again = ask(engine, turns, max_new_tokens=4, seed=5)
    assert cached(again) > 0.95
    assert text_of(again) == text_of(first)


def test_without_a_state_folder_nothing_stays_on_disk(starter_gguf: Path, tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    engine = LlamaCppEngine(source(starter_gguf, slots=1))
    ask(engine, talk(0), max_new_tokens=2)
    assert not list(tmp_path.rglob("*.kv*"))
    engine.close()
    assert not list(tmp_path.iterdir())


def test_temporary_files_may_lie_at_a_long_path(starter_gguf: Path, tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    place = tmp_path / ("long" * 25)
    place.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(place))
    engine = LlamaCppEngine(source(starter_gguf, slots=1))
    assert engine.count_tokens(talk(0)) > 0
    engine.close()
    assert not list(place.iterdir())


def test_what_was_read_is_there_after_a_restart(starter_gguf: Path, tmp_path: Path) -> None:
    first = LlamaCppEngine(source(starter_gguf, slots=2, state=tmp_path))
    replies = [text_of(ask(first, talk(number), max_new_tokens=4)) for number in range(2)]
    wait_for(lambda: len(list(tmp_path.glob("*.json"))) == 2, 60, "saving while all rests")
    first.close()
    second = LlamaCppEngine(source(starter_gguf, slots=2, state=tmp_path))
    for number, reply in enumerate(replies):
        turns = [*talk(number), Turn("assistant", reply), Turn("user", "And then?")]
        chunks = ask(second, turns, max_new_tokens=4)
        assert cached(chunks) > 0.9
        # The same as if it had been read now.
        fresh = ask(second, [Turn("system", "x"), *turns], max_new_tokens=4)
        assert fresh[-1].cached_tokens < 50
    second.close()


def test_a_kill_leaves_what_had_rested(starter_gguf: Path, tmp_path: Path) -> None:
    program = (
        "import sys, time, threading; from pathlib import Path\n"
        "from tests.engine.test_llamacpp_engine import LlamaCppEngine, ask, source, talk\n"
        "engine = LlamaCppEngine(source(Path(sys.argv[1]), slots=1, state=Path(sys.argv[2])))\n"
        "ask(engine, talk(0), max_new_tokens=4)\n"
        "time.sleep(300)"
    )
    child = subprocess.Popen([sys.executable, "-c", program, str(starter_gguf), str(tmp_path)], cwd=ROOT)
    try:
        wait_for(lambda: list(tmp_path.glob("*.json")), 200, "a saved state")
    finally:
        child.send_signal(signal.SIGKILL if sys.platform != "win32" else signal.SIGTERM)
        child.wait()
    engine = LlamaCppEngine(source(starter_gguf, slots=1, state=tmp_path))
    assert cached(ask(engine, talk(0), max_new_tokens=2)) > 0.95
    engine.close()


def test_a_state_that_llamacpp_refuses_is_removed_and_the_prompt_read(starter_gguf: Path, tmp_path: Path) -> None:
    first = LlamaCppEngine(source(starter_gguf, slots=1, state=tmp_path))
    text = text_of(ask(first, talk(0), max_new_tokens=4))
    first.close()
    (state,) = tmp_path.glob("*.kv")
    state.write_bytes(b"\0" * state.stat().st_size)
    second = LlamaCppEngine(source(starter_gguf, slots=1, state=tmp_path))
    chunks = ask(second, talk(0), max_new_tokens=4)
    assert (chunks[-1].cached_tokens, text_of(chunks)) == (0, text)
    assert not state.exists()
    second.close()


def adapter(gguf: Path, folder: Path, seed: int = 0, hidden: int = 0) -> AdapterSource:
    """A PEFT adapter with random factors, strong enough to change what is said."""
    from safetensors.numpy import save_file

    header, random = read_gguf(gguf), np.random.default_rng(seed)
    shapes = {tensor.name: tensor.shape for tensor in header.tensors}
    tensors = {}
    for layer in range(header.keys["llama.block_count"]):
        for name, short in (("q_proj", "attn_q"), ("v_proj", "attn_v")):
            rows, columns = shapes[f"blk.{layer}.{short}.weight"]
            stem = f"base_model.model.model.layers.{layer}.self_attn.{name}"
            tensors[f"{stem}.lora_A.weight"] = random.normal(0, 0.05, (4, hidden or columns)).astype(np.float32)
            tensors[f"{stem}.lora_B.weight"] = random.normal(0, 0.3, (rows, 4)).astype(np.float32)
    folder.mkdir(parents=True)
    save_file(tensors, folder / "adapter_model.safetensors")
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "r": 4, "lora_alpha": 8}))
    return AdapterSource(folder.name, folder)


def test_adapters_come_go_and_leave_no_trace(starter_gguf: Path, tmp_path: Path) -> None:
    engine = LlamaCppEngine(source(starter_gguf, slots=1, cache=tmp_path / "cache", state=tmp_path / "state"))
    bare = text_of(ask(engine, talk(0), max_new_tokens=12, temperature=0.8))
    engine.attach(adapter(starter_gguf, tmp_path / "poet"))
    engine.attach(adapter(starter_gguf, tmp_path / "clerk", seed=1))
    assert engine.adapters == ("poet", "clerk")
    assert engine.info.capabilities.adapters

    def said(name: str) -> tuple[str, int]:
        sampling = Sampling(seed=1, max_new_tokens=12, temperature=0.8)
        chunks = list(engine.stream(talk(0), sampling, threading.Event(), adapter=name))
        return text_of(chunks), chunks[-1].cached_tokens

    # What was read before the adapters came is used again without them, and only without them.
    text, reused = said("")
    assert (text, reused > 100) == (bare, True)
    poet, reused = said("poet")
    assert reused == 0
    clerk, reused = said("clerk")
    assert reused == 0
    assert len({bare, poet, clerk}) == 3
    # What was kept continues as what is still in the slot; reading it in one go rounds a little differently.
    read_at_once = poet
    clerk, poet, bare = (said(name) and said(name)[0] for name in ("clerk", "poet", ""))
    for name, before in (("poet", poet), ("", bare), ("clerk", clerk)):
        text, reused = said(name)
        assert (text, reused > 100) == (before, True), "read again from its own state"

    engine.detach("poet")
    assert engine.adapters == ("clerk",)
    with pytest.raises(ModelError, match="poet is not attached"):
        said("poet")
    assert said("")[0] == bare
    engine.close()
    again = LlamaCppEngine(
        source(starter_gguf, slots=1, cache=tmp_path / "cache", adapters=(AdapterSource("poet", tmp_path / "poet"),))
    )
    chunks = list(
        again.stream(talk(0), Sampling(seed=1, max_new_tokens=12, temperature=0.8), threading.Event(), adapter="poet")
    )
    assert text_of(chunks) == read_at_once
    again.close()


def test_an_adapter_that_does_not_fit_leaves_the_model_as_it_was(
    engine: Engine, starter_gguf: Path, tmp_path: Path
) -> None:
    before = text_of(ask(engine, FRANCE))
    wrong = adapter(starter_gguf, tmp_path / "wrong", hidden=64)
    (tmp_path / "empty").mkdir()
    for one in (wrong, AdapterSource("base", starter_gguf), AdapterSource("empty", tmp_path / "empty")):
        with pytest.raises(Exception, match="adapter"):
            engine.attach(one)
    broken = tmp_path / "broken.gguf"
    convert_lora(adapter(starter_gguf, tmp_path / "fits").path, starter_gguf, broken)
    # Its header fits, and llama.cpp refuses it all the same.
    broken.write_bytes(broken.read_bytes().replace(b".lora_b", b".lora_x"))
    with pytest.raises(ModelError, match="cannot use"):
        engine.attach(AdapterSource("broken", broken))
    assert engine.adapters == ()
    assert text_of(ask(engine, FRANCE)) == before


def test_a_file_without_a_template_is_a_base_model(starter_gguf: Path, tmp_path: Path) -> None:
    file = tmp_path / "base.gguf"
    file.write_bytes(starter_gguf.read_bytes().replace(b"tokenizer.chat_template", b"tokenizer.chat_templatX", 1))
    engine = LlamaCppEngine(source(file, slots=1))
    assert engine.info.capabilities.kind == "base"
    turns = [Turn("user", "Paris is in France."), Turn("user", "Berlin is in Germany."), Turn("user", "Rome is in")]
    chunks = ask(engine, turns, max_new_tokens=4)
    assert text_of(chunks).startswith(" Italy")
    assert chunks[-1].prompt_tokens == engine.count_tokens([Turn("user", "\n\n".join(turn.content for turn in turns))])
    engine.close()


@pytest.mark.skipif(sys.platform != "linux", reason="there is no limit to set")
def test_too_little_memory_is_said_and_the_next_load_works(starter_gguf: Path) -> None:
    program = (
        "import resource, sys; from pathlib import Path\n"
        "from tests.engine.test_llamacpp_engine import FRANCE, LlamaCppEngine, ModelError, ask, source\n"
        "import psutil\n"
        "used = psutil.Process().memory_info().vms\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + (700 << 20), used + (700 << 20)))\n"
        "try:\n"
        "    LlamaCppEngine(source(Path(sys.argv[1]), context_length=8192, slots=16))\n"
        "except ModelError as error:\n"
        "    print(error)\n"
        "engine = LlamaCppEngine(source(Path(sys.argv[1]), context_length=512, slots=1))\n"
        "print(ask(engine, FRANCE, max_new_tokens=2)[-1].finish_reason)\n"
        "engine.close()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(starter_gguf)], cwd=ROOT, capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stderr
    assert "too large for the memory" in done.stdout
    assert done.stdout.splitlines()[-1] == "length"


def test_the_server_answers_nobody_without_its_key(starter_gguf: Path) -> None:
    server = LlamaServer(starter_gguf, slots=1, context_length=512, threads=1, adapters=[], saves=None)
    if sys.platform != "win32":
        assert os.stat(server.folder).st_mode & 0o077 == 0
    server._key = "wrong"
    assert "error" in server.ask("POST", "/tokenize", {"content": "Hello"})
    server.close()
