"""What the transformers engine alone must get right; on a tiny random model made on the spot, so it costs nothing."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from playground.engine import fp16_linear
from playground.engine.base import ModelSource
from playground.engine.decoding import Detokenizer
from playground.engine.transformers_engine import TransformersEngine
from playground.errors import ModelError
from playground.records import Capabilities, Chunk, Sampling, Turn

LONG = [Turn("user", "that cat sat on the mat " * 30)]
OTHER_END = [Turn("user", "that cat sat on the mat " * 28 + "and slept")]


@pytest.fixture
def engine(tiny_model: Path) -> Iterator[TransformersEngine]:
    made = TransformersEngine(ModelSource("tiny", tiny_model, threads=2))
    yield made
    made.close()


def ask(engine: TransformersEngine, turns: Sequence[Turn], **changes: Any) -> list[Chunk]:
    sampling = Sampling(**{"seed": 1, "max_new_tokens": 24, "temperature": 0.0, **changes})
    return list(engine.stream(turns, sampling, threading.Event()))


def text_of(chunks: Sequence[Chunk]) -> str:
    return "".join(chunk.text for chunk in chunks)


def damaged(tiny_model: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_model, tmp_path / "damaged"))


def change(file: Path, **values: object) -> None:
    file.write_text(json.dumps(json.loads(file.read_text(encoding="utf-8")) | values), encoding="utf-8")


def test_importing_the_engine_does_not_import_torch() -> None:
    code = "import sys, playground.engine.transformers_engine; print({'torch', 'transformers'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_a_folder_is_described(engine: TransformersEngine) -> None:
    assert (engine.info.engine, engine.info.quantization, engine.info.context_length) == (
        "transformers",
        "fp16" if fp16_linear.supported() else "fp32",
        512,
    )
    assert (engine.info.device, engine.info.capabilities) == ("cpu", Capabilities("chat", adapters=True, slots=4))
    assert len(engine.info.template_sha256) == 64


@pytest.mark.parametrize("precision", ["fp32", "bf16", "int8", "nf4", "fp4"])
def test_a_precision_that_was_asked_for(tiny_model: Path, precision: str) -> None:
    made = TransformersEngine(ModelSource("tiny", tiny_model, threads=2, precision=precision, device="cpu"))
    assert made.info.quantization == precision
    first = text_of(ask(made, LONG, max_new_tokens=6))
    assert text_of(ask(made, LONG, max_new_tokens=6)) == first
    made.close()


@pytest.mark.parametrize(
    ("precision", "library"), [("fp32", ""), ("fp16", "numba"), ("int8", "numba"), ("nf4", "bitsandbytes")]
)
def test_a_reply_names_the_libraries_that_computed_it(tiny_model: Path, precision: str, library: str) -> None:
    made = TransformersEngine(ModelSource("tiny", tiny_model, threads=2, precision=precision, device="cpu"))
    found = {name for name in ("numba", "bitsandbytes") if name in made.info.versions}
    made.close()
    assert found == {library} - {""}


def test_a_device_that_is_not_there(tiny_model: Path) -> None:
    with pytest.raises(ModelError, match=r"cuda:63, but .* Choose another device"):
        TransformersEngine(ModelSource("tiny", tiny_model, device="cuda:63"))


@pytest.mark.parametrize("warm_up", [LONG, OTHER_END, [*LONG, Turn("assistant", "the cat"), Turn("user", "on")]])
def test_a_reused_prefix_gives_the_same_tokens(
    tiny_model: Path, engine: TransformersEngine, warm_up: list[Turn]
) -> None:
    fresh = TransformersEngine(ModelSource("tiny", tiny_model, threads=2))
    ask(engine, warm_up)
    reused, new = ask(engine, LONG), ask(fresh, LONG)
    assert text_of(reused) == text_of(new)
    assert new[-1].cached_tokens == 0
    assert reused[-1].cached_tokens > 128


@pytest.mark.parametrize("where", ["prompt", "reply"])
@pytest.mark.parametrize("how", ["stop", "close"])
def test_what_a_cancelled_call_left_is_right(engine: TransformersEngine, where: str, how: str) -> None:
    expected = text_of(ask(engine, LONG))
    ask(engine, [Turn("user", "mat")])
    stop = threading.Event()
    stream = engine.stream(LONG, Sampling(seed=1, temperature=0.0), stop)
    for chunk in stream:
        if chunk.completion_tokens == 3 if where == "reply" else chunk.prompt_done > 0:
            if how == "close":
                stream.close()
                break
            stop.set()
    again = ask(engine, LONG)
    assert text_of(again) == expected
    assert again[-1].cached_tokens > 0


def test_the_prompt_is_read_in_steps(engine: TransformersEngine) -> None:
    turns = [Turn("user", LONG[0].content * 2)]
    engine._runner.alone = 256
    done = [chunk.prompt_done for chunk in ask(engine, turns) if not chunk.completion_tokens]
    assert len(done) > 2
    assert all(after - before <= 256 for before, after in pairwise(done))


def test_the_end_of_the_context_ends_the_reply(engine: TransformersEngine) -> None:
    turns = [Turn("user", "that " * 10)]
    while engine.count_tokens(turns) < 500:
        turns = [Turn("user", turns[0].content + "that ")]
    chunks = [ask(engine, turns, max_new_tokens=1000, seed=seed, temperature=1.0)[-1] for seed in range(5)]
    at_the_end = [chunk for chunk in chunks if chunk.finish_reason == "length"]
    assert at_the_end
    assert all(chunk.prompt_tokens + chunk.completion_tokens == 512 for chunk in at_the_end)


@pytest.mark.parametrize(
    "sampling",
    [
        Sampling(temperature=0.0, seed=3, max_new_tokens=40),
        Sampling(temperature=0.0, repetition_penalty=1.3, seed=3, max_new_tokens=40),
        Sampling(temperature=1, top_p=0.9, top_k=40, seed=3, max_new_tokens=40),
        Sampling(temperature=1.4, top_p=1.0, top_k=0, min_p=0.05, repetition_penalty=1.1, seed=3, max_new_tokens=40),
    ],
)
def test_the_same_tokens_as_generate(tiny_model: Path, engine: TransformersEngine, sampling: Sampling) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    prompt = tokenizer.apply_chat_template(
        [{"role": "user", "content": "the cat"}], add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    chosen: dict[str, Any] = {"do_sample": False}
    if sampling.temperature:
        chosen = {
            "do_sample": True,
            "temperature": float(sampling.temperature),
            "top_p": sampling.top_p,
            "top_k": sampling.top_k,
            "min_p": sampling.min_p,
        }
    torch.manual_seed(3)
    out = model.generate(**prompt, max_new_tokens=40, repetition_penalty=sampling.repetition_penalty, **chosen)
    expected = tokenizer.decode(out[0, prompt["input_ids"].shape[1] :], skip_special_tokens=True)
    chunks = list(engine.stream([Turn("user", "the cat")], sampling, threading.Event()))
    assert text_of(chunks) == expected.replace("\ufffd", "")
    assert chunks[-1].completion_tokens == out.shape[1] - prompt["input_ids"].shape[1]


@given(text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\ufffd"), max_size=40))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
def test_text_survives_being_cut_into_tokens(tokenizer: Any, text: str) -> None:
    whole = Detokenizer(tokenizer, set())
    shown = "".join(whole.push(token) for token in tokenizer.encode(text, add_special_tokens=False))
    assert shown + whole.flush() == text


def test_bytes_that_are_no_character_are_left_out(tokenizer: Any) -> None:
    half = tokenizer.encode("😀", add_special_tokens=False)[:2]
    after = tokenizer.encode("the", add_special_tokens=False)
    text = Detokenizer(tokenizer, set())
    assert [text.push(token) for token in half] == ["", ""]
    assert "".join(text.push(token) for token in after) + text.flush() == "the"


@pytest.fixture(scope="module")
def tokenizer(tiny_model: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(tiny_model)


def test_an_empty_assistants_turn_is_no_turn(engine: TransformersEngine) -> None:
    assert engine.count_tokens([*LONG, Turn("assistant", "")]) == engine.count_tokens(LONG)


def test_a_template_that_refuses(tiny_model: Path, tmp_path: Path) -> None:
    folder = damaged(tiny_model, tmp_path)
    (folder / "chat_template.jinja").write_text("{{ raise_exception('No system role, please') }}", encoding="utf-8")
    with pytest.raises(ModelError, match="No system role, please"):
        TransformersEngine(ModelSource("tiny", folder)).count_tokens(LONG)


def test_a_base_model_goes_on_with_the_text(tiny_model: Path, tmp_path: Path) -> None:
    folder = damaged(tiny_model, tmp_path)
    (folder / "chat_template.jinja").unlink()
    base = TransformersEngine(ModelSource("tiny", folder))
    assert base.info.capabilities.kind == "base"
    apart = [Turn("user", "the cat"), Turn("assistant", "sat on")]
    assert base.count_tokens(apart) == base.count_tokens([Turn("user", "the cat\n\nsat on")])
    assert text_of(ask(base, apart)) == text_of(ask(base, [Turn("user", "the cat\n\nsat on")]))
    assert ask(base, [Turn("user", "")], max_new_tokens=2)[-1].completion_tokens == 2
    base.close()


def test_a_model_that_computes_no_numbers(tiny_model: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = damaged(tiny_model, tmp_path)
    weights = load_file(folder / "model.safetensors")
    broken = {name: weight / 0 if name == "model.norm.weight" else weight for name, weight in weights.items()}
    save_file(broken, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match="not numbers"):
        ask(TransformersEngine(ModelSource("tiny", folder)), LONG)


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("missing weights", "lacks 1 of the model's weights"),
        ("unknown kind", "cannot chat with, or does not know"),
        ("code of its own", "never run here"),
        ("not for chat", "cannot chat with, or does not know"),
        ("no tokenizer", "tokenizer of .* is missing or damaged"),
        ("pickle", "converted to safetensors once"),
        ("gptq", r"quantised in a way \(gptq\)"),
        ("truncated", "damaged or incomplete"),
        ("wrong shape", "damaged or incomplete"),
        ("no config", "damaged or incomplete"),
    ],
)
def test_a_damaged_folder_is_refused_in_words(tiny_model: Path, tmp_path: Path, what: str, words: str) -> None:
    from safetensors.torch import load_file, save_file

    folder = damaged(tiny_model, tmp_path)
    config, weights = folder / "config.json", folder / "model.safetensors"
    if what == "missing weights":
        kept = load_file(weights)
        del kept["model.layers.0.mlp.up_proj.weight"]
        save_file(kept, weights, metadata={"format": "pt"})
    elif what == "unknown kind":
        change(config, model_type="nobody-knows", architectures=["NobodyKnows"])
    elif what == "code of its own":
        change(
            config, model_type="nobody-knows", auto_map={"AutoConfig": "own.Config", "AutoModelForCausalLM": "own.M"}
        )
    elif what == "not for chat":
        change(config, model_type="t5", architectures=["T5Model"])
    elif what == "no tokenizer":
        (folder / "tokenizer.json").unlink()
        (folder / "tokenizer_config.json").unlink()
    elif what == "pickle":
        weights.rename(folder / "pytorch_model.bin")
    elif what == "gptq":
        change(config, quantization_config={"quant_method": "gptq", "bits": 4})
    elif what == "truncated":
        weights.write_bytes(weights.read_bytes()[:-100])
    elif what == "wrong shape":
        change(config, intermediate_size=48)
    else:
        config.write_text("{", encoding="utf-8")
    with pytest.raises(ModelError, match=words) as caught:
        TransformersEngine(ModelSource("tiny", folder))
    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)
