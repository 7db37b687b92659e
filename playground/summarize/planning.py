"""Which calls a summary takes: the parts of its documents, then rows of notes, until one call can say it all.

Every size is counted by the model's own tokenizer, with the whole prompt around the text. Nothing is written here.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from playground.context import Reader
from playground.errors import BadValueError
from playground.languages import count_words
from playground.records import Turn
from playground.store.run_values import Node, RunDocument, Step
from playground.summarize.instructions import (
    instruction,
    note_words,
    tokens_for,
    turns,
    wanted_words,
    words_in,
)
from playground.summarize.options import SummaryOptions
from playground.summarize.splitting import Break, breaks_of, split
from playground.summarize.stretches import stretches, words_to_read

PART_TOKENS = 2000
"""Of a document that are read at one go: more of them are read less carefully by small models, and wait longer."""
_AT_ONCE = 2 * PART_TOKENS
"""Of all documents together that are read in one call, where they fit: a model of 135M wrote nonsense about 6,000."""
_LEAST = 96
"""Tokens that have to be left for a text beside the instruction and the answer: a sentence."""
_PER_TOKEN = 32
"""No tokenizer packs so many characters into a token on average: what is longer need not be counted."""
_FEWER = 10
"""How often shorter than asked for a text may be."""
_GAP = "\n\n"


@dataclass(frozen=True)
class Sizes:
    """How long texts are to be, in words of the summary's language."""

    language: str
    summary: int
    note: int
    """Of one part."""
    merged: int
    """Of several notes put together."""


