"""Plans: the figures, what "auto" chooses, what is proposed where it does not fit."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from playground.engine import plan as plans
from playground.engine.base import LoadOptions
from playground.engine.hardware import Device, Hardware, default_threads, hardware, parse_gpus, usable_cores
from playground.engine.hardware import _memory as container_memory
from playground.engine.measured import Measured, Peak
from playground.engine.needs import weights_of
from playground.engine.plan import MemoryPlan, plan_model, render
from playground.engine.shape import ModelShape, shape_from_table
from playground.engine.training_need import TrainingTask, lora_parameters
from playground.errors import BadValueError

GB = 10**9
LLAMA_8B = {
    "num_hidden_layers": 32, "hidden_size": 4096, "intermediate_size": 14336, "num_attention_heads": 32,
    "num_key_value_heads": 8, "vocab_size": 128256, "parameters": 8030261248, "max_position_embeddings": 131072,
}  # fmt: skip
SHAPE = shape_from_table(LLAMA_8B, "8B")
GGUF = shape_from_table(
    {**LLAMA_8B, "format": "gguf", "weight_bytes": 5 * GB, "quantization": "Q5_K", "sliding_window": 0}, "8B gguf"
)


def machine(cpu: float = 64, gpu: float = 0, bf16: bool = True) -> Hardware:
    """So many GB free."""
    devices = [Device("cpu", "CPU", int(cpu * GB), int(cpu * GB))]
    if gpu:
        devices.append(Device("cuda:0", "A GPU", int(gpu * GB), int(gpu * GB), bf16))
    return Hardware(tuple(devices), "test")


def plan(
    cpu: float = 64,
    gpu: float = 0,
    engine: str = "transformers",
    shape: ModelShape = SHAPE,
    bf16: bool = True,
    **more: Any,
) -> MemoryPlan:
    residents = more.pop("residents", None)
    return plan_model(shape, LoadOptions(**more), machine(cpu, gpu, bf16), engine=engine, residents=residents)


@pytest.fixture(autouse=True)
def _nothing_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another test may have imported torch; the figures must not depend on it."""
    monkeypatch.setattr(plans, "imported", lambda engine: False)


def test_weights_by_precision() -> None:
    linear = 32 * (2 * 4096 * 4096 + 2 * 1024 * 4096 + 3 * 14336 * 4096)
    rest = 2 * (8030261248 - linear)
    assert SHAPE.linear_parameters == linear
    assert weights_of(SHAPE, "bf16") == 2 * 8030261248
    assert weights_of(SHAPE, "int8") == linear + 4 * 32 * (4096 * 2 + 1024 * 2 + 14336 * 2 + 4096) + rest
    # bitsandbytes' own figure: 4.127 bits for each number with double quantization.
    assert weights_of(SHAPE, "nf4") == pytest.approx(linear * 4.127 / 8 + rest, rel=0.001)


def test_the_cache_is_what_context_and_slots_say() -> None:
    one = plan(gpu=80, context_length=4096, slots=1)
    two = plan(gpu=80, context_length=4096, slots=2)
    long = plan(gpu=80, context_length=32768, slots=1)
    token = 32 * 2 * 8 * 128 * 2
    assert two.parts["cuda:0"]["kv_cache"] - one.parts["cuda:0"]["kv_cache"] == 4096 * token
    assert long.parts["cuda:0"]["kv_cache"] - one.parts["cuda:0"]["kv_cache"] == (32768 - 4096) * token
    llama = plan(engine="llamacpp", shape=GGUF, context_length=4096, slots=4)
    assert llama.parts["cpu"]["kv_cache"] == 4 * 4096 * token
    assert sum(one.parts["cuda:0"].values()) == one.total == one.need["cuda:0"]


