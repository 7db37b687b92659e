"""`playground models …`: list, plan, pull, load-test, remove, convert. Results to stdout, all else to stderr."""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, fields, replace
from typing import TYPE_CHECKING, Any

import filelock

from playground.cli_parts import add_group
from playground.engine.base import ATTENTION, PRECISIONS, LoadOptions
from playground.errors import BadValueError, BusyError, MissingError
from playground.paths import DataFolder
from playground.presets import STARTER
from playground.records import Sampling, Turn
from playground.settings import ENGINES, Settings

if TYPE_CHECKING:
    from playground.models import ModelsService
    from playground.overview import LocalModel, Offer

HOW = tuple(field.name for field in fields(LoadOptions))
"""The settings that say how a model is loaded."""
_PROMPT = "Write one sentence about the sea."


def add_loading(parser: argparse.ArgumentParser) -> None:
    """The options that say how a model is loaded, with the settings' names."""
    parser.add_argument("--engine", choices=ENGINES, help="which engine runs the model (default: what fits)")
    parser.add_argument("--precision", choices=PRECISIONS, help="bits of the weights (default: what fits)")
    parser.add_argument("--device", metavar="auto|cpu|cuda:N", help="where it computes (default: what fits)")
    parser.add_argument(
        "--context-length", "--context", type=int, metavar="N", help="the most tokens to read (default 8192)"
    )
    parser.add_argument("--slots", type=int, metavar="N", help="replies at the same time (default: the plan's choice)")
    parser.add_argument("--attn-implementation", choices=ATTENTION, help="how transformers computes attention")


def add_models(commands: Any) -> None:
    """Add `models` and its actions to the command line's subparsers."""
    add = add_group(commands, "models", "list, plan, get, test and delete models")

    def action(name: str, run: Callable[..., int], text: str, *, model: bool = True) -> argparse.ArgumentParser:
        made = add(name, run, text)
        if model:
            made.add_argument("name", metavar="MODEL", help="a preset's name, org/name on the Hub, or a path")
        return made

    listing = action("list", _list, "models on this machine, and curated ones that can be had", model=False)
    listing.add_argument("--json", action="store_true", help="as JSON")
    plan = action("plan", _plan, "what a model would take; exit code 1 when it does not fit")
    add_loading(plan)
    plan.add_argument("--json", action="store_true", help="as JSON")
    pull = action("pull", _pull, "download a model; Ctrl-C keeps what has come", model=False)
    pull.add_argument("name", nargs="?", metavar="MODEL", help="preset, org/name[@revision] or org/name/file.gguf")
    pull.add_argument(
        "--allow-pickle", action="store_true", help="also a model that is only there as a pickle, and convert it"
    )
    pull.add_argument("--offline", action="store_true", default=None, help=argparse.SUPPRESS)
    test = action("load-test", _load_test, "load a model, have one short reply, and say how it went")
    add_loading(test)
    test.add_argument("--offline", action="store_true", default=None, help="never use the network")
    test.add_argument("--json", action="store_true", help="as JSON")
    action("remove", _remove, "delete a downloaded model and say what is freed")
    action("convert", _convert, "turn a downloaded pickle into safetensors, reading numbers only")


def _service(settings: Settings, folder: DataFolder) -> ModelsService:
    from playground.engine.downloads import Downloads
    from playground.engine.manager import ModelManager
    from playground.models import ModelsService

    # No model is chosen here by the options of a plan, and nothing idles that would have to be freed.
    plain = replace(settings, engine="auto", model=None, idle_unload_minutes=0.0)
    return ModelsService(ModelManager(plain, folder), Downloads(folder, settings.offline), plain, folder)


