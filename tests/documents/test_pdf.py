"""PDFs: pages, paragraphs, headers, hyphens, Chinese, and all that can be wrong with one."""

from __future__ import annotations

import io
from pathlib import Path

import pypdf
import pytest

from playground.documents import Document, pdf, read_document
from playground.errors import BadValueError
from tests.documents import making
from tests.documents.making import BOLD, CHINESE, LEADING, MONO, PICTURE, TOP, Piece, column

WIDE = [
    "The river rises in the hills above the old town and flows through many",
    "meadows before it reaches the wide plain where the people of the valley",
    "have built their mills since the days of their grandfathers.",
]
SECOND = [
    "Every spring the water comes over the banks and leaves fine black earth",
    "upon the fields, which is why the grain is better here than elsewhere in",
    "the whole country, as everybody knows.",
]


def read(folder: Path, data: bytes, name: str = "book.pdf") -> Document:
    file = folder / "upload"
    file.write_bytes(data)
    return read_document(file, name)


def words(document: Document, kind: str = "paragraph") -> list[str]:
    return [block.text for block in document.blocks if block.kind == kind]


def test_lines_become_paragraphs_and_large_ones_headings(tmp_path: Path) -> None:
    title = Piece("The River", TOP, size=24, font=BOLD)
    chapter = Piece("1 Its water", TOP - 40, size=16, font=BOLD)
    first = column(WIDE, TOP - 70)
    found = read(tmp_path, making.pdf([[title, chapter, *first, *column(SECOND, TOP - 140)]], title="河流 River"))
    assert [(block.kind, block.level, block.page) for block in found.blocks] == [
        ("heading", 1, 1),
        ("heading", 2, 1),
        ("paragraph", 0, 1),
        ("paragraph", 0, 1),
    ]
    assert words(found) == [" ".join(WIDE), " ".join(SECOND)]
    assert (found.pages, found.title, found.media_type, found.notes) == (1, "河流 River", "application/pdf", ())
    assert found.text().startswith("# The River\n\n## 1 Its water\n\nThe river rises")


def test_any_folder_will_do(tmp_path: Path) -> None:
    folder = tmp_path / "数据 'x' -v"
    folder.mkdir()
    assert words(read(folder, making.pdf([column(WIDE)]))) == [" ".join(WIDE)]


def test_a_short_line_ends_its_paragraph_without_a_gap(tmp_path: Path) -> None:
    found = read(tmp_path, making.pdf([column([*WIDE, *SECOND])]))
    assert words(found) == [" ".join(WIDE), " ".join(SECOND)]


def test_chinese_lines_are_joined_without_blanks(tmp_path: Path) -> None:
    lines = [
        "这条河发源于古城上方的丘陵，流经许多草地，然后到达宽阔的平原，",
        "山谷里的人们从祖父的时代起就在那里建造磨坊，使用着 Linux",
        "系统管理水位。",
    ]
    rest = ["每年春天，河水漫过堤岸，在田野上留下细腻的黑土，所以粮食很好。", "大家都知道。"]
    found = read(tmp_path, making.pdf([column([*lines, *rest], font=CHINESE, size=12.0)]))
    assert words(found) == [f"{lines[0]}{lines[1]} {lines[2]}", "".join(rest)]


def test_hyphens_at_line_ends_are_taken_away_but_for_those_of_words(tmp_path: Path) -> None:
    lines = [
        "The well-known miller of the valley has always been a very consider-",
        "ate man, and as far as the people of the village know him, a well-",
        "known one, who was never seen in anything but his Sunday-",
        "School coat.",
    ]
    assert words(read(tmp_path, making.pdf([column(lines)]))) == [
        "The well-known miller of the valley has always been a very considerate man, and as far as the people of "
        "the village know him, a well-known one, who was never seen in anything but his Sunday-School coat."
    ]


def test_a_paragraph_goes_on_over_the_page(tmp_path: Path) -> None:
    found = read(tmp_path, making.pdf([column(WIDE[:2]), column(WIDE[2:])]))
    assert words(found) == [" ".join(WIDE)]


def page_with_edges(number: int, head: str) -> list[Piece]:
    body = column([f"Page {number} tells of the {number}th mill in the valley, and who has built it, and when."], 600)
    return [Piece(head, 800, x=200), *body, Piece(str(number + 6), 40, x=290)]


