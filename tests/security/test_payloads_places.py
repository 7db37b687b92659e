"""Every other place where a text of somebody else is shown: names, titles, files, rows, models, people, exports."""

from __future__ import annotations

import contextlib
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import numpy
import pytest
from playwright.sync_api import expect
from safetensors.numpy import save_file

from playground.exchange import export
from playground.store.history import TurnSettings
from playground.ui.markdown import render
from tests.conftest import App, launch
from tests.exchange import foreign_files
from tests.histories import open_history
from tests.security.detector import Detector
from tests.security.payloads import ALL_AT_ONCE, PAYLOADS, STRONGEST
from tests.security.showing import looked, post, shows, visit
from tests.ui import summarizing, translating
from tests.ui.talking import choose, listed, put, stored, system
from tests.ui.talking import rows as stored_rows

pytestmark = pytest.mark.browser
SAID = "#pg-items .assistant .body"
NAMES = tuple(one for one in STRONGEST if "/" not in one and len(one) <= 60)
"""Those that a file on disk, a link or a person can be called."""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """A model made for translation, which leaves every word as it is."""
    started = launch(
        tmp_path_factory.mktemp("hostile places"), "--engine", "echo", "--model", "echo-opus_mt_en_fr@2000"
    )
    yield started
    started.kill()


# ---- the chat's surroundings -----------------------------------------------------------------------------------------
def test_titles_folders_tags_system_prompts_and_the_search(app: App, detector: Detector) -> None:
    with stored(app) as history:
        for number, text in enumerate(STRONGEST):
            talk_id, _ = put(history, f"{text} question {number}", f"{text} answer", title=text)
            history.move(talk_id, text)
            history.set_tags(talk_id, [text.replace(",", ""), "plain"])
        leaf = history.conversation(talk_id).leaf_id
        assert leaf is not None
        history.mark(leaf, vote=1, vote_reason=ALL_AT_ONCE)
        put(history, "beside", ALL_AT_ONCE, after=(talk_id, leaf))
    page = visit(detector, app, path=f"/?c={talk_id}")
    page.set_viewport_size({"width": 1280, "height": 3000})
    shows(page.locator("#pg-list summary"), STRONGEST)
    shows(page.locator("#pg-list li a"), STRONGEST)
    shows(page.locator("#pg-list li small"), STRONGEST)
    expect(page).to_have_title(f"{STRONGEST[-1]} · Playground")
    looked(detector, page, SAID)
    page.get_by_role("searchbox", name="Search").first.fill("__pwned")
    expect(page.locator("#pg-results mark").first).to_be_visible()
    page.locator("#pg-filter-button").click()
    expect(page.locator("#pg-filters select").first).to_be_visible()
    looked(detector, page, SAID)
    page.get_by_role("searchbox", name="Search").first.fill('"><img src=x onerror=__pwned=1>')
    looked(detector, page, SAID)
    page.get_by_role("searchbox", name="Search").first.fill("")
    for item in ("Rename", "Move to a folder", "Tags", "Export"):
        listed(page, STRONGEST[0]).first.hover()
        choose(page, listed(page, STRONGEST[0]).first.get_by_role("button", name="More"), item)
        looked(detector, page, SAID)
        page.keyboard.press("Escape")
    page.get_by_role("article").last.get_by_role("button", name="More").click()
    page.get_by_role("menu").get_by_text("Tree", exact=True).click()
    expect(page.locator("#pg-info .tree button").first).to_be_visible()
    looked(detector, page, SAID)


def test_personas_templates_and_system_prompts(app: App, detector: Detector) -> None:
    with stored(app) as history:
        for text in STRONGEST:
            history.save_prompt("persona", text, text)
            history.save_prompt("template", text, f"{{{{{text[:20]}}}}} {text}")
    page = visit(detector, app)
    page.locator("[data-do=templates]").click()
    shows(page.get_by_role("menuitem"), STRONGEST)
    looked(detector, page)
    page.get_by_role("menuitem").filter(has_text=STRONGEST[0]).first.click()
    looked(detector, page)
    page.keyboard.press("Escape")
    page.locator("[data-do=personas]").click()
    shows(page.get_by_role("menu").locator("button"), STRONGEST)
    page.get_by_role("menu").get_by_text(STRONGEST[3], exact=True).click()
    expect(page.locator("#pg-persona")).to_have_text(STRONGEST[3])
    expect(system(page)).to_have_value(STRONGEST[3])
    looked(detector, page)


