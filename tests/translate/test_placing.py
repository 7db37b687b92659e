"""Tags go where the words went that they were around; each comes out once and nested, whatever a model wrote."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.translate.placing import Pair, placed
from playground.translate.tags import Tag, faults, marks, without


def same_words(source: str, target: str, *pairs: tuple[str, str]) -> list[Pair]:
    """Which word of the target stands for which of the source, by their first places."""
    found = [
        Pair(target.index(b), target.index(b) + len(b), source.index(a), source.index(a) + len(a)) for a, b in pairs
    ]
    return sorted(found, key=lambda pair: pair.start)


@pytest.mark.parametrize(
    ("source", "target", "pairs", "expected"),
    [
        ("a ⟨1⟩red⟨/1⟩ car", "une voiture rouge", [("car", "voiture"), ("red", "rouge")], "une voiture ⟨1⟩rouge⟨/1⟩"),
        ("Run ⟨1⟩ls -l⟨/1⟩ now", "Maintenant lancez ls -l", [], "Maintenant lancez ⟨1⟩ls -l⟨/1⟩"),
        ("⟨1⟩ls⟨/1⟩ and ⟨2⟩ls⟨/2⟩", "ls et ls", [], "⟨1⟩ls⟨/1⟩ et ⟨2⟩ls⟨/2⟩"),
        ("one⟨1/⟩two", "un deux", [("one", "un"), ("two", "deux")], "un ⟨1/⟩deux"),
        ("⟨1⟩the ⟨2⟩big⟨/2⟩ dog⟨/1⟩ ran", "le gros chien courut",
         [("the", "le"), ("big", "gros"), ("dog", "chien"), ("ran", "courut")],
         "⟨1⟩le ⟨2⟩gros⟨/2⟩ chien⟨/1⟩ courut"),
        ("see ⟨1⟩“Colours”⟨/1⟩.", "voir « Couleurs ».", [("see", "voir"), ("Colours", "Couleurs")],
         "voir ⟨1⟩« Couleurs »⟨/1⟩."),
        ("the ⟨1⟩vi⟨/1⟩ editor", "vient vi", [], "vient ⟨1⟩vi⟨/1⟩"),
        ("看⟨1⟩这里⟨/1⟩", "look here", [("这里", "here")], "look ⟨1⟩here⟨/1⟩"),
        ("look ⟨1⟩here⟨/1⟩", "看这里", [("here", "这里")], "看⟨1⟩这里⟨/1⟩"),
        # What the model left out is no reason for a link without words.
        ("the ⟨1⟩locale⟨/1⟩ value", "la valeur", [("the", "la")], "la ⟨1⟩valeur⟨/1⟩"),
        # Code chooses before code that stands in it.
        ("⟨1⟩less⟨/1⟩ or ⟨2⟩get less⟨/2⟩", "get less, less", [], "⟨2⟩get less⟨/2⟩, ⟨1⟩less⟨/1⟩"),
    ],
)  # fmt: skip
def test_tags_follow_their_words(source: str, target: str, pairs: list[tuple[str, str]], expected: str) -> None:
    assert placed(source, target, same_words(without(source), target, *pairs)) == expected


@st.composite
def tagged(draw: st.DrawFn) -> str:
    """A text with nested tags."""
    numbers = iter(range(1, 30))

    def part(depth: int) -> str:
        out = ""
        for _ in range(draw(st.integers(0, 3))):
            kind = draw(st.sampled_from(["words", "single", "pair"]))
            if kind == "words" or depth == 3:
                out += draw(st.text(alphabet="ab é,.“”", max_size=6))
            elif kind == "single":
                out += f"⟨{next(numbers)}/⟩"
            else:
                number = next(numbers)
                out += f"⟨{number}⟩{part(depth + 1)}⟨/{number}⟩"
        return out

    return part(0)


@given(source=tagged(), target=st.text(alphabet="ab éx,.“”« »", max_size=24), data=st.data())
def test_whatever_a_model_wrote_each_tag_is_there_once_and_nested(
    source: str, target: str, data: st.DataObject
) -> None:
    plain = without(source)
    ends = st.tuples(st.integers(0, len(target)), st.integers(0, len(target)), st.integers(0, len(plain)),
                     st.integers(0, len(plain)))  # fmt: skip
    drawn = data.draw(st.lists(ends, max_size=6))
    pairs = sorted((Pair(min(a, b), max(a, b), min(c, d), max(c, d)) for a, b, c, d in drawn), key=lambda p: p.start)
    made = placed(source, target, pairs)
    tags = [Tag(mark.number, "", single=mark.kind == "single") for mark in marks(source) if mark.kind != "close"]
    assert without(made) == target
    assert faults(made, tags) == []


def test_a_text_without_tags_is_left_alone() -> None:
    assert placed("a b", "c d", []) == "c d"
