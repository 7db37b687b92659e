"""Subtitles: cues, their tags, and what is never touched."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.errors import BadValueError
from playground.translate.formats.subtitles import Subtitles, read_subtitles_template
from playground.translate.tags import Tag
from tests.translate.shouting import loud, same, texts

SRT = """1
00:00:01,000 --> 00:00:02,500
{\\an8}<i>Hello there,
my friend</i>

2
00:00:03,000 --> 00:00:04,000 X1:100 Y1:200
- Say <b>it</b> loud
- <font color="#fff">No</font>

3
00:00:05,000 --> 00:00:06,000
♪
4
00:00:07,000 --> 00:00:08,000
1984

was a year

5
00:00:09,000 --> 00:00:10,000
"""
VTT = """WEBVTT - Some title

NOTE
A note of the author

STYLE
::cue(b) { color: red }

REGION
id:fred

intro words
00:01.000 --> 00:02.000 align:start
<v Mary Ann>Fish &amp; <c.loud>chips</c> &lt;3

NOTE one line
00:03.000 --> 00:04.000
Goodbye <00:03.500>now

Stray words
"""


def test_cues_of_subrip() -> None:
    template = read_subtitles_template(SRT.encode(), "srt")
    assert [(segment.text, segment.context) for segment in template.segments] == [
        ("Hello there,\nmy friend", "00:00:01,000 --> 00:00:02,500"),
        ("- Say ⟨1⟩it⟨/1⟩ loud\n- ⟨2⟩No⟨/2⟩", "00:00:03,000 --> 00:00:04,000 X1:100 Y1:200"),
        ("was a year", "00:00:07,000 --> 00:00:08,000"),
    ]
    assert template.segments[1].tags == (Tag(1, "<b>", "</b>"), Tag(2, '<font color="#fff">', "</font>"))
    assert same(template) == SRT.encode()


def test_only_the_words_of_subrip_change() -> None:
    expected = SRT
    for words in ("Hello there,", "my friend", "Say", "it", "loud", "No", "was a year"):
        expected = expected.replace(words, words.upper())
    assert loud(read_subtitles_template(SRT.encode(), "srt")) == expected.encode()


def test_cues_of_webvtt() -> None:
    template = read_subtitles_template(VTT.encode(), "vtt")
    assert [(segment.text, segment.context) for segment in template.segments] == [
        ("Fish & ⟨1⟩chips⟨/1⟩ <3", "00:01.000 --> 00:02.000 align:start"),
        ("Goodbye ⟨1/⟩now", "00:03.000 --> 00:04.000"),
    ]
    expected = VTT.replace("Fish", "FISH").replace("chips", "CHIPS").replace("Goodbye", "GOODBYE").replace("now", "NOW")
    assert loud(template) == expected.encode()


def test_a_note_with_an_arrow_is_no_cue() -> None:
    text = "WEBVTT\n\nNOTE 00:01.000 --> 00:02.000\nNot shown at all\n\n00:01.000 --> 00:02.000\nShown\n"
    assert texts(read_subtitles_template(text.encode(), "vtt")) == ["Shown"]


def test_a_tag_that_is_not_closed_in_order_stands_alone() -> None:
    cue = "1\n00:00:01,000 --> 00:00:02,000\nA <i>b <b>c</i> d</b> e\n"
    template = read_subtitles_template(cue.encode(), "srt")
    assert texts(template) == ["A ⟨1⟩b ⟨2/⟩c⟨/1⟩ d⟨3/⟩ e"]
    with pytest.raises(BadValueError, match="tag 2 is missing"):
        template.write(["A ⟨1⟩b⟨/1⟩⟨3/⟩"])


def test_a_translation_cannot_end_its_cue_or_begin_another() -> None:
    cue = "1\n00:00:01,000 --> 00:00:02,000\nHello\n\n2\n00:00:02,000 --> 00:00:03,000\nBye\n"
    template = read_subtitles_template(cue.encode(), "srt")
    written = template.write(["\none\n\n\ntwo --> three\n", "Bye"])
    assert written.decode() == cue.replace("Hello", "one\ntwo → three")
    vtt = read_subtitles_template(f"WEBVTT\n\n{cue}".replace(",", ".").encode(), "vtt")
    assert b"\n1 &lt; 2 --&gt; 3 &amp;\n" in vtt.write(["1 < 2 --> 3 &", "Bye"])


@pytest.mark.parametrize("kind", ["srt", "vtt"])
def test_mark_and_line_ends_are_kept(kind: Subtitles) -> None:
    data = (SRT if kind == "srt" else VTT).replace("\n", "\r\n").encode("utf-8-sig")
    template = read_subtitles_template(data, kind)
    assert same(template) == data
    assert loud(template).count(b"\r\n") == data.count(b"\r\n") == loud(template).count(b"\n")
    assert loud(template).startswith(b"\xef\xbb\xbf")


@pytest.mark.parametrize(
    "cue", ["<a>" * 20_000 + "</b>" * 20_000 + "x", "<" * 100_000, "word " * 200_000, "</i>" * 50_000, "{\\an8}" * 9000]
)
def test_odd_cues_are_read(cue: str) -> None:
    data = f"WEBVTT\n\n00:01.000 --> 00:02.000\n{cue}\n".encode()
    for kind in ("srt", "vtt"):
        assert same(read_subtitles_template(data, kind)) == data


def test_files_without_cues_have_no_segments() -> None:
    for data in (b"", b"Just words\nin lines\n", b"WEBVTT\n\nNOTE x\n", b"00:01 --> 00:02\nno milliseconds\n"):
        assert read_subtitles_template(data, "vtt").segments == []
    with pytest.raises(BadValueError, match="holds no text"):
        read_subtitles_template(bytes(range(256)), "srt")


PARTS = st.sampled_from(
    [
        *("1\n", "\n", "\r\n", "00:00:01,000 --> 00:00:02,000\n", "00:01.000 --> 00:02.000\n", "WEBVTT\n\n"),
        *("Word", " ", "<i>", "</i>", "<b>", "</b>", "<v A>", "{\\an8}", "&amp;", "&nbsp;", "⟨1⟩", "-->", "<"),
        *("NOTE x\n", "STYLE\n"),
    ]
)


@given(st.lists(PARTS, max_size=40).map("".join) | st.text(max_size=60), st.sampled_from(["srt", "vtt"]))
def test_any_text_comes_back(text: str, kind: Subtitles) -> None:
    data = text.encode("utf-8", "replace")
    try:
        template = read_subtitles_template(data, kind)
    except BadValueError:
        return
    assert same(template) == data
    assert all(segment.text == segment.text.strip() for segment in template.segments)
    again = read_subtitles_template(template.write([f"{one.text} x" for one in template.segments]), kind)
    assert [one.context for one in again.segments] == [one.context for one in template.segments]
