"""What exports of an adapter keep of it: top-1 agreement and KL divergence with base and adapter in fp32, on real text.

The starter model is trained for a few steps on this repository's own pages, all linear layers, which changes what it
says; then the adapter is merged and written as f16 and Q8_0. Both sides read the same text, which was not trained on.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import warnings
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)

import platformdirs

from benchmarks.common import ROOT, Row, show, starter
from playground.engine.base import AdapterSource, ModelSource
from playground.engine.export_check import Agreement, agreement, reference
from playground.engine.gguf_export import QUANTIZATIONS, to_gguf
from playground.engine.merging import merge
from playground.engine.transformers_load import load

BAR = 0.95
WINDOW, RATE, RANK = 128, 3e-4, 16


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, default=600, help="length of the text that is compared on")
    parser.add_argument("--steps", type=int, default=30, help="of training")
    options = parser.parse_args()
    cache = Path(platformdirs.user_cache_dir("playground-tests", appauthor=False)) / "converted"
    source = ModelSource("starter", starter(), cache=cache, precision="fp32", device="cpu")
    pages = [(ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "CHANGELOG.md")]
    trained, compared = "\n".join(pages), (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as place:
        adapter = AdapterSource("pages", train(source, trained, Path(place) / "pages", options.steps))
        expected = reference(source, adapter, compared, options.tokens)
        bare = agreement(expected, starter())
        rows = [Row(f"the base without it, {len(expected.tokens)} tokens", _figure(bare))]
        began = time.monotonic()
        folder = merge(source, adapter, Path(place) / "merged")
        rows.append(_row(f"merged folder ({time.monotonic() - began:.0f} s)", agreement(expected, folder)))
        for quantization in QUANTIZATIONS:
            began = time.monotonic()
            file = to_gguf(folder, Path(place) / f"{quantization}.gguf", quantization, starter())
            size = f"{file.stat().st_size / 1e6:.0f} MB, {time.monotonic() - began:.0f} s"
            found = agreement(expected, file)
            rows.append(_row(f"{quantization}, from the base's GGUF ({size})", found, barred=quantization == "f16"))
        alone = to_gguf(folder, Path(place) / "alone.gguf", QUANTIZATIONS[0])
        rows.append(_row("f16, from the folder alone", agreement(expected, alone)))
    show("Exports against base + adapter", rows)


def train(source: ModelSource, text: str, folder: Path, steps: int) -> Path:
    """An adapter that has read `text`; a learning rate high enough to change most of what the model says."""
    import torch
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(0)
    loaded = load(source)
    with warnings.catch_warnings(action="ignore"):
        model = get_peft_model(loaded.model, LoraConfig(r=RANK, lora_alpha=2 * RANK, target_modules="all-linear"))
    model.train()
    tokens = torch.tensor(loaded.tokenizer(text)["input_ids"])
    optimizer = torch.optim.AdamW([weight for weight in model.parameters() if weight.requires_grad], lr=RATE)
    losses: list[float] = []
    for step in range(steps):
        starts = torch.randint(0, len(tokens) - WINDOW, (2,))
        batch = torch.stack([tokens[start : start + WINDOW] for start in starts.tolist()])
        loss = model(input_ids=batch, labels=batch).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
        if step % 10 == 9:
            print(f"training: step {step + 1} of {steps}, mean loss {sum(losses[-10:]) / 10:.2f}", flush=True)
    model.save_pretrained(folder)
    return folder


def _figure(found: Agreement) -> str:
    words = "" if found.words else ", OTHER TOKENS"
    return f"{found.share:.1%} of {found.tokens}, KL {found.divergence:.2g}{words}"


def _row(what: str, found: Agreement, *, barred: bool = True) -> Row:
    met = found.share >= BAR and found.words
    return Row(what, _figure(found), f">= {BAR:.0%}", met) if barred else Row(what, _figure(found))


if __name__ == "__main__":
    main()
