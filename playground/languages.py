"""Which language a text is in, and what languages are called. Knows nothing of models."""

from __future__ import annotations

import re

import py3langid

# Code, English name, Chinese name, and what its speakers call it.
_TABLE = """
en|English|英语|English
zh|Chinese|中文|中文
ja|Japanese|日语|日本語
ko|Korean|韩语|한국어
fr|French|法语|Français
de|German|德语|Deutsch
es|Spanish|西班牙语|Español
pt|Portuguese|葡萄牙语|Português
it|Italian|意大利语|Italiano
nl|Dutch|荷兰语|Nederlands
ru|Russian|俄语|Русский
uk|Ukrainian|乌克兰语|Українська
pl|Polish|波兰语|Polski
cs|Czech|捷克语|Čeština
sk|Slovak|斯洛伐克语|Slovenčina
hu|Hungarian|匈牙利语|Magyar
ro|Romanian|罗马尼亚语|Română
bg|Bulgarian|保加利亚语|Български
el|Greek|希腊语|Ελληνικά
tr|Turkish|土耳其语|Türkçe
sv|Swedish|瑞典语|Svenska
da|Danish|丹麦语|Dansk
fi|Finnish|芬兰语|Suomi
no|Norwegian|挪威语|Norsk
ca|Catalan|加泰罗尼亚语|Català
ar|Arabic|阿拉伯语|العربية
he|Hebrew|希伯来语|עברית
fa|Persian|波斯语|فارسی
hi|Hindi|印地语|हिन्दी
bn|Bengali|孟加拉语|বাংলা
th|Thai|泰语|ไทย
vi|Vietnamese|越南语|Tiếng Việt
id|Indonesian|印度尼西亚语|Bahasa Indonesia
ms|Malay|马来语|Bahasa Melayu
"""
NAMES: dict[str, tuple[str, str, str]] = {
    code: (english, chinese, own)
    for code, english, chinese, own in (line.split("|") for line in _TABLE.strip().splitlines())
}
"""By ISO 639-1 code: the English name, the Chinese one, and the speakers' own."""
UNSPACED = frozenset({"zh", "ja", "th"})
"""Written without blanks between words; length is counted in characters there."""
_SAMPLES, _SAMPLE = 5, 1200
_LETTERS = re.compile(r"[^\W\d_]")
_WORDS = re.compile(r"[^\W\d_]{3,}|[^\x00-\u2e7f]")


def detect(text: str) -> str:
    """The code of the language that most of `text` is in; "" where there are too few words to tell."""
    step = max(1, (len(text) - _SAMPLE) // (_SAMPLES - 1))
    pieces = [text] if len(text) <= _SAMPLES * _SAMPLE else [text[n * step :][:_SAMPLE] for n in range(_SAMPLES)]
    sample = "\n".join(pieces)
    if len(_WORDS.findall(sample)) < 2:
        return ""
    # It learned from prose: signs and digits only mislead it.
    code: str = py3langid.classify(" ".join(re.findall(r"[^\W\d_]+", sample)))[0]
    return "no" if code in ("nb", "nn") else code


def count_words(text: str, language: str) -> int:
    """Words; characters that are letters where words are written without blanks."""
    if language in UNSPACED:
        return len(_LETTERS.findall(text))
    return len(text.split())
