"""What pages look at of drafts: data, models to choose from, samples that fit a filter. Keeps what is costly."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from playground.errors import PlaygroundError
from playground.models import ModelsService
from playground.store.training_values import DataFile, StoredTraining
from playground.tuning.gathering import Gathered, Item, gather
from playground.tuning.looking import Lengths, Seen, lengths, see
from playground.tuning.options import TuningOptions
from playground.tuning.private import findings
from playground.tuning.recipe import TASK_OF, Recipe, Task
from playground.tuning.rows import raw_rows
from playground.tuning.service import TuningService
from playground.tuning.splitting import split
from playground.ui.reasons import reason_words
from playground.ui.strings import t
from playground.ui.tune_form import TuneForm, form_of

FILTERS = ("all", "problems", "private", "cut", "edited", "left_out")
_ROWS = 50
"""Rows of a file in which its columns are looked for."""
_MOST = 4000
"""Samples that a filter looks at which has to count their tokens."""
_MOST_PRIVATE = 200_000
"""Samples of which is kept what is private in them."""
_FIRST = 200
"""Characters of a cell that show what its column holds."""
_KEPT = 3


@dataclass(frozen=True)
class Draft:
    """The data of a draft. The files are without their bytes."""

    run: StoredTraining
    files: tuple[DataFile, ...]
    columns: tuple[Mapping[str, str], ...]
    """Of each file the names of its columns, with the first that stands in each."""
    gathered: Gathered
    version: str
    """Another one for other data."""

    @property
    def task(self) -> Task:
        """What the data is for; of several kinds the most frequent one, without data conversations."""
        kinds = self.gathered.kinds.most_common(1)
        return TASK_OF[kinds[0][0]] if kinds else "sft"

    def everything(self) -> list[Item]:
        """All samples in their order, those that were left out among them."""
        found = [*self.gathered.items, *self.gathered.left_out]
        return sorted(found, key=lambda item: tuple(int(part) for part in item.key.split(":")))


class Looked:
    """Safe to use from any thread."""

    def __init__(self, service: TuningService, models: ModelsService) -> None:
        self.service = service
        self.models = models
        self._lock = threading.Lock()
        self._drafts: dict[str, Draft] = {}
        self._lengths: dict[tuple[str, str, int], Lengths] = {}
        self._private: dict[bytes, tuple[str, ...]] = {}
        self._parted: dict[tuple[str, float, int], tuple[int, int]] = {}

    def forget(self, run_id: str) -> None:
        """Its files changed."""
        with self._lock:
            self._drafts.pop(run_id, None)

    def draft(self, run_id: str) -> Draft:
        """Raises MissingError."""
        run = self.service.store.get(run_id)
        with self._lock:  # Two pages that open a large file together read it once.
            known = self._drafts.get(run_id)
            if known is None or known.run.edits != run.edits:
                known = _read(run, self.service.store.files(run_id))
                self._drafts = dict(islice([(run_id, known), *self._drafts.items()], _KEPT)) | {run_id: known}
        return replace(known, run=run)

    def form(self, draft: Draft) -> TuneForm:
        """What the draft's form says; where no model was chosen, the one that is used or else the first."""
        known = [name for name, _, why in self.bases("en") if not why]
        chosen = self.service.manager.chosen
        return form_of(draft.run, draft.task, chosen if chosen in known else next(iter(known), ""))

    def bases(self, language: str) -> list[tuple[str, str, str]]:
        """Name and title of each model of this machine, and why it cannot be trained ("" where it can)."""
        found = []
        for one in self.models.overview().local:
            why = reason_words(language, one.error)
            if one.kind in ("seq2seq", "embedding"):
                why = t(language, f"tune.no_base.{one.kind}")
            elif one.pickle:
                why = t(language, "tune.no_base.pickle")
            elif not one.size:
                why = t(language, "tune.no_base.files")
            found.append((one.name, one.title, why))
        return sorted(found, key=lambda one: bool(one[2]))

    def lengths(self, draft: Draft, options: TuningOptions) -> Lengths:
        """Raises ModelError, MissingError."""
        key = draft.version, options.model, options.recipe.max_length
        if key not in self._lengths:
            samples = [item.sample for item in draft.gathered.items]
            made = lengths(samples, self.service.bases.tokenizer(options.model), options.recipe)
            self._lengths = dict(islice([(key, made), *self._lengths.items()], 8))
        return self._lengths[key]

    def parted(self, draft: Draft, recipe: Recipe) -> tuple[int, int]:
        """How many samples will be learned from, and how many held out."""
        key = draft.version, recipe.heldout, recipe.seed
        if key not in self._parted:
            train, held = split([item.sample for item in draft.gathered.items], recipe.heldout, recipe.seed)
            self._parted = dict(islice([(key, (len(train), len(held))), *self._parted.items()], 8))
        return self._parted[key]

    def see(self, item: Item, options: TuningOptions) -> Seen:
        """One sample as the model will see it. Raises ModelError, MissingError."""
        return see(item.sample, self.service.bases.tokenizer(options.model), options.recipe)

    def devices(self) -> list[str]:
        """Where one can train."""
        return [one.name for one in self.models.overview().devices]

    def private(self, item: Item) -> tuple[str, ...]:
        """Kinds of what is private in a sample. A sample is looked through once, wherever it stands."""
        key = hashlib.sha256("\0".join(item.sample.texts).encode("utf-8", "surrogatepass")).digest()
        found = self._private.get(key)
        if found is None:
            found = tuple(sorted({one.kind for one in findings(item.sample)}))
            if len(self._private) >= _MOST_PRIVATE:
                self._private.clear()
            self._private[key] = found
        return found

    def chosen(self, draft: Draft, shown: str, words: str, options: TuningOptions | None) -> list[Item]:
        """The samples that a filter and a search leave."""
        items = draft.everything()
        out = {item.key for item in draft.gathered.left_out}
        wanted = words.casefold().split()
        found = (
            [item for item in items if all(word in "\n".join(item.sample.texts).casefold() for word in wanted)]
            if wanted
            else items
        )
        if shown == "left_out":
            return [item for item in found if item.key in out]
        if shown == "edited":
            return [item for item in found if item.edited]
        if shown == "problems":
            told = noted(draft)
            return [item for item in found if item.key in told]
        if shown == "private":
            return [item for item in found if item.key not in out and self.private(item)]
        if shown == "cut" and options is not None:
            inside = [item for item in found if item.key not in out]
            return [item for item in inside[:_MOST] if (seen := self.see(item, options)).cut or seen.fault]
        return found


def noted(draft: Draft) -> Mapping[str, list[str]]:
    """What is told of samples that are learned from, by their keys."""
    found: dict[str, list[str]] = {}
    for number, problem in draft.gathered.problems:
        if problem.row:
            found.setdefault(f"{number}:{problem.row}", []).append(problem.words)
    return found


def _read(run: StoredTraining, files: Sequence[DataFile]) -> Draft:
    about = [[one.name, one.sha256, dict(one.columns)] for one in files]
    version = hashlib.sha256(json.dumps([about, dict(run.edits)], sort_keys=True).encode()).hexdigest()[:16]
    columns = tuple(_columns(one) for one in files)
    light = tuple(replace(one, data=b"") for one in files)
    return Draft(run, light, columns, gather(files, run.edits), version)


def _columns(file: DataFile) -> Mapping[str, str]:
    names: dict[str, str] = {}
    if file.kind == "own":
        return names
    try:
        rows, _ = raw_rows(file.data, file.name)
        for raw in islice(rows, _ROWS):
            for name, value in raw.value.items() if isinstance(raw.value, dict) else ():
                text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
                names[str(name)] = names.get(str(name)) or ("" if value is None else " ".join(text[:_FIRST].split()))
    except PlaygroundError:
        return {}
    return names
