"""A history in plain Python: what the real one must look like after the same things were done to it."""

from __future__ import annotations

from dataclasses import dataclass, field

from playground.errors import BusyError, ConflictError, MissingError
from playground.store.grams import fold


@dataclass
class Node:
    """A message. `order` grows over all conversations; `gone` is the number of the deletion that took it away."""

    id: str
    parent: str | None
    role: str
    content: str
    status: str
    order: int
    error: str = ""
    gone: int = 0
    edited_from: str | None = None
    starred: bool = False


@dataclass
class Talk:
    """A conversation and its messages, oldest first."""

    id: str
    title: str
    leaf: str | None = None
    system: str = ""
    trashed: bool = False
    archived: bool = False
    pinned: bool = False
    folder: str = ""
    tags: tuple[str, ...] = ()
    nodes: list[Node] = field(default_factory=list)

    def node(self, id_: str | None) -> Node:
        return next(node for node in self.nodes if node.id == id_)

    def alive(self, id_: str | None, *roles: str) -> Node:
        """Raises MissingError for what was deleted, and for what is of none of these roles, if some are named."""
        found = next((node for node in self.nodes if node.id == id_ and not node.gone), None)
        if found is None or (roles and found.role not in roles):
            raise MissingError(str(id_))
        return found

    def children(self, parent: str | None) -> list[Node]:
        """Those that are not deleted."""
        return [node for node in self.nodes if node.parent == parent and not node.gone]

    def branch(self) -> list[Node]:
        path: list[Node] = []
        at = self.leaf
        while at is not None:
            path.insert(0, self.node(at))
            at = path[0].parent
        return path

    def end_of(self, node: Node) -> str:
        while children := self.children(node.id):
            node = children[-1]
        return node.id

    def below(self, top: Node) -> list[Node]:
        found = [top]
        for node in self.nodes:
            if node.parent in [one.id for one in found]:
                found.append(node)
        return found

    def expect(self, seen: str | None) -> bool:
        """Has it gone on since `seen` was the last message? Raises ConflictError where a write is refused."""
        if self.trashed:
            raise ConflictError("trash")
        if seen == self.leaf:
            return False
        try:
            self.alive(seen)
        except MissingError:
            raise ConflictError("another window") from None
        return True

    def refuse_growing(self, id_: str | None) -> None:
        if id_ is not None and self.node(id_).status == "streaming":
            raise BusyError(id_)

    def delete(self, id_: str, number: int) -> None:
        top = self.alive(id_)
        below = self.below(top)
        if any(node.status == "streaming" for node in below):
            raise BusyError(id_)
        for node in below:
            node.gone = node.gone or number
        if self.leaf is not None and self.node(self.leaf).gone:
            beside = self.children(top.parent)
            self.leaf = self.end_of(beside[-1]) if beside else top.parent

    def undelete(self, id_: str) -> None:
        group = self.node(id_).gone
        at: str | None = id_
        while at is not None:
            self.node(at).gone = 0
            at = self.node(at).parent
        for node in self.nodes:
            if group and node.gone == group:
                node.gone = 0
        self.leaf = self.end_of(self.node(id_))


def found_in(talks: list[Talk], word: str) -> tuple[list[str], set[str]]:
    """Messages with this word, newest first, and conversations with it in title or tags: all looked through."""
    wanted = fold(word)
    shown = [talk for talk in talks if not talk.trashed]
    nodes = [node for talk in shown for node in talk.nodes if not node.gone and wanted in fold(node.content)]
    named = {talk.id for talk in shown if any(wanted in fold(name) for name in (talk.title, *talk.tags))}
    return [node.id for node in sorted(nodes, key=lambda node: -node.order)], named
