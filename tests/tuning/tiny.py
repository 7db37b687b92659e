"""Trainings small enough for tests: a random Llama that knows every byte, a few samples, and the real worker."""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from playground.records import Turn
from playground.tuning.journal import read_journal
from playground.tuning.progress import Progress
from playground.tuning.recipe import Recipe
from playground.tuning.runfile import BaseModel, RunFile, RunPlaces, write_run
from playground.tuning.samples import Sample

TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
QUICK = {"learning_rate": 0.01, "max_length": 128, "per_device_train_batch_size": 1, "evaluations": 2, "r": 4}
"""Of a recipe whose loss falls within a few steps."""
TEXT = "the cat sat on the mat and that was that for a hat with a bat in the flat"
WORDS = TEXT.split()
_METHODS = multiprocessing.get_all_start_methods()
_PROCESSES: Any = multiprocessing.get_context("forkserver" if "forkserver" in _METHODS else "spawn")
if "forkserver" in _METHODS:
    # Read once, so that each worker starts at once.
    _LIBRARIES = ["torch", "transformers", "peft", "datasets", "trl.trainer.sft_trainer", "trl.trainer.dpo_trainer"]
    _PROCESSES.set_forkserver_preload(["tests.tuning.hushed", *_LIBRARIES, "playground.tuning.worker.work"])


def tiny_base(folder: Path, template: str | None = TEMPLATE, **changes: Any) -> Path:
    """A folder with a random Llama of two layers."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    letters = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=300, special_tokens=special, initial_alphabet=letters, show_progress=False)
    tokenizer.train_from_iterator([TEXT] * 20, trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|im_end|>", bos_token="<|endoftext|>")
    fast.chat_template = template
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    sizes |= {"num_key_value_heads": 2, "max_position_embeddings": 512, "vocab_size": tokenizer.get_vocab_size()}
    torch.manual_seed(0)
    config = LlamaConfig(**{**sizes, "bos_token_id": 0, "eos_token_id": 2, "pad_token_id": 0, **changes})
    LlamaForCausalLM(config).save_pretrained(folder)
    fast.save_pretrained(folder)
    return folder


def phrase(number: int, words: int) -> str:
    """Some words, always the same for a number."""
    return " ".join(WORDS[(number * 7 + at * (number % 5 + 1)) % len(WORDS)] for at in range(words))


def chats(count: int, start: int = 0) -> list[Sample]:
    """Conversations of different lengths."""
    return [
        Sample(
            "chat",
            at + 1,
            (Turn("user", f"Say {at}."), Turn("assistant", phrase(at, 3 + at % 9))),
            (False, True),
            group=f"g{at}",
        )
        for at in range(start, start + count)
    ]


def preferences(count: int, start: int = 0) -> list[Sample]:
    """Pairs: words that are known, or figures."""
    return [
        Sample("preference", at + 1, (Turn("user", f"Say {at}."),), chosen=phrase(at, 5), rejected=f"{at * 12345}!")
        for at in range(start, start + count)
    ]


def texts(count: int, start: int = 0) -> list[Sample]:
    """Plain texts."""
    return [Sample("text", at + 1, text=phrase(at, 6 + at % 9)) for at in range(start, start + count)]


def make_run(
    root: Path, base: Path, train: Sequence[Sample], heldout: Sequence[Sample] = (), more: Any = None, **recipe: Any
) -> RunPlaces:
    """The folder of a training; `more` are fields of its run file."""
    places = RunPlaces(root)
    fields = {"prompts": ("Say 1.",), "device": "cpu", "threads": 1, **(more or {})}
    run = RunFile("t", "Tiny", BaseModel("tiny", str(base)), Recipe(**{**QUICK, **recipe}), **fields)
    write_run(places, run, train, heldout)
    return places


def begin(places: RunPlaces, room: int = 0) -> Any:
    """A worker in a process of its own, started as its command line is; with `room` it gets no more bytes than that."""
    process = _PROCESSES.Process(target=_work, args=(str(places.root), room))
    process.start()
    return process


def finish(places: RunPlaces, seconds: float = 120) -> dict[str, Any]:
    """Run a worker to its end; what its journal says of that."""
    code = ended(begin(places), seconds)
    end = read_journal(places.journal)[-1]
    assert end["kind"] == "end", places.output.read_text(encoding="utf-8")
    assert code == (1 if end["status"] == "failed" else 0)
    return end


def ended(process: Any, seconds: float = 120) -> int:
    """Wait for a worker; its exit code."""
    process.join(seconds)
    assert not process.is_alive(), "the worker did not end"
    code = int(process.exitcode)
    process.close()
    return code


def seen(places: RunPlaces, kind: str, count: int = 1, seconds: float = 60) -> list[dict[str, Any]]:
    """Wait until the journal has so many events of a kind; these."""
    return until(lambda: found if len(found := events(places, kind)) >= count else None, seconds)


def until(condition: Callable[[], Any], seconds: float = 60) -> Any:
    """Wait until something is so, and return it; looks very often."""
    stop = time.monotonic() + seconds
    while time.monotonic() < stop:
        if value := condition():
            return value
        time.sleep(0.001)
    raise AssertionError("it did not come true in time")


def events(places: RunPlaces, kind: str) -> list[dict[str, Any]]:
    """Of the journal."""
    return [one for one in read_journal(places.journal) if one["kind"] == kind]


def curve(places: RunPlaces) -> list[tuple[Any, ...]]:
    """What each step was, as the app shows it: those that were made again count once."""
    steps = Progress().add_all(read_journal(places.journal)).steps
    return [(one["step"], one["loss"], one["learning_rate"], one["grad_norm"]) for one in steps]


def weights(folder: Path) -> dict[str, Any]:
    """Of an adapter."""
    from safetensors.torch import load_file

    return load_file(folder / "adapter_model.safetensors")


def same(first: Path, second: Path) -> bool:
    """Whether two adapters are the same to the bit."""
    import torch

    one, two = weights(first), weights(second)
    return one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)


def _work(root: str, room: int) -> None:
    from playground.tuning.worker.__main__ import main

    output = os.open(RunPlaces(Path(root)).output, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)
    if room:
        import resource

        import psutil

        limit = psutil.Process().memory_info().vms + room
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    sys.argv = ["worker", root]
    sys.exit(main())
