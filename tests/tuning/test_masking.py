"""The loss mask: on every chat template of the presets it is the one that another way gives, token by token."""

from __future__ import annotations

import functools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playground.errors import BadValueError
from playground.records import Role, Turn
from playground.tuning.masking import Encoded, encode, encode_chat, encode_pair, encode_text
from playground.tuning.samples import Sample
from tests.tuning.second_mask import SHAPES, Shape, second_mask

TEMPLATES = Path(__file__).parent / "templates"
CHATML = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
PROMPT = "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
# Qwen's and Llama's way to cut a text into words: line ends grow together, and with the blanks before them.
WORDS = r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
READ = [
    "The capital of France is Paris.\n\nHello, how are you?\n\n\nfor i in range(3):\n    print(i)\n        return\n",
    "assistant\n\n\n  user\n system\n   你好，世界。\n\n你好！\n# Title\n\n- one\n- two\n\n\n\nassistant\n\n",
] * 8


@functools.cache
def small_tokenizer(shape: Shape, template: str) -> Any:
    """A real tokenizer of a few hundred tokens that has the special ones of a model."""
    from tokenizers import (
        AddedToken,
        Regex,
        Tokenizer,
        decoders,
        models,
        normalizers,
        pre_tokenizers,
        processors,
        trainers,
    )
    from transformers import PreTrainedTokenizerFast

    made: Any = Tokenizer(models.BPE())
    made.decoder = decoders.ByteLevel()
    letters = pre_tokenizers.ByteLevel.alphabet()
    if shape.words == "pieces":  # As Gemma: no words, blanks written as a letter, letters never seen as bytes.
        made.normalizer, letters = normalizers.Replace(" ", "▁"), []
        made.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    elif shape.words == "gpt2":
        made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        made.post_processor = processors.ByteLevel(trim_offsets=True)
    else:
        made.normalizer = normalizers.NFC()
        cut = pre_tokenizers.Split(Regex(WORDS), "isolated")
        made.pre_tokenizer = pre_tokenizers.Sequence(
            [cut, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
        )
    made.train_from_iterator(READ, trainers.BpeTrainer(vocab_size=600, initial_alphabet=letters, show_progress=False))
    if shape.words == "pieces":
        parts = json.loads(made.to_str())["model"]
        vocab = parts["vocab"] | {f"<0x{byte:02X}>": len(parts["vocab"]) + byte for byte in range(256)}
        made.model = models.BPE(vocab=vocab, merges=[tuple(one) for one in parts["merges"]], byte_fallback=True)
    special = [one for one in (*shape.special, shape.ends, shape.bos) if one]
    swallows = "<|im_sep|>" if "phi" in template else ""  # Some models' tokens take the blanks behind them along.
    made.add_tokens(
        [
            AddedToken(one, special="think" not in one and "tool" not in one, normalized=False, rstrip=one == swallows)
            for one in dict.fromkeys(special)
        ]
    )
    source = (TEMPLATES / f"{template}.jinja").read_text(encoding="utf-8") if template in SHAPES else template
    return PreTrainedTokenizerFast(
        tokenizer_object=made, bos_token=shape.bos, eos_token=shape.ends, chat_template=source
    )


def of(name: str) -> Any:
    return small_tokenizer(SHAPES[name], name)


def like(template: str, base: str = "qwen2.5") -> Any:
    """A tokenizer with another template."""
    return small_tokenizer(SHAPES[base], template)


def talk(*said: str, system: str = "") -> tuple[Turn, ...]:
    """User and assistant in turn."""
    roles: tuple[Role, Role] = ("user", "assistant")
    turns = [Turn(roles[at % 2], text) for at, text in enumerate(said)]
    return (*([Turn("system", system)] if system else []), *turns)


def all_learned(messages: tuple[Turn, ...]) -> tuple[bool, ...]:
    return tuple(one.role == "assistant" for one in messages)


def learned_text(one: Encoded, tokenizer: Any) -> str:
    """What is learned, read from the tokens alone."""
    ids = [token for token, is_learned in zip(one.input_ids, one.learned, strict=True) if is_learned]
    return str(tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False))


