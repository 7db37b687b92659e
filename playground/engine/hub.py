"""Asks the Hub (or a mirror named by HF_ENDPOINT) what it has: search, and the files of a repository.

Downloads nothing and sends nothing that the user did not ask for; knows nothing of the disk. It asks with our
own client: huggingface_hub's search waits without a limit, tries again by its own rules and cannot be stopped.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from urllib.parse import quote

import httpx

from playground.engine.hub_files import HubFile, HubName, Repository, is_plain, parse_name
from playground.engine.transfer import Brake, Trouble, Unavailable, client, persist, refusal
from playground.errors import BadValueError, MissingError

T = TypeVar("T")

_HOME = "https://huggingface.co"
_LONGEST = 50_000_000
"""Bytes of an answer."""
_KINDS = {
    "": {},
    "chat": {"pipeline_tag": "text-generation"},
    "seq2seq": {"pipeline_tag": "translation"},
    "gguf": {"filter": "gguf"},
}
KINDS = tuple(_KINDS)
"""What a search may be narrowed to."""
_EXPAND = ("downloads", "likes", "gated", "pipeline_tag", "tags", "safetensors", "gguf")


@dataclass(frozen=True)
class HubModel:
    """One result of a search. `parameters` is 0, and a text empty, where the Hub does not say."""

    id: str
    downloads: int
    likes: int
    license: str
    parameters: int
    has_gguf: bool
    has_safetensors: bool
    gated: bool
    pipeline: str


def endpoint() -> str:
    """Where the Hub, or the mirror in its place, is asked: HF_ENDPOINT as it is now."""
    return (os.environ.get("HF_ENDPOINT") or _HOME).rstrip("/")


def file_url(repository: str, commit: str, path: str) -> str:
    """The address of one file."""
    return f"{endpoint()}/{repository}/resolve/{quote(commit, safe='')}/{quote(path)}"


def token() -> str:
    """The user's Hub token (HF_TOKEN, or a login of huggingface_hub), or ""."""
    from huggingface_hub import get_token

    return get_token() or ""


def access_denied(repository: str, status: int) -> Unavailable:
    """What a 401 or 403 for a repository means, and what to do."""
    return Unavailable(
        f"the Hub refuses access to {repository} (error {status}): it is gated or private, or does not exist",
        f"If you may have it: accept its conditions at {endpoint()}/{repository}, make a token there under "
        "Settings, and start Playground with HF_TOKEN=<the token>.",
    )


def search_hub(query: str, limit: int = 20, kind: str = "", *, offline: bool = False) -> tuple[HubModel, ...]:
    """Models whose name matches, most downloaded first; `kind` is one of KINDS.

    Raises BadValueError for another kind or limit, MissingError offline or when the Hub does not answer.
    """
    if kind not in _KINDS:
        raise BadValueError(f"kind is {kind!r}. Choose one of: {', '.join(filter(None, KINDS))}; or leave it out.")
    if not 1 <= limit <= 100:
        raise BadValueError(f"limit is {limit}. Give a whole number from 1 to 100.")
    _refuse_offline(offline, "searched")
    asked = {"search": query, "limit": str(limit), "sort": "downloads", "expand": _EXPAND, **_KINDS[kind]}

    def refused(status: int) -> Exception:
        return refusal("Hub", status)

    def read(found: Any) -> tuple[HubModel, ...]:
        return tuple(map(_model, found))[:limit]

    return _said(lambda: _ask("/api/models", asked, read, refused, lambda text: None, Brake()))


def repository(name: HubName, say: Callable[[str], None] = lambda text: None, brake: Brake | None = None) -> Repository:
    """List the files of `name` at the commit its revision stands for now. Raises Unavailable; `say` hears of tries."""

    def refused(status: int) -> Exception:
        if status in (401, 403):
            return access_denied(name.repository, status)
        if status == 404:
            return Unavailable(
                f"the Hub has no {name.repository} with the revision {name.revision}",
                "Check the name, or search for it.",
            )
        return refusal("Hub", status)

    def read(info: Any) -> Repository:
        return Repository(name, str(info["sha"]), _license(info.get("tags")), tuple(map(_file, info["siblings"])))

    path = f"/api/models/{name.repository}/revision/{quote(name.revision, safe='')}"
    found = _ask(path, {"blobs": "true"}, read, refused, say, brake or Brake())
    return replace(found, files=tuple(file for file in found.files if is_plain(file.path)))


