"""Commands about a training that has begun, and the files that were made of it, all under /page/training."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, Response

from playground.errors import BadValueError, PlaygroundError
from playground.tuning import proof
from playground.tuning.asides import Tell
from playground.tuning.exporting import KINDS, export_file, export_here
from playground.tuning.service import TuningService
from playground.ui.chat_routes import Asked, answered, refused
from playground.ui.strings import language_asked

_AHEAD = 2
"""Pairs of replies that wait for a vote: one is looked at while the next is made."""


def build_training_run_router(service: TuningService) -> APIRouter:
    """The routes, to be put under /page."""
    router = APIRouter()

    @router.post("/training/{run_id}/act")
    def act(request: Request, run_id: str, asked: Asked) -> Response:
        return answered(request, lambda language: _act(service, run_id, asked))

    @router.get("/training/{run_id}/file")
    def file(request: Request, run_id: str, name: str) -> Response:
        try:
            service.store.get(run_id)
            found = export_file(service, run_id, name)
        except PlaygroundError as error:
            return refused(language_asked(request), error)
        return FileResponse(
            found, filename=name, media_type="application/octet-stream", headers={"Cache-Control": "no-store"}
        )

    return router


def _act(service: TuningService, run_id: str, asked: dict[str, Any]) -> dict[str, Any]:
    """One command; the answer says where the page is to go, if anywhere."""
    action = str(asked.get("action") or "")
    service.store.get(run_id)  # Raises for what is no training.
    if action == "again":
        return {"open": service.again(run_id)}
    if action == "use":
        service.manager.choose(*service.adapter(run_id))
        service.announce(run_id)
        return {"go": "chat"}
    prompt, text = str(asked.get("prompt") or ""), str(asked.get("text") or "")
    done: dict[str, Callable[[], object]] = {
        "pause": lambda: service.stop(run_id),
        "keep": lambda: service.keep(run_id),
        "resume": lambda: service.resume(run_id),
        "unuse": lambda: _unuse(service, run_id),
        "sides": lambda: _sides(service, run_id, prompt),
        "blind": lambda: _blind(service, run_id, prompt),
        "vote": lambda: _vote(service, run_id, str(asked.get("argument") or "")),
        "lens": lambda: _lens(service, run_id, prompt, text),
        "export": lambda: _export(service, run_id, str(asked.get("argument") or "")),
        **{f"stop-{name}": _stopper(service, run_id, name) for name in ("sides", "blind", "lens", "export")},
    }
    if action not in done:
        raise BadValueError(f"There is no command {action!r}.")
    done[action]()
    service.announce(run_id)
    return {}


def _unuse(service: TuningService, run_id: str) -> None:
    """Go on with the base alone; nothing where another window has chosen something else meanwhile."""
    run, manager = service.store.get(run_id), service.manager
    model, name = str(run.options.get("model", "")), str(run.result.get("name", ""))
    if name and (manager.chosen, manager.adapter) == (model, name):
        manager.choose(model, "")


def _stopper(service: TuningService, run_id: str, name: str) -> Callable[[], object]:
    return lambda: service.asides.stop(run_id, name)


def _sides(service: TuningService, run_id: str, prompt: str) -> None:
    _refuse_empty(prompt)
    service.adapter(run_id)

    def work(tell: Tell, stop: threading.Event) -> tuple[str, str]:
        return proof.replies(service, run_id, prompt, stop, lambda done: tell("", done, 2))

    service.asides.begin(run_id, "sides", prompt, work)


def _blind(service: TuningService, run_id: str, own: str = "") -> None:
    """Make replies to vote on, of a question of one's own or of those that were held out, until enough wait."""
    service.adapter(run_id)

    def waiting() -> int:
        return sum(not one.vote for one in service.store.duels(run_id))

    def work(tell: Tell, stop: threading.Event) -> int:
        queue = [own] if own.strip() else proof.unasked(service, run_id)
        made = 0
        while queue and waiting() < _AHEAD and not stop.is_set():
            proof.duel(service, run_id, queue.pop(0), stop, lambda done: tell("", done, 2))
            service.announce(run_id)
            made += 1
        return made

    service.asides.begin(run_id, "blind", own, work)


def _vote(service: TuningService, run_id: str, argument: str) -> None:
    number, _, shown = argument.partition(":")
    if not number.isdecimal():
        raise BadValueError(f"The vote is {argument!r}. Choose first, second or tie.")
    proof.vote(service, run_id, int(number), shown)
    aside = service.asides.of(run_id, "blind")
    if (aside is None or aside.phase == "done") and proof.unasked(service, run_id) and not (aside and aside.asked):
        _blind(service, run_id)


def _lens(service: TuningService, run_id: str, prompt: str, text: str) -> None:
    if not text.strip():
        raise BadValueError("The text is empty. Write or paste one.")

    def work(tell: Tell, stop: threading.Event) -> list[proof.LensToken]:
        return proof.lens(service, run_id, prompt, text, stop)

    service.asides.begin(run_id, "lens", (prompt, text), work)


def _export(service: TuningService, run_id: str, kind: str) -> None:
    if kind not in KINDS:
        raise BadValueError(f"kind is {kind!r}. Choose one of: {', '.join(KINDS)}.")
    service.asides.begin(run_id, "export", kind, lambda tell, stop: export_here(service, run_id, kind, tell, stop))


def _refuse_empty(prompt: str) -> None:
    if not prompt.strip():
        raise BadValueError("The prompt is empty. Write one.")
