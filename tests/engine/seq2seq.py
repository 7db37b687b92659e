"""Sequence-to-sequence models small enough to be made on the spot, with real tokenizers that know every byte."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

TEXT = (
    "Tell me a long story about a dog that lives by the sea. It swims every morning, sleeps in an old boat, and one "
    "day it meets a cat that has come from far away. They become friends after some time. What is the capital of "
    "France? The capital of France is Paris. You are a knowledgeable assistant."
)


def pieces(folder: Path, name: str) -> list[str]:
    """Train SentencePiece on a few words, with a piece for each byte; return the pieces."""
    import sentencepiece

    words = TEXT.split()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([" ".join(words[at:] + words[:at]) for at in range(len(words))]),
        model_prefix=str(folder / name.removesuffix(".spm")),
        vocab_size=340,
        byte_fallback=True,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    (folder / f"{name.removesuffix('.spm')}.model").rename(folder / name)
    (folder / f"{name.removesuffix('.spm')}.vocab").unlink()
    model = sentencepiece.SentencePieceProcessor(model_file=str(folder / name))
    return [model.id_to_piece(number) for number in range(model.get_piece_size())]


def marian(folder: Path, positions: int = 512, *, trained: bool = False, **config: Any) -> Path:
    """A Marian model that reads `positions` tokens. `trained`: it says different words, and is a little slower made."""
    import sentencepiece
    import torch
    from transformers import MarianConfig, MarianMTModel

    folder.mkdir(parents=True)
    words = [piece for piece in pieces(folder, "source.spm") if piece not in ("<s>", "</s>", "<unk>")]
    (folder / "target.spm").write_bytes((folder / "source.spm").read_bytes())
    vocabulary = {word: number for number, word in enumerate(["</s>", "<unk>", *words, "<pad>"])}
    (folder / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    # The file that MarianTokenizer.save_pretrained writes, without its quarrel over sacremoses.
    about = {"tokenizer_class": "MarianTokenizer", "model_max_length": positions}
    (folder / "tokenizer_config.json").write_text(json.dumps(about), encoding="utf-8")
    pad = vocabulary["<pad>"]
    tokens = sentencepiece.SentencePieceProcessor(model_file=str(folder / "source.spm")).encode(TEXT, out_type=str)
    torch.manual_seed(0)
    made = MarianConfig(
        vocab_size=len(vocabulary),
        d_model=32,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=64,
        decoder_ffn_dim=64,
        max_position_embeddings=positions,
        init_std=0.1,
        dropout=0.0,
        scale_embedding=True,
        pad_token_id=pad,
        eos_token_id=0,
        decoder_start_token_id=pad,
        forced_eos_token_id=None,
        **config,
    )
    model = MarianMTModel(made)
    if trained:
        _train(model, [vocabulary.get(word, 1) for word in tokens])
        model.model.shared.weight.data[pad] = 0.0  # As in all published ones: CTranslate2 starts from zero.
    model.final_logits_bias[0, [0, pad]] = -30.0  # It never ends by itself.
    model.save_pretrained(folder)
    return folder


def _train(model: Any, words: list[int]) -> None:
    """Teach it to repeat what it reads, for three seconds: random weights say one word for ever."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # Two would wait for each other longer than they compute.
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for step in range(40):
        starts = [(step * 8 + at) * 37 % len(words) for at in range(8)]
        batch = torch.tensor([(words * 2)[start : start + 24] for start in starts])
        model(input_ids=batch, labels=batch).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    torch.set_num_threads(threads)


def t5(folder: Path, languages: Sequence[str] = ()) -> Path:
    """A T5 model with a SentencePiece tokenizer; with tokens of `languages` as MADLAD has them."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import T5Config, T5ForConditionalGeneration

    folder.mkdir(parents=True)
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    special = ["<pad>", "</s>", "<unk>", *(f"<2{code}>" for code in languages)]
    trainer = trainers.UnigramTrainer(vocab_size=120, special_tokens=special, unk_token="<unk>", show_progress=False)
    tokenizer.train_from_iterator([TEXT] * 5, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    tokenizer.save(str(folder / "tokenizer.json"))
    about = {"tokenizer_class": "T5Tokenizer", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}
    (folder / "tokenizer_config.json").write_text(json.dumps({**about, "extra_ids": 0}), encoding="utf-8")
    torch.manual_seed(0)
    config = T5Config(
        vocab_size=tokenizer.get_vocab_size(),
        d_model=16,
        d_kv=8,
        d_ff=32,
        num_layers=2,
        num_heads=2,
        initializer_factor=1.0,
        decoder_start_token_id=0,
        pad_token_id=0,
        eos_token_id=1,
    )
    T5ForConditionalGeneration(config).save_pretrained(folder)
    return folder


def m2m100(folder: Path, *, nllb: bool = False) -> Path:
    """An M2M100 or NLLB model with its languages as special tokens."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import M2M100Config, M2M100ForConditionalGeneration

    folder.mkdir(parents=True)
    if nllb:
        languages = ["eng_Latn", "fra_Latn", "zho_Hans"]
        tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
        tokenizer.decoder = decoders.Metaspace()
        special = ["<s>", "<pad>", "</s>", "<unk>", *languages, "<mask>"]
        trainer = trainers.BpeTrainer(vocab_size=160, special_tokens=special, show_progress=False)
        tokenizer.train_from_iterator([TEXT] * 5, trainer)
        tokenizer.save(str(folder / "tokenizer.json"))
        about = {"tokenizer_class": "NllbTokenizer", "src_lang": "eng_Latn", "extra_special_tokens": languages}
        size = tokenizer.get_vocab_size()
    else:
        words = [
            piece for piece in pieces(folder, "sentencepiece.bpe.model.spm") if piece not in ("<s>", "</s>", "<unk>")
        ]
        (folder / "sentencepiece.bpe.model.spm").rename(folder / "sentencepiece.bpe.model")
        vocabulary = {word: at for at, word in enumerate(["<s>", "<pad>", "</s>", "<unk>", *words])}
        (folder / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
        about = {"tokenizer_class": "M2M100Tokenizer", "language_codes": "m2m100", "src_lang": "en"}
        size = len(vocabulary) + 108
    (folder / "tokenizer_config.json").write_text(json.dumps(about), encoding="utf-8")
    torch.manual_seed(0)
    config = M2M100Config(
        vocab_size=size,
        d_model=16,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        max_position_embeddings=128,
        init_std=0.6,
        decoder_start_token_id=2,
    )
    M2M100ForConditionalGeneration(config).save_pretrained(folder)
    return folder
