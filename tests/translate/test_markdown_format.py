"""Markdown as segments: what is found, that nothing else is touched, and that no translation becomes markup."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.footnote import footnote_plugin

from playground.errors import BadValueError
from playground.translate.formats.markdown import read_markdown_template
from tests.translate.shouting import loud_words, same, shouted_words

FILE = r"""---
title: The River
---
# The *River* ##

It **rises** in
the [old
hills](http://x.y/a_b "far") and \*not\* &amp; `co  de`.  
Next <b>line</b> [ref], [full][ref], https://a.b/c_d, $x^2$ [^1].\
Third ~~line~~ <me@x.y>.

> quoted
> text ![img](a.png)
lazy

- [ ] task **bold**
  more
- > [!NOTE]
  > Careful now

| a | b \| c |
|---|:-:|
| **x y** | `c \| d` foo |

Setext
head
===

[^1]: The note
    goes on.

[ref]: http://foo "T"

::: note
Boxed {{ name }} text
:::

**All bold**

    indented

```sh
fenced
```

<div>
html
</div>

$$
a = b
$$
"""

MARKDOWN = (
    MarkdownIt("commonmark", {"html": True})
    .enable(["table", "strikethrough"])
    .use(footnote_plugin)
    .use(dollarmath_plugin, allow_labels=False, allow_space=False, allow_digits=False)
)


def texts(text: str) -> list[str]:
    return [segment.text for segment in read_markdown_template(text.encode()).segments]


def written(source: str, *translations: str) -> str:
    return read_markdown_template(source.encode()).write(translations).decode()


def outline(text: str) -> list[Any]:
    """The structure of a file, read by the parser alone: all but its words."""
    found: list[Any] = []

    def take(tokens: list[Token]) -> None:
        for token in tokens:
            if token.type == "inline":
                take(token.children or [])
            elif token.type not in ("text", "text_special", "softbreak"):
                code = "" if token.type == "image" else token.content.replace("\n", " ")
                found.append((token.type, token.tag, token.attrs, code))

    take(MARKDOWN.parse(text))
    return found


def test_what_a_reader_sees_is_found() -> None:
    found = read_markdown_template(FILE.encode()).segments
    assert [(one.context, one.text) for one in found] == [
        ("h1", "The ⟨1⟩River⟨/1⟩"),
        (
            "p",
            "It ⟨1⟩rises⟨/1⟩ in the ⟨2⟩old hills⟨/2⟩ and *not* & ⟨3⟩co  de⟨/3⟩.⟨4/⟩ Next ⟨5⟩line⟨/5⟩ ⟨6⟩ref⟨/6⟩,"
            " ⟨7⟩full⟨/7⟩, ⟨8/⟩, ⟨9/⟩ ⟨10/⟩.⟨11/⟩ Third ⟨12⟩line⟨/12⟩ ⟨13/⟩.",
        ),
        ("blockquote", "quoted text ⟨1/⟩ lazy"),
        ("li", "task ⟨1⟩bold⟨/1⟩ more"),
        ("blockquote", "Careful now"),
        ("th", "a"),
        ("th", "b | c"),
        ("td", "x y"),
        ("td", "⟨1⟩c | d⟨/1⟩ foo"),
        ("h1", "Setext head"),
        ("footnote", "The note goes on."),
        ("p", "Boxed ⟨1/⟩ text"),
        ("p", "All bold"),
    ]
    tags = found[1].tags
    assert (tags[1].opening, tags[1].closing) == ("[", '](http://x.y/a_b "far")')
    assert [tag.number for tag in tags if tag.keep] == [3]
    assert (tags[3].opening, tags[10].opening) == ("  \n", "\\\n")


def test_a_file_keeps_its_bytes_and_its_structure() -> None:
    template = read_markdown_template(FILE.encode())
    assert same(template) == FILE.encode()
    new = loud_words(template).decode()
    assert outline(new) == outline(FILE)
    assert texts(new) == [shouted_words(segment) for segment in template.segments]


def test_a_changed_paragraph_stands_on_one_line() -> None:
    assert written("> - one\n>   two  \n>   three\n", "eins zwei⟨1/⟩ drei") == "> - eins zwei  \n>   drei\n"
    assert written("- a\r\n  b\r\n- c\r\n", "A\nB", "c") == "- A B\r\n- c\r\n"


@pytest.mark.parametrize(
    "words",
    [
        *("# x", "- x", "+ x", "* x", "> x", "1. x", "2) x", "---", "===", "***", "~~~", "```", "| a | b |", ": x"),
        *(
            "    x",
            "[x]: y",
            "[^1]: x",
            "[ ] x",
            "![a](b)",
            "[a](b)",
            "[ref]",
            "<b>",
            "see <ab:c>",
            "&amp;",
            "\\*",
        ),
        *("*a*", "_a_", "`a`", "~~a~~", "$a$", "x\n# y", "x\n\ny", "a \\", "#", "x #", "<!-- c", "::: x", "{{ x }}"),
        *("$$", "a|b", "!!! note", "^[x]", "\\[a = b\\]", "~ x", "&#35; x", "<div>", "![x]", "_ _ _", "a  \nb", "a\tb"),
    ],
)
def test_words_do_not_become_markup(words: str) -> None:
    kinds = ["{}\n", "# {}\n", "{}\n===\n", "> - {}\n", "| {} | b |\n|---|---|\n| {} | d |\n", "**{}**\n", "w  \n{}\n"]
    for kind in kinds:
        source = kind.replace("{}", "words") + "\n[ref]: u\n"
        template = read_markdown_template(source.encode())
        wanted = [segment.text.replace("words", words) for segment in template.segments]
        new = template.write(wanted).decode()
        assert outline(new) == outline(source), new
        assert texts(new) == [" ".join(text.split()) for text in wanted if any(map(str.isalpha, text))], new


def test_no_more_is_escaped_than_needed() -> None:
    plain = "snake_case 2 * 3 < 4 [sic] C:\\path $5 & (a) - b: c! #1"
    assert written("words\n", plain) == plain + "\n"
    assert written("- **Term** - words\n", "⟨1⟩Wort⟨/1⟩ - viele") == "- **Wort** - viele\n"


def test_a_link_by_its_own_words_still_leads_there() -> None:
    source = "See [the page] and [that][].\n\n[Home]\n\n[the page]: a\n[that]: b\n[home]: c\n"
    new = written(source, "Siehe ⟨1⟩die Seite⟨/1⟩ und ⟨2⟩das⟨/2⟩.", "⟨1⟩Start⟨/1⟩")
    assert new.startswith("Siehe [die Seite][the page] und [das][that].\n\n[Start][Home]\n")
    assert outline(new) == outline(source)


def test_emphasis_stays_where_words_touch_it() -> None:
    assert written("a **b** c\n", "中⟨1⟩“文”⟨/1⟩字") == "中 **“文”** 字\n"
    assert written("a _b_ c\n", "中⟨1⟩文⟨/1⟩字") == "中*文*字\n"
    assert written("a **b** c\n", "x⟨1⟩ y ⟨/1⟩z") == "x **y** z\n"


def test_formulas_and_escaped_brackets() -> None:
    assert texts(r"The area \(a^2\) of \[x\] and \[see below\].") == ["The area ⟨1/⟩ of ⟨2/⟩ and [see below]."]
    assert texts("Words\n\n\\[\na = words\n\\]\n\nMore") == ["Words", "More"]


def test_code_keeps_its_backticks() -> None:
    source = "Use `` a`b `` now\n"
    assert texts(source) == ["Use ⟨1⟩a`b⟨/1⟩ now"]
    assert written(source, "Nimm ⟨1⟩a`b⟨/1⟩") == "Nimm `` a`b ``\n"


def test_a_box_keeps_its_first_line() -> None:
    assert texts("> [!tip] A title\n> Words here") == ["Words here"]
    assert written("> [!NOTE]\n> Words", "Worte") == "> [!NOTE]\n> Worte"


def test_front_matter_is_not_touched() -> None:
    for head in ("---\na: b\n---\n", "+++\na = 'b'\n+++\n"):
        assert texts(head + "Words") == ["Words"]
    assert texts("---\n\nWords: one\n") == ["Words: one"]


def test_tags_that_are_missing_are_told() -> None:
    with pytest.raises(BadValueError, match="tag 1 is missing"):
        written("a *b*", "a b")


def test_the_encoding_and_line_ends_stay() -> None:
    data = "\ufeff# Größe\r\n\r\nWörter\r\n".encode("utf-16-le")
    template = read_markdown_template(data)
    assert same(template) == data
    assert template.write(["Größe", "中"]) == "\ufeff# Größe\r\n\r\n中\r\n".encode("utf-16-le")


REAL = sorted(Path(__file__).parents[2].glob("*.md"))


@pytest.mark.parametrize("path", REAL, ids=lambda path: path.name)
def test_our_own_files_keep_their_bytes_and_structure(path: Path) -> None:
    data = path.read_bytes()
    template = read_markdown_template(data)
    assert template.segments
    assert same(template) == data
    assert outline(loud_words(template).decode()) == outline(data.decode())


words = st.sampled_from(
    ["word", "two words", "a\nb", "&amp;", "\\*", "x_y", "5", "⟨1⟩", "“ä”", "$x$", "a  \nb", "<br>", "http://a.b/c_d"]
)
inline = st.recursive(
    words,
    lambda inner: st.one_of(
        st.builds("{} {}".format, inner, inner),
        st.builds("{}{}".format, inner, inner),
        st.builds("**{}**".format, inner),
        st.builds("_{}_".format, inner),
        st.builds("~~{}~~".format, inner),
        st.builds("[{}](u_v 'a t')".format, inner),
        st.builds("[{}][ref]".format, inner),
        st.builds("`c * {}`".format, st.sampled_from("ab")),
        st.builds("<b>{}</b>".format, inner),
        st.builds("{} ![see](it)[^1]".format, inner),
    ),
    max_leaves=6,
)
lines = inline.map(lambda text: text.replace("\n", " ").replace("|", ""))
leaf = st.one_of(
    inline,
    st.builds("# {} #".format, lines),
    st.builds("{}\n---".format, inline),
    st.builds("| {} | {} |\n|---|---|\n| {} | x |".format, lines, lines, lines),
    st.just("```\ncode *x*\n```"),
    st.just("<div>\nhtml\n</div>"),
    st.just("    code"),
)


def _indented(first: str, rest: str, text: str) -> str:
    return first + text.replace("\n", "\n" + rest)


block = st.recursive(
    leaf,
    lambda inner: st.one_of(
        st.builds("{}\n\n{}".format, inner, inner),
        inner.map(lambda text: _indented("> ", "> ", text)),
        inner.map(lambda text: _indented("- ", "  ", text)),
        inner.map(lambda text: _indented("1. ", "   ", text)),
        inner.map(lambda text: _indented("- [x] ", "  ", text)),
    ),
    max_leaves=4,
)
TAIL = "\n\n[ref]: u\n\n[^1]: note\n"


@given(st.lists(block, max_size=4).map(lambda found: "\n\n".join([*found, TAIL])), st.sampled_from(["\n", "\r\n"]))
def test_any_well_made_file_keeps_its_bytes_and_structure(text: str, line_end: str) -> None:
    data = text.replace("\n", line_end).encode()
    template = read_markdown_template(data)
    assert same(template) == data
    assert all(segment.text == segment.text.strip() for segment in template.segments)
    new = loud_words(template).decode()
    assert outline(new) == outline(data.decode())
    assert texts(new) == [shouted_words(segment) for segment in template.segments]


nasty = st.text(st.sampled_from("*_`[]()<>!#-+=|~\\$&;:^{}1. \nab⟨⟩/中“”"), max_size=30)


@given(nasty, st.sampled_from(["{}\n", "# {}\n", "> {}\n", "- {}\n", "| {} | b |\n|---|---|\n| c | d |\n"]))
def test_any_words_can_be_a_translation(words: str, kind: str) -> None:
    source = kind.replace("{}", "words *here*") + "\n[a]: u\n\n[^1]: note\n"
    template = read_markdown_template(source.encode())
    words = words.replace("⟨", "").replace("⟩", "")
    first = " ".join(f"x{words} ⟨1⟩here⟨/1⟩".split()) if not words.strip() else " ".join(f"{words} ⟨1⟩here⟨/1⟩".split())
    new = template.write([first, *(segment.text for segment in template.segments[1:])]).decode()
    assert outline(new) == outline(source)
    assert texts(new)[0] == first


@given(nasty | st.text())
@example("`a")
def test_any_text_keeps_its_bytes(text: str) -> None:
    data = text.encode("utf-8", "replace")
    try:
        template = read_markdown_template(data)
    except BadValueError:
        return
    assert same(template) == data
    loud_words(template)


@given(st.binary())
def test_any_bytes_come_back(data: bytes) -> None:
    try:
        template = read_markdown_template(data)
    except BadValueError:
        return
    assert same(template) == data
    loud_words(template)
