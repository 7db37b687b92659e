"""Makes a large history for `history.py`: 10,000 conversations, 200,000 messages, always the same ones.

Words are drawn by Zipf's law, English-like ones from 30,000 and Chinese ones over some 3,500 signs; a third of the
English is real text, out of Python's own library. Kept in the user's cache, by a hash of this file and of the store's
that decide what the history looks like.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs

from playground import store
from playground.records import Sampling
from playground.store import Database, History

CONVERSATIONS, MESSAGES, LONGEST = 10_000, 200_000, 5_000
LAST = "This is the very last message of the long conversation."
MODELS = (
    "qwen3-8b-q4",
    "smollm2-135m-instruct",
    "llama-3.1-8b-q4",
    "mistral-7b-q5",
    "qwen2.5-coder-1.5b",
    "rare-model",
)
TAGS = ("work", "home", "code", "travel", "学习", "写作", "recipes", "health", "law", "music", "rare-tag")
FOLDERS = ("", "", "", "Projects", "Letters", "论文", "Garden", "Taxes")
_SHAPING = ("migrations", "grams", "gram_index")
_YEARS = 2 * 365 * 86400.0
_NOW = 1_760_000_000.0
_COMMON = """
    the of and to a in is that for it as was with be by on not he his but at are this have from or had an they
    which you we were her she there one all would their will when who him been has more if no out so said what
    up its about into than them can only other new some could time these two may then do first any my now such
    like our over man me even most made after also did many before must through years where much your way well
    down should because
