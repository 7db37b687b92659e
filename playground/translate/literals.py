"""What must come through a translation letter for letter: placeholders, addresses, paths, options, names of code.

Found by its looks alone, and with care: a word that is only perhaps one is not `strict`. Knows nothing of tags.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal as OneOf

Kind = OneOf["placeholder", "markup", "url", "email", "path", "option", "version", "identifier"]
_OPEN = r"(?<![A-Za-z0-9_\u00c0-\u024f\u0370-\u052f])"
"""Not inside of a word; Chinese is written without blanks, so its signs may stand before."""
_HTML = (
    "a|abbr|b|big|blockquote|body|br|button|center|cite|code|dd|del|div|dl|dt|em|font|form|h[1-6]|head|hr|html|i|"
    "img|input|ins|kbd|label|li|link|mark|meta|nav|nobr|ol|option|p|pre|q|s|samp|script|section|select|small|span|"
    "strike|strong|style|sub|sup|table|tbody|td|textarea|tfoot|th|thead|title|tr|tt|u|ul|var|video|wbr"
)
_VALUE = r"""(?:"[^"<>]{0,500}"|'[^'<>]{0,500}'|[^\s<>"'=]{1,200})"""
_PLACEHOLDER = re.compile(
    r"\{\{-?\s{0,4}[\w.$|-]{1,60}\s{0,4}-?\}\}|"
    r"[$#%]\{[\w.:-]{1,60}\}|"
    r"\{(?:[A-Za-z_][\w.]{0,60}(?:\[\w{0,20}\])?|\d{0,4})(?:![rsa])?(?::[^{}\s]{0,20})?\}|"
    r"%\(\w{1,60}\)[-+0#]?\d{0,3}(?:\.\d{1,2})?[sdifugGeExXcr]|"
    r"(?<![\d%\w])%(?:\d{1,2}\$)?[-+0#]{0,3}(?:\d{1,3}|\*)?(?:\.(?:\d{1,3}|\*))?(?:hh|h|ll|l|z|j|t)?[sdifuxXcgGeEp@]"
    r"(?![A-Za-z\u00c0-\u024f])|"
    r"(?<![\d%\w])%\d{1,2}(?![\d%.,]|\s?%)(?=\W|$)|"
    r"(?<![\w$])\$[A-Z_][A-Z0-9_]{1,40}\b"
)
_MARKUP = re.compile(rf"</?(?:{_HTML})(?:\s+[A-Za-z_:][\w:.-]{{0,40}}(?:={_VALUE})?){{0,20}}\s*/?>", re.IGNORECASE)
_URL = re.compile(
    rf"{_OPEN}(?:(?:https?|ftps?|sftp|file|ssh|git|svn|ldap|irc|ws|wss|magnet|rsync|smb|nfs)://|mailto:|www\.(?=\w))"
    r"[^\s<>\"«»“”„‘’‹›`|\\^{}（）【】《》「」，。；：、！？⟨⟩\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]{2,2000}"
)
_EMAIL = re.compile(
    r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,6}\.[A-Za-z]{2,20}"
    r"(?![A-Za-z0-9@])"
)
_PATH = re.compile(
    r"(?<![A-Za-z0-9_\u00c0-\u024f\u0370-\u052f/.~…)\]}<*])"
    r"(?:(?:~[a-z]{0,20}|\.{1,2}|\$[A-Z_]{2,20})/[\w.+@%*?-]{0,255}|/[A-Za-z_.][\w.+@%*?-]{0,254})"
    r"(?:/[\w.+@%*?-]{1,255}){0,40}/?|"
    rf"{_OPEN}[A-Za-z]:\\[\w.+@%$~-]{{0,255}}(?:\\[\w.+@%$~-]{{1,255}}){{0,40}}\\?|"
    r"(?<![\w\\])\\\\[\w.$-]{1,255}(?:\\[\w.$-]{1,255}){1,40}",
    re.ASCII,
)
_ROOTS = frozenset(
    {
        *("bin", "boot", "dev", "etc", "home", "lib", "lib64", "media", "mnt", "opt", "proc", "root", "run", "sbin"),
        *("srv", "sys", "tmp", "usr", "var"),
    }
)
_OPTION = re.compile(r"(?<![\w-])(?:--[A-Za-z][A-Za-z0-9]*(?:-[A-Za-z0-9]+){0,10}|-[A-Za-z?])(?![\w-])")
_VERSION = re.compile(
    rf"{_OPEN}(?:[vV]\d{{1,6}}(?:\.\d{{1,6}}){{0,6}}|\d{{1,6}}(?:\.\d{{1,6}}){{2,6}})"
    r"(?:[-+~.]?(?:alpha|beta|rc|pre|dev|a|b|p|deb|ubuntu|[-+~])[A-Za-z0-9.+~]{0,20}(?<![.]))?(?![A-Za-z0-9_])"
)
_DATE = re.compile(r"\d{1,2}\.\d{1,2}\.(?:19|20)\d\d|(?:19|20)\d\d\.\d{1,2}\.\d{1,2}|\d{1,3}(?:\.\d{3})+")
_ENDINGS = (
    "adoc asc avi bak bat bin bmp bz2 c cc cfg cgi conf cpp css csv cxx dat deb dll doc docx dtd epub exe gif go gpg "
    "gz h hpp htm html ico ini iso jar java jpeg jpg js json key lock log lua md mkv mo mov mp3 mp4 odp ods odt ogg "
    "out pdf pem php pl png po pot ppt pptx ps py rar rb rpm rs rst rtf sh so sql srt svg tar tex tgz tiff toml ts tsv "
    "ttf txt vtt wav webm webp xhtml xls xlsx xml xsl xz yaml yml zip"
).replace(" ", "|")
_IDENTIFIER = re.compile(
    rf"{_OPEN}(?:"
    rf"[A-Za-z0-9][\w-]{{0,80}}(?:\.[\w-]{{1,40}}){{0,4}}\.(?:{_ENDINGS})(?!\.?\w)|"
    r"(?:[A-Za-z0-9]{1,40}_{1,2}[A-Za-z0-9_]{1,60}|_[A-Za-z0-9_]{2,60})(?:\(\))?|"
    r"[A-Za-z]{1,30}[a-z0-9][A-Z][A-Za-z0-9]{1,40}(?:\(\))?|"
    r"[a-z]{2,20}[0-9]{0,4}(?:-[a-z0-9.+]{1,20}){0,4}-(?:dev|dbg|doc|data|utils|common|bin|get|cache|config)|"
    r"[a-zA-Z]{1,20}[0-9]{1,4}(?:-[a-z0-9]{1,20}){0,3})(?![A-Za-z0-9_])",
    re.ASCII,
)


