"""What every engine promises (`Engine` in base.py), asked of each of them in the same words.

`tiny` is the transformers engine with random weights, `ctranslate2` a random translation model: they cost nothing and
write broken bytes, which is a test too. `remote` asks llama.cpp's own server in another process.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from playground.engine.base import Engine, ModelSource
from playground.errors import BadValueError, ContextError
from playground.records import Chunk, Reading, Sampling, TokenScore, Turn

SYSTEM = Turn("system", "You are a knowledgeable assistant. Give short, correct answers.")
FRANCE = [SYSTEM, Turn("user", "What is the capital of France?")]
STORY = [
    Turn(
        "user",
        "Tell me a long story about a dog that lives by the sea. It swims every morning, sleeps in an old boat, and "
        "one day it meets a cat that has come from far away. They become friends after some time.",
    )
]
UNICODE = "天气很好，我们去公园吧。😀👩‍👩‍👧 naïve café 🇫🇷 Привет"
LIMITS: tuple[dict[str, Any], ...] = (
    {"temperature": 0.0},
    {"temperature": 1e-6},
    {"temperature": 5.0},
    {"top_p": 0.0},
    {"top_p": 1.0, "top_k": 0},
    {"top_k": 1000},
    {"min_p": 1.0},
    {"repetition_penalty": 0.5},
    {"repetition_penalty": 3.0},
    {"seed": 0},
    {"seed": 2**32 - 2},
)
QUANTISED = ["tiny-nf4", "tiny-int8"]
REAL = [pytest.param(name, marks=pytest.mark.real_model) for name in ("llamacpp", "transformers", "remote")]
TINY = ["tiny", *QUANTISED]
WITH_WEIGHTS = pytest.mark.parametrize("engine", [*TINY, "ctranslate2", *REAL], indirect=True)
WITH_CACHE = pytest.mark.parametrize("engine", [*TINY, *REAL], indirect=True)
REAL_ONLY = pytest.mark.parametrize("engine", REAL, indirect=True)


@pytest.fixture(scope="module", params=["echo", *TINY, "ctranslate2", *REAL])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    made = make(request.param, request)
    yield made
    made.close()


def make(name: str, request: pytest.FixtureRequest) -> Engine:
    if name == "echo":
        from playground.engine.echo_engine import EchoEngine

        return EchoEngine(ModelSource("echo", Path(), context_length=2048))
    if name == "llamacpp":
        from playground.engine.llamacpp_engine import LlamaCppEngine

        gguf = request.getfixturevalue("starter_gguf")
        return LlamaCppEngine(ModelSource("starter", gguf, context_length=2048, threads=1))
    if name == "ctranslate2":
        from playground.engine.ctranslate2_engine import CTranslate2Engine

        marian, cache = request.getfixturevalue("tiny_marian"), request.getfixturevalue("conversion_cache")
        return CTranslate2Engine(ModelSource("marian", marian, context_length=512, threads=1, cache=cache))
    if name == "remote":
        from playground.engine.remote_engine import RemoteEngine

        url, key = request.getfixturevalue("llama_server")
        return RemoteEngine(ModelSource("starter", Path(), url=url, api_key=key))
    from playground.engine.transformers_engine import TransformersEngine

    if name.startswith("tiny"):
        precision = name.partition("-")[2] or "auto"
        return TransformersEngine(
            ModelSource("tiny", request.getfixturevalue("tiny_model"), threads=1, precision=precision)
        )
    gguf, cache = request.getfixturevalue("starter_gguf"), request.getfixturevalue("conversion_cache")
    return TransformersEngine(ModelSource("starter", gguf, context_length=2048, threads=1, cache=cache))


def ask(
    engine: Engine,
    turns: Sequence[Turn],
    cancel: threading.Event | None = None,
    top: int = 0,
    reading: Reading = (),
    **changes: Any,
) -> list[Chunk]:
    sampling = Sampling(**{"seed": 1, "max_new_tokens": 16, "temperature": 0.0, **changes})
    return list(engine.stream(turns, sampling, cancel or threading.Event(), top_logprobs=top, reading=reading))


def text_of(chunks: Sequence[Chunk]) -> str:
    return "".join(chunk.text for chunk in chunks)


def tokens_of(chunks: Sequence[Chunk]) -> list[TokenScore]:
    return [token for chunk in chunks for token in chunk.tokens]


def told_by(engine: Engine, chunks: Sequence[Chunk]) -> str:
    """What the texts of tokens should make together."""
    return "" if engine.info.engine == "ctranslate2" else text_of(chunks)


def long_prompt(engine: Engine, tokens: int) -> list[Turn]:
    """A prompt of about that many tokens, which `echo` takes a minute to read."""
    words = 10
    while engine.count_tokens(turns := [Turn("user", "/read 60000 " + "that " * words)]) < tokens:
        words = int(words * 1.2) + 1
    return turns


def test_chunks_are_typed_and_the_last_alone_says_why_it_ended(engine: Engine) -> None:
    chunks = ask(engine, STORY)
    assert all(type(chunk) is Chunk for chunk in chunks)
    assert len([chunk for chunk in chunks if chunk.text]) > 3, "the text comes in steps"
    assert [chunk.finish_reason for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)
    assert chunks[-1].finish_reason == "length"


def test_counts_grow_and_agree(engine: Engine) -> None:
    chunks = ask(engine, FRANCE)
    for field in ("prompt_done", "completion_tokens"):
        values = [getattr(chunk, field) for chunk in chunks]
        assert values == sorted(values)
    last = chunks[-1]
    assert last.prompt_done == last.prompt_tokens == engine.count_tokens(FRANCE)
    assert all(not chunk.text for chunk in chunks if chunk.prompt_done < chunk.prompt_tokens)
    assert 0 < last.completion_tokens <= 16


@pytest.mark.parametrize("most", [1, 5])
def test_a_reply_is_cut_at_max_new_tokens(engine: Engine, most: int) -> None:
    last = ask(engine, STORY, max_new_tokens=most)[-1]
    assert (last.completion_tokens, last.finish_reason) == (most, "length")


def test_info_names_what_is_loaded(engine: Engine) -> None:
    info = engine.info
    assert info.model
    assert info.versions
    assert "playground" in info.versions
    assert 0 < info.context_length <= 2048


def test_stop_ends_within_one_token_and_the_next_call_works(engine: Engine) -> None:
    stop = threading.Event()
    said = 0
    chunks = []
    for chunk in engine.stream(STORY, Sampling(seed=1, max_new_tokens=150, temperature=0.0), stop):
        chunks.append(chunk)
        if chunk.completion_tokens == 4 and not stop.is_set():
            said = chunk.completion_tokens
            stop.set()
    assert chunks[-1].finish_reason == "cancelled"
    # Where another thread writes, a token or two may be on their way while this one sleeps.
    assert chunks[-1].completion_tokens <= said + 3
    assert ask(engine, STORY, max_new_tokens=3)[-1].completion_tokens == 3


def test_stop_before_the_start(engine: Engine) -> None:
    stop = threading.Event()
    stop.set()
    chunks = ask(engine, STORY, stop)
    assert chunks[-1].finish_reason == "cancelled"
    assert chunks[-1].completion_tokens <= 1


def test_stop_while_the_prompt_is_read(engine: Engine) -> None:
    turns = long_prompt(engine, engine.info.context_length * 3 // 4)
    stop = threading.Event()
    chunks = []
    for chunk in engine.stream(turns, Sampling(seed=1), stop):
        chunks.append(chunk)
        if chunk.prompt_tokens and chunk.prompt_done < chunk.prompt_tokens:
            stop.set()
    assert stop.is_set(), "reading is reported"
    assert (chunks[-1].finish_reason, chunks[-1].completion_tokens, text_of(chunks)) == ("cancelled", 0, "")
    if engine.info.engine != "echo":
        assert chunks[-1].prompt_done < chunks[-1].prompt_tokens
    assert ask(engine, FRANCE, max_new_tokens=2)[-1].finish_reason == "length"


def test_an_abandoned_stream_leaves_the_engine_usable(engine: Engine) -> None:
    expected = text_of(ask(engine, STORY))
    for tokens in (0, 1, 3):
        stream = engine.stream(STORY, Sampling(seed=1, max_new_tokens=150, temperature=0.0), threading.Event())
        while next(stream).completion_tokens < tokens:
            pass
        del stream
        assert text_of(ask(engine, STORY)) == expected


def test_chunks_may_be_taken_by_different_threads(engine: Engine) -> None:
    stream = engine.stream(STORY, Sampling(seed=1, max_new_tokens=6, temperature=0.0), threading.Event())
    chunks: list[Chunk] = []

    def take() -> None:
        if (chunk := next(stream, None)) is not None:
            chunks.append(chunk)

    while not chunks or chunks[-1].finish_reason is None:
        worker = threading.Thread(target=take)
        worker.start()
        worker.join()
    stream.close()
    assert text_of(chunks) == text_of(ask(engine, STORY, max_new_tokens=6))


def test_tokens_are_counted_while_a_reply_is_written(engine: Engine) -> None:
    alone = engine.count_tokens(FRANCE)
    stream = engine.stream(STORY, Sampling(seed=1, max_new_tokens=4, temperature=0.0), threading.Event())
    for _ in stream:
        assert engine.count_tokens(FRANCE) == alone


def test_the_same_seed_gives_the_same_text(engine: Engine) -> None:
    first, second = (text_of(ask(engine, STORY, temperature=0.8, seed=7)) for _ in range(2))
    assert first == second


@WITH_WEIGHTS
def test_other_seeds_give_other_texts(engine: Engine) -> None:
    texts = {text_of(ask(engine, STORY, temperature=1.5, top_k=0, top_p=1.0, seed=seed)) for seed in range(3)}
    assert len(texts) == 3


def test_temperature_zero_knows_no_seed(engine: Engine) -> None:
    assert text_of(ask(engine, STORY, seed=1)) == text_of(ask(engine, STORY, seed=2))


def test_a_stop_string_that_spans_chunks(engine: Engine) -> None:
    pieces = [chunk.text for chunk in ask(engine, STORY, max_new_tokens=24) if chunk.text]
    whole = "".join(pieces)
    stop = pieces[4][-1] + pieces[5][:1]
    chunks = ask(engine, STORY, max_new_tokens=24, stop=("never said", stop))
    assert text_of(chunks) == whole[: whole.index(stop)]
    assert chunks[-1].finish_reason == "stop"


def test_a_stop_string_inside_a_chunk(engine: Engine) -> None:
    pieces = [chunk.text for chunk in ask(engine, STORY, max_new_tokens=24) if chunk.text]
    whole, stop = "".join(pieces), max(pieces, key=len)[1:3]
    chunks = ask(engine, STORY, max_new_tokens=24, stop=(stop,))
    assert text_of(chunks) == whole[: whole.index(stop)]
    assert chunks[-1].finish_reason == "stop"


def test_half_a_stop_string_at_the_end_is_shown(engine: Engine) -> None:
    whole = text_of(ask(engine, STORY, max_new_tokens=8))
    assert text_of(ask(engine, STORY, max_new_tokens=8, stop=(whole[-1] + "@never",))) == whole


def test_unicode_stays_whole(engine: Engine) -> None:
    for seed in range(2):
        chunks = ask(engine, [Turn("user", UNICODE)], temperature=1.5, top_k=0, top_p=1.0, seed=seed, max_new_tokens=32)
        assert "\ufffd" not in text_of(chunks)
        for chunk in chunks:
            chunk.text.encode("utf-8")
    if engine.info.engine == "echo":
        assert text_of(chunks) == f"You said: {UNICODE}"


@pytest.mark.parametrize("changes", LIMITS, ids=str)
def test_the_ends_of_what_sampling_allows(engine: Engine, changes: dict[str, Any]) -> None:
    last = ask(engine, FRANCE, **{"temperature": 0.7, "max_new_tokens": 4, **changes})[-1]
    assert last.finish_reason in ("stop", "length")
    assert 0 < last.completion_tokens <= 4


@pytest.mark.parametrize("changes", [{"top_k": 1}, {"top_p": 0.0}, {"min_p": 1.0}], ids=str)
def test_where_one_token_is_left_the_seed_means_nothing(engine: Engine, changes: dict[str, Any]) -> None:
    greedy = text_of(ask(engine, STORY, max_new_tokens=8))
    assert text_of(ask(engine, STORY, max_new_tokens=8, temperature=1.5, seed=11, **changes)) == greedy


def test_several_replies_at_once_are_those_of_one_after_another(engine: Engine) -> None:
    prompts = [STORY, FRANCE, [Turn("user", UNICODE)]]
    alone = [text_of(ask(engine, prompt)) for prompt in prompts]
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(lambda prompt: text_of(ask(engine, prompt)), prompts))
    assert together == alone


def test_a_long_prompt_is_read_to_its_end(engine: Engine) -> None:
    long = [Turn("user", "that " * 300 + ending) for ending in ("Count to ten.", "Who are you?")]
    chunks = [ask(engine, [turn], max_new_tokens=8) for turn in long]
    assert all(one[-1].prompt_done == one[-1].prompt_tokens > 250 for one in chunks)
    if engine.info.model.startswith("tiny"):  # Random weights depend on all they read; others may answer alike.
        assert text_of(chunks[0]) != text_of(chunks[1])


def test_a_prompt_that_does_not_fit(engine: Engine) -> None:
    turns = long_prompt(engine, engine.info.context_length + 10)
    with pytest.raises(ContextError) as caught:
        ask(engine, turns)
    assert (caught.value.tokens, caught.value.limit) == (engine.count_tokens(turns), engine.info.context_length)
    assert ask(engine, FRANCE, max_new_tokens=2)[-1].finish_reason == "length"


def test_an_assistants_turn_is_continued(engine: Engine) -> None:
    begun = {"echo": "You said: What is the"}.get(engine.info.engine, "The capital of France is")
    turns = [*FRANCE, Turn("assistant", begun)]
    chunks = ask(engine, turns, max_new_tokens=8)
    assert chunks[-1].prompt_tokens == engine.count_tokens(turns) > engine.count_tokens(FRANCE)
    if engine.info.engine == "echo":
        assert text_of(chunks) == " capital of France?"
    elif engine.info.model == "starter":
        assert text_of(chunks).startswith(" Paris")


@WITH_CACHE
def test_what_was_read_before_is_not_read_again(engine: Engine) -> None:
    first = ask(engine, FRANCE)
    again = ask(engine, FRANCE)
    assert 0 < again[-1].cached_tokens < again[-1].prompt_tokens
    assert text_of(again) == text_of(first)
    longer = [*FRANCE, Turn("assistant", text_of(first)), Turn("user", "And of Italy?")]
    assert ask(engine, longer)[-1].cached_tokens >= engine.count_tokens(FRANCE) - 1


@REAL_ONLY
def test_it_knows_the_capital_of_france(engine: Engine) -> None:
    chunks = ask(engine, FRANCE, max_new_tokens=40)
    assert "Paris" in text_of(chunks)
    assert chunks[-1].finish_reason == "stop"


@pytest.mark.parametrize("begun", ["", "天气很好，我们去公", "The capital of"])
def test_tokens_with_their_chances_make_up_the_text_and_change_nothing(engine: Engine, begun: str) -> None:
    turns = [Turn("user", UNICODE), *[Turn("assistant", begun)] * bool(begun)]
    changes: dict[str, Any] = {"temperature": 1.5, "top_k": 0, "max_new_tokens": 40}
    ask(engine, turns, max_new_tokens=1)
    plain, chunks = ask(engine, turns, **changes), ask(engine, turns, top=4, **changes)
    assert not any(chunk.tokens for chunk in plain)
    assert text_of(chunks) == text_of(plain)
    tokens = tokens_of(chunks)
    assert "".join(token.text for token in tokens) == told_by(engine, chunks)
    halves = engine.info.engine in ("echo", "transformers")  # llama.cpp does not tell of halves of characters.
    assert len(tokens) == chunks[-1].completion_tokens or (not halves and len(tokens) < chunks[-1].completion_tokens)
    for token in tokens:
        logs = [log for _, _, log in token.top]
        assert 0 < len(logs) <= 4
        assert logs == sorted(logs, reverse=True)
        assert all(log == token.logprob for number, _, log in token.top if number == token.id)
        assert token.logprob in logs or token.logprob <= min(logs[-1], 0)


@pytest.mark.parametrize("stop", ["inside", "across"])
def test_tokens_make_up_a_text_that_a_stop_string_cuts(engine: Engine, stop: str) -> None:
    pieces = [chunk.text for chunk in ask(engine, STORY, max_new_tokens=24) if chunk.text]
    cut = max(pieces, key=len)[1:3] if stop == "inside" else pieces[4][-1] + pieces[5][:1]
    chunks = ask(engine, STORY, max_new_tokens=24, stop=(cut,), top=2)
    assert "".join(token.text for token in tokens_of(chunks)) == (
        "" if engine.info.engine == "ctranslate2" else text_of(chunks)
    )


@WITH_CACHE
def test_chances_are_the_models_own_whatever_sampling_says(engine: Engine) -> None:
    hot: dict[str, Any] = {"temperature": 3.0, "top_k": 2, "repetition_penalty": 2.0}
    ask(engine, STORY, max_new_tokens=1)
    found = [tokens_of(ask(engine, STORY, top=20, max_new_tokens=1, **one))[0] for one in ({}, hot)]
    assert found[0].top == found[1].top
    assert found[0].logprob == found[0].top[0][2]


@WITH_CACHE
def test_a_reply_is_computed_again_as_it_was(engine: Engine) -> None:
    changes: dict[str, Any] = {"temperature": 1.2, "top_k": 0, "max_new_tokens": 24}
    first = ask(engine, STORY, seed=5, **changes)
    turns = [*STORY, Turn("assistant", text_of(first)), Turn("user", "And then? " * 20)]
    with ThreadPoolExecutor(3) as pool:
        others = [pool.submit(ask, engine, [Turn("user", f"{n}. {UNICODE}")], max_new_tokens=20) for n in range(3)]
        second = ask(engine, turns, seed=6, **changes)
        for other in others:
            other.result()
    if engine.info.engine == "remote":
        assert not second[-1].reading
        return
    ask(engine, [Turn("user", "Something else.")])
    for made, asked, seed in ((first, STORY, 5), (second, turns, 6)):
        reading = made[-1].reading
        assert sum(kept * times for _, kept, times in reading) >= made[-1].prompt_tokens
        again = ask(engine, asked, seed=seed, reading=reading, **changes)
        assert text_of(again) == text_of(made)
        assert again[-1].reading == reading
    for wrong in (((3, 3, 1),), ((1, 2, 1),), ((0, 0, 1),), ((1, 1, 10**9),)):
        with pytest.raises(BadValueError):
            ask(engine, STORY, reading=wrong)
