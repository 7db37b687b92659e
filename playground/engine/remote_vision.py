"""Images and servers: whether a model can see, how an image is sent, what it is thought to cost, how a server refuses.

Knows the words of servers, not how they are reached.
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from playground.records import Picture, Turn

_PATCH = 28
_FEWEST = 576
_REFUSALS = re.compile(
    r"not a multi-?modal|at most 0 image|mmproj|missing data required for image|unsupported content part type"
    r"|only 'text' content|\b(?:not?|\w+n't) support (?:\w+ )?(?:images?|vision|multi-?modal)"
    r"|(?:image|vision|multi-?modal)[^.]{0,60}(?:not supported|unsupported|only supported by)",
    re.IGNORECASE,
)


def told_by_entry(entry: Mapping[str, Any]) -> bool | None:
    """What a server's list of models says of one: OpenRouter's and llama-server's `input_modalities`, Mistral's
    `capabilities`. None where it says nothing, as OpenAI and vLLM do.
    """
    for place in (entry, entry.get("architecture")):
        for key in ("input_modalities", "modalities"):
            if isinstance(place, Mapping) and isinstance(place.get(key), list):
                return "image" in place[key] or "vision" in place[key]
    return told_by_capabilities(entry.get("capabilities"), whole=False)


def told_by_capabilities(capabilities: Any, *, whole: bool) -> bool | None:
    """What a table or a list of capabilities says; `whole`: a list names all there are, as Ollama's does."""
    if isinstance(capabilities, Mapping) and isinstance(capabilities.get("vision"), bool):
        return bool(capabilities["vision"])
    if isinstance(capabilities, list) and (whole or "vision" in capabilities):
        return "vision" in capabilities
    return None


def content_of(turn: Turn) -> str | list[dict[str, Any]]:
    """A turn's content as the API takes it: a text, or images and the text in parts."""
    if not turn.images:
        return turn.content
    return [
        *({"type": "image_url", "image_url": {"url": _data_url(image)}} for image in turn.images),
        {"type": "text", "text": turn.content},
    ]


def image_tokens(turns: Sequence[Turn]) -> int:
    """About how many tokens the images take. No server tells it beforehand, and models differ.

    One for each 28 by 28 pixels, as of Qwen's and Mistral's, is about the most; models that look at every image in the
    same size take 256 to 576.
    """
    images = [image for turn in turns for image in turn.images]
    return sum(max(_FEWEST, math.ceil(image.width / _PATCH) * math.ceil(image.height / _PATCH)) for image in images)


def is_refusal(words: str) -> bool:
    """Does a server say by this that its model cannot see (and not, that it did not like this one image)?"""
    return _REFUSALS.search(words) is not None


def _data_url(image: Picture) -> str:
    return f"data:{image.media_type};base64,{base64.b64encode(image.data).decode()}"
