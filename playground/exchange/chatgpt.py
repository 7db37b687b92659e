"""Reads a conversation of ChatGPT's export: `mapping` is a tree of nodes, most of which no person ever saw."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from playground.errors import BadValueError
from playground.exchange.foreign import (
    File,
    Notes,
    Said,
    build,
    key_of,
    links,
    list_or,
    moment,
    table,
    table_or,
    text_or,
)

_THOUGHTS = {"thoughts", "reasoning_recap"}
_CONTEXT = {"user_editable_context", "model_editable_context"}
_POINTERS = {
    "image_asset_pointer": "image",
    "audio_asset_pointer": "audio",
    "video_container_asset_pointer": "video",
    "real_time_user_audio_video_asset_pointer": "audio",
}


def read(entry: Mapping[str, Any], notes: Notes) -> dict[str, Any]:
    """What `History.load` takes. Raises BadValueError."""
    mapping = table(entry["mapping"], "mapping")
    said = {name: _node(node, f"node {number}", notes) for number, (name, node) in enumerate(mapping.items(), 1)}
    updated = moment(entry.get("update_time"))
    return build(
        key_of("chatgpt", entry, entry.get("conversation_id"), entry.get("id")),
        entry.get("title"),
        said,
        entry.get("current_node"),
        notes,
        created=moment(entry.get("create_time")),
        updated=updated,
        archived_at=updated if entry.get("is_archived") is True else None,
    )


def _node(node: Any, where: str, notes: Notes) -> Said:
    node = table(node, where)
    parent, children = links(node, where, "parent", "children")
    bare = Said(parent, children=children)
    if node.get("message") is None:
        return bare
    message = table(node["message"], f"message in {where}")
    role = table(message.get("author"), f"author in {where}").get("role")
    content = table(message.get("content"), f"content in {where}")
    metadata = table_or(message.get("metadata"))
    kind = text_or(content.get("content_type"))
    text, files = _content(content, metadata, where)
    why = _why_not(role, kind, message, metadata, text, bool(files))
    if why:
        # An empty message of the system begins every conversation there.
        notes.counts[why] += bool(text) or (why != "empty" and role != "system")
        return bare
    return Said(
        parent,
        str(role),
        text or "\n".join(f"[{file.name}]" for file in files if role == "assistant"),
        bare.children,
        moment(message.get("create_time")),
        text_or(metadata.get("model_slug")),
        files,
    )


def _why_not(
    role: Any, kind: Any, message: Mapping[str, Any], metadata: Mapping[str, Any], text: str, files: bool
) -> str:
    """Why a message is not taken along; empty when it is."""
    if kind in _THOUGHTS:
        return "thoughts"
    if kind in _CONTEXT or role == "system" or metadata.get("is_visually_hidden_from_conversation") is True:
        return "hidden"
    if role == "tool" or message.get("recipient") not in (None, "all"):
        return "tools"
    if role not in ("user", "assistant"):
        return "unknown"
    return "" if text.strip() or files else "empty"


def _content(content: Mapping[str, Any], metadata: Mapping[str, Any], where: str) -> tuple[str, list[File]]:
    texts, pointers = [], []
    parts = content.get("parts")
    if parts is not None and not isinstance(parts, list):
        raise BadValueError(f"The parts of its {where} are not a list.")
    for part in parts or []:
        if isinstance(part, str):
            texts.append(part)
        elif isinstance(part, dict):
            if text_or(part.get("content_type")) in _POINTERS:
                pointers.append(part)
            texts.append(text_or(part.get("text")))
    if content.get("content_type") == "code" and content.get("text"):
        language = text_or(content.get("language")).replace("unknown", "")
        texts.append(f"```{language}\n{text_or(content['text'])}\n```")
    else:
        texts.append(text_or(content.get("text")) or text_or(content.get("result")))
    attached = [one for one in list_or(metadata.get("attachments")) if isinstance(one, dict)]
    files = [
        File(
            text_or(one.get("name")) or text_or(one.get("id")),
            text_or(one.get("mime_type")) or text_or(one.get("mimeType")),
            size if isinstance(size := one.get("size"), int) and 0 <= size < 2**63 else 0,
        )
        for one in attached
    ]
    named = {text_or(one.get("id")) for one in attached}
    for part in pointers:
        name = _pointed(part)
        if name not in named:
            kind = _POINTERS[part["content_type"]]
            files.append(File(f"{kind} {name}".strip(), kind))
    return "\n\n".join(text for text in texts if text), files


def _pointed(part: Mapping[str, Any]) -> str:
    """The id of a file: `file-service://file-abc`, `sediment://file_abc`."""
    pointer = part.get("asset_pointer") or part.get("audio_asset_pointer")
    pointer = pointer.get("asset_pointer") if isinstance(pointer, dict) else pointer
    return text_or(pointer).rpartition("://")[2]
