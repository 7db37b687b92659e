"""Runs from their beginning to their end, stopped, resumed and with parts that fail, through the service."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable

import pytest

from playground.documents import Block, Document
from playground.errors import BadValueError, BusyError, MissingError
from playground.store.run_values import Node, RunDocument
from playground.summarize.options import SummaryOptions
from playground.summarize.reading import kept_blocks, read_pasted
from playground.summarize.receipt import coverage
from tests.conftest import wait_for
from tests.summarize.conftest import Bench, story

Open = Callable[..., Bench]


def parts(bench: Bench, run_id: str) -> list[Node]:
    """The parts of a run's documents."""
    return [node for node in bench.runs.nodes(run_id) if node.level == 0]


def test_a_short_text_is_read_at_once(open_bench: Open) -> None:
    bench = open_bench()
    run = bench.run("The lighthouse was built in 1890. It is 32 metres high.", words=20)
    assert run.status == "complete"
    assert "lighthouse" in run.text
    assert [node.step for node in bench.runs.nodes(run.id)] == ["whole"]


def test_what_would_fit_is_read_in_parts_all_the_same_when_it_is_long(open_bench: Open) -> None:
    bench = open_bench(context_length=32_768)
    run = bench.run(story(100, 100))
    steps = [node.step for node in bench.runs.nodes(run.id)]
    assert set(steps) == {"part", "final"}
    assert len(steps) > 3


def test_a_long_text_is_read_to_its_end_and_put_together(open_bench: Open) -> None:
    bench, text = open_bench(), story(60)
    run = bench.run(text)
    assert run.status == "complete"
    nodes = bench.runs.nodes(run.id)
    found = parts(bench, run.id)
    document = bench.runs.documents(run.id)[0]
    assert "".join(document.text[node.first : node.last] for node in found) == document.text
    assert coverage(nodes, [len(document.text)]).percent == 100
    assert nodes[-1].step == "final"
    assert nodes[-1].level >= 2
    assert all(node.record["prompt_tokens"] + 1 < 512 for node in nodes)


def test_every_sentence_leads_to_a_passage(open_bench: Open) -> None:
    bench = open_bench()
    run = bench.run(story(), words=60)
    sentences = run.receipt["sentences"]
    assert sentences
    assert all(one["links"] for one in sentences)
    assert "".join(run.text[one["start"] : one["end"]] for one in sentences) == run.text


def test_what_was_written_with_the_same_words_is_not_written_again(open_bench: Open) -> None:
    bench = open_bench()
    run = bench.run(story())
    again = bench.service.wait(bench.service.again(run.id, SummaryOptions(style="bullets", words=80)))
    assert again.status == "complete"
    first, second = parts(bench, run.id), parts(bench, again.id)
    assert [node.text for node in first] == [node.text for node in second]
    assert [node.record["seconds"] for node in first] == [node.record["seconds"] for node in second]
    assert again.text != run.text


def test_a_stopped_run_keeps_what_is_done_and_goes_on(open_bench: Open) -> None:
    bench = open_bench("echo@400")
    run_id = bench.start(story())
    wait_for(lambda: any(node.status == "done" for node in bench.runs.nodes(run_id)))
    bench.service.stop(run_id)
    assert bench.service.wait(run_id).status == "stopped"
    done = [node for node in parts(bench, run_id) if node.status == "done"]
    assert 0 < len(done) < len(parts(bench, run_id))
    bench.service.resume(run_id)
    assert bench.service.wait(run_id).status == "complete"
    kept = {node.position: node for node in parts(bench, run_id)}
    assert all(kept[node.position].record == node.record for node in done)


def test_a_run_goes_on_by_itself_at_the_next_start(open_bench: Open) -> None:
    bench = open_bench("echo@400")
    run_id = bench.start(story())
    wait_for(lambda: any(node.status == "done" for node in bench.runs.nodes(run_id)))
    bench.close()
    second = open_bench("echo@400")
    assert second.runs.run(run_id).status == "running"
    second.service.resume_all()
    assert second.service.wait(run_id).status == "complete"


