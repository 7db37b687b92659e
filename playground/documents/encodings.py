"""Finds out in which encoding a text was written. Knows nothing of what the text is.

Marks and strict UTF-8 first, which are certain. What is left is guessed: each encoding reads the bytes, and the one
that finds the most usual signs of its language wins. (charset-normalizer fails on short texts: it reads the Spanish
"niño" as Polish, and Chinese names as western letters.)
"""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Mapping

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SAMPLE = 100_000
"""Bytes that are looked at where one encoding is to be told from another."""
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_TOLERATED = 0.005
"""The share of control characters up to which a file is text with some dirt in it."""
_BROKEN = 0.02
"""The share of broken signs among those beyond ASCII up to which an encoding is still believed."""
_NAMED = re.compile(r"(?:gb|big5|euc|shift|cp|iso|windows-|koi8|tis|mac)[\w-]{0,20}")
"""Names of encodings, among those of Python's other codecs."""
_MEANT = {"gb2312": "gb18030", "gbk": "gb18030", "iso-8859-1": "cp1252", "us-ascii": "cp1252", "shift_jis": "cp932"}
"""What files that name an older encoding are written in, as browsers read them."""
_RUN = re.compile(rb"[\x80-\xff]+")
_LIKELY, _SURE = 0.3, 0.75
"""How much a text must look like an East Asian one, or one in another alphabet, to be taken for it. Of any bytes, half
are common letters of an alphabet, and almost none are common Chinese characters."""
_LATIN = {
    "cp1252": "éèàùìòâêîôûçëïüöäßñáíóúãõåøæœÉÈÀÇÜÖÄÅØ¿¡«»“”‘’„–—…€£°§·©®™²³½×",
    "cp1250": "ąęłżźćńśóěščřžýáíéůúťďňőűăâîöüä“”„–—…",
    "iso8859_2": "ąęłżźćńśóěščřžýáíéůúťďňőűăâîöüä",
    "cp1254": "çğıöşüİŞâî“”’–—…",
}
_CYRILLIC = "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфі"
_SCRIPTS = {
    "cp1251": _CYRILLIC,
    "koi8_r": _CYRILLIC,
    "iso8859_5": _CYRILLIC,
    "cp866": _CYRILLIC,
    "cp1253": "αοιετσνρκπμλςωγδθχφβξζψήάέίόύώ",
    "cp1255": "אבגדהוזחטיכלמנסעפצקרשתםןךףץ",
    "cp1256": "اليمونتربةدعسفهكقأحجشطصخذثىغءئ",
    "tis_620": "ากนรอเงมยลวดทสตะปบคหแจพชขใไโผ่้ิีึืัู",
}
_EAST_ASIAN = {
    "gb18030": (
        "的一是不了在人有我他这中大来上个国到说们为子和你地出道也时年得就那要下以生会自着去之过家学对可里后小"
        "么心多天而能好都然没日于起还发成事只作当想看文无开手用主行方又如前所本见经头面公同三已从动两长知民样"
        "现分将外但身些与高意进把法，。、；：？！（）《》“”"
    ),
    "big5": (
        "的一是不了在人有我他這中大來上個國到說們為子和你地出道也時年得就那要下以生會自著去之過家學對可裡後小"
        "麼心多天而能好都然沒日於起還發成事只作當想看文無開手用主行方又如前所本見經頭面公同三已從動兩長知民樣"
        "現分將外但身些與高意進把法，。、；：？！（）《》「」"
    ),
    "cp932": (
        "のにはをたがでとしれさあいるもなすこらりまおきくけせちつてみめやよわんかうえどだばじアイウオカクコシ"
        "スタットドナニノラリルレロンー、。「」"
    ),
    "euc_jp": (
        "のにはをたがでとしれさあいるもなすこらりまおきくけせちつてみめやよわんかうえどだばじアイウオカクコシ"
        "スタットドナニノラリルレロンー、。「」"
    ),
    "cp949": ("이다는에의을가고하지로한은를기서도사자들시나인대어리부해정그아있수"),
}
"""Signs that stand in all but a few sentences of a language."""
_USUAL = {
    "gb18030": ("gb2312", (0xA1, 0xA3, *range(0xB0, 0xD8))),
    "big5": ("big5", (0xA1, *range(0xA4, 0xC7))),
    "cp932": ("shift_jis", (*range(0x81, 0x84), *range(0x88, 0x98))),
    "euc_jp": ("euc_jp", (0xA1, 0xA4, 0xA5, *range(0xB0, 0xD0))),
    "cp949": ("euc_kr", (0xA1, *range(0xB0, 0xC9))),
}
"""The older codec with the usual signs of a language alone, and first bytes of their more frequent half."""


