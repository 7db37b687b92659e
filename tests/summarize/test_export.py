"""A finished run as Markdown, Word, JSON and text: structure kept, every sentence numbered, what is missing named."""

from __future__ import annotations

import io
import json
import re
from dataclasses import fields, replace
from typing import Any

import docx
import pytest
from docx.document import Document
from hypothesis import given, settings
from hypothesis import strategies as st

from playground.documents.docx_writing import to_docx
from playground.errors import BadValueError
from playground.exchange import safe_name
from playground.store.run_values import Node, Run, RunDocument
from playground.summarize.export import FORMATS, export_run
from playground.summarize.export_markdown import Words, gaps, is_whole, place_words
from playground.summarize.options import SummaryOptions
from playground.ui.summary_words import summary_words

FIRST = "Install the [base] system first. It takes 42 minutes.\n\nThen reboot."
DOCUMENTS = (
    RunDocument(
        "a*b.pdf", "application/pdf", 1234, "ab" * 32, 3, ("Page 2 has no text.",), "en", FIRST,
        (("paragraph", 0, 1, 0), ("paragraph", 0, 3, 55)),
    ),
    RunDocument("说明.txt", "text/plain", 30, "cd" * 32, None, (), "zh", "先安装系统。然后重启。", ()),
)  # fmt: skip
TEXT = """# Steps

1. Install the **base system**.
2. Wait 43 minutes.

Then:

- reboot
  - twice

| what | when |
|---|---|
| base | first |

```
apt install x
```

1. Another list."""


def sentences_of(text: str) -> list[dict[str, Any]]:
    """One sentence a line, the second with a mark and a weak link, all others with a strong one."""
    found: list[dict[str, Any]] = []
    at = 0
    for line in text.splitlines(keepends=True):
        if line.strip():
            link = {"document": 0, "start": 0, "end": 32, "score": 0.9, "strong": "43" not in line}
            marks = (
                [{"start": at + (n := line.index("43")), "end": at + n + 2, "kind": "number"}] if "43" in line else []
            )
            found.append({"start": at, "end": at + len(line), "links": [link], "marks": marks})
        at += len(line)
    return found


def record(**changed: Any) -> dict[str, Any]:
    names = ("model", "engine", "revision", "file_sha256", "quantization", "template_sha256", "device", "hardware")
    own = {"prompt_tokens": 1000, "cached_tokens": 10, "completion_tokens": 50, "seconds": 2.5, "finish_reason": "stop"}
    shared = {"versions": {"playground": "1"}, "sampling": {"temperature": 0.0, "max_new_tokens": 90, "stop": []}}
    shared |= {"context_length": 8192, "adapter": "", "adapter_sha256": "", "seed": 7}
    return {name: f"the {name}" for name in names} | own | shared | changed


NODES = (
    Node(0, 0, "part", 0, 0, 55, "done", 0, "", "Notes.", record()),
    Node(0, 1, "part", 0, 55, 67, "done", 0, "", "More.", record(seed=8)),
    Node(0, 2, "part", 1, 0, 11, "done", 0, "", "笔记。", record()),
    Node(1, 0, "final", None, 0, 3, "done", 0, "", TEXT, record()),
)
RUN = Run(
    "id", "How to *install*", "complete", "", SummaryOptions(style="bullets", share=0.1, language="en").to_dict(),
    "qwen", "", TEXT, {"sentences": sentences_of(TEXT), "by_meaning": True}, 12.4, 1.7e9, 1.7e9 + 60, None,
)  # fmt: skip


def exported(format: str, run: Run = RUN, nodes: tuple[Node, ...] = NODES, **options: Any) -> str:
    return export_run(run, DOCUMENTS, nodes, format, **options).decode()


def opened(run: Run = RUN, nodes: tuple[Node, ...] = NODES) -> Document:
    return docx.Document(io.BytesIO(export_run(run, DOCUMENTS, nodes, "docx")))


