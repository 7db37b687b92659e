"""What the remote engine adds to the contract: servers that fail in every way, secrets, and what a stranger is sent.

The servers here answer by script, for no real one fails on demand; the contract is tested against a real server.
"""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from playground.engine import remote_http
from playground.engine.base import ModelSource
from playground.engine.remote_engine import RemoteEngine, list_models
from playground.errors import BadValueError, ContextError, ModelError, PlaygroundError
from playground.records import Chunk, Sampling, Turn
from tests.playing_server import Answer, Handler, Script, playing, word

KEY = "sk-very-secret"
HELLO = [Turn("system", "Be short."), Turn("user", "Hello")]


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Iterator[Script]:
    monkeypatch.setattr(remote_http, "_PAUSES", (0.01, 0.01))
    with playing() as server:
        yield server


def engine_of(script: Script, model: str = "tiny", **changes: Any) -> RemoteEngine:
    return RemoteEngine(ModelSource(model, Path(), url=script.url, api_key=KEY, **changes))


def ask(engine: RemoteEngine, cancel: threading.Event | None = None, **changes: Any) -> list[Chunk]:
    return list(engine.stream(HELLO, Sampling(**{"seed": 1, **changes}), cancel or threading.Event()))


def half_reply(engine: RemoteEngine, **changes: Any) -> tuple[str, PlaygroundError]:
    """What a reply said before it failed, and how it failed."""
    said: list[str] = []
    stream = engine.stream(HELLO, Sampling(**{"seed": 1, **changes}), threading.Event())
    with pytest.raises(PlaygroundError) as caught:
        said.extend(chunk.text for chunk in stream)
    assert KEY not in str(caught.value)
    assert "\n" not in str(caught.value)
    return "".join(said), caught.value


def test_models_are_listed_and_an_unknown_one_is_answered_with_the_list(script: Script) -> None:
    script.models({"id": "one"}, {"id": "two:latest"})
    assert list_models(script.url, KEY) == ["one", "two:latest"]
    assert engine_of(script, "two").info.model == "two"
    assert engine_of(script, f"{script.url}#one").info.capabilities.kind == "chat"
    with pytest.raises(ModelError, match=r"has no model 'three'. It has: one, two:latest"):
        engine_of(script, "three")
    assert script.asked[0][2]["Authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    ("code", "body", "kind", "words"),
    [
        (401, {"error": {"message": f"wrong key {KEY}"}}, "application/json", "refuses the key"),
        (403, "<html>no</html>", "text/html", "refuses the key"),
        (404, "<html>not here</html>", "text/html", "a web page .404.*ends in /v1"),
        (200, "<html>Welcome to nginx</html>", "text/html", "a web page .200."),
        (200, {"models": []}, "application/json", "no OpenAI-compatible API"),
        (429, {"error": {"message": "slow down"}}, "application/json", "too much to do.*in 7 s"),
        (500, {"error": {"message": f"boom with {KEY}"}}, "application/json", r"failed .500.: boom with .key."),
        (503, {"detail": "starting"}, "application/json", "503.*starting"),
        (302, "", "text/html", "sends its callers on to http://elsewhere.example/v1"),
    ],
)
def test_a_server_that_refuses(script: Script, code: int, body: Any, kind: str, words: str) -> None:
    headers = {"Retry-After": "7", "Location": "http://user:pw@elsewhere.example/v1?key=x"}
    script.answers["/v1/models"] = lambda handler: handler.say(code, body, kind, **headers)
    with pytest.raises(ModelError, match=words) as caught:
        engine_of(script)
    assert KEY not in str(caught.value)
    assert "pw" not in str(caught.value)
    assert len(script.asked) == (3 if code in (429, 503) else 1), "only what may pass by itself is tried again"


def test_a_call_that_changes_nothing_is_tried_again(script: Script) -> None:
    answers: list[Answer] = [
        lambda handler: handler.say(503, {"detail": "starting"}),
        lambda handler: handler.connection.close(),
        lambda handler: handler.say(200, {"data": [{"id": "tiny"}]}),
    ]
    script.answers["/v1/models"] = lambda handler: answers.pop(0)(handler)
    assert list_models(script.url) == ["tiny"]


def test_a_server_that_is_not_there() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ModelError, match="cannot be reached"):
        list_models(f"http://127.0.0.1:{port}/v1")
    with pytest.raises(ModelError, match="cannot be found"):
        list_models("http://no-such-machine.invalid/v1")


