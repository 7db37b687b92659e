"""Plain text: what is one segment and what are several, encodings, and wrapping."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.errors import BadValueError
from playground.translate.formats.plain import read_plain_template
from tests.translate.shouting import loud, same, texts

WRAPPED = (
    "This is a paragraph that was wrapped by hand at seventy columns or so, and\n"
    "it goes on here with more words until its end, which comes a little later\n"
    "than one would think.\n"
)


def read(text: str) -> list[str]:
    return texts(read_plain_template(text.encode()))


def test_a_wrapped_paragraph_is_one_segment() -> None:
    assert read(WRAPPED) == [" ".join(WRAPPED.split())]


def test_a_wrapped_paragraph_is_wrapped_again_with_its_indentation() -> None:
    quoted = "".join(f"  > {line}\n" for line in WRAPPED.splitlines())
    template = read_plain_template(quoted.encode())
    [segment] = template.segments
    assert loud(template) == quoted.upper().encode()
    written = template.write([f"{segment.text} {segment.text}"]).decode()
    assert written.replace("  > ", "").split() == segment.text.split() * 2
    assert all(line.startswith("  > ") and len(line) <= 80 for line in written.splitlines())
    assert len(written.splitlines()) == 5


def test_chinese_lines_are_joined_without_blanks_and_wrapped_between_characters() -> None:
    line = "这是一段很长的文字，写的人在每一行的末尾都按了回车键，所以需要重新连起来读。"
    template = read_plain_template(f"{line}\n{line}\n{line[:9]}\n".encode())
    assert texts(template) == [line + line + line[:9]]
    widths = [len(one) for one in template.write([line * 3 + "。"]).decode().splitlines()]
    assert len(widths) >= 3
    assert max(widths) <= len(line)


@pytest.mark.parametrize(
    "lines",
    [
        ["- First thing to do", "- Second thing", "1. Third"],
        ["Roses are red,", "Violets are blue,", "Sugar is sweet,"],
        [
            "Shall I compare thee to a summer's day?",
            "Thou art more lovely and more temperate:",
            "Rough winds do shake the darling buds of May,",
            "And summer's lease hath all too short a date:",
        ],
        ["A paragraph in one line that is so long that nobody wrapped it by hand anywhere. " * 3] * 3,
        ["John Smith", "12 Long Street", "Springfield"],
        ["苹果", "香蕉和橙子", "葡萄"],
    ],
)
def test_lines_that_end_on_purpose_are_segments(lines: list[str]) -> None:
    stripped = [line.strip().removeprefix("- ").removeprefix("1. ") for line in lines]
    assert read("\n".join(lines) + "\n\n" + WRAPPED)[:-1] == stripped


def test_a_point_that_goes_on_in_the_next_line_is_one_segment() -> None:
    text = "- A point that is so long that its author had to go on with it in the next\n  line of it\n- Another\n"
    template = read_plain_template(text.encode())
    assert len(template.segments) == 2
    assert loud(template) == text.upper().encode()


def test_a_narrow_paragraph_that_was_wrapped_is_one_segment() -> None:
    text = "please bring your own\nlunch to the garden on\nsunday, and some warm\nclothes if you can\n"
    assert read(text) == [" ".join(text.split())]


def test_lines_without_words_are_left_alone() -> None:
    text = "Title\n=====\n\n42\n\n* * *\n\n\tWords\n"
    template = read_plain_template(text.encode())
    assert texts(template) == ["Title", "Words"]
    assert loud(template) == text.replace("Title", "TITLE").replace("Words", "WORDS").encode()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "cp1252", "gb18030"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_encoding_and_line_ends_are_kept(encoding: str, line_end: str) -> None:
    words = "天气很好，我们去公园散步。" if encoding == "gb18030" else "Déjà vu – größer"
    text = (WRAPPED + "\n" + words + "\n").replace("\n", line_end)
    data = text.encode(encoding)
    template = read_plain_template(data)
    assert same(template) == data
    assert loud(template) == text.upper().encode(encoding)


def test_what_the_encoding_lacks_makes_the_file_utf_8() -> None:
    template = read_plain_template("Déjà vu\n".encode("cp1252"))
    assert template.write(["城市"]) == "城市\n".encode()


def test_words_that_look_like_tags_are_kept() -> None:
    template = read_plain_template("A ⟨1⟩ sign\n".encode())
    assert loud(template) == "A ⟨1⟩ SIGN\n".encode()
    with pytest.raises(BadValueError, match="tag 1 is missing"):
        template.write(["A sign"])


def test_data_that_is_no_text_is_refused() -> None:
    with pytest.raises(BadValueError, match="holds no text"):
        read_plain_template(bytes(range(256)) * 10)


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\xef\xbb\xbf", b"word " * 200_000, b">" * 100_000, b"a\n" * 50_000])
def test_odd_files_are_read(data: bytes) -> None:
    template = read_plain_template(data)
    assert same(template) == data
    assert loud(template).upper().split() == data.upper().split()


PARTS = st.sampled_from(
    ["word ", "Two words.", "\n", "\r\n", "\n\n", "- ", "> ", "  ", "\t", "天", "，", "⟨1⟩", "\x85"]
)


@given(st.lists(PARTS, max_size=40).map("".join) | st.text(max_size=60))
def test_any_text_comes_back(text: str) -> None:
    data = text.encode("utf-8", "replace")
    try:
        template = read_plain_template(data)
    except BadValueError:
        return
    assert same(template) == data
    assert all(segment.text == segment.text.strip() for segment in template.segments)
    written = template.write([f"{segment.text} x" for segment in template.segments])
    assert len(read_plain_template(written).segments) >= bool(template.segments)
