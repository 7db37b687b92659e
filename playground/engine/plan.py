"""Decides before anything is loaded: does a model fit, on which device, in which precision; if not, what would.

The rules of what is taken are in `needs`, what was really taken in `measured`. Loads nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from playground.engine.base import LoadOptions
from playground.engine.hardware import Device, Hardware
from playground.engine.measured import Key, Measured
from playground.engine.needs import Need, imported, need
from playground.engine.proposals import Proposal, propose
from playground.engine.shape import ModelShape
from playground.engine.training_need import TrainingTask, training_need
from playground.errors import BadValueError

_SLOTS = {"llamacpp": 4, "transformers": 4, "ctranslate2": 2}
_GPU_SLOTS = 8


@dataclass(frozen=True)
class MemoryPlan:
    """What a model will take if it is loaded like this. Sizes in bytes, those of `device` where no other is named."""

    model: str
    engine: str
    task: str
    """"chat" or "train"."""
    device: str
    precision: str
    """"auto" where the engine takes the file's own (GGUF), or its own best (transformers on a CPU)."""
    context_length: int
    slots: int
    parts: Mapping[str, Mapping[str, int]]
    """By device: weights, kv_cache, activations, overhead, library, loading."""
    need: Mapping[str, int]
    """By device: the sum of the parts."""
    total: int
    reclaimable: int
    """Of `total`, pages of files that the system takes back when memory is short."""
    free: int
    capacity: int
    fits: bool
    corrected: bool
    """An earlier measurement of this model on this machine went in."""
    reason: str
    proposals: tuple[Proposal, ...]
    key: Key
    predicted: Mapping[str, Need]
    """As the rules say it, before any correction."""

    def to_dict(self) -> dict[str, Any]:
        """Everything a person may want to know, ready for JSON."""
        left_out = {"parts", "proposals", "key", "predicted"}
        plain = {field.name: getattr(self, field.name) for field in fields(self) if field.name not in left_out}
        plain["need"] = dict(self.need)
        parts = {device: dict(values) for device, values in self.parts.items()}
        return {**plain, "parts": parts, "proposals": [proposal.to_dict() for proposal in self.proposals]}


def plan_model(
    shape: ModelShape,
    options: LoadOptions,
    hardware: Hardware,
    measured: Measured | None = None,
    *,
    engine: str,
    task: TrainingTask | None = None,
    residents: Mapping[str, Mapping[str, int]] | None = None,
) -> MemoryPlan:
    """Plan to load `shape` with `engine` for chat, or to train it. "auto" becomes the fastest that fits.

    `residents` are the sizes by device of models that could be unloaded; what they take is not free. Raises
    BadValueError for options that this engine or machine does not have.
    """
    planner = _Planner(shape, hardware, measured, engine, task)
    asked = list(planner.candidates(options))
    plans = []
    for candidate in asked:
        plans.append(planner.plan(candidate))
        if plans[-1].fits:
            words = [_reason(plans, options, hardware), _cut(shape, options)]
            return replace(plans[-1], reason=" ".join(filter(None, words)))
    # Of what "auto" may choose, the last on the best device asks for least.
    best = [plan for plan in plans if plan.device == plans[0].device][-1]
    at = asked[plans.index(best)]
    reason = f"{best.model} {_where(best, hardware)} needs {_gb(_least(best))}, but {_gb(best.free)} are free."
    found = tuple(propose(at, best.total, planner.fitting, residents or {}, best))
    if not found:
        reason += " No settings make it fit: choose a smaller model."
    return replace(best, reason=reason, proposals=found)


