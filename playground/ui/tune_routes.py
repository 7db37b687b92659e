"""What the Fine-tune tab asks for and sends about drafts: files, own work, samples, the form, commands.

The stream is in `tune_live`; what is done with a training that has begun is in `training_run_routes`.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse

from playground.documents import LIMIT
from playground.errors import BadValueError
from playground.models import ModelsService
from playground.paths import PRESETS
from playground.store import History
from playground.tuning.forms import FIELDS
from playground.tuning.gathering import gather, given_file
from playground.tuning.service import TuningService
from playground.ui.chat_routes import Asked, answered
from playground.ui.file_routes import received, short_name
from playground.ui.strings import language_asked, t
from playground.ui.tune_answers import lengths_of, page_of, plan_of, ready, sample_of
from playground.ui.tune_form import readable, refuse_others, typed
from playground.ui.tune_live import TuneWatcher
from playground.ui.tune_looking import Looked
from playground.ui.tune_own import choice_of, name_of, own_html

_Hidden = dict[str, Mapping[str, tuple[Any, Any]]]
"""Of drafts with placeholders: by sample what had been changed of it, and what was written there."""
_POSITION = re.compile(r"[0-9]{1,6}")


def build_tune_router(
    service: TuningService, models: ModelsService, history: History, folder: Path, closing: asyncio.Event
) -> APIRouter:
    """The routes, all under /page/tune; `folder` is for files on their way."""
    router = APIRouter()
    looked = Looked(service, models)
    hidden: _Hidden = {}

    @router.get("/live")
    async def live(request: Request, f: str = "", listed: int = 100, whole: bool = False) -> Response:
        shown = max(1, min(listed, 10_000))
        watcher = TuneWatcher(looked, hidden, f, shown, whole, language_asked(request), closing)
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(watcher.events(), media_type="text/event-stream", headers=headers)

    @router.post("/attach")
    async def attach(request: Request, name: str, f: str = "") -> Response:
        short = short_name(name)

        def work(file: Path, language: str) -> dict[str, Any]:
            run_id = service.collect(f, given_file(short, file.read_bytes()))
            looked.forget(run_id)
            service.announce(run_id)
            return {"run": run_id}

        return await received(request, folder, LIMIT, work)

    @router.get("/own")
    def own(request: Request) -> Response:
        def work(language: str) -> dict[str, Any]:
            tags = list(history.counts().tags)
            return {"html": own_html(service.own_counts(), history.models(), tags, language)}

        return answered(request, work)

    @router.post("/collect")
    def collect(request: Request, asked: Asked) -> Response:
        def work(language: str) -> dict[str, Any]:
            values = asked.get("values")
            choice = choice_of(values if isinstance(values, dict) else {})
            run_id = service.collect_own(str(asked.get("run") or ""), choice, name_of(choice, language))
            looked.forget(run_id)
            service.announce(run_id)
            return {"run": run_id}

        return answered(request, work)

    @router.post("/samples")
    def samples(request: Request, asked: Asked) -> Response:
        return answered(request, lambda language: page_of(looked, asked, language))

    @router.post("/sample")
    def sample(request: Request, asked: Asked) -> Response:
        return answered(request, lambda language: sample_of(looked, asked, language))

    @router.post("/lengths")
    def lengths(request: Request, asked: Asked) -> Response:
        return answered(request, lambda language: lengths_of(looked, str(asked.get("run") or ""), language))

    @router.post("/plan")
    def plan(request: Request, asked: Asked) -> Response:
        return answered(request, lambda language: plan_of(looked, str(asked.get("run") or ""), language))

    @router.post("/keep")
    def keep(request: Request, asked: Asked) -> Response:
        def work(language: str) -> dict[str, Any]:
            run_id = str(asked.get("run") or "")
            _keep(looked, run_id, asked)
            return plan_of(looked, run_id, language)

        return answered(request, work)

    @router.post("/act")
    def act(request: Request, asked: Asked) -> Response:
        return answered(request, lambda language: _act(looked, hidden, asked, language))

    return router


def _act(looked: Looked, hidden: _Hidden, asked: dict[str, Any], language: str) -> dict[str, Any]:
    """One command; the answer names the training that is to be shown."""
    service, store = looked.service, looked.service.store
    action, run_id, key = str(asked.get("action")), str(asked.get("run") or ""), str(asked.get("key") or "")
    given = asked.get("values")
    values: dict[str, Any] = given if isinstance(given, dict) else {}
    done: dict[str, Callable[[], None]] = {
        "rename": lambda: service.rename(run_id, str(asked.get("title") or "")),
        "restore": lambda: store.restore(run_id),
        "purge": lambda: service.purge(run_id),
        "leave_out": lambda: service.leave_out(run_id, key, out=True),
        "put_back": lambda: service.leave_out(run_id, key, out=False),
        "change": lambda: service.change(run_id, key, _texts(values)),
        "as_read": lambda: service.change(run_id, key, None),
        "note": lambda: store.set_note(run_id, _number(asked.get("position")), str(asked.get("note") or "")),
        "columns": lambda: _columns(looked, run_id, _number(asked.get("position")), values),
        "only": lambda: _only(looked, run_id, str(asked.get("kind") or "")),
        "hide_private": lambda: _hide(looked, hidden, run_id),
        "undo_private": lambda: _show_again(looked, hidden, run_id),
    }
    if action == "example":
        run_id = _example(looked, run_id, language)
    elif action == "delete":
        service.stop(run_id)
        store.trash(run_id)
    elif action == "remove":
        return {"run": _remove(looked, hidden, run_id, _number(asked.get("position")))}
    elif action == "begin":
        if store.get(run_id).status == "draft":
            _keep(looked, run_id, asked)
        service.begin(run_id, ready(looked, run_id))
    elif action == "again":
        run_id = service.again(run_id)
    elif action in done:
        done[action]()
    else:
        raise BadValueError(f"There is no command {action!r}.")
    if action in ("note", "columns"):
        looked.forget(run_id)
    service.announce(run_id)
    return {"run": run_id}


def _keep(looked: Looked, run_id: str, asked: dict[str, Any]) -> None:
    """Write down what the form says."""
    form = asked.get("form")
    if not isinstance(form, dict):
        return
    draft = looked.draft(run_id)
    before = looked.form(draft)
    made = typed(form, before)
    refuse_others(made, before, looked.devices())
    title = str(form.get("title") or "").strip() or draft.run.title
    # Beside the form, what can be read of it already: a copy of the draft and the list are told by that.
    options = {"form": made.to_dict(), "model": made.model, "prompts": list(readable(made).prompts)}
    if options != dict(draft.run.options) or title != draft.run.title:
        looked.service.store.set_options(run_id, title, options)
        looked.service.announce(run_id)


def _example(looked: Looked, run_id: str, language: str) -> str:
    """Put the data that comes with the app to a draft; to a new one with a question that it does not ask so."""
    data = (PRESETS / "training" / "example.jsonl").read_bytes()
    made = looked.service.collect(run_id, given_file("example.jsonl", data, note="Apache-2.0"))
    if not run_id:
        options = {"form": {"prompts": "Can I use Playground without a GPU?"}}
        looked.service.store.set_options(made, t(language, "tune.example_title"), options)
    looked.forget(made)
    return made


def _columns(looked: Looked, run_id: str, position: int, values: Mapping[str, Any]) -> None:
    """Say what the columns of a file are; none: as their names say."""
    chosen = {field: str(values[field]) for field in FIELDS if values.get(field)}
    draft = looked.draft(run_id)
    known = draft.columns[position] if 0 <= position < len(draft.columns) else ()
    if wrong := next((name for name in chosen.values() if name not in known), None):
        raise BadValueError(f"The row has no column {wrong!r}. Map another column, or add it.")
    looked.service.store.set_columns(run_id, position, chosen)


def _only(looked: Looked, run_id: str, kind: str) -> None:
    """Leave out all samples of other kinds."""
    store = looked.service.store

    def change(edits: Mapping[str, Any]) -> Mapping[str, Any]:
        others = [item.key for item in gather(store.files(run_id), edits).items if item.sample.kind != kind]
        return {**edits, **dict.fromkeys(others, False)}

    store.change_edits(run_id, change)


def _hide(looked: Looked, hidden: _Hidden, run_id: str) -> None:
    if done := looked.service.hide_private(run_id):
        hidden[run_id] = done


def _show_again(looked: Looked, hidden: _Hidden, run_id: str) -> None:
    """Take placeholders back; what was written after them stays."""

    def change(edits: Mapping[str, Any]) -> Mapping[str, Any]:
        back = {key: before for key, (before, put) in hidden.get(run_id, {}).items() if edits.get(key) == put}
        return {key: one for key, one in {**edits, **back}.items() if one is not None}

    looked.service.store.change_edits(run_id, change)
    hidden.pop(run_id, None)


def _remove(looked: Looked, hidden: _Hidden, run_id: str, position: int) -> str:
    """Take a file away; of a draft without any nothing is left. Returns what is to be shown."""
    service, store = looked.service, looked.service.store
    names = [file.name for file in looked.draft(run_id).files]
    store.remove_file(run_id, position)
    hidden.pop(run_id, None)  # It would speak of other files.
    looked.forget(run_id)
    left = store.files(run_id)
    if not left:
        store.trash(run_id)
        store.purge(run_id)
    elif store.get(run_id).title in names:  # Else somebody gave it.
        store.rename(run_id, left[0].name)
    service.announce(run_id)
    return run_id if left else ""


def _texts(values: Mapping[str, Any]) -> dict[str, Any]:
    """What was written into the boxes of a sample: "messages.0" and so on, chosen, rejected, text."""
    made: dict[str, Any] = {name: str(values[name]) for name in ("chosen", "rejected", "text") if name in values}
    numbered = {name.partition(".")[2]: str(text) for name, text in values.items() if name.startswith("messages.")}
    if numbered and all(one.isdecimal() for one in numbered):
        made["messages"] = [numbered[one] for one in sorted(numbered, key=int)]
    return made


def _number(value: Any) -> int:
    """A position among files; -1, where none is, for what is no number."""
    return int(value) if isinstance(value, int | str) and _POSITION.fullmatch(str(value)) else -1
