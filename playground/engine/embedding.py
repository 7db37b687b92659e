"""Models that compare texts by their meaning: each text becomes a vector, and near ones say much the same.

They are small (90 to 470 MB, single precision) and write nothing, so they do not go through ModelManager: no turn, no
place in its books. Its plans still see them, as they see every other program, by the memory that is free. Whoever wants
vectors asks `Embedders`, which loads the model at the first text and frees it some minutes after the last.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.engine import lane
from playground.engine.hardware import default_threads
from playground.engine.heap import release_memory
from playground.engine.library import is_present, model_file
from playground.engine.load_errors import cause, out_of_memory, words
from playground.errors import ModelError
from playground.paths import DataFolder
from playground.presets import ModelPreset, model_presets
from playground.settings import Settings

Embed = Callable[[Sequence[str]], NDArray[np.float32]]
"""Texts to vectors of length 1, one row each; their product says how near two are. Raises ModelError."""
_PREFIXES = {"multilingual-e5-small": "query: "}
"""What stands before each text, as the model was trained, by preset."""
_SLICE = 2048
"""Texts that are cut into tokens at one time: more would only take memory."""
_TOKENS = {"cpu": 1024, "cuda": 16384}
"""Tokens, padding included, of one batch. A reply that is computed beside it waits for no more than that."""
_GPU_ROOM = 2_000_000_000
"""Bytes that must be free on a GPU; it is left to the models that write otherwise."""
_REST = 300.0
log = logging.getLogger(__name__)


class Embedder:
    """One model in memory. May be used from any thread."""

    def __init__(self, path: Path, *, prefix: str = "", most_tokens: int = 512, device: str = "auto") -> None:
        """Load the folder at `path`; texts are cut to `most_tokens`. Raises ModelError, also for a lack of memory.

        `device` is auto, cpu or cuda:N; where a GPU is full or not there, the processor is used.
        """
        self._prefix, self._most = prefix, most_tokens
        self.device = _device(device)
        self._where: Callable[[Callable[[], Any]], Any] = lane.run if self.device == "cpu" else _at_once
        try:
            with words(path, "transformers", cause):
                self._model, self._tokenizer = lane.aside(lambda: _load(path, self.device))
        except MemoryError:
            raise _no_room() from None

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The vectors of `texts`, shape (texts, dimensions), each of length 1. Raises ModelError."""
        pieces = [self._some(texts[at : at + _SLICE]) for at in range(0, len(texts), _SLICE)]
        return np.concatenate(pieces) if pieces else np.zeros((0, self._model.config.hidden_size), np.float32)

    def _some(self, texts: Sequence[str]) -> NDArray[np.float32]:
        marked = [self._prefix + text for text in texts]
        tokens = self._tokenizer(marked, truncation=True, max_length=self._most)["input_ids"]
        found = np.empty((len(texts), self._model.config.hidden_size), np.float32)
        for batch in _batches([len(one) for one in tokens], _TOKENS[self.device.split(":")[0]]):
            found[batch] = self._run([tokens[at] for at in batch])
        return found

    def _run(self, batch: list[list[int]]) -> NDArray[np.float32]:
        try:
            vectors: NDArray[np.float32] = self._where(lambda: self._vectors(batch))
        except Exception as error:
            if out_of_memory(error):
                raise _no_room() from None
            said = str(error).strip().partition("\n")[0][:200].rstrip(".")
            raise ModelError(f"The model of sentences failed: {said}. Get it anew in the Models tab.") from error
        return vectors

    def _vectors(self, batch: list[list[int]]) -> NDArray[np.float32]:
        import torch

        filled = self._tokenizer.pad({"input_ids": batch}, return_tensors="pt").to(self.device)
        with torch.inference_mode():
            states = self._model(**filled).last_hidden_state.float()
            mask = filled["attention_mask"].unsqueeze(-1)
            means = (states * mask).sum(1) / mask.sum(1).clamp(min=1)
            vectors: NDArray[np.float32] = torch.nn.functional.normalize(means, dim=-1).cpu().numpy()
        return vectors


