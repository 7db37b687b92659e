"""The worker from a run file to an adapter that loads: all tasks, all kinds of LoRA, pause and stop."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

import pytest

from playground.engine.base import AdapterSource
from playground.records import Turn
from playground.tuning.checkpoints import fault
from playground.tuning.journal import read_journal
from playground.tuning.runfile import RunPlaces
from playground.tuning.samples import Sample
from tests.tuning.tiny import (
    begin,
    chats,
    curve,
    ended,
    events,
    finish,
    make_run,
    preferences,
    same,
    seen,
    texts,
    tiny_base,
    weights,
)

# PEFT asks for an older name of a property when it makes an adapter, and for the base's config, which has a name only.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing. is deprecated:FutureWarning"),
    pytest.mark.filterwarnings("ignore:Could not find a config file:UserWarning"),
]
CHANCE = {"lora_dropout": 0.1, "neftune_noise_alpha": 2.0, "num_train_epochs": 3.0}
"""All that is drawn at random in a run."""


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_base(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def bare_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that has never been taught to chat."""
    return tiny_base(tmp_path_factory.mktemp("models") / "bare", template=None)


@pytest.fixture(scope="module")
def whole(base: Path, tmp_path_factory: pytest.TempPathFactory) -> RunPlaces:
    """A training that nobody interrupted."""
    places = make_run(tmp_path_factory.mktemp("runs") / "whole", base, chats(24), chats(4, 100), **CHANCE)
    assert finish(places)["status"] == "complete"
    return places


def logits(model: Any) -> Any:
    import torch

    with torch.inference_mode():
        return model(input_ids=torch.arange(3, 40)[None]).logits


def losses(places: RunPlaces) -> list[float]:
    return [one["loss"] for one in events(places, "step")]


