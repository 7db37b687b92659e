"""A translation beside its source: as a table (HTML, CSV), TMX and XLIFF. The translated file is made elsewhere."""

from __future__ import annotations

import csv
import html
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from lxml import etree

from playground.store.translation_values import SourceFile, StoredSegment, Translation, Unit
from playground.translate.inline_xml import clean, nested
from playground.translate.tags import without
from playground.translate.tmx import write_tmx

_XLIFF = "urn:oasis:names:tc:xliff:document:1.2"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet would compute instead of showing it."""
_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:75rem;padding:0 1rem;color:#1c1e21}"
    "table{border-collapse:collapse;width:100%;table-layout:fixed}td,th{border:1px solid #d5d8dc;padding:.4rem .6rem;"
    "vertical-align:top;text-align:start;overflow-wrap:anywhere}th{background:#f3f4f6}td:first-child{width:3rem}"
    "col.n{width:3.5rem}.doubt{background:#fff4d6}"
)


@dataclass(frozen=True)
class Format:
    """A way to give a translation away."""

    name: str
    suffix: str
    media_type: str
    write: Callable[[Translation, SourceFile, Sequence[StoredSegment]], bytes]


def _table(run: Translation, file: SourceFile, segments: Sequence[StoredSegment]) -> bytes:
    """A page of its own: no script, nothing from outside."""
    source, target = run.way[0]["source"], run.way[-1]["target"]
    rows = []
    for one in segments:
        kind = ' class="doubt"' if one.doubtful else ""
        said = one.text if one.status == "done" else ""
        rows.append(
            f'<tr{kind}><td>{one.position + 1}</td><td lang="{source}" dir="auto">{_cell(one.source)}</td>'
            f'<td lang="{target}" dir="auto">{_cell(said)}</td></tr>'
        )
    title = html.escape(f"{file.name}: {source} → {target}")
    head = f"<tr><th>#</th><th>{source}</th><th>{target}</th></tr>"
    page = (
        f'<!DOCTYPE html>\n<html lang="{target}"><head><meta charset="utf-8"><title>{title}</title>'
        f'<style>{_STYLE}</style></head><body><h1>{title}</h1><table><col class="n"><col><col>{head}'
    )
    return (page + "\n".join(rows) + "</table></body></html>\n").encode()


def _cell(text: str) -> str:
    return html.escape(without(text)).replace("\n", "<br>")


def _csv(run: Translation, file: SourceFile, segments: Sequence[StoredSegment]) -> bytes:
    """With a mark of UTF-8 ahead, which spreadsheets look for."""
    made = io.StringIO()
    writer = csv.writer(made)
    writer.writerow(["number", run.way[0]["source"], run.way[-1]["target"], "status", "confirmed", "doubts"])
    for one in segments:
        doubts = "; ".join(f"{doubt['kind']} {doubt['detail']}".strip() for doubt in one.doubts)
        text = one.text if one.status == "done" else ""
        row = [without(one.source), without(text), one.status, "yes" if one.confirmed else "", doubts or one.error]
        writer.writerow([one.position + 1, *(f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in row)])
    return b"\xef\xbb\xbf" + made.getvalue().encode()


def _tmx(run: Translation, file: SourceFile, segments: Sequence[StoredSegment]) -> bytes:
    pair = run.way[0]["source"], run.way[-1]["target"]
    done = [one for one in segments if one.status == "done" and one.origin != "copied"]
    return write_tmx(Unit(0, *pair, one.source, one.text, one.context, run.title, 0.0, run.updated_at) for one in done)


def _xliff(run: Translation, file: SourceFile, segments: Sequence[StoredSegment]) -> bytes:
    """XLIFF 1.2, which all tools for translators read."""
    named: Any = {None: _XLIFF}  # lxml's own way to say "by default", of which its types know nothing
    root = etree.Element(f"{{{_XLIFF}}}xliff", {"version": "1.2"}, nsmap=named)
    about = {"original": clean(file.name), "datatype": "plaintext"}
    about |= {"source-language": run.way[0]["source"], "target-language": run.way[-1]["target"]}
    body = etree.SubElement(etree.SubElement(root, f"{{{_XLIFF}}}file", about), f"{{{_XLIFF}}}body")
    for one in segments:
        unit = etree.SubElement(body, f"{{{_XLIFF}}}trans-unit", id=str(one.position + 1))
        if one.confirmed:
            unit.set("approved", "yes")
        nested(etree.SubElement(unit, f"{{{_XLIFF}}}source"), one.source)
        if one.status == "done":
            state = "final" if one.confirmed else "needs-review-translation" if one.doubts else "translated"
            nested(etree.SubElement(unit, f"{{{_XLIFF}}}target", state=state), one.text)
        for doubt in one.doubts:
            etree.SubElement(unit, f"{{{_XLIFF}}}note").text = clean(f"{doubt['kind']} {doubt['detail']}".strip())
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=False))


FORMATS = {
    one.name: one
    for one in (
        Format("table", ".bilingual.html", "text/html", _table),
        Format("csv", ".csv", "text/csv", _csv),
        Format("tmx", ".tmx", "application/x-tmx+xml", _tmx),
        Format("xliff", ".xlf", "application/xliff+xml", _xliff),
    )
}
