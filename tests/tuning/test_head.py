"""The head that learns in one pass: loss and gradients are those of plain cross entropy over all logits."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from playground.tuning.packing import IGNORED, Row, row_of, together
from playground.tuning.worker.head import add_head
from playground.tuning.worker.rows import RowCollator

# PEFT asks for an older name of a property when it makes an adapter.
pytestmark = pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing. is deprecated:FutureWarning")
VOCAB = 97
SIZES: dict[str, Any] = {
    "vocab_size": VOCAB,
    "hidden_size": 32,
    "intermediate_size": 40,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "initializer_range": 0.3,
    "pad_token_id": 0,
    "attn_implementation": "eager",
}


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Threads that wait for each other take longer than what they compute here."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def llama(**changes: Any) -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM

    return LlamaForCausalLM(LlamaConfig(**{**SIZES, "tie_word_embeddings": False, **changes}))


def with_bias() -> Any:
    model = llama()
    model.lm_head.bias = torch.nn.Parameter(torch.randn(VOCAB))
    return model


def gemma2() -> Any:
    from transformers import Gemma2Config, Gemma2ForCausalLM

    config = Gemma2Config(**SIZES, head_dim=8, query_pre_attn_scalar=8, final_logit_softcapping=2.0, sliding_window=16)
    return Gemma2ForCausalLM(config)


def granite() -> Any:
    from transformers import GraniteConfig, GraniteForCausalLM

    return GraniteForCausalLM(GraniteConfig(**SIZES, logits_scaling=3.0))


def cohere() -> Any:
    from transformers import CohereConfig, CohereForCausalLM

    return CohereForCausalLM(CohereConfig(**SIZES, logit_scale=0.25))


def phi() -> Any:
    """Its last layer has a bias of its own."""
    from transformers import PhiConfig, PhiForCausalLM

    return PhiForCausalLM(PhiConfig(**{**SIZES, "num_key_value_heads": 4}))


MODELS: dict[str, Callable[[], Any]] = {
    "untied": llama,
    "tied": lambda: llama(tie_word_embeddings=True),
    "bias": with_bias,
    "own bias": phi,
    "capped": gemma2,
    "scaled": granite,
    "scaled down": cohere,
}


def pair(make: Callable[[], Any]) -> tuple[Any, Any]:
    """The same model under the same adapter: with the head, and plain."""
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(3)
    base = make().float().eval().requires_grad_(False)
    plain = copy.deepcopy(base)
    add_head(base)
    config = LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM")
    found = [get_peft_model(one, config) for one in (base, plain)]
    weights = dict(found[1].named_parameters())
    for name, weight in found[0].named_parameters():
        if weight.requires_grad:
            torch.nn.init.normal_(weight, std=0.2)
            weights[name].data.copy_(weight.data)
    return found[0], found[1]


@functools.cache
def shared() -> tuple[Any, Any]:
    """One that is used again and again."""
    return pair(llama)


def batch(rows: int = 3, length: int = 150, share: float = 0.8) -> tuple[torch.Tensor, torch.Tensor]:
    """More learned tokens than go through the layer at once."""
    torch.manual_seed(5)
    ids = torch.randint(1, VOCAB, (rows, length))
    return ids, ids.masked_fill(torch.rand(rows, length) > share, IGNORED)


def truth(model: Any, ids: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The sum of the losses, by torch's own cross entropy."""
    logits = model(input_ids=ids).logits[:, :-1].float()
    return torch.nn.functional.cross_entropy(
        logits.reshape(-1, logits.shape[-1]), labels[:, 1:].reshape(-1), ignore_index=IGNORED, reduction="sum"
    )


def slopes(model: Any, loss: torch.Tensor) -> dict[str, torch.Tensor]:
    model.zero_grad()
    loss.backward()
    return {name: one.grad.clone() for name, one in model.named_parameters() if one.grad is not None}


def assert_same(found: dict[str, torch.Tensor], right: dict[str, torch.Tensor], tolerance: float = 1e-5) -> None:
    assert found.keys() == right.keys()
    assert found
    most = max(float(one.abs().max()) for one in right.values())
    assert most > 0
    for name, one in found.items():
        assert float((one - right[name]).abs().max()) <= tolerance * most, name


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("weight", [1.0, 0.37])
def test_loss_and_gradients_are_those_of_cross_entropy(name: str, weight: float) -> None:
    model, plain = pair(MODELS[name])
    ids, labels = batch()
    assert int((labels[:, 1:] != IGNORED).sum()) > 300
    loss, right = model(input_ids=ids, labels=labels, learned=True), truth(plain, ids, labels)
    torch.testing.assert_close(loss, right, rtol=1e-5, atol=1e-4)
    assert_same(slopes(model, loss * weight), slopes(plain, right * weight))


@pytest.mark.parametrize("name", MODELS)
def test_without_gradients_each_token_is_told(name: str) -> None:
    model, plain = pair(MODELS[name])
    ids, labels = batch()
    with torch.no_grad():
        log_probs, right = model(input_ids=ids, labels=labels, learned=True)
        logits = plain(input_ids=ids).logits[:, :-1].float()
    taught, targets = labels[:, 1:] != IGNORED, labels[:, 1:]
    wanted = logits.log_softmax(-1)[taught].gather(1, targets[taught][:, None])[:, 0]
    torch.testing.assert_close(log_probs, wanted, rtol=1e-5, atol=1e-5)
    assert torch.equal(right, logits.argmax(-1)[taught] == targets[taught])