def agree(messages: tuple[Turn, ...], learned: tuple[bool, ...], tokenizer: Any, shape: Shape) -> None:
    """Both ways give the same mask, over the tokens that transformers itself makes."""
    one = encode_chat(messages, learned, tokenizer)
    said = [{"role": turn.role, "content": turn.content} for turn in messages]
    assert list(one.input_ids) == list(tokenizer.apply_chat_template(said, return_dict=True)["input_ids"])
    assert one.text == tokenizer.apply_chat_template(said, tokenize=False)
    assert len(one.input_ids) == len(one.learned) == len(one.offsets)
    other = second_mask(messages, learned, tokenizer, shape)
    differ = [at for at, (mine, its) in enumerate(zip(one.learned, other, strict=True)) if mine != its]
    assert not differ, [(at, tokenizer.decode([one.input_ids[at]]), one.learned[at]) for at in differ]
    # Every letter has its token, for a preview without holes.
    assert [(first, last) for first, last in one.offsets if not 0 <= first <= last <= len(one.text)] == []
    assert set().union(*(range(*place) for place in one.offsets)) == set(range(len(one.text)))


THOUGHT = "<think>\nFrance: Paris.\n</think>\n\nParis."
SPECIAL = (
    "<|im_end|>\n<|im_start|>assistant\nNo.<|im_end|> [/INST] </s> <end_of_turn> <|eot_id|> <start_of_turn>model\n"
)
CASES: dict[str, tuple[Turn, ...]] = {
    "one turn": talk("Capital of France?", "Paris."),
    "turns": talk("Capital of France?", "Paris.", "And of Spain?", "Madrid.", "Thanks", "You are welcome."),
    "system": talk("Hi", "Hello.", "Bye", "See you.", system="You are kind."),
    "system for thoughts": talk("Hi", "Hello.", "Bye", "See you.", system="Be brief. /no_think"),
    "blanks": talk(" Hi ", "  Hello.  ", "Bye\n", "\tSee you. \t"),
    "newlines": talk("\nHi\n\n", "\n\nHello.\n\n", "Bye", "\n  See\n\nyou.\n", system="\n Be kind. \n"),
    "many newlines": talk("Hi", "\n\n\n\n\nHello.", "Bye", " \n \n See you. \n"),
    "chinese": talk("法国的首都是哪里？", "巴黎。", "谢谢！", "不客气。", system="用中文回答。"),
    "letters of several tokens": talk("👩‍🚀?", "👩‍🚀🇫🇷!", "e\u0301", "e\u0301\u0323 Å ﬁ"),
    "code": talk("Write a loop.", "```python\nfor i in range(3):\n    print(i)\n```", "Go", "    return 1\n"),
    "special words asked": talk(SPECIAL, "Hello.", f"Say {SPECIAL}", "No."),
    "special words said": talk("Hi", SPECIAL, "Bye", f"{SPECIAL}!"),
    "thoughts": talk("Capital of France?", THOUGHT),
    "thoughts before": talk("Capital of France?", THOUGHT, "Sure?", "Yes.", "Spain?", THOUGHT),
    "thoughts amid": talk("Hi", f"Well. {THOUGHT} </think>\n Ok ", "And?", "<think>a</think>b</think> c"),
    "a thought alone": talk("Hi", "<think>\nHm.\n</think>\n\n", "And?", "<think>Hm.</think>"),
    "a thought asked for": talk(f"What is {THOUGHT}?", "A thought.", "</think>", "Yes."),
    "a tool's answer": talk("<tool_response>\n5\n</tool_response>", "5", "<tool_response>6</tool_response>", "6"),
    "next to nothing": talk("?", ".", ".", " ", "x", "\n"),
    "the same again": talk("a", "a", "a", "a", "a", "a"),
    "private letters": talk("\ue000\ue002", "\ue001\ue003 \ue000", "\ue004", "\U000f0000"),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", SHAPES)
def test_two_ways_give_one_mask(name: str, case: str) -> None:
    messages = CASES[case]
    agree(messages, all_learned(messages), of(name), SHAPES[name])


@pytest.mark.parametrize("name", SHAPES)
def test_replies_without_weight_are_only_read(name: str) -> None:
    messages = talk("Hi", "Hello.", "Bye", THOUGHT, "Again", "See you.")
    for last in (False, True):
        learned = (False, not last, False, False, False, last)
        agree(messages, learned, of(name), SHAPES[name])
        assert "Paris" not in learned_text(encode_chat(messages, learned, of(name)), of(name))
    assert not any(encode_chat(messages, (False,) * 6, of(name)).learned)


PIECES = st.sampled_from(["\n", "\n\n", "  ", "\t", "Hello", "你好", "🇫🇷", "e\u0301", "assistant\n"]) | st.sampled_from(
    ["<think>\nHm.\n</think>\n\n", "<think></think>", "</think>", "<|im_end|>", "</s>", "[/INST]", "<|im_start|>"]
)
SAID = st.lists(PIECES | st.text(max_size=6), min_size=1, max_size=8).map("".join).filter(str.strip)


@st.composite
def talks(draw: st.DrawFn) -> tuple[tuple[Turn, ...], tuple[bool, ...]]:
    said = draw(st.lists(st.tuples(SAID, SAID, st.booleans()), min_size=1, max_size=4))
    messages = talk(*(text for asked, reply, _ in said for text in (asked, reply)), system=draw(st.just("") | SAID))
    learned = [flag for _, _, is_learned in said for flag in (False, is_learned)]
    return messages, (*(False for _ in range(len(messages) - len(learned))), *learned)


@settings(max_examples=250, deadline=None)
@given(st.sampled_from(sorted(SHAPES)), talks())
def test_two_ways_give_one_mask_of_anything(name: str, drawn: tuple[tuple[Turn, ...], tuple[bool, ...]]) -> None:
    agree(*drawn, of(name), SHAPES[name])


TWO = talk(" Hi", " One.\n", "Go on", THOUGHT, system="Be kind.")
WRITTEN = {  # By hand, after the templates.
    "deepseek-r1": [" One.\n<｜end▁of▁sentence｜>", "\n\nParis.<｜end▁of▁sentence｜>"],
    "gemma-3": ["One.<end_of_turn>", f"{THOUGHT}<end_of_turn>"],
    "llama-3.3": ["One.<|eot_id|>", f"{THOUGHT}<|eot_id|>"],
    "mistral-small": [" One.\n</s>", f"{THOUGHT}</s>"],
    "phi-4": ["One.\n<|im_end|>", f"{THOUGHT}<|im_end|>"],  # The blank went into a token of the prompt.
    "phi-4-first": ["One.\n<|im_end|>", f"{THOUGHT}<|im_end|>"],
    "qwen2.5": [" One.\n<|im_end|>", f"{THOUGHT}<|im_end|>"],
    "qwen3": [" One.\n<|im_end|>", f"{THOUGHT}<|im_end|>"],
    "qwen3-2507": [" One.\n<|im_end|>", f"{THOUGHT}<|im_end|>"],
    "smollm2": [" One.\n<|im_end|>", f"{THOUGHT}<|im_end|>"],
    "smollm3": [" One.\n<|im_end|>", f"{THOUGHT}<|im_end|>"],
}


@pytest.mark.parametrize("name", SHAPES)
def test_what_is_learned_written_by_hand(name: str) -> None:
    one = encode_chat(TWO, all_learned(TWO), of(name))
    assert learned_text(one, of(name)) == "".join(WRITTEN[name])
    assert len([1 for before, now in zip(one.learned, one.learned[1:], strict=False) if now and not before]) == 2


def test_an_empty_thought_is_learned_where_the_model_writes_it_and_not_where_it_is_asked_for() -> None:
    """Qwen3 writes it itself in the last reply; SmolLM3 is given it when it is told not to think."""
    messages = talk("Hi", "One.", "Bye", "Two.", system="/no_think")
    for name, written in {
        "qwen3": "One.<|im_end|><think>\n\n</think>\n\nTwo.<|im_end|>",
        "smollm3": "One.<|im_end|>Two.<|im_end|>",
    }.items():
        assert learned_text(encode_chat(messages, all_learned(messages), of(name)), of(name)) == written
    thought = talk("Hi", THOUGHT, "Bye", "Two.")
    learned = learned_text(encode_chat(thought, all_learned(thought), of("qwen3")), of("qwen3"))
    assert learned == "Paris.<|im_end|><think>\n\n</think>\n\nTwo.<|im_end|>"


def test_a_token_that_begins_in_the_prompt_and_ends_in_the_reply_is_learned() -> None:
    one = encode_chat(talk("Hi", "\n\nHello."), (False, True), of("qwen2.5"))
    first = one.learned.index(True)
    assert one.text[slice(*one.offsets[first])] == "\n\n\n"
    assert one.text[: one.offsets[first][0]].endswith("<|im_start|>assistant")


def test_a_prompt_is_the_same_before_both_replies() -> None:
    for name in SHAPES:
        for chosen, rejected in (("Paris.", "London."), (THOUGHT, "Rome."), ("\n\nParis.", "Rome"), ("a", "a b")):
            asked = talk("Hi", "Hello.", "Capital of France?", system="Be kind.")
            both = encode_pair(Sample("preference", 1, asked, chosen=chosen, rejected=rejected), of(name))
            prompts = [one.input_ids[: one.learned.index(True)] for one in both]
            assert prompts[0] == prompts[1]
            for one, reply in zip(both, (chosen, rejected), strict=True):
                written = learned_text(one, of(name))
                assert reply.rpartition("</think>")[2].strip() in written
                assert written.endswith(SHAPES[name].ends)
                assert "Hello" not in written


def test_a_text_is_learned_whole_with_its_end() -> None:
    plain = encode(Sample("text", 1, text=" Once\n upon "), of("qwen2.5"))
    assert (plain.text, all(plain.learned)) == (" Once\n upon <|im_end|>", True)
    assert of("qwen2.5").decode(plain.input_ids) == plain.text
    assert plain.offsets[-1] == (12, 22)
    assert encode_text("Once<|im_end|>", of("qwen2.5")).text == "Once<|im_end|>"


def test_a_text_that_goes_on_has_no_end() -> None:
    from tokenizers import processors

    part = Sample("text", 1, text="Once upon ", goes_on=True)
    plain = encode(part, of("qwen2.5"))
    assert (plain.text, all(plain.learned)) == ("Once upon ", True)
    assert plain.input_ids == encode(replace(part, goes_on=False), of("qwen2.5")).input_ids[:-1]
    shape = SHAPES["llama-3.3"]
    tokenizer = small_tokenizer(shape, CHATML + "{# goes on #}")
    (last,) = tokenizer.convert_tokens_to_ids([shape.ends])
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single=f"$A {shape.ends}", special_tokens=[(shape.ends, last)]
    )
    assert tokenizer("Once upon ")["input_ids"][-1] == last, "the tokenizer ends all texts"
    assert last not in encode(part, tokenizer).input_ids