def test_a_server_without_tls_asked_for_tls(script: Script) -> None:
    with pytest.raises(ModelError, match="TLS"):
        list_models(script.url.replace("http:", "https:"))


@pytest.mark.parametrize("url", ["", "localhost:8000", "ftp://x/v1", "http://", "http://[::1"])
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(BadValueError, match="address"):
        list_models(url)


def test_a_key_that_cannot_be_one_is_not_repeated() -> None:
    with pytest.raises(BadValueError) as caught:
        list_models("http://localhost:1/v1", "sk secret\nkey")
    assert "secret" not in str(caught.value)


def test_the_password_in_an_address_is_not_shown(script: Script) -> None:
    source = ModelSource("tiny", Path(), url=script.url.replace("//", f"//user:{KEY}@"))
    engine = RemoteEngine(source)
    script.chat(lambda handler: handler.say(500, "no"))
    assert KEY not in f"{engine.info} {half_reply(engine)[1]}"


def test_a_reply_that_breaks_off_keeps_its_half_and_is_not_asked_for_twice(script: Script) -> None:
    script.chat(lambda handler: handler.events(word("Half "), word("a rep"), done=False))
    said, error = half_reply(engine_of(script))
    assert said == "Half a rep"
    assert "broke the connection off" in str(error)
    assert len(script.sent()) == 1


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda handler: handler.say(500, {"error": {"message": "out of memory"}}), "500.*out of memory"),
        (lambda handler: handler.say(503, "<html>bad gateway</html>", "text/html"), "a web page"),
        (lambda handler: handler.say(200, "<html>login</html>", "text/html"), "a web page"),
        (lambda handler: handler.say(200, {"choices": []}), "not with an OpenAI-compatible API"),
        (lambda handler: handler.events(word("a"), "{torn"), "not part of the API"),
        (lambda handler: handler.events(word("a"), "[1]"), "not part of the API"),
        (lambda handler: handler.events(word("a"), {"error": {"message": f"lost a GPU {KEY}"}}), "lost a GPU .key."),
        (lambda handler: handler.connection.close(), "broke the connection off"),
    ],
)
def test_a_reply_that_fails_is_asked_for_once(script: Script, answer: Answer, words: str) -> None:
    script.chat(answer)
    _, error = half_reply(engine_of(script))
    assert isinstance(error, ModelError)
    assert re.search(words, str(error))
    assert len(script.sent()) == 1


def test_a_server_that_hangs_is_given_up(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_http, "_SILENCE_SECONDS", 0.2)
    script.chat(lambda handler: (handler.events(word("a"), done=False), script.left.wait(20), None)[2])
    said, error = half_reply(engine_of(script))
    script.left.set()
    assert (said, "silent for too long" in str(error)) == ("a", True)


@pytest.mark.parametrize("when", ["before the headers", "between two words"])
def test_stop_ends_the_wait_for_a_silent_server_and_closes_the_connection(script: Script, when: str) -> None:
    stop = threading.Event()

    def answer(handler: Handler) -> None:
        if when == "between two words":
            handler.events(word("a"), done=False)
        stop.set()
        handler.connection.settimeout(20)
        assert handler.connection.recv(1) == b"", "the client has closed"
        script.left.set()

    script.chat(answer)
    chunks = ask(engine_of(script), stop)
    assert chunks[-1].finish_reason == "cancelled"
    assert script.left.wait(20)


def test_a_stop_string_ends_the_servers_work(script: Script) -> None:
    def endless(handler: Handler) -> None:
        handler.events(*(word(" ha") for _ in range(4)), done=False)
        while True:  # Until the pipe breaks.
            handler.wfile.write(f"data: {json.dumps(word(' ha'))}\n\n".encode())
            time.sleep(0.01)

    script.chat(endless)
    chunks = ask(engine_of(script), stop=("a ha ha",))
    assert "".join(chunk.text for chunk in chunks) == " h"
    assert chunks[-1].finish_reason == "stop"
    assert script.left.wait(20)


def test_text_that_would_confuse_a_reader_of_lines(script: Script) -> None:
    odd = "one\u2028two\x85three\n\ndata: [DONE] 天\U0001f600"
    script.chat(lambda handler: handler.events(word(odd), word("", "stop"), before=": a comment\n\nevent: x\n"))
    assert "".join(chunk.text for chunk in ask(engine_of(script))) == odd


