"""A whole chapter of Debian Reference through the app: what came through, and how good it is. Run by `translate.py`."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import docx
import lxml.etree
import lxml.html

from benchmarks.common import Row, show
from benchmarks.translating import BATCH, BEAM, BOOK, Bench, paragraphs, plain_paragraphs, sentences
from playground.engine.base import ModelSource
from playground.engine.ctranslate2_engine import CTranslate2Engine
from playground.engine.hardware import usable_cores
from playground.translate.files import read_source
from playground.translate.options import TranslationOptions
from playground.translate.scoring import score
from playground.translate.tags import marks

CHRF_BAR = 0.3
W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
TRANSLATED = ("word/document.xml", "word/footnotes.xml")
WORDS = {f"{W}{name}" for name in ("r", "t", "rPr", "rStyle", "b", "bCs", "i", "iCs", "strike", "u", "vertAlign")}
"""Inside of a paragraph: what comes and goes where runs are cut otherwise."""


def chapter(data: str) -> None:
    """Both directions and both formats."""
    for source, target in (("en", "fr"), ("fr", "en")):
        with tempfile.TemporaryDirectory() as folder, closing(Bench(data)) as bench:
            page = BOOK / f"ch01.{source}.html"
            out = Path(folder) / f"out.{target}.html"
            rows = translated(bench, page, out, source, target)
            rows += [*html_trees(page, out), *against_the_model(data, page, out, source, target)]
            show(f"Chapter 1 as HTML, {source}-{target}", rows)
            if shutil.which("pandoc") is None:
                print("The Word document is left out: pandoc is not installed.")
                continue
            word, made = Path(folder) / "ch01.docx", Path(folder) / "out.docx"
            subprocess.run(["pandoc", str(page), "-o", str(word)], check=True)
            show(f"Chapter 1 as Word document, {source}-{target}", [
                *translated(bench, word, made, source, target), *word_trees(word, made),
            ])  # fmt: skip


def translated(bench: Bench, file: Path, out: Path, source: str, target: str) -> list[Row]:
    """Translate a file to `out`; what became of its segments."""
    began = time.perf_counter()
    options = TranslationOptions(target, source, beam_size=BEAM)
    run = bench.service.wait(bench.service.start([read_source(file, file.name)], options))
    seconds = time.perf_counter() - began
    segments = bench.service.store.segments(run.id)
    out.write_bytes(bench.service.output(run.id, 0))
    sources, said = [one.source for one in segments], [one.text for one in segments]
    whole = run.done == len(sources) and not run.failed
    return [
        Row("segments in, out, failed", f"{len(sources)}, {run.done}, {run.failed}", "equal, 0", whole),
        Row("segments/s", f"{len(sources) / seconds:.1f}"),
        Row("segments to look at", str(run.doubtful)),
        tags_row(sources, said),
    ]


def tags_row(sources: Sequence[str], said: Sequence[str]) -> Row:
    """Marks of tags in and out."""

    def kinds(texts: Sequence[str]) -> list[Counter[tuple[int, str]]]:
        return [Counter((mark.number, mark.kind) for mark in marks(text)) for text in texts]

    lost = sum((before - after).total() for before, after in zip(kinds(sources), kinds(said), strict=True))
    every = sum(found.total() for found in kinds(sources))
    return Row("tags that came through", f"{every - lost} of {every}", "all", not lost)


def html_trees(before: Path, after: Path) -> list[Row]:
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
    rows += [kept(what, find(first), find(second)) for what, find in (("code", code), ("links", links))]
    return rows


def kept(what: str, before: Counter[str], after: Counter[str]) -> Row:
    """How many are there as before."""
    lost, every = (before - after).total(), before.total()
    return Row(f"{what} as before", f"{every - lost} of {every}", "all", not lost)


def word_trees(before: Path, after: Path) -> list[Row]:
    """Word's elements down to the paragraphs, one by one; what stands in a paragraph by kind, because words move."""
    with zipfile.ZipFile(before) as first, zipfile.ZipFile(after) as second:
        names = first.namelist()
        changed = [name for name in names if name not in TRANSLATED and first.read(name) != second.read(name)]
        rows = [Row("parts, the same ones", str(len(names)), "equal", names == second.namelist() and not changed)]
        for name in (one for one in names if one in TRANSLATED):
            mine, theirs = (lxml.etree.fromstring(one.read(name)) for one in (first, second))
            frames = [skeleton(mine), skeleton(theirs)]
            rows.append(Row(f"{name}: elements, in their order", str(len(frames[0])), "equal", frames[0] == frames[1]))
            looks = [[inside(one) for one in tree.iter(f"{W}p")] for tree in (mine, theirs)]
            apart = sum(one != other for one, other in zip(*looks, strict=True))
            told = f"{len(looks[0]) - apart} of {len(looks[0])}"
            rows.append(Row(f"{name}: paragraphs with the same looks, links, notes and images", told, "all", not apart))
            rows.append(kept(f"{name}: code", code_words(mine), code_words(theirs)))
    paragraphs_read = [len(docx.Document(str(one)).paragraphs) for one in (before, after)]
    same = paragraphs_read[0] == paragraphs_read[1]
    rows.append(Row("python-docx opens both, paragraphs", f"{paragraphs_read[0]}, {paragraphs_read[1]}", "equal", same))
    return rows


def skeleton(tree: Any) -> list[tuple[str, tuple[tuple[str, str], ...]]]:
    """All elements with their attributes but those inside of paragraphs, where each paragraph's properties count."""
    found = []
    for one in tree.iter():
        up = one.getparent()
        inline = up is not None and any(above.tag == f"{W}p" for above in one.iterancestors())
        properties = any(above.tag == f"{W}pPr" for above in (one, *one.iterancestors()))
        if not inline or properties:
            found.append((str(one.tag), tuple(sorted(one.attrib.items()))))
    return found


def inside(paragraph: Any) -> tuple[frozenset[bytes], Counter[str]]:
    """The looks of its words, and its links, notes, images, breaks and marks by what they refer to."""
    looks = {lxml.etree.tostring(one, method="c14n") for one in paragraph.iter(f"{W}rPr")}
    told: Counter[str] = Counter()
    for one in paragraph.iter():
        if one.tag not in WORDS:
            told[f"{one.tag} {sorted(one.attrib.items())}"] += 1
    return frozenset(looks), told


def code_words(tree: Any) -> Counter[str]:
    """What stands in runs whose style is code's, neighbours joined, without blanks at its ends."""
    found: Counter[str] = Counter()
    for paragraph in tree.iter(f"{W}p"):
        words = ""
        for run in [*paragraph.iter(f"{W}r"), None]:
            style = run.find(f"{W}rPr/{W}rStyle") if run is not None else None
            if style is not None and style.get(f"{W}val") == "VerbatimChar":
                words += "".join(text.text or "" for text in run.iter(f"{W}t"))
            elif words:
                found[words.strip()] += 1
                words = ""
    return found


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
