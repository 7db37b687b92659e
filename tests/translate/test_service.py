"""Translations from the file to the file: read, kept, stopped, gone on with, corrected, remembered."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

import pytest

from playground.errors import BadValueError, BusyError, MissingError
from playground.overview import LocalModel
from playground.store.translation_values import Unit
from playground.translate.options import TranslationOptions
from tests.conftest import wait_for
from tests.translate.conftest import IDENTITY, Bench

Open = Callable[..., Bench]
TERMS = {"source": "cat", "target": "chat", "source_language": "", "target_language": "", "case_sensitive": False,
         "note": "", "row": 2}  # fmt: skip


def lines(count: int) -> str:
    """As many paragraphs, no two alike."""
    return "\n\n".join(f"This is sentence number {n} of a rather long text." for n in range(count))


def test_a_file_comes_back_as_it_was_from_a_model_that_changes_nothing(open_bench: Open) -> None:
    bench, text = open_bench(), "# Title\n\nSome *words* and `code`.\n\n- 1.2.3\n- two items\n"
    run = bench.run(bench.file("a.md", text))
    assert (run.status, run.segments, run.done, run.failed) == ("complete", 3, 3, 0)
    assert bench.service.output(run.id, 0) == text.encode()
    assert [one.origin for one in bench.service.store.segments(run.id)] == ["model"] * 3


def test_the_same_text_is_translated_once(open_bench: Open) -> None:
    bench = open_bench()
    run = bench.run(bench.file("a.txt", "Home page\n\nAnother page\n\nHome page\n"))
    assert run.done == 3
    assert bench.texts(run.id) == ["Home page", "Another page", "Home page"]


def test_a_segment_that_fails_is_told_and_stands_in_its_own_language(open_bench: Open) -> None:
    bench, text = open_bench(), "A good line.\n\nA bad line with /fail in it.\n\nAnother good line.\n"
    run = bench.run(bench.file("a.txt", text))
    assert (run.status, run.done, run.failed) == ("complete", 2, 1)
    failed = bench.service.store.segments(run.id)[1]
    assert failed.doubtful
    assert "failed" in failed.error
    assert bench.service.output(run.id, 0) == text.encode()


def test_stopped_it_goes_on_where_it_was(open_bench: Open) -> None:
    bench = open_bench(f"{IDENTITY}@1000")
    run_id = bench.start(bench.file("a.txt", lines(100)))
    wait_for(lambda: bench.service.store.get(run_id).done >= 16)
    bench.service.stop(run_id)
    run = bench.service.wait(run_id)
    assert run.status == "stopped"
    assert 16 <= run.done < 100
    before = {one.position: one for one in bench.service.store.segments(run_id) if one.status == "done"}
    bench.service.resume(run_id)
    assert bench.service.wait(run_id).status == "complete"
    after = bench.service.store.segments(run_id)
    assert all(after[position] == one for position, one in before.items())
    assert bench.service.output(run_id, 0) == lines(100).encode()


def test_while_it_runs_it_says_how_far_it_is(open_bench: Open) -> None:
    bench = open_bench(f"{IDENTITY}@1000")
    run_id = bench.start(bench.file("a.txt", lines(60)))
    live = wait_for(lambda: (now := bench.service.live(run_id)) and now.fresh and now)
    assert live.total == 60
    assert 0 < live.done <= 60
    bench.service.stop(run_id)


def test_what_was_running_when_the_app_ended_goes_on(open_bench: Open) -> None:
    bench = open_bench(f"{IDENTITY}@2000")
    run_id = bench.start(bench.file("a.txt", lines(40)))
    wait_for(lambda: bench.service.store.get(run_id).done)
    bench.close()
    second = open_bench()
    assert second.service.store.get(run_id).status == "running"
    second.service.resume_all()
    assert second.service.wait(run_id).status == "complete"


def test_a_run_that_another_process_writes_is_refused(open_bench: Open) -> None:
    bench = open_bench(f"{IDENTITY}@200")
    run_id = bench.start(bench.file("a.txt", lines(20)))
    second = open_bench()
    with pytest.raises(BusyError, match="another window"):
        second.service.resume(run_id)
    bench.service.stop(run_id)


def test_a_way_over_a_third_language_is_made_of_two_steps(open_bench: Open) -> None:
    bench, first, second = open_bench(), "echo-opus_mt_de_en", "echo-opus_mt_en_fr"
    bench.service.models = lambda: [LocalModel(name, name, "", 0) for name in (first, second)]
    run = bench.run(bench.file("a.txt", "Eine Zeile.\n\nZwei Zeilen.\n"), source="de")
    assert [(step["model"], step["target"]) for step in run.way] == [(first, "en"), (second, "fr")]
    assert (run.status, run.done) == ("complete", 2)
    assert [one.bridge for one in bench.service.store.segments(run.id)] == ["Eine Zeile.", "Zwei Zeilen."]


def test_confirmed_segments_are_remembered_and_used_the_next_time(open_bench: Open) -> None:
    bench = open_bench()
    run = bench.run(bench.file("a.txt", "A small cat sleeps.\n\nA dog runs about.\n"))
    kept = bench.service.write(run.id, 0, 0, "Un petit chat dort.", confirm=True)
    assert (kept.origin, kept.confirmed, kept.text) == ("person", True, "Un petit chat dort.")
    assert bench.service.output(run.id, 0).decode() == "Un petit chat dort.\n\nA dog runs about.\n"
    again = bench.run(bench.file("b.txt", "A small cat sleeps.\n\nA small cat sleeps here.\n"))
    first, second = bench.service.store.segments(again.id)
    assert (first.text, first.origin) == ("Un petit chat dort.", "memory")
    assert second.origin == "model"
    (match,) = bench.service.like(again.id, 0, 1)
    assert match.unit.target == "Un petit chat dort."
    assert 80 < match.score < 100
    without = bench.run(bench.file("c.txt", "A small cat sleeps.\n"), memory=False)
    assert bench.texts(without.id) == ["A small cat sleeps."]


def test_what_a_person_wrote_is_not_written_over(open_bench: Open) -> None:
    bench = open_bench(f"{IDENTITY}@400")
    run_id = bench.start(bench.file("a.txt", lines(60)))
    bench.service.write(run_id, 0, 59, "Tout autre chose.", confirm=False)
    assert bench.service.wait(run_id).status == "complete"
    last = bench.service.store.segment(run_id, 0, 59)
    assert (last.text, last.origin, last.confirmed) == ("Tout autre chose.", "person", False)


def test_of_a_text_that_is_there_twice_one_may_be_written_by_hand_meanwhile(open_bench: Open) -> None:
    bench = open_bench(f"{IDENTITY}@400")
    run_id = bench.start(bench.file("a.txt", f"Twice the same.\n\n{lines(40)}\n\nTwice the same.\n"))
    bench.service.stop(run_id)
    bench.service.wait(run_id)
    bench.service.write(run_id, 0, 0, "Deux fois.", confirm=True)
    bench.service.resume(run_id)
    run = bench.service.wait(run_id)
    assert (run.status, run.done) == ("complete", 42)
    assert bench.texts(run_id)[::41] == ["Deux fois.", "Twice the same."]


def test_what_failed_at_the_first_of_two_steps_keeps_its_reason(open_bench: Open) -> None:
    bench = open_bench()
    bench.service.models = lambda: [LocalModel(f"echo-opus_mt_{pair}", pair, "", 0) for pair in ("de_en", "en_fr")]
    run = bench.run(bench.file("a.txt", "Eine Zeile.\n\nEine /fail Zeile.\n"), source="de")
    assert (run.status, run.done, run.failed) == ("complete", 1, 1)
    assert "was told to" in bench.service.store.segments(run.id)[1].error


def test_a_text_whose_tags_do_not_fit_is_refused_and_the_old_one_stays(open_bench: Open) -> None:
    bench = open_bench()
    run = bench.run(bench.file("a.html", "<p>A <b>bold</b> word here</p>"))
    with pytest.raises(BadValueError, match="tag 1 is missing"):
        bench.service.write(run.id, 0, 0, "Un mot gras", confirm=True)
    assert bench.service.output(run.id, 0) == b"<p>A <b>bold</b> word here</p>"
    bench.service.write(run.id, 0, 0, "Un mot ⟨1⟩gras⟨/1⟩", confirm=True)
    assert bench.service.output(run.id, 0) == b"<p>Un mot <b>gras</b></p>"


def test_a_missed_term_is_doubted_until_it_is_there(open_bench: Open) -> None:
    bench = open_bench()
    glossary = bench.service.memory.add_glossary("animals", [TERMS])
    run = bench.run(bench.file("a.txt", "The small cat sleeps.\n"), glossaries=[glossary])
    one = bench.service.store.segments(run.id)[0]
    assert one.text == "The small chat sleeps."  # The identity model copies the term that was put into its source.
    assert [doubt for doubt in one.doubts if doubt["kind"] == "term"] == []
    said = bench.service.write(run.id, 0, 0, "Le petit félin dort.", confirm=False)
    assert [doubt["detail"] for doubt in said.doubts if doubt["kind"] == "term"] == ["cat → chat"]
    assert bench.service.store.get(run.id).doubtful == 1


def test_in_a_text_of_both_languages_what_is_in_the_target_already_stays(open_bench: Open) -> None:
    bench = open_bench()
    french = "Ceci est une phrase française tout à fait ordinaire, qui ne parle vraiment de rien du tout."
    run = bench.run(bench.file("a.txt", f"An English line about cats.\n\n{french}\n"))
    assert [one.origin for one in bench.service.store.segments(run.id)] == ["model", "copied"]


def test_files_in_several_languages_are_named(open_bench: Open) -> None:
    bench = open_bench()
    english = bench.file("a.txt", "This is a perfectly ordinary English sentence about nothing in particular.")
    french = bench.file("b.txt", "Ceci est une phrase française tout à fait ordinaire, qui ne parle de rien.")
    with pytest.raises(BadValueError, match=r"a\.txt seems to be in English; b\.txt seems to be in French"):
        bench.start(english, french, source="")
    with pytest.raises(BadValueError, match="in French already"):
        bench.start(french, source="", target="fr")
    assert bench.service.store.list() == []


def test_a_pair_that_no_model_here_knows_is_told(open_bench: Open) -> None:
    bench = open_bench()
    with pytest.raises(BadValueError, match="does not translate from English to German"):
        bench.start(bench.file("a.txt", lines(1)), target="de", model=IDENTITY)
    with pytest.raises(BadValueError, match="'xx' is not known"):
        TranslationOptions(target="xx")
    with pytest.raises(BadValueError, match="into itself"):
        TranslationOptions(target="fr", source="fr")


def test_a_locked_file_is_told_and_waited_for(open_bench: Open) -> None:
    bench = open_bench(f"{IDENTITY}@2000")
    run_id = bench.start(bench.file("a.txt", lines(60)))
    held = sqlite3.connect(bench.folder / "playground.db")
    held.execute("BEGIN IMMEDIATE")
    wait_for(lambda: (live := bench.service.live(run_id)) and live.notice, 30, "telling that it cannot be saved")
    held.rollback()
    held.close()
    assert bench.service.wait(run_id).status == "complete"


def test_renamed_thrown_away_brought_back_and_deleted(open_bench: Open) -> None:
    bench = open_bench()
    run, store = bench.run(bench.file("a.txt", lines(2))), bench.service.store
    store.rename(run.id, "Other")
    store.trash(run.id)
    assert store.list() == []
    with pytest.raises(MissingError, match="in the trash"):
        bench.service.resume(run.id)
    store.restore(run.id)
    assert [one.title for one in store.list()] == ["Other"]
    with pytest.raises(BadValueError, match="not in the trash"):
        store.purge(run.id)
    store.trash(run.id)
    store.purge(run.id)
    with pytest.raises(MissingError):
        store.get(run.id)


def test_a_name_given_to_a_draft_stays(open_bench: Open) -> None:
    bench = open_bench()
    options = TranslationOptions("fr", "en")
    named = bench.service.collect("", bench.file("a.txt", lines(1)))
    bench.service.store.rename(named, "Mine")
    bench.service.begin(named, options)
    assert bench.service.wait(named).title == "Mine"
    plain = bench.service.collect("", bench.file("a.txt", lines(1)))
    bench.service.collect(plain, bench.file("b.txt", lines(1)))
    bench.service.begin(plain, options)
    assert bench.service.wait(plain).title == "a.txt, b.txt"


def test_a_search_finds_words_of_both_languages(open_bench: Open) -> None:
    bench = open_bench()
    run = bench.run(bench.file("a.txt", "A small cat sleeps.\n"))
    bench.service.write(run.id, 0, 0, "一只小猫在睡觉。", confirm=False)
    for words in ("small cat", "小猫", "a.txt"):
        assert [one.id for one in bench.service.store.find(words)] == [run.id], words
    assert bench.service.store.find("elephant") == []


def test_units_are_counted_found_forgotten_and_brought_back(open_bench: Open) -> None:
    memory = open_bench().service.memory
    units = [
        Unit(0, "en", "fr", "cat", "chat", "", "x", 0.0, 0.0),
        Unit(0, "en", "de", "cat", "Katze", "", "x", 0.0, 0.0),
    ]
    assert memory.keep(units) == 2
    assert memory.keep(units) == 0
    assert memory.counts() == {("en", "fr"): 1, ("en", "de"): 1}
    (one,) = memory.units(text="kat")
    assert one.target == "Katze"
    gone = memory.forget([one.id])
    assert memory.counts() == {("en", "fr"): 1}
    memory.keep(gone)
    assert len(memory.units()) == 2


def test_a_table_is_translated_in_its_columns(open_bench: Open) -> None:
    bench, table = open_bench(), "id,text,note\n1,A cat sleeps,Keep this here\n"
    run = bench.run(bench.file("a.csv", table, ["text"]))
    assert bench.texts(run.id) == ["A cat sleeps"]
    bench.service.write(run.id, 0, 0, "Un chat, qui dort", confirm=False)
    assert bench.service.output(run.id, 0).decode() == 'id,text,note\n1,"Un chat, qui dort",Keep this here\n'


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.xyz", b"words", "not translated"),
        ("a.txt", b"12 34", "no text that could be translated"),
        ("a.docx", b"PK\x03\x04 nonsense", "damaged|no Word file"),
        ("a.json", b"{", "broken"),
        ("a.txt", b"", "empty"),
    ],
)
def test_files_that_cannot_be_read_are_told(open_bench: Open, name: str, content: bytes, words: str) -> None:
    with pytest.raises(BadValueError, match=words):
        open_bench().file(name, content)
