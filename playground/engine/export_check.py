"""Says how nearly an exported model computes what its base and adapter computed, on a given text, token by token.

At each place of the text both are asked for the next token, after the text's own tokens. Knows nothing of how an export
is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from playground.engine.base import AdapterSource, ModelSource
from playground.engine.hardware import default_threads
from playground.engine.llamacpp_server import LlamaServer
from playground.engine.merging import with_adapter
from playground.engine.transformers_load import load
from playground.errors import BadValueError, ModelError

_TOP = 64
"""Tokens whose probability llama.cpp is asked for; all others count as one."""
_LETTERS = 16
"""More letters than this a token seldom has."""


@dataclass(frozen=True)
class Reference:
    """What base and adapter say, in fp32 by transformers."""

    text: str
    tokens: tuple[int, ...]
    logits: Any
    """A tensor: for each token, how much speaks for each word to come after it."""


@dataclass(frozen=True)
class Agreement:
    """How an export compares with its reference."""

    tokens: int
    same: int
    """Places where both think the same token the most likely."""
    divergence: float
    """Kullback-Leibler divergence from the reference, mean over the places, in nats."""
    words: bool
    """The export cuts the text into the same tokens."""

    @property
    def share(self) -> float:
        """Top-1 agreement, 0 to 1."""
        return self.same / self.tokens


def reference(source: ModelSource, adapter: AdapterSource | None, text: str, tokens: int = 512) -> Reference:
    """What `source` with `adapter` says after each of the first `tokens` tokens of `text`.

    Raises as `load` and `merge` do, and BadValueError for a text that is too short to tell anything.
    """
    loaded = load(replace(source, precision="fp32", device="cpu", attn_implementation="auto", adapters=()))
    text = text[: tokens * _LETTERS]
    found = tuple(loaded.tokenizer(text)["input_ids"][:tokens])
    if len(found) < 2:
        raise BadValueError("The text is too short to compare models on. Give a longer one.")
    model = with_adapter(loaded.model, adapter) if adapter is not None else loaded.model
    return Reference(text, found, _logits(model, found))


def agreement(expected: Reference, exported: Path) -> Agreement:
    """Compare an exported folder (in transformers, fp32) or GGUF file (in llama.cpp) with the reference.

    Raises ModelError when it cannot be loaded.
    """
    return _of_folder(expected, exported) if exported.is_dir() else _of_gguf(expected, exported)


def _logits(model: Any, tokens: Sequence[int]) -> Any:
    import torch

    with torch.inference_mode():
        return model(input_ids=torch.tensor([list(tokens)]), use_cache=False).logits[0].float()


def _of_folder(expected: Reference, folder: Path) -> Agreement:
    import torch

    loaded = load(ModelSource(folder.name, folder, precision="fp32", device="cpu"))
    _same_size(expected, loaded.model.get_input_embeddings().weight.shape[0])
    found = _logits(loaded.model, expected.tokens)
    truth, other = (torch.log_softmax(logits, -1) for logits in (expected.logits, found))
    same = int((truth.argmax(-1) == other.argmax(-1)).sum())
    apart = float((truth.exp() * (truth - other)).sum(-1).mean())
    words = tuple(loaded.tokenizer(expected.text)["input_ids"][: len(expected.tokens)]) == expected.tokens
    return Agreement(len(expected.tokens), same, apart, words)


def _of_gguf(expected: Reference, file: Path) -> Agreement:
    count = len(expected.tokens)
    server = LlamaServer(file, slots=1, context_length=count + 16, threads=default_threads(), adapters=(), saves=None)
    try:
        body = {"content": expected.text, "add_special": True, "parse_special": True}
        cut = server.ask("POST", "/tokenize", body).get("tokens", [])[:count]
        letter = server.ask("POST", "/tokenize", {"content": "a"}).get("tokens", [])[-1:]
        same, apart = 0, 0.0
        for place in range(count):
            top = _next(server, expected.tokens[: place + 1], letter)
            same += int(expected.logits[place].argmax()) == top[0][0]
            apart += _apart(expected.logits[place], top)
    finally:
        server.close()
    return Agreement(count, same, apart / count, tuple(cut) == expected.tokens)


def _next(server: LlamaServer, tokens: Sequence[int], written: Sequence[int]) -> list[tuple[int, float]]:
    """The likeliest tokens after `tokens` with their log-probabilities, the first first."""
    # Asked one by one because llama.cpp tells of no others; all but the last token is in its cache. It says nothing of
    # a token that is a part of a character, so another is made to be written; the probabilities are those from before.
    request = {"prompt": list(tokens), "n_predict": 1, "n_probs": _TOP, "cache_prompt": True, "id_slot": 0}
    request |= {"logit_bias": [[token, 1e6] for token in written], "samplers": ["top_k"], "top_k": 1}
    answer = server.ask("POST", "/completion", request)
    try:
        found = answer["completion_probabilities"][0]["top_logprobs"]
        return sorted(((int(one["id"]), float(one["logprob"])) for one in found), key=lambda one: -one[1])
    except (KeyError, IndexError) as error:
        said = (answer.get("error") or {}).get("message", "no probabilities came")
        raise ModelError(f"llama.cpp cannot compute with the exported file: {said}. Export it again.") from error


def _apart(logits: Any, top: Sequence[tuple[int, float]]) -> float:
    """The divergence between both where all tokens that llama.cpp did not tell of are one."""
    import torch

    truth = torch.log_softmax(logits.double(), -1)
    mine = truth[[number for number, _ in top]]
    other = torch.tensor([value for _, value in top], dtype=torch.float64)
    rest, rest_other = ((1 - values.exp().sum()).clamp_min(1e-12) for values in (mine, other))
    return float((mine.exp() * (mine - other)).sum() + rest * (rest / rest_other).log())


def _same_size(expected: Reference, words: int) -> None:
    if expected.logits.shape[-1] != words:
        raise ModelError("The exported model knows another number of words than its base. Export it again.")
