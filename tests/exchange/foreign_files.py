"""Files of other programs in the shapes that these really write, made up in what they say."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any


def node(
    name: str, parent: str | None, children: list[str], role: str, content: Any, **more: Any
) -> dict[str, dict[str, Any]]:
    """A node of ChatGPT's `mapping`. `content` is a text or a content object; `more` goes into the message."""
    metadata = {"timestamp_": "absolute", "message_type": None, "request_id": "7f", **more.pop("metadata", {})}
    message = {
        "id": name,
        "author": {"role": role, "name": more.pop("tool", None), "metadata": {}},
        "create_time": more.pop("create_time", 1700000001.5),
        "update_time": None,
        "content": {"content_type": "text", "parts": [content]} if isinstance(content, str) else content,
        "status": "finished_successfully",
        "end_turn": True,
        "weight": 1.0,
        "metadata": metadata,
        "recipient": more.pop("recipient", "all"),
        "channel": None,
        **more,
    }
    return {name: {"id": name, "message": message, "parent": parent, "children": children}}


def chatgpt(title: str = "Rain 雨", conversation_id: str = "6839a1c0-0000-8001-b8a1-000000000001") -> dict[str, Any]:
    """A conversation with a regenerated reply, an edited question, a tool, thoughts, and a picture."""
    hidden = {"is_visually_hidden_from_conversation": True}
    context = {"content_type": "user_editable_context", "user_profile": "I am Ann", "user_instructions": "Be kind"}
    thoughts = {
        "content_type": "thoughts",
        "thoughts": [{"summary": "Look", "content": "I will look it up.", "chunks": [], "finished": True}],
        "source_analysis_msg_id": "x",
    }
    code = {"content_type": "code", "language": "unknown", "response_format_name": None, "text": "search('rain')"}
    picture = {
        "content_type": "image_asset_pointer",
        "asset_pointer": "file-service://file-pic1",
        "size_bytes": 1234,
        "width": 10,
        "height": 10,
        "fovea": None,
        "metadata": None,
    }
    multi = {"content_type": "multimodal_text", "parts": [picture, "What is this?"]}
    attachment = {"id": "file-pic1", "name": "cloud.png", "size": 1234, "mime_type": "image/png", "width": 10}
    drawn = {"content_type": "multimodal_text", "parts": [{**picture, "asset_pointer": "sediment://file_drawn"}]}
    recap = {"content_type": "reasoning_recap", "content": "Thought for 6s"}
    model = {"model_slug": "gpt-4o", "default_model_slug": "gpt-4o", "parent_id": "q1"}
    # The keys stand in no order of their own.
    mapping = {
        **node("a2", "q1", ["q2", "q2b"], "assistant", "Second answer", metadata=model, create_time=1700000009.0),
        "root": {"id": "root", "message": None, "parent": None, "children": ["sys"]},
        **node("sys", "root", ["ctx"], "system", "", metadata=hidden),
        **node("ctx", "sys", ["q1"], "user", context, metadata=hidden),
        **node("q1", "ctx", ["a1", "th"], "user", "Why does it rain? \ud83d\ude00"),
        **node("a1", "q1", [], "assistant", "First answer", metadata=model),
        **node("th", "q1", ["tc"], "assistant", thoughts, metadata=model),
        **node("tc", "th", ["tr"], "assistant", code, recipient="web.run"),
        **node("tr", "tc", ["rc"], "tool", {"content_type": "execution_output", "text": "42"}, tool="web.run"),
        **node("rc", "tr", ["a2x"], "assistant", recap, metadata=model),
        **node("a2x", "rc", [], "assistant", "Third answer", metadata={"model_slug": "gpt-5-2-thinking"}),
        **node("q2", "a2", ["a3"], "user", "And snow?"),
        **node("q2b", "a2", ["a4"], "user", multi, metadata={"attachments": [attachment]}),
        **node("a3", "q2", [], "assistant", "Snow is cold."),
        **node("a4", "q2b", [], "assistant", drawn, create_time=None),
    }
    mapping["q1"]["children"] = ["a1", "a2", "th"]
    return {
        "title": title,
        "create_time": 1700000000.25,
        "update_time": 1700000100.75,
        "mapping": mapping,
        "moderation_results": [],
        "current_node": "a3",
        "plugin_ids": None,
        "conversation_id": conversation_id,
        "conversation_template_id": None,
        "gizmo_id": None,
        "is_archived": True,
        "safe_urls": [],
        "default_model_slug": "gpt-4o",
        "id": conversation_id,
    }


