"""A text cut into what a sequence-to-sequence model takes at one go, as tokens, told which languages it is about.

Knows tokenizers, no model.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from playground.engine.language_codes import known_code, language_pair
from playground.errors import ModelError
from playground.records import Turn

_SENTENCE = re.compile(
    r"(?<=[.!?…])(?<!\b[A-Za-z]\.)(?<!\b(?:Mr|Ms|Dr|St|No)\.)(?<!\bMrs\.)(?<!\bProf\.)\s+(?=[^\W_a-z]|[\"'“‘«¿¡(])"
    r"|(?<=[。！？])\s*(?=\S)"
)
"""Between two sentences of a line."""


@dataclass(frozen=True)
class Source:
    """A part of the text that the model rewrites at one go, as its tokens; no tokens: nothing to rewrite."""

    before: str
    """Text to show ahead of its translation: line break and indent."""
    source: tuple[str, ...] = ()
    prefix: tuple[str, ...] = ()
    """What its translation must begin with: the language's token, and a half translation."""
    forced: int = 0
    """How many of the prefix are not text."""


class Cutter:
    """Cuts texts for one model."""

    def __init__(self, tokenizer: Any, family: str, languages: Mapping[str, str]) -> None:
        """`languages` are the codes it tells languages by, and their tokens."""
        self._tokenizer: Any = tokenizer
        self._family = family
        self._languages = languages
        self._encoding = threading.Lock()
        """The languages are a state of the tokenizer."""

    def encoded(self, texts: Sequence[str], languages: tuple[str, str]) -> tuple[list[list[str]], list[str]]:
        """The tokens of each text, uncut, and what each result begins with. Raises ModelError."""
        with self._encoding:
            head, prefix = self._set_languages(languages)
            ids = self._tokenizer([head + text for text in texts])["input_ids"] if texts else []
            return [self._tokenizer.convert_ids_to_tokens(one) for one in ids], prefix

    def sources(self, turns: Sequence[Turn]) -> list[Source]:
        """The last turn of the user, in pieces. Raises ModelError for languages that the model does not know."""
        text = next((turn.content for turn in reversed(turns) if turn.role == "user"), "")
        pair = next((found for turn in turns if turn.role == "system" if (found := language_pair(turn.content))), None)
        lines = [text] if self._family == "t5" else text.split("\n")
        begun = turns[-1].content if turns and turns[-1].role == "assistant" else ""
        done = begun.split("\n") if begun and self._family != "t5" else [begun]
        made = []
        with self._encoding:
            head, forced = self._set_languages(pair)
            for at, line in enumerate(lines[len(done) - 1 :]):
                words = line.strip()
                begin = done[-1].strip() if at == 0 else ""
                before = ("\n" if at else "") + ("" if begin else line[: len(line) - len(line.lstrip())])
                if not words:
                    made.append(Source(before))
                    continue
                # These models were made for single sentences, and leave out what follows the first. A half line that
                # goes on stays whole: nobody knows which sentence it has come to.
                whole = begin or self._family == "t5" or words.startswith(">>")
                for number, sentence in enumerate([words] if whole else _SENTENCE.split(words)):
                    made.append(self._segment(" " if number else before, head + sentence, begin, forced))
        return made

    def _segment(self, before: str, text: str, begin: str, forced: Sequence[str]) -> Source:
        source = self._tokenizer.convert_ids_to_tokens(self._tokenizer(text)["input_ids"])
        prefix = list(forced)
        if begin:
            begun_ids = self._tokenizer(text_target=begin, add_special_tokens=False)["input_ids"]
            prefix += self._tokenizer.convert_ids_to_tokens(begun_ids)
        return Source(before, tuple(source), tuple(prefix), len(forced))

    def _set_languages(self, pair: tuple[str, str] | None) -> tuple[str, list[str]]:
        """Tell the tokenizer; return what goes before each source text, and the tokens each translation begins with."""
        if not self._languages:
            return "", []
        in_text = self._family in ("marian", "madlad")
        if in_text and pair is not None:
            code = known_code(pair[1], self._languages)
            if code is None:
                raise self._unknown(pair[1])
            return f"{self._languages[code]} ", []
        if self._family == "marian":  # The user may have written the code into the text.
            return "", []
        if pair is None:
            raise ModelError(
                "This model translates between many languages and was not told which. Write the pair as the system "
                "prompt, for example: en > fr"
            )
        codes = [known_code(asked, self._languages) for asked in pair]
        if codes[0] is None or codes[1] is None:
            raise self._unknown(pair[0] if codes[0] is None else pair[1])
        self._tokenizer.src_lang = codes[0]
        return "", [self._languages[codes[1]]]

    def _unknown(self, asked: str) -> ModelError:
        some = ", ".join(sorted(self._languages)[:200])
        return ModelError(f"This model does not know the language {asked!r}. It knows: {some}.")
