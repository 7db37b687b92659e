"""Reads a sequence-to-sequence model for CTranslate2, converting it once from transformers' safetensors.

Knows nothing of prompts and sampling. Nothing is fetched, unpickled or run from a model.
"""

from __future__ import annotations

import hashlib
import logging
import re
import shutil
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playground.engine.base import ModelSource
from playground.engine.convert import whole_folder
from playground.engine.load_errors import words
from playground.engine.small_file import read_json
from playground.engine.transformers_load import check_complete
from playground.errors import ModelError, StorageError

_FAMILIES = {"Marian": "marian", "T5": "t5", "MT5": "t5", "M2M100": "m2m100", "Nllb": "nllb"}
"""What the name of a tokenizer's class begins with."""
_CODES = {
    "marian": r">>(\w+)<<",
    "madlad": r"<2([a-z]{2,3}(?:_\w+)?)>",
    "m2m100": r"__(\w+)__",
    "nllb": r"([a-z]{3}_[A-Z][a-z]{3})",
}
"""How a family's tokens of languages look. MADLAD is T5 with such tokens."""
_MODELS = ("marian", "t5", "mt5", "m2m_100")
_PRECISIONS = {"auto": "int8", "int8": "int8", "fp32": "float32", "fp16": "float16", "bf16": "bfloat16"}
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Held:
    """A model that is ready to be used."""

    translator: Any
    tokenizer: Any
    family: str
    languages: dict[str, str]
    """The codes it tells languages by, and their tokens; empty when it knows one pair only."""
    positions: int | None
    """The most tokens of one source or one translation; None: no limit of its own."""
    vocabulary: list[str]
    """Token of each number that CTranslate2 gives."""
    device: str


def load(source: ModelSource, workers: int) -> Held:
    """Load with `workers` that share the weights and `source.threads`.

    Raises ModelError for what is no such model, damaged, or not for CTranslate2, StorageError when the converted copy
    cannot be kept, and MemoryError.
    """
    if source.precision not in _PRECISIONS:
        raise ModelError(
            f"CTranslate2 does not know the precision {source.precision}. "
            f"Choose one of: {', '.join(_PRECISIONS)}; or another engine."
        )
    with words(source.path, "CTranslate2", _cause):
        folder = source.path if (source.path / "model.bin").is_file() else _converted(source)
        tokenizer = _tokenizer(source.path)
        family = next((name for start, name in _FAMILIES.items() if type(tokenizer).__name__.startswith(start)), "")
        if not family:
            raise _unknown(source.path, type(tokenizer).__name__)
        languages = _languages(tokenizer, "madlad" if family == "t5" else family)
        if family == "t5" and languages:
            family = "madlad"
        translator, device = _translator(source, folder, workers)
        return Held(
            translator=translator,
            tokenizer=tokenizer,
            family=family,
            languages=languages,
            positions=None if family in ("t5", "madlad") else _positions(source.path, tokenizer),
            vocabulary=_vocabulary(folder),
            device=device,
        )