def decoded(data: bytes, said: str = "") -> tuple[str, int] | None:
    """The text in `data` without its mark, and how many characters of it are damaged; None when it is no text.

    `said` is what the file itself calls its encoding; it is believed when it fits.
    """
    codec = encoding_of(data, said)
    if codec is None:
        return None
    text = data.decode(codec, "replace").removeprefix("\ufeff")
    return text, max(0, text.count("\ufffd") - data.count("\ufffd".encode()) * (codec == "utf-8"))


def encoding_of(data: bytes, said: str) -> str | None:
    """A codec that reads all of `data`, or all but a little."""
    for mark, codec in _MARKS:
        if data.startswith(mark):
            return codec if _reads(data, codec) else None
    sample = data[:_SAMPLE]
    if len(_CONTROLS.findall(sample)) > _TOLERATED * len(sample):
        return _two_bytes(data)
    if b"\x1b$" in sample and _reads(data, "iso2022_jp"):
        return "iso2022_jp"
    if _reads(data, "utf-8"):
        return "utf-8"
    meant = _MEANT.get(said.lower(), said.lower())
    return meant if _NAMED.fullmatch(meant) and _reads(data, meant) else _guessed(data)


def _reads(data: bytes, codec: str) -> bool:
    """Whether the codec makes sense of the bytes, but for a few: of a text that was cut off, or joined of two."""
    try:
        text = data.decode(codec, "replace")
    except LookupError:
        return False
    broken = text.count("\ufffd")
    return not broken or broken <= _BROKEN * (len(text) if codec.startswith("utf-16") else _foreign(text))


def _foreign(text: str) -> int:
    """How many signs there are that are not of ASCII."""
    return len(text) - len(text.encode("ascii", "ignore"))


def _two_bytes(data: bytes) -> str | None:
    """UTF-16 without a mark: read the right way round it is made of ordinary signs, the wrong way of any signs."""
    shares = {codec: _ordinary(data, codec) for codec in ("utf-16-le", "utf-16-be") if _reads(data, codec)}
    best = max(shares, key=lambda codec: shares[codec], default=None)
    return best if best and shares[best] >= 0.15 else None


def _ordinary(data: bytes, codec: str) -> float:
    """The share of signs that every text has many of; 0 where some are no signs of writing at all."""
    text = data[: _SAMPLE // 2 * 2].decode(codec, "ignore")
    if len(_CONTROLS.findall(text.encode("utf-8", "replace"))) > _TOLERATED * len(text):
        return 0.0
    usual = frozenset().union(*(_LATIN | _SCRIPTS | _EAST_ASIAN).values())
    return sum(sign in usual or " " <= sign <= "~" or sign in "\n\t\r" for sign in text) / max(1, len(text))


def _guessed(data: bytes) -> str:
    """Letters with accents stand one by one among plain ones; those of other scripts stand together."""
    runs = _RUN.findall(data[:_SAMPLE])
    inside = sum(map(len, runs)) < 1.6 * len(runs)
    eastern, latin, scripts = (_ranked(data, languages) for languages in (_EAST_ASIAN, _LATIN, _SCRIPTS))
    together = [*latin, *eastern] if inside else [*eastern, *scripts]
    ranked = [*sorted(together, key=lambda pair: -pair[0]), *(scripts if inside else latin)]
    least = dict.fromkeys(_SCRIPTS, _SURE) | dict.fromkeys(_EAST_ASIAN, _LIKELY) | dict.fromkeys(_LATIN, 0.0)
    sure = [codec for share, codec in ranked if share >= least[codec]]
    return next(codec for codec in (*sure, "cp1252", "latin-1") if _reads(data, codec))


def _ranked(data: bytes, languages: Mapping[str, str]) -> list[tuple[float, str]]:
    """The codecs with how much the text looks like their language, the likeliest first."""
    shares = [(_likeness(data, codec, usual), codec) for codec, usual in languages.items()]
    return sorted(shares, key=lambda pair: -pair[0])


def _likeness(data: bytes, codec: str, common: str) -> float:
    """0: not at all; 1: very much."""
    text = codecs.getincrementaldecoder(codec)("replace").decode(data[:_SAMPLE])
    signs = Counter(sign for sign in text if sign > "\x7f")
    if signs["\ufffd"] > _BROKEN * signs.total():
        return 0.0
    known: float = sum(count for sign, count in signs.items() if sign in common)
    if codec in _USUAL:
        usual = sum(count for sign, count in signs.items() if _is_usual(sign, *_USUAL[codec]))
        # A third of the signs in a sentence are among the common ones.
        known = min(signs.total(), 2 * known + usual / 2)
    return known / max(1, signs.total())


def _is_usual(sign: str, codec: str, leads: tuple[int, ...]) -> bool:
    try:
        return sign.encode(codec)[0] in leads
    except UnicodeEncodeError:
        return False