@pytest.mark.parametrize("name", MODELS)
def test_what_does_not_learn_is_as_before(name: str) -> None:
    model, plain = pair(MODELS[name])
    ids, labels = batch()
    with torch.no_grad():
        assert torch.equal(model(input_ids=ids).logits, plain(input_ids=ids).logits)
        assert torch.equal(model(input_ids=ids, labels=labels).loss, plain(input_ids=ids, labels=labels).loss)


def test_small_batches_add_up_to_a_large_one() -> None:
    model, _ = pair(llama)
    ids, labels = batch(rows=4)
    count = int((labels[:, 1:] != IGNORED).sum())
    whole = slopes(model, model(input_ids=ids, labels=labels, learned=True) / count)
    model.zero_grad()
    for line in range(4):
        one = slice(line, line + 1)
        (model(input_ids=ids[one], labels=labels[one], learned=True) / count).backward()
    added = {name: one.grad.clone() for name, one in model.named_parameters() if one.grad is not None}
    assert_same(added, whole)


@pytest.mark.parametrize("name", ["untied", "capped"])
def test_nothing_learned_is_no_loss(name: str) -> None:
    model, _ = pair(MODELS[name])
    ids, labels = batch()
    loss = model(input_ids=ids, labels=torch.full_like(labels, IGNORED), learned=True)
    assert float(loss.detach()) == 0
    assert all(not one.any() for one in slopes(model, loss).values())
    with torch.no_grad():
        log_probs, right = model(input_ids=ids, labels=torch.full_like(labels, IGNORED), learned=True)
    assert len(log_probs) == len(right) == 0


def test_in_half_precision_it_is_near() -> None:
    """Weights in bfloat16, as on a machine that computes with it: not farther from the truth than plain bfloat16."""
    model, plain = pair(llama)
    ids, labels = batch()
    right = slopes(plain, truth(plain, ids, labels))
    for one in (model, plain):
        for weight in one.parameters():
            if not weight.requires_grad:
                weight.data = weight.data.bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = slopes(model, model(input_ids=ids, labels=labels, learned=True))
        same = slopes(plain, truth(plain, ids, labels))

    def far(one: dict[str, torch.Tensor]) -> float:
        return sum(float((one[name] - right[name]).norm() ** 2) for name in right) ** 0.5

    assert far(found) <= 1.2 * far(same)


def test_gradient_checkpointing_changes_nothing() -> None:
    model, _ = pair(llama)
    ids, labels = batch()
    plain = slopes(model, model(input_ids=ids, labels=labels, learned=True))
    model.train()
    model.activation_checkpointing_enable({"use_reentrant": False})
    assert_same(slopes(model, model(input_ids=ids, labels=labels, learned=True)), plain, 1e-6)


LENGTHS = st.lists(st.integers(2, 30), min_size=2, max_size=5)


@given(LENGTHS, st.integers(0, 99), st.sampled_from([1, 8, 64]))
@settings(deadline=None, max_examples=25)
def test_samples_together_learn_what_each_learns_alone(lengths: list[int], seed: int, multiple: int) -> None:
    """No sample sees another one, or what fills it up."""
    draw = torch.Generator().manual_seed(seed)
    rows: list[Row] = []
    for length in lengths:
        ids = torch.randint(1, VOCAB, (length,), generator=draw).tolist()
        learned = torch.randint(0, 2, (length - 1,), generator=draw).bool().tolist()
        row = row_of(ids, [*learned, True], 99)
        assert row is not None
        rows.append(row)
    model, plain = shared()
    made = RowCollator(0, multiple)([vars(together(rows))])
    loss = model(input_ids=made["input_ids"], labels=made["labels"], learned=True)
    found = slopes(model, loss)
    plain.zero_grad()
    alone = torch.tensor(0.0)
    for row in rows:
        one = truth(plain, torch.tensor([row.input_ids]), torch.tensor([row.labels]))
        one.backward()
        alone += one.detach()
    torch.testing.assert_close(loss.detach(), alone, rtol=1e-5, atol=1e-5)
    right = {name: one.grad.clone() for name, one in plain.named_parameters() if one.grad is not None}
    assert_same(found, right)


@pytest.mark.parametrize(("make", "attention"), [(llama, "eager"), (llama, "sdpa"), (gemma2, "eager")])
def test_what_fills_up_is_not_seen(make: Callable[[], Any], attention: str) -> None:
    """With other tokens there the same comes out, to the bit."""
    model, _ = pair(make)
    model.get_base_model().set_attn_implementation(attention)
    ids = torch.randint(1, VOCAB, (2, 40), generator=torch.Generator().manual_seed(1))
    labels = ids.clone()
    labels[0, 25:] = IGNORED
    first = slopes(model, model(input_ids=ids, labels=labels, learned=True))
    ids = ids.clone()
    ids[0, 25:] = 7
    second = slopes(model, model(input_ids=ids, labels=labels, learned=True))
    assert all(torch.equal(one, second[name]) for name, one in first.items())
