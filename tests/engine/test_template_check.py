"""Chat templates that would hold up the app are refused before an engine sees them; those of real models are not."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pytest

from playground.engine import template_check
from playground.engine.template_check import check_template
from playground.errors import ModelError
from playground.ui.reasons import reason_words

LOOPS = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
MACROS = "{% macro m0() %}x{% endmacro %}" + "".join(
    f"{{% macro m{at + 1}() %}}{{{{ m{at}() }}}}{{{{ m{at}() }}}}{{% endmacro %}}" for at in range(40)
)
FORTY = "{% for one in 'x' * 40 %}"
SEEN = {
    "loops": LOOPS,
    "nine loops over ten letters": "{% for a in 'xxxxxxxxxx' %}" * 9 + "{% endfor %}" * 9,
    "five loops": "{% for a in messages %}" * 5 + "{% endfor %}" * 5,
    "loops over what was set": "{% set s = '" + "x" * 9000 + "' %}" + "{% for a in s %}" * 2 + "{% endfor %}" * 2,
    "macros of macros": MACROS + "{{ m40() }}",
    "itself": "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "each other": "{% macro f() %}{{ g() }}{% endmacro %}{% macro g() %}{{ f() }}{% endmacro %}{{ f() }}",
    "text": "{{ 'a' * 10**10 }}",
    "text in steps": "{{ 'a' * 9999 * 9999 * 9999 }}",
    "list": "{{ [1] * 10**10 }}",
    "power": "{% set n = 9 %}{{ n ** n ** n ** n }}",
    "format": "{{ '%099999999999d' % 1 }}",
    "format as a filter": "{{ '%099999999999d'|format(1) }}",
    "format as a method": "{{ '{:099999999999}'.format(1) }}",
    "centred": "{{ 'a'|center(10000000000) }}",
    "doubling": "{% set s = namespace(s='x') %}" + FORTY + "{% set s.s = s.s ~ s.s %}{% endfor %}",
    "doubling in a list": "{% set s = 'x' %}" + FORTY + "{% set s = [s, s]|join %}{% endfor %}",
    "doubling in a block": FORTY + "{% set s %}{{ s }}{{ s }}{% endset %}{% endfor %}",
}
"""What no real template has, wherever it stands."""
TREE = "{% for one in messages recursive %}{{ loop(messages) }}{% endfor %}"
ASKED = {
    "nothing": "{% if true %}",
    "tools": "{% if tools %}",
    "documents": "{% if documents %}",
    "a long conversation": "{% if messages|length > 45 %}",
    "a very long one": "{% if messages|length > 199 %}",
    "an empty message": "{% if messages[0].content == '' %}",
    "a long message": "{% if messages[0].content|length > 9999 %}",
    "a text of several parts": "{% if messages[0].content is not string %}",
    "an answer of a tool": "{% if messages[-1].role == 'tool' %}",
    "no reply": "{% if not add_generation_prompt %}",
    "a word of its own": "{% if enable_thinking is defined and not enable_thinking %}",
    "the date": "{{ strftime_now('%d %b %Y') }}{% if true %}",
    "marks": "{% generation %}x{% endgeneration %}{% if true %}",
    "what only others know": "{{ 'x'|from_elsewhere }}{% if true %}",
}
"""Before one that cannot be seen to go on for ever."""
REAL = sorted((Path(__file__).parent.parent / "tuning" / "templates").glob("*.jinja"))
TRL = importlib.util.find_spec("trl")
MORE = sorted(Path(TRL.origin or "").parent.glob("chat_templates/*.jinja")) if TRL else []


def folder(place: Path, template: str, where: str = "chat_template.jinja") -> Path:
    if where.endswith("jinja"):
        (place / where).parent.mkdir(exist_ok=True)
        (place / where).write_text(template, "utf-8")
    else:
        (place / where).write_text(json.dumps({"chat_template": template}), "utf-8")
    return place


@pytest.mark.parametrize("kind", SEEN)
def test_what_no_real_one_has_is_refused_even_where_it_waits_for_certain_words(tmp_path: Path, kind: str) -> None:
    with pytest.raises(ModelError, match="does not come to an end"):
        check_template(folder(tmp_path, "{% if messages[-1].content == 'Now!' %}" + SEEN[kind] + "{% endif %}"))


@pytest.mark.parametrize("kind", ASKED)
def test_one_that_does_not_end_is_refused_whatever_it_asks_before(tmp_path: Path, kind: str) -> None:
    with pytest.raises(ModelError, match="does not come to an end"):
        check_template(folder(tmp_path, ASKED[kind] + TREE + "{% endif %}"))


def test_one_that_says_far_more_than_it_was_told_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="does not come to an end"):
        check_template(folder(tmp_path, "{% for a in messages %}{{ 'x' * messages|length * 9000 }}{% endfor %}"))


def test_one_that_takes_too_long_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(template_check, "TEMPLATE_SECONDS", 2.0)
    slow = "{% for a in messages %}" * 4 + "{% endfor %}" * 4  # 200 messages
    with pytest.raises(ModelError, match="does not come to an end"):
        check_template(folder(tmp_path, slow))


def test_one_is_looked_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = folder(tmp_path, "once {{ messages }}")
    check_template(place)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "nothing"))
    check_template(place)
    with pytest.raises(ModelError, match="could not be checked"):
        check_template(folder(tmp_path, "another {{ messages }}"))


@pytest.mark.real_model
def test_the_starter_model_does_not_wait(starter_gguf: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "nothing"))
    check_template(starter_gguf)


@pytest.mark.parametrize(
    ("program", "why"),
    [
        ("echo ModuleNotFoundError: no jinja2 >&2; exit 1", "no jinja2"),
        ("exit 2", "it ended with 2"),
        ("kill -9 $$", "it ended with -9"),
        ("exec sleep 30", "nothing began within 0.5 seconds"),
    ],
)
def test_a_look_that_cannot_begin_is_told_as_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, why: str
) -> None:
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\n{program}\n", "utf-8")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    monkeypatch.setattr(template_check, "TEMPLATE_SECONDS", 0.5)
    with pytest.raises(ModelError, match="could not be checked") as told:
        check_template(folder(tmp_path, "not yet seen"))
    assert why in str(told.value)
    assert "检查" in (said := reason_words("zh", str(told.value)))
    assert why in said
    assert "Close" not in said


@pytest.mark.parametrize("where", ["tokenizer_config.json", "chat_template.json", "additional_chat_templates/x.jinja"])
def test_it_is_found_wherever_it_stands(tmp_path: Path, where: str) -> None:
    with pytest.raises(ModelError, match="does not come to an end"):
        check_template(folder(tmp_path, SEEN["text"], where))


def test_one_of_several_is_found(tmp_path: Path) -> None:
    several = [{"name": "default", "template": "hello"}, {"name": "tool_use", "template": SEEN["text"]}]
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"chat_template": several}), "utf-8")
    with pytest.raises(ModelError, match="does not come to an end"):
        check_template(tmp_path)


@pytest.mark.parametrize("file", REAL, ids=lambda file: file.stem)
def test_those_of_real_models_are_taken(tmp_path: Path, file: Path) -> None:
    check_template(folder(tmp_path, file.read_text("utf-8")))


@pytest.mark.parametrize("start", range(8))
@pytest.mark.skipif(not MORE, reason="trl is not installed")
def test_those_that_come_with_trl_are_taken(tmp_path: Path, start: int) -> None:
    (tmp_path / "additional_chat_templates").mkdir()
    for file in [one for one in MORE if not one.stem.endswith("_training")][start::8]:
        folder(tmp_path, file.read_text("utf-8"), f"additional_chat_templates/{file.name}")
    check_template(tmp_path)


def test_what_is_wrong_otherwise_is_for_others_to_tell(tmp_path: Path) -> None:
    check_template(folder(tmp_path, "{{ 1 * raise_exception('no system') }}{% this is no template"))
    (tmp_path / "tokenizer_config.json").write_text("{", "utf-8")
    check_template(tmp_path)
    assert REAL
