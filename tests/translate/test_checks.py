"""What may be wrong with a translation is said, and what is only written in another way is not."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playground.translate.checks import Doubt, check
from playground.translate.literals import literals
from playground.translate.tags import Tag

_MARKS = [
    "⟨1⟩",
    "⟨/1⟩",
    "⟨2/⟩",
    "⟨3",
    "⟩",
    "{name}",
    "%s",
    "%1$s",
    "https://a.b/c",
    "a@b.org",
    "/etc/fstab",
    "--all",
    "-x",
]
_SAID = [
    "2.6.32",
    "1,234.5",
    "1 234,5",
    "2024-05-01",
    "3 pm",
    "15:00",
    "two",
    "deux",
    "一百二十",
    "第三",
    "ISO",
    "<b>",
    "</b>",
]
_WORDS = [
    "the",
    "of",
    "le",
    "des",
    "文件",
    "こと",
    "файл",
    "ملف",
    ". ",
    "。",
    ", ",
    "\n",
    "12",
    "٣",
    "２",
    "²",
    "Ⅳ",
    "'",
    "«",
    "/",
]
_BITS = st.sampled_from([*_MARKS, *_SAID, *_WORDS])
_TEXTS = st.one_of(
    st.lists(_BITS, max_size=25).map(" ".join), st.lists(_BITS, max_size=25).map("".join), st.text(max_size=60)
)
_LANGUAGES = st.sampled_from(["en", "fr", "de", "zh", "zh-Hant", "ja", "ko", "ru", "ar", "th", "pt-BR", "xx", ""])
_TAGS = (Tag(1, "<b>", "</b>"), Tag(2, "<br>", single=True), Tag(3, "<code>", "</code>", keep=True))


def said(source: str, target: str, languages: str = "en fr", tags: tuple[Tag, ...] = ()) -> list[tuple[str, str]]:
    """The doubts' kinds and details."""
    return [(doubt.kind, doubt.detail) for doubt in check(source, target, *languages.split(), tags)]


def kinds(source: str, target: str, languages: str = "en fr", tags: tuple[Tag, ...] = ()) -> set[str]:
    return {kind for kind, _ in said(source, target, languages, tags)}


@settings(deadline=None)  # the first one loads what knows languages
@given(_TEXTS, _TEXTS, _LANGUAGES, _LANGUAGES)
def test_any_two_texts_are_checked_and_doubts_are_in_the_target(source: str, target: str, one: str, two: str) -> None:
    for doubt in check(source, target, one, two, _TAGS):
        assert 0 <= doubt.start <= doubt.end <= len(target)
        assert len(doubt.detail) <= 60


@settings(deadline=None)
@given(_TEXTS, _LANGUAGES, _LANGUAGES)
def test_the_text_itself_has_all_numbers_and_literals_and_no_loop(text: str, one: str, two: str) -> None:
    assert not {"number", "literal", "loop", "empty", "missing_sentence"} & kinds(
        text, text, f"{one or 'en'} {two or 'en'}"
    )


@given(_TEXTS)
def test_literals_are_in_order_and_apart(text: str) -> None:
    last = 0
    for one in literals(text):
        assert last <= one.start < one.end
        assert text[one.start : one.end] == one.text
        last = one.end


@pytest.mark.parametrize(
    ("text", "strict"),
    [
        ("Hello {name}, {0} of {} and {{ x }} :name:", ["{name}", "{0}", "{}", "{{ x }}"]),
        ("%s has %(n)d, %1$s, ${VAR} and $HOME", ["%s", "%(n)d", "%1$s", "${VAR}", "$HOME"]),
        ("It is <b>big</b><br/>", ["<b>", "</b>", "<br/>"]),
        ("See (https://a.org/b_(c)), www.d.org. Mail x.y@z.org.", ["https://a.org/b_(c)", "www.d.org", "x.y@z.org"]),
        ("编辑/etc/fstab文件，看https://a.org/x。", ["/etc/fstab", "https://a.org/x"]),
        (r"Open C:\x\y.txt, ~/x or «./configure».", [r"C:\x\y.txt", "~/x", "./configure"]),
        ("Use ls --all-files -x to see.", ["--all-files", "-x"]),
    ],
)
def test_what_must_come_through_is_found(text: str, strict: list[str]) -> None:
    assert [one.text for one in literals(text) if one.strict] == strict


