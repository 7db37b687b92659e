"""Images and the remote engine: what servers say they can see, what they are sent, how they refuse.

The servers are played (`tests.playing_server`), in the words of llama-server, Ollama, vLLM, OpenRouter and Mistral.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from playground.engine.base import ModelSource
from playground.engine.remote_engine import RemoteEngine
from playground.engine.remote_vision import image_tokens, is_refusal
from playground.errors import ModelError
from playground.records import Picture, Sampling, Turn
from tests.pictures import halves, written
from tests.playing_server import Script, playing, word

PICTURE = Picture("image/png", written(halves()), 60, 40)
SHOWN = [Turn("system", "Be short."), Turn("user", "What is this?", (PICTURE,))]
LLAMA = {"id": "tiny", "owned_by": "llamacpp", "meta": {"n_ctx": 4096}}
OLLAMA = {"id": "tiny", "owned_by": "library"}
VLLM = {"id": "tiny", "owned_by": "vllm", "max_model_len": 4096}
OTHER = {"id": "tiny", "owned_by": "someone"}


@pytest.fixture
def script() -> Iterator[Script]:
    with playing() as server:
        yield server


def engine_of(script: Script) -> RemoteEngine:
    return RemoteEngine(ModelSource("tiny", Path(), url=script.url))


def ask(engine: RemoteEngine, turns: list[Turn]) -> str:
    return "".join(chunk.text for chunk in engine.stream(turns, Sampling(seed=1), threading.Event()))


@pytest.mark.parametrize(
    ("entry", "path", "answer", "sees"),
    [
        (LLAMA, "/props", {"total_slots": 2, "modalities": {"vision": True, "audio": False}}, True),
        (LLAMA, "/props", {"total_slots": 2, "modalities": {"vision": False, "audio": False}}, False),
        (LLAMA, "/props", {"total_slots": 2}, None),
        ({**LLAMA, "architecture": {"input_modalities": ["text", "image"]}}, "/props", {"role": "router"}, True),
        ({**LLAMA, "architecture": {"input_modalities": ["text"]}}, "/props", {"role": "router"}, False),
        (OLLAMA, "/api/show", {"capabilities": ["completion", "vision"]}, True),
        (OLLAMA, "/api/show", {"capabilities": ["completion", "tools"]}, False),
        (OLLAMA, "/api/show", {"details": {}}, None),
        (OLLAMA, "/nowhere", {}, None),
        (VLLM, "", {}, None),
        (OTHER, "", {}, None),
        ({**OTHER, "architecture": {"input_modalities": ["text", "image"], "modality": "text+image"}}, "", {}, True),
        ({**OTHER, "capabilities": {"completion_chat": True, "vision": False}}, "", {}, False),
        ({**OTHER, "capabilities": ["vision", "tools"]}, "", {}, True),
        ({**OTHER, "capabilities": ["tools"]}, "", {}, None),
        ({**OTHER, "architecture": "llama", "capabilities": 5, "input_modalities": {}}, "", {}, None),
    ],
)
def test_whether_a_model_sees_is_asked_of_its_server(
    script: Script, entry: dict[str, Any], path: str, answer: dict[str, Any], sees: bool | None
) -> None:
    script.models(entry)
    script.answers[path] = lambda handler: handler.say(200, answer)
    info = engine_of(script).info
    assert info.capabilities.vision is (sees is not False)
    assert (info.versions or {}).get("vision") == ("not told" if sees is None else None)
    if path == "/api/show":
        assert script.sent(path) == [{"model": "tiny"}]


@pytest.mark.parametrize("entry", [LLAMA, OLLAMA, VLLM, OTHER])
def test_images_are_sent_as_parts_before_the_text(script: Script, entry: dict[str, Any]) -> None:
    script.models(entry)
    script.answers["/props"] = lambda handler: handler.say(200, {"modalities": {"vision": True}})
    script.answers["/api/show"] = lambda handler: handler.say(200, {"capabilities": ["vision"]})
    script.answers["/apply-template"] = lambda handler: handler.say(200, {"prompt": "p"})
    script.answers["/tokenize"] = lambda handler: handler.say(200, {"tokens": [1] * 9, "count": 9})
    script.chat(lambda handler: handler.events(word("A flag."), word("", "stop")))
    assert ask(engine_of(script), [*SHOWN, Turn("assistant", "")]) == "A flag."
    system, user = script.sent()[0]["messages"]
    assert system == {"role": "system", "content": "Be short."}
    image, text = user["content"]
    assert text == {"type": "text", "text": "What is this?"}
    assert image["type"] == "image_url"
    start, _, data = image["image_url"]["url"].partition(",")
    assert (start, base64.b64decode(data)) == ("data:image/png;base64", PICTURE.data)


@pytest.mark.parametrize("entry", [LLAMA, VLLM, OTHER])
def test_an_image_is_counted_without_being_sent(script: Script, entry: dict[str, Any]) -> None:
    script.models(entry)
    script.answers["/props"] = lambda handler: handler.say(200, {})
    script.answers["/apply-template"] = lambda handler: handler.say(200, {"prompt": "p"})
    script.answers["/tokenize"] = lambda handler: handler.say(200, {"tokens": [1] * 9, "count": 9})
    engine = engine_of(script)
    text = [Turn(turn.role, turn.content) for turn in SHOWN]
    assert engine.count_tokens(SHOWN) == engine.count_tokens(text) + 576
    assert "image" not in str(script.asked)


@pytest.mark.parametrize(
    ("sizes", "tokens"), [([], 0), ([(10, 10)], 576), ([(1536, 1536)], 3025), ([(1536, 28), (1120, 1120)], 576 + 1600)]
)
def test_tokens_of_images(sizes: list[tuple[int, int]], tokens: int) -> None:
    assert image_tokens([Turn("user", "", tuple(Picture("image/png", b"", *size) for size in sizes))]) == tokens


REFUSALS = [
    "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj",
    "image input is not supported by this server",
    'Failed to parse messages: Unsupported content part type: "image_url"; messages = [...',
    "facebook/opt-125m is not a multimodal model None",
    "At most 0 image(s) may be provided in one prompt.",
    "this model is missing data required for image input",
    "Invalid content type. image_url is only supported by certain models.",
    "This model does not support image inputs",
    "The model doesn't support images.",
    "Only 'text' content type is supported.",
]
OTHERWISE = [
    "At most 1 image(s) may be provided in one request.",
    "Failed to load image or audio file",
    "illegal base64 data at input byte 5",
    "out of memory while reading an image",
    "CUDA error",
]


@pytest.mark.parametrize("words", REFUSALS)
def test_a_refusal_is_said_and_remembered(script: Script, words: str) -> None:
    script.models(VLLM)
    script.answers["/tokenize"] = lambda handler: handler.say(200, {"count": 9})
    script.chat(lambda handler: handler.say(400, {"error": {"message": words, "code": 400}}))
    engine = engine_of(script)
    assert engine.info.capabilities.vision
    with pytest.raises(ModelError, match=r"^tiny cannot see images: its server refused them\. Regenerate"):
        ask(engine, SHOWN)
    assert not engine.info.capabilities.vision
    assert len(script.sent()) == 1


@pytest.mark.parametrize("words", OTHERWISE)
def test_other_failures_are_the_servers_words(script: Script, words: str) -> None:
    assert not is_refusal(words)
    script.chat(lambda handler: handler.say(400, {"error": {"message": words}}))
    engine = engine_of(script)
    with pytest.raises(ModelError, match="failed"):
        ask(engine, SHOWN)
    assert engine.info.capabilities.vision


def test_without_an_image_no_failure_means_that_it_cannot_see(script: Script) -> None:
    script.chat(lambda handler: handler.say(400, {"error": {"message": REFUSALS[0]}}))
    engine = engine_of(script)
    with pytest.raises(ModelError, match="image input is not supported"):
        ask(engine, [Turn("user", "Hello")])
    assert engine.info.capabilities.vision
