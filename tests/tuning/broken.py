"""Datasets as people really have them: the file, which rows become samples, and what is told about the others."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

GOOD = {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}]}
OTHER = {"messages": [{"role": "user", "content": "Bye"}, {"role": "assistant", "content": "Goodbye."}]}


def talk(*turns: tuple[Any, Any], **more: Any) -> dict[str, Any]:
    """A row of messages."""
    return {"messages": [{"role": role, "content": content} for role, content in turns], **more}


def lines(*rows: Any) -> bytes:
    """A JSONL file; text stands as it is."""
    return "\n".join(row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows).encode()


def pair(**values: Any) -> dict[str, Any]:
    """A row with a better and a worse reply."""
    return {"prompt": "Which?", "chosen": "This.", "rejected": "That."} | values


@dataclass(frozen=True)
class Broken:
    """A file, the rows that become samples, and for the others the row and words that must be told."""

    what: str
    data: bytes
    kept: tuple[int, ...]
    told: tuple[tuple[int, str], ...]
    name: str = "data.jsonl"


ANY = "Hi", "Hello."
U, A, S = "user", "assistant", "system"
CASES = (
    Broken(
        "wrong keys", lines({"q": "Hi", "a": "Hello"}, GOOD), (2,), ((1, "'q', 'a', which is none of the known forms"),)
    ),
    Broken(
        "a prompt without a reply", lines({"prompt": "Hi", "label": 1}, GOOD), (2,), ((1, "'prompt' but no reply"),)
    ),
    Broken("an unknown role", lines(talk((U, "Hi"), ("narrator", "Hm.")), GOOD), (2,), ((1, "the role 'narrator'"),)),
    Broken(
        "no role", lines({"messages": [{"content": "Hi"}]}, GOOD), (2,), ((1, "Message 1 has no role. Write user"),)
    ),
    Broken("no content", lines({"messages": [{"role": U}]}, GOOD), (2,), ((1, "Message 1 has no content"),)),
    Broken("an empty reply", lines(talk((U, "Hi"), (A, " \n")), GOOD), (2,), ((1, "Message 2 is empty"),)),
    Broken("a reply that is null", lines(talk((U, "Hi"), (A, None)), GOOD), (2,), ((1, "Message 2 is empty"),)),
    Broken("a reply that is a number", lines(talk((U, "2+2?"), (A, 4)), GOOD), (2,), ((1, "Message 2 is no text"),)),
    Broken(
        "two systems", lines(talk((S, "Be kind."), (S, "Be short."), (U, "Hi"), (A, "Hello."))), (1,), ((1, "joined"),)
    ),
    Broken(
        "a late system",
        lines(talk((U, "Hi"), (S, "Be kind."), (A, "Yes.")), GOOD),
        (2,),
        ((1, "Message 2 is a system"),),
    ),
    Broken("two questions in a row", lines(talk((U, "Hi"), (U, "You?"), (A, "Yes."))), (1,), ((1, "same speaker"),)),
    Broken(
        "a reply first", lines(talk((A, "Hello."), (U, "Hi"), (A, "So?")), GOOD), (2,), ((1, "begins with a reply"),)
    ),
    Broken("no reply", lines(talk((U, "Hi")), GOOD), (2,), ((1, "There is no reply to learn from"),)),
    Broken(
        "an open question at the end", lines(talk((U, "Hi"), (A, "Hello."), (U, "And?"))), (1,), ((1, "last question"),)
    ),
    Broken("an empty list", lines({"messages": []}, GOOD), (2,), ((1, "list of messages is empty"),)),
    Broken("messages that are a text", lines({"messages": "Hi"}, GOOD), (2,), ((1, "a text that is no JSON list"),)),
    Broken(
        "messages that are an object", lines({"messages": {"role": U}}, GOOD), (2,), ((1, "The messages are no list"),)
    ),
    Broken(
        "a message that is a text", lines({"messages": ["Hi", "Hello"]}, GOOD), (2,), ((1, "Message 1 is no object"),)
    ),
    Broken("nested lists", lines({"messages": [GOOD["messages"]]}), (1,), ((1, "list within a list"),)),
    Broken("deeper lists", lines({"messages": [[GOOD["messages"]]]}, GOOD), (2,), ((1, "Message 1 is no object"),)),
    Broken("too deep", lines("[" * 100_000, GOOD), (2,), ((1, "This row is no JSON"),), "data.ndjson"),
    Broken(
        "truncated JSONL", lines(GOOD, '{"messages": [{"role": "us'), (1,), ((2, r"Line 2 is no JSON \(Unterminated"),)
    ),
    Broken("a broken line between", lines(GOOD, "{'messages': 1}", OTHER), (1, 3), ((2, "Line 2 is no JSON"),)),
    Broken("two values in a line", lines(json.dumps(GOOD) * 2, OTHER), (2,), ((1, "Line 1 is no JSON .Extra data"),)),
    Broken("truncated JSON", json.dumps([GOOD, OTHER])[:-20].encode(), (1,), ((2, "ends in the middle"),), "data.json"),
    Broken(
        "a comma missing in JSON",
        f'[{json.dumps(GOOD)}, {{"messages": [1 2]}}, {json.dumps(OTHER)}]'.encode(),
        (1, 3),
        ((2, "This row is no JSON"),),
        "data.json",
    ),
    Broken("a trailing comma", f"[{json.dumps(GOOD)},\n]".encode(), (1,), (), "data.json"),
    Broken(
        "objects over several lines",
        json.dumps(GOOD, indent=1).encode() + b"\n" + json.dumps(OTHER, indent=1).encode(),
        (1, 2),
        (),
    ),
    Broken("a byte order mark", b"\xef\xbb\xbf" + lines(GOOD, OTHER), (1, 2), ()),
    Broken("UTF-16", lines(GOOD, OTHER).decode().encode("utf-16"), (1, 2), ((0, "not in UTF-8"),)),
    Broken(
        "Latin-1",
        lines(talk((U, "Où est le café à côté ?"), (A, "Là-bas, près de l'église."))).decode().encode("latin-1"),
        (1,),
        ((0, "not in UTF-8"),),
    ),
    Broken(
        "GB 18030",
        lines(talk((U, "今天的天气怎么样？"), (A, "今天的天气很好，适合出去散步。"))).decode().encode("gb18030"),
        (1,),
        ((0, "not in UTF-8"),),
    ),
    Broken("one giant row", lines(talk((U, "Hi"), (A, "word " * 40_000)), GOOD), (1, 2), ((1, "200002 characters"),)),
    Broken("a row twice", lines(GOOD, OTHER, GOOD), (1, 2), ((3, "the same as row 1"),)),
    Broken(
        "duplicate ids", lines({**GOOD, "id": "a"}, {**OTHER, "id": "a"}), (1, 2), ((2, "The id 'a' is that of row 1"),)
    ),
    Broken("an image beside", lines({**GOOD, "image": "cat.png"}, OTHER), (2,), ((1, "the key 'image'"),)),
    Broken(
        "an image inside",
        lines(
            talk((U, [{"type": "text", "text": "What?"}, {"type": "image_url", "image_url": {}}]), (A, "A cat.")), GOOD
        ),
        (2,),
        ((1, "Message 1 has an image or a sound"),),
    ),
    Broken(
        "a call of a tool",
        lines(talk((U, "Hi"), ("tool", "{}"), (A, "So.")), GOOD),
        (2,),
        ((1, "Message 2 calls a tool"),),
    ),
    Broken(
        "a tool's name",
        lines({"messages": [*GOOD["messages"], {"role": A, "content": None, "tool_calls": [1]}]}, GOOD),
        (2,),
        ((1, "Message 3 calls a tool"),),
    ),
    Broken(
        "a wrong template",
        lines(talk((U, "Hi"), (A, "<|im_start|>assistant\nHello.<|im_end|>"))),
        (1,),
        ((1, "a mark of a chat template"),),
    ),
    Broken(
        "a template as text", lines({"text": "[INST] Hi [/INST] Hello."}), (1,), ((1, "a mark of a chat template"),)
    ),
    Broken("equal sides", lines(pair(rejected="This."), pair()), (2,), ((1, "Chosen and rejected are the same"),)),
    Broken("one side", lines({"prompt": "Which?", "chosen": "This."}, pair()), (2,), ((1, "has no 'rejected'"),)),
    Broken("an empty side", lines(pair(rejected=""), pair()), (2,), ((1, "The rejected reply is empty"),)),
    Broken(
        "a pair without a question",
        lines({"chosen": "This.", "rejected": "That."}, pair()),
        (2,),
        ((1, "no question"),),
    ),
    Broken(
        "different questions",
        lines(
            {"chosen": talk((U, "A?"), (A, "Yes."))["messages"], "rejected": talk((U, "B?"), (A, "No."))["messages"]},
            pair(),
        ),
        (2,),
        ((1, "answer different questions"),),
    ),
    Broken("several kinds", lines(GOOD, pair(), OTHER), (1, 2, 3), ((0, r"several kinds \(2 chat, 1 preference\)"),)),
    Broken("half a character", b'{"prompt": "Hi", "completion": "A \\ud83d smile."}', (1,), ((1, "Half a character"),)),
    Broken(
        "every weight 0",
        lines({"messages": [{"role": U, "content": "Hi"}, {"role": A, "content": "No", "weight": 0}]}, GOOD),
        (2,),
        ((1, "weight 0, so nothing"),),
    ),
    Broken(
        "a wrong weight",
        lines({"messages": [{"role": U, "content": "Hi"}, {"role": A, "content": "No", "weight": 2}]}, GOOD),
        (2,),
        ((1, "neither 0 nor 1"),),
    ),
    Broken(
        "an instruction without output",
        lines({"instruction": "Say hi", "input": "", "output": ""}, GOOD),
        (2,),
        ((1, "The output is empty"),),
    ),
    Broken(
        "a history that is none",
        lines({"instruction": "So?", "output": "So.", "history": ["Hi"]}, GOOD),
        (2,),
        ((1, "Entry 1 of the history"),),
    ),
    Broken(
        "rows that are numbers",
        lines(GOOD, "7", "null"),
        (1,),
        ((2, "The row is no object"), (3, "The row is no object")),
    ),
    Broken("an empty text", lines({"text": "  "}, {"text": "Words."}), (2,), ((1, "The text is empty"),)),
    Broken(
        "a cell too many",
        b"prompt,completion\nHi,Hello, you\nBye,Goodbye\n",
        (2,),
        ((1, "3 cells in 2 columns"),),
        "data.csv",
    ),
    Broken(
        "an open quote",
        b'prompt,completion\nHi,Hello\nBye,"Good',
        (1,),
        ((2, "cannot be read as a table"),),
        "data.csv",
    ),
    Broken("no names of columns", b"Hi,Hello\nBye,Goodbye\n", (), ((1, "'hi', 'hello', which is none"),), "data.csv"),
    Broken(
        "columns of unequal length",
        b'{"prompt": ["Hi", "Bye"], "completion": ["Hello"]}',
        (1,),
        ((2, "The column 'completion' ends"),),
        "data.json",
    ),
    Broken(
        "a sharegpt row with an unknown speaker",
        lines({"conversations": [{"from": "human", "value": "Hi"}, {"from": "cat", "value": "Miau"}]}, GOOD),
        (2,),
        ((1, "the role 'cat'"),),
    ),
)
