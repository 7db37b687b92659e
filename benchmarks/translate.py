"""Translation of a chapter of Debian Reference with OPUS-MT, through the app and without it. Parts (`--only`):

speed     96 paragraphs: segments/s of transformers one by one, of transformers in length-sorted batches of 16, of
          CTranslate2 called bare with the same sentences, and of the app; with BLEU and chrF of each.
live      A sentence of 20 words in the text pane: seconds until its translation is there.
chapter   The whole chapter as HTML, and as Word document, en-fr and fr-en: segments, tags, code, links and numbers that
          came through, the structure as a tree, and chrF against the model called with the same sentences.
glossary  50 terms (glossary_en_fr.csv): how many of their uses come out as demanded, and what that does to chrF.

Needs Debian's packages debian-reference-en and -fr; the models are fetched the first time (0.4 GB each).
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any

sys.path[0] = str(Path(__file__).resolve().parent.parent)

import lxml.html
import platformdirs

from benchmarks.common import Row, show
from playground.engine.base import ModelSource
from playground.engine.ctranslate2_engine import CTranslate2Engine
from playground.engine.hardware import usable_cores
from playground.engine.manager import ModelManager
from playground.overview import LocalModel
from playground.paths import open_data_folder
from playground.presets import model_preset
from playground.sentences import sentence_ends
from playground.settings import Settings
from playground.store import Database
from playground.store.memory import Memory
from playground.store.translations import Translations
from playground.translate.files import read_pasted, read_source, template_of
from playground.translate.glossary import Glossary, read_glossary
from playground.translate.options import TranslationOptions
from playground.translate.quick import translate_text
from playground.translate.scoring import score
from playground.translate.service import TranslationService
from playground.translate.tags import marks

BOOK = Path("/usr/share/debian-reference")
CACHE = Path(platformdirs.user_cache_dir("playground-tests", appauthor=False))
GLOSSARY = Path(__file__).with_name("glossary_en_fr.csv")
PARAGRAPHS, BATCH, BEAM = 96, 16, 4
ONE_BAR, BATCH_BAR, BARE_BAR, LIVE_BAR, CHRF_BAR, TERMS_BAR, LOSS_BAR = 14.0, 5.5, 0.95, 0.4, 0.3, 98.0, 1.0
SENTENCE = (
    "The package manager of the distribution downloads the packages and installs them together with everything that "
    "they need to run."
)


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=("speed", "live", "chapter", "glossary"))
    parser.add_argument("--data-dir", default=str(CACHE), help="where the models are, or are put")
    parser.add_argument("--paragraphs", type=int, default=PARAGRAPHS)
    options = parser.parse_args()
    for name in ("en-fr", "fr-en"):
        fetch(f"opus-mt-{name}", options.data_dir)
    parts: dict[str, Callable[[], None]] = {
        "speed": lambda: speed(options.data_dir, options.paragraphs),
        "live": lambda: live(options.data_dir),
        "chapter": lambda: chapter(options.data_dir),
        "glossary": lambda: glossary(options.data_dir),
    }
    for name, part in parts.items():
        if options.only in (None, name):
            part()


def fetch(name: str, data: str) -> None:
    """Download and convert a model, unless it is there."""
    if not (Path(data) / "models" / name / "config.json").exists():
        command = [sys.executable, "-m", "playground", "models", "pull", name, "--allow-pickle", "--data-dir", data]
        subprocess.run(command, check=True)


# ---- speed -----------------------------------------------------------------------------------------------------------


def speed(data: str, count: int) -> None:
    """The table of segments per second; the app and the bare engine in turn, so that the machine's moods are shared."""
    pairs = paragraphs()[:count]
    texts, references = [source for source, _ in pairs], [target for _, target in pairs]
    app, bare, said = list[float](), list[float](), list[str]()
    for _ in range(3):
        seconds, plain = bare_engine(data, texts)
        bare.append(seconds)
        seconds, said = through_app(data, texts)
        app.append(seconds)
    one, one_said = transformers_one_by_one(data, texts)
    batched, batched_said = transformers_batches(data, texts)
    ratio = statistics.median(mine / theirs for mine, theirs in zip(bare, app, strict=True))
    best = min(app)
    rows = [rated("transformers, one by one", count, one, one_said, references)]
    rows.append(rated(f"transformers, batches of {BATCH} by length", count, batched, batched_said, references))
    rows.append(rated("CTranslate2, bare, the same sentences", count, min(bare), plain, references))
    rows.append(rated("the app, file to file", count, best, said, references))
    rows.append(times("the app over transformers one by one", one / best, ONE_BAR))
    rows.append(times("the app over transformers in batches", batched / best, BATCH_BAR))
    rows.append(times("the app over bare CTranslate2, median of 3", ratio, BARE_BAR))
    show(f"{count} paragraphs of chapter 1, en-fr, beam {BEAM}", rows)


