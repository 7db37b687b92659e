"""Chinese numerals as numbers."""

from __future__ import annotations

from decimal import Decimal

HAN = {sign: n for n, sign in enumerate("〇一二三四五六七八九")} | {"零": 0, "○": 0, "两": 2, "兩": 2}
SCALES = {"十": 10, "百": 100, "千": 1000}
MYRIADS = {"万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8}


def chinese_number(text: str) -> Decimal:
    """What a numeral comes to, "三点五" too; signs one by one are read as digits (二〇二四)."""
    whole, _, after = text.partition("点")
    if len(whole) > 1 and all(sign in HAN for sign in whole):
        number = int("".join(str(HAN[sign]) for sign in whole))
    else:
        total = section = digit = 0
        for sign in whole:
            if sign in HAN:
                digit = HAN[sign]
            elif sign in SCALES:
                section += (digit or 1) * SCALES[sign]
                digit = 0
            else:
                total = (total + (section + digit or 1)) * MYRIADS[sign]
                section = digit = 0
        number = total + section + digit
    return Decimal(f"{number}.{''.join(str(HAN[sign]) for sign in after)}") if after else Decimal(number)
