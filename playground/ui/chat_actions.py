"""What the page's commands do, by name: each takes the page's state and its argument, and calls the chat service.

Knows no component of Gradio. The answer is a dictionary for the page's script; errors are raised.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from playground.chat import ChatService
from playground.errors import BadValueError
from playground.prompts import personas
from playground.records import Sampling
from playground.replay import Replays
from playground.store.history import NewTurn
from playground.store.kept import PromptKind
from playground.ui.strings import t
from playground.ui.views import settings_version


@dataclass(frozen=True)
class Page:
    """What a page showed when a command was given: `leaf` is the last message, `panel` whose settings it has."""

    conversation: str
    leaf: str | None
    panel: str | None
    persona: str
    argument: str
    value: Any
    files: tuple[str, ...]
    language: str

    @classmethod
    def read(cls, sent: Mapping[str, Any] | None, language: str) -> Page:
        """From what the script sent."""
        sent = sent or {}
        given = sent.get("files")
        files = tuple(map(str, given)) if isinstance(given, list) else ()
        texts = {name: str(sent.get(name) or "") for name in ("conversation", "persona", "argument")}
        panel, leaf = sent.get("panel"), sent.get("leaf")
        return cls(
            **texts,
            leaf=str(leaf) if leaf else None,
            panel=None if panel is None else str(panel),
            value=sent.get("value"),
            files=files,
            language=language,
        )

    @property
    def text(self) -> str:
        """The value where it is a text."""
        return str(self.value or "")


class Actions:
    """Every command but sending and opening, which fill components. `settings` are the panel's, made by the caller."""

    def __init__(self, service: ChatService, replays: Replays) -> None:
        self._service = service
        self._history = service.history
        self._replays = replays
        self._by_name: dict[str, Callable[[Page, dict[str, Any]], NewTurn | dict[str, Any] | None]] = {
            name.removeprefix("_do_"): getattr(self, name) for name in dir(self) if name.startswith("_do_")
        }

    def run(self, action: str, page: Page, settings: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Do it; raises PlaygroundError. `settings` are read only where they are needed."""
        known = self._by_name.get(action)
        if known is None:
            raise BadValueError(f"There is no command {action!r}. Reload the page.")
        answer = known(page, settings() if action in _WITH_SETTINGS else {})
        result: dict[str, Any] = {"action": action, "argument": page.argument, "from": page.conversation}
        if isinstance(answer, NewTurn):
            return result | stored(self._service, answer, page.language)
        return result | (answer or {})

    def _changed(self, conversation_id: str) -> None:
        self._service.announce(conversation_id)

    # ---- turns ------------------------------------------------------------------------------------------------------
    def _do_regenerate(self, page: Page, settings: dict[str, Any]) -> NewTurn:
        return self._service.regenerate(page.conversation, page.argument or None, seen_leaf=page.leaf, **settings)

    def _do_retry(self, page: Page, settings: dict[str, Any]) -> NewTurn:
        """Once, with another model or other sampling; the conversation's own settings stay."""
        changes = dict(page.value or {})
        model = str(changes.pop("model", ""))
        known = {name: changes[name] for name in ("temperature", "top_p", "seed") if name in changes}
        settings = {**settings, "sampling": replace(settings["sampling"], **known)}
        return self._service.regenerate(
            page.conversation, page.argument, seen_leaf=page.leaf, model=model, once=True, **settings
        )

    def _do_continue(self, page: Page, settings: dict[str, Any]) -> NewTurn:
        return self._service.continue_reply(page.conversation, seen_leaf=page.leaf, **settings)

    def _do_edit(self, page: Page, settings: dict[str, Any]) -> NewTurn:
        return self._service.send(page.conversation, page.text, seen_leaf=page.leaf, edits=page.argument, **settings)

    def _do_edit_reply(self, page: Page, settings: dict[str, Any]) -> NewTurn:
        return self._service.edit_reply(page.conversation, page.argument, page.text, seen_leaf=page.leaf)

    def _do_continue_from(self, page: Page, settings: dict[str, Any]) -> NewTurn:
        """From a token's alternative: what the last part said before it, and the alternative."""
        message = self._history.message(page.argument)
        before = message.content[: (message.record or {}).get("starts_at", 0)]
        beginning = before + str(dict(page.value or {}).get("text") or "")
        return self._service.continue_from(
            page.conversation, page.argument, beginning, seen_leaf=page.leaf, sampling=settings["sampling"]
        )

    def _do_stop(self, page: Page, settings: dict[str, Any]) -> None:
        self._service.stop(page.conversation)

    def _do_select(self, page: Page, settings: dict[str, Any]) -> None:
        """Show the branch through a message."""
        self._history.select(page.text or page.conversation, page.argument)
        self._changed(page.text or page.conversation)

    _do_previous = _do_next = _do_select

    def _do_reveal(self, page: Page, settings: dict[str, Any]) -> None:
        """Show the branch through a message unless it is shown already."""
        if page.argument not in self._history.path(self._history.conversation(page.text).leaf_id):
            self._do_select(page, settings)

    def _do_delete_message(self, page: Page, settings: dict[str, Any]) -> None:
        self._history.delete_message(page.conversation, page.argument)
        self._changed(page.conversation)

    def _do_restore_message(self, page: Page, settings: dict[str, Any]) -> None:
        self._history.restore_message(page.text or page.conversation, page.argument)
        self._changed(page.text or page.conversation)

    # ---- marks ------------------------------------------------------------------------------------------------------
    def _mark(self, page: Page, **values: Any) -> None:
        self._history.mark(page.argument, **values)
        self._changed(page.conversation)

    def _do_star(self, page: Page, settings: dict[str, Any]) -> None:
        self._mark(page, starred_at=time.time() if page.value else None)

    def _do_vote(self, page: Page, settings: dict[str, Any]) -> None:
        vote = int(dict(page.value or {}).get("vote", 0))
        if vote not in (-1, 0, 1):
            raise BadValueError(f"vote is {vote}. Give -1, 0 or 1.")
        self._mark(page, vote=vote, vote_reason=str(dict(page.value).get("reason") or "").strip())

    def _do_leave_out(self, page: Page, settings: dict[str, Any]) -> None:
        self._mark(page, left_out=int(bool(page.value)))

    def _do_context(self, page: Page, settings: dict[str, Any]) -> None:
        self._history.set_context(page.conversation, page.text)
        self._changed(page.conversation)

    # ---- the shelf --------------------------------------------------------------------------------------------------
    def _do_rename(self, page: Page, settings: dict[str, Any]) -> None:
        self._history.rename(page.argument, page.text)
        self._changed(page.argument)

    def _do_delete(self, page: Page, settings: dict[str, Any]) -> None:
        self._service.stop(page.argument)
        self._history.trash(page.argument)
        self._changed(page.argument)

    def _do_restore(self, page: Page, settings: dict[str, Any]) -> None:
        self._history.restore(page.argument)
        self._changed(page.argument)

    def _do_pin(self, page: Page, settings: dict[str, Any]) -> None:
        self._history.pin(page.argument, bool(page.value))
        self._changed(page.argument)

    def _do_archive(self, page: Page, settings: dict[str, Any]) -> None:
        self._history.archive(page.argument, bool(page.value))
        self._changed(page.argument)

    def _do_move(self, page: Page, settings: dict[str, Any]) -> None:
        self._history.move(page.argument, page.text)
        self._changed(page.argument)

    def _do_tags(self, page: Page, settings: dict[str, Any]) -> None:
        self._history.set_tags(page.argument, page.text.replace("，", ",").split(","))
        self._changed(page.argument)

    def _do_rename_folder(self, page: Page, settings: dict[str, Any]) -> dict[str, Any]:
        moved = self._history.rename_folder(page.argument, page.text)
        self._changed(page.conversation or "-")
        return {"moved": moved, "name": page.text}

    def _do_move_all(self, page: Page, settings: dict[str, Any]) -> None:
        """Undo of a folder that was dissolved: its conversations go back."""
        self._history.move_all([str(one) for one in page.value or []], page.argument)
        self._changed(page.conversation or "-")

    def _do_duplicate(self, page: Page, settings: dict[str, Any]) -> dict[str, Any]:
        title = t(page.language, "copy_of", title=self._history.conversation(page.argument).title)
        copy = self._history.duplicate(page.argument, title)
        self._changed(copy)
        return {"open": copy}

    def _do_each(self, page: Page, settings: dict[str, Any]) -> dict[str, Any]:
        """One command for several conversations, in one commit; those that are gone meanwhile are left out."""
        command, given = page.argument, dict(page.value or {})
        ids, value = [str(one) for one in given.get("ids") or []], given.get("value")
        if command == "delete":
            for conversation_id in ids:
                self._service.stop(conversation_id)
            done = self._history.trash_all(ids)
        elif command == "restore":
            done = self._history.restore_all(ids)
        elif command == "archive":
            done = self._history.archive_all(ids, bool(value))
        elif command == "move":
            done = self._history.move_all(ids, str(value or ""))
        else:
            raise BadValueError(f"There is no command {command!r} for several conversations. Reload the page.")
        for conversation_id in ids:
            self._changed(conversation_id)
        return {"ids": ids, "done": done, "value": value}

    # ---- personas, templates, models ---------------------------------------------------------------------------------
    def _do_save_prompt(self, page: Page, settings: dict[str, Any]) -> dict[str, Any]:
        given = dict(page.value or {})
        kind: PromptKind = "persona" if given.get("kind") == "persona" else "template"
        sampling = settings["sampling"].to_dict() if kind == "persona" else {}
        if page.argument and page.argument != page.persona:  # The panel's sampling is not this persona's.
            sampling = next((dict(one.sampling) for one in self._history.prompts(kind) if one.id == page.argument), {})
        name, text = (str(given.get(one) or "") for one in ("name", "text"))
        saved = self._history.save_prompt(kind, name, text, sampling, page.argument)
        return {"persona": saved if kind == "persona" else ""}

    def _do_delete_prompt(self, page: Page, settings: dict[str, Any]) -> None:
        self._history.delete_prompt(page.argument, undo=page.value == "undo")

    def _do_load(self, page: Page, settings: dict[str, Any]) -> None:
        self._service.manager.load()

    # ---- replays ----------------------------------------------------------------------------------------------------
    def _do_replay(self, page: Page, settings: dict[str, Any]) -> None:
        now = page.value == "now"
        self._replays.start(page.argument, now=settings if now else None)

    def _do_stop_replay(self, page: Page, settings: dict[str, Any]) -> None:
        self._replays.stop(page.argument)


_WITH_SETTINGS = {"regenerate", "retry", "continue", "edit", "continue_from", "save_prompt", "replay"}


def stored(service: ChatService, turn: NewTurn, language: str) -> dict[str, Any]:
    """What a turn left behind: the page then knows that its panel is not out of date, and if a branch was made."""
    conversation = service.history.conversation(turn.conversation_id)
    said = {"note": t(language, "branched")} if turn.branched else {}
    return {"conversation": conversation.id, "settings": settings_version(conversation), **said}


def persona_of(service: ChatService, name: str, language: str) -> tuple[str, Sampling, str]:
    """System prompt, sampling and name of a persona: a preset's id, the id of one of the user's own, or "" for none."""
    default = service.default_sampling()
    if not name:
        return service.default_system_prompt(), default, ""
    if preset := personas().get(name):
        chinese = language == "zh"
        text, title = (preset.text_zh, preset.name_zh) if chinese else (preset.text, preset.name)
        return text, replace(default, **preset.sampling), title
    for own in service.history.prompts("persona"):
        if own.id == name:
            sampling = Sampling.from_mapping(own.sampling, "persona") if own.sampling else default
            return own.text, sampling, own.name
    raise BadValueError("This persona does not exist (any more). Choose another.")
