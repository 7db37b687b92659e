"""Samples from the person's own translations and summaries, asked as the app itself asks for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from playground.errors import MissingError
from playground.records import ModelInfo, Turn
from playground.store import Database
from playground.store.memory import Memory
from playground.store.runs import Runs
from playground.store.training_data import Choice, TrainingData
from playground.store.translations import Translations
from playground.summarize.options import SummaryOptions
from playground.summarize.planning import Planner
from playground.translate.demands import demands_on, missing
from playground.translate.glossary import Glossary, Term
from playground.translate.options import TranslationOptions
from playground.translate.prompting import prompt
from playground.translate.tags import without
from playground.tuning.samples import Sample

Made = tuple[Sample | None, str]
"""A sample and what is to be told about it; or None, and why there is none."""


def translation_samples(choice: Choice, database: Database) -> Iterator[Made]:
    """A sample for each segment that a person confirmed or wrote; with `pairs`, against what the machine wrote."""
    store, memory = Translations(database), Memory(database)
    known: dict[str, tuple[TranslationOptions, Glossary]] = {}
    for one in TrainingData(database).segments(choice):
        if one.translation_id not in known:
            options = TranslationOptions.from_mapping(store.get(one.translation_id).options)
            known[one.translation_id] = options, _glossary(options, memory)
        options, glossary = known[one.translation_id]
        plain = without(one.source)
        demands = demands_on(plain, glossary)
        # A term that the person did not use either must not be asked for: the model would learn to ignore terms.
        lost = missing(plain, demands, without(one.text), glossary)
        pair = options.source, options.target
        asked = tuple(prompt(one.source, pair, options.formality, [each for each in demands if each not in lost]))
        group = f"{one.translation_id}/{one.document}"
        if choice.pairs:
            yield Sample("preference", 0, asked, chosen=one.text, rejected=one.machine, group=group), ""
        else:
            reply = Turn("assistant", one.text)
            yield Sample("chat", 0, (*asked, reply), (*(False for _ in asked), True), group=group), ""


def summary_samples(choice: Choice, database: Database) -> Iterator[Made]:
    """A sample for each finished summary: what its model was given last, be it the text or notes, and the summary."""
    runs = Runs(database)
    for run_id in TrainingData(database).summaries(choice):
        run, nodes = runs.run(run_id), runs.nodes(run_id)
        last = nodes[-1] if nodes else None
        if last is None or last.step not in ("whole", "final"):
            yield None, f"Nothing is kept of how “{run.title}” was made. Leave it out, or summarize the text again."
            continue
        below = [one for one in nodes if one.level == last.level - 1]
        options = SummaryOptions.from_mapping(run.options)
        reader = _Reader(int(last.record.get("context_length") or 0))
        asked = tuple(Planner(reader, runs.documents(run_id), options).prompt(last, below))
        reply = Turn("assistant", run.text)
        yield Sample("chat", 0, (*asked, reply), (*(False for _ in asked), True), group=run_id), ""


def _glossary(options: TranslationOptions, memory: Memory) -> Glossary:
    """The terms that a translation was made with, as far as they are still kept."""
    try:
        chosen = memory.glossaries(options.glossaries) if options.glossaries else []
    except MissingError:
        chosen = []
    return Glossary((Term(**one) for each in chosen for one in each.terms), options.source, options.target)


class _Reader:
    """Stands for the model that made a summary: how much it could read decides how long the summary was to be."""

    def __init__(self, context: int) -> None:
        self.info = ModelInfo(model="", engine="", context_length=context)

    def count_tokens(self, turns: Sequence[Turn]) -> int:
        """Nearly; only the length of notes depends on it, and these are written already."""
        return sum(len(turn.content) for turn in turns) // 4
