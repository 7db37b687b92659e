"""The usual decoder written out: what the model itself says, in any order of reading, torch's way and compiled."""

from __future__ import annotations

import copy
import gc
import os
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from playground.engine import compiled_step, cpu_rows, packed
from playground.engine.cpu_decoder import DecoderRunner
from playground.engine.cpu_runner import CpuRunner
from playground.engine.peft_adapters import use_adapter
from playground.engine.runner import GivenUpError, Runner, UnsupportedModelError
from tests.engine.small import WORDS, near, own, words

CONTEXT, ROWS = 300, 3
# Sizes that no block of the compiled step divides; weights far larger than usual, so that all of the prompt counts.
SIZES: dict[str, Any] = dict(
    vocab_size=WORDS + 1,
    hidden_size=36,
    intermediate_size=54,
    num_hidden_layers=2,
    num_attention_heads=6,
    num_key_value_heads=2,
    head_dim=10,
    max_position_embeddings=512,
    initializer_range=0.4,
    pad_token_id=0,
)


def llama(**more: Any) -> Any:
    return transformers.LlamaForCausalLM(transformers.LlamaConfig(**{**SIZES, **more}))


KINDS: dict[str, Callable[[], Any]] = {
    "llama": llama,
    "llama, tied": lambda: llama(tie_word_embeddings=True),
    "llama, biases": lambda: llama(attention_bias=True, mlp_bias=True),
    "llama, whole vectors": lambda: llama(head_dim=80, hidden_size=48),
    "mistral": lambda: transformers.MistralForCausalLM(transformers.MistralConfig(**SIZES, sliding_window=None)),
    "qwen2": lambda: transformers.Qwen2ForCausalLM(transformers.Qwen2Config(**{**SIZES, "hidden_size": 60})),
    "qwen3": lambda: transformers.Qwen3ForCausalLM(transformers.Qwen3Config(**SIZES)),
}
WAYS = ("fp32", "fp16", "int8", "fp16 compiled", "int8 compiled")


@pytest.fixture(scope="module", autouse=True)
def _compiled() -> None:
    for packing in ("fp16", "int8"):
        assert compiled_step.prepare(packing).wait(120), "numba compiles the step on every machine these tests run on"


def model_of(kind: str, way: str) -> tuple[Any, Any]:
    """A model as `way` wants it, and another one that says what is right."""
    torch.manual_seed(0)
    model = KINDS[kind]().eval()
    for name, weight in model.named_parameters():
        if name.endswith("bias") or "norm" in name:
            torch.nn.init.uniform_(weight, 0.5, 1.5)
    truth = copy.deepcopy(model)
    if way != "fp32":
        assert packed.fits(model)
        packed.pack(model, "int8" if way.startswith("int8") else "fp16")
        for module, other in zip(model.modules(), truth.modules(), strict=True):
            if hasattr(module, "packed"):  # What packing lost is another test's matter.
                module.packed.widen(other.weight.data)
    return model, truth


def runner_of(model: Any, way: str) -> DecoderRunner:
    runner = DecoderRunner(model, ROWS, CONTEXT)
    if not way.endswith("compiled"):
        runner._compiled = None
    else:
        assert runner._compiled is not None
        assert runner._usable()
    return runner


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", KINDS)
def test_it_says_what_the_model_says(kind: str, way: str) -> None:
    model, truth = model_of(kind, way)
    with closing(runner_of(model, way)) as runner:
        # Pieces below and above what the compiled step reads; rows of different lengths in one step.
        held = [words(150, 1), words(41, 2), words(1, 3)]
        for row, tokens in enumerate(held):
            begin = 0
            for size in (70, 41, 40, 39, 1):
                if piece := tokens[begin : begin + size]:
                    scores = runner.extend(row, piece)
                    begin += size
                    assert near(scores, own(truth, tokens[:begin]))
        for seed in range(3):
            found = runner.step({row: seed + row for row in range(ROWS)})
            for row in range(ROWS):
                held[row].append(seed + row)
                assert near(found[row], own(truth, held[row]))


