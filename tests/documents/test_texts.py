"""Plain text, Markdown, code, JSON, subtitles, tables and HTML: encodings and structure."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playground.documents import Block, Document, read_document
from playground.documents.encodings import decoded
from playground.documents.joining import flowed
from playground.documents.markdown import read_markdown
from playground.documents.plain import read_json
from playground.documents.tables import read_table


def read(folder: Path, data: str | bytes, name: str) -> Document:
    file = folder / "upload"
    file.write_bytes(data if isinstance(data, bytes) else data.encode())
    return read_document(file, name)


CHINESE = "今天天气很好，我们去公园散步。会议记录请查收附件，谢谢大家的支持！"
TAIWAN = "今天天氣很好，我們去公園散步。會議記錄請查收附件，謝謝大家的支持！"
JAPANESE = "今日は天気がいいので、公園を散歩しました。データを確認してください。"
KOREAN = "오늘은 날씨가 좋아서 공원을 산책했습니다."
WESTERN = "Größe und Höhe: “déjà vu” à Noël – il niño … 10 €, naïve façade, è già così"
RUSSIAN = "Сегодня хорошая погода, мы пошли гулять в парк."
POLISH = "Zażółć gęślą jaźń, wszystko dobrze."


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        *(
            (CHINESE, one)
            for one in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "gbk", "gb18030")
        ),
        *((TAIWAN, one) for one in ("big5", "utf-16-le", "utf-16-be")),
        *((JAPANESE, one) for one in ("shift_jis", "euc_jp", "iso2022_jp")),
        *((WESTERN, one) for one in ("cp1252", "utf-16-le", "utf-16-be", "utf-8-sig")),
        ("Größe und Höhe, déjà vu", "latin-1"),
        ("El niño comió una manzana.", "latin-1"),
        ("È già così: il Vim è un editor.", "latin-1"),
        (KOREAN, "euc_kr"),
        *((RUSSIAN, one) for one in ("cp1251", "koi8_r")),
        *((POLISH, one) for one in ("cp1250", "iso8859_2")),
        ("深圳市南山区科技园", "gb18030"),
        ("姓名,年龄\n张三,25\n李四,30\n", "gbk"),
    ],
)
def test_encodings(text: str, encoding: str) -> None:
    assert decoded(text.encode(encoding)) == (text, 0)
    # The same in a long text of plain letters.
    if not encoding.startswith(("utf-16", "utf-32")):
        long = "x = 1\n" * 5000 + text
        assert decoded(long.encode(encoding)) == (long, 0)


def test_damaged_characters_are_counted_and_told(tmp_path: Path) -> None:
    data = (CHINESE * 40).encode()
    broken = data[:300] + data[301:]
    found = read(tmp_path, broken, "会议.txt")
    assert found.text().startswith(CHINESE[:30])
    assert found.notes[0].startswith("Characters that are damaged and could not be read: ")


@settings(deadline=None)
@given(st.text(st.characters(blacklist_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1))
def test_utf8_with_a_mark_is_read_as_it_was_written(text: str) -> None:
    assert decoded(text.encode("utf-8-sig"))[0].removeprefix("\ufeff") == text.removeprefix("\ufeff")  # type: ignore[index]


def test_paragraphs_of_a_text_keep_their_lines(tmp_path: Path) -> None:
    found = read(tmp_path, "\r\n\r\nOne\r\n  two\r\n \r\n\r\n\r\nThree \r\n", "note.TXT")
    assert found.blocks == (Block("paragraph", "One\n  two"), Block("paragraph", "Three"))
    assert (found.media_type, found.pages) == ("text/plain", None)


def test_code_is_one_block_with_its_language(tmp_path: Path) -> None:
    code = "def f():\n    return '```'\n\n\n# end\n"
    found = read(tmp_path, code, "a/b.py")
    assert found.blocks == (Block("code", code.rstrip(), language="python"),)
    assert found.text() == f"```python\n{code.rstrip()}\n```"
    fenced = read(tmp_path, "a\n```\nb", "x.c")
    assert fenced.text() == "````c\na\n```\nb\n````"
    assert read(tmp_path, "all:\n\tcc x.c", "Makefile").blocks[0].language == "makefile"


def test_offsets_point_to_the_blocks(tmp_path: Path) -> None:
    found = read(tmp_path, "# One\ntext\n\n```sh\nls\n```\n\n- a\n- b\n", "x.md")
    text = found.text()
    assert [text[at:].startswith(block.markdown()) for at, block in zip(found.offsets(), found.blocks, strict=True)]
    assert len(found.offsets()) == 4


def test_lines_that_are_looked_through_once(tmp_path: Path) -> None:
    """What could be divided in many ways would take for ever."""
    tildes = "~" * 200_000 + "`"
    found = read(tmp_path, f"---\ntitle: 'a{' ' * 200_000}b'\n---\n{tildes}\n", "x.md")
    assert [block.text for block in found.blocks] == [tildes]
    assert found.title.split() == ["a", "b"]


MARKDOWN = """---
title: "书名"
---
Title
=====
Some *words*
in two lines
### Third ###

- a
  - b

  more of b
- c

1. one

| a | b |
| - | - |
| 1 | 2 |
after

~~~ python
# no heading
```
~~~
Sub
---
#no heading
"""


def test_markdown(tmp_path: Path) -> None:
    found = read(tmp_path, MARKDOWN, "x.markdown")
    assert found.title == "书名"
    assert found.blocks == (
        Block("heading", "Title", level=1),
        Block("paragraph", "Some *words*\nin two lines"),
        Block("heading", "Third", level=3),
        Block("list", "- a\n  - b\n\n  more of b\n- c\n\n1. one"),
        Block("table", "| a | b |\n| - | - |\n| 1 | 2 |"),
        Block("paragraph", "after"),
        Block("code", "# no heading\n```", language="python"),
        Block("heading", "Sub", level=2),
        Block("paragraph", "#no heading"),
    )


