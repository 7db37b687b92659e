"""Glossaries as files: tables (CSV, TSV) and TBX, the format of terminology programs. Nothing is fetched for them."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lxml import etree

from playground.documents.encodings import decoded
from playground.errors import BadValueError
from playground.languages import NAMES

_LONGEST = 200
"""Characters of a term."""
_MOST = 10
"""Conflicts or wrong rows that are named."""
_ROWS = 100_000
_SEPARATORS = ",;\t"
_CODE = re.compile(r"[a-z]{2,3}(?:[-_](?:[A-Z][a-z]{3}|[A-Za-z]{2}|\d{3})){0,2}")
_YES = frozenset({"yes", "true", "1", "x", "y", "case", "是"})
_NO = frozenset({"", "no", "false", "0", "n", "否"})
_XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_WORSE = ("deprecated", "superseded", "notrecommended")


@dataclass(frozen=True)
class Term:
    """How a term is to be translated; one whose target is its source stays as it is."""

    source: str
    target: str
    source_language: str = ""
    """A code such as "en"; empty for any."""
    target_language: str = ""
    case_sensitive: bool = False
    note: str = ""
    row: int = 0
    """Of the table; the number of the entry in TBX. 1 is the first."""


@dataclass(frozen=True)
class _Row:
    number: int
    cells: list[str]


@dataclass(frozen=True)
class _Columns:
    """Which columns hold terms, by language, and the others."""

    terms: list[tuple[int, str]]
    case: int = -1
    note: int = -1


def read_glossary(name: str, data: bytes) -> list[Term]:
    """The terms of a file. Raises BadValueError when it is no glossary, has wrong rows or contradicts itself."""
    start = data[:1000].lstrip(b"\xef\xbb\xbf \t\r\n")
    is_xml = start.startswith(b"<") or name.lower().endswith((".tbx", ".xml"))
    terms = list(_read_tbx(name, data) if is_xml else _read_table(name, data))
    if not terms:
        raise BadValueError(
            f"{name} has no terms. Give a table with two columns, the term and its translation, or TBX."
        )
    return _without_conflicts(name, terms)


def _read_table(name: str, data: bytes) -> Iterator[Term]:
    read = decoded(data)
    if read is None:
        raise BadValueError(f"{name} is no text. Save the glossary as CSV, TSV or TBX.")
    rows = list(_rows(name, read[0]))
    columns = _header(rows[0].cells) if rows else None
    wrong = []
    for row in rows[1:] if columns else rows:
        fault = _fault(row, columns)
        if fault:
            wrong.append(f"row {row.number}: {fault}")
        else:
            yield from _terms(row, columns or _Columns([(0, ""), (1, "")], note=2))
    if wrong:
        more = f"; and {len(wrong) - _MOST} more" if len(wrong) > _MOST else ""
        raise BadValueError(f"{name} has rows that are no terms ({'; '.join(wrong[:_MOST])}{more}). Correct them.")


def _rows(name: str, text: str) -> Iterator[_Row]:
    """The rows that are not empty, with the numbers that a spreadsheet shows."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    separator = "\t" if "\t" in first or name.lower().endswith((".tsv", ".tab")) else max(_SEPARATORS, key=first.count)
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
        for number, cells in enumerate(reader, 1):
            if number > _ROWS:
                raise BadValueError(f"{name} has more than {_ROWS} rows. Divide it into several glossaries.")
            if any(cell.strip() for cell in cells):
                yield _Row(number, [" ".join(cell.split()) for cell in cells])
    except csv.Error as error:
        raise BadValueError(f"{name} is no table that can be read, row {reader.line_num}: check its quotes.") from error


def _header(cells: Sequence[str]) -> _Columns | None:
    """What the columns are, if the first row says so."""
    said = [cell.lower() for cell in cells]
    if "source" in said and "target" in said:
        terms = [(said.index("source"), ""), (said.index("target"), "")]
    else:
        terms = [(at, cell) for at, cell in enumerate(cells) if _CODE.fullmatch(cell) and cell[:2] in NAMES]
    rest = [cell for at, cell in enumerate(said) if at not in dict(terms)]
    if len(terms) < 2 or not set(rest) <= {"case", "note", ""}:
        return None
    return _Columns(terms, *(said.index(one) if one in said else -1 for one in ("case", "note")))


