"""Predicted against measured memory. Run it as `python benchmarks/memory.py`, or with `--gpu` on an NVIDIA GPU.

Measured is how far the resident memory of a process (on a GPU: the memory in use there) grows from just before loading,
libraries included (but for the pages of their files, see `measured`), to after a reply that filled the context. Each
model is loaded twice, each time in a process of its own: the first prediction must be within 10 %, the second, which
knows of the first, within 3 %; else it exits with 1.

`--gpu` makes an 8B-shaped model of random numbers on the spot and needs torch, transformers, bitsandbytes and psutil
alone; `--gpu --tiny` walks the same paths with a small one, on a CPU too.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

# In place of this folder, in which concurrent.py would hide the standard library's.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from playground.engine.hardware import hardware, usable_cores
from playground.engine.measured import Key, Measured, watch_peak
from playground.engine.needs import need
from playground.engine.shape import ModelShape, read_shape, shape_from_table

FIRST, SECOND = 0.10, 0.03
LLAMA_8B = {
    "num_hidden_layers": 32, "hidden_size": 4096, "intermediate_size": 14336, "num_attention_heads": 32,
    "num_key_value_heads": 8, "vocab_size": 128256, "parameters": 8030261248,
}  # fmt: skip
TINY = {
    "num_hidden_layers": 2, "hidden_size": 256, "intermediate_size": 512, "num_attention_heads": 4,
    "num_key_value_heads": 2, "vocab_size": 1024, "parameters": 2 * 655360 + 2 * 262144 + 5 * 256,
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One row of the table."""

    engine: str
    precision: str
    context: int
    slots: int
    tiny: bool = False


