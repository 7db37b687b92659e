"""Decoding on an NVIDIA GPU through the app's own runner, as a fraction of what the GPU's memory allows.

An 8B-shaped Llama with random weights is made on the GPU; nothing is read or fetched. Needs torch, transformers and
bitsandbytes; peft for the adapters. Without a GPU, or with --tiny, a tiny model goes the same ways on the CPU: then
the figures mean nothing, and only that every way works is shown.

bandwidth  The fastest of: copying 8 GB (read and written bytes counted), and finding the largest of 8 GB of numbers.
decode     One stream, greedy, the next token fetched each step; tokens/s, and the bytes that a step must read (all
           weights but the embedding table, and the keys and values of the text so far) over the time it took, over the
           bandwidth. In bf16, nf4 and int8, against transformers' plain `generate`. What the app does not do as long as
           these lines do not win: "compiled", the same step through torch.compile; "nf4 single", nf4 whose statistics
           are not quantised in their turn (0.4 GB more for 8B, and half as many kernels).
streams    Several streams at once: the runner alone, greedy; as the app runs them, each with a sampler of its own; then
           `generate` on as many equal prompts, and transformers' continuous batching.
prefill    Tokens/s of reading a prompt.
adapters   Two LoRA adapters (rank 16, all layers): time to switch, tokens/s under one, and that off is off to the bit.
memory     Peak of each precision, and what weights and keys and values are of it.
"""

from __future__ import annotations

import argparse
import gc
import importlib.util
import logging
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

sys.path[0] = str(Path(__file__).resolve().parent.parent)

import torch
import transformers

from playground.engine.batcher import Batcher
from playground.engine.cuda_runner import CudaRunner
from playground.engine.decoding import Sampler
from playground.records import Sampling

FRACTION_BAR = 0.8
PRECISIONS = ("bf16", "nf4", "int8")


class Bench:
    """One run: sizes, the device, and the lines of the table."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.tiny = options.tiny or not torch.cuda.is_available()
        self.device = torch.device("cpu" if self.tiny else "cuda")
        self.prompt, self.steps, self.streams, self.long = (40, 4, 4, 300) if self.tiny else (520, 128, 32, 8192)
        self.streams = options.streams or self.streams
        self.layers = options.layers or (2 if self.tiny else 32)
        self.bandwidth = 0.0
        self.lines: list[tuple[str, str, str]] = []
        self.rates: dict[str, float] = {}

    def line(self, what: str, figure: str, bar: str = "") -> None:
        """Put a line into the table, and show it now already."""
        self.lines.append((what, figure, bar))
        print(f"  {what:<46} {figure:<44} {bar}", flush=True)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """A part that may fail without ending the others."""
        print(f"{name} ...", flush=True)
        try:
            yield
        except Exception as error:
            logging.getLogger(__name__).debug("%s", name, exc_info=True)
            self.line(name, f"FAILED: {type(error).__name__}: {str(error).strip().splitlines()[:1]}"[:160])
        self.tidy()

    def tidy(self) -> None:
        """Give unused memory back."""
        gc.collect()
        if not self.tiny:
            torch.cuda.empty_cache()

    def seconds(self, work: Callable[[], object]) -> float:
        """Time of `work` until the device has finished it."""
        self._wait()
        started = time.perf_counter()
        work()
        self._wait()
        return time.perf_counter() - started

    def _wait(self) -> None:
        if not self.tiny:
            torch.cuda.synchronize()


def measure_bandwidth(bench: Bench) -> None:
    """Set and show bytes/s of the device's memory."""
    numbers = torch.randn(1 << (22 if bench.tiny else 31), device=bench.device)
    other = torch.empty_like(numbers)
    size, tries = numbers.nbytes, 3 if bench.tiny else 12
    copied = statistics.median(bench.seconds(lambda: other.copy_(numbers)) for _ in range(tries))
    found = statistics.median(bench.seconds(numbers.amax) for _ in range(tries))
    bench.bandwidth = max(2 * size / copied, size / found)
    bench.line(
        "bandwidth",
        f"{bench.bandwidth / 1e9:.0f} GB/s (copy {2 * size / copied / 1e9:.0f}, read {size / found / 1e9:.0f})",
    )


