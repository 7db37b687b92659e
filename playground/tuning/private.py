"""Finds in samples what had better not be learned: secrets, cards, accounts, identities, and how to reach people.

A model may say again whatever it has learned. Nothing is asked of any server to find out whether a secret is one.
"""

from __future__ import annotations

import importlib
import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal

from playground.tuning.samples import Sample

Kind = Literal["secret", "card", "iban", "id", "email", "phone", "ip"]
Field = Literal["messages", "chosen", "rejected", "text"]
Span = tuple[Kind, int, int]

_PLUGINS = (
    "aws", "azure_storage_key", "basic_auth", "discord", "github_token", "gitlab_token", "ibm_cos_hmac", "jwt",
    "mailchimp", "openai", "pypi_token", "sendgrid", "slack", "softlayer", "square_oauth", "stripe",
    "telegram_token", "twilio",
)  # fmt: skip
"""Of detect-secrets, without those that guess: any long text, any word after `key`, two letters and some more."""
_TOKEN = re.compile(r"[A-Za-z0-9/+_=.:-]{20}|://[^\s/@]+@")
"""Where there is nothing like this there is no secret with a form of its own."""
_PRIVATE_KEY = re.compile(
    r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----[^-]+"
    r"(?:-----END (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----)?"
    r"|PuTTY-User-Key-File-\d:[\s\S]+?Private-MAC: ?\w+"
)
_NEWER = re.compile(
    r"\bsk-(?:proj|ant|svcacct|admin)-[\w-]{32,}|\bgithub_pat_\w{60,}"
    r"|\bAIza[\w-]{35}\b|\b(?:hf_[A-Za-z0-9]{34}|npm_[A-Za-z0-9]{36})\b",
    re.ASCII,
)
"""Forms that detect-secrets does not know."""
_JWT = re.compile(r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]+=*\.[A-Za-z0-9_-]+=*(?:\.[A-Za-z0-9_-]+)?")
"""As detect-secrets has it, but begun once in each run of letters: its own takes minutes over a long one."""
_MORE = re.compile(r"[A-Za-z0-9_=-]*")
_NAMED = re.compile(
    r"(?:api[_-]?key|access[_-]?key|auth[_-]?key|private[_-]?key|secret(?:[_-]?key)?|token|password|passwd|passphrase"
    r"|pwd|密码|口令|密钥|令牌)[\"'”`\]]{0,2}\s{0,3}(?:=>|:=|[:：=]|是|为|\bis\b)\s{0,3}"
    r"[\"'“`]?([A-Za-z0-9+/=_!@#%^&*.~-]{8,200})(?![A-Za-z0-9+/=_!@#%^&*~(\[-])",
    re.IGNORECASE,
)
"""A value after a name that says that it is secret. It is one only where it looks as if drawn by chance."""
_CHANCE = 3.0
"""Bits of entropy a character that such a value has at least."""
_EMAIL = re.compile(
    r"(?<![A-Za-z0-9._%+@/-])[A-Za-z0-9][A-Za-z0-9._%+-]{0,63}"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,6}"
    r"([A-Za-z]{2,18})(?![A-Za-z0-9-]|\.[A-Za-z0-9])"
)
_NO_MAIL = re.compile(
    r"\A(?:git|hg|svn|anonymous)@|[@.]example\.\w+\Z"
    r"|\.(?:example|invalid|test|localhost|local|png|jpe?g|gif|svg|webp)\Z"
    r"|\.(?:service|socket|timer|target|mount|html?|js|py)\Z",
    re.IGNORECASE,
)
"""Names of places, of files and of units of a system, and addresses that are kept for examples (RFC 2606)."""
_IP = re.compile(r"(?<![\w.-])(?:\d{1,3}\.){3}\d{1,3}(?![\w-]|\.\w)", re.ASCII)
_NO_SECTION = 64
"""Four numbers that are all smaller are a section or a version."""
_DIGITS = re.compile(r"(?<![\w.+-])\d(?:[ -]?\d){12,18}(?![\w-]|\.\d)", re.ASCII)
_CARD = re.compile(
    r"4(?:\d{15}|\d{18})|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}"
    r"|3[47]\d{13}|3(?:0[0-5]|[68]\d)\d{11}"
    r"|35(?:2[89]|[3-8]\d)\d{12}|62\d{14,17}|6(?:011|4[4-9]\d|5\d\d)\d{12}"
)
"""Visa, Mastercard, American Express, Diners, JCB, UnionPay, Discover."""
_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Za-z0-9])")
_RIC = re.compile(r"(?<![\w.-])\d{17}[\dXx](?![\w-])", re.ASCII)
_PHONE = re.compile(
    r"(?<![\w.,/=#$€£%+\])-])(?:\+|\(\+?|（)?\d(?:[ ().（）/‑–-]{0,3}\d){6,14}(?![\w%]|[.,:/=-]\d)", re.ASCII
)
_SHAPES = (
    (re.compile(r"1[3-9]\d(?:[ -]?\d{4}){2}|\(?0(?:10|2\d|[3-9]\d\d)\)?[ -]\d{7,8}"), "CN"),
    (re.compile(r"\(\d{3}\) ?\d{3}[-.]\d{4}|\d{3}([-.])\d{3}\1\d{4}"), "US"),
    (re.compile(r"0[1-9](?:[ .]\d\d){4}"), "FR"),
)
"""How numbers are written that are known without a word before them."""
_CALLED = re.compile(
    r"(?:phone|\btel\b|\bcall\b|mobile|\bcell\b|\bfax\b|whatsapp|telefon|handy|\brufen?\b|téléphone|\btél\b|portable"
    r"|电话|手机|联系方式|拨打|致电|传真|微信)[^\n\d+]{0,16}\Z",
    re.IGNORECASE,
)
"""What says that a number is called, right before it."""
_BEFORE = 32
_REGIONS = ("CN", "US", "DE", "FR", "GB")


