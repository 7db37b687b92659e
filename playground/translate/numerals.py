"""Number words of some languages, Chinese and Roman numerals, as digits. Knows nothing of what is counted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from playground.numerals import HAN, MYRIADS, SCALES, chinese_number

_WORDS = {
    "en": "zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|"
    "seventeen|eighteen|nineteen|20 twenty|30 thirty|40 forty|50 fifty|60 sixty|70 seventy|80 eighty|90 ninety|"
    "100 hundred|1000 thousand|1 first once single|2 second twice both pair|3 third thrice|4 fourth quarter|5 fifth|"
    "6 sixth|7 seventh|8 eighth|9 ninth|10 tenth|11 eleventh|12 twelfth dozen|50 half|24 midnight|0 none",
    "fr": "zéro|un une|deux|trois|quatre|cinq|six|sept|huit|neuf|dix|onze|douze|treize|quatorze|quinze|seize|"
    "dix-sept|dix-huit|dix-neuf|20 vingt|30 trente|40 quarante|50 cinquante|60 soixante|70 soixante-dix septante|"
    "80 quatre-vingt quatre-vingts huitante|90 quatre-vingt-dix nonante|100 cent cents|1000 mille|"
    "1 premier première 1er 1re|2 deuxième second seconde double paire|3 troisième triple|4 quatrième quart|"
    "5 cinquième|6 sixième|7 septième|8 huitième|9 neuvième|10 dixième|12 midi douzaine|50 moitié demi|24 minuit",
    "de": "null|ein eine einen einem einer eines eins|zwei zweier|drei dreier|vier|fünf|sechs|sieben|acht|neun|zehn|"
    "elf|zwölf|dreizehn|vierzehn|fünfzehn|sechzehn|siebzehn|achtzehn|neunzehn|20 zwanzig|30 dreißig dreissig|"
    "40 vierzig|50 fünfzig hälfte halb|60 sechzig|70 siebzig|80 achtzig|90 neunzig|100 hundert|1000 tausend|"
    "1 erste ersten erster erstes erstens einmal|2 zweite zweiten zweiter zweites zweitens zweimal beide beiden "
    "doppelt|3 dritte dritten dritter drittes drittens dreimal|"
    "4 vierte vierten viertel|5 fünfte fünften|6 sechste sechsten|"
    "7 siebte siebten|8 achte achten|9 neunte neunten|10 zehnte zehnten|12 dutzend mittag|24 mitternacht",
    "es": "cero|un uno una|dos|tres|cuatro|cinco|seis|siete|ocho|nueve|diez|once|doce|trece|catorce|quince|dieciséis|"
    "diecisiete|dieciocho|diecinueve|20 veinte|30 treinta|40 cuarenta|50 cincuenta mitad medio media|60 sesenta|"
    "70 setenta|80 ochenta|90 noventa|100 cien ciento|1000 mil|1 primer primero primera|2 segundo segunda ambos ambas "
    "doble par|3 tercer tercero tercera|4 cuarto cuarta|5 quinto quinta|6 sexto sexta|7 séptimo|8 octavo|9 noveno|"
    "10 décimo|12 docena mediodía|24 medianoche",
    "it": "zero|un uno una|due|tre|quattro|cinque|sei|sette|otto|nove|dieci|undici|dodici|tredici|quattordici|quindici|"
    "sedici|diciassette|diciotto|diciannove|20 venti|30 trenta|40 quaranta|50 cinquanta metà mezzo mezza|60 sessanta|"
    "70 settanta|80 ottanta|90 novanta|100 cento|1000 mille mila|1 primo prima|2 secondo seconda entrambi entrambe "
    "doppio paio|3 terzo terza|4 quarto quarta|5 quinto quinta|6 sesto|7 settimo|8 ottavo|9 nono|10 decimo|"
    "12 dozzina mezzogiorno|24 mezzanotte",
    "pt": "zero|um uma|dois duas|três|quatro|cinco|seis|sete|oito|nove|dez|onze|doze|treze|catorze quatorze|quinze|"
    "dezesseis dezasseis|dezessete dezassete|dezoito|dezenove dezanove|20 vinte|30 trinta|40 quarenta|50 cinquenta "
    "metade meio meia|60 sessenta|70 setenta|80 oitenta|90 noventa|100 cem cento|1000 mil|1 primeiro primeira|"
    "2 segundo segunda ambos ambas duplo par|3 terceiro terceira|4 quarto quarta|5 quinto quinta|6 sexto|7 sétimo|"
    "8 oitavo|9 nono|10 décimo|12 dúzia|24 meia-noite",
    "nl": "nul|een één|twee|drie|vier|vijf|zes|zeven|acht|negen|tien|elf|twaalf|dertien|veertien|vijftien|zestien|"
    "zeventien|achttien|negentien|20 twintig|30 dertig|40 veertig|50 vijftig helft half|60 zestig|70 zeventig|"
    "80 tachtig|90 negentig|100 honderd|1000 duizend|1 eerste|2 tweede beide dubbel|3 derde|4 vierde kwart|5 vijfde|"
    "6 zesde|7 zevende|8 achtste|9 negende|10 tiende|12 dozijn",
}  # fmt: skip
_JOINED = re.compile(r"(?:-|\s(?:and|et|y|e)\s|\s)")
_WORD = re.compile(r"[^\W_]+(?:-[^\W_]+)*")
_ARTICLES = {"en": "a|an", "fr": "un|une", "de": "ein|eine", "es": "un|una", "it": "un|una|uno", "pt": "um|uma"}
_CHINESE = re.compile(f"[{''.join([*HAN, *SCALES, *MYRIADS])}]{{1,20}}|半")
_ROMAN = re.compile(r"\b(?=[IVXLC])(?P<n>C{0,3}(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3}))(?:e|ème|ᵉ)?\b")
_ROMAN_SIGNS = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}


def known(language: str) -> bool:
    """Whether the language's number words are read here."""
    return language in _WORDS or language in ("zh", "ja")