def test_sliding_layers_keep_their_window_only() -> None:
    sliding = replace(GGUF, kv_width=GGUF.kv_width // 2, sliding_kv_width=GGUF.kv_width // 2, sliding_window=1024)
    whole = plan(engine="llamacpp", shape=GGUF, context_length=8192, slots=1).parts["cpu"]["kv_cache"]
    assert plan(engine="llamacpp", shape=sliding, context_length=8192, slots=1).parts["cpu"]["kv_cache"] < whole * 0.6


def test_auto_takes_the_fastest_that_fits() -> None:
    assert (plan(gpu=80).precision, plan(gpu=80).device, plan(gpu=80).slots) == ("bf16", "cuda:0", 8)
    assert plan(gpu=80, bf16=False).precision == "fp16"
    fewer = plan(gpu=19.5)
    assert (fewer.precision, fewer.device) == ("bf16", "cuda:0")
    assert fewer.slots < 8
    small = plan(gpu=12)
    assert (small.precision, small.device, small.fits) == ("nf4", "cuda:0", True)
    assert "nf4" in small.reason
    assert "bf16" in small.reason
    assert plan(gpu=4).device == "cpu"
    assert plan().device == "cpu"
    assert plan(gpu=80, device="cpu").device == "cpu"


def test_a_choice_is_kept_even_where_it_does_not_fit() -> None:
    chosen = plan(gpu=12, precision="bf16", slots=2, device="cuda:0")
    assert (chosen.precision, chosen.slots, chosen.device, chosen.fits) == ("bf16", 2, "cuda:0", False)
    assert "GB are free" in chosen.reason


def test_the_context_is_cut_to_what_the_model_reads() -> None:
    assert plan(context_length=1_000_000, slots=1, cpu=10_000).context_length == 131072


@pytest.mark.parametrize("gpu", [6, 9, 12, 18, 20])
def test_what_is_proposed_fits_and_loses_least_first(gpu: float) -> None:
    asked = {"precision": "bf16", "context_length": 32768, "slots": 8, "device": "cuda:0"}
    first = plan(gpu=gpu, **asked)
    assert not first.fits
    assert first.proposals
    for proposal in first.proposals:
        again = plan(gpu=gpu, **{**asked, **proposal.changes})
        assert again.fits, proposal
        assert again.total == proposal.total < first.total or again.device == "cpu"
    weights = {"unload": 0, "slots": 1, "precision": 2, "context": 3, "device": 5}
    losses = [sum(weights[kind] for kind in proposal.kinds) for proposal in first.proposals]
    assert losses == sorted(losses)


def test_unloading_is_proposed_first_and_only_where_it_helps() -> None:
    def proposed(residents: dict[str, dict[str, int]]) -> list[tuple[str, ...]]:
        asked = {"engine": "llamacpp", "shape": GGUF, "cpu": 6.0, "context_length": 8192, "slots": 4}
        return [found.unload for found in plan(**asked, residents=residents).proposals if found.unload]

    assert proposed({"tiny": {"cpu": GB // 10}}) == []
    assert proposed({"a": {"cpu": 6 * GB}, "b": {"cpu": 9 * GB}}) == [("a",)]
    assert proposed({"a": {"cpu": 2 * GB}, "b": {"cpu": 3 * GB}}) == [("b", "a")]
    assert proposed({"elsewhere": {"cuda:0": 50 * GB}}) == []


def test_where_nothing_helps_that_is_said() -> None:
    hopeless = plan(cpu=2, engine="llamacpp", shape=GGUF)
    assert not hopeless.fits
    assert hopeless.proposals == ()
    assert "smaller model" in hopeless.reason


def test_pages_that_the_system_takes_back_are_no_obstacle() -> None:
    packed = plan(cpu=64, precision="fp16", context_length=512, slots=1)
    assert 0 < packed.reclaimable < packed.total
    tight = plan(cpu=(packed.total - packed.reclaimable / 2) / GB, precision="fp16", context_length=512, slots=1)
    assert tight.fits


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"device": "cuda:3"}, "not there"),
        ({"engine": "llamacpp", "shape": GGUF, "precision": "nf4"}, "own precision"),
        ({"engine": "llamacpp", "shape": GGUF, "device": "cuda:0", "gpu": 8}, "CPU only"),
        ({"shape": replace(SHAPE, quantization="nf4"), "precision": "bf16"}, "written in nf4"),
    ],
)
def test_options_that_do_not_exist(more: dict[str, Any], words: str) -> None:
    with pytest.raises(BadValueError, match=words):
        plan(**more)


def test_for_people_and_programs() -> None:
    asked = plan(gpu=9, precision="bf16", device="cuda:0")
    told = json.loads(json.dumps(asked.to_dict()))
    assert told["total"] == asked.total
    assert told["proposals"][0]["kinds"] == list(asked.proposals[0].kinds)
    text = render(asked)
    assert "does not fit" in text
    assert asked.proposals[0].text in text
    assert "It fits." in render(plan())


