"""The data of a draft as HTML: files, what is wrong with their rows, sums, what is private. Pure functions."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Mapping, Sequence

from playground.store.training_values import DataFile
from playground.tuning.forms import FIELDS
from playground.tuning.samples import Problem
from playground.ui.icons import icon_button
from playground.ui.models_parts import button
from playground.ui.reasons import reason_words
from playground.ui.strings import t
from playground.ui.tune_looking import Draft

_SAME = "The row says the same as "
_SINGLE = 5
"""Duplicates up to which each is told in a sentence."""
_CELL = 40
"""Characters that are seen of a column's first cell."""
_GROUPS = 200
"""Kinds of problems that are told before one asks for all."""
_RANGES = 30
"""Rows, or rows in a row, that are named of one kind of problem before one asks for all."""


def files_html(draft: Draft, language: str) -> str:
    """What was collected: each file with what came of it, its note and its columns."""
    lost = [0] * len(draft.files)
    unread = unreadable(draft)
    seen: list[set[int]] = [set() for _ in draft.files]
    mapped = [False] * len(draft.files)
    for number, problem in draft.gathered.problems:
        mapped[number] |= _asks(problem)
        if problem.lost and problem.row and problem.row not in seen[number]:
            seen[number].add(problem.row)
            lost[number] += 1
    kinds: list[Counter[str]] = [Counter() for _ in draft.files]
    for item in draft.everything():
        kinds[int(item.key.partition(":")[0])][item.sample.kind] += 1
    items = []
    for number, file in enumerate(draft.files):
        rows = sum(kinds[number].values()) + lost[number]
        facts = [t(language, "tune.own_data")] if file.kind == "own" else []
        read = [t(language, "tune.rows", n=rows), *kinds_words(kinds[number], language)]
        facts += [t(language, "tune.no_use")] if number in unread else read
        asks = bool(file.columns) or (mapped[number] and not kinds[number])
        columns = _columns(file, number, draft.columns[number], language) if asks and draft.columns[number] else ""
        items.append(_file(file, number, " · ".join(facts), columns, language))
    return f'<ul aria-label="{t(language, "tune.files")}">{"".join(items)}</ul>' if items else ""


def unreadable(draft: Draft) -> set[int]:
    """Positions of the files that as a whole could not be read."""
    return {number for number, one in draft.gathered.problems if one.lost and not one.row}


def kinds_words(kinds: Mapping[str, int], language: str) -> list[str]:
    """How many of each kind."""
    return [t(language, f"tune.kind.{kind}", n=count) for kind, count in Counter(kinds).most_common()]


def sums_html(draft: Draft, language: str) -> str:
    """What there is to learn from, what not, and of several kinds a way to have one."""
    gathered = draft.gathered
    if len(unreadable(draft)) == len(draft.files):
        return ""
    same = sum(one.words.startswith(_SAME) for _, one in gathered.problems)
    lost = {(number, one.row) for number, one in gathered.problems if one.lost and one.row}
    facts = [("samples", len(gathered.items)), ("left_out", len(gathered.left_out)), ("same", same)]
    facts += [("lost", max(0, len(lost) - same)), ("edited", sum(item.edited for item in gathered.items))]
    shown = "".join(
        f"<li><b>{count}</b> {t(language, f'tune.sum.{name}', n=count)}</li>"
        for name, count in facts
        if count or name == "samples"
    )
    kinds = gathered.kinds
    if len(kinds) < 2:
        return f'<ul class="pn-sums">{shown}</ul>'
    said = html.escape(t(language, "tune.mixed", kinds=", ".join(kinds_words(kinds, language))))
    only = "".join(
        button("only", t(language, f"tune.only.{kind}", n=count), kind, kind="ps-button")
        for kind, count in kinds.most_common()
    )
    return f'<ul class="pn-sums">{shown}</ul><p class="error">{said}</p><p class="pn-row">{only}</p>'


def problems_html(draft: Draft, language: str, *, whole: bool) -> str:
    """What is wrong, the same sentence once with all its rows; first what is lost by it."""
    groups: dict[tuple[int, bool, str], list[Problem]] = {}
    problems = draft.gathered.problems
    many = sum(one.words.startswith(_SAME) for _, one in problems) > _SINGLE
    for number, problem in problems:
        same = many and problem.words.startswith(_SAME)
        words = t(language, "tune.same") if same else reason_words(language, problem.words)
        groups.setdefault((number, not problem.lost, words), []).append(problem)
    if not groups:
        return ""
    ordered = sorted(groups.items(), key=lambda one: (one[0][1], one[0][0], -len(one[1])))
    shown = ordered if whole else ordered[:_GROUPS]
    more = len(ordered) > len(shown)
    lines = []
    for (number, noted, words), found in shown:
        ranges = _with_others(found, language) if words == t(language, "tune.same") else _ranges(found)
        more |= not whole and len(ranges) > _RANGES
        where = _where(draft.files, number, ranges if whole else ranges[:_RANGES], len(found), len(ranges), language)
        kind = "note" if noted else "lost"
        lines.append(f'<li class="{kind}"><b>{html.escape(where)}</b> {html.escape(words)}</li>')
    lost = sum(one.lost and one.row > 0 for _, one in problems)
    heads = [t(language, "tune.problems", n=lost)] if lost else []
    heads += [t(language, "tune.unreadable", n=count)] if (count := len(unreadable(draft))) else []
    head = " · ".join(heads) or t(language, "tune.notes")
    wrong = any(one.lost and one.row and not one.words.startswith(_SAME) and not _asks(one) for _, one in problems)
    hint = f'<p class="hint">{t(language, "tune.left_out_rows")}</p>' if wrong else ""
    every = f"<p>{button('all_problems', t(language, 'tune.all_problems'), kind='ps-button')}</p>" if more else ""
    opened = " open" if len(groups) <= 8 else ""
    return (
        f'<details class="pn-fold" data-key="problems"{opened}><summary><b>{head}</b></summary>{hint}'
        f'<ul class="pn-problems">{"".join(lines)}</ul>{every}</details>'
    )


