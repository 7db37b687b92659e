"""A process of its own that reads a PDF: PDFium is a parser in C, and what it chokes on must not end the app.

Started by `pdf` as a program (`python -I pdf_child.py FILE MOST_PAGES`), so it imports nothing of the app. It writes
one line of JSON for the file (`{"pages", "title"}` or `{"error"}`), then one for each page: `{"images", "lines"}`,
where a line is `[text, left, right, baseline, size, bold, fixed, page]`, in points, the baseline growing upwards.
"""

from __future__ import annotations

import ctypes
import json
import math
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HYPHEN = "\x02"
"""What PDFium makes of a hyphen at a line's end; it leaves the line break out."""
_MOST_CHARACTERS = 500_000
"""Of one page; more is no page that anybody reads."""
_MOST_OBJECTS, _MOST_LINES = 200_000, 20
"""Of one page; so many lines and frames are no writing yet."""
_MEMORY, _SECONDS = 4 << 30, 900
"""Bytes and processor time beyond which the system ends this process."""
_ERRORS = {4: "password", 5: "security"}
_BOLD = (b"bold", b"black", b"heavy", b"cmbx")
_FIXED = (b"mono", b"courier", b"consol", b"typewriter", b"cmtt", b"menlo")
_NAMED_FIXED = 1
"""A font's flag that says all its characters are equally wide."""


class _Page:
    """One page's characters, by their numbers in PDFium."""

    def __init__(self, raw: Any, page: Any, number: int) -> None:
        self.raw, self.number = raw, number
        self.text = raw.FPDFText_LoadPage(page)

    def lines(self) -> Iterator[list[Any]]:
        """The lines in the order of the file, which is that of reading almost always."""
        count = min(self.raw.FPDFText_CountChars(self.text), _MOST_CHARACTERS) if self.text else 0
        row: list[tuple[int, str]] = []
        for index in range(count):
            sign = chr(self.raw.FPDFText_GetUnicode(self.text, index))
            if sign not in "\r\n":
                row.append((index, sign))
            if row and (sign in "\n" + HYPHEN or index == count - 1):
                if inked := [number for number, one in row if not one.isspace()]:
                    yield self._line("".join(one for _, one in row), inked)
                row = []

    def _line(self, text: str, inked: list[int]) -> list[Any]:
        first, middle, last = inked[0], inked[len(inked) // 2], inked[-1]
        angle = round(self.raw.FPDFText_GetCharAngle(self.text, middle) / (math.pi / 2)) % 4
        left, _, baseline = self._place(first, angle)
        fonts = [self._font(index) for index in (first, middle, last)]
        # Names beyond the first 65,536 characters come as two halves.
        whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        right = max(self._place(last, angle)[1], left)
        size = max(self._size(index) for index in (first, middle, last))
        bold, fixed = all(one[0] for one in fonts), all(one[1] for one in fonts)
        return [whole, left, right, baseline, size, bold, fixed, self.number]

    def _place(self, index: int, angle: int) -> tuple[float, float, float]:
        """Left, right and baseline as seen by someone who turned the page so that the line lies flat."""
        x, y = ctypes.c_double(), ctypes.c_double()
        self.raw.FPDFText_GetCharOrigin(self.text, index, x, y)
        left, right, bottom, top = (ctypes.c_double() for _ in range(4))
        self.raw.FPDFText_GetCharBox(self.text, index, left, right, bottom, top)
        seen = {
            0: (left.value, right.value, y.value),
            1: (-top.value, -bottom.value, x.value),
            2: (-right.value, -left.value, -y.value),
            3: (bottom.value, top.value, -x.value),
        }[angle]
        return (round(seen[0], 1), round(seen[1], 1), round(seen[2], 1))

    def _size(self, index: int) -> float:
        matrix = self.raw.FS_MATRIX()
        size = float(self.raw.FPDFText_GetFontSize(self.text, index))
        if self.raw.FPDFText_GetMatrix(self.text, index, matrix):
            size *= math.hypot(matrix.c, matrix.d)
        return round(size, 1)

    def _font(self, index: int) -> tuple[bool, bool]:
        """Whether it is bold, and whether all its characters are equally wide."""
        name, flags = ctypes.create_string_buffer(128), ctypes.c_int()
        self.raw.FPDFText_GetFontInfo(self.text, index, name, 128, flags)
        known = name.value.lower()
        bold = any(word in known for word in _BOLD) or self.raw.FPDFText_GetFontWeight(self.text, index) >= 700
        return bold, any(word in known for word in _FIXED) or bool(flags.value & _NAMED_FIXED)

    def close(self) -> None:
        """Give the page's text back."""
        if self.text:
            self.raw.FPDFText_ClosePage(self.text)


def _pictured(raw: Any, page: Any) -> bool:
    """Whether a page without text shows something: a picture, a form that may hold one, or letters drawn as curves."""
    count = min(raw.FPDFPage_CountObjects(page), _MOST_OBJECTS)
    kinds = Counter(raw.FPDFPageObj_GetType(raw.FPDFPage_GetObject(page, number)) for number in range(count))
    drawn = kinds[raw.FPDF_PAGEOBJ_IMAGE] + kinds[raw.FPDF_PAGEOBJ_FORM]
    return bool(drawn) or kinds[raw.FPDF_PAGEOBJ_PATH] > _MOST_LINES


def _answers(file: Path, most_pages: int) -> Iterator[dict[str, Any]]:
    import pypdfium2  # type: ignore[import-untyped]
    import pypdfium2.raw as raw  # type: ignore[import-untyped]

    try:
        document = pypdfium2.PdfDocument(file.read_bytes())
    except pypdfium2.PdfiumError as error:
        yield {"error": _ERRORS.get(error.err_code or 0, "damaged")}
        return
    yield {"pages": len(document), "title": document.get_metadata_value("Title")}
    for number in range(min(len(document), most_pages)):
        page = raw.FPDF_LoadPage(document, number)
        if not page:
            yield {"images": True, "lines": []}
            continue
        text = _Page(raw, page, number + 1)
        lines = list(text.lines())
        yield {"images": not lines and _pictured(raw, page), "lines": lines}
        text.close()
        raw.FPDF_ClosePage(page)
    document.close()


def _limit() -> None:
    """Let the system end this process when it takes more than any honest file needs; Windows has no such limits."""
    if sys.platform == "win32":
        return
    import resource

    for kind, most in ((resource.RLIMIT_AS, _MEMORY), (resource.RLIMIT_CPU, _SECONDS)):
        hard = resource.getrlimit(kind)[1]
        wanted = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (wanted, hard))


def main() -> None:
    """Read the file named on the command line."""
    _limit()
    for answer in _answers(Path(sys.argv[1]), int(sys.argv[2])):
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
