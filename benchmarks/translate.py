"""Translation of a chapter of Debian Reference with OPUS-MT, through the app and without it. Parts (`--only`):

speed     96 paragraphs: segments/s of transformers one by one, of transformers in length-sorted batches of 16, of
          CTranslate2 called bare with whole paragraphs and with the same sentences, and of the app; BLEU and chrF.
live      A sentence of 20 words in the text pane: seconds until its translation is there.
chapter   The whole chapter as HTML, and as Word document, en-fr and fr-en: segments, tags, code, links and numbers that
          came through, the structure as a tree, and chrF against the model called with the same sentences.
glossary  50 terms (glossary_en_fr.csv): how many of their uses come out as demanded, and what that does to chrF.

Needs Debian's packages debian-reference-en and -fr, and pandoc for the Word document; the models are
fetched the first time (0.4 GB each).
"""

from __future__ import annotations

import argparse
import statistics
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any

sys.path[0] = str(Path(__file__).resolve().parent.parent)

from benchmarks.common import Row, show
from benchmarks.translate_chapter import chapter
from benchmarks.translating import BATCH, BEAM, CACHE, Bench, fetch, paragraphs, sentences
from playground.engine.base import ModelSource
from playground.engine.ctranslate2_engine import CTranslate2Engine
from playground.engine.hardware import usable_cores
from playground.translate.files import read_pasted, template_of
from playground.translate.glossary import Glossary, read_glossary
from playground.translate.options import TranslationOptions
from playground.translate.quick import translate_text
from playground.translate.scoring import score

GLOSSARY = Path(__file__).with_name("glossary_en_fr.csv")
PARAGRAPHS = 96
ONE_BAR, BATCH_BAR, BARE_BAR, LIVE_BAR, TERMS_BAR, LOSS_BAR = 14.0, 5.5, 0.95, 0.4, 98.0, 1.0
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
    whole, whole_said = bare_engine(data, texts, lambda text: [text])
    one, one_said = transformers_one_by_one(data, texts)
    batched, batched_said = transformers_batches(data, texts)
    ratio = statistics.median(mine / theirs for mine, theirs in zip(bare, app, strict=True))
    best = min(app)
    rows = [rated("transformers, one by one", count, one, one_said, references)]
    rows.append(rated(f"transformers, batches of {BATCH} by length", count, batched, batched_said, references))
    rows.append(rated("CTranslate2, bare, whole paragraphs", count, whole, whole_said, references))
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


def bare_engine(
    data: str, texts: Sequence[str], cut: Callable[[str], list[str]] = sentences
) -> tuple[float, list[str]]:
    """The pieces of the paragraphs, sorted, in batches, two workers of one thread; put together with a blank."""
    import ctranslate2
    import transformers

    source = Path(data) / "models" / "opus-mt-en-fr"
    tokenizer: Any = transformers.AutoTokenizer.from_pretrained(str(source), local_files_only=True)  # type: ignore[no-untyped-call]
    model = ctranslate2.Translator(str(converted(data)), inter_threads=usable_cores(), intra_threads=1)
    began = time.perf_counter()
    flat = [(at, sentence) for at, text in enumerate(texts) for sentence in cut(text)]
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


if __name__ == "__main__":
    main()
