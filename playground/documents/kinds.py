"""Says what a file is: by its first bytes where they tell, else by its name's ending. Knows nothing of reading it."""

from __future__ import annotations

import re
from typing import Literal

from playground.errors import BadValueError

FileKind = Literal["pdf", "zip", "html", "csv", "json", "notebook", "markdown", "subtitles", "code", "text"]

_BY_ENDING: dict[str, FileKind] = {
    "pdf": "pdf",
    "docx": "zip",
    "docm": "zip",
    "dotx": "zip",
    "epub": "zip",
    **dict.fromkeys(("html", "htm", "xhtml"), "html"),
    **dict.fromkeys(("csv", "tsv", "tab"), "csv"),
    "json": "json",
    "ipynb": "notebook",
    **dict.fromkeys(("md", "markdown", "mdown", "mkd", "mdx", "qmd", "rmd"), "markdown"),
    **dict.fromkeys(("srt", "vtt"), "subtitles"),
    **dict.fromkeys(("txt", "text", "log", "nfo", "me", "asc"), "text"),
}
LANGUAGES = {
    **{"py": "python", "pyi": "python", "pyw": "python", "jsonl": "json", "ndjson": "json"},
    **{"js": "javascript", "mjs": "javascript", "cjs": "javascript", "jsx": "jsx", "ts": "typescript", "tsx": "tsx"},
    **{"c": "c", "h": "c", "cc": "cpp", "cpp": "cpp", "cxx": "cpp", "hpp": "cpp", "hh": "cpp", "cu": "cuda"},
    **{"java": "java", "kt": "kotlin", "kts": "kotlin", "scala": "scala", "groovy": "groovy", "gradle": "groovy"},
    **{"go": "go", "rs": "rust", "swift": "swift", "m": "objectivec", "mm": "objectivec", "cs": "csharp"},
    **{"fs": "fsharp", "vb": "vbnet", "rb": "ruby", "php": "php", "pl": "perl", "pm": "perl", "lua": "lua"},
    **{"r": "r", "jl": "julia", "dart": "dart", "ex": "elixir", "exs": "elixir", "erl": "erlang", "hs": "haskell"},
    **{"clj": "clojure", "ml": "ocaml", "lisp": "lisp", "el": "lisp", "scm": "scheme", "zig": "zig", "nim": "nim"},
    **{"sh": "bash", "bash": "bash", "zsh": "bash", "fish": "fish", "ps1": "powershell", "bat": "batch"},
    **{"cmd": "batch", "sql": "sql", "graphql": "graphql", "proto": "protobuf", "vue": "vue", "svelte": "svelte"},
    **{"css": "css", "scss": "scss", "sass": "sass", "less": "less", "xml": "xml", "xsd": "xml", "xsl": "xml"},
    **{"svg": "xml", "yaml": "yaml", "yml": "yaml", "toml": "toml", "ini": "ini", "cfg": "ini", "conf": "ini"},
    **{"env": "ini", "properties": "ini", "tex": "latex", "bib": "bibtex", "rst": "rst", "adoc": "asciidoc"},
    **{"org": "org", "diff": "diff", "patch": "diff", "cmake": "cmake", "mk": "makefile", "tf": "hcl"},
    **{
        "f": "fortran",
        "f90": "fortran",
        "for": "fortran",
        "pas": "pascal",
        "asm": "asm",
        "s": "asm",
        "v": "verilog",
        "vhd": "vhdl",
    },
    **{"sol": "solidity", "dockerfile": "dockerfile", "makefile": "makefile", "gitignore": "", "po": "po"},
}
"""Languages of source code as Markdown names them, by the ending (or the whole name, as of Makefile)."""
_LONGEST_NAME = 80
SUFFIXES = frozenset(f".{ending}" for ending in (*_BY_ENDING, *LANGUAGES))
"""All endings that say what a file is; text files of other names are read too."""