def test_attached_files_and_what_is_refused(app: App, detector: Detector) -> None:
    page = visit(detector, app)
    files = [summarizing.file(f"{one}.txt", one) for one in NAMES]
    page.locator("#pg-file").set_input_files([*files, summarizing.file(f"{ALL_AT_ONCE.replace('/', '')}.exe", b"MZ\0")])
    shows(page.locator("#pg-files"), NAMES)
    expect(page.locator("#pg-notice")).to_contain_text("onerror")
    looked(detector, page)
    with stored(app) as history:
        attachments = [one for (one,) in stored_rows(app, "SELECT id FROM attachments WHERE message_id IS NULL")]
        turn = history.add_turn(
            None,
            ALL_AT_ONCE,
            seen_leaf=None,
            title="files",
            settings=TurnSettings(ALL_AT_ONCE, {}),
            attachments=attachments,
        )
        history.finish(turn.reply_id, ALL_AT_ONCE, "failed", ALL_AT_ONCE, None)
    page.evaluate("(id) => playground.open(id)", turn.conversation_id)
    shows(page.locator("#pg-items .file"), NAMES)
    expect(page.locator("#pg-items .error")).to_contain_text(ALL_AT_ONCE)
    looked(detector, page, SAID)


def test_imported_chats_and_their_report(app: App, detector: Detector, tmp_path: Path) -> None:
    page, talks = visit(detector, app), []
    for number, text in enumerate(STRONGEST):
        one = foreign_files.chatgpt(text, f"hostile {number}")
        one["mapping"]["q1"]["message"]["content"]["parts"] = [text]
        for reply in ("a1", "a2", "a3"):
            one["mapping"][reply]["message"]["content"]["parts"] = [text]
            one["mapping"][reply]["message"]["metadata"]["model_slug"] = text
        one["mapping"]["q2b"]["message"]["metadata"]["attachments"][0]["name"] = text
        talks.append(one)
    broken = {"title": STRONGEST[0], "mapping": STRONGEST[1]}
    other = open_history(tmp_path)
    put(other, *STRONGEST, title=ALL_AT_ONCE)
    own = b"".join(export(other, [one.id for one in other.conversations()], "json"))
    other.database.close()
    given: dict[str, bytes | str] = {
        f"{NAMES[0]}.json": json.dumps([*talks, broken]),
        "own.json": own,
        f"{NAMES[1]}.txt": STRONGEST[1],
    }
    for name, data in given.items():
        page.locator("#pg-import").set_input_files([summarizing.file(name, data)])
        expect(page.locator("dialog .sheet, #pg-notice [data-key^='import:']").first).to_be_visible()
        looked(detector, page)
        if name.startswith(NAMES[0]):
            shows(page.locator("dialog li"), STRONGEST)
            first = page.locator("dialog a[data-open]").first.get_attribute("data-open")
        page.keyboard.press("Escape")
    page.evaluate("(id) => playground.open(id)", first)
    expect(page.locator("#pg-items .who").last).to_contain_text("<img")
    page.locator("#pg-items .assistant [data-action=details]").last.click()
    expect(page.locator("#pg-info dd").first).to_contain_text("<img")
    looked(detector, page, SAID)


def test_what_a_page_or_an_error_repeats(app: App, detector: Detector) -> None:
    page = detector.page(app.url)
    with urllib.request.urlopen(app.url, timeout=30) as answer:
        assert answer.headers["X-DNS-Prefetch-Control"] == "off", "a name in a link can carry a secret"
    hostile = quote("<img src=x onerror=__pwned=1>", safe="")
    places = ["?c={}", "?s={}", "?t={}", "?f={}", "{}", "page/{}", "page/search?q={}&role={}", "page/export?format={}"]
    places += [f"page/{one}/{{}}" for one in ("text", "view", "image", "details", "tokens")]
    places += ["page/live?c={}", "page/translate/ways?source={}&target=x"]
    for place in places:
        with contextlib.suppress(Exception):  # A stream does not end.
            page.goto(f"{app.url}/{place.format(hostile, hostile)}", wait_until="commit", timeout=3_000)
        page.wait_for_timeout(50)
        detector.check(page)
    for command in ("summaries/act", "translate/act", "tune/act", "share/act", "translate/quick"):
        for text in STRONGEST[:3]:
            answer = post(app, command, {"action": text, "text": text, "source": text, "target": text})
            assert "error" in answer
    assert not detector.policy


