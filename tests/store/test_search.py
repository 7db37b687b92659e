"""What a search finds, against looking through all texts; what it is asked for may be anything."""

from __future__ import annotations

import threading
import unicodedata
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from playground.store import History
from tests.histories import answered

PIECES = (
    *("the", "Then", "HELLO", "qz", "C#", "x=1", "e.g", "np.array(", "Straße", "İstanbul", "ΣΟΦΟΣ", "σοφός", "don't"),
    *(
        "天气",
        "今天天气",
        "的",
        "龘",
        "学而时习之",
        "。",
        "，",
        "ＡＢＣ",
        "ｄｅｆ",
        "１２",
        "＂",
        "カタカナ",
        "ｶﾀｶﾅ",
        "ひらがな",
        "が",
    ),
    *(
        "한국어",
        "나는",
        "☂",
        "😀",
        "👨‍👩‍👧",
        "\U00020000",
        '"',
        '""',
        "'",
        "*",
        "-",
        "NEAR(",
        "%",
        "_",
        "\\",
        "\ue000",
        "\x00",
        "\x1f",
    ),
    *(" ", " ", "  ", "\n", "\u3000", "\u00a0", "a", "b", "to", "be", "or"),
)
TEXTS = st.lists(st.sampled_from(PIECES) | st.text(st.characters(codec="utf-8"), max_size=3), max_size=12).map("".join)
FILLERS = [f"filler number {number} of the many 填充" for number in range(24)]


def plain(text: str) -> str:
    """Folded sign by sign, in another way than the store does it."""

    def one(sign: str) -> str:
        if sign in "İς":
            return {"İ": "i", "ς": "σ"}[sign]
        wide = sign == "\u3000" or "\uff01" <= sign <= "\uffee"
        small = (unicodedata.normalize("NFKC", sign) if wide else sign).lower()
        return small if len(small) == 1 else sign

    return "".join(map(one, text))


def put(history: History, texts: Sequence[str], indexed: int | None = None) -> None:
    """Begin the history anew, with these texts in one conversation; the first `indexed` of them are in the index."""
    with history.database.writing() as db:
        db.execute("UPDATE conversations SET leaf_id = NULL")
        db.execute("DELETE FROM messages")
        db.execute("DELETE FROM conversations")
        db.execute("DELETE FROM sqlite_sequence")
        db.execute("INSERT INTO grams(grams) VALUES ('delete-all')")
        db.execute("INSERT INTO conversations(id, title, created_at, updated_at) VALUES ('c', '', 0, 0)")

    def write(numbers: range) -> None:
        with history.database.writing() as db:
            db.conn.executemany(
                "INSERT INTO messages(id, conversation_id, role, content, status, created_at, updated_at) "
                "VALUES (?, 'c', 'user', ?, 'complete', 0, 0)",
                [(str(number), texts[number]) for number in numbers],
            )
        if numbers.start == 0:
            history.search.catch_up(threading.Event(), rest=0)

    middle = len(texts) if indexed is None else indexed
    write(range(middle))
    write(range(middle, len(texts)))


def found(history: History, query: str, **filters: Any) -> list[str]:
    return [hit.message_id for hit in history.search.find(query, limit=1000, **filters).hits]


@pytest.fixture(params=[0, 100], ids=["by the index", "newest first"])
def history(history: History, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> History:
    """Small histories are looked through before the index is asked; here the index is also asked at once."""
    monkeypatch.setattr("playground.store.search._FIRST", request.param)
    return history


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), texts=st.lists(TEXTS, min_size=1, max_size=5), indexed=st.sampled_from([None, 0, 16]))
def test_finds_what_looking_through_all_finds(
    history: History, data: st.DataObject, texts: list[str], indexed: int | None
) -> None:
    every = [*FILLERS[:9], *texts, *FILLERS[9:]]
    put(history, every, indexed)
    for _ in range(4):
        source = data.draw(st.sampled_from(texts))
        start = data.draw(st.integers(0, len(source)))
        cut = source[start : data.draw(st.integers(start, len(source)))]
        query = data.draw(st.sampled_from([cut, cut.swapcase(), f" {cut} "]) | TEXTS)
        whole = plain(query).strip()
        scanned = [str(number) for number, text in enumerate(every) if whole in plain(text)][::-1]
        got = found(history, query)
        assert set(scanned) <= set(got)
        if not any(sign.isspace() for sign in whole) and not (whole[:1] == whole[-1:] == '"' and len(whole) > 2):
            assert got == scanned
        elif '"' not in whole:
            terms = whole.split()
            wanted = [str(number) for number, text in enumerate(every) if all(term in plain(text) for term in terms)]
            assert got == wanted[::-1]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    words=st.lists(st.sampled_from(["to", "be", "or", "not", "that", "天气", "C#"]), min_size=1, max_size=6),
    data=st.data(),
)
def test_a_phrase_is_found_across_any_space_and_only_in_its_order(
    history: History, words: list[str], data: st.DataObject
) -> None:
    spaces = [data.draw(st.sampled_from([" ", "\n", " \n ", "\u3000"])) for _ in words]
    text = "x" + "".join(word + space for word, space in zip(words, spaces, strict=True)).strip() + "y"
    put(history, [*["filler"] * 24, text, " ".join(reversed(words))])
    wanted = ["25", "24"] if words == words[::-1] else ["24"]
    assert found(history, f'"{" ".join(words)}"') == wanted


