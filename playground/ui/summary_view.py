"""The Summarize tab as HTML: the list, the map, progress, the summary with its receipt. Pure functions of arguments."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

from playground.engine.states import ModelState
from playground.languages import count_words
from playground.overview import title_of
from playground.store.run_values import Node, Run, RunDocument
from playground.summarize.live import LiveRun
from playground.summarize.receipt import coverage
from playground.ui.icons import icon_button
from playground.ui.reasons import reason_words
from playground.ui.strings import t
from playground.ui.summary_text import summary_html


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


def runs_html(runs: Sequence[Run], trashed: Sequence[Run], shown: str, writing: Sequence[str], language: str) -> str:
    """The list at the left, and the trash below it."""
    if not runs and not trashed:
        return f'<p class="hint">{t(language, "s.none")}</p>'
    items = "".join(_item(run, shown, run.id in writing, language) for run in runs)
    bin_ = "".join(
        f"<li><span>{html.escape(run.title)}</span>"
        + icon_button(
            "s_restore", t(language, "restore"), argument=run.id, icon="restore",
            name=t(language, "s.restore_of", title=run.title),
        )
        + "</li>"
        for run in trashed
    )  # fmt: skip
    if bin_:
        head = f"<summary>{t(language, 'trash')} <small>{len(trashed)}</small></summary>"
        bin_ = f'<details class="ps-trash" data-key="trash">{head}<ul>{bin_}</ul></details>'
    return f"<ul>{items}</ul>{bin_}"


def _item(run: Run, shown: str, writing: bool, language: str) -> str:
    title = html.escape(t(language, "s.draft", title=run.title) if run.status == "draft" else run.title)
    current = ' aria-current="page"' if run.id == shown else ""
    busy = "<i></i>" if writing else ""
    more = icon_button(
        "s_menu", t(language, "more"), argument=run.id, icon="more", name=t(language, "more_of", title=run.title)
    )
    return f'<li><a href="?s={run.id}" data-run="{run.id}"{current} title="{title}">{busy}{title}</a>{more}</li>'


def draft_html(documents: Sequence[RunDocument], language: str) -> str:
    """What was collected so far."""
    out = []
    for position, one in enumerate(documents):
        facts = [amount(one, language), *(reason_words(language, note) for note in one.notes)]
        off = t(language, "s.remove", name=one.name)
        out.append(
            f"<li><b>{html.escape(one.name)}</b><small>{html.escape(' · '.join(facts))}</small>"
            + icon_button("s_remove", off, argument=str(position), icon="close", name=off)
            + "</li>"
        )
    return f"<ul>{''.join(out)}</ul>" if out else ""


def sections(shown: Shown, language: str) -> dict[str, str]:
    """Every section of the page about one run, by the id of its box."""
    drawn = {
        "ps-head": _head(shown, language),
        "ps-map": _map(shown, language),
        "ps-progress": _progress(shown, language),
        "ps-text": summary_html(shown.run.text, shown.run.receipt.get("sentences", ()), language),
        "ps-receipt": _receipt(shown, language) if shown.run.text else "",
        "ps-notes": _notes(shown, language),
    }
    writing = shown.live.writing if shown.live else frozenset()
    for node in shown.nodes:
        busy = (node.level, node.position) in writing
        drawn[_note_id(node)] = _note(node, busy, language) if node.text or node.error else ""
    return drawn


def _head(shown: Shown, language: str) -> str:
    run = shown.run
    model = html.escape(title_of(run.model)) if run.model else ""
    pairs = zip(shown.documents, shown.amounts, strict=True)
    amounts = " · ".join(f"{html.escape(one.name)} ({amount})" for one, amount in pairs)
    return f"<h2>{html.escape(run.title)}</h2><p class='hint'>{amounts}{' · ' if model else ''}{model}</p>"


def _map(shown: Shown, language: str) -> str:
    """A strip for each document, one cell a part, as wide as the part is long."""
    parts = shown.parts
    if not parts:
        return ""
    writing = shown.live.writing if shown.live else frozenset()
    done = sum(part.status == "done" for part in parts)
    rows = []
    for number, document in enumerate(shown.documents):
        cells = []
        for part in parts:
            if part.document not in (number, None):
                continue
            state = "writing" if (0, part.position) in writing else part.status
            words = t(
                language, "s.cell", name=document.name, part=t(language, "s.part", n=part.position + 1),
                page=_pages(document, part, language), state=t(language, f"s.state.{state}"),
            )  # fmt: skip
            size = len(document.text) if part.document is None else part.last - part.first
            start = 0 if part.document is None else part.first
            cells.append(
                f'<button type="button" class="ps-cell {state}" style="flex-grow:{size}" title="{html.escape(words)}" '
                f'aria-label="{html.escape(words)}" data-part="{part.position}" data-document="{number}" '
                f'data-start="{start}" data-end="{start + size}"></button>'
            )
        name = f"<small>{html.escape(document.name)}</small>" if len(shown.documents) > 1 else ""
        rows.append(f'{name}<div class="ps-cells">{"".join(cells)}</div>')
    label = html.escape(t(language, "s.map", done=done, total=len(parts)))
    return f'<div role="group" aria-label="{label}">{"".join(rows)}</div>'


def _progress(shown: Shown, language: str) -> str:
    run, live = shown.run, shown.live
    if live is None:
        if run.status == "complete":
            return ""
        words = (
            t(language, f"s.status.{run.status}", error=reason_words(language, run.error))
            if run.status in ("stopped", "failed")
            else ""
        )
        go = f'<button type="button" class="ps-button" data-do="resume">{t(language, "s.resume")}</button>'
        kind = "error" if run.status == "failed" else "hint"
        return f'<p class="{kind}" role="status">{html.escape(words)}</p>{go}'
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
    bar = f'<progress max="{max(1, len(parts))}" value="{done}"></progress>' if parts else "<progress></progress>"
    stop = f'<button type="button" class="ps-button" data-do="stop">{t(language, "s.stop")}</button>'
    error = f'<p class="error">{html.escape(notice)}</p>' if notice else ""
    return f'{bar}<p role="status">{html.escape(" · ".join(facts))}</p>{stop}{error}'


def _left(shown: Shown, live: LiveRun) -> float | None:
    """Seconds that the waiting parts will take, by what the others of this run took."""
    parts = shown.parts
    took = [node.last - node.first for node in parts if node.status == "done"]
    rest = sum(node.last - node.first for node in parts if node.status == "waiting")
    return live.seconds * rest / sum(took) if took and live.seconds > 3 else None


def _receipt(shown: Shown, language: str) -> str:
    sentences = shown.run.receipt.get("sentences", ())
    found = coverage(shown.nodes, [len(one.text) for one in shown.documents])
    percent = f"{found.percent:.1f}".removesuffix(".0")
    lines = [t(language, "s.covered", percent=percent, parts=len(shown.parts), characters=f"{found.read:,}")]
    if skipped := sum(part.status == "skipped" for part in shown.parts):
        lines.append(t(language, "s.skipped", n=skipped))
    failed = [part for part in shown.parts if part.status == "failed"]
    out = ""
    if failed:
        out = f'<p class="error">{html.escape(t(language, "s.not_whole", n=len(failed)))}</p><ul>'
        for part in failed:
            document = shown.documents[part.document or 0]
            where = f"{t(language, 's.part', n=part.position + 1)}{_pages(document, part, language)}"
            out += f"<li>{html.escape(f'{where}: {reason_words(language, part.error)}')}</li>"
        out += f'</ul><button type="button" class="ps-button" data-do="resume">{t(language, "s.retry")}</button>'
    strong = sum(any(link["strong"] for link in one["links"]) for one in sentences)
    key = "s.linked_all" if strong == len(sentences) else "s.linked"
    lines.append(t(language, key, strong=strong, all=len(sentences)))
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
    return f"<h3>{t(language, 's.receipt')}</h3>{out}{told}<p class='ps-jumps'>{jumps}</p>{more}"


def _notes(shown: Shown, language: str) -> str:
    """The frame of the notes: a box for each node, filled by itself."""
    nodes = [node for node in shown.nodes if node.step not in ("whole", "final")]
    boxes = "".join(f'<div id="{_note_id(node)}" data-key="{_note_id(node)}" data-own></div>' for node in nodes)
    shown_at_once = "" if shown.run.text else " open"
    head = f"<summary>{t(language, 's.notes')}</summary>"
    return f'<details data-key="notes"{shown_at_once}>{head}{boxes}</details>' if nodes else ""


def _note_id(node: Node) -> str:
    return f"ps-note-{node.level}-{node.position}"


def _note(node: Node, busy: bool, language: str) -> str:
    key = "s.part" if node.level == 0 else f"s.step.{node.step}"
    title = t(language, key, n=node.position + 1)
    error = f'<p class="error">{html.escape(reason_words(language, node.error))}</p>' if node.error else ""
    return f"<h4>{title}{' …' if busy else ''}</h4><p>{html.escape(node.text)}</p>{error}"


def _pages(document: RunDocument, part: Node, language: str) -> str:
    first, last = document.page_of(part.first), document.page_of(max(part.first, part.last - 1))
    if part.document is None or first is None:
        return ""
    return f" ({t(language, 's.page', n=first if first == last else f'{first}–{last}')})"


def amount(document: RunDocument, language: str) -> str:
    """How much a document is: pages and words."""
    facts = [t(language, "s.pages", n=document.pages)] if document.pages else []
    facts.append(t(language, "s.words", n=f"{count_words(document.text, document.language):,}"))
    return ", ".join(facts)


def time_words(seconds: float, language: str) -> str:
    """A duration, roughly."""
    if seconds >= 90:
        return t(language, "s.minutes", n=round(seconds / 60))
    return t(language, "s.seconds", n=max(1, round(seconds)))


def other_html(run: Run, language: str) -> str:
    """A summary beside another one: what made it, and its text."""
    options = run.options
    facts = [title_of(run.model) if run.model else "", str(options.get("style", "")), str(options.get("language", ""))]
    head = f"<h3>{html.escape(run.title)}</h3><p class='hint'>{html.escape(' · '.join(filter(None, facts)))}</p>"
    return head + summary_html(run.text, run.receipt.get("sentences", ()), language)