def _fault(row: _Row, columns: _Columns | None) -> str:
    """What is wrong with a row; empty when nothing is."""
    cells = row.cells
    if len(cells) < 2:
        return "only one column"
    places = [at for at, _ in columns.terms] if columns else [0, 1]
    said = [_cell(cells, at) for at in places]
    if any(len(one) > _LONGEST for one in said):
        return f"longer than {_LONGEST} characters"
    if not said[0]:
        return "no term"
    if columns and _cell(cells, columns.case).lower() not in _YES | _NO:
        return 'the column "case" is neither yes nor no'
    return ""


def _terms(row: _Row, columns: _Columns) -> Iterator[Term]:
    """One for each two languages, in the order of the columns; an empty cell means that the term stays as it is."""
    case = _cell(row.cells, columns.case).lower() in _YES
    note = _cell(row.cells, columns.note)
    first = columns.terms[0][0]
    for at, (column, language) in enumerate(columns.terms):
        source = _cell(row.cells, column)
        for other, other_language in columns.terms[at + 1 :]:
            target = _cell(row.cells, other) or source
            if source and (column == first or _cell(row.cells, other)):
                yield Term(source, target, language, other_language, case, note, row.number)


def _cell(cells: Sequence[str], at: int) -> str:
    return cells[at] if 0 <= at < len(cells) else ""


def _read_tbx(name: str, data: bytes) -> Iterator[Term]:
    """Entries of the older TBX (martif) and of version 3 (tbx)."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise BadValueError(f"{name} is damaged, line {error.lineno}: it cannot be read as TBX.") from error
    if _tag(root) not in ("martif", "tbx"):
        raise BadValueError(f"{name} is XML, but not TBX. Export the glossary as TBX or CSV.")
    main = root.get(_XML_LANG, "")
    entries = (one for one in root.iter() if _tag(one) in ("termEntry", "conceptEntry"))
    for number, entry in enumerate(entries, 1):
        said = [(one.get(_XML_LANG, ""), _words(one)) for one in entry if _tag(one) in ("langSet", "langSec")]
        said = [(language, words) for language, words in said if words]
        said.sort(key=lambda one: one[0] != main)
        note = " ".join(next((_text(one) for one in entry if _tag(one) in ("note", "descrip")), "").split())
        for at, (language, words) in enumerate(said):
            for other, others in said[at + 1 :]:
                for word in words:
                    yield Term(word, others[0], language, other, note=note, row=number)


def _words(language: etree._Element) -> list[str]:
    """The terms of an entry in one language, the best first; those that are not to be used are left out."""
    found: list[tuple[bool, str]] = []
    for one in (one for one in language.iter() if _tag(one) in ("tig", "ntig", "termSec")):
        status = " ".join(_text(note).lower() for note in one.iter() if note.get("type") == "administrativeStatus")
        for term in (term for term in one.iter() if _tag(term) == "term"):
            said = " ".join(_text(term).split())
            if said and len(said) <= _LONGEST and not any(worse in status for worse in _WORSE):
                found.append(("preferred" not in status, said))
    return [said for _, said in sorted(found, key=lambda one: one[0])]


def _tag(element: etree._Element) -> str:
    """Its name without namespace; comments have none."""
    return etree.QName(element).localname if isinstance(element.tag, str) else ""


def _text(element: etree._Element) -> str:
    return "".join(map(str, element.itertext()))


def _without_conflicts(name: str, terms: Sequence[Term]) -> list[Term]:
    """Each term once. From the second language on to others, the first row counts: nobody wrote that direction."""
    first = terms[0].source_language
    known: dict[tuple[str, str, str, bool], Term] = {}
    conflicts = []
    for term in terms:
        said = term.source if term.case_sensitive else term.source.casefold()
        other = known.setdefault((term.source_language, term.target_language, said, term.case_sensitive), term)
        if other.target != term.target and term.source_language == first:
            conflicts.append(f"rows {other.row} and {term.row}: {term.source} = {other.target}, {term.target}")
    if conflicts:
        more = f"; and {len(conflicts) - _MOST} more" if len(conflicts) > _MOST else ""
        said = "; ".join(conflicts[:_MOST])
        raise BadValueError(f"{name} translates a term in two ways ({said}{more}). Keep one of the rows.")
    return list(known.values())
