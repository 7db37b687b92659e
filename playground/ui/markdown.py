"""Model output to safe HTML, block by block: Markdown, highlighted code, LaTeX as MathML. Raw HTML stays text.

A growing text is rendered incrementally: a block is final once another has begun below it, so a long reply costs no
more per step than a short one.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.texmath import texmath_plugin

_MATHML = {
    *("math", "mrow", "mi", "mn", "mo", "mtext", "mspace", "mstyle", "mpadded", "mphantom", "menclose", "semantics"),
    *("mfrac", "msqrt", "mroot", "msup", "msub", "msubsup", "mover", "munder", "munderover", "mmultiscripts"),
    *("mprescripts", "none", "mtable", "mtr", "mtd"),
}
_MATH_ATTRIBUTES = {
    "*": {
        *("display", "displaystyle", "mathvariant", "stretchy", "fence", "form", "separator", "lspace", "rspace"),
        *("width", "height", "depth", "columnalign", "rowspacing", "columnspacing", "linethickness"),
        *("accent", "accentunder"),
    }
}
_FOLLOWED = re.compile(r"https?://|mailto:", re.IGNORECASE)


@lru_cache(maxsize=512)
def render(text: str) -> tuple[str, ...]:
    """The top-level blocks of `text`, each as HTML."""
    return tuple(_html(group) for _, group in _groups(text))


class GrowingText:
    """Renders a text that only grows; `update` says which blocks are new or changed since the last call.

    The last two blocks stay open: the `2` of a coming `2.` is a paragraph below the list for a moment.
    """

    def __init__(self) -> None:
        self._final = 0
        self._start = 0
        self._open: list[str] = []

    def update(self, text: str) -> tuple[int, list[str]]:
        """Return the index of the first block that changed, and the HTML of all blocks from there on."""
        rest = text[self._start :]
        groups = _groups(rest)
        blocks = [_html(group) for _, group in groups]
        same = 0
        while same < min(len(blocks), len(self._open)) and blocks[same] == self._open[same]:
            same += 1
        first, changed = self._final + same, blocks[same:]
        final = max(0, len(groups) - 2)
        if final:
            # Counted as the parser counts: other signs that Python takes for line ends are none here.
            lines = re.split(r"(?<=\n)|(?<=\r)(?!\n)", rest)
            self._start += sum(len(line) for line in lines[: groups[final][0]])
            self._final += final
        self._open = blocks[final:]
        return first, changed


def _groups(text: str) -> list[tuple[int, list[Token]]]:
    """Top-level blocks as (first line, tokens)."""
    groups: list[tuple[int, list[Token]]] = []
    for token in _parser().parse(text):
        if token.level == 0 and token.nesting >= 0:
            groups.append((token.map[0] if token.map else 0, []))
        if groups:
            groups[-1][1].append(token)
    return groups


def _html(tokens: Sequence[Token]) -> str:
    parser = _parser()
    return str(parser.renderer.render(tokens, parser.options, {}))


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "breaks": True}).enable(["table", "strikethrough"])
    parser.use(
        dollarmath_plugin,
        allow_labels=False,
        allow_space=False,
        allow_digits=False,
        double_inline=True,
        renderer=_dollar_math,
    )
    parser.use(texmath_plugin, delimiters="brackets")
    for name in ("math_inline", "math_inline_double", "math_block", "math_block_eqno"):
        parser.add_render_rule(name, _render_math)
    parser.add_render_rule("fence", _render_code)
    parser.add_render_rule("code_block", _render_code)
    parser.add_render_rule("image", _render_image)
    parser.add_render_rule("link_open", _render_link)
    return parser


def _dollar_math(content: str, options: dict[str, Any]) -> str:
    return _mathml(content, block=bool(options.get("display_mode")))


def _render_math(self: RendererHTML, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
    token = tokens[at]
    return _mathml(token.content, block=token.type != "math_inline")


def _mathml(latex: str, *, block: bool) -> str:
    from latex2mathml.converter import convert

    try:
        # The converter copies text into markup as it stands, so what it makes is cleaned like foreign HTML.
        math = nh3.clean(convert(latex, display="block" if block else "inline"), _MATHML, attributes=_MATH_ATTRIBUTES)
    except Exception:  # noqa: BLE001 - it raises many kinds; half-written LaTeX is shown as it was written
        return f"<code>{html.escape(latex)}</code>"
    return f'<div class="math">{math}</div>' if block else math


def _render_code(self: RendererHTML, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
    token = tokens[at]
    language = token.info.strip().split(" ")[0] if token.info else ""
    return (
        f'<div class="code"><div class="code-bar"><span>{html.escape(language)}</span>'
        '<button type="button" class="icon" data-copy="code" data-t="copy_code"></button></div>'
        f"<pre><code>{_highlight(token.content, language)}</code></pre></div>"
    )


@lru_cache(maxsize=256)
def _highlight(code: str, language: str) -> str:
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        lexer = get_lexer_by_name(language, stripnl=False) if language else None
    except ClassNotFound:
        lexer = None
    return str(highlight(code, lexer, HtmlFormatter(nowrap=True))) if lexer else html.escape(code)


def _render_image(self: RendererHTML, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
    """A model's image would be fetched from wherever it says: shown as a link instead, followed only on a click."""
    token = tokens[at]
    return _anchor(str(token.attrs.get("src", "")), html.escape(token.content or str(token.attrs.get("src", ""))), True)


def _render_link(self: RendererHTML, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
    return _anchor(str(tokens[at].attrs.get("href", "")), "", False)


def _anchor(target: str, inner: str, closed: bool) -> str:
    """Addresses of the web and of mail alone lead anywhere; others would lead into this app, or start a program."""
    kept = f' href="{html.escape(target)}" target="_blank" rel="noopener noreferrer nofollow"'
    opening = f"<a{kept if _FOLLOWED.match(target) else ''}>"
    return f"{opening}{inner}</a>" if closed else opening