def make(bench: Bench, precision: str) -> Any:
    """A Llama with random weights, on the device, its linear layers in `precision` but for the last one."""
    sizes: dict[str, Any] = {
        "hidden_size": 4096,
        "intermediate_size": 14336,
        "num_attention_heads": 32,
        "vocab_size": 128256,
    }
    if bench.tiny:
        sizes = {"hidden_size": 128, "intermediate_size": 256, "num_attention_heads": 8, "vocab_size": 512}
    config = transformers.LlamaConfig(
        **sizes,
        num_hidden_layers=bench.layers,
        num_key_value_heads=sizes["num_attention_heads"] // 4,
        max_position_embeddings=131072,
        tie_word_embeddings=False,
        pad_token_id=0,
    )
    torch.manual_seed(0)
    torch.set_default_dtype(torch.bfloat16)
    with bench.device:
        model: Any = transformers.LlamaForCausalLM(config)
    torch.set_default_dtype(torch.float32)
    model.generation_config.eos_token_id = None
    model.eval().requires_grad_(False)
    if precision != "bf16":
        quantise(model.model, precision, bench.device)
    return model


def quantise(model: Any, precision: str, device: torch.device) -> None:
    """Replace the linear layers by bitsandbytes', one by one, so that both are never there in whole."""
    import bitsandbytes.nn as bnb

    for name, layer in list(model.named_modules()):
        if not isinstance(layer, torch.nn.Linear):
            continue
        if precision == "nf4":
            new: Any = bnb.Linear4bit(
                layer.in_features, layer.out_features, False, torch.bfloat16, quant_type="nf4", device="meta"
            )
            new.weight = bnb.Params4bit(layer.weight.data, requires_grad=False, quant_type="nf4", module=new)
        else:
            new = bnb.Linear8bitLt(
                layer.in_features, layer.out_features, False, has_fp16_weights=False, threshold=6.0, device="meta"
            )
            new.weight = bnb.Int8Params(layer.weight.data, requires_grad=False, has_fp16_weights=False)
        model.set_submodule(name, new.to(device).eval())


def bytes_read(model: Any, length: int) -> int:
    """What one step for one stream must read: weights but the embedding table, keys and values of `length` tokens."""
    weights = 0
    for weight in (weight for name, weight in model.named_parameters() if "embed_tokens" not in name):
        weights += weight.nbytes
        state = getattr(weight, "quant_state", None)
        for part in filter(None, (state, getattr(state, "state2", None))):
            weights += part.absmax.nbytes
    return weights + kv_bytes(model.config) * length


def kv_bytes(config: Any) -> int:
    """Keys and values of one token, in bf16."""
    return int(2 * 2 * config.num_hidden_layers * config.num_key_value_heads * config.head_dim)


def words(bench: Bench, count: int) -> list[int]:
    """A prompt that means nothing."""
    return torch.randint(3, 500, (count,)).tolist()


def per_second(tokens: int, seconds: float) -> float:
    """A rate out of a difference of two times; "nan" where noise was larger than it."""
    return tokens / seconds if seconds > 0 else float("nan")


def generated(bench: Bench, model: Any, streams: int) -> float:
    """Tokens/s of one stream of transformers' own `generate`: the time of more tokens less that of few."""
    inputs = torch.tensor([words(bench, bench.prompt)] * streams, device=bench.device)
    few, many = 2, 2 + min(bench.steps, 64)

    def run(count: int) -> float:
        mask = torch.ones_like(inputs)
        ask = {"max_new_tokens": count, "min_new_tokens": count, "do_sample": False}
        return bench.seconds(lambda: model.generate(inputs, attention_mask=mask, **ask))

    run(few)
    return per_second(many - few, run(many) - run(few))


def stepped(bench: Bench, runner: CudaRunner, rows: int) -> tuple[float, float]:
    """Seconds of a step of `rows` streams (the median), and the worst of the steps before, which made it ready."""
    tokens = dict.fromkeys(range(rows), 5)

    def once() -> None:
        scores = runner.step(tokens)
        # Fetched all at once; a sampler that does so for each row apart costs more.
        chosen = torch.stack([scores[row] for row in tokens]).argmax(-1).tolist()
        tokens.update(zip(tokens, chosen, strict=True))

    ready = max(bench.seconds(once) for _ in range(6))
    return statistics.median(bench.seconds(once) for _ in range(bench.steps)), ready


def flatten(model: Any) -> None:
    """Undo the second quantisation, of nf4's statistics; the weights stay the same to the bit."""
    from bitsandbytes.functional import dequantize_blockwise

    for weight in model.parameters():
        state = getattr(weight, "quant_state", None)
        if state is not None and state.nested:
            state.absmax = (dequantize_blockwise(state.absmax, state.state2) + state.offset).float()
            state.nested, state.state2 = False, None


