"""Own work as samples: what is chosen is learned, what failed or was voted down never is, and nothing is lost."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from playground.engine.manager import ModelManager
from playground.errors import BadValueError
from playground.paths import open_data_folder
from playground.records import ReplyRecord, Status
from playground.settings import Settings
from playground.store import Database, History
from playground.store.history import TurnSettings
from playground.store.memory import Memory
from playground.store.runs import Runs
from playground.store.translation_values import SourceFile, StoredSegment
from playground.store.translations import Translations
from playground.summarize.options import SummaryOptions
from playground.summarize.reading import read_pasted
from playground.summarize.service import SummaryService
from playground.translate.glossary import Glossary, Term
from playground.translate.machine import Order
from playground.translate.options import TranslationOptions
from playground.translate.prompting import PromptingMachine
from playground.tuning.own import Choice, counts, own_samples
from playground.tuning.samples import Dataset, Sample
from playground.tuning.splitting import split
from tests.histories import FILE, RECORD, SETTINGS
from tests.translate.scripted import lease

CHATS = Choice("chats")


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    database = Database(tmp_path / "playground.db", tmp_path / "backups")
    yield History(database)
    database.close()


def say(
    history: History,
    conversation: str | None,
    text: str,
    reply: str,
    status: Status = "complete",
    *,
    settings: TurnSettings = SETTINGS,
    record: ReplyRecord = RECORD,
    attachments: Sequence[str] = (),
) -> tuple[str, str]:
    """A turn and its reply; the ids of the conversation and of the reply."""
    seen = history.conversation(conversation).leaf_id if conversation else None
    new = history.add_turn(conversation, text, seen_leaf=seen, title=text, settings=settings, attachments=attachments)
    history.finish(new.reply_id, reply, status, "", record)
    return new.conversation_id, new.reply_id


def again(history: History, conversation: str, beside: str, reply: str) -> str:
    """The same question answered anew."""
    seen = history.conversation(conversation).leaf_id
    new = history.add_reply(conversation, beside, seen_leaf=seen, settings=SETTINGS)
    history.finish(new.reply_id, reply, "complete", "", RECORD)
    return new.reply_id


def edit(history: History, conversation: str, reply: str, text: str) -> str:
    """The reply written over by hand."""
    seen = history.conversation(conversation).leaf_id
    return history.add_reply(conversation, reply, seen_leaf=seen, content=text, status="complete").reply_id


def read(history: History, choice: Choice = CHATS) -> Dataset:
    found = own_samples(choice, history.database)
    assert len(found.samples) + found.lost == found.rows
    assert len({one.row for one in found.samples}) == len(found.samples)
    return found


def said(sample: Sample) -> list[str]:
    """All messages, the learned ones marked."""
    marks = sample.learned or [False] * len(sample.messages)
    return [("*" if learns else "") + turn.content for turn, learns in zip(sample.messages, marks, strict=True)]


def all_said(found: Dataset) -> list[list[str]]:
    return [said(one) for one in found.samples]


def test_the_shown_branch_is_a_sample_with_its_system_prompt(history: History) -> None:
    chat, first = say(history, None, "one", "1")
    say(history, chat, "two", "<think>Hm.</think>\n2")
    history.mark(first, vote=-1)
    found = read(history)
    assert all_said(found) == [["Be brief.", "one", "1", "two", "*2"]]
    assert [turn.role for turn in found.samples[0].messages] == ["system", "user", "assistant", "user", "assistant"]
    assert (found.samples[0].group, found.rows) == (chat, 1)
    assert "voted down" in found.problems[0].words
    assert not found.problems[0].lost


@pytest.mark.parametrize("status", ["stopped", "failed"])
def test_a_reply_that_did_not_end_is_read_and_not_learned(history: History, status: Status) -> None:
    chat, _ = say(history, None, "one", "half", status)
    assert (read(history).samples, read(history).lost) == ((), 1)
    say(history, chat, "two", "2")
    say(history, chat, "three", "", status)
    assert all_said(read(history)) == [["Be brief.", "one", "half", "two", "*2"]]


def test_a_reply_at_its_limit_of_length_is_not_learned(history: History) -> None:
    say(history, None, "one", "1, 2, 3,", record=replace(RECORD, finish_reason="length"))
    found = read(history)
    assert (found.samples, found.rows, found.lost) == ((), 1, 1)
    assert "“one” has no reply to learn from" in found.problems[0].words


def test_what_was_left_out_by_hand_is_left_out_and_files_are_read(history: History) -> None:
    history.keep_file(FILE)
    chat, _ = say(history, None, "look", "seen", attachments=[FILE.id])
    _, reply = say(history, chat, "secret", "hushed")
    history.mark(str(history.message(reply).parent_id), left_out=True)
    say(history, chat, "more", "that")
    [told] = all_said(read(history))
    assert told == ["Be brief.", "[File: a.pdf]\npage one\n[End of a.pdf]\n\nlook", "*seen", "more", "*that"]


def test_what_follows_an_image_is_not_learned(history: History) -> None:
    history.keep_file(replace(FILE, id="i1", media_type="image/png", data=b"png", width=1, height=1))
    chat, _ = say(history, None, "hello", "hi")
    say(history, chat, "what is it?", "a cat", attachments=["i1"])
    found = read(history)
    assert all_said(found) == [["Be brief.", "hello", "*hi"]]
    assert "has an image" in found.problems[0].words


def test_single_replies_are_learned_in_the_branches_where_they_stand(history: History) -> None:
    chat, first = say(history, None, "one", "1")
    other = again(history, chat, first, "uno")
    _, second = say(history, chat, "two", "dos")
    say(history, chat, "three", "tres")
    history.mark(first, starred_at=1.0)
    assert all_said(read(history, replace(CHATS, starred=True))) == [["Be brief.", "one", "*1"]]
    history.mark(second, starred_at=1.0)
    found = read(history, replace(CHATS, starred=True))
    assert sorted(all_said(found)) == [["Be brief.", "one", "*1"], ["Be brief.", "one", "uno", "two", "*dos"]]
    assert {one.group for one in found.samples} == {chat}
    assert len(split(found.samples, 0.5, 0)[0]) == 2  # Of one conversation: both on one side.
    both = read(history, replace(CHATS, messages=(other, second)))
    assert all_said(both) == [["Be brief.", "one", "*uno", "two", "*dos"]]
    history.mark(other, vote=1)
    assert all_said(read(history, replace(CHATS, voted_up=True))) == [["Be brief.", "one", "*uno"]]


@pytest.mark.parametrize(
    ("filters", "wanted"),
    [
        ({}, {"a", "b", "c"}),
        ({"pinned": True}, {"a"}),
        ({"tag": "work"}, {"b"}),
        ({"tag": "none"}, set()),
        ({"model": "large"}, {"c"}),
        ({"words": "penguins"}, {"b"}),
        ({"words": "c"}, {"c"}),
        ({"words": '"not there"'}, set()),
        ({"until": 1.0}, set()),
        ({"since": 1.0}, {"a", "b", "c"}),
    ],
    ids=lambda one: " ".join(sorted(map(str, one))),
)
def test_filters(history: History, filters: dict[str, Any], wanted: set[str]) -> None:
    a, _ = say(history, None, "a", "1")
    b, _ = say(history, None, "b", "About penguins.")
    c, reply = say(history, None, "c", "3", record=replace(RECORD, model="large"))
    gone, _ = say(history, None, "gone", "penguins a c")
    history.trash(gone)
    history.pin(a)
    history.set_tags(b, ["work"])
    edit(history, c, reply, "Edited.")  # It is still that of the model that began it.
    found = read(history, replace(CHATS, **filters))
    assert {said(one)[1] for one in found.samples} == wanted
    assert all_said(read(history, replace(CHATS, ids=(b,)))) == [["Be brief.", "b", "*About penguins."]]


def test_a_copy_of_a_conversation_counts_once(history: History) -> None:
    chat, _ = say(history, None, "one", "1")
    history.duplicate(chat, "copy")
    found = read(history)
    assert (len(found.samples), found.rows) == (1, 2)
    assert found.problems[0].words == "The row says the same as row 1. It counts once."


def pairs_of(found: Dataset) -> set[tuple[str, str]]:
    return {(one.chosen, one.rejected) for one in found.samples}


VOTES = Choice("votes")


def test_up_against_down_is_a_pair(history: History) -> None:
    chat, _ = say(history, None, "before", "so")
    _, good = say(history, chat, "which?", "good")
    bad = again(history, chat, good, "bad")
    again(history, chat, good, "unsaid")
    assert read(history, VOTES).rows == 0
    history.mark(good, vote=1)
    # It is not the one that is shown, and written before the others: not clear.
    assert read(history, VOTES).rows == 0
    history.mark(bad, vote=-1)
    found = read(history, VOTES)
    assert pairs_of(found) == {("good", "bad")}
    assert said(found.samples[0]) == ["Be brief.", "before", "so", "which?"]
    assert (found.samples[0].kind, found.samples[0].group, found.samples[0].learned) == ("preference", chat, ())
    assert counts(history.database).pairs == 1
    assert read(history, replace(VOTES, pinned=True)).rows == 0
    history.trash(chat)
    assert (read(history, VOTES).rows, counts(history.database).pairs) == (0, 0)


def test_a_kept_reply_is_better_than_the_one_that_it_was_written_anew_for(history: History) -> None:
    chat, first = say(history, None, "which?", "first")
    second = again(history, chat, first, "second")
    history.mark(second, vote=1)
    assert pairs_of(read(history, VOTES)) == {("second", "first")}
    history.select(chat, first)
    assert read(history, VOTES).rows == 0


def test_what_was_written_by_hand_is_better_than_what_it_was_written_over(history: History) -> None:
    chat, first = say(history, None, "which?", "first")
    draft = edit(history, chat, first, "draft")
    edit(history, chat, draft, "final")
    assert pairs_of(read(history, VOTES)) == {("final", "first")}
    history.mark(first, vote=1)
    assert read(history, VOTES).rows == 0


def test_a_reply_that_was_stopped_is_in_no_pair_and_equal_ones_are_told(history: History) -> None:
    chat, half = say(history, None, "which?", "half", "stopped")
    same = again(history, chat, half, "<think>One way.</think>good")
    good = again(history, chat, half, "<think>Another.</think>good")
    for reply, vote in ((half, -1), (same, -1), (good, 1)):
        history.mark(reply, vote=vote)
    found = read(history, VOTES)
    assert (found.samples, found.rows) == ((), 1)
    assert "say the same" in found.problems[0].words
    told = counts(history.database)
    assert told.pairs == len(found.samples)
    assert told.unfit == (found.problems[0].words,)


ENGLISH = TranslationOptions(target="zh", source="en", formality="formal")


def translated(
    database: Database, segments: Sequence[tuple[str, str, str, bool]], options: TranslationOptions = ENGLISH
) -> str:
    """A translation of segments: source, the machine's words, the person's ("" for none), and whether confirmed."""
    store = Translations(database)
    file = SourceFile("a.txt", "text", b"", "s", "en")
    run = store.add("Manual", options.to_dict(), [file])
    planned = [StoredSegment(0, at, one[0]) for at, one in enumerate(segments)]
    store.start(run, "Manual", options.to_dict(), [], [file], planned)
    made = [
        replace(one, status="done", text=two[1], machine=two[1], origin="model")
        for one, two in zip(planned, segments, strict=True)
    ]
    store.done(run, made, RECORD.to_dict())  # type: ignore[arg-type]
    for at, (_, machine, person, confirmed) in enumerate(segments):
        if person or confirmed:
            store.write(run, 0, at, person or machine, [], confirmed)
    return run


def test_segments_are_asked_as_the_app_asks_for_them(history: History) -> None:
    terms = (Term("power supply", "电源"), Term("screen", "屏幕"))
    glossary = Memory(history.database).add_glossary("g", [vars(one) for one in terms])
    options = replace(ENGLISH, glossaries=(glossary,))
    source = "Switch the ⟨1⟩power supply⟨/1⟩ and the screen on."
    # The person does not call the screen by the glossary's word, so it is not asked for.
    translated(history.database, [(source, "打开。", "请打开⟨1⟩电源⟨/1⟩和显示器。", True)], options)
    found = read(history, Choice("translations"))
    model, scripted = lease()
    PromptingMachine(model, ("en", "zh"), "formal").translate(
        [Order(source)], Glossary(terms[:1], "en", "zh"), threading.Event()
    )
    assert said(found.samples[0]) == [scripted.asked[0], "*请打开⟨1⟩电源⟨/1⟩和显示器。"]
    assert "电源" in scripted.asked[0]


def test_only_what_a_person_confirmed_or_wrote_is_learned(history: History) -> None:
    segments = [
        ("One.", "一。", "", True),
        ("Two.", "二。", "", False),
        ("Three.", "四。", "三。", False),
        ("Four.", "五。", "四。", True),
        ("One.", "一。", "", True),
    ]
    run = translated(history.database, segments)
    Translations(history.database).write(run, 0, 1, "贰", [{"kind": "number", "detail": ""}], False)
    found = read(history, Choice("translations"))
    assert [one.messages[-1].content for one in found.samples] == ["一。", "三。", "四。"]
    assert (found.rows, found.lost) == (4, 1)
    assert {one.group for one in found.samples} == {f"{run}/0"}
    pairs = read(history, Choice("translations", pairs=True))
    assert pairs_of(pairs) == {("三。", "四。"), ("四。", "五。")}
    assert pairs.samples[0].messages[0].content.endswith("Three.")
    told = counts(history.database)
    assert (told.segments, told.changed) == ({("en", "zh"): 4}, {("en", "zh"): 2})


def test_translations_by_languages_words_and_runs(history: History) -> None:
    first = translated(history.database, [("One apple.", "一个苹果。", "", True)])
    french = TranslationOptions(target="fr", source="en")
    second = translated(
        history.database, [("One apple.", "Une pomme.", "", True), ("A pear.", "Une poire.", "", True)], french
    )

    def replies(**filters: Any) -> list[str]:
        return [one.messages[-1].content for one in read(history, Choice("translations", **filters)).samples]

    assert replies(target="zh") == replies(ids=(first,)) == ["一个苹果。"]
    assert replies(source="en", target="fr") == replies(ids=(second,)) == ["Une pomme.", "Une poire."]
    assert replies(words="poire") == ["Une poire."]
    assert replies(words="apple") == ["一个苹果。", "Une pomme."]
    assert replies(model="m", source="en", target="zh") == ["一个苹果。"]
    assert replies(model="x") == replies(source="de") == replies(until=1.0) == []
    Translations(history.database).trash(second)
    assert replies() == ["一个苹果。"]


def test_summaries_are_asked_as_the_app_asked_for_them(tmp_path: Path) -> None:
    folder = open_data_folder(str(tmp_path / "data"))
    manager = ModelManager(Settings(engine="echo", model="echo", context_length=4096), folder)
    database = Database(folder.database, folder.backups)
    service = SummaryService(Runs(database), manager, folder.cache / "runs")
    try:
        for text in ("The cat sat on the mat. " * 3, " ".join(f"Sentence {n} tells of x{n}." for n in range(1500))):
            run = service.wait(service.start([read_pasted(text, "t.txt")], SummaryOptions(words=50)))
            assert run.status == "complete", run.error
        found = own_samples(Choice("summaries"), database)
        assert len(found.samples) == found.rows == counts(database).summaries == 2
        for sample in found.samples:
            asked, told = (turn.content for turn in sample.messages)
            # The model repeats what it was asked.
            assert told.startswith("You said: ")
            assert "".join(asked.split()).startswith("".join(told.removeprefix("You said: ").split())[:150])
            assert sample.learned == (False, True)
        assert found.problems[0].row == 0
        assert own_samples(Choice("summaries", words="dog"), database).rows == 0
        assert own_samples(Choice("summaries", words="cat"), database).rows == 1
    finally:
        service.close()
        manager.close()
        database.close()


def test_counts_are_what_the_choices_leave(history: History) -> None:
    chat, first = say(history, None, "one", "1")
    history.pin(chat)
    say(history, None, "two", "half", "stopped")
    _, third = say(history, None, "three", "3")
    history.mark(first, vote=1)
    history.mark(third, starred_at=1.0)
    told = counts(history.database)
    assert (told.chats, told.pinned, told.starred, told.voted_up) == (2, 1, 1, 1)
    assert (told.pairs, told.segments, told.changed, told.summaries) == (0, {}, {}, 0)
    for choice, number in ((CHATS, 2), (replace(CHATS, pinned=True), 1), (replace(CHATS, starred=True), 1)):
        assert len(read(history, choice).samples) == number


def test_a_kind_that_is_none_is_refused() -> None:
    with pytest.raises(BadValueError, match="kind is 'mails'"):
        Choice("mails")  # type: ignore[arg-type]
