"""The picture of a tree: every branch is there, long stretches are folded, and nothing is too deep for it."""

from __future__ import annotations

import re

from playground.store.history import Node
from playground.ui.tree_view import tree_html


def line(count: int, start: int = 0, parent: str | None = None) -> list[Node]:
    made = []
    for number in range(start, start + count):
        made.append(Node(str(number), parent, "assistant" if number % 2 else "user", f"<b>{number}", True))
        parent = str(number)
    return made


def shown(page: str) -> list[str]:
    return re.findall(r'data-argument="(\d+)"', page)


def depths(page: str) -> list[str]:
    return re.findall(r"--depth: (\d+)", page)


def test_a_short_line_is_shown_whole_and_what_was_said_is_text() -> None:
    page = tree_html(line(6), "en")
    assert shown(page) == ["0", "1", "2", "3", "4", "5"]
    assert set(depths(page)) == {"0"}
    assert "<b>0" not in page
    assert page.count("<path") == 5


def test_branches_are_set_in_and_the_first_messages_too() -> None:
    page = tree_html([*line(2), *line(2, 2, "0"), *line(1, 4)], "en")
    assert shown(page) == ["0", "1", "2", "3", "4"]
    assert depths(page) == ["1", "2", "2", "2", "1"]


def test_five_thousand_messages_are_folded_but_for_forks_and_ends() -> None:
    nodes = [*line(5000), *line(3, 6000, "2500")]
    page = tree_html(nodes, "zh")
    assert shown(page) == ["0", "2500", "2501", "4999", "6000", "6002"]
    assert "2499" in page
    assert len(page) < 10_000


def test_nothing_to_show() -> None:
    assert "hint" in tree_html([], "en")