@pytest.mark.parametrize(
    "text",
    [
        "50%de réduction, 100% sûr, 5 % du prix; y a-t-il, c'est-à-dire and/or he/she km/h 1/2",
        "Haupt- und Nebenwirkungen - ein Wort-/Satz; 3,5 Mio. am 12.05.2024 und 1.234.567",
        "或/和 {不是} U.S.A. e.g. the end.Next; it costs $5; a < b and c > d; R&D @home",
        "и/или 2-3 раза, word--word, well-known — so",
    ],
)
def test_prose_has_nothing_that_must_come_through(text: str) -> None:
    assert [one.text for one in literals(text) if one.strict] == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Linux 2.6.32 runs foo_bar", ["2.6.32", "foo_bar"]),
        ("README.md, libc6-dev, fooBar", ["README.md", "libc6-dev", "fooBar"]),
    ],
)
def test_versions_and_names_of_code_are_found_but_not_demanded(text: str, found: list[str]) -> None:
    assert [(one.text, one.strict) for one in literals(text)] == [(one, False) for one in found]


@pytest.mark.parametrize(
    ("source", "target", "languages"),
    [
        ("It has 1,234.5 points.", "Il a 1 234,5 points.", "en fr"),
        ("It has 1,234.5 points.", "Il a 1\u202f234,5 points.", "en fr"),
        ("It has 1,234.50 points.", "Es hat 1.234,5 Punkte.", "en de"),
        ("It costs 1,234,567.", "Es kostet 1.234.567.", "en de"),
        ("Take 2 of 120.", "拿１２０个中的两个。", "en zh"),
        ("Take two.", "Prenez-en 2.", "en fr"),
        ("1.5 million people", "150万人", "en zh"),
        ("3 billion stars", "3 milliards d'étoiles", "en fr"),
        ("3 billion stars", "30亿颗星", "en zh"),
        ("Come at 3:30 p.m. today.", "Venez à 15 h 30 aujourd'hui.", "en fr"),
        ("Open at 15:00.", "下午3点开门。", "en zh"),
        ("On 5 May 2024 it ended.", "2024年5月5日结束。", "en zh"),
        ("Since 2024-05-12 it works.", "Cela marche depuis le 12 mai 2024.", "en fr"),
        ("Since 12.05.2024.", "Since 12 May 2024.", "de en"),
        ("The 19th century", "Le XIXe siècle", "en fr"),
        ("The 1st of 3 files", "Le premier des trois fichiers", "en fr"),
        ("In the 1980s", "20世纪80年代", "en zh"),
        ("5 files", "пять файлов", "en ru"),
        ("٣ ملفات", "3 files", "ar en"),
        ("1 file", "un fichier", "en fr"),
    ],
)
def test_a_number_in_its_local_writing_is_no_doubt(source: str, target: str, languages: str) -> None:
    assert "number" not in kinds(source, target, languages)


@pytest.mark.parametrize(
    ("source", "target", "languages", "details"),
    [
        ("Wait 30 seconds.", "Attendez 20 secondes.", "en fr", ["20", "30"]),
        ("Wait 30 seconds.", "Attendez un peu.", "en fr", ["30"]),
        ("Wait a little.", "Attendez 5 secondes.", "en fr", ["5"]),
        ("Section 1.1.4", "Section 1.4.1", "en fr", ["1.1.4", "1.4.1"]),
        ("It has 1,234 points.", "Il a 1 243 points.", "en fr", ["1234", "1243"]),
        ("1.5 million people", "150亿人", "en zh", ["1.5", "150"]),
        ("Since 2024-05-12", "Depuis le 2024-06-12", "en fr", ["05", "06"]),
        ("5 files and 3 folders", "5 файлов и 4 папки", "en ru", ["3", "4"]),
    ],
)
def test_a_changed_number_is_a_doubt(source: str, target: str, languages: str, details: list[str]) -> None:
    found = [detail for kind, detail in said(source, target, languages) if kind == "number"]
    assert sorted(one.replace(" ", "").replace(",", "") for one in found) == sorted(details)