def learned(places: RunPlaces) -> bool:
    """Whether the loss is lower at the end than in the beginning."""
    found = losses(places)
    part = max(1, len(found) // 4)
    return statistics.mean(found[-part:]) < statistics.mean(found[:part])


def test_the_journal_tells_all(whole: RunPlaces) -> None:
    events_of = read_journal(whole.journal)
    kinds = [one["kind"] for one in events_of]
    assert kinds[:4] == ["loading", "start", "eval", "samples"]
    assert kinds[-1] == "end"
    start = events_of[1]
    assert (start["step"], start["skipped"], start["samples"], start["heldout"]) == (0, [], 24, 4)
    assert (start["device"], start["processes"]) == ("cpu", 1)
    steps = events(whole, "step")
    count = len(steps)
    assert [one["step"] for one in steps] == list(range(1, count + 1)) == list(range(1, steps[0]["of"] + 1))
    assert count == 3 * start["rows"]
    assert sum(one["tokens"] for one in steps) == 3 * start["tokens"]
    assert all(one["memory"] > 0 and one["grad_norm"] > 0 and one["tokens_per_second"] > 0 for one in steps)
    assert steps[-1]["epoch"] == 3
    assert steps[-1]["seconds_left"] == 0
    for kind in ("eval", "samples"):
        assert [one["step"] for one in events(whole, kind)] == [0, count // 2, count]
    assert all(len(one["texts"]) == 1 for one in events(whole, "samples"))
    assert [one["step"] for one in events(whole, "checkpoint")] == [count // 2, count]
    assert events_of[-1]["step"] == count
    assert whole.reserve.exists() is False


def test_it_learns(whole: RunPlaces) -> None:
    assert learned(whole)
    evals = events(whole, "eval")
    assert evals[-1]["eval_loss"] < evals[0]["eval_loss"]
    assert evals[-1]["top1"] >= evals[0]["top1"]
    assert evals[0]["eval_tokens"] == evals[-1]["eval_tokens"] > 0
    assert evals[0]["general_loss"] > 0
    best = json.loads((whole.root / "best.json").read_text(encoding="utf-8"))
    assert best["eval_loss"] == min(one["eval_loss"] for one in evals[1:])
    assert best["step"] == events(whole, "end")[0]["kept_step"]


def test_the_adapter_is_whole_and_tells_nothing_of_this_machine(whole: RunPlaces) -> None:
    assert {one.name for one in whole.adapter.iterdir()} == {
        "adapter_config.json",
        "adapter_model.safetensors",
        "manifest.json",
    }
    assert fault(whole.adapter) == ""
    config = json.loads((whole.adapter / "adapter_config.json").read_text(encoding="utf-8"))
    assert (config["r"], config["base_model_name_or_path"]) == (4, "tiny")
    assert str(whole.root.parent) not in json.dumps(config)
    assert not list(whole.root.rglob("*.bin"))


def test_the_adapter_loads_with_peft_and_in_the_app(base: Path, whole: RunPlaces) -> None:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    from playground.engine.peft_adapters import attach, use_adapter

    model, other = (AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32) for _ in range(2))
    bare = logits(model)
    attach(model, "mine", AdapterSource("mine", whole.adapter))
    assert torch.equal(logits(model), bare)
    use_adapter(model, "mine")
    under = logits(model)
    assert float((under - bare).norm() / bare.norm()) > 0.05
    torch.testing.assert_close(under, logits(PeftModel.from_pretrained(other, str(whole.adapter)).eval()))


def test_paused_and_resumed_it_ends_as_it_would_have(base: Path, whole: RunPlaces, tmp_path: Path) -> None:
    more = {"checkpoint_seconds": 600.0}
    places = make_run(tmp_path / "run", base, chats(24), chats(4, 100), more, **CHANCE)
    for steps in (2, 5):
        process = begin(places)
        seen(places, "step", steps)
        places.wish.write_text("pause", encoding="utf-8")
        assert ended(process) == 0
        end = read_journal(places.journal)[-1]
        assert (end["status"], end["error"]) == ("paused", "")
        assert not places.adapter.exists()
        assert events(places, "checkpoint")[-1]["step"] == end["step"] > 0
        places.wish.unlink()
    assert finish(places)["status"] == "complete"
    starts = [one["step"] for one in events(places, "start")]
    assert 0 == starts[0] < starts[1] < starts[2]
    assert len(events(places, "step")) == len(curve(whole)), "no step was made twice"
    assert curve(places) == curve(whole)
    assert same(places.adapter, whole.adapter)


def test_paused_at_its_last_step_it_only_has_to_end(base: Path, tmp_path: Path) -> None:
    places = make_run(tmp_path / "run", base, chats(8), evaluations=0, max_steps=1)
    places.wish.write_text("pause", encoding="utf-8")
    assert finish(places)["status"] == "paused"
    places.wish.unlink()
    end = finish(places)
    assert (end["status"], end["step"]) == ("complete", 1)
    assert len(events(places, "step")) == 1
    assert fault(places.adapter) == ""


def test_stopped_it_keeps_what_it_has_learned(base: Path, tmp_path: Path) -> None:
    places = make_run(tmp_path / "run", base, chats(24), num_train_epochs=50.0, evaluations=0)
    process = begin(places)
    seen(places, "step", 3)
    places.wish.write_text("stop", encoding="utf-8")
    assert ended(process) == 0
    end = read_journal(places.journal)[-1]
    assert end["status"] == "stopped"
    assert 3 <= end["step"] == end["kept_step"] < 300
    assert any(one.any() for name, one in weights(places.adapter).items() if "lora_B" in name)


def test_a_finished_training_started_again_is_finished(whole: RunPlaces) -> None:
    before = weights(whole.adapter)
    steps = len(events(whole, "step"))
    assert finish(whole)["status"] == "complete"
    assert len(events(whole, "step")) == steps
    assert all((one == before[name]).all() for name, one in weights(whole.adapter).items())


def test_preferences(base: Path, tmp_path: Path) -> None:
    places = make_run(
        tmp_path / "run", base, preferences(16), preferences(4, 50), task="dpo", num_train_epochs=4.0, packing=False
    )
    assert finish(places)["status"] == "complete"
    assert learned(places)
    first, *_, last = events(places, "eval")
    assert first["margin"] == 0
    assert first["eval_loss"] == pytest.approx(0.6931, abs=1e-3)
    assert last["margin"] > 0
    assert last["accuracy"] == 1
    assert last["eval_loss"] < first["eval_loss"]
    assert {"accuracies", "margins"} <= events(places, "step")[-1].keys()


def test_preferences_with_none_held_out_that_fits(base: Path, tmp_path: Path) -> None:
    long = Sample("preference", 1, (Turn("user", "x" * 400),), chosen="a", rejected="b")
    places = make_run(tmp_path / "run", base, preferences(4), [long], task="dpo", max_steps=2)
    assert finish(places)["status"] == "complete"
    assert all("eval_loss" not in one for one in events(places, "eval"))


def test_text(bare_base: Path, tmp_path: Path) -> None:
    places = make_run(tmp_path / "run", bare_base, texts(24), texts(4, 100), task="text", num_train_epochs=3.0)
    assert finish(places)["status"] == "complete"
    assert learned(places)
    first, *_, last = events(places, "eval")
    assert last["eval_loss"] < first["eval_loss"]


ONCE: dict[str, Any] = {"evaluations": 0, "num_train_epochs": 2.0}


@pytest.fixture(scope="module")
def plain(base: Path, tmp_path_factory: pytest.TempPathFactory) -> RunPlaces:
    """What the variants are compared with."""
    places = make_run(tmp_path_factory.mktemp("runs") / "plain", base, chats(24), **ONCE)
    assert finish(places)["status"] == "complete"
    return places


def test_without_evaluations_and_without_anything_held_out(plain: RunPlaces) -> None:
    assert [one["step"] for one in events(plain, "eval")] == [0]
    assert "eval_loss" not in events(plain, "eval")[0]
    assert not plain.best.exists()
    end = events(plain, "end")[0]
    assert end["kept_step"] == end["step"] == len(losses(plain))
    assert learned(plain)


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"use_dora": True}, "lora_magnitude_vector"),
        ({"use_rslora": True}, "lora_A"),
        ({"neftune_noise_alpha": 5.0}, "lora_A"),
        ({"packing": False, "per_device_train_batch_size": 4}, "lora_A"),
        ({"gradient_accumulation_steps": 3}, "lora_A"),
        ({"target_modules": "qv"}, "v_proj"),
        ({"target_modules": "attention"}, "o_proj"),
        ({"optim": "sgd", "learning_rate": 0.5, "max_grad_norm": 0.0}, "lora_A"),
    ],
    ids=lambda one: "-".join(one) if isinstance(one, dict) else "",
)
def test_variants(base: Path, plain: RunPlaces, tmp_path: Path, changes: dict[str, Any], part: str) -> None:
    places = make_run(tmp_path / "run", base, chats(24), **{**ONCE, **changes})
    assert finish(places)["status"] == "complete"
    assert learned(places)
    found = weights(places.adapter)
    assert any(part in name for name in found)
    if "target_modules" in changes:
        wanted = ("q_proj", "v_proj") if changes["target_modules"] == "qv" else ("q_proj", "k_proj", "v_proj", "o_proj")
        assert {name.split(".")[-3] for name in found} == set(wanted)
    assert not same(places.adapter, plain.adapter), "the setting has no effect"
    if "neftune_noise_alpha" in changes:
        assert losses(places)[0] != losses(plain)[0]


