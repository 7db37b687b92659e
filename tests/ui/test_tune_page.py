"""The Fine-tune tab in a real browser: data in, what is wrong with it, own work, the list, a phone in Chinese."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import FilePayload, Locator, Page, expect

from tests.conftest import App, launch
from tests.ui.summarizing import file
from tests.ui.talking import answer, choose, talk
from tests.ui.talking import rows as stored

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The echo model, which cannot be trained."""
    started = launch(tmp_path_factory.mktemp("trainings 微调"), "--engine", "echo")
    yield started
    started.kill()


def talks(count: int, **more: str) -> list[str]:
    """Lines of a dataset; in those that `more` names by their number another text stands."""
    found = []
    for n in range(1, count + 1):
        turns = [("user", f"What does port {n} take?"), ("assistant", f"Port {n} takes {n + 300} ships.")]
        row = json.dumps({"messages": [{"role": role, "content": content} for role, content in turns]})
        found.append(more.get(f"row{n}", row))
    return found


def visit(page: Page, app: App) -> None:
    """Open the page at the Fine-tune tab."""
    page.goto(app.url)
    page.get_by_role("tab", name="Fine-tune").click()
    expect(page.locator("#pn-choose")).to_be_visible()
    if page.get_by_role("heading", name="Data", exact=True).is_visible():
        page.get_by_role("button", name="New training").click()
    expect(page.get_by_role("heading", name="Teach a model from examples")).to_be_visible()


def add(page: Page, *files: FilePayload) -> None:
    """Choose files."""
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Drop a file, or choose one").click()
    chooser.value.set_files(list(files))


def data(page: Page) -> Locator:
    """The files of the draft."""
    return page.get_by_role("list", name="Data to learn from").get_by_role("listitem")


def samples(page: Page) -> Locator:
    """Those on the shown page."""
    return page.locator("#pn-samples ol > li")


def listed(page: Page, title: str) -> Locator:
    """Trainings in the list with this title."""
    return page.get_by_role("navigation", name="Trainings").get_by_role("link", name=title)


# ---- data ------------------------------------------------------------------------------------------------------------
def test_broken_rows_are_told_with_what_to_do_and_the_rest_is_there(app: App, page: Page) -> None:
    visit(page, app)
    add(page, file("harbour.jsonl", "\n".join([*talks(24, row7='{"messages": [', row9='{"q": "Hi"}'), talks(1)[0]])))
    expect(data(page)).to_have_count(1)
    expect(data(page)).to_contain_text("25 rows · 22 conversations")
    expect(page.locator("#pn-sums")).to_contain_text("22 samples")
    expect(page.locator("#pn-sums")).to_contain_text("1 duplicate")
    told = page.locator(".pn-problems li")
    expect(told.filter(has_text="Row 7:")).to_contain_text("is no JSON")
    expect(told.filter(has_text="Row 9:")).to_contain_text("Map the columns to what they hold.")
    expect(told.filter(has_text="Row 25:")).to_contain_text("The row says the same as row 1. It counts once.")
    # The samples come in pages.
    expect(samples(page)).to_have_count(20)
    page.get_by_role("button", name="Next").click()
    expect(samples(page)).to_have_count(2)
    page.get_by_role("searchbox", name="Search samples").fill("port 12")
    expect(samples(page)).to_have_count(1)
    # Nothing here can be trained, which is said where one would start.
    expect(page.get_by_role("button", name="Start the training")).to_be_disabled()
    expect(page.locator("#pn-why")).to_contain_text("No model on this machine can be trained.")


def test_rows_with_the_same_problem_are_told_once(app: App, page: Page) -> None:
    visit(page, app)
    wrong = {f"row{n}": '{"q": "Hi"}' for n in (2, 3, 4, 8)}
    add(page, file("same.jsonl", "\n".join(talks(9, **wrong))))
    expect(page.locator(".pn-problems li")).to_have_count(1)
    expect(page.locator(".pn-problems li")).to_contain_text("Rows 2–4, 8: The row has 'q'")