def test_two_processes_do_not_write_the_same_run(open_bench: Open) -> None:
    bench, other = open_bench("echo@50"), open_bench("echo@50")
    run_id = bench.start(story())
    with pytest.raises(BusyError, match="another window"):
        other.service.resume(run_id)
    bench.service.stop(run_id)
    bench.service.wait(run_id)


def test_a_context_too_small_for_a_sentence_is_told(open_bench: Open) -> None:
    bench = open_bench(context_length=256)
    run = bench.run(story(), words=400)
    assert run.status == "failed"
    assert "larger context" in run.error
    bench.service.resume(run.id)
    assert bench.service.wait(run.id).status == "failed"


def test_refine_carries_the_summary_from_part_to_part(open_bench: Open) -> None:
    bench = open_bench()
    run = bench.run(story(6), mode="refine", words=20)
    assert run.status == "complete"
    assert {node.step for node in bench.runs.nodes(run.id)} == {"refine", "final"}


def test_without_a_model_whole_sentences_are_picked(open_bench: Open) -> None:
    bench, text = open_bench(), story()
    run = bench.run(text, mode="extractive", words=40)
    assert run.status == "complete"
    assert bench.manager.states() == ()
    document = bench.runs.documents(run.id)[0]
    links = [one["links"][0] for one in run.receipt["sentences"]]
    said = [" ".join(document.text[link["start"] : link["end"]].split()) for link in links]
    assert " ".join(said) == run.text
    nothing = bench.run("12 34 | 56 78", mode="extractive")
    assert nothing.status == "failed"
    assert "no whole sentences" in nothing.error


def test_several_documents_are_named_in_what_the_model_reads(open_bench: Open) -> None:
    bench = open_bench()
    documents = [read_pasted(story(4), "first.txt"), read_pasted(story(5), "second.txt")]
    run = bench.service.wait(bench.service.start(documents, SummaryOptions()))
    assert run.status == "complete"
    assert run.title == "first.txt, second.txt"
    assert {node.document for node in parts(bench, run.id)} == {0, 1}


def test_a_draft_collects_files_before_it_begins(open_bench: Open) -> None:
    bench = open_bench()
    run_id = bench.service.collect("", read_pasted("One thing.", "one.txt"))
    assert bench.service.collect(run_id, read_pasted("Another thing.", "two.txt")) == run_id
    bench.runs.remove_document(run_id, 0)
    assert [one.name for one in bench.runs.documents(run_id)] == ["two.txt"]
    bench.service.begin(run_id, SummaryOptions())
    assert bench.service.wait(run_id).status == "complete"
    with pytest.raises(BusyError, match="begun already"):
        bench.service.collect(run_id, read_pasted("More.", "three.txt"))


def test_a_name_given_to_a_draft_stays(open_bench: Open) -> None:
    bench = open_bench()
    named = bench.service.collect("", read_pasted("One thing.", "one.txt"))
    bench.runs.rename(named, "Mine")
    bench.service.begin(named, SummaryOptions())
    assert bench.service.wait(named).title == "Mine"
    plain = bench.service.collect("", read_pasted("One thing.", "one.txt"))
    bench.service.collect(plain, read_pasted("Another.", "two.txt"))
    bench.service.begin(plain, SummaryOptions())
    assert bench.service.wait(plain).title == "one.txt, two.txt"