@dataclass(frozen=True)
class Finding:
    """Something private at `start` to `end` of a field; `message` is the number of the message, from 0."""

    kind: Kind
    field: Field
    message: int
    start: int
    end: int
    shown: str
    """Its first characters."""


def findings(sample: Sample) -> list[Finding]:
    """All that is found in a sample, none over another, in its order."""
    texts: list[tuple[Field, int, str]] = [("messages", at, turn.content) for at, turn in enumerate(sample.messages)]
    texts += [("chosen", 0, sample.chosen), ("rejected", 0, sample.rejected), ("text", 0, sample.text)]
    return [
        Finding(kind, field, message, start, end, f"{text[start:end].lstrip('-')[:3]}…")
        for field, message, text in texts
        for kind, start, end in spans(text)
    ]


def hide(text: str, found: Iterable[Finding]) -> str:
    """A text with a word such as [email] in the place of each; `found` are those of this text alone."""
    for one in sorted(found, key=lambda one: one.start, reverse=True):
        text = f"{text[: one.start]}[{one.kind}]{text[one.end :]}"
    return text


def hidden(sample: Sample, found: Sequence[Finding]) -> Sample:
    """A sample with such a word in the place of all that was found in it."""

    def of(text: str, field: Field, message: int = 0) -> str:
        return hide(text, [one for one in found if (one.field, one.message) == (field, message)])

    turns = [replace(turn, content=of(turn.content, "messages", at)) for at, turn in enumerate(sample.messages)]
    chosen, rejected = of(sample.chosen, "chosen"), of(sample.rejected, "rejected")
    return replace(sample, messages=tuple(turns), chosen=chosen, rejected=rejected, text=of(sample.text, "text"))


def spans(text: str) -> list[Span]:
    """What is private in a text, none over another, in its order. What is surest is looked for first."""
    taken: list[Span] = []
    for finder in (_secrets, _numbers, _emails, _phones, _addresses):
        for span in finder(text):
            if all(span[2] <= start or end <= span[1] for _, start, end in taken):
                taken.append(span)
    return sorted(taken, key=lambda span: span[1])


