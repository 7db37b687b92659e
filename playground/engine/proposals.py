"""Settings that make a model fit where the asked ones do not, those that lose least first. Knows no rule of memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

from playground.engine.base import LoadOptions

Kind = Literal["unload", "slots", "context", "precision", "device"]
Fitting = Callable[[LoadOptions, Mapping[str, int]], int]
"""Bytes that options take if they fit once so much is freed by device; 0 when they do not."""
_LOSS: dict[Kind, int] = {"unload": 0, "slots": 1, "precision": 2, "context": 3, "device": 5}
_STEP = 256
_LEAST = 1024
"""Tokens below which a conversation is not worth having."""
_LOWER = {"fp32": ("bf16", "int8", "nf4"), "bf16": ("int8", "nf4"), "fp16": ("int8", "nf4"), "int8": ("nf4",)}


@dataclass(frozen=True)
class Proposal:
    """One way to make it fit. `kinds` is what changes, for a page that says it in its own words."""

    kinds: tuple[Kind, ...]
    changes: Mapping[str, Any]
    """Fields of LoadOptions and their values."""
    total: int
    """Bytes it takes then."""
    text: str
    unload: tuple[str, ...] = field(default=())
    """Models that have to go."""

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        plain = {"kinds": list(self.kinds), "changes": dict(self.changes), "total": self.total, "text": self.text}
        return {**plain, "unload": list(self.unload)}


class Asked(Protocol):
    """What is known of the plan that does not fit."""

    @property
    def device(self) -> str:
        """Where it was to go."""

    @property
    def engine(self) -> str:
        """What was to load it."""

    @property
    def task(self) -> str:
        """ "chat" or "train"."""


def propose(
    options: LoadOptions, total: int, fitting: Fitting, residents: Mapping[str, Mapping[str, int]], plan: Asked
) -> Iterator[Proposal]:
    """What would fit, beginning with what loses least: unloading, fewer slots, precision, context, the CPU."""
    found = list(_unload(options, fitting, residents))
    for precision in (options.precision, *_precisions(options, plan)):
        base: list[Kind] = [] if precision == options.precision else ["precision"]
        tried = replace(options, precision=precision)
        for kinds, changed in _smaller(tried, fitting, plan):
            if kinds or base:
                found.append(_made((*base, *kinds), options, changed, fitting(changed, {})))
                break
    if plan.device != "cpu":
        tried = replace(options, device="cpu", precision="auto")
        for kinds, changed in _smaller(tried, fitting, plan):
            found.append(_made(("device", *kinds), options, changed, fitting(changed, {})))
            break
    yield from sorted(found, key=lambda proposal: sum(_LOSS[kind] for kind in proposal.kinds))


def _smaller(options: LoadOptions, fitting: Fitting, plan: Asked) -> Iterator[tuple[tuple[Kind, ...], LoadOptions]]:
    """`options` as they are, with fewer slots, with one and less context: those that fit, the mildest first."""
    if fitting(options, {}):
        yield (), options
    if plan.task != "chat":
        return
    for slots in (slots for slots in (32, 16, 8, 4, 2, 1) if slots < options.slots):
        fewer = replace(options, slots=slots)
        if fitting(fewer, {}):
            yield ("slots",), fewer
            break
    if shorter := _longest(replace(options, slots=1), fitting):
        yield ("slots", "context") if options.slots > 1 else ("context",), shorter


def _longest(options: LoadOptions, fitting: Fitting) -> LoadOptions | None:
    """`options` with the longest context that fits, in steps, if it is worth having."""
    low, high = 0, (options.context_length - 1) // _STEP
    while low < high:
        middle = (low + high + 1) // 2
        if fitting(replace(options, context_length=middle * _STEP), {}):
            low = middle
        else:
            high = middle - 1
    return replace(options, context_length=low * _STEP) if low * _STEP >= _LEAST else None


def _unload(options: LoadOptions, fitting: Fitting, residents: Mapping[str, Mapping[str, int]]) -> Iterator[Proposal]:
    """The smallest single model that makes room by leaving, else the largest ones together."""
    by_size = sorted(residents, key=lambda name: sum(residents[name].values()))
    for name in by_size:
        if size := fitting(options, residents[name]):
            yield Proposal(("unload",), {}, size, f"unload {name}", (name,))
            return
    gone: dict[str, int] = {}
    names = []
    for name in reversed(by_size):
        names.append(name)
        for device, size in residents[name].items():
            gone[device] = gone.get(device, 0) + size
        if size := fitting(options, gone):
            yield Proposal(("unload",), {}, size, f"unload {' and '.join(names)}", tuple(names))
            return


def _precisions(options: LoadOptions, plan: Asked) -> tuple[str, ...]:
    """Lower ones that are worth it: bitsandbytes' only on a GPU, since a CPU takes a second for a word with them."""
    if plan.engine != "transformers":
        return ()
    lower = _LOWER.get(options.precision, ())
    return lower if plan.device != "cpu" else tuple(name for name in lower if name == "bf16")


def _made(kinds: tuple[Kind, ...], asked: LoadOptions, new: LoadOptions, total: int) -> Proposal:
    names = ("precision", "context_length", "slots", "device")
    changes = {name: getattr(new, name) for name in names if getattr(new, name) != getattr(asked, name)}
    words = {
        "precision": f"precision {new.precision}",
        "context": f"a context of {new.context_length:,} tokens",
        "slots": "one reply at a time" if new.slots == 1 else f"{new.slots} replies at a time",
        "device": "the CPU, which is slower",
    }
    return Proposal(kinds, changes, total, ", ".join(words[kind] for kind in kinds if kind in words))