def rated(what: str, count: int, seconds: float, said: Sequence[str], references: Sequence[str]) -> Row:
    """Segments per second and scores."""
    found = score(said, references, "fr")
    return Row(what, f"{count / seconds:.2f} segments/s, BLEU {found.bleu:.1f}, chrF {found.chrf:.1f}")


def times(what: str, ratio: float, bar: float) -> Row:
    """A ratio that has to be reached."""
    return Row(what, f"{ratio:.2f}", f">= {bar}", ratio >= bar)


def through_app(data: str, texts: Sequence[str]) -> tuple[float, list[str]]:
    """A text file of these paragraphs, from the start of the translation until all of it is stored."""
    with closing(Bench(data)) as bench:
        file = read_pasted("\n\n".join(texts) + "\n")
        assert len(template_of(file).segments) == len(texts)
        with bench.manager.lease(threading.Event(), "opus-mt-en-fr"):
            pass
        began = time.perf_counter()
        run = bench.service.wait(bench.service.start([file], TranslationOptions("fr", "en", beam_size=BEAM)))
        seconds = time.perf_counter() - began
        assert run.status == "complete", run.error
        return seconds, [one.text for one in bench.service.store.segments(run.id)]


def bare_engine(data: str, texts: Sequence[str]) -> tuple[float, list[str]]:
    """The sentences of the paragraphs, sorted, in batches, two workers of one thread; put together with a blank."""
    import ctranslate2
    import transformers

    source = Path(data) / "models" / "opus-mt-en-fr"
    tokenizer: Any = transformers.AutoTokenizer.from_pretrained(str(source), local_files_only=True)  # type: ignore[no-untyped-call]
    model = ctranslate2.Translator(str(converted(data)), inter_threads=usable_cores(), intra_threads=1)
    began = time.perf_counter()
    flat = [(at, sentence) for at, text in enumerate(texts) for sentence in sentences(text)]
    order = sorted({sentence for _, sentence in flat}, key=len, reverse=True)
    tokens = [tokenizer.convert_ids_to_tokens(ids) for ids in tokenizer(order)["input_ids"]]
    results = model.translate_batch(tokens, beam_size=BEAM, max_batch_size=BATCH)
    ids = [tokenizer.convert_tokens_to_ids(result.hypotheses[0]) for result in results]
    said = dict(zip(order, tokenizer.batch_decode(ids, skip_special_tokens=True), strict=True))
    made = [" ".join(said[sentence] for of, sentence in flat if of == at) for at in range(len(texts))]
    return time.perf_counter() - began, made


@cache
def converted(data: str) -> Path:
    """The folder that the engine converts to, made once."""
    cache_folder = Path(data) / "cache" / "bare"
    cache_folder.mkdir(parents=True, exist_ok=True)
    path = Path(data) / "models" / "opus-mt-en-fr"
    CTranslate2Engine(ModelSource("opus", path, threads=1, slots=1, cache=cache_folder, context_length=512)).close()
    return next(cache_folder.glob("*ctranslate2*"))