def lines_of(document: Document) -> list[tuple[str, str]]:
    return [(str(one.style.name), one.text) for one in document.paragraphs if one.style]


# -- Markdown ----------------------------------------------------------------------------------------------------------


def test_markdown_keeps_the_summary_and_numbers_its_sentences() -> None:
    said = exported("markdown")
    summary = said.split("## Receipt")[0]
    assert summary.startswith("# How to \\*install\\*\n\n# Steps⁽¹⁾\n\n1. Install the **base system**.⁽²⁾\n")
    assert re.sub("⁽[⁰¹²³⁴⁵⁶⁷⁸⁹]+⁾", "", summary).endswith(f"{TEXT}\n\n")
    assert "| base | first⁽⁸⁾ |" in summary, "in the cell, where it is no cell of its own"
    assert "```\napt install x⁽⁹⁾\n```\n" in summary, "not on a line that ends a block of code"


def test_markdown_names_for_each_sentence_its_passages_and_marks() -> None:
    said = exported("markdown")
    _, notes = said.split("### What each sentence rests on\n\n")
    assert "1. “Steps”\n   - a\\*b.pdf, p. 1: “Install the \\[base\\] system first.”\n" in notes
    assert "3. “Wait 43 minutes.”\n   - *The nearest passage; it does not say the same:* a\\*b.pdf, p. 1: “" in notes
    assert "   - **In none of the documents:** number “43”\n" in notes
    numbers = [int(one) for one in re.findall(r"^(\d+)\. “", notes, re.MULTILINE)]
    assert numbers == list(range(1, 1 + summary_marks(said)))


def summary_marks(said: str) -> int:
    return len(re.findall("⁽[⁰¹²³⁴⁵⁶⁷⁸⁹]+⁾", said))


def test_markdown_says_what_was_read_and_what_made_it() -> None:
    said = exported("markdown")
    assert "## Receipt\n\n100 % of the text was read.\n\n### Documents" in said
    assert f"- a\\*b.pdf (3 pages, 1,234 B, English, SHA-256 {'ab' * 32}) Page 2 has no text.\n" in said
    assert "not whole" not in said
    for line in (
        "Way: parts one by one, then together", "Style: Bullet points", "Length: about 10 % of the text",
        "Language: English", "Model: the model", "SHA-256 of its file: the file\\_sha256", "Context: 8,192",
        "Sampling: temperature 0.0", "Seed: 7; 8", "Seconds: 12", "Calls of the model: 4",
        "Tokens read and written: 4,000, 200",
    ):  # fmt: skip
        assert f"- {line}\n" in said


def test_what_is_missing_is_named_before_the_summary_and_in_the_receipt() -> None:
    failed = replace(NODES[1], status="failed", error="The model wrote nothing.", text="", record={})
    skipped = replace(NODES[2], status="skipped", text="", record={})
    said = exported("markdown", nodes=(NODES[0], failed, skipped, NODES[3]))
    assert said.index("**This summary is not whole.") < said.index("# Steps")
    assert (
        "\n\n82.1 % of the text was read.\n\n- Could not be read: a\\*b.pdf, p. 3 (The model wrote nothing.)\n" in said
    )
    assert "- Left out by choice: 说明.txt, characters 1–11\n" in said
    assert exported("text", nodes=(NODES[0], failed, *NODES[2:])).startswith("This summary is not whole")


def test_notes_that_were_not_put_together_are_missing_too() -> None:
    lost = Node(1, 0, "merge", None, 0, 2, "failed", 3, "It repeated itself.")
    nodes = (*NODES[:3], lost, replace(NODES[3], level=2))
    assert gaps(DOCUMENTS, nodes) == [
        "Read, but not put together with the rest: a*b.pdf, pp. 1–3 (It repeated itself.)"
    ]
    assert not is_whole(RUN, DOCUMENTS, nodes)
    assert is_whole(RUN, DOCUMENTS, NODES)
    assert not is_whole(replace(RUN, status="stopped"), DOCUMENTS, NODES)


