"""Gives out the scores of tokens together with the text that came of them. Knows no engine."""

from __future__ import annotations

from dataclasses import replace

from playground.records import TokenScore


class Told:
    """Takes tokens as they are drawn, and text as it is shown, which comes later, or never behind a stop string."""

    def __init__(self) -> None:
        self._held: list[TokenScore] = []
        self._text = ""
        """What was shown of them."""

    def push(self, *scores: TokenScore) -> None:
        """Take the next tokens."""
        self._held += scores

    def shown(self, text: str) -> tuple[TokenScore, ...]:
        """`text` is shown now; the tokens that it completes. Those without text wait for one that has some."""
        self._text += text
        count = used = length = 0
        for at, score in enumerate(self._held, 1):
            length += len(score.text)
            if length > len(self._text):
                break
            if score.text:
                count, used = at, length
        given, self._held, self._text = self._held[:count], self._held[count:], self._text[used:]
        return tuple(given)

    def last(self, text: str) -> tuple[TokenScore, ...]:
        """`text` is the end; all tokens that are left, with what was shown of them."""
        self._text += text
        given = []
        for score in self._held:
            part, self._text = self._text[: len(score.text)], self._text[len(score.text) :]
            given.append(replace(score, text=part))
        if given and self._text:  # It became certain only because nothing came after it.
            given[-1] = replace(given[-1], text=given[-1].text + self._text)
        self._held, self._text = [], ""
        return tuple(given)