class Planner:
    """Plans for one model and one set of documents."""

    def __init__(self, engine: Reader, documents: Sequence[RunDocument], options: SummaryOptions) -> None:
        """`engine` is needed for what counts, that is for `parts` and `above`; see `counting`."""
        self._engine = engine
        self._info = engine.info
        self._documents = documents
        self._options = options
        language = options.language or next((one.language for one in documents if one.language), "")
        words = words_to_read(documents, options.pages)
        # Whatever is written takes its room from what is read: in a small context texts are shorter.
        context = engine.info.context_length
        summary, most = wanted_words(options, words), words_in(context // 4, language)
        if options.words is None and options.share is None:
            summary = min(summary, words_in(context // 3, language))
        # How long notes are depends on how many parts there will be; this is a guess that never changes.
        read = (end - start for one in documents for start, end, wanted in stretches(one, options.pages) if wanted)
        tokens = sum(read) / self._per_token()
        note = min(most, note_words(summary, round(tokens / PART_TOKENS)))
        self.sizes = Sizes(language, summary, note, min(most, 2 * note))

    def counting(self, engine: Reader) -> Planner:
        """This planner, with a model that is held now."""
        self._engine = engine
        return self

    def parts(self) -> list[Node]:
        """The nodes of level 0. Raises BadValueError when the model's context is too small for anything."""
        if self._options.mode == "map_reduce" and not self._options.pages and self._all_at_once():
            return [Node(0, 0, "whole", None, 0, len(self._documents))]
        step: Step = "part" if self._options.mode == "map_reduce" else "refine"
        budget = self._budget(step)
        count = self._counter(step)
        target = count("") + PART_TOKENS
        nodes: list[Node] = []
        for number, document in enumerate(self._documents):
            places = breaks_of(document.text, document.blocks, document.language)
            for start, end, wanted in stretches(document, self._options.pages):
                if not wanted:
                    nodes.append(Node(0, len(nodes), step, number, start, end, "skipped"))
                    continue
                inside = [Break(one.at - start, one.rank) for one in places if start < one.at <= end]
                for span in split(document.text[start:end], inside, count, budget, target):
                    nodes.append(Node(0, len(nodes), step, number, start + span.start, start + span.end))
        return nodes

    def above(self, below: Sequence[Node]) -> list[Node]:
        """The nodes of the next level, over those `below`; empty when there is nothing to be put together any more."""
        level = below[0].level + 1
        if below[-1].step in ("whole", "final"):
            return []
        if not any(one.text for one in below):
            raise BadValueError("No part could be read, so there is nothing to summarize. Choose another model.")
        if self._options.mode == "refine":  # The last one holds what those before it told.
            last = max(at for at, one in enumerate(below) if one.text)
            return [Node(level, 0, "final", None, last, last + 1)]
        if self._fits("final", below):
            return [Node(level, 0, "final", None, 0, len(below))]
        groups = self._groups(below)
        if len(groups) == len(below):
            raise self._too_small(self._info.context_length)
        return [Node(level, at, "merge", None, first, last) for at, (first, last) in enumerate(groups)]

    def prompt(self, node: Node, below: Sequence[Node]) -> Sequence[Turn]:
        """What the model is given for a node; `below` are the nodes of the level under it, or before it (refine)."""
        if node.step == "whole":
            return self._turns("whole", self._joined())
        if node.level:
            return self._turns(node.step, self._notes(below[node.first : node.last]))
        assert node.document is not None
        text = self._documents[node.document].text[node.first : node.last]
        if node.step == "refine":
            before = next((one.text for one in reversed(below[: node.position]) if one.text), "")
            return self._turns("refine", f"{before}{_GAP}{text.strip()}") if before else self._turns("part", text)
        return self._turns("part", text)

    def words(self, node: Node) -> int:
        """How long the text of a node is to be."""
        return self._words_of(node.step)

    def least_words(self, node: Node, prompt: Sequence[Turn]) -> int:
        """What a text of a node has to have at least, to be one: "How can I help you?" is no summary of a book."""
        if node.step == "part":  # Of a part there may be little to say.
            return 0
        return min(self.words(node), count_words(prompt[-1].content, self.sizes.language)) // _FEWER

    def max_new_tokens(self, node: Node) -> int:
        """The most tokens that the text of a node may take."""
        return tokens_for(self.words(node), self.sizes.language)

    def _words_of(self, step: Step) -> int:
        sizes = self.sizes
        if step in ("whole", "final"):
            return sizes.summary
        return {"merge": sizes.merged, "refine": max(sizes.note, sizes.summary)}.get(step, sizes.note)

    def _per_token(self) -> float:
        sample = "".join(one.text[:4000] for one in self._documents[:4])
        return max(0.2, len(sample) / max(1, self._engine.count_tokens([Turn("user", sample)])))

    def _all_at_once(self) -> bool:
        length = sum(len(one.text) for one in self._documents)
        if length > _PER_TOKEN * self._info.context_length:
            return False
        room = self._info.context_length - tokens_for(self.sizes.summary, self.sizes.language)
        room = min(room, self._counter("whole")("") + _AT_ONCE)
        return self._counter("whole")(self._joined()) <= room

    def _budget(self, step: Step) -> int:
        """The most tokens of a prompt at this step."""
        context = self._info.context_length
        budget = context - tokens_for(self._words_of(step), self.sizes.language)
        if budget - self._counter(step)("") < _LEAST:
            raise self._too_small(context)
        return budget

    def _too_small(self, context: int) -> BadValueError:
        return BadValueError(
            f"The model reads {context:,} tokens at once, too few for a sentence beside the instruction and the "
            "answer. Load it with a larger context, ask for a shorter summary, or choose another model."
        )

    def _counter(self, step: Step) -> Callable[[str], int]:
        if step != "refine":
            return lambda text: self._engine.count_tokens(self._turns(step, text))
        # The summary so far takes its room in each prompt, whatever it will say.
        beside = tokens_for(self._words_of("refine"), self.sizes.language)
        return lambda text: self._engine.count_tokens(self._turns("refine", text)) + beside

    def _fits(self, step: Step, below: Sequence[Node]) -> bool:
        count = self._engine.count_tokens(self._turns(step, self._notes(below)))
        return count <= self._info.context_length - tokens_for(self._words_of(step), self.sizes.language)

    def _groups(self, below: Sequence[Node]) -> list[tuple[int, int]]:
        """Rows of notes that fit into one prompt each, as few and as even as may be."""
        for wanted in range(2, len(below) + 1):
            ends = [round(len(below) * n / wanted) for n in range(wanted + 1)]
            groups = [(first, last) for first, last in itertools.pairwise(ends) if last > first]
            if all(self._fits("merge", below[first:last]) for first, last in groups):
                return groups
        return [(at, at + 1) for at in range(len(below))]

    def _joined(self) -> str:
        texts = [one.text.strip() for one in self._documents]
        if len(texts) == 1:
            return texts[0]
        return _GAP.join(f"[{one.name}]\n{text}" for one, text in zip(self._documents, texts, strict=True))

    def _notes(self, below: Sequence[Node]) -> str:
        """Notes in their order, each under its document's name where there are several."""
        parts, named = [], -1
        for one in below:
            if not one.text:
                continue
            if len(self._documents) > 1 and one.document is not None and one.document != named:
                named = one.document
                parts.append(f"[{self._documents[named].name}]")
            parts.append(one.text)
        return _GAP.join(parts)

    def _turns(self, step: Step, text: str) -> Sequence[Turn]:
        told = instruction(step, self._options, self._words_of(step), self.sizes.language)
        return turns(self._info.capabilities.kind, told, text)