def private_html(kinds: Mapping[str, int], samples: int, undo: bool, language: str) -> str:
    """What is private in the samples, and a way to put placeholders for it; or back."""
    if not kinds:
        if not undo:
            return ""
        back = button("undo_private", t(language, "undo"), kind="ps-button")
        return f'<p class="pn-row"><span role="status">{t(language, "tune.hidden")}</span>{back}</p>'
    said = ", ".join(t(language, f"tune.private.{kind}", n=count) for kind, count in kinds.items())
    words = html.escape(t(language, "tune.private", n=samples, kinds=said))
    hide = button("hide_private", t(language, "tune.hide"), kind="ps-button")
    look = button("show_private", t(language, "tune.look"), kind="ps-button")
    return f'<p class="pn-row"><span class="pn-warn">{words}</span>{look}{hide}</p>'


def _file(file: DataFile, number: int, facts: str, columns: str, language: str) -> str:
    off = t(language, "s.remove", name=file.name)
    label = html.escape(t(language, "tune.note_of", name=file.name))
    note = (
        f'<input data-note="{number}" value="{html.escape(file.note)}" maxlength="2000" aria-label="{label}" '
        f'placeholder="{t(language, "tune.note")}" autocomplete="off">'
    )
    remove = icon_button("n_remove", off, argument=str(number), icon="close", name=off)
    return (
        f'<li data-key="{number}:{file.sha256[:12]}"><b>{html.escape(file.name)}</b>'
        f"<small>{html.escape(facts)}</small>{note}{remove}{columns}</li>"
    )


def _columns(file: DataFile, number: int, columns: Mapping[str, str], language: str) -> str:
    """Which column holds what."""

    def choice(field: str) -> str:
        none = f'<option value="">{t(language, "tune.no_column")}</option>'
        chosen = file.columns.get(field, "")
        rest = "".join(
            f'<option value="{html.escape(name)}"{" selected" if name == chosen else ""}>'
            f"{html.escape(_column(name, first, language))}</option>"
            for name, first in columns.items()
        )
        about = f'name="{field}" aria-label="{field}" aria-describedby="pn-c-{number}-{field}"'
        return (
            f"<label><code>{field}</code><select {about}>{none}{rest}</select>"
            f'<small id="pn-c-{number}-{field}">{t(language, f"tune.field.{field}")}</small></label>'
        )

    fields = "".join(map(choice, FIELDS))
    use = button("columns", t(language, "tune.use_columns"), str(number), submit=True, kind="ps-button")
    said = '<p class="error" role="alert" data-own></p>'
    return (
        f'<form class="pn-columns" data-columns="{number}"><p>{t(language, "tune.columns")}</p>'
        f'<small dir="auto">{html.escape(" · ".join(_column(*one, language) for one in columns.items()))}</small>'
        f'<div class="pn-fields">{fields}</div>{said}{use}</form>'
    )


def _asks(problem: Problem) -> bool:
    """Whether it asks which column holds what."""
    return "ap the columns" in problem.words or "ap another column" in problem.words


def _column(name: str, first: str, language: str) -> str:
    """A column with the first that stands in it."""
    short = first if len(first) <= _CELL else f"{first[: _CELL - 1]}…"
    return t(language, "tune.column", name=name, first=short) if first else name


def _where(files: Sequence[DataFile], number: int, ranges: Sequence[str], count: int, parts: int, language: str) -> str:
    """Which rows of which file."""
    name = files[number].name if len(files) > 1 else ""
    if not ranges:
        return t(language, "tune.where", where=name or files[number].name)
    rest = t(language, "tune.more_rows", n=parts - len(ranges)) if parts > len(ranges) else ""
    said = t(language, "tune.row" if count == 1 else "tune.row_list", rows=", ".join(ranges) + rest)
    return t(language, "tune.where", where=f"{name} · {said}" if name else said)


def _with_others(problems: Sequence[Problem], language: str) -> list[str]:
    """Of duplicates: each with the row that it equals, "3 (= 1)"."""

    def other(one: Problem) -> str:
        said = one.words.removeprefix(_SAME).partition(". It counts")[0].removesuffix(".")
        return said.removeprefix("row ") if said.removeprefix("row ").isdecimal() else reason_words(language, said)

    return [t(language, "tune.as_row", row=one.row, other=other(one).strip()) for one in problems]


def _ranges(problems: Sequence[Problem]) -> list[str]:
    """ "3", "8-12"; the file as a whole is none."""
    found: list[list[int]] = []
    for row in sorted({one.row for one in problems if one.row}):
        if found and found[-1][1] == row - 1:
            found[-1][1] = row
        else:
            found.append([row, row])
    return [f"{first}" if first == last else f"{first}–{last}" for first, last in found]
