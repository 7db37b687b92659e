"""A conversation's tree of messages as a picture: a line of dots, and where it forks, lines beside each other."""

from __future__ import annotations

import html
from collections.abc import Sequence

from playground.store.history import Node
from playground.ui.icons import icon_button
from playground.ui.messages_view import without_thought
from playground.ui.strings import t

_ROW = 26
"""Pixels of a line; the style sheet says the same."""
_DEEPEST = 12
_MANY = 60
"""A tree of more messages is folded where nothing forks."""


def tree_html(nodes: Sequence[Node], language: str) -> str:
    """The messages from top to bottom, each branch set in; of a long one, where it forks and ends."""
    children: dict[str | None, list[Node]] = {}
    for node in nodes:
        children.setdefault(node.parent_id, []).append(node)
    roots = children.get(None, [])
    if not roots:
        return f'<p class="hint">{t(language, "empty_tree")}</p>'
    rows: list[str] = []
    lines: list[str] = []
    # Not by recursion: a conversation of thousands of messages is as deep as it is long. With each message goes how
    # deep it is set in, where the one shown above it stands, and how many were folded in between.
    stack: list[tuple[Node, int, tuple[int, int] | None, int]]
    stack = [(node, int(len(roots) > 1), None, 0) for node in reversed(roots)]
    while stack:
        node, depth, above, folded = stack.pop()
        below = children.get(node.id, [])
        if len(nodes) > _MANY and above and len(below) == 1 and len(children[node.parent_id]) == 1:
            stack.append((below[0], depth, above, folded + 1))
            continue
        depth = min(depth, _DEEPEST)
        if folded:
            rows.append(f'<li class="folded" style="--depth: {depth}">{t(language, "tree_folded", n=folded)}</li>')
        place = (depth, len(rows))
        if above:
            lines.append(_line(above, place, node.shown))
        rows.append(_node(node, depth, language))
        stack += [(child, depth + (len(below) > 1), place, 0) for child in reversed(below)]
    width, height = 16 * (_DEEPEST + 2), _ROW * len(rows)
    drawn = f'<svg width="{width}" height="{height}" aria-hidden="true">{"".join(lines)}</svg>'
    return f'<ol class="tree">{drawn}{"".join(rows)}</ol>'


def _line(above: tuple[int, int], place: tuple[int, int], shown: bool) -> str:
    """From a message down to one below it; places are (how deep, which row)."""
    x, y = 16 * above[0] + 4, _ROW * above[1] + _ROW // 2
    to_x, to_y = 16 * place[0] + 4, _ROW * place[1] + _ROW // 2
    style = ' class="on"' if shown else ""
    return f'<path{style} d="M{x} {y}V{to_y - 6}Q{x} {to_y} {min(x + 6, to_x)} {to_y}H{to_x}"/>'


def _node(node: Node, depth: int, language: str) -> str:
    words = " ".join(without_thought(node.label).split())[:70] or "…"
    label, who = html.escape(words), t(language, "you" if node.role == "user" else "model")
    if node.deleted:
        name = t(language, "restore_of", title=words)
        back = icon_button("restore_message", t(language, "restore"), argument=node.id, icon="restore", name=name)
        return (
            f'<li style="--depth: {depth}" class="{node.role} deleted"><i aria-hidden="true"></i>'
            f'<span class="sr">{who}, {t(language, "deleted_here")}: </span><s>{label}</s>{back}</li>'
        )
    current = ' aria-current="true"' if node.shown else ""
    return (
        f'<li style="--depth: {depth}" class="{node.role}"><button type="button" data-action="select" '
        f'data-argument="{node.id}"{current}><i aria-hidden="true"></i><span class="sr">'
        f"{who}: </span>{label}</button></li>"
    )
