"""Conversations out into files that others read, and in from files of others. Knows nothing of pages and models.

`export(history, ids, "markdown")` gives the pieces of a file; `FORMATS` are the names; `all_ids` is everything, and
`safe_name(title, FORMATS[name].suffix)` what to call the file. `import_file(history, path)` puts a file in and reports.
"""

from playground.exchange.formats import FORMATS, Format, export
from playground.exchange.incoming import ImportReport, Skipped, import_file
from playground.exchange.names import safe_name
from playground.exchange.readable import Words
from playground.exchange.talk import all_ids

__all__ = [
    "FORMATS",
    "Format",
    "ImportReport",
    "Skipped",
    "Words",
    "all_ids",
    "export",
    "import_file",
    "safe_name",
]
