"""How near summaries of real chapters come to what their authors say they are about: ROUGE and the nearness of sentence
embeddings, for our summaries, for the first words of the chapter, and for sentences picked without a model.

Debian's installation guide and Debian Reference are read (packages installation-guide-amd64, debian-reference-en). Of
each chapter the headings and the first paragraph are taken out as the reference; the rest is summarized to the same
number of words. Reported, not judged: a starter model of 135 million parameters writes here unless another is given
with --model and --data-dir. Needs `pip install -c constraints.txt rouge-score`, and the model all-minilm-l6-v2.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)

from rouge_score import rouge_scorer

from benchmarks.common import Row, give_starter, show, starter
from playground.documents import Block, Document, read_document
from playground.engine.download import fetch
from playground.engine.embedding import Embedders
from playground.engine.manager import ModelManager
from playground.languages import count_words
from playground.paths import DataFolder, open_data_folder
from playground.presets import model_preset
from playground.settings import Settings
from playground.store import Database
from playground.store.runs import Runs
from playground.summarize.options import SummaryOptions
from playground.summarize.reading import read_pasted
from playground.summarize.service import SummaryService

GUIDE = Path("/usr/share/doc/installation-guide-amd64/en")
REFERENCE = Path("/usr/share/debian-reference")
MEASURES = ("rouge1", "rouge2", "rougeL")


@dataclass(frozen=True)
class Chapter:
    """What is summarized, and what its author says of it."""

    name: str
    text: str
    reference: str


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chapters", type=int, default=8)
    parser.add_argument("--model", default="")
    parser.add_argument("--data-dir")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = open_data_folder(options.data_dir or place)
        if not options.data_dir:
            give_starter(starter(), Path(place))
        fetch(model_preset("all-minilm-l6-v2"), folder, lambda *_: None)
        show(f"{options.chapters} chapters, means", compare(folder, chapters(options.chapters), options.model))


def compare(folder: DataFolder, found: Sequence[Chapter], model: str) -> list[Row]:
    """Every way of summarizing every chapter, against its reference."""
    manager = ModelManager(Settings(model=model or None), folder)
    service = SummaryService(Runs(Database(folder.database, folder.backups)), manager, folder.cache / "runs")
    embed = Embedders(folder, Settings()).embed_for("en")
    assert embed is not None
    scorer = rouge_scorer.RougeScorer(list(MEASURES), use_stemmer=True)
    scores: dict[str, dict[str, list[float]]] = {}
    for chapter in found:
        words = count_words(chapter.reference, "en")
        said = {
            "first words": " ".join(chapter.text.split()[:words]),
            "picked sentences": summary(service, chapter, words, "extractive"),
            f"{model or 'starter model'}": summary(service, chapter, words, "map_reduce"),
        }
        for way, text in said.items():
            kept = scores.setdefault(way, {name: [] for name in (*MEASURES, "meaning")})
            for name, score in scorer.score(chapter.reference, text).items():
                kept[name].append(score.fmeasure)
            vectors = embed([chapter.reference, text])
            kept["meaning"].append(float(vectors[0] @ vectors[1]))
    service.close()
    manager.close()
    return [
        Row(way, "  ".join(f"{name} {statistics.mean(values):.3f}" for name, values in kept.items()))
        for way, kept in scores.items()
    ]


def summary(service: SummaryService, chapter: Chapter, words: int, mode: str) -> str:
    """A summary of so many words, through the app."""
    options = SummaryOptions.from_mapping({"words": max(20, words), "mode": mode})
    run = service.wait(service.start([read_pasted(chapter.text, chapter.name)], options))
    assert run.status == "complete", run.error
    return run.text


def chapters(count: int) -> list[Chapter]:
    """The first chapters of both books, in turn."""
    guide = [sorted(GUIDE.glob(f"ch{number:02}*.html")) for number in range(1, 9)]
    reference = [[REFERENCE / f"ch{number:02}.en.html"] for number in range(1, 13)]
    both = [one for pair in zip(guide, reference, strict=False) for one in pair]
    return [chapter for files in both if (chapter := chapter_of(files)) is not None][:count]


def chapter_of(files: Sequence[Path]) -> Chapter | None:
    """A chapter without its headings and its first paragraph, which are its reference; None where it has no text."""
    blocks: list[Block] = [block for file in files for block in read_document(file, file.name).blocks]
    first = next((block for block in blocks if block.kind == "paragraph" and len(block.text) > 80), None)
    heads = [block.text.strip(". 0123456789") for block in blocks if block.kind == "heading"]
    body = tuple(block for block in blocks if block.kind != "heading" and block is not first)
    text = Document("chapter", "text/html", body).text()
    if first is None or len(text) < 5000:
        return None
    return Chapter(files[0].name, text, f"{first.text} {'. '.join(dict.fromkeys(heads))}.")


if __name__ == "__main__":
    main()
