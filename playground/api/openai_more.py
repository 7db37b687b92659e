"""Vectors, translations and summaries for programs. What they send is kept nowhere longer than it takes."""

from __future__ import annotations

import base64
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from playground.access.quota import Quota, tokens_in
from playground.api.openai_bodies import EmbeddingBody, SummarizeBody, TranslateBody
from playground.api.openai_errors import ApiError, api_error, closing_error
from playground.api.openai_models import DEFAULT, Listed, Shelf
from playground.api.openai_replies import leased
from playground.engine.lease import LeaseCancelled
from playground.errors import BadValueError, ModelError, StorageError
from playground.languages import count_words
from playground.presets import model_presets
from playground.store import Database
from playground.store.run_values import Node, Run, RunDocument
from playground.store.runs import Runs
from playground.summarize.instructions import check_style, tokens_for, wanted_words, words_in
from playground.summarize.options import SummaryOptions, read_length
from playground.summarize.reading import read_pasted
from playground.summarize.receipt import coverage
from playground.summarize.service import SummaryService
from playground.translate.files import read_pasted as read_text
from playground.translate.options import TranslationOptions
from playground.translate.quick import translate_text
from playground.translate.service import TranslationService, source_of
from playground.translate.ways import Way, ways

_SLICE = 64
"""Texts that are compared at one go; a stop comes through between them."""
_LOOK = 0.1
_COUNT = 1.0
"""Seconds after which it is counted what a summary has taken so far."""
Answer = dict[str, Any]


def embedded(shelf: Shelf, quota: Quota, model: Listed, body: EmbeddingBody, stop: threading.Event) -> Iterator[Answer]:
    """The vectors. Raises ModelError, QuotaError, LeaseCancelled."""
    texts = [body.input] if isinstance(body.input, str) else body.input
    embed = shelf.embedders.embed_for(*model_presets()[model.name].languages)
    if embed is None:
        raise ApiError(404, f"{model.id} is not on this machine any more.", code="model_not_found", param="model")
    data: list[Answer] = []
    for at in range(0, len(texts), _SLICE):
        if stop.is_set():
            raise LeaseCancelled
        quota.check_tokens()
        for vector in embed(texts[at : at + _SLICE]):
            told: Any = [float(number) for number in vector]
            if body.encoding_format == "base64":
                told = base64.b64encode(np.asarray(vector, "<f4").tobytes()).decode()
            data.append({"object": "embedding", "index": len(data), "embedding": told})
        quota.spend(tokens_in(*texts[at : at + _SLICE]))
    count = tokens_in(*texts)
    yield {
        "object": "list",
        "data": data,
        "model": model.id,
        "usage": {"prompt_tokens": count, "total_tokens": count},
    }


def translated(
    shelf: Shelf, quota: Quota, service: TranslationService, body: TranslateBody, stop: threading.Event
) -> Iterator[Answer]:
    """The translation. The owner's memory and glossaries have no part in it. Raises PlaygroundError, ApiError."""
    options = TranslationOptions(body.target, body.source or "", memory=False)
    options = replace(options, source=source_of([read_text(body.text)], options))
    way = _way(shelf, options, body.model or "")
    last, spent = None, 0
    quota.spend(tokens_in(body.text))
    for last in translate_text(service, body.text, replace(options, model=way.name), stop, quota.who):
        quota.spend(max(0, tokens_in(last.text) - spent))
        spent = max(spent, tokens_in(last.text))
        if last.done < last.total:
            quota.check_tokens()
    if last is None:
        raise ModelError("Nothing was translated. Try again.")
    ids = {one.name: one.id for one in shelf.all() if not one.adapter}
    answer = {
        "object": "translation",
        "text": last.text,
        "source": last.source,
        "target": options.target,
        "model": " > ".join(ids.get(step.model, "") for step in last.way.steps),
        "doubts": [dict(one) for one in last.doubts],
    }
    yield answer | ({"untranslated": len(last.failed)} if last.failed else {})


def _way(shelf: Shelf, options: TranslationOptions, wanted: str) -> Way:
    """The best way on this machine for which no chat model has to be loaded that is not the chosen one."""
    here = {one.name: one for one in shelf.all() if not one.adapter}
    model = None if wanted in DEFAULT else shelf.find(wanted)
    if model is not None and model.kind != "seq2seq":
        shelf.writer(wanted)
    local = [one for one in shelf.models.overview().local if one.name in here]
    for way in ways(options.source, options.target, local, shelf.manager.chosen):
        allowed = all(
            step.model in here and (step.kind == "seq2seq" or shelf.may_write(step.model)) for step in way.steps
        )
        if allowed and (model is None or way.name == model.name):
            return way
    said = f"No model that may be used here translates from {options.source} to {options.target}. "
    raise ApiError(404, f"{said}Get one, or load one, in the Models tab.", code="model_not_found", param="model")


