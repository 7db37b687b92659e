"""LoRA adapters in the transformers engine: as PEFT computes them, off to the bit, apart from each other."""

from __future__ import annotations

import gc
import json
import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from playground.engine.base import AdapterSource, ModelSource
from playground.engine.transformers_engine import TransformersEngine
from playground.errors import ModelError
from playground.records import Sampling, Turn

# PEFT asks for an older name of a property when it makes an adapter, which only these tests do.
pytestmark = pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing. is deprecated:FutureWarning")
PROMPT = [Turn("user", "the cat sat on the mat")]


def make_adapter(model_folder: Path, folder: Path, seed: int, **changes: Any) -> Path:
    """An adapter that changes every answer, saved by PEFT itself."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_pretrained(model_folder, dtype=torch.float32)
    peft_model = get_peft_model(model, LoraConfig(**{"r": 4, "target_modules": "all-linear", **changes}))
    for name, weight in peft_model.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(weight, std=0.4)
    peft_model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def one(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> AdapterSource:
    return AdapterSource("one", make_adapter(tiny_model, tmp_path_factory.mktemp("one"), 1))


@pytest.fixture(scope="module")
def two(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> AdapterSource:
    folder = make_adapter(tiny_model, tmp_path_factory.mktemp("two"), 2, target_modules=["q_proj", "v_proj"])
    return AdapterSource("two.with.dots", folder)


@pytest.fixture
def engine(tiny_model: Path) -> Iterator[TransformersEngine]:
    made = TransformersEngine(ModelSource("tiny", tiny_model, threads=2))
    yield made
    made.close()


def say(engine: TransformersEngine, adapter: str = "") -> tuple[str, int]:
    sampling = Sampling(seed=1, max_new_tokens=16, temperature=0.0)
    chunks = list(engine.stream(PROMPT, sampling, threading.Event(), adapter=adapter))
    return "".join(chunk.text for chunk in chunks), chunks[-1].cached_tokens


def scores(engine: TransformersEngine) -> Any:
    import torch

    with torch.inference_mode():
        return engine._model(input_ids=torch.arange(40)[None]).logits


def test_two_adapters_are_held_and_switched(engine: TransformersEngine, one: AdapterSource, two: AdapterSource) -> None:
    bare = say(engine)[0]
    engine.attach(one)
    engine.attach(two)
    assert engine.adapters == ("one", "two.with.dots")
    texts = [say(engine, name) for name in ("one", "two.with.dots", "", "one", "two.with.dots", "")]
    assert len({text for text, _ in texts}) == 3
    assert [text for text, _ in texts[:3]] == [text for text, _ in texts[3:]]
    assert texts[2][0] == bare
    assert [cached for _, cached in texts[:2]] == [0, 0], "what was read without it is of no use"
    assert all(cached > 0 for _, cached in texts[2:])


def test_off_is_the_bare_model_to_the_bit(engine: TransformersEngine, one: AdapterSource) -> None:
    import torch

    before = scores(engine)
    engine.attach(one)
    say(engine, "one")
    say(engine, "")
    assert torch.equal(scores(engine), before)
    engine.detach("one")
    assert torch.equal(scores(engine), before)
    assert engine.adapters == ()
    with pytest.raises(ModelError, match="not attached"):
        say(engine, "one")


def test_it_computes_what_peft_computes(
    tiny_model: Path, engine: TransformersEngine, one: AdapterSource, two: AdapterSource
) -> None:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    for source in (one, two):
        plain = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32)
        with torch.inference_mode():
            expected = PeftModel.from_pretrained(plain, source.path)(input_ids=torch.arange(40)[None]).logits
        engine.attach(source)
        say(engine, source.name)
        got = scores(engine)
        assert (got - expected).norm() / expected.norm() < 0.01


def test_an_adapter_loaded_anew_under_its_name(
    tiny_model: Path, engine: TransformersEngine, one: AdapterSource, two: AdapterSource
) -> None:
    engine.attach(one)
    first = say(engine, "one")[0]
    engine.attach(AdapterSource("one", two.path))
    assert engine.adapters == ("one",)
    second, cached = say(engine, "one")
    assert second != first
    assert cached == 0


def no_folder(place: Path, tiny: Path) -> None:
    place.rmdir()


def no_adapter(place: Path, tiny: Path) -> None:
    (place / "config.json").write_text("{}", encoding="utf-8")


def pickle(place: Path, tiny: Path) -> None:
    make_adapter(tiny, place, 1)
    (place / "adapter_model.safetensors").rename(place / "adapter_model.bin")


def truncated(place: Path, tiny: Path) -> None:
    weights = make_adapter(tiny, place, 1) / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-50])


def other_kind(place: Path, tiny: Path) -> None:
    config = make_adapter(tiny, place, 1) / "adapter_config.json"
    config.write_text(
        json.dumps(json.loads(config.read_text(encoding="utf-8")) | {"peft_type": "LOHA"}), encoding="utf-8"
    )


def other_names(place: Path, tiny: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = make_adapter(tiny, place, 1) / "adapter_model.safetensors"
    renamed = {name.replace("layers.1", "layers.7"): value for name, value in load_file(weights).items()}
    save_file(renamed, weights)


def other_sizes(place: Path, tiny: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = make_adapter(tiny, place, 1) / "adapter_model.safetensors"
    save_file({name: value.repeat(2, 2).contiguous() for name, value in load_file(weights).items()}, weights)


def no_numbers(place: Path, tiny: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = make_adapter(tiny, place, 1) / "adapter_model.safetensors"
    save_file({name: value / 0 for name, value in load_file(weights).items()}, weights)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (no_folder, "no adapter for this engine"),
        (no_adapter, "no adapter for this engine"),
        (pickle, "pickle file.*as safetensors"),
        (truncated, "damaged or incomplete"),
        (other_kind, "of the kind LOHA"),
        (other_names, "does not fit this model.*made for tiny"),
        (other_sizes, "does not fit this model.*made for tiny"),
        (no_numbers, "does not fit|not numbers"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(
    tiny_model: Path,
    engine: TransformersEngine,
    one: AdapterSource,
    tmp_path: Path,
    damage: Callable[[Path, Path], None],
    words: str,
) -> None:
    import torch

    before = scores(engine)
    engine.attach(one)
    spoken = say(engine, "one")[0]
    place = tmp_path / "adapter"
    place.mkdir()
    damage(place, tiny_model)
    with pytest.raises(ModelError, match=words) as caught:
        engine.attach(AdapterSource("other", place))
    assert "\n" not in str(caught.value)
    assert engine.adapters == ("one",)
    assert say(engine, "one")[0] == spoken
    say(engine)
    assert torch.equal(scores(engine), before)


def test_closing_frees_the_weights(tiny_model: Path, one: AdapterSource) -> None:
    engine = TransformersEngine(ModelSource("tiny", tiny_model, threads=2, adapters=(one,)))
    assert engine.adapters == ("one",)
    say(engine, "one")
    model = weakref.ref(engine._model)
    engine.close()
    engine.close()
    gc.collect()
    assert model() is None