class Embedders:
    """The models of this kind that are on this machine, loaded when they are used. May be used from any thread."""

    def __init__(self, folder: DataFolder, settings: Settings, *, rest_seconds: float = _REST) -> None:
        """Load nothing. A model is freed `rest_seconds` after its last use."""
        self._folder, self._settings, self._rest = folder, settings, rest_seconds
        self._loading = threading.Lock()
        self._guard = threading.Lock()
        self._held: dict[str, Embedder] = {}
        self._used: dict[str, float] = {}

    def name_for(self, *languages: str) -> str:
        """What the model for texts in all these languages is called; "" when none is here."""
        preset = self._preset(languages)
        return preset.name if preset else ""

    def embed_for(self, *languages: str) -> Embed | None:
        """What compares texts in all these languages (codes; "" is any) with each other; None when no model is here.

        It is loaded when the first text comes, so the function that is returned may take seconds once.
        """
        preset = self._preset(languages)
        if preset is None:
            return None
        chosen = preset
        return lambda texts: self._encode(chosen, texts)

    @property
    def held(self) -> tuple[str, ...]:
        """Ids of the presets in memory."""
        with self._guard:
            return tuple(self._held)

    def _preset(self, languages: Sequence[str]) -> ModelPreset | None:
        """The one that knows these languages and no more than need be: what was made for one alone is better at it."""
        known = [
            preset
            for preset in model_presets().values()
            if preset.kind == "embedding"
            and set(filter(None, languages)) <= set(preset.languages)
            and is_present(preset, self._folder)
        ]
        return min(known, key=lambda preset: len(preset.languages), default=None)

    def _encode(self, preset: ModelPreset, texts: Sequence[str]) -> NDArray[np.float32]:
        model = self._model(preset)
        try:
            return model.encode(texts)
        finally:
            with self._guard:
                self._used[preset.id] = time.monotonic()

    def _model(self, preset: ModelPreset) -> Embedder:
        with self._loading:
            with self._guard:
                self._used[preset.id] = time.monotonic()
                if preset.id in self._held:
                    return self._held[preset.id]
            lane.use(self._settings.threads or default_threads())
            model = Embedder(
                model_file(preset, self._folder),
                prefix=_PREFIXES.get(preset.id, ""),
                most_tokens=preset.context_length,
                device=self._settings.device,
            )
            with self._guard:
                self._held[preset.id] = model
                self._used[preset.id] = time.monotonic()
        threading.Thread(target=self._free_when_idle, args=[preset.id], name="embedding-rest", daemon=True).start()
        return model

    def _free_when_idle(self, name: str) -> None:
        """Let go of a model once nobody has used it for so long; whoever computes with it holds it himself."""
        while True:
            with self._guard:
                left = self._used[name] + self._rest - time.monotonic()
                if left <= 0:
                    del self._held[name]
                    break
            time.sleep(left)
        release_memory(whole=True)


def _load(path: Path, device: str) -> tuple[Any, Any]:
    import torch
    import transformers

    library: Any = transformers
    library.utils.logging.disable_progress_bar()
    how = {"local_files_only": True, "trust_remote_code": False}
    tokenizer = library.AutoTokenizer.from_pretrained(path, **how)
    model = library.AutoModel.from_pretrained(path, dtype=torch.float32, use_safetensors=True, **how)
    return model.to(device).eval().requires_grad_(False), tokenizer


def _device(wanted: str) -> str:
    import torch

    if wanted == "cpu" or not torch.cuda.is_available():
        return "cpu"
    number = 0 if wanted == "auto" else int(wanted.removeprefix("cuda:"))
    if number >= torch.cuda.device_count() or torch.cuda.mem_get_info(number)[0] < _GPU_ROOM:
        return "cpu"
    return f"cuda:{number}"


def _batches(lengths: Sequence[int], most: int) -> Iterator[list[int]]:
    """Which texts are computed together: those about equally long, so that little is filled up, longest first."""
    batch: list[int] = []
    for at in sorted(range(len(lengths)), key=lambda one: -lengths[one]):
        if batch and lengths[batch[0]] * (len(batch) + 1) > most:
            yield batch
            batch = []
        batch.append(at)
    if batch:
        yield batch


def _at_once(work: Callable[[], Any]) -> Any:
    return work()


def _no_room() -> ModelError:
    return ModelError("There is not enough memory to compare texts. Close other programs, or unload a model.")
