"""Conversations kept in order: found in their place, copied whole, and gone without a rest when they are purged."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from playground.errors import BadValueError, BusyError, ConflictError, MissingError
from playground.store import History
from playground.store.checking import check
from tests.histories import FILE, RECORD, SETTINGS, answered, shown, turn


def ids(history: History, **where: object) -> list[str]:
    return [one.id for one in history.conversations(**where)]  # type: ignore[arg-type]


def test_places_folders_tags_and_pins(history: History) -> None:
    a, b, c = (answered(history, text=name).conversation_id for name in "abc")
    history.archive(a)
    history.move(b, "  work  and play ")
    history.set_tags(b, ["blue", "Red", "blue", " "])
    history.pin(c)
    assert ids(history) == [c, b]
    assert ids(history, place="archive") == [a]
    assert ids(history, folder="work and play") == [b]
    assert ids(history, folder="") == [c]
    assert ids(history, tag="blue") == [b]
    assert ids(history, pinned=True) == [c]
    assert ids(history, pinned=False) == [b]
    assert ids(history, offset=1) == [b]
    assert history.conversation(b).tags == ("blue", "Red")
    counts = history.counts()
    assert (counts.archived, counts.trashed, counts.folders) == (1, 0, {"work and play": 1})
    assert counts.tags == {"blue": 1, "Red": 1}
    assert history.rename_folder("work and play", "later") == [b]
    assert ids(history, folder="later") == [b]
    assert history.rename_folder("later", " ") == [b]
    history.archive(a, on=False)
    history.pin(c, on=False)
    assert ids(history, folder="", pinned=False) == [c, b, a]
    history.set_tags(b, [])
    assert history.counts().tags == {}


def test_words_that_are_refused(history: History) -> None:
    talk = answered(history).conversation_id
    with pytest.raises(BadValueError, match="title is empty"):
        history.rename(talk, " \n")
    with pytest.raises(BadValueError, match="context is 'all'"):
        history.set_context(talk, "all")
    with pytest.raises(ValueError, match="no marks"):
        history.mark(history.conversation(talk).leaf_id or "", content="changed")
    history.set_context(talk, "summary")
    history.rename(talk, "x" * 1000)
    found = history.conversation(talk)
    assert (found.context, len(found.title), found.title_by) == ("summary", 200, "user")
    for call in (history.pin, history.archive, history.trash, history.restore):
        with pytest.raises(MissingError):
            call("nobody")


def test_marks(history: History) -> None:
    new = answered(history)
    history.mark(new.reply_id, starred_at=5.0, vote=-1, vote_reason="wrong", left_out=True)
    message = history.message(new.reply_id)
    assert (message.starred_at, message.vote, message.vote_reason, message.left_out) == (5.0, -1, "wrong", True)
    history.mark(new.reply_id, starred_at=None, left_out=False)
    message = history.message(new.reply_id)
    assert (message.starred_at, message.vote, message.left_out) == (None, -1, False)
    with pytest.raises(MissingError):
        history.mark("nobody", vote=1)


def rich(history: History) -> str:
    """A conversation with two branches, a file, a deleted message, records that name messages, tags, a summary."""
    history.keep_file(FILE)
    first = turn(history, text="look", attachments=[FILE.id])
    talk = first.conversation_id
    asked = history.branch(first.reply_id)[0].id
    prompt = {"first": asked, "excluded": [asked], "system": history.keep_text("Be brief."), "sha256": "x"}
    history.finish(first.reply_id, "seen", "complete", "", replace(RECORD, prompt=prompt))
    other = history.add_reply(talk, first.reply_id, seen_leaf=first.reply_id)
    history.finish(other.reply_id, "seen again", "complete", "", RECORD)
    gone = answered(history, talk, "gone")
    history.delete_message(talk, history.branch(gone.reply_id)[-2].id)
    history.mark(first.reply_id, vote=1)
    history.keep_tokens(first.reply_id, 0, [["a", 0.5]])
    history.keep_summary(talk, first.reply_id, "They looked.", "m")
    history.set_tags(talk, ["blue"])
    history.move(talk, "work")
    return talk


def test_a_copy_stands_on_its_own(history: History) -> None:
    talk = rich(history)
    copy = history.duplicate(talk, "copy")
    assert check(history.database.file, running=False).problems == ()
    old, new = (history.messages([node.id for node in history.tree(one)], texts=True) for one in (talk, copy))
    plain = [(one.role, one.content, one.vote, one.created_at) for one in old]
    assert [(one.role, one.content, one.vote, one.created_at) for one in new] == plain
    assert not {one.id for one in old} & {one.id for one in new}
    assert [file.text for file in new[0].attachments] == ["page one"]
    assert new[1].record is not None
    assert (new[1].record["prompt"]["first"], new[1].record["prompt"]["excluded"]) == (new[0].id, [new[0].id])
    assert history.tokens(new[1].id, 0) == [["a", 0.5]]
    made = history.conversation(copy)
    assert (made.title, made.tags, made.folder, made.system_prompt) == ("copy", ("blue",), "work", "Be brief.")
    answered(history, copy, "more")
    history.trash(talk)
    history.empty_trash()
    assert shown(history, copy) == ["look", "seen again", "more", "re: more"]
    assert [file.text for file in history.branch(new[1].id)[0].attachments] == ["page one"], "shared text stays"


def test_a_copy_does_not_go_on_writing(history: History) -> None:
    new = turn(history)
    history.journal(new.reply_id, "half")
    copy = history.duplicate(new.conversation_id, "copy")
    message = history.message(history.conversation(copy).leaf_id or "")
    assert (message.content, message.status) == ("half", "stopped")
    assert history.message(new.reply_id).status == "streaming"


def test_purged_without_a_rest(history: History) -> None:
    other = answered(history, text="other")
    history.keep_text("kept by nobody")
    talk = rich(history)
    assert history.empty_trash() == (0, 0)
    history.trash(talk)
    assert history.empty_trash() == (1, 0)
    for table in ("attachments", "texts", "tags", "summaries", "token_views"):
        assert history.database.db.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,), table
    assert history.database.db.execute("SELECT count(*) FROM replies").fetchone() == (1,)
    assert shown(history, other.conversation_id) == ["other", "re: other"]
    assert history.search.find("look").hits == ()
    assert check(history.database.file, running=False).problems == ()


def test_what_a_growing_reply_was_asked_with_is_not_purged(history: History) -> None:
    """Its text is kept before the record that refers to it."""
    growing, other = turn(history), answered(history)
    sha256 = history.keep_text("Be brief.")
    history.trash(other.conversation_id)
    history.empty_trash()
    history.finish(growing.reply_id, "there", "complete", "", replace(RECORD, prompt={"system": sha256}))
    assert history.text(sha256) == "Be brief."
    assert check(history.database.file, running=False).problems == ()


def test_the_trash_emptied(history: History) -> None:
    kept, gone, growing = answered(history), answered(history, text="gone"), turn(history)
    for one in (gone, growing):
        history.trash(one.conversation_id)
    assert history.empty_trash() == (1, 1)
    assert ids(history, place="trash") == [growing.conversation_id]
    assert ids(history) == [kept.conversation_id]
    history.finish(growing.reply_id, "", "stopped", "", None)
    assert history.empty_trash() == (1, 0)
    assert history.empty_trash() == (0, 0)
    assert check(history.database.file, running=False).problems == ()


def test_what_is_being_written_is_not_purged(history: History) -> None:
    new = turn(history)
    history.trash(new.conversation_id)
    assert history.empty_trash() == (0, 1)
    history.finish(new.reply_id, "there", "complete", "", RECORD)
    assert shown(history, new.conversation_id) == ["hello", "there"]
    assert history.empty_trash() == (1, 0)
    assert history.conversations(place="trash") == []


def test_many_at_once(history: History) -> None:
    some = [answered(history, text=name).conversation_id for name in "abc"]
    assert history.move_all([*some[:2], "gone"], " work ") == 2
    assert ids(history, folder="work") == [some[1], some[0]]
    assert history.move_all(some, " ") == 3
    assert history.counts().folders == {}
    assert history.archive_all(some[:2]) == 2
    assert ids(history, place="archive") == [some[1], some[0]]
    assert history.archive_all(some, on=False) == 3
    assert history.trash_all([*some, "gone"]) == 3
    assert ids(history) == []
    assert history.restore_all(some[1:]) == 2
    assert ids(history) == [some[2], some[1]]
    assert history.trash_all([]) == 0
    assert history.trash_all([some[1]] * 40_000) == 1, "more than SQLite takes values"


def test_a_title_of_ones_own_is_not_replaced_by_the_models(history: History) -> None:
    first, second = (answered(history, text=name).conversation_id for name in ("one", "two"))
    assert history.retitle(first, " A  better\ntitle ")
    assert (history.conversation(first).title, history.conversation(first).title_by) == ("A better title", "model")
    history.rename(second, "Mine")
    assert not history.retitle(second, "Better")
    assert not history.retitle(first, "Another")
    assert not history.retitle("gone", "Better")
    assert (history.conversation(second).title, history.conversation(second).title_by) == ("Mine", "user")
    assert history.conversation(first).title == "A better title"


def test_the_trash_takes_no_turn(history: History) -> None:
    new = answered(history)
    history.trash(new.conversation_id)
    with pytest.raises(ConflictError, match="trash"):
        turn(history, new.conversation_id, "more", new.reply_id)
    with pytest.raises(ConflictError, match="trash"):
        history.add_reply(new.conversation_id, new.reply_id, seen_leaf=new.reply_id)


def test_deleted_and_brought_back(history: History) -> None:
    first = answered(history, text="a")
    talk = first.conversation_id
    second = answered(history, talk, "b")
    other = turn(history, talk, "b2", second.reply_id, edits=history.branch(second.reply_id)[-2].id)
    history.finish(other.reply_id, "re: b2", "complete", "", RECORD)
    asked = history.branch(other.reply_id)[-2].id
    history.delete_message(talk, other.reply_id)
    history.delete_message(talk, asked)
    assert shown(history, talk) == ["a", "re: a", "b", "re: b"], "what stands beside it is shown"
    with pytest.raises(MissingError):
        history.delete_message(talk, asked)
    history.restore_message(talk, asked)
    assert shown(history, talk) == ["a", "re: a", "b2"], "what was deleted before it stays deleted"
    history.restore_message(talk, other.reply_id)
    assert shown(history, talk) == ["a", "re: a", "b2", "re: b2"]
    root = history.branch(second.reply_id)[0].id
    history.delete_message(talk, root)
    assert (shown(history, talk), history.tree(talk)) == ([], [])
    history.restore_message(talk, root)
    assert shown(history, talk) == ["a", "re: a", "b2", "re: b2"], "with all that went with it"
    history.delete_message(talk, root)
    anew = answered(history, talk, "anew")
    history.restore_message(talk, second.reply_id)
    assert shown(history, talk) == ["a", "re: a", "b", "re: b"]
    assert len(history.tree(talk)) == 8
    history.select(talk, anew.reply_id)
    assert shown(history, talk) == ["anew", "re: anew"]
    growing = history.add_reply(talk, anew.reply_id, seen_leaf=anew.reply_id)
    with pytest.raises(BusyError):
        history.delete_message(talk, history.branch(growing.reply_id)[0].id)
    assert check(history.database.file, running=True).problems == ()


# -- what lies beside --------------------------------------------------------------------------------------------------


def test_texts_and_files(history: History) -> None:
    sha256 = history.keep_text("shared 天")
    assert sha256 == hashlib.sha256("shared 天".encode()).hexdigest() == history.keep_text("shared 天")
    assert history.text(sha256) == "shared 天"
    with pytest.raises(MissingError):
        history.text("nobody")
    history.keep_file(FILE)
    history.keep_file(replace(FILE, id="f2", name="b.pdf"))
    assert [one.name for one in history.files(["f2", "gone", "f1"])] == ["b.pdf", "a.pdf"]
    new = turn(history, attachments=["f2"])
    history.drop_files(older_than=1e12)
    assert [one.name for one in history.files(["f1", "f2"])] == ["b.pdf"], "a message has it"
    (file,) = history.branch(new.reply_id)[0].attachments
    assert file == replace(FILE, id="f2", name="b.pdf")


def test_the_text_of_a_file_that_nobody_sent_goes_with_it(history: History) -> None:
    def kept() -> list[str]:
        return [row[0] for row in history.database.db.execute("SELECT text FROM texts ORDER BY text")]

    growing = turn(history)
    history.keep_file(FILE)
    history.keep_text("asked with")
    history.drop_files(older_than=1e12)
    assert "asked with" in kept(), "a reply that is written may have a record soon"
    history.finish(growing.reply_id, "there", "complete", "", RECORD)
    history.keep_file(replace(FILE, id="f2"))
    history.keep_file(replace(FILE, id="f3", text="sent"))
    turn(history, growing.conversation_id, seen=growing.reply_id, attachments=["f3"])
    history.mark_interrupted()
    history.drop_files(older_than=1e12)
    assert kept() == ["sent"]


def test_prompts_of_ones_own(history: History) -> None:
    second = history.save_prompt("persona", " zoe ", "Be Zoe.", {"top_k": 3})
    first = history.save_prompt("persona", "Adam", "Be Adam.")
    history.save_prompt("template", "t", "Say {x}.")
    assert [(one.name, one.sampling) for one in history.prompts("persona")] == [("Adam", {}), ("zoe", {"top_k": 3})]
    assert history.save_prompt("persona", "Eve", "Be Eve.", prompt_id=first) == first
    history.delete_prompt(second)
    assert [one.text for one in history.prompts("persona")] == ["Be Eve."]
    history.delete_prompt(second, undo=True)
    assert [one.name for one in history.prompts("persona")] == ["Eve", "zoe"]
    with pytest.raises(BadValueError):
        history.save_prompt("persona", "x", " ")
    for call in (lambda: history.save_prompt("persona", "x", "y", prompt_id="n"), lambda: history.delete_prompt("n")):
        with pytest.raises(MissingError):
            call()


def test_summaries_are_kept_by_their_end(history: History) -> None:
    new = answered(history)
    history.keep_summary(new.conversation_id, new.reply_id, "one", "m")
    sha256 = history.keep_summary(new.conversation_id, new.reply_id, "another", "m")
    assert history.summaries(new.conversation_id) == {new.reply_id: sha256}
    assert history.tokens(new.reply_id, 0) is None
    again = history.reopen(new.conversation_id, seen_leaf=new.reply_id, settings=SETTINGS)
    assert again.reply_id == new.reply_id
