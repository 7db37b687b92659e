"""The Share tab: its frame and forms. Its lists come by a stream (`ui.share_live`), commands go by POST."""

from __future__ import annotations

import gradio as gr

from playground.store.access_values import ROOMS, SCOPES, Limits
from playground.ui.share_parts import SAID
from playground.ui.share_routes import HOURS, LIMITS


def build_share_tab() -> None:
    """Build the tab inside an open Blocks context."""
    gr.HTML(_frame(), elem_id="px-box", apply_default_css=False)


def _section(name: str, hint: str, body: str) -> str:
    told = f'<p class="hint" data-t="{hint}"></p>' if hint else ""
    return (
        f'<section aria-labelledby="px-title-{name}"><h3 id="px-title-{name}" tabindex="-1" data-t="share.{name}"></h3>'
        f"{told}{body}</section>"
    )


def _form(name: str, body: str, words: str) -> str:
    """A form with its own place for what goes wrong, and its button."""
    return (
        f'<form data-form="{name}" data-key="form:{name}" novalidate>{body}{SAID}<div class="px-row">'
        f'<button type="submit" class="pm-button primary" data-do="{name}" data-t="{words}"></button></div></form>'
    )


def _fold(summary: str, body: str, name: str = "") -> str:
    key = f' data-key="{name}"' if name else ""
    return f'<details class="pm-fold"{key}><summary><b data-t="{summary}"></b></summary>{body}</details>'


def _text(name: str, words: str, hint: str = "", kind: str = "text") -> str:
    """A field that is emptied when its command has done its work."""
    told = f'<small id="{hint.replace(".", "-")}" data-t="{hint}"></small>' if hint else ""
    described = f' aria-describedby="{hint.replace(".", "-")}"' if hint else ""
    complete = "new-password" if kind == "password" else "off"
    most = 1000 if kind == "password" else 260
    return (
        f'<div class="px-field"><label><span data-t="{words}"></span><input name="{name}" type="{kind}" '
        f'autocomplete="{complete}" maxlength="{most}" spellcheck="false" data-empty{described}></label>{told}</div>'
    )


def _password(words: str, hint: str) -> str:
    """A password, which can be looked at while it is written: it is for somebody else."""
    return (
        f"<div>{_text('password', words, hint, 'password')}"
        '<label class="px-check"><input type="checkbox" data-show><span data-t="share.show"></span></label></div>'
    )


def _boxes(group: str, names: tuple[str, ...], legend: str, always: str = "") -> str:
    """Boxes to tick, all of them ticked; `always` cannot be taken away."""
    made = "".join(
        f'<label class="px-check"><input type="checkbox" name="{group}.{one}" checked'
        f'{" disabled" if one == always else ""}><span data-t="share.{group}.{one}"></span></label>'
        for one in names
    )
    return f'<fieldset><legend data-t="{legend}"></legend>{made}</fieldset>'


def _limits() -> str:
    usual = Limits()
    fields = "".join(
        f'<label><span data-t="share.{name}"></span>'
        f'<input name="{name}" type="number" min="0" step="1" value="{getattr(usual, name)}"></label>'
        for name in LIMITS
    )
    return _fold("share.limits", f'<div class="px-fields">{fields}</div>')


def _open() -> str:
    def way(name: str, checked: str) -> str:
        return (
            f'<label class="px-way"><input type="radio" name="reach" value="{name}"{checked} '
            f'aria-describedby="px-reach-{name}"><span data-t="share.{name}"></span>'
            f'<small id="px-reach-{name}" data-t="share.{name}_hint"></small></label>'
        )

    ways = way("here", " checked") + way("network", "")
    outside = _fold("share.proxy", _text("outside", "share.outside", "share.outside_hint").replace(" data-empty", ""))
    return (
        '<div id="px-state" aria-live="polite"></div>'
        + _form(
            "open",
            f'<fieldset><legend data-t="share.reach"></legend>{ways}</fieldset>'
            f'<p class="px-warn" id="px-http" data-t="share.http" hidden></p>{outside}',
            "share.open",
        )
        + f'<div data-key="closing">{SAID}</div>'
    )


def _links() -> str:
    hours = "".join(
        f'<option value="{number}" data-t="share.for.{word}"{" selected" if word == "day" else ""}></option>'
        for number, word in HOURS.items()
    )
    body = (
        f'<div class="px-fields">{_text("title", "share.link_title", "share.link_title_hint")}'
        f'<label><span data-t="share.for"></span><select name="hours">{hours}</select></label>'
        f"{_password('share.link_password', 'share.link_password_hint')}</div>"
        f"{_boxes('room', ROOMS, 'share.rooms', 'chat')}{_limits()}"
    )
    make = _fold("share.make_link", _form("link", body, "share.make_link_yes"))
    return f'<div id="px-links"></div><div id="px-made-link" class="px-made" hidden></div>{make}'


def _accounts() -> str:
    body = (
        f'<div class="px-fields">{_text("name", "share.name", "share.name_hint")}'
        f"{_password('share.password', 'share.password_hint')}</div>{_limits()}"
    )
    return f'<div id="px-accounts"></div>{_fold("share.add_account", _form("account", body, "share.add_account_yes"))}'


def _keys() -> str:
    body = (
        f'<div class="px-fields">{_text("name", "share.key_name", "share.key_name_hint")}</div>'
        f"{_boxes('scope', SCOPES, 'share.scopes')}{_limits()}"
    )
    make = _fold("share.make_key", _form("key", body, "share.make_key_yes"))
    where = (
        '<p class="hint"><span data-t="share.key_where"></span> <code id="px-base"></code> '
        '<a href="page/api" target="_blank" rel="noopener" data-t="share.reference"></a></p>'
    )
    return f'<div id="px-keys"></div><div id="px-made-key" class="px-made" hidden></div>{make}{where}'


def _frame() -> str:
    return (
        '<main id="px-root"><p id="px-offline" class="error" role="status"></p>'
        '<h2 data-t="share.headline"></h2><p class="hint" data-t="share.promise"></p>'
        + _section("address", "", _open())
        + _section("links", "share.links_hint", _links())
        + _section("accounts", "share.accounts_hint", _accounts())
        + _section("people", "", '<div id="px-people"></div>')
        + _section("numbers", "share.numbers_hint", '<div id="px-numbers"></div>')
        + _section("keys", "share.keys_hint", _keys())
        + '<p id="px-done" role="status"></p></main>'
    )