def test_pages_that_are_not_wanted_are_skipped(open_bench: Open) -> None:
    bench = open_bench()
    blocks = tuple(Block("paragraph", f"Page {page} tells of thing{page}. " * 20, page=page) for page in range(1, 9))
    document = Document("a.pdf", "application/pdf", blocks, pages=8)
    kept = RunDocument("a.pdf", "", 1, "", 8, (), "en", document.text(), kept_blocks(document))
    run = bench.service.wait(bench.service.start([kept], SummaryOptions(pages="2-3, 6")))
    nodes = bench.runs.nodes(run.id)
    read = "".join(kept.text[node.first : node.last] for node in nodes if node.level == 0 and node.status == "done")
    assert {f"thing{page}" in read for page in (2, 3, 6)} == {True}
    assert {f"thing{page}" in read for page in (1, 4, 5, 7, 8)} == {False}
    found = coverage(nodes, [len(kept.text)])
    assert (found.percent, found.waiting) == (100, 0)
    assert found.skipped > found.read
    before = bench.runs.runs()
    with pytest.raises(BadValueError, match=r"a\.pdf has 8 pages, none of which is among 90-99"):
        bench.service.start([kept], SummaryOptions(pages="90-99"))
    with pytest.raises(BadValueError, match="None of the documents has pages"):
        bench.start("Words without pages.", pages="1")
    assert bench.runs.runs() == before
    with pytest.raises(BadValueError, match="Write them as"):
        SummaryOptions(pages="from 3 to 5")


def test_nothing_to_summarize_and_a_style_that_there_is_not(open_bench: Open) -> None:
    bench = open_bench()
    with pytest.raises(BadValueError, match="nothing to summarize"):
        bench.service.start([], SummaryOptions())
    with pytest.raises(BadValueError, match="style"):
        bench.start("Words.", style="haiku")


def test_trash_restore_and_delete_for_good(open_bench: Open) -> None:
    bench = open_bench()
    run = bench.run("The lighthouse was built in 1890.")
    bench.runs.trash(run.id)
    assert [one.id for one in bench.runs.runs()] == []
    assert bench.runs.find("lighthouse") == []
    bench.runs.restore(run.id)
    assert [one.id for one in bench.runs.find("lighthouse")] == [run.id]
    bench.runs.trash(run.id)
    bench.runs.purge(run.id)
    with pytest.raises(MissingError):
        bench.runs.run(run.id)
    assert bench.runs.database.db.table("texts").count == 0


def test_a_full_disk_is_told_and_waited_for(open_bench: Open) -> None:
    bench = open_bench("echo@400")
    run_id = bench.start(story())
    wait_for(lambda: any(node.status == "done" for node in bench.runs.nodes(run_id)))
    held = sqlite3.connect(bench.folder / "playground.db")
    held.execute("BEGIN IMMEDIATE")  # As long as this is open nobody else can write.
    wait_for(lambda: (live := bench.service.live(run_id)) and live.notice, 30, "telling that it cannot be saved")
    held.rollback()
    held.close()
    assert bench.service.wait(run_id).status == "complete"


def test_what_cannot_be_begun_is_free_for_another_process(open_bench: Open) -> None:
    bench = open_bench("echo@400")
    run_id = bench.start(story())
    bench.service.stop(run_id)
    assert bench.service.wait(run_id).status == "stopped"
    held = sqlite3.connect(bench.folder / "playground.db")
    held.execute("BEGIN IMMEDIATE")
    with pytest.raises(BusyError):
        bench.service.resume(run_id)
    assert bench.service.live(run_id) is None
    held.rollback()
    held.close()
    second = open_bench()
    second.service.resume(run_id)
    assert second.service.wait(run_id).status == "complete"


def test_many_runs_at_once(open_bench: Open) -> None:
    bench = open_bench(slots=3)
    ids = [bench.start(story(6), words=20 + n) for n in range(4)]
    for thread in [threading.Thread(target=bench.service.wait, args=[run_id]) for run_id in ids]:
        thread.start()
        thread.join(60)
    assert [bench.runs.run(run_id).status for run_id in ids] == ["complete"] * 4


def test_a_finished_run_is_free_for_another_process(open_bench: Open) -> None:
    bench = open_bench()
    run = bench.run("Words are here.")
    second = open_bench()
    second.service.resume(run.id)
    assert second.service.wait(run.id).status == "complete"