class Summaries:
    """Makes summaries in a file of their own that is gone afterwards: nothing comes into the owner's history."""

    def __init__(self, shelf: Shelf, place: Path) -> None:
        """`place` is a folder for nothing else; what a killed app left there is deleted."""
        self._shelf = shelf
        self._place = place
        shutil.rmtree(place, ignore_errors=True)

    def made(self, quota: Quota, body: SummarizeBody, stop: threading.Event) -> Iterator[Answer]:
        """The summary. Raises PlaygroundError, ApiError, LeaseCancelled."""
        options, document = options_of(body), read_pasted(body.text, "text")
        model = self._shelf.writer("")
        # What goes wrong with it is told as of any other.
        with leased(self._shelf.manager, model, stop, quota.who) as lease:
            if body.length is not None:
                _refuse_long(options, document, lease.info.context_length)
        self._place.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=self._place))
        try:
            database = Database(folder / "summary.db", folder)
            try:
                yield self._run(Runs(database), folder, quota, model, document, options, stop)
            finally:
                database.close()
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _run(
        self,
        runs: Runs,
        folder: Path,
        quota: Quota,
        model: Listed,
        document: RunDocument,
        options: SummaryOptions,
        stop: threading.Event,
    ) -> Answer:
        service = SummaryService(runs, self._shelf.manager, folder, self._shelf.embedders.embed_for)
        service.who = quota.who
        run_id, spent, looked = service.start([document], options), 0, time.monotonic()
        try:
            while (live := service.live(run_id)) is not None and not stop.wait(_LOOK):
                if live.notice:  # A person would wait until there is room on the disk; a program does not see why.
                    raise StorageError(live.notice)
                if time.monotonic() - looked > _COUNT:
                    read, wrote = _tokens(runs.nodes(run_id))
                    quota.spend(read + wrote - spent)
                    spent, looked = read + wrote, time.monotonic()
                    if service.live(run_id) is not None:
                        quota.check_tokens()
        finally:
            service.close(0.0)  # Not only stopped: on a full disk its last word would wait for room.
            run, nodes = service.wait(run_id), runs.nodes(run_id)
            read, wrote = _tokens(nodes)
            quota.spend(read + wrote - spent)
        if stop.is_set():
            raise LeaseCancelled
        if run.status == "failed":
            raise api_error(ModelError(run.error))
        if run.status != "complete":
            raise closing_error()
        return _summary(run, nodes, model, options, len(document.text)) | {
            "usage": {"prompt_tokens": read, "completion_tokens": wrote, "total_tokens": read + wrote}
        }


def _tokens(nodes: Sequence[Node]) -> tuple[int, int]:
    """Read and written for these."""
    read, wrote = (sum(node.record.get(name, 0) for node in nodes) for name in ("prompt_tokens", "completion_tokens"))
    return read, wrote


def options_of(body: SummarizeBody) -> SummaryOptions:
    """What the summary is to be like. Raises BadValueError."""
    length = "" if body.length is None else str(body.length)
    if isinstance(body.length, bool) or len(length) > 20:
        raise BadValueError("length is no number of words and no share. Write 200, or 10 %.")
    words, share = read_length(length)
    options = SummaryOptions(style=body.style or "paragraph", words=words, share=share, language=body.language or "")
    check_style(options)
    return options


def _refuse_long(options: SummaryOptions, document: RunDocument, context: int) -> None:
    """Half of what a model reads at once is for the text. Raises ApiError."""
    words = wanted_words(options, count_words(document.text, document.language))
    language = options.language or document.language
    if tokens_for(words, language) > context // 2:
        most = words_in(context // 2, language)
        said = (
            f"length: {words} words are too many for this model, which reads {context} tokens at once. Ask for {most}."
        )
        raise ApiError(400, said, code="invalid_value", param="length")


def _summary(run: Run, nodes: Sequence[Node], model: Listed, options: SummaryOptions, length: int) -> Answer:
    sentences: Sequence[Any] = run.receipt.get("sentences", ())
    doubts = [{**mark, "text": run.text[mark["start"] : mark["end"]]} for one in sentences for mark in one["marks"]]
    return {
        "object": "summary",
        "summary": run.text,
        "model": model.id,
        "style": options.style,
        "read_percent": round(coverage(nodes, [length]).percent, 1),
        "doubts": doubts,
    }
