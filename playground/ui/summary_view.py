"""A summary as HTML: its head, the map, progress, the text with its receipt, the notes. Pure functions of arguments."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from playground.engine.states import ModelState
from playground.overview import title_of
from playground.store.run_values import Node, Run, RunDocument
from playground.summarize.live import LiveRun
from playground.summarize.receipt import coverage
from playground.ui.reasons import reason_words
from playground.ui.strings import t
from playground.ui.summary_list import made_by
from playground.ui.summary_text import summary_html

_CELLS = 300
"""Of a map; more could not be told apart, and would be sent anew each time that one of them changes."""
_STATES = ("failed", "writing", "waiting", "done", "skipped")
"""What a cell of several parts tells of them: the first of these that is there."""


@dataclass(frozen=True)
class Shown:
    """A run as a page shows it. `live` is None when nobody writes it."""

    run: Run
    documents: Sequence[RunDocument]
    amounts: Sequence[str]
    """How much each document is, in words."""
    nodes: Sequence[Node]
    live: LiveRun | None
    model: ModelState
    """Of the model that writes it."""

    @property
    def parts(self) -> list[Node]:
        """The parts of the documents."""
        return [node for node in self.nodes if node.level == 0]


def sections(shown: Shown, language: str) -> dict[str, str]:
    """Every section of the page about one run, by the id of its box."""
    drawn = {
        "ps-head": _head(shown, language),
        "ps-map": _map(shown, language),
        "ps-progress": _progress(shown, language),
        "ps-text": _text(shown.run, language),
        "ps-receipt": _receipt(shown, language) if shown.run.text else "",
        "ps-notes": _notes(shown, language),
    }
    writing = shown.live.writing if shown.live else frozenset()
    for node in shown.nodes:
        busy = (node.level, node.position) in writing
        drawn[_note_id(node)] = _note(shown, node, busy, language) if node.text or node.error else ""
    return drawn


def _head(shown: Shown, language: str) -> str:
    run, names = shown.run, [one.name for one in shown.documents]
    pairs = zip(names, shown.amounts, strict=True)
    known = [run.title] == names  # The title says already what it is.
    amounts = [amount if known else f"{name} ({amount})" for name, amount in pairs]
    facts = html.escape(" · ".join(filter(None, [*amounts, made_by(run, language)])))
    return f'<h2>{html.escape(run.title)}</h2><p class="hint">{facts}</p>'


def _text(run: Run, language: str) -> str:
    if not run.text:
        return ""
    return _beside(run, language) + summary_html(run.text, run.receipt.get("sentences", ()), language)


def _map(shown: Shown, language: str) -> str:
    """A strip for each document, one cell a part, as wide as the part is long."""
    parts = shown.parts
    if not parts:
        return ""
    writing = shown.live.writing if shown.live else frozenset()
    done = sum(part.status == "done" for part in parts)
    rows: list[str] = []
    for number, document in enumerate(shown.documents):
        cells: list[str] = []
        for row in _rows([part for part in parts if part.document in (number, None)], len(parts)):
            part, behind = row[0], row[-1]
            states = {"writing" if (0, one.position) in writing else one.status for one in row}
            state = next(one for one in _STATES if one in states)
            said = t(language, "s.part", n=part.position + 1)
            words = t(
                language, "s.cell", name=document.name,
                part=said if len(row) == 1 else f"{said}–{behind.position + 1}",
                page=_pages(document, part, language), state=t(language, f"s.state.{state}"),
            )  # fmt: skip
            size = len(document.text) if part.document is None else behind.last - part.first
            start = 0 if part.document is None else part.first
            cells.append(
                f'<button type="button" class="ps-cell {state}" style="flex-grow:{size}" title="{html.escape(words)}" '
                f'tabindex="{-1 if rows or cells else 0}" '
                f'aria-label="{html.escape(words)}" data-part="{part.position}" data-document="{number}" '
                f'data-start="{start}" data-end="{start + size}"></button>'
            )
        name = f"<small>{html.escape(document.name)}</small>" if len(shown.documents) > 1 else ""
        rows.append(f'{name}<div class="ps-cells">{"".join(cells)}</div>')
    label = html.escape(t(language, "s.map", done=done, total=len(parts)))
    return f'<div role="group" aria-label="{label}">{"".join(rows)}</div>'


def _rows(parts: Sequence[Node], of: int) -> Iterator[Sequence[Node]]:
    """The parts of each cell: one, unless there are so many that nobody could tell them apart."""
    size = -(-of // _CELLS)
    return (parts[at : at + size] for at in range(0, len(parts), size))


def _progress(shown: Shown, language: str) -> str:
    run, live = shown.run, shown.live
    if live is None:
        if run.status == "complete":
            return _not_whole(shown, language) + _made_up(shown, language)
        words = (
            t(language, f"s.status.{run.status}", error=reason_words(language, run.error))
            if run.status in ("stopped", "failed")
            else ""
        )
        go = f'<button type="button" class="ps-button" data-do="resume">{t(language, "s.resume")}</button>'
        kind = "error" if run.status == "failed" else "hint"
        anew = f'<button type="button" class="ps-button" data-do="again">{t(language, "s.again")}</button>'
        return f'{go}{anew}<p class="{kind}" role="status">{html.escape(words)}</p>'
    parts = shown.parts
    done = sum(part.status != "waiting" for part in parts)
    merging = live.phase == "reading" and parts and done == len(parts)
    key = "merging" if merging else live.phase
    facts = [t(language, f"s.phase.{key}", done=done, total=len(parts))]
    if live.phase == "waiting" and shown.model.phase in ("downloading", "loading"):
        state = shown.model
        percent = f"{100 * state.done // state.total} %" if state.total else ""
        facts.append(f"{title_of(run.model)}: {t(language, f'phase.{state.phase}', percent=percent)}")
    if live.phase == "reading" and live.seconds > 1 and live.tokens:
        facts.append(t(language, "s.rate", rate=round(live.tokens / live.seconds)))
        if not merging and (left := _left(shown, live)) is not None:
            facts.append(t(language, "s.left", time=time_words(left, language)))
    notice = t(language, "s.notice", notice=reason_words(language, live.notice)) if live.notice else ""
    bar = "" if parts else "<progress></progress>"  # Later the map shows it.
    stop = f'<button type="button" class="ps-button" data-do="stop">{t(language, "s.stop")}</button>'
    error = f'<p class="error">{html.escape(notice)}</p>' if notice else ""
    return f'{stop}<p role="status">{html.escape(" · ".join(facts))}</p>{error}{bar}'


def _left(shown: Shown, live: LiveRun) -> float | None:
    """Seconds that the waiting parts will take, by what this job has read so far, half of what it is at included."""
    lengths = {node.position: node.last - node.first for node in shown.parts if node.status == "waiting"}
    half = sum(lengths[at] for level, at in live.writing if level == 0 and at in lengths) / 2
    rest = sum(lengths.values()) - half
    return live.seconds * rest / (live.fresh + half) if live.fresh and live.seconds > 3 else None


def _not_whole(shown: Shown, language: str) -> str:
    """Which parts are missing, and a way to get them."""
    failed = [part for part in shown.parts if part.status == "failed"]
    if not failed:
        return ""
    lines = ""
    for part in failed:
        reason = f"{_place(shown, part, language)}: {reason_words(language, part.error)}"
        lines += f"<li>{html.escape(reason)}</li>"
    again = f'<button type="button" class="ps-button" data-do="resume">{t(language, "s.retry")}</button>'
    return f'<p class="error">{html.escape(t(language, "s.not_whole", n=len(failed)))}</p>{again}<ul>{lines}</ul>'


def _rests(sentence: Mapping[str, Any]) -> bool:
    return any(link["strong"] for link in sentence["links"])


def _made_up(shown: Shown, language: str) -> str:
    """A word above a summary that rests on nothing and speaks of things that no document contains."""
    sentences = shown.run.receipt.get("sentences", ())
    doubted = any(one["marks"] for one in sentences) and not any(map(_rests, sentences))
    return "" if not doubted else f'<p class="error">{html.escape(t(language, "s.made_up"))}</p>'


def _receipt(shown: Shown, language: str) -> str:
    sentences = shown.run.receipt.get("sentences", ())
    found = coverage(shown.nodes, [len(one.text) for one in shown.documents])
    percent = f"{found.percent:.1f}".removesuffix(".0")
    read = sum(part.status != "skipped" for part in shown.parts)
    lines = [t(language, "s.covered", percent=percent, n=read, characters=f"{found.read:,}")]
    if found.skipped:
        lines.append(t(language, "s.skipped", percent=max(1, round(100 * found.skipped / found.total))))
    if shown.nodes[-1].record.get("finish_reason") == "length":
        lines.append(t(language, "s.cut"))
    used = {link["document"] for one in sentences for link in one["links"]}
    if unused := [one.name for number, one in enumerate(shown.documents) if number not in used]:
        lines.append(t(language, "s.unused", names=", ".join(unused)))
    strong = sum(map(_rests, sentences))
    key = "s.linked_all" if strong == len(sentences) else "s.linked"
    lines.append(t(language, key, strong=strong, n=len(sentences)))
    marks = [mark for one in sentences for mark in one["marks"]]
    lines.append(t(language, "s.marked", n=len(marks)) if marks else t(language, "s.unmarked"))
    text = shown.run.text
    jumps = " ".join(
        f'<a href="#" data-jump="{mark["start"]}">{html.escape(text[mark["start"] : mark["end"]])}</a>'
        for mark in marks
    )
    told = "".join(f"<p>{html.escape(line)}</p>" for line in lines)
    more = (
        "" if shown.run.receipt.get("by_meaning") else f'<p class="hint">{html.escape(t(language, "s.by_words"))}</p>'
    )
    how = f'<p class="hint">{html.escape(t(language, "s.press"))}</p>'
    return f"<h3>{t(language, 's.receipt')}</h3>{told}<p class='ps-jumps'>{jumps}</p>{how}{more}"


def _notes(shown: Shown, language: str) -> str:
    """The frame of the notes: a box for each node, filled by itself."""
    nodes = [node for node in shown.nodes if node.step not in ("whole", "final", "pick")]
    boxes = "".join(f'<div id="{_note_id(node)}" data-key="{_note_id(node)}" data-own></div>' for node in nodes)
    shown_at_once = "" if shown.run.text else " open"
    head = f"<summary>{t(language, 's.notes')}</summary>"
    return f'<details data-key="notes"{shown_at_once}>{head}{boxes}</details>' if nodes else ""


def _note_id(node: Node) -> str:
    return f"ps-note-{node.level}-{node.position}"


def _note(shown: Shown, node: Node, busy: bool, language: str) -> str:
    named = node.level == 0 and node.document is not None
    title = _place(shown, node, language) if named else t(language, f"s.step.{node.step}", n=node.position + 1)
    error = f'<p class="error">{html.escape(reason_words(language, node.error))}</p>' if node.error else ""
    return f"<h4>{html.escape(title)}{' …' if busy else ''}</h4><p>{html.escape(node.text)}</p>{error}"


def _place(shown: Shown, part: Node, language: str) -> str:
    """Part 3 of which document, and its pages."""
    document = shown.documents[part.document or 0]
    name = f" · {document.name}" if len(shown.documents) > 1 else ""
    return f"{t(language, 's.part', n=part.position + 1)}{name}{_pages(document, part, language)}"


def _pages(document: RunDocument, part: Node, language: str) -> str:
    first, last = document.page_of(part.first), document.page_of(max(part.first, part.last - 1))
    if part.document is None or first is None:
        return ""
    return f" ({t(language, 's.page', n=first if first == last else f'{first}–{last}')})"


def time_words(seconds: float, language: str) -> str:
    """A duration, roughly."""
    if seconds >= 90:
        return t(language, "s.minutes", n=round(seconds / 60))
    return t(language, "s.seconds", n=max(1, round(seconds)))


def other_html(run: Run, language: str) -> str:
    """A summary beside another one: what made it, and its text."""
    return _beside(run, language) + summary_html(run.text, run.receipt.get("sentences", ()), language)


def _beside(run: Run, language: str) -> str:
    """What tells a summary from another one beside it; hidden while it stands alone."""
    title, facts = html.escape(run.title), html.escape(made_by(run, language))
    return f'<p class="ps-of"><b>{title}</b><small>{facts}</small></p>'
