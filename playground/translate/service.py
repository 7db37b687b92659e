"""What one can do with translations: collect files, start, stop, go on, correct, remember. Knows no page."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

from playground.engine.manager import ModelManager
from playground.errors import BadValueError, MissingError
from playground.jobs import JobService, title_for
from playground.languages import NAMES
from playground.overview import LocalModel, title_of
from playground.store.memory import Memory
from playground.store.translation_values import SourceFile, StoredSegment, Translation, Unit
from playground.store.translations import Translations
from playground.translate.files import stays, template_of
from playground.translate.formats.base import Segment
from playground.translate.glossary import Glossary, Term
from playground.translate.job import TranslationJob
from playground.translate.judging import doubts_of
from playground.translate.live import LiveTranslation
from playground.translate.matches import Match, Matches
from playground.translate.options import TranslationOptions
from playground.translate.tags import faults
from playground.translate.ways import Way, ways, with_model

_NOTHING = "There is nothing to translate. Add a file, or paste a text."
_PARSED = 4
"""Translations whose files are kept taken apart."""
log = logging.getLogger(__name__)
_KEPT_GLOSSARIES = 8


class TranslationService(JobService[TranslationJob]):
    """The one way in and the one way out for translations."""

    def __init__(
        self,
        store: Translations,
        memory: Memory,
        manager: ModelManager,
        models: Callable[[], Sequence[LocalModel]],
        place: Path,
    ) -> None:
        """`models` are those of this machine; `place` is a folder for locks of runs against other processes."""
        super().__init__()
        self.store = store
        self._glossaries: dict[tuple[tuple[str, ...], str, str], Glossary] = {}
        self.memory = memory
        self.manager = manager
        self.models = models
        self._place = place
        self._known: dict[tuple[str, str], tuple[float, Matches]] = {}
        self._parsed: dict[str, list[Sequence[Segment]]] = {}

    def collect(self, run_id: str, file: SourceFile) -> str:
        """Put a file to a draft, "" being a new one; returns the draft's id."""
        if run_id:
            self.store.add_file(run_id, file)
        else:
            run_id = self.store.add(file.name, {}, [file])
        self.announce(run_id)
        return run_id

    def start(self, files: Sequence[SourceFile], options: TranslationOptions, *, title: str = "") -> str:
        """Begin to translate `files`; returns the id."""
        if not files:
            raise BadValueError(_NOTHING)
        self.way(source_of(files, options), options)  # What cannot be done leaves nothing behind.
        run_id = self.store.add(title, options.to_dict(), files)
        self.begin(run_id, options, title=title)
        return run_id

    def begin(self, run_id: str, options: TranslationOptions, *, title: str = "") -> None:
        """Begin to translate what a draft has collected."""
        files = self.store.files(run_id)
        if not files:
            raise BadValueError(_NOTHING)
        source = source_of(files, options)
        options = replace(options, source=source)
        way = self.way(source, options)
        glossary, matches = self.glossary(options), self.matches(options)
        segments = [
            one for number, file in enumerate(files) for one in _planned(number, file, options, glossary, matches)
        ]
        steps = [asdict(step) for step in way.steps]
        named = title_for(title, self.store.get(run_id).title, [file.name for file in files])
        self.store.start(run_id, named, options.to_dict(), steps, files, segments)
        self._begin(run_id)

    def way(self, source: str, options: TranslationOptions) -> Way:
        """How to get from `source` to the target. Raises MissingError when nothing on this machine can do it."""
        names = f"{NAMES[source][0]} to {NAMES[options.target][0]}"
        if options.model:
            found = with_model(options.model, source, options.target, self.models())
            if found is None:
                raise BadValueError(
                    f"{title_of(options.model)} does not translate from {names}. Choose another model, or none."
                )
            return found
        all_ways = ways(source, options.target, self.models(), self.manager.chosen)
        if not all_ways:
            raise MissingError(f"No model here translates from {names}. Get one in the Models tab.")
        return all_ways[0]

    def glossary(self, options: TranslationOptions) -> Glossary:
        """The terms of all chosen glossaries. A long one takes a second to be made, so the last ones are kept."""
        key = options.glossaries, options.source, options.target
        if key not in self._glossaries:
            chosen = self.memory.glossaries(options.glossaries) if options.glossaries else []
            made = Glossary((Term(**one) for each in chosen for one in each.terms), options.source, options.target)
            if len(self._glossaries) >= _KEPT_GLOSSARIES:
                self._glossaries.clear()
            self._glossaries[key] = made
        return self._glossaries[key]

    def matches(self, options: TranslationOptions) -> Matches:
        """What the memory has for the pair; nothing when it is not wanted."""
        if not options.memory:
            return Matches(())
        pair, at = (options.source, options.target), self.memory.newest()
        known = self._known.get(pair)
        if known is None or known[0] != at:  # Whoever walks from segment to segment asks each time.
            known = self._known[pair] = at, Matches(self.memory.units(*pair))
        return known[1]

    def resume(self, run_id: str) -> None:
        """Go on with a translation that was stopped, killed or failed; failed segments are tried again."""
        if self.live(run_id) is not None:
            return
        self.store.again(run_id)
        self._begin(run_id)

    def resume_all(self) -> None:
        """Go on with what was being written when the app ended."""
        self._go_on([run.id for run in self.store.list(10_000) if run.status == "running"], self._begin)

    def live(self, run_id: str) -> LiveTranslation | None:
        """The state of a translation that is being written here, else None."""
        job = self._at_work(run_id)
        return job.live() if job is not None else None

    def wait(self, run_id: str) -> Translation:
        """Return when the work has ended, and how."""
        self._wait(run_id)
        return self.store.get(run_id)

    def write(
        self, run_id: str, document: int, position: int, text: str, *, confirm: bool, base: str | None = None
    ) -> StoredSegment:
        """Keep what a person wrote for a segment; confirmed, it goes into the memory. Returns it with its doubts.

        `base` is the text that they saw. Raises BadValueError when its tags do not fit the file, and BusyError when
        somebody else wrote there meanwhile.
        """
        text = text.encode("utf-8", "replace").decode()  # Half a character, which a page may send.
        run = self.store.get(run_id)
        options = TranslationOptions.from_mapping(run.options)
        one = self.store.segment(run_id, document, position)
        tags = self.parsed(run_id)[document][position].tags
        if said := faults(text, tags):
            raise BadValueError(
                f"The text cannot be written into the file. {' '.join(said)} Put them right, then confirm."
            )
        pair = options.source, options.target
        doubts = doubts_of(one.source, text, pair, tags, self.glossary(options))
        self.store.write(run_id, document, position, text, doubts, confirm, base)
        if confirm and text.strip():
            self.memory.keep([Unit(0, *pair, one.source, text, one.context, run.title, 0.0, 0.0)])
        self.announce(run_id)
        return self.store.segment(run_id, document, position)

    def like(self, run_id: str, document: int, position: int) -> list[Match]:
        """What the memory has that is like a segment."""
        options = TranslationOptions.from_mapping(self.store.get(run_id).options)
        return self.matches(replace(options, memory=True)).like(self.store.segment(run_id, document, position).source)

    def parsed(self, run_id: str) -> list[Sequence[Segment]]:
        """The segments of each file of a translation that was begun, with their tags."""
        found = self._parsed.get(run_id)
        if found is None:  # The files never change again; a large one takes a second to be taken apart.
            found = [template_of(file).segments for file in self.store.files(run_id)]
            self._parsed = dict([*self._parsed.items(), (run_id, found)][-_PARSED:])
        return found

    def output(self, run_id: str, document: int) -> bytes:
        """The translated file as it stands; what is not translated yet, or failed, is in the source's language."""
        file = self.store.files(run_id)[document]
        made = [one for one in self.store.segments(run_id) if one.document == document]
        return template_of(file).write([one.text if one.status == "done" else one.source for one in made])

    def _begin(self, run_id: str) -> None:
        run = self.store.get(run_id)
        if run.deleted_at is not None:
            raise MissingError("This translation is in the trash. Restore it, then go on.")
        options = TranslationOptions.from_mapping(run.options)
        told = partial(self.announce, run_id)
        glossary, matches = self.glossary(options), self.matches(options)
        self._set_to_work(TranslationJob(run, self.store, self.manager, glossary, matches, self._place, told))


