"""HTML as segments: what is found, that nothing else is touched, and that broken pages survive."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from playground.errors import BadValueError
from playground.translate.formats.html import read_html_template
from tests.translate.shouting import loud_words, same, shouted_words

PAGE = b"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>The
 River &amp; its mills</title>
<meta name="description" content='It&#39;s "old"'><meta name="generator" content="by hand">
<style>p > b { color: red }</style><script>document.write("<p>no</p>")</script></head>
<body class=page>
<h1>The <em>River</em></h1>
<p>It rises<br>in the <a href="/x?a=1&amp;b=2" title="Far &amp; old">old   hills</a>,
   and&nbsp;flows &lt; east.<!-- note --></p>
<p><b>All bold</b></p><p> <a id="here"></a> <i>One</i> and <i>two</i>. </p>
<ul><li>grain<ul><li>rye</ul><li>Press <kbd>F1</kbd> now
<li><code>only code</code><li>42 %</ul>
<table><tr><th>a<td>See <img alt="A map" src=map.png> here</table>
<pre><code>$ ls   a</code></pre><textarea>no</textarea><svg><title>no</title><text>no</text></svg>
<p>The brand <span translate="no">Foo Bar</span> <b class="x notranslate">Baz</b>.</p>
<div class="notranslate"><p>no</p></div><input placeholder=Name value=no><button aria-label='Close it'>x</button>
<![CDATA[ no ]]><?php echo "no" ?> 5 < 6 and </body></html>
"""


def texts(page: str | bytes) -> list[str]:
    data = page if isinstance(page, bytes) else page.encode()
    return [segment.text for segment in read_html_template(data).segments]


