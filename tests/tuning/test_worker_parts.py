"""Parts of the worker by themselves: what it notices, also across workers, and in what its adapter is kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from playground.tuning.journal import Journal, read_journal
from playground.tuning.progress import Progress
from playground.tuning.recipe import Recipe
from playground.tuning.runfile import BaseModel, RunPlaces
from playground.tuning.worker import trainers
from playground.tuning.worker.base import with_lora
from playground.tuning.worker.head import add_head
from playground.tuning.worker.reporting import Outcome, make_watcher
from playground.tuning.worker.rows import training_pairs, training_rows
from tests.tuning.tiny import QUICK, chats, preferences, tiny_base

# PEFT and transformers itself use older names of what was given new ones.
pytestmark = pytest.mark.filterwarnings("ignore:.*gradient_checkpointing. is deprecated:FutureWarning")


def watched(places: RunPlaces, losses: Sequence[float], ends: Sequence[int]) -> list[dict[str, Any]]:
    """Warnings of a training with these losses, of which a worker ended behind each of `ends`."""
    places.journal.unlink(missing_ok=True)
    first = 0
    for last in (*ends, len(losses)):
        journal = Journal(places.journal)
        journal.add("start", step=first)
        earlier = Progress().add_all(read_journal(places.journal))
        watcher = make_watcher(places, journal, lambda: 1, lambda step: None, 0, 99.0, Outcome(), 1, earlier)
        args, control = SimpleNamespace(), SimpleNamespace(should_training_stop=False, should_save=False)
        watcher.on_train_begin(args, SimpleNamespace(global_step=first), control)
        for step in range(first + 1, last + 1):
            state = SimpleNamespace(global_step=step, max_steps=len(losses), epoch=0.5)
            watcher.on_log(args, state, control, {"loss": losses[step - 1], "grad_norm": 1.0})
        journal.close()
        first = last
    told = [one for one in read_journal(places.journal) if one["kind"] == "warning"]
    return [{key: value for key, value in one.items() if key != "at"} for one in told]


def test_a_rise_is_noticed_also_behind_a_pause(tmp_path: Path) -> None:
    losses = [2.0] * 12 + [9.0] * 8
    whole = watched(RunPlaces(tmp_path), losses, [])
    assert [(one["what"], one["step"]) for one in whole] == [("diverged", 14)]
    for end in (12, 13, 14, 15):
        assert watched(RunPlaces(tmp_path), losses, [end]) == whole, "as if nothing had been, and once"


@given(
    st.lists(st.floats(0.1, 20), min_size=1, max_size=40).flatmap(
        lambda losses: st.tuples(st.just(losses), st.sets(st.integers(1, len(losses)), max_size=3).map(sorted))
    )
)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_workers_that_go_on_notice_what_one_would_have(tmp_path: Path, run: tuple[list[float], list[int]]) -> None:
    losses, ends = run
    assert watched(RunPlaces(tmp_path), losses, ends) == watched(RunPlaces(tmp_path), losses, [])


@pytest.mark.parametrize("task", ["sft", "dpo"])
@pytest.mark.parametrize("dora", [False, True])
def test_over_a_base_of_four_bits_the_adapter_stays_exact(tmp_path: Path, task: Any, dora: bool) -> None:
    """trl makes it bfloat16 there, in which small steps of learning are lost."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    base = tiny_base(tmp_path / "tiny")
    recipe = Recipe(**{**QUICK, "task": task, "use_dora": dora})
    tokenizer = AutoTokenizer.from_pretrained(str(base))
    tokenizer.pad_token = tokenizer.eos_token
    bare = AutoModelForCausalLM.from_pretrained(str(base), dtype=torch.bfloat16).requires_grad_(False)
    bare.is_loaded_in_4bit = True  # What trl looks at; the numbers themselves need a GPU.
    add_head(bare)
    model = with_lora(bare, recipe, BaseModel("tiny", str(base)))
    values = trainers.arguments(recipe, "cpu", tmp_path / "out", bf16=True, batch=1)
    if task == "dpo":
        pairs, _ = training_pairs(preferences(4), tokenizer, recipe)
        trainer = trainers.dpo_trainer(model, tokenizer, pairs, recipe, values, lambda folder: None)
    else:
        rows, _ = training_rows(chats(4), tokenizer, recipe)
        collator = trainers.make_collator(tokenizer.pad_token_id, "cpu")
        trainer = trainers.sft_trainer(model, tokenizer, rows, values, collator, lambda folder: None)
    trained = {name: one.dtype for name, one in trainer.model.named_parameters() if one.requires_grad}
    assert any("lora_A" in name for name in trained)
    assert set(trained.values()) == {torch.float32}
    frozen = {one.dtype for name, one in trainer.model.named_parameters() if "lora_" not in name}
    assert frozen == {torch.bfloat16}, "the base is left as it is"
    trainer.create_optimizer()
    held = [one for group in trainer.optimizer.param_groups for one in group["params"]]
    assert {one.dtype for one in held} == {torch.float32}
