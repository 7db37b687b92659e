"""Model output as HTML: nothing in it can run or fetch, and growing by pieces ends where rendering at once does."""

from __future__ import annotations

import random
import re
import time
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from playground.ui.markdown import GrowingText, render

ALLOWED = re.compile(r"<(?!/?(?:[a-z][a-z0-9]*)[ />])")


def shown(text: str) -> str:
    return "\n".join(render(text))


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "a <img src=x onerror=alert(1)> b",
        "<form action=http://evil.example><input></form>",
        "<style>*{display:none}</style>",
        "- item\n\n  <iframe src=http://evil.example></iframe>",
        "> <svg onload=alert(1)>",
        "| a |\n|---|\n| <script>alert(1)</script> |",
        "# <b onclick=alert(1)>",
        "```\n<script>alert(1)</script>\n```",
        "```html\n<script>alert(1)</script>\n```",
        "    <script>alert(1)</script>",
        "`<script>`",
        '```"><script>alert(1)</script>\ncode\n```',
        "```<script>\ncode\n```",
    ],
)
def test_raw_html_stays_text(text: str) -> None:
    html = shown(text)
    assert not re.search(r"<(script|img|form|input|style|iframe|svg|b)\b", html), html
    assert not re.search(r"<[^>]*\son[a-z]+=", html), html
    assert "&lt;" in html


@pytest.mark.parametrize(
    "target",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "javascript&#58;alert(1)",
        "vbscript:x",
        "data:text/html,x",
        "file:///x",
    ],
)
def test_links_that_run_something_are_no_links(target: str) -> None:
    for text in (f"[a]({target})", f"![a]({target})", f"<{target}>", f"[a][b]\n\n[b]: {target}"):
        assert not re.search(r"href=\"\s*(javascript|vbscript|data|file):", shown(text), re.IGNORECASE), shown(text)


def test_links_open_elsewhere_and_tell_nothing() -> None:
    html = shown('[words](https://example.org/?a=1&b="x" "title")')
    assert 'href="https://example.org/?a=1&amp;b=%22x%22"' in html
    assert 'target="_blank" rel="noopener noreferrer nofollow"' in html
    assert ">words</a>" in html


def test_images_are_links() -> None:
    html = shown("![a secret](http://evil.example/?d=1)")
    assert "<img" not in html
    assert '<a href="http://evil.example/?d=1"' in html
    assert ">a secret</a>" in html
    assert "<img" not in shown("[![x](http://evil.example/a.png)](http://evil.example)")
    assert "<script" not in shown('![<script>](http://e.example "<script>")')


@pytest.mark.parametrize("text", ["$x^2$", "$$\n\\frac{a}{b}\n$$", r"\(x_1\)", r"\[ \sqrt{2} \]"])
def test_latex_becomes_mathml(text: str) -> None:
    assert "<math" in shown(text)


@pytest.mark.parametrize(
    "latex",
    [
        r"\text{<script>alert(1)</script>}",
        r"\text{<img src=x onerror=alert(1)>}",
        r"\href{javascript:alert(1)}{x}",
        r"</math><script>alert(1)</script>",
        r"\color{\" onload=alert(1)}{x}",
        r"\frac{1",
        r"\begin{matrix} 1 & 2",
    ],
)
def test_latex_cannot_smuggle_html(latex: str) -> None:
    for text in (f"${latex}$", f"$$\n{latex}\n$$", rf"\({latex}\)", rf"\[{latex}\]"):
        html = shown(text)
        assert not re.search(r"<(script|img|a)\b", html), html
        assert not re.search(r"<[^>]*\son[a-z]+=", html), html
        assert not re.search(r"<[^>]*javascript:", html), html


def test_money_is_no_formula() -> None:
    assert "<math" not in shown("It costs $5 and then $10 more.")


def test_code_is_coloured_labelled_and_whole() -> None:
    html = shown("```python title\ndef f(a):\n    return a < 1\n```")
    assert "<span>python</span>" in html
    assert 'class="k"' in html
    assert 'data-copy="code"' in html
    assert re.sub(r"<[^>]+>", "", html.split("<code>")[1]).replace("&lt;", "<") == "def f(a):\n    return a < 1\n"
    assert "no-such" in shown("```no-such\nx\n```")
    assert "<pre>" in shown("```python\nunfinished")


def test_markdown_in_short() -> None:
    html = shown("# A\n\n**b** *c* ~~d~~ `e`\n\n1. f\n2. g\n\n> h\n\n| i |\n|---|\n| 天 |\n\n---\nj\nk")
    for tag in ("h1", "strong", "em", "s", "code", "ol", "blockquote", "table", "hr", "br"):
        assert f"<{tag}" in html, tag


