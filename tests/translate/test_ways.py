"""Which models lead from one language to another: direct ones first, then two in a row, then chat models."""

from __future__ import annotations

from playground.overview import LocalModel
from playground.translate.ways import Way, ways, with_model


def model(name: str, kind: str = "seq2seq", languages: tuple[str, ...] = (), **more: object) -> LocalModel:
    return LocalModel(name, name, "", 1, kind=kind, languages=languages, **more)  # type: ignore[arg-type]


EN_FR, FR_EN, EN_DE = (model(f"opus-{a}-{b}", languages=(a, b)) for a, b in (("en", "fr"), ("fr", "en"), ("en", "de")))
MANY = model("m2m", languages=("en", "fr", "de", "zh"))
CHAT, OTHER = model("qwen", "chat", ("en", "zh")), model("smol", "chat", ("en",))


def names(found: list[Way]) -> list[str]:
    return [" ".join(step.model for step in way.steps) for way in found]


def test_a_direct_pair_comes_before_a_bridge_and_a_chat_model() -> None:
    assert names(ways("fr", "de", [CHAT, EN_DE, FR_EN, MANY], "qwen")) == ["m2m", "opus-fr-en opus-en-de", "qwen"]
    (over,) = [way for way in ways("fr", "de", [EN_DE, FR_EN], "") if way.bridge]
    assert over.bridge == "en"


def test_a_model_of_one_pair_goes_one_way_only() -> None:
    assert names(ways("fr", "en", [EN_FR], "")) == []
    assert names(ways("en", "fr", [EN_FR], "")) == ["opus-en-fr"]
    assert with_model("opus-en-fr", "fr", "en", [EN_FR]) is None


def test_chat_models_that_know_both_languages_come_first_then_the_chosen_one() -> None:
    assert names(ways("en", "zh", [OTHER, CHAT], "smol")) == ["qwen", "smol"]
    assert names(ways("en", "ja", [CHAT, OTHER], "smol")) == ["smol", "qwen"]


def test_what_cannot_be_used_is_left_out() -> None:
    broken, pickle = (
        model("a", languages=("en", "fr"), error="Damaged."),
        model("b", languages=("en", "fr"), pickle=True),
    )
    assert ways("en", "fr", [broken, pickle, model("minilm", "embedding", ("en",))], "") == []


def test_the_pair_of_a_model_without_a_description_is_in_its_name() -> None:
    assert names(ways("zh", "en", [model("/home/me/opus-mt-zh-en", "")], "")) == ["/home/me/opus-mt-zh-en"]


def test_a_chosen_model_that_has_no_files_can_be_asked() -> None:
    assert names(ways("en", "fr", [], "http://host/v1#gpt")) == ["http://host/v1#gpt"]
