"""What is private is found in ordinary texts, what only looks like it is not, and all that was found can be hidden."""

from __future__ import annotations

import base64
import json
import re
import socket
import string
from itertools import pairwise
from pathlib import Path

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import luhn

from playground.records import Turn
from playground.tuning.private import findings, hidden, hide, spans
from playground.tuning.samples import Sample
from tests.conftest import ROOT


def found(text: str) -> list[tuple[str, str]]:
    return [(kind, text[start:end]) for kind, start, end in spans(text)]


def _part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


JWT = f"{_part({'alg': 'HS256'})}.{_part({'sub': '1'})}.c2lnbmF0dXJl"
# Put together, so that no scan of this repository takes them for real ones.
SECRETS = (
    "AKIA" + "IOSFODNN7EXAMPL3",
    "ghp_" + "a1B2" * 9,
    "github_pat_" + "a1B2" * 20,
    "glpat-" + "a1B2" * 5,
    "xoxb-" + "12345678901-1234567890123-abcDEF",
    "sk_live_" + "a1b2" * 6,
    "sk-proj-" + "a1B2" * 12,
    "hf_" + "aBcD" * 8 + "xy",
    "SG." + "a" * 22 + "." + "b" * 43,
    "pypi-AgEIcHlwaS5vcmc" + "a1B2" * 20,
    JWT,
)


@pytest.mark.parametrize("secret", SECRETS, ids=lambda one: one[:8])
def test_secrets_are_found_whole_wherever_they_stand(secret: str) -> None:
    for around in ("{}", "Use {} for it.", "密钥：{}，别外传", "用{}登录", '"auth": "{}"'):
        text = around.format(secret)
        assert found(text) == [("secret", secret)], text


@pytest.mark.parametrize(
    ("text", "private"),
    [
        ("psql postgres://bob:s3cretpw99@db.host/x", ("secret", "s3cretpw99")),
        ("password = 'hunter2x9Qz'", ("secret", "hunter2x9Qz")),
        ('{"api_key": "8f3kd92kslq0"}', ("secret", "8f3kd92kslq0")),
        ("数据库密码是 Kx82mQz71。", ("secret", "Kx82mQz71")),
        ("My password is Tr0ub4dor99.", ("secret", "Tr0ub4dor99")),
        ("Write to zhang.san@qq.com，谢谢", ("email", "zhang.san@qq.com")),
        ("邮箱zhang@mail.co.uk。", ("email", "zhang@mail.co.uk")),
        ("Pay with 4111 1111 1111 1111 now", ("card", "4111 1111 1111 1111")),
        ("卡号5500005555555559", ("card", "5500005555555559")),
        ("IBAN DE89 3704 0044 0532 0130 00 BIC COBADEFF", ("iban", "DE89 3704 0044 0532 0130 00")),
        ("to GB82WEST12345698765432.", ("iban", "GB82WEST12345698765432")),
        ("身份证号11010519491231002X，", ("id", "11010519491231002X")),
        ("Call +86 138 0013 8000 today", ("phone", "+86 138 0013 8000")),
        ("我的手机是13800138000。", ("phone", "13800138000")),
        ("电话：010-62345678", ("phone", "010-62345678")),
        ("Ring us at (650) 253-0000.", ("phone", "(650) 253-0000")),
        ("Tél. 01 42 68 53 00", ("phone", "01 42 68 53 00")),
        ("Telefon: 030 901820", ("phone", "030 901820")),
        ("The server is 93.184.216.34.", ("ip", "93.184.216.34")),
    ],
)
def test_what_is_private_is_found(text: str, private: tuple[str, str]) -> None:
    assert found(text) == [private]


@pytest.mark.parametrize(
    "text",
    [
        "token = get_token(request)",
        "password = os.environ['DB_PASSWORD1']",
        "password: str | None = None",
        "Your password is case-sensitive and your token is valid.",
        "SECRET_KEY = <your-key-1234>",
        "Clone git@github.com:someone/project.git, or write to you@example.com.",
        "Start getty@tty1.service and look at icon@2x.png.",
        "On 2024-01-15 12:30:45, build 20240115123045, at 1705321845123 ms.",
        "Section 2.3.1.12 of version 10.2.3.4, on 192.168.1.7, 127.0.0.1 and 224.0.0.251.",
        "ISBN 978-3-16-148410-0, order 6502530000, pi is 3.14159265358979323846.",
        "1,234,567,890 people; rows 1000000 to 2000000; +35236450.6",
        "sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "commit 3b18e512dba79e4c8300dd08aeb37f8e728b8dad, id 550e8400-e29b-41d4-a716-446655440000",
        "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk",
        "4111 1111 1111 1112 and 110105194912310021 and DE89 3704 0044 0532 0130 01",
        "t[1]=t[1]+3545052371+(t[0]>>>0)",
    ],
)
def test_what_is_ordinary_is_not(text: str) -> None:
    assert found(text) == []