def transformers_one_by_one(data: str, texts: Sequence[str]) -> tuple[float, list[str]]:
    """Each paragraph by itself, as one would call the model directly."""
    return generated(data, texts, 1)


def transformers_batches(data: str, texts: Sequence[str]) -> tuple[float, list[str]]:
    """Paragraphs of like lengths together."""
    return generated(data, texts, BATCH)


def generated(data: str, texts: Sequence[str], size: int) -> tuple[float, list[str]]:
    """Seconds and texts of plain `generate`."""
    import torch
    import transformers

    library: Any = transformers
    path = str(Path(data) / "models" / "opus-mt-en-fr")
    tokenizer = library.AutoTokenizer.from_pretrained(path, local_files_only=True)
    model = library.MarianMTModel.from_pretrained(path, local_files_only=True, use_safetensors=True).eval()
    torch.set_num_threads(usable_cores())
    order = sorted(range(len(texts)), key=lambda at: len(texts[at])) if size > 1 else list(range(len(texts)))
    made = [""] * len(texts)
    began = time.perf_counter()
    for start in range(0, len(order), size):
        batch = order[start : start + size]
        inputs = tokenizer([texts[at] for at in batch], return_tensors="pt", padding=True)
        with torch.inference_mode():
            out = model.generate(**inputs, num_beams=BEAM, max_length=512)
        for at, text in zip(batch, tokenizer.batch_decode(out, skip_special_tokens=True), strict=True):
            made[at] = text
    return time.perf_counter() - began, made


# ---- the text pane ---------------------------------------------------------------------------------------------------


def live(data: str) -> None:
    """Median of ten, each with another word, so that nothing is remembered."""
    with closing(Bench(data)) as bench:
        options, took = TranslationOptions("fr", "en", beam_size=BEAM), list[float]()
        for number in range(11):
            began = time.perf_counter()
            text = SENTENCE.replace("packages", f"packages {number}", 1)
            list(translate_text(bench.service, text, options, threading.Event()))
            took.append(time.perf_counter() - began)
        middle = statistics.median(took[1:])  # The first one loads the model.
        show("A sentence of 20 words in the text pane", [
            Row("median of 10", f"{middle:.2f} s", f"<= {LIVE_BAR} s", middle <= LIVE_BAR),
            Row("the slowest", f"{max(took[1:]):.2f} s"),
        ])  # fmt: skip


# ---- a whole chapter -------------------------------------------------------------------------------------------------


def chapter(data: str) -> None:
    """Both directions and both formats."""
    for source, target in (("en", "fr"), ("fr", "en")):
        with tempfile.TemporaryDirectory() as folder, closing(Bench(data)) as bench:
            page = BOOK / f"ch01.{source}.html"
            file = read_source(page, page.name)
            began = time.perf_counter()
            run = bench.service.wait(bench.service.start([file], TranslationOptions(target, source, beam_size=BEAM)))
            seconds = time.perf_counter() - began
            segments = bench.service.store.segments(run.id)
            out = Path(folder) / f"out.{target}.html"
            out.write_bytes(bench.service.output(run.id, 0))
            sources, said = [one.source for one in segments], [one.text for one in segments]
            rows = [
                Row("segments in, out, failed", f"{len(sources)}, {run.done}, {run.failed}", "equal, 0",
                    run.done == len(sources) and not run.failed),
                Row("segments/s", f"{len(sources) / seconds:.1f}"),
                tags_row(sources, said),
                *trees(page, out),
            ]  # fmt: skip
            rows += against_the_model(data, page, out, source, target)
            rows.append(Row("segments to look at", str(run.doubtful)))
            show(f"Chapter 1 as HTML, {source}-{target}", rows)


