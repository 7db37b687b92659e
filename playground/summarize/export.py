"""A summary in files that others read: Markdown, Word, plain text, and JSON that holds everything.

The JSON is one table, {"format": "playground-summary", "version": 1, "app_version", "exported_at", ...}, with
  run        all of `Run`, its options and its receipt (see `SummaryOptions` and `make_receipt`) inside of it;
  documents  each `RunDocument` in order, with SHA-256; its "text" only where that was asked for;
  nodes      each `Node` by level and position, with its text, and in "record" what made it;
  coverage   characters "read", "failed", "skipped", "waiting", and "percent".
Places are characters of the run's text or of a document's, counted from 0, the last one not included.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence

from playground import __version__
from playground.errors import BadValueError
from playground.exchange.formats import Format
from playground.store.run_values import Node, Run, RunDocument
from playground.summarize.export_markdown import Words, is_whole, markdown
from playground.summarize.receipt import coverage

FORMATS = {
    one.name: one
    for one in (
        Format("markdown", ".md", "text/markdown"),
        Format("docx", ".docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        Format("json", ".json", "application/json"),
        Format("text", ".txt", "text/plain"),
    )
}
VERSION = 1


def export_run(
    run: Run,
    documents: Sequence[RunDocument],
    nodes: Sequence[Node],
    format: str,
    words: Words = Words(),  # noqa: B008 - frozen
    *,
    texts: bool = False,
) -> bytes:
    """A run in the format of this name; with `texts`, JSON holds the documents' own texts, too.

    Raises BadValueError for an unknown format, and for a run without a summary in any format but JSON.
    """
    if format not in FORMATS:
        raise BadValueError(f"There is no export format {format!r}. Choose one of: {', '.join(FORMATS)}.")
    if format == "json":
        return _json(run, documents, nodes, texts)
    if not run.text:
        raise BadValueError("This summary is not finished. Go on with it, then export it.")
    if format == "text":
        said = run.text if is_whole(run, documents, nodes) else f"{words.not_whole_alone}\n\n{run.text}"
        return f"{said}\n".encode()
    text = markdown(run, documents, nodes, words)
    if format == "markdown":
        return text.encode()
    from playground.documents.docx_writing import to_docx

    return to_docx(text, run.title, words.language, run.updated_at)


def _json(run: Run, documents: Sequence[RunDocument], nodes: Sequence[Node], texts: bool) -> bytes:
    covered = coverage(nodes, [len(one.text) for one in documents])
    held = [{key: value for key, value in vars(one).items() if texts or key != "text"} for one in documents]
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    about = {"format": "playground-summary", "version": VERSION, "app_version": __version__, "exported_at": stamp}
    about |= {"run": vars(run), "documents": held, "nodes": [vars(node) for node in nodes]}
    about |= {"coverage": {**vars(covered), "percent": covered.percent}}
    return json.dumps(about, ensure_ascii=False).encode() + b"\n"