def decode(bench: Bench, model: Any, precision: str, compiled: bool = False) -> None:
    """One stream after a short and after a long prompt."""
    runner = CudaRunner(model, 1, bench.long + bench.steps + 64, compiled=compiled)
    name = f"{precision}{' compiled' if compiled else ''}"
    bench.line(f"{name}: how", runner.mode)
    for length in (bench.prompt, bench.long):
        runner.truncate(0, 0)
        runner.extend(0, words(bench, length))
        took, ready = stepped(bench, runner, 1)
        share = bytes_read(model, length) / took / bench.bandwidth
        bar = f"at least {FRACTION_BAR}" if precision == "bf16" and length == bench.prompt and not compiled else ""
        bench.line(
            f"{name}: one stream after {length} tokens",
            f"{1 / took:.1f} tokens/s, {share:.3f} of the limit; first {ready:.1f} s",
            bar and (f"{bar}: {'met' if share >= FRACTION_BAR else 'MISSED'}" if not bench.tiny else bar),
        )
        bench.rates.setdefault(name, 1 / took)


def prefill(bench: Bench, model: Any, precision: str) -> None:
    """Reading a prompt, and reading it once more, when all is warm."""
    runner = CudaRunner(model, 1, bench.long)
    rates = []
    for _ in range(3):
        runner.truncate(0, 0)
        rates.append(bench.long / bench.seconds(lambda: runner.extend(0, words(bench, bench.long))))
    bench.line(f"{precision}: prefill of {bench.long} tokens", f"{statistics.median(rates):.0f} tokens/s")


def together(bench: Bench, model: Any, precision: str) -> None:
    """Several streams at once."""
    count = bench.streams
    runner = CudaRunner(model, count, bench.prompt + bench.steps + 16)
    for row in range(count):
        runner.extend(row, words(bench, bench.prompt))
    took, ready = stepped(bench, runner, count)
    bench.line(f"{precision}: {count} streams", f"{count / took:.0f} tokens/s in all; first step {ready:.1f} s")
    bench.line(f"{precision}: {count} streams, as the app", f"{in_the_app(bench, runner):.0f} tokens/s in all, sampled")
    del runner
    bench.tidy()
    bench.line(
        f"{precision}: {count} streams, generate", f"{count * generated(bench, model, count):.0f} tokens/s in all"
    )