def test_a_text_begins_as_the_tokenizer_begins_it() -> None:
    from tokenizers import processors

    shape = SHAPES["llama-3.3"]
    tokenizer = small_tokenizer(shape, CHATML + "{# begins #}")
    first, last = tokenizer.convert_tokens_to_ids([shape.bos, shape.ends])
    special = [(shape.bos, first), (shape.ends, last)]
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{shape.bos} $A {shape.ends}", special_tokens=special
    )
    one = encode_text("Once", tokenizer)
    assert (one.input_ids[0], one.input_ids[-1]) == (first, last)
    assert one.input_ids.count(last) == 1


def test_a_prompt_that_the_template_begins_is_not_begun_twice() -> None:
    for name in ("llama-3.3", "gemma-3", "mistral-small", "deepseek-r1"):
        one = encode_chat(CASES["turns"], all_learned(CASES["turns"]), of(name))
        assert one.input_ids.count(of(name).bos_token_id) == 1


ODD = {  # Templates of other models, each with one oddity, and what is learned of two turns.
    "the system message in the last question, as Mistral Nemo": (
        "{% set ask = messages|selectattr('role', 'equalto', 'user')|list %}"
        "{% for m in messages %}{% if m.role == 'user' %}<|im_start|>"
        "{% if m == ask[-1] and messages[0].role == 'system' %}{{ messages[0].content }}\n\n{% endif %}"
        "{{ m.content }}<think>{% elif m.role == 'assistant' %}{{ m.content }}<|im_end|>{% endif %}{% endfor %}",
        "One.<|im_end|>Two. <|im_end|>",
    ),
    "blanks before the end, as Mistral 7B": (
        "{% for m in messages %}{% if m.role == 'assistant' %} {{ m.content }} <|im_end|>"
        "{% else %}<|im_start|>{{ m.content }}<think>{% endif %}{% endfor %}",
        " One. <|im_end|> Two.  <|im_end|>",
    ),
    "one more end behind all, as Phi-3": (
        CHATML + "{% if add_generation_prompt %}<|im_start|>assistant\n{% else %}<|endoftext|>{% endif %}",
        "One.<|im_end|>Two. <|im_end|>",
    ),
    "no prompt for the reply": (CHATML, "<|im_start|>assistant\nOne.<|im_end|><|im_start|>assistant\nTwo. <|im_end|>"),
    "a thought begun by the prompt": (
        "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if loop.last %}<think>\n\n</think>\n\n{% endif %}"
        "{{ m.content|trim }}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n<think>\n{% endif %}",
        "One.<|im_end|>\n\n</think>\n\nTwo.<|im_end|>",  # The prompt's line end and the reply's are one token.
    ),
    "capitals": ((CHATML + PROMPT).replace("m.content", "m.content|upper"), "ONE.<|im_end|>TWO. <|im_end|>"),
}


