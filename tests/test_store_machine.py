"""The history against a model of it: done in whatever order, what is shown is what a plain tree would show.

The long form, 10,000 sequences (about half an hour):
PLAYGROUND_LONG=1 .venv/bin/pytest --timeout 0 tests/test_store_machine.py
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from playground.errors import MissingError, PlaygroundError
from playground.records import Status
from playground.store import Database, History
from playground.store.checking import check
from playground.store.history import INTERRUPTED, NewTurn, TurnSettings
from playground.store.shelf import Place
from tests.store.model import Node, Talk, found_in

LONG = os.environ.get("PLAYGROUND_LONG") == "1"
MEMORY = "/dev/shm" if os.path.isdir("/dev/shm") else None
"""A file there is as safe from a crash of the app as any, and nobody waits for a disk."""
ANY = st.integers(0, 1000)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8) | st.text("ab天气Aß ", min_size=1)
WORD = st.text("ab天气Aß", min_size=1, max_size=3)
NAME = st.sampled_from(["ab", "天气", "Aa"])
PLACES: tuple[Place, ...] = ("list", "archive", "trash")


class HistoryMachine(RuleBasedStateMachine):
    """Every rule does a thing twice: to the file, and to the model."""

    @initialize(text=TEXT, title=NAME)
    def make(self, text: str, title: str) -> None:
        self.folder = tempfile.TemporaryDirectory(dir=MEMORY)
        self.talks: list[Talk] = []
        self.abandoned: list[Database] = []
        self.order = self.deletions = 0
        self.history = self.opened()
        self.begin_one(text, title)

    def opened(self) -> History:
        root = Path(self.folder.name)
        return History(Database(root / "playground.db", root / "backups"))

    def pick(self, number: int) -> Talk:
        return self.talks[number % len(self.talks)]

    def pick_node(self, number: int, which: int) -> tuple[Talk, Node]:
        talk = self.pick(number)
        return talk, talk.nodes[which % len(talk.nodes)]

    def seen(self, talk: Talk, which: int) -> str | None:
        """What a page saw last: most often what is last now."""
        return talk.nodes[which % len(talk.nodes)].id if which % 3 == 0 else talk.leaf

    def same(self, real: Callable[[], Any], model: Callable[[], Any]) -> Any:
        """Both do it, or both refuse it with the same kind of error, which is then returned as None."""
        try:
            expected = model()
        except PlaygroundError as error:
            with pytest.raises(type(error)):
                real()
            return None
        found = real()
        return found if expected is None else (found, expected)

    def add(self, talk: Talk, id_: str, parent: str | None, role: str, content: str, status: str, **more: Any) -> None:
        self.order += 1
        talk.nodes.append(Node(id_, parent, role, content, status, self.order, **more))

    def added(self, talk: Talk, new: NewTurn, parent: str | None, text: str, edits: str | None = None) -> None:
        user = self.history.path(new.reply_id)[-2]
        self.add(talk, user, parent, "user", text, "complete", edited_from=edits)
        self.add(talk, new.reply_id, user, "assistant", "", "streaming")
        talk.leaf = new.reply_id

    # -- turns ---------------------------------------------------------------------------------------------------------

    @rule(text=TEXT, title=NAME)
    def begin(self, text: str, title: str) -> None:
        self.begin_one(text, title)

    def begin_one(self, text: str, title: str) -> None:
        new = self.history.add_turn(None, text, seen_leaf=None, title=title, settings=TurnSettings("", {}))
        talk = Talk(new.conversation_id, title)
        self.talks.append(talk)
        self.added(talk, new, None, text)

    @rule(number=ANY, which=ANY, text=TEXT, system=NAME)
    def send(self, number: int, which: int, text: str, system: str) -> None:
        talk = self.pick(number)
        seen = self.seen(talk, which)

        def model() -> bool:
            branched = talk.expect(seen)
            talk.refuse_growing(seen)
            return branched

        wanted = TurnSettings(system, {})
        done = self.same(lambda: self.history.add_turn(talk.id, text, seen_leaf=seen, title="", settings=wanted), model)
        if done:
            new, branched = done
            assert new.branched == branched
            talk.system = system
            self.added(talk, new, seen, text)

    @rule(number=ANY, which=ANY, edited=ANY, text=TEXT)
    def edit(self, number: int, which: int, edited: int, text: str) -> None:
        talk, node = self.pick_node(number, edited)
        seen = self.seen(talk, which)
        wanted = TurnSettings(talk.system, {})
        done = self.same(
            lambda: self.history.add_turn(talk.id, text, seen_leaf=seen, title="", settings=wanted, edits=node.id),
            lambda: (talk.expect(seen), talk.alive(node.id, "user")),
        )
        if done:
            self.added(talk, done[0], node.parent, text, node.id)

    @rule(number=ANY, which=ANY, asked=ANY, text=st.none() | TEXT)
    def another_reply(self, number: int, which: int, asked: int, text: str | None) -> None:
        """Written anew, or by hand where there is a text."""
        talk, node = self.pick_node(number, asked)
        seen = self.seen(talk, which)
        status: Status = "streaming" if text is None else "complete"
        roles = ("user", "assistant") if text is None else ("assistant",)
        done = self.same(
            lambda: self.history.add_reply(talk.id, node.id, seen_leaf=seen, content=text or "", status=status),
            lambda: (talk.expect(seen), talk.alive(node.id, *roles)),
        )
        if done:
            parent = node.id if node.role == "user" else node.parent
            edited = None if text is None else node.id
            self.add(talk, done[0].reply_id, parent, "assistant", text or "", status, edited_from=edited)
            talk.leaf = done[0].reply_id

    @rule(number=ANY, which=ANY)
    def go_on(self, number: int, which: int) -> None:
        talk = self.pick(number)
        seen = self.seen(talk, which)

        def model() -> bool:
            branched = talk.expect(seen)
            if seen is None or talk.node(seen).role != "assistant":
                raise MissingError("no reply")
            talk.refuse_growing(seen)
            return branched

        wanted = TurnSettings(talk.system, {})
        done = self.same(lambda: self.history.reopen(talk.id, seen_leaf=seen, settings=wanted), model)
        if done:
            new, branched = done
            old = talk.node(seen)
            if branched:
                self.add(talk, new.reply_id, old.parent, "assistant", old.content, "streaming", edited_from=old.id)
            else:
                old.status, old.error = "streaming", ""
            assert (new.branched, new.reply_id == old.id) == (branched, not branched)
            talk.leaf = new.reply_id

    def streaming(self) -> list[Node]:
        return [node for talk in self.talks for node in talk.nodes if node.status == "streaming"]

    @precondition(lambda self: self.streaming())
    @rule(number=ANY, text=TEXT)
    def journal(self, number: int, text: str) -> None:
        node = self.streaming()[number % len(self.streaming())]
        self.history.journal(node.id, node.content + text)
        node.content += text

    @precondition(lambda self: self.streaming())
    @rule(number=ANY, text=TEXT, status=st.sampled_from(["complete", "stopped", "failed"]))
    def finish(self, number: int, text: str, status: Status) -> None:
        node = self.streaming()[number % len(self.streaming())]
        error = "no" if status == "failed" else ""
        self.history.finish(node.id, node.content + text, status, error, None)
        node.content, node.status, node.error = node.content + text, status, error

    # -- the tree ------------------------------------------------------------------------------------------------------

    @rule(number=ANY, which=ANY)
    def select(self, number: int, which: int) -> None:
        talk, node = self.pick_node(number, which)

        def model() -> None:
            talk.leaf = talk.end_of(talk.alive(node.id))

        self.same(lambda: self.history.select(talk.id, node.id), model)

    @rule(number=ANY, which=ANY)
    def delete(self, number: int, which: int) -> None:
        talk, node = self.pick_node(number, which)
        self.deletions += 1
        self.same(lambda: self.history.delete_message(talk.id, node.id), lambda: talk.delete(node.id, self.deletions))

    @precondition(lambda self: any(node.gone for talk in self.talks for node in talk.nodes))
    @rule(number=ANY)
    def undelete(self, number: int) -> None:
        gone = [(talk, node) for talk in self.talks for node in talk.nodes if node.gone]
        talk, node = gone[number % len(gone)]
        self.history.restore_message(talk.id, node.id)
        talk.undelete(node.id)

    @rule(number=ANY, which=ANY, on=st.booleans())
    def star(self, number: int, which: int, on: bool) -> None:
        talk, node = self.pick_node(number, which)

        def model() -> None:
            talk.alive(node.id).starred = on

        self.same(lambda: self.history.mark(node.id, starred_at=1.0 if on else None), model)

    # -- the shelf -----------------------------------------------------------------------------------------------------

    @rule(number=ANY, what=st.sampled_from(["trash", "restore", "archive", "pin"]), on=st.booleans())
    def place(self, number: int, what: str, on: bool) -> None:
        talk = self.pick(number)
        if what in ("trash", "restore"):
            getattr(self.history, what)(talk.id)
            talk.trashed = what == "trash"
        else:
            getattr(self.history, what)(talk.id, on)
            setattr(talk, "archived" if what == "archive" else "pinned", on)

    @rule(number=ANY, name=NAME, tags=st.lists(NAME, unique=True))
    def sort(self, number: int, name: str, tags: list[str]) -> None:
        talk = self.pick(number)
        self.history.move(talk.id, name)
        self.history.set_tags(talk.id, tags)
        self.history.rename(talk.id, name)
        talk.folder = talk.title = name
        talk.tags = tuple(sorted(tags, key=lambda tag: tag.lower()))

    @rule(number=ANY, title=NAME)
    def duplicate(self, number: int, title: str) -> None:
        talk = self.pick(number)
        made = self.history.duplicate(talk.id, title)
        rows = self.history.database.db.query("SELECT id FROM messages WHERE conversation_id = ? ORDER BY seq", [made])
        ids = dict(zip([node.id for node in talk.nodes], [row["id"] for row in rows], strict=True))
        copy = replace(talk, id=made, title=title, trashed=False, archived=False, pinned=False, nodes=[])
        copy.leaf = ids.get(talk.leaf or "")
        self.talks.append(copy)
        for node in talk.nodes:
            self.order += 1
            status = "stopped" if node.status == "streaming" else node.status
            moved = replace(node, id=ids[node.id], parent=ids.get(node.parent or ""), order=self.order, status=status)
            moved.edited_from = ids.get(node.edited_from or "")
            copy.nodes.append(moved)

    @precondition(lambda self: any(not talk.trashed for talk in self.talks))
    @rule(back=st.booleans())
    def empty(self, back: bool) -> None:
        """Gone for good, or taken out and put in again."""
        trashed = [talk for talk in self.talks if talk.trashed]
        going = [talk for talk in trashed if all(node.status != "streaming" for node in talk.nodes)]
        dumped = [self.history.dump(talk.id) for talk in going]
        for one in dumped:
            assert self.history.load(one).outcome == "there"
        assert self.history.empty_trash() == (len(going), len(trashed) - len(going))
        for talk, one in zip(going, dumped, strict=True):
            with pytest.raises(MissingError):
                self.history.conversation(talk.id)
            self.talks.remove(talk)
            if back:
                assert self.history.load(one).outcome == "new"
                self.talks.append(talk)
                for node in talk.nodes:
                    self.order += 1
                    node.order = self.order

    # -- search, ends and starts ---------------------------------------------------------------------------------------

    @rule(word=WORD)
    def search(self, word: str) -> None:
        found = self.history.search.find(word, limit=10_000)
        messages, named = found_in(self.talks, word)
        assert [hit.message_id for hit in found.hits] == messages
        assert {one.conversation_id for one in found.conversations} <= named
        assert len(found.conversations) == min(len(named), 20)

    @rule(mend=st.booleans())
    def tidy(self, mend: bool) -> None:
        if mend:
            self.history.search.rebuild()
        self.history.search.catch_up(threading.Event(), rest=0.0)

    @rule(crash=st.booleans())
    def start_again(self, crash: bool) -> None:
        """An orderly end, or a crash: the old connection is simply left behind, with its log unmerged."""
        if crash:
            self.abandoned.append(self.history.database)
        else:
            self.history.database.close()
        self.history = self.opened()
        cut = self.streaming()
        assert self.history.mark_interrupted() == len(cut)
        for node in cut:
            node.status, node.error = "failed", INTERRUPTED

    @invariant()
    def shows_what_the_model_shows(self) -> None:
        for place in PLACES:
            expected = {
                talk.id: (talk.leaf, talk.title, talk.system, talk.folder, talk.tags, talk.pinned)
                for talk in self.talks
                if place == ("trash" if talk.trashed else "archive" if talk.archived else "list")
            }
            found = {
                one.id: (one.leaf_id, one.title, one.system_prompt, one.folder, one.tags, one.pinned_at is not None)
                for one in self.history.conversations(place=place)
            }
            assert found == expected
        for talk in self.talks[-2:]:
            assert [node.id for node in self.history.tree(talk.id)] == [node.id for node in talk.nodes if not node.gone]
            window = self.history.window(talk.id, 4)
            branch = talk.branch()
            assert window.earlier == max(0, len(branch) - 4)
            for message, node in zip(window.messages, branch[-4:], strict=True):
                plain = (message.id, message.role, message.content, message.status, message.error, message.edited_from)
                assert plain == (node.id, node.role, node.content, node.status, node.error, node.edited_from)
                assert message.alternatives == tuple(child.id for child in talk.children(node.parent))
                assert (message.starred_at is not None) == node.starred

    def teardown(self) -> None:
        if hasattr(self, "history"):
            for database in [self.history.database, *self.abandoned]:
                database.close()
            assert check(self.history.database.file, running=True).sound
            self.folder.cleanup()


TestHistory = HistoryMachine.TestCase
TestHistory.settings = settings(
    max_examples=10_000 if LONG else 200,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