@dataclass(frozen=True)
class Literal:
    """A stretch of a text that stays as it is; `strict`: a translation without it is wrong."""

    start: int
    end: int
    text: str
    kind: Kind
    strict: bool


_READ: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    ("url", _URL),
    ("email", _EMAIL),
    ("markup", _MARKUP),
    ("path", _PATH),
    ("placeholder", _PLACEHOLDER),
    ("option", _OPTION),
    ("version", _VERSION),
    ("identifier", _IDENTIFIER),
)


def literals(text: str) -> list[Literal]:
    """All of them in their order; no two overlap."""
    taken = bytearray(len(text))
    found: list[Literal] = []
    for kind, pattern in _READ:
        for one in _matches(kind, pattern, text):
            if taken.find(1, one.start, one.end) < 0:
                taken[one.start : one.end] = b"\1" * (one.end - one.start)
                found.append(one)
    return sorted(found, key=lambda one: one.start)


def _matches(kind: Kind, pattern: re.Pattern[str], text: str) -> Iterator[Literal]:
    for match in pattern.finditer(text):
        said = match[0]
        if kind in ("url", "path"):
            said = _trimmed(said, ".,;:!?'*")
        if not said or (kind == "version" and _DATE.fullmatch(said)):
            continue
        strict = kind in ("placeholder", "markup", "url", "email", "option") or (kind == "path" and _sure(said))
        yield Literal(match.start(), match.start() + len(said), said, kind, strict)


def _trimmed(said: str, signs: str) -> str:
    """Without the sentence's own signs at the end, and a bracket that was opened before it."""
    while said:
        last = said[-1]
        if last in signs or (last in ")]" and said.count(last) > said.count("(" if last == ")" else "[")):
            said = said[:-1]
        else:
            break
    return said


def _sure(path: str) -> bool:
    """One word behind a slash may be a slip of "and /or"."""
    inner = path.strip("/\\")
    return path.count("/") + path.count("\\") > 1 or inner in _ROOTS or "." in inner or not path.startswith("/")
