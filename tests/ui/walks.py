"""Walks through each tab that stop wherever people stop; they know no language, so that one walk does for all.

Each is handed a page with the tab in front, and yields as often as the page has come into a state: its name, and which
part of the page is new in it, if the rest was seen before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from playwright.sync_api import Locator, Page, expect

from tests.ui.summarizing import file
from tests.ui.test_tune_page import talks

State = tuple[str, str]
Walk = Callable[[Page, Mapping[str, str]], Iterator[State]]
_SHOWN = "(all) => all.filter((one) => !one.open).forEach((one) => { one.open = true; })"


def tab(page: Page, name: str) -> Locator:
    """One of the tab bar, by its own name."""
    return page.locator(f"#pg-tabs [role=tab][data-tab-id={name}]")


def unfold(page: Page, root: str) -> None:
    """All folds in it, also those inside of others."""
    page.locator(f"{root} details").evaluate_all(_SHOWN)


def _do(page: Page, what: str, root: str = "") -> Locator:
    return page.locator(f"{root} :is([data-do='{what}'], [data-action='{what}']):visible").last


def _menu(page: Page, opener: Locator) -> Locator:
    opener.click()
    menu = page.get_by_role("menu")
    expect(menu).to_be_visible()
    return menu


def _listed(page: Page, room: str) -> Locator:
    """The button of the first in a list, which is there while one points at it."""
    first = page.locator(f"#{room}-list li").first
    first.hover()
    return first.locator("button")


def _close(page: Page) -> None:
    page.keyboard.press("Escape")
    expect(page.locator(".pg-menu, .pg-dialog")).to_have_count(0)


def chat(page: Page, made: Mapping[str, str]) -> Iterator[State]:
    """Nothing yet; the panel; filters and results; a long talk, its drawer, menus and forms."""
    yield "empty", ""
    page.locator("#pg-settings > button").click()
    expect(page.locator("#pg-system")).to_be_visible()
    page.locator("#pg-filter-button").click()
    expect(page.locator("#pg-filters")).to_be_visible()
    unfold(page, "#pg-list")
    yield "settings and filters", ""
    page.locator("#pg-filter-button").click()
    page.locator("#pg-settings > button").click()
    page.locator("#pg-search input").fill("harbour")
    expect(page.locator("#pg-results a").first).to_be_visible()
    yield "results of a search", "#pg-side"
    page.locator("#pg-search input").fill("nothing has this")
    expect(page.locator("#pg-results a")).to_have_count(0)
    yield "a search without results", "#pg-side"
    page.locator("#pg-search input").fill("")
    page.locator(f"#pg-list a[data-open='{made['talk']}']").click()
    expect(page.locator("#pg-items article").last).to_contain_text("and now")
    page.locator("#pg-items .thought summary").click()
    yield "a talk", ""
    page.locator("#pg-items [data-action=edit]").first.click()
    expect(page.locator("#pg-items .editing textarea")).to_be_visible()
    yield "editing", "#pg-items"
    page.keyboard.press("Escape")
    yield from _drawer(page)
    for name, opener in {
        "the menu of a message": page.locator("#pg-items [data-action=more]").last,
        "the menu of a conversation": page.locator("#pg-list li [data-action=conversation_menu]").first,
        "the context": _do(page, "context", "#pg-meter"),
        "personas": _do(page, "personas", "#pg-meter"),
        "the library of prompts": _do(page, "templates", "#pg-meter"),
    }.items():
        if "of a conversation" in name:
            page.locator("#pg-list li").first.hover()
        _menu(page, opener)
        yield name, ".pg-menu"
        _close(page)
    _menu(page, _do(page, "templates", "#pg-meter")).get_by_role("menuitem").nth(-3).click()
    expect(page.locator(".pg-dialog")).to_be_visible()
    yield "a form", ".pg-dialog"
    _close(page)
    _do(page, "help", "#pg-meter").click()
    yield "the keys", ".pg-dialog"
    _close(page)
    _do(page, "select_some", "#pg-side-foot").click()
    page.locator("#pg-list li input").first.check()
    yield "choosing conversations", "#pg-side"
    _do(page, "select_some", "#pg-side-foot").click()
    page.locator("#pg-items [data-action^=vote_][aria-pressed=false]").last.click()
    expect(page.locator("#pg-toast button").first).to_be_visible()
    yield "words that pass by", "#pg-main"


def _drawer(page: Page) -> Iterator[State]:
    page.locator("#pg-items article.assistant [data-action=details]").last.click()
    info = page.locator("#pg-info-body")
    expect(info.locator("dl").first).to_be_visible()
    unfold(page, "#pg-info")
    yield "the record", "#pg-info"
    page.locator("#pg-info-tabs [data-info=tokens]").click()
    expect(info.locator("dl")).to_have_count(0)
    if not info.locator(".tks").count():
        _do(page, "replay", "#pg-info").click()
    expect(info.locator(".tks .tk").first).to_be_visible()
    yield "the tokens", "#pg-info"
    page.locator("#pg-info-tabs [data-info=tree]").click()
    expect(info.locator(".tree")).to_be_visible()
    yield "the tree", "#pg-info"
    page.keyboard.press("Escape")
    expect(page.locator("#pg-info")).to_be_hidden()


def summaries(page: Page, made: Mapping[str, str]) -> Iterator[State]:
    """The form, all of it; a draft; a summary with doubts, receipt, map and source; two beside each other."""
    page.locator("#ps-new").click()
    unfold(page, "#ps-form")
    page.locator("#ps-form [name=style]").select_option("own")
    yield "empty", ""
    page.locator("#ps-file").set_input_files([file("one.txt", "The harbour took in 37 ships."), file("bad.pdf", "no")])
    expect(page.locator("#ps-draft li")).to_have_count(1)
    expect(page.locator("#ps-coming .error")).to_be_visible()
    yield "a draft", ""
    page.locator(f"#ps-list a[data-run='{made['summary']}']").click()
    expect(page.locator("#ps-text [role=button], #ps-text button").first).to_be_visible()
    unfold(page, "#ps-run")
    yield "a summary", ""
    page.locator("#ps-text .ps-s").first.click()
    expect(page.locator("#ps-source mark").first).to_be_visible()
    yield "a source", "#ps-source"
    page.keyboard.press("Escape")
    _menu(page, _do(page, "compare", "#ps-tools")).get_by_role("menuitem").first.click()
    expect(page.locator("#ps-other")).to_be_visible()
    yield "a comparison", "#ps-pair"
    _menu(page, _listed(page, "ps"))
    yield "a menu of the list", ".pg-menu"
    _close(page)
    _do(page, "again", "#ps-tools").click()
    expect(page.locator(".pg-dialog")).to_be_visible()
    yield "with other settings", ".pg-dialog"
    _close(page)


def translate(page: Page, made: Mapping[str, str]) -> Iterator[State]:
    """The panes, empty and with a text; a draft; the rows of a file; memory and glossaries."""
    page.locator("#pt-new").click()
    yield "empty", ""
    page.locator("#pt-to").select_option("fr")
    page.locator("#pt-text").fill("The harbour took in 37 ships. Another point that must fail here.")
    expect(page.locator("#pt-go")).to_be_visible()
    page.locator("#pt-go").click()
    expect(page.locator("#pt-out")).to_contain_text("Another")
    page.locator("#pt-file").set_input_files([file("table.csv", "id,text\n1,The old man.\n"), file("bad.docx", "no")])
    expect(page.locator("#pt-draft li")).to_have_count(1)
    expect(page.locator("#pt-coming .error")).to_be_visible()
    yield "a text and a draft", ""
    for name in ("glossaries", "memory"):
        page.locator(f"#pt-{name}").click()
        expect(page.locator(".pg-dialog")).to_be_visible()
        yield name, ".pg-dialog"
        _close(page)
    page.locator(f"#pt-list a[data-translation='{made['translation']}']").click()
    expect(page.locator("#pt-rows article").first).to_be_visible()
    unfold(page, "#pt-run")
    yield "the rows of a file", ""
    page.locator("#pt-rows textarea").first.focus()
    yield "a row at work", "#pt-rows"
    _menu(page, _listed(page, "pt"))
    yield "a menu of the list", ".pg-menu"
    _close(page)


def tune(page: Page, made: Mapping[str, str]) -> Iterator[State]:
    """Nothing yet; a draft with everything unfolded; a training that is over, and one that failed."""
    page.locator("#pn-new").click()
    unfold(page, "#pn-data")
    yield "empty", ""
    rows = [*talks(6, row2='{"messages": [', row3='{"q": "Hi"}'), talks(1)[0]]
    page.locator("#pn-file").set_input_files([file("ships.jsonl", "\n".join(rows))])
    expect(page.locator("#pn-samples ol > li").first).to_be_visible()
    expect(page.locator("#pn-form select, #pn-form input").first).to_be_visible()
    page.locator("#pn-samples ol > li summary").first.click()
    expect(page.locator("#pn-samples .pn-text").first).to_be_visible(timeout=60_000)  # A tokenizer is read first.
    unfold(page, "#pn-page")
    yield "a draft", ""
    for run in ("done", "failed"):
        page.locator(f"#pn-list a[data-training='{made[run]}']").click()
        expect(page.locator("#pn-run .pr-root")).to_be_visible()
        unfold(page, "#pn-run")
        page.wait_for_timeout(300)
        yield f"a training, {run}", "#pn-main"


def models(page: Page, made: Mapping[str, str]) -> Iterator[State]:
    """All folds open, what goes wrong told."""
    expect(page.locator("#pm-memory .pm-card").first).to_be_visible()
    yield "folded", ""
    unfold(page, "#pm-root")
    expect(page.locator("form[data-form=add] [name=path]")).to_be_visible()
    page.locator("#pm-root [name=url]").fill("http://127.0.0.1:9/v1")
    _do(page, "server", "#pm-root").click()
    expect(page.locator("[data-key='frame:server'] [role=alert]")).not_to_be_empty()
    unfold(page, "#pm-root")
    yield "unfolded", ""


def share(page: Page, made: Mapping[str, str]) -> Iterator[State]:
    """Closed and empty; open, with a link just made, its picture, an account and a key."""
    yield "closed", ""
    unfold(page, "#px-root")
    for form, values in {
        "link": {"title": "Friends"},
        "account": {"name": "Ada", "password": "correct horse battery"},
        "key": {"name": "Editor"},
    }.items():
        page.locator(f"form[data-form={form}] button[type=submit]").click()
        expect(page.locator(f"form[data-form={form}] [role=alert]").first).not_to_be_empty()
        for name, value in values.items():
            page.locator(f"form[data-form={form}] [name={name}]").fill(value)
    yield "what is missing", ""
    for form in ("link", "account", "key"):
        page.locator(f"form[data-form={form}] button[type=submit]").click()
        expect(page.locator(f"#px-{form}s li").first).to_be_visible()
    page.locator("#px-root [value=network]").check()
    expect(page.locator("#px-http")).to_be_visible()
    yield "a warning", "#px-root"
    page.locator("#px-root [value=here]").check()
    page.locator("#px-root [name=outside]").fill("https://chat.example.org")
    page.locator("form[data-form=open] button[type=submit]").click()
    expect(page.locator("#px-state.open, #px-state .open").first).to_be_visible()
    expect(page.locator("#px-made-link img")).to_be_visible()
    unfold(page, "#px-root")
    yield "open", ""


WALKS: dict[str, Walk] = {
    "chat": chat,
    "summaries": summaries,
    "translate": translate,
    "tune": tune,
    "models": models,
    "share": share,
}