def chatgpt_zip(**members: Any) -> bytes:
    """The archive; members are named without their `.json`."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("chat.html", "<html></html>")
        archive.writestr("user.json", '{"id": "user-1", "email": "a@example.org"}')
        archive.writestr("shared_conversations.json", "[]")
        for name, value in members.items():
            text = value if isinstance(value, str) else json.dumps(value)
            archive.writestr(f"{name.replace('_', '-')}.json", text)
    return made.getvalue()


def openwebui() -> list[dict[str, Any]]:
    """A tree with two models side by side, a file with its text, a picture, a reply that failed; and an old list."""
    document = {
        "type": "file",
        "id": "f1",
        "url": "f1",
        "name": "notes.txt",
        "status": "uploaded",
        "size": 11,
        "file": {
            "id": "f1",
            "filename": "notes.txt",
            "data": {"content": "hello notes"},
            "meta": {"name": "notes.txt", "content_type": "text/plain", "size": 11},
        },
    }
    thought = '<details type="reasoning" done="true" duration="2">\n<summary>Thought for 2 seconds</summary>\n'
    messages = {
        "u1": {
            "id": "u1",
            "parentId": None,
            "childrenIds": ["r1", "r2"],
            "role": "user",
            "content": "Hello",
            "files": [document, {"type": "image", "url": "data:image/png;base64,AAAA"}],
            "timestamp": 1720000001,
            "models": ["llama3:8b", "qwen3:8b"],
        },
        "r1": {
            "parentId": "u1",
            "id": "r1",
            "childrenIds": ["u2"],
            "role": "assistant",
            "content": f"{thought}&gt; Is 1 &lt; 2?\n&gt; Yes.\n</details>\nHi!",
            "model": "llama3:8b",
            "modelName": "Llama 3",
            "modelIdx": 0,
            "timestamp": 1720000002,
            "done": True,
            "annotation": {"rating": 1, "reason": "accurate_information", "comment": "nice"},
        },
        "r2": {
            "parentId": "u1",
            "id": "r2",
            "childrenIds": [],
            "role": "assistant",
            "content": "",
            "model": "qwen3:8b",
            "modelIdx": 1,
            "timestamp": 1720000002,
            "error": {"content": "Connection refused"},
            "done": True,
        },
        "u2": {
            "id": "u2",
            "parentId": "r1",
            "childrenIds": [],
            "role": "user",
            "content": "More",
            "timestamp": 1720000003,
        },
    }
    body = {
        "id": "",
        "title": "Greeting",
        "models": ["llama3:8b"],
        "params": {"system": "Be short."},
        "history": {"messages": messages, "currentId": "u2"},
        "messages": list(messages.values()),
        "tags": [],
        "timestamp": 1720000000123,
        "files": [],
    }
    new = {
        "id": "0b7e4f0e-1111-4222-8333-944455556666",
        "user_id": "u",
        "title": "Greeting",
        "chat": body,
        "updated_at": 1720000010,
        "created_at": 1720000000,
        "share_id": None,
        "archived": False,
        "pinned": True,
        "meta": {"tags": ["small_talk", "hello"]},
        "folder_id": "some-folder",
    }
    said = [{"role": "user", "content": "Old"}, {"role": "assistant", "content": "Format", "model": "mistral"}]
    old = {"id": "old-1", "title": "Old one", "chat": {"title": "Old one", "models": ["mistral"], "messages": said}}
    return [new, {**old, "timestamp": 1690000000}]


def textgen() -> dict[str, Any]:
    """A chat with a greeting, a file, and two versions of a reply, the first of which is shown."""
    return {
        "internal": [
            ["<|BEGIN-VISIBLE-CHAT|>", "How can I help you today?"],
            ["Is 1 < 2?", "Yes, 1 < 2 & that is all."],
            ["Sure?", "Sure."],
        ],
        "visible": [
            ["", "How can I help you today?"],
            ["Is 1 &lt; 2?", "Yes, 1 &lt; 2 &amp; that is all."],
            ["Sure?", "Sure."],
        ],
        "metadata": {
            "assistant_0": {"timestamp": "Jan 05, 2026 14:03"},
            "user_1": {
                "timestamp": "Jan 05, 2026 14:04",
                "attachments": [
                    {"name": "sums.txt", "type": "text/plain", "content": "1 < 2"},
                    {"name": "p.png", "type": "image", "image_data": "data:image/png;base64,AAAA", "image_id": 1},
                ],
            },
            "assistant_1": {
                "timestamp": "Jan 05, 2026 14:05",
                "model_name": "Qwen3-8B-Q4_K_M.gguf",
                "versions": [
                    {
                        "content": "Yes, 1 < 2 & that is all.",
                        "visible_content": "Yes",
                        "timestamp": "Jan 05, 2026 14:05",
                    },
                    {"content": "No.", "visible_content": "No.", "timestamp": "Jan 05, 2026 14:06"},
                ],
                "current_version_index": 0,
            },
        },
    }


SHAREGPT = [
    {
        "id": "QWJhYvA_0",
        "conversations": [
            {"from": "system", "value": "Be brief."},
            {"from": "human", "value": "Hi"},
            {"from": "gpt", "value": "Hello!"},
        ],
    },
    {
        "id": "QWJhYvA_1",
        "items": [{"from": "user", "value": "One"}, {"from": "chatgpt", "value": "Two"}],
        "model": "gpt-4",
    },
    {"system": "Be kind.", "conversations": [{"from": "human", "value": "你好"}, {"from": "gpt", "value": "你好！"}]},
]
OPENAI = [
    {"messages": [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": "Hi"}]},
    {
        "messages": [
            {
                "role": "user",
                "content": [{"type": "text", "text": "Look"}, {"type": "image_url", "image_url": {"url": "x"}}],
            },
            {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "type": "function"}]},
            {"role": "tool", "content": "42", "tool_call_id": "1"},
            {"role": "assistant", "content": "It is 42."},
        ],
        "parallel_tool_calls": False,
    },
]


def lines(values: list[Any]) -> bytes:
    """JSON lines."""
    return "".join(json.dumps(value, ensure_ascii=False) + "\n" for value in values).encode()