# ---- the other rooms -------------------------------------------------------------------------------------------------
def test_summaries_their_documents_and_sources(app: App, detector: Detector) -> None:
    page = visit(detector, app, "Summarize")
    files = [
        summarizing.file(f"{name}.txt", f"{text} The captain of Marstal said {text} in 1904.\n\n" * 3)
        for name, text in zip(NAMES, STRONGEST, strict=False)
    ]
    summarizing.add(page, *files)
    shows(summarizing.drafted(page), NAMES)
    looked(detector, page)
    page.locator("#ps-form [name=style]").select_option("own")
    page.locator("#ps-form [name=instruction]").fill(f"{ALL_AT_ONCE} Say it.")
    summarizing.begin(page)
    expect(page.locator("#ps-text")).to_contain_text("onerror", timeout=60_000)
    looked(detector, page)
    run = page.url.partition("?s=")[2]
    for text in STRONGEST:
        post(app, "summaries/act", {"action": "rename", "run": run, "title": text})
    shows(page.get_by_role("navigation", name="Summaries"), STRONGEST[-1:])
    for one in summarizing.sentences(page).all()[:3]:
        one.click()
        expect(summarizing.source(page)).to_be_visible()
        looked(detector, page)
    for summary in page.locator("#ps-root summary:visible").all():
        summary.click()
    looked(detector, page)


def test_translations_their_files_segments_and_terms(app: App, detector: Detector, tmp_path: Path) -> None:
    page = visit(detector, app, "Translate")
    page.get_by_label("Into").select_option("fr")
    translating.source(page).fill(f"The harbour. {' '.join(STRONGEST)}")
    expect(translating.made(page)).to_contain_text("onerror")
    looked(detector, page)
    terms = "source,target\n" + "\n".join(f'"{one.replace(chr(34), chr(34) * 2)}","x"' for one in STRONGEST)
    assert "id" in post(app, f"memory/glossary?name={quote(NAMES[0])}.csv", terms.encode())
    markup = (
        "<p>Hello <b onclick=__pwned=1>you</b></p><script>__pwned=1</script><img src=x onerror=__pwned=1 alt='The sea'>"
    )
    files = [
        summarizing.file(f"{NAMES[0]}.txt", "\n\n".join(f"The harbour {one} is full." for one in STRONGEST)),
        summarizing.file(f"{NAMES[1]}.html", f"<html><body>{markup}</body></html>"),
        summarizing.file(f"{NAMES[2]}.csv", f"id,{NAMES[0]}\n1,The harbour is full.\n"),
    ]
    translating.add(page, *files)
    shows(translating.drafted(page), NAMES[:3])
    looked(detector, page)
    translating.begin(page)
    translating.finished(page)
    shows(translating.rows(page), STRONGEST[:4])
    looked(detector, page)
    translating.rows(page).first.locator("textarea").focus()
    page.wait_for_timeout(300)
    for summary in page.locator("#pt-root summary:visible").all():
        summary.click()
    looked(detector, page)
    run = page.url.partition("?t=")[2]
    with urllib.request.urlopen(
        f"{app.url}/page/translate/export?t={run}&format=table&document=0", timeout=30
    ) as answer:
        table = tmp_path / "table.html"
        table.write_bytes(answer.read())
    opened_file(detector, table)


def test_training_data_and_its_preview(app: App, detector: Detector) -> None:
    page = visit(detector, app, "Fine-tune")
    rows = [
        json.dumps({"messages": [{"role": "user", "content": one}, {"role": "assistant", "content": one}]})
        for one in STRONGEST
    ]
    rows += [json.dumps({"messages": [{"role": one, "content": one}]}) for one in STRONGEST[:4]]
    rows += [json.dumps({one: one}) for one in STRONGEST[:4]]
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Drop a file, or choose one").click()
    header = ",".join(f'"{one.replace(chr(34), chr(34) * 2)}"' for one in NAMES)
    chooser.value.set_files(
        [
            summarizing.file(f"{NAMES[0]}.jsonl", "\n".join(rows)),
            summarizing.file(f"{NAMES[1]}.csv", f"{header}\n{header}\n"),
            summarizing.file(f"{NAMES[2]}.parquet", "nothing"),
        ]
    )
    shows(page.get_by_role("list", name="Data to learn from").get_by_role("listitem"), NAMES[:3])
    samples = page.locator("#pn-samples ol > li")
    shows(samples, [one for one in STRONGEST if len(one) < 40])
    looked(detector, page)
    for sample in samples.all()[:4]:
        sample.locator("summary").click()
        expect(sample.locator(".pn-seen")).not_to_be_empty()
    for summary in page.locator("#pn-root > * summary:visible").all()[:12]:
        summary.click()
    looked(detector, page)


