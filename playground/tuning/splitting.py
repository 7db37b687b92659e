"""Parts samples into those that are learned and those that are held out to be asked about: by group, never by row."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Sequence

from playground.errors import BadValueError
from playground.tuning.samples import Sample

_END = " .。!！?？…"


def split(samples: Sequence[Sample], share: float, seed: int) -> tuple[tuple[Sample, ...], tuple[Sample, ...]]:
    """The samples to learn, and about `share` of all held out, both in their order.

    What belongs together stays together: samples of one group, and samples that ask the same. The same samples are
    parted in the same way whatever their order. Nothing is held out where all belong together or `share` is 0; else at
    least one group is, and never all. Raises BadValueError for a share that is none.
    """
    if not 0 <= share < 1:
        raise BadValueError(f"The share that is held out is {share}. Give a number from 0 to less than 1, such as 0.1.")
    groups = _groups(samples)
    wanted = round(share * len(samples))
    order = sorted(groups, key=lambda name: hashlib.sha256(f"{seed}\n{name}".encode()).digest())
    held: set[int] = set()
    if share and len(groups) > 1:
        for name in order:
            # A group that is too large for the share is learned: the next ones may fit.
            if len(held) + len(groups[name]) <= wanted and len(held) + len(groups[name]) < len(samples):
                held.update(groups[name])
        if not held:
            held.update(groups[min(order, key=lambda name: len(groups[name]))])
    learned = tuple(sample for at, sample in enumerate(samples) if at not in held)
    return learned, tuple(sample for at, sample in enumerate(samples) if at in held)


def _groups(samples: Sequence[Sample]) -> dict[str, list[int]]:
    """Places of the samples that belong together, by a name that does not depend on their order."""
    above: dict[str, str] = {}

    def top(name: str) -> str:
        root = name
        while (higher := above.setdefault(root, root)) != root:
            root = higher
        while above[name] != root:
            above[name], name = root, above[name]
        return root

    asked = [f"asks {_asked(sample)}" for sample in samples]
    for sample, name in zip(samples, asked, strict=True):
        first, second = top(name), top(f"group {sample.group}" if sample.group else name)
        # The smaller name is that of both, whichever came first.
        above[max(first, second)] = min(first, second)
    found: dict[str, list[int]] = {}
    for at, name in enumerate(asked):
        found.setdefault(top(name), []).append(at)
    return found


def _asked(sample: Sample) -> str:
    """What a sample asks first, or its text, whatever its blanks, case and last sign; as a short name."""
    text = next((turn.content for turn in sample.messages if turn.role == "user"), sample.text)
    plain = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    return hashlib.sha256((plain.rstrip(_END) or plain).encode("utf-8", "replace")).hexdigest()