def in_the_app(bench: Bench, runner: CudaRunner) -> float:
    """Tokens/s of all rows at once through the app's batcher, each drawn by its own sampler, read by its own thread."""
    for row in range(runner.rows):
        runner.truncate(row, 0)
    batcher = Batcher(runner, runner.rows, runner.rows * runner.context_length, lambda error: (str(error), False))
    moments: list[list[float]] = [[] for _ in range(runner.rows)]

    def reply(row: int) -> None:
        prompt, sampling = words(bench, bench.prompt), Sampling(temperature=0.7, top_p=0.9, seed=row)
        draw = partial(Sampler, sampling, prompt, bench.steps, bench.device)
        for event in batcher.reply(prompt, bench.steps, frozenset(), draw, threading.Event()):
            if event.what != "read":
                moments[row].append(time.perf_counter())

    threads = [threading.Thread(target=reply, args=(row,)) for row in range(runner.rows)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    batcher.close()
    # While all of them were written, if there was such a time.
    begin, end = max(row[0] for row in moments), min(row[-1] for row in moments)
    return per_second(sum(begin < moment <= end for row in moments for moment in row), end - begin)


def continuous(bench: Bench, model: Any, streams: int) -> None:
    """transformers' continuous batching."""
    few, many = 2, 2 + bench.steps
    sizes = transformers.ContinuousBatchingConfig(use_cuda_graph=not bench.tiny, max_memory_percent=0.5)
    prompts = [words(bench, bench.prompt) for _ in range(streams)]

    def run(count: int) -> float:
        ask = transformers.GenerationConfig(max_new_tokens=count, do_sample=False, eos_token_id=-1, pad_token_id=0)
        return bench.seconds(
            lambda: model.generate_batch(prompts, ask, continuous_batching_config=sizes, persistent_manager=True)
        )

    run(many)  # Sets it up for the longest.
    rate = per_second(streams * (many - few), run(many) - run(few))
    bench.line(f"bf16: {streams} streams, continuous batching", f"{rate:.0f} tokens/s in all")


def adapters(bench: Bench, model: Any) -> None:
    """Two LoRA adapters over the same weights."""
    if importlib.util.find_spec("peft") is None:
        bench.line("adapters", "not measured: peft is not installed")
        return
    import peft

    runner, prompt = CudaRunner(model, 1, bench.prompt + 4 * bench.steps + 64), words(bench, bench.prompt)
    bare = runner.extend(0, prompt)
    runner.step({0: 5})
    ask = peft.LoraConfig(r=16, target_modules="all-linear")
    wrapped = peft.get_peft_model(model, ask, "first")
    wrapped.add_adapter("second", ask)
    for name, weight in wrapped.named_parameters():
        if "lora_" in name:
            weight.data = torch.randn_like(weight, dtype=torch.bfloat16, device=bench.device) * 0.02
    wrapped.eval()

    def switch(name: str) -> tuple[float, torch.Tensor]:
        took = bench.seconds(lambda: runner.use_adapter(name))
        runner.truncate(0, 0)
        return took, runner.extend(0, prompt)

    changed = not torch.equal(switch("first")[1], bare)
    took = statistics.median(switch(name)[0] for name in ("second", "", "first", "second", "", "first"))
    bench.line("bf16: switching adapters", f"{1000 * took:.1f} ms")
    seconds, ready = stepped(bench, runner, 1)
    bench.line("bf16: one stream under an adapter", f"{1 / seconds:.1f} tokens/s; first step {ready:.1f} s")
    same = torch.equal(switch("")[1], bare)
    bench.line("bf16: adapter changes the scores, off is exact", f"{changed}, {same}", "True, True")


def measure(bench: Bench, precision: str, options: argparse.Namespace) -> None:
    """All of one precision."""
    if precision != "bf16" and importlib.util.find_spec("bitsandbytes") is None:
        bench.line(precision, "not measured: bitsandbytes is not installed")
        return
    if not bench.tiny:
        torch.cuda.reset_peak_memory_stats()
    model = make(bench, precision)
    bench.tidy()
    weights = 0 if bench.tiny else torch.cuda.memory_allocated()
    with bench.part(f"{precision}: generate"):
        bench.rates[f"{precision} generate"] = generated(bench, model, 1)
        bench.line(f"{precision}: one stream, generate", f"{bench.rates[f'{precision} generate']:.1f} tokens/s")
    with bench.part(f"{precision}: decode"):
        if not bench.tiny:
            torch.cuda.reset_peak_memory_stats()
        decode(bench, model, precision)
        if not bench.tiny:
            peak = torch.cuda.max_memory_allocated()
            cache = kv_bytes(model.config) * (bench.long + bench.steps + 64)
            parts = f"{weights / 1e9:.2f} weights, {cache / 1e9:.2f} keys and values"
            bench.line(f"{precision}: peak memory, one stream", f"{peak / 1e9:.2f} GB ({parts})")
    with bench.part(f"{precision}: prefill"):
        prefill(bench, model, precision)
    with bench.part(f"{precision}: streams"):
        together(bench, model, precision)
    if precision == "bf16":
        for streams in (1, bench.streams):
            with bench.part(f"bf16: continuous batching, {streams}"):
                continuous(bench, model, streams)
    if precision != "int8" and not options.no_compile:
        with bench.part(f"{precision} compiled"):
            decode(bench, model, precision, compiled=True)
    if precision == "bf16":
        with bench.part("adapters"):
            adapters(bench, model)
    if precision == "nf4":
        with bench.part("nf4 single"):
            flatten(model)
            decode(bench, model, "nf4 single")


def main() -> int:
    """Measure and print the table; 0 if it could measure at all."""
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--tiny", action="store_true", help="a tiny model on the CPU, to see that every way works")
    ask.add_argument("--layers", type=int, default=0, help="fewer than 32, for a GPU with little memory")
    ask.add_argument("--streams", type=int, default=0, help="streams at once")
    ask.add_argument("--only", choices=PRECISIONS, action="append", help="this precision (repeatable)")
    ask.add_argument("--no-compile", action="store_true", help="leave torch.compile out")
    ask.add_argument("--debug", action="store_true", help="show why a part failed")
    options = ask.parse_args()
    logging.basicConfig(level=logging.DEBUG if options.debug else logging.ERROR, format="%(name)s: %(message)s")
    bench = Bench(options)
    names = "torch", "transformers", "bitsandbytes", "peft", "triton"
    print(", ".join(f"{name} {_version(name)}" for name in names))
    if bench.tiny:
        print("No GPU is used: a tiny model on the CPU shows that every way works. The figures mean nothing.")
    else:
        print(f"{torch.cuda.get_device_name()}, {torch.cuda.get_device_properties(0).total_memory / 1e9:.0f} GB")
    with bench.part("bandwidth"):
        measure_bandwidth(bench)
    for precision in options.only or PRECISIONS:
        with bench.part(precision):
            measure(bench, precision, options)
    if "bf16" in bench.rates and "nf4" in bench.rates:
        share = bench.rates["nf4"] / bench.rates["bf16"]
        verdict = "" if bench.tiny else f": {'met' if share >= 1 else 'MISSED'}"
        bench.line("nf4 over bf16, one stream", f"{share:.2f}", f"at least 1{verdict}")
    print(
        "\n"
        + "\n".join(f"| {' | '.join(line)} |" for line in [("what", "measured", "bar"), ("---",) * 3, *bench.lines])
    )
    return 0 if bench.rates else 1


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"


if __name__ == "__main__":
    raise SystemExit(main())