@pytest.mark.parametrize("way", ["fp16 compiled", "int8 compiled"])
def test_a_step_can_give_the_bits_of_one_with_more_rows(way: str) -> None:
    model, _ = model_of("llama", way)
    with closing(DecoderRunner(model, 5, CONTEXT)) as runner:
        assert runner._usable()

        def stepped(rows: int, width: int = 0) -> torch.Tensor:
            for row in range(5):
                runner.truncate(row, 0)
                runner.extend(row, words(50 + row, row))
            return torch.stack([runner.step(dict.fromkeys(range(rows), 7), width)[0] for _ in range(3)])

        for rows in (2, 3, 4, 5):
            width = runner.width(rows)
            assert width <= rows
            assert torch.equal(stepped(1, width), stepped(rows))
            assert torch.equal(stepped(1, width), stepped(width)), "rows that nobody knows of leave nothing behind"


def test_what_is_given_up_in_the_middle_leaves_the_row_as_it_was() -> None:
    model, truth = model_of("llama", "fp16 compiled")
    with closing(runner_of(model, "fp16 compiled")) as runner:
        runner.extend(0, words(30, 1))
        looks = iter([False, True])
        with pytest.raises(GivenUpError):
            runner.extend(0, words(60, 2), lambda: next(looks))
        assert runner.length(0) == 30
        assert near(runner.extend(0, words(50, 3)), own(truth, words(30, 1) + words(50, 3)))


class Rows(RuleBasedStateMachine):
    """Rows read, extended together, cut and copied in any order say what the model says of the same tokens."""

    runner: DecoderRunner
    way: str

    @initialize(kind=st.sampled_from(sorted(KINDS)), way=st.sampled_from(WAYS))
    def begin(self, kind: str, way: str) -> None:
        self.model, self.truth = model_of(kind, way)
        self.runner = runner_of(self.model, way)
        self.held: list[list[int]] = [[] for _ in range(ROWS)]

    @rule(row=st.integers(0, ROWS - 1), count=st.integers(1, 60), seed=st.integers(0, 99))
    def extend(self, row: int, count: int, seed: int) -> None:
        if len(self.held[row]) + count <= CONTEXT:
            self.held[row] += (new := words(count, seed))
            assert near(self.runner.extend(row, new), own(self.truth, self.held[row]))

    @precondition(lambda self: any(self.held))
    @rule(rows=st.sets(st.integers(0, ROWS - 1), min_size=1), token=st.integers(0, WORDS - ROWS))
    def step(self, rows: set[int], token: int) -> None:
        new = {row: token + row for row in rows if 0 < len(self.held[row]) < CONTEXT}
        if new:
            found = self.runner.step(new)
            for row, word in new.items():
                self.held[row].append(word)
                assert near(found[row], own(self.truth, self.held[row]))

    @rule(row=st.integers(0, ROWS - 1), length=st.integers(-1, 80))
    def truncate(self, row: int, length: int) -> None:
        del self.held[row][max(length, 0) :]
        assert self.runner.truncate(row, length) == len(self.held[row]) == self.runner.length(row)

    @rule(source=st.integers(0, ROWS - 1), to=st.integers(0, ROWS - 1), length=st.integers(0, 80))
    def copy(self, source: int, to: int, length: int) -> None:
        self.held[to] = self.held[source][:length]
        assert self.runner.copy(source, to, length) == len(self.held[to]) == self.runner.length(to)

    def teardown(self) -> None:
        if hasattr(self, "runner"):
            self.runner.close()


TestRows = Rows.TestCase
TestRows.settings = settings(max_examples=25, stateful_step_count=12, deadline=None)


