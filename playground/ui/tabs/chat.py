"""The Chat tab: its Gradio components and how they are wired to the chat service. Messages come by ui/live.py.

Every command takes the same way: the page's script hands over which conversation and which leaf it shows (`page`),
a handler calls the service, and its outcome (`result`) goes back to the script, which keeps the typed text on failure.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr

from playground.chat import ChatService
from playground.errors import BadValueError, PlaygroundError
from playground.presets import sampling_presets
from playground.records import Sampling
from playground.replay import Replays
from playground.ui.chat_actions import Actions, Page, persona_of, stored
from playground.ui.chat_html import FILES_HTML, INFO_HTML, LOG_HTML, METER_HTML, SIDE_HTML
from playground.ui.reasons import reason_words
from playground.ui.strings import language_asked, t
from playground.ui.takes import whole
from playground.ui.views import settings_version

log = logging.getLogger(__name__)
_RECOMMENDED = "recommended"
_NUMBERS = ("temperature", "top_p", "top_k", "min_p", "repetition_penalty", "max_new_tokens")
_Page = dict[str, Any]
"""From the script: `conversation` and `leaf` as shown (or null), `action` and `argument`."""


@dataclass(frozen=True)
class ChatTab:
    """The components that tests and other wiring may need."""

    message: gr.Textbox
    send: gr.Button
    stop: gr.Button
    system_prompt: gr.Textbox
    sampling: tuple[gr.Component, ...]


def build_chat_tab(service: ChatService, replays: Replays, words: Callable[[str], Any]) -> ChatTab:
    """Build the tab inside an open Blocks context; `words` gives the translatable label for a key."""
    page = gr.JSON(visible="hidden", elem_id="pg-page")
    result = gr.JSON(visible="hidden", elem_id="pg-result")
    act = gr.Button(visible="hidden", elem_id="pg-act")
    with gr.Row(elem_id="pg-chat", equal_height=False):
        with gr.Column(elem_id="pg-side", scale=0, min_width=260):
            new = gr.Button(words("new_chat"), elem_id="pg-new", size="md")
            gr.HTML(SIDE_HTML, elem_id="pg-list-box", apply_default_css=False)
        with gr.Column(elem_id="pg-main", scale=1):
            gr.HTML(LOG_HTML, elem_id="pg-log-box", apply_default_css=False)
            with gr.Accordion(words("settings"), open=False, elem_id="pg-settings"):
                system_prompt, preset, sampling = _settings_panel(service, words)
            gr.HTML(FILES_HTML, elem_id="pg-files-box", apply_default_css=False)
            with gr.Row(elem_id="pg-composer", equal_height=False):
                message = gr.Textbox(
                    label=words("message"),
                    placeholder=words("message_hint"),
                    show_label=False,
                    container=False,
                    lines=1,
                    max_lines=10,
                    autofocus=True,
                    elem_id="pg-message",
                    scale=1,
                )
                send = gr.Button(words("send"), variant="primary", elem_id="pg-send", scale=0, min_width=88)
                stop = gr.Button(words("stop"), variant="stop", elem_id="pg-stop", scale=0, min_width=88)
            gr.HTML(METER_HTML, elem_id="pg-meter-box", apply_default_css=False)
        gr.HTML(INFO_HTML, elem_id="pg-info-box", apply_default_css=False)
    _wire(_Handlers(service, replays), page, result, act, new, message, send, stop, system_prompt, preset, sampling)
    return ChatTab(message, send, stop, system_prompt, tuple(sampling))


def _settings_panel(service: ChatService, words: Callable[[str], Any]) -> tuple[gr.Textbox, gr.Dropdown, list[Any]]:
    defaults = service.default_sampling()
    system_prompt = gr.Textbox(
        service.default_system_prompt(),
        label=words("system_prompt"),
        info=words("system_prompt_info"),
        lines=2,
        max_lines=8,
        elem_id="pg-system",
    )
    names = [_RECOMMENDED, *sampling_presets()]
    preset = gr.Dropdown(
        [(words(f"preset.{name}"), name) for name in names],
        value=_RECOMMENDED,
        label=words("preset"),
        info=words("preset_info"),
        elem_id="pg-preset",
    )
    sampling: list[Any] = []
    with gr.Row(elem_classes="pg-sliders"):
        for name in _NUMBERS:
            value, words_of = getattr(defaults, name), dict(label=words(name), info=words(f"{name}_info"))
            if name in Sampling.WHOLE:
                sampling.append(gr.Number(value, precision=0, min_width=200, **words_of))
            else:
                low, high = Sampling.LIMITS[name]
                sampling.append(gr.Slider(low, high, value, step=0.01, min_width=200, **words_of))
        sampling.append(gr.Textbox("", label=words("seed"), info=words("seed_info"), max_lines=1, min_width=200))
    return system_prompt, preset, sampling


def _wire(
    handlers: _Handlers,
    page: gr.JSON,
    result: gr.JSON,
    act: gr.Button,
    new: gr.Button,
    message: gr.Textbox,
    send: gr.Button,
    stop: gr.Button,
    system_prompt: gr.Textbox,
    preset: gr.Dropdown,
    sampling: list[Any],
) -> None:
    # Values have been looked at by `takes`; Gradio would hand each of them to a thread to look at it again.
    quiet: dict[str, Any] = dict(queue=False, show_progress="hidden", api_visibility="private", preprocess=False)
    panel = [system_prompt, *sampling]

    sent = gr.on(
        [message.submit, send.click],
        handlers.send,
        inputs=[page, message, *panel],
        outputs=result,
        js="async (page, text, ...rest) => playground.message(text, rest)",
        **quiet,
    )
    # The box is emptied in the browser, and only of what was accepted: what was typed meanwhile stays.
    sent.success(None, [result, message], message, js="(result, text) => playground.sent(result, text)", **quiet)
    acted = act.click(
        handlers.act,
        inputs=[page, *panel],
        outputs=[result, *panel],
        js="(page, ...rest) => [playground.take(), ...rest]",
        trigger_mode="multiple",
        **quiet,
    )
    acted.success(None, result, None, js="(result) => playground.done(result)", **quiet)
    for command in (sent, acted):
        command.failure(None, None, None, js="() => playground.failed()", **quiet)
    stop.click(None, None, None, js="() => playground.act('stop')", **quiet)
    new.click(None, None, None, js="() => playground.open('')", **quiet)
    message.change(None, message, None, js="(text) => playground.draft(text)", **quiet)
    preset.input(handlers.use_preset, preset, sampling[:-1], **quiet)


class _Handlers:
    """Gradio's side of each command: translate arguments, call the service, put errors into words."""

    def __init__(self, service: ChatService, replays: Replays) -> None:
        self._service = service
        self._actions = Actions(service, replays)

    def send(self, request: gr.Request, sent: _Page, text: str, system: str, *values: Any) -> dict[str, Any]:
        """Send a message; the result names the conversation and echoes the text that was accepted."""
        page, text = Page.read(sent, language_asked(request)), text or ""

        def work() -> dict[str, Any]:
            if (sent or {}).get("again"):  # Pressed twice while the files were on their way.
                return {"again": True}
            if (sent or {}).get("unread"):  # Files that were on their way when the message was to be sent.
                return {"error": t(page.language, "unread_files")}
            turn = self._service.send(
                page.conversation or None,
                text,
                seen_leaf=page.leaf,
                attachments=page.files,
                **self._settings(page, system, values),
            )
            said = {"text": text, "sent_from": page.conversation, "files": list(page.files)}
            return {**said, **stored(self._service, turn, page.language)}

        return self._answer(page.language, work)

    def act(self, request: gr.Request, sent: _Page, system: str, *values: Any) -> list[Any]:
        """Any other command; opening a conversation, and choosing a persona, also fill the panel."""
        page = Page.read(sent, language_asked(request))
        action = str((sent or {}).get("action"))
        if action in ("open", "persona"):
            return self._fill(page, action, len(values))
        keep = [gr.skip()] * (1 + len(values))
        if action == "none":  # The button was pressed once more than there were commands.
            return [{"action": action}, *keep]
        settings = partial(self._settings, page, system, values)
        answer = self._answer(page.language, lambda: self._actions.run(action, page, settings))
        return [{"action": action, "argument": page.argument, **answer}, *keep]

    def use_preset(self, name: str) -> list[Any]:
        """The values of a sampling preset, in the panel's order without the seed."""
        chosen = sampling_presets().get(name, self._service.default_sampling())
        return [getattr(chosen, field) for field in _NUMBERS]

    def _settings(self, page: Page, system: str, values: tuple[Any, ...]) -> dict[str, Any]:
        """The panel's settings if it shows this conversation's; a page may send before its panel has followed."""
        if page.panel == page.conversation:
            return {"system_prompt": system or "", "sampling": _sampling(values), "persona": page.persona}
        if not page.conversation:
            default = self._service.default_sampling()
            return {"system_prompt": self._service.default_system_prompt(), "sampling": default}
        stored = self._service.history.conversation(page.conversation)
        sampling = Sampling.from_mapping(stored.sampling, "conversation")
        return {"system_prompt": stored.system_prompt, "sampling": sampling, "persona": stored.persona}

    def _fill(self, page: Page, action: str, count: int) -> list[Any]:
        """System prompt and sampling of the opened conversation, of a persona, or the defaults for a new chat."""
        filled: list[Any] = []

        def read() -> dict[str, Any]:
            if action == "open" and page.conversation:
                conversation = self._service.history.conversation(page.conversation)
                sampling = Sampling.from_mapping(conversation.sampling, "conversation")
                filled.extend([conversation.system_prompt, *_panel_values(sampling)])
                name = _persona_name(self._service, conversation.persona, page.language)
                more = {"settings": settings_version(conversation), "persona": conversation.persona, "name": name}
                return {"action": action, "panel": conversation.id, "system": conversation.system_prompt, **more}
            system, sampling, name = persona_of(self._service, page.argument, page.language)
            filled.extend([system, *_panel_values(sampling)])
            return {"action": action, "panel": page.conversation, "persona": page.argument, "name": name}

        answer = self._answer(page.language, read)
        return [answer, *(filled or [gr.skip()] * (1 + count))]

    def _answer(self, language: str, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        try:
            return work()
        except PlaygroundError as error:
            return {"error": reason_words(language, str(error))}
        except Exception as error:
            log.exception("a command failed")
            return {"error": t(language, "error.unexpected", what=type(error).__name__)}


def _sampling(values: tuple[Any, ...]) -> Sampling:
    numbers = dict(zip(_NUMBERS, values[:-1], strict=True))
    seed = str(values[-1] or "").strip()
    if seed and whole(seed) < 0:
        raise BadValueError(f"seed is {seed!r}. Give a whole number, or leave it empty.")
    return Sampling(**numbers, seed=whole(seed) if seed else None)


def _panel_values(sampling: Sampling) -> list[Any]:
    seed = "" if sampling.seed is None else str(sampling.seed)
    return [*(getattr(sampling, name) for name in _NUMBERS), seed]


def _persona_name(service: ChatService, persona: str, language: str) -> str:
    """Empty when it was deleted since: its words are in the panel all the same."""
    try:
        return persona_of(service, persona, language)[2]
    except BadValueError:
        return ""
