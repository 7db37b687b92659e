"""The history against a model of it: done in whatever order, what is shown is what a plain tree would show."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from playground.errors import BusyError, ConflictError, MissingError, PlaygroundError
from playground.records import Status
from playground.store import Database, History
from playground.store.history import INTERRUPTED, NewTurn


@dataclass
class Node:
    """What the model knows of a message."""

    id: str
    parent: str | None
    content: str
    status: str
    error: str = ""


@dataclass
class Talk:
    """What the model knows of a conversation."""

    id: str
    leaf: str = ""
    trashed: bool = False
    nodes: list[Node] = field(default_factory=list)

    def node(self, id_: str) -> Node:
        return next(node for node in self.nodes if node.id == id_)

    def children(self, parent: str | None) -> list[Node]:
        return [node for node in self.nodes if node.parent == parent]

    def branch(self) -> list[Node]:
        path = [self.node(self.leaf)]
        while path[0].parent is not None:
            path.insert(0, self.node(path[0].parent))
        return path


TALKS = st.integers(0, 5)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)


class HistoryMachine(RuleBasedStateMachine):
    """Every rule does a thing twice: to the file, and to the model."""

    @initialize()
    def open(self) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="history 史 ")
        self.abandoned: list[Database] = []
        self.talks: list[Talk] = []
        self.history = self.opened()

    def opened(self) -> History:
        root = Path(self.folder.name)
        return History(Database(root / "playground.db", root / "backups"))

    def pick(self, number: int) -> Talk:
        return self.talks[number % len(self.talks)]

    def refusal(self, talk: Talk) -> type[PlaygroundError] | None:
        """How a write on this conversation must be refused, if at all."""
        if talk.trashed:
            return ConflictError
        return BusyError if any(node.status == "streaming" for node in talk.nodes) else None

    def write(self, talk: Talk, new: NewTurn, parent: str | None) -> None:
        talk.nodes.append(Node(new.reply_id, parent, "", "streaming"))
        talk.leaf = new.reply_id

    @rule(text=TEXT)
    def begin(self, text: str) -> None:
        new = self.history.add_turn(None, text, seen_leaf=None, title=text, system_prompt="", sampling={})
        talk = Talk(new.conversation_id)
        self.talks.append(talk)
        self.add_user(talk, new, None, text)

    def add_user(self, talk: Talk, new: NewTurn, parent: str | None, text: str) -> None:
        user = self.history.branch(new.reply_id)[-2]
        talk.nodes.append(Node(user.id, parent, text, "complete"))
        self.write(talk, new, user.id)

    @precondition(lambda self: self.talks)
    @rule(number=TALKS, text=TEXT)
    def add_turn(self, number: int, text: str) -> None:
        talk = self.pick(number)
        if refusal := self.refusal(talk):
            with pytest.raises(refusal):
                self.history.add_turn(talk.id, text, seen_leaf=talk.leaf, title="", system_prompt="", sampling={})
            return
        parent = talk.leaf
        new = self.history.add_turn(talk.id, text, seen_leaf=parent, title="", system_prompt="", sampling={})
        self.add_user(talk, new, parent, text)

    @precondition(lambda self: self.talks)
    @rule(number=TALKS)
    def add_alternative(self, number: int) -> None:
        talk = self.pick(number)
        if refusal := self.refusal(talk):
            with pytest.raises(refusal):
                self.history.add_alternative(talk.id, seen_leaf=talk.leaf, system_prompt="", sampling={})
            return
        parent = talk.node(talk.leaf).parent
        self.write(
            talk, self.history.add_alternative(talk.id, seen_leaf=talk.leaf, system_prompt="", sampling={}), parent
        )

    @precondition(lambda self: self.talks)
    @rule(number=TALKS)
    def go_on(self, number: int) -> None:
        talk = self.pick(number)
        if refusal := self.refusal(talk):
            with pytest.raises(refusal):
                self.history.reopen(talk.id, seen_leaf=talk.leaf, system_prompt="", sampling={})
            return
        assert self.history.reopen(talk.id, seen_leaf=talk.leaf, system_prompt="", sampling={}) == NewTurn(
            talk.id, talk.leaf
        )
        talk.node(talk.leaf).status, talk.node(talk.leaf).error = "streaming", ""

    @precondition(lambda self: self.talks)
    @rule(number=TALKS, which=st.integers(0, 20))
    def stale_page(self, number: int, which: int) -> None:
        talk = self.pick(number)
        stale = talk.nodes[which % len(talk.nodes)].id
        if stale == talk.leaf or self.refusal(talk):
            return
        with pytest.raises(ConflictError):
            self.history.add_turn(talk.id, "late", seen_leaf=stale, title="", system_prompt="", sampling={})

    def streaming(self) -> list[Node]:
        return [node for talk in self.talks for node in talk.nodes if node.status == "streaming"]

    @precondition(lambda self: self.streaming())
    @rule(number=TALKS, text=TEXT)
    def journal(self, number: int, text: str) -> None:
        node = self.streaming()[number % len(self.streaming())]
        self.history.journal(node.id, node.content + text)
        node.content += text

    @precondition(lambda self: self.streaming())
    @rule(number=TALKS, text=TEXT, status=st.sampled_from(["complete", "stopped", "failed"]))
    def finish(self, number: int, text: str, status: Status) -> None:
        node = self.streaming()[number % len(self.streaming())]
        error = "no" if status == "failed" else ""
        self.history.finish(node.id, node.content + text, status, error, None)
        node.content, node.status, node.error = node.content + text, status, error

    @precondition(lambda self: self.talks)
    @rule(number=TALKS, which=st.integers(0, 20))
    def select(self, number: int, which: int) -> None:
        talk = self.pick(number)
        node = talk.nodes[which % len(talk.nodes)]
        self.history.select(talk.id, node.id)
        while children := talk.children(node.id):
            node = children[-1]
        talk.leaf = node.id

    @precondition(lambda self: self.talks)
    @rule(number=TALKS)
    def trash(self, number: int) -> None:
        self.history.trash(self.pick(number).id)
        self.pick(number).trashed = True

    @precondition(lambda self: self.talks)
    @rule(number=TALKS)
    def restore(self, number: int) -> None:
        self.history.restore(self.pick(number).id)
        self.pick(number).trashed = False

    @rule()
    def quit_and_start(self) -> None:
        """An orderly end and a new start; nothing is streaming in another process then."""
        self.history.database.close()
        self.start()

    @rule()
    def crash_and_start(self) -> None:
        """The old connection is simply left behind, with its log unmerged."""
        self.abandoned.append(self.history.database)
        self.start()

    def start(self) -> None:
        self.history = self.opened()
        assert self.history.database.kept_aside is None
        cut = self.streaming()
        assert self.history.mark_interrupted() == len(cut)
        for node in cut:
            node.status, node.error = "failed", INTERRUPTED

    @rule()
    def ask_for_what_is_not_there(self) -> None:
        for call in (self.history.conversation, self.history.message, self.history.trash):
            with pytest.raises(MissingError):
                call("nobody")

    @invariant()
    def shows_what_the_model_shows(self) -> None:
        for trashed in (False, True):
            found = {
                conversation.id: conversation.leaf_id for conversation in self.history.conversations(trashed=trashed)
            }
            assert found == {talk.id: talk.leaf for talk in self.talks if talk.trashed == trashed}
        for talk in self.talks[-2:]:
            window = self.history.window(talk.id, 4)
            branch = talk.branch()
            assert window.earlier == max(0, len(branch) - 4)
            for message, node in zip(window.messages, branch[-4:], strict=True):
                assert (message.id, message.content, message.status, message.error) == (
                    node.id,
                    node.content,
                    node.status,
                    node.error,
                )
                assert message.alternatives == tuple(child.id for child in talk.children(node.parent))

    def teardown(self) -> None:
        if hasattr(self, "history"):
            for database in [self.history.database, *self.abandoned]:
                database.close()
            assert Database.inspect(self.history.database.file).problems == ()
            self.folder.cleanup()


TestHistory = HistoryMachine.TestCase
TestHistory.settings = settings(
    max_examples=20, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
