"""PO files: entries, plural forms, escapes, wrapping, and what is never touched."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.errors import BadValueError
from playground.translate.formats.po import read_po_template
from tests.translate.shouting import loud, same, texts

HEADER = r"""# Words of a program.
msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\n"

"""
FILE = (
    HEADER
    + r"""#. for the translator
#: src/a.c:12 src/b.c:3
#, c-format
#| msgid "old words"
msgid "Say \"%s\" to %(name)s\n"
msgstr "Sag \"%s\" zu %(name)s\n"

#: src/c.c:1
msgctxt "menu|file"
msgid ""
"One text that goes over more than a line of the file because it is so long, "
"and has\n"
"two lines."
msgstr ""

msgid "%d file"
msgid_plural "%d files"
msgstr[0] ""
msgstr[1] "%d Dateien"

msgid "..."
msgstr ""

#~ msgid "gone"
#~ msgstr "weg"
"""
)


def test_entries_are_segments_with_their_context() -> None:
    template = read_po_template(FILE.encode())
    assert [(segment.text, segment.context) for segment in template.segments] == [
        (
            "One text that goes over more than a line of the file because it is so long, and has\ntwo lines.",
            "menu|file",
        ),
        ("%d file", ""),
        ("%d files", ""),
    ]
    assert same(template) == FILE.encode()


def test_only_what_changed_is_written() -> None:
    template = read_po_template(FILE.encode())
    given_texts = [segment.text for segment in template.segments]
    given_texts[1] = "Eine Datei"
    written = template.write(given_texts).decode()
    assert written == FILE.replace('msgstr[0] ""', 'msgstr[0] "Eine Datei"')


def test_translations_are_escaped_and_wrapped_as_msgmerge_does() -> None:
    template = read_po_template(FILE.encode())
    written = template.write(["word " * 30 + "end\nlast", '\t"\\ 1', "%d 2"]).decode()
    row = " ".join(["word"] * 15)
    assert f'msgstr ""\n"{row} "\n"{row} "\n"end\\n"\n"last"\n' in written
    assert r'msgstr[0] "\"\\ 1"' in written
    assert 'msgstr[1] "%d 2"\n' in written
    assert texts(read_po_template(written.encode())) == []


def test_what_is_translated_stays_and_what_is_fuzzy_is_made_anew_and_fuzzy_no_more() -> None:
    data = (
        f'{HEADER}msgid "done"\nmsgstr "fertig"\n\n#, fuzzy, c-format\nmsgid "new %d"\nmsgstr "alt %d"\n\n'
        '#, fuzzy\nmsgid "last"\nmsgstr "falsch"\n'
    )
    template = read_po_template(data.encode())
    assert texts(template) == ["new %d", "last"]
    assert same(template) == data.encode()
    written = template.write(["neu %d", "zuletzt"]).decode()
    assert written == (
        f'{HEADER}msgid "done"\nmsgstr "fertig"\n\n#, c-format\nmsgid "new %d"\nmsgstr "neu %d"\n\n'
        'msgid "last"\nmsgstr "zuletzt"\n'
    )


def test_a_file_that_is_not_wrapped_stays_so() -> None:
    long = "word " * 30 + "end"
    data = f'{HEADER}msgid "{long}"\nmsgstr ""\n'.encode()
    assert loud(read_po_template(data)) == data.replace(b'msgstr ""\n', b"", 1).replace(
        b'msgstr ""', f'msgstr "{long.upper()}"'.encode()
    ).replace(b'msgid ""\n', b'msgid ""\nmsgstr ""\n', 1)


def test_an_only_plural_form_is_made_of_the_plural() -> None:
    data = f'{HEADER}msgid "A file"\nmsgid_plural "%d files"\nmsgstr[0] ""\n'.encode()
    assert texts(read_po_template(data)) == ["%d files"]


def test_escapes_of_all_kinds_are_read() -> None:
    data = HEADER + r'msgid "a\ttab \303\244 \x41 \\n \q"' + '\nmsgstr ""\n'
    assert texts(read_po_template(data.encode())) == ["a\ttab ä A \\n q"]


def test_the_encoding_of_the_header_is_believed() -> None:
    data = (HEADER.replace("UTF-8", "ISO-8859-1") + 'msgid "Name"\nmsgstr ""\n').encode()
    template = read_po_template(data)
    assert template.write(["Größe"]) == data.replace(b'"Name"\nmsgstr ""', '"Name"\nmsgstr "Größe"'.encode("latin-1"))


@pytest.mark.parametrize("charset", ["ISO-8859-1", "CHARSET", "US-ASCII"])
def test_what_the_encoding_lacks_makes_the_file_utf_8_and_its_header_says_so(charset: str) -> None:
    data = (HEADER.replace("UTF-8", charset) + 'msgid "Name"\nmsgstr ""\n').encode()
    written = read_po_template(data).write(["名称"]).decode()
    assert written == HEADER + 'msgid "Name"\nmsgstr "名称"\n'


def test_line_ends_are_kept() -> None:
    data = FILE.replace("\n", "\r\n").encode()
    written = loud(read_po_template(data))
    assert written.count(b"\r\n") == written.count(b"\n") > data.count(b"\r\n")


@pytest.mark.parametrize(
    "broken",
    [
        'msgid "never closed\nmsgstr ""\n',
        'msgid "no translation"\n',
        'msgstr "no source"\n',
        '"stray"\n',
        'msgid unquoted\nmsgstr ""\n',
        'msgid "twice"\nmsgid "twice"\n',
        "msgid\n",
    ],
)
def test_a_broken_entry_has_no_segment_and_the_next_one_has(broken: str) -> None:
    data = f'{HEADER}{broken}\nmsgid "Good words"\nmsgstr ""\n'.encode()
    template = read_po_template(data)
    assert texts(template) == ["Good words"]
    assert b'msgid "Good words"\nmsgstr "GOOD WORDS"\n' in loud(template)


def test_other_files_have_no_segments() -> None:
    for data in (b"", b"Just words\n", b'"' * 100_000, b'msgid "' + b"\\" * 500_000, b"#~ msgid x\n"):
        assert read_po_template(data).segments == []
    with pytest.raises(BadValueError, match="holds no text"):
        read_po_template(bytes(range(256)))


def test_wrong_tags_are_told() -> None:
    template = read_po_template(f'{HEADER}msgid "A ⟨1⟩ b"\nmsgstr ""\n'.encode())
    assert b'msgstr "A \xe2\x9f\xa81\xe2\x9f\xa9 B"' in loud(template)
    with pytest.raises(BadValueError, match="tag 1 is missing"):
        template.write(["A b"])


PARTS = st.sampled_from(
    [
        *("msgid ", "msgstr ", "msgstr[0] ", "msgid_plural ", "msgctxt ", '"words"', '"', "\n", "\r\n", "#: a\n"),
        *('msgid "Some words"\nmsgstr ""\n', r'"a\n"', "\\", "é", "\n\n", 'msgid "⟨1⟩ x"\n', "#~ "),
        '"Content-Type: text/plain; charset=koi8-r"',
    ]
)


@given(st.lists(PARTS, max_size=40).map("".join) | st.text(max_size=60))
def test_any_text_comes_back(text: str) -> None:
    data = text.encode("utf-8", "replace")
    try:
        template = read_po_template(data)
    except BadValueError:
        return
    assert same(template) == data
    assert all(segment.text == segment.text.strip() for segment in template.segments)
    again = read_po_template(template.write([f"{one.text} é" for one in template.segments]))
    assert texts(again) == []  # All is translated.


@given(st.text(st.characters(codec="utf-8", exclude_characters="⟨"), min_size=1))
def test_any_translation_is_read_as_it_was_meant(text: str) -> None:
    data = f'{HEADER}msgid "Name"\nmsgstr ""\n'.encode()
    written = read_po_template(data).write([text])
    turned = written.replace(b'msgid "Name"\nmsgstr', b"msgid").replace(HEADER.encode(), HEADER.encode() + b"# x\n")
    found = texts(read_po_template(turned + b'msgstr ""\n'))
    assert found in ([], [text.strip().replace("\r\n", "\n")])
    assert bool(found) == any(map(str.isalpha, text))
