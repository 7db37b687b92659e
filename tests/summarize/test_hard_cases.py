"""What once went wrong: refine over many parts, pages, unread passages, receipts that fail, stops on a full disk."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from typing import Any

import pytest

from playground.errors import ModelError
from playground.halves import Halves
from playground.records import Chunk
from playground.store.run_values import Node, RunDocument
from playground.summarize.claims import Facts
from playground.summarize.options import SummaryOptions
from playground.summarize.receipt import coverage, make_receipt
from playground.summarize.stretches import read_of, words_to_read
from playground.summarize.writing import write
from playground.ui.source_view import source_html
from tests.conftest import wait_for
from tests.summarize.conftest import Bench, story

Open = Callable[..., Bench]


def pages(count: int) -> RunDocument:
    """A document of so many pages, each of which says another thing."""
    texts = [
        f"Page {n} tells that the lighthouse of island{n} was built by family{n} long ago. " * 3 for n in range(count)
    ]
    starts = [sum(map(len, texts[:n])) for n in range(count)]
    blocks = tuple(("paragraph", 0, n + 1, start) for n, start in enumerate(starts))
    return RunDocument("book.pdf", "application/pdf", 1, "", count, (), "en", "".join(texts), blocks)


# ---- refine ----------------------------------------------------------------------------------------------------------


def test_refine_over_many_parts_ends_with_the_last_text_alone(open_bench: Open) -> None:
    bench = open_bench()
    run = bench.run(story(60), mode="refine", words=20)
    assert run.status == "complete", run.error
    nodes = bench.runs.nodes(run.id)
    assert len(nodes) > 15
    final = nodes[-1]
    assert (final.step, final.first, final.last) == ("final", len(nodes) - 2, len(nodes) - 1)


def test_refine_whose_last_part_failed_ends_with_the_one_before(
    open_bench: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = open_bench()

    def unwilling(lease: Any, prompt: Any, *rest: Any) -> Any:
        if "Item29x" in prompt[-1].content:
            raise ModelError("Not this one.")
        return write(lease, prompt, *rest)

    monkeypatch.setattr("playground.summarize.job.write", unwilling)
    run = bench.run(story(30), mode="refine", words=20)
    nodes = bench.runs.nodes(run.id)
    parts = [node for node in nodes if node.level == 0]
    assert parts[-1].status == "failed"
    assert run.status == "complete", run.error
    assert nodes[-1].last == max(node.position for node in parts if node.text) + 1 < len(parts)


# ---- pages -----------------------------------------------------------------------------------------------------------


def test_pages_count_for_picked_sentences_too(open_bench: Open) -> None:
    bench, document = open_bench(), pages(40)
    options = SummaryOptions(mode="extractive", words=60, pages="3-4")
    run = bench.service.wait(bench.service.start([document], options))
    assert run.status == "complete"
    places = [one["links"][0]["start"] for one in run.receipt["sentences"]]
    assert places
    assert {document.page_of(at) for at in places} <= {3, 4}
    found = coverage(bench.runs.nodes(run.id), [len(document.text)])
    assert found.percent == 100
    assert found.skipped > 10 * found.read


def test_a_share_is_one_of_the_wanted_pages() -> None:
    document = pages(40)
    assert words_to_read([document], "1") * 39 < words_to_read([document], "") < words_to_read([document], "1") * 41


# ---- the receipt -----------------------------------------------------------------------------------------------------


def test_no_sentence_rests_on_what_was_not_read() -> None:
    document = pages(10)
    nodes = [
        Node(0, n, "part", 0, start, end, "done" if n < 2 else ("failed" if n == 5 else "skipped"))
        for n, (start, end) in enumerate(document.extents())
    ]
    said = "Page 7 tells that the lighthouse of island7 was built by family7 long ago."
    receipt = make_receipt([document], nodes, said, "en", threading.Event())
    (sentence,) = receipt["sentences"]
    assert {document.page_of(link["start"]) for link in sentence["links"]} <= {1, 2}
    assert "7" in {said[mark["start"] : mark["end"]] for mark in sentence["marks"]}
    read = read_of([document], nodes)
    assert read.has(0, 0)
    assert not read.has(0, document.extents()[5][0])


def test_a_label_is_no_sentence_and_a_files_name_is_known() -> None:
    document = pages(2)
    nodes = [Node(0, 0, "whole", None, 0, 1, "done")]
    receipt = make_receipt(
        [document], nodes, "Summary:\n\nIn Book.pdf a lighthouse was built.", "en", threading.Event()
    )
    (sentence,) = receipt["sentences"]
    assert sentence["marks"] == []


def test_a_receipt_that_fails_costs_itself_alone(open_bench: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = open_bench()
    monkeypatch.setattr("playground.summarize.job.make_receipt", broken_receipt)
    run = bench.run(story(2), words=20)
    assert run.status == "failed"
    assert "broke off" in run.error
    assert run.text
    monkeypatch.undo()
    bench.service.resume(run.id)
    again = bench.service.wait(run.id)
    assert (again.status, again.text) == ("complete", run.text)
    assert again.receipt["sentences"]


def broken_receipt(*arguments: Any) -> Any:
    raise ValueError("a mistake")


def test_without_a_model_of_sentences_that_works_words_alone_pick(open_bench: Open) -> None:
    bench = open_bench()

    def no_room(*languages: str) -> Any:
        raise ModelError("There is no room for it.")

    bench.service._embed_for = no_room
    run = bench.run(story(), mode="extractive", words=40)
    assert run.status == "complete"
    assert run.text
    assert run.receipt["note"] == "There is no room for it."


def test_two_hundred_thousand_letters_without_a_blank_are_looked_through_at_once() -> None:
    for text in ("ACGT" * 50_000, "aBaB" * 50_000, "Ab-" * 60_000):
        assert [mark.kind for mark in Facts([text]).missing("The XQZ agency said so.")] == ["name"]  # It took hours.


# ---- stopping, killing, halves ---------------------------------------------------------------------------------------


def test_stop_is_heard_while_nothing_can_be_saved(open_bench: Open) -> None:
    bench = open_bench("echo@400")
    run_id = bench.start(story())
    wait_for(lambda: any(node.status == "done" for node in bench.runs.nodes(run_id)))
    held = sqlite3.connect(bench.folder / "playground.db")
    held.execute("BEGIN IMMEDIATE")
    wait_for(lambda: (live := bench.service.live(run_id)) and live.notice, 30, "telling that it cannot be saved")
    bench.service.stop(run_id)
    job = bench.service._jobs[run_id]
    held.rollback()
    held.close()
    assert job.done.wait(30)
    assert bench.runs.run(run_id).status == "stopped"


def test_a_part_killed_after_its_last_try_is_tried_once_more(open_bench: Open) -> None:
    bench = open_bench("echo@400")
    run_id = bench.start(story())
    wait_for(lambda: len(bench.runs.nodes(run_id)) > 2)
    bench.service.stop(run_id)
    bench.service.wait(run_id)
    with bench.runs.database.writing() as db:
        db.execute("UPDATE run_nodes SET tries = 3 WHERE status = 'waiting'")
    bench.service.resume(run_id)
    assert bench.service.wait(run_id).status == "complete"
    assert all(node.status == "done" for node in bench.runs.nodes(run_id))


def test_a_summary_of_almost_no_words_is_none(open_bench: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = open_bench()

    def idle(lease: Any, prompt: Any, sampling: Any, *rest: Any) -> Any:
        said = [Chunk("Ready.", 1, 1, 0, 1, "stop")]
        monkeypatch.setattr(lease, "stream", lambda *ignored, **also: (one for one in said))
        return write(lease, prompt, sampling, *rest)

    monkeypatch.setattr("playground.summarize.job.write", idle)
    run = bench.run("The lighthouse was built in 1890. " * 8, words=60)
    assert run.status == "failed"
    assert "almost nothing" in run.error


def test_halves_of_a_character_are_put_together_and_what_never_comes_is_a_mark() -> None:
    halves = Halves()
    assert [halves.push(text) for text in ("a\ud83d", "\ude00b", "\ud83d")] == ["a", "😀b", ""]
    assert halves.flush() == "\ufffd"
    assert halves.flush() == ""
    assert Halves().push("\ude00") == "\ufffd"


def test_of_a_text_in_a_single_line_only_what_stands_around_is_sent() -> None:
    text = "The sentence repeats itself. " * 40_000
    document = RunDocument("a.txt", "text/plain", 1, "", None, (), "en", text, (("paragraph", 0, None, 0),))
    drawn = source_html(document, 500_000, 500_060, "en")
    assert len(drawn) < 30_000
    assert f"<mark>{text[500_000:500_060]}</mark>" in drawn
    assert drawn.count("data-wide") == 2
