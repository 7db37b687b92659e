"""One text under base and adapter: the log probability of each of its tokens, both ways."""

from __future__ import annotations

import json
import sys
from typing import Any

from playground.engine.hardware import usable_cores
from playground.errors import PlaygroundError
from playground.records import Turn
from playground.tuning.masking import Encoded, encode_chat, encode_text
from playground.tuning.runfile import RunPlaces, read_run
from playground.tuning.worker.base import autocast_of, load_base
from playground.tuning.worker.measuring import looking


def lens(places: RunPlaces) -> int:
    """Reads {"prompt", "text"} from stdin, writes {"tokens": [[text, base, adapter], …]} or {"error"} to stdout."""
    asked = json.loads(sys.stdin.buffer.read())
    try:
        answer: dict[str, Any] = {"tokens": _tokens(places, asked["prompt"], asked["text"])}
    except PlaygroundError as problem:
        answer = {"error": str(problem)}
    print(json.dumps(answer, ensure_ascii=False))
    return 0


def _tokens(places: RunPlaces, prompt: str, text: str) -> list[list[Any]]:
    import torch
    from peft import PeftModel

    run = read_run(places)
    device = "cuda:0" if run.device != "cpu" and torch.cuda.is_available() else "cpu"
    torch.set_num_threads(usable_cores())
    loaded = load_base(run, device)
    if prompt and loaded.tokenizer.chat_template:
        encoded = encode_chat((Turn("user", prompt), Turn("assistant", text)), (False, True), loaded.tokenizer)
    else:
        encoded = encode_text(text, loaded.tokenizer)
    model = PeftModel.from_pretrained(loaded.model, str(places.adapter))
    ids = torch.tensor([encoded.input_ids], device=device)
    found = []
    with looking(model), autocast_of(loaded)():
        found.append(_scores(model, ids))
        with model.disable_adapter():
            found.append(_scores(model, ids))
    mine, base = found
    return [
        [_text(encoded, at), round(base[at - 1], 4) if at else None, round(mine[at - 1], 4) if at else None]
        for at, taught in enumerate(encoded.learned)
        if taught and _text(encoded, at)
    ]


def _scores(model: Any, ids: Any) -> list[float]:
    """Of each token but the first, by those before it."""
    logits = model(input_ids=ids, use_cache=False).logits[0, :-1].float()
    scores = logits.gather(1, ids[0, 1:, None])[:, 0] - logits.logsumexp(-1)
    return [float(one) for one in scores]


def _text(encoded: Encoded, at: int) -> str:
    start, end = encoded.offsets[at]
    return encoded.text[start:end]
