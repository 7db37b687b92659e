"""HTML and electronic books: what a reader would read of them, and nothing that calls elsewhere."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playground.documents import Block, Document, read_document
from playground.documents.markup import read_html
from playground.errors import BadValueError
from tests.documents.making import zipped


def read(folder: Path, data: str | bytes, name: str = "page.html") -> Document:
    file = folder / "upload"
    file.write_bytes(data if isinstance(data, bytes) else data.encode())
    return read_document(file, name)


def blocks(inner: str) -> tuple[Block, ...]:
    return read_html(f"<html><body>{inner}</body></html>")[0]


PAGE = """<!DOCTYPE html><html lang="en"><head><title>The
 River &amp; its mills</title><style>p { color: red }</style><script>document.write("<p>evil</p>")</script></head>
<body><header><nav><a href="/">Home</a></nav><h1>The <em>River</em></h1></header>
<aside class="toc">Contents</aside>
<p>It rises<br>in the <a href="http://example.com/secret">old hills</a>,
   and   flows.</p>
<div>Loose words<p>and a paragraph</p>more loose words</div>
<ul><li>grain<ul><li>rye</ul><li><p>flour</p><p>fine</p></ul>
<ol start="3"><li>third<li>fourth</ol>
<pre class="language-sh"><code>$ ls
  a &lt; b</code></pre>