@given(st.integers(0, 10**12), st.integers(0, 99))
def test_a_number_is_the_same_in_both_languages_and_another_one_is_not(whole: int, part: int) -> None:
    english = f"{whole:,}.{part:02}"
    french = english.replace(",", "\u00a0").replace(".", ",")
    assert "number" not in kinds(f"They counted {english} of them.", f"Ils en ont compté {french}.")
    other = f"{whole + 40:,}.{part:02}".replace(",", "\u00a0").replace(".", ",")
    assert "number" in kinds(f"They counted {english} of them.", f"Ils en ont compté {other}.")


def test_a_doubt_says_where_it_is_among_marks() -> None:
    target = "Attendez ⟨1⟩20⟨/1⟩ secondes."
    doubts = check("Wait ⟨1⟩30⟨/1⟩ seconds.", target, "en", "fr", _TAGS[:1])
    assert doubts == [Doubt("number", 0, 0, "30"), Doubt("number", 12, 14, "20")]
    assert target[12:14] == "20"


def test_lost_and_invented_literals_are_doubts() -> None:
    assert said("Edit {file} now.", "Modifiez-le.") == [("literal", "{file}")]
    assert said("%s and %s", "%s et") == [("literal", "%s")]
    assert said("Edit it.", "Modifiez {fichier}.") == [("literal", "{fichier}")]
    assert said("See /etc/fstab, /etc/fstab.", "Voir /etc/fstab.") == []
    assert said("It is in /var/mail/.", "C'est dans /var/mail.") == []


def test_a_tag_around_nothing_is_a_doubt() -> None:
    assert said("See ⟨1⟩the guide⟨/1⟩ now.", "Voyez ⟨1⟩ ⟨/1⟩le guide.", tags=_TAGS[:1]) == [("tag", "1")]
    assert said("See ⟨1⟩the guide⟨/1⟩ now.", "Voyez ⟨1⟩le guide⟨/1⟩.", tags=_TAGS[:1]) == []


def test_a_lost_tag_and_changed_code_are_doubts() -> None:
    assert said("A ⟨1⟩big⟨/1⟩ file", "Un ⟨1⟩gros fichier", tags=_TAGS[:1]) == [("tag", "1")]
    assert said("A ⟨1⟩big⟨/1⟩ file", "Un gros⟨2/⟩ fichier ⟨1⟩⟨/1⟩", tags=_TAGS[:1]) == [("tag", "2"), ("tag", "1")]
    assert said("Run ⟨3⟩ls -l⟨/3⟩", "Lancez ⟨3⟩ls -a⟨/3⟩", tags=_TAGS[2:]) == [("literal", "ls -l")]
    assert said("Run ⟨3⟩ls -l⟨/3⟩", "Lancez ⟨3⟩ls -l⟨/3⟩", tags=_TAGS[2:]) == []


def test_nothing_is_empty() -> None:
    assert check("Wait.", " ⟨1⟩⟨/1⟩", "en", "fr", _TAGS[:1]) == [Doubt("empty", 0, 0, "")]
    assert check("", "", "en", "fr") == []


@pytest.mark.parametrize(
    ("source", "target", "languages"),
    [
        ("Open the file", "Open the file", "en fr"),
        ("Wait until the disk is ready.", "Wait until the disk is ready.", "en fr"),
        (
            "Wait until the disk is ready. Then pull it out.",
            "Attendez. Then pull it out of wait until the disk is ready.",
            "en fr",
        ),
        ("打开这个文件", "打开这个文件", "zh en"),
        ("Wait until it is ready.", "Wait until it is ready.", "en zh"),
    ],
)
def test_what_was_left_as_it_is_is_a_doubt(source: str, target: str, languages: str) -> None:
    assert kinds(source, target, languages) & {"untranslated", "language"}


@pytest.mark.parametrize(
    ("text", "languages"),
    [
        ("Debian GNU/Linux 12", "en fr"),
        ("Osamu Aoki", "en zh"),
        ("/etc/fstab --all https://a.org/the/file/of/this", "en fr"),
        ("Installation", "en fr"),
        ("3 × 4 = 12", "en zh"),
    ],
)
def test_names_and_numbers_may_stay(text: str, languages: str) -> None:
    assert said(text, text, languages) == []