def test_thoughts_that_are_sent_apart_are_marked(script: Script) -> None:
    thought = {"choices": [{"delta": {"reasoning_content": "hm"}}]}
    script.chat(lambda handler: handler.events(thought, thought, word("Yes"), word("", "stop")))
    assert "".join(chunk.text for chunk in ask(engine_of(script))) == "<think>\nhmhm\n</think>\n\nYes"


def test_counts_are_the_servers(script: Script) -> None:
    usage = {"prompt_tokens": 9, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 4}}
    script.chat(lambda handler: handler.events(word("a b c"), word("", "length"), {"choices": [], "usage": usage}))
    last = ask(engine_of(script))[-1]
    assert last == Chunk("", 9, 9, 4, 5, "length")


def test_a_stranger_gets_the_common_fields_and_we_say_what_stayed_behind(script: Script) -> None:
    script.chat(lambda handler: handler.events(word("a", "stop")))
    engine = engine_of(script, context_length=1234)
    ask(engine, top_k=5, min_p=0.1, repetition_penalty=1.2)
    sent = script.sent()[0]
    assert not {"top_k", "min_p", "repetition_penalty", "repeat_penalty"} & set(sent)
    assert sent["messages"] == [{"role": turn.role, "content": turn.content} for turn in HELLO]
    assert engine.info.context_length == 1234
    assert engine.info.versions is not None
    assert engine.info.versions["not_sent"] == "top_k, min_p, repetition_penalty"
    assert engine.info.versions["token_counts"] == "estimated"


def test_vllm_is_known_by_its_list_and_gets_what_it_understands(script: Script) -> None:
    script.models({"id": "tiny", "owned_by": "vllm", "max_model_len": 64})
    script.answers["/tokenize"] = lambda handler: handler.say(200, {"count": 50, "max_model_len": 64, "tokens": []})
    script.chat(lambda handler: handler.events(word("a", "stop")))
    engine = engine_of(script)
    list(engine.stream([*HELLO, Turn("assistant", "Once")], Sampling(seed=3, top_k=0), threading.Event()))
    sent = script.sent()[0]
    assert (sent["top_k"], sent["min_p"], sent["max_tokens"], sent["seed"]) == (-1, 0.0, 14, 3)
    assert (sent["continue_final_message"], sent["add_generation_prompt"]) == (True, False)
    assert script.sent("/tokenize")[0]["continue_final_message"] is True
    assert (engine.info.context_length, engine.count_tokens(HELLO)) == (64, 50)
    script.answers["/tokenize"] = lambda handler: handler.say(200, {"count": 70})
    with pytest.raises(ContextError) as caught:
        ask(engine)
    assert (caught.value.tokens, caught.value.limit) == (70, 64)


@pytest.mark.parametrize(
    ("message", "tokens", "limit"),
    [
        ("This model's maximum context length is 100 tokens. However, your request has 130 input tokens.", 130, 100),
        (
            "This model's maximum context length is 100 tokens. However, you requested 190 tokens "
            "(150 in the messages, 40 in the completion).",
            150,
            100,
        ),
        ("This model's maximum context length is 100 tokens. However, your messages resulted in 120 tokens.", 120, 100),
    ],
)
def test_a_full_context_is_said_with_its_numbers(script: Script, message: str, tokens: int, limit: int) -> None:
    script.chat(lambda handler: handler.say(400, {"error": {"message": message, "code": 400}}))
    _, error = half_reply(engine_of(script))
    assert isinstance(error, ContextError)
    assert (error.tokens, error.limit) == (tokens, limit)


def test_a_reply_that_has_no_room_beside_its_prompt_is_asked_for_shorter(script: Script) -> None:
    full = "This model's maximum context length is 100 tokens. However, you requested 190 tokens (90 in the messages)."
    answers: list[Answer] = [
        lambda handler: handler.say(400, {"object": "error", "message": full}),
        lambda handler: handler.events(word("a", "stop")),
    ]
    script.chat(lambda handler: answers.pop(0)(handler))
    assert ask(engine_of(script), max_new_tokens=100)[-1].finish_reason == "stop"
    assert [sent["max_tokens"] for sent in script.sent()] == [100, 10]