def test_training() -> None:
    task = TrainingTask(rank=8, batch_size=1, sequence_length=512)
    each = 8 * (2 * (4096 + 4096) + 2 * (1024 + 4096) + 3 * (14336 + 4096))
    assert lora_parameters(SHAPE, task) == 32 * each

    def total(**changes: Any) -> int:
        precision = changes.pop("precision", "bf16")
        options = LoadOptions(precision=precision, device="cuda:0")
        return plan_model(SHAPE, options, machine(gpu=80), engine="transformers", task=replace(task, **changes)).total

    whole = total()
    assert total(precision="nf4") == pytest.approx(
        whole - weights_of(SHAPE, "bf16") + weights_of(SHAPE, "nf4"), rel=0.02
    )
    assert total(gradient_checkpointing=True) < whole < total(batch_size=2) < total(sequence_length=2048)
    # Weights, gradients and two moments of the adapter, four bytes each.
    assert total(rank=16) - whole == pytest.approx(32 * each * 16, rel=0.2)


def test_a_measurement_mends_the_next_plan(tmp_path: Path) -> None:
    measured = Measured(tmp_path / "measured.json")
    options = LoadOptions(context_length=4096, slots=1)
    first = plan_model(GGUF, options, machine(), measured, engine="llamacpp")
    assert not first.corrected
    measured.record(first, Peak("cpu", first.total + 300_000_000))
    again = plan_model(GGUF, options, machine(), measured, engine="llamacpp")
    assert again.corrected
    assert again.total == first.total + 300_000_000
    other = plan_model(GGUF, replace(options, slots=2), machine(), measured, engine="llamacpp")
    assert other.total - again.total == pytest.approx(first.parts["cpu"]["kv_cache"], rel=0.01)
    assert not plan_model(SHAPE, options, machine(), measured, engine="transformers").corrected


def test_nvidia_smi_is_read() -> None:
    answer = "0, NVIDIA H200, 143771, 1000, 142771, 9.0\n1, Tesla T4, 15360, 0, 15360, 7.5\nbroken line\n"
    first, second = parse_gpus(answer)
    assert (first.name, first.label, first.free, first.bf16) == ("cuda:0", "NVIDIA H200", 142771 << 20, True)
    assert (second.name, second.bf16) == ("cuda:1", False)
    assert [gpu.label for gpu in parse_gpus(answer, "1")] == ["Tesla T4"]
    assert parse_gpus(answer, "") == ()


def test_this_machine() -> None:
    cpu = hardware().cpu
    assert 0 < cpu.free <= cpu.total
    assert hardware(fresh=True).device("cpu") is not None


@pytest.mark.parametrize("version", [1, 2])
def test_a_container_has_less(tmp_path: Path, version: int) -> None:
    root, own = tmp_path / "groups", tmp_path / "own"
    if version == 2:
        place = root / "box"
        files = {"cpu.max": "50000 100000", "memory.max": str(GB), "memory.current": str(GB // 2)}
        files["memory.stat"] = f"anon 5\ninactive_file {GB // 4}\n"
        own.write_text("0::/box\n")
        place.mkdir(parents=True)
        for name, text in files.items():
            (place / name).write_text(text)
    else:
        own.write_text("4:memory:/box\n1:cpu,cpuacct:/box\n")
        (root / "memory" / "box").mkdir(parents=True)
        (root / "cpu" / "box").mkdir(parents=True)
        memory = {"memory.limit_in_bytes": str(GB), "memory.usage_in_bytes": str(GB // 2)}
        memory["memory.stat"] = f"total_inactive_file {GB // 4}\n"
        for name, text in memory.items():
            (root / "memory" / "box" / name).write_text(text)
        (root / "cpu" / "box" / "cpu.cfs_quota_us").write_text("50000")
        (root / "cpu" / "box" / "cpu.cfs_period_us").write_text("100000")
    assert usable_cores(root, own) == 1
    assert container_memory(root, own) == (GB, GB - GB // 2 + GB // 4)


@pytest.mark.parametrize(("said", "threads"), [("3", 3), ("5,2", 5), ("", 0), ("0", 0), ("-1", 0), ("all", 0)])
def test_how_many_threads_compute_is_said_as_for_torch(
    said: str, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", said)
    assert default_threads() == (threads or usable_cores())