@pytest.mark.parametrize("odd", ODD)
def test_odd_templates(odd: str) -> None:
    template, learned = ODD[odd]
    messages = talk("Hi", "One.", "Bye", "Two. ", system="Be kind.")
    assert learned_text(encode_chat(messages, all_learned(messages), like(template)), like(template)) == learned


def test_what_cannot_be_masked_says_what_to_do() -> None:
    said = talk("Hi", "One two three.", "Bye", "Two.", system="Be kind.")
    for template, words in {
        "": "no chat template.*train on text",
        (CHATML + PROMPT).replace("m.content", "m.content[:4]"): "changes replies.*Choose another model",
        CHATML.replace("m.content", "m.content if m.role == 'user'") + PROMPT: "changes replies.*train on text",
        (CHATML + PROMPT).replace("m.content", "m.content ~ m.content"): "changes replies.*Choose another model",
        (CHATML + PROMPT).replace("<|im_end|>\n", "\n").replace("<|im_start|>", "# "): "no token.*not learn to stop",
        "{{ raise_exception('System role not supported!') }}": "refuses .*System role not supported. Take its system",
        "{% if": "refuses a conversation: .*another model",
    }.items():
        with pytest.raises(BadValueError, match=words):
            encode_chat(said, all_learned(said), like(template))
    with pytest.raises(BadValueError, match="begins with a reply"):
        encode_chat(said[2:], all_learned(said[2:]), of("qwen2.5"))
    with pytest.raises(BadValueError, match=r"refuses .* alternate"):
        encode_chat((*said[:2], *said[1:]), (False, *all_learned(said)[1:], True), of("gemma-3"))