"""

_STARTS = "b c d f g h j k l m n p r s t v w br ch cl cr dr fl gr pl pr qu sc sh sl sp st str th tr wh"
_MIDDLES = "a e i o u a e i o ai ea ee ie oo ou"
_ENDS = "b d g k l m n p r s t nd ng nt rd rn rt st ck ll ss tion ment ly er ed ing able"


@dataclass(frozen=True)
class Built:
    """A history made for measuring. `text_bytes` counts the texts of all messages in UTF-8."""

    file: Path
    text_bytes: int
    index_seconds: float
    longest: str
    """The conversation of 5,000 messages."""


def built() -> Built:
    """The history, from the cache or made now (some minutes)."""
    sources = [Path(__file__), *(Path(store.__file__).parent / f"{name}.py" for name in _SHAPING)]
    key = hashlib.sha256(b"".join(file.read_bytes() for file in sources) + sys.version.encode()).hexdigest()[:16]
    folder = Path(platformdirs.user_cache_dir("playground-tests", appauthor=False)) / "histories" / key
    note = folder / "built.json"
    if not note.exists():
        shutil.rmtree(folder.parent, ignore_errors=True)  # Those before it, too.
        folder.mkdir(parents=True)
        print(f"making {MESSAGES:,} messages, once", flush=True)
        note.write_text(json.dumps(_make(folder / "playground.db")))
    return Built(folder / "playground.db", **json.loads(note.read_text()))


def _make(file: Path) -> dict[str, Any]:
    history = History(Database(file, file.parent / "backups"))
    writer = _Writer(random.Random(7))
    began = time.perf_counter()
    with history.database.writing() as db:
        db.execute("PRAGMA defer_foreign_keys=ON")
        for number, size in enumerate(_sizes(writer.dice)):
            _conversation(history, writer, number, size)
    print(f"written in {time.perf_counter() - began:.0f} s; indexing", flush=True)
    began = time.perf_counter()
    history.search.catch_up(threading.Event(), rest=0)
    seconds = time.perf_counter() - began
    conn = history.database.db.conn
    size = conn.execute("SELECT sum(length(CAST(content AS BLOB))) FROM messages").fetchone()[0]
    longest = conn.execute("SELECT conversation_id FROM messages GROUP BY 1 ORDER BY count(*) DESC LIMIT 1").fetchone()
    conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    history.database.close()
    return {"text_bytes": size, "index_seconds": seconds, "longest": longest[0]}


def _sizes(dice: random.Random) -> Iterator[int]:
    """Messages of each conversation, even numbers; some are long, one is very long."""
    left, weights = MESSAGES - LONGEST, [dice.lognormvariate(0, 1) for _ in range(CONVERSATIONS - 1)]
    scale = (left - 2 * len(weights)) / sum(weights)
    sizes = [2 + 2 * int(scale * weight / 2) for weight in weights]
    missing = (left - sum(sizes)) // 2
    for at in range(missing):
        sizes[at % len(sizes)] += 2
    sizes.insert(len(sizes) * 9 // 10, LONGEST)
    return iter(sizes)


def _conversation(history: History, writer: _Writer, number: int, size: int) -> None:
    dice, conn = writer.dice, history.database.db.conn
    kind = dice.choices(("en", "zh", "both", "ja", "ko"), (60, 30, 5, 3, 2))[0]
    at = began = _NOW - _YEARS * (1 - number / CONVERSATIONS)
    conversation, model = _id(dice), dice.choices(MODELS, (40, 25, 15, 10, 9.5, 0.5))[0]
    ids = [_id(dice) for _ in range(size)]
    messages, replies = [], []
    for place, one in enumerate(ids):
        role = "assistant" if place % 2 else "user"
        # Now and then a reply was written twice: then both stand below the same message.
        again = role == "assistant" and place > 2 and dice.random() < 0.03
        parent = ids[place - 3] if again else ids[place - 1] if place else None
        text = LAST if size == LONGEST and place == size - 1 else writer.text(kind, role)
        at += dice.uniform(5, 120)
        starred = at if dice.random() < 0.004 else None
        messages.append((one, conversation, parent, role, text, "complete", at, at, starred))
        if role == "assistant":
            replies.append(_record(dice, one, model, text, ids[0]))
    title = " ".join(writer.text(kind, "user").split())[:60]
    archived, deleted = (at if dice.random() < 0.1 else None), (at if dice.random() < 0.02 else None)
    conn.execute(
        "INSERT INTO conversations(id, title, title_by, created_at, updated_at, leaf_id, folder, archived_at, "
        "deleted_at) VALUES (?, ?, 'first_line', ?, ?, ?, ?, ?, ?)",
        [conversation, title, began, at, ids[-1], dice.choice(FOLDERS), archived, deleted]
        if size != LONGEST
        else [conversation, "The long conversation", began, _NOW, ids[-1], "", None, None],
    )
    conn.executemany(
        "INSERT INTO messages(id, conversation_id, parent_id, role, content, status, created_at, updated_at, "
        f"starred_at) VALUES ({','.join('?' * 9)})",
        messages,
    )
    for reply in replies:
        history.put_record(reply)
    if dice.random() < 0.3:
        tags = set(dice.choices(TAGS, [1 / (rank + 1) for rank in range(len(TAGS) - 1)] + [0.01], k=2))
        conn.executemany("INSERT INTO tags VALUES (?, ?)", [(conversation, tag) for tag in sorted(tags)])


def _record(dice: random.Random, message: str, model: str, text: str, first: str) -> dict[str, Any]:
    system, template = hashlib.sha256(b"system").hexdigest(), hashlib.sha256(model.encode()).hexdigest()
    sampling = Sampling(seed=dice.getrandbits(32) % 4_000_000_000).to_dict()
    prompt = {
        "system": system,
        "first": first,
        "excluded": [],
        "sha256": hashlib.sha256(message.encode()).hexdigest(),
        "reading": [[dice.randrange(1, 8000), 1, 0], [1, dice.randrange(1, 500), 0]],
        "seed": sampling.pop("seed"),
    }
    versions = {"playground": "0.1.0", "xllamacpp": "2026.10.1", "python": "3.11.2"}
    return {
        "message_id": message,
        "part": 0,
        "starts_at": 0,
        "model": model,
        "engine": "llamacpp",
        "revision": "main",
        "file_sha256": template,
        "quantization": "Q4_K_M",
        "template_sha256": template,
        "versions": versions,
        "sampling": sampling,
        "seed": dice.getrandbits(31),
        "context_length": 8192,
        "prompt_tokens": dice.randrange(50, 8000),
        "cached_tokens": dice.randrange(50),
        "completion_tokens": len(text) // 4,
        "left_out": 0,
        "time_to_first_token": dice.random(),
        "tokens_per_second": 20 * dice.random(),
        "finish_reason": "stop",
        "device": "cpu",
        "adapter": "",
        "adapter_sha256": "",
        "hardware": "AMD EPYC 7763 64-Core Processor, 2 threads",
        "prompt": prompt,
    }


class _Writer:
    """Draws texts."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        draw = np.random.default_rng(7)
        self._english = _pool(draw, _english_words(dice), 4_000_000)
        signs = [bytes((high, low)).decode("gb2312") for high in range(0xB0, 0xD7) for low in range(0xA1, 0xFF)]
        self._chinese = _pool(draw, _sign_words(dice, draw, signs, 20_000), 3_000_000)
        kana = [chr(code) for code in range(0x3041, 0x3094)] + [chr(code) for code in range(0x30A1, 0x30F5)]
        self._japanese = _pool(draw, _sign_words(dice, draw, kana + signs[:800], 8_000), 400_000)
        hangul = [chr(0xAC00 + at) for at in sorted(dice.sample(range(11_172), 1_200))]
        self._korean = _pool(draw, _sign_words(dice, draw, hangul, 8_000), 400_000)
        self._real = _real_texts()

    def text(self, kind: str, role: str) -> str:
        """A message's text, of a length as they have."""
        length = min(
            60_000,
            int(self.dice.lognormvariate(6.1, 0.85) if role == "assistant" else 12 * 3 ** self.dice.gauss(1.6, 0.8)),
        )
        if kind == "both":
            kind = self.dice.choice(("en", "zh"))
        if kind == "en":
            return self._english_text(length)
        pool = {"zh": self._chinese, "ja": self._japanese, "ko": self._korean}[kind]
        return self._signs(pool, length // 2, " " if kind == "ko" else "")

    def _english_text(self, length: int) -> str:
        parts, size = [], 0
        while size < length:
            if self.dice.random() < 0.33:
                part = self.dice.choice(self._real)[: max(80, length - size)]
            else:
                at, count = self.dice.randrange(len(self._english) - 40), self.dice.randrange(4, 24)
                part = " ".join(self._english[at : at + count]).capitalize() + self.dice.choice(".....?!:")
            parts.append(part)
            size += len(part) + 1
        return self.dice.choice((" ", " ", "\n\n")).join(parts)

    def _signs(self, pool: list[str], length: int, between: str) -> str:
        parts, size = [], 0
        while size < max(4, length):
            at, count = self.dice.randrange(len(pool) - 40), self.dice.randrange(3, 14)
            part = between.join(pool[at : at + count]) + self.dice.choice("，，，。。？！：")
            if self.dice.random() < 0.03:
                part += f" {self.dice.choice(self._english)} "
            parts.append(part)
            size += len(part)
        return "".join(parts)


def _pool(draw: np.random.Generator, words: list[str], count: int) -> list[str]:
    weights = 1 / (np.arange(len(words)) + 2.7)
    places = np.searchsorted(np.cumsum(weights) / weights.sum(), draw.random(count))
    return [words[min(at, len(words) - 1)] for at in places]


def _english_words(dice: random.Random) -> list[str]:
    starts, middles, ends = _STARTS.split(), _MIDDLES.split(), [*_ENDS.split(), *[""] * 12]
    words = dict.fromkeys(_COMMON.split())
    while len(words) < 30_000:
        count = min(5, 1 + int(dice.expovariate(0.9) + len(words) / 15_000))
        word = "".join(dice.choice(starts) + dice.choice(middles) for _ in range(count)) + dice.choice(ends)
        words[word] = None
    return list(words)


def _sign_words(dice: random.Random, draw: np.random.Generator, signs: list[str], count: int) -> list[str]:
    pool = _pool(draw, dice.sample(signs, len(signs)), 6 * count)
    words, at = dict.fromkeys("的一是了我不在人有这"), 0
    while len(words) < count:
        size = dice.choices((1, 2, 3, 4), (8, 65, 20, 7))[0]
        words["".join(pool[at : at + size])] = None
        at = (at + size) % (len(pool) - 4)
    return list(words)


def _real_texts() -> list[str]:
    """Paragraphs of prose and code out of Python's own library."""
    found: list[str] = []
    for file in sorted(Path(os.__file__).parent.glob("*.py")):
        text = file.read_text(encoding="utf-8", errors="ignore")
        found += [one.strip() for one in re.split(r"\n\s*\n", text) if 60 < len(one) < 1500]
    return found


def _id(dice: random.Random) -> str:
    return f"{dice.getrandbits(80):020x}"