class _Planner:
    """Plans one model with different options."""

    def __init__(
        self,
        shape: ModelShape,
        hardware: Hardware,
        measured: Measured | None,
        engine: str,
        task: TrainingTask | None,
    ) -> None:
        self._shape, self._hardware, self._measured = shape, hardware, measured
        self._engine, self._task = engine, task

    def candidates(self, options: LoadOptions) -> Iterator[LoadOptions]:
        """`options` with every "auto" decided, the fastest first."""
        context = min(options.context_length, self._shape.max_position_embeddings or options.context_length)
        for device in self._devices(options):
            for precision in self._precisions(options, device):
                for slots in self._slots(options, device):
                    yield replace(options, device=device.name, precision=precision, context_length=context, slots=slots)

    def plan(self, options: LoadOptions) -> MemoryPlan:
        """The plan for options without "auto" (but for the precision)."""
        shape, device = self._shape, self._hardware.device(options.device) or self._hardware.cpu
        there = imported(self._engine)
        if self._task is not None:
            # A process of its own imports everything anew.
            needs = training_need(shape, self._task, options.precision, device.name, imported=False)
        else:
            needs = need(
                shape, self._engine, options.precision, device.name, options.context_length, options.slots, there
            )
        key = Key(
            self._hardware.machine, shape.ident, self._engine, device.name, options.precision,
            options.context_length, options.slots, not there,
        )  # fmt: skip
        better, corrected = dict(needs), False
        if self._measured is not None and self._task is None and device.name in needs:
            better[device.name], corrected = self._measured.correct(key, needs[device.name])
        mine = better.get(device.name, Need())
        fits = all(
            taken.total - taken.reclaimable <= where.free
            for where in self._hardware.devices
            if (taken := better.get(where.name)) is not None
        )
        return MemoryPlan(
            model=shape.name,
            engine=self._engine,
            task="train" if self._task else "chat",
            device=device.name,
            precision=options.precision,
            context_length=options.context_length,
            slots=options.slots,
            parts={name: found.parts() for name, found in better.items()},
            need={name: found.total for name, found in better.items()},
            total=mine.total,
            reclaimable=mine.reclaimable,
            free=device.free,
            capacity=device.total,
            fits=fits,
            corrected=corrected,
            reason="",
            proposals=(),
            key=key,
            predicted=needs,
        )

    def fitting(self, options: LoadOptions, freed: Mapping[str, int]) -> int:
        """Bytes that `options` take if they fit when `freed` is given back, by device; 0 when they do not."""
        plan = self.plan(options)
        for device in self._hardware.devices:
            taken = plan.need.get(device.name, 0) - (plan.reclaimable if device.name == plan.device else 0)
            if taken > device.free + freed.get(device.name, 0):
                return 0
        return plan.total

    def _devices(self, options: LoadOptions) -> list[Device]:
        cpu, gpus = self._hardware.cpu, sorted(self._hardware.gpus, key=lambda gpu: -gpu.free)
        if options.device == "auto":
            return [*gpus, cpu] if self._engine == "transformers" else [cpu]
        found = self._hardware.device(options.device)
        if found is None:
            names = ", ".join(device.name for device in self._hardware.devices)
            raise BadValueError(f"device is {options.device!r}, which is not there. Choose auto or one of: {names}.")
        if found is not cpu and self._engine != "transformers":
            raise BadValueError(f"The engine {self._engine} computes on the CPU only. Choose the device auto or cpu.")
        return [found]

    def _precisions(self, options: LoadOptions, device: Device) -> tuple[str, ...]:
        own = self._shape.quantization
        if self._engine == "llamacpp":
            if options.precision != "auto":
                raise BadValueError(
                    f"{self._shape.name} has its own precision ({own or self._shape.dtype}), so {options.precision} "
                    "cannot be chosen. Choose auto, or the engine transformers."
                )
            return ("auto",)
        if own and self._shape.format != "gguf":
            if options.precision not in ("auto", own):
                raise BadValueError(f"{self._shape.name} was written in {own}. Choose the precision auto or {own}.")
            return (own,)
        if options.precision != "auto" or device.name == "cpu":
            return (options.precision,)
        # int8 is the slowest on a GPU, so "auto" passes it by; whoever wants it can ask for it.
        return ("bf16" if device.bf16 else "fp16", "nf4")

    def _slots(self, options: LoadOptions, device: Device) -> tuple[int, ...]:
        if options.slots or self._task is not None:
            return (options.slots or 1,)
        most = _GPU_SLOTS if device.name != "cpu" else _SLOTS.get(self._engine, 1)
        return tuple(slots for slots in (8, 4, 2, 1) if slots <= most)


def render(plan: MemoryPlan) -> str:
    """The plan as a short text for a terminal."""
    words = {"auto": "its own precision"}.get(plan.precision, plan.precision)
    lines = [
        f"{plan.model}: {plan.engine}, {words}, {plan.device}, "
        + (f"{plan.context_length:,} tokens x {plan.slots}" if plan.task == "chat" else "training")
    ]
    for device, parts in plan.parts.items():
        for name, size in parts.items():
            if size:
                lines.append(f"  {device:8} {name.replace('_', ' '):12} {_gb(size):>10}")
    lines.append(f"  {plan.device:8} {'total':12} {_gb(plan.total):>10}   of {_gb(plan.free)} free")
    if plan.reclaimable:
        lines.append(
            f"  {plan.device:8} {'of it':12} {_gb(plan.reclaimable):>10}   of files, which leave where memory is short"
        )
    if plan.corrected:
        lines.append("  corrected by what was measured here before")
    lines.append(("It fits. " if plan.fits else "It does not fit. ") + plan.reason)
    lines += [f"  - {proposal.text}: {_gb(proposal.total)}" for proposal in plan.proposals]
    return "\n".join(lines)


def _reason(plans: list[MemoryPlan], options: LoadOptions, hardware: Hardware) -> str:
    """Why the last of `plans` was taken, where there was a choice."""
    chosen, first = plans[-1], plans[0]
    if chosen is first:
        return ""
    why = f"{_where(first, hardware)} would need {_gb(_least(first))}, but {_gb(first.free)} are free"
    words = f"{_where(chosen, hardware)} is the fastest that fits: {why}."
    return f"O{words[1:]}" if words.startswith("on ") else words


def _cut(shape: ModelShape, options: LoadOptions) -> str:
    most = shape.max_position_embeddings
    return f"This model reads {most:,} tokens at most." if 0 < most < options.context_length else ""


def _least(plan: MemoryPlan) -> int:
    """What must really be there: the system takes the rest back at need."""
    return plan.total - plan.reclaimable


def _where(plan: MemoryPlan, hardware: Hardware) -> str:
    device = hardware.device(plan.device)
    words = "" if plan.precision == "auto" else f"{plan.precision} "
    name = device.label if device and plan.device != "cpu" else "the CPU"
    many = f" with {plan.slots} replies at a time" if plan.slots > 1 else ""
    return f"{words}on {name}{many}"


def _gb(size: int) -> str:
    return f"{size / 1e9:.2f} GB" if size >= 1e8 else f"{size / 1e6:.0f} MB"