def tags_row(sources: Sequence[str], said: Sequence[str]) -> Row:
    """Marks of tags in and out."""

    def kinds(texts: Sequence[str]) -> list[Counter[tuple[int, str]]]:
        return [Counter((mark.number, mark.kind) for mark in marks(text)) for text in texts]

    lost = sum((before - after).total() for before, after in zip(kinds(sources), kinds(said), strict=True))
    every = sum(found.total() for found in kinds(sources))
    return Row("tags that came through", f"{every - lost} of {every}", "all", not lost)


def trees(before: Path, after: Path) -> list[Row]:
    """Elements with their attributes, but for those that are text; code and links by what they hold."""
    first, second = lxml.html.parse(str(before)), lxml.html.parse(str(after))

    def elements(tree: Any) -> list[tuple[str, tuple[tuple[str, str], ...]]]:
        kept = ("title", "alt", "content")
        return [
            (one.tag, tuple(sorted((name, value) for name, value in one.attrib.items() if name not in kept)))
            for one in tree.iter()
            if isinstance(one.tag, str)
        ]

    def code(tree: Any) -> Counter[str]:
        return Counter(one.text_content() for one in tree.iter("code", "tt", "kbd", "pre", "samp"))

    def links(tree: Any) -> Counter[str]:
        return Counter(one.get("href", "") for one in tree.iter("a"))

    mine, theirs = elements(first), elements(second)
    moved = sum(one != other for one, other in zip(mine, theirs, strict=False))
    rows = [Row("elements, the same ones", f"{len(mine)} and {len(theirs)}", "equal", Counter(mine) == Counter(theirs))]
    rows.append(Row("of these at another place than before, because words moved", str(moved)))
    for what, find in (("code", code), ("links", links)):
        lost = (find(first) - find(second)).total()
        every = find(first).total()
        rows.append(Row(f"{what} as before", f"{every - lost} of {every}", "all", not lost))
    return rows


def against_the_model(data: str, page: Path, out: Path, source: str, target: str) -> list[Row]:
    """chrF and BLEU of the paragraphs, against those of the engine given the same sentences."""
    known = paragraphs(source, target)
    places = {text: at for at, (text, _) in enumerate(known)}
    said = [""] * len(known)
    for before, after in zip(plain_paragraphs(page), plain_paragraphs(out), strict=True):
        if before in places:
            said[places[before]] = after
    references = [reference for _, reference in known]
    direct = engine_alone(data, [text for text, _ in known], (source, target))
    mine, theirs = score(said, references, target), score(direct, references, target)
    apart = abs(mine.chrf - theirs.chrf)
    return [
        Row("BLEU and chrF of its paragraphs", f"{mine.bleu:.1f} and {mine.chrf:.1f}"),
        Row("the model called directly, the same sentences and beam", f"{theirs.bleu:.1f} and {theirs.chrf:.1f}"),
        Row("chrF apart", f"{apart:.2f}", f"<= {CHRF_BAR}", apart <= CHRF_BAR),
    ]


def engine_alone(data: str, texts: Sequence[str], pair: tuple[str, str]) -> list[str]:
    """The first way of each sentence, nothing chosen and nothing mended."""
    path = Path(data) / "models" / f"opus-mt-{'-'.join(pair)}"
    with tempfile.TemporaryDirectory() as folder:
        source = ModelSource("o", path, threads=usable_cores(), slots=2, cache=Path(folder), context_length=512)
        engine = CTranslate2Engine(source)
        order = sorted({one for text in texts for one in sentences(text, pair[0])}, key=len, reverse=True)
        batches = [order[at : at + BATCH] for at in range(0, len(order), BATCH)]
        with ThreadPoolExecutor(2) as pool:
            found = pool.map(lambda batch: engine.rewrite(batch, pair, beam_size=BEAM), batches)
            said = {text: ways[0].text for batch, all_ways in zip(batches, found, strict=True)
                    for text, ways in zip(batch, all_ways, strict=True)}  # fmt: skip
        engine.close()
    return [" ".join(said[one] for one in sentences(text, pair[0])) for text in texts]


# ---- terms -----------------------------------------------------------------------------------------------------------


