"""What a training keeps is what it measured, and what it could not learn from or measure is told."""

from __future__ import annotations

import math
import shutil
from pathlib import Path
from typing import Any

import pytest

from playground.records import Turn
from playground.tuning.card import write_card
from playground.tuning.checkpoints import fault
from playground.tuning.journal import read_journal
from playground.tuning.progress import Progress, result_of
from playground.tuning.runfile import RunPlaces, read_run
from playground.tuning.samples import Sample
from tests.tuning.tiny import (
    TEMPLATE,
    begin,
    chats,
    ended,
    events,
    finish,
    make_run,
    same,
    seen,
    texts,
    tiny_base,
)

# PEFT asks for an older name of a property when it makes an adapter, and for the base's config, which has a name only.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing. is deprecated:FutureWarning"),
    pytest.mark.filterwarnings("ignore:Could not find a config file:UserWarning"),
]
NO_SYSTEM = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system messages') }}{% endif %}" + TEMPLATE


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """It takes no system messages."""
    return tiny_base(tmp_path_factory.mktemp("models") / "tiny", NO_SYSTEM)


def result(places: RunPlaces) -> dict[str, Any]:
    return result_of(Progress().add_all(read_journal(places.journal)))


def stopped(places: RunPlaces, steps: int) -> dict[str, Any]:
    """Run it, press Stop and keep behind some steps; what its journal says of the end."""
    process = begin(places)
    seen(places, "step", steps)
    places.wish.write_text("stop", encoding="utf-8")
    assert ended(process) == 0
    end = read_journal(places.journal)[-1]
    assert end["status"] == "stopped"
    return end


def test_without_evaluations_what_is_kept_is_measured_once(base: Path, tmp_path: Path) -> None:
    places = make_run(tmp_path / "run", base, chats(12), chats(4, 100), evaluations=0)
    end = finish(places)
    assert [one["step"] for one in events(places, "eval")] == [0, end["step"]]
    found = result(places)
    assert found["kept_step"] == found["adapter"]["step"] == end["step"]
    assert found["adapter"]["eval_loss"] < found["base"]["eval_loss"]


def test_stopped_before_its_first_evaluation_it_is_measured(base: Path, tmp_path: Path) -> None:
    places = make_run(tmp_path / "run", base, chats(24), chats(4, 100), num_train_epochs=50.0, evaluations=1)
    end = stopped(places, 5)
    assert [one["step"] for one in events(places, "eval")] == [0, end["step"]]
    found = result(places)
    assert found["adapter"]["step"] == found["kept_step"] == end["step"]
    assert found["adapter"]["eval_loss"] < found["base"]["eval_loss"]
    assert events(places, "checkpoint")[-1]["step"] == end["step"], "it is safe while it is measured"


def test_stopped_it_keeps_what_it_is_if_that_is_the_best(base: Path, tmp_path: Path) -> None:
    """And not that of the last evaluation, far behind it."""
    recipe: dict[str, Any] = {"max_steps": 200, "evaluations": 40, "learning_rate": 0.002, "warmup_ratio": 0.0}
    places = make_run(tmp_path / "run", base, chats(24), chats(4, 100), **recipe)
    end = stopped(places, 7)
    evals = events(places, "eval")[1:]
    assert evals[0]["step"] == 5
    assert evals[-1]["step"] == end["step"]
    best = min(evals, key=lambda one: one["eval_loss"])
    assert end["kept_step"] == best["step"] > 5
    assert same(places.adapter, places.best)
    assert fault(places.adapter) == ""


def test_what_cannot_be_learned_from_is_told_and_stops_nothing(base: Path, tmp_path: Path) -> None:
    system = [
        Sample("chat", row, (Turn("system", "Be."), *one.messages), (False, *one.learned))
        for row, one in zip((31, 7), chats(2, 50), strict=True)
    ]
    long = Sample("chat", 8, (Turn("user", "x" * 400), Turn("assistant", "y")), (False, True))
    train, heldout = [*chats(6), system[0], long], [*chats(2, 100), system[1]]
    places = make_run(tmp_path / "run", base, train, heldout, max_steps=2)
    assert finish(places)["status"] == "complete"
    (start,) = events(places, "start")
    assert start["unusable"] == 3
    assert [row for row, _ in start["unusable_rows"]] == [7, 8, 31]
    assert "no system messages" in start["unusable_rows"][0][1]
    assert "longer than max_length before its reply begins" in start["unusable_rows"][1][1]
    found = result(places)
    assert found["start"]["unusable"] == 3
    write_card(places.adapter, read_run(places), found)
    card = (places.adapter / "README.md").read_text(encoding="utf-8")
    assert "## Rows that were left out\n\n3 in all.\n\n- row 7: " in card


def test_all_of_a_long_text_is_learned(tmp_path: Path) -> None:
    bare = tiny_base(tmp_path / "bare", template=None)
    whole = " ".join(one.text for one in texts(60))
    places = make_run(tmp_path / "run", bare, [Sample("text", 1, text=whole)], task="text", max_length=32, max_steps=1)
    assert finish(places)["status"] == "complete"
    (start,) = events(places, "start")
    assert start["unusable"] == 0
    from transformers import AutoTokenizer

    tokens = len(AutoTokenizer.from_pretrained(str(bare))(whole)["input_ids"]) + 1
    assert tokens > 10 * 32
    pieces = math.ceil((tokens - 1) / 31)
    assert start["tokens"] == tokens + pieces - 1, "each token, and one more where two pieces meet"


def test_a_base_that_cannot_read_what_is_held_out_is_told_at_once(base: Path, tmp_path: Path) -> None:
    """Not behind a whole training of which nothing could be kept."""
    from safetensors.torch import load_file, save_file
    from transformers import AutoTokenizer

    own = tmp_path / "base"
    shutil.copytree(base, own)
    weights = load_file(own / "model.safetensors")
    (odd,) = AutoTokenizer.from_pretrained(str(own))("Q")["input_ids"]
    weights["model.embed_tokens.weight"][odd] = math.nan
    save_file(weights, own / "model.safetensors", metadata={"format": "pt"})
    heldout = [Sample("chat", 1, (Turn("user", "Q"), Turn("assistant", "the cat")), (False, True))]
    places = make_run(tmp_path / "run", own, chats(8), heldout)
    end = finish(places)
    assert (end["status"], end["step"], end["kept_step"]) == ("failed", 0, 0)
    assert "the model's files may be damaged. Download the model again" in end["error"]
    assert not events(places, "step")
    assert not places.adapter.exists()
