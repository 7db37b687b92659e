"""The fields of a conversation as it travels: what each may hold, and what it is where it is missing.

Knows nothing of how they hang together (`transfer_check`) and of SQL (`transfer`).
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any, get_args

from playground.errors import BadValueError
from playground.records import ContextRule, Role, Sampling, Status, TitleBy

Check = Callable[[Any], Any]
"""Gives a value back as it is to be kept, or raises `Wrong`."""
Fields = Mapping[str, tuple[Check, Any]]
"""For each field its check, and what it is where it is missing (or REQUIRED, or MOMENT)."""
_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")
_MOST_LEVELS = 50
"""Tables and lists within each other: what is read here is gone through by functions that call themselves."""
SHA256 = re.compile(r"[0-9a-f]{64}")
REQUIRED = object()
MOMENT = object()
"""A time that is not known: the whole conversation gets the same one."""


class Wrong(Exception):
    """A value is not what it has to be; the message says what that is."""


def text(value: Any) -> str:
    """A text that can be stored. Raises Wrong."""
    if not isinstance(value, str):
        raise Wrong("a text")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Wrong("a text of whole characters") from None
    return value


def _matching(pattern: re.Pattern[str], what: str) -> Check:
    def check(value: Any) -> str:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise Wrong(what)
        return value

    return check


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not _is_small(value):
        raise Wrong("a number")
    return float(value)


def _is_small(value: float) -> bool:
    return abs(value) < 2**63 if isinstance(value, int) else math.isfinite(value)


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not _is_small(value):
        raise Wrong("a whole number")
    return value


def _yes_or_no(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Wrong("true or false")
    return value


def _one_of(*allowed: Any) -> Check:
    def check(value: Any) -> Any:
        if isinstance(value, bool) or value not in allowed:
            raise Wrong(f"one of {', '.join(map(str, allowed))}")
        return value

    return check


def _maybe(check: Check) -> Check:
    return lambda value: None if value is None else check(value)


def _table(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Wrong("a table")
    _refuse_deep(value)
    try:
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (UnicodeEncodeError, ValueError):
        raise Wrong("a table of texts and numbers") from None
    return value


def _refuse_deep(value: Any) -> None:
    level, inside = 0, [value]
    while inside:
        level += 1
        if level > _MOST_LEVELS:
            raise Wrong("a table of fewer levels")
        inside = [
            below
            for one in inside
            if isinstance(one, dict | list)
            for below in (one.values() if isinstance(one, dict) else one)
        ]


def _sampling(value: Any) -> dict[str, Any]:
    try:
        Sampling.from_mapping(_table(value), "sampling")
    except BadValueError:
        raise Wrong("a table of sampling settings") from None
    return dict(value)


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise Wrong("a list")
    return value


def _image(value: Any) -> str:
    """Base64 as `dump` writes it; what it holds is looked at where the rest of the attachment is known."""
    try:
        data = base64.b64decode(value, validate=True) if isinstance(value, str) else b""
    except (binascii.Error, ValueError):
        data = b""
    if not data:
        raise Wrong("an image in base64")
    return base64.b64encode(data).decode()


def _texts(value: Any) -> list[str]:
    return list(dict.fromkeys(map(text, _list(value))))


_id, _sha256 = _matching(_ID, "an id"), _matching(SHA256, "a SHA-256")
_time: tuple[Check, Any] = (_maybe(_number), None)
_moment: tuple[Check, Any] = (_maybe(_number), MOMENT)
_required_text: tuple[Check, Any] = (text, REQUIRED)
_words: tuple[Check, Any] = (text, "")
_count: tuple[Check, Any] = (_whole, 0)

CONVERSATION: Fields = {
    "id": (_id, REQUIRED),
    "title": _required_text,
    "title_by": (_one_of(*get_args(TitleBy)), "user"),
    "system_prompt": _words,
    "persona": _words,
    "sampling": (_sampling, {}),
    "folder": _words,
    "context": (_one_of(*get_args(ContextRule)), "oldest"),
    "leaf_id": (_maybe(_id), None),
    "created_at": _moment,
    "updated_at": _moment,
    "deleted_at": _time,
    "pinned_at": _time,
    "archived_at": _time,
    "tags": (lambda value: sorted(_texts(value)), ()),
}
MESSAGE: Fields = {
    "id": (_id, REQUIRED),
    "parent_id": (_maybe(_id), REQUIRED),
    "role": (_one_of(*get_args(Role)), REQUIRED),
    "content": _required_text,
    "status": (_one_of(*get_args(Status)), "complete"),
    "error": _words,
    "created_at": _moment,
    "updated_at": _moment,
    "deleted_at": _time,
    "starred_at": _time,
    "vote": (_one_of(-1, 0, 1), 0),
    "vote_reason": _words,
    "left_out": (_yes_or_no, False),
    "edited_from": (_maybe(_id), None),
}
PART: Fields = {
    "part": _count,
    "starts_at": _count,
    "model": _required_text,
    **dict.fromkeys(("engine", "revision", "file_sha256", "quantization", "template_sha256"), _words),
    **dict.fromkeys(("versions", "sampling", "prompt"), (_table, {})),
    **dict.fromkeys(("seed", "context_length", "prompt_tokens", "cached_tokens"), _count),
    **dict.fromkeys(("completion_tokens", "left_out"), _count),
    **dict.fromkeys(("time_to_first_token", "tokens_per_second"), (_maybe(_number), None)),
    "finish_reason": (_maybe(text), None),
    **dict.fromkeys(("device", "adapter", "adapter_sha256", "hardware"), _words),
}
ATTACHMENT: Fields = {
    "id": (_id, REQUIRED),
    "position": _count,
    "name": _required_text,
    "media_type": _words,
    "size": _count,
    "sha256": _words,
    "pages": (_maybe(_whole), None),
    "notes": (_texts, ()),
    "characters": _count,
    "text_sha256": (_sha256, REQUIRED),
    "created_at": _moment,
    "width": (_maybe(_whole), None),
    "height": (_maybe(_whole), None),
    "data": (_maybe(_image), None),
}
SUMMARY: Fields = {
    "upto_id": (_id, REQUIRED),
    "text_sha256": (_sha256, REQUIRED),
    "model": _words,
    "created_at": _moment,
}
