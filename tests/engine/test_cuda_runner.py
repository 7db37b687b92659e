"""The runner for NVIDIA GPUs, on a CPU: its memory, its attention and what it does when recording fails.

What needs a GPU (recording itself, the flash kernel) is in the last class, which is skipped without one. Before it both
are stood in for: the kernel by what torch documents of it, the recording by one of torch's operations on the CPU.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from typing import Any
from unittest.mock import MagicMock

import pytest
import torch
import transformers
from torch import is_tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from playground.engine.cuda_graphs import Graphs
from playground.engine.cuda_runner import CudaRunner
from playground.engine.runner import UnsupportedModelError
from tests.engine.small import WORDS, near, own, words

CONTEXT = 900
# The weights are far larger than usual, so that the answer depends on all of the prompt.
SMALL: dict[str, Any] = dict(
    vocab_size=WORDS,
    hidden_size=32,
    intermediate_size=48,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    max_position_embeddings=1024,
    initializer_range=0.5,
    pad_token_id=0,
)


def llama(**changed: Any) -> Any:
    torch.manual_seed(0)
    return transformers.LlamaForCausalLM(transformers.LlamaConfig(**{**SMALL, **changed})).eval()


@torch.library.custom_op("playground_tests::varlen_as_documented", mutates_args=())
def varlen_as_documented(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    cu_seq_q: torch.Tensor,
    cu_seq_k: torch.Tensor,
    max_q: int,
    max_k: int,
    scale: float,
    window_size: Sequence[int],
    enable_gqa: bool,
    seqused_k: torch.Tensor,
    block_table: torch.Tensor,
) -> torch.Tensor:
    """torch.nn.attention.varlen.varlen_attn by its documentation, one sequence after the other; one operation, too."""
    assert all(ints.dtype == torch.int32 for ints in (cu_seq_q, cu_seq_k, seqused_k, block_table))
    assert enable_gqa
    assert key.shape[1] % 256 == 0
    assert cu_seq_q[-1] == len(query)
    assert int(seqused_k.max()) <= max_k == block_table.shape[1] * key.shape[1]
    done = torch.empty_like(query)
    for at, used in enumerate(seqused_k.tolist()):
        begin, end = cu_seq_q[at : at + 2].tolist()
        assert end - begin <= max_q
        keys, values = (pool[block_table[at].long()].flatten(0, 1)[:used] for pool in (key, value))
        groups = query.shape[1] // key.shape[2]
        keys, values = keys.repeat_interleave(groups, 1), values.repeat_interleave(groups, 1)
        scores = torch.einsum("qhd,khd->hqk", query[begin:end], keys) * scale
        # Aligned to the end: the last query stands at the last key.
        apart = torch.arange(used) - (torch.arange(end - begin)[:, None] + used - (end - begin))
        left, right = window_size
        hidden = (apart > right if right >= 0 else apart > math.inf) | (
            apart < -left if left >= 0 else apart > math.inf
        )
        done[begin:end] = torch.einsum("hqk,khd->qhd", scores.masked_fill(hidden, -math.inf).softmax(-1), values)
    return done


@pytest.fixture(params=["masked", "flash"])
def attention(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to read the pages."""
    if request.param == "flash":
        monkeypatch.setattr("torch.nn.attention.varlen.varlen_attn", varlen_as_documented)
        monkeypatch.setattr("playground.engine.cuda_runner.flash_reads", lambda device, dtype: True)
    return str(request.param)


