"""Run as a program of its own: looks at the chat templates it is given, and fills them in, so that one that never ends
harms only it.

Reads a JSON list of templates and writes one line once it has begun. Ends with 0 when all have come to an end, whatever
came out; with REFUSED for one that has not, or has what no real one has; with anything else when it could not look.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from jinja2 import Environment, TemplateError, meta, nodes
from jinja2.ext import Extension
from jinja2.sandbox import ImmutableSandboxedEnvironment

REFUSED = 3
"""Not 1 or 2, with which Python ends when something is amiss with the program itself."""
MEMORY = 1 << 30
"""Bytes that a template may take, where the system can hold it to that."""
_MOST_STEPS = 10_000_000.0
"""Of a template that loops `_TIMES` times wherever it cannot be seen how often; real ones take up to 2,000,000."""
_TIMES = 8
_DEEPEST = 4
"""Loops within loops; real ones have three."""
_LARGEST = 10_000
"""The largest number that may be repeated by, or given to something."""
_LONGEST = 4_000_000
"""Characters that may come out; what goes in is a twentieth of that at most."""
_WIDE = re.compile(r"[%{][^%{}a-z]*[1-9]\d{4}")
"""A format that asks for more characters than any has to."""
_TOOL = {
    "type": "function",
    "function": {
        "name": "look_up",
        "description": "Looks it up.",
        "parameters": {
            "type": "object",
            "properties": {
                "word": {"type": "string", "description": "Which."},
                "many": {"type": "array", "items": {"type": "object", "properties": {"n": {"type": "integer"}}}},
            },
            "required": ["word"],
        },
    },
}
_CALL = {"id": "abcdefghi", "type": "function", "function": {"name": "look_up", "arguments": {"word": "日"}}}
_ASKED = {"tools": [_TOOL], "documents": [{"title": "One", "text": "Text."}]}


def main() -> int:
    """Look at each template, then fill it in with many conversations."""
    texts = json.load(sys.stdin)
    print("begun", flush=True)
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    except (ImportError, ValueError, OSError):  # Not on every system.
        pass
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols", _generation()]
    )
    try:
        return REFUSED if any(_is_bad(environment, text) for text in texts) else 0
    except (MemoryError, RecursionError):  # The latter would be the end of llama.cpp, and of us with it.
        return REFUSED


def _is_bad(environment: Environment, text: str) -> bool:
    try:
        tree = environment.parse(text)
    except TemplateError:  # Told by whoever uses it.
        return False
    return _is_strange(tree) or _runs_on(environment, tree)


def _generation() -> type[Extension]:
    """What transformers adds to the language: marks around what the model has said."""

    def parse(_: Any, parser: Any) -> nodes.Node:
        begun = next(parser.stream).lineno
        return nodes.Scope(parser.parse_statements(("name:endgeneration",), drop_needle=True), lineno=begun)

    return type("Generation", (Extension,), {"tags": {"generation"}, "parse": parse})


# What can be seen


def _is_strange(tree: nodes.Template) -> bool:
    """Whether it has, anywhere, what would take long and no real template has."""
    if any(_repeats(one) for one in tree.find_all((nodes.Mul, nodes.Pow, nodes.Call, nodes.Filter, nodes.Mod))):
        return True
    kinds = (nodes.Assign, nodes.AssignBlock)
    if any(_doubles(one) for loop in tree.find_all((nodes.For, nodes.Macro)) for one in loop.find_all(kinds)):
        return True
    macros = {one.name: one for one in tree.find_all(nodes.Macro)}
    return _ever(macros) or _depth(tree) > _DEEPEST or _Steps(tree, macros).of(tree) > _MOST_STEPS


def _depth(node: nodes.Node) -> int:
    """How many loops stand within each other."""
    return int(isinstance(node, nodes.For)) + max(map(_depth, node.iter_child_nodes()), default=0)


def _repeats(node: Any) -> bool:
    """Whether text or a list is repeated very often, or a very large number is handed to something."""
    if isinstance(node, nodes.Pow):
        return not isinstance(node.right, nodes.Const) or node.right.value not in range(3)
    if isinstance(node, nodes.Mul):
        return bool(math.prod(max(1, abs(number)) for number in _consts(node, int, float)) > _LARGEST)
    if isinstance(node, nodes.Mod):
        return any(map(_WIDE.search, _consts(node.left, str)))  # "%99999d" % 1
    name = node.name if isinstance(node, nodes.Filter) else getattr(node.node, "attr", "")
    if name == "format" and node.node is not None and any(map(_WIDE.search, _consts(node.node, str))):
        return True
    given = [*node.args, *(one.value for one in node.kwargs)]
    return any(abs(number) > _LARGEST for one in given for number in _consts(one, int, float))


def _consts(node: nodes.Node, *kinds: type[Any]) -> Iterator[Any]:
    found = [*node.find_all(nodes.Const), *([node] if isinstance(node, nodes.Const) else [])]
    return (one.value for one in found if isinstance(one.value, kinds))


def _doubles(assign: Any) -> bool:
    """Whether a name becomes itself and itself once more, as in `s = s ~ s`."""
    joins = (nodes.Concat, nodes.Add, nodes.List, nodes.Tuple, nodes.Filter, nodes.Output)

    def named(node: nodes.Node) -> tuple[str, ...]:
        if isinstance(node, nodes.Getattr) and isinstance(node.node, nodes.Name):
            return (node.node.name, node.attr)
        if isinstance(node, nodes.NSRef):
            return (node.name, node.attr)
        return (node.name,) if isinstance(node, nodes.Name) else ()

    def parts(node: nodes.Node) -> Iterator[nodes.Node]:
        if not isinstance(node, joins):
            yield node
        for one in node.iter_child_nodes() if isinstance(node, joins) else ():
            yield from parts(one)

    target = named(assign.target)
    values = assign.body if isinstance(assign, nodes.AssignBlock) else [assign.node]
    return bool(target) and sum(named(one) == target for value in values for one in parts(value)) > 1


def _ever(macros: Mapping[str, nodes.Macro]) -> bool:
    """Whether a macro calls itself, or one that calls it, and nothing asks first whether it should."""

    def always(node: nodes.Node) -> Iterator[str]:
        for one in node.iter_child_nodes():
            if isinstance(one, nodes.Call) and isinstance(one.node, nodes.Name) and one.node.name in macros:
                yield one.node.name
            if not isinstance(one, (nodes.If, nodes.CondExpr, nodes.For, nodes.Macro, nodes.And, nodes.Or)):
                yield from always(one)

    calls = {name: set(always(macro)) for name, macro in macros.items()}
    for name in calls:
        met, left = set[str](), list(calls[name])
        while left:
            if (one := left.pop()) == name:
                return True
            if one not in met:
                met.add(one)
                left += calls[one]
    return False


class _Steps:
    """Counts how many steps a template takes, as if all that it asks were true."""

    def __init__(self, tree: nodes.Template, macros: Mapping[str, nodes.Macro]) -> None:
        self._macros = macros
        self._known: dict[str, float] = {}
        self._long: dict[str, float] = {}
        for one in tree.find_all(nodes.Assign):
            if isinstance(one.target, nodes.Name):
                name = one.target.name
                self._long[name] = max(self._long.get(name, 0.0), self._times(one.node))

    def of(self, node: nodes.Node) -> float:
        """The steps of a part of it."""
        if isinstance(node, nodes.Macro):
            return 1.0
        if isinstance(node, nodes.For):
            once = 1.0 + sum(self.of(one) for one in node.body)
            return self._times(node.iter) * once + sum(self.of(one) for one in (node.iter, *node.else_))
        if isinstance(node, nodes.CallBlock):
            return self.of(node.call) * (1.0 + sum(self.of(one) for one in node.body))
        if isinstance(node, nodes.Name) and node.name in self._macros:
            return self._macro(node.name)
        return 1.0 + sum(self.of(one) for one in node.iter_child_nodes())

    def _macro(self, name: str) -> float:
        if name not in self._known:
            self._known[name] = 1.0  # For one that calls itself: how often cannot be seen.
            self._known[name] = 1.0 + sum(self.of(one) for one in self._macros[name].body)
        return self._known[name]

    def _times(self, node: nodes.Node) -> float:
        """How often a loop over this goes round, at most."""
        most = float(_TIMES)
        for one in (node, *node.find_all((nodes.Const, nodes.List, nodes.Tuple, nodes.Name, nodes.Call))):
            if isinstance(one, nodes.Const) and isinstance(one.value, str):
                most = max(most, len(one.value))
            elif isinstance(one, (nodes.List, nodes.Tuple)):
                most = max(most, len(one.items))
            elif isinstance(one, nodes.Name):
                most = max(most, self._long.get(one.name, 0.0))
            elif isinstance(one, nodes.Call) and isinstance(one.node, nodes.Name) and one.node.name == "range":
                most = max([most, *(abs(number) for given in one.args for number in _consts(given, int, float))])
        return most


# What comes out


def _runs_on(environment: Environment, tree: nodes.Template) -> bool:
    """Whether far more comes out than went in. One that does not end at all, ends with this process."""
    for kind, known in ((nodes.Filter, environment.filters), (nodes.Test, environment.tests)):
        for one in tree.find_all(kind):  # One of another engine's must not keep the rest from being seen.
            known.setdefault(one.name, lambda value, *_, **__: value)
    try:
        asked = meta.find_undeclared_variables(tree) - {"messages", *_ASKED, *_GIVEN, *environment.globals}
        fill: Callable[..., str] = environment.from_string(tree).render
    except (TemplateError, SyntaxError, ValueError, OverflowError):
        return False
    for said, more in _talks(asked):
        try:
            if len(fill({**_GIVEN, **more, "messages": said})) > _LONGEST:
                return True
        except (MemoryError, RecursionError):
            raise
        except Exception:  # noqa: BLE001 - what it refuses, or does not know, is told when it is used
            continue
    return False


def _refuse(why: str = "") -> str:
    """As transformers and llama.cpp have it: a template may say that it cannot."""
    raise ValueError(why)


_GIVEN = {
    **{"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"},
    **{"add_generation_prompt": True, "raise_exception": _refuse, "strftime_now": "26 Jul 2024".format},
}


def _talks(asked: set[str]) -> Iterator[tuple[list[dict[str, Any]], dict[str, Any]]]:
    """Conversations, and what else a template is given: each that real ones tell apart."""
    every: list[dict[str, Any]] = [{}, {"tools": None}, {"tools": _ASKED["tools"]}, _ASKED]
    every.append({"add_generation_prompt": False})
    every += [{**_ASKED, **dict.fromkeys(asked, value)} for value in (True, False, None, "high", ["one"], 1)]
    for more in every:
        for said in _odd():
            yield said, more
    yield [{"role": "user", "content": "Ünï 你好 🙂 {{ x }} <|im_end|> </s>\n" * 300}], {}
    yield [{"role": "user", "content": "x" * 20_000}], {}
    for at, length in enumerate((*range(1, 25), 31, 45, 60, 61, 99, 120, 151, 200, 201)):
        yield _plain(length, system=length % 3 == 0), every[at % 4]


def _plain(length: int, *, system: bool = False) -> list[dict[str, Any]]:
    turns = [{"role": ("user", "assistant")[at % 2], "content": f"Hello, 你好 {at}"} for at in range(length)]
    return [{"role": "system", "content": "Be kind."}, *turns] if system else turns


def _odd() -> Iterator[list[dict[str, Any]]]:
    ask, told = {"role": "user", "content": "Hello"}, {"role": "assistant", "content": "<think>\nSo.\n</think>\n\nHi."}
    for start in ([], [{"role": "system", "content": "Be kind."}]):
        yield [*start, ask]
        yield [*start, ask, told, ask]
        yield [*start, ask, {**told, "reasoning_content": "So.", "thinking": "So."}, ask]
        called = {"role": "assistant", "content": "", "tool_calls": [_CALL]}
        found = {"role": "tool", "name": "look_up", "tool_call_id": "abcdefghi", "content": '{"found": 1}'}
        yield [*start, ask, called, found]
        yield [*start, ask, {**called, "content": None}, found, found, told, ask]
    yield []
    yield [{"role": "user", "content": ""}, {"role": "assistant", "content": None}, {"role": "user", "content": " \n"}]
    yield [{"role": "user", "content": [{"type": "text", "text": "Hello"}, {"type": "image"}]}, told, ask]
    yield [{"role": "developer", "content": "Be kind."}, ask, ask, told, told, {"role": "system", "content": "So."}]


if __name__ == "__main__":
    sys.exit(main())