def _list(options: argparse.Namespace, settings: Settings, folder: DataFolder) -> int:
    overview = _service(settings, folder).overview()
    here = {model.name for model in overview.local}
    offers = [offer for offer in overview.offers if offer.preset.id not in here]
    if options.json:
        facts = {
            "chosen": overview.chosen,
            "here": [asdict(model) for model in overview.local],
            "available": [_offer_facts(offer) for offer in offers],
        }
        print(json.dumps(facts, ensure_ascii=False))
        return 0
    print("On this machine:" if overview.local else "On this machine: none yet.")
    for model in overview.local:
        print(_local_line(model, chosen=model.name == overview.chosen))
    print("Available (models pull NAME):")
    for offer in offers:
        print(_offer_line(offer))
    return 0


def _local_line(model: LocalModel, *, chosen: bool) -> str:
    marks = ["chosen"] if chosen else []
    marks += ["pickle: models convert"] if model.pickle else []
    marks += [f"cannot be used: {model.error}"] if model.error else []
    return f"  {model.name:40} {model.size / 1e9:7.2f} GB  {model.license:12}  {'; '.join(marks)}".rstrip()


def _offer_line(offer: Offer) -> str:
    preset, fits = offer.preset, "fits" if offer.fits else "too large for this machine"
    memory = f"{offer.total / 1e9:.1f} GB in memory ({offer.precision}), {fits}"
    return f"  {preset.id:40} {preset.size / 1e9:7.2f} GB  {preset.license:12}  {memory}. {preset.good_at}"


def _offer_facts(offer: Offer) -> dict[str, Any]:
    preset = offer.preset
    facts = {name: getattr(preset, name) for name in ("name", "license", "languages", "kind", "good_at", "size")}
    facts |= {"parameters": preset.parameters, "context_length": preset.context_length}
    plan = {"memory": offer.total, "precision": offer.precision, "fits": offer.fits}
    return {"id": preset.id, **facts, **plan}


def _plan(options: argparse.Namespace, settings: Settings, folder: DataFolder) -> int:
    from playground.engine.plan import render

    plan = _service(settings, folder).manager.plan(options.name, LoadOptions.of(settings))
    if plan is None:
        print(json.dumps(None) if options.json else f"{options.name} takes no memory here that could be planned.")
        return 0
    print(json.dumps(plan.to_dict(), ensure_ascii=False) if options.json else render(plan))
    return 0 if plan.fits else 1


def _pull(options: argparse.Namespace, settings: Settings, folder: DataFolder) -> int:
    from playground.engine.converted import convert_installed
    from playground.engine.download import pull
    from playground.engine.library import find
    from playground.engine.parts import target_of

    name = options.name or STARTER
    model = find(target_of(name).name, folder)
    if model is None or not model.complete:
        if settings.offline:
            raise BadValueError("A model cannot be fetched with --offline. Leave it out.")
        model = pull(name, folder, _Progress(), allow_pickle=options.allow_pickle)
    if model.kind == "pickle" and options.allow_pickle:
        convert_installed(model, folder)
    elif model.kind == "pickle":
        sys.stderr.write(f"Before it can be loaded: playground models convert {model.name}\n")
    print(model.path)
    return 0


class _Progress:
    """Tells on stderr how far a download is: a line a tenth, with speed and the time that is left."""

    def __init__(self) -> None:
        self._last = ""
        self._start = (time.monotonic(), 0)

    def __call__(self, what: str, done: int, total: int) -> None:
        line = f"{what} {100 * done // total // 10 * 10 if total else 0} % of {total // 1_000_000} MB"
        if line == self._last:
            return
        if not self._last or done < self._start[1]:
            self._start = (time.monotonic(), done)
        self._last = line
        since, before = self._start
        speed = (done - before) / max(time.monotonic() - since, 0.001)
        if done > before and total:
            line += f", {speed / 1e6:.1f} MB/s, {(total - done) / speed:.0f} s left"
        print(line, file=sys.stderr, flush=True)