class TestScores:
    def test_rows_of_different_lengths_step_together_and_apart(self, attention: str) -> None:
        model = llama()
        runner = CudaRunner(model, 3, CONTEXT)
        assert attention in runner.mode
        held = {row: words(count, row) for row, count in enumerate((5, 256, 700))}
        for row, tokens in held.items():
            assert near(runner.extend(row, tokens), own(model, tokens))
        for rows in ((0, 1, 2), (1,), (0, 2), (0, 1, 2)):
            new = {row: 7 + row for row in rows}
            for row, scores in runner.step(new).items():
                held[row].append(new[row])
                assert scores.dtype == torch.float32
                assert near(scores, own(model, held[row]))
        assert [runner.length(row) for row in range(3)] == [len(held[row]) for row in range(3)]

    def test_a_prompt_read_in_parts(self, attention: str) -> None:
        model = llama()
        runner = CudaRunner(model, 1, CONTEXT)
        runner.batch = 100
        tokens = words(640, 1)
        runner.extend(0, tokens[:300])
        assert near(runner.extend(0, tokens[300:]), own(model, tokens))

    def test_going_back_and_on_another_way(self, attention: str) -> None:
        model = llama()
        runner = CudaRunner(model, 2, CONTEXT)
        first, other = words(300, 1), words(40, 2)
        runner.extend(0, first)
        assert runner.copy(0, 1, 260) == 260
        assert runner.truncate(0, 270) == 270
        assert near(runner.extend(0, other), own(model, first[:270] + other))
        assert near(runner.step({1: 9})[1], own(model, [*first[:260], 9]))
        assert runner.truncate(1, 1000) == 261
        assert runner.copy(0, 1, 1000) == 310

    @pytest.mark.parametrize(
        ("name", "more"),
        [
            ("Mistral", {"sliding_window": 20}),
            ("Gemma2", {"sliding_window": 20, "head_dim": 8, "attn_logit_softcapping": 2.0}),
            ("GptOss", {"sliding_window": 20, "head_dim": 8, "num_local_experts": 2, "num_experts_per_tok": 1}),
        ],
    )
    def test_windows_caps_and_sinks(self, attention: str, name: str, more: dict[str, Any]) -> None:
        torch.manual_seed(0)
        config = getattr(transformers, f"{name}Config")(**SMALL, **more)
        model = getattr(transformers, f"{name}ForCausalLM")(config).eval()
        runner = CudaRunner(model, 2, CONTEXT)
        tokens = words(90, 3)
        runner.extend(1, tokens[:80])
        for token in tokens[80:]:
            scores = runner.step({1: token})[1]
        assert near(scores, own(model, tokens))

    def test_the_model_stays_as_it_was_for_others(self) -> None:
        model = llama()
        before, how = own(model, words(20, 1)), model.config._attn_implementation
        CudaRunner(model, 1, CONTEXT).extend(0, [1, 2, 3])
        assert model.config._attn_implementation == how
        assert torch.equal(own(model, words(20, 1)), before)

    def test_full_rows_are_refused(self) -> None:
        runner = CudaRunner(llama(), 2, 20)
        with pytest.raises(ValueError, match="21 tokens after 0"):
            runner.extend(0, words(21, 1))
        runner.extend(0, words(20, 1))
        runner.extend(1, words(19, 1))
        with pytest.raises(ValueError, match=r"\[0\] hold 20"):
            runner.step({0: 1, 1: 1})
        assert (runner.length(0), runner.length(1)) == (20, 19)
        assert runner.step({1: 1})[1].shape == (300,)

    def test_what_it_cannot_compute_is_refused(self) -> None:
        torch.manual_seed(0)
        config = transformers.BloomConfig(vocab_size=300, hidden_size=32, n_layer=2, n_head=4)
        with pytest.raises(UnsupportedModelError, match="of its own"):
            CudaRunner(transformers.BloomForCausalLM(config).eval(), 1, CONTEXT)

    def test_a_model_that_looks_plain_but_is_not_is_found_out(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("playground.engine.paged_cache._by_mask", lambda query, *rest: query.transpose(1, 2))
        with pytest.raises(UnsupportedModelError, match="apart from the model's own"):
            CudaRunner(llama(), 1, CONTEXT)


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")  # peft's, of transformers
class TestAdapters:
    def test_switched_and_off_to_the_bit(self) -> None:
        import peft

        model = llama()
        runner = CudaRunner(model, 1, CONTEXT)
        tokens = words(30, 1)
        bare = runner.extend(0, tokens)
        runner.use_adapter("")
        wrapped = peft.get_peft_model(model, peft.LoraConfig(r=4, target_modules="all-linear"), "first")
        wrapped.add_adapter("second", peft.LoraConfig(r=2, target_modules=["q_proj"]))
        with torch.no_grad():
            for key, weight in wrapped.named_parameters():
                if "lora_B" in key:
                    weight.normal_()

        def read(name: str) -> torch.Tensor:
            runner.truncate(0, 0)
            runner.use_adapter(name)
            return runner.extend(0, tokens)

        wrapped.eval()
        first, second = read("first"), read("second")
        assert near(second, own(model, tokens))
        assert not near(first, second)
        assert not near(first, bare)
        assert torch.equal(read("first"), first)
        assert torch.equal(read(""), bare)
        with pytest.raises(ValueError, match="no adapter 'third'"):
            runner.use_adapter("third")
        assert torch.equal(read(""), bare)
        assert torch.equal(CudaRunner(wrapped, 1, CONTEXT).extend(0, tokens), bare)


class Recording(TorchDispatchMode):
    """In place of a CUDA graph and of the context that fills it: keeps each operation and runs them all again.

    As on the GPU, what Python decides while recording stays decided, and a value may not be asked for.
    """

    def __init__(self, *_: Any, **__: Any) -> None:
        super().__init__()
        self.done: list[tuple[Any, Any, Any, list[torch.Tensor]]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func.overloadpacket.__name__ in ("item", "_local_scalar_dense", "is_nonzero", "nonzero", "equal"):
            raise RuntimeError(f"{func} is not permitted while recording")
        result = func(*args, **(kwargs or {}))
        places = {tensor.untyped_storage().data_ptr() for tensor in tree_leaves((args, kwargs)) if is_tensor(tensor)}
        made = [out for out in tree_leaves(result) if is_tensor(out) and out.untyped_storage().data_ptr() not in places]
        if made or func._schema.is_mutable:
            self.done.append((func, args, kwargs or {}, made))
        return result

    def replay(self) -> None:
        for func, args, kwargs, made in self.done:
            again = [out for out in tree_leaves(func(*args, **kwargs)) if is_tensor(out)]
            for old, new in zip(made, again, strict=bool(made)):
                old.copy_(new)


@pytest.fixture
def recording(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], CudaRunner]:
    """Makes runners that record, on the CPU."""
    for name in ("Stream", "current_stream", "stream", "set_stream", "graph_pool_handle"):
        monkeypatch.setattr(f"torch.cuda.{name}", MagicMock())
    monkeypatch.setattr("torch.cuda.CUDAGraph", Recording)
    monkeypatch.setattr("torch.cuda.graph", lambda graph, **_: graph)

    def make(model: Any) -> CudaRunner:
        runner = CudaRunner(model, 5, CONTEXT)
        runner._graphs, runner._unrecorded = Graphs(runner.device), ""
        return runner

    return make


class NoGraphs:
    """In place of Graphs: recording fails with these errors, one after the other, and then works."""

    def __init__(self, *errors: Exception) -> None:
        self.errors, self.forgotten, self.keys = list(errors), 0, list[Hashable]()

    def run(self, key: Hashable, step: Callable[[torch.Tensor], torch.Tensor], values: torch.Tensor) -> torch.Tensor:
        self.keys.append(key)
        if self.errors:
            raise self.errors.pop(0)
        return step(values)

    def forget(self, wanted: Callable[[Any], bool] = lambda key: False) -> None:
        self.forgotten += 1


class TestRecording:
    @staticmethod
    def runner(model: Any, *errors: Exception) -> tuple[CudaRunner, NoGraphs]:
        runner, graphs = CudaRunner(model, 5, CONTEXT), NoGraphs(*errors)
        runner._graphs, runner._unrecorded = graphs, ""  # type: ignore[assignment]
        return runner, graphs

    def test_few_recordings_serve_all_tokens_rows_and_lengths(
        self, attention: str, recording: Callable[[Any], CudaRunner]
    ) -> None:
        model = llama()
        runner = recording(model)
        held = {row: words(50 + 120 * row, row) for row in range(5)}
        for row, tokens in held.items():
            runner.extend(row, tokens)
        for token, rows in enumerate([(0,), (1,), (0, 1), (1, 3), (0, 1, 2), (1, 2, 3, 4), (0, 2, 3), (2,), (4,)]):
            for row, scores in runner.step({row: 10 * token + row for row in rows}).items():
                held[row].append(10 * token + row)
                assert near(scores, own(model, held[row]))
        assert runner.mode == f"CUDA graphs, {attention} attention"
        assert runner._graphs is not None
        assert runner._graphs.count == 5

    def test_recordings_of_an_adapter_go_when_it_is_loaded_anew(self, recording: Callable[[Any], CudaRunner]) -> None:
        from peft import LoraConfig, inject_adapter_in_model

        model = llama()
        runner = recording(model)
        runner.extend(0, words(9, 1))
        runner.step({0: 5})
        inject_adapter_in_model(LoraConfig(r=4, target_modules=["q_proj"]), model, "first")
        runner.use_adapter("first")
        runner.step({0: 5})
        runner.use_adapter("")
        runner.use_adapter("first")
        assert runner._graphs is not None
        assert runner._graphs.count == 2
        lora = model.model.layers[1].self_attn.q_proj.lora_A["first"]
        lora.weight = torch.nn.Parameter(lora.weight.clone())
        runner.use_adapter("first")
        assert runner._graphs.count == 1

    def test_a_step_that_cannot_be_recorded_is_run_and_it_is_said(
        self,
        recording: Callable[[Any], CudaRunner],
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        model = llama()
        runner = recording(model)
        plain = model.lm_head.forward
        monkeypatch.setattr(model.lm_head, "forward", lambda states: plain(states) if states.sum().item() else None)
        runner.extend(0, [1, 2])
        for tokens in ([1, 2, 3], [1, 2, 3, 4]):
            assert near(runner.step({0: tokens[-1]})[0], own(model, tokens))
        assert "not permitted" in runner.mode
        assert caplog.text.count("without CUDA graphs") == 1

    def test_a_recording_that_computes_something_else_is_not_used(
        self, recording: Callable[[Any], CudaRunner], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        model = llama()
        runner = recording(model)
        monkeypatch.setattr(Recording, "replay", lambda graph: graph.done[-1][1][0].zero_())
        runner.extend(0, [1, 2])
        assert near(runner.step({0: 3})[0], own(model, [1, 2, 3]))
        assert "does not compute" in runner.mode

    def test_out_of_memory_gives_the_recordings_back_and_tries_again(self) -> None:
        model = llama()
        runner, graphs = self.runner(model, torch.OutOfMemoryError("full"))
        tokens = words(10, 1)
        runner.extend(0, tokens)
        assert near(runner.step({0: 5})[0], own(model, [*tokens, 5]))
        assert (graphs.forgotten, len(graphs.keys)) == (1, 1)
        runner.step({0: 5})
        assert len(graphs.keys) == 2

    @pytest.mark.parametrize("work", ["extend", "step"])
    def test_out_of_memory_twice_is_raised_and_leaves_the_rows_usable(
        self, work: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        model = llama()
        runner = CudaRunner(model, 2, CONTEXT)
        tokens = words(300, 1)
        runner.extend(0, tokens)

        def full(*_: Any) -> torch.Tensor:
            raise torch.OutOfMemoryError("full")

        with monkeypatch.context() as patch:
            patch.setattr("playground.engine.paged_cache._by_mask", full)
            with pytest.raises(torch.OutOfMemoryError):
                runner.extend(0, [1, 2]) if work == "extend" else runner.step({0: 1})
        assert runner.length(0) == 300
        assert near(runner.step({0: 9})[0], own(model, [*tokens, 9]))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
class TestOnCuda:
    @pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
    def test_recorded_steps_agree_with_the_model(self, dtype: torch.dtype) -> None:
        model = llama(hidden_size=256, initializer_range=0.05).to("cuda", dtype)
        runner = CudaRunner(model, 3, CONTEXT)
        assert runner.mode.startswith("CUDA graphs, flash" if dtype == torch.bfloat16 else "CUDA graphs, masked")
        held = {row: words(count, row) for row, count in enumerate((5, 256, 700))}
        for row, tokens in held.items():
            runner.extend(row, tokens)
        for rows in ((0, 1, 2), (1,), (0, 2), (0, 1, 2)):
            for row, scores in runner.step({row: 7 for row in rows}).items():
                held[row].append(7)
                truth = own(model, held[row])
                assert float((scores - truth).norm() / truth.norm()) < (0.03 if dtype == torch.bfloat16 else 1e-3)
