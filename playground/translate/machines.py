"""Which machine makes a step of a way."""

from __future__ import annotations

from playground.engine.lease import Lease
from playground.translate.machine import Machine
from playground.translate.options import TranslationOptions
from playground.translate.prompting import PromptingMachine
from playground.translate.rewriting import RewritingMachine
from playground.translate.ways import Step


def machine_for(step: Step, lease: Lease, options: TranslationOptions) -> Machine:
    """The machine over a leased model."""
    pair = step.source, step.target
    if step.kind == "seq2seq":
        return RewritingMachine(lease, pair, options.beam_size)
    return PromptingMachine(lease, pair, options.formality, options.seed)
