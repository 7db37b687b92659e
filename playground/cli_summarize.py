"""`playground summarize FILE...`: the summary goes to stdout, how far it is to stderr. What is done is kept.

The same command again goes on where one was stopped: parts that were written with the same words are found again.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playground.cli_parts import ProgressLine, check_new, check_text, duration, end_on_signals, leave, write_new
from playground.errors import BadValueError, MissingError
from playground.paths import DataFolder, typed_path
from playground.settings import Settings

if TYPE_CHECKING:
    from playground.services import Services
    from playground.store.run_values import Node, Run, RunDocument
    from playground.summarize.live import LiveRun
    from playground.summarize.options import SummaryOptions

_OFTEN, _TENTHS = 0.1, 10
_PHASES = {
    "waiting": "waiting for the model",
    "planning": "dividing the text",
    "linking": "looking for the passages of each sentence",
    "saving": "saving",
}


def add_summarize(command: Callable[..., argparse.ArgumentParser]) -> None:
    """Add `summarize` to the command line; `command` makes the parser of one (see `cli`)."""
    made = command(
        "summarize", _summarize, "summarize files, however long, and say what each sentence rests on", model=True
    )
    made.add_argument("files", nargs="+", metavar="FILE", help="text, Markdown, PDF, DOCX, …; - reads standard input")
    made.add_argument("--style", help="paragraph (the default), bullets, key_points, tldr, qa, minutes")
    made.add_argument("--instruction", metavar="TEXT", help="what to write, in your own words, instead of a style")
    made.add_argument("--length", default="", metavar='"200"|"10%%"', help="words, or a share of the text")
    made.add_argument("--language", default="", metavar="CODE", help="of the summary, such as zh (default: the text's)")
    made.add_argument("--audience", default="", metavar="TEXT", help="for whom it is")
    made.add_argument("--pages", default="", metavar="1-20,35", help="only these pages, of documents that have pages")
    made.add_argument("--mode", default="map_reduce", metavar="map_reduce|refine|extractive", help="how it is made")
    made.add_argument("--seed", type=int, default=0, help="the same seed gives the same summary")
    made.add_argument("--title", default="", help="under which it is kept (default: the files' names)")
    made.add_argument("--json", action="store_true", help="print the whole run with its receipt")
    made.add_argument("--out", metavar="FILE", help="also write it into a new file: .md, .docx, .json or .txt")


def _summarize(options: argparse.Namespace, settings: Settings, folder: DataFolder) -> int:
    from playground.serve import set_environment
    from playground.services import open_services

    wanted = _wanted(options)
    target, format = _target(options.out)
    documents = _documents(options.files)
    set_environment(settings, folder)
    services = open_services(settings, folder)
    end_on_signals()
    try:
        run_id, code = _begin(services, documents, wanted, options.title), 130
        try:
            _watch(services, run_id)
        except KeyboardInterrupt:
            services.summaries.stop(run_id)
            if services.summaries.wait(run_id).status != "complete":
                sys.stderr.write(f"Stopped. {_kept(services, run_id)}\n")
            else:
                code = _tell(services, run_id, target, format, as_json=options.json)
        else:
            code = _tell(services, run_id, target, format, as_json=options.json)
    finally:
        services.close()
    return leave(code, services.manager)


def _wanted(options: argparse.Namespace) -> SummaryOptions:
    """What is asked for, checked before anything heavy begins."""
    from playground.records import Sampling
    from playground.summarize.instructions import check_style
    from playground.summarize.options import OWN, SummaryOptions, read_length

    for name in ("instruction", "audience", "title"):
        check_text(name, getattr(options, name) or "")
    if options.instruction and options.style not in (None, OWN):
        raise BadValueError("--instruction goes in the place of a style. Leave out one of both.")
    Sampling(seed=options.seed)
    words, share = read_length(options.length)
    wanted = SummaryOptions(
        style=options.style or (OWN if options.instruction else "paragraph"),
        instruction=options.instruction or "",
        words=words,
        share=share,
        language=options.language,
        audience=options.audience,
        pages=options.pages,
        mode=options.mode,
        seed=options.seed,
    )
    check_style(wanted)
    return wanted


def _target(out: str | None) -> tuple[Path | None, str]:
    """The file to write, and its format by its ending."""
    from playground.summarize.export import FORMATS

    if out is None:
        return None, ""
    target = typed_path(out)
    format = next((one.name for one in FORMATS.values() if one.suffix == target.suffix.lower()), "")
    if not format:
        endings = ", ".join(one.suffix for one in FORMATS.values())
        raise BadValueError(f"{out} has none of the endings that can be written. Choose one of: {endings}.")
    if not target.parent.is_dir():
        raise MissingError(f"There is no folder {target.parent}. Make it, or choose another for --out.")
    check_new(target)
    return target, format


def _documents(files: Sequence[str]) -> list[RunDocument]:
    from playground.documents.encodings import decoded
    from playground.summarize.reading import read_file, read_pasted

    if files.count("-") > 1:
        raise BadValueError("Standard input can be read once only. Give - once.")
    found = []
    for name in files:
        if name != "-":
            file = typed_path(name)
            if not file.exists():
                raise MissingError(f"There is no file {name}. Check the path.")
            found.append(read_file(file, file.name))
            continue
        text = decoded(sys.stdin.buffer.read())
        if text is None:
            raise BadValueError("Standard input is not text. Give the file by its name, then its kind is known.")
        found.append(read_pasted(text[0], "standard input"))
    return found


def _begin(services: Services, documents: Sequence[RunDocument], wanted: SummaryOptions, title: str) -> str:
    from playground.serve import ModelProgress

    manager = services.manager
    manager.listen(ModelProgress(manager))
    chosen = manager.chosen
    if wanted.mode != "extractive":
        with manager.lease(threading.Event()):
            pass  # Loaded now; what goes wrong with the model is raised here, before anything is kept.
    run_id = services.summaries.start(documents, wanted, title=title)
    if services.summaries.runs.run(run_id).model != chosen:
        manager.unload(chosen)  # Another engine reads it faster.
    return run_id


def _watch(services: Services, run_id: str) -> None:
    """Tell how far it is until it has ended."""
    progress = _Progress()
    try:
        while (live := services.summaries.live(run_id)) is not None:
            progress.tell(live)
            time.sleep(_OFTEN)
    finally:
        progress.end()


class _Progress(ProgressLine):
    """How far a summary is; a line a tenth of the parts, and for each step besides."""

    def __init__(self) -> None:
        super().__init__()
        self._written: set[int] = set()
        """Parts that were seen being written here; others were there before, and say nothing of the speed."""
        self._began = 0.0

    def tell(self, live: LiveRun) -> None:
        parts = [node for node in live.nodes if node.level == 0]
        done = [node for node in parts if node.status != "waiting"]
        step = f"{len(done)}/{len(parts)} parts" if live.phase == "reading" else _PHASES[live.phase]
        if live.phase == "reading" and len(done) == len(parts):
            step += ", putting them together"
        line = ", ".join(filter(None, [step, self._speed(live, parts), live.notice]))
        self.show(line, f"{live.phase}{len(done) * _TENTHS // max(1, len(parts))}{live.notice}")

    def _speed(self, live: LiveRun, parts: Sequence[Node]) -> str:
        writing = {at for level, at in live.writing if level == 0}
        if writing and not self._began:
            self._began = time.monotonic()
        self._written |= writing
        if live.phase != "reading" or not live.tokens or not live.seconds:
            return ""
        speed = f"{live.tokens / live.seconds:,.0f} tokens/s"
        done = sum(node.last - node.first for node in parts if node.status == "done" and node.position in self._written)
        rest = sum(node.last - node.first for node in parts if node.status == "waiting")
        if not done or not rest:
            return speed
        return f"{speed}, {duration(rest * (time.monotonic() - self._began) / done)} left"


def _kept(services: Services, run_id: str) -> str:
    nodes = services.summaries.runs.nodes(run_id)
    done = sum(node.status == "done" for node in nodes)
    return f"{done} of {len(nodes)} steps are kept; the same command goes on with them."


def _tell(services: Services, run_id: str, target: Path | None, format: str, *, as_json: bool) -> int:
    """The summary to stdout and into its file, the rest to stderr; returns the exit code."""
    from playground.summarize.export import export_run
    from playground.summarize.export_markdown import gaps, is_whole

    runs = services.summaries.runs
    run, documents, nodes = services.summaries.wait(run_id), runs.documents(run_id), runs.nodes(run_id)
    if as_json:
        print(export_run(run, documents, nodes, "json").decode(), end="", flush=True)
    elif run.text:
        print(run.text, flush=True)
    if run.status != "complete":
        sys.stderr.write(f"{_kept(services, run_id)}\nplayground: {run.error or 'The summary was stopped.'}\n")
        return 1
    if target is not None:
        written = write_new(target, [export_run(run, documents, nodes, format)])
        sys.stderr.write(f"Written: {written}\n")
    sys.stderr.write(f"{_receipt_line(run, documents, nodes)}\n")
    if is_whole(run, documents, nodes):
        return 0
    for line in gaps(documents, nodes):
        sys.stderr.write(f"{line}\n")
    sys.stderr.write("playground: The summary is not whole: parts of the text are missing in it, as said above.\n")
    return 1


def _receipt_line(run: Run, documents: Sequence[RunDocument], nodes: Sequence[Node]) -> str:
    from playground.summarize.receipt import coverage

    percent = coverage(nodes, [len(one.text) for one in documents]).percent
    sentences: Sequence[dict[str, Any]] = run.receipt.get("sentences", ())
    strong = sum(any(link["strong"] for link in one["links"]) for one in sentences)
    marks = sum(len(one["marks"]) for one in sentences)
    return (
        f"Read: {percent:.3g} %. Sentences with a passage that says the same: {strong} of {len(sentences)}. "
        f"Numbers, dates and names that no document contains: {marks}."
    )