def test_gradient_checkpointing_changes_memory_alone(base: Path, plain: RunPlaces, tmp_path: Path) -> None:
    places = make_run(tmp_path / "run", base, chats(24), gradient_checkpointing=True, **ONCE)
    assert finish(places)["status"] == "complete"
    assert losses(places) == pytest.approx(losses(plain), rel=1e-3)


@pytest.mark.parametrize("packing", [False, True])
def test_accumulated_batches_are_one_large_batch(base: Path, tmp_path: Path, packing: bool) -> None:
    """Though they are of different lengths: what counts are tokens, not batches."""
    curves = []
    for size, times in ((8, 1), (2, 4)):
        sizes = {"per_device_train_batch_size": size, "gradient_accumulation_steps": times}
        if packing:  # By tokens: all in one row, or a row for each two.
            sizes = {"per_device_train_batch_size": 8 // times, "gradient_accumulation_steps": 99, "max_length": 50}
        places = make_run(
            tmp_path / f"{size}", base, chats(8), **{**ONCE, **sizes}, packing=packing, lr_scheduler_type="constant"
        )
        assert finish(places)["status"] == "complete"
        curves.append(curve(places))
    assert [one[0] for one in curves[0]] == [1, 2]
    for one, other in zip(*curves, strict=True):
        assert one[1] == pytest.approx(other[1], rel=2e-3)
        assert one[3] == pytest.approx(other[3], rel=2e-2)


LONG = [Sample("chat", 1, (Turn("user", "x" * 400), Turn("assistant", "y")), (False, True))]


@pytest.mark.parametrize(
    ("samples", "changes", "words"),
    [
        (LONG, {}, "every sample is longer than max_length before its reply begins. Raise max_length."),
        (chats(4), {"load_in_4bit": True}, "needs an NVIDIA GPU"),
        ([Sample("chat", 1, (Turn("assistant", "a"),), (True,))], {}, "begins with a reply"),
    ],
)
def test_what_cannot_be_trained_is_told(
    base: Path, tmp_path: Path, samples: list[Sample], changes: dict[str, Any], words: str
) -> None:
    places = make_run(tmp_path / "run", base, samples, **changes)
    end = finish(places)
    assert end["status"] == "failed"
    assert words in end["error"]


def test_conversations_need_a_chat_template(bare_base: Path, tmp_path: Path) -> None:
    places = make_run(tmp_path / "run", bare_base, chats(4))
    end = finish(places)
    assert end["status"] == "failed"
    assert end["error"].startswith("This model has no chat template.")


def test_a_folder_without_a_run_file_is_told(tmp_path: Path) -> None:
    places = RunPlaces(tmp_path)
    end = finish(places)
    assert end["status"] == "failed"
    assert "is no run file" in end["error"]
