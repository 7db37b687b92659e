"""Summaries of a long manual: the map phase through the app against the bare engine given the same requests at its best
number of slots, and, in the last round, against plain transformers `generate` one after another; memory as it grows;
and the whole guide in English and in Chinese, with what its receipt says (`--only manuals`, half an hour).

Debian's installation guide is read (package installation-guide-amd64), with the starter model. Every round takes other
parts of it, and every engine sees each part once, so that nothing is cached but what all parts share.
"""

from __future__ import annotations

import argparse
import gzip
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path[0] = str(Path(__file__).resolve().parent.parent)

from concurrent.futures import ThreadPoolExecutor

import psutil

from benchmarks.common import Row, give_starter, show, starter
from playground.engine import lane
from playground.engine.base import ModelSource
from playground.engine.embedding import Embedders
from playground.engine.hardware import usable_cores
from playground.engine.manager import ModelManager
from playground.engine.transformers_engine import TransformersEngine
from playground.engine.transformers_load import load
from playground.paths import DataFolder, open_data_folder
from playground.records import Sampling, Turn
from playground.settings import Settings
from playground.store import Database
from playground.store.run_values import RunDocument
from playground.store.runs import Runs
from playground.summarize.options import SummaryOptions
from playground.summarize.planning import Planner
from playground.summarize.reading import read_file, read_pasted
from playground.summarize.receipt import coverage
from playground.summarize.service import SummaryService
from playground.summarize.writing import sampling_for