def grown(pieces: list[str]) -> list[str]:
    """What a page holds after having been told about each piece."""
    growing, text, blocks = GrowingText(), "", []
    for piece in pieces:
        text += piece
        first, changed = growing.update(text)
        assert first <= len(blocks), "a gap"
        blocks[first:] = changed
    return blocks


def cut(text: str, places: list[int]) -> list[str]:
    edges = [0, *sorted({place % (len(text) + 1) for place in places}), len(text)]
    return [text[start:end] for start, end in pairwise(edges)]


def numbered(lines: list[str]) -> str:
    return "\n".join(f"{number}. {line}" for number, line in enumerate(lines, 1))


def table(cells: list[str]) -> str:
    return "| a | b |\n|---|---|\n" + "\n".join(f"| {cell} | 1 |" for cell in cells)


SOME = ["a", "word", "**bold**", "`code`", "天气", "_x_", "1", "$5", "<b>", "x_1", "[l](http://e.org)"]
LINE = st.lists(st.sampled_from(SOME), min_size=1, max_size=6).map(" ".join)
BLOCK = st.one_of(
    LINE,
    st.lists(LINE, min_size=2, max_size=3).map("\n".join),
    LINE.map(lambda line: f"## {line}"),
    LINE.map(lambda line: f"```python\n{line}\n\n# {line}\n```"),
    st.lists(LINE, min_size=1, max_size=4).map(lambda lines: "\n".join(f"- {line}" for line in lines)),
    st.lists(LINE, min_size=1, max_size=3).map(lambda lines: "\n\n".join(f"* {line}" for line in lines)),
    st.lists(LINE, min_size=1, max_size=4).map(lambda lines: f"{numbered(lines)}\n\nso"),
    st.lists(LINE, min_size=2, max_size=3).map(lambda lines: f"- {lines[0]}\n  - {lines[1]}\n\n  {lines[-1]}"),
    st.lists(LINE, min_size=1, max_size=3).map(table),
    LINE.map(lambda line: f"> {line}"),
    st.just("$$\nx^2\ny\n$$"),
    st.just("---"),
)
TEXT = st.lists(BLOCK, min_size=1, max_size=6).map("\n\n".join)


@settings(deadline=None, max_examples=150)
@given(TEXT, st.lists(st.integers(0, 1000), max_size=30))
@example("1. a\n2. b\n\n- c", list(range(40)))
def test_growing_ends_where_rendering_at_once_does(text: str, places: list[int]) -> None:
    assert grown(cut(text, places)) == list(render(text))


@settings(deadline=None, max_examples=25)
@given(TEXT)
def test_growing_letter_by_letter(text: str) -> None:
    assert grown(list(text)) == list(render(text))


LOOSE = "1. first\n\n2. second\n\n   more\n\n10. tenth\n\nend"


def test_a_loose_numbered_list_growing_letter_by_letter() -> None:
    """Between `2` and `2.` the second item looks like a paragraph that ends the list."""
    assert grown(list(LOOSE)) == list(render(LOOSE))


@pytest.mark.parametrize(
    "odd",
    ["\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029", "\r", "\r\n", "\x00"],
)
def test_letters_that_only_some_take_for_line_ends(odd: str) -> None:
    text = f"one{odd}{odd}{odd}two\n\nthree{odd}\n\n```\nfour{odd}\n```\n\nfive"
    assert grown(list(text)) == list(render(text))


def test_a_shrinking_tail() -> None:
    """A link's definition is a paragraph until its address comes; then it vanishes."""
    text = "a\n\n[b]: http://e.org"
    assert grown(list(text)) == list(render(text))


@settings(deadline=None)
@given(st.text())
def test_no_random_text_makes_a_script(text: str) -> None:
    for body in (text, f"<script>{text}</script>", f"$<script>{text}$", f"```{text}\n<script>"):
        html = shown(body)
        assert "<script" not in html.lower()
        assert not ALLOWED.search(html), html


def test_a_long_reply_costs_no_more_at_its_end() -> None:
    """A step at the end of 2,000 paragraphs renders the last one only."""
    words = random.Random(1).choices(["word", "**bold**", "`code`"], k=12)
    text = "\n\n".join(" ".join(words) + str(n) for n in range(2000))
    growing = GrowingText()
    growing.update(text)
    began = time.perf_counter()
    for number in range(20):
        first, blocks = growing.update(text + " more" * number)
    assert time.perf_counter() - began < 0.5
    assert (first, len(blocks)) == (1999, 1)