@settings(deadline=None)
@given(
    st.lists(
        st.one_of(
            st.builds(
                lambda level, text: Block("heading", text, level=level),
                st.integers(1, 6),
                st.text("ab 汉", min_size=1).map(str.strip).filter(bool),
            ),
            st.sampled_from(
                [
                    Block("paragraph", "words\nand more"),
                    Block("list", "- a\n- b\n  - c"),
                    Block("table", "| a |\n| --- |\n| b |"),
                    Block("code", "x\n\n# y\n```", language="sh"),
                ]
            ),
        ),
        max_size=8,
    )
)
def test_what_is_written_as_markdown_is_read_again(blocks: list[Block]) -> None:
    rows: list[Block] = []
    for block in blocks:
        if rows and block.kind == rows[-1].kind == "list":
            rows[-1] = Block("list", rows[-1].text + "\n\n" + block.text)
        else:
            rows.append(block)
    assert read_markdown(Document("x", "", tuple(blocks)).text())[0] == tuple(rows)


def test_json_is_laid_out_without_changing_it() -> None:
    dense = '{"a":[1.0,1e400,{"b":"x, {y}: \\"z\\""},[],{}],"a":' + "1" * 5000 + "}"
    (block,) = read_json(dense)
    assert block.text.startswith(
        '{\n  "a": [\n    1.0,\n    1e400,\n    {\n      "b": "x, {y}: \\"z\\""\n    },\n    [],\n    {}\n'
    )
    assert "".join(block.text.split()) == "".join(dense.split())
    assert block.text.count('"a"') == 2
    assert read_json('{"a": 1}')[0].text == '{"a": 1}'
    assert read_json("[" * 3000 + "x" * 3000)[0].text == "[" * 3000 + "x" * 3000


@settings(deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_laid_out_json_means_the_same(value: object) -> None:
    dense = json.dumps({"long": "x" * 300, "value": value})
    laid_out = read_json(dense)[0].text
    assert json.loads(laid_out) == json.loads(dense)
    assert laid_out.count("\n") >= 3


def test_a_notebook_is_its_cells(tmp_path: Path) -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# 标题\n", "words"]},
        {"cell_type": "code", "source": ["x = 1\n", "x"], "outputs": [{"data": {"image/png": "A" * 1000}}]},
        {"cell_type": "code", "source": []},
    ]
    made = {"cells": cells, "metadata": {"language_info": {"name": "julia"}}}
    assert read(tmp_path, json.dumps(made), "a.ipynb").blocks == (
        Block("heading", "标题", level=1),
        Block("paragraph", "words"),
        Block("code", "x = 1\nx", language="julia"),
    )
    for broken in ("[]", '{"cells": 3}', '{"cells": [{}]}', '{"cells": [{"cell_type": "code", "source": 3}]}', "{"):
        assert read(tmp_path, broken, "a.ipynb").blocks == (Block("code", broken, language="json"),)


def test_subtitles(tmp_path: Path) -> None:
    srt = "1\n00:00:01,000 --> 00:00:02,500\n<i>Hello</i>\nthere\n\n2\n00:01:00,000 --> 00:01:01,000\n{\\an8}再见\n"
    vtt = "WEBVTT\n\n00:01.000 --> 00:02.500 align:start\nHello\nthere\n\n01:00.000 --> 01:01.000\n再见\n"
    assert [block.text for block in read(tmp_path, srt, "f.srt").blocks] == [
        "[00:00:01.000] Hello\nthere",
        "[00:01:00.000] 再见",
    ]
    assert [block.text for block in read(tmp_path, vtt, "f.vtt").blocks] == [
        "[00:01.000] Hello\nthere",
        "[01:00.000] 再见",
    ]
    assert read(tmp_path, "no captions", "f.srt").text() == "no captions"


@pytest.mark.parametrize(
    ("text", "ending", "rows"),
    [
        (
            "name;city\nA;Berlin\nB;Paris, France\n",
            "csv",
            ["| name | city |", "| A | Berlin |", "| B | Paris, France |"],
        ),
        ('a,b\n"x, ""y""","line\nbreak"\n', "csv", ["| a | b |", '| x, "y" | line<br>break |']),
        ("a\tb\n1\t2|3\n\n", "tsv", ["| a | b |", "| 1 | 2\\|3 |"]),
        ("城市,人口\n北京,2184万\n上海\n", "csv", ["| 城市 | 人口 |", "| 北京 | 2184万 |", "| 上海 |  |"]),
    ],
)
def test_tables(text: str, ending: str, rows: list[str]) -> None:
    (block,) = read_table(text, ending)
    assert block.kind == "table"
    assert [rows[0], *rows[1:]] == [line for line in block.text.split("\n") if not line.startswith("| ---")]


@pytest.mark.parametrize("text", ["a,b\n" * 600, "just words\nwithout any columns\n", 'a,b\n"never closed,1\n' * 3])
def test_what_is_too_long_or_no_table_stays_in_its_lines(text: str) -> None:
    assert read_table(text, "csv") == (Block("code", text.strip("\n"), language="csv"),)


def test_lines_are_flowed_as_their_script_wants_it() -> None:
    assert flowed("word\n  and word") == "word and word"
    assert flowed("中文\n  换行，\n“引”\n号") == "中文换行，“引”号"
    assert flowed("中 文\n한국\n말") == "中 文 한국 말"