def _secrets(text: str) -> Iterator[Span]:
    if "PRIVATE KEY" in text or "PuTTY" in text:
        yield from (("secret", *found.span()) for found in _PRIVATE_KEY.finditer(text))
    if _TOKEN.search(text):
        yield from (("secret", *found.span()) for found in _NEWER.finditer(text))
        for pattern, valid in _patterns():
            for found in pattern.finditer(text):
                group = next((number for number in range(1, (pattern.groups or 0) + 1) if _is_value(found, number)), 0)
                if valid(found[0]):
                    start, end = found.span(group)
                    yield "secret", start, _rest(text, end)
    for found in _NAMED.finditer(text):
        value = found[1].rstrip(".!")
        if re.search(r"\d", value) and re.search(r"[A-Za-z]", value) and _entropy()(value) >= _CHANCE:
            yield "secret", found.start(1), found.start(1) + len(value)


def _rest(text: str, end: int) -> int:
    """Where a secret ends of which a pattern knows the beginning alone."""
    found = _MORE.match(text, end)
    return found.end() if found else end


def _is_value(found: re.Match[str], number: int) -> bool:
    """Whether a group is the secret itself, not the beginning of it."""
    return found[number] is not None and found.end(number) - found.start(number) >= 8


@cache
def _patterns() -> list[tuple[re.Pattern[str], Callable[[str], bool]]]:
    """The forms of secrets that detect-secrets knows. Only its patterns are used: its scan may ask servers."""
    found: list[tuple[re.Pattern[str], Callable[[str], bool]]] = []
    for name in _PLUGINS:
        module = importlib.import_module(f"detect_secrets.plugins.{name}")
        plugin: Any = next(
            one for one in vars(module).values() if isinstance(one, type) and one.__module__ == module.__name__
        )
        valid = getattr(plugin, "is_formally_valid", lambda _: True)
        for pattern in (_JWT,) if name == "jwt" else plugin.denylist:
            # Chinese letters right behind a secret must not count as more of it.
            found.append((re.compile(pattern.pattern, pattern.flags & ~re.UNICODE | re.ASCII), valid))
    return found


@cache
def _entropy() -> Callable[[str], float]:
    from detect_secrets.plugins.high_entropy_strings import Base64HighEntropyString

    return Base64HighEntropyString().calculate_shannon_entropy


def _numbers(text: str) -> Iterator[Span]:
    from stdnum import iban, luhn
    from stdnum.cn import ric

    for found in _RIC.finditer(text):
        if ric.is_valid(found[0].upper()):
            yield "id", *found.span()
    for found in _DIGITS.finditer(text):
        digits = re.sub(r"\D", "", found[0])
        if _CARD.fullmatch(digits) and luhn.is_valid(digits):
            yield "card", *found.span()
    for found in _IBAN.finditer(text):
        said = found[0]
        while len(said) >= 15:  # A word in capitals may follow it.
            if iban.is_valid(said):
                yield "iban", found.start(), found.start() + len(said)
                break
            said = said.rpartition(" ")[0]


def _emails(text: str) -> Iterator[Span]:
    if "@" in text:
        yield from (("email", *found.span()) for found in _EMAIL.finditer(text) if not _NO_MAIL.search(found[0]))


def _addresses(text: str) -> Iterator[Span]:
    for found in _IP.finditer(text):
        numbers = [int(part) for part in found[0].split(".")]
        # Those of private networks and of examples are the same for everybody.
        if not _NO_SECTION <= max(numbers) <= 255:
            continue
        address = ipaddress.IPv4Address(bytes(numbers))
        if address.is_global and not address.is_multicast:
            yield "ip", *found.span()


def _phones(text: str) -> Iterator[Span]:
    from phonenumbers import Leniency, PhoneNumberMatcher

    for found in _PHONE.finditer(text):
        said = found[0]
        regions: Sequence[str | None] = [region for shape, region in _SHAPES if shape.fullmatch(said)]
        if said.count(".") == 1:  # A number with decimals.
            continue
        if "+" in said:
            regions = [None]
        elif _CALLED.search(text, max(0, found.start() - _BEFORE), found.start()):
            regions = _REGIONS
        for region in regions:
            match = next(iter(PhoneNumberMatcher(said, region, leniency=Leniency.VALID, max_tries=3)), None)
            if match is not None:
                yield "phone", found.start() + match.start, found.start() + match.end
                break