<p>Run <code>mill -x</code> now.</p>
<p hidden>unseen</p><div style="display: none">unseen</div><span aria-hidden="true">unseen</span>
<footer>Imprint</footer></body></html>"""


def test_a_page(tmp_path: Path) -> None:
    found = read(tmp_path, PAGE)
    assert found.title == "The River & its mills"
    assert found.blocks == (
        Block("heading", "The River", level=1),
        Block("paragraph", "It rises\nin the old hills, and flows."),
        Block("paragraph", "Loose words"),
        Block("paragraph", "and a paragraph"),
        Block("paragraph", "more loose words"),
        Block("list", "- grain\n  - rye\n- flour\n  fine"),
        Block("list", "3. third\n4. fourth"),
        Block("code", "$ ls\n  a < b", language="sh"),
        Block("paragraph", "Run `mill -x` now."),
    )
    assert found.media_type == "text/html"


def test_tables() -> None:
    table = "<table><tr><th>a<th colspan=2>b|c<tr><td>1<td><p>2</p><p>3</p><td>x<ul><li>y</ul></table>"
    assert blocks(f"before{table}after") == (
        Block("paragraph", "before"),
        Block("table", "| a | b\\|c |  |\n| --- | --- | --- |\n| 1 | 2<br>3 | x<br>- y |"),
        Block("paragraph", "after"),
    )


def test_tables_that_only_arrange_are_no_tables() -> None:
    page = (
        "<table><tr><td>menu</td><td><h2>Title</h2><p>one</p><table><tr><td>k</td><td>v</td></tr></table>"
        "<p>two</p></td></tr></table><table role=presentation><tr><td>left</td><td>right</td></tr></table>"
        "<table><tr><td rowspan=2><img></td><th>Note</th></tr><tr><td>Read this.</td></tr></table>"
    )
    assert [(block.kind, block.text) for block in blocks(page)] == [
        ("paragraph", "menu"),
        ("heading", "Title"),
        ("paragraph", "one"),
        ("table", "| k | v |\n| --- | --- |"),
        ("paragraph", "two"),
        ("paragraph", "left"),
        ("paragraph", "right"),
        ("paragraph", "Note"),
        ("paragraph", "Read this."),
    ]


def test_only_the_main_part_is_read_where_there_is_one() -> None:
    assert blocks("<div>menu</div><main><p>words</p></main><div>imprint</div>") == (Block("paragraph", "words"),)
    assert blocks("<div>words</div><main></main>") == (Block("paragraph", "words"),)


def test_depth_and_broken_tags_do_no_harm() -> None:
    deep = "<div>" * 20_000 + "deep" + "</div>" * 20_000
    assert blocks(deep + "<p>after") == (Block("paragraph", "deep"), Block("paragraph", "after"))
    assert blocks("</p></table><td>a<tr>b</li></ul><<x>>c &nosuch; &#0;") != ()


@settings(deadline=None)
@given(st.text() | st.text(st.sampled_from("<>/ab \"'=&;!-#x\n\x00汉")))
def test_any_text_is_a_page(text: str) -> None:
    read_html(text)


_TAGS = ("table", "tr", "td", "ul", "li", "pre", "code", "h1", "p", "nav", "main", "title", "br", "template")


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from([form.format(tag) for tag in _TAGS for form in ("<{}>", "</{}>")] + ["words "]), max_size=40
    )
)
def test_tags_in_any_order_are_a_page(tags: list[str]) -> None:
    found, _ = read_html("".join(tags))
    assert all(block.text.strip() and (block.level > 0) == (block.kind == "heading") for block in found)


@pytest.mark.parametrize("encoding", ["gb2312", "big5", "shift_jis", "utf-8", "windows-1252"])
def test_a_page_says_its_encoding(tmp_path: Path, encoding: str) -> None:
    words = {"gb2312": "简体", "big5": "繁體", "shift_jis": "日本", "utf-8": "汉字", "windows-1252": "“ß”"}[encoding]
    page = f'<html><head><meta charset="{encoding}"></head><body><p>{words}</p></body></html>'
    assert read(tmp_path, page.encode(encoding)).text() == words


def test_a_page_that_says_it_wrongly_is_read_right(tmp_path: Path) -> None:
    page = '<html><head><meta charset="zlib_codec"></head><body><p>今天天气很好，我们去公园散步。</p></body></html>'
    assert read(tmp_path, page.encode("gbk")).text() == "今天天气很好，我们去公园散步。"


def test_nothing_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("asked the network"))
    secret = tmp_path / "secret"
    secret.write_text("KEEP OUT")
    page = (
        f'<!DOCTYPE html SYSTEM "http://127.0.0.1:9/x.dtd" [<!ENTITY x SYSTEM "{secret.as_uri()}">]><html><head>'
        f'<link rel=stylesheet href="http://127.0.0.1:9/"><base href="{secret.as_uri()}"></head>'
        f'<body><img src="http://127.0.0.1:9/"><iframe src="{secret.as_uri()}"></iframe><p>&x; words</p></body></html>'
    )
    text = read(tmp_path, page).text()
    assert "words" in text
    assert "KEEP OUT" not in text


def test_html_is_known_without_its_ending(tmp_path: Path) -> None:
    assert read(tmp_path, "<!-- x -->\n<!DOCTYPE HTML><p>a</p>", "page").media_type == "text/html"
    assert read(tmp_path, "<!DOCTYPE HTML><p>a</p>", "page.txt").media_type == "text/plain"


def book(file: Path, more: dict[str, bytes | str] | None = None) -> Path:
    container = '<container xmlns="c"><rootfiles><rootfile full-path="OPS/book.opf"/></rootfiles></container>'
    package = (
        '<package xmlns="p" xmlns:dc="d"><metadata><dc:title>书</dc:title></metadata><manifest>'
        '<item id="b" href="b%201.xhtml"/><item id="a" href="../a.xhtml"/><item id="c" href="gone.xhtml"/></manifest>'
        '<spine><itemref idref="a"/><itemref idref="b"/><itemref idref="c"/></spine></package>'
    )
    chapter = (
        '<?xml version="1.0" encoding="utf-8"?><html xmlns="h"><head><title>t</title></head><body>{}</body></html>'
    )
    members: dict[str, bytes | str] = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": container,
        "OPS/book.opf": package,
        "OPS/b 1.xhtml": chapter.format("<h2>Second</h2>"),
        "a.xhtml": chapter.format("<h1>第一</h1><p>words</p>"),
    }
    return zipped(file, members | (more or {}))


def test_a_book(tmp_path: Path) -> None:
    found = read_document(book(tmp_path / "x"), "book.epub")
    assert [block.text for block in found.blocks] == ["第一", "words", "Second"]
    assert (found.title, found.media_type) == ("书", "application/epub+zip")
    assert found.notes == ("Chapters that could not be read: 1 of 3.",)


def test_a_locked_or_broken_book_is_told(tmp_path: Path) -> None:
    lock = "".join(f'<CipherReference URI="{one}"/>' for one in ("a.xhtml", "OPS/b%201.xhtml"))
    with pytest.raises(BadValueError, match="copy protection"):
        read_document(book(tmp_path / "x", {"META-INF/encryption.xml": f"<e>{lock}</e>"}), "book.epub")
    for broken in ({"OPS/book.opf": "<package"}, {"META-INF/container.xml": "<container/>"}):
        with pytest.raises(BadValueError, match="is damaged"):
            read_document(book(tmp_path / "y", dict(broken)), "book.epub")