def main() -> int:
    """Run all cases, or one of them in a child process."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--gpu", action="store_true", help="the 8B-shaped model on cuda:0")
    arguments.add_argument("--tiny", action="store_true", help="with --gpu: a small model, on the CPU without a GPU")
    arguments.add_argument("--context", type=int, default=2048, help="tokens, without --gpu")
    arguments.add_argument("--model", type=Path, help="another GGUF file or folder than the starter model")
    arguments.add_argument("--only", default="", help="such as llamacpp, fp32, nf4: cases that have this word")
    arguments.add_argument("--child", default="", help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.child:
        case = json.loads(given.child)
        work = Path(case.pop("work"))
        path = case.pop("path")
        found = _gpu_child(Case(**case), work) if given.gpu else _child(Case(**case), work, Path(path))
        print("RESULT " + json.dumps(found))
        return 0
    if given.gpu:
        contexts = (256, 512) if given.tiny else (4096, 32768)
        cases = [
            Case("transformers", name, size, 1, given.tiny) for name in ("bf16", "int8", "nf4") for size in contexts
        ]
    else:
        cases = [Case("llamacpp", "auto", given.context, slots) for slots in (1, 4)]
        cases += [Case("transformers", name, given.context, 1) for name in ("fp32", "bf16", "auto")]
    cases = [case for case in cases if given.only in " ".join(map(str, asdict(case).values()))]
    return _table(cases, given)


def _table(cases: list[Case], given: argparse.Namespace) -> int:
    head = f"{'predicted':>10} {'measured':>10} {'off':>7}"
    print(f"{'model':34} {head}   {head}   bars {FIRST:.0%}, {SECOND:.0%}")
    good = True
    with tempfile.TemporaryDirectory(prefix="playground-memory-") as work:
        path = "" if given.gpu else str(given.model or _starter())
        for case in cases:
            words = f"{case.engine} {case.precision}, {case.context:,} x {case.slots}"
            rows = [_run(case, work, path, given.gpu) for _ in range(2)]
            off = [row["predicted"] / row["measured"] - 1 for row in rows]
            met = abs(off[0]) <= FIRST and abs(off[1]) <= SECOND
            compared = not given.gpu or bool(hardware().gpus)
            good = good and (met or not compared)
            verdict = (
                ("met" if met else "NOT met") if compared else "no GPU here: the path works, the figures say nothing"
            )
            shown = "   ".join(
                f"{row['predicted'] / 1e6:7,.0f} MB {row['measured'] / 1e6:7,.0f} MB {part:+7.1%}"
                for row, part in zip(rows, off, strict=True)
            )
            print(f"{words:34} {shown}   {verdict}", flush=True)
            print(f"{'':34} {' '.join(f'{name} {size / 1e6:,.0f}' for name, size in rows[0]['parts'].items() if size)}")
    return 0 if good else 1


def _run(case: Case, work: str, path: str, gpu: bool) -> dict[str, Any]:
    """One load in a process of its own."""
    child = json.dumps({**asdict(case), "work": work, "path": path})
    command = [sys.executable, __file__, "--child", child, *(["--gpu"] if gpu else [])]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONWARNINGS": "ignore"})
    found = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    if not found:
        raise SystemExit(f"{case} failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    result: dict[str, Any] = json.loads(found[-1].removeprefix("RESULT "))
    return result


def _starter() -> Path:
    import platformdirs

    from playground.engine.download import fetch
    from playground.paths import DataFolder
    from playground.presets import STARTER, model_preset

    folder = DataFolder(Path(platformdirs.user_cache_dir("playground-tests", appauthor=False)))
    return Path(fetch(model_preset(STARTER), folder, lambda what, done, total: None))


def _child(case: Case, work: Path, path: Path) -> dict[str, Any]:
    """Load through the app's own engine and let it write until the context is full."""
    from playground.engine.base import LoadOptions, ModelSource
    from playground.engine.plan import plan_model
    from playground.records import Sampling, Turn

    if case.engine == "transformers" and path.is_file() and not (work / "converted").exists():
        # Unpacking a GGUF happens once, and not in the process that is measured.
        _convert(path, work)
    options = LoadOptions(
        engine=case.engine, precision=case.precision, device="cpu", context_length=case.context, slots=case.slots
    )
    measured = Measured(work / "measured.json")
    plan = plan_model(read_shape(path), options, hardware(), measured, engine=case.engine)
    source = ModelSource(
        path.stem, path, context_length=plan.context_length, threads=usable_cores(), cache=work / "converted",
        precision=plan.precision, device=plan.device, slots=plan.slots,
    )  # fmt: skip
    with watch_peak("cpu") as peak:
        engine = _open(case.engine, source)
        text = " word" * (plan.context_length * 9 // 10)
        while engine.count_tokens([Turn("user", text)]) > plan.context_length - 16:
            text = text[: len(text) * 99 // 100]
        sampling = Sampling(temperature=0.0, max_new_tokens=plan.context_length, seed=1)
        for _ in engine.stream([Turn("user", text)], sampling, threading.Event()):
            pass
    engine.close()
    measured.record(plan, peak)
    return {"predicted": plan.total, "measured": peak.bytes, "parts": plan.parts["cpu"]}


def _open(engine: str, source: Any) -> Any:
    if engine == "llamacpp":
        from playground.engine.llamacpp_engine import LlamaCppEngine

        return LlamaCppEngine(source)
    from playground.engine.transformers_engine import TransformersEngine

    return TransformersEngine(source)


def _convert(path: Path, work: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from playground.engine.base import ModelSource; "
        "from playground.engine.transformers_engine import TransformersEngine; "
        "TransformersEngine(ModelSource('x', Path(sys.argv[1]), cache=Path(sys.argv[2]), precision='fp32')).close()"
    )
    command = [sys.executable, "-c", code, str(path), str(work / "converted")]
    subprocess.run(command, check=True, capture_output=True, cwd=Path(__file__).resolve().parent.parent)


def _gpu_child(case: Case, work: Path) -> dict[str, Any]:
    """Make the model of random numbers, in the asked precision, and fill the context through the engine's runner."""
    import torch

    from playground.engine.cuda_runner import CudaRunner

    device = "cuda:0" if torch.cuda.is_available() else "cpu"
    table = TINY if case.tiny else LLAMA_8B
    shape = shape_from_table({**table, "max_position_embeddings": 131072}, f"random {case.precision}")
    predicted = need(shape, "transformers", case.precision, "cuda:0", case.context, case.slots, False)["cuda:0"]
    key = Key(
        hardware().machine, shape.ident, "transformers", device, case.precision, case.context, case.slots, True
    )  # fmt: skip
    measured = Measured(work / "measured.json")
    better, _ = measured.correct(key, predicted)
    with watch_peak(device) as peak:
        runner = CudaRunner(_random(shape, case.precision, device), case.slots, case.context)
        tokens = [number * 37 % shape.vocab_size for number in range(case.context - 16)]
        runner.extend(0, tokens)
        for token in range(16):
            runner.step({0: token})
    measured.keep(key, predicted, peak, "full")
    return {"predicted": better.total, "measured": peak.bytes, "parts": better.parts()}


def _random(shape: ModelShape, precision: str, device: str) -> Any:
    """A Llama of this shape; its matrices are made and quantised one by one, as a loader would read them."""
    import bitsandbytes as bnb
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    names = ("num_hidden_layers", "hidden_size", "intermediate_size", "num_attention_heads", "num_key_value_heads")
    config = LlamaConfig(
        **{name: getattr(shape, name) for name in (*names, "vocab_size", "max_position_embeddings")},
        tie_word_embeddings=False,
        rope_theta=500000.0,
    )
    config.dtype = torch.bfloat16
    with torch.device("meta"):
        model = LlamaForCausalLM(config).to(torch.bfloat16)
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if not isinstance(child, torch.nn.Linear) or name == "lm_head" or precision == "bf16":
                continue
            data = torch.randn(child.weight.shape, dtype=torch.bfloat16, device=device) * 0.02
            rows, columns = child.weight.shape
            if precision == "nf4":
                new: Any = bnb.nn.Linear4bit(
                    columns, rows, bias=False, compute_dtype=torch.bfloat16, compress_statistics=True,
                    quant_type="nf4", device="meta",
                )  # fmt: skip
                new.weight = bnb.nn.Params4bit(data, requires_grad=False, quant_type="nf4").to(device)
            else:
                new = bnb.nn.Linear8bitLt(columns, rows, bias=False, has_fp16_weights=False, device="meta")
                new.weight = bnb.nn.Int8Params(data.cpu(), requires_grad=False, has_fp16_weights=False).to(device)
            setattr(module, name, new)
            del data
    for module in model.modules():
        for name, weight in list(module.named_parameters(recurse=False)):
            if weight.is_meta:
                data = torch.randn(weight.shape, dtype=torch.bfloat16, device=device) * 0.02
                setattr(module, name, torch.nn.Parameter(data, requires_grad=False))
    # What is worked out and not stored was left on "meta"; it is small, so it is made anew.
    model.model.rotary_emb = type(model.model.rotary_emb)(config).to(device)
    return model.eval()


if __name__ == "__main__":
    raise SystemExit(main())
