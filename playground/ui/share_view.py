"""The sections of the Share tab as HTML: whether it is open, links, accounts, keys, who is in. Changes nothing."""

from __future__ import annotations

import html
import time
from collections import Counter
from collections.abc import Sequence

from playground.access.sessions import Session
from playground.store.access_values import Account, ApiKey, Limits, Link
from playground.ui.models_parts import button
from playground.ui.share_parts import ask, over, row, rows, when_text
from playground.ui.strings import t

_LISTED = 100
"""Of those that are over, the newest."""


def state_html(addresses: Sequence[str], can_enter: bool, network: bool, language: str) -> str:
    """Whether somebody can come in, and where; `network`: it was opened for one."""
    if not addresses:
        return f'<p class="px-state"><i aria-hidden="true"></i><b>{t(language, "share.closed")}</b></p>'
    first, *others = addresses
    copy, close = button("copy", t(language, "copy")), button("close", t(language, "share.close"), kind="danger")
    opened = t(language, "share.opened" if can_enter else "share.opened_nobody")
    lines = [
        f'<p class="px-state open"><i aria-hidden="true"></i><b>{opened}</b></p>'
        f'<div class="px-row px-address"><code>{html.escape(first)}</code>{copy}{close}'
        '<span role="status"></span></div>'
    ]
    if others:
        lines.append(f'<p class="hint">{html.escape(t(language, "share.also", addresses=", ".join(others)))}</p>')
    if network:
        lines.append(f'<p class="px-warn">{t(language, "share.http")}</p>')
    if not can_enter:
        lines.append(f'<p class="px-warn">{t(language, "share.nobody_new")}</p>')
    return "".join(lines)


def links_html(links: Sequence[Link], inside: Sequence[Session], language: str) -> str:
    """Those that are open, and those that are over."""
    now, within = time.time(), Counter(one.person.by for one in inside)
    drawn, gone = [], []
    for link in links:
        if not link.open(now):
            key = "share.was_revoked" if link.revoked_at else "share.ran_out"
            gone.append(f"{link.title} · {t(language, key, when=when_text(link.revoked_at or link.expires_at))}")
            continue
        facts = [
            _names("share.room", link.rooms, language),
            t(language, "share.until", when=when_text(link.expires_at)),
            t(language, "share.with_password") if link.has_password else "",
            t(language, "share.inside", n=within[link.id]),
            _limits(link.limits, language),
        ]
        revoke = _sure("revoke_link", "share.revoke", link.id, link.title, language)
        drawn.append(row(f"link:{link.id}", link.title, facts, "", revoke))
    return rows(t(language, "share.links"), drawn, t(language, "share.no_links")) + over(
        "links:over", t(language, "share.over", n=len(gone)), gone[:_LISTED]
    )


def accounts_html(accounts: Sequence[Account], inside: Sequence[Session], language: str) -> str:
    """All of them."""
    within = {one.person.id for one in inside if one.person.kind == "account"}
    drawn = []
    for account in accounts:
        seen = account.seen_at
        facts = [
            t(language, "share.disabled") if account.disabled else "",
            t(language, "share.is_in") if account.id in within else "",
            t(language, "share.came", when=when_text(seen)) if seen else t(language, "share.never_came"),
            _limits(account.limits, language),
        ]
        what = "enable" if account.disabled else "disable"
        turn = _do(what, f"share.{what}", account.id, account.name, language)
        drawn.append(row(f"account:{account.id}", account.name, facts, turn, _asks(account, language)))
    return rows(t(language, "share.accounts"), drawn, t(language, "share.no_accounts"))


def keys_html(keys: Sequence[ApiKey], language: str) -> str:
    """Those that open something, and those that do not any more."""
    drawn, gone = [], []
    for key in keys:
        if key.revoked_at:
            told = t(language, "share.was_revoked", when=when_text(key.revoked_at))
            gone.append(f"{key.name} · {key.begins}… · {told}")
            continue
        used = key.used_at
        facts = [
            f"{key.begins}…",
            _names("share.scope", key.scopes, language),
            t(language, "share.used", when=when_text(used)) if used else t(language, "share.never_used"),
            _limits(key.limits, language),
        ]
        revoke = _sure("revoke_key", "share.revoke", key.id, key.name, language)
        drawn.append(row(f"key:{key.id}", key.name, facts, "", revoke))
    return rows(t(language, "share.keys"), drawn, t(language, "share.no_keys")) + over(
        "keys:over", t(language, "share.over", n=len(gone)), gone[:_LISTED]
    )


