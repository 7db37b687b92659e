"""The owner's Share tab in a real browser: opening, links, accounts, keys, who is in; others come in beside it."""

from __future__ import annotations

import json
import re
import sqlite3
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.conftest import App
from tests.ui.talking import said, send

pytestmark = pytest.mark.browser
PASSWORD = "correct horse battery"
OUTSIDE = "https://chat.example.org"


@pytest.fixture
def guest(browser: Browser) -> Iterator[Page]:
    """Somebody else's browser."""
    other = browser.new_context(locale="en-US", viewport={"width": 1280, "height": 800})
    other.set_default_timeout(20_000)
    yield other.new_page()
    other.close()


def visit(page: Page, app: App) -> None:
    """Open the page at the Share tab, with nothing open, no link and no account left."""
    with sqlite3.connect(app.data / "access.db") as db:
        db.execute("UPDATE links SET revoked_at = 1 WHERE revoked_at IS NULL")
        db.execute("DELETE FROM accounts")
    post(app, "close")
    page.goto(app.url)
    page.get_by_role("tab", name="Share").click()
    expect(page.get_by_text("Nobody else can come in.")).to_be_visible()


def post(app: App, action: str, argument: str = "", **values: str) -> tuple[int, dict[str, Any]]:
    """A command as the page's script sends it."""
    body = json.dumps({"action": action, "argument": argument, "values": values}).encode()
    request = urllib.request.Request(f"{app.url}/page/share/act", body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def section(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=name, exact=True)


def unfold(page: Page, where: str, words: str) -> Locator:
    """A form that is folded away."""
    fold = section(page, where).locator("details", has=page.get_by_text(words, exact=True)).first
    fold.locator("summary").first.click()
    return fold


def make_link(page: Page, title: str, password: str = "", **more: str) -> None:
    form = unfold(page, "Links for guests", "Make a link")
    form.get_by_label("Title").fill(title)
    form.get_by_label("Password besides").fill(password)
    for label, value in more.items():
        form.get_by_label(label).fill(value)
    form.get_by_role("button", name="Make the link").click()


def open_it(page: Page) -> str:
    """Press Open; returns the address."""
    section(page, "Address").get_by_role("button", name="Open", exact=True).click()
    expect(section(page, "Address").locator(".px-address")).to_be_visible()
    return section(page, "Address").locator(".px-address code").inner_text()


def row(page: Page, where: str, name: str) -> Locator:
    items = section(page, where).get_by_role("listitem")
    return items.filter(has=page.get_by_role("heading", name=name, exact=True))


def come_in(page: Page, address: str, name: str, password: str = "") -> None:
    page.goto(address)
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Come in").click()


def test_a_guest_comes_in_by_a_link_chats_and_is_shown_out(
    start_app: Callable[..., App], page: Page, guest: Page
) -> None:
    app = start_app()
    visit(page, app)
    address = section(page, "Address")
    address.get_by_role("button", name="Open", exact=True).click()
    expect(address.get_by_role("alert")).to_have_text("Nobody could come in. Make a link or an account first.")
    make_link(page, "<b>Friends</b>")
    made = page.locator("#px-made-link")
    expect(made).to_contain_text("It has an address as soon as the address above is open.")
    made.get_by_role("button", name="Open", exact=True).click()
    link = made.get_by_role("group", name="Address of the link")
    expect(link).to_have_text(re.compile(r"^http://127\.0\.0\.1:\d+/enter#\S{32}$"))
    expect(made).to_contain_text("Copy it now: it is not shown again.")
    expect(address.get_by_role("alert")).to_have_count(0)
    whole = link.inner_text()

    come_in(guest, whole, "Grace <i>")
    expect(guest.get_by_role("tab", name="Chat")).to_be_visible()
    send(guest, "hello")
    expect(said(guest, "You said: hello")).to_be_visible()
    assert "#" not in guest.url
    expect(guest.get_by_role("tab", name=re.compile("Models|Share|Fine-tune"))).to_have_count(0)
    person = row(page, "Who is in", "Grace <i>")
    expect(person).to_contain_text("guest: <b>Friends</b> · since ")
    expect(row(page, "Links for guests", "<b>Friends</b>")).to_contain_text("1 in")
    base = whole.partition("/enter")[0]
    assert guest.request.get(f"{base}/page/share/live").status == 404
    assert guest.request.post(f"{base}/page/share/act", data={"action": "close"}).status in (404, 405)

    friends = row(page, "Links for guests", "<b>Friends</b>")
    friends.locator("summary", has_text="Revoke").click()
    expect(friends).to_contain_text("what they wrote here is deleted")
    expect(section(page, "Address")).to_contain_text("Others can come in at this address:")
    friends.get_by_role("button", name="Revoke it now").click()
    expect(page.get_by_text("Revoked; whoever came in by it was shown out.")).to_be_visible()
    expect(person).to_have_count(0)
    expect(made).to_be_hidden()
    assert guest.request.get(f"{base}/page/search?q=hello").status == 401
    come_in(guest, whole, "Grace")
    expect(guest.get_by_role("alert")).to_contain_text("That is not right, or it is over.")
    expect(section(page, "Address")).to_contain_text("The address is open:")
    expect(section(page, "Address")).to_contain_text("nobody new can come in")
    section(page, "Address").get_by_role("button", name="Close now").click()
    expect(page.get_by_text("Nobody else can come in.")).to_be_visible()
    secret = whole.partition("#")[2]
    for file in app.data.rglob("*"):
        assert not file.is_file() or secret.encode() not in file.read_bytes(), file


def test_an_account_comes_in_is_disabled_and_deleted(app: App, page: Page, guest: Page) -> None:
    visit(page, app)
    form = unfold(page, "Accounts", "Add an account")
    form.get_by_label("Name").fill("Ada")
    form.get_by_label("Password", exact=True).fill("short")
    form.get_by_role("button", name="Add").click()
    expect(form.get_by_role("alert")).to_have_text("The password has 5 characters. Choose one of at least 12.")
    expect(form.get_by_label("Name")).to_have_value("Ada")
    form.get_by_label("Password", exact=True).fill(PASSWORD)
    form.get_by_label("Show the password").check()
    expect(form.locator("[name=password]")).to_have_attribute("type", "text")
    form.get_by_label("Password", exact=True).press("Enter")
    ada = row(page, "Accounts", "Ada")
    expect(ada).to_contain_text("has not come in yet")
    expect(form.locator("[name=password]")).to_have_value("")
    expect(form.locator("[name=password]")).to_have_attribute("type", "password")

    base = open_it(page)
    come_in(guest, f"{base}/enter", "ada", PASSWORD)
    expect(guest.get_by_role("tab", name="Chat")).to_be_visible()
    expect(row(page, "Who is in", "Ada")).to_contain_text("account")
    expect(ada).to_contain_text("is in · came in last ")

    ada.get_by_role("button", name="Disable").click()
    expect(ada).to_contain_text("disabled")
    assert guest.request.get(f"{base}/page/filters").status == 401
    ada.get_by_role("button", name="Enable").click()
    expect(ada).not_to_contain_text("disabled")
    ada.get_by_text("New password", exact=True).first.click()
    expect(ada.get_by_label("New password", exact=False).last).to_be_focused()
    page.keyboard.type("another horse battery")
    page.keyboard.press("Enter")
    expect(page.get_by_text("The password is changed.")).to_be_visible()
    come_in(guest, f"{base}/enter", "Ada", PASSWORD)
    expect(guest.get_by_role("alert")).to_contain_text("That is not right")
    come_in(guest, f"{base}/enter", "Ada", "another horse battery")
    expect(row(page, "Who is in", "Ada")).to_be_visible()

    folder = app.data / "people" / str(rows(app, "SELECT id FROM accounts")[0][0])
    ada.locator("summary", has_text="Delete").click()
    expect(ada).to_contain_text(f"kept, in the folder people/{folder.name} of your data folder")
    ada.get_by_role("button", name="Delete the account").click()
    expect(ada).to_have_count(0)
    expect(row(page, "Who is in", "Ada")).to_have_count(0)
    assert folder.is_dir()


def test_a_key_is_shown_once_and_nowhere_else(app: App, context: BrowserContext, page: Page) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    visit(page, app)
    form = unfold(page, "Keys for programs", "Make a key")
    form.get_by_label("Name of the program").fill("Editor")
    for scope in ("Chat", "Embeddings", "Summarize", "Translate"):
        form.get_by_label(scope, exact=True).uncheck()
    form.get_by_role("button", name="Make the key").click()
    expect(form.get_by_role("alert")).to_contain_text("The scopes are none.")
    form.get_by_label("Chat", exact=True).check()
    form.get_by_role("button", name="Make the key").click()
    made = page.locator("#px-made-key")
    secret = made.get_by_role("group", name="Key").inner_text()
    assert re.fullmatch(r"pg-\S{32}", secret)
    expect(row(page, "Keys for programs", "Editor")).to_contain_text(f"{secret[:7]}… · Chat · not used yet")
    made.get_by_role("button", name="Copy").click()
    expect(made.get_by_text("Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == secret
    made.get_by_role("button", name="Hide it").click()
    expect(made).to_be_hidden()
    assert secret not in page.content()
    stored = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
    assert secret not in stored
    page.reload()
    expect(row(page, "Keys for programs", "Editor")).to_be_visible()  # A reload comes back to the tab.
    assert secret not in page.content()
    editor = row(page, "Keys for programs", "Editor")
    editor.locator("summary", has_text="Revoke").click()
    editor.get_by_role("button", name="Revoke it now").click()
    expect(section(page, "Keys for programs")).to_contain_text("1 that is over")
    expect(row(page, "Keys for programs", "Editor")).to_have_count(0)


def test_a_proxys_address_is_in_the_link_and_its_picture(app: App, page: Page) -> None:
    visit(page, app)
    make_link(page, "Lab", "tiny")
    form = section(page, "Links for guests").locator("form")
    expect(form.get_by_role("alert")).to_contain_text("The password has 4 characters.")
    expect(form.get_by_label("Title")).to_have_value("Lab")
    form.get_by_label("Password besides").fill(PASSWORD)
    form.locator("summary").click()
    form.get_by_label("Replies at once").fill("1")
    form.get_by_label("Translate").uncheck()
    form.get_by_role("button", name="Make the link").click()
    lab = row(page, "Links for guests", "Lab")
    expect(lab).to_contain_text(re.compile(r"Chat, Summarize · until .* · with a password · 0 in · 2,000 requests"))
    fold = unfold(page, "Address", "With a tunnel or a proxy")
    fold.get_by_label("Its outside address").fill("ftp://chat")
    section(page, "Address").get_by_role("button", name="Open", exact=True).click()
    expect(section(page, "Address").get_by_role("alert")).to_contain_text("The outside address is 'ftp://chat'.")
    fold.get_by_label("Its outside address").fill("chat.example.org/")
    assert open_it(page) == OUTSIDE
    made = page.locator("#px-made-link")
    expect(made.get_by_role("group")).to_have_text(re.compile(rf"^{OUTSIDE}/enter#\S{{32}}$"))
    picture = made.get_by_role("img", name="QR code of the link")
    expect(picture).to_be_visible()
    assert picture.evaluate("(one) => one.complete && one.naturalWidth > 100")
    section(page, "Who is in").get_by_role("button", name="Stop all").click()
    expect(page.get_by_text("Closed; everyone was shown out.")).to_be_visible()
    expect(made).to_contain_text("It has an address as soon as")


def test_everyone_in_the_network_is_told_what_that_means(app: App, page: Page) -> None:
    visit(page, app)
    make_link(page, "Neighbours")
    warning = page.locator("#px-http")
    expect(warning).to_be_hidden()
    section(page, "Address").get_by_label("Everyone in this network").check()
    expect(warning).to_contain_text("plain HTTP: others in it could read along")
    base = open_it(page)
    expect(page.locator("#px-state")).to_contain_text("plain HTTP")
    assert re.fullmatch(r"http://[\d.]+:\d+", base)
    assert urllib.request.urlopen(f"{base}/enter", timeout=30).status == 200
    expect(page.locator("#px-made-link").get_by_role("group")).to_contain_text(f"{base}/enter#")


@pytest.mark.parametrize(
    ("action", "values", "error"),
    [
        ("open", {"reach": "8.8.8.8"}, "There is no reach"),
        ("open", {"reach": "here", "outside": "https://user@host/"}, "The outside address is"),
        ("open", {"reach": "here", "outside": "https://[x"}, "The outside address is"),
        ("link", {"title": "x", "hours": "9999"}, "The time is '9999'"),
        ("link", {"title": "", "hours": "1"}, "The name is ''"),
        ("link", {"title": "x", "hours": "1", "concurrent": "-1"}, "concurrent is '-1'"),
        ("link", {"title": "x", "hours": "1", "concurrent": "9" * 20}, "concurrent is '9999"),
        ("whole", {"secret": "guessed"}, "This link does not exist"),
        ("account", {"name": "Eve", "password": "a" * 12}, "The password repeats"),
        ("enable", {}, "It does not exist"),
        ("password", {"password": PASSWORD}, "It does not exist"),
        ("delete", {}, "This account does not exist"),
        ("revoke_link", {}, "It does not exist"),
        ("revoke_key", {}, "It does not exist"),
        ("rm", {}, "There is no command"),
    ],
)
def test_what_cannot_be_is_refused_with_a_reason(app: App, action: str, values: dict[str, str], error: str) -> None:
    status, answer = post(app, action, "nobody", **values)
    assert status == 422
    assert error in answer["error"]


def test_a_phone_in_chinese(app: App, phone: Page) -> None:
    post(app, "account", name="爱达" * 15, password=PASSWORD)
    post(app, "link", title="给朋友" * 20, hours="1")
    phone.goto(app.url)
    phone.get_by_role("tab", name="共享").click()
    expect(phone.get_by_role("heading", name="给朋友" * 20)).to_be_visible()
    for summary in phone.locator("#px-root summary").all():
        if summary.is_visible():
            summary.click()
    phone.get_by_role("button", name="创建链接").click()
    expect(phone.locator("form[data-form=link]").get_by_role("alert")).to_have_text(
        "名称是 ''。请填写 1 到 60 个字符。"
    )
    wide = phone.evaluate(
        "[document.documentElement, document.getElementById('px-root')].map((one) => one.scrollWidth)"
    )
    assert wide == [390, 390]
    shown = phone.locator("#px-root").inner_text()
    assert not re.search(r"\b(?:the|is|at|or)\b", shown), shown


def rows(app: App, sql: str) -> list[tuple[Any, ...]]:
    """What is stored of access."""
    with sqlite3.connect(app.data / "access.db") as db:
        return db.execute(sql).fetchall()