@pytest.mark.parametrize(
    "head",
    [
        lambda n: "The River Book",
        lambda n: f"Part {n // 3}: about mills {n + 6}",
        lambda n: f"The River Book {['i', 'ii', 'iii', 'iv', 'v', 'vi', 'vii'][n - 1]}",
    ],
    ids=["the same on each page", "growing with the pages", "in Roman numbers"],
)
def test_headers_footers_and_page_numbers_are_left_out(tmp_path: Path, head: object) -> None:
    assert callable(head)
    found = read(tmp_path, making.pdf([page_with_edges(n, head(n)) for n in range(1, 8)]))
    assert [block.page for block in found.blocks] == list(range(1, 8))
    assert all(text.startswith("Page ") and text.endswith("when.") for text in words(found))


def test_pages_that_say_the_same_keep_it(tmp_path: Path) -> None:
    page = column([*WIDE, *SECOND])
    assert words(read(tmp_path, making.pdf([page] * 4))) == [" ".join(WIDE), " ".join(SECOND)] * 4


def test_rows_of_numbers_at_the_edges_are_no_page_numbers(tmp_path: Path) -> None:
    prices = [
        [f"{17 * n % 89} {23 * n % 97} {n * n % 71}", "and the rest of the year", f"{31 * n % 83}.50"]
        for n in range(1, 6)
    ]
    text = read(tmp_path, making.pdf([column(rows) for rows in prices])).text()
    assert all(rows[0] in text and rows[2] in text for rows in prices)


def test_code_keeps_its_lines_and_indentation(tmp_path: Path) -> None:
    code = [Piece("def mill():", 600, font=MONO), Piece("return grain", 600 - LEADING, x=72 + 4 * 6.6, font=MONO)]
    found = read(tmp_path, making.pdf([[*column(WIDE), *column(SECOND, 700), *code]]))
    assert words(found, "code") == ["def mill():\n    return grain"]


def test_points_are_a_list(tmp_path: Path) -> None:
    points = ["\u2022 grain", "\u2022 flour", "2. and the second"]
    found = read(tmp_path, making.pdf([[*column(WIDE), *column(points, 650)]]))
    assert words(found, "list") == ["- grain\n- flour\n2. and the second"]


def test_pages_of_pictures_are_told(tmp_path: Path) -> None:
    found = read(tmp_path, making.pdf([column(WIDE), PICTURE, column(SECOND), b"", PICTURE]))
    assert found.notes == ("Pages with pictures alone, such as scans, were not read: 2 of 5.",)
    assert [block.page for block in found.blocks] == [1, 3]
    assert found.pages == 5


@pytest.mark.parametrize(
    ("pages", "told"),
    [([PICTURE, PICTURE], "only pictures of its pages"), ([b"", b""], "has only empty pages")],
)
def test_a_pdf_without_text_is_refused(tmp_path: Path, pages: list[bytes], told: str) -> None:
    with pytest.raises(BadValueError, match=told):
        read(tmp_path, making.pdf(pages))


def locked(password: str) -> bytes:
    writer = pypdf.PdfWriter(io.BytesIO(making.pdf([column(WIDE)])))
    writer.encrypt(password, owner_password="owner", algorithm="RC4-128")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def test_a_password_is_asked_for_only_where_reading_needs_one(tmp_path: Path) -> None:
    with pytest.raises(BadValueError, match=r"^book.pdf is protected with a password\. Open it"):
        read(tmp_path, locked("secret"))
    assert words(read(tmp_path, locked(""))) == [" ".join(WIDE)]


