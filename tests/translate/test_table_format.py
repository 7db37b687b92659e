"""CSV and JSON: which cells and values are texts, their exact places, quoting, and files that are broken."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.errors import BadValueError
from playground.translate.formats.json_values import read_json_template
from playground.translate.formats.table import read_csv_template
from tests.translate.shouting import loud, same, shouted, texts

TABLE = """id,Title,"Long text",When,Link
1,Red shoe,"A ""nice"" shoe,
really nice",12 March 2020,https://example.org/a b
2, Blue shoe ,plain,2020-01-02 10:00,see www.example.org
3,鞋子,"",Mon 3rd May,12 000
"""


def test_cells_that_hold_prose_are_segments() -> None:
    template = read_csv_template(TABLE.encode())
    assert [(segment.text, segment.context) for segment in template.segments] == [
        ("Red shoe", "Title"),
        ('A "nice" shoe,\nreally nice', "Long text"),
        ("https://example.org/a b", "Link"),
        ("Blue shoe", "Title"),
        ("see www.example.org", "Link"),
        ("鞋子", "Title"),
    ]
    assert same(template) == TABLE.encode()


def test_columns_can_be_chosen_by_name() -> None:
    template = read_csv_template(TABLE.encode(), ["Long text"])
    assert texts(template) == ['A "nice" shoe,\nreally nice', "plain"]
    assert loud(template).decode() == TABLE.replace('A ""nice"" shoe', 'A ""NICE"" SHOE').replace(
        "really nice", "REALLY NICE"
    ).replace("plain", "PLAIN")
    with pytest.raises(BadValueError, match=r"no column Text\. Choose among its columns: id, Title, Long text"):
        read_csv_template(TABLE.encode(), ["Text"])
    with pytest.raises(BadValueError, match="columns: none"):
        read_csv_template(b"", ["Text"])


def test_quotes_are_written_where_they_are_needed() -> None:
    template = read_csv_template(b"a;b\nsome words;other words\nmore words;1\n")
    written = template.write(['one; "two"', "x\ny", "three, four"])
    assert written == b'a;b\n"one; ""two""";"x\ny"\nthree, four;1\n'


def test_tabs_and_line_ends_never_come_into_a_cell_between_tabs() -> None:
    data = b'a\tb\nsome "words\t1\nother words\t2\n'
    template = read_csv_template(data)
    assert template.write(["one\ttwo\nthree", 'say "x"']) == b'a\tb\none two three\t1\nsay "x"\t2\n'


def test_a_first_row_of_texts_is_translated_too() -> None:
    template = read_csv_template(b"This is a text.,1\nAnother text.,2\n")
    assert [(one.text, one.context) for one in template.segments] == [
        ("This is a text.", "column 1"),
        ("Another text.", "column 1"),
    ]


@pytest.mark.parametrize("bad", ['a,b\n1,"never closed\n2,x\n', 'a,b\n1,"two words" more,2\n'])
def test_a_quote_that_is_not_closed_is_told(bad: str) -> None:
    with pytest.raises(BadValueError, match="in line 2 of the table"):
        read_csv_template(bad.encode())


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_encoding_mark_and_line_ends_of_a_table_are_kept(encoding: str) -> None:
    text = 'naïve,größe\r\n"Übung, die","zwei\r\nZeilen"\r\n'
    template = read_csv_template(text.encode(encoding))
    assert texts(template) == ["Übung, die", "zwei\nZeilen"]
    assert loud(template) == text.replace("Übung, die", "ÜBUNG, DIE").replace(
        "zwei\r\nZeilen", "ZWEI\r\nZEILEN"
    ).encode(encoding)


CELLS = st.lists(st.lists(st.text('aé ",\n1', max_size=8), min_size=2, max_size=3), min_size=1, max_size=6)


@given(CELLS, st.sampled_from(",;\t"), st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]))
def test_any_table_keeps_its_cells(rows: list[list[str]], delimiter: str, quoting: Any) -> None:
    rows = [[cell.replace(",", delimiter) for cell in row] for row in rows]
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, quoting=quoting).writerows(rows)
    data = out.getvalue().encode()
    template = read_csv_template(data)
    assert same(template) == data
    assert all(segment.text == segment.text.strip() for segment in template.segments)
    read = list(csv.reader(io.StringIO(loud(template).decode(), newline=""), delimiter=delimiter))
    cells = [[cell.replace("\r\n", "\n").upper() for cell in row] for row in read]
    assert cells == [[cell.upper() for cell in row] for row in rows]


@given(st.text('ab ",;\t\n\r\x00é', max_size=60))
def test_any_text_as_a_table_comes_back(text: str) -> None:
    try:
        template = read_csv_template(text.encode())
    except BadValueError:
        return
    assert same(template) == text.encode()