def test_what_no_model_made_names_none() -> None:
    empty = dict.fromkeys(("model", "revision", "file_sha256", "quantization", "template_sha256", "device"), "")
    made = record(**empty, hardware="", engine="extractive", context_length=0, seed=None, prompt_tokens=0)
    run = replace(RUN, options=SummaryOptions(mode="extractive").to_dict())
    said = exported("markdown", run, (Node(0, 0, "pick", None, 0, 2, "done", 0, "", TEXT, made),))
    assert "- Way: sentences picked, without a model\n" in said
    assert not re.search("^- (Model|Seed|Context|Calls|Tokens|SHA-256)", said, re.MULTILINE)


def test_the_place_of_a_run_that_was_made_at_one_go() -> None:
    whole = Node(0, 0, "whole", None, 0, 2, "failed", 3, "No.")
    assert gaps(DOCUMENTS, [whole]) == ["Could not be read: a*b.pdf, 说明.txt (No.)"]
    assert place_words(DOCUMENTS[0], 0, 60) == "a*b.pdf, pp. 1–3"
    assert place_words(DOCUMENTS[1], 6, 11) == "说明.txt, characters 7–11"


def test_in_chinese_no_english_is_left() -> None:
    words = summary_words("zh")
    same = [field.name for field in fields(Words) if getattr(words, field.name) == getattr(Words(), field.name)]
    holes = [
        one.name
        for one in fields(Words)
        if getattr(words, one.name).count("{}") != getattr(Words(), one.name).count("{}")
    ]
    assert (same, holes) == ([], [])
    said = exported("markdown", words=words)
    assert "## 凭据\n\n已读全文的 100 %。\n" in said
    assert "**不在任何文件中:** 数字 “43”" in said
    assert "- 样式: 要点列表\n" in said
    assert "- 语言: 英语\n" in said
    assert summary_words("en") == Words()


# -- Word --------------------------------------------------------------------------------------------------------------


def test_word_has_real_headings_lists_and_tables() -> None:
    document = opened()
    lines = lines_of(document)
    assert lines[:8] == [
        ("Title", "How to *install*"),
        ("Heading 1", "Steps⁽¹⁾"),
        ("List Number", "Install the base system.⁽²⁾"),
        ("List Number", "Wait 43 minutes.⁽³⁾"),
        ("Normal", "Then:⁽⁴⁾"),
        ("List Bullet", "reboot⁽⁵⁾"),
        ("List Bullet 2", "twice⁽⁶⁾"),
        ("Normal", "apt install x⁽⁹⁾"),
    ]
    assert ("Heading 1", "Receipt") in lines
    assert ("Heading 2", "What each sentence rests on") in lines
    assert ("List Bullet 2", "a*b.pdf, p. 1: “Install the [base] system first.”") in lines
    (table,) = document.tables
    assert [[cell.text for cell in row.cells] for row in table.rows] == [["what", "when⁽⁷⁾"], ["base", "first⁽⁸⁾"]]
    bold = [run.text for one in document.paragraphs for run in one.runs if run.bold]
    assert "base system" in bold
    assert document.core_properties.author == "Playground"
    assert (document.core_properties.title, document.core_properties.comments) == ("How to *install*", "")


def test_each_numbered_list_counts_for_itself() -> None:
    document = docx.Document(io.BytesIO(to_docx("1. a\n2. b\n\ntext\n\n7. c\n8. d", "t", "en", 0.0)))
    found = []
    for one in document.paragraphs:
        paragraph: Any = one._p
        properties = paragraph.pPr.numPr if paragraph.pPr is not None else None
        found.append((one.text, properties.numId.val if properties is not None else None))
    numbers = dict(found)
    assert numbers["a"] == numbers["b"] != numbers["c"] == numbers["d"]
    numbering = document.part.numbering_part.element
    starts = [numbering.num_having_numId(numbers[one]).lvlOverride_lst[0].startOverride.val for one in ("a", "c")]
    assert starts == [1, 7]


