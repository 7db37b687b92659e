"""What the CTranslate2 engine adds to the contract: lines, languages, families, what it converts, how that fails."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from playground.engine.base import AdapterSource, ModelSource
from playground.engine.ctranslate2_engine import CTranslate2Engine
from playground.engine.language_codes import known_code, language_pair
from playground.errors import ContextError, ModelError, StorageError
from playground.records import Chunk, Sampling, Turn
from tests.conftest import Disk
from tests.engine import seq2seq

SENTENCE = "Tell me a long story about a dog."


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory, tiny_marian: Path) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("families")
    return {
        "marian": tiny_marian,
        "t5": seq2seq.t5(place / "t5"),
        "m2m100": seq2seq.m2m100(place / "m2m100"),
        "nllb": seq2seq.m2m100(place / "nllb", nllb=True),
        "madlad": seq2seq.t5(place / "madlad", ("en", "fr", "zh")),
    }


def load(folder: Path, cache: Path, **changes: Any) -> CTranslate2Engine:
    return CTranslate2Engine(ModelSource("tiny", folder, **{"threads": 2, "cache": cache, **changes}))


def ask(engine: CTranslate2Engine, turns: Sequence[Turn] | str, **changes: Any) -> list[Chunk]:
    turns = [Turn("user", turns)] if isinstance(turns, str) else turns
    sampling = Sampling(**{"seed": 1, "temperature": 0.0, "max_new_tokens": 12, **changes})
    return list(engine.stream(turns, sampling, threading.Event()))


def text_of(chunks: Sequence[Chunk]) -> str:
    return "".join(chunk.text for chunk in chunks)


@pytest.mark.parametrize("family", ["marian", "t5", "m2m100", "nllb", "madlad"])
def test_without_quantisation_it_writes_what_transformers_writes(
    family: str, models: dict[str, Path], conversion_cache: Path
) -> None:
    import torch
    import transformers

    library: Any = transformers
    engine = load(models[family], conversion_cache, precision="fp32")
    system = [Turn("system", "en > fr")] if family in ("m2m100", "nllb", "madlad") else []
    ours = text_of(ask(engine, [*system, Turn("user", SENTENCE)], max_new_tokens=10))
    model = library.AutoModelForSeq2SeqLM.from_pretrained(models[family])
    tokenizer = engine._tokenizer
    known = tokenizer(f"<2fr> {SENTENCE}" if family == "madlad" else SENTENCE, return_tensors="pt")
    first = {"m2m100": "__fr__", "nllb": "fra_Latn"}.get(family)
    forced = {"forced_bos_token_id": tokenizer.convert_tokens_to_ids(first)} if first else {}
    with torch.inference_mode():
        most = 11 if first else 10
        tokens = model.generate(**known, **forced, num_beams=1, do_sample=False, max_new_tokens=most, min_new_tokens=2)
    theirs = tokenizer.decode(tokens[0, 2 if first else 1 :], skip_special_tokens=True)
    # A stream leaves out bytes that are no character; the library shows them as marks.
    assert ours.strip() == theirs.replace("\ufffd", "").strip()
    assert engine.info.capabilities.kind == "seq2seq"


@pytest.fixture(scope="module")
def engine(models: dict[str, Path], conversion_cache: Path) -> CTranslate2Engine:
    return load(models["marian"], conversion_cache)


def test_lines_keep_their_shape_and_are_translated_one_by_one(engine: CTranslate2Engine) -> None:
    alone = [text_of(ask(engine, line, max_new_tokens=1500)) for line in ("Tell me", "long story")]
    chunks = ask(engine, "  Tell me\n\n\tlong story\n", max_new_tokens=1500)
    assert text_of(chunks) == f"  {alone[0]}\n\n\t{alone[1]}\n"
    assert chunks[-1].finish_reason == "length", "this model only ends where it has no positions left"


@pytest.mark.parametrize("text", ["", "\n \n"])
def test_nothing_to_translate(engine: CTranslate2Engine, text: str) -> None:
    chunks = ask(engine, text)
    assert (chunks[-1].finish_reason, text_of(chunks).strip()) == ("stop", "")


def test_a_half_translation_goes_on_in_its_line(engine: CTranslate2Engine) -> None:
    text = f"{SENTENCE}\n{SENTENCE}"
    begun = "a dog\nlong story about"
    rest = ask(engine, [Turn("user", text), Turn("assistant", begun)])
    assert rest[-1].completion_tokens == 12
    assert "\n" not in text_of(rest)
    assert engine.count_tokens([Turn("user", text)]) > rest[-1].prompt_tokens, "the first line is done"


def test_a_line_longer_than_the_model_reads(models: dict[str, Path], conversion_cache: Path) -> None:
    engine = load(models["marian"], conversion_cache, context_length=4000)
    lines = "\n".join([SENTENCE * 5] * 12)
    assert engine.count_tokens([Turn("user", lines)]) > 512, "many lines may be longer together"
    assert ask(engine, lines)[-1].finish_reason == "length"
    with pytest.raises(ContextError) as caught:
        ask(engine, SENTENCE * 100)
    assert caught.value.limit == 512
    assert caught.value.tokens == engine.count_tokens([Turn("user", SENTENCE * 100)])


def test_sampling_with_a_temperature_near_nothing_is_greedy(engine: CTranslate2Engine) -> None:
    assert text_of(ask(engine, SENTENCE, temperature=1e-4)) == text_of(ask(engine, SENTENCE))


@pytest.mark.parametrize(
    ("family", "pair"),
    [("m2m100", "en > zh"), ("nllb", "en -> zh"), ("nllb", "eng_Latn > zho_Hans"), ("madlad", "en > zh")],
)
def test_languages(models: dict[str, Path], conversion_cache: Path, family: str, pair: str) -> None:
    engine = load(models[family], conversion_cache)
    chunks = ask(engine, [Turn("system", pair), Turn("user", SENTENCE)])
    assert chunks[-1].prompt_tokens == engine.count_tokens([Turn("system", pair), Turn("user", SENTENCE)]) > 5
    with pytest.raises(ModelError, match="Write the pair as the system prompt"):
        ask(engine, SENTENCE)
    with pytest.raises(ModelError, match=r"does not know the language 'xx'\. It knows: "):
        ask(engine, [Turn("system", "en > xx"), Turn("user", SENTENCE)])


def test_codes_of_languages() -> None:
    assert language_pair("en > fr") == ("en", "fr")
    assert language_pair("You are a helpful assistant") is None
    assert known_code("zh-TW", {"zho_Hans", "zho_Hant"}) == "zho_Hant"
    assert known_code("eng_Latn", {"en", "fr"}) == "en"
    assert known_code("fr", {"fra", "deu"}) == "fra"
    assert known_code("fr", {"de"}) is None


def test_it_converts_once_and_reads_a_ready_model(models: dict[str, Path], tmp_path: Path) -> None:
    load(models["marian"], tmp_path).close()
    (made,) = tmp_path.iterdir()
    before = (made / "model.bin").stat().st_mtime_ns
    expected = text_of(ask(load(models["marian"], tmp_path), SENTENCE))
    assert (made / "model.bin").stat().st_mtime_ns == before
    for file in models["marian"].iterdir():
        if file.suffix not in (".safetensors", ".bin") and file.name != "config.json":
            shutil.copy(file, made)
    assert text_of(ask(CTranslate2Engine(ModelSource("ready", made)), SENTENCE)) == expected


def test_what_a_kill_left_behind_is_not_mistaken_for_a_model(models: dict[str, Path], tmp_path: Path) -> None:
    load(models["marian"], tmp_path).close()
    (made,) = tmp_path.iterdir()
    torn = made.rename(made.with_name(f"{made.name}.part"))
    (torn / "model.bin").write_bytes(b"half")
    load(models["marian"], tmp_path).close()
    assert [folder.name for folder in tmp_path.iterdir()] == [made.name]


def test_a_full_disk(models: dict[str, Path], disk: Disk) -> None:
    disk.fill()
    with pytest.raises(StorageError):
        load(models["marian"], disk.root / "cache")
    disk.clear()
    assert not list(disk.root.glob("cache/*"))


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("another kind", "of a kind .llama."),
        ("own vocabularies", "of a kind .marian."),
        ("missing weights", "lacks 1 of the model's weights"),
        ("truncated", "damaged or incomplete"),
        ("no weights", "holds no model"),
        ("no tokenizer", "tokenizer of .* missing or damaged"),
        ("torn model.bin", "damaged or incomplete"),
        ("nf4", "does not know the precision nf4"),
    ],
)
def test_what_it_cannot_load(tiny_marian: Path, tmp_path: Path, what: str, words: str) -> None:
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "broken"
    shutil.copytree(tiny_marian, folder)
    config, weights = json.loads((folder / "config.json").read_text(encoding="utf-8")), folder / "model.safetensors"
    changes: dict[str, Any] = {}
    if what == "another kind":
        config["model_type"] = "llama"
    elif what == "own vocabularies":
        config["share_encoder_decoder_embeddings"] = False
    elif what == "missing weights":
        kept = load_file(weights)
        del kept["model.encoder.layers.0.fc1.weight"]
        save_file(kept, weights, metadata={"format": "pt"})
    elif what == "truncated":
        weights.write_bytes(weights.read_bytes()[:-100])
    elif what == "no weights":
        weights.rename(folder / "pytorch_model.bin")
    elif what == "no tokenizer":
        (folder / "source.spm").unlink()
    elif what == "torn model.bin":
        (folder / "model.bin").write_bytes(b"half")
    else:
        changes["precision"] = what
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(ModelError, match=words) as caught:
        load(folder, tmp_path / "cache", **changes)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.glob("cache/*"))


def test_it_has_no_adapters(engine: CTranslate2Engine) -> None:
    assert (engine.info.capabilities.adapters, engine.adapters) == (False, ())
    with pytest.raises(ModelError, match="Choose another engine"):
        engine.attach(AdapterSource("mine", Path()))