def glossary(data: str) -> None:
    """With and without the terms."""
    pairs = paragraphs()
    texts, references = [source for source, _ in pairs], [target for _, target in pairs]
    terms = read_glossary(GLOSSARY.name, GLOSSARY.read_bytes())
    wanted = Glossary(terms, "en", "fr")
    with closing(Bench(data)) as bench:
        chosen = bench.service.memory.add_glossary("terms", [vars(term) for term in terms])
        file, said, flagged = read_pasted("\n\n".join(texts) + "\n"), {}, 0
        for ids in ((), (chosen,)):
            options = TranslationOptions("fr", "en", glossaries=ids, beam_size=BEAM)
            run = bench.service.wait(bench.service.start([file], options))
            segments = bench.service.store.segments(run.id)
            said[ids] = [one.text for one in segments]
            flagged = sum(doubt["kind"] == "term" for one in segments for doubt in one.doubts)
    uses = sum(len(wanted.found(text)) for text in texts)
    missed = [sum(len(wanted.missed(*both)) for both in zip(texts, made, strict=True)) for made in said.values()]
    scores = [score(made, references, "fr") for made in said.values()]
    share, loss = 100 * (1 - missed[1] / uses), scores[0].chrf - scores[1].chrf
    show(f"{len(terms)} terms on chapter 1, en-fr", [
        Row("uses of terms", str(uses)),
        Row("as demanded without the glossary", f"{100 * (1 - missed[0] / uses):.1f} %"),
        Row("as demanded with it", f"{share:.1f} %", f">= {TERMS_BAR} %", share >= TERMS_BAR),
        Row("missed, and flagged", f"{missed[1]}, {flagged}", "equal", missed[1] == flagged),
        Row("chrF without and with", f"{scores[0].chrf:.1f}, {scores[1].chrf:.1f}"),
        Row("chrF lost", f"{loss:.2f}", f"<= {LOSS_BAR}", loss <= LOSS_BAR),
    ])  # fmt: skip


# ---- what all share --------------------------------------------------------------------------------------------------


class Bench:
    """The app's translation service over a folder with models, everything else in a folder that goes."""

    def __init__(self, data: str) -> None:
        folder = open_data_folder(data)
        self.manager = ModelManager(Settings(model="opus-mt-en-fr", offline=True), folder)
        self._folder = tempfile.TemporaryDirectory()
        place = Path(self._folder.name)
        self._database = Database(place / "history.db", place / "backups")
        store, memory = Translations(self._database), Memory(self._database)
        self.service = TranslationService(store, memory, self.manager, models, place / "runs")

    def close(self) -> None:
        """Free the model, and delete what was made."""
        self.service.close()
        self.manager.close()
        self._database.close()
        self._folder.cleanup()


def models() -> list[LocalModel]:
    """The two that are measured."""
    presets = [model_preset(f"opus-mt-{name}") for name in ("en-fr", "fr-en")]
    return [LocalModel(one.id, one.name, "", 1, kind=one.kind, languages=one.languages) for one in presets]


def sentences(text: str, language: str = "en") -> list[str]:
    """As the app cuts a paragraph."""
    ends = sentence_ends(text, language)
    return [text[start:end].strip() for start, end in zip([0, *ends[:-1]], ends, strict=True)]


def plain_paragraphs(page: Path) -> list[str]:
    """The text of every `<p>`."""
    return [" ".join(one.text_content().split()) for one in lxml.html.parse(str(page)).iter("p")]


@cache
def paragraphs(source: str = "en", target: str = "fr") -> list[tuple[str, str]]:
    """Paragraphs of chapter 1 that were translated, each once."""
    both = zip(*(plain_paragraphs(BOOK / f"ch01.{one}.html") for one in (source, target)), strict=True)
    found = {mine: theirs for mine, theirs in both if mine != theirs and len(mine.split()) > 3}
    return list(found.items())


if __name__ == "__main__":
    main()