def test_models_with_hostile_names(app: App, detector: Detector, tmp_path: Path) -> None:
    page = visit(detector, app, "Models")
    here = page.get_by_role("region", name="On this machine")
    here.get_by_text("Add a model by its path").click()
    field = here.get_by_role("textbox", name="GGUF file")
    for name in NAMES[:3]:
        folder = tmp_path / name
        folder.mkdir()
        sizes = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1}
        config = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 8, **sizes}
        (folder / "config.json").write_text(json.dumps({**config, "max_position_embeddings": 512}))
        save_file({"model.embed_tokens.weight": numpy.zeros((8, 8), "float32")}, folder / "model.safetensors")
        field.fill(str(folder))
        field.press("Enter")
        expect(here.get_by_role("heading", name=name)).to_be_visible()
        looked(detector, page)
    field.fill(str(tmp_path / ALL_AT_ONCE))
    field.press("Enter")
    expect(here.get_by_role("alert").last).to_contain_text("onerror")
    for summary in here.locator("summary:visible").all():
        summary.click()
    looked(detector, page)
    card = here.get_by_role("article").filter(has=page.get_by_role("heading", name=NAMES[0], exact=True))
    card.get_by_role("button", name="Load", exact=True).click()
    expect(
        page.locator("#pm-root .error").filter(has_text="onerror").or_(page.locator("#pg-status b"))
    ).not_to_have_count(0)
    looked(detector, page)


def test_links_accounts_keys_and_guests(app: App, detector: Detector) -> None:
    page = visit(detector, app, "Share")
    for name in NAMES:
        account = {"name": name, "password": f"long {name}"}
        for action, values in (
            ("account", account),
            ("key", {"name": name, "scope.chat": "1"}),
            ("link", {"title": name}),
        ):
            assert "error" not in post(app, "share/act", {"action": action, "values": {"hours": "1", **values}})
    page.locator("details", has=page.locator("form[data-form=link]")).locator("summary").first.click()
    page.locator("form[data-form=link]").get_by_label("Title").fill(ALL_AT_ONCE[:20])
    page.get_by_role("button", name="Make the link").click()
    for heading in ("Links for guests", "Keys for programs"):
        shows(page.get_by_role("region", name=heading).get_by_role("listitem"), NAMES)
    shows(page.get_by_role("region", name="Accounts").get_by_role("listitem"), NAMES)
    for summary in page.locator("#px-root summary:visible").all():
        summary.click()
    looked(detector, page)
    page.locator("#px-made-link").get_by_role("button", name="Open", exact=True).click()
    address = page.locator("#px-made-link").get_by_role("group").inner_text()
    guest = detector.page(address.partition("/enter")[0])
    for name in NAMES[:2]:
        guest.goto("about:blank")  # Another piece behind the "#" alone loads nothing anew.
        guest.goto(address)
        guest.get_by_label("Name").fill(name)
        guest.get_by_role("button", name="Come in").click()
        expect(guest.get_by_role("tab", name="Chat")).to_be_visible()
        looked(detector, guest)
        guest.goto(address.partition("#")[0] + "#%<img src=x onerror=__pwned=1>")
        expect(guest.get_by_role("link", name=name[:40])).to_be_visible()
        guest.get_by_label("Name").fill(name)
        guest.get_by_label("Password").fill(name)
        guest.get_by_role("button", name="Come in").click()
        expect(guest.get_by_role("alert")).not_to_be_empty()
        looked(detector, guest)
    shows(page.get_by_role("region", name="Who is in").get_by_role("listitem"), [name[:40] for name in NAMES[:2]])
    looked(detector, page)
    page.get_by_role("region", name="Who is in").get_by_role("button", name="Stop all").click()


# ---- taken out -------------------------------------------------------------------------------------------------------
def opened_file(detector: Detector, file: Path) -> None:
    """A file of ours as a browser shows it from disk."""
    page = detector.page(file.as_uri().rpartition("/")[0])
    page.goto(file.as_uri())
    detector.touch(page, "body")
    page.wait_for_timeout(100)
    detector.check(page)
    assert page.url == file.as_uri()


def test_an_exported_page_of_all_payloads(detector: Detector, tmp_path: Path) -> None:
    history = open_history(tmp_path)
    for one in PAYLOADS:
        put(history, one.text, one.text, title=one.text[:150])
    ids = [one.id for one in history.conversations(limit=500)]
    assert len(ids) == len(PAYLOADS)
    out = tmp_path / "export.html"
    out.write_bytes(b"".join(export(history, ids, "html", render=render)))
    history.database.close()
    opened_file(detector, out)
    assert not detector.policy
