"""DPO on votes, starter model: of how many held-out pairs the better reply gained more than the worse one by training.

All goes the app's own way: questions about Debian packages are asked and asked again in the chat, replies are voted
on, the votes are taken as preference pairs, parted, and learned with the preset "preferences" by a worker in its own
process, whose journal is read. The voters are rules, no persons: each votes up the reply whose words are nearer to
what the package's makers wrote, and the other one down. chrF mostly likes the longer reply, ROUGE-L hardly does; how
often the longer one is the better one stands beside each figure. The third set is easier: the makers' own words, put
in place of the first reply by hand. Before the training all pairs are ties: the base is what is compared with.
Needs `pip install -c constraints.txt rouge-score`.
"""

from __future__ import annotations

import argparse
import math
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)

from concurrent.futures import ThreadPoolExecutor

from rouge_score import rouge_scorer
from sacrebleu.metrics.chrf import CHRF

from benchmarks.common import Row, give_starter, progress, show, starter
from benchmarks.tuning_data import packages
from playground.paths import open_data_folder
from playground.presets import STARTER
from playground.records import Message, Sampling
from playground.services import Services, open_services
from playground.settings import Settings
from playground.store.training_data import Choice
from playground.tuning.options import TuningOptions
from playground.tuning.recipe import recipe_presets
from playground.tuning.runfile import read_samples
from playground.tuning.samples import Sample

SYSTEM = "Answer in one short sentence of at most ten words."
SAMPLING = Sampling(temperature=1.0, max_new_tokens=80)
SLOTS = 4
CHANCE = 0.5
_CHRF, _ROUGE = CHRF(), rouge_scorer.RougeScorer(["rougeL"], use_stemmer=True)
VOTERS: dict[str, Callable[[str, str], float]] = {
    "chrF": lambda said, reference: float(_CHRF.sentence_score(said, [reference]).score),
    "ROUGE-L": lambda said, reference: float(_ROUGE.score(reference, said)["rougeL"].fmeasure),
}
"""How near a reply is to what the makers wrote."""
RECIPE = replace(recipe_presets()["preferences"].recipe, heldout=0.4, evaluations=1)
"""The preset; more is held out than usual, and measured once: at the end, so that nothing is chosen by it."""


@dataclass(frozen=True)
class Talk:
    """A question of which two replies came to their own ends, and what its package's makers say."""

    conversation: str
    replies: tuple[Message, Message]
    reference: str


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompts", type=int, default=240)
    parser.add_argument("--threads", type=int, default=0, help="of the processor; fewer where others use it, too")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        services = open_house(Path(place), options.threads)
        try:
            began = time.monotonic()
            talks = ask(services, options.prompts)
            whole = f"{len(talks)} of {options.prompts} with two whole replies, in {time.monotonic() - began:.0f} s"
            rows = [Row("questions", whole)]
            for name in VOTERS:
                rows += measure(services, f"votes by {name}", vote(services, talks, name), options.threads)
            correct(services, talks)
            rows += measure(services, "the makers' words", talks, options.threads)
        finally:
            services.close()
    show("DPO, preset “preferences”, starter model, held-out pairs", rows)


def open_house(place: Path, threads: int) -> Services:
    """The app's services over a new data folder."""
    folder = open_data_folder(str(place))
    give_starter(starter(), folder.root)
    return open_services(Settings(slots=SLOTS, threads=threads, context_length=2048), folder, alone=True)


def ask(services: Services, count: int) -> list[Talk]:
    """Ask each question twice, several at a time; what was cut off is not learned from, as ever, and left out."""
    samples = packages(sys.maxsize)
    random.Random(0).shuffle(samples)  # By name, they come in families.
    with ThreadPoolExecutor(SLOTS) as pool:
        found = pool.map(lambda one: _talk(services, *one), enumerate(samples[:count]))
        talks = []
        for number, one in enumerate(found, 1):
            progress("questions", number, count)
            talks += [one] if one else []
    return talks