def test_a_private_key_is_found_with_all_its_lines() -> None:
    key = "-----BEGIN RSA PRIVATE KEY-----\nMIIabc\ndef==\n-----END RSA PRIVATE KEY-----"
    assert found(f"Mine:\n{key}\nKeep it.") == [("secret", key)]
    assert found(f"Mine:\n{key[:40]}") == [("secret", key[:40])]  # Its end was cut off.


def test_the_apps_own_sources_raise_few_false_alarms() -> None:
    text = "\n".join(file.read_text(encoding="utf-8") for file in sorted(Path(ROOT / "playground").rglob("*.py")))
    rows = [text[at : at + 1000] for at in range(0, len(text), 1000)]
    assert len(rows) > 500
    told = [one for row in rows for one in found(row)]
    assert len(told) <= len(rows) // 500, told


def test_no_server_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a server was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert len(found("\n".join(SECRETS))) == len(SECRETS)


def test_each_finding_says_where_and_shows_its_beginning_only() -> None:
    turns = (Turn("system", "Be brief."), Turn("user", "I am bob@mail.org"), Turn("assistant", "Hello bob@mail.org."))
    sample = Sample("chat", 1, turns, (False, False, True))
    told = [(one.kind, one.field, one.message, one.start, one.end, one.shown) for one in findings(sample)]
    assert told == [("email", "messages", 1, 5, 17, "bob…"), ("email", "messages", 2, 6, 18, "bob…")]
    assert [turn.content for turn in hidden(sample, findings(sample)).messages[1:]] == [
        "I am [email]",
        "Hello [email].",
    ]
    pair = Sample("preference", 1, turns[:2], chosen="Call 13800138000", rejected="Ask 93.184.216.34")
    made = hidden(pair, findings(pair))
    assert (made.chosen, made.rejected) == ("Call [phone]", "Ask [ip]")
    one_alone = hidden(pair, findings(pair)[1:2])
    assert (one_alone.messages, one_alone.chosen, one_alone.rejected) == (turns[:2], "Call [phone]", pair.rejected)


PRIVATE = st.sampled_from([*SECRETS, "bob@mail.org", "13800138000", "4111111111111111", "93.184.216.34", "中文", "a-b"])
TEXTS = st.lists(PRIVATE | st.text(st.sampled_from(f"{string.printable}。，号"), max_size=12), max_size=8).map(" ".join)


@given(TEXTS)
def test_whatever_the_text_is_nothing_overlaps_and_what_is_hidden_is_gone(text: str) -> None:
    sample = Sample("text", 1, text=text)
    told = findings(sample)
    assert all(one.end <= other.start for one, other in pairwise(told))
    assert all(0 <= one.start < one.end <= len(text) for one in told)
    made = hide(text, told)
    assert hidden(sample, told).text == made
    # What stood around it is as it was.
    kept, at = "", 0
    for one in told:
        kept, at = kept + text[at : one.start] + f"[{one.kind}]", one.end
    assert made == kept + text[at:]


@given(st.sampled_from([*phonenumbers.SUPPORTED_REGIONS]), st.sampled_from(["Call {}.", "电话{}，", "({})"]))
def test_international_numbers_of_all_regions(region: str, around: str) -> None:
    number = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
    number = number or phonenumbers.example_number(region)
    said = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    if len(re.sub(r"\D", "", said)) < 8:
        return
    assert [kind for kind, _ in found(around.format(said))] == ["phone"], said


@given(st.sampled_from(["4", "51", "6221", "34"]), st.integers(0, 10**15 - 1))
def test_cards_by_their_last_digit(prefix: str, number: int) -> None:
    size = 15 if prefix == "34" else 16
    digits = (prefix + f"{number:015}")[: size - 1]
    card = digits + luhn.calc_check_digit(digits)
    assert ("card", card) in found(f"card {card}") or found(f"card {card}")[0][0] == "id"
    assert ("card", card) not in found(f"card {digits}{(int(card[-1]) + 1) % 10}")