def test_columns_are_told_by_hand_where_no_name_is_known(app: App, page: Page) -> None:
    visit(page, app)
    add(page, file("frage.csv", "frage,antwort\nWer?,Der Kapitän.\nWo?,Im Hafen.\n"))
    form = page.locator(".pn-columns")
    expect(form).to_contain_text("frage: Wer? · antwort: Der Kapitän.")
    expect(page.locator("#pn-problems")).not_to_contain_text("correct the file")
    expect(form.get_by_label("completion")).to_have_accessible_description("the reply that is learned")
    expect(form.get_by_label("prompt").get_by_role("option", name="frage: Wer?")).to_have_count(1)
    form.get_by_label("prompt").select_option("frage")
    form.get_by_label("completion").select_option("antwort")
    form.get_by_role("button", name="Read it like this").click()
    expect(data(page)).to_contain_text("2 rows · 2 conversations")
    expect(page.locator("#pn-problems")).to_be_empty()
    samples(page).first.locator("summary").click()
    expect(samples(page).first).to_contain_text("Der Kapitän.")


def test_several_kinds_of_data_become_one(app: App, page: Page) -> None:
    visit(page, app)
    pair = json.dumps({"prompt": "Which?", "chosen": "This.", "rejected": "That."})
    add(page, file("mixed.jsonl", "\n".join([*talks(3), pair])))
    expect(page.get_by_text("The data is of several kinds: 3 conversations, 1 pair.")).to_be_visible()
    page.get_by_role("button", name="Only the pair").click()
    expect(page.locator("#pn-sums")).to_contain_text("3 left out by you")
    expect(page.get_by_role("button", name=re.compile("^Preferences"))).to_be_enabled()
    expect(page.get_by_role("button", name=re.compile("^Quick try"))).to_be_disabled()


def test_many_duplicates_are_told_in_a_line_with_the_rows_they_equal(app: App, page: Page) -> None:
    visit(page, app)
    add(page, file("twice.jsonl", "\n".join([*talks(6), *talks(6), "{"])))
    expect(page.locator(".pn-problems li")).to_have_count(2)
    expect(page.locator(".pn-problems li").first).to_contain_text("Rows 7 (= 1), 8 (= 2), 9 (= 3)")
    expect(page.locator("#pn-problems")).to_contain_text("To learn from them, correct the file and add it again.")


def test_a_file_without_a_row_asks_for_no_recipe(app: App, page: Page) -> None:
    visit(page, app)
    add(page, file("nothing.csv", b""))
    expect(data(page)).to_contain_text("cannot be used")
    expect(page.locator("#pn-problems summary")).to_have_text("1 file cannot be used")
    expect(page.locator("#pn-how")).to_be_hidden()
    expect(page.locator("#pn-sums")).to_be_empty()
    add(page, file("some.jsonl", "\n".join(talks(3))))
    expect(page.locator("#pn-how")).to_be_visible()
    expect(page.locator("#pn-forecast")).to_contain_text("Only 2 samples will be learned from")
    expect(page.locator("#pn-forecast")).to_contain_text("Only 1 sample will be held out")


