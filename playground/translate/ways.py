"""Which models of this machine lead from one language to another, and which could be had. Loads nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from playground.overview import LocalModel, Offer
from playground.presets import model_presets

StepKind = Literal["seq2seq", "chat"]
_NAME = re.compile(r"(?:opus[-_]?mt|opus)(?:[-_]tc[-_](?:big|base))?[-_]([a-z]{2})[-_]([a-z]{2})\b", re.IGNORECASE)
_BRIDGES = ("en", "fr", "de", "es")
"""Languages that most models know, the likeliest first."""


THEN = " > "
"""Between the names of two models that translate one after the other."""


@dataclass(frozen=True)
class Step:
    """One model, from one language into another."""

    model: str
    source: str
    target: str
    kind: StepKind


@dataclass(frozen=True)
class Way:
    """One step, or two over a third language."""

    steps: tuple[Step, ...]

    @property
    def name(self) -> str:
        """What `with_model` finds it by: its models, one after the other."""
        return THEN.join(step.model for step in self.steps)

    @property
    def bridge(self) -> str:
        """The language between; "" where there is none."""
        return self.steps[0].target if len(self.steps) > 1 else ""


def ways(source: str, target: str, models: Sequence[LocalModel], chosen: str) -> list[Way]:
    """All ways from `source` to `target`, the best first; `chosen` is the model that chats now.

    Models made for translation come first, direct ones before two in a row; then chat models that say they know both
    languages, then the others.
    """
    models = _all(models, chosen)
    made = [one for one in models if _made_for(one)]
    direct = [Way((Step(one.name, source, target, "seq2seq"),)) for one in made if _knows(one, source, target)]
    over = [
        Way((Step(first.name, source, bridge, "seq2seq"), Step(second.name, bridge, target, "seq2seq")))
        for bridge in _BRIDGES
        if bridge not in (source, target)
        for first in made
        if _knows(first, source, bridge) and not _knows(first, source, target)
        for second in made
        if _knows(second, bridge, target) and not _knows(second, source, target)
    ]
    talkers = [one for one in models if one.kind in ("", "chat") and not one.error and one not in made]
    talkers.sort(key=lambda one: (not {source, target} <= set(one.languages), one.name != chosen))
    return direct + over + [Way((Step(one.name, source, target, "chat"),)) for one in talkers]


def with_model(name: str, source: str, target: str, models: Sequence[LocalModel]) -> Way | None:
    """The way by one model that was asked for, or by two (see `Way.name`); None when it is for other languages."""
    if THEN in name:
        return next((way for way in ways(source, target, models, "") if way.name == name), None)
    one = next(each for each in _all(models, name) if each.name == name)
    if not _made_for(one):
        return Way((Step(name, source, target, "chat"),))
    return Way((Step(name, source, target, "seq2seq"),)) if _knows(one, source, target) else None


def to_get(source: str, target: str, offers: Iterable[Offer], here: Iterable[str]) -> list[Offer]:
    """Curated models made for translation that know the pair and are not on this machine; those for it alone first."""
    known = set(here)
    fit = []
    for one in offers:
        languages, preset = one.preset.languages, one.preset
        if preset.kind == "seq2seq" and preset.id not in known and _covers(languages, source, target):
            fit.append(one)
    return sorted(fit, key=lambda one: (len(one.preset.languages), one.preset.size))


def _all(models: Sequence[LocalModel], chosen: str) -> list[LocalModel]:
    """With the chosen one, which may be on a server or have no files; not one that would have to be fetched first."""
    here = any(one.name == chosen for one in models) or chosen in model_presets()
    return [*models, LocalModel(chosen, chosen, "", 0)] if chosen and not here else list(models)


def _made_for(one: LocalModel) -> bool:
    return not one.error and not one.pickle and (one.kind == "seq2seq" or bool(_NAME.search(one.name)))


def _languages(one: LocalModel) -> tuple[str, ...]:
    if one.languages:
        return one.languages
    found = _NAME.search(one.name)
    return (found[1].lower(), found[2].lower()) if found else ()


def _knows(one: LocalModel, source: str, target: str) -> bool:
    return _covers(_languages(one), source, target)


def _covers(languages: Sequence[str], source: str, target: str) -> bool:
    """Two languages are from and to; more of them go every way."""
    if len(languages) == 2:
        return tuple(languages) == (source, target)
    return source != target and {source, target} <= set(languages)