def _talk(services: Services, number: int, sample: Sample) -> Talk | None:
    question, reference = (turn.content for turn in sample.messages)
    chat, seeded = services.chat, [replace(SAMPLING, seed=2 * number + again) for again in (0, 1)]
    first = chat.send(None, question, system_prompt=SYSTEM, sampling=seeded[0])
    chat.history.rename(first.conversation_id, question)  # Else the model thinks about a title in between.
    chat.wait(first)
    again = chat.regenerate(first.conversation_id, seen_leaf=first.reply_id, system_prompt=SYSTEM, sampling=seeded[1])
    chat.wait(again)
    one, other = (chat.history.message(turn.reply_id) for turn in (first, again))
    whole = all((reply.record or {}).get("finish_reason") == "stop" and reply.content.strip() for reply in (one, other))
    return Talk(first.conversation_id, (one, other), reference) if whole else None


def vote(services: Services, talks: Sequence[Talk], voter: str) -> list[Talk]:
    """Vote as the rule says; returns the talks that have a vote: where both replies are as near there is none."""
    voted = []
    for talk in talks:
        near = [VOTERS[voter](reply.content, talk.reference) for reply in talk.replies]
        for reply, mine, other in zip(talk.replies, near, reversed(near), strict=True):
            services.chat.history.mark(reply.id, vote=(mine > other) - (mine < other))
        voted += [talk] if near[0] != near[1] else []
    return voted


def correct(services: Services, talks: Sequence[Talk]) -> None:
    """Take the votes back, and write the makers' words over the first reply by hand."""
    for talk in talks:
        for reply in talk.replies:
            services.chat.history.mark(reply.id, vote=0)
        leaf = services.chat.history.conversation(talk.conversation).leaf_id
        services.chat.edit_reply(talk.conversation, talk.replies[0].id, talk.reference, seen_leaf=leaf)


def measure(services: Services, name: str, talks: Sequence[Talk], threads: int) -> list[Row]:
    """Train on the pairs of these talks, and read what the worker noted about those that it held out."""
    trainings = services.trainings
    services.manager.unload()
    began = time.monotonic()
    run_id = trainings.collect_own("", Choice("votes", ids=tuple(talk.conversation for talk in talks)), name)
    trainings.begin(run_id, TuningOptions(STARTER, RECIPE, device="cpu", threads=threads))
    done = trainings.wait(run_id)
    seconds = time.monotonic() - began
    if done.status != "complete":
        raise SystemExit(f"{name}: {done.status}. {done.error}")
    noted = trainings.progress(run_id)
    before, after = noted.evals[0], noted.evals[-1]
    held = list(read_samples(trainings.places(run_id).heldout))
    right, length = round(after["accuracy"] * len(held)), statistics.mean(_longer(one) for one in held)
    low, high = wilson(right, len(held))
    figure = f"{right / len(held):.1%} ({right} of {len(held)}), 95 % between {low:.1%} and {high:.1%}"
    print(f"{name}: {figure}", flush=True)
    return [
        Row(f"{name}: pairs", f"{noted.start['samples']} learned, {len(held)} held out; {noted.step} steps"),
        Row(f"{name}: margin", f"{before['margin']:.2f} before (no pair preferred), {after['margin']:+.2f} nats after"),
        Row(f"{name}: accuracy", figure, f"> {CHANCE:.0%}, all of it", low > CHANCE),
        Row(f"{name}: the longer reply is the better one", f"{length:.1%}"),
        Row(f"{name}: loss", f"{before['eval_loss']:.4f} -> {after['eval_loss']:.4f} in {seconds:.0f} s"),
    ]


def wilson(right: int, of: int) -> tuple[float, float]:
    """Between which the true share is with 95 %."""
    z, share = statistics.NormalDist().inv_cdf(0.975), right / of
    half = z * math.sqrt(share * (1 - share) / of + z**2 / (4 * of**2))
    low, high = ((share + z**2 / (2 * of) + sign * half) / (1 + z**2 / of) for sign in (-1, 1))
    return low, high


def _longer(sample: Sample) -> float:
    chosen, rejected = len(sample.chosen), len(sample.rejected)
    return CHANCE if chosen == rejected else float(chosen > rejected)


if __name__ == "__main__":
    main()
