"""`playground translate FILE|-` and `playground score HYP REF`. A translation goes into a file, or to stdout.

How far it is goes to stderr. What is done is kept: the same command again goes on where one was stopped.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playground.cli_parts import ProgressLine, check_new, check_text, duration, end_on_signals, leave, write_new
from playground.errors import BadValueError, MissingError
from playground.paths import DataFolder, typed_path
from playground.settings import Settings

if TYPE_CHECKING:
    from playground.services import Services
    from playground.store.translation_values import SourceFile, StoredSegment, Translation
    from playground.translate.live import LiveTranslation
    from playground.translate.options import TranslationOptions

STANDARD_INPUT = "standard input.txt"
_OFTEN, _TENTHS = 0.1, 10
_SHOWN = 20
"""Doubtful segments that are told on stderr."""


def add_translate(command: Callable[..., argparse.ArgumentParser]) -> None:
    """Add `translate` and `score` to the command line; `command` makes the parser of one (see `cli`)."""
    made = command("translate", _translate, "translate a file and keep its shape, or a text", model=True)
    made.add_argument("file", metavar="FILE", help="text, Markdown, HTML, DOCX, PO, SRT, …; - reads standard input")
    made.add_argument("--to", required=True, metavar="CODE", help="language to translate into, such as fr")
    made.add_argument("--from", dest="source", default="", metavar="CODE", help="of the text (default: as it seems)")
    made.add_argument(
        "--glossary", action="append", default=[], metavar="FILE", help="terms, CSV or TBX; several are allowed"
    )
    made.add_argument("--memory", action="store_true", help="take what the translation memory knows as it is")
    made.add_argument("--column", action="append", default=[], metavar="NAME", help="of a table or JSON, only these")
    made.add_argument("--formality", default="", metavar="formal|informal", help="how chat models address the reader")
    made.add_argument("--beam-size", type=int, default=4, help="of models made for translation (default 4)")
    made.add_argument("--seed", type=int, default=0, help="the same seed gives the same translation")
    made.add_argument("--title", default="", help="under which it is kept (default: the file's name)")
    made.add_argument("--json", action="store_true", help="print every segment with its doubts")
    made.add_argument("--out", metavar="FILE", help="write the translated file into a new one (default: stdout)")

    scored = command("score", _score, "BLEU and chrF of a translated file against a reference")
    scored.add_argument("translation", metavar="HYP", help="the translated file")
    scored.add_argument("reference", metavar="REF", help="the reference, in the same format")
    scored.add_argument("--json", action="store_true", help="print the scores of each segment too")


def _translate(options: argparse.Namespace, settings: Settings, folder: DataFolder) -> int:
    from playground.serve import set_environment
    from playground.services import open_services

    check_text("title", options.title)
    target = _target(options.out)
    file, terms = _file(options), _glossaries(options.glossary)
    set_environment(settings, folder)
    services = open_services(settings, folder)
    end_on_signals()
    try:
        run_id, code = _begin(services, file, _wanted(options, services, terms), options.title), 130
        try:
            _watch(services, run_id)
        except KeyboardInterrupt:
            services.translations.stop(run_id)
            run = services.translations.wait(run_id)
            sys.stderr.write(f"Stopped. {run.done} of {run.segments} segments are kept; the same command goes on.\n")
        else:
            code = _tell(services, run_id, target, as_json=options.json)
    finally:
        services.close()
    return leave(code, services.manager)


def _target(out: str | None) -> Path | None:
    if out is None:
        return None
    target = typed_path(out)
    if not target.parent.is_dir():
        raise MissingError(f"There is no folder {target.parent}. Make it, or choose another for --out.")
    check_new(target)
    return target


def _file(options: argparse.Namespace) -> SourceFile:
    from playground.documents.encodings import decoded
    from playground.translate.files import read_pasted, read_source

    if options.file != "-":
        path = typed_path(options.file)
        if not path.exists():
            raise MissingError(f"There is no file {options.file}. Check the path.")
        return read_source(path, path.name, options.column)
    text = decoded(sys.stdin.buffer.read())
    if text is None:
        raise BadValueError("Standard input is not text. Give the file by its name, then its kind is known.")
    return read_pasted(text[0], STANDARD_INPUT)


def _glossaries(files: Sequence[str]) -> list[tuple[str, list[dict[str, Any]]]]:
    """Name and terms of each."""
    from playground.translate.glossary import read_glossary

    found = []
    for name in files:
        path = typed_path(name)
        if not path.is_file():
            raise MissingError(f"There is no file {name}. Check the path.")
        found.append((path.name, [asdict(term) for term in read_glossary(path.name, path.read_bytes())]))
    return found


def _wanted(
    options: argparse.Namespace, services: Services, glossaries: Sequence[tuple[str, list[dict[str, Any]]]]
) -> TranslationOptions:
    """What is asked for; glossaries that are not kept yet are kept now."""
    from playground.translate.options import TranslationOptions

    wanted = TranslationOptions(
        target=options.to,
        source=options.source,
        model=options.model or "",
        memory=options.memory,
        formality=options.formality,
        beam_size=options.beam_size,
        seed=options.seed,
    )
    memory = services.translations.memory
    known = {(one.name, json.dumps(list(one.terms))): one.id for one in memory.glossaries()}
    ids = tuple(known.get((name, json.dumps(terms))) or memory.add_glossary(name, terms) for name, terms in glossaries)
    return TranslationOptions.from_mapping({**wanted.to_dict(), "glossaries": ids})


def _begin(services: Services, file: SourceFile, wanted: TranslationOptions, title: str) -> str:
    """Start, or go on with the same that was stopped."""
    from playground.serve import ModelProgress

    services.manager.listen(ModelProgress(services.manager))
    store = services.translations.store
    for run in store.list():
        if run.status in ("stopped", "running", "failed") and run.title == (title or file.name):
            files = store.files(run.id)
            same = len(files) == 1 and files[0] == file
            mine = wanted.to_dict() | {"source": wanted.source or run.options["source"]}
            if same and json.loads(json.dumps(mine)) == dict(run.options):
                services.translations.resume(run.id)
                return run.id
    return services.translations.start([file], wanted, title=title)


def _watch(services: Services, run_id: str) -> None:
    """Tell how far it is until it has ended."""
    line = ProgressLine()
    try:
        while (live := services.translations.live(run_id)) is not None:
            line.show(_line(live), f"{live.phase}{live.step}{_TENTHS * live.done // max(1, live.total)}{live.notice}")
            time.sleep(_OFTEN)
    finally:
        line.end()


def _line(live: LiveTranslation) -> str:
    if live.phase == "waiting":
        return ", ".join(filter(None, ["waiting for the model", live.notice]))
    parts = [f"{live.done}/{live.total} segments"]
    if live.fresh and live.seconds:
        rate = live.fresh / live.seconds
        parts.append(f"{rate:.1f} segments/s")
        if live.done < live.total:
            parts.append(f"{duration((live.total - live.done) / rate)} left")
    return ", ".join(filter(None, [*parts, live.notice]))


def _tell(services: Services, run_id: str, target: Path | None, *, as_json: bool) -> int:
    """The translation into its file or to stdout, the rest to stderr; returns the exit code."""
    translations = services.translations
    run, segments = translations.wait(run_id), translations.store.segments(run_id)
    if as_json:
        print(json.dumps(_record(run, segments), ensure_ascii=False, indent=2), flush=True)
    if run.status != "complete":
        sys.stderr.write(f"playground: {run.error or 'The translation was stopped.'}\n")
        return 1
    made = translations.output(run_id, 0)
    if target is not None:
        sys.stderr.write(f"Written: {write_new(target, [made])}\n")
    elif not as_json:
        sys.stdout.flush()
        text = translations.store.files(run_id)[0].name == STANDARD_INPUT and not made.endswith(b"\n")
        sys.stdout.buffer.write(made + b"\n" if text else made)  # A file is not touched.
        sys.stdout.buffer.flush()
    way = " → ".join([run.way[0]["source"], *(step["target"] for step in run.way)])
    models = ", then ".join(step["model"] for step in run.way)
    sys.stderr.write(f"{way} by {models}. Segments: {run.segments}, to look at: {run.doubtful}.\n")
    for one in [each for each in segments if each.doubtful][:_SHOWN]:
        said = "; ".join(f"{doubt['kind']} {doubt['detail']}".strip() for doubt in one.doubts) or one.error
        sys.stderr.write(f"{one.position + 1}: {said}\n")
    if not run.failed:
        return 0
    sys.stderr.write(f"playground: {run.failed} segments could not be translated, and stand in their own language.\n")
    return 1


def _record(run: Translation, segments: Sequence[StoredSegment]) -> dict[str, Any]:
    return {**asdict(run), "items": [asdict(one) for one in segments]}


def _score(options: argparse.Namespace, settings: Settings, folder: DataFolder) -> int:
    from playground.translate.files import read_source, template_of
    from playground.translate.scoring import score
    from playground.translate.tags import without

    files = []
    for name in (options.translation, options.reference):
        if not typed_path(name).exists():
            raise MissingError(f"There is no file {name}. Check the path.")
        files.append(read_source(Path(name), Path(name).name))
    said, references = ([without(one.text) for one in template_of(file).segments] for file in files)
    found = score(said, references, files[1].language)
    if options.json:
        print(json.dumps(asdict(found), ensure_ascii=False, indent=2))
    else:
        print(f"BLEU {found.bleu:.1f}  {found.bleu_signature}\nchrF {found.chrf:.1f}  {found.chrf_signature}")
        print(f"segments {len(found.segments)}")
    return 0