@pytest.mark.parametrize(
    ("target", "languages", "detail"),
    [
        (
            "Der Rechner wird neu gestartet, wenn alle Pakete installiert worden sind und nichts mehr fehlt.",
            "en fr",
            "de",
        ),
        ("Redémarrez maintenant cet ordinateur quand tout est fini.", "en zh", "fr"),
        ("L'ordinateur 重新 est redémarré.", "en fr", "重新"),
        ("Компьютер перезагрузится, когда всё будет готово.", "en fr", "Компьютер"),
        ("コンピュータをさいきどうしてください。", "en zh", "ja"),
    ],
)
def test_another_language_is_a_doubt(target: str, languages: str, detail: str) -> None:
    source = "The computer will be restarted when all packages are installed and nothing is missing."
    assert ("language", detail) in said(source, target, languages)


def test_related_languages_and_short_texts_are_not_judged() -> None:
    for target in ("Ordenador nuevo", "Fichier: config", "Menu Options System"):
        assert "language" not in kinds("New computer", target)
    source = "The user must enter the password of the system to install new programs."
    target = "O utilizador deve introduzir a senha do sistema para instalar novos programas."
    assert "language" not in kinds(source, target, "en es")


def test_a_much_too_short_or_long_text_is_a_doubt() -> None:
    long = "The installer copies all files to the disk, sets up the boot loader and asks for a password of the user"
    assert kinds(long, "Il copie.") == {"length"}
    assert kinds(
        "Stop the machine.", "Arrêtez la machine, puis " + "débranchez tous ses câbles avec soin, " * 2 + "et sortez."
    ) >= {"length"}
    assert kinds(long, "安装程序把所有文件复制到磁盘，设置引导程序，并询问用户的密码") == {"language"}
    assert kinds(long, "安装程序把所有文件复制到磁盘，设置引导程序，并询问用户的密码", "en zh") == set()


def test_a_sentence_that_is_gone_is_a_doubt_and_one_that_was_joined_is_not() -> None:
    first, second, third = "Ouvrez la porte.", "Retirez l'ancienne cartouche avec beaucoup de soin.", "Fermez-la."
    source = "Open the door. Take out the old cartridge with a lot of care. Close it."
    assert said(source, f"{first} {third}") == [("missing_sentence", "Take out the old cartridge with a lot of care.")]
    assert said(source, f"{first} {second} {third}") == []
    joined = "Ouvrez la porte et retirez l'ancienne cartouche avec beaucoup de soin. Fermez-la."
    assert said(source, joined) == []


@pytest.mark.parametrize(
    "target",
    [
        "Il redémarre la machine la machine la machine.",
        "Il redémarre. Il redémarre. Il redémarre.",
        "Il redémarre la machine pour finir. Il redémarre la machine pour finir.",
        "他重启机器他重启机器他重启机器",
        "Il redémarre aaaaaaaaaaaaaaaaaaaaa",
        "Il redémarre 1 fois 2 fois 3 fois 4 fois",
    ],
)
def test_a_loop_is_a_doubt(target: str) -> None:
    assert "loop" in kinds("It restarts the machine to finish it all.", target, "en zh" if "他" in target else "en fr")


def test_what_the_source_repeats_is_no_loop() -> None:
    assert "loop" not in kinds("No, no, no! Ha ha ha ha!", "Non, non, non ! Ha ha ha ha !")
    assert "loop" not in kinds("He laughs.", "哈哈哈", "en zh")
    assert "loop" not in kinds("It is very, very big.", "C'est très, très grand.")


def test_long_texts_are_checked_without_repeated_work() -> None:
    texts = ["Aaa " * 5000, "1 " * 3000, "1," * 9000, "{" * 20000, "a@" * 8000, "/a" * 8000, "文件" * 5000]
    for text in [*texts, "A. " * 4000, "%" * 20000, "a" * 60000, "C:\\" * 9000, "<b " * 9000]:
        assert not {"number", "literal", "loop"} & kinds(text, text)
        check(text, texts[1], "en", "fr")
