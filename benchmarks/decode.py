"""Decoding speed: our transformers engine against plain fp32 `generate`, our llama.cpp engine against bare xllamacpp.

The candidates take turns within one run, with the same model, prompt and threads; each row is a median of ratios of
neighbours. For the transformers engine also what its precision costs: KL divergence from fp32 and perplexity on real
text (Debian Reference where it is installed, package debian-reference-en; else this repository's own pages).
"""

from __future__ import annotations

import argparse
import functools
import html
import re
import statistics
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path[0] = str(Path(__file__).resolve().parent.parent)

import platformdirs

from benchmarks import decode_llamacpp
from benchmarks.common import ROOT, Row, show, starter
from playground.engine import compiled_step, lane
from playground.engine.base import ModelSource
from playground.engine.cpu_runner import CpuRunner
from playground.engine.hardware import usable_cores
from playground.engine.transformers_engine import TransformersEngine
from playground.engine.transformers_load import load
from playground.records import Sampling, Turn

CONTEXT, NEW, LONG = 4096, 32, 1500
BAR, KL_BAR = 3.0, 0.001
REFERENCE = Path("/usr/share/debian-reference")
SHORT = "Tell me a long story about a dog that lives by the sea and meets a cat that has come from far away."


@dataclass(frozen=True)
class Speed:
    """Tokens per second: reading a prompt, and writing after it."""

    prefill: float
    decode: float


def rows(rounds: int) -> list[Row]:
    """The transformers half; some minutes."""
    source = _source("auto")
    table = lane.aside(lambda: quality(source))
    engine = TransformersEngine(source)
    plain = lane.aside(lambda: load(_source("fp32"))).model
    compiled_step.wait(120)
    try:
        text = real_text()
        for name, prompt in (("short prompt", SHORT), (f"{LONG} tokens of context", _cut(engine, text, LONG))):
            measured = []
            for number in range(rounds + 1):
                # Another beginning each time: nothing of the prompt is known from the round before.
                turns = [Turn("user", f"{number}. {prompt}")]
                # In the engine's own thread: torch is at its best only where one thread alone computes.
                measured.append((lane.run(functools.partial(generate, engine, plain, turns)), ours(engine, turns)))
                print(f"{name} {number}: fp32 generate {measured[-1][0]}, ours {measured[-1][1]}", flush=True)
            table += _compare(name, measured[1:])
    finally:
        engine.close()
    return table


def _compare(name: str, measured: list[tuple[Speed, Speed]]) -> list[Row]:
    decode = statistics.median(ours.decode / plain.decode for plain, ours in measured)
    prefill = statistics.median(ours.prefill / plain.prefill for plain, ours in measured)
    figure = " against ".join(f"{statistics.median(pair[at].decode for pair in measured):.1f}" for at in (1, 0))
    return [
        Row(f"transformers, {name}: decode / fp32", f"{decode:.2f} ({figure} tok/s)", f">= {BAR}", decode >= BAR),
        Row(f"transformers, {name}: prefill / fp32's", f"{prefill:.2f}", ">= 1", prefill >= 1),
    ]


def generate(engine: TransformersEngine, model: Any, turns: list[Turn]) -> Speed:
    """Plain `model.generate`, greedy, from the same tokens."""
    import torch

    prompt = torch.tensor([engine.prompt(turns)])

    def seconds(new: int) -> float:
        begin = time.perf_counter()
        model.generate(
            prompt, attention_mask=torch.ones_like(prompt), do_sample=False, max_new_tokens=new, min_new_tokens=new
        )
        return time.perf_counter() - begin

    one = seconds(1)
    return Speed(prompt.shape[1] / one, (NEW - 1) / (seconds(NEW) - one))


def ours(engine: TransformersEngine, turns: list[Turn]) -> Speed:
    """Our engine, as the app uses it."""
    times, begin = [], time.perf_counter()
    chunk = None
    for chunk in engine.stream(turns, Sampling(temperature=0.0, seed=1, max_new_tokens=NEW), threading.Event()):
        if chunk.completion_tokens > len(times):
            times.append(time.perf_counter())
    assert chunk is not None
    read = chunk.prompt_tokens - chunk.cached_tokens
    return Speed(read / (times[0] - begin), (len(times) - 1) / (times[-1] - times[0]))


def quality(source: ModelSource) -> list[Row]:
    """KL divergence of the engine's weights from fp32, and perplexity with both, on real text in windows."""
    import torch

    size, windows = 512, 6
    exact, chosen = load(_source("fp32")), load(source)
    CpuRunner(chosen.model, 1, CONTEXT)  # sets the attention that the engine computes with
    tokens = exact.tokenizer(real_text())["input_ids"][: size * windows]
    divergence, losses = [], ([], [])  # type: ignore[var-annotated]
    with torch.inference_mode():
        for start in range(0, len(tokens), size):
            part = torch.tensor([tokens[start : start + size]])
            scores = [held.model(input_ids=part).logits[0].log_softmax(-1) for held in (exact, chosen)]
            divergence.append(float((scores[0].exp() * (scores[0] - scores[1])).sum(-1).mean()))
            for loss, score in zip(losses, scores, strict=True):
                loss.append(float(torch.nn.functional.nll_loss(score[:-1], part[0, 1:])))
    kl = statistics.mean(divergence)
    before, after = (float(torch.tensor(loss).mean().exp()) for loss in losses)
    return [
        Row(f"transformers, {chosen.precision}: KL from fp32", f"{kl:.6f}", f"<= {KL_BAR}", kl <= KL_BAR),
        Row("transformers: perplexity, fp32 and ours", f"{before:.3f} {after:.3f} ({after / before - 1:+.3%})"),
    ]


def real_text() -> str:
    """English prose of some ten thousand tokens."""
    files = sorted(REFERENCE.glob("ch0[1-3].en.html")) or [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    text = " ".join(file.read_text(encoding="utf-8") for file in files)
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", text))).strip()


def _cut(engine: TransformersEngine, text: str, tokens: int) -> str:
    size = tokens * 3
    while engine.count_tokens([Turn("user", text[:size])]) < tokens and size < len(text):
        size += 50
    return text[:size]


def _source(precision: str) -> ModelSource:
    cache = Path(platformdirs.user_cache_dir("playground-tests", appauthor=False)) / "converted"
    where: dict[str, Any] = {"cache": cache, "device": "cpu", "threads": usable_cores()}
    return ModelSource("starter", starter(), context_length=CONTEXT, precision=precision, **where)


def main() -> int:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=("transformers", "llamacpp"))
    options = parser.parse_args()
    table: list[Row] = []
    if options.only != "llamacpp":
        table += rows(options.rounds)
    if options.only != "transformers":
        table += decode_llamacpp.rows(options.rounds)
    show("Decoding", table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