_HTML = re.compile(
    rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--(?:(?!-->).)*-->\s*)*<(?:!doctype\s+html|html[\s>])", re.IGNORECASE | re.DOTALL
)
_PDF = re.compile(rb"%PDF-\d")
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_PICTURE, _FILM, _ARCHIVE, _PROGRAM = "a picture", "a film or a sound", "an archive", "a program"
_OTHERS = (
    *((head, 0, _PICTURE) for head in (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"II*\x00", b"MM\x00*")),
    *((head, at, _PICTURE) for head, at in ((b"WEBP", 8), (b"ftypheic", 4), (b"ftypavif", 4), (b"ftypmif1", 4))),
    *((head, at, _FILM) for head, at in ((b"ftyp", 4), (b"AVI ", 8), (b"WAVE", 8), (b"\x1aE\xdf\xa3", 0))),
    *((head, 0, _FILM) for head in (b"ID3", b"\xff\xfb", b"\xff\xf3", b"OggS", b"fLaC")),
    *((head, 0, _ARCHIVE) for head in (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"(\xb5/\xfd", b"7z\xbc\xaf", b"Rar!")),
    (b"ustar", 257, _ARCHIVE),
    *((head, 0, _PROGRAM) for head in (b"MZ", b"\x7fELF", b"\xca\xfe\xba\xbe", b"\xcf\xfa\xed\xfe")),
    (b"SQLite format 3", 0, "a database"),
    (b"GGUF", 0, "a model"),
)
"""First bytes (and where they stand) of files that hold no text. Asked only when there are bytes that no text has."""
_REMEDIES = {
    _ARCHIVE: "Unpack it and attach what is inside.",
    _PICTURE: "Save it as PNG or JPEG for a model that can see, or make its text readable with an OCR program.",
    "a database": "Save what you need of it as CSV.",
    "a model": "Open it under Models.",
}
NOT_READ = "Text, Markdown, source code, PDF, Word (DOCX), EPUB, HTML, CSV and JSON are."


def ending_of(name: str) -> str:
    """The ending of a name in small letters without its dot; the whole name where there is none."""
    return re.split(r"[./\\]", name.strip().lower())[-1]


def kind_of(name: str, head: bytes) -> FileKind:
    """How a file is to be read, given its name and its first bytes (4096 are plenty; all, if it has fewer).

    Raises BadValueError when it is none that can be read, or not what its name says.
    """
    ending = ending_of(name)
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "zip"
    if _PDF.match(head.lstrip()) or (_BY_ENDING.get(ending) == "pdf" and _PDF.search(head[:1024])):
        return "pdf"
    if head.startswith(_OLD_OFFICE):
        raise BadValueError(
            f"{shown(name)} is an older Office file (such as DOC), or protected with a password. "
            "Save it as DOCX without a password and attach that file."
        )
    if head.startswith(b"{\\rtf"):
        raise BadValueError(f"{shown(name)} is a Rich Text file. Save it as DOCX and attach that file.")
    if _CONTROLS.search(head):
        for start, at, what in _OTHERS:
            if head.startswith(start, at):
                raise not_read(name, what, _REMEDIES.get(what, NOT_READ))
    kind = _BY_ENDING.get(ending, "code" if ending in LANGUAGES else None)
    if kind in ("pdf", "zip"):
        raise _lies(name, ending, head)
    return kind or ("html" if _HTML.match(head) else "text")


def not_read(name: str, what: str, remedy: str) -> BadValueError:
    """What to say of a file of a known kind that cannot be read."""
    return BadValueError(f"{shown(name)} is {what}, which is not read here. {remedy}")


def no_text(name: str) -> BadValueError:
    """What to say of a file of an unknown kind."""
    return BadValueError(f"{shown(name)} holds no text, but data of an unknown kind. {NOT_READ}")


def shown(name: str) -> str:
    """A name as it stands in a sentence: in one piece, and not too long.

    Its blanks become unbreakable ones, so that no full stop in it looks like a sentence's end.
    """
    name = "\u00a0".join("".join(sign for sign in name if sign.isprintable() or sign.isspace()).split())
    return name if len(name) <= _LONGEST_NAME else f"{name[:40]}…{name[-30:]}"


def _lies(name: str, ending: str, head: bytes) -> BadValueError:
    if _CONTROLS.search(head):
        return BadValueError(
            f"{shown(name)} is no {ending.upper()} file, whatever its name says, or its beginning is damaged. "
            "Get it again, or choose another file."
        )
    right = "html" if _HTML.match(head) else "txt"
    return BadValueError(
        f"{shown(name)} is no {ending.upper()} file, whatever its name says: it holds text. "
        f"Change the name's ending to .{right} and attach it again."
    )
