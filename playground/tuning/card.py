"""The card of an adapter: everything that made it, in words for people and as JSON for programs."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from playground.engine.small_file import write_json
from playground.tuning.figures import perplexity, rounded, written
from playground.tuning.runfile import RunFile

_PACKAGES = ("torch", "transformers", "peft", "trl", "accelerate", "bitsandbytes")


def write_card(folder: Path, run: RunFile, result: Mapping[str, Any]) -> None:
    """README.md and training.json beside the weights."""
    facts = {
        "title": run.title,
        "base": {"name": run.base.name, "revision": run.base.revision, "sha256": run.base.sha256},
        "recipe": run.recipe.to_dict(),
        "data": run.data,
        "prompts": list(run.prompts),
        "versions": versions(),
        "result": dict(result),
    }
    write_json(folder / "training.json", facts)
    (folder / "README.md").write_text(_words(run, facts), encoding="utf-8")


def versions() -> dict[str, str]:
    """Of what trains."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _words(run: RunFile, facts: Mapping[str, Any]) -> str:
    result = facts["result"]
    base, mine = result.get("base", {}), result.get("adapter", {})
    lines = ["---", f"base_model: {json.dumps(run.base.name)}", "library_name: peft", "tags: [lora]", "---", ""]
    lines += [f"# {run.title}", "", f"A LoRA adapter for {run.base.name}, made with Playground.", ""]
    if "eval_loss" in base and "eval_loss" in mine:
        lines += [
            "| held-out data | base | adapter |",
            "|---|---|---|",
            f"| loss (nats per token) | {written(base, 'eval_loss')} | {written(mine, 'eval_loss')} |",
        ]
        if run.recipe.task != "dpo":
            lines.append(f"| perplexity | {rounded(perplexity(base), 1)} | {rounded(perplexity(mine), 1)} |")
        if "accuracy" in mine:
            lines.append(f"| preference accuracy | | {written(mine, 'accuracy', 2)} |")
        lines.append("")
    if "general_loss" in base and "general_loss" in mine:
        lines += [
            "On prompts that have nothing to do with the data, loss on the base's own replies: "
            f"{written(base, 'general_loss')} before, {written(mine, 'general_loss')} after.",
            "",
        ]
    start = result.get("start", {})
    if count := int(start.get("unusable", 0)):
        named = [f"- row {row}: {why}" for row, why in start.get("unusable_rows", [])]
        lines += ["## Rows that were left out", "", f"{count} in all.", "", *named, ""]
    for name, value in (("Base", facts["base"]), ("Data", facts["data"]), ("Recipe", facts["recipe"])):
        lines += [f"## {name}", "", *(f"- {key}: {_plain(one)}" for key, one in value.items() if one != ""), ""]
    lines += ["## Versions", "", *(f"- {key} {one}" for key, one in facts["versions"].items()), ""]
    return "\n".join(lines)


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
