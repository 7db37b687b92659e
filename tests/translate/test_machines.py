"""What is made of a model's words: the way that lacks nothing, terms put in, tags and code kept, one text for each."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.engine.lease import LeaseCancelled
from playground.engine.rewriting import Link, Rewriting
from playground.translate.demands import demands_on, exchanged, inflected, mended
from playground.translate.glossary import Glossary, Term
from playground.translate.machine import Draft, Order
from playground.translate.prompting import PromptingMachine, cleaned, prompt
from playground.translate.rewriting import RewritingMachine
from playground.translate.tags import Tag, faults, marks, without
from tests.translate.scripted import lease

NONE = Glossary((), "en", "fr")
TERMS = Glossary(
    [Term("shell", "interpréteur"), Term("Debian", "Debian"), Term("hard link", "lien physique")], "en", "fr"
)


def text_of(draft: Draft | str) -> str:
    assert isinstance(draft, Draft), draft
    return draft.text


def rewritten(text: str, ways: dict[str, list[str]], glossary: Glossary = NONE, kept: tuple[int, ...] = ()) -> str:
    machine = RewritingMachine(lease(ways)[0], ("en", "fr"))
    return text_of(machine.translate([Order(text, kept)], glossary, threading.Event())[0])


# ---- models made for translation -------------------------------------------------------------------------------------


def test_sentences_go_one_by_one_and_what_is_between_them_stays() -> None:
    ways = {"One cat.": ["Un chat."], "Two dogs.": ["Deux chiens."], "Three.": ["Trois."]}
    assert rewritten("One cat. Two dogs.\nThree.", ways) == "Un chat. Deux chiens.\nTrois."


def test_of_the_ways_that_one_is_taken_in_which_nothing_is_missing() -> None:
    ways = {"Run %s now.": ["Lancez %S.", "Lancez %s maintenant."]}
    assert rewritten("Run %s now.", ways) == "Lancez %s maintenant."


def test_what_every_way_lost_is_put_where_its_words_stand() -> None:
    assert rewritten("Open /etc/fstab now", {"Open /etc/fstab now": ["Ouvrez fstab maintenant"]}) == (
        "Ouvrez /etc/fstab maintenant"
    )


def test_of_the_same_code_several_times_the_lost_one_is_put_back() -> None:
    source, kept = "⟨1⟩ls⟨/1⟩ calls ⟨2⟩ls⟨/2⟩ here", (1, 2)
    assert rewritten(source, {"ls calls ls here": ["ls appelle l ici"]}, kept=kept) == (
        "⟨1⟩ls⟨/1⟩ appelle ⟨2⟩ls⟨/2⟩ ici"
    )


@pytest.mark.parametrize(
    ("source", "plain", "said", "made"),
    [
        ("⟨1⟩ls ⟨/1⟩calls ⟨2⟩ls⟨/2⟩", "ls calls ls", "ls appelle l", "⟨1⟩ls⟨/1⟩ appelle ⟨2⟩ls⟨/2⟩"),
        ("⟨1⟩less⟨/1⟩ or ⟨2⟩get less⟨/2⟩", "less or get less", "Less ou get less", "⟨1⟩less⟨/1⟩ ou ⟨2⟩get less⟨/2⟩"),
        ("⟨1⟩get less⟨/1⟩, ⟨2⟩less⟨/2⟩", "get less, less", "get less, moins", "⟨1⟩get less⟨/1⟩, ⟨2⟩less⟨/2⟩"),
    ],
    ids=["blanks at its end", "within a longer one behind", "within a longer one before"],
)
def test_code_that_stands_in_other_code_is_there_for_itself_too(source: str, plain: str, said: str, made: str) -> None:
    assert rewritten(source, {plain: [said]}, kept=(1, 2)) == made


def test_a_term_is_put_into_the_source_when_the_model_says_another_word() -> None:
    ways = {"The shell runs.": ["La coquille tourne."], "The interpréteur runs.": ["L'interpréteur tourne."]}
    assert rewritten("The shell runs.", ways, TERMS) == "L'interpréteur tourne."


def test_a_term_that_is_still_missing_takes_the_place_of_its_words() -> None:
    ways = {"The shell runs.": ["La coquille tourne."], "The interpréteur runs.": ["La coquille tourne."]}
    assert rewritten("The shell runs.", ways, TERMS) == "La interpréteur tourne."


def test_text_without_letters_is_not_sent_and_the_same_sentence_once() -> None:
    made, asked = lease({})
    machine = RewritingMachine(made, ("en", "fr"))
    machine.translate([Order("Yes."), Order("1.2.3"), Order("Yes.")], NONE, threading.Event())
    assert asked.asked == ["Yes."]


def test_a_sentence_of_5000_words_comes_back_whole() -> None:
    words = " ".join(f"word{n}," for n in range(5000))
    made, asked = lease({})
    machine = RewritingMachine(made, ("en", "fr"))
    assert text_of(machine.translate([Order(words)], NONE, threading.Event())[0]) == words
    assert len(asked.asked) > 20
    assert max(len(text.split()) for text in asked.asked) <= 300


def test_into_chinese_sentences_follow_without_blanks() -> None:
    machine = RewritingMachine(lease({"One.": ["一。"], "Two.": ["二。"]})[0], ("en", "zh"))
    assert text_of(machine.translate([Order("One. Two.")], NONE, threading.Event())[0]) == "一。二。"


def test_one_sentence_has_other_ways_two_have_none() -> None:
    machine = RewritingMachine(lease({"A cat.": ["Un chat.", "Le chat."]})[0], ("en", "fr"))
    one, two = machine.translate([Order("A cat."), Order("A cat. A cat.")], NONE, threading.Event())
    assert isinstance(one, Draft)
    assert isinstance(two, Draft)
    assert (one.others, two.others) == (("Le chat.",), ())


def test_a_stop_ends_it_before_the_next_batch() -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(LeaseCancelled):
        RewritingMachine(lease({})[0], ("en", "fr")).translate([Order("A.")], NONE, stop)


@given(st.text(alphabet="ab ⟨⟩/12.\n%s", max_size=40), st.lists(st.text(alphabet="ab 1.", max_size=20), max_size=4))
def test_whatever_the_model_says_each_order_has_one_answer_with_its_tags(text: str, ways: list[str]) -> None:
    known = [mark for mark in marks(text) if mark.kind != "close"]
    tags = [Tag(mark.number, "", single=mark.kind == "single") for mark in known]
    if faults(text, tags) or not text.strip():
        return
    made = {without(text).strip(): ways or ["a"]}
    (draft,) = RewritingMachine(lease(made)[0], ("en", "fr")).translate([Order(text.strip())], NONE, threading.Event())
    assert isinstance(draft, str) or faults(draft.text, tags) == []


@pytest.mark.parametrize(
    ("source", "target", "said", "wanted"),
    [
        ("hard link", "lien physique", "hard links", "liens physiques"),
        ("package", "paquet", "packages", "paquets"),
        ("command line", "ligne de commande", "command lines", "lignes de commande"),
        ("kernel", "noyau", "kernel", "noyau"),
        ("kernel", "noyau", "kernels", "noyau"),
        ("network", "réseau", "networks", "réseau"),
        ("Debian", "Debian", "Debian", "Debian"),
    ],
)
def test_a_term_in_the_plural_is_demanded_in_the_plural(source: str, target: str, said: str, wanted: str) -> None:
    assert inflected(Term(source, target), said, "en", "fr") == wanted


@pytest.mark.parametrize(
    ("target", "language", "wanted"),
    [
        ("servidor", "es", "servidor"),
        ("puerta", "es", "puertas"),
        ("función", "es", "función"),
        ("policy", "en", "policies"),
        ("box", "en", "boxes"),
        ("Rechner", "de", "Rechner"),
    ],
)
def test_no_plural_is_made_up(target: str, language: str, wanted: str) -> None:
    assert inflected(Term("term", target), "terms", "en" if language != "en" else "fr", language) == wanted


def test_what_stands_between_two_stray_links_is_not_replaced() -> None:
    links = (Link(0, 3, 0, 3), Link(12, 17, 4, 9), Link(32, 38, 4, 9))
    way = Rewriting("The big red house that my uncle stands near the river.", 0.0, 9, links)
    demand = demands_on("The Gebäude.", Glossary([Term("Gebäude", "building")], "de", "en"))[0]
    made = mended(way, [replace(demand, start=4, end=9)], [replace(demand, start=4, end=9)]).text
    assert "that my uncle" in made
    assert "building" in made


def test_code_comes_before_terms() -> None:
    demands = demands_on("the shell in shell", TERMS, [(13, 18)])
    assert [(one.wanted, one.term is None) for one in demands] == [("interpréteur", False), ("shell", True)]
    assert exchanged("The shell", demands_on("The shell", TERMS))[0] == "The interpréteur"


# ---- chat models -----------------------------------------------------------------------------------------------------


def chat(answers: list[str], text: str, glossary: Glossary = NONE) -> tuple[Draft | str, list[str]]:
    given = iter(answers)
    made, asked = lease(None, lambda said, sampling: next(given))
    machine = PromptingMachine(made, ("en", "fr"))
    return machine.translate([Order(text)], glossary, threading.Event())[0], asked.asked


def test_a_chat_model_is_asked_again_when_it_loses_a_tag_and_at_last_without_tags() -> None:
    draft, asked = chat(["Un chat.", "Un chat.", "Un chat."], "A ⟨1⟩cat⟨/1⟩.")
    assert faults(text_of(draft), [Tag(1, "")]) == []
    assert len(asked) == 3
    assert "⟨1⟩" in asked[0]
    assert "⟨1⟩" not in asked[2]


def test_a_chat_model_that_keeps_all_is_asked_once() -> None:
    draft, asked = chat(["Le ⟨1⟩chat⟨/1⟩."], "The ⟨1⟩cat⟨/1⟩.")
    assert text_of(draft) == "Le ⟨1⟩chat⟨/1⟩."
    assert len(asked) == 1


def test_a_chat_model_is_told_the_terms_and_asked_again_without_them_in_its_answer() -> None:
    draft, asked = chat(["La coquille.", "L'interpréteur."], "The shell.", TERMS)
    assert text_of(draft) == "L'interpréteur."
    assert "shell = interpréteur" in asked[0]


def test_a_chat_model_that_says_nothing_is_told_as_a_reason() -> None:
    assert isinstance(chat(["", "", ""], "A cat.")[0], str)


@pytest.mark.parametrize(
    ("said", "source", "kept"),
    [
        ("Translation: Un chat.", "A cat.", "Un chat."),
        ("译文：一只猫。", "A cat.", "一只猫。"),
        ("“Un chat.”", "A cat.", "Un chat."),
        ("“Un chat.”", "“A cat.”", "“Un chat.”"),
        ("<think>hm</think>Un chat.", "A cat.", "Un chat."),
        ("Un\nchat.", "A cat.", "Un chat."),
        ("Un\nchat.", "A\ncat.", "Un\nchat."),
    ],
)
def test_what_is_no_translation_is_taken_off(said: str, source: str, kept: str) -> None:
    assert cleaned(said, source) == kept


def test_the_prompt_is_in_chinese_where_one_of_the_languages_is() -> None:
    (turn,) = prompt("A cat.", ("en", "zh"), "formal", [], "")
    assert "翻译成中文" in turn.content
    assert turn.content.endswith("\n\nA cat.")
