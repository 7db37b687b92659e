"""Which tokens of a sample the model learns: what it would have to write itself in a reply, and nothing else.

A chat is rendered whole by the model's own template. A second rendering, with marks in its replies, tells where each
of them stands; without its marks it has to be the first one, letter by letter, or nothing is learned at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import Any

from playground.errors import BadValueError
from playground.records import Turn
from playground.time_limit import TEMPLATE_SECONDS, time_limit
from playground.tuning.samples import Sample

_THOUGHT = "</think>"
"""Templates cut off what stands before it, in earlier replies or in all."""


@dataclass(frozen=True)
class Encoded:
    """A sample as tokens, and which of them are learned."""

    input_ids: tuple[int, ...]
    learned: tuple[bool, ...]
    """Tokens under the loss, as many as `input_ids`."""
    offsets: tuple[tuple[int, int], ...]
    """Where each token stands in `text`; the halves of one letter stand in the same place."""
    text: str
    """What the tokens say, with all that the chat template adds."""


def encode(sample: Sample, tokenizer: Any) -> Encoded:
    """A chat or a text. Raises BadValueError when the tokenizer or its chat template cannot be used for it."""
    if sample.kind == "preference":
        raise ValueError("a preference becomes two: encode_pair")
    if sample.kind == "text":
        return encode_text(sample.text, tokenizer, ends=not sample.goes_on)
    return encode_chat(sample.messages, sample.learned, tokenizer)


def encode_text(text: str, tokenizer: Any, *, ends: bool = True) -> Encoded:
    """A text, all of it learned; where it `ends`, with the end that the model stops at."""
    ids, offsets = _tokens(text, tokenizer, special=True)
    if not ends and ids[-1:] == (tokenizer.eos_token_id,) and offsets[-1][0] == offsets[-1][1]:
        ids, offsets = ids[:-1], offsets[:-1]  # It stands for no word: the tokenizer ends all texts so.
    if ends and tokenizer.eos_token and ids[-1:] != (tokenizer.eos_token_id,):
        ids = (*ids, tokenizer.eos_token_id)
        offsets = (*offsets, (len(text), len(text) + len(tokenizer.eos_token)))
        text += tokenizer.eos_token
    return Encoded(ids, (True,) * len(ids), offsets, text)


def encode_pair(sample: Sample, tokenizer: Any) -> tuple[Encoded, Encoded]:
    """The better and the worse reply, each behind what was asked; their tokens before the first learned are the same.

    Raises BadValueError as `encode_chat` does.
    """
    learned = (*(False for _ in sample.messages), True)
    better, worse = (
        encode_chat((*sample.messages, Turn("assistant", reply)), learned, tokenizer)
        for reply in (sample.chosen, sample.rejected)
    )
    # A reply's first blanks may have grown together with the line end before it, in one of the two only.
    shared = min(better.learned.index(True), worse.learned.index(True))
    if better.input_ids[:shared] != worse.input_ids[:shared]:
        raise _untold()
    return _learned_from(shared, better), _learned_from(shared, worse)


def encode_chat(messages: Sequence[Turn], learned: Sequence[bool], tokenizer: Any) -> Encoded:
    """A conversation, with those replies under the loss that are `learned`: all that the model writes of them.

    That is what stands behind the prompt which the template writes for a reply, up to the token that ends it. Raises
    BadValueError when the template refuses the conversation, or changes it so that the replies are not found in it.
    """
    if not tokenizer.chat_template:
        raise BadValueError("This model has no chat template. Choose an instruct model, or train on text.")
    if messages and messages[0].role == "assistant":
        raise BadValueError("The conversation begins with a reply. Write before it what was asked.")
    template = _Template(messages, tokenizer)
    found = template.replies([number for number, one in enumerate(learned) if one])
    is_written = bytearray(len(template.text) + 1)
    for number, (first, last) in found.items():
        first, last = template.behind_prompt(number, first), template.behind_end(last)
        if first >= last:
            raise _untold()
        is_written[first:last] = b"\1" * (last - first)
    ids, offsets = _tokens(template.text, tokenizer)
    mask = (
        # A word that begins in the prompt and ends in the reply is written with the reply. A special token of the
        # prompt stays the prompt's, even if it swallows the blanks behind it.
        any(is_written[first:last]) and (is_written[first] or token not in template.added)
        for token, (first, last) in zip(ids, offsets, strict=True)
    )
    return Encoded(ids, tuple(map(bool, mask)), offsets, template.text)


class _Template:
    """A conversation as the model's template writes it."""

    def __init__(self, messages: Sequence[Turn], tokenizer: Any) -> None:
        self._messages = messages
        self._tokenizer = tokenizer
        added = tokenizer.get_added_vocab()
        self.added = frozenset(added.values())
        self._ends = {*tokenizer.all_special_tokens, *added}
        self.text = self._render(messages)

    def _render(self, messages: Sequence[Turn], prompt: bool = False) -> str:
        from jinja2 import TemplateError

        said = [{"role": one.role, "content": one.content} for one in messages]
        try:
            with time_limit(TEMPLATE_SECONDS):
                return str(self._tokenizer.apply_chat_template(said, tokenize=False, add_generation_prompt=prompt))
        except (TemplateError, ValueError, TypeError, TimeoutError) as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".!")
            raise BadValueError(
                f"The model's chat template refuses a conversation: {reason}. "
                "Take its system message out, let user and assistant take turns, or choose another model."
            ) from error

    def replies(self, numbers: Sequence[int]) -> dict[int, tuple[int, int]]:
        """Where what these messages say begins and ends in the text; blanks around it and thoughts may lie outside."""
        if not numbers:
            return {}
        marks = list(islice(self._spare(), 2 * len(numbers)))
        # Templates that strip blanks want them outside the marks.
        for blanks in ("within", "outside", "before"):
            marked = list(self._messages)
            for at, number in enumerate(numbers):
                content = _marked(marked[number].content, marks[2 * at], marks[2 * at + 1], blanks)
                marked[number] = Turn(marked[number].role, content)
            places = _places(self._render(marked), marks, self.text)
            if places is not None:
                return {number: (places[2 * at], places[2 * at + 1]) for at, number in enumerate(numbers)}
        raise _untold()

    def behind_prompt(self, number: int, content: int) -> int:
        """Where the prompt for this reply ends, which says something from `content` on."""
        prompt = self._render(self._messages[:number], prompt=True)
        if self.text.startswith(prompt):
            return len(prompt)
        # What was said before is written otherwise once more is said (a system message in the last question), or the
        # prompt has more than what stands before a reply (the tag of a thought). Then from the message before it on.
        (mark,) = islice(self._spare(), 1)
        before = self._messages[number - 1]
        marked = [*self._messages[: number - 1], Turn(before.role, _marked(before.content, "", mark, "outside"))]
        anchored = self._render(marked, prompt=True)
        here = _places(self._render([*marked, *self._messages[number:]]), [mark], self.text)
        there = _places(anchored, [mark], prompt)
        if here is None or there is None:
            raise _untold()
        rest = prompt[there[0] :]
        if self.text.startswith(rest, here[0]):
            return here[0] + len(rest)
        if here[0] <= content and rest.startswith(self.text[here[0] : content]):
            return content
        raise _untold()

    def behind_end(self, content: int) -> int:
        """Behind the token that ends a reply whose words end at `content`."""
        at = next((at for at in range(content, len(self.text)) if not self.text[at].isspace()), len(self.text))
        length = max((len(one) for one in self._ends if one and self.text.startswith(one, at)), default=0)
        if not length:
            raise BadValueError(
                "The model's chat template writes no token behind a reply, so the model would not learn to stop. "
                "Choose another model, or train on text."
            )
        return at + length

    def _spare(self) -> Iterator[str]:
        """Letters that nobody uses: those for private use that are not in the text."""
        used = set(self.text).union(*(one.content for one in self._messages), str(self._tokenizer.chat_template))
        codes = chain(range(0xE000, 0xF900), range(0xF0000, 0xFFFFE), range(0x100000, 0x10FFFE))
        return (chr(code) for code in codes if chr(code) not in used)