def _translator(source: ModelSource, folder: Path, workers: int) -> tuple[Any, str]:
    import ctranslate2

    device, _, index = source.device.partition(":")
    if device == "auto":
        device = "cuda" if ctranslate2.get_cuda_device_count() else "cpu"
    translator = ctranslate2.Translator(
        str(folder),
        device=device,
        device_index=int(index or 0),
        compute_type="default" if source.precision == "auto" else _PRECISIONS[source.precision],
        inter_threads=workers,
        intra_threads=max(1, source.threads // workers),
    )
    return translator, device if device == "cpu" else f"cuda:{index or 0}"


def _tokenizer(folder: Path) -> Any:
    import transformers

    library: Any = transformers
    with warnings.catch_warnings():
        # Asked for by Marian's tokenizer for a step that it never takes.
        warnings.filterwarnings("ignore", message=".*sacremoses.*")
        try:
            return library.AutoTokenizer.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
        except (AttributeError, KeyError, OSError, RuntimeError, TypeError, AssertionError) as error:
            raise ModelError(
                f"The tokenizer of {folder} is missing or damaged. Download the model again, or choose another."
            ) from error


def _languages(tokenizer: Any, family: str) -> dict[str, str]:
    if family not in _CODES:
        return {}
    # Special tokens only, where the family has them as such: a word of the vocabulary may look like a code.
    named = getattr(tokenizer, "lang_token_to_id", None) or tokenizer.all_special_tokens
    tokens = tokenizer.get_vocab() if family in ("marian", "madlad") else named
    return {match[1]: token for token in tokens if (match := re.fullmatch(_CODES[family], token))}


def _positions(folder: Path, tokenizer: Any) -> int | None:
    trained = _json(folder / "config.json").get("max_position_embeddings")
    asked = tokenizer.model_max_length  # A huge number when its file says nothing.
    return int(trained) if trained else int(asked) if asked < 1_000_000 else None


def _vocabulary(folder: Path) -> list[str]:
    for name in ("shared_vocabulary", "target_vocabulary"):
        if (folder / f"{name}.json").is_file():
            return list(read_json(folder / f"{name}.json"))
        if (folder / f"{name}.txt").is_file():
            return (folder / f"{name}.txt").read_text(encoding="utf-8").split("\n")
    raise ModelError(f"{folder} lacks its vocabulary. Download the model again.")


def _converted(source: ModelSource) -> Path:
    """The folder with the CTranslate2 model made from safetensors; made now, unless it was before."""
    config = _json(source.path / "config.json")
    weights = sorted(source.path.glob("*.safetensors"))
    if not config or not weights:
        raise ModelError(
            f"{source.path} holds no model: config.json and *.safetensors are needed, or a CTranslate2 model.bin. "
            "Choose another folder."
        )
    kind = str(config.get("model_type"))
    if kind not in _MODELS or config.get("share_encoder_decoder_embeddings") is False:
        raise _unknown(source.path, kind)
    if source.cache is None:
        raise ModelError("CTranslate2 needs a place for the converted model, and was given none. Report this, please.")
    quantization = _PRECISIONS[source.precision]
    folder = source.cache / f"{_digest(source, weights)[:40]}-ctranslate2-{quantization}"
    if folder.is_dir():
        return folder
    with whole_folder(folder) as part:
        # int8 makes it four times smaller than float32, and half of what a checkpoint in half precision takes.
        _check_room(sum(file.stat().st_size for file in weights), source.cache)
        _convert(source.path, part, quantization)
    return folder


def _convert(folder: Path, target: Path, quantization: str) -> None:
    from ctranslate2.converters import TransformersConverter

    class Converter(TransformersConverter):  # type: ignore[misc]  # the library has no types
        """The library's own, made to read safetensors only, and to miss no weight."""

        def load_model(self, model_class: Any, path: str, **options: Any) -> Any:
            model, report = model_class.from_pretrained(
                path, use_safetensors=True, local_files_only=True, output_loading_info=True, **options
            )
            check_complete(path, report)
            return model

        def load_tokenizer(self, tokenizer_class: Any, path: str, **options: Any) -> Any:
            tokenizer = _tokenizer(Path(path))
            # M2M100's leaves its languages out, and the converter looks for them under a name of older versions.
            vocabulary = {**tokenizer.get_vocab(), **getattr(tokenizer, "lang_token_to_id", {})}
            tokenizer.get_vocab = lambda: vocabulary
            return tokenizer

    import transformers

    library: Any = transformers
    library.utils.logging.disable_progress_bar()
    Converter(str(folder)).convert(str(target), quantization=quantization, force=True)


def _digest(source: ModelSource, weights: list[Path]) -> str:
    if source.sha256:
        return source.sha256
    files = [*weights, *sorted(source.path.glob("*.json"))]
    facts = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    return hashlib.sha256(repr([str(source.path.absolute()), facts]).encode()).hexdigest()


def _check_room(needed: int, place: Path) -> None:
    free = shutil.disk_usage(place).free
    if free < needed:
        raise StorageError(
            f"CTranslate2 needs up to {needed / 1e9:.2f} GB in {place} to convert this model, but {free / 1e9:.2f} GB "
            "are free. Free some space and try again."
        )


def _json(file: Path) -> dict[str, Any]:
    try:
        held = read_json(file)
    except FileNotFoundError:
        return {}
    return held if isinstance(held, dict) else {}


def _unknown(folder: Path, kind: str) -> ModelError:
    return ModelError(
        f"{folder} is of a kind ({kind}) that the ctranslate2 engine cannot use: it takes Marian, T5, MADLAD, M2M100 "
        "and NLLB. Choose another model, or another engine."
    )


def _cause(error: Exception, path: Path) -> str:
    """What an error of CTranslate2 means, and what to do. Raises MemoryError when it is that."""
    text = str(error)
    if isinstance(error, RuntimeError) and re.search(r"out of memory|bad_alloc", text):
        raise MemoryError(text) from error
    if re.search(r"CUDA|cuda|cublas", text):
        return f"The GPU cannot be used by CTranslate2 ({text[:120]}). Choose the device cpu."
    if "sentencepiece" in text.lower() and isinstance(error, ImportError):
        return f"{path} needs the package sentencepiece, which is not here. Start launch.py with --reinstall."
    if "custom code" in text or "trust_remote_code" in text:
        return f"{path} needs program code that comes with it, which is never run here. Choose another model."
    if re.search(r"tokenizer|spm|vocab", text, re.IGNORECASE):
        return f"The tokenizer of {path} is missing or damaged. Download the model again, or choose another."
    return f"{path} cannot be read: it is damaged or incomplete. Download it again, or choose another model."
