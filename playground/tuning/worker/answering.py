"""Replies to fixed prompts, always the most likely ones, so that two of them differ by what was learned alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from playground.tuning.worker.measuring import looking


def answers(model: Any, tokenizer: Any, prompts: Sequence[str], max_new_tokens: int, autocast: Any) -> list[str]:
    """One reply for each prompt, made side by side."""
    import torch

    if not prompts:
        return []
    texts = [rendered(tokenizer, prompt) for prompt in prompts]
    ids = [tokenizer(text, add_special_tokens=not tokenizer.chat_template)["input_ids"] for text in texts]
    longest = max(map(len, ids))
    place = next(model.parameters()).device
    pad = tokenizer.pad_token_id
    tokens = torch.tensor([[pad] * (longest - len(one)) + one for one in ids], device=place)
    mask = torch.tensor([[0] * (longest - len(one)) + [1] * len(one) for one in ids], device=place)
    inner = getattr(model, "module", model)
    with looking(inner), autocast():
        out = inner.generate(
            input_ids=tokens, attention_mask=mask, max_new_tokens=max_new_tokens, do_sample=False, pad_token_id=pad
        )
    return [tokenizer.decode(one[longest:], skip_special_tokens=True).strip() for one in out]


def rendered(tokenizer: Any, prompt: str) -> str:
    """The prompt as the model reads it; itself where the model has no chat template."""
    if not tokenizer.chat_template:
        return prompt
    messages = [{"role": "user", "content": prompt}]
    return str(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))