def _marked(content: str, front: str, back: str, blanks: str) -> str:
    """What is said, between marks, behind its thought; where the blanks around it stand as seen from the marks.

    With "before", a message that is nothing but blanks has them before its marks, not behind.
    """
    cut = content.rfind(_THOUGHT)
    behind = cut + len(_THOUGHT) if cut >= 0 else 0
    thought, said = content[:behind], content[behind:]
    core = said if blanks == "within" else said.strip()
    at = said.index(core) if core or blanks != "before" else len(said)
    return f"{thought}{said[:at]}{front}{core}{back}{said[at + len(core) :]}"


def _places(marked: str, marks: Sequence[str], text: str) -> list[int] | None:
    """Where in `text` the marks stand; None unless `marked` is `text` with each of them once, and in this order."""
    found = list(re.finditer(f"[{''.join(marks)}]", marked))
    if [one.group() for one in found] != list(marks) or marked.translate({ord(mark): None for mark in marks}) != text:
        return None
    return [one.start() - before for before, one in enumerate(found)]


def _untold() -> BadValueError:
    return BadValueError(
        "The model's chat template changes replies so that it cannot be told what of them is learned. "
        "Choose another model, or train on text."
    )


def _learned_from(first: int, one: Encoded) -> Encoded:
    until = one.learned.index(True)
    return replace(one, learned=one.learned[:first] + (True,) * (until - first) + one.learned[until:])


def _tokens(text: str, tokenizer: Any, special: bool = False) -> tuple[tuple[int, ...], tuple[tuple[int, int], ...]]:
    """The tokens of a whole text, and where they stand; with `special` also those that the tokenizer puts around it."""
    if not tokenizer.is_fast:
        raise BadValueError(
            "The model's tokenizer does not say where its tokens stand in a text, so replies cannot be told from "
            "questions. Choose another model."
        )
    # Not verbose: it would warn of texts that are longer than what the model reads, which is seen to elsewhere.
    found = tokenizer(text, add_special_tokens=special, return_offsets_mapping=True, verbose=False)
    ids, offsets = found["input_ids"], found["offset_mapping"]
    whole: list[tuple[int, int]] = []
    behind = 0
    for token, (first, last), (after, _) in zip(ids, offsets, [*offsets[1:], (len(text), 0)], strict=True):
        if after > last:
            # Some tokenizers leave blanks out of the places of their tokens; those at a token's end are its own.
            word = str(tokenizer.convert_ids_to_tokens(token))
            kept = word.rstrip("Ġ")
            last = min(last + len(word) - len(kept), after) if kept else last
        whole.append((min(first, behind), last))
        behind = max(behind, last)
    return tuple(int(token) for token in ids), tuple(whole)