def test_a_tokenizer_that_does_not_say_where_its_tokens_stand_is_refused() -> None:
    from transformers import ByT5Tokenizer

    with pytest.raises(BadValueError, match=r"does not say where.*Choose another model"):
        encode_text("Once", ByT5Tokenizer())


def test_a_chat_is_encoded_as_it_is_marked() -> None:
    said = CASES["turns"]
    sample = Sample("chat", 1, said, (False, False, False, True, False, False))
    assert encode(sample, of("smollm2")) == encode_chat(said, sample.learned, of("smollm2"))


@pytest.fixture(scope="module")
def starter_tokenizer(starter_gguf: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(str(starter_gguf.parent), gguf_file=starter_gguf.name, local_files_only=True)


@pytest.mark.real_model
@pytest.mark.parametrize("case", CASES)
def test_the_starter_model(starter_tokenizer: Any, case: str) -> None:
    agree(CASES[case], all_learned(CASES[case]), starter_tokenizer, SHAPES["smollm2"])


@pytest.mark.real_model
def test_the_starter_models_template_is_the_one_tested(starter_tokenizer: Any) -> None:
    assert starter_tokenizer.chat_template == (TEMPLATES / "smollm2.jinja").read_text(encoding="utf-8")
    one = encode_chat(TWO, all_learned(TWO), starter_tokenizer)
    assert learned_text(one, starter_tokenizer) == "".join(WRITTEN["smollm2"])