def test_by_keyboard(app: App, page: Page) -> None:
    visit(page, app)
    page.get_by_role("button", name="Try with an example").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Questions about Playground")).to_be_focused()
    page.get_by_role("button", name="New training").press("Tab")
    expect(page.get_by_role("button", name="Skip the list")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#pn-main")).to_be_focused()


def test_private_data_is_replaced_and_comes_back(app: App, page: Page) -> None:
    visit(page, app)
    row = json.dumps({"prompt": "Who?", "completion": "Write to anna.berg@posteo.de about it."})
    add(page, file("private.jsonl", "\n".join([*talks(2), row])))
    expect(page.locator("#pn-private")).to_contain_text("1 sample holds private data: e-mail addresses in 1.")
    page.get_by_role("button", name="Look at them").click()
    expect(samples(page)).to_have_count(1)
    page.get_by_label("Which samples are shown").select_option("all")
    samples(page).nth(2).locator("summary").click()
    page.get_by_role("button", name="Put placeholders").click()
    expect(samples(page).nth(2)).to_contain_text("Write to [email] about it.")
    page.locator("#pn-private").get_by_role("button", name="Undo").click()
    expect(samples(page).nth(2)).to_contain_text("anna.berg@posteo.de")
    expect(page.locator("#pn-private")).to_contain_text("1 sample holds private data")


def test_own_chats_become_data(app: App, page: Page) -> None:
    page.goto(app.url)
    talk(page, "Where is the harbour?", "And the ships?")
    visit(page, app)
    page.get_by_text("Take your own chats").click()
    page.get_by_text(re.compile(r"^\d+ conversations? \(0 pinned")).click()
    form = page.locator("form[data-own-kind=chats]")
    form.get_by_label("With these words").fill("nothing of the kind")
    form.get_by_role("button", name="Add").click()
    expect(form.get_by_role("alert")).to_contain_text("Nothing of your own work fits")
    form.get_by_label("With these words").fill("harbour")
    form.get_by_role("button", name="Add").click()
    expect(data(page)).to_contain_text("Own chats (harbour)")
    expect(data(page)).to_contain_text("your own work · 1 row · 1 conversation")
    samples(page).first.locator("summary").click()
    expect(samples(page).first).to_contain_text("You said: Where is the harbour?")


def test_what_is_typed_is_there_after_a_reload_and_in_another_window(app: App, page: Page) -> None:
    visit(page, app)
    add(page, file("kept.jsonl", "\n".join(talks(3))))
    page.get_by_label("Prompts to try").fill("What does port 2 take?")
    page.get_by_label("Licence or source of kept.jsonl").fill("CC0")
    page.locator("#pn-form").get_by_text("All settings").click()
    page.get_by_label("lora_alpha").fill("48")
    page.get_by_label("max_steps").fill("many")
    expect(page.get_by_text("max_steps is 'many'. Give a whole number.")).to_be_visible()
    other = page.context.new_page()
    other.goto(page.url)
    expect(other.get_by_label("Prompts to try")).to_have_value("What does port 2 take?")
    other.get_by_role("textbox", name="Title").fill("Harbour talk")
    expect(page.get_by_role("heading", name="Harbour talk")).to_be_visible()
    expect(page.get_by_role("textbox", name="Title")).to_have_value("Harbour talk")
    other.close()
    page.reload()
    expect(page.get_by_label("Prompts to try")).to_have_value("What does port 2 take?")
    expect(page.get_by_label("Licence or source of kept.jsonl")).to_have_value("CC0")
    page.locator("#pn-form").get_by_text("All settings").click()
    expect(page.get_by_label("lora_alpha")).to_have_value("48")
    expect(page.get_by_text("max_steps is 'many'. Give a whole number.")).to_be_visible()
    # A recipe sets them all.
    page.get_by_role("button", name=re.compile("^Thorough")).click()
    expect(page.get_by_label("lora_alpha")).to_have_value("64")
    expect(page.get_by_role("button", name=re.compile("^Thorough"))).to_have_attribute("aria-pressed", "true")


def test_a_file_that_cannot_be_read_is_told_and_taken_off(app: App, page: Page) -> None:
    visit(page, app)
    add(page, file("ships.zip", b"PK\x03\x04 and more"), file("good.jsonl", "\n".join(talks(2))))
    expect(data(page)).to_have_count(2)
    expect(page.locator(".pn-problems")).to_contain_text("ships.zip is a ZIP archive or an Office file. Unpack it")
    page.get_by_role("button", name="Remove ships.zip").click()
    expect(data(page)).to_have_count(1)
    expect(page.get_by_role("heading", name="good.jsonl")).to_be_visible()
    page.get_by_role("button", name="Remove good.jsonl").click()
    expect(page.get_by_role("heading", name="Teach a model from examples")).to_be_visible()
    expect(listed(page, "good.jsonl")).to_have_count(0)


def test_the_example_is_there_to_be_tried(app: App, page: Page) -> None:
    visit(page, app)
    page.get_by_role("button", name="Try with an example").click()
    expect(page.get_by_role("heading", name="Questions about Playground")).to_be_visible()
    expect(data(page)).to_contain_text("44 rows · 44 conversations")
    expect(page.locator("#pn-problems")).to_be_empty()
    expect(page.locator("#pn-private")).to_be_empty()
    expect(page.get_by_label("Prompts to try")).to_have_value("Can I use Playground without a GPU?")
    expect(page.get_by_label("Licence or source of example.jsonl")).to_have_value("Apache-2.0")


# ---- the list --------------------------------------------------------------------------------------------------------
def test_the_list_renames_throws_away_brings_back_and_is_searched(app: App, page: Page) -> None:
    visit(page, app)
    add(page, file("list.jsonl", "\n".join(talks(2))))
    expect(listed(page, "list.jsonl")).to_have_attribute("aria-current", "page")
    listed(page, "list.jsonl").hover()
    choose(page, page.get_by_role("button", name="More: list.jsonl"), "Rename")
    answer(page, "OK", **{"New title": "Cranes of Marstal"})
    expect(listed(page, "Cranes of Marstal")).to_be_visible()
    page.get_by_role("tab", name="Chat").click()
    page.get_by_role("searchbox", name="Search").fill("cranes marstal")
    page.get_by_role("link", name="Cranes of Marstal").click()
    expect(page.get_by_role("heading", name="Cranes of Marstal")).to_be_visible()
    listed(page, "Cranes of Marstal").hover()
    choose(page, page.get_by_role("button", name="More: Cranes of Marstal"), "Delete")
    expect(listed(page, "Cranes of Marstal")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("heading", name="Cranes of Marstal")).to_be_visible()
    listed(page, "Cranes of Marstal").hover()
    choose(page, page.get_by_role("button", name="More: Cranes of Marstal"), "Delete")
    page.locator("#pn-list summary").click()
    choose(page, page.get_by_role("button", name="Delete Cranes of Marstal for good"), "Delete for good")
    expect(page.get_by_role("button", name="Delete Cranes of Marstal for good")).to_have_count(0)
    assert not stored(app, "SELECT 1 FROM trainings WHERE title = 'Cranes of Marstal'")


def test_routes_refuse_what_is_not_theirs(app: App, page: Page) -> None:
    visit(page, app)
    ask = "async ([path, body]) => await (await fetch(path, {method: 'POST', body: JSON.stringify(body)})).json()"
    for path, body, said in (
        ("page/tune/act", {"action": "explode"}, "There is no command 'explode'."),
        ("page/tune/act", {"action": "begin", "run": "nowhere"}, "This training does not exist"),
        ("page/tune/keep", {"run": "nowhere", "form": {}}, "This training does not exist"),
        ("page/tune/sample", {"run": "nowhere", "key": "0:1"}, "This training does not exist"),
        ("page/tune/collect", {"values": {"kind": "secrets"}}, "kind is 'secrets'."),
    ):
        assert said in page.evaluate(ask, [path, body])["error"]


# ---- a phone in Chinese ----------------------------------------------------------------------------------------------
def test_everything_on_a_phone_in_chinese(app: App, phone: Page) -> None:
    def fits() -> None:
        assert phone.evaluate("document.documentElement.scrollWidth") == 390
        assert phone.locator("#pn-root").evaluate("(node) => node.scrollWidth") == 390
        said = phone.locator("#pn-root").inner_text()
        assert not re.search(r"\b(s|t|m|tune|tab)\.[a-z_]+\b", said), said

    phone.goto(app.url)
    for name in ("模型", "摘要", "翻译", "对话", "微调"):
        phone.get_by_role("tab", name=name).click()
    expect(phone.get_by_role("heading", name="用示例教模型")).to_be_visible()
    fits()
    words = " ".join(phone.locator("#pn-root [data-t]").all_inner_texts())
    assert not re.search(r"[A-Za-z]", re.sub("LoRA|JSONL|JSON|CSV|Parquet|TXT", "", words)), words
    with phone.expect_file_chooser() as chooser:
        phone.get_by_role("button", name="拖入文件，或选择文件").click()
    only = json.dumps({"messages": [{"role": "user", "content": "Hi"}]})
    chooser.value.set_files(file("港口.jsonl", "\n".join(talks(5, row2="{", row3=only))))
    expect(phone.locator(".pn-problems")).to_contain_text("第 3 行： 没有可学习的回复。")
    expect(phone.locator(".pn-problems")).to_contain_text("不是 JSON")
    phone.locator("#pn-form").get_by_text("全部设置").click()
    phone.get_by_label("num_train_epochs").fill("0.001")
    expect(phone.get_by_text("num_train_epochs 的值为 0.001，应在 0.01 到 100 之间。")).to_be_visible()
    samples(phone).first.locator("summary").click()
    expect(samples(phone).first).to_contain_text("Port 1 takes 301 ships.")
    fits()