def test_word_keeps_code_links_and_line_breaks() -> None:
    text = "a `b  c` [d](http://e.f)\nnext ~~no~~ ![alt](x.png)\n\n> quoted\n\n- one\n\n  two\n"
    document = docx.Document(io.BytesIO(to_docx(text, "t", "en", 0.0)))
    assert lines_of(document) == [
        ("Normal", "a b  c d (http://e.f)\nnext no alt"),
        ("Quote", "quoted"),
        ("List Bullet", "one"),
        ("List Continue", "two"),
    ]
    assert [run.text for run in document.paragraphs[0].runs if run.font.name] == ["b  c"]
    assert [run.text for run in document.paragraphs[0].runs if run.font.strike] == ["no"]


@settings(max_examples=40, deadline=None)
@given(st.text(st.characters(exclude_categories=()), max_size=200), st.text(max_size=300))
def test_no_text_breaks_word(text: str, title: str) -> None:
    assert docx.Document(io.BytesIO(to_docx(text, title, "en", 0.0)))


@settings(max_examples=60, deadline=None)
@given(st.text(st.sampled_from("a1 .\n|-*#`>~[]⁽"), min_size=1, max_size=60))
def test_the_numbers_take_nothing_away(text: str) -> None:
    """Whatever Markdown a model writes: without the numbers it is the same, and its structure stays."""
    run = replace(RUN, text=text, receipt={"sentences": [{**one, "marks": []} for one in sentences_of(text)]})
    if not text.strip():
        return
    said = export_run(run, DOCUMENTS, NODES, "markdown").decode()
    summary = said.removeprefix("# How to \\*install\\*\n\n").split("\n\n## Receipt\n\n")[0]
    assert re.sub("⁽[⁰¹²³⁴⁵⁶⁷⁸⁹]+⁾", "", summary).startswith(text)
    headings = [line for kind, line in lines_of(opened(run)) if kind == "Heading 1"]
    assert "Receipt" in headings, "no open block of code swallowed it"


# -- JSON and the rest -------------------------------------------------------------------------------------------------


def test_json_holds_everything() -> None:
    held = json.loads(exported("json", texts=True))
    assert (held["format"], held["version"]) == ("playground-summary", 1)
    assert Run(**held["run"]) == RUN
    assert [Node(**one) for one in held["nodes"]] == list(NODES)
    made = [
        RunDocument(**{**one, "notes": tuple(one["notes"]), "blocks": tuple(map(tuple, one["blocks"]))})
        for one in held["documents"]
    ]
    assert made == list(DOCUMENTS)
    assert held["coverage"] == {"read": 78, "failed": 0, "skipped": 0, "waiting": 0, "percent": 100.0}


def test_json_leaves_the_texts_out_unless_asked() -> None:
    held = json.loads(exported("json"))
    assert all("text" not in one and one["sha256"] for one in held["documents"])
    unfinished = json.loads(exported("json", replace(RUN, text="", status="stopped", receipt={}), NODES[:1]))
    assert (unfinished["run"]["status"], unfinished["coverage"]["waiting"]) == ("stopped", 23)


@pytest.mark.parametrize("format", ["markdown", "docx", "text"])
def test_what_has_no_text_yet_is_no_file(format: str) -> None:
    with pytest.raises(BadValueError, match="not finished"):
        export_run(replace(RUN, text=""), DOCUMENTS, NODES, format)


def test_formats() -> None:
    with pytest.raises(BadValueError, match=r"'pdf'.*markdown, docx, json, text"):
        export_run(RUN, DOCUMENTS, NODES, "pdf")
    assert exported("text") == f"{TEXT}\n"
    assert safe_name(RUN.title, FORMATS["docx"].suffix) == "How to install.docx"