@pytest.mark.parametrize(
    "data", [b"word, " * 200_000, b'"' * 100_001, b"a,b\n" * 100_000, b'a\tb\n"' + b"x y" * 300_000]
)
def test_large_and_odd_tables_are_read_or_told(data: bytes) -> None:
    if data.count(b'"') % 2 and b"\t" not in data:
        with pytest.raises(BadValueError, match="in line 1"):
            read_csv_template(data)
    else:
        assert same(read_csv_template(data)) == data


VALUES = r"""{
  "id": 7, "url": "https://example.org/a", "title": "Hello wor\u006cd\n",
  "a": {"items": [1.5e3, null, {"b c": "two words"}, "中文"], "code": "x"},
  "words as a key": true
}
"""


def test_values_that_hold_prose_are_segments() -> None:
    template = read_json_template(VALUES.encode())
    assert [(segment.text, segment.context) for segment in template.segments] == [
        ("Hello world", "title"),
        ("two words", 'a.items[2]["b c"]'),
        ("中文", "a.items[3]"),
    ]
    assert same(template) == VALUES.encode()
    expected = VALUES.replace(r"Hello wor\u006cd", "HELLO WORLD").replace("two words", "TWO WORDS")
    assert loud(template) == expected.encode()


def test_keys_can_be_chosen() -> None:
    template = read_json_template(VALUES.encode(), ["items", "code"])
    assert texts(template) == ["中文", "x"]
    with pytest.raises(BadValueError, match="under the key name"):
        read_json_template(VALUES.encode(), ["name"])


def test_json_lines_are_read_line_by_line() -> None:
    data = b'{"t": "one two"}\n{"t": "three four", "u": ["five six"]}\n'
    template = read_json_template(data)
    assert [segment.context for segment in template.segments] == ["[0].t", "[1].t", "[1].u[0]"]
    assert loud(template) == b'{"t": "ONE TWO"}\n{"t": "THREE FOUR", "u": ["FIVE SIX"]}\n'


def test_translations_are_escaped_as_the_file_is() -> None:
    assert read_json_template(b'["some words"]').write(['"é"\n']) == '["\\"é\\"\\n"]'.encode()
    assert read_json_template(b'["some words", "\\u00e9"]').write(["é"]) == b'["\\u00e9", "\\u00e9"]'


def test_half_a_character_is_left_alone() -> None:
    assert texts(read_json_template(b'["some \\ud800 words", "other words"]')) == ["other words"]


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "{",
        "[1,]",
        '{"a" 1}',
        '{"a": "x y}',
        "[1 2]",
        "{'a': 1}",
        '{"a": 01}',
        '["\t"]',
        "[1]]",
        '{"a"}',
        "nul",
        "{,}",
    ],
)
def test_broken_json_is_told_with_its_line(bad: str) -> None:
    with pytest.raises(BadValueError, match="is broken at line 3"):
        read_json_template(f"\n\n{bad}".encode())


@pytest.mark.parametrize("bad", [b"[" * 500_000, b'{"a":' * 100_000, b'["' + b"x " * 500_000])
def test_hostile_json_is_told(bad: bytes) -> None:
    with pytest.raises(BadValueError, match="is broken at line 1"):
        read_json_template(bad)


JSONS = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text() | st.just("two words"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=15,
)


def _shouted(value: Any, known: set[str]) -> Any:
    """A value with its texts in capitals, those that are segments."""
    if isinstance(value, dict):
        return {key: _shouted(one, known) for key, one in value.items()}
    if isinstance(value, list):
        return [_shouted(one, known) for one in value]
    if isinstance(value, str) and value.strip() in known:
        return value.replace(value.strip(), value.strip().upper())
    return value


@given(JSONS, st.booleans(), st.sampled_from([None, 2]), st.sampled_from(["", "\ufeff"]))
def test_any_json_keeps_everything_else(value: Any, ascii_only: bool, indent: int | None, mark: str) -> None:
    data = (mark + json.dumps(value, ensure_ascii=ascii_only, indent=indent)).encode("utf-8", "replace")
    if not data.isascii() and b"\x7f" in data:
        return  # Many of these make a short text look like data.
    template = read_json_template(data)
    assert same(template) == data
    known = set(texts(template))
    read = json.loads(data.decode("utf-8-sig"))
    wanted = json.dumps(_shouted(read, known))
    assert json.dumps(json.loads(loud(template).decode("utf-8-sig"))) == wanted
    assert all(shouted(text) == text.upper() for text in known if "⟨" not in text)
