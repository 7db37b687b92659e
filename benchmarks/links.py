"""Links of a summary's sentences to a document's: of 30 paraphrases made by hand, how many find the sentence that they
were made from, by words alone and with sentence embeddings; and what sentences score that it does not say.

The document is Debian's installation guide (`--file`; the package installation-guide-amd64).
"""

from __future__ import annotations

import argparse
import gzip
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)

import platformdirs

from benchmarks.common import Row, show
from benchmarks.paraphrases import FALSE, FOREIGN, PARAPHRASES
from playground.engine.download import fetch
from playground.engine.embedding import Embedders
from playground.paths import DataFolder
from playground.presets import model_preset
from playground.settings import Settings
from playground.store.run_values import RunDocument
from playground.summarize.linking import Embed, Linker, passages_of
from playground.summarize.reading import read_file

GUIDE = Path("/usr/share/doc/installation-guide-amd64/en/install.en.pdf.gz")


def main() -> int:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--file", type=Path, default=GUIDE)
    document = read(parser.parse_args().file)
    folder = DataFolder(Path(platformdirs.user_cache_dir("playground-tests", appauthor=False)))
    fetch(model_preset("all-minilm-l6-v2"), folder, lambda *_: None)
    embed = Embedders(folder, Settings()).embed_for("en")
    assert embed is not None
    embed(["It is loaded now."])
    rows = speed(document, embed)
    for name, way in (("words alone", None), ("words and meaning", embed)):
        rows += found(name, document, way)
    show("Links to the sources", rows)
    return 0


def read(file: Path) -> RunDocument:
    """The guide, packed or not."""
    with tempfile.TemporaryDirectory() as place:
        plain = Path(place, "guide.pdf")
        plain.write_bytes(gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes())
        return read_file(plain, plain.name)


def speed(document: RunDocument, embed: Embed) -> list[Row]:
    """How many sentences a second become vectors."""
    texts = [document.text[one.start : one.end] for one in passages_of([document])][:1500]
    began = time.monotonic()
    embed(texts)
    return [Row(f"sentences/s, {len(texts)} of the guide", f"{len(texts) / (time.monotonic() - began):.0f}")]


def found(name: str, document: RunDocument, embed: Embed | None) -> list[Row]:
    """Where the true source of each paraphrase stands among its links, and what the best link of others scores."""
    linker = Linker([document], [], embed)
    places, strong = [], 0
    for said, piece in PARAPHRASES:
        links = linker.links(said)
        hits = [
            " ".join(piece.split()) in " ".join(document.text[link.passage.start : link.passage.end].split())
            for link in links
        ]
        places.append(hits.index(True) if True in hits else len(hits))
        strong += links[0].strong
    first, among = sum(place == 0 for place in places), sum(place < 3 for place in places)

    def best(sentences: Sequence[str]) -> str:
        scores = [linker.links(said)[0] for said in sentences]
        return f"{max(link.score for link in scores):.2f}, {sum(link.strong for link in scores)} strong"

    return [
        Row(f"{name}: the source first", f"{first} of {len(places)}"),
        Row(f"{name}: among the links shown", f"{among} of {len(places)}"),
        Row(f"{name}: taken to say the same", f"{strong} of {len(places)}"),
        Row(f"{name}: best score of false sentences", best(FALSE)),
        Row(f"{name}: best score of those on other subjects", best(FOREIGN)),
    ]


if __name__ == "__main__":
    sys.exit(main())
