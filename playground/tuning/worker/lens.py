"""One text under base and adapter: the log probability of each of its tokens, both ways."""

from __future__ import annotations

import json
import sys
from typing import Any

from playground.engine.hardware import default_threads
from playground.errors import PlaygroundError
from playground.records import Turn
from playground.tuning.masking import Encoded, encode_chat, encode_text
from playground.tuning.runfile import RunPlaces, read_run
from playground.tuning.worker.base import autocast_of, device_of, load_base
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
    device = device_of(run.device)
    if device != "cpu" and int(device.removeprefix("cuda:")) >= torch.cuda.device_count():
        device = device_of("auto")  # The GPU that it was trained on is gone.
    torch.set_num_threads(default_threads())
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
        [encoded.text[start:end], *(_together(scores, tokens) for scores in (base, mine))]
        for start, end, tokens in pieces(encoded)
    ]


def pieces(encoded: Encoded) -> list[tuple[int, int, list[int]]]:
    """Beginning and end of each stretch of the text that is learned, and its tokens: several where one is less than a
    character, as in most Chinese ones."""
    found: list[tuple[int, int, list[int]]] = []
    for at, taught in enumerate(encoded.learned):
        start, end = encoded.offsets[at]
        if not taught or start == end:
            continue
        if found and start < found[-1][1]:
            before = found.pop()
            found.append((before[0], max(end, before[1]), [*before[2], at]))
        else:
            found.append((start, end, [at]))
    return found


def _together(scores: list[float], tokens: list[int]) -> float | None:
    """The log probability of these tokens in a row; None for the first of a text, which nothing comes before."""
    return round(sum(scores[at - 1] for at in tokens), 4) if tokens[0] else None


def _scores(model: Any, ids: Any) -> list[float]:
    """Of each token but the first, by those before it."""
    logits = model(input_ids=ids, use_cache=False).logits[0, :-1].float()
    scores = logits.gather(1, ids[0, 1:, None])[:, 0] - logits.logsumexp(-1)
    return [float(one) for one in scores]