GUIDE = Path("/usr/share/doc/installation-guide-amd64")
PARTS, SLOTS = 8, (2, 4, 8)
BARE_BAR, PLAIN_BAR, MEMORY_BAR = 1.05, 0.6, 1.1
Request = tuple[Sequence[Turn], Sampling]


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=("speed", "memory", "manuals"))
    parser.add_argument("--rss", type=float, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.rss:
        print(*rss_of(options.rss))
        return
    if options.only == "manuals":
        show("The whole installation guide, starter model", [row for name in ("en", "zh_CN") for row in manual(name)])
        return
    if options.only != "memory":
        show(f"{PARTS} parts of the installation guide, starter model, seconds of the map phase", speed(options.rounds))
    if options.only != "speed":
        show("Memory of the process at its peak, extracts of the guide", memory())


def speed(rounds: int) -> list[Row]:
    """The app, the bare engine at each number of slots, and plain generate; ratios within each round."""
    ours: list[float] = []
    bare: dict[int, list[float]] = {slots: [] for slots in SLOTS}
    plain: list[float] = []
    read_once: list[bool] = []
    with tempfile.TemporaryDirectory() as place:
        folder = open_data_folder(place)
        give_starter(starter(), Path(place))
        app = App(folder)
        engines = {slots: engine(folder, slots) for slots in SLOTS}
        model = load(source(folder, "fp32"))
        for number, document in enumerate(pieces(rounds + 1)):
            requests = app.requests(document)
            order: list[Any] = [lambda document=document: ours.append(app.map_phase(document, read_once))]
            order += [
                lambda one=one, slots=slots, requests=requests: bare[slots].append(straight(one, requests, slots))
                for slots, one in engines.items()
            ]
            for work in order if number % 2 else reversed(order):
                work()
            if number == rounds:  # Once: it takes four times as long, and the bar is far away.
                plain.append(generate(model, requests))
        app.close()
    ours, bare = ours[1:], {slots: found[1:] for slots, found in bare.items()}
    # The app ends a text that only repeats itself, and writes one anew that says nothing; the engine does neither.
    best = min(SLOTS, key=lambda slots: statistics.median(bare[slots]))
    against = statistics.median(one / two for one, two in zip(ours, bare[best], strict=True))
    than_plain = ours[-1] / plain[-1]
    return [
        Row(f"through the app ({app.what})", f"{statistics.median(ours):.1f} s"),
        *(Row(f"bare engine, {slots} at a time", f"{statistics.median(found):.1f} s") for slots, found in bare.items()),
        Row("plain generate (fp32), one by one", f"{statistics.median(plain):.1f} s"),
        Row(f"app / bare engine at its best ({best})", f"{against:.3f}", f"<= {BARE_BAR}", against <= BARE_BAR),
        Row("app / plain generate", f"{than_plain:.2f}", f"<= {PLAIN_BAR}", than_plain <= PLAIN_BAR),
        Row("words before the text read once for all slots", "yes" if all(read_once) else "no", "yes", all(read_once)),
    ]


class App:
    """The summary service over one data folder."""

    def __init__(self, folder: DataFolder) -> None:
        self._manager = ModelManager(Settings(), folder)
        self._runs = Runs(Database(folder.database, folder.backups))
        self._service = SummaryService(self._runs, self._manager, folder.cache / "runs")
        self._seed = 0
        self.what = ""

    def requests(self, document: RunDocument) -> list[Request]:
        """What the parts of a document are asked for with."""
        name = self._service.reader("")
        with self._manager.lease(threading.Event(), name) as lease:
            self.what = f"{lease.info.engine} {lease.info.quantization}, {lease.info.capabilities.slots} at a time"
            planner = Planner(lease, [document], SummaryOptions())
            nodes = planner.parts()
        return [(planner.prompt(node, nodes), sampling_for(planner.max_new_tokens(node), 0, 1)) for node in nodes]

    def map_phase(self, document: RunDocument, read_once: list[bool]) -> float:
        """Seconds from the first part to the last; how much of each prompt was not read again goes to `read_once`."""
        times: dict[str, float] = {}
        run_id = self._service.start([document], SummaryOptions())
        while (live := self._service.live(run_id)) is not None:
            parts = [node for node in live.nodes if node.level == 0]
            if live.phase == "reading" and "began" not in times:
                times["began"] = time.monotonic()
            if parts and all(node.status == "done" for node in parts):
                times.setdefault("ended", time.monotonic())
                self._service.stop(run_id)
            time.sleep(0.005)
        parts = [node for node in self._runs.nodes(run_id) if node.level == 0]
        missed = sorted(node.record["cached_tokens"] for node in parts)
        # One part reads what all begin with; where two begin at the same moment, both do.
        read_once.append(missed[1] > 0)
        return times["ended"] - times["began"]

    def close(self) -> None:
        """Free the model."""
        self._service.close()
        self._manager.close()


def source(folder: DataFolder, precision: str, slots: int = 1) -> ModelSource:
    """The starter model for an engine without the app."""
    cache = folder.cache / "converted"
    return ModelSource(
        "starter", starter(), sha256="x", threads=usable_cores(), cache=cache, precision=precision, slots=slots
    )


def engine(folder: DataFolder, slots: int) -> TransformersEngine:
    """Our engine alone, as the app would load it."""
    return TransformersEngine(source(folder, "auto", slots))


def straight(one: TransformersEngine, requests: list[Request], slots: int) -> float:
    """The same requests, so many at a time, without the app."""

    def ask(request: Request) -> None:
        for _ in one.stream(*request, threading.Event()):
            pass

    began = time.monotonic()
    with ThreadPoolExecutor(slots) as pool:
        list(pool.map(ask, requests))
    return time.monotonic() - began


def generate(model: Any, requests: list[Request]) -> float:
    """The same requests by transformers' own `generate`, one after the other."""
    import torch

    began = time.monotonic()
    for turns, sampling in requests:
        messages = [{"role": turn.role, "content": turn.content} for turn in turns]
        inputs = model.tokenizer.apply_chat_template(
            messages, add_generation_prompt=True, return_tensors="pt", return_dict=True
        )
        with torch.inference_mode():
            lane.run(
                lambda inputs=inputs, sampling=sampling: model.model.generate(
                    **inputs,
                    do_sample=False,
                    repetition_penalty=sampling.repetition_penalty,
                    max_new_tokens=sampling.max_new_tokens,
                )
            )
    return time.monotonic() - began


def guide(language: str) -> RunDocument:
    """The whole installation guide as the app reads it from its PDF."""
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / f"install.{language}.pdf"
        file.write_bytes(gzip.decompress((GUIDE / language / f"{file.name}.gz").read_bytes()))
        return read_file(file, file.name)


def pieces(count: int, each: int = PARTS) -> list[RunDocument]:
    """Stretches of the guide that make about so many parts each."""
    text = guide("en").text
    size = 5500 * each
    return [read_pasted(text[at * size : (at + 1) * size], f"piece {at}") for at in range(count)]


def manual(language: str) -> list[Row]:
    """The whole guide: how much of it was read, where its sentences lead, and whether any call was too long."""
    document = guide(language)
    with tempfile.TemporaryDirectory() as place:
        folder = open_data_folder(place)
        give_starter(starter(), Path(place))
        manager = ModelManager(Settings(), folder)
        runs = Runs(Database(folder.database, folder.backups))
        service = SummaryService(runs, manager, folder.cache / "runs", Embedders(folder, Settings()).embed_for)
        began = time.monotonic()
        run = service.wait(service.start([document], SummaryOptions()))
        seconds = time.monotonic() - began
        assert run.status == "complete", run.error
        nodes = runs.nodes(run.id)
        service.close()
        manager.close()
    covered = coverage(nodes, [len(document.text)]).percent
    sentences = run.receipt.get("sentences", [])
    linked = sum(bool(one["links"]) for one in sentences)
    longest = max(
        (node.record["prompt_tokens"] + node.record["sampling"]["max_new_tokens"]) / node.record["context_length"]
        for node in nodes
        if node.record
    )
    parts, strong = sum(node.level == 0 for node in nodes), sum(one["links"][0]["strong"] for one in sentences)
    return [
        Row(
            f"{language}: {document.pages} pages, {len(document.text):,} characters", f"{parts} parts, {seconds:.0f} s"
        ),
        Row(f"{language}: coverage", f"{covered:g} %", "100 %", covered == 100),
        Row(
            f"{language}: sentences that lead to a passage",
            f"{linked} of {len(sentences)}",
            "all",
            linked == len(sentences),
        ),
        Row(f"{language}: of these, passages taken to say the same", f"{strong}"),
        Row(
            f"{language}: longest call, prompt and answer, of the context",
            f"{100 * longest:.0f} %",
            "<= 100 %",
            longest <= 1,
        ),
    ]


def memory() -> list[Row]:
    """RSS at its peak in processes of their own, for a document and for one four times as long."""
    rows = []
    # The echo engine reads at once: with it the text can be so long that what grows with its length would be seen.
    # The starter model fills its rows with the first two waves of parts; what they may hold is planned before.
    for what, sizes in (("starter model", (2, 8)), ("echo engine, the whole guide", (-1, -4))):
        command = [sys.executable, __file__, "--rss"]
        said = [subprocess.run([*command, f"{size}"], capture_output=True, text=True, check=True) for size in sizes]
        characters, peaks = zip(*(map(int, one.stdout.split()) for one in said), strict=True)
        rows += [
            Row(f"{what}, {n:,} characters", f"{peak / 1e6:.0f} MB") for n, peak in zip(characters, peaks, strict=True)
        ]
        ratio = peaks[1] / peaks[0]
        rows.append(Row("four times the length / once", f"{ratio:.2f}", f"<= {MEMORY_BAR}", ratio <= MEMORY_BAR))
    return rows


def rss_of(times: float) -> tuple[int, int]:
    """Characters, and the peak of this process's memory while it summarizes them, in bytes.

    `times` so many stretches of the guide; below 0: so many times the whole guide, which the echo engine reads.
    """
    with tempfile.TemporaryDirectory() as place:
        folder = open_data_folder(place)
        give_starter(starter(), Path(place))
        settings = Settings() if times > 0 else Settings(engine="echo", model="echo")
        manager = ModelManager(settings, folder)
        embed_for = Embedders(folder, settings).embed_for
        service = SummaryService(
            Runs(Database(folder.database, folder.backups)), manager, folder.cache / "runs", embed_for
        )
        documents = pieces(1, int(PARTS * times)) if times > 0 else [many(int(-times))]
        run_id = service.start(documents, SummaryOptions())
        peak, process = 0, psutil.Process()
        while service.live(run_id) is not None:
            peak = max(peak, process.memory_info().rss)
            time.sleep(0.2)
        run = service.wait(run_id)
        assert run.status == "complete", run.error
        service.close()
        manager.close()
    return sum(len(one.text) for one in documents), peak


def many(times: int) -> RunDocument:
    """The guide so many times, each with other words in it, so that nothing is known already."""
    text = guide("en").text
    return read_pasted("\n\n".join(text.replace("Debian", f"Debian{n}") for n in range(times)), "guides.txt")


if __name__ == "__main__":
    main()