def spoken(text: str, language: str) -> Iterator[str]:
    """The values of the numbers that `text` has in words, in digits; parts of a number too, which do no harm."""
    if language in ("zh", "ja"):
        for found in _CHINESE.finditer(text):
            yield "50" if found[0] == "半" else str(chinese_number(found[0]))
    else:
        yield from _spelled(text.casefold(), _table(language))
    for found in _ROMAN.finditer(text):
        if found["n"]:
            yield str(_roman(found["n"]))


def articles(language: str) -> bool:
    """Whether the word for one is said all the time in this language, or nothing is said for it."""
    return language in _ARTICLES or not known(language) or language in ("zh", "ja")


@cache
def _table(language: str) -> dict[str, int]:
    table: dict[str, int] = {}
    for at, entry in enumerate(_WORDS.get(language, "").split("|")):
        words = entry.split()
        value = int(words.pop(0)) if words and words[0].isdigit() else at
        table.update((word, value) for word in words)
    return table


def _spelled(text: str, table: dict[str, int]) -> Iterator[str]:
    """Tens with ones behind them are one number; "twenty-one" may be one word."""
    before: tuple[int, int] | None = None
    for found in _WORD.finditer(text):
        parts = [found[0]] if found[0] in table else found[0].split("-")
        for part in parts:
            value = table.get(part)
            if value is None:
                before = None
                continue
            yield str(value)
            near = before and (len(parts) > 1 or _JOINED.fullmatch(text, before[1], found.start()))
            if before and near and before[0] in range(20, 100, 10) and 0 < value < 20:
                yield str(before[0] + value)
            before = (value, found.end())


def _roman(text: str) -> int:
    values = [_ROMAN_SIGNS[sign] for sign in text]
    return sum(-one if one < after else one for one, after in zip(values, [*values[1:], 0], strict=True))
