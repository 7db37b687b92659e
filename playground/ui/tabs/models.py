"""The Models tab: its frame, and how its commands are wired to the models service. Its contents come by the stream.

Every command takes one way: the page's script hands over `action`, `argument` and a form's `value`, the handler calls
the service, and the outcome goes back to the script, which shows an error where it arose and keeps what was typed.
"""

from __future__ import annotations

import html
import logging
from typing import Any

import gradio as gr

from playground.engine.base import LoadOptions
from playground.errors import BadValueError, PlaygroundError
from playground.models import ModelsService
from playground.overview import title_of
from playground.ui.models_form import options_from
from playground.ui.models_get import files_html, search_html, server_html
from playground.ui.models_parts import size_text
from playground.ui.reasons import reason_words
from playground.ui.strings import language_asked, t

log = logging.getLogger(__name__)
_Values = dict[str, str]


def build_models_tab(models: ModelsService) -> None:
    """Build the tab inside an open Blocks context."""
    page = gr.JSON(visible="hidden", elem_id="pm-page")
    result = gr.JSON(visible="hidden", elem_id="pm-result")
    act = gr.Button(visible="hidden", elem_id="pm-act")
    gr.HTML(_FRAME, elem_id="pm-box", apply_default_css=False)
    quiet: dict[str, Any] = dict(queue=False, show_progress="hidden", api_visibility="private")
    acted = act.click(
        _Handlers(models).act,
        inputs=page,
        outputs=result,
        js="() => [playgroundModels.take()]",
        trigger_mode="multiple",
        **quiet,
    )
    acted.success(None, result, None, js="(result) => playgroundModels.done(result)", **quiet)
    acted.failure(None, None, None, js="() => playgroundModels.failed()", **quiet)


def _field(name: str, kind: str, words: str, *, once: bool = False) -> str:
    """A named field; `once`: it is emptied when its command has done its work."""
    empty = " data-empty" if once else ""
    return (
        f'<label class="pm-grow"><span data-t="{words}"></span>'
        f'<input name="{name}" type="{kind}" autocomplete="off" spellcheck="false"{empty}></label>'
    )


def _form(name: str, fields: str, words: str) -> str:
    return (
        f'<form data-form="{name}" class="pm-row" novalidate>{fields}'
        f'<button type="submit" class="pm-button" data-do="{name}" data-t="{words}"></button></form>'
    )


def _section(name: str, body: str) -> str:
    head = f'<h2 id="pm-title-{name}" tabindex="-1" data-t="m.{name}"></h2>'
    return f'<section aria-labelledby="pm-title-{name}">{head}{body}</section>'


def _own(key: str, summary: str, body: str) -> str:
    """A folded part of the frame, with the place for what goes wrong in it."""
    return (
        f'<details class="pm-fold"><summary><b data-t="{summary}"></b></summary><div data-key="{key}">{body}'
        '<p class="pm-said error" role="alert" data-own></p></div></details>'
    )


_SAID = '<p class="pm-said error" role="alert" data-own></p>'
_FRAME = (
    '<main id="pm-root">'
    + _SAID
    + _section("memory", '<div id="pm-memory"></div>')
    + _section(
        "here",
        '<div id="pm-here"></div>'
        + _own("frame:add", "m.add", _form("add", _field("path", "text", "m.add_path", once=True), "m.add_yes")),
    )
    + _section(
        "available",
        '<div id="pm-jobs"></div><div id="pm-offers"></div><h3 data-t="m.search"></h3>'
        '<div data-key="frame:search"><p class="hint" data-t="m.search_info"></p>'
        + _form("search", _field("query", "search", "m.search_field"), "m.search_yes")
        + _SAID
        + '<div id="pm-found" aria-live="polite"></div></div>',
    )
    + _section(
        "server",
        '<div data-key="frame:server"><p class="hint" data-t="m.server_info"></p>'
        + _form(
            "server",
            _field("url", "url", "m.url") + _field("key", "password", "m.key", once=True),
            "m.list",
        )
        + '<p class="hint" data-t="m.key_info"></p>'
        + _SAID
        + '<div id="pm-served" aria-live="polite"></div></div>',
    )
    + '<p id="pm-done" role="status"></p></main>'
)


class _Handlers:
    """Translates a command, calls the service, puts the outcome and errors into words."""

    def __init__(self, models: ModelsService) -> None:
        self._models = models

    def act(self, request: gr.Request, page: dict[str, Any]) -> dict[str, Any]:
        """One command. The answer repeats its `ticket`; it has `error`, or `said`, or `html` to be put `into` a box."""
        page = page or {}
        language = language_asked(request)
        answer: dict[str, Any] = {"ticket": page.get("ticket")}
        try:
            values = {str(key): str(value) for key, value in dict(page.get("value") or {}).items()}
            answer |= self._act(str(page.get("action")), str(page.get("argument") or ""), values, language)
        except PlaygroundError as error:
            answer["error"] = reason_words(language, str(error))
        except Exception as error:
            log.exception("a command failed")
            answer["error"] = t(language, "error.unexpected", what=type(error).__name__)
        return answer

    def _act(self, action: str, name: str, values: _Values, language: str) -> dict[str, Any]:
        models, manager = self._models, self._models.manager
        if action == "load":
            manager.load(name)
        elif action == "choose":
            manager.choose(name, values.get("adapter", ""))
        elif action == "use_server":
            # Whatever engine the app was started with, a server is reached by one only.
            manager.choose(name, options=LoadOptions(engine="remote"))
        elif action == "apply":
            manager.load(name, options_from(values, manager.options_of(name)))
        elif action == "unload":
            for one in name.split("\n"):
                models.unload(one)
        elif action == "attach":
            return {"said": t(language, "m.attached", name=manager.attach(name, values.get("path", "").strip()))}
        elif action == "detach":
            model, _, adapter = name.partition("\n")
            manager.detach(model, adapter)
        elif action in ("download", "download_pickle"):
            models.download(name, allow_pickle=action == "download_pickle")
        elif action == "pause":
            models.downloads.pause(name)
        elif action == "resume":
            models.downloads.resume(name)
        elif action == "cancel":
            models.downloads.cancel(name)
        elif action == "remove":
            title, freed = title_of(name), size_text(models.remove(name))
            return {"said": t(language, "m.deleted", name=title, size=freed)}
        elif action == "convert":
            models.convert(name)
        elif action == "add":
            return {"said": t(language, "m.added", name=models.add(values.get("path", "")))}
        elif action == "forget":
            models.forget(name)
        else:
            return self._ask(action, name, values, language)
        return {}

    def _ask(self, action: str, name: str, values: _Values, language: str) -> dict[str, Any]:
        """Commands whose answer is shown where they were given."""
        if action == "search":
            query = values.get("query", "").strip()
            return {"into": "pm-found", "html": search_html(query, self._models.search(query), language)}
        if action == "files":
            return {"into": f"pm-files-{html.escape(name)}", "html": files_html(self._models.files(name), language)}
        if action == "server":
            url, key = values.get("url", "").strip(), values.get("key", "").strip()
            address, served = self._models.server_models(url, key)
            return {"into": "pm-served", "html": server_html(address, served, language)}
        raise BadValueError(f"There is no command {action!r}.")