@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing. is deprecated:FutureWarning")
@pytest.mark.filterwarnings("ignore:`lora_bias=True` was passed but")
@pytest.mark.parametrize("kind", ["llama", "qwen2"])
@pytest.mark.parametrize(
    ("changes", "compiled"),
    [
        ({"r": 4}, True),
        ({"r": 3, "target_modules": ["q_proj", "v_proj", "down_proj"], "use_rslora": True}, True),
        ({"r": 4, "rank_pattern": {"k_proj": 2}, "alpha_pattern": {"up_proj": 3}}, True),
        ({"r": 4, "target_modules": ["q_proj", "lm_head"]}, False),
        ({"r": 4, "target_modules": ["q_proj"], "lora_bias": True}, False),
        ({"r": 4, "target_modules": ["q_proj", "v_proj"], "use_dora": True}, False),
    ],
)
def test_adapters_say_what_peft_says(kind: str, changes: dict[str, Any], compiled: bool) -> None:
    from peft import LoraConfig, inject_adapter_in_model

    model, truth = model_of(kind, "int8 compiled")
    for one in (model, truth):
        torch.manual_seed(1)
        inject_adapter_in_model(LoraConfig(**{"target_modules": "all-linear", **changes}), one, "mine")
        for name, weight in one.named_parameters():
            if "lora_" in name:
                torch.nn.init.normal_(weight, std=0.3, generator=torch.Generator().manual_seed(len(name)))
        one.eval()
        use_adapter(one, "")
    bare = own(truth, words(20, 5))
    with closing(DecoderRunner(model, ROWS, CONTEXT)) as runner:
        before = runner.extend(0, words(20, 5))
        runner.use_adapter("mine")
        use_adapter(truth, "mine")
        assert runner._compiled is not None
        assert runner._compiled.ready is compiled
        for row, count in ((1, 20), (2, 60)):  # the compiled step, and torch
            assert near(runner.extend(row, words(count, 5)), own(truth, words(count, 5)))
        assert not near(bare, own(truth, words(20, 5))), "the adapter says something else"
        runner.use_adapter("")
        runner.truncate(0, 0)
        assert torch.equal(runner.extend(0, words(20, 5)), before), "off is off to the bit"


@pytest.mark.parametrize(
    ("model", "words_of_it"),
    [
        (lambda: transformers.GPT2LMHeadModel(transformers.GPT2Config(n_layer=1, n_head=2, n_embd=8)), "is not one of"),
        (lambda: llama().to(torch.bfloat16), "bfloat16"),
        (
            lambda: transformers.MistralForCausalLM(transformers.MistralConfig(**SIZES, sliding_window=8)),
            "does not look at all",
        ),
        (lambda: llama(hidden_act="gelu"), "activation"),
        (lambda: llama(rope_parameters={"rope_type": "dynamic", "factor": 2.0, "rope_theta": 1e4}), "dynamic"),
    ],
)
def test_what_it_does_not_know_is_left_to_another(model: Callable[[], Any], words_of_it: str) -> None:
    with pytest.raises(UnsupportedModelError, match=words_of_it):
        DecoderRunner(model().eval(), ROWS, CONTEXT)


def test_a_compiled_step_that_computes_otherwise_is_not_used(caplog: pytest.LogCaptureFixture) -> None:
    """It may become ready when the model is in use already."""
    model, truth = model_of("llama", "int8")
    with closing(DecoderRunner(model, ROWS, CONTEXT)) as runner:
        assert runner._compiled is not None
        runner._proved = False
        runner._compiled._norms = (*runner._compiled._norms[:2], runner._compiled._norms[2] * 2)
        assert near(runner.extend(0, words(20, 1)), own(truth, words(20, 1)))
        assert runner._compiled is None
    assert "apart" in caplog.text


def test_it_takes_over_when_it_is_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    ready = threading.Event()
    monkeypatch.setattr(compiled_step, "prepare", lambda packing: ready)
    model, truth = model_of("qwen3", "int8")
    with closing(DecoderRunner(model, ROWS, CONTEXT)) as runner:
        assert near(runner.extend(0, words(20, 1)), own(truth, words(20, 1)))
        assert not runner._usable()
        ready.set()
        assert near(runner.step({0: 5})[0], own(truth, [*words(20, 1), 5]))
        assert runner._usable()


