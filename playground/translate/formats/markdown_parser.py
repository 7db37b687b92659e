"""The Markdown that is read: CommonMark with tables, ~~deleted~~, footnotes, definition lists and formulas.

Inline markup is told with its place in the text, which the parser itself forgets. Lines and braces of site generators
(`::: note`, `!!! note`, `{{ name }}`, `{% if %}`, `{#id}`) are markup too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, Literal

from markdown_it import MarkdownIt
from markdown_it.ruler import RuleOptionsType
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from mdit_py_plugins.deflist import deflist_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.footnote import footnote_plugin

SpanKind = Literal["open", "close", "single", "code", "html", "sign", "soft", "hard"]
_KINDS: Mapping[str, SpanKind] = {
    "code_inline": "code",
    "html_inline": "html",
    "text_special": "sign",
    "softbreak": "soft",
    "hardbreak": "hard",
}
_LINE = re.compile(r":{3,}|(?:!!!|\?\?\?\+?|===)[ \t]+\S")
_BRACES = re.compile(r"\{\{.{0,400}?\}\}|\{%.{0,400}?%\}|\{[#.:][^{}\n]{1,200}\}")
_FORMULA = re.compile(r"\\\((.{1,2000}?)\\\)|\\\[(.{1,2000}?)\\\]", re.DOTALL)
_LONGEST = 200
"""Lines of a formula."""
_IS_FORMULA = re.compile(r"[\\^_=+<>{}|]|\A\s*\w\s*\Z")
"""What tells a formula from words whose brackets are escaped."""


@dataclass(frozen=True)
class Span:
    """Inline markup in a text; `name` says what opens or closes, `words` what a sign stands for."""

    start: int
    end: int
    kind: SpanKind
    name: str = ""
    words: str = ""


def blocks(text: str, env: dict[str, Any]) -> list[Token]:
    """The block structure of `text`, with inline text not yet parsed; `env` takes what references mean."""
    return _parser().parse(text, env)


def spans(text: str, env: dict[str, Any]) -> list[Span] | None:
    """The inline markup of a block's text, in order; None when the parser contradicts itself."""
    parser = _parser()
    state = StateInline(text, parser, env, [])
    parser.inline.tokenize(state)
    for rule in parser.inline.ruler2.getRules(""):
        rule(state)
    found = sorted((span for token in state.tokens if (span := _span(token))), key=lambda span: span.start)
    at = 0
    for span in found:
        if span.start < at or span.end > len(text):
            return None
        at = span.end
    return found if _is_nested(found) else None


def _is_nested(found: list[Span]) -> bool:
    stack = []
    for span in found:
        if span.kind == "open":
            stack.append(span.name)
        elif span.kind == "close" and (not stack or stack.pop() != span.name):
            return False
    return not stack


def _span(token: Token) -> Span | None:
    place = token.meta.get("place")
    if place is None or token.type == "text":
        return None
    start, end = place
    if token.info == "auto":
        return Span(start, end, "single") if token.nesting > 0 else None
    if token.nesting:
        wide = token.type.startswith("strong")
        opens = token.nesting > 0
        return Span(start - (wide and opens), end + (wide and not opens), "open" if opens else "close", token.tag)
    return Span(start, end, _KINDS.get(token.type, "single"), words=token.content if token.info else "")


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    parser.use(dollarmath_plugin, allow_labels=False, allow_space=False, allow_digits=False, double_inline=True)
    parser.use(footnote_plugin, move_to_end=False).use(deflist_plugin)
    breaks: RuleOptionsType = {"alt": ["paragraph", "reference", "blockquote", "list"]}
    parser.block.ruler.before("table", "line", _line, breaks)
    parser.block.ruler.before("table", "formula", _formula_block, breaks)
    parser.inline.ruler.before("escape", "formula", partial(_match, _FORMULA))
    parser.inline.ruler.before("escape", "braces", partial(_match, _BRACES))
    parser.core.ruler.enableOnly(["normalize", "block"])
    parser.inline.ruler2.disable("fragments_join")
    for name, rule in zip(parser.inline.ruler.get_active_rules(), parser.inline.ruler.getRules(""), strict=True):
        parser.inline.ruler.at(name, partial(_placed, name, rule))
    return parser


def _placed(name: str, rule: Callable[[StateInline, bool], bool], state: StateInline, silent: bool) -> bool:
    """A rule that notes where the markup stands that it finds."""
    if silent:
        return rule(state, silent)
    start, known = state.pos, len(state.tokens)
    label = state.md.helpers.parseLinkLabel(state, start, True) if name == "link" and state.src[start] == "[" else -1
    if not rule(state, silent):
        return False
    new = state.tokens[known:]
    if name == "link":
        opening = next(token for token in new if token.type == "link_open")
        opening.meta["place"] = (start, start + 1)
        new[-1].meta["place"] = (label, state.pos)
    elif name in ("emphasis", "strikethrough"):
        at = state.pos
        while at > start:
            token = new.pop()
            token.meta["place"] = (at - len(token.content), at)
            at -= len(token.content)
    elif name == "autolink":
        new[-3].meta["place"] = (start, state.pos)
    elif new and new[-1].type != "text":  # a lone ` is left to the text around it
        new[-1].meta["place"] = (start, state.pos)
    return True


def _match(pattern: re.Pattern[str], state: StateInline, silent: bool) -> bool:
    """Formulas in brackets with backslashes, and braces of site generators."""
    if state.src[state.pos] not in "\\{":
        return False
    found = pattern.match(state.src, state.pos, state.posMax)
    if found is None or (found.lastindex and not _IS_FORMULA.search(found[found.lastindex])):
        return False
    if not silent:
        state.push("formula" if found.lastindex else "braces", "", 0).content = found[0]
    state.pos = found.end()
    return True


def _line(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A line by which a site generator opens or closes a box."""
    at = state.bMarks[start] + state.tShift[start]
    if state.is_code_block(start) or not _LINE.match(state.src, at, state.eMarks[start]):
        return False
    if not silent:
        state.line = start + 1
        state.push("line", "", 0).map = [start, state.line]
    return True


def _formula_block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Lines between a line `\\[` and one that ends with `\\]`."""
    lines = (
        state.src[state.bMarks[at] + state.tShift[at] : state.eMarks[at]].strip()
        for at in range(start, min(end, start + _LONGEST))
    )
    if state.is_code_block(start) or next(lines) != "\\[":
        return False
    for number, line in enumerate(lines, start + 1):
        if line in ("", "\\[") or state.sCount[number] < state.blkIndent:
            return False
        if line.endswith("\\]"):
            if not silent:
                state.line = number + 1
                state.push("formula", "", 0).map = [start, state.line]
            return True
    return False
