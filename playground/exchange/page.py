"""Conversations as one HTML page that needs nothing else: no script, no request, its style inside.

Whoever calls it says how Markdown becomes HTML; everything else is escaped here.
"""

from __future__ import annotations

import base64
import html
import time
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

from playground.exchange.readable import Words, day, ending, file_words, speaker
from playground.exchange.talk import Talk
from playground.records import Attachment, Message

Render = Callable[[str], Sequence[str]]
"""A reply's Markdown as blocks of HTML that is safe to show."""

_STYLE = """
:root{color-scheme:light dark;--ink:#1c1c1e;--soft:#6b6b70;--line:#dcdce0;--user:#f1f2f5;--code:#f6f6f8}
@media(prefers-color-scheme:dark){:root{--ink:#e8e8ea;--soft:#a0a0a6;--line:#3a3a3e;--user:#26272b;--code:#222326}
body{background:#18181a}}
body{margin:0;color:var(--ink);font:16px/1.6 system-ui,sans-serif}
main{max-width:46rem;margin:0 auto;padding:1.5rem 1rem 4rem}
article+article{margin-top:4rem;border-top:1px solid var(--line);padding-top:2rem}
h1{font-size:1.6rem;line-height:1.25;margin:0;overflow-wrap:anywhere}
section>h2{font-size:.9rem;margin:0 0 .25rem}
.when,.files,.note,time{color:var(--soft);font-size:.85rem;font-weight:400}
section,details{margin:1.25rem 0;overflow-wrap:anywhere}
.user{background:var(--user);border-radius:.75rem;padding:.75rem 1rem}
.plain{white-space:pre-wrap}
pre{background:var(--code);border:1px solid var(--line);border-radius:.5rem;padding:.75rem;overflow-x:auto}
code{font-size:.9em}
.code-bar{color:var(--soft);font-size:.8rem}
.code-bar button{display:none}
table{border-collapse:collapse;display:block;overflow-x:auto}
td,th{border:1px solid var(--line);padding:.25rem .6rem}
figure{margin:.75rem 0}
img{max-width:100%;height:auto;border:1px solid var(--line);border-radius:.5rem}
blockquote{margin:0;padding-left:1rem;border-left:3px solid var(--line)}
@media print{main{max-width:none}pre{white-space:pre-wrap}section{break-inside:avoid-page}}
"""


def plain(text: str) -> Sequence[str]:
    """Text as it stands."""
    return [f'<div class="plain">{html.escape(text)}</div>']


def page_start(title: str, words: Words) -> str:
    """Everything up to the first conversation."""
    return (
        f'<!doctype html>\n<html lang="{html.escape(words.language)}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">\n"
        f"<title>{html.escape(title)}</title>\n<style>{_STYLE}{_code_style()}</style>\n</head>\n<body>\n<main>\n"
    )


PAGE_END = "</main>\n</body>\n</html>\n"


def article(one: Talk, words: Words, render: Render) -> Iterator[str]:
    """One conversation."""
    conversation = one.conversation
    about = " · ".join([day(conversation.created_at), *conversation.tags])
    yield f"<article>\n<h1>{html.escape(conversation.title)}</h1>\n"
    yield f'<p class="when">{html.escape(about)}</p>\n'
    if conversation.system_prompt.strip():
        prompt = html.escape(conversation.system_prompt)
        yield f'<details><summary>{html.escape(words.system)}</summary><div class="plain">{prompt}</div></details>\n'
    for message in one.messages:
        yield _section(message, words, render)
    yield "</article>\n"


def _section(message: Message, words: Words, render: Render) -> str:
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(message.created_at))
    who = html.escape(speaker(message, words))
    body = "".join((plain if message.role == "user" else render)(message.content))
    images = "".join(_figure(file) for file in message.attachments if file.data is not None)
    files = ", ".join(html.escape(file_words(file)) for file in message.attachments if file.data is None)
    named = f'<p class="files">{html.escape(words.attached)}: {files}</p>\n' if files else ""
    note = ending(message, words)
    return (
        f'<section class="{message.role}">\n'
        f'<h2>{who} <time datetime="{moment}">{day(message.created_at)}</time></h2>\n{body}\n{images}{named}'
        + (f'<p class="note">{html.escape(note)}</p>\n' if note else "")
        + "</section>\n"
    )


def _figure(image: Attachment) -> str:
    name, data = html.escape(image.name), base64.b64encode(image.data or b"").decode()
    source = f"data:{html.escape(image.media_type)};base64,{data}"
    return f'<figure><img alt="{name}" src="{source}"><figcaption class="files">{name}</figcaption></figure>\n'


@lru_cache(maxsize=1)
def _code_style() -> str:
    from pygments.formatters import HtmlFormatter

    light, dark = (
        str(HtmlFormatter(style=style, nobackground=True).get_style_defs("pre"))  # type: ignore[no-untyped-call]
        for style in ("default", "github-dark")
    )
    return f"{light}\n@media(prefers-color-scheme:dark){{\n{dark}\n}}\n"