@pytest.mark.parametrize("way", WAYS)
def test_more_than_the_context_is_refused(way: str) -> None:
    model, truth = model_of("llama", way)
    with closing(runner_of(model, way)) as runner:
        runner.extend(0, words(CONTEXT, 1))
        for more in (1, 50):
            with pytest.raises(ValueError, match="tokens"):
                runner.extend(0, words(more, 2))
        with pytest.raises(ValueError, match="tokens"):
            runner.step({0: 1})
        assert runner.length(0) == CONTEXT
        assert near(runner.extend(1, words(5, 3)), own(truth, words(5, 3)))


@pytest.mark.parametrize("way", WAYS)
def test_rows_that_grow(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows."""
    monkeypatch.setattr(cpu_rows, "_AT_ONCE", False)
    monkeypatch.setattr(cpu_rows, "_LEAST", 8)
    model, truth = model_of("llama", way)
    with closing(runner_of(model, way)) as runner:
        held: list[int] = []
        for count in (5, 3, 1, 30, 100, 1):
            held += words(count, count)
            assert near(runner.extend(0, held[-count:]), own(truth, held))
        assert runner.copy(0, 1, 20) == 20
        assert near(runner.step({1: 7})[1], own(truth, [*held[:20], 7]))


def test_processors_with_shorter_vectors(tmp_path: Path) -> None:
    """The same for one that has AVX2 and no more, which most have."""
    environment = {**os.environ, "NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx,+avx2,+fma,+f16c"}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        __file__,
        "-k",
        "says_what_the_model and compiled",
    ]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:]


def test_a_model_that_computes_otherwise_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    model, _ = model_of("llama", "fp32")
    monkeypatch.setattr(model, "forward", lambda *args, **more: type(model).forward(model, *args, **more).__class__(
        logits=torch.ones(1, 16, WORDS + 1)))  # fmt: skip
    with pytest.raises(UnsupportedModelError, match="apart"):
        DecoderRunner(model, ROWS, CONTEXT)


def test_another_runner_computes_with_packed_weights_too() -> None:
    """What PEFT or a change in transformers puts around them may make `CpuRunner` take the model."""
    model, truth = model_of("qwen2", "int8")
    runner: Runner = CpuRunner(model, ROWS, CONTEXT)
    assert near(runner.extend(0, words(50, 1)), own(truth, words(50, 1)))


def test_weights_too_large_for_half_precision_are_not_packed() -> None:
    model, _ = model_of("llama", "fp32")
    model.model.layers[1].mlp.down_proj.weight.data[0, 0] = -70000
    assert not packed.fits(model)


def test_layers_that_are_not_alike_are_not_packed() -> None:
    model, _ = model_of("llama", "fp32")
    model.model.layers[1].mlp.down_proj = torch.nn.Linear(54, 36, bias=True)
    assert not packed.fits(model)


def test_packed_weights_hold_nothing_of_the_file() -> None:
    """A file is mapped while it is read; one forgotten norm would keep all of it in memory."""
    model, _ = model_of("llama", "fp32")
    block = torch.cat([weight.detach().flatten() for weight in model.parameters()])
    begin = 0
    for weight in model.parameters():
        weight.data = block[begin : begin + weight.numel()].view(weight.shape)
        begin += weight.numel()
    gone = weakref.ref(block.untyped_storage())
    packed.pack(model, "fp16")
    held = {weight.untyped_storage().data_ptr() for weight in model.parameters() if weight.numel()}
    assert block.untyped_storage().data_ptr() not in held
    del block, weight
    gc.collect()
    assert gone() is None


def test_memory_comes_with_the_tokens_and_goes_with_the_row() -> None:
    psutil = pytest.importorskip("psutil")
    model, _ = model_of("llama", "fp32")
    with closing(DecoderRunner(model, 64, 200_000)) as runner:
        process = psutil.Process()
        for row in range(64):  # The page tables and what torch keeps for itself.
            runner.extend(row, words(4, row))
            runner.truncate(row, 0)
        before = process.memory_info().rss
        for row in range(64):
            runner.extend(row, words(100, row))
        # In all 64 rows would hold 4 GB; a hundred tokens are a few pages for each head.
        assert process.memory_info().rss - before < 64 << 20
        assert runner.truncate(0, 0) == 0