def source_of(files: Sequence[SourceFile], options: TranslationOptions) -> str:
    """The language that the files are in. Raises BadValueError when that is not clear, or is the target."""
    if options.source:
        return options.source
    found = {file.language: file.name for file in files}
    if len(found) > 1:
        said = "; ".join(
            f"{name} seems to be in {NAMES[code][0] if code in NAMES else 'no language that is known'}"
            for code, name in found.items()
        )
        raise BadValueError(
            f"The files are in several languages: {said}. Translate them one by one, or choose the language."
        )
    code = next(iter(found))
    if code not in NAMES:
        raise BadValueError("The language of the text cannot be told. Choose it.")
    if code == options.target:
        raise BadValueError(f"The text seems to be in {NAMES[code][0]} already. Choose another language.")
    return code


def _planned(
    number: int, file: SourceFile, options: TranslationOptions, glossary: Glossary, matches: Matches
) -> list[StoredSegment]:
    """The segments of a file: what needs no model is done at once."""
    planned = []
    for position, segment in enumerate(template_of(file).segments):
        one = StoredSegment(number, position, segment.text, segment.context)
        known = matches.exact(segment.text)
        if stays(segment.text, options.source, options.target):
            one = replace(one, status="done", text=segment.text, origin="copied")
        elif known is not None and not faults(known.target, segment.tags):
            pair = options.source, options.target
            doubts = doubts_of(segment.text, known.target, pair, segment.tags, glossary)
            one = replace(one, status="done", text=known.target, origin="memory", score=1.0, doubts=doubts)
        planned.append(one)
    return planned