HOSTILE = (
    *(
        '"',
        '""',
        '"""',
        '" "',
        '"a',
        'a"',
        "a AND",
        "AND",
        "OR NOT",
        "NEAR(",
        "NEAR(a b, 2)",
        "*",
        "a*",
        "^a",
        "-",
        "--",
        "+a",
    ),
    *(
        "words:",
        "grams : a",
        "{a b}",
        "(",
        ")",
        "'; DROP TABLE messages; --",
        "%",
        "_",
        "[a-z]",
        "\\",
        "\\\\",
        "😀",
        "👩‍🚀",
    ),
    *(
        "\x00",
        "a\x00b",
        "\ud800",
        "a\udfffb",
        "\x1f",
        "\x7f",
        "   ",
        "\n\t",
        "\u3000",
        "\u200b",
        "\ufeff",
        "\uffff",
        "İ",
        "ß",
    ),
    *(
        "x" * 10_000,
        "the " * 2_500,
        "天气" * 2_000,
        '"' * 5_000,
        '" ' * 3_000,
        " ".join(map(str, range(3_000))),
        "\ue020",
    ),
)


@pytest.mark.parametrize("query", HOSTILE, ids=lambda query: ascii(query)[:20])
def test_takes_anything(history: History, query: str) -> None:
    holds = "\ud800" not in query and "\udfff" not in query
    put(history, [*FILLERS, f"before {query} behind" if holds else "x", *FILLERS])
    got = found(history, query)
    assert ("24" in got) == holds
    for name in ("model", "role", "tag", "folder"):
        assert found(history, query, **{name: query or "x"}) == []


def test_pages_follow_each_other(history: History) -> None:
    put(history, [f"needle {number}" for number in range(50)])
    seen: list[str] = []
    before: int | None = None
    while True:
        page = history.search.find("needle", limit=7, before=before)
        seen += [hit.message_id for hit in page.hits]
        before = page.before
        if before is None:
            break
    assert seen == [str(number) for number in range(49, -1, -1)]
    assert len(history.search.find("needle", limit=-5).hits) == 1


LONG = "Anfang. " * 60 + "Here stands the\n\n  needle, in the   middle; " + "the end comes. " * 60


@pytest.mark.parametrize(
    ("query", "text", "expected", "marked"),
    [
        ("needle", "a needle", "a needle", ["needle"]),
        ("NEEDLE the", "The Needle", "The Needle", ["The", "Needle"]),
        ('"the needle"', "in the\n\n needle", "in the needle", ["the needle"]),
        ('"the needle"', "the\n\nneedle lies", "the needle lies", ["the needle"]),
        ("天气", "今天天气很好，天气", "今天天气很好，天气", ["天气", "天气"]),
        ("ABC", "ａｂｃd", "ａｂｃd", ["ａｂｃ"]),
        ("aa", "aaaa", "aaaa", ["aaaa"]),
        ("", "only\n\nlisted", "only listed", []),
    ],
)
def test_excerpts(history: History, query: str, text: str, expected: str, marked: list[str]) -> None:
    put(history, [text])
    (hit,) = history.search.find(query).hits
    assert hit.excerpt.text == expected
    assert [expected[start:end] for start, end in hit.excerpt.ranges] == marked


@pytest.mark.parametrize("query", ["needle", "x" * 400, "天" * 300, ""])
def test_an_excerpt_of_a_long_text_is_short_and_shows_what_was_found(history: History, query: str) -> None:
    put(history, [LONG.replace("needle", query)])
    (hit,) = history.search.find(query).hits
    assert 100 <= len(hit.excerpt.text) <= 165
    assert hit.excerpt.text.endswith("…")
    assert "\n" not in hit.excerpt.text
    assert "  " not in hit.excerpt.text
    if query:
        assert hit.excerpt.text.startswith("…")
        (start, end), *_ = hit.excerpt.ranges
        assert set(hit.excerpt.text[start:end]) <= set(query)
        assert end - start >= min(len(query), 100)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=TEXTS, query=TEXTS)
@example(text="ab " * 200, query="b")
def test_ranges_lie_in_the_excerpt_and_do_not_touch(history: History, text: str, query: str) -> None:
    put(history, [f"{text}{query}{text}"])
    for hit in history.search.find(query).hits:
        ends = [place for span in hit.excerpt.ranges for place in span]
        assert ends == sorted(set(ends))
        assert all(0 <= place <= len(hit.excerpt.text) for place in ends)


def test_conversations_by_title_and_tag(history: History) -> None:
    first, second, third = (answered(history, text=text) for text in ("Über Tee", "咖啡 notes", "another"))
    history.set_tags(third.conversation_id, ["Tee", "later"])
    named = history.search.find("tee").conversations
    assert [one.conversation_id for one in named] == [third.conversation_id, first.conversation_id]
    assert (named[0].tags, named[0].excerpt.text) == (("later", "Tee"), "another")
    assert named[1].excerpt.ranges == ((5, 8),)
    assert [one.conversation_id for one in history.search.find("notes 咖").conversations] == [second.conversation_id]
    assert history.search.find("").conversations == ()
    assert history.search.find("tee", role="user").conversations == ()
    assert len(history.search.find("tee", tag="later").conversations) == 1
    history.trash(first.conversation_id)
    assert len(history.search.find("tee").conversations) == 1
