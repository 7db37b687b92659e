"""What the receipt of a summary marks: of what was planted in true sentences, and of what is true.

    python benchmarks/receipt.py [--half odd|even] [--show]

Bars: at least 95 % of the planted marked, at most 5 % of the true. A mark on a true sentence that touches none of the
facts named in the data counts as a true one marked. `--show` prints what was wrong.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)

from playground.summarize.claims import Facts
from tests.summarize.claims_data import Entry, read_entries

GROUPS = ("number", "date", "name", "en en", "zh zh", "across")


def judge(entry: Entry) -> Iterator[tuple[bool, str, bool, str]]:
    """Whether planted, the kind, whether marked, and the place in its sentence, for each fact and each stray mark."""
    facts = Facts([entry.source])
    for planted, sentence in [*((False, one) for one in entry.true), *((True, one) for one in entry.planted)]:
        marks = facts.missing(sentence.text)
        for fact in sentence.facts:
            hit = any(mark.start < fact.end and fact.start < mark.end for mark in marks)
            yield planted, fact.kind, hit, _shown(sentence.text, fact.start, fact.end)
        if not planted:
            for mark in marks:
                if not any(mark.start < fact.end and fact.start < mark.end for fact in sentence.facts):
                    yield False, mark.kind, True, _shown(sentence.text, mark.start, mark.end)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--half", choices=("odd", "even"), help="only the entries with such numbers")
    parser.add_argument("--show", action="store_true", help="print what was missed and what was marked wrongly")
    options = parser.parse_args()
    counts: Counter[tuple[str, bool, bool]] = Counter()
    entries = [one for one in read_entries() if options.half in (None, "odd" if int(one.name[:2]) % 2 else "even")]
    for entry in entries:
        language = entry.languages if len(set(entry.languages.split())) == 1 else "across"
        for planted, kind, hit, shown in judge(entry):
            for group in (kind, language, f"{kind}, {language}", "all"):
                counts[group, planted, hit] += 1
            if options.show and planted != hit:
                print(f"{'missed' if planted else 'false alarm':12}{entry.name:20}{kind:8}{shown}")
    print(f"{len(entries)} sources".ljust(20), "planted, marked".rjust(22), "true, marked".rjust(22))
    for group in ("all", *GROUPS, *(f"{kind}, {language}" for language in GROUPS[3:] for kind in GROUPS[:3])):
        cells = []
        for planted in (True, False):
            marked = counts[group, planted, True]
            total = marked + counts[group, planted, False]
            cells.append(f"{marked}/{total} = {100 * marked / total if total else 0:.1f} %".rjust(22))
        print(group.ljust(20), *cells)


def _shown(text: str, start: int, end: int) -> str:
    return f"{text[:start]}[[{text[start:end]}]]{text[end:]}"


if __name__ == "__main__":
    main()