def list_repository(name: str, *, offline: bool = False) -> Repository:
    """What `name` holds, for a person to choose from. Raises BadValueError, MissingError."""
    parsed = parse_name(name)
    _refuse_offline(offline, "asked")
    return _said(lambda: repository(parsed))


def _refuse_offline(offline: bool, what: str) -> None:
    if offline:
        raise MissingError(f"The Hub is not {what}, because of --offline. Start without it, or use what is here.")


def _said(action: Callable[[], T]) -> T:
    """Turn what a source says into words for the user."""
    try:
        return action()
    except Unavailable as error:
        remedy = error.remedy or "Check the network, or name a mirror with HF_ENDPOINT, and try again."
        raise MissingError(f"{str(error)[:1].upper()}{str(error)[1:]}. {remedy}") from None


def _ask(
    path: str,
    query: Mapping[str, Any],
    read: Callable[[Any], T],
    refused: Callable[[int], Exception],
    say: Callable[[str], None],
    brake: Brake,
) -> T:
    """Get JSON from the Hub under the one retry policy, and `read` it."""
    secret = token()
    headers = {"Authorization": f"Bearer {secret}"} if secret else {}

    def attempt() -> T:
        try:
            with http.stream("GET", endpoint() + path, params=query, headers=headers) as answer, brake.over(answer):
                answer.raise_for_status()
                return read(json.loads(_body(answer)))
        except httpx.HTTPStatusError as error:
            raise refused(error.response.status_code) from None
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise Unavailable(f"the Hub at {endpoint()} cannot be reached ({type(error).__name__})") from None
        except httpx.TransportError as error:
            brake.check()
            raise Trouble(f"the Hub broke off ({type(error).__name__})") from None
        except (ArithmeticError, RecursionError, ValueError, LookupError, TypeError, AttributeError):
            raise Unavailable(f"what answers at {endpoint()} is not the Hub or a mirror of it") from None
        except (httpx.InvalidURL, httpx.RequestError):
            raise Unavailable(f"what answers at {endpoint()} is not the Hub or a mirror of it") from None

    with client() as http:
        return persist(attempt, say, brake)


def _body(answer: httpx.Response) -> bytes:
    """All of an answer. Raises ValueError when it is longer than the list of any repository."""
    found = bytearray()
    for piece in answer.iter_bytes():
        found += piece
        if len(found) > _LONGEST:
            raise ValueError("no list is that long")
    return bytes(found)


def _model(info: Mapping[str, Any]) -> HubModel:
    tags, gguf = set(info.get("tags") or ()), info.get("gguf") or {}
    safetensors = info.get("safetensors") or {}
    return HubModel(
        id=str(info["id"]),
        downloads=int(info.get("downloads") or 0),
        likes=int(info.get("likes") or 0),
        license=_license(info.get("tags")),
        parameters=int(safetensors.get("total") or gguf.get("total") or 0),
        has_gguf="gguf" in tags or bool(gguf),
        has_safetensors="safetensors" in tags or bool(safetensors),
        gated=bool(info.get("gated")),
        pipeline=str(info.get("pipeline_tag") or ""),
    )


def _file(entry: Mapping[str, Any]) -> HubFile:
    large = entry.get("lfs") or {}
    size = int(large.get("size") or entry.get("size") or 0)
    if size < 0:
        raise ValueError("no file has less than nothing")
    return HubFile(
        str(entry["rfilename"]), size, str(large.get("sha256", "")), "" if large else str(entry.get("blobId", ""))
    )


def _license(tags: Sequence[str] | None) -> str:
    return next((tag.removeprefix("license:") for tag in tags or () if tag.startswith("license:")), "")