def test_damage_is_told(tmp_path: Path) -> None:
    whole = making.pdf([column(WIDE)])
    for broken in (b"%PDF-1.7\n" + b"\x00\xff" * 500, whole[: len(whole) // 3], b"%PDF-1.4\n%%EOF"):
        with pytest.raises(BadValueError, match="is a damaged PDF, or cut off"):
            read(tmp_path, broken)


def test_a_lost_table_of_objects_is_made_again(tmp_path: Path) -> None:
    whole = making.pdf([column(WIDE)])
    assert words(read(tmp_path, whole.replace(b"startxref\n", b"startxref\n9"))) == [" ".join(WIDE)]


def endless() -> bytes:
    """Forms within forms, ten of each in the one above: more text than there are atoms, in a kilobyte."""
    depth = 12
    forms = ["<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Count 1 /Kids [3 0 R] >>"]
    forms.append("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
                 "/Resources << /XObject << /X 5 0 R >> >> >>")  # fmt: skip
    forms.append("<< /Length 5 >>\nstream\n/X Do\nendstream")
    for number in range(5, 5 + depth):
        drawn = "/X Do " * 10 if number < 4 + depth else "0 0 m 9 9 l S " * 10
        forms.append(f"<< /Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /X {number + 1} 0 R "
                     f">> >> /Length {len(drawn)} >>\nstream\n{drawn}\nendstream")  # fmt: skip
    return making.assembled([form.encode() for form in forms], 1)


def test_a_page_that_takes_for_ever_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "_PATIENCE", 1.0)
    with pytest.raises(BadValueError, match=r"^Page 1 of book\.pdf is too complicated"):
        read(tmp_path, endless())


def test_more_pages_than_are_read_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "MOST_PAGES", 2)
    found = read(tmp_path, making.pdf([column(WIDE), column(SECOND), column(WIDE)]))
    assert found.notes == ("Only the first pages were read: 2 of 3.",)
    assert found.pages == 3


def test_a_process_that_dies_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    child = tmp_path / "pdf_child.py"
    child.write_text('import os\nprint(\'{"pages": 2, "title": ""}\', flush=True)\nos.abort()\n')
    monkeypatch.setattr(pdf, "__file__", str(tmp_path / "pdf.py"))
    with pytest.raises(BadValueError, match=r"^Page 1 of book\.pdf cannot be read"):
        read(tmp_path, making.pdf([column(WIDE)]))


def chapter_page(number: int, head: str, body: str) -> list[Piece]:
    lines = [f"{body} and the {number}th mill in the valley tells it further, from its", "door to its wheel."]
    return [Piece(head, 800), *column(lines, 740), Piece(str(number + 6), 40, x=290)]


def test_running_heads_that_change_with_the_section_are_left_out(tmp_path: Path) -> None:
    heads = [
        "CHAPTER 1. THE RIVER 1.1. ITS WATER",
        "CHAPTER 1. THE RIVER 1.2. ITS BANKS",
        "CHAPTER 1. THE RIVER 1.3. ITS FISH",
        "CHAPTER 2. THE MILLS 2.1. WHO BUILT THEM",
        "CHAPTER 2. THE MILLS 2.4. WHAT THEY GRIND",
        "APPENDIX A. NAMES A.2. OF PEOPLE",
    ]
    pages = [chapter_page(n, head, "The story goes on") for n, head in enumerate(heads, 1)]
    opening = [Piece("Chapter 2", 690, size=20, font=BOLD), Piece("The mills", 640, size=24, font=BOLD)]
    pages.insert(3, [*opening, *column(WIDE, 600)])
    found = read(tmp_path, making.pdf(pages))
    assert not any(word in found.text() for word in ("CHAPTER", "APPENDIX"))
    assert found.text().count("The story goes on and the") == len(heads)
    assert [(block.text, block.level) for block in found.blocks if block.kind == "heading"] == [
        ("Chapter 2 The mills", 1)
    ]


@pytest.mark.parametrize(
    ("heads", "size"),
    [
        (["The river", "Who built the mills", "A word about bread", "On the road", "How it ended"], 11.0),
        (["The river: its water", "The river: its banks", "The river: its fish", "The river: its end"], 18.0),
    ],
    ids=["with nothing in common", "larger than the text"],
)
def test_titles_at_the_top_of_pages_are_kept(tmp_path: Path, heads: list[str], size: float) -> None:
    pages = [[Piece(head, 800, size=size), *column([*WIDE, *SECOND], 740)] for head in heads]
    text = read(tmp_path, making.pdf(pages)).text()
    assert all(head in text for head in heads)


def test_what_stands_at_the_same_height_by_chance_is_kept(tmp_path: Path) -> None:
    pages = [column([f"Page {n} tells of the {n}th mill, and of no other.", "Thus it is."], 760) for n in range(1, 31)]
    for n in (2, 14, 27):
        pages[n] = column(["Note", f"Here we speak of the {n}th winter."], 760)
    assert read(tmp_path, making.pdf(pages)).text().count("Note") == 3