def people_html(inside: Sequence[Session], links: Sequence[Link], opened: bool, language: str) -> str:
    """Who is in, and the way to end all of it."""
    titles = {link.id: link.title for link in links}
    drawn = []
    for session in inside:
        person = session.person
        by = t(language, f"share.kind.{person.kind}")
        facts = [
            f"{by}{t(language, 'share.colon')}{titles[person.by]}" if person.by in titles else by,
            t(language, "share.since", when=when_text(session.began_at)),
            t(language, "share.seen_at", when=when_text(session.seen_at)),
        ]
        out = _sure("show_out", "share.show_out", session.id, person.name, language)
        drawn.append(row(f"session:{session.id}", person.name, facts, "", out))
    stop = ""
    if opened:
        stop = (
            f'<div class="px-row">{button("close", t(language, "share.stop_all"), kind="danger")}'
            f'<span class="hint">{t(language, "share.stop_all_hint")}</span></div>'
        )
    return rows(t(language, "share.people"), drawn, t(language, "share.nobody")) + stop


def _asks(account: Account, language: str) -> str:
    """A new password, and the end of an account."""
    name = account.name
    password = (
        f'<form data-form="password:{account.id}" novalidate><div class="px-field">'
        f'<label>{t(language, "share.new_password")}<input name="password" type="password" '
        f'autocomplete="new-password" maxlength="1000" data-empty aria-describedby="px-new-{account.id}"></label>'
        f'<small id="px-new-{account.id}">{t(language, "share.new_password_hint")}</small></div><div class="px-row">'
        f"{button('password', t(language, 'share.set'), account.id, submit=True)}</div></form>"
    )
    confirm = (
        f"<p>{html.escape(t(language, 'share.delete_sure', name=name, folder=f'people/{account.id}'))}</p>"
        f'<div class="px-row">{button("delete", t(language, "share.delete_yes"), account.id, kind="danger")}</div>'
    )
    change, delete = t(language, "share.change_password"), t(language, "delete")
    return (
        '<div class="px-asks">'
        + ask(f"password:{account.id}", change, f"{change}: {name}", password)
        + ask(f"delete:{account.id}", delete, f"{delete}: {name}", confirm)
        + "</div>"
    )


def _sure(action: str, words: str, argument: str, name: str, language: str) -> str:
    """What cannot be taken back, behind what it will do."""
    short, now = t(language, words), button(action, t(language, f"{words}_now"), argument, kind="danger")
    inside = f'<p>{html.escape(t(language, f"share.sure.{action}"))}</p><div class="px-row">{now}</div>'
    folded = ask(f"{action}:{argument}", short, f"{short}: {name}", inside)
    return f'<div class="px-asks">{folded}</div>'


def _do(action: str, words: str, argument: str, name: str, language: str) -> str:
    """A button of a row, which says to a screen reader which row it is of."""
    label = f"{t(language, words)}: {name}"
    made = button(action, t(language, words), argument, kind="" if action == "enable" else "danger")
    return made.replace("<button ", f'<button aria-label="{html.escape(label)}" ', 1)


def _names(group: str, all_of_them: Sequence[str], language: str) -> str:
    return t(language, "share.comma").join(t(language, f"{group}.{one}") for one in all_of_them)


def _limits(limits: Limits, language: str) -> str:
    """Only where they are not as usual."""
    if limits == Limits():
        return ""
    return t(
        language,
        "share.limited",
        requests=f"{limits.requests_per_hour:,}",
        tokens=f"{limits.tokens_per_hour:,}",
        concurrent=limits.concurrent,
        megabytes=limits.upload_megabytes,
    )