def _load_test(options: argparse.Namespace, settings: Settings, folder: DataFolder) -> int:
    from playground.engine.loader import Loader, Sizes
    from playground.engine.measured import watch_peak

    loader, how = Loader(settings, folder), LoadOptions.of(settings)
    wanted = loader.resolve(options.name, how)
    if wanted.preset is not None and not loader.is_here(wanted):
        loader.fetch(wanted.preset, _Progress())
    prepared = loader.prepare(options.name, how, {}, Sizes({}, {}, {}))
    # The running app may keep what it has read in the same folder.
    prepared = replace(prepared, source=replace(prepared.source, state=None))
    plan = prepared.plan
    if plan is not None and not plan.fits:
        raise prepared.too_big(max(plan.total - plan.reclaimable - plan.free, 0))
    with watch_peak(plan.device if plan is not None else "cpu") as peak:
        started = time.monotonic()
        engine = loader.open(prepared, alone=lambda: False)
        loaded = time.monotonic()
        try:
            text, first, last, tokens = [], 0.0, 0.0, 0
            sampling = Sampling(temperature=0.0, max_new_tokens=64, seed=0)
            for chunk in engine.stream([Turn("user", _PROMPT)], sampling, threading.Event()):
                if chunk.text:
                    text.append(chunk.text)
                    last, tokens = time.monotonic(), chunk.completion_tokens
                    first = first or last
            info = engine.info
        finally:
            engine.close()
    need = plan.predicted.get(peak.device) if plan is not None else None
    if plan is not None:
        loader.measured.record_load(plan, peak, replied=True)
    facts = {
        "model": info.model,
        "engine": info.engine,
        "device": info.device,
        "quantization": info.quantization,
        "context_length": info.context_length,
        "slots": info.capabilities.slots,
        "load_seconds": round(loaded - started, 3),
        "first_token_seconds": round(first - loaded, 3) if first else None,
        "tokens": tokens,
        "tokens_per_second": round((tokens - 1) / (last - first), 2) if last > first else None,
        "peak_bytes": peak.bytes,
        "planned_loaded_bytes": need.loaded if need is not None else None,
        "planned_full_bytes": need.total if need is not None else None,
        "reply": "".join(text),
    }
    print(json.dumps(facts, ensure_ascii=False) if options.json else _test_text(facts))
    return 0


def _test_text(facts: dict[str, Any]) -> str:
    def figure(value: float | None, unit: str) -> str:
        return "too short to say" if value is None else f"{value:.2f} {unit}"

    lines = [
        f"{facts['model']} with {facts['engine']} on {facts['device']} {facts['quantization']}".rstrip(),
        f"Loaded in      {figure(facts['load_seconds'], 's')}",
        f"First token    {figure(facts['first_token_seconds'], 's')}",
        f"Speed          {figure(facts['tokens_per_second'], 'tokens/s')} over {facts['tokens']} tokens",
        f"Peak memory    {facts['peak_bytes'] / 1e9:.2f} GB",
    ]
    if facts["planned_loaded_bytes"] is not None:
        full = f"{facts['planned_full_bytes'] / 1e9:.2f} GB once its context is full"
        lines[-1] += f"; planned {facts['planned_loaded_bytes'] / 1e9:.2f} GB loaded, {full}"
    return "\n".join([*lines, f"Reply          {' '.join(facts['reply'].split())}"])


def _alone(folder: DataFolder) -> filelock.FileLock:
    """Hold the data folder's lock: files must not vanish under a running app. Raises BusyError."""
    lock = filelock.FileLock(folder.lock, timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise BusyError(
            f"Playground is running on {folder.root}. Do this in its Models tab, or end the app first."
        ) from None
    return lock


def _remove(options: argparse.Namespace, settings: Settings, folder: DataFolder) -> int:
    from playground.engine.library import remove

    with _alone(folder):
        freed = remove(options.name, folder)
    print(f"{options.name} is deleted; {freed} bytes ({freed / 1e9:.2f} GB) are free again.")
    return 0


def _convert(options: argparse.Namespace, settings: Settings, folder: DataFolder) -> int:
    from playground.engine.converted import convert_installed
    from playground.engine.library import find

    model = find(options.name, folder)
    if model is None:
        raise MissingError(f"There is no model {options.name!r} on this machine. See `playground models list`.")
    with _alone(folder):
        print(convert_installed(model, folder))
    return 0