class Outline(HTMLParser):
    """A page's tags, and what else is no text; without the values of attributes that are translated."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self.found: list[object] = []
        self.feed(data.decode())
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        read = {"alt", "title", "placeholder", "aria-label", "content"}
        self.found.append((tag, [(name, None if name in read else value) for name, value in attrs]))

    def handle_endtag(self, tag: str) -> None:
        self.found.append("/" + tag)

    def handle_comment(self, data: str) -> None:
        self.found.append(data)

    handle_decl = handle_pi = unknown_decl = handle_comment


def test_what_a_reader_sees_is_found() -> None:
    found = read_html_template(PAGE).segments
    assert [(one.context, one.text) for one in found] == [
        ("title", "The River & its mills"),
        ("description", 'It\'s "old"'),
        ("h1", "The ⟨1⟩River⟨/1⟩"),
        ("p", "It rises⟨1/⟩in the ⟨2⟩old hills⟨/2⟩, and\xa0flows < east."),
        ("title", "Far & old"),
        ("p", "All bold"),
        ("p", "⟨1⟩One⟨/1⟩ and ⟨2⟩two⟨/2⟩."),
        ("li", "grain"),
        ("li", "rye"),
        ("li", "Press ⟨1⟩F1⟨/1⟩ now"),
        ("th", "a"),
        ("td", "See ⟨1/⟩ here"),
        ("alt", "A map"),
        ("p", "The brand ⟨1⟩Foo Bar⟨/1⟩ ⟨2⟩Baz⟨/2⟩."),
        ("placeholder", "Name"),
        ("aria-label", "Close it"),
        ("button", "x"),
        ("body", "5 < 6 and"),
    ]
    assert [tag.keep for tag in found[9].tags] == [True]
    assert [tag.keep for tag in found[13].tags] == [True, True]
    assert found[11].tags[0].opening == '<img alt="A map" src=map.png>'


def test_a_page_keeps_its_bytes_and_its_tags() -> None:
    template = read_html_template(PAGE)
    assert same(template) == PAGE
    written = loud_words(template)
    assert Outline(written).found == Outline(PAGE).found
    assert texts(written) == [shouted_words(segment) for segment in template.segments]


def test_only_what_changes_is_written_anew() -> None:
    template = read_html_template(b"<p>One\n  two</p>\n<p>It&#39;s  <i>fine</i></p>")
    assert template.write(["One two", "C'est <i> &⟨1⟩bien⟨/1⟩\xa0!"]) == (
        b"<p>One\n  two</p>\n<p>C'est &lt;i&gt; &amp;<i>bien</i>&nbsp;!</p>"
    )


def test_attributes_inside_a_sentence_change_with_it_and_without_it() -> None:
    page = b'<p>See <img alt="a map" src=x title=\'a "T"\'> there</p>'
    template = read_html_template(page)
    assert texts(page) == ["See ⟨1/⟩ there", "a map", 'a "T"']
    assert template.write(["⟨1/⟩ dort", "eine \"Karte\" & 'so'", 'a "T"']) == (
        b"<p><img alt=\"eine &quot;Karte&quot; &amp; 'so'\" src=x title='a \"T\"'> dort</p>"
    )
    assert template.write(["See ⟨1/⟩ there", "a map", 'l\'"U"']) == (
        b'<p>See <img alt="a map" src=x title=\'l&#39;"U"\'> there</p>'
    )


def test_a_bare_value_takes_blanks() -> None:
    template = read_html_template(b"<img alt=Logo src=x>")
    assert template.write(["Das Logo"]) == b"<img alt=Das&#32;Logo src=x>"


def test_a_title_holds_no_tags() -> None:
    page = b"<title>Use <b> well</title><p>x</p>"
    assert texts(page) == ["Use <b> well", "x"]
    assert read_html_template(page).write(["<b>", "x"]) == b"<title>&lt;b&gt;</title><p>x</p>"


def test_broken_pages_survive() -> None:
    assert texts("<p>a <b>bold<p>next</b> one <i>x</i>") == ["a ⟨1/⟩bold", "next⟨1/⟩ one ⟨2⟩x⟨/2⟩"]
    assert texts("one <b>two <i>three</b> four</i> five") == ["one ⟨1⟩two ⟨2/⟩three⟨/1⟩ four⟨3/⟩ five"]
    assert texts("a < b <3 and <p class='x>left open") == ["a < b <3 and"]
    assert texts("words <!-- left open <p>no") == ["words"]
    assert texts("<script>if (a</b) x</script>after<style>no") == ["after"]
    assert texts('<a href="a>b">link</a> and <br/>') == ["⟨1⟩link⟨/1⟩ and"]


def test_xhtml_closes_elements_at_once() -> None:
    page = (
        '<?xml version="1.0"?><html><head><title/><script src="x"/></head><body><p>a<a id="b"/>b\xa0c</p></body></html>'
    )
    assert texts(page) == ["a⟨1/⟩b\xa0c"]
    written = read_html_template(page.encode()).write(["b⟨1/⟩\xa0c"])
    assert b'<p>b<a id="b"/>&#160;c</p>' in written, "XML knows no &nbsp;"


def test_words_that_look_like_marks_are_kept() -> None:
    template = read_html_template("<p>a ⟨1⟩ b <i>c</i></p>".encode())
    assert [segment.text for segment in template.segments] == ["a ⟨1/⟩ b ⟨2⟩c⟨/2⟩"]
    assert template.write(["A ⟨1/⟩ B ⟨2⟩C⟨/2⟩"]) == "<p>A ⟨1⟩ B <i>C</i></p>".encode()


def test_tags_that_are_missing_are_told() -> None:
    template = read_html_template(b"<p>a <i>b</i></p>")
    with pytest.raises(BadValueError, match="tag 1 is missing"):
        template.write(["a b"])
    with pytest.raises(BadValueError, match="1 segments and 2 texts"):
        template.write(["a", "b"])


def test_the_encoding_stays() -> None:
    page = '<meta charset="windows-1252"><p>Grüße</p>'.encode("cp1252")
    assert read_html_template(page).write(["Grüße – 中"]) == page.replace(
        "Grüße".encode("cp1252"), "Grüße – &#20013;".encode("cp1252")
    )
    marked = "\ufeff<p>Größe</p>".encode("utf-16-le")
    template = read_html_template(marked)
    assert same(template) == marked
    assert template.write(["中"]) == "\ufeff<p>中</p>".encode("utf-16-le")


REAL = sorted(Path("/usr/share/debian-reference").glob("ch0[1-4].*.html"))


@pytest.mark.skipif(not REAL, reason="no Debian reference here")
def test_a_book_keeps_its_bytes_and_its_tags() -> None:
    for path in REAL:
        data = path.read_bytes()
        template = read_html_template(data)
        assert same(template) == data
        assert Outline(loud_words(template)).found == Outline(data).found
        assert len(template.segments) > 300


words = st.sampled_from(["word", "two words", " a\n b ", "&amp;", "&nbsp;", "x &lt; y", "5", "⟨1⟩", "“ä”", " ", ""])
inline = st.recursive(
    words,
    lambda inner: st.one_of(
        st.builds("{}{}{}".format, inner, inner, inner),
        st.builds("<b>{}</b>".format, inner),
        st.builds('<a href="u" title="a t">{}</a>'.format, inner),
        st.builds("<code>{}</code>".format, inner),
        st.builds("{}<br>{}<!-- c -->".format, inner, inner),
        st.builds('{}<img alt="see it" src=x>{}'.format, inner, inner),
        st.builds("<span translate=no>{}</span>".format, inner),
    ),
    max_leaves=8,
)
block = st.one_of(
    st.builds("<p>{}</p>\n".format, inline),
    st.builds("<h2> {} </h2>".format, inline),
    st.builds("<ul><li>{}<li>{}</ul>".format, inline, inline),
    st.builds("<table><tr><td>{}<th>{}</table>".format, inline, inline),
    st.builds("<div>{}<p>{}</p>{}</div>".format, inline, inline, inline),
    st.builds("<pre>{}</pre>{}".format, inline, inline),
    st.builds("<script>no <b> {}</script>{}".format, st.just("x"), inline),
    st.builds('<div class="notranslate">{}</div>'.format, inline),
    inline,
)


def test_code_comes_out_as_it_is_in_the_file_its_blanks_too() -> None:
    code = "<code class=x>cat\n  <em>a &amp; b</em> </code>"
    template = read_html_template(f"<p>Type {code} now.</p>".encode())
    (segment,) = template.segments
    assert segment.text == "Type ⟨1⟩cat ⟨2⟩a & b⟨/2⟩ ⟨/1⟩ now."
    written = template.write(["Tapez ⟨1⟩cat ⟨2⟩a & b⟨/2⟩⟨/1⟩ maintenant."]).decode()
    assert written == f"<p>Tapez {code} maintenant.</p>"
    # A person may write something else there all the same.
    changed = template.write(["Tapez ⟨1⟩cat ⟨2⟩c⟨/2⟩⟨/1⟩ maintenant."]).decode()
    assert changed == "<p>Tapez <code class=x>cat <em>c</em></code> maintenant.</p>"


@given(st.lists(block).map("".join))
@example("a<code>b</code><b> </b>c")
def test_any_well_made_page_keeps_its_bytes_and_its_tags(page: str) -> None:
    data = page.encode()
    template = read_html_template(data)
    assert same(template) == data
    assert all(segment.text == segment.text.strip() for segment in template.segments)
    written = loud_words(template)
    assert Outline(written).found == Outline(data).found
    assert texts(written) == [shouted_words(segment) for segment in template.segments]


@given(st.text(st.sampled_from("<>/!-=\"'&;ab \n[]?p⟨1⟩")) | st.text())
def test_any_text_keeps_its_bytes(page: str) -> None:
    data = page.encode("utf-8", "replace")
    try:
        template = read_html_template(data)
    except BadValueError:
        return
    assert same(template) == data
    loud_words(template)


@given(st.binary() | st.binary().map(lambda data: b"<p>caf\xe9 " + data))
def test_any_bytes_come_back(data: bytes) -> None:
    try:
        template = read_html_template(data)
    except BadValueError:
        return
    assert same(template) == data
    loud_words(template)


pieces_of_tags = st.sampled_from(
    [
        "<b>",
        "</b>",
        "<i>",
        "</i>",
        "<p>",
        "</p>",
        "<li>",
        "<code>",
        "</code>",
        "<a title='t t'>",
        "</a>",
        "<br>",
        "w ",
        "x<y",
    ]
)


@given(st.lists(pieces_of_tags).map("".join))
def test_tags_in_any_order_stay_in_it(page: str) -> None:
    data = page.encode()
    template = read_html_template(data)
    assert same(template) == data
    assert Outline(loud_words(template)).found == Outline(data).found


@given(st.text(st.sampled_from("<>&\"'`=;#ab \xa0⟨⟩/!-") | st.characters(codec="utf-8", exclude_categories=["Cc"])))
def test_any_words_can_be_a_translation(words: str) -> None:
    page = b"<h1>words</h1><p>to <i>be</i></p><img alt='words'><img alt=words><img title=\"words\"><title>words</title>"
    words = "w" + " ".join(words.replace("⟨", "").split()) + "w"
    written = read_html_template(page).write([words, f"{words} ⟨1⟩x⟨/1⟩", words, words, words, words])
    assert Outline(written).found[:-1] == Outline(page).found[:-1]
    assert texts(written) == [words, f"{words} ⟨1⟩x⟨/1⟩", words, words, words, words]
