"""Parts that a model cannot write: tried again, then named; the summary is not passed off as whole."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from playground.errors import ModelError
from playground.summarize.receipt import coverage
from playground.summarize.writing import BadTextError, repeats, usable
from tests.playing_server import Handler, playing, word
from tests.summarize.conftest import Bench, story

Open = Callable[..., Bench]


def test_a_part_without_an_answer_is_tried_again_then_named(open_bench: Open) -> None:
    mute = {"asked": 0, "on": True}

    def answer(handler: Handler) -> None:
        said = handler.server.sent()[-1]["messages"][-1]["content"]
        if "Item3x1 " in said and mute["on"]:
            mute["asked"] += 1
            handler.events(word("", "stop"))
        else:
            handler.events(word(f"These {len(said)} signs tell of items and of their prices."), word("", "stop"))

    with playing() as script:
        script.chat(answer)
        bench = open_bench(model=f"{script.url}#tiny", engine="remote", context_length=1024, slots=1)
        run = bench.run(story(30), words=30)
        assert run.status == "complete"
        nodes = bench.runs.nodes(run.id)
        failed = [node for node in nodes if node.status == "failed"]
        assert [node.tries for node in failed] == [3] == [mute["asked"]]
        assert "wrote nothing" in failed[0].error
        found = coverage(nodes, [len(bench.runs.documents(run.id)[0].text)])
        assert found.failed == failed[0].last - failed[0].first
        assert found.percent < 100
        mute["on"] = False
        bench.service.resume(run.id)
        mended = bench.service.wait(run.id)
        assert (mended.status, mended.error) == ("complete", "")
        assert all(node.status == "done" for node in bench.runs.nodes(run.id))
        bench.close()


def test_a_server_that_goes_away_half_way_loses_nothing(open_bench: Open) -> None:
    with playing() as script:
        served = {"parts": 0}

        def answer(handler: Handler) -> None:
            served["parts"] += 1
            if served["parts"] > 3:
                handler.say(500, {"error": {"message": "out of memory"}})
            else:
                handler.events(word(f"Part {served['parts']} tells of items."), word("", "stop"))

        script.chat(answer)
        bench = open_bench(model=f"{script.url}#tiny", engine="remote", context_length=1024, slots=1)
        run = bench.run(story(30), words=30)
        nodes = bench.runs.nodes(run.id)
        assert sum(node.status == "done" for node in nodes) == 3
        assert run.status == "failed"
        assert "out of memory" in run.error
        script.chat(lambda handler: handler.events(word("All is well with these items."), word("", "stop")))
        bench.service.resume(run.id)
        again = bench.service.wait(run.id)
        assert (again.status, again.error) == ("complete", "")
        assert [node.text for node in bench.runs.nodes(run.id)][:3] == [f"Part {n} tells of items." for n in (1, 2, 3)]
        bench.close()


def test_a_model_that_is_unloaded_half_way_comes_back(open_bench: Open) -> None:
    bench = open_bench("echo@600")
    run_id = bench.start(story(30))
    while (live := bench.service.live(run_id)) is not None:
        if any(node.status == "done" for node in live.nodes):
            bench.manager.unload()
            break
    assert bench.service.wait(run_id).status == "complete"


def test_a_part_that_only_repeats_itself_is_ended_early(open_bench: Open) -> None:
    sentences = ["The crane lifted forty crates of dried cod.", "The captain paid the harbour master in silver."]
    looped = [word(f"{piece} ") for piece in " ".join(sentences * 100).split()]
    with playing() as script:
        script.chat(lambda handler: handler.events(*looped))
        bench = open_bench(model=f"{script.url}#tiny", engine="remote", context_length=8192, slots=1)
        run = bench.run(story(2), words=600)
        (node,) = bench.runs.nodes(run.id)
        assert run.text == node.text == " ".join(sentences)
        assert node.record["finish_reason"] == "repeated"
        assert node.record["completion_tokens"] < 120
        bench.close()


@pytest.mark.parametrize(
    ("said", "ended"),
    [
        ("One thing is said of many ships. " * 3, False),  # Two of the three are whole: a third may be another one.
        ("One thing is said of many ships. Another is told of the harbour here. " * 4, True),
        ("<think>One thing is said of many ships. " * 9, False),
        ("No end of it", False),
        ("", False),
    ],
)
def test_when_a_text_repeats_itself(said: str, ended: bool) -> None:
    assert repeats(said, "en") is ended


def test_signs_are_told_early() -> None:
    with pytest.raises(BadTextError, match="signs instead of sentences"):
        repeats("2.3.1.1. " * 30, "en")


@pytest.mark.parametrize(
    ("said", "whole", "kept"),
    [
        ("<think>Hm.</think>It is so.", True, "It is so."),
        ("Here is the summary of the text:\n\n**Rome** was built slowly.", True, "Rome was built slowly."),
        ("以下是概括：\n\n罗马不是一天建成的。", True, "罗马不是一天建成的。"),
        ("It is so. And then it broke o", False, "It is so."),
        (
            "1. Install the new package at once.\n2. Install the new package at once.\n3. Reboot.",
            True,
            "1. Install the new package at once.\n3. Reboot.",
        ),
    ],
)
def test_what_a_model_wrote_is_cleaned(said: str, whole: bool, kept: str) -> None:
    assert usable(said, "en", whole=whole) == kept


@pytest.mark.parametrize(
    "said", ["", "<think>I wonder", "  \n ", "One long sentence about very many things is here. " * 9, "2.3.1.1. " * 9]
)
def test_nothing_and_a_loop_are_no_text(said: str) -> None:
    with pytest.raises(BadTextError) as caught:
        usable(said, "en", whole=True)
    assert isinstance(caught.value, ModelError)
