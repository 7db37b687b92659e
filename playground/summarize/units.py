"""Units of quantities in English and Chinese, each by what it measures and its size. No places."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import NamedTuple

from playground.summarize.places import words_of

_TABLE = """
% 1 % ％ percent pct 百分点 个百分点 percentage
‰ 1 ‰
second 1 second seconds sec secs s 秒 秒钟
second 0.001 millisecond milliseconds ms 毫秒
second 60 minute minutes min mins 分钟
second 3600 hour hours hr hrs h hourly 小时 个小时 钟头 个钟头
second 86400 day days daily 天 日
second 604800 week weeks weekly 周 星期 个星期 礼拜 个礼拜 周次
month 1 month months monthly 个月 月龄
month 3 quarters 个季度
month 12 year years yr yrs yearly annual annually aged year-old years-old 年 岁 周年 周岁 载
month 120 decade decades 十年
month 1200 century centuries 个世纪
usd 1 $ us$ dollar dollars usd 美元 美金
usd 0.01 cent cents 美分
eur 1 € euro euros eur 欧元
gbp 1 £ pound pounds gbp sterling quid 英镑
gbp 0.01 pence p 便士
yuan 1 ¥ ￥ yuan rmb cny 元 人民币 块 块钱
yuan 0.1 角
yen 1 yen jpy 日元 円
hkd 1 hk$ hkd 港元 港币
won 1 won krw 韩元
franc 1 franc francs chf 法郎 瑞郎
peso 1 peso pesos 比索
rouble 1 rouble roubles ruble rubles 卢布
rupee 1 rupee rupees inr 卢比
crown 1 crown crowns krona kronor krone kroner sek nok dkk 克朗
bit 1 bit bits 位元
byte 1 byte bytes 字节
byte 1000 kb kib kilobyte kilobytes
byte 1000000 mb mib megabyte megabytes 兆 兆字节
byte 1000000000 gb gib gigabyte gigabytes
byte 1000000000000 tb tib terabyte terabytes
metre 1 metre metres meter meters m 米 公尺
metre 1000 km kilometre kilometres kilometer kilometers kms 公里 千米
metre 500 里 华里
metre 0.01 cm centimetre centimetres centimeter centimeters 厘米 公分
metre 0.001 mm millimetre millimetres millimeter millimeters 毫米
metre 0.000001 µm μm micrometre micrometres micron microns 微米
metre 0.000000001 nm nanometre nanometres nanometer nanometers 纳米
metre 1609.344 mile miles mi 英里
metre 0.3048 foot feet ft 英尺
metre 0.0254 inch inches 英寸
metre 0.9144 yard yards 码
gram 1 gram grams gramme grammes g 克
gram 0.001 mg milligram milligrams 毫克
gram 0.000001 µg μg mcg microgram micrograms 微克
gram 1000 kg kgs kilogram kilograms kilo kilos 公斤 千克
gram 500 斤
gram 1000000 tonne tonnes ton tons t 吨
gram 28.35 ounce ounces oz 盎司
litre 1 litre litres liter liters l 升 公升
litre 0.001 ml millilitre millilitres milliliter milliliters 毫升
litre 0.01 cl
area 1 m² m2 sqm 平方米 平米 ㎡
area 1000000 km² km2 平方公里 平方千米
area 10000 hectare hectares ha 公顷
area 4046.86 acre acres 英亩
area 666.6667 亩
area 0.0001 cm² 平方厘米
volume 1 m³ m3 立方米
watt 1 watt watts w 瓦 瓦特
watt 1000 kw kilowatt kilowatts 千瓦
watt 1000000 mw megawatt megawatts 兆瓦
watthour 1 kwh 千瓦时 度电
volt 1 volt volts v 伏 伏特
hertz 1 hertz hz 赫兹
hertz 1000000 mhz megahertz 兆赫
hertz 1000000000 ghz gigahertz
celsius 1 °c ℃ celsius 摄氏度
fahrenheit 1 °f fahrenheit 华氏度
pressure 1 bar bars
sound 1 decibel decibels db 分贝
calorie 1 calorie calories cal kcal kilocalorie kilocalories 卡路里 千卡 大卡
"""


class Unit(NamedTuple):
    """What a unit measures, and how much of its smallest it is."""

    measures: str
    size: Decimal


UNITS: dict[str, Unit] = {
    name: Unit(words[0], Decimal(words[1]))
    for words in map(str.split, _TABLE.strip().splitlines())
    for name in words[2:]
}
NAMES: dict[str, tuple[str, ...]] = {
    unit.measures: tuple(name for name, of in UNITS.items() if of.measures == unit.measures and len(name) > 1)
    for unit in UNITS.values()
}
"""How what is measured may be called in the head of a table."""
_AREAS = {"metre": "m²", "meter": "m²", "m": "m²", "km": "km²", "kilometre": "km²", "kilometer": "km²", "cm": "cm²"}
_BEFORE = re.compile(r"(?:\b(US\$|HK\$)|([$€£¥￥])|\b(USD|EUR|GBP|CNY|RMB|JPY|CHF)|(人民币))[ \u00a0]?$")
_LATIN = re.compile(r"[ \u00a0\u202f]?[-‐‑]?\n?(°[CF]|[A-Za-zµμ°]+[²³]?(?:-old)?)")
_SIGN = re.compile(r"[ \u00a0\u202f]?([%％‰℃€$￥㎡£])")
_HAN = re.compile(r"\s?[多余来]?([\u4e00-\u9fff]{1,5})")
_WORD = re.compile(r"[\s-]{1,2}([a-z]+)")
_STOPS = words_of(
    """
    a an and or of to in on at by for from with per than as the this that is are was were be been has have had
    but not no it its his her their our my your last next each every ago later after before until till since
    into about only also if when which who all so then because before against while without within among
    though although if whether such even still already ago where including among both each via upon towards
    toward through throughout above below near around up down out over under between during more less most
    percent
    """
)


def unit_before(text: str, start: int) -> Unit | None:
    """The sign of a currency in front of a number."""
    found = _BEFORE.search(text, max(0, start - 5), start)
    return UNITS[next(filter(None, found.groups())).lower()] if found else None


def unit_after(text: str, end: int) -> tuple[Unit | None, tuple[str, ...]]:
    """The unit of the number that ends at `end`, and what it counts else: nouns in the singular, or Chinese signs."""
    if found := _SIGN.match(text, end):
        return UNITS[found[1]], ()
    if found := _LATIN.match(text, end):
        return _latin(text, found)
    if found := _HAN.match(text, end):
        said = found[1]
        if said.startswith("分") and text[max(0, end - 6) : end].rstrip("0123456789").endswith(("小时", "时", "点")):
            return UNITS["分钟"], ()  # "2小时40分"
        for length in range(len(said), 0, -1):
            if said[:length] in UNITS:
                return UNITS[said[:length]], ()
        return None, () if said[0] in "至到和或与及的是为、在年月日" else (said[:3],)
    return None, ()


def _latin(text: str, found: re.Match[str]) -> tuple[Unit | None, tuple[str, ...]]:
    word = found[1].lower()
    after = _WORD.match(text, found.end())
    following = after[1] if after else ""
    if word in ("square", "sq", "cubic"):
        area = _AREAS.get(following.removesuffix("s"))
        return (UNITS["m³" if word == "cubic" else area] if area else UNITS.get(f"{following}²")), ()
    if word == "per" and following in ("cent", "hundred"):
        return UNITS["%"], ()
    if len(found[1]) == 1 and (following == "a" or (found[1].isupper() and found[1] not in "WV")):
        return None, ()
    if word in UNITS:
        return UNITS[word], ()
    if word in _STOPS or len(word) < 2:
        return None, ()
    if following in UNITS and len(following) > 2 and following not in _STOPS:  # "five working days"
        return UNITS[following], (singular(word),)
    nouns = [word, *([following] if following and following not in _STOPS else [])]
    return None, tuple(singular(noun) for noun in nouns)


def singular(word: str) -> str:
    """A noun without its plural, roughly; the same for both."""
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    return word[:-1] if word.endswith("s") and len(word) > 3 and not word.endswith("ss") else word
