"""The editor of the Translate tab in a real browser: rows are written, confirmed, looked for and compared."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.conftest import App, launch, wait_for
from tests.ui.summarizing import file
from tests.ui.talking import rows as stored
from tests.ui.translating import GUIDE, TERMS, add, begin, finished, row, rows, shown, target, translate, visit

pytestmark = pytest.mark.browser
THREE = "The first of the ships came in.\n\nAnother of the ships had 12 men.\n\nThe third of the ships sank.\n"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """A model made for translation from English into French, which leaves every word as it is."""
    started = launch(tmp_path_factory.mktemp("editor"), "--engine", "echo", "--model", "echo-opus_mt_en_fr")
    yield started
    started.kill()


def saved(app: App, text: str) -> list[tuple[object, ...]]:
    return stored(app, "SELECT position, confirmed, origin FROM segments WHERE text = ?", text)


def test_a_row_is_confirmed_and_the_next_one_follows(app: App, page: Page) -> None:
    translate(page, app, file("three.txt", THREE))
    target(page, 1).fill("Le premier des bateaux arriva.")
    target(page, 1).press("Control+Enter")
    expect(target(page, 2)).to_be_focused()
    expect(row(page, "The first of").get_by_text("confirmed", exact=True)).to_be_visible()
    expect(shown(page, "Not confirmed")).to_have_text("Not confirmed 2")
    assert saved(app, "Le premier des bateaux arriva.") == [(0, 1, "person")]
    # Who goes on without a confirmation has written it all the same.
    page.keyboard.press("Control+A")
    page.keyboard.type("Le deuxième avait 12 hommes.")
    page.keyboard.press("Alt+ArrowDown")
    expect(target(page, 3)).to_be_focused()
    expect(row(page, "Another of").get_by_text("by you", exact=True)).to_be_visible()
    assert saved(app, "Le deuxième avait 12 hommes.") == [(1, 0, "person")]
    page.keyboard.press("Alt+ArrowUp")
    expect(target(page, 2)).to_be_focused()
    page.reload()
    expect(target(page, 1)).to_have_value("Le premier des bateaux arriva.")
    expect(target(page, 2)).to_have_value("Le deuxième avait 12 hommes.")


def test_tags_that_do_not_fit_are_told_at_the_row_and_the_text_outlives_a_reload(app: App, page: Page) -> None:
    translate(page, app, file("guide.md", GUIDE))
    chips = row(page, "took in 37").locator(".pt-tag")
    expect(chips).to_have_count(4)
    expect(chips.first).to_have_attribute("title", "**")
    expect(row(page, "took in 37").locator("code")).to_have_text("git push")
    target(page, 2).fill("Le port de ⟨1⟩Marstal reçut 37 bateaux.")
    target(page, 2).press("Control+Enter")
    told = row(page, "took in 37").get_by_role("alert")
    expect(told).to_contain_text("The text cannot be written into the file. The tag 1 is missing.")
    expect(target(page, 2)).to_be_focused()
    page.reload()
    expect(target(page, 2)).to_have_value("Le port de ⟨1⟩Marstal reçut 37 bateaux.")
    target(page, 2).fill("Le port de ⟨1⟩Marstal⟨/1⟩ reçut 37 bateaux. Dites ⟨2⟩git push⟨/2⟩.")
    target(page, 2).press("Control+Enter")
    expect(row(page, "took in 37").get_by_text("confirmed", exact=True)).to_be_visible()
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as download:
        page.get_by_role("menuitem", name="The translated file").click()
    assert "Le port de **Marstal** reçut 37 bateaux. Dites `git push`." in Path(download.value.path()).read_text(
        "utf-8"
    )


def test_the_memory_the_model_and_the_source_are_put_in_by_keys_and_taken_back(app: App, page: Page) -> None:
    text = "The old crane of the town fell down.\n\nThe old crane of the city fell down."
    translate(page, app, file("crane.txt", text))
    target(page, 1).fill("La vieille grue de la ville tomba.")
    target(page, 1).press("Control+Enter")
    match = row(page, "of the city").get_by_role("button", name="Put in: La vieille grue de la ville tomba.")
    expect(match).to_contain_text(re.compile(r"[89]\d %"))
    page.keyboard.press("Control+1")
    expect(target(page, 2)).to_have_value("La vieille grue de la ville tomba.")
    page.keyboard.press("Control+Z")
    expect(target(page, 2)).to_have_value("The old crane of the city fell down.")
    page.keyboard.press("Control+1")
    page.keyboard.press("Alt+ArrowUp")
    page.keyboard.press("Alt+ArrowDown")
    expect(row(page, "of the city").get_by_role("button", name="Put in: The old crane of the city")).to_be_visible()
    page.keyboard.press("Alt+1")
    expect(target(page, 2)).to_have_value("The old crane of the city fell down.")
    target(page, 2).fill("x")
    page.keyboard.press("Control+Insert")
    expect(target(page, 2)).to_have_value("The old crane of the city fell down.")
    match.click()
    expect(target(page, 2)).to_have_value("La vieille grue de la ville tomba.")


def test_terms_of_the_row_are_shown_and_a_missing_one_is_marked(app: App, page: Page) -> None:
    visit(page, app)
    page.get_by_role("button", name="Glossaries").click()
    dialog = page.get_by_role("dialog", name="Glossaries")
    with page.expect_file_chooser() as chooser:
        dialog.get_by_role("button", name="Add a file (CSV, TBX)").click()
    chooser.value.set_files(file("ships.csv", TERMS))
    expect(dialog.get_by_role("checkbox")).to_be_checked()
    dialog.get_by_role("button", name="Close").click()
    add(page, file("harbour.txt", "The harbour is closed.\n\nNobody came to Marstal."))
    begin(page)
    finished(page)
    expect(target(page, 1)).to_have_value("The port is closed.")
    target(page, 1).focus()
    terms = row(page, "The harbour").locator(".pt-terms")
    expect(terms).to_have_text("harbour → port")
    target(page, 1).fill("Fermé.")
    target(page, 2).focus()
    expect(row(page, "The harbour")).to_contain_text("The glossary asks for: harbour → port")
    target(page, 1).focus()
    expect(terms).to_have_text("harbour → port missing")


def test_filters_orders_and_the_next_doubtful_one(app: App, page: Page) -> None:
    text = f"{THREE.replace('ships', 'boats')}\nThis one must /fail here.\n\n123 – 456\n"
    translate(page, app, file("filters.txt", text))
    target(page, 1).fill("Le premier des bateaux arriva.")
    target(page, 2).fill("Un autre bateau avait 12 hommes et 47 chiens.")
    target(page, 3).fill("Le troisième des bateaux coula.")
    target(page, 1).focus()
    expect(row(page, "The third of").get_by_text("by you", exact=True)).to_be_visible()
    expect(shown(page, "To look at")).to_have_text("To look at 2")
    expect(row(page, "Another of")).to_contain_text("The number 47 is not in the source")
    # A doubt leads to its place.
    page.get_by_role("button", name="The number 47 is not in the source").click()
    assert page.evaluate("getSelection().toString()") == "47"
    target(page, 1).focus()
    page.keyboard.press("F8")
    expect(target(page, 2)).to_be_focused()
    page.keyboard.press("F8")
    expect(target(page, 4)).to_be_focused()
    page.keyboard.press("F8")
    expect(target(page, 2)).to_be_focused()
    page.get_by_label("Order").select_option("doubtful")
    expect(rows(page).first).to_contain_text("Another of")
    expect(rows(page).nth(1)).to_contain_text("/fail")
    shown(page, "Failed").click()
    expect(rows(page)).to_have_count(1)
    expect(rows(page).first).to_contain_text("The echo engine failed")
    target(page, 4).fill("Celui-ci n'échoue plus.")
    target(page, 4).press("Control+Enter")
    expect(shown(page, "Failed")).to_have_text("Failed 0")
    shown(page, "Not confirmed").click()
    expect(rows(page)).to_have_count(3)
    shown(page, "To look at").click()
    expect(rows(page)).to_have_count(1)
    shown(page, "All").click()
    page.keyboard.press("?")
    expect(page.get_by_text("Confirm, and go to the next")).to_be_visible()


def test_a_translation_is_compared_with_a_reference_the_worst_first(app: App, page: Page) -> None:
    text = "Nobody saw the lighthouse.\n\nIt was dark there.\n\nA bell rang all night.\n"
    translate(page, app, file("compared.txt", text))

    def compare(name: str, text: str) -> None:
        with page.expect_file_chooser() as chooser:
            page.get_by_role("button", name="Compare with a reference").click()
        chooser.value.set_files(file(name, text))

    compare("short.txt", "Only one of them.")
    expect(page.get_by_role("alert").get_by_text("There are 3 segments and 1 in the reference.")).to_be_visible()
    compare("reference.txt", text.replace("A bell rang all night.", "Une cloche sonna."))
    scores = page.locator("#pt-scores")
    expect(scores).to_contain_text(re.compile(r"compared.txt against reference.txt: BLEU \d+\.\d, chrF \d+\.\d"))
    expect(scores).to_contain_text("version:")
    expect(row(page, "lighthouse").get_by_text("chrF 100.0", exact=True)).to_be_visible()
    page.get_by_label("Order").select_option("worst")
    expect(rows(page).first).to_contain_text("A bell rang")
    page.reload()
    expect(scores).to_contain_text("compared.txt against reference.txt")


@pytest.mark.parametrize(
    ("item", "ending", "inside"),
    [
        ("Both languages side by side (HTML)", ".bilingual.html", "<table>"),
        ("Table (CSV)", ".csv", "number,en,fr"),
        ("Translation memory (TMX)", ".tmx", "<tmx "),
        ("For translation programs (XLIFF)", ".xlf", "<trans-unit "),
    ],
)
def test_it_is_given_away_in_other_forms(app: App, page: Page, item: str, ending: str, inside: str) -> None:
    translate(page, app, file("given.txt", "The wind took the roof of the mill away."))
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as download:
        page.get_by_role("menuitem", name=item).click()
    assert download.value.suggested_filename.endswith(ending)
    text = Path(download.value.path()).read_text("utf-8")
    assert inside in text
    assert "The wind took the roof of the mill away." in text


def test_nothing_in_a_file_becomes_a_part_of_the_page(app: App, page: Page) -> None:
    bad = "The <img src=x onerror=document.title='bad'> of the harbour.\n\n</textarea><script>1</script> and more."
    translate(page, app, file("<img src=x>.txt", bad))
    expect(target(page, 1)).to_have_value("The <img src=x onerror=document.title='bad'> of the harbour.")
    assert page.locator("#pt-root :is(img, script)").count() == 0
    wait_for(lambda: "bad" not in page.title(), what="the title")
